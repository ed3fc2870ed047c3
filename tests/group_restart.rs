//! One for all and rest for one: who stops, who starts, in which order, and what is kept (contract §5 and §4).

#[path = "support/lab.rs"]
mod lab;

use lab::{At, Flaky, Hold, Lab, Note, Poison, Probe, Which, idle, secs, took};
use postbox::{Backoff, Cause, Reason, Shutdown, Status, SupervisorBuilder, prelude::*};
use tokio::time::Instant;
use tokio_test::{assert_pending, task};

fn one_for_all(lab: &Lab) -> SupervisorBuilder {
    Supervisor::one_for_all().system(&lab.system)
}

fn rest_for_one(lab: &Lab) -> SupervisorBuilder {
    Supervisor::rest_for_one().system(&lab.system)
}

/// Starts probes of these names, and forgets that they have started.
async fn start<const N: usize>(
    lab: &Lab,
    builder: SupervisorBuilder,
    names: [&'static str; N],
) -> (ActorRef<Supervisor>, [ActorRef<Probe>; N]) {
    let tree = builder.start().await.unwrap();
    let mut probes = Vec::new();
    for name in names {
        probes.push(tree.spawn(lab.diary.child(name)).await.unwrap());
    }
    lab.diary.take();
    (tree, probes.try_into().unwrap())
}

/// contract §5: "stop the others in REVERSE start order, one at a time, each to its end, then start in start
/// order". OTP supervisor_SUITE: one_for_all; peers §2, 6: the order was that of a hash map.
#[tokio::test(start_paused = true)]
async fn one_for_all_stops_the_others_in_reverse_and_starts_all_in_order() {
    let lab = Lab::new("one-for-all");
    let (tree, [_, b, _, d]) = start(&lab, one_for_all(&lab), ["a", "b", "c", "d"]).await;
    b.ask(Poison(0)).await.unwrap_err();
    assert_eq!(d.ask(Note(0)).await.unwrap(), 2);
    assert_eq!(
        lab.diary.take(),
        [
            "b stopped 1: failed",
            "d stopped 1: shutdown",
            "c stopped 1: shutdown",
            "a stopped 1: shutdown",
            "a started 2",
            "b started 2",
            "c started 2",
            "d started 2"
        ]
    );
    assert_eq!(tree.status(), Status::Running);
    lab.close().await;
}

/// contract §5: `RestForOne` "(start order)". OTP supervisor_SUITE: rest_for_one.
#[tokio::test(start_paused = true)]
async fn rest_for_one_restarts_the_one_that_failed_and_those_after_it() {
    let lab = Lab::new("rest-for-one");
    let (_tree, [a, b, _, d]) = start(&lab, rest_for_one(&lab), ["a", "b", "c", "d"]).await;
    b.ask(Poison(0)).await.unwrap_err();
    assert_eq!((d.ask(Note(0)).await.unwrap(), a.ask(Note(0)).await.unwrap()), (2, 1));
    assert_eq!(
        lab.diary.take(),
        [
            "b stopped 1: failed",
            "d stopped 1: shutdown",
            "c stopped 1: shutdown",
            "b started 2",
            "c started 2",
            "d started 2"
        ]
    );
    lab.close().await;
}

/// contract §5: the strategy is one of the supervisor instance, and any actor may be one.
#[tokio::test(start_paused = true)]
async fn any_actor_may_restart_its_children_as_a_group() {
    let lab = Lab::new("actor");
    let tree = lab.tree().await;
    let group = tree.spawn(lab.diary.parent("p", &["x", "y"], Supervision::one_for_all())).await.unwrap();
    let alone = tree.spawn(lab.diary.parent("q", &["u", "v"], Supervision::one_for_one())).await.unwrap();
    for (parent, failing, other, restarts) in [(&group, "x", "y", 2), (&alone, "u", "v", 1)] {
        let failing = parent.ask(Which(failing)).await.unwrap().unwrap();
        let other = parent.ask(Which(other)).await.unwrap().unwrap();
        failing.ask(Poison(0)).await.unwrap_err();
        assert_eq!(failing.ask(Note(0)).await.unwrap(), 2);
        assert_eq!(other.ask(Note(0)).await.unwrap(), restarts);
    }
    lab.close().await;
}

/// contract §5: "one at a time, each to its end".
#[tokio::test(start_paused = true)]
async fn the_next_one_stops_when_the_one_before_has_ended() {
    let lab = Lab::new("one-at-a-time");
    let (_tree, [a, b, c]) = start(&lab, one_for_all(&lab), ["a", "b", "c"]).await;
    lab.diary.hold(At::Stopped, "c");
    a.ask(Poison(0)).await.unwrap_err();
    lab.diary.entered().await;
    idle().await;
    assert_eq!(lab.diary.take(), ["a stopped 1: failed", "c stopped 1: shutdown"]);
    assert_eq!(b.ask(Note(0)).await.unwrap(), 1, "it is not its turn");
    lab.diary.open();
    assert_eq!(c.ask(Note(0)).await.unwrap(), 2);
    lab.close().await;
}

/// contract §5: the one that failed ends before the others are stopped, with all that is below it.
#[tokio::test(start_paused = true)]
async fn the_others_stop_when_the_one_that_failed_has_ended() {
    let lab = Lab::new("first");
    let (_tree, [a, b]) = start(&lab, one_for_all(&lab), ["a", "b"]).await;
    lab.diary.hold(At::Stopped, "a");
    a.ask(Poison(0)).await.unwrap_err();
    lab.diary.entered().await;
    idle().await;
    assert_eq!(lab.diary.take(), ["a stopped 1: failed"]);
    assert_eq!(b.ask(Note(0)).await.unwrap(), 1);
    lab.diary.open();
    idle().await;
    assert_eq!(b.ask(Note(0)).await.unwrap(), 2);
    lab.close().await;
}

/// contract §5: "each after the previous one's `started`".
#[tokio::test(start_paused = true)]
async fn the_next_one_starts_when_the_one_before_has_started() {
    let lab = Lab::new("forward");
    let (_tree, [_, b, c]) = start(&lab, one_for_all(&lab), ["a", "b", "c"]).await;
    lab.diary.hold(At::Started, "a");
    b.ask(Poison(0)).await.unwrap_err();
    lab.diary.entered().await;
    idle().await;
    assert_eq!((lab.diary.made("a"), lab.diary.made("b"), lab.diary.made("c")), (2, 1, 1));
    assert_eq!((b.status(), c.status()), (Status::Restarting, Status::Restarting));
    lab.diary.open();
    assert_eq!(c.ask(Note(0)).await.unwrap(), 2);
    lab.close().await;
}

/// contract §5: "A group restart is ONE charge."
#[tokio::test(start_paused = true)]
async fn a_group_restart_is_one_charge() {
    let lab = Lab::new("charge");
    let (tree, [a, b, c]) = start(&lab, one_for_all(&lab).limit(2, secs(10)), ["a", "b", "c"]).await;
    for (again, probe) in (2..).zip([&a, &c]) {
        probe.ask(Poison(0)).await.unwrap_err();
        idle().await;
        assert_eq!((b.ask(Note(0)).await.unwrap(), c.ask(Note(0)).await.unwrap()), (again, again));
    }
    b.ask(Poison(0)).await.unwrap_err();
    let reason = tree.ended().await;
    let StopReason::RestartLimit(failure) = &reason else { panic!("{reason}") };
    assert!(matches!(failure.cause(), Cause::RestartLimit { charged: 3, .. }), "{failure}");
    lab.close().await;
}

/// contract §4: the mailboxes keep all that is pending, those of the bystanders too, in order.
#[tokio::test(start_paused = true)]
async fn the_mailboxes_of_the_whole_group_keep_what_waits() {
    let lab = Lab::new("kept");
    let (_tree, [a, b, c]) = start(&lab, one_for_all(&lab), ["a", "b", "c"]).await;
    for probe in [&a, &b, &c] {
        probe.try_tell(Hold(0)).unwrap();
        lab.diary.entered().await;
    }
    a.try_tell(Poison(0)).unwrap();
    for n in 1..=20 {
        for (probe, name) in [(&a, 100), (&b, 200), (&c, 300)] {
            probe.try_tell(Note(name + n)).unwrap();
        }
    }
    (0..3).for_each(|_| lab.diary.open());
    for probe in [&a, &b, &c] {
        probe.ask(Note(0)).await.unwrap();
    }
    let notes = lab.diary.notes();
    for name in [100, 200, 300] {
        let own: Vec<_> = notes.iter().filter(|note| **note / 100 * 100 == name).copied().collect();
        assert_eq!(own, (name + 1..=name + 20).collect::<Vec<_>>());
    }
    lab.close().await;
}

/// contract §4: the bystander gives its message in hand up to nobody, and handles nothing more of its queue
/// before its restart.
#[tokio::test(start_paused = true)]
async fn a_bystander_finishes_the_message_in_hand_and_keeps_the_others() {
    let lab = Lab::new("in-hand");
    let (_tree, [a, b]) = start(&lab, one_for_all(&lab), ["a", "b"]).await;
    let mut held = task::spawn(b.ask(Hold(1)));
    assert_pending!(held.poll());
    lab.diary.entered().await;
    let mut waiting = task::spawn(b.ask(Note(2)));
    assert_pending!(waiting.poll());
    a.ask(Poison(0)).await.unwrap_err();
    idle().await;
    assert_pending!(held.poll());
    lab.diary.open();
    assert_eq!(held.await.unwrap(), 1, "the old incarnation");
    assert_eq!(waiting.await.unwrap(), 2, "the new one");
    lab.close().await;
}

/// contract §5: each "within its own shutdown rule".
#[tokio::test(start_paused = true)]
async fn a_stuck_bystander_is_cut_when_its_time_is_over() {
    let lab = Lab::new("stuck");
    let (tree, [a]) = start(&lab, one_for_all(&lab), ["a"]).await;
    let b = tree.spawn(lab.diary.child("b").shutdown(secs(3))).await.unwrap();
    let mut held = task::spawn(b.ask(Hold(1)));
    assert_pending!(held.poll());
    lab.diary.entered().await;
    b.try_tell(Note(2)).unwrap();
    let pause = took(async {
        a.ask(Poison(0)).await.unwrap_err();
        idle().await;
        assert_eq!(b.ask(Note(3)).await.unwrap(), 2);
    });
    assert_eq!(pause.await, secs(3));
    assert!(matches!(held.await, Err(AskError::Aborted { .. })));
    assert_eq!(lab.diary.notes(), [2, 3]);
    lab.close().await;
}

/// contract §5: `Shutdown::Kill`, for a bystander.
#[tokio::test(start_paused = true)]
async fn a_bystander_that_is_to_be_killed_gets_no_time() {
    let lab = Lab::new("no-time");
    let (tree, [a]) = start(&lab, one_for_all(&lab), ["a"]).await;
    let b = tree.spawn(lab.diary.child("b").shutdown(Shutdown::Kill)).await.unwrap();
    b.try_tell(Hold(1)).unwrap();
    lab.diary.entered().await;
    let start = Instant::now();
    a.ask(Poison(0)).await.unwrap_err();
    assert_eq!(b.ask(Note(2)).await.unwrap(), 2);
    assert_eq!(start.elapsed(), secs(0));
    assert_eq!(lab.letters(Reason::Aborted).len(), 1);
    lab.close().await;
}

/// contract §5: the time to stop is that of the whole end: the handler and the hook.
#[tokio::test(start_paused = true)]
async fn a_bystander_stuck_in_its_stopped_hook_is_cut_when_its_time_is_over() {
    let lab = Lab::new("stuck-hook");
    let (tree, [a]) = start(&lab, one_for_all(&lab), ["a"]).await;
    let b = tree.spawn(lab.diary.child("b").shutdown(secs(3))).await.unwrap();
    lab.diary.hold(At::Stopped, "b");
    let pause = took(async {
        a.ask(Poison(0)).await.unwrap_err();
        lab.diary.entered().await;
        assert_eq!(b.ask(Note(0)).await.unwrap(), 2);
    });
    assert_eq!(pause.await, secs(3));
    lab.diary.hold_no_more();
    lab.close().await;
}

/// contract §5: a failure during a group restart is no second incident; peers §2, 4: it overwrote the mailbox
/// that was kept.
#[tokio::test(start_paused = true)]
async fn a_second_failure_while_the_group_stops_is_not_charged_and_loses_nothing() {
    let lab = Lab::new("second");
    let (tree, [a, b, c]) = start(&lab, one_for_all(&lab).limit(1, secs(10)), ["a", "b", "c"]).await;
    lab.diary.hold(At::Stopped, "c");
    for n in 1..=5 {
        c.try_tell(Note(n)).unwrap();
    }
    a.try_tell(Poison(0)).unwrap();
    lab.diary.entered().await;
    b.try_tell(Poison(0)).unwrap();
    for n in 6..=10 {
        a.try_tell(Note(n)).unwrap();
        b.try_tell(Note(n + 10)).unwrap();
        c.try_tell(Note(n + 20)).unwrap();
    }
    idle().await;
    lab.diary.open();
    for probe in [&a, &b, &c] {
        assert_eq!(probe.ask(Note(0)).await.unwrap(), 2);
    }
    let mut notes = lab.diary.notes();
    notes.sort_unstable();
    assert_eq!(
        notes,
        [0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 16, 17, 18, 19, 20, 26, 27, 28, 29, 30],
        "everything, once"
    );
    assert_eq!(tree.status(), Status::Running);
    lab.close().await;
}

/// contract §5: "A failed restart attempt is charged too". OTP supervisor_SUITE:
/// one_for_all_other_child_fails_restart.
#[tokio::test(start_paused = true)]
async fn a_start_that_fails_in_a_group_is_charged_and_the_group_begins_again() {
    let lab = Lab::new("attempt");
    let (tree, [a, b, c]) = start(&lab, one_for_all(&lab).limit(2, secs(10)), ["a", "b", "c"]).await;
    lab.diary.trouble(|at, name, number| match (at, name, number) {
        (At::Started, "b", 2) => Err("not yet".into()),
        _ => Ok(()),
    });
    lab.diary.hold(At::Stopped, "c");
    a.try_tell(Poison(0)).unwrap();
    lab.diary.entered().await;
    for (n, probe) in (1..).zip([&a, &b, &c]) {
        probe.try_tell(Note(n)).unwrap();
    }
    lab.diary.hold_no_more();
    lab.diary.open();
    assert_eq!(c.ask(Note(4)).await.unwrap(), 2);
    let lines = lab.diary.take();
    let after: Vec<_> = lines.iter().skip_while(|line| *line != "a started 2").collect();
    assert_eq!(
        after,
        [
            "a started 2",
            "b started 2",
            "b stopped 2: failed",
            "a stopped 2: shutdown",
            "a started 3",
            "b started 3",
            "c started 2"
        ]
    );
    let mut notes = lab.diary.notes();
    notes.sort_unstable();
    assert_eq!(notes, [1, 2, 3, 4]);
    b.ask(Poison(0)).await.unwrap_err();
    assert!(matches!(tree.ended().await, StopReason::RestartLimit(_)), "two charges were used");
    lab.close().await;
}

/// contract §5, for rest for one. OTP supervisor_SUITE: rest_for_one_other_child_fails_restart.
#[tokio::test(start_paused = true)]
async fn a_start_that_fails_in_rest_for_one_leaves_the_elders_that_have_started() {
    let lab = Lab::new("attempt-rest");
    let (_tree, [a, _, c]) = start(&lab, rest_for_one(&lab), ["a", "b", "c"]).await;
    lab.diary.trouble(|at, name, number| match (at, name, number) {
        (At::Factory, "b", 2) => panic!("not yet"),
        _ => Ok(()),
    });
    a.ask(Poison(0)).await.unwrap_err();
    idle().await;
    assert_eq!(c.ask(Note(0)).await.unwrap(), 2);
    assert_eq!(
        lab.diary.take(),
        [
            "a stopped 1: failed",
            "c stopped 1: shutdown",
            "b stopped 1: shutdown",
            "a started 2",
            "b started 3",
            "c started 2"
        ]
    );
    lab.close().await;
}

/// contract §5: "One more, and the supervisor stops its children in reverse order and fails". OTP
/// supervisor_SUITE: one_for_all_escalation.
#[tokio::test(start_paused = true)]
async fn starts_that_go_on_failing_exceed_the_limit_of_the_group() {
    let lab = Lab::new("goes-on");
    let (tree, [a, b, c]) = start(&lab, one_for_all(&lab).limit(3, secs(10)), ["a", "b", "c"]).await;
    lab.diary.trouble(|at, name, _| if (at, name) == (At::Started, "b") { Err("no".into()) } else { Ok(()) });
    for (n, probe) in (1..).zip([&a, &b, &c]) {
        probe.try_tell(Poison(0)).unwrap();
        probe.try_tell(Note(n)).unwrap();
    }
    let reason = tree.ended().await;
    let StopReason::RestartLimit(failure) = &reason else { panic!("{reason}") };
    let Cause::RestartLimit { last, charged: 4, .. } = failure.cause() else { panic!("{failure}") };
    assert_eq!(last.failure().unwrap().identity(), b.identity());
    assert!(matches!(b.ended().await, StopReason::RestartLimit(_)));
    assert!(matches!((a.ended().await, c.ended().await), (StopReason::Shutdown, StopReason::Shutdown)));
    lab.close().await;
}

/// contract §5: "A `Transient` child that ended well stays known", and is not started by a group; peers §2, 2:
/// the group hung for ever.
#[tokio::test(start_paused = true)]
async fn a_transient_child_that_ended_well_neither_hangs_a_group_nor_starts_again() {
    for builder in [Supervisor::one_for_all, Supervisor::rest_for_one] {
        let lab = Lab::new("ended-well");
        let (tree, [a]) = start(&lab, builder().system(&lab.system), ["a"]).await;
        let b = tree.spawn(lab.diary.child("b").restart(Restart::Transient)).await.unwrap();
        let c = tree.spawn(lab.diary.child("c")).await.unwrap();
        b.stop();
        b.ended().await;
        a.ask(Poison(0)).await.unwrap_err();
        idle().await;
        assert_eq!((a.ask(Note(0)).await.unwrap(), c.ask(Note(0)).await.unwrap()), (2, 2));
        assert_eq!((lab.diary.made("b"), b.status()), (1, Status::Ended));
        assert_eq!(tree.children(), [a.handle(), b.handle(), c.handle()], "it is known");
        lab.close().await;
    }
}

/// contract §5: a transient bystander is restarted with the others: it has not ended by itself.
#[tokio::test(start_paused = true)]
async fn a_transient_bystander_is_restarted() {
    let lab = Lab::new("transient");
    let (tree, [a]) = start(&lab, one_for_all(&lab), ["a"]).await;
    let b = tree.spawn(lab.diary.child("b").restart(Restart::Transient)).await.unwrap();
    a.ask(Poison(0)).await.unwrap_err();
    idle().await;
    assert_eq!(b.ask(Note(0)).await.unwrap(), 2);
    lab.close().await;
}

/// contract §5: `Temporary`: "forgotten when it ends, also as a bystander of a group restart". OTP
/// supervisor_SUITE: temporary_bystander; peers §2, 3: it was restarted.
#[tokio::test(start_paused = true)]
async fn a_temporary_bystander_is_stopped_and_forgotten() {
    for (builder, failing) in
        [(Supervisor::one_for_all as fn() -> SupervisorBuilder, 2), (Supervisor::rest_for_one, 0)]
    {
        let lab = Lab::new("bystander");
        let tree = builder().system(&lab.system).limit(1, secs(10)).start().await.unwrap();
        let a = tree.spawn(lab.diary.child("a")).await.unwrap();
        let b = tree.spawn(lab.diary.child("b").restart(Restart::Temporary)).await.unwrap();
        let c = tree.spawn(lab.diary.child("c")).await.unwrap();
        b.try_tell(Hold(0)).unwrap();
        b.try_tell(Note(1)).unwrap();
        lab.diary.entered().await;
        lab.diary.open();
        let failing = if failing == 0 { &a } else { &c };
        failing.ask(Poison(0)).await.unwrap_err();
        idle().await;
        assert_eq!((a.ask(Note(2)).await.unwrap(), c.ask(Note(2)).await.unwrap()), (2, 2));
        assert!(matches!(b.ended().await, StopReason::Shutdown));
        assert_eq!(lab.diary.made("b"), 1);
        assert_eq!(tree.children(), [a.handle(), c.handle()]);
        lab.close().await;
    }
}

/// contract §5: "its failure never harms the supervisor": nor its siblings.
#[tokio::test(start_paused = true)]
async fn the_failure_of_a_temporary_child_restarts_no_group() {
    let lab = Lab::new("temporary");
    let (tree, [a]) = start(&lab, one_for_all(&lab).limit(0, secs(10)), ["a"]).await;
    let b = tree.spawn(lab.diary.child("b").restart(Restart::Temporary)).await.unwrap();
    b.ask(Poison(0)).await.unwrap_err();
    b.ended().await;
    assert_eq!((a.ask(Note(0)).await.unwrap(), tree.status()), (1, Status::Running));
    lab.close().await;
}

/// contract §7: a supervisor that is told to stop does, whatever its group is at.
#[tokio::test(start_paused = true)]
async fn a_supervisor_stops_in_the_middle_of_a_group_restart() {
    for held in [(At::Stopped, "c"), (At::Started, "a"), (At::Stopped, "a")] {
        let lab = Lab::new("stopped");
        let (tree, probes) = start(&lab, one_for_all(&lab), ["a", "b", "c"]).await;
        lab.diary.hold(held.0, held.1);
        probes[1].try_tell(Poison(0)).unwrap();
        probes[1].try_tell(Note(1)).unwrap();
        lab.diary.entered().await;
        tree.stop();
        idle().await;
        lab.diary.hold_no_more();
        lab.diary.open();
        assert!(matches!(tree.ended().await, StopReason::Stopped));
        for probe in &probes {
            assert!(matches!(probe.ended().await, StopReason::Shutdown), "{held:?}");
        }
        assert_eq!(lab.dead_notes(Reason::Stopped), [1]);
        assert_eq!(lab.diary.made("c"), 1, "nobody is started to be stopped");
        lab.close().await;
    }
}

/// contract §7: `stop_now` ends a transient child for good, also one that waits for its turn; the group goes on.
#[tokio::test(start_paused = true)]
async fn a_child_that_ends_for_good_at_the_gate_does_not_hold_the_group_up() {
    let lab = Lab::new("gate");
    let (tree, [a]) = start(&lab, one_for_all(&lab), ["a"]).await;
    let b = tree.spawn(lab.diary.child("b").restart(Restart::Transient)).await.unwrap();
    let c = tree.spawn(lab.diary.child("c").restart(Restart::Transient)).await.unwrap();
    let d = tree.spawn(lab.diary.child("d")).await.unwrap();
    lab.diary.hold(At::Started, "a");
    a.ask(Poison(0)).await.unwrap_err();
    lab.diary.entered().await;
    b.try_tell(Note(1)).unwrap();
    c.try_tell(Note(2)).unwrap();
    b.stop_now();
    c.stop();
    assert!(matches!(b.ended().await, StopReason::Stopped), "at once");
    lab.diary.open();
    assert_eq!(d.ask(Note(3)).await.unwrap(), 2);
    assert!(matches!(c.ended().await, StopReason::Stopped));
    assert_eq!((lab.dead_notes(Reason::Stopped), lab.diary.notes()), (vec![1], vec![2, 3]));
    assert_eq!((lab.diary.made("b"), lab.diary.made("c")), (1, 2), "what it had accepted is handled first");
    lab.close().await;
}

/// contract §5: a kill and a stop of who has no incarnation change nothing, and cost nothing.
#[tokio::test(start_paused = true)]
async fn ends_of_those_that_wait_for_their_turn_are_absorbed() {
    let lab = Lab::new("absorbed");
    let (tree, [a, b, c]) = start(&lab, one_for_all(&lab).limit(1, secs(10)), ["a", "b", "c"]).await;
    lab.diary.hold(At::Started, "a");
    a.ask(Poison(0)).await.unwrap_err();
    lab.diary.entered().await;
    b.kill();
    c.stop_now();
    idle().await;
    lab.diary.open();
    idle().await;
    assert_eq!((b.ask(Note(0)).await.unwrap(), c.ask(Note(0)).await.unwrap()), (2, 2));
    assert_eq!(tree.status(), Status::Running);
    lab.close().await;
}

/// contract §4: "backoff, if any (a stop ends it at once)"; a group pauses once, before the first one starts.
#[tokio::test(start_paused = true)]
async fn a_group_pauses_once_before_it_starts() {
    let lab = Lab::new("backoff");
    let backoff = Backoff::exponential(secs(10), secs(60));
    let (tree, [a, b, c]) = start(&lab, one_for_all(&lab).backoff(backoff), ["a", "b", "c"]).await;
    let pause = took(async {
        b.ask(Poison(0)).await.unwrap_err();
        idle().await;
        assert_eq!(
            (a.status(), b.status(), c.status()),
            (Status::Restarting, Status::Restarting, Status::Restarting)
        );
        assert_eq!(c.ask(Note(0)).await.unwrap(), 2);
    });
    assert_eq!(pause.await, secs(10));
    b.ask(Poison(0)).await.unwrap_err();
    idle().await;
    let start = Instant::now();
    tree.stop();
    tree.ended().await;
    assert_eq!(start.elapsed(), secs(0));
    lab.close().await;
}

/// contract §5: a child that is added during a group restart is the youngest: it starts last.
#[tokio::test(start_paused = true)]
async fn a_child_that_is_added_during_a_group_restart_starts_after_the_others() {
    let lab = Lab::new("added");
    let (tree, [a, b]) = start(&lab, one_for_all(&lab), ["a", "b"]).await;
    lab.diary.hold(At::Started, "a");
    b.ask(Poison(0)).await.unwrap_err();
    lab.diary.entered().await;
    lab.diary.take();
    let mut adding = task::spawn(tree.spawn(lab.diary.child("c")));
    assert_pending!(adding.poll());
    idle().await;
    assert_eq!(lab.diary.made("c"), 0);
    lab.diary.open();
    let c = adding.await.unwrap();
    assert_eq!((a.ask(Note(0)).await.unwrap(), c.ask(Note(0)).await.unwrap()), (2, 1));
    assert_eq!(lab.diary.take(), ["b started 2", "c started 1"]);
    lab.close().await;
}

/// contract §5: a bystander in its first start is stopped and started like the others; who spawns it waits.
#[tokio::test(start_paused = true)]
async fn a_bystander_in_its_first_start_starts_again_in_its_turn() {
    let lab = Lab::new("first-start");
    let (tree, [a]) = start(&lab, one_for_all(&lab), ["a"]).await;
    lab.diary.hold(At::Started, "b");
    let mut adding = task::spawn(tree.spawn(lab.diary.child("b").shutdown(secs(3))));
    assert_pending!(adding.poll());
    lab.diary.entered().await;
    lab.diary.hold_no_more();
    let pause = took(async {
        a.ask(Poison(0)).await.unwrap_err();
        let b = adding.await.unwrap();
        assert_eq!(b.ask(Note(0)).await.unwrap(), 2);
    });
    assert_eq!(pause.await, secs(3), "its hook was stuck");
    assert_eq!(
        lab.diary.take(),
        ["b started 1", "a stopped 1: failed", "b stopped 1: killed", "a started 2", "b started 2"]
    );
    lab.close().await;
}

/// contract §5: a factory has nothing to finish.
#[tokio::test(start_paused = true)]
async fn the_factory_of_a_bystander_is_cut() {
    let lab = Lab::new("factory");
    let (tree, [a]) = start(&lab, one_for_all(&lab), ["a"]).await;
    let diary = lab.diary.clone();
    let slow = child("b", move || {
        let diary = diary.clone();
        async move {
            let probe = diary.probe("b", &[])?;
            if probe.number == 1 {
                std::future::pending::<()>().await;
            }
            Ok::<_, BoxError>(probe)
        }
    });
    let mut adding = task::spawn(tree.spawn(slow));
    assert_pending!(adding.poll());
    idle().await;
    a.ask(Poison(0)).await.unwrap_err();
    let start = Instant::now();
    assert_eq!(adding.await.unwrap().ask(Note(0)).await.unwrap(), 2);
    assert_eq!(start.elapsed(), secs(0));
    lab.close().await;
}

/// contract §4 and §5: the children of a bystander end with its incarnation, before the next sibling is stopped.
#[tokio::test(start_paused = true)]
async fn a_bystander_that_supervises_stops_its_own_children() {
    let lab = Lab::new("nested");
    let tree = one_for_all(&lab).start().await.unwrap();
    let a = tree.spawn(lab.diary.child("a")).await.unwrap();
    tree.spawn(lab.diary.parent("p", &["x", "y"], Supervision::default())).await.unwrap();
    lab.diary.take();
    a.ask(Poison(0)).await.unwrap_err();
    idle().await;
    assert_eq!(
        lab.diary.take(),
        [
            "a stopped 1: failed",
            "p stopped 1: shutdown",
            "y stopped 1: shutdown",
            "x stopped 1: shutdown",
            "a started 2",
            "p started 2",
            "x started 2",
            "y started 2"
        ]
    );
    lab.close().await;
}

/// contract §5: "Static children declared on the builder" come back, whatever the strategy of those above.
#[tokio::test(start_paused = true)]
async fn declared_children_come_back_with_their_supervisor() {
    for strategy in [Supervisor::one_for_one, Supervisor::one_for_all, Supervisor::rest_for_one] {
        let lab = Lab::new("declared");
        let diary = lab.diary.clone();
        let lower = child("lower", move || {
            strategy().child(diary.child("x")).child(diary.child("y")).limit(0, secs(1)).build()
        });
        let (tree, [a]) = start(&lab, one_for_all(&lab), ["a"]).await;
        let lower = tree.spawn(lower).await.unwrap();
        lab.diary.take();
        a.ask(Poison(0)).await.unwrap_err();
        idle().await;
        let x: ActorRef<Probe> = lower.children()[0].typed().unwrap();
        assert_eq!((lower.children().len(), x.ask(Note(0)).await.unwrap()), (2, 2));
        x.ask(Poison(0)).await.unwrap_err();
        idle().await;
        assert_eq!((lab.diary.made("a"), lab.diary.made("x"), lab.diary.made("y")), (3, 3, 3));
        lab.close().await;
    }
}

/// contract §5: the decision is taken where the failure happens: the supervisor's handler may take its time.
#[tokio::test(start_paused = true)]
async fn a_supervisor_in_a_long_handler_still_restarts_its_group() {
    let lab = Lab::new("long");
    let tree = lab.tree().await;
    let parent = tree.spawn(lab.diary.parent("p", &["x", "y"], Supervision::one_for_all())).await.unwrap();
    let x = parent.ask(Which("x")).await.unwrap().unwrap();
    let y = parent.ask(Which("y")).await.unwrap().unwrap();
    parent.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    x.ask(Poison(0)).await.unwrap_err();
    assert_eq!(x.ask(Note(1)).await.unwrap(), 2);
    assert_eq!(y.ask(Note(2)).await.unwrap(), 2);
    lab.diary.open();
    parent.ask(Note(3)).await.unwrap();
    assert_eq!(lab.diary.notes(), [1, 2, 0, 3]);
    lab.close().await;
}

/// contract §5: "the supervisor stays responsive between attempts", also those of a group.
#[tokio::test(start_paused = true)]
async fn a_supervisor_is_responsive_while_its_group_tries_to_start() {
    let lab = Lab::new("responsive");
    let backoff = Backoff::exponential(secs(1), secs(1));
    let (tree, [a, b]) =
        start(&lab, one_for_all(&lab).limit(100, secs(10)).backoff(backoff), ["a", "b"]).await;
    lab.diary.trouble(|at, name, number| match (at, name) {
        (At::Factory, "b") if number < 5 => Err("not yet".into()),
        _ => Ok(()),
    });
    let pause = took(async {
        a.ask(Poison(0)).await.unwrap_err();
        for _ in 0..10 {
            tokio::task::yield_now().await;
            assert_eq!(tree.children(), [a.handle(), b.handle()]);
        }
        assert_eq!(b.ask(Note(0)).await.unwrap(), 5);
    });
    assert_eq!(pause.await, secs(4));
    lab.close().await;
}

/// contract §3 and §5: a later attempt of a message restarts the group again, and is not charged.
#[tokio::test(start_paused = true)]
async fn the_attempts_of_a_message_are_one_charge_in_a_group_too() {
    let lab = Lab::new("attempts");
    let (tree, [a, b]) = start(&lab, one_for_all(&lab).limit(1, secs(10)), ["a", "b"]).await;
    assert_eq!(a.ask(Flaky::<4>::new(1, 3)).await.unwrap(), 4);
    b.ask(Note(2)).await.unwrap();
    assert_eq!((lab.diary.made("a"), tree.status()), (4, Status::Running));
    lab.close().await;
}

/// contract §5: an elder that fails while the younger ones restart is an incident of its own, and takes all of
/// them with it.
#[tokio::test(start_paused = true)]
async fn an_elder_that_fails_while_the_younger_restart_widens_the_group() {
    let lab = Lab::new("widens");
    let (_tree, [a, b, c]) = start(&lab, rest_for_one(&lab), ["a", "b", "c"]).await;
    lab.diary.hold(At::Stopped, "c");
    c.ask(Poison(0)).await.unwrap_err();
    lab.diary.entered().await;
    a.ask(Poison(0)).await.unwrap_err();
    idle().await;
    lab.diary.hold_no_more();
    lab.diary.open();
    for probe in [&a, &b, &c] {
        assert_eq!(probe.ask(Note(0)).await.unwrap(), 2);
    }
    assert_eq!(
        lab.diary.take(),
        [
            "c stopped 1: failed",
            "a stopped 1: failed",
            "b stopped 1: shutdown",
            "a started 2",
            "b started 2",
            "c started 2"
        ]
    );
    lab.close().await;
}

/// contract I8, I9 and §4, with failures at any time and on two threads: nothing is lost, nobody is twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_of_all_members_at_any_time_lose_nothing() {
    let lab = Lab::new("storm");
    for builder in [Supervisor::one_for_all, Supervisor::rest_for_one] {
        let tree = builder().system(&lab.system).limit(100_000, secs(1)).start().await.unwrap();
        let mut probes = Vec::new();
        for name in ["a", "b", "c", "d"] {
            probes.push(tree.spawn(lab.diary.child(name).capacity(16)).await.unwrap());
        }
        let mut senders = Vec::new();
        for (at, probe) in (0..).zip(probes.clone()) {
            senders.push(tokio::spawn(async move {
                for n in 0..300 {
                    match n % 20 {
                        7 => probe.tell(Poison(n)).await.unwrap(),
                        13 if at % 2 == 0 => probe.kill(),
                        _ => probe.tell(Note(n)).await.unwrap(),
                    }
                }
            }));
        }
        for sender in senders {
            sender.await.unwrap();
        }
        for probe in &probes {
            probe.ask(Note(0)).await.unwrap();
        }
        tree.stop();
        tree.ended().await;
    }
    assert_eq!(lab.system.dead_letters().count(Reason::Stopped), 0);
    lab.close().await;
}
