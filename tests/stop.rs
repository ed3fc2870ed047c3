//! How actors end, what becomes of their messages, and who keeps them alive (contract §7).

#[path = "support/lab.rs"]
mod lab;

use lab::{At, Flaky, Hold, Lab, Note, Poison, Probe, idle, millis, secs, took};
use postbox::{Reason, Shutdown, Status, prelude::*};
use tokio::time::Instant;
use tokio_test::{assert_pending, assert_ready, task};

/// contract §7, `stop()`: "those accepted before the call are handled, then close"; "`stop()` closes the
/// mailbox at the call".
#[tokio::test(start_paused = true)]
async fn stop_drains_what_was_accepted_before_and_refuses_what_comes_after() {
    let lab = Lab::new("drain");
    let probe = lab.probe("a");
    probe.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    for n in 1..=5 {
        probe.try_tell(Note(n)).unwrap();
    }
    let mut asked = task::spawn(probe.ask(Note(6)));
    assert_pending!(asked.poll());
    probe.stop();
    assert!(matches!(
        probe.try_tell(Note(7)),
        Err(TryTellError::Stopped { msg: Note(7), reason: StopReason::Stopped, .. })
    ));
    assert!(matches!(probe.tell(Note(8)).await, Err(TellError::Stopped { msg: Note(8), .. })));
    assert!(matches!(probe.ask(Note(9)).await, Err(AskError::Stopped { msg: Note(9), .. })));
    lab.diary.open();
    assert!(matches!(probe.ended().await, StopReason::Stopped));
    assert_eq!(asked.await.unwrap(), 1);
    assert_eq!(lab.diary.notes(), [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(lab.system.dead_letters().total(), 0);
    lab.close().await;
}

/// contract §7: "While an actor is to start again its mailbox never closes: what was accepted stays, also what
/// was accepted after a `stop` marker"; peers §2, 5: the restarted actor refused everything.
#[tokio::test(start_paused = true)]
async fn a_permanent_child_keeps_what_came_after_a_stop_for_its_next_incarnation() {
    let lab = Lab::new("marker");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    probe.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    let mut before = task::spawn(probe.ask(Note(1)));
    assert_pending!(before.poll());
    probe.stop();
    let mut after = task::spawn(probe.ask(Note(2)));
    assert_pending!(after.poll());
    probe.try_tell(Note(3)).unwrap();
    lab.diary.open();
    assert_eq!((before.await.unwrap(), after.await.unwrap()), (1, 2));
    assert_eq!(probe.ask(Note(4)).await.unwrap(), 2);
    assert_eq!(lab.diary.notes(), [0, 1, 2, 3, 4]);
    assert_eq!(lab.diary.take(), ["a started 1", "a stopped 1: stopped", "a started 2"]);
    lab.close().await;
}

/// contract §7, row "restart": "RETAINED".
#[tokio::test(start_paused = true)]
async fn a_permanent_child_keeps_its_queue_over_a_stop_now() {
    let lab = Lab::new("stop-now-permanent");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    let mut held = task::spawn(probe.ask(Hold(0)));
    assert_pending!(held.poll());
    lab.diary.entered().await;
    probe.try_tell(Note(1)).unwrap();
    probe.stop_now();
    probe.try_tell(Note(2)).unwrap();
    lab.diary.open();
    assert_eq!(held.await.unwrap(), 1, "what is in flight finishes");
    assert_eq!(probe.ask(Note(3)).await.unwrap(), 2);
    assert_eq!(lab.diary.notes(), [0, 1, 2, 3]);
    lab.close().await;
}

/// contract §7, row "restart": "RETAINED", and the handler is "cut at the next await".
#[tokio::test(start_paused = true)]
async fn a_permanent_child_keeps_its_queue_over_a_kill() {
    let lab = Lab::new("kill-permanent");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    probe.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    probe.try_tell(Note(1)).unwrap();
    probe.kill();
    probe.try_tell(Note(2)).unwrap();
    assert_eq!(probe.ask(Note(3)).await.unwrap(), 2);
    assert_eq!(lab.diary.notes(), [1, 2, 3]);
    assert_eq!(lab.letters(Reason::Aborted).len(), 1);
    lab.close().await;
}

/// contract §7, `stop_now()`: "dead letters `Stopped`, in order …; asks get their message back".
#[tokio::test(start_paused = true)]
async fn stop_now_hands_the_queue_over_in_order() {
    let lab = Lab::new("stop-now");
    let probe = lab.probe("a");
    let mut held = task::spawn(probe.ask(Hold(0)));
    assert_pending!(held.poll());
    lab.diary.entered().await;
    let mut asks = Vec::new();
    for n in 0..4 {
        probe.try_tell(Note(n)).unwrap();
        let mut ask = task::spawn(probe.ask(Note(10 + n)));
        assert_pending!(ask.poll());
        asks.push(ask);
    }
    probe.stop_now();
    assert!(matches!(probe.try_tell(Note(9)), Err(TryTellError::Stopped { msg: Note(9), .. })));
    idle().await;
    assert_pending!(held.poll(), "what is in flight finishes");
    lab.diary.open();
    assert_eq!(held.await.unwrap(), 1);
    for (n, ask) in (10..).zip(asks) {
        let error = ask.await.unwrap_err();
        assert_eq!(error.may_retry(), Some(true));
        assert!(matches!(&error, AskError::Stopped { reason: StopReason::Stopped, .. }), "{error}");
        assert_eq!(error.into_message().unwrap().0, n);
    }
    assert!(matches!(probe.ended().await, StopReason::Stopped));
    assert_eq!(lab.dead_notes(Reason::Stopped), [0, 1, 2, 3]);
    assert_eq!(lab.diary.notes(), [0], "the one in flight");
    lab.close().await;
}

/// contract §7, `stop_now()`: the message in flight "finishes, up to the shutdown limit".
#[tokio::test(start_paused = true)]
async fn stop_now_cuts_a_stuck_handler_when_the_time_to_shut_down_is_over() {
    let lab = Lab::new("stop-now-stuck");
    let tree = lab.tree().await;
    let child = lab.diary.child("a").restart(Restart::Transient).shutdown(secs(3));
    let probe = tree.spawn(child).await.unwrap();
    let mut held = task::spawn(probe.ask(Hold(0)));
    assert_pending!(held.poll());
    lab.diary.entered().await;
    probe.stop_now();
    let ended = took(async { drop(tokio::time::timeout(secs(60), probe.ended()).await) });
    assert_eq!(ended.await, secs(3));
    assert!(matches!(held.await, Err(AskError::Aborted { .. })));
    lab.close().await;
}

/// contract §7: the same for a permanent child, whose next incarnation goes on with the queue.
#[tokio::test(start_paused = true)]
async fn a_permanent_child_whose_handler_is_stuck_starts_again_after_a_stop_now() {
    let lab = Lab::new("stop-now-again");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a").shutdown(secs(3))).await.unwrap();
    probe.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    probe.stop_now();
    let start = Instant::now();
    assert_eq!(probe.ask(Note(1)).await.unwrap(), 2);
    assert_eq!(start.elapsed(), secs(3));
    assert_eq!(lab.letters(Reason::Aborted).len(), 1);
    lab.close().await;
}

/// contract §7, `kill()`: the asker in flight is told `Aborted` (§6), "dead letters `Killed`".
#[tokio::test(start_paused = true)]
async fn kill_cuts_the_handler_at_its_await_and_gives_the_queue_up() {
    let lab = Lab::new("kill");
    let probe = lab.probe("a");
    let mut held = task::spawn(probe.ask(Hold(0)));
    assert_pending!(held.poll());
    lab.diary.entered().await;
    probe.try_tell(Note(1)).unwrap();
    let mut asked = task::spawn(probe.ask(Note(2)));
    assert_pending!(asked.poll());
    probe.try_tell(Note(3)).unwrap();
    probe.kill();
    assert!(matches!(probe.try_tell(Note(9)), Err(TryTellError::Stopped { msg: Note(9), .. })));
    let error = held.await.unwrap_err();
    assert!(matches!(&error, AskError::Aborted { reason: StopReason::Killed, .. }), "{error}");
    assert_eq!(error.may_retry(), None);
    let error = asked.await.unwrap_err();
    assert!(matches!(error, AskError::Stopped { msg: Note(2), reason: StopReason::Killed, .. }), "{error}");
    assert!(matches!(probe.ended().await, StopReason::Killed));
    assert_eq!(lab.dead_notes(Reason::Killed), [1, 3]);
    lab.diary.open();
    idle().await;
    assert_eq!(lab.diary.notes(), [], "nothing after the await has run");
    assert_eq!(lab.diary.take(), ["a started 1", "a stopped 1: killed"]);
    lab.close().await;
}

/// contract §7: a kill does not wait behind a stop that drains.
#[tokio::test(start_paused = true)]
async fn a_kill_overtakes_a_stop() {
    let lab = Lab::new("kill-stop");
    let probe = lab.probe("a");
    probe.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    probe.try_tell(Note(1)).unwrap();
    probe.stop();
    idle().await;
    probe.kill();
    assert!(matches!(probe.ended().await, StopReason::Killed));
    assert_eq!(lab.dead_notes(Reason::Killed), [1]);
    lab.close().await;
}

/// contract §7: `stop_now` after `stop` does not drain.
#[tokio::test(start_paused = true)]
async fn a_stop_now_overtakes_a_stop() {
    let lab = Lab::new("stop-stop-now");
    let probe = lab.probe("a");
    probe.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    probe.try_tell(Note(1)).unwrap();
    probe.stop();
    probe.stop_now();
    lab.diary.open();
    assert!(matches!(probe.ended().await, StopReason::Stopped));
    assert_eq!(lab.dead_notes(Reason::Stopped), [1]);
    lab.close().await;
}

/// contract §7: stopping what has stopped changes nothing.
#[tokio::test(start_paused = true)]
async fn stopping_an_actor_twice_is_stopping_it_once() {
    let lab = Lab::new("twice");
    let probe = lab.probe("a");
    probe.ask(Note(1)).await.unwrap();
    probe.stop();
    probe.stop();
    assert!(matches!(probe.ended().await, StopReason::Stopped));
    probe.stop();
    probe.stop_now();
    probe.kill();
    idle().await;
    assert!(matches!(probe.ended().await, StopReason::Stopped), "the first reason stands");
    assert_eq!(lab.diary.take(), ["a started 1", "a stopped 1: stopped"]);
    lab.close().await;
}

/// contract §7 with §5: a transient child that has been asked to stop drains over a failure, and ends. (A
/// stop forgotten at the restart left an actor that refuses everything and never ends.)
#[tokio::test(start_paused = true)]
async fn a_transient_child_that_fails_while_it_drains_goes_on_draining_and_ends() {
    let lab = Lab::new("drain-failure");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a").restart(Restart::Transient)).await.unwrap();
    probe.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    probe.try_tell(Poison(1)).unwrap();
    probe.try_tell(Flaky::<2>::new(2, 1)).unwrap();
    probe.try_tell(Note(3)).unwrap();
    probe.stop();
    lab.diary.open();
    assert!(matches!(probe.ended().await, StopReason::Stopped));
    assert_eq!(lab.diary.notes(), [0, 2, 3]);
    lab.close().await;
}

/// contract §7: the same when the last message before the stop is the one that fails.
#[tokio::test(start_paused = true)]
async fn a_transient_child_whose_last_message_fails_as_it_drains_ends() {
    let lab = Lab::new("drain-last");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a").restart(Restart::Transient)).await.unwrap();
    probe.try_tell(Poison(1)).unwrap();
    probe.stop();
    let ended = tokio::time::timeout(secs(60), probe.ended()).await;
    assert!(ended.is_ok());
    lab.close().await;
}

/// contract §7 and §3: the second attempt of the last message before the stop is part of the drain.
#[tokio::test(start_paused = true)]
async fn a_transient_child_that_drains_waits_for_the_second_attempt_of_its_last_message() {
    let lab = Lab::new("drain-retry");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a").restart(Restart::Transient)).await.unwrap();
    let mut asked = task::spawn(probe.ask(Flaky::<2>::new(1, 1)));
    assert_pending!(asked.poll());
    probe.stop();
    assert!(matches!(probe.ended().await, StopReason::Stopped));
    assert_eq!(asked.await.unwrap(), 2);
    assert_eq!(lab.diary.notes(), [1]);
    lab.close().await;
}

/// contract §7, `stop_now()`: the message in flight fails instead of finishing.
#[tokio::test(start_paused = true)]
async fn a_transient_child_whose_message_fails_under_a_stop_now_ends() {
    let lab = Lab::new("stop-now-failure");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a").restart(Restart::Transient)).await.unwrap();
    probe.try_tell(Poison(1)).unwrap();
    probe.try_tell(Note(2)).unwrap();
    // In the same step, before the child has run.
    probe.stop_now();
    let ended = tokio::time::timeout(secs(60), probe.ended()).await;
    assert!(ended.is_ok());
    assert_eq!(lab.diary.notes(), []);
    lab.close().await;
}

/// contract §7: "those accepted before the call are handled", also by a second attempt.
#[tokio::test(start_paused = true)]
async fn a_permanent_child_retries_over_a_stop() {
    let lab = Lab::new("retry-stop");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    probe.try_tell(Flaky::<3>::new(1, 2)).unwrap();
    probe.stop();
    probe.try_tell(Note(2)).unwrap();
    probe.ask(Note(3)).await.unwrap();
    assert_eq!(lab.diary.notes(), [1, 2, 3]);
    lab.close().await;
}

/// contract §8 with §7: senders that wait for room get their message back when the mailbox closes.
#[tokio::test(start_paused = true)]
async fn senders_that_wait_get_their_message_back_at_a_stop() {
    let lab = Lab::new("waiting");
    let probe = lab.diary.probe("a", &[]).unwrap().prepare().system(&lab.system).capacity(1).spawn().unwrap();
    probe.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    probe.try_tell(Note(1)).unwrap();
    let mut told = task::spawn(probe.tell(Note(2)));
    let mut asked = task::spawn(probe.ask(Note(3)));
    assert_pending!(told.poll());
    assert_pending!(asked.poll());
    probe.stop();
    assert!(told.is_woken() && asked.is_woken());
    assert!(matches!(assert_ready!(told.poll()), Err(TellError::Stopped { msg: Note(2), .. })));
    assert!(matches!(assert_ready!(asked.poll()), Err(AskError::Stopped { msg: Note(3), .. })));
    lab.diary.open();
    probe.ended().await;
    assert_eq!(lab.diary.notes(), [0, 1]);
    lab.close().await;
}

/// contract §4 and §8: senders that wait go on waiting over a restart: the mailbox does not close.
#[tokio::test(start_paused = true)]
async fn senders_that_wait_at_a_permanent_child_wait_on_over_a_stop() {
    let lab = Lab::new("waiting-on");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a").capacity(1)).await.unwrap();
    probe.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    probe.try_tell(Note(1)).unwrap();
    let mut told = task::spawn(probe.tell(Note(2)));
    assert_pending!(told.poll());
    probe.stop();
    assert_pending!(told.poll());
    lab.diary.open();
    told.await.unwrap();
    assert_eq!(probe.ask(Note(3)).await.unwrap(), 2);
    assert_eq!(lab.diary.notes(), [0, 1, 2, 3]);
    lab.close().await;
}

/// Stops itself from its handler.
struct Leave(fn(&mut Context<Probe>));

impl Message for Leave {
    type Reply = ();
}

impl Handler<Leave> for Probe {
    async fn handle(&mut self, msg: Leave, ctx: &mut Context<Self>) {
        (msg.0)(ctx);
        tokio::task::yield_now().await;
        self.diary.write("left");
    }
}

/// contract §7: an actor may stop itself; what it has accepted by then is handled.
#[tokio::test(start_paused = true)]
async fn an_actor_that_stops_itself_finishes_and_drains() {
    let lab = Lab::new("leave");
    let probe = lab.probe("a");
    probe.try_tell(Leave(|ctx| ctx.stop())).unwrap();
    probe.try_tell(Note(1)).unwrap();
    assert!(matches!(probe.ended().await, StopReason::Stopped));
    assert_eq!(lab.diary.notes(), [1]);
    assert_eq!(lab.diary.take(), ["a started 1", "left", "a stopped 1: stopped"]);
    lab.close().await;
}

/// contract §7: `ctx.stop_now` finishes the handler it is called in, and no other.
#[tokio::test(start_paused = true)]
async fn an_actor_that_stops_itself_now_finishes_its_handler() {
    let lab = Lab::new("leave-now");
    let probe = lab.probe("a");
    probe.try_tell(Leave(|ctx| ctx.stop_now())).unwrap();
    probe.try_tell(Note(1)).unwrap();
    assert!(matches!(probe.ended().await, StopReason::Stopped));
    assert_eq!(lab.dead_notes(Reason::Stopped), [1]);
    assert_eq!(lab.diary.take(), ["a started 1", "left", "a stopped 1: stopped"]);
    lab.close().await;
}

/// contract §7: a kill by the actor itself cuts it at its next await.
#[tokio::test(start_paused = true)]
async fn an_actor_that_kills_itself_is_cut_at_its_next_await() {
    let lab = Lab::new("leave-kill");
    let probe = lab.probe("a");
    let error = probe.ask(Leave(|ctx| ctx.actor_ref().kill())).await.unwrap_err();
    assert!(matches!(error, AskError::Aborted { .. }), "{error}");
    assert!(matches!(probe.ended().await, StopReason::Killed));
    assert_eq!(lab.diary.take(), ["a started 1", "a stopped 1: killed"]);
    lab.close().await;
}

/// contract §2 and §7: a kill finds a handler without an await when it is through, and its message is handled.
#[tokio::test(start_paused = true)]
async fn a_message_that_is_handled_without_an_await_is_handled_though_a_kill_came_meanwhile() {
    #[derive(Actor)]
    struct Own;

    #[messages]
    impl Own {
        #[message]
        fn finish(&mut self, ctx: &mut Context<Self>) -> u32 {
            ctx.actor_ref().kill();
            7
        }
    }

    let system = System::new("through");
    let own = Own.prepare().system(&system).start().await.unwrap();
    assert_eq!(own.finish().await.unwrap(), 7);
    assert!(matches!(own.ended().await, StopReason::Killed));
    let ledger = own.ledger();
    assert_eq!((ledger.handled, ledger.dead), (1, 0), "{ledger}");
}

/// contract §7: "A free-standing actor … lives as long as a strong reference to it; when the last is gone it
/// drains and stops."
#[tokio::test(start_paused = true)]
async fn a_free_standing_actor_drains_and_stops_with_its_last_reference() {
    let lab = Lab::new("released");
    let probe = lab.probe("a");
    let other = probe.clone();
    let (handle, weak) = (probe.handle(), probe.downgrade());
    probe.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    for n in 1..=3 {
        probe.try_tell(Note(n)).unwrap();
    }
    drop(probe);
    idle().await;
    assert_eq!(handle.status(), Status::Running);
    drop(other);
    assert!(weak.upgrade().is_none());
    lab.diary.open();
    assert!(matches!(handle.ended().await, StopReason::Released));
    assert!(matches!(weak.ended().await, StopReason::Released));
    assert_eq!(lab.diary.notes(), [0, 1, 2, 3]);
    lab.close().await;
}

/// contract §7: the same with as many messages in the batch under way as behind it.
#[tokio::test(start_paused = true)]
async fn an_actor_that_is_released_in_a_batch_drains_what_came_behind_it() {
    let lab = Lab::new("released in a batch");
    let probe = lab.probe("a");
    let handle = probe.handle();
    probe.try_tell(Hold(0)).unwrap();
    probe.try_tell(Note(1)).unwrap();
    lab.diary.entered().await;
    probe.try_tell(Note(2)).unwrap();
    drop(probe);
    lab.diary.open();
    assert!(matches!(handle.ended().await, StopReason::Released));
    assert_eq!(lab.diary.notes(), [0, 1, 2]);
    lab.close().await;
}

/// contract §7: a `Recipient` is a strong reference.
#[tokio::test(start_paused = true)]
async fn a_recipient_keeps_a_free_standing_actor_alive() {
    let lab = Lab::new("recipient");
    let probe = lab.probe("a");
    let handle = probe.handle();
    let recipient: Recipient<Note> = probe.recipient();
    let second = recipient.clone();
    drop(probe);
    drop(recipient);
    idle().await;
    assert_eq!(second.ask(Note(1)).await.unwrap(), 1);
    drop(second);
    assert!(matches!(handle.ended().await, StopReason::Released));
    lab.close().await;
}

/// contract §7: weak references and handles keep nothing alive.
#[tokio::test(start_paused = true)]
async fn weak_references_keep_nothing_alive() {
    let lab = Lab::new("weak");
    let probe = lab.probe("a");
    let (weak, handle) = (probe.downgrade(), probe.handle());
    let weak_recipient: WeakRecipient<Note> = probe.recipient().downgrade();
    drop(probe);
    assert!(matches!(handle.ended().await, StopReason::Released));
    assert!(weak.upgrade().is_none());
    assert!(weak_recipient.upgrade().is_none());
    assert!(handle.typed::<Probe>().is_none());
    lab.close().await;
}

/// contract §7: "A supervised actor belongs to its supervisor, not to its references."
#[tokio::test(start_paused = true)]
async fn a_child_lives_without_references() {
    let lab = Lab::new("child");
    let tree = lab.tree().await;
    let weak = tree.spawn(lab.diary.child("a")).await.unwrap().downgrade();
    idle().await;
    assert_eq!(weak.upgrade().unwrap().ask(Note(1)).await.unwrap(), 1);
    drop(tree);
    assert!(matches!(weak.ended().await, StopReason::Shutdown), "the tree was free-standing");
    lab.close().await;
}

/// contract §7: "A name never keeps an actor alive."
#[tokio::test(start_paused = true)]
async fn a_name_keeps_nothing_alive() {
    let lab = Lab::new("name");
    let probe = lab.diary.probe("a", &[]).unwrap().prepare().system(&lab.system).name("one").spawn().unwrap();
    assert_eq!(lab.system.lookup::<Probe>("one").unwrap(), probe);
    let handle = probe.handle();
    drop(probe);
    assert!(matches!(handle.ended().await, StopReason::Released));
    assert!(lab.system.lookup::<Probe>("one").is_none());
    lab.close().await;
}

/// contract I7: the end is told "after the watched actor's `stopped` hook, after its name is free".
#[tokio::test(start_paused = true)]
async fn a_name_is_kept_to_the_end_and_free_after_it() {
    let lab = Lab::new("name-end");
    let spawn = || lab.diary.probe("a", &[]).unwrap().prepare().system(&lab.system).name("one");
    let first = spawn().spawn().unwrap();
    lab.diary.hold(At::Stopped, "a");
    first.stop();
    lab.diary.entered().await;
    let other = lab.diary.probe("b", &[]).unwrap().prepare().system(&lab.system).name("one").spawn();
    assert!(matches!(other, Err(SpawnError::NameTaken { .. })), "it is not through with its end");
    lab.diary.hold_no_more();
    lab.diary.open();
    first.ended().await;
    let second = spawn().spawn().unwrap();
    assert_eq!(lab.system.lookup::<Probe>("one").unwrap(), second);
    lab.close().await;
}

/// contract §7: names of children are names within their supervisor: the end of one frees no other name.
#[tokio::test(start_paused = true)]
async fn the_end_of_a_child_does_not_free_the_same_name_of_another_actor() {
    let lab = Lab::new("same-name");
    let named = lab.diary.probe("a", &[]).unwrap().prepare().system(&lab.system).name("one").spawn().unwrap();
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("one").restart(Restart::Temporary)).await.unwrap();
    probe.stop();
    probe.ended().await;
    assert_eq!(lab.system.lookup::<Probe>("one").unwrap(), named);
    lab.close().await;
}

/// contract I7: "after all its messages have a fate"; I5: "nothing accepted is without a fate".
#[tokio::test(start_paused = true)]
async fn when_the_end_is_told_every_message_has_its_fate() {
    let lab = Lab::new("fates");
    let probe = lab.probe("a");
    probe.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    for n in 1..=30 {
        probe.try_tell(Note(n)).unwrap();
    }
    probe.kill();
    probe.ended().await;
    let ledger = probe.ledger();
    assert_eq!((ledger.accepted, ledger.settled()), (31, 31), "{ledger}");
    assert_eq!(lab.system.dead_letters().count(Reason::Killed), 30);
    assert_eq!(lab.diary.take().last().unwrap(), "a stopped 1: killed");
    lab.close().await;
}

/// contract §7, `kill()`: "children: killed".
#[tokio::test(start_paused = true)]
async fn the_children_of_a_killed_actor_are_killed() {
    let lab = Lab::new("kill-children");
    let tree = lab.tree().await;
    let parent = lab.diary.parent("p", &["x"], Supervision::default()).restart(Restart::Temporary);
    let parent = tree.spawn(parent).await.unwrap();
    let x = parent.ask(lab::Which("x")).await.unwrap().unwrap();
    x.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    let start = Instant::now();
    parent.kill();
    assert!(matches!(parent.ended().await, StopReason::Killed));
    assert!(matches!(x.ended().await, StopReason::Killed));
    assert_eq!(start.elapsed(), secs(0));
    lab.close().await;
}

/// contract §7, `stop()`: "children: after the drain".
#[tokio::test(start_paused = true)]
async fn the_children_of_an_actor_that_drains_live_until_it_has() {
    let lab = Lab::new("drain-children");
    let tree = lab.tree().await;
    let parent = lab.diary.parent("p", &["x"], Supervision::default()).restart(Restart::Temporary);
    let parent = tree.spawn(parent).await.unwrap();
    let x = parent.ask(lab::Which("x")).await.unwrap().unwrap();
    parent.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    parent.stop();
    assert_eq!(x.ask(Note(1)).await.unwrap(), 1);
    lab.diary.open();
    parent.ended().await;
    assert_eq!(
        lab.diary.take(),
        ["p started 1", "x started 1", "x stopped 1: shutdown", "p stopped 1: stopped"]
    );
    lab.close().await;
}

/// contract §1: "dropping the tokio runtime under live actors (best effort: every undelivered message still
/// reaches the sink …)".
#[test]
fn a_runtime_dropped_under_live_actors_leaves_every_message_in_the_sink() {
    let lab = Lab::new("runtime");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (free, queued, tree, kid, retried) = runtime.block_on(async {
        let free = lab.probe("a");
        free.try_tell(Hold(0)).unwrap();
        lab.diary.entered().await;
        for n in 1..=5 {
            free.try_tell(Note(n)).unwrap();
        }
        let queued = lab.probe("b");
        queued.try_tell(Note(6)).unwrap();
        let tree = lab.tree().await;
        let kid = tree.spawn(lab.diary.child("c")).await.unwrap();
        kid.try_tell(Note(7)).unwrap();
        let retried = tree.spawn(lab.diary.child("d")).await.unwrap();
        retried.try_tell(Flaky::<3>::new(8, 9)).unwrap();
        (free, queued, tree, kid, retried)
    });
    drop(runtime);
    lab.check();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        assert!(matches!(free.ended().await, StopReason::RuntimeGone));
        assert!(matches!(queued.ended().await, StopReason::RuntimeGone));
        assert!(matches!(tree.ended().await, StopReason::RuntimeGone));
        assert!(matches!(kid.ended().await, StopReason::RuntimeGone));
        assert!(matches!(retried.ended().await, StopReason::RuntimeGone));
    });
    assert!(matches!(
        free.try_tell(Note(9)),
        Err(TryTellError::Stopped { msg: Note(9), reason: StopReason::RuntimeGone, .. })
    ));
    let handled = lab.diary.notes();
    let mut seen = lab.dead_notes(Reason::Stopped);
    seen.extend(&handled);
    seen.sort_unstable();
    let told: Vec<_> = (1..=7).collect();
    assert_eq!(seen, told, "each of the notes once");
    assert_eq!(lab.letters(Reason::Aborted).len(), 1, "the one in flight");
    let ledger = lab.system.ledger();
    assert_eq!((ledger.accepted, ledger.settled()), (9, 9), "{ledger}");
    assert_eq!(lab.system.actors(), []);
}

/// contract §6: an asker that outlives the runtime of the actor is told.
#[test]
fn askers_are_told_when_the_runtime_of_the_actor_is_dropped() {
    let lab = Lab::new("runtime-ask");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let probe = runtime.block_on(async { lab.probe("a") });
    let mut held = task::spawn(probe.ask(Hold(0)));
    let mut queued = task::spawn(probe.ask(Note(1)));
    assert_pending!(held.poll());
    assert_pending!(queued.poll());
    runtime.block_on(lab.diary.entered());
    drop(runtime);
    let reason = StopReason::RuntimeGone.to_string();
    let error = assert_ready!(held.poll()).unwrap_err();
    assert!(matches!(&error, AskError::Aborted { reason: StopReason::RuntimeGone, .. }), "{error}");
    let error = assert_ready!(queued.poll()).unwrap_err();
    assert!(matches!(&error, AskError::Stopped { msg: Note(1), .. }), "{error}");
    assert!(error.to_string().contains(&reason), "{error}");
    lab.check();
}

fn names(identities: &[postbox::Identity]) -> Vec<&str> {
    identities.iter().map(|identity| identity.name().unwrap_or("-")).collect()
}

/// contract §7: "`System::shutdown(within)` stops the whole tree in reverse order and returns a report: who
/// stopped, who was killed, …, the final ledger."
#[tokio::test(start_paused = true)]
async fn a_shutdown_stops_the_whole_tree_in_reverse_order_and_reports_it() {
    let lab = Lab::new("shutdown");
    let first = lab.diary.probe("f", &[]).unwrap().prepare().system(&lab.system).name("f").spawn().unwrap();
    let tree = lab.supervisor().name("tree").start().await.unwrap();
    tree.spawn(lab.diary.parent("p", &["x", "y"], Supervision::default())).await.unwrap();
    tree.spawn(lab.diary.child("q")).await.unwrap();
    for n in 1..=5 {
        first.try_tell(Note(n)).unwrap();
    }
    lab.diary.take();
    let report = lab.system.shutdown(secs(10)).await;
    let ends = ["q", "y", "x", "p"].map(|name| format!("{name} stopped 1: shutdown"));
    let lines = lab.diary.take();
    assert_eq!(lines[..4], ends);
    assert_eq!(lines[4], "f stopped 1: stopped", "roots too: the youngest first");
    assert_eq!(lab.diary.notes(), [1, 2, 3, 4, 5], "a root drains");
    assert!(report.is_clean());
    assert_eq!(names(&report.stopped), ["q", "y", "x", "p", "tree", "f"], "the whole tree");
    assert!(report.ledger.balances());
    assert_eq!((report.ledger.accepted, report.ledger.handled), (5, 5));
    assert_eq!((report.ledger.queued, report.ledger.in_flight), (0, 0));
    lab.close().await;
}

/// contract §7: "who was killed".
#[tokio::test(start_paused = true)]
async fn a_shutdown_kills_what_has_not_ended_in_time() {
    let lab = Lab::new("shutdown-kill");
    let tree = lab.supervisor().name("tree").start().await.unwrap();
    let stuck = tree.spawn(lab.diary.child("s").shutdown(Shutdown::Unbounded)).await.unwrap();
    tree.spawn(lab.diary.child("t")).await.unwrap();
    stuck.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    stuck.try_tell(Note(1)).unwrap();
    let start = Instant::now();
    let report = lab.system.shutdown(secs(10)).await;
    assert_eq!(start.elapsed(), secs(10));
    assert!(!report.is_clean());
    assert!(names(&report.killed).contains(&"s"), "{report:?}");
    assert!(!names(&report.stopped).contains(&"s"), "{report:?}");
    assert!(report.detached.is_empty(), "{report:?}");
    assert_eq!(lab.diary.made("s"), 1, "nobody is restarted");
    assert_eq!(lab.dead_notes(Reason::Killed), [1]);
    assert_eq!(lab.letters(Reason::Aborted).len(), 1);
    assert!(report.ledger.balances());
    assert_eq!((report.ledger.queued, report.ledger.in_flight), (0, 0));
    lab.close().await;
}

/// contract §5: a permanent child that a shutdown kills is not restarted, whoever is polled first.
#[tokio::test(start_paused = true)]
async fn a_shutdown_restarts_nobody() {
    let lab = Lab::new("shutdown-none");
    let tree = lab.supervisor().name("tree").limit(100, secs(10)).start().await.unwrap();
    let mut probes = Vec::new();
    for name in ["a", "b", "c"] {
        let probe = tree.spawn(lab.diary.child(name).shutdown(Shutdown::Unbounded)).await.unwrap();
        probe.try_tell(Hold(0)).unwrap();
        lab.diary.entered().await;
        probes.push(probe);
    }
    let report = lab.system.shutdown(millis(1)).await;
    let mut killed = names(&report.killed);
    killed.sort_unstable();
    killed.retain(|name| *name != "tree");
    assert_eq!(killed, ["a", "b", "c"], "{report:?}");
    for name in ["a", "b", "c"] {
        assert_eq!(lab.diary.made(name), 1, "{name}");
    }
    lab.close().await;
}

/// contract §7: a shutdown ends a backoff as any stop does.
#[tokio::test(start_paused = true)]
async fn a_shutdown_does_not_wait_for_a_backoff() {
    let lab = Lab::new("shutdown-backoff");
    let backoff = postbox::Backoff::exponential(secs(60), secs(60));
    let tree = lab.supervisor().backoff(backoff).start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    probe.ask(Poison(0)).await.unwrap_err();
    let start = Instant::now();
    assert!(lab.system.shutdown(secs(10)).await.is_clean());
    assert_eq!(start.elapsed(), secs(0));
    lab.close().await;
}

/// contract §7: a system that has been shut down may be shut down again.
#[tokio::test(start_paused = true)]
async fn a_second_shutdown_finds_nobody() {
    let lab = Lab::new("shutdown-again");
    let probe = lab.probe("a");
    assert_eq!(lab.system.shutdown(secs(1)).await.stopped, [probe.identity().clone()]);
    let report = lab.system.shutdown(secs(1)).await;
    assert!(report.stopped.is_empty() && report.is_clean());
    lab.close().await;
}

/// contract §7: an actor that is spawned while the system shuts down is stopped as well.
#[tokio::test(start_paused = true)]
async fn what_is_spawned_during_a_shutdown_is_stopped_too() {
    let lab = Lab::new("shutdown-late");
    let first = lab.probe("a");
    lab.diary.hold(At::Stopped, "a");
    let mut shutdown = task::spawn(lab.system.shutdown(secs(10)));
    assert_pending!(shutdown.poll());
    lab.diary.entered().await;
    let late = lab.probe("b");
    lab.diary.open();
    let report = shutdown.await;
    assert!(report.is_clean(), "{report:?}");
    assert!(matches!(late.ended().await, StopReason::Stopped));
    first.ended().await;
    lab.close().await;
}

/// A kill is lowered before the `stopped` hook begins; the next one must be seen though it is raised in the
/// same poll.
#[tokio::test(start_paused = true)]
async fn a_kill_out_of_the_stopped_hook_after_a_kill_cuts_it_at_once() {
    struct Stubborn;
    impl Actor for Stubborn {
        async fn stopped(&mut self, ctx: &mut Context<Self>, _reason: &StopReason) {
            ctx.handle().kill();
            std::future::pending().await
        }
    }
    let lab = Lab::new("kill twice");
    let stubborn = Stubborn.prepare().system(&lab.system).start().await.unwrap();
    stubborn.kill();
    assert_eq!(took(async { drop(stubborn.ended().await) }).await, millis(0));
    lab.close().await;
}
