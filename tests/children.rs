//! Children managed by hand: stop, restart, delete, list and count, with OTP's answers (contract §5 and §7).

#[path = "support/lab.rs"]
mod lab;

use lab::{At, Hold, Lab, Note, Poison, Probe, Which, idle, secs, took};
use postbox::{Backoff, ChildError, Overflow, Reason, Status, prelude::*};
use tokio_test::{assert_pending, task};

async fn with_child(lab: &Lab, restart: Restart) -> (ActorRef<Supervisor>, ActorRef<Probe>) {
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a").restart(restart)).await.unwrap();
    (tree, probe)
}

fn names(tree: &ActorRef<Supervisor>) -> Vec<String> {
    tree.children().iter().map(|child| child.identity().name().unwrap().to_owned()).collect()
}

/// contract §7: "To end a permanent child for good one asks its supervisor". OTP supervisor_SUITE: child_adm.
#[tokio::test(start_paused = true)]
async fn a_permanent_child_that_is_stopped_by_hand_ends_for_good_and_stays_known() {
    let lab = Lab::new("stop-child");
    let (tree, probe) = with_child(&lab, Restart::Permanent).await;
    tree.stop_child("a").await.unwrap();
    assert!(matches!(probe.ended().await, StopReason::Shutdown));
    assert_eq!((tree.children(), lab.diary.made("a")), (vec![probe.handle()], 1));
    assert_eq!(tree.children()[0].status(), Status::Ended);
    assert!(matches!(probe.try_tell(Note(0)), Err(TryTellError::Stopped { msg: Note(0), .. })));
    tree.stop_child("a").await.expect("OTP: ok for one that has ended");
    assert_eq!(tree.status(), Status::Running);
    lab.close().await;
}

/// contract §7: what the child had not handled meets the fates of a stop by its supervisor.
#[tokio::test(start_paused = true)]
async fn the_messages_of_a_child_that_is_stopped_by_hand_have_their_fates() {
    let lab = Lab::new("stop-fates");
    let (tree, probe) = with_child(&lab, Restart::Permanent).await;
    let mut held = task::spawn(probe.ask(Hold(0)));
    assert_pending!(held.poll());
    lab.diary.entered().await;
    probe.try_tell(Note(1)).unwrap();
    let mut asked = task::spawn(probe.ask(Note(2)));
    assert_pending!(asked.poll());
    let mut stopping = task::spawn(tree.stop_child("a"));
    assert_pending!(stopping.poll());
    lab.diary.open();
    stopping.await.unwrap();
    assert_eq!(held.await.unwrap(), 1);
    assert!(matches!(asked.await, Err(AskError::Stopped { msg: Note(2), .. })));
    assert_eq!(lab.dead_notes(Reason::Stopped), [1]);
    lab.close().await;
}

/// contract §5: "Shutdown of a child", by hand too.
#[tokio::test(start_paused = true)]
async fn a_stuck_child_is_killed_when_its_time_to_stop_by_hand_is_over() {
    let lab = Lab::new("stop-stuck");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a").shutdown(secs(3))).await.unwrap();
    probe.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    assert_eq!(took(async { tree.stop_child("a").await.unwrap() }).await, secs(3));
    assert!(matches!(probe.ended().await, StopReason::Killed));
    lab.close().await;
}

/// contract §5: "A `Transient` child that ended well stays known and can be restarted by hand". OTP
/// supervisor_SUITE: transient_normal, child_adm.
#[tokio::test(start_paused = true)]
async fn a_transient_child_that_ended_well_is_restarted_by_hand() {
    let lab = Lab::new("transient");
    let tree = lab.supervisor().limit(0, secs(10)).start().await.unwrap();
    let old = tree.spawn(lab.diary.child("a").restart(Restart::Transient).capacity(3)).await.unwrap();
    old.stop();
    old.ended().await;
    assert_eq!(tree.children(), [old.handle()]);
    let error = tree.spawn(lab.diary.child("a")).await.unwrap_err();
    assert!(matches!(error, SpawnError::DuplicateChild { .. }), "OTP: already_present: {error}");
    let handle = tree.restart_child("a").await.unwrap();
    let new: ActorRef<Probe> = handle.typed().unwrap();
    assert_eq!((new.ask(Note(1)).await.unwrap(), handle.capacity()), (2, 3));
    assert_eq!((tree.children(), handle.identity().name()), (vec![new.handle()], Some("a")));
    assert_ne!(old, new);
    assert!(old.try_tell(Note(2)).is_err(), "it is a reference to the one that has ended");
    // Its rules are those that were declared.
    new.stop();
    assert!(matches!(new.try_tell(Note(3)), Err(TryTellError::Stopped { .. })), "a stop for good closes");
    new.ended().await;
    assert_eq!((tree.children().len(), tree.status()), (1, Status::Running));
    lab.close().await;
}

/// contract §8: what a full mailbox does is declared, for the seat after a restart by hand as well.
#[tokio::test(start_paused = true)]
async fn a_child_restarted_by_hand_drops_what_its_predecessor_dropped() {
    for (overflow, reason, kept) in
        [(Overflow::DropOldest, Reason::Evicted, [0, 2]), (Overflow::DropNewest, Reason::Overflow, [0, 1])]
    {
        let lab = Lab::new("overflow");
        let tree = lab.tree().await;
        tree.spawn(lab.diary.child("a").capacity(1).overflow(overflow)).await.unwrap();
        tree.stop_child("a").await.unwrap();
        let probe: ActorRef<Probe> = tree.restart_child("a").await.unwrap().typed().unwrap();
        probe.try_tell(Hold(0)).unwrap();
        lab.diary.entered().await;
        probe.try_tell(Note(1)).unwrap();
        probe.try_tell(Note(2)).expect("it was accepted, and its fate is a dead letter");
        lab.diary.open();
        idle().await;
        assert_eq!((lab.diary.notes(), lab.letters(reason).len()), (kept.to_vec(), 1), "{overflow:?}");
        lab.close().await;
    }
}

/// contract §5: a restart by hand is no restart of the supervisor's: no charge.
#[tokio::test(start_paused = true)]
async fn restarts_by_hand_are_not_charged() {
    let lab = Lab::new("no-charge");
    let tree = lab.supervisor().limit(0, secs(10)).start().await.unwrap();
    tree.spawn(lab.diary.child("a")).await.unwrap();
    for again in 2..10 {
        tree.stop_child("a").await.unwrap();
        let probe: ActorRef<Probe> = tree.restart_child("a").await.unwrap().typed().unwrap();
        assert_eq!(probe.ask(Note(0)).await.unwrap(), again);
    }
    assert_eq!(tree.status(), Status::Running);
    lab.close().await;
}

/// contract §5, OTP supervisor_SUITE: child_adm: a restarted child has its old place in the order.
#[tokio::test(start_paused = true)]
async fn a_child_restarted_by_hand_keeps_its_place_in_the_order() {
    let lab = Lab::new("place");
    let tree = Supervisor::rest_for_one().system(&lab.system).start().await.unwrap();
    for name in ["a", "b", "c"] {
        tree.spawn(lab.diary.child(name)).await.unwrap();
    }
    tree.stop_child("b").await.unwrap();
    let b: ActorRef<Probe> = tree.restart_child("b").await.unwrap().typed().unwrap();
    assert_eq!(names(&tree), ["a", "b", "c"]);
    lab.diary.take();
    b.ask(Poison(0)).await.unwrap_err();
    idle().await;
    assert_eq!(
        lab.diary.take(),
        ["b stopped 2: failed", "c stopped 1: shutdown", "b started 3", "c started 2"],
        "it is supervised as before"
    );
    tree.stop();
    tree.ended().await;
    let ends = ["c stopped 2: shutdown", "b stopped 3: shutdown", "a stopped 1: shutdown"];
    assert_eq!(lab.diary.take(), ends);
    lab.close().await;
}

/// OTP: restart_child answers `{error, Reason}` when the start fails, and the child stays known.
#[tokio::test(start_paused = true)]
async fn a_restart_by_hand_that_fails_leaves_the_child_known() {
    let lab = Lab::new("fails");
    let (tree, _) = with_child(&lab, Restart::Permanent).await;
    tree.stop_child("a").await.unwrap();
    for (number, at) in (2..).zip([At::Factory, At::Started]) {
        lab.diary.trouble(
            move |now, _, made| {
                if (now, made) == (at, number) { Err("not now".into()) } else { Ok(()) }
            },
        );
        let error = tree.restart_child("a").await.unwrap_err();
        assert!(matches!(error, ChildError::Spawn(SpawnError::Failed(_))), "{error}");
        assert_eq!((names(&tree), tree.count_children().ended), (vec!["a".to_owned()], 1));
    }
    let probe: ActorRef<Probe> = tree.restart_child("a").await.unwrap().typed().unwrap();
    assert_eq!((probe.ask(Note(0)).await.unwrap(), tree.status()), (4, Status::Running));
    lab.close().await;
}

/// OTP: delete_child. The name is free then, for a child of another kind.
#[tokio::test(start_paused = true)]
async fn a_child_that_has_ended_is_deleted_and_its_name_is_free() {
    let lab = Lab::new("delete");
    let (tree, old) = with_child(&lab, Restart::Permanent).await;
    tree.stop_child("a").await.unwrap();
    tree.delete_child("a").unwrap();
    assert_eq!(tree.children(), []);
    assert!(matches!(tree.delete_child("a"), Err(ChildError::NotFound { .. })));
    let new = tree.spawn(lab.diary.child("a")).await.unwrap();
    assert_ne!(old, new);
    lab.close().await;
}

/// OTP supervisor_SUITE: child_adm: `{error, running}`, `{error, not_found}`.
#[tokio::test(start_paused = true)]
async fn the_calls_answer_as_otps_do() {
    let lab = Lab::new("answers");
    let (tree, _) = with_child(&lab, Restart::Permanent).await;
    let error = tree.restart_child("a").await.unwrap_err();
    assert!(matches!(&error, ChildError::Running { child, .. } if child == "a"), "{error}");
    assert!(matches!(tree.delete_child("a"), Err(ChildError::Running { .. })));
    let error = tree.stop_child("b").await.unwrap_err();
    assert!(matches!(&error, ChildError::NotFound { child, .. } if child == "b"), "{error}");
    assert!(matches!(tree.restart_child("b").await, Err(ChildError::NotFound { .. })));
    assert!(matches!(tree.delete_child("b"), Err(ChildError::NotFound { .. })));
    lab.close().await;
}

/// OTP: `{error, restarting}` of restart_child and delete_child; terminate_child stops a child that restarts.
#[tokio::test(start_paused = true)]
async fn a_child_between_two_incarnations_is_restarting_and_can_be_stopped() {
    for (builder, word) in [
        (Supervisor::one_for_one(), "backoff"),
        (Supervisor::one_for_all().child(Lab::new("other").diary.child("0")), "gate"),
    ] {
        let lab = Lab::new(word);
        let backoff = Backoff::exponential(secs(60), secs(60));
        let tree = builder.system(&lab.system).backoff(backoff).start().await.unwrap();
        let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
        probe.ask(Poison(0)).await.unwrap_err();
        probe.try_tell(Note(1)).unwrap();
        idle().await;
        assert!(matches!(tree.restart_child("a").await, Err(ChildError::Restarting { .. })), "{word}");
        assert!(matches!(tree.delete_child("a"), Err(ChildError::Restarting { .. })), "{word}");
        assert!(tree.count_children().restarting > 0);
        assert_eq!(took(async { tree.stop_child("a").await.unwrap() }).await, secs(0), "{word}");
        assert_eq!((probe.status(), lab.dead_notes(Reason::Stopped)), (Status::Ended, vec![1]));
        tree.delete_child("a").unwrap();
        lab.close().await;
    }
}

/// contract §5: a `Temporary` child is "forgotten when it ends". OTP: its specification is not kept either.
#[tokio::test(start_paused = true)]
async fn a_temporary_child_that_is_stopped_by_hand_is_forgotten() {
    let lab = Lab::new("temporary");
    let (tree, probe) = with_child(&lab, Restart::Temporary).await;
    tree.stop_child("a").await.unwrap();
    assert!(matches!(probe.ended().await, StopReason::Shutdown));
    assert_eq!(tree.children(), []);
    assert!(matches!(tree.restart_child("a").await, Err(ChildError::NotFound { .. })));
    lab.close().await;
}

/// contract §5: a child whose first start fails is no child: nothing is left behind.
#[tokio::test(start_paused = true)]
async fn a_child_that_never_started_is_not_known() {
    let lab = Lab::new("never");
    let tree = lab.tree().await;
    lab.diary.trouble(|_, _, number| if number == 1 { Err("no".into()) } else { Ok(()) });
    tree.spawn(lab.diary.child("a")).await.unwrap_err();
    assert_eq!(tree.children(), []);
    tree.spawn(lab.diary.child("a")).await.unwrap();
    lab.close().await;
}

/// OTP supervisor_SUITE: count_children.
#[tokio::test(start_paused = true)]
async fn children_are_counted_by_what_they_do() {
    let lab = Lab::new("count");
    let backoff = Backoff::exponential(secs(60), secs(60));
    let tree = lab.supervisor().backoff(backoff).start().await.unwrap();
    assert_eq!(tree.count_children(), postbox::ChildCount::default());
    let mut probes = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        probes.push(tree.spawn(lab.diary.child(name).restart(Restart::Transient)).await.unwrap());
    }
    probes[0].ask(Poison(0)).await.unwrap_err();
    probes[1].stop();
    probes[1].ended().await;
    tree.stop_child("c").await.unwrap();
    let count = tree.count_children();
    assert_eq!((count.known, count.running, count.restarting, count.ended), (5, 2, 1, 2));
    lab.close().await;
}

/// contract §5: any actor that supervises has the calls.
#[tokio::test(start_paused = true)]
async fn an_actor_manages_its_children_in_its_handlers() {
    struct Parent(lab::Diary);

    impl Actor for Parent {}

    struct Work;

    impl Message for Work {
        type Reply = Vec<String>;
    }

    impl Handler<Work> for Parent {
        async fn handle(&mut self, _msg: Work, ctx: &mut Context<Self>) -> Vec<String> {
            assert!(matches!(ctx.stop_child("x").await, Err(ChildError::NotFound { .. })));
            ctx.spawn_child(self.0.child("x")).await.unwrap();
            assert!(matches!(ctx.delete_child("x"), Err(ChildError::Running { .. })));
            ctx.stop_child("x").await.unwrap();
            let again: ActorRef<Probe> = ctx.restart_child("x").await.unwrap().typed().unwrap();
            assert_eq!(again.ask(Note(0)).await.unwrap(), 2);
            assert_eq!((ctx.count_children().running, ctx.children().len()), (1, 1));
            ctx.stop_child("x").await.unwrap();
            ctx.delete_child("x").unwrap();
            assert_eq!(ctx.children(), []);
            self.0.take()
        }
    }

    let lab = Lab::new("actor");
    let parent = Parent(lab.diary.clone()).prepare().system(&lab.system).spawn().unwrap();
    let expected = ["x started 1", "x stopped 1: shutdown", "x started 2", "x stopped 2: shutdown"];
    assert_eq!(parent.ask(Work).await.unwrap(), expected);
    drop(parent);
    lab.close().await;
}

/// contract §5: a supervisor that has ended manages nobody.
#[tokio::test(start_paused = true)]
async fn a_supervisor_that_has_ended_answers_that_it_has() {
    let lab = Lab::new("gone");
    let (tree, probe) = with_child(&lab, Restart::Transient).await;
    probe.stop();
    probe.ended().await;
    tree.stop();
    tree.ended().await;
    assert!(matches!(tree.stop_child("a").await, Err(ChildError::SupervisorGone { .. })));
    assert!(matches!(tree.restart_child("a").await, Err(ChildError::SupervisorGone { .. })));
    assert!(matches!(tree.delete_child("a"), Err(ChildError::SupervisorGone { .. })));
    assert_eq!(tree.children(), [], "those that had ended are forgotten with it");
    lab.close().await;
}

/// contract §5: a restarted supervisor has what it declares, and nothing that its old incarnation knew.
#[tokio::test(start_paused = true)]
async fn a_restarted_supervisor_knows_only_what_it_declares() {
    let lab = Lab::new("restarted");
    let tree = lab.tree().await;
    let parent = tree.spawn(lab.diary.parent("p", &["x"], Supervision::default())).await.unwrap();
    let x = parent.ask(Which("x")).await.unwrap().unwrap();
    x.kill();
    idle().await;
    parent.ask(Poison(0)).await.unwrap_err();
    let x = parent.ask(Which("x")).await.unwrap().unwrap();
    assert_eq!(x.ask(Note(0)).await.unwrap(), 3);
    lab.close().await;
}

/// contract §5: stopping by hand in the middle of a group restart: the group goes on without it.
#[tokio::test(start_paused = true)]
async fn a_child_stopped_by_hand_in_a_group_restart_is_left_out() {
    for stopped in ["a", "b", "c"] {
        let lab = Lab::new("left-out");
        let tree = Supervisor::one_for_all().system(&lab.system).start().await.unwrap();
        let mut probes = Vec::new();
        for name in ["a", "b", "c"] {
            probes.push(tree.spawn(lab.diary.child(name)).await.unwrap());
        }
        lab.diary.hold(At::Stopped, "b");
        probes[2].ask(Poison(0)).await.unwrap_err();
        lab.diary.entered().await;
        lab.diary.hold_no_more();
        let mut stopping = task::spawn(tree.stop_child(stopped));
        assert_pending!(stopping.poll());
        lab.diary.open();
        stopping.await.unwrap();
        idle().await;
        for (probe, name) in probes.iter().zip(["a", "b", "c"]) {
            let restarts = if name == stopped { Status::Ended } else { Status::Running };
            assert_eq!(probe.status(), restarts, "{name} of {stopped}");
        }
        let again: ActorRef<Probe> = tree.restart_child(stopped).await.unwrap().typed().unwrap();
        again.ask(Note(0)).await.unwrap();
        lab.close().await;
    }
}

/// contract §5: a restart by hand during a group restart takes its turn.
#[tokio::test(start_paused = true)]
async fn a_restart_by_hand_during_a_group_restart_waits_for_its_turn() {
    let lab = Lab::new("turn");
    let tree = Supervisor::one_for_all().system(&lab.system).start().await.unwrap();
    let a = tree.spawn(lab.diary.child("a")).await.unwrap();
    for name in ["b", "c"] {
        tree.spawn(lab.diary.child(name)).await.unwrap();
    }
    tree.stop_child("b").await.unwrap();
    lab.diary.hold(At::Stopped, "c");
    a.ask(Poison(0)).await.unwrap_err();
    lab.diary.entered().await;
    let mut restarting = task::spawn(tree.restart_child("b"));
    assert_pending!(restarting.poll());
    idle().await;
    assert_eq!(lab.diary.made("b"), 1);
    lab.diary.take();
    lab.diary.hold_no_more();
    lab.diary.open();
    restarting.await.unwrap();
    idle().await;
    assert_eq!(lab.diary.take(), ["a started 2", "b started 2", "c started 2"]);
    lab.close().await;
}

/// contract §9 and the ledger: a runtime that is dropped leaves nothing of the children that had ended.
#[test]
fn a_dropped_runtime_forgets_the_children_that_had_ended() {
    let kept = std::sync::Arc::new(());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let system = System::new("runtime");
    let tree = runtime.block_on(async {
        let tree = Supervisor::one_for_one().system(&system).start().await.unwrap();
        let diary = lab::Diary::new();
        for name in ["a", "b"] {
            let (kept, diary) = (std::sync::Arc::clone(&kept), diary.clone());
            let probe = child(name, move || {
                let _kept = &kept;
                diary.probe(name, &[])
            });
            let probe: ActorRef<Probe> = tree.spawn(probe.restart(Restart::Transient)).await.unwrap();
            if name == "a" {
                probe.stop();
                probe.ended().await;
            }
        }
        tree
    });
    assert!(std::sync::Arc::strong_count(&kept) > 1);
    drop(runtime);
    assert_eq!(std::sync::Arc::strong_count(&kept), 1, "the factories are gone");
    assert_eq!(tree.children(), []);
}
