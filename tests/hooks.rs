//! The hooks: in which order they run, and that what goes wrong in one harms nobody else (contract §4 and §5).

#[path = "support/lab.rs"]
mod lab;

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use lab::{At, Diary, Flaky, Hold, Lab, Note, Poison, Probe, Refuse, Which, idle, secs, took};
use postbox::{Backoff, Cause, ChildError, Reason, Shutdown, Status, Step, prelude::*};
use tokio::time::Instant;
use tokio_test::{assert_pending, task};

/// Writes down when factories run and when states are dropped, too.
fn write_all(diary: &Diary) {
    let pen = diary.clone();
    diary.trouble(move |at, name, number| {
        match at {
            At::Factory => pen.write(format!("{name} made {number}")),
            At::Drop => pen.write(format!("{name} dropped {number}")),
            At::Started | At::Stopped => {}
        }
        Ok(())
    });
}

/// contract §4: "Order at a restart: old `stopped(reason)` → children of the old incarnation stopped → backoff,
/// if any → factory → `started` → the message under retry, if any → … → queue."
#[tokio::test(start_paused = true)]
async fn a_restart_goes_in_the_order_of_the_contract() {
    let lab = Lab::new("order");
    write_all(&lab.diary);
    let tree = lab.supervisor().backoff(Backoff::exponential(secs(7), secs(7))).start().await.unwrap();
    let parent = tree.spawn(lab.diary.parent("p", &["x", "y"], Supervision::default())).await.unwrap();
    lab.diary.take();
    parent.try_tell(Flaky::<2>::new(1, 1)).unwrap();
    parent.try_tell(Note(2)).unwrap();
    idle().await;
    assert_eq!(
        lab.diary.take(),
        [
            "attempt 1 at 1 by p 1",
            "p stopped 1: failed",
            "p dropped 1",
            "y stopped 1: shutdown",
            "y dropped 1",
            "x stopped 1: shutdown",
            "x dropped 1",
        ],
        "then the backoff"
    );
    assert_eq!(parent.ask(Note(3)).await.unwrap(), 2);
    assert_eq!(
        lab.diary.take(),
        [
            "p made 2",
            "p started 2",
            "x made 2",
            "x started 2",
            "y made 2",
            "y started 2",
            "attempt 2 at 1 by p 2",
        ]
    );
    assert_eq!(lab.diary.notes(), [1, 2, 3]);
    lab.close().await;
}

/// contract §5: "A supervisor stops its children in reverse start order before its own `stopped` hook."
#[tokio::test(start_paused = true)]
async fn an_end_for_good_stops_the_children_before_the_own_hook() {
    let lab = Lab::new("end-order");
    write_all(&lab.diary);
    let tree = lab.tree().await;
    let parent = lab.diary.parent("p", &["x", "y"], Supervision::default()).restart(Restart::Transient);
    let parent = tree.spawn(parent).await.unwrap();
    lab.diary.take();
    parent.stop();
    parent.ended().await;
    assert_eq!(
        lab.diary.take(),
        [
            "y stopped 1: shutdown",
            "y dropped 1",
            "x stopped 1: shutdown",
            "x dropped 1",
            "p stopped 1: stopped",
            "p dropped 1",
        ]
    );
    lab.close().await;
}

/// contract I8: "the new one starts after the old one and the old one's children have ended".
#[tokio::test(start_paused = true)]
async fn the_next_incarnation_waits_for_the_old_one_and_its_children() {
    let lab = Lab::new("one-at-a-time");
    let tree = lab.tree().await;
    let parent = tree.spawn(lab.diary.parent("p", &["x"], Supervision::default())).await.unwrap();
    let x = parent.ask(Which("x")).await.unwrap().unwrap();
    lab.diary.hold(At::Stopped, "p");
    lab.diary.hold(At::Stopped, "x");
    parent.ask(Poison(0)).await.unwrap_err();

    lab.diary.entered().await;
    idle().await;
    assert_eq!((lab.diary.made("p"), x.status()), (1, Status::Running), "the old one is still at it");
    lab.diary.open();

    lab.diary.entered().await;
    idle().await;
    assert_eq!((lab.diary.made("p"), x.status()), (1, Status::Stopping), "its child is still at it");
    lab.diary.hold_no_more();
    lab.diary.open();

    assert_eq!(parent.ask(Note(1)).await.unwrap(), 2);
    assert_eq!(x.status(), Status::Ended);
    lab.close().await;
}

/// contract I8 and peers §2, 6: "`on_stop` of the old overlaps `on_start` of the new".
#[tokio::test(start_paused = true)]
async fn there_are_never_two_incarnations_at_once() {
    let lab = Lab::new("overlap");
    let tree = lab.supervisor().limit(1_000, secs(10)).start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    for again in 2..=50 {
        match again % 4 {
            0 => probe.kill(),
            1 => probe.stop(),
            2 => probe.stop_now(),
            _ => probe.try_tell(Poison(0)).unwrap(),
        }
        idle().await;
        assert_eq!(probe.ask(Note(0)).await.unwrap(), again);
    }
    // `close` asserts that no state was made while another one of the same name was alive.
    lab.close().await;
}

/// contract §4: a new incarnation gets "a new state from the factory".
#[tokio::test(start_paused = true)]
async fn each_incarnation_gets_a_new_state_and_its_hooks_run_once() {
    let lab = Lab::new("fresh");
    write_all(&lab.diary);
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    probe.ask(Refuse(0)).await.unwrap_err();
    probe.ask(Note(0)).await.unwrap();
    assert_eq!(
        lab.diary.take(),
        ["a made 1", "a started 1", "a stopped 1: failed", "a dropped 1", "a made 2", "a started 2"]
    );
    lab.close().await;
}

/// Spawns a child that makes trouble, asserts that its spawner is told and nothing is left, and returns the error.
async fn refused_start(
    trouble: impl Fn(At, &str, u32) -> Result<(), BoxError> + Send + Sync + 'static,
) -> SpawnError {
    let lab = Lab::new("refused");
    let tree = lab.supervisor().limit(0, secs(10)).start().await.unwrap();
    let other = tree.spawn(lab.diary.child("b")).await.unwrap();
    lab.diary.trouble(trouble);
    let error = tree.spawn(lab.diary.child("a")).await.unwrap_err();
    assert_eq!(tree.children(), [other.handle()], "no child is left");
    assert_eq!(lab.system.actors().len(), 2, "nobody is left");
    assert_eq!(tree.status(), Status::Running, "a first start is not charged");
    assert_eq!(other.ask(Note(0)).await.unwrap(), 1);
    lab.diary.trouble(|_, _, _| Ok(()));
    let again = tree.spawn(lab.diary.child("a")).await.unwrap();
    assert_eq!(again.ask(Note(0)).await.unwrap(), 2, "the name is free");
    lab.close().await;
    error
}

/// contract §4: "`started` failing (error or panic): at the first spawn the caller gets the error and nothing is
/// left behind (no name, no child)".
#[tokio::test(start_paused = true)]
async fn an_error_in_the_first_started_is_the_spawners() {
    let error =
        refused_start(|at, name, _| if (at, name) == (At::Started, "a") { Err("no".into()) } else { Ok(()) });
    let SpawnError::Failed(failure) = error.await else { panic!("another error") };
    assert_eq!(*failure.step(), Step::Started);
    assert!(matches!(failure.cause(), Cause::Error(error) if error.to_string() == "no"));
}

/// contract §4: the same for a panic.
#[tokio::test(start_paused = true)]
async fn a_panic_in_the_first_started_is_the_spawners() {
    let error = refused_start(|at, name, _| {
        assert!((at, name) != (At::Started, "a"), "no");
        Ok(())
    });
    let SpawnError::Failed(failure) = error.await else { panic!("another error") };
    assert_eq!(*failure.step(), Step::Started);
    assert_eq!(failure.panic().unwrap().text(), "no");
}

/// contract §5: "Panics in … a factory are caught and treated as failures of that step".
#[tokio::test(start_paused = true)]
async fn a_panic_in_the_first_factory_is_the_spawners() {
    let error = refused_start(|at, name, _| {
        assert!((at, name) != (At::Factory, "a"), "no");
        Ok(())
    });
    let SpawnError::Failed(failure) = error.await else { panic!("another error") };
    assert_eq!(*failure.step(), Step::Factory);
    assert_eq!(failure.panic().unwrap().text(), "no");
}

/// contract §4: a factory may fail as well.
#[tokio::test(start_paused = true)]
async fn an_error_of_the_first_factory_is_the_spawners() {
    let error =
        refused_start(|at, name, _| if (at, name) == (At::Factory, "a") { Err("no".into()) } else { Ok(()) });
    let SpawnError::Failed(failure) = error.await else { panic!("another error") };
    assert_eq!(*failure.step(), Step::Factory);
}

/// contract §4: "nothing is left behind (no name …)", for a free-standing actor.
#[tokio::test(start_paused = true)]
async fn a_free_standing_actor_whose_start_fails_leaves_no_name() {
    let lab = Lab::new("free-start");
    lab.diary
        .trouble(|at, _, number| if (at, number) == (At::Started, 1) { Err("no".into()) } else { Ok(()) });
    let spawn = || lab.diary.probe("a", &[]).unwrap().prepare().system(&lab.system).name("one").start();
    assert!(matches!(spawn().await, Err(SpawnError::Failed(_))));
    assert!(lab.system.lookup::<Probe>("one").is_none());
    assert_eq!(lab.system.actors(), []);
    let second = spawn().await.unwrap();
    assert_eq!(lab.system.lookup::<Probe>("one").unwrap(), second);
    lab.close().await;
}

/// contract §4: what was sent before the start failed has its fate.
#[tokio::test(start_paused = true)]
async fn messages_sent_before_a_start_that_fails_are_handed_over() {
    let lab = Lab::new("failed-start");
    lab.diary.trouble(|at, _, _| if at == At::Started { Err("no".into()) } else { Ok(()) });
    let probe = lab.probe("a");
    probe.try_tell(Note(1)).unwrap();
    let mut asked = task::spawn(probe.ask(Note(2)));
    assert_pending!(asked.poll());
    assert!(matches!(probe.ended().await, StopReason::Failed(_)));
    let error = asked.await.unwrap_err();
    assert!(matches!(error, AskError::Stopped { msg: Note(2), .. }), "{error}");
    assert_eq!(lab.dead_notes(Reason::Stopped), [1]);
    lab.close().await;
}

/// contract §4: "at the first spawn the caller gets the error and nothing is left behind": also when the start is
/// no failure, but ended from outside.
#[tokio::test(start_paused = true)]
async fn a_free_standing_actor_that_is_ended_as_it_starts_is_the_spawners_error() {
    for (end, text) in [
        (ActorRef::kill as fn(&ActorRef<Probe>), "was killed"),
        // Cut when its time to shut down is over.
        (ActorRef::stop_now, "was asked to stop"),
    ] {
        let lab = Lab::new("ended-start");
        lab.diary.hold(At::Started, "a");
        let probe = lab.diary.probe("a", &[]).unwrap();
        let mut start = task::spawn(probe.prepare().name("a").system(&lab.system).start());
        assert_pending!(start.poll());
        lab.diary.entered().await;
        let probe = lab.system.lookup::<Probe>("a").unwrap();
        end(&probe);
        let error = start.await.unwrap_err();
        assert!(lab.system.lookup::<Probe>("a").is_none());
        let SpawnError::Ended { actor, .. } = &error else { panic!("{error:?}") };
        assert_eq!(actor, probe.identity());
        assert_eq!(
            error.to_string(),
            format!("spawn of {actor} failed: the actor {text} before it had started")
        );
        lab.close().await;
    }
}

/// The same for a child: its supervisor is not gone, and the spawner is told when the name is free.
#[tokio::test(start_paused = true)]
async fn who_spawns_a_child_that_is_killed_as_it_starts_is_told_when_its_name_is_free() {
    let lab = Lab::new("killed-start");
    let tree = lab.tree().await;
    lab.diary.hold(At::Started, "a");
    lab.diary.hold(At::Stopped, "a");
    let mut spawn = task::spawn(tree.spawn(lab.diary.child("a")));
    assert_pending!(spawn.poll());
    lab.diary.entered().await;
    tree.children()[0].kill();
    lab.diary.entered().await;
    assert_pending!(spawn.poll(), "its `stopped` hook is at work");
    assert_eq!(tree.children().len(), 1);
    lab.diary.open();
    let error = spawn.await.unwrap_err();
    assert!(matches!(error, SpawnError::Ended { reason: StopReason::Killed, .. }), "{error:?}");
    assert!(tree.children().is_empty());
    lab.diary.hold_no_more();
    tree.spawn(lab.diary.child("a")).await.unwrap();
    lab.close().await;
}

/// The same by hand: the supervisor is there, and a child that had been known stays known.
#[tokio::test(start_paused = true)]
async fn a_child_that_is_stopped_by_hand_as_it_starts_is_told_of_as_that() {
    let lab = Lab::new("stopped-start");
    let tree = lab.tree().await;
    tree.spawn(lab.diary.child("a")).await.unwrap();
    tree.stop_child("a").await.unwrap();
    lab.diary.hold(At::Started, "a");
    let mut restart = task::spawn(tree.restart_child("a"));
    assert_pending!(restart.poll());
    lab.diary.entered().await;
    tree.children()[0].kill();
    let error = restart.await.unwrap_err();
    assert!(
        matches!(error, ChildError::Spawn(SpawnError::Ended { reason: StopReason::Killed, .. })),
        "{error:?}"
    );
    lab.diary.hold_no_more();
    lab.close().await;
}

/// contract §4: "at a restart it is one more charged failure".
#[tokio::test(start_paused = true)]
async fn a_start_that_fails_at_a_restart_is_charged() {
    let lab = Lab::new("restart-start");
    let tree = lab.supervisor().limit(1, secs(10)).start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    lab.diary
        .trouble(|at, _, number| if (at, number) == (At::Started, 2) { Err("no".into()) } else { Ok(()) });
    probe.ask(Poison(0)).await.unwrap_err();
    let reason = tree.ended().await;
    let StopReason::RestartLimit(failure) = &reason else { panic!("{reason}") };
    let Cause::RestartLimit { last, charged: 2, .. } = failure.cause() else { panic!("{failure}") };
    assert_eq!(*last.failure().unwrap().step(), Step::Started);
    lab.close().await;
}

/// contract §4: after a failed start the next attempt follows, and what waits is kept; one whose turn it is by
/// its second attempt has not lost it.
#[tokio::test(start_paused = true)]
async fn messages_survive_starts_that_fail_at_a_restart() {
    let lab = Lab::new("restart-starts");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    lab.diary.trouble(|at, _, number| match (at, number) {
        (At::Started, 2) => Err("no".into()),
        (At::Started, 3) => panic!("no"),
        _ => Ok(()),
    });
    probe.try_tell(Flaky::<2>::new(1, 1)).unwrap();
    probe.try_tell(Note(2)).unwrap();
    assert_eq!(probe.ask(Note(3)).await.unwrap(), 4);
    assert_eq!(lab.diary.notes(), [1, 2, 3]);
    lab.close().await;
}

/// contract §3: "Failures outside any message (start hook, …) are always charged", also while a message waits
/// for its later attempt.
#[tokio::test(start_paused = true)]
async fn a_failing_start_before_a_second_attempt_is_charged() {
    let lab = Lab::new("start-attempt");
    let tree = lab.supervisor().limit(2, secs(10)).start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    lab.diary
        .trouble(|at, _, number| if at == At::Started && number > 1 { Err("no".into()) } else { Ok(()) });
    let error = probe.ask(Flaky::<5>::new(1, 1)).await.unwrap_err();
    assert!(matches!(&error, AskError::Failed(failure) if *failure.step() == Step::Started), "{error}");
    assert!(matches!(tree.ended().await, StopReason::RestartLimit(_)));
    assert_eq!(lab.diary.made("a"), 3, "the poison and two starts are three charges");
    let letters = lab.letters(Reason::Quarantined);
    assert_eq!((letters.len(), letters[0].attempts()), (1, 1));
    lab.close().await;
}

/// contract §3: `ctx.fail` in a hook fails the hook.
#[tokio::test(start_paused = true)]
async fn failing_on_purpose_in_started_fails_the_start() {
    struct Unwilling;
    impl Actor for Unwilling {
        async fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), BoxError> {
            ctx.fail("unwilling").await
        }
    }
    let lab = Lab::new("purpose-started");
    let tree = lab.tree().await;
    let error = tree.spawn(child("a", || Unwilling)).await.unwrap_err();
    let SpawnError::Failed(failure) = &error else { panic!("{error}") };
    assert_eq!(*failure.step(), Step::Started);
    assert!(matches!(failure.cause(), Cause::Error(error) if error.to_string() == "unwilling"));
    assert_eq!(tree.children(), []);
    lab.close().await;
}

/// Has a step of "a" panic at each restart, and asserts that its restarts, its messages and its sibling are
/// as without it.
async fn harms_nobody(step: At) {
    let lab = Lab::new("nobody");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    let sibling = tree.spawn(lab.diary.child("b")).await.unwrap();
    let panics = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&panics);
    lab.diary.trouble(move |at, name, _| {
        if (at, name) == (step, "a") {
            count.fetch_add(1, Ordering::SeqCst);
            panic!("in {at:?}");
        }
        Ok(())
    });
    probe.try_tell(Flaky::<2>::new(1, 1)).unwrap();
    probe.try_tell(Note(2)).unwrap();
    assert_eq!(probe.ask(Note(3)).await.unwrap(), 2);
    assert_eq!(sibling.ask(Note(4)).await.unwrap(), 1);
    assert_eq!(panics.load(Ordering::SeqCst), 1);
    assert_eq!(lab.diary.notes(), [1, 2, 3, 4]);
    assert_eq!(tree.status(), Status::Running);
    tree.stop();
    assert!(matches!(tree.ended().await, StopReason::Stopped), "the end is not harmed either");
    assert!(matches!(probe.ended().await, StopReason::Shutdown));
    assert_eq!(panics.load(Ordering::SeqCst), 2);
    lab.close().await;
}

/// contract §5: "Panics in hooks … are caught and treated as failures of that step; nobody else's outcome
/// changes."
#[tokio::test(start_paused = true)]
async fn a_panic_in_stopped_harms_nobody() {
    harms_nobody(At::Stopped).await;
}

/// contract §5: "Panics … in `Drop` of the user's state".
#[tokio::test(start_paused = true)]
async fn a_panic_in_the_drop_of_the_state_harms_nobody() {
    harms_nobody(At::Drop).await;
}

/// contract §5: "Panics … in a factory", at a restart.
#[tokio::test(start_paused = true)]
async fn a_panic_in_a_factory_at_a_restart_harms_nobody() {
    let lab = Lab::new("factory-panic");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    let sibling = tree.spawn(lab.diary.child("b")).await.unwrap();
    lab.diary.trouble(|at, _, number| {
        assert!((at, number) != (At::Factory, 2), "no");
        Ok(())
    });
    probe.try_tell(Poison(0)).unwrap();
    probe.try_tell(Note(1)).unwrap();
    assert_eq!(probe.ask(Note(2)).await.unwrap(), 3);
    assert_eq!(sibling.ask(Note(3)).await.unwrap(), 1);
    assert_eq!(lab.diary.notes(), [1, 2, 3]);
    lab.close().await;
}

/// contract §5: a panic in `started` at a restart is a failure of the start, and of nothing else.
#[tokio::test(start_paused = true)]
async fn a_panic_in_started_at_a_restart_harms_nobody() {
    let lab = Lab::new("started-panic");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    let sibling = tree.spawn(lab.diary.child("b")).await.unwrap();
    lab.diary.trouble(|at, _, number| {
        assert!((at, number) != (At::Started, 2), "no");
        Ok(())
    });
    probe.try_tell(Poison(0)).unwrap();
    probe.try_tell(Note(1)).unwrap();
    assert_eq!(probe.ask(Note(2)).await.unwrap(), 3);
    assert_eq!(sibling.ask(Note(3)).await.unwrap(), 1);
    assert_eq!(
        lab.diary.take()[2..],
        ["a stopped 1: failed", "a started 2", "a stopped 2: failed", "a started 3"],
        "who has begun to start is told of its end"
    );
    lab.close().await;
}

/// A message whose `Drop` panics.
struct Bomb {
    hold: bool,
}

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "boom");
    }
}

impl Message for Bomb {
    type Reply = ();
}

impl Handler<Bomb> for Probe {
    async fn handle(&mut self, msg: Bomb, _ctx: &mut Context<Self>) {
        if msg.hold {
            self.diary.wait().await;
        }
    }
}

/// contract §5: "Panics … in `Drop` of the user's … messages", in the handler: it is the handler's failure.
#[tokio::test(start_paused = true)]
async fn a_panic_in_the_drop_of_a_message_in_the_handler_is_a_failure_of_the_handler() {
    let lab = Lab::new("bomb-handler");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    let mut asked = task::spawn(probe.ask(Bomb { hold: false }));
    assert_pending!(asked.poll());
    probe.try_tell(Note(1)).unwrap();
    let error = asked.await.unwrap_err();
    assert!(
        matches!(&error, AskError::Failed(failure) if failure.panic().unwrap().text() == "boom"),
        "{error}"
    );
    assert_eq!(probe.ask(Note(2)).await.unwrap(), 2);
    assert_eq!(lab.diary.notes(), [1, 2]);
    lab.close().await;
}

/// contract §5: in a handler that is cut.
#[tokio::test(start_paused = true)]
async fn a_panic_in_the_drop_of_a_message_whose_handler_is_cut_harms_nobody() {
    let lab = Lab::new("bomb-cut");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    let mut asked = task::spawn(probe.ask(Bomb { hold: true }));
    assert_pending!(asked.poll());
    lab.diary.entered().await;
    probe.try_tell(Note(1)).unwrap();
    probe.kill();
    let error = asked.await.unwrap_err();
    assert!(matches!(error, AskError::Aborted { .. }), "{error}");
    assert_eq!(probe.ask(Note(2)).await.unwrap(), 2);
    assert_eq!(lab.diary.notes(), [1, 2]);
    lab.close().await;
}

/// contract §5: in a mailbox that is given up. The letters hold the messages; whoever drops a letter is not harmed.
#[tokio::test(start_paused = true)]
async fn a_panic_in_the_drop_of_a_dead_message_harms_nobody() {
    let lab = Lab::new("bomb-queue");
    let probe =
        lab.diary.probe("a", &[]).unwrap().prepare().system(&lab.system).capacity(400).spawn().unwrap();
    probe.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    // More than the sink keeps, so that letters are dropped while the mailbox is given up.
    for n in 0..300 {
        probe.try_tell(Bomb { hold: false }).unwrap();
        if n % 100 == 0 {
            probe.try_tell(Note(n)).unwrap();
        }
    }
    let mut asked = task::spawn(probe.ask(Note(1_000)));
    assert_pending!(asked.poll());
    probe.kill();
    assert!(matches!(probe.ended().await, StopReason::Killed));
    assert!(matches!(asked.await, Err(AskError::Stopped { msg: Note(1_000), .. })));
    let dead = lab.system.dead_letters();
    assert_eq!((dead.count(Reason::Killed), dead.count(Reason::Aborted)), (303, 1));
    lab.close().await;
}

/// contract §5: in an ask whose asker has gone: the message is skipped, and its `Drop` is the sink's.
#[tokio::test(start_paused = true)]
async fn a_panic_in_the_drop_of_an_abandoned_message_harms_nobody() {
    let lab = Lab::new("bomb-abandoned");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    probe.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    let mut asked = task::spawn(probe.ask(Bomb { hold: false }));
    assert_pending!(asked.poll());
    drop(asked);
    lab.diary.open();
    assert_eq!(probe.ask(Note(1)).await.unwrap(), 1, "no restart");
    assert_eq!(lab.letters(Reason::Abandoned).len(), 1);
    lab.close().await;
}

/// Is answered with a value whose `Drop` panics; it may be tried three times.
#[derive(Clone)]
struct Give;

struct Gift;

impl Drop for Gift {
    fn drop(&mut self) {
        panic!("boom");
    }
}

impl Message for Give {
    type Reply = Gift;
    const ATTEMPTS: u32 = 3;

    fn duplicate(&self) -> Option<Self> {
        Some(Self)
    }
}

impl Handler<Give> for Probe {
    async fn handle(&mut self, _msg: Give, _ctx: &mut Context<Self>) -> Gift {
        self.diary.write("given");
        Gift
    }
}

/// contract I1: a message that has been handled gets no second fate when its reply, which nobody asked for,
/// panics as it is dropped.
#[tokio::test(start_paused = true)]
async fn a_panic_in_the_drop_of_a_reply_that_nobody_asked_for_harms_nobody() {
    let lab = Lab::new("bomb-reply");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    probe.try_tell(Give).unwrap();
    probe.try_tell(Note(1)).unwrap();
    assert_eq!(probe.ask(Note(2)).await.unwrap(), 1);
    assert_eq!(lab.diary.notes(), [1, 2]);
    assert_eq!(lab.diary.take(), ["a started 1", "given"]);
    lab.close().await;
}

/// Whose reply cannot be told from an error.
struct Riddle;

impl Message for Riddle {
    type Reply = u32;
    const ATTEMPTS: u32 = 2;

    fn duplicate(&self) -> Option<Self> {
        Some(Self)
    }

    fn is_error(_reply: &u32) -> bool {
        panic!("boom")
    }
}

impl Handler<Riddle> for Probe {
    async fn handle(&mut self, _msg: Riddle, _ctx: &mut Context<Self>) -> u32 {
        self.diary.write("riddle");
        0
    }
}

/// contract I1: nor when the look at that reply panics: the handler has failed then, and is retried.
#[tokio::test(start_paused = true)]
async fn a_panic_in_the_look_at_a_reply_is_a_failure_and_no_second_fate() {
    let lab = Lab::new("riddle");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    probe.try_tell(Riddle).unwrap();
    assert_eq!(probe.ask(Note(1)).await.unwrap(), 3);
    assert_eq!(lab.system.dead_letters().count(Reason::Quarantined), 1);
    assert_eq!(probe.ledger().handled, 1);
    lab.close().await;
}

/// contract §7: a kill cuts the `stopped` hook at its next await.
#[tokio::test(start_paused = true)]
async fn a_kill_cuts_the_stopped_hook() {
    let lab = Lab::new("kill-hook");
    let probe = lab.probe("a");
    probe.ask(Note(0)).await.unwrap();
    lab.diary.hold(At::Stopped, "a");
    probe.stop();
    lab.diary.entered().await;
    let start = Instant::now();
    probe.kill();
    assert!(matches!(probe.ended().await, StopReason::Stopped), "the reason it was given stands");
    assert_eq!(start.elapsed(), secs(0));
    lab.close().await;
}

/// contract §5: the `stopped` hook is within the time to shut down.
#[tokio::test(start_paused = true)]
async fn a_stuck_stopped_hook_does_not_hold_a_supervisor_up_for_ever() {
    let lab = Lab::new("stuck-hook");
    let tree = lab.tree().await;
    tree.spawn(lab.diary.child("a").shutdown(secs(3))).await.unwrap();
    lab.diary.hold(At::Stopped, "a");
    tree.stop();
    assert_eq!(took(async { drop(tree.ended().await) }).await, secs(3));
    lab.close().await;
}

/// contract §7: also after a kill the hook runs, but not for ever.
#[tokio::test(start_paused = true)]
async fn a_stuck_stopped_hook_after_a_kill_is_cut() {
    let lab = Lab::new("stuck-killed");
    let probe = lab.probe("a");
    probe.ask(Note(0)).await.unwrap();
    lab.diary.hold(At::Stopped, "a");
    probe.kill();
    assert_eq!(took(async { drop(probe.ended().await) }).await, postbox::DEFAULT_SHUTDOWN);
    lab.close().await;
}

/// contract §7: the same where a next incarnation waits for it.
#[tokio::test(start_paused = true)]
async fn a_stuck_stopped_hook_after_a_kill_does_not_hold_the_next_incarnation_up_for_ever() {
    let lab = Lab::new("stuck-restart");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    lab.diary.hold(At::Stopped, "a");
    probe.kill();
    let pause = took(async { assert_eq!(probe.ask(Note(0)).await.unwrap(), 2) });
    assert_eq!(pause.await, postbox::DEFAULT_SHUTDOWN);
    lab.diary.hold_no_more();
    lab.close().await;
}

/// contract §5: the `stopped` hook is within the time to shut down, also when it is not the supervisor that ends
/// the incarnation; but there is always some.
#[tokio::test(start_paused = true)]
async fn a_stuck_stopped_hook_at_a_restart_has_the_time_of_its_rule() {
    let some = postbox::DEFAULT_SHUTDOWN;
    let (minute, kill) = (Shutdown::Within(secs(60)), Shutdown::Kill);
    for (rule, killed, time) in
        [(minute, false, secs(60)), (minute, true, some), (kill, false, some), (kill, true, some)]
    {
        let lab = Lab::new("stuck-rule");
        let tree = lab.tree().await;
        let probe = tree.spawn(lab.diary.child("a").shutdown(rule)).await.unwrap();
        lab.diary.hold(At::Stopped, "a");
        if killed {
            probe.kill()
        } else {
            probe.try_tell(Poison(0)).unwrap()
        }
        let pause = took(async { assert_eq!(probe.ask(Note(0)).await.unwrap(), 2) });
        assert_eq!(pause.await, time, "{rule:?}, killed: {killed}");
        lab.diary.hold_no_more();
        lab.close().await;
    }
}

/// contract §4: a stop of the supervisor while a child restarts cuts what hangs there, and no next one starts.
#[tokio::test(start_paused = true)]
async fn a_start_that_hangs_at_a_restart_is_cut_when_the_supervisor_stops() {
    let lab = Lab::new("hang-restart");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a").shutdown(secs(3))).await.unwrap();
    lab.diary.hold(At::Started, "a");
    probe.ask(Poison(0)).await.unwrap_err();
    lab.diary.entered().await;
    probe.try_tell(Note(1)).unwrap();
    tree.stop();
    assert_eq!(took(async { drop(tree.ended().await) }).await, secs(3));
    assert_eq!(lab.dead_notes(Reason::Killed), [1]);
    assert_eq!(lab.diary.made("a"), 2);
    lab.close().await;
}

/// contract §5: a child that cannot be started fails its parent's start, with all that was started before.
#[tokio::test(start_paused = true)]
async fn a_child_that_does_not_start_fails_its_parents_start() {
    let lab = Lab::new("child-start");
    let tree = lab.tree().await;
    lab.diary.trouble(|at, name, _| if (at, name) == (At::Factory, "y") { Err("no".into()) } else { Ok(()) });
    let error = tree.spawn(lab.diary.parent("p", &["x", "y"], Supervision::default())).await.unwrap_err();
    assert!(error.to_string().contains("no"), "{error}");
    assert_eq!(
        lab.diary.take(),
        ["p started 1", "x started 1", "x stopped 1: shutdown", "p stopped 1: failed"]
    );
    assert_eq!(lab.system.actors(), [tree.handle()]);
    lab.close().await;
}

/// contract §4: it loses "children of the old incarnation": a new one starts with its own.
#[tokio::test(start_paused = true)]
async fn the_children_of_an_incarnation_end_with_it() {
    let lab = Lab::new("own-children");
    let tree = lab.tree().await;
    let parent = tree.spawn(lab.diary.parent("p", &["x"], Supervision::default())).await.unwrap();
    let old = parent.ask(Which("x")).await.unwrap().unwrap();
    old.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    old.try_tell(Note(1)).unwrap();
    parent.ask(Poison(0)).await.unwrap_err();
    lab.diary.open();
    assert!(matches!(old.ended().await, StopReason::Shutdown));
    assert_eq!(lab.dead_notes(Reason::Stopped), [1]);
    let new = parent.ask(Which("x")).await.unwrap().unwrap();
    assert_ne!(old, new);
    assert_eq!(new.ask(Note(2)).await.unwrap(), 2);
    lab.close().await;
}

/// A future that is ready at once and panics as it is dropped.
struct PanicsInDrop;

impl Future for PanicsInDrop {
    type Output = ();

    fn poll(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<()> {
        std::task::Poll::Ready(())
    }
}

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("the handler's future, as it is dropped");
    }
}

struct DropsBadly;

impl Actor for DropsBadly {}

#[derive(Clone)]
struct Finish;

impl Message for Finish {
    type Reply = ();
    const ATTEMPTS: u32 = 3;

    fn duplicate(&self) -> Option<Self> {
        Some(self.clone())
    }
}

impl Handler<Finish> for DropsBadly {
    fn handle(&mut self, _: Finish, _: &mut Context<Self>) -> impl Future<Output = ()> + Send {
        PanicsInDrop
    }
}

/// contract §1, I1: at most one fate per message. It was handled before its future was dropped, so it is not
/// delivered again, whatever the drop does.
#[tokio::test(start_paused = true)]
async fn a_panic_in_the_drop_of_a_handlers_future_does_not_give_its_message_a_second_fate() {
    let system = System::new("drops badly");
    let tree = Supervisor::one_for_one().system(&system).start().await.expect("it starts");
    let actor = tree.spawn(child("bad", || DropsBadly)).await.expect("it starts");
    actor.tell(Finish).await.expect("there is room");
    actor.ask(Finish).await.expect("it was answered before the drop");
    tree.stop();
    tree.ended().await;
    let ledger = system.ledger();
    assert_eq!((ledger.accepted, ledger.handled, ledger.dead), (2, 2, 0), "{ledger}");
    assert!(ledger.balances());
}
