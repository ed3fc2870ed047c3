//! An actor as the end of a stream, with the feature `stream`: back-pressure by room that is held, and no loss.
//! Contract §1, §7 and §8.

#[path = "support/lab.rs"]
mod lab;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
};

use futures_util::{Sink, SinkExt, StreamExt, stream};
use lab::{Hold, Lab, Note, Probe, idle, secs};
use postbox::{Overflow, Reason, TellSink, prelude::*};
use tokio::task::JoinSet;
use tokio_test::{assert_pending, assert_ready, assert_ready_ok, task};

/// A probe with something in its handler.
async fn busy(lab: &Lab, capacity: usize, overflow: Overflow) -> ActorRef<Probe> {
    let probe = lab.diary.probe("probe", &[]).unwrap().prepare().capacity(capacity).overflow(overflow);
    let probe = probe.system(&lab.system).spawn().unwrap();
    probe.tell(Hold(0)).await.unwrap();
    lab.diary.entered().await;
    probe
}

/// A sink that a test polls step by step.
type Spawned = task::Spawn<TellSink<Note>>;

fn ready(sink: &mut Spawned) -> std::task::Poll<Result<(), TellError<Note>>> {
    sink.enter(|cx, sink| sink.poll_ready(cx))
}

fn start(sink: &mut Spawned, note: u32) -> Result<(), TellError<Note>> {
    sink.enter(|_, sink| sink.start_send(Note(note)))
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_forwarded_to_its_end_in_order_whatever_the_capacity() {
    for capacity in [1, 2, 64] {
        let lab = Lab::new("forward");
        let probe = lab.diary.probe("probe", &[]).unwrap().prepare().capacity(capacity);
        let probe = probe.system(&lab.system).spawn().unwrap();
        stream::iter(0..500).map(Note).map(Ok).forward(probe.sink()).await.unwrap();
        let recipient: Recipient<Note> = probe.recipient();
        stream::iter(500..600).map(Note).map(Ok).forward(recipient.sink()).await.unwrap();
        idle().await;
        assert_eq!(lab.diary.notes(), (0..600).collect::<Vec<_>>());
        lab.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_mailbox_holds_the_stream_up() {
    let lab = Lab::new("holds up");
    let probe = busy(&lab, 2, Overflow::Wait).await;
    let mut given = 0;
    let notes = stream::iter(1..).take(10).inspect(|note| given = *note).map(Note).map(Ok);
    let mut forward = task::spawn(notes.forward(probe.sink()));
    assert_pending!(forward.poll());
    idle().await;
    assert!(!forward.is_woken());
    assert_eq!(probe.ledger().queued, 2);
    lab.diary.open();
    idle().await;
    assert!(forward.is_woken());
    forward.await.unwrap();
    assert_eq!(given, 10);
    idle().await;
    assert_eq!(lab.diary.notes(), (0..=10).collect::<Vec<_>>());
    lab.close().await;
}

/// contract §8: `tell(..).await` waits its turn (fair, first come first served)
#[tokio::test(start_paused = true)]
async fn a_sink_stands_in_the_line_like_any_sender() {
    let lab = Lab::new("line");
    let probe = busy(&lab, 1, Overflow::Wait).await;
    probe.try_tell(Note(1)).unwrap();
    let mut before = task::spawn(probe.tell(Note(2)));
    assert_pending!(before.poll());
    let mut sink = task::spawn(probe.sink());
    assert_pending!(ready(&mut sink));
    let mut after = task::spawn(probe.tell(Note(4)));
    assert_pending!(after.poll());
    lab.diary.open();
    idle().await;
    assert!(before.is_woken() && !sink.is_woken() && !after.is_woken());
    assert_ready_ok!(before.poll());
    idle().await;
    assert!(sink.is_woken() && !after.is_woken());
    assert_ready_ok!(ready(&mut sink));
    idle().await;
    assert!(!after.is_woken(), "the room is held");
    start(&mut sink, 3).unwrap();
    idle().await;
    assert_ready_ok!(after.poll());
    idle().await;
    assert_eq!(lab.diary.notes(), [0, 1, 2, 3, 4]);
    drop((before, after, sink));
    lab.close().await;
}

/// contract I10: the bound holds for room that is held
#[tokio::test(start_paused = true)]
async fn room_that_is_held_is_nobody_elses_until_it_is_given_back() {
    let lab = Lab::new("held");
    let probe = busy(&lab, 1, Overflow::Wait).await;
    let mut sink = task::spawn(probe.sink());
    assert_ready_ok!(ready(&mut sink));
    assert_ready_ok!(ready(&mut sink));
    assert!(matches!(probe.try_tell(Note(1)), Err(TryTellError::Full { .. })));
    assert_eq!(probe.ledger().queued, 0);
    let mut next = task::spawn(probe.tell(Note(1)));
    assert_pending!(next.poll());
    sink.enter(|cx, sink| assert_ready_ok!(sink.poll_close(cx)));
    assert!(next.is_woken());
    assert_ready_ok!(next.poll());
    // It can be used again, and gives its place in the line up when it is dropped.
    assert_pending!(ready(&mut sink));
    let mut last = task::spawn(probe.tell(Note(2)));
    assert_pending!(last.poll());
    lab.diary.open();
    idle().await;
    assert!(sink.is_woken() && !last.is_woken());
    drop(sink);
    assert!(last.is_woken());
    assert_ready_ok!(last.poll());
    idle().await;
    assert_eq!(lab.diary.notes(), [0, 1, 2]);
    drop((next, last));
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_with_nothing_ready_holds_no_room() {
    let lab = Lab::new("nothing ready");
    let probe = busy(&lab, 1, Overflow::Wait).await;
    let mut forward = task::spawn(stream::pending::<Note>().map(Ok).forward(probe.sink()));
    assert_pending!(forward.poll());
    probe.try_tell(Note(1)).unwrap();
    drop(forward);
    lab.diary.open();
    lab.close().await;
}

/// What a forward had in hand when it lost is gone with it, as with any sink; what it had given was accepted, and the
/// stream by reference goes on behind it.
#[tokio::test(start_paused = true)]
async fn a_forward_that_loses_a_select_leaves_what_it_has_sent_and_makes_way() {
    let lab = Lab::new("select");
    let probe = busy(&lab, 2, Overflow::Wait).await;
    let mut notes = stream::iter(1..=6);
    tokio::select! {
        forwarded = notes.by_ref().map(Note).map(Ok).forward(probe.sink()) => panic!("{forwarded:?}"),
        () = idle() => {}
    }
    assert_eq!(probe.ledger().queued, 2);
    lab.diary.open();
    tokio::select! {
        forwarded = notes.by_ref().map(Note).map(Ok).forward(probe.sink()) => forwarded.unwrap(),
        () = tokio::time::sleep(secs(60)) => panic!("the place in the line was kept"),
    }
    idle().await;
    assert_eq!(lab.diary.notes(), [0, 1, 2, 4, 5, 6]);
    lab.close().await;
}

/// contract I5: nothing is accepted after close; what was not is in the error
#[tokio::test(start_paused = true)]
async fn a_stop_hands_the_message_at_hand_back_and_loses_none() {
    for waits in [false, true] {
        let lab = Lab::new("stop");
        let probe = busy(&lab, 3, Overflow::Wait).await;
        let mut notes = stream::iter(1..100);
        let end = if waits { 100 } else { 3 };
        let mut forward = task::spawn(
            notes.by_ref().take(end).chain(stream::pending()).map(Note).map(Ok).forward(probe.sink()),
        );
        assert_pending!(forward.poll());
        probe.stop();
        let next = if waits {
            assert!(forward.is_woken());
            let error = assert_ready!(forward.poll()).unwrap_err();
            assert!(matches!(error, TellError::Stopped { msg: Note(4), .. }), "{error:?}");
            5
        } else {
            4
        };
        drop(forward);
        assert_eq!(notes.next().await, Some(next), "none has been taken and lost");
        let error = probe.sink().send(Note(7)).await.unwrap_err();
        assert!(matches!(error, TellError::Stopped { msg: Note(7), .. }), "{error:?}");
        lab.diary.open();
        probe.ended().await;
        assert_eq!(lab.diary.notes(), [0, 1, 2, 3]);
        lab.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_takes_the_room_that_is_held() {
    let lab = Lab::new("room");
    let probe = busy(&lab, 1, Overflow::Wait).await;
    let mut sink = task::spawn(probe.sink());
    assert_ready_ok!(ready(&mut sink));
    probe.stop();
    assert!(matches!(start(&mut sink, 1), Err(TellError::Stopped { msg: Note(1), .. })));
    lab.diary.open();
    probe.ended().await;
    drop(sink);
    lab.close().await;
}

/// contract §4: the bound and its back-pressure survive a restart
#[tokio::test(start_paused = true)]
async fn a_restart_keeps_the_room_that_is_held() {
    let lab = Lab::new("restart");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("probe").capacity(1)).await.unwrap();
    let mut sink = task::spawn(probe.sink());
    assert_ready_ok!(ready(&mut sink));
    probe.handle().kill();
    idle().await;
    assert_eq!(lab.diary.made("probe"), 2);
    assert!(matches!(probe.try_tell(Note(2)), Err(TryTellError::Full { .. })));
    start(&mut sink, 1).unwrap();
    idle().await;
    assert_eq!(lab.diary.notes(), [1]);
    drop(sink);
    lab.close().await;
}

/// contract §8: what it drops is a dead letter, and nobody waits
#[tokio::test(start_paused = true)]
async fn a_sink_to_a_mailbox_that_drops_never_waits_and_holds_no_room() {
    let cases =
        [(Overflow::DropOldest, Reason::Evicted, 1..=8), (Overflow::DropNewest, Reason::Overflow, 3..=10)];
    for (overflow, reason, dropped) in cases {
        let lab = Lab::new("drops");
        let probe = busy(&lab, 2, overflow).await;
        let mut sink = task::spawn(probe.sink());
        assert_ready_ok!(ready(&mut sink));
        for note in 1..=2 {
            probe.try_tell(Note(note)).unwrap();
        }
        assert_eq!(lab.letters(reason).len(), 0, "there was room for two");
        for note in 3..=10 {
            assert_ready_ok!(ready(&mut sink));
            start(&mut sink, note).unwrap();
        }
        assert_eq!(lab.dead_notes(reason), dropped.collect::<Vec<_>>());
        lab.diary.open();
        drop(sink);
        lab.close().await;
    }
}

/// Forwards so many notes to its own actor, and reports whether that would have been a deadlock.
struct ToMyself(u32);

impl Message for ToMyself {
    type Reply = Option<u32>;
}

impl Handler<ToMyself> for Probe {
    async fn handle(&mut self, ToMyself(count): ToMyself, ctx: &mut Context<Self>) -> Option<u32> {
        let mut sink = ctx.actor_ref().sink();
        for note in 1..=count {
            match sink.send(Note(note)).await {
                Ok(()) => {}
                Err(TellError::WouldDeadlock { msg, .. }) => return Some(msg.0),
                Err(error) => panic!("{error}"),
            }
        }
        None
    }
}

/// contract §8: a tell to oneself with the mailbox full would wait for ever
#[tokio::test(start_paused = true)]
async fn a_sink_to_oneself_that_would_wait_refuses_with_the_message() {
    let lab = Lab::new("oneself");
    let probe = lab.diary.probe("probe", &[]).unwrap().prepare().capacity(3);
    let probe = probe.system(&lab.system).spawn().unwrap();
    assert_eq!(probe.ask(ToMyself(3)).await.unwrap(), None);
    assert_eq!(probe.ask(ToMyself(5)).await.unwrap(), Some(4));
    idle().await;
    assert_eq!(lab.diary.notes(), [1, 2, 3, 1, 2, 3]);
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_given_without_asking_for_room_panics_when_there_is_none() {
    let lab = Lab::new("misuse");
    let probe = busy(&lab, 1, Overflow::Wait).await;
    let mut sink = probe.sink();
    Pin::new(&mut sink).start_send(Note(1)).unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| Pin::new(&mut sink).start_send(Note(2)).is_ok())).is_err());
    lab.diary.open();
    idle().await;
    assert_eq!(lab.diary.notes(), [0, 1]);
    drop(sink);
    lab.close().await;
}

/// A stream that is always ready, to a mailbox that is never full, lets others run: here the actor.
#[tokio::test(start_paused = true)]
async fn a_long_stream_to_a_mailbox_that_never_is_full_gives_way() {
    let lab = Lab::new("gives way");
    let probe = lab.diary.probe("probe", &[]).unwrap().prepare().capacity(4).overflow(Overflow::DropOldest);
    let probe = probe.system(&lab.system).spawn().unwrap();
    stream::iter(0..100_000).map(Note).map(Ok).forward(probe.sink()).await.unwrap();
    let handled = lab.diary.notes().len();
    assert!(handled >= 2 * 4, "it ran in between, and not once alone: {handled}");
    lab.close().await;
}

/// contract I2, I4 and I10, with streams, batches and single messages at once
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_streams_share_one_bound_and_lose_nothing() {
    const EACH: u32 = 300;
    for capacity in [1, 3, 64] {
        let lab = Lab::new("sixteen");
        let probe = lab.diary.probe("probe", &[]).unwrap().prepare().capacity(capacity);
        let probe = probe.system(&lab.system).spawn().unwrap();
        let mut senders = JoinSet::new();
        for sender in 0..16 {
            let probe = probe.clone();
            senders.spawn(async move {
                let notes = (0..EACH).map(move |note| Note(sender * EACH + note));
                match sender % 3 {
                    0 => stream::iter(notes).map(Ok).forward(probe.sink()).await.unwrap(),
                    1 => drop(probe.tell_all(notes).await.unwrap()),
                    _ => {
                        for note in notes {
                            probe.tell(note).await.unwrap();
                        }
                    }
                }
            });
        }
        senders.join_all().await;
        probe.stop();
        probe.ended().await;
        let notes = lab.diary.notes();
        for sender in 0..16 {
            let of = notes.iter().copied().filter(|note| note / EACH == sender);
            assert_eq!(of.collect::<Vec<_>>(), (sender * EACH..(sender + 1) * EACH).collect::<Vec<_>>());
        }
        assert_eq!(lab.system.shutdown(secs(1)).await.ledger.handled, u64::from(16 * EACH));
        lab.close().await;
    }
}
