//! Every stop comes to its end in time, and the end of a whole system (contract §5, "Shutdown of a child", and §7).

#[path = "support/lab.rs"]
mod lab;

use lab::{At, Hold, Lab, Note, Poison, Probe, millis, secs, took};
use postbox::{Reason, Shutdown, prelude::*};
use tokio::time::Instant;
use tokio_test::{assert_pending, task};

/// contract §5: "`Within(d)` (default 5 s …). Past the limit its handler is cut at the next await": also where
/// it is the `started` hook.
#[tokio::test(start_paused = true)]
async fn a_started_hook_that_hangs_is_cut_when_the_time_to_shut_down_is_over() {
    let lab = Lab::new("started");
    lab.diary.hold(At::Started, "a");
    let probe = lab.probe("a");
    lab.diary.entered().await;
    probe.try_tell(Note(1)).unwrap();
    let ended = took(async { drop(probe.ended().await) });
    probe.stop_now();
    assert_eq!(ended.await, secs(5));
    assert_eq!(lab.dead_notes(Reason::Stopped), [1]);
    lab.close().await;
}

/// contract §5: the same for the `stopped` hook, whatever ended the actor. OTP, supervisor_SUITE
/// `sup_stop_timeout`.
#[tokio::test(start_paused = true)]
async fn a_stopped_hook_that_hangs_is_cut_when_the_time_to_shut_down_is_over() {
    for stop in [ActorRef::stop, ActorRef::stop_now, ActorRef::kill, |probe: &ActorRef<Probe>| {
        probe.try_tell(Poison(0)).unwrap();
    }] {
        let lab = Lab::new("stopped");
        lab.diary.hold(At::Stopped, "a");
        let probe = lab.probe("a");
        let ended = took(async { drop(probe.ended().await) });
        stop(&probe);
        assert_eq!(ended.await, secs(5));
        lab.close().await;
    }
}

/// contract §4 and §5: at a restart too, and the cut is no kill of the next incarnation.
#[tokio::test(start_paused = true)]
async fn a_stopped_hook_that_hangs_holds_a_restart_up_for_the_time_to_shut_down() {
    let lab = Lab::new("stopped-restart");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a").shutdown(secs(3))).await.unwrap();
    lab.diary.hold(At::Stopped, "a");
    let start = Instant::now();
    for n in 1..=2 {
        probe.kill();
        assert_eq!(probe.ask(Note(n)).await.unwrap(), n + 1);
        lab.diary.entered().await;
    }
    // A kill leaves the hook the default time, whatever the child declares.
    assert_eq!(start.elapsed(), secs(10));
    lab.diary.hold_no_more();
    lab.close().await;
}

/// contract §5, `Kill`; OTP, supervisor_SUITE `sup_stop_brutal_kill`.
#[tokio::test(start_paused = true)]
async fn a_child_that_is_killed_as_it_hangs_in_its_factory_or_its_hook_is_gone_at_once() {
    for at in [At::Started, At::Stopped] {
        let lab = Lab::new("brutal");
        let tree = lab.tree().await;
        lab.diary.hold(at, "a");
        let spawning = tokio::spawn({
            let (tree, child) = (tree.clone(), lab.diary.child("a").shutdown(Shutdown::Kill));
            async move { tree.spawn(child).await }
        });
        if at == At::Started {
            lab.diary.entered().await;
        } else {
            let _child = spawning.await.unwrap().unwrap();
        }
        tree.stop();
        let limit = if at == At::Started { secs(0) } else { secs(5) };
        assert_eq!(took(async { drop(tree.ended().await) }).await, limit, "{at:?}");
        lab.close().await;
    }
}

/// contract §5, `Unbounded`: no limit, for a supervisor whose children have limits of their own. OTP,
/// supervisor_SUITE `sup_stop_infinity`.
#[tokio::test(start_paused = true)]
async fn a_supervisor_below_has_all_the_time_its_children_need() {
    let lab = Lab::new("unbounded");
    let root = lab.tree().await;
    let pool = root.spawn(child("pool", || Supervisor::one_for_one().build())).await.unwrap();
    for name in ["a", "b", "c"] {
        let probe = pool.spawn(lab.diary.child(name).shutdown(secs(4))).await.unwrap();
        probe.try_tell(Hold(0)).unwrap();
        lab.diary.entered().await;
    }
    root.stop();
    assert_eq!(took(async { drop(root.ended().await) }).await, secs(12), "three limits, one after the other");
    lab.close().await;
}

/// contract §7: a kill of the supervisor is a kill of the children, whatever limit they have.
#[tokio::test(start_paused = true)]
async fn a_kill_ends_the_wait_for_a_child_without_a_limit() {
    let lab = Lab::new("unbounded-kill");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a").shutdown(Shutdown::Unbounded)).await.unwrap();
    probe.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    tree.stop();
    lab::idle().await;
    let ended = took(async { drop(tree.ended().await) });
    tree.kill();
    assert_eq!(ended.await, secs(0));
    lab.close().await;
}

/// contract §7, `System::shutdown`: a hook that hangs does not hold it up. Pekko, CoordinatedShutdownSpec
/// "continue after timeout or failure".
#[tokio::test(start_paused = true)]
async fn a_shutdown_cuts_hooks_that_hang_and_reports_who_was_killed() {
    let lab = Lab::new("shutdown-hook");
    lab.diary.hold(At::Stopped, "a");
    let first = lab.probe("b");
    let probe = lab.probe("a");
    let start = Instant::now();
    let report = lab.system.shutdown(secs(1)).await;
    assert_eq!(start.elapsed(), secs(1), "the hook had had its time when the kill came");
    assert!(report.detached.is_empty(), "{report:?}");
    assert_eq!(report.stopped.len() + report.killed.len(), 2);
    assert!(first.ledger().balances() && probe.ledger().balances());
    lab.close().await;
}

/// contract §7: "Sends … `Err(Stopped(msg))` from the close point". Pekko, ActorSystemSpec "reliably deny
/// creation of actors while shutting down": here it is the messages that are denied, with nothing lost.
#[tokio::test(start_paused = true)]
async fn a_send_to_an_actor_that_a_shutdown_has_come_to_fails_with_the_message() {
    let lab = Lab::new("shutdown-send");
    let first = lab.probe("a");
    let second = lab.probe("b");
    second.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    let mut shutdown = task::spawn(lab.system.shutdown(secs(10)));
    assert_pending!(shutdown.poll());
    assert!(matches!(second.try_tell(Note(1)), Err(TryTellError::Stopped { msg: Note(1), .. })));
    assert!(matches!(second.ask(Note(2)).await, Err(AskError::Stopped { msg: Note(2), .. })));
    first.try_tell(Note(3)).unwrap();
    lab.diary.open();
    assert!(shutdown.await.is_clean());
    assert_eq!(lab.diary.notes(), [0, 3], "its turn had not come");
    assert!(matches!(first.try_tell(Note(4)), Err(TryTellError::Stopped { msg: Note(4), .. })));
    lab.close().await;
}

/// contract §5: a child cannot be added to a tree that a shutdown has come to. Pekko, ActorSystemSpec "reliably
/// deny creation of actors while shutting down".
#[tokio::test(start_paused = true)]
async fn a_child_of_a_supervisor_that_a_shutdown_has_come_to_is_refused() {
    let lab = Lab::new("shutdown-spawn");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    probe.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    let mut shutdown = task::spawn(lab.system.shutdown(secs(10)));
    assert_pending!(shutdown.poll());
    lab::idle().await;
    let refused = tree.spawn(lab.diary.child("b")).await;
    assert!(matches!(refused, Err(SpawnError::SupervisorGone { .. })), "{refused:?}");
    lab.diary.open();
    assert!(shutdown.await.is_clean());
    lab.close().await;
}

/// contract §7: the report tells of everybody who stopped, also of children that came after their root had been told,
/// and of those that it took along as it ended.
#[tokio::test(start_paused = true)]
async fn the_report_tells_of_children_that_came_after_the_root_had_its_turn() {
    struct Parent {
        diary: lab::Diary,
        kept: Option<ActorRef<Probe>>,
    }
    impl Actor for Parent {}
    struct Hire;
    impl Message for Hire {
        type Reply = ();
    }
    impl Handler<Hire> for Parent {
        async fn handle(&mut self, _: Hire, ctx: &mut Context<Self>) {
            for name in ["late", "later"] {
                ctx.spawn_child(self.diary.child(name)).await.unwrap();
            }
            self.kept = Some(self.diary.probe("kept", &[]).unwrap().prepare().name("kept").spawn().unwrap());
        }
    }
    impl Handler<Hold> for Parent {
        async fn handle(&mut self, _: Hold, _: &mut Context<Self>) -> u32 {
            self.diary.wait().await;
            0
        }
    }
    let lab = Lab::new("report");
    let parent = Parent { diary: lab.diary.clone(), kept: None };
    let parent = parent.prepare().name("parent").system(&lab.system).spawn().unwrap();
    parent.try_tell(Hold(0)).unwrap();
    parent.try_tell(Hire).unwrap();
    lab.diary.entered().await;
    let mut shutdown = task::spawn(lab.system.shutdown(secs(10)));
    assert_pending!(shutdown.poll());
    lab.diary.open();
    let report = shutdown.await;
    let names: Vec<_> = report.stopped.iter().filter_map(|who| who.name()).collect();
    assert_eq!(names, ["later", "late", "parent", "kept"], "{report}");
    assert!(report.is_clean());
    lab.close().await;
}

/// A system that has been shut down is empty, and may be used again: the default system is one for the process,
/// and so are the tests of a user.
#[tokio::test(start_paused = true)]
async fn a_system_may_be_used_again_after_a_shutdown() {
    let lab = Lab::new("again");
    let first = lab.diary.probe("a", &[]).unwrap().prepare().system(&lab.system).name("one").spawn().unwrap();
    assert!(lab.system.shutdown(secs(1)).await.is_clean());
    assert!(lab.system.actors().is_empty());
    let again = lab.diary.probe("a", &[]).unwrap().prepare().system(&lab.system).name("one").spawn().unwrap();
    assert_eq!(again.ask(Note(1)).await.unwrap(), 2);
    assert_ne!(first, again);
    lab.close().await;
}

/// A letter in the ring may hold a reference to an actor of its own system, which holds the ring.
#[tokio::test(start_paused = true)]
async fn a_dead_letter_that_holds_a_reference_keeps_nothing_alive_once_the_system_is_gone() {
    struct Return {
        to: ActorRef<Probe>,
        _token: std::sync::Arc<()>,
    }
    impl Message for Return {
        type Reply = ();
    }
    impl Handler<Return> for Probe {
        async fn handle(&mut self, msg: Return, _ctx: &mut Context<Self>) {
            msg.to.kill();
        }
    }
    let token = std::sync::Arc::new(());
    let letter = || token.clone();
    let lab = Lab::new("cycle");
    let (probe, kept) = (lab.probe("a"), lab.probe("b"));
    probe.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    for to in [&probe, &kept] {
        probe.try_tell(Return { to: to.clone(), _token: letter() }).unwrap();
    }
    probe.kill();
    let (gone, alive) = (probe.handle(), kept.handle());
    gone.ended().await;
    drop((probe, kept));
    lab::idle().await;
    assert_eq!(lab.letters(Reason::Killed).len(), 2, "readable while there is a handle of the system");
    assert_eq!(std::sync::Arc::strong_count(&token), 3);
    assert_eq!(alive.status(), postbox::Status::Running, "the letter holds a reference to it");
    drop(lab.system.clone());
    assert_eq!(std::sync::Arc::strong_count(&token), 3, "one handle of two is gone");
    drop(lab);
    assert_eq!(std::sync::Arc::strong_count(&token), 1);
    assert!(matches!(alive.ended().await, StopReason::Released));
}

/// What becomes of a letter that comes when nobody can read it: it is counted, and gone.
#[tokio::test(start_paused = true)]
async fn a_dead_letter_that_nobody_can_read_is_counted_and_goes() {
    let lab = Lab::new("unread");
    let token = std::sync::Arc::new(());
    struct Carry(#[expect(dead_code, reason = "counted by its references")] std::sync::Arc<()>);
    impl Message for Carry {
        type Reply = ();
    }
    impl Handler<Carry> for Probe {
        async fn handle(&mut self, _msg: Carry, ctx: &mut Context<Self>) {
            let dead = ctx.system().dead_letters().count(Reason::Killed);
            self.diary.write(format!("{dead} killed"));
        }
    }
    let (first, probe, diary) = (lab.probe("a"), lab.probe("b"), lab.diary.clone());
    drop(lab);
    first.try_tell(Hold(0)).unwrap();
    diary.entered().await;
    first.try_tell(Carry(token.clone())).unwrap();
    first.kill();
    first.ended().await;
    assert_eq!(std::sync::Arc::strong_count(&token), 1);
    probe.ask(Carry(token)).await.unwrap();
    assert!(diary.take().contains(&"1 killed".to_owned()));
}

/// contract §7: a shutdown that is given no time kills, and the ledger is exact all the same.
#[tokio::test(start_paused = true)]
async fn a_shutdown_without_time_kills_and_the_ledger_is_exact() {
    let lab = Lab::new("no-time");
    let tree = lab.tree().await;
    for name in ["a", "b", "c"] {
        let probe = tree.spawn(lab.diary.child(name)).await.unwrap();
        probe.try_tell(Hold(0)).unwrap();
        lab.diary.entered().await;
        for n in 1..=10 {
            probe.try_tell(Note(n)).unwrap();
        }
    }
    let start = Instant::now();
    let report = lab.system.shutdown(millis(0)).await;
    assert_eq!(start.elapsed(), secs(0));
    let ledger = report.ledger;
    assert_eq!((ledger.accepted, ledger.dead), (33, 33), "{ledger}");
    let line = "0 stopped, 4 killed; 33 accepted = 0 handled + 33 dead";
    assert!(report.to_string().starts_with(line), "{report}");
    assert_eq!((ledger.queued, ledger.in_flight), (0, 0), "{ledger}");
    assert_eq!(lab.system.dead_letters().count(Reason::Aborted), 3);
    lab.close().await;
}

/// contract §7, `System::shutdown`: a root that hangs costs the others neither their orderly stop nor what they
/// have accepted: it is waited for through half of the time that is left, and then beside the next one.
#[tokio::test(start_paused = true)]
async fn a_root_that_hangs_does_not_cost_the_others_their_orderly_stop() {
    let lab = Lab::new("shutdown-stuck");
    let first = lab.tree().await;
    let child = first.spawn(lab.diary.child("child")).await.unwrap();
    let second = lab.probe("second");
    let stuck = ["third", "fourth"].map(|name| lab.probe(name));
    for probe in &stuck {
        probe.try_tell(Hold(0)).unwrap();
        lab.diary.entered().await;
    }
    second.try_tell(Note(1)).unwrap();
    let start = Instant::now();
    let report = lab.system.shutdown(secs(8)).await;
    assert_eq!(start.elapsed(), secs(8));
    let ids = |seats: &[postbox::Identity]| seats.iter().map(|of| of.id()).collect::<Vec<_>>();
    let stopped = [second.identity(), child.identity(), first.identity()].map(|of| of.id());
    assert_eq!(ids(&report.stopped), stopped, "{report:?}");
    assert_eq!(ids(&report.killed), [stuck[1].identity().id(), stuck[0].identity().id()], "{report:?}");
    assert!(report.detached.is_empty(), "{report:?}");
    assert_eq!(lab.diary.notes(), [1]);
    assert_eq!(report.ledger, lab.system.ledger());
    assert!(matches!(child.ended().await, StopReason::Shutdown));
    lab.close().await;
}

/// The same: the one that hangs ends in order after all, if it comes to it before the time is over.
#[tokio::test(start_paused = true)]
async fn a_root_that_is_slow_has_all_the_time_of_the_shutdown() {
    let lab = Lab::new("shutdown-slow");
    let first = lab.probe("first");
    let slow = lab.probe("slow");
    slow.try_tell(Hold(1)).unwrap();
    slow.try_tell(Note(2)).unwrap();
    lab.diary.entered().await;
    let mut shutdown = task::spawn(lab.system.shutdown(secs(8)));
    assert_pending!(shutdown.poll());
    tokio::time::sleep(secs(3)).await;
    assert_pending!(shutdown.poll());
    first.try_tell(Note(0)).unwrap();
    tokio::time::sleep(secs(2)).await;
    assert_pending!(shutdown.poll());
    assert!(matches!(first.ended().await, StopReason::Stopped));
    lab.diary.open();
    let report = shutdown.await;
    assert!(report.is_clean(), "{report:?}");
    let ids: Vec<_> = report.stopped.iter().map(|of| of.id()).collect();
    assert_eq!(ids, [first.identity().id(), slow.identity().id()], "in the order in which they stopped");
    assert_eq!(lab.diary.notes(), [0, 1, 2]);
    lab.close().await;
}
