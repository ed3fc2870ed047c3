//! Who is restarted, how often, after how long, and what follows when it is too often (contract §5).

#[path = "support/lab.rs"]
mod lab;

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use lab::{At, Flaky, Hold, Lab, Note, Poison, Probe, Which, idle, millis, secs, took};
use postbox::{Backoff, Cause, Limit, Reason, Shutdown, Status, Step, prelude::*};
use tokio::time::{Instant, advance};
use tokio_test::{assert_pending, task};

/// A way for an incarnation to end.
type Way = (&'static str, fn(&ActorRef<Probe>));

const STOP: Way = ("stop", |probe| probe.stop());
const STOP_NOW: Way = ("stop_now", |probe| probe.stop_now());
const KILL: Way = ("kill", |probe| probe.kill());
const FAILURE: Way = ("failure", |probe| probe.try_tell(Poison(0)).unwrap());

/// Ends a child of the restart type and says whether another incarnation came after it.
async fn starts_again(restart: Restart, (name, end): Way) -> bool {
    let lab = Lab::new(name);
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a").restart(restart)).await.unwrap();
    assert_eq!(probe.ask(Note(1)).await.unwrap(), 1);
    end(&probe);
    idle().await;
    let again = probe.ask(Note(2)).await.ok();
    match again {
        Some(incarnation) => assert_eq!((incarnation, probe.status()), (2, Status::Running), "{name}"),
        None => assert_eq!(probe.status(), Status::Ended, "{name}"),
    }
    assert_eq!(tree.status(), Status::Running, "{name}");
    lab.close().await;
    again.is_some()
}

/// contract §5: "`Permanent` (always)"; §7: "starts again after each of them".
#[tokio::test(start_paused = true)]
async fn a_permanent_child_starts_again_after_every_end_of_its_own() {
    for way in [STOP, STOP_NOW, KILL, FAILURE] {
        assert!(starts_again(Restart::Permanent, way).await, "{}", way.0);
    }
}

/// contract §5: "`Transient` (only after a failure)"; §7: "a `Transient` one only after `kill`".
#[tokio::test(start_paused = true)]
async fn a_transient_child_starts_again_after_a_kill_and_a_failure_only() {
    for way in [KILL, FAILURE] {
        assert!(starts_again(Restart::Transient, way).await, "{}", way.0);
    }
    for way in [STOP, STOP_NOW] {
        assert!(!starts_again(Restart::Transient, way).await, "{}", way.0);
    }
}

/// contract §5: "`Temporary` (never; forgotten when it ends)".
#[tokio::test(start_paused = true)]
async fn a_temporary_child_never_starts_again() {
    for way in [STOP, STOP_NOW, KILL, FAILURE] {
        assert!(!starts_again(Restart::Temporary, way).await, "{}", way.0);
    }
}

/// contract §5: its failure "never harms the supervisor"; peers §2, 3: the panic of a `Never` child killed it.
#[tokio::test(start_paused = true)]
async fn the_failures_of_temporary_children_are_not_charged() {
    let lab = Lab::new("temporary");
    let tree = lab.supervisor().limit(0, secs(10)).start().await.unwrap();
    for _ in 0..20 {
        let probe = tree.spawn(lab.diary.child("a").restart(Restart::Temporary)).await.unwrap();
        probe.ask(Poison(0)).await.unwrap_err();
        assert!(matches!(probe.ended().await, StopReason::Failed(_)));
        assert_eq!(tree.children(), [], "forgotten, and its name is free");
    }
    assert_eq!(tree.status(), Status::Running);
    lab.close().await;
}

/// contract §7: a permanent child is "charged like any restart" after a stop and a kill.
#[tokio::test(start_paused = true)]
async fn every_new_start_is_charged_whatever_ended_the_old_one() {
    let lab = Lab::new("charged");
    let tree = lab.supervisor().limit(3, secs(10)).start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    for (again, (_, end)) in (2..).zip([STOP, STOP_NOW, KILL]) {
        end(&probe);
        idle().await;
        assert_eq!(probe.ask(Note(0)).await.unwrap(), again);
    }
    probe.try_tell(Poison(0)).unwrap();
    assert!(matches!(tree.ended().await, StopReason::RestartLimit(_)));
    lab.close().await;
}

/// contract §5: "One more, and the supervisor stops its children in reverse order and fails with the distinct
/// reason `RestartLimit`".
#[tokio::test(start_paused = true)]
async fn the_limit_exceeded_stops_the_children_in_reverse_order_and_fails_the_supervisor() {
    let lab = Lab::new("exceeded");
    let tree = lab.supervisor().limit(1, secs(10)).start().await.unwrap();
    let mut probes = Vec::new();
    for name in ["a", "b", "c"] {
        probes.push(tree.spawn(lab.diary.child(name)).await.unwrap());
    }
    probes[1].ask(Poison(0)).await.unwrap_err();
    probes[1].ask(Note(0)).await.unwrap();
    lab.diary.take();
    probes[1].try_tell(Poison(1)).unwrap();
    let reason = tree.ended().await;
    assert_eq!(lab.diary.take(), ["b stopped 2: failed", "c stopped 1: shutdown", "a stopped 1: shutdown"]);

    let StopReason::RestartLimit(failure) = &reason else { panic!("{reason}") };
    assert!(reason.is_failure());
    assert_eq!(failure.identity(), tree.identity());
    assert_eq!(*failure.step(), Step::Child(probes[1].identity().clone()));
    let Cause::RestartLimit { last, charged, limit } = failure.cause() else { panic!("{failure}") };
    assert_eq!((*charged, *limit), (2, Limit::new(1, secs(10))));
    assert_eq!(last.failure().unwrap().panic().unwrap().text(), "poison 1");
    assert!(matches!(probes[1].ended().await, StopReason::RestartLimit(_)));
    assert!(matches!(probes[0].ended().await, StopReason::Shutdown));
    lab.close().await;
}

/// contract §7: "limit exceeded: queued: dead letters `RestartLimit`"; an ask gets its message back.
#[tokio::test(start_paused = true)]
async fn what_waits_in_the_child_that_exceeds_the_limit_dies_of_it() {
    let lab = Lab::new("exceeded-queue");
    let tree = lab.supervisor().limit(0, secs(10)).start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    probe.try_tell(Poison(0)).unwrap();
    for n in 1..=3 {
        probe.try_tell(Note(n)).unwrap();
    }
    let error = probe.ask(Note(4)).await.unwrap_err();
    assert!(
        matches!(error, AskError::Stopped { msg: Note(4), reason: StopReason::RestartLimit(_), .. }),
        "{error}"
    );
    tree.ended().await;
    assert_eq!(lab.dead_notes(Reason::RestartLimit), [1, 2, 3]);
    assert!(matches!(probe.try_tell(Note(5)), Err(TryTellError::Stopped { msg: Note(5), .. })));
    lab.close().await;
}

/// Makes a supervisor under a supervisor, exceeds the lower one's limit, and says which incarnation answers.
async fn escalate_to_a_parent(restart: Restart) -> u32 {
    let lab = Lab::new("escalate");
    let root = lab.tree().await;
    let diary = lab.diary.clone();
    let lower = child("lower", move || {
        Supervisor::one_for_one().limit(0, secs(10)).child(diary.child("a")).child(diary.child("b")).build()
    });
    let lower = root.spawn(lower.restart(restart)).await.unwrap();
    let probe: ActorRef<Probe> = lower.children()[0].typed().unwrap();
    lab.diary.take();
    probe.try_tell(Poison(0)).unwrap();
    assert!(matches!(probe.ended().await, StopReason::RestartLimit(_)));
    idle().await;
    assert_eq!(
        lab.diary.take(),
        ["a stopped 1: failed", "b stopped 1: shutdown", "a started 2", "b started 2"]
    );
    assert_eq!((root.status(), lower.status()), (Status::Running, Status::Running));
    let probe: ActorRef<Probe> = lower.children()[0].typed().unwrap();
    let incarnation = probe.ask(Note(0)).await.unwrap();
    lab.close().await;
    incarnation
}

/// contract §5: `RestartLimit` "IS a failure to its own parent".
#[tokio::test(start_paused = true)]
async fn a_supervisor_that_exceeded_its_limit_is_restarted_with_its_children_by_its_parent() {
    assert_eq!(escalate_to_a_parent(Restart::Permanent).await, 2);
}

/// contract §5: "also for a `Transient` supervisor"; peers §2, 11: OTP's exits `shutdown`, and its parent does
/// not react.
#[tokio::test(start_paused = true)]
async fn a_transient_supervisor_that_exceeded_its_limit_is_restarted_too() {
    assert_eq!(escalate_to_a_parent(Restart::Transient).await, 2);
}

/// contract §5: the charges of a supervisor that was restarted were those of its old incarnation.
#[tokio::test(start_paused = true)]
async fn a_restarted_supervisor_begins_with_an_empty_window() {
    let lab = Lab::new("window");
    let root = lab.tree().await;
    let wishes = Supervision::one_for_one().limit(1, secs(1_000));
    let parent = root.spawn(lab.diary.parent("p", &["x"], wishes)).await.unwrap();
    let mut answers = Vec::new();
    for _ in 0..2 {
        let x = parent.ask(Which("x")).await.unwrap().unwrap();
        x.ask(Poison(0)).await.unwrap_err();
        answers.push(x.ask(Note(0)).await.unwrap());
        x.ask(Poison(1)).await.unwrap_err();
        idle().await;
    }
    assert_eq!(answers, [2, 4], "the third is the first one of the second supervisor");
    assert_eq!((lab.diary.made("p"), root.status()), (3, Status::Running));
    lab.close().await;
}

/// contract §5: "Any actor may supervise children": the limit it declares is its own.
#[tokio::test(start_paused = true)]
async fn an_actor_fails_when_its_children_exceed_the_limit_it_declares() {
    let lab = Lab::new("own-limit");
    let tree = lab.tree().await;
    let wishes = Supervision::one_for_one().limit(0, secs(10));
    let parent = tree.spawn(lab.diary.parent("p", &["x"], wishes)).await.unwrap();
    let x = parent.ask(Which("x")).await.unwrap().unwrap();
    x.try_tell(Poison(0)).unwrap();
    parent.try_tell(Note(1)).unwrap();
    idle().await;
    assert_eq!(
        lab.diary.take(),
        [
            "p started 1",
            "x started 1",
            "x stopped 1: failed",
            "p stopped 1: restart limit",
            "p started 2",
            "x started 2"
        ]
    );
    assert_eq!(lab.diary.notes(), [1]);
    lab.close().await;
}

/// contract §5: "Per supervisor: a strategy, a restart limit, a backoff": each incarnation declares its own.
#[tokio::test(start_paused = true)]
async fn each_incarnation_of_a_supervisor_declares_its_own_limit() {
    let lab = Lab::new("own-wishes");
    let tree = lab.tree().await;
    let diary = lab.diary.clone();
    let parent = child("p", move || {
        let mut probe = diary.probe("p", &["x"])?;
        let restarts = if probe.number == 1 { 0 } else { 3 };
        probe.supervision = Supervision::one_for_one().limit(restarts, secs(10));
        Ok::<_, BoxError>(probe)
    });
    let parent = tree.spawn(parent).await.unwrap();
    let x = parent.ask(Which("x")).await.unwrap().unwrap();
    x.ask(Poison(0)).await.unwrap_err();
    x.ended().await;
    idle().await;
    let x = parent.ask(Which("x")).await.unwrap().unwrap();
    for again in 3..=5 {
        x.ask(Poison(0)).await.unwrap_err();
        assert_eq!(x.ask(Note(0)).await.unwrap(), again);
    }
    assert_eq!(lab.diary.made("p"), 2);
    lab.close().await;
}

/// peers §2, 7: the window counted from the last restart, so that a failure now and then killed for good.
#[tokio::test(start_paused = true)]
async fn a_failure_each_time_the_window_has_room_for_it_never_escalates() {
    let lab = Lab::new("steady");
    let tree = lab.supervisor().limit(5, secs(10)).start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    for again in 2..=200 {
        probe.ask(Poison(0)).await.unwrap_err();
        assert_eq!(probe.ask(Note(0)).await.unwrap(), again);
        advance(secs(2)).await;
    }
    assert_eq!(tree.status(), Status::Running);
    lab.close().await;
}

/// peers §2, 7, in its own figures: "a crash every 4.9 s with 5 in 5 s".
#[tokio::test(start_paused = true)]
async fn a_failure_every_4_9_seconds_does_not_exceed_5_in_5_seconds() {
    let lab = Lab::new("4.9");
    let tree = lab.supervisor().limit(5, secs(5)).start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    for again in 2..=50 {
        probe.ask(Poison(0)).await.unwrap_err();
        assert_eq!(probe.ask(Note(0)).await.unwrap(), again);
        advance(millis(4_900)).await;
    }
    lab.close().await;
}

/// contract §5: "`now - t < D`, … boundary excluded".
#[tokio::test(start_paused = true)]
async fn a_restart_exactly_as_old_as_the_window_counts_no_more() {
    let lab = Lab::new("boundary");
    let tree = lab.supervisor().limit(1, secs(10)).start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    probe.ask(Poison(0)).await.unwrap_err();
    advance(secs(10)).await;
    probe.ask(Poison(1)).await.unwrap_err();
    assert_eq!(probe.ask(Note(0)).await.unwrap(), 3);
    lab.close().await;
}

/// contract §5: the boundary from the other side.
#[tokio::test(start_paused = true)]
async fn a_restart_a_little_younger_than_the_window_counts() {
    let lab = Lab::new("inside");
    let tree = lab.supervisor().limit(1, secs(10)).start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    probe.ask(Poison(0)).await.unwrap_err();
    advance(millis(9_999)).await;
    probe.ask(Poison(1)).await.unwrap_err();
    assert!(matches!(tree.ended().await, StopReason::RestartLimit(_)));
    lab.close().await;
}

/// contract §5: the window is "shared by the supervisor's children".
#[tokio::test(start_paused = true)]
async fn the_limit_is_shared_by_the_children() {
    let lab = Lab::new("shared");
    let tree = lab.supervisor().limit(2, secs(10)).start().await.unwrap();
    for name in ["a", "b"] {
        let probe = tree.spawn(lab.diary.child(name)).await.unwrap();
        probe.ask(Poison(0)).await.unwrap_err();
        assert_eq!(probe.ask(Note(0)).await.unwrap(), 2);
    }
    let third = tree.spawn(lab.diary.child("c")).await.unwrap();
    third.ask(Poison(0)).await.unwrap_err();
    assert!(matches!(tree.ended().await, StopReason::RestartLimit(_)));
    lab.close().await;
}

/// contract §5: the default limit is "5 in 10 s".
#[tokio::test(start_paused = true)]
async fn the_default_limit_allows_five_restarts_in_ten_seconds() {
    let lab = Lab::new("default");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    for again in 2..=6 {
        probe.ask(Poison(0)).await.unwrap_err();
        assert_eq!(probe.ask(Note(0)).await.unwrap(), again);
    }
    probe.ask(Poison(0)).await.unwrap_err();
    assert!(matches!(tree.ended().await, StopReason::RestartLimit(_)));
    lab.close().await;
}

/// Fails the probe and says how long it took until the next incarnation answered.
async fn pause_after_a_failure(probe: &ActorRef<Probe>) -> u64 {
    let pause = took(async {
        probe.ask(Poison(0)).await.unwrap_err();
        probe.ask(Note(0)).await.unwrap();
    });
    pause.await.as_secs()
}

/// contract §5: "`min·2^n` up to `max`".
#[tokio::test(start_paused = true)]
async fn the_backoff_doubles_up_to_its_longest_pause() {
    let lab = Lab::new("doubles");
    let backoff = Backoff::exponential(secs(1), secs(5)).reset_after(secs(600));
    let tree = lab.supervisor().limit(100, secs(10)).backoff(backoff).start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    let mut pauses = Vec::new();
    for _ in 0..5 {
        pauses.push(pause_after_a_failure(&probe).await);
    }
    assert_eq!(pauses, [1, 2, 4, 5, 5]);
    lab.close().await;
}

/// contract §5: "reset after the child has lived for a stated time".
#[tokio::test(start_paused = true)]
async fn the_backoff_starts_anew_after_the_child_has_lived_long_enough() {
    let lab = Lab::new("anew");
    let backoff = Backoff::exponential(secs(1), secs(8)).reset_after(secs(60));
    let tree = lab.supervisor().limit(100, secs(10)).backoff(backoff).start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    assert_eq!(pause_after_a_failure(&probe).await, 1);
    assert_eq!(pause_after_a_failure(&probe).await, 2);
    advance(secs(59)).await;
    assert_eq!(pause_after_a_failure(&probe).await, 4, "a second too early");
    advance(secs(60)).await;
    assert_eq!(pause_after_a_failure(&probe).await, 1);
    lab.close().await;
}

/// contract §5: the pauses between attempts that do not come to life are no life.
#[tokio::test(start_paused = true)]
async fn the_backoff_is_not_reset_by_starts_that_fail() {
    let lab = Lab::new("no-life");
    let backoff = Backoff::exponential(secs(1), secs(4)).reset_after(secs(4));
    let tree = lab.supervisor().limit(100, secs(100)).backoff(backoff).start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    let starts = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (seen, start) = (Arc::clone(&starts), Instant::now());
    lab.diary.trouble(move |at, _, number| {
        if at == At::Factory {
            seen.lock().unwrap().push(start.elapsed().as_secs());
        }
        if at == At::Factory && number < 7 { Err("not yet".into()) } else { Ok(()) }
    });
    probe.ask(Poison(0)).await.unwrap_err();
    assert_eq!(probe.ask(Note(0)).await.unwrap(), 7);
    assert_eq!(*starts.lock().unwrap(), [1, 3, 7, 11, 15, 19]);
    lab.close().await;
}

/// contract §5: "backoff: … with jitter".
#[tokio::test(start_paused = true)]
async fn children_that_failed_together_come_back_apart() {
    let lab = Lab::new("jitter");
    let backoff = Backoff::exponential(secs(1000), secs(1000)).jitter(0.5);
    let tree = lab.supervisor().limit(100, secs(10)).backoff(backoff).start().await.unwrap();
    let start = Instant::now();
    let pauses = Arc::new(Mutex::new(Vec::new()));
    let write = Arc::clone(&pauses);
    lab.diary.trouble(move |at, _, number| {
        if (at, number) == (At::Factory, 2) {
            write.lock().unwrap().push(start.elapsed());
        }
        Ok(())
    });
    for name in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        tree.spawn(lab.diary.child(name)).await.unwrap().try_tell(Poison(0)).unwrap();
    }
    tokio::time::sleep(secs(1001)).await;
    let mut pauses = std::mem::take(&mut *pauses.lock().unwrap());
    assert_eq!(pauses.len(), 8);
    assert!(pauses.iter().all(|pause| (secs(500)..=secs(1001)).contains(pause)), "{pauses:?}");
    pauses.dedup();
    assert!(pauses.len() > 1, "all at once, after {pauses:?}");
    lab.close().await;
}

/// contract §7: "starts again after each of them (charged like any restart)", and so after the same pause.
#[tokio::test(start_paused = true)]
async fn the_backoff_follows_every_end_that_another_start_follows() {
    for (name, end) in [STOP, STOP_NOW, KILL, FAILURE] {
        let lab = Lab::new(name);
        let tree = lab.supervisor().backoff(Backoff::exponential(secs(60), secs(60))).start().await.unwrap();
        let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
        end(&probe);
        let pause = took(async { assert_eq!(probe.ask(Note(0)).await.unwrap(), 2) });
        assert_eq!(pause.await, secs(60), "{name}");
        lab.close().await;
    }
}

/// contract §5 and §4: the pause of a supervisor's one child is no pause of the others.
#[tokio::test(start_paused = true)]
async fn the_backoff_of_one_child_does_not_hold_up_another() {
    let lab = Lab::new("others");
    let tree = lab.supervisor().backoff(Backoff::exponential(secs(60), secs(60))).start().await.unwrap();
    let a = tree.spawn(lab.diary.child("a")).await.unwrap();
    let b = tree.spawn(lab.diary.child("b")).await.unwrap();
    a.ask(Poison(0)).await.unwrap_err();
    let start = Instant::now();
    assert_eq!(b.ask(Note(0)).await.unwrap(), 1);
    tree.spawn(lab.diary.child("c")).await.unwrap();
    assert_eq!(start.elapsed(), secs(0));
    lab.close().await;
}

/// contract §4: "backoff, if any (a stop ends it at once)".
#[tokio::test(start_paused = true)]
async fn stopping_the_supervisor_ends_a_backoff_at_once() {
    let lab = Lab::new("backoff-tree");
    let tree = lab.supervisor().backoff(Backoff::exponential(secs(60), secs(60))).start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    probe.ask(Poison(0)).await.unwrap_err();
    probe.try_tell(Note(1)).unwrap();
    let start = Instant::now();
    tree.stop();
    assert!(matches!(tree.ended().await, StopReason::Stopped));
    assert!(matches!(probe.ended().await, StopReason::Shutdown));
    assert_eq!(start.elapsed(), secs(0));
    assert_eq!(lab.dead_notes(Reason::Stopped), [1]);
    assert_eq!(lab.diary.made("a"), 1, "nobody was made to be stopped at once");
    lab.close().await;
}

/// contract §4, with a stop of the child itself: it is to end, and first to handle what it has accepted.
#[tokio::test(start_paused = true)]
async fn stopping_a_transient_child_in_its_backoff_drains_at_once() {
    let lab = Lab::new("backoff-child");
    let tree = lab.supervisor().backoff(Backoff::exponential(secs(60), secs(60))).start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("a").restart(Restart::Transient)).await.unwrap();
    probe.ask(Poison(0)).await.unwrap_err();
    probe.try_tell(Note(1)).unwrap();
    let start = Instant::now();
    probe.stop();
    assert!(matches!(probe.ended().await, StopReason::Stopped));
    assert_eq!(start.elapsed(), secs(0));
    assert_eq!(lab.diary.notes(), [1]);
    lab.close().await;
}

/// contract §5: "Past the limit its handler is cut at the next await."
#[tokio::test(start_paused = true)]
async fn a_stuck_handler_is_cut_when_the_time_to_shut_down_is_over() {
    let lab = Lab::new("within");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a").shutdown(secs(3))).await.unwrap();
    let mut held = task::spawn(probe.ask(Hold(0)));
    assert_pending!(held.poll());
    lab.diary.entered().await;
    let pause = took(async {
        tree.stop();
        tree.ended().await;
    });
    assert_eq!(pause.await, secs(3));
    assert!(matches!(held.await, Err(AskError::Aborted { .. })));
    assert!(matches!(probe.ended().await, StopReason::Killed));
    assert_eq!(lab.diary.take(), ["a started 1", "a stopped 1: killed"]);
    assert_eq!(lab.letters(Reason::Aborted).len(), 1);
    lab.close().await;
}

/// contract §5: a handler that finishes in time is not cut.
#[tokio::test(start_paused = true)]
async fn a_handler_has_its_time_to_finish() {
    let lab = Lab::new("in-time");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a").shutdown(secs(3))).await.unwrap();
    let mut held = task::spawn(probe.ask(Hold(0)));
    assert_pending!(held.poll());
    lab.diary.entered().await;
    probe.try_tell(Note(1)).unwrap();
    tree.stop();
    tokio::time::sleep(millis(2_999)).await;
    lab.diary.open();
    assert_eq!(held.await.unwrap(), 1);
    assert!(matches!(probe.ended().await, StopReason::Shutdown));
    assert_eq!(lab.diary.notes(), [0]);
    assert_eq!(lab.dead_notes(Reason::Stopped), [1], "a supervisor ends its child, it does not drain it");
    lab.close().await;
}

/// contract §5: "Shutdown of a child: … `Kill`".
#[tokio::test(start_paused = true)]
async fn a_child_that_is_to_be_killed_gets_no_time() {
    let lab = Lab::new("no-time");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a").shutdown(Shutdown::Kill)).await.unwrap();
    probe.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    let start = Instant::now();
    tree.stop();
    tree.ended().await;
    assert_eq!(start.elapsed(), secs(0));
    assert!(matches!(probe.ended().await, StopReason::Killed));
    lab.close().await;
}

/// contract §5: "Shutdown of a child: … `Unbounded`".
#[tokio::test(start_paused = true)]
async fn a_child_without_a_shutdown_limit_has_all_the_time() {
    let lab = Lab::new("all-time");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a").shutdown(Shutdown::Unbounded)).await.unwrap();
    probe.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    tree.stop();
    tokio::time::sleep(secs(86_400)).await;
    assert_ne!(probe.status(), Status::Ended);
    lab.diary.open();
    assert!(matches!(probe.ended().await, StopReason::Shutdown));
    lab.close().await;
}

/// contract §5: the default is "shutdown within 5 s"; peers §2, 6: one stuck child hung the parent.
#[tokio::test(start_paused = true)]
async fn a_stuck_child_holds_its_supervisor_up_for_five_seconds() {
    let lab = Lab::new("five");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    probe.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    tree.stop();
    assert_eq!(took(async { drop(tree.ended().await) }).await, secs(5));
    lab.close().await;
}

/// contract §5: a supervisor that stops restarts nobody, not even those that fail while they are stopped.
#[tokio::test(start_paused = true)]
async fn a_child_that_fails_while_its_supervisor_stops_is_not_restarted() {
    let lab = Lab::new("failing-stop");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    tree.spawn(lab.diary.child("b")).await.unwrap();
    lab.diary.hold(At::Stopped, "b");
    tree.stop();
    lab.diary.entered().await;
    probe.ask(Poison(0)).await.unwrap_err();
    assert!(matches!(probe.ended().await, StopReason::Failed(_)));
    lab.diary.open();
    assert!(matches!(tree.ended().await, StopReason::Stopped));
    assert_eq!(lab.diary.made("a"), 1);
    lab.close().await;
}

/// contract §5: "a supervisor in a long handler still restarts its one-for-one children".
#[tokio::test(start_paused = true)]
async fn a_supervisor_in_a_long_handler_still_restarts_its_children() {
    let lab = Lab::new("long");
    let tree = lab.tree().await;
    let parent = tree.spawn(lab.diary.parent("p", &["x"], Supervision::default())).await.unwrap();
    let x = parent.ask(Which("x")).await.unwrap().unwrap();
    parent.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    x.ask(Poison(0)).await.unwrap_err();
    assert_eq!(x.ask(Note(1)).await.unwrap(), 2);
    lab.diary.open();
    parent.ask(Note(2)).await.unwrap();
    assert_eq!(lab.diary.notes(), [1, 0, 2], "the handler was still at it");
    lab.close().await;
}

/// contract §5: "Supervision signals never wait behind messages".
#[tokio::test(start_paused = true)]
async fn an_escalation_does_not_wait_behind_the_messages_of_the_supervisor() {
    let lab = Lab::new("signals");
    let tree = lab.tree().await;
    let wishes = Supervision::one_for_one().limit(0, secs(10));
    let parent = tree.spawn(lab.diary.parent("p", &["x"], wishes)).await.unwrap();
    let x = parent.ask(Which("x")).await.unwrap().unwrap();
    parent.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    for n in 1..=60 {
        parent.try_tell(Note(n)).unwrap();
    }
    x.ask(Poison(0)).await.unwrap_err();
    lab.diary.open();
    assert_eq!(parent.ask(Note(61)).await.unwrap(), 2);
    assert_eq!(lab.diary.notes(), (0..=61).collect::<Vec<_>>());
    let lines = lab.diary.take();
    assert!(lines.contains(&"p stopped 1: restart limit".to_owned()), "{lines:?}");
    lab.close().await;
}

/// contract §5: "Names of children are unique within their supervisor".
#[tokio::test(start_paused = true)]
async fn a_second_child_of_the_same_name_is_refused() {
    let lab = Lab::new("duplicate");
    let tree = lab.tree().await;
    let first = tree.spawn(lab.diary.child("a")).await.unwrap();
    let error = tree.spawn(lab.diary.child("a")).await.unwrap_err();
    let SpawnError::DuplicateChild { supervisor, name } = &error else { panic!("{error}") };
    assert_eq!((supervisor, &**name), (tree.identity(), "a"));
    assert_eq!(lab.diary.made("a"), 1, "nobody was made");
    assert_eq!(tree.children(), [first.handle()]);
    let other = lab.tree().await;
    other.spawn(lab.diary.child("b")).await.unwrap();
    tree.spawn(lab.diary.child("c")).await.unwrap();
    lab.close().await;
}

/// contract §4: the seat keeps the name while nobody sits in it.
#[tokio::test(start_paused = true)]
async fn the_name_of_a_child_stays_taken_in_its_backoff() {
    let lab = Lab::new("taken");
    let tree = lab.supervisor().backoff(Backoff::exponential(secs(60), secs(60))).start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    probe.ask(Poison(0)).await.unwrap_err();
    idle().await;
    assert_eq!(probe.status(), Status::Restarting);
    assert!(matches!(tree.spawn(lab.diary.child("a")).await, Err(SpawnError::DuplicateChild { .. })));
    assert_eq!(tree.children(), [probe.handle()]);
    lab.close().await;
}

/// contract §7: a child that has ended for good leaves its name.
#[tokio::test(start_paused = true)]
async fn the_name_of_a_child_that_ended_for_good_is_free() {
    let lab = Lab::new("freed");
    let tree = lab.tree().await;
    let first = tree.spawn(lab.diary.child("a").restart(Restart::Temporary)).await.unwrap();
    first.stop();
    first.ended().await;
    let second = tree.spawn(lab.diary.child("a")).await.unwrap();
    assert_ne!(first, second);
    assert_eq!(second.ask(Note(0)).await.unwrap(), 2);
    lab.close().await;
}

/// contract §5: a supervisor that has ended has no children any more, and gets no new ones.
#[tokio::test(start_paused = true)]
async fn a_supervisor_that_has_ended_starts_no_child() {
    let lab = Lab::new("ended");
    let tree = lab.tree().await;
    tree.spawn(lab.diary.child("a")).await.unwrap();
    tree.stop();
    tree.ended().await;
    assert!(matches!(tree.spawn(lab.diary.child("b")).await, Err(SpawnError::SupervisorGone { .. })));
    assert_eq!(lab.diary.made("b"), 0);
    lab.close().await;
}

/// contract §5, for one that never had a child.
#[tokio::test(start_paused = true)]
async fn a_childless_supervisor_that_has_ended_starts_no_child() {
    let lab = Lab::new("childless");
    let tree = lab.tree().await;
    tree.stop();
    tree.ended().await;
    assert!(matches!(tree.spawn(lab.diary.child("a")).await, Err(SpawnError::SupervisorGone { .. })));
    assert_eq!(lab.diary.made("a"), 0);
    lab.close().await;
}

/// contract §5: nobody is admitted while the supervisor stops.
#[tokio::test(start_paused = true)]
async fn a_supervisor_that_is_stopping_starts_no_child() {
    let lab = Lab::new("stopping");
    let tree = lab.tree().await;
    tree.spawn(lab.diary.child("a")).await.unwrap();
    lab.diary.hold(At::Stopped, "a");
    tree.stop();
    lab.diary.entered().await;
    assert!(matches!(tree.spawn(lab.diary.child("b")).await, Err(SpawnError::SupervisorGone { .. })));
    lab.diary.open();
    tree.ended().await;
    assert_eq!(lab.diary.made("b"), 0);
    lab.close().await;
}

/// contract §5: "A supervisor stops its children in reverse start order"; a first start that hangs is one of
/// them.
#[tokio::test(start_paused = true)]
async fn a_first_start_that_hangs_is_cut_when_its_supervisor_stops() {
    let lab = Lab::new("hanging-start");
    let tree = lab.tree().await;
    lab.diary.hold(At::Started, "a");
    let mut starting = task::spawn(tree.spawn(lab.diary.child("a").shutdown(secs(3))));
    assert_pending!(starting.poll());
    lab.diary.entered().await;
    tree.stop();
    assert_eq!(took(async { drop(tree.ended().await) }).await, secs(3));
    assert!(starting.await.is_err());
    lab.close().await;
}

/// contract §5: the same for a factory that hangs, which has nothing to finish.
#[tokio::test(start_paused = true)]
async fn a_first_factory_that_hangs_is_cut_when_its_supervisor_stops() {
    let lab = Lab::new("hanging-factory");
    let tree = lab.tree().await;
    let stuck = child("a", std::future::pending::<Probe>);
    let mut starting = task::spawn(tree.spawn(stuck));
    assert_pending!(starting.poll());
    idle().await;
    tree.stop();
    let ended = tokio::time::timeout(secs(60), tree.ended()).await;
    assert!(matches!(ended, Ok(StopReason::Stopped)), "{ended:?}");
    assert!(starting.await.is_err());
    lab.close().await;
}

/// contract §5: "the supervisor stays responsive between attempts", also where there is no pause. (Without it, the
/// limit would be exceeded before anybody else came to run.)
#[tokio::test(start_paused = true)]
async fn restarts_without_a_pause_let_others_run() {
    let lab = Lab::new("busy");
    let tree = lab.supervisor().limit(10_000, secs(10)).start().await.unwrap();
    let other = tree.spawn(lab.diary.child("b")).await.unwrap();
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    let broken = Arc::new(AtomicBool::new(true));
    let still = Arc::clone(&broken);
    lab.diary.trouble(move |at, name, _| {
        if at == At::Factory && name == "a" && still.load(Ordering::SeqCst) {
            Err("broken".into())
        } else {
            Ok(())
        }
    });
    probe.try_tell(Poison(0)).unwrap();
    for n in 0..20 {
        assert_eq!(other.ask(Note(n)).await.unwrap(), 1);
    }
    broken.store(false, Ordering::SeqCst);
    assert!(probe.ask(Note(21)).await.unwrap() > 2);
    lab.close().await;
}

/// contract §5: "A failed restart attempt is charged too".
#[tokio::test(start_paused = true)]
async fn a_factory_that_goes_on_failing_exceeds_the_limit() {
    let lab = Lab::new("factory-limit");
    let tree = lab.supervisor().limit(3, secs(10)).start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    lab.diary.trouble(|at, _, _| if at == At::Factory { Err("broken".into()) } else { Ok(()) });
    probe.try_tell(Poison(0)).unwrap();
    probe.try_tell(Note(1)).unwrap();
    let reason = tree.ended().await;
    let StopReason::RestartLimit(failure) = &reason else { panic!("{reason}") };
    let Cause::RestartLimit { last, charged: 4, .. } = failure.cause() else { panic!("{failure}") };
    assert_eq!(*last.failure().unwrap().step(), Step::Factory);
    assert_eq!(lab.diary.made("a"), 4, "three attempts after the first incarnation");
    assert_eq!(lab.dead_notes(Reason::RestartLimit), [1]);
    assert_eq!(
        lab.diary.take(),
        ["a started 1", "a stopped 1: failed"],
        "who never lived has no hook to run"
    );
    lab.close().await;
}

/// contract §5: the attempts of a factory that recovers lose nothing.
#[tokio::test(start_paused = true)]
async fn messages_survive_a_factory_that_fails_for_a_while() {
    let lab = Lab::new("factory-recovers");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    lab.diary.trouble(|at, _, number| match (at, number) {
        (At::Factory, 2) => Err("broken".into()),
        (At::Factory, 3) => panic!("broken"),
        _ => Ok(()),
    });
    probe.try_tell(Flaky::<2>::new(1, 1)).unwrap();
    probe.try_tell(Note(2)).unwrap();
    assert_eq!(probe.ask(Note(3)).await.unwrap(), 4);
    assert_eq!(lab.diary.notes(), [1, 2, 3]);
    lab.close().await;
}

/// contract §5: "static children can be declared", so that a restarted supervisor brings them back; when one
/// does not start, nothing is left of the others.
#[tokio::test(start_paused = true)]
async fn a_supervisor_whose_declared_child_does_not_start_leaves_nothing_behind() {
    let lab = Lab::new("declared");
    lab.diary.trouble(|at, name, _| if (at, name) == (At::Started, "b") { Err("no".into()) } else { Ok(()) });
    let tree = lab.supervisor().name("tree").child(lab.diary.child("a")).child(lab.diary.child("b"));
    let error = tree.start().await.unwrap_err();
    assert!(matches!(error, SpawnError::Failed(_)), "{error}");
    assert!(error.to_string().contains("no"), "{error}");
    assert_eq!(lab.system.actors(), []);
    assert!(lab.system.lookup::<Supervisor>("tree").is_none());
    assert_eq!(
        lab.diary.take(),
        ["a started 1", "b started 1", "b stopped 1: failed", "a stopped 1: shutdown"]
    );
    lab.close().await;
}

/// contract §5: a tree as deep as one likes stops from the leaves, youngest first.
#[tokio::test(start_paused = true)]
async fn a_tree_stops_from_its_leaves_in_reverse_start_order() {
    let lab = Lab::new("leaves");
    let tree = lab.tree().await;
    tree.spawn(lab.diary.parent("p", &["x", "y"], Supervision::default())).await.unwrap();
    tree.spawn(lab.diary.parent("q", &["z"], Supervision::default())).await.unwrap();
    lab.diary.take();
    tree.stop();
    tree.ended().await;
    let ends = ["z", "q", "y", "x", "p"].map(|name| format!("{name} stopped 1: shutdown"));
    assert_eq!(lab.diary.take(), ends);
    lab.close().await;
}

/// contract §5: children by hand: their list is in start order.
#[tokio::test(start_paused = true)]
async fn the_children_are_listed_in_start_order() {
    let lab = Lab::new("list");
    let tree = lab.tree().await;
    for name in ["c", "a", "b"] {
        tree.spawn(lab.diary.child(name)).await.unwrap();
    }
    let a: ActorRef<Probe> = tree.children()[1].typed().unwrap();
    a.ask(Poison(0)).await.unwrap_err();
    a.ask(Note(0)).await.unwrap();
    let names: Vec<_> =
        tree.children().iter().map(|child| child.identity().name().unwrap().to_owned()).collect();
    assert_eq!(names, ["c", "a", "b"], "a restart is no new start in this order");
    lab.close().await;
}
