//! What survives a restart (contract §3 and §4): messages, asks, references.

#[path = "support/lab.rs"]
mod lab;

use lab::{At, Flaky, Hold, HoldTwice, Lab, Note, Poison, Refuse, idle, millis, secs};
use postbox::{Backoff, Cause, DeadLetter, Reason, Status, Step, prelude::*};
use tokio_test::{assert_pending, task};

/// contract §4: the seat keeps "the mailbox with all pending messages in order (also those behind a second
/// and a third failure)".
#[tokio::test(start_paused = true)]
async fn a_thousand_pending_messages_survive_three_failures_in_a_row_in_order() {
    let lab = Lab::new("thousand");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a").capacity(1_100)).await.unwrap();
    probe.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    for n in 1..=3 {
        probe.try_tell(Poison(n)).unwrap();
    }
    for n in 1..=1_000 {
        probe.try_tell(Note(n)).unwrap();
    }
    lab.diary.open();
    assert_eq!(probe.ask(Note(1_001)).await.unwrap(), 4, "three restarts");
    assert_eq!(lab.diary.notes(), (0..=1_001).collect::<Vec<_>>());
    assert_eq!(lab.letters(Reason::Failed).len(), 3);
    lab.close().await;
}

/// contract §4, with the failures spread among the messages.
#[tokio::test(start_paused = true)]
async fn failures_among_a_thousand_messages_lose_none_and_keep_the_order() {
    let lab = Lab::new("among");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a").capacity(1_100)).await.unwrap();
    for n in 0..1_000 {
        if n % 250 == 100 {
            probe.try_tell(Poison(n)).unwrap();
        }
        probe.try_tell(Note(n)).unwrap();
    }
    assert_eq!(probe.ask(Note(1_000)).await.unwrap(), 5, "four restarts");
    assert_eq!(lab.diary.notes(), (0..=1_000).collect::<Vec<_>>());
    lab.close().await;
}

/// contract §4; peers §2, 1: `[poison, poison, m1, m2]` lost `m1` and `m2`.
#[tokio::test(start_paused = true)]
async fn poison_poison_m1_m2_loses_nothing() {
    let lab = Lab::new("poison");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    probe.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    probe.try_tell(Poison(1)).unwrap();
    probe.try_tell(Poison(2)).unwrap();
    probe.try_tell(Note(1)).unwrap();
    probe.try_tell(Note(2)).unwrap();
    lab.diary.open();
    assert_eq!(probe.ask(Note(3)).await.unwrap(), 3);
    assert_eq!(lab.diary.notes(), [0, 1, 2, 3]);
    lab.close().await;
}

/// contract §3: a message that declares `retry` is "redelivered FIRST after the restart", then quarantined,
/// and the actor goes on with the next one.
#[tokio::test(start_paused = true)]
async fn poison_poison_m1_m2_loses_nothing_when_the_poison_may_be_retried() {
    let lab = Lab::new("poison-retry");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    probe.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    probe.try_tell(Flaky::<2>::new(101, 9)).unwrap();
    probe.try_tell(Flaky::<2>::new(102, 9)).unwrap();
    probe.try_tell(Note(1)).unwrap();
    probe.try_tell(Note(2)).unwrap();
    lab.diary.open();
    assert_eq!(probe.ask(Note(3)).await.unwrap(), 5, "each poison failed twice");
    assert_eq!(lab.diary.notes(), [0, 1, 2, 3]);
    let quarantined = lab.letters(Reason::Quarantined);
    let notes: Vec<_> =
        quarantined.iter().map(|letter| letter.take_message::<Flaky<2>>().unwrap().note).collect();
    assert_eq!(notes, [101, 102]);
    lab.close().await;
}

/// contract §3 and §4, with both kinds of messages in one queue.
#[tokio::test(start_paused = true)]
async fn poison_with_and_without_retry_mixed_loses_nothing() {
    let lab = Lab::new("mixed");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    probe.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    probe.try_tell(Flaky::<3>::new(1, 2)).unwrap();
    probe.try_tell(Poison(1)).unwrap();
    probe.try_tell(Note(2)).unwrap();
    probe.try_tell(Flaky::<2>::new(101, 9)).unwrap();
    probe.try_tell(Note(3)).unwrap();
    probe.try_tell(Poison(2)).unwrap();
    probe.try_tell(Flaky::<2>::new(4, 1)).unwrap();
    probe.try_tell(Note(5)).unwrap();
    lab.diary.open();
    assert_eq!(probe.ask(Note(6)).await.unwrap(), 8, "2 + 1 + 2 + 1 + 1 failures");
    assert_eq!(lab.diary.notes(), [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(lab.letters(Reason::Failed).len(), 2);
    assert_eq!(lab.letters(Reason::Quarantined).len(), 1);
    lab.close().await;
}

/// contract §4; peers §2, 1: sent right after the start, already `[poison, m1..m5]` lost all five.
#[tokio::test(start_paused = true)]
async fn messages_sent_right_after_the_start_survive_a_failing_first_one() {
    let lab = Lab::new("first");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    probe.try_tell(Poison(0)).unwrap();
    for n in 1..=5 {
        probe.try_tell(Note(n)).unwrap();
    }
    assert_eq!(probe.ask(Note(6)).await.unwrap(), 2);
    assert_eq!(lab.diary.notes(), [1, 2, 3, 4, 5, 6]);
    lab.close().await;
}

/// contract §4, with what is sent to a static child before its supervisor's start has returned.
#[tokio::test(start_paused = true)]
async fn messages_sent_while_the_first_start_is_under_way_survive_a_failing_first_one() {
    let lab = Lab::new("early");
    lab.diary.hold(lab::At::Started, "a");
    let tree = lab.tree().await;
    let mut starting = task::spawn(tree.spawn(lab.diary.child("a")));
    assert_pending!(starting.poll());
    lab.diary.entered().await;
    let handles = tree.children();
    let probe: ActorRef<lab::Probe> = handles[0].typed().unwrap();
    probe.try_tell(Poison(0)).unwrap();
    for n in 1..=5 {
        probe.try_tell(Note(n)).unwrap();
    }
    assert_eq!(probe.status(), Status::Starting);
    lab.diary.hold_no_more();
    lab.diary.open();
    assert_eq!(starting.await.unwrap(), probe);
    assert_eq!(probe.ask(Note(6)).await.unwrap(), 2);
    assert_eq!(lab.diary.notes(), [1, 2, 3, 4, 5, 6]);
    lab.close().await;
}

/// contract §3: "a tombstone dead letter: type, sender, attempts, panic text and place; an asker gets
/// `AskError::Failed` at once".
#[tokio::test(start_paused = true)]
async fn an_ask_in_flight_fails_at_once_with_the_text_and_the_place_of_the_panic() {
    let lab = Lab::new("in-flight");
    let tree = lab.supervisor().backoff(Backoff::exponential(secs(60), secs(60))).start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    let start = tokio::time::Instant::now();
    let error = probe.ask(Poison(7)).await.unwrap_err();
    assert_eq!(start.elapsed(), secs(0), "not after the backoff, and not at a deadline");
    let AskError::Failed(failure) = &error else { panic!("{error}") };
    assert_eq!(failure.identity(), probe.identity());
    assert!(matches!(failure.step(), Step::Message(name) if name.ends_with("Poison")), "{failure}");
    let panic = failure.panic().unwrap();
    assert_eq!(panic.text(), "poison 7");
    assert!(panic.place().unwrap().file().ends_with("tests/support/lab.rs"), "{panic}");
    assert!(error.to_string().contains(&format!("lab.rs:{}:", panic.place().unwrap().line())), "{error}");
    assert_eq!(error.may_retry(), None);
    lab.close().await;
}

/// contract §3: the tombstone of a message that declares nothing.
#[tokio::test(start_paused = true)]
async fn a_failing_message_leaves_a_tombstone() {
    let lab = Lab::new("tombstone");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    probe.tell(Poison(7)).await.unwrap();
    probe.ask(Note(1)).await.unwrap();
    let letters = lab.letters(Reason::Failed);
    let [letter] = letters.as_slice() else { panic!("{letters:?}") };
    assert_eq!(letter.recipient(), probe.identity());
    assert!(letter.message_type().ends_with("Poison"));
    assert_eq!(letter.attempts(), 1);
    assert!(!letter.has_message(), "it went into the handler by value");
    assert_eq!(letter.failure().unwrap().panic().unwrap().text(), "poison 7");
    lab.close().await;
}

/// contract §3: "A handler fails by panicking, or on purpose with `ctx.fail(error)`".
#[tokio::test(start_paused = true)]
async fn failing_on_purpose_is_as_a_panic_for_the_message_the_asker_and_the_actor() {
    let lab = Lab::new("purpose");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    let error = probe.ask(Refuse(7)).await.unwrap_err();
    let AskError::Failed(failure) = &error else { panic!("{error}") };
    assert!(matches!(failure.cause(), Cause::Error(error) if error.to_string() == "refused 7"), "{failure}");
    assert!(matches!(failure.step(), Step::Message(name) if name.ends_with("Refuse")), "{failure}");
    assert_eq!(probe.ask(Note(1)).await.unwrap(), 2, "restarted");
    assert_eq!(lab.letters(Reason::Failed).len(), 1);
    assert_eq!(lab.diary.take(), ["a started 1", "a stopped 1: failed", "a started 2"]);
    lab.close().await;
}

/// contract §3: failures on purpose are charged to the limit as panics are.
#[tokio::test(start_paused = true)]
async fn failures_on_purpose_are_charged() {
    let lab = Lab::new("purpose-charged");
    let tree = lab.supervisor().limit(1, secs(10)).start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    probe.tell(Refuse(1)).await.unwrap();
    probe.tell(Refuse(2)).await.unwrap();
    assert!(matches!(tree.ended().await, StopReason::RestartLimit(_)));
    lab.close().await;
}

/// contract §4: "pending asks" are kept.
#[tokio::test(start_paused = true)]
async fn an_ask_behind_a_failure_is_answered_by_the_next_incarnation() {
    let lab = Lab::new("pending-ask");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    probe.try_tell(Poison(0)).unwrap();
    probe.try_tell(Poison(1)).unwrap();
    let asks = futures_util::future::join_all((0..10).map(|n| probe.try_ask(Note(n)))).await;
    assert_eq!(asks.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [3; 10]);
    lab.close().await;
}

/// contract §4: pending asks keep their deadlines; §6: "deadline while queued": no handler will run it.
#[tokio::test(start_paused = true)]
async fn a_pending_ask_keeps_its_deadline_over_a_restart() {
    let lab = Lab::new("deadline");
    let tree = lab.supervisor().backoff(Backoff::exponential(secs(60), secs(60))).start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    probe.try_tell(Poison(0)).unwrap();
    let start = tokio::time::Instant::now();
    let error = probe.ask(Note(1)).timeout(secs(10)).await.unwrap_err();
    assert_eq!(start.elapsed(), secs(10));
    assert!(matches!(error, AskError::Timeout { started: false, .. }), "{error}");
    assert_eq!(probe.ask(Note(2)).await.unwrap(), 2);
    assert_eq!(lab.diary.notes(), [2], "nobody ran the one that had been given up");
    assert_eq!(lab.letters(Reason::Abandoned).len(), 1);
    lab.close().await;
}

/// contract §4: the seat keeps "the bound and its back-pressure".
#[tokio::test(start_paused = true)]
async fn the_bound_and_the_senders_that_wait_survive_a_restart() {
    let lab = Lab::new("bound");
    let tree = lab.supervisor().backoff(Backoff::exponential(secs(5), secs(5))).start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("a").capacity(2)).await.unwrap();
    probe.ask(Poison(0)).await.unwrap_err();
    probe.try_tell(Note(1)).unwrap();
    probe.try_tell(Note(2)).unwrap();
    let mut third = task::spawn(probe.tell(Note(3)));
    let mut fourth = task::spawn(probe.tell(Note(4)));
    assert_pending!(third.poll());
    assert_pending!(fourth.poll());
    assert!(matches!(probe.try_tell(Note(9)), Err(TryTellError::Full { capacity: 2, .. })));
    third.await.unwrap();
    fourth.await.unwrap();
    assert_eq!(probe.ask(Note(5)).await.unwrap(), 2);
    assert_eq!(lab.diary.notes(), [1, 2, 3, 4, 5]);
    lab.close().await;
}

/// contract §4: "While this goes on sends are accepted or wait, as always."
#[tokio::test(start_paused = true)]
async fn messages_are_accepted_at_every_step_of_a_restart() {
    let lab = Lab::new("steps");
    let tree = lab.supervisor().backoff(Backoff::exponential(secs(5), secs(5))).start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    lab.diary.hold(lab::At::Stopped, "a");
    lab.diary.hold(lab::At::Started, "a");
    probe.ask(Poison(0)).await.unwrap_err();

    lab.diary.entered().await;
    assert_eq!(probe.status(), Status::Restarting);
    probe.try_tell(Note(1)).unwrap();
    lab.diary.open();

    idle().await;
    assert_eq!(probe.status(), Status::Restarting, "in the backoff");
    probe.try_tell(Note(2)).unwrap();

    lab.diary.entered().await;
    probe.try_tell(Note(3)).unwrap();
    lab.diary.hold_no_more();
    lab.diary.open();

    assert_eq!(probe.ask(Note(4)).await.unwrap(), 2);
    assert_eq!(lab.diary.notes(), [1, 2, 3, 4]);
    lab.close().await;
}

/// contract §4: "every `ActorRef` … ever handed out"; peers §2, 13: references died at every restart.
#[tokio::test(start_paused = true)]
async fn an_old_reference_tells_and_asks_after_a_restart() {
    let lab = Lab::new("old-ref");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    let old = probe.clone();
    let id = old.identity().id();
    probe.ask(Poison(0)).await.unwrap_err();
    old.tell(Note(1)).await.unwrap();
    assert_eq!(old.ask(Note(2)).await.unwrap(), 2);
    assert_eq!(old.identity().id(), id, "the seat keeps its id");
    assert_eq!(old.identity().name(), Some("a"), "and its name");
    assert_eq!(lab.diary.notes(), [1, 2]);
    lab.close().await;
}

/// contract §4: "every … `WeakRef` … ever handed out".
#[tokio::test(start_paused = true)]
async fn an_old_weak_reference_upgrades_after_a_restart() {
    let lab = Lab::new("old-weak");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    let weak = probe.downgrade();
    probe.ask(Poison(0)).await.unwrap_err();
    drop(probe);
    assert_eq!(weak.upgrade().unwrap().ask(Note(1)).await.unwrap(), 2);
    lab.close().await;
}

/// contract §4: "every … `Recipient` ever handed out".
#[tokio::test(start_paused = true)]
async fn an_old_recipient_works_after_a_restart() {
    let lab = Lab::new("old-recipient");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    let recipient: Recipient<Note> = probe.recipient();
    probe.ask(Poison(0)).await.unwrap_err();
    recipient.tell(Note(1)).await.unwrap();
    recipient.try_tell(Note(2)).unwrap();
    assert_eq!(recipient.ask(Note(3)).await.unwrap(), 2);
    assert_eq!(lab.diary.notes(), [1, 2, 3]);
    lab.close().await;
}

/// contract §4: weak recipients are references too.
#[tokio::test(start_paused = true)]
async fn an_old_weak_recipient_upgrades_after_a_restart() {
    let lab = Lab::new("old-weak-recipient");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    let weak: WeakRecipient<Note> = probe.recipient().downgrade();
    probe.ask(Poison(0)).await.unwrap_err();
    drop(probe);
    assert_eq!(weak.upgrade().unwrap().ask(Note(1)).await.unwrap(), 2);
    lab.close().await;
}

/// peers §2, 6: "`kill` by an old reference does nothing".
#[tokio::test(start_paused = true)]
async fn a_kill_by_an_old_reference_reaches_the_new_incarnation() {
    let lab = Lab::new("old-kill");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    let old = probe.clone();
    probe.ask(Poison(0)).await.unwrap_err();
    let mut held = task::spawn(probe.ask(Hold(1)));
    assert_pending!(held.poll());
    lab.diary.entered().await;
    old.kill();
    assert!(matches!(held.await, Err(AskError::Aborted { reason: StopReason::Killed, .. })));
    assert_eq!(probe.ask(Note(2)).await.unwrap(), 3);
    assert_eq!(lab.diary.notes(), [2]);
    lab.close().await;
}

/// contract §4 and §7: `stop` by a reference from before the restart.
#[tokio::test(start_paused = true)]
async fn a_stop_by_an_old_reference_reaches_the_new_incarnation() {
    let lab = Lab::new("old-stop");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a").restart(Restart::Transient)).await.unwrap();
    let (old, handle) = (probe.clone(), probe.handle());
    probe.ask(Poison(0)).await.unwrap_err();
    assert_eq!(probe.ask(Note(1)).await.unwrap(), 2);
    old.stop();
    assert!(matches!(handle.ended().await, StopReason::Stopped));
    assert_eq!(
        lab.diary.take(),
        ["a started 1", "a stopped 1: failed", "a started 2", "a stopped 2: stopped"]
    );
    lab.close().await;
}

/// contract §4: the seat keeps "watchers"; waiting for the end is no matter of one incarnation.
#[tokio::test(start_paused = true)]
async fn waiting_for_the_end_goes_on_over_a_restart() {
    let lab = Lab::new("old-ended");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a").restart(Restart::Transient)).await.unwrap();
    let (handle, weak) = (probe.handle(), probe.downgrade());
    let mut by_ref = task::spawn(probe.ended());
    let mut by_handle = task::spawn(handle.ended());
    let mut by_weak = task::spawn(weak.ended());
    assert_pending!(by_ref.poll());
    assert_pending!(by_handle.poll());
    assert_pending!(by_weak.poll());
    probe.ask(Poison(0)).await.unwrap_err();
    assert_eq!(probe.ask(Note(1)).await.unwrap(), 2);
    assert_pending!(by_ref.poll());
    assert_pending!(by_handle.poll());
    assert_pending!(by_weak.poll());
    probe.stop();
    assert!(matches!(by_ref.await, StopReason::Stopped));
    assert!(matches!(by_handle.await, StopReason::Stopped));
    assert!(matches!(by_weak.await, StopReason::Stopped));
    lab.close().await;
}

/// contract §3: "redelivered FIRST after the restart, up to N attempts in all"; I4: "a retried message never
/// lets a later one of the same actor overtake it".
#[tokio::test(start_paused = true)]
async fn a_retried_message_comes_before_all_others() {
    let lab = Lab::new("retry-first");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    probe.try_tell(Flaky::<3>::new(1, 2)).unwrap();
    probe.try_tell(Note(2)).unwrap();
    probe.try_tell(Note(3)).unwrap();
    assert_eq!(probe.ask(Note(4)).await.unwrap(), 3);
    assert_eq!(lab.diary.notes(), [1, 2, 3, 4]);
    assert_eq!(
        lab.diary.take(),
        [
            "a started 1",
            "attempt 1 at 1 by a 1",
            "a stopped 1: failed",
            "a started 2",
            "attempt 2 at 1 by a 2",
            "a stopped 2: failed",
            "a started 3",
            "attempt 3 at 1 by a 3",
        ]
    );
    assert_eq!(lab.system.dead_letters().total(), 0);
    lab.close().await;
}

/// contract §3: "then quarantined: a dead letter that holds the message itself".
#[tokio::test(start_paused = true)]
async fn a_message_that_fails_in_every_attempt_is_quarantined_whole() {
    let lab = Lab::new("quarantine");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    probe.tell(Flaky::<3>::new(7, 9)).await.unwrap();
    assert_eq!(probe.ask(Note(1)).await.unwrap(), 4);
    let letters = lab.letters(Reason::Quarantined);
    let [letter] = letters.as_slice() else { panic!("{letters:?}") };
    assert_eq!(letter.attempts(), 3);
    assert_eq!(letter.failure().unwrap().panic().unwrap().text(), "flaky 7");
    assert_eq!(letter.take_message::<Flaky<3>>().unwrap().note, 7);
    assert_eq!(lab.system.dead_letters().total(), 1, "one fate, not one for each attempt");
    lab.close().await;
}

/// contract §3: "the asker keeps waiting".
#[tokio::test(start_paused = true)]
async fn the_asker_of_a_retried_message_gets_the_reply_of_a_later_attempt() {
    let lab = Lab::new("retry-reply");
    let tree = lab.supervisor().backoff(Backoff::exponential(secs(1), secs(1))).start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    let mut ask = task::spawn(probe.ask(Flaky::<3>::new(1, 2)));
    assert_pending!(ask.poll());
    idle().await;
    assert_pending!(ask.poll());
    assert_eq!(probe.ledger().in_flight, 1, "it waits for its next attempt: {}", probe.ledger());
    lab.check();
    assert_eq!(ask.await.unwrap(), 3);
    lab.close().await;
}

/// contract §3: after the last attempt "a dead letter", and the asker is told `Failed`.
#[tokio::test(start_paused = true)]
async fn the_asker_of_a_quarantined_message_is_told_after_the_last_attempt_only() {
    let lab = Lab::new("retry-failed");
    let tree = lab.supervisor().backoff(Backoff::exponential(secs(1), secs(1))).start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    let start = tokio::time::Instant::now();
    let mut ask = task::spawn(probe.ask(Flaky::<3>::new(1, 9)));
    assert_pending!(ask.poll());
    idle().await;
    assert_pending!(ask.poll());
    let error = ask.await.unwrap_err();
    assert!(
        matches!(&error, AskError::Failed(failure) if failure.panic().unwrap().text() == "flaky 1"),
        "{error}"
    );
    assert_eq!(start.elapsed(), secs(2), "two pauses between three attempts, and none after the last");
    assert_eq!(lab.letters(Reason::Quarantined).len(), 1);
    lab.close().await;
}

/// contract §3, the charge rule: "Only the first failure of a message is charged to the restart limit".
#[tokio::test(start_paused = true)]
async fn one_message_with_five_attempts_does_not_exceed_a_limit_of_one() {
    let lab = Lab::new("charge-once");
    let tree = lab.supervisor().limit(1, secs(10)).start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    let error = probe.ask(Flaky::<5>::new(1, 9)).await.unwrap_err();
    assert!(matches!(error, AskError::Failed(_)), "{error}");
    assert_eq!(probe.ask(Note(1)).await.unwrap(), 6);
    assert_eq!(tree.status(), Status::Running);
    lab.close().await;
}

/// contract §3, the charge rule, from the other side: two messages are two charges.
#[tokio::test(start_paused = true)]
async fn two_poison_messages_exceed_a_limit_of_one() {
    let lab = Lab::new("charge-twice");
    let tree = lab.supervisor().limit(1, secs(10)).start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    probe.try_tell(Flaky::<2>::new(1, 9)).unwrap();
    probe.try_tell(Flaky::<2>::new(2, 9)).unwrap();
    assert!(matches!(tree.ended().await, StopReason::RestartLimit(_)));
    let letters = lab.letters(Reason::Quarantined);
    let attempts: Vec<_> = letters.iter().map(postbox::DeadLetter::attempts).collect();
    assert_eq!(attempts, [2, 1], "the second was given one attempt, and there is no incarnation for another");
    lab.close().await;
}

/// contract §4: a kill of an actor that is to start again takes the message in hand and no other; one that
/// waits for its next attempt is in nobody's hand.
#[tokio::test(start_paused = true)]
async fn a_kill_between_two_attempts_does_not_lose_the_message() {
    let lab = Lab::new("kill-between");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    lab.diary.hold(lab::At::Stopped, "a");
    let mut ask = task::spawn(probe.ask(Flaky::<3>::new(1, 1)));
    assert_pending!(ask.poll());
    lab.diary.entered().await;
    lab.diary.hold_no_more();
    probe.kill();
    assert_eq!(ask.await.unwrap(), 2);
    lab.close().await;
}

/// contract §4, the same while the next incarnation is in its `started` hook.
#[tokio::test(start_paused = true)]
async fn a_kill_of_the_start_before_the_second_attempt_does_not_lose_the_message() {
    let lab = Lab::new("kill-start");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    lab.diary.hold(lab::At::Started, "a");
    let mut ask = task::spawn(probe.ask(Flaky::<3>::new(1, 1)));
    assert_pending!(ask.poll());
    lab.diary.entered().await;
    lab.diary.hold_no_more();
    probe.kill();
    assert_eq!(ask.await.unwrap(), 2);
    lab.close().await;
}

/// contract §4, the same in the backoff.
#[tokio::test(start_paused = true)]
async fn a_kill_in_the_backoff_before_the_second_attempt_does_not_lose_the_message() {
    let lab = Lab::new("kill-backoff");
    let tree = lab.supervisor().backoff(Backoff::exponential(secs(5), secs(5))).start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    let mut ask = task::spawn(probe.ask(Flaky::<3>::new(1, 1)));
    assert_pending!(ask.poll());
    idle().await;
    probe.kill();
    assert_eq!(ask.await.unwrap(), 2);
    lab.close().await;
}

/// contract §6: an asker is told whether a retry is safe. A message whose first attempt has run may have had
/// an effect, so it does not come back as one that had not been started.
#[tokio::test(start_paused = true)]
async fn an_end_between_two_attempts_does_not_call_the_message_unstarted() {
    let lab = Lab::new("end-between");
    let tree = lab.supervisor().backoff(Backoff::exponential(secs(5), secs(5))).start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    let mut ask = task::spawn(probe.ask(Flaky::<3>::new(1, 1)));
    assert_pending!(ask.poll());
    idle().await;
    tree.stop();
    let error = ask.await.unwrap_err();
    assert_eq!(error.may_retry(), None, "{error}");
    tree.ended().await;
    let letters = lab.system.dead_letters().recent();
    let [letter] = letters.as_slice() else { panic!("{letters:?}") };
    assert_eq!(letter.attempts(), 1);
    assert_eq!(letter.take_message::<Flaky<3>>().unwrap().note, 1, "the original is still there");
    lab.close().await;
}

/// contract §7: "in flight: cut at the next await", also for a message that declares `retry`: a kill is no
/// failure. The letter holds the original.
#[tokio::test(start_paused = true)]
async fn a_kill_in_the_first_attempt_aborts_a_message_that_may_be_retried() {
    let lab = Lab::new("kill-attempt");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    let mut ask = task::spawn(probe.ask(HoldTwice(1)));
    assert_pending!(ask.poll());
    lab.diary.entered().await;
    probe.try_tell(Note(2)).unwrap();
    probe.kill();
    assert!(matches!(ask.await, Err(AskError::Aborted { .. })));
    assert_eq!(probe.ask(Note(3)).await.unwrap(), 2);
    assert_eq!(lab.diary.notes(), [2, 3]);
    let letters = lab.letters(Reason::Aborted);
    let [letter] = letters.as_slice() else { panic!("{letters:?}") };
    assert_eq!((letter.attempts(), letter.take_message::<HoldTwice>().unwrap().0), (1, 1));
    lab.close().await;
}

/// contract §6: a deadline that passes between two attempts: "`Timeout { started: true }`", and no further one.
#[tokio::test(start_paused = true)]
async fn a_deadline_between_two_attempts_says_that_the_message_had_been_started() {
    let lab = Lab::new("deadline-between");
    let tree = lab.supervisor().backoff(Backoff::exponential(secs(5), secs(5))).start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    let error = probe.ask(Flaky::<3>::new(1, 1)).timeout(secs(2)).await.unwrap_err();
    assert!(matches!(error, AskError::Timeout { started: true, .. }), "{error}");
    assert_eq!(probe.ask(Note(2)).await.unwrap(), 2);
    assert_eq!(lab.diary.notes(), [2], "nobody waits for it any more");
    assert_eq!(lab.letters(Reason::Abandoned).len(), 1);
    lab.close().await;
}

/// contract §7: "A free-standing one never" starts again: what waits behind its failure is handed over.
#[tokio::test(start_paused = true)]
async fn what_waits_behind_the_failure_of_a_free_standing_actor_is_handed_over() {
    let lab = Lab::new("free");
    let probe = lab.probe("a");
    probe.try_tell(Poison(0)).unwrap();
    probe.try_tell(Note(1)).unwrap();
    let mut ask = task::spawn(probe.ask(Note(2)));
    assert_pending!(ask.poll());
    assert!(matches!(probe.ended().await, StopReason::Failed(_)));
    assert_eq!(lab.dead_notes(Reason::Stopped), [1]);
    let error = ask.await.unwrap_err();
    assert!(
        matches!(error, AskError::Stopped { msg: Note(2), reason: StopReason::Failed(_), .. }),
        "{error}"
    );
    lab.close().await;
}

/// contract §4: a restart takes as long as its backoff, and what was sent meanwhile waits for it.
#[tokio::test(start_paused = true)]
async fn messages_wait_for_the_backoff() {
    let lab = Lab::new("wait-backoff");
    let tree = lab.supervisor().backoff(Backoff::exponential(millis(700), secs(5))).start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("a").capacity(1_100)).await.unwrap();
    let start = tokio::time::Instant::now();
    probe.ask(Poison(0)).await.unwrap_err();
    for n in 0..1_001 {
        probe.try_tell(Note(n)).unwrap();
    }
    assert_eq!(probe.ask(Note(1_001)).await.unwrap(), 2);
    assert_eq!(start.elapsed(), millis(700));
    assert_eq!(lab.diary.notes(), (0..=1_001).collect::<Vec<_>>(), "peers §2, 10: more than 1000");
    lab.close().await;
}

/// contract §3: "nothing | zero: the handler takes the message by value", also where a copy could be had.
#[tokio::test(start_paused = true)]
async fn a_message_without_retry_is_never_copied() {
    struct Single;
    impl Message for Single {
        type Reply = ();
        fn duplicate(&self) -> Option<Self> {
            panic!("nobody is to ask for a copy")
        }
    }
    impl Handler<Single> for lab::Probe {
        async fn handle(&mut self, _msg: Single, ctx: &mut Context<Self>) {
            ctx.fail("by value").await
        }
    }
    let lab = Lab::new("by value");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    probe.try_tell(Single).unwrap();
    let error = probe.ask(Single).await.unwrap_err();
    assert!(error.to_string().contains("by value"), "{error}");
    let letters = lab.letters(Reason::Failed);
    assert_eq!(letters.iter().map(DeadLetter::has_message).collect::<Vec<_>>(), [false; 2], "tombstones");
    lab.close().await;
}

/// contract §7: "`stop`, `stop_now` and `kill` end the *incarnation*." One that ends already is not followed by
/// another that starts only to be stopped, and is charged.
#[tokio::test(start_paused = true)]
async fn a_stop_of_one_that_ends_already_is_not_meant_for_the_next() {
    for stop in [ActorRef::stop, ActorRef::stop_now] {
        let lab = Lab::new("ends-already");
        let tree = lab.supervisor().limit(1, secs(10)).start().await.unwrap();
        let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
        lab.diary.hold(At::Stopped, "a");
        probe.ask(Poison(0)).await.unwrap_err();
        lab.diary.entered().await;
        stop(&probe);
        lab.diary.hold_no_more();
        lab.diary.open();
        assert_eq!(probe.ask(Note(1)).await.unwrap(), 2);
        idle().await;
        assert_eq!(lab.diary.made("a"), 2);
        lab.close().await;
    }
}

/// contract §9: a letter holds the attempts, also that of a message whose asker has gone while it waited for its
/// next one, or before it failed.
#[tokio::test(start_paused = true)]
async fn the_letter_of_a_message_that_is_abandoned_between_two_attempts_counts_those_it_had() {
    for (fails, gone_between) in [(1, true), (2, true), (1, false)] {
        let lab = Lab::new("abandoned-between");
        let tree = lab.supervisor().backoff(Backoff::exponential(secs(5), secs(5))).start().await.unwrap();
        let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
        let mut ask = task::spawn(probe.ask(Flaky::<4>::new(1, fails)));
        assert_pending!(ask.poll());
        if gone_between {
            tokio::time::sleep(secs(u64::from(fails) * 5 - 2)).await;
        }
        drop(ask);
        assert_eq!(probe.ask(Note(2)).await.unwrap(), if gone_between { fails + 1 } else { 1 });
        let letters = lab.letters(Reason::Abandoned);
        let [letter] = letters.as_slice() else { panic!("{letters:?}") };
        let attempts = if gone_between { fails } else { 0 };
        assert_eq!((letter.attempts(), letter.take_message::<Flaky<4>>().unwrap().note), (attempts, 1));
        lab.close().await;
    }
}

/// contract §7: "`kill` end[s] the *incarnation*." One that ends already is not followed by another that starts
/// only to be killed, and is charged: in its `stopped` hook, as its children stop, and in its backoff.
#[tokio::test(start_paused = true)]
async fn a_kill_of_one_that_ends_already_is_not_meant_for_the_next() {
    let lab = Lab::new("ends-already-kill");
    let tree = lab.supervisor().limit(1, secs(10)).start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    lab.diary.hold(At::Stopped, "a");
    probe.ask(Poison(0)).await.unwrap_err();
    lab.diary.entered().await;
    lab.diary.hold_no_more();
    let start = tokio::time::Instant::now();
    probe.kill();
    assert_eq!(probe.ask(Note(1)).await.unwrap(), 2);
    assert_eq!(start.elapsed(), secs(0), "the hook that hangs is cut all the same");
    idle().await;
    assert_eq!(lab.diary.made("a"), 2);
    lab.close().await;
}

/// The same while its children stop, who are killed then.
#[tokio::test(start_paused = true)]
async fn a_kill_of_one_whose_children_stop_already_is_not_meant_for_the_next() {
    let lab = Lab::new("ends-already-children");
    let tree = lab.supervisor().limit(1, secs(10)).start().await.unwrap();
    let probe = tree.spawn(lab.diary.parent("p", &["x"], Supervision::default())).await.unwrap();
    let x = probe.ask(lab::Which("x")).await.unwrap().unwrap();
    x.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    probe.ask(Poison(0)).await.unwrap_err();
    idle().await;
    let start = tokio::time::Instant::now();
    probe.kill();
    assert_eq!(probe.ask(Note(1)).await.unwrap(), 2);
    assert_eq!(start.elapsed(), secs(0), "its child is not waited for");
    assert!(matches!(x.ended().await, StopReason::Killed));
    assert_eq!(lab.diary.made("p"), 2);
    lab.close().await;
}

/// The same in its backoff, which a kill ends as a stop does.
#[tokio::test(start_paused = true)]
async fn a_kill_in_the_backoff_ends_it_and_is_not_meant_for_the_next() {
    let lab = Lab::new("ends-already-backoff");
    let builder = lab.supervisor().limit(1, secs(10)).backoff(Backoff::exponential(secs(5), secs(5)));
    let tree = builder.start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    probe.ask(Poison(0)).await.unwrap_err();
    idle().await;
    let start = tokio::time::Instant::now();
    probe.kill();
    assert_eq!(probe.ask(Note(1)).await.unwrap(), 2);
    assert_eq!(start.elapsed(), secs(0));
    idle().await;
    assert_eq!(lab.diary.made("a"), 2);
    lab.close().await;
}

/// contract §7: `stop_now` ends the incarnation, also one that is only being made: it does not start.
#[tokio::test(start_paused = true)]
async fn a_stop_now_while_the_factory_is_at_work_ends_what_it_makes_before_it_starts() {
    let lab = Lab::new("stop-now-factory");
    let tree = lab.supervisor().limit(2, secs(10)).start().await.unwrap();
    let own = std::sync::Arc::new(std::sync::OnceLock::<ActorRef<lab::Probe>>::new());
    lab.diary.trouble({
        let own = own.clone();
        move |at, _, number| {
            if at == At::Factory && number == 2 {
                own.get().unwrap().stop_now();
            }
            Ok(())
        }
    });
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    assert!(own.set(probe.clone()).is_ok());
    probe.ask(Poison(0)).await.unwrap_err();
    assert_eq!(probe.ask(Note(1)).await.unwrap(), 3, "a permanent child starts again, and is charged");
    assert_eq!(lab.diary.take(), ["a started 1", "a stopped 1: failed", "a started 3"]);
    // The actor's factory has the reference: a circle.
    lab.diary.trouble(|_, _, _| Ok(()));
    lab.close().await;
}

/// Where a restart goes on in the same poll, the poll still has its budget.
#[test]
fn one_that_fails_again_and_again_lets_others_of_its_worker_run_in_between() {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering::SeqCst},
        },
        task::Poll,
        time::Duration,
    };

    #[derive(Actor)]
    struct Frail(Arc<tokio::sync::Notify>);

    #[derive(Message)]
    struct Wait;

    #[derive(Message)]
    struct Break;

    impl Handler<Wait> for Frail {
        async fn handle(&mut self, _msg: Wait, _ctx: &mut Context<Self>) {
            self.0.notified().await;
        }
    }

    impl Handler<Break> for Frail {
        async fn handle(&mut self, _msg: Break, _ctx: &mut Context<Self>) {
            panic!("again");
        }
    }

    const FAILURES: u32 = 64;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    let made = runtime.block_on(async {
        let (gate, made) = (Arc::new(tokio::sync::Notify::new()), Arc::new(AtomicU32::new(0)));
        let tree = Supervisor::one_for_one().system(&System::new("frail"));
        let tree = tree.limit(u32::MAX, Duration::from_secs(3600)).start().await.unwrap();
        let factory = {
            let (gate, made) = (Arc::clone(&gate), Arc::clone(&made));
            move || {
                made.fetch_add(1, SeqCst);
                Frail(Arc::clone(&gate))
            }
        };
        let frail = tree.spawn(child("frail", factory).capacity(256)).await.unwrap();
        frail.tell(Wait).await.unwrap();
        frail.tell_all((0..FAILURES).map(|_| Break)).await.unwrap();
        // On the one worker, beside the actor.
        let seen = tokio::spawn(async move {
            gate.notify_one();
            let mut seen = vec![1];
            while seen.last().is_some_and(|made| *made <= FAILURES) {
                // As any other task that is ready: tokio's own `yield_now` waits until its worker has nothing to do.
                let mut woken = false;
                std::future::poll_fn(|cx| {
                    cx.waker().wake_by_ref();
                    if std::mem::replace(&mut woken, true) { Poll::Ready(()) } else { Poll::Pending }
                })
                .await;
                seen.push(made.load(SeqCst));
            }
            seen
        });
        seen.await.unwrap()
    });
    let most = made.windows(2).map(|pair| pair[1] - pair[0]).max();
    assert!(most.is_some_and(|most| most <= 8), "restarts between two turns of another task: {most:?}");
}
