//! Many messages in one send, `tell_all` and `try_tell_many`: what the contract promises for a message told by
//! itself holds for each of them. Contract §1 (I3, I4, I5, I10), §4, §7 and §8.

#[path = "support/lab.rs"]
mod lab;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use lab::{Hold, Lab, Note, Poison, Probe, idle, millis, secs, took};
use postbox::{Overflow, Reason, prelude::*};
use tokio::task::JoinSet;
use tokio_test::{assert_pending, assert_ready, task};

/// A probe with something in its handler.
async fn busy(lab: &Lab, capacity: usize, overflow: Overflow) -> ActorRef<Probe> {
    let probe = lab.diary.probe("probe", &[]).unwrap().prepare().capacity(capacity).overflow(overflow);
    let probe = probe.system(&lab.system).spawn().unwrap();
    probe.tell(Hold(0)).await.unwrap();
    lab.diary.entered().await;
    probe
}

fn notes(ids: impl IntoIterator<Item = u32, IntoIter: Send>) -> impl Iterator<Item = Note> + Send {
    ids.into_iter().map(Note)
}

fn ids(notes: impl Iterator<Item = Note>) -> Vec<u32> {
    notes.map(|note| note.0).collect()
}

fn upto(end: u32) -> Vec<u32> {
    (0..end).collect()
}

// What is accepted.

#[tokio::test(start_paused = true)]
async fn all_messages_are_accepted_in_their_order_whatever_the_capacity() {
    for capacity in [1, 2, 7, 31, 32, 33, 64, 1000] {
        let lab = Lab::new("order");
        let probe = lab.diary.probe("probe", &[]).unwrap();
        let probe = probe.prepare().capacity(capacity).system(&lab.system).spawn().unwrap();
        for count in [0, 1, 31, 32, 33, 64, 200] {
            assert_eq!(probe.tell_all(notes(0..count)).await.unwrap(), count as usize);
            idle().await;
            assert_eq!(lab.diary.notes(), upto(count), "capacity {capacity}");
        }
        lab.close().await;
    }
}

/// contract I10: unsettled messages ≤ capacity (+1 in flight)
#[tokio::test(start_paused = true)]
async fn a_batch_that_does_not_wait_fills_the_mailbox_and_hands_the_rest_back() {
    for capacity in [1, 2, 31, 32, 33, 64, 100] {
        let lab = Lab::new("many");
        let probe = busy(&lab, capacity, Overflow::Wait).await;
        let error = probe.try_tell_many(notes(1..=150)).unwrap_err();
        assert_eq!(error.accepted, capacity);
        let first = u32::try_from(capacity).unwrap() + 1;
        assert!(
            matches!(&error.error, TryTellError::Full { msg: Note(msg), capacity: of, .. }
                if *msg == first && *of == capacity),
            "{error:?}"
        );
        assert_eq!(ids(error.into_rest()), (first..=150).collect::<Vec<_>>());
        let ledger = probe.ledger();
        assert_eq!((ledger.queued, ledger.in_flight), (capacity as u64, 1), "{ledger}");
        lab.diary.open();
        idle().await;
        assert_eq!(lab.diary.notes(), upto(first));
        assert_eq!(probe.try_tell_many(notes(1..=1)).unwrap(), 1);
        lab.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_error_says_who_what_and_why_and_how_far_it_came() {
    let lab = Lab::new("text");
    let probe = busy(&lab, 2, Overflow::Wait).await;
    let error = probe.try_tell_many(notes(1..=9)).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("tell Note to probe") || text.starts_with("tell Note to Probe"), "{text}");
    assert!(text.contains("full at 2") && text.ends_with("2 before it were accepted)"), "{text}");
    assert!(format!("{error:?}").contains("accepted: 2"), "{error:?}");
    lab.diary.open();
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn an_empty_batch_is_accepted_by_an_actor_that_has_stopped() {
    let lab = Lab::new("empty");
    let probe = lab.probe("probe");
    probe.stop();
    probe.ended().await;
    assert_eq!(probe.tell_all(notes([])).await.unwrap(), 0);
    assert_eq!(probe.try_tell_many(notes([])).unwrap(), 0);
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_recipient_sends_batches_as_a_reference_does() {
    let lab = Lab::new("recipient");
    let probe = busy(&lab, 4, Overflow::Wait).await;
    let recipient: Recipient<Note> = probe.recipient();
    let error = recipient.try_tell_many(notes(1..=9)).unwrap_err();
    assert_eq!(error.accepted, 4);
    let mut rest = task::spawn(recipient.tell_all(error.into_rest()));
    assert_pending!(rest.poll());
    lab.diary.open();
    assert_eq!(rest.await.unwrap(), 5);
    idle().await;
    assert_eq!(lab.diary.notes(), upto(10));
    lab.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_from_a_thread_blocks_until_all_of_it_is_accepted() {
    let lab = Lab::new("blocking");
    let probe = lab.diary.probe("probe", &[]).unwrap().prepare().capacity(3);
    let probe = probe.system(&lab.system).spawn().unwrap();
    let sender = probe.clone();
    let sent = std::thread::spawn(move || sender.tell_all(notes(0..500)).blocking().unwrap());
    let sent = tokio::task::spawn_blocking(|| sent.join().unwrap()).await.unwrap();
    assert_eq!(sent, 500);
    probe.stop();
    probe.ended().await;
    assert_eq!(lab.diary.notes(), upto(500));
    lab.close().await;
}

// The line.

/// contract §8: `tell(..).await` waits its turn (fair, first come first served)
#[tokio::test(start_paused = true)]
async fn a_batch_waits_behind_those_that_came_before_it_and_before_those_that_came_after() {
    let lab = Lab::new("line");
    let probe = busy(&lab, 1, Overflow::Wait).await;
    probe.try_tell(Note(1)).unwrap();
    let mut before = task::spawn(probe.tell(Note(2)));
    assert_pending!(before.poll());
    let mut batch = task::spawn(probe.tell_all(notes([3, 5, 6])));
    assert_pending!(batch.poll());
    let mut after = task::spawn(probe.tell(Note(4)));
    assert_pending!(after.poll());
    assert!(matches!(probe.try_tell(Note(7)), Err(TryTellError::Full { .. })));
    lab.diary.open();
    idle().await;
    assert!(before.is_woken() && !batch.is_woken(), "room for one");
    let (before, batch, after) = tokio::join!(before, batch, after);
    before.unwrap();
    assert_eq!(batch.unwrap(), 3);
    after.unwrap();
    idle().await;
    assert_eq!(lab.diary.notes(), [0, 1, 2, 3, 4, 5, 6], "they take turns");
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_was_granted_room_takes_all_the_room_there_is_by_then() {
    let lab = Lab::new("room");
    let probe = busy(&lab, 4, Overflow::Wait).await;
    let mut batch = task::spawn(probe.tell_all(notes(1..=12)));
    assert_pending!(batch.poll());
    assert_eq!(batch.accepted(), 4);
    lab.diary.open();
    idle().await;
    assert!(batch.is_woken());
    assert_eq!(lab.diary.notes(), upto(5));
    assert_pending!(batch.poll());
    assert_eq!(batch.accepted(), 8, "one by its grant, and three more");
    idle().await;
    assert_eq!(assert_ready!(batch.poll()).unwrap(), 12);
    idle().await;
    assert_eq!(lab.diary.notes(), (5..=12).collect::<Vec<_>>());
    drop(batch);
    lab.close().await;
}

#[derive(Message)]
struct From(usize, u32);

/// Notes what it got from whom, and how much was queued meanwhile.
struct Tally {
    seen: Arc<Mutex<Vec<(usize, u32)>>>,
    most: Arc<AtomicUsize>,
}

impl Actor for Tally {}

impl Handler<From> for Tally {
    async fn handle(&mut self, From(sender, number): From, ctx: &mut Context<Self>) {
        self.seen.lock().unwrap().push((sender, number));
        self.most.fetch_max(ctx.handle().depth(), Ordering::Relaxed);
        if number % 7 == 0 {
            tokio::task::yield_now().await;
        }
    }
}

/// contract I10, I4 and I2: per sender in accept order, each once, and never more than fit
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_senders_of_batches_and_of_single_messages_share_one_bound() {
    const EACH: u32 = 1000;
    for capacity in [1, 5, 64] {
        let system = System::new("sixteen");
        let (seen, most) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<AtomicUsize>::default());
        let tally = Tally { seen: Arc::clone(&seen), most: Arc::clone(&most) };
        let actor = tally.prepare().capacity(capacity).system(&system).spawn().unwrap();
        let mut senders = JoinSet::new();
        for sender in 0..16 {
            let actor = actor.clone();
            senders.spawn(async move {
                let mut all = (0..EACH).map(move |number| From(sender, number));
                match sender % 4 {
                    0 => assert_eq!(actor.tell_all(all).await.unwrap(), EACH as usize),
                    // In pieces, the rest of each by another way.
                    1 => {
                        while all.len() > 0 {
                            if let Err(error) = actor.try_tell_many(all.by_ref().take(50)) {
                                let rest = error.into_rest().collect::<Vec<_>>();
                                actor.tell_all(rest).await.unwrap();
                            }
                        }
                    }
                    2 => {
                        let recipient: Recipient<From> = actor.recipient();
                        while all.len() > 0 {
                            recipient.tell_all(all.by_ref().take(3)).await.unwrap();
                        }
                    }
                    _ => {
                        for msg in all {
                            actor.tell(msg).await.unwrap();
                        }
                    }
                }
            });
        }
        senders.join_all().await;
        drop(actor);
        let report = system.shutdown(secs(60)).await;
        assert!(report.ledger.balances(), "{}", report.ledger);
        assert_eq!((report.ledger.handled, system.dead_letters().total()), (u64::from(16 * EACH), 0));
        assert!(most.load(Ordering::Relaxed) <= capacity);
        let seen = seen.lock().unwrap();
        for sender in 0..16 {
            let of = seen.iter().filter(|(from, _)| *from == sender).map(|(_, number)| *number);
            assert_eq!(of.collect::<Vec<_>>(), upto(EACH), "sender {sender}, capacity {capacity}");
        }
    }
}

/// A batch that never has to wait lets others run all the same: here the actor, on the same thread.
#[tokio::test(start_paused = true)]
async fn a_long_batch_into_a_mailbox_that_never_is_full_gives_way() {
    let lab = Lab::new("gives way");
    let probe = lab.diary.probe("probe", &[]).unwrap().prepare().capacity(4).overflow(Overflow::DropOldest);
    let probe = probe.system(&lab.system).spawn().unwrap();
    assert_eq!(probe.tell_all(notes(0..100_000)).await.unwrap(), 100_000);
    let handled = lab.diary.notes().len();
    assert!(handled >= 2 * 4, "it ran in between, and not once alone: {handled}");
    for note in 0..100_000 {
        assert_eq!(probe.tell_all(notes([note])).await.unwrap(), 1);
    }
    let handled = lab.diary.notes().len();
    assert!(handled >= 2 * 4, "many small ones are as one that is long: {handled}");
    lab.close().await;
}

// Cancelled.

/// contract §8: cancel-safe. Whenever it is dropped, what was accepted stays accepted and the rest comes back.
#[tokio::test(start_paused = true)]
async fn a_batch_given_up_at_any_point_keeps_what_was_accepted_and_returns_the_rest() {
    for (capacity, count) in [(1, 5), (3, 10), (40, 100)] {
        for polls in 0..=count {
            let lab = Lab::new("given up");
            let probe = busy(&lab, capacity, Overflow::Wait).await;
            let mut batch = task::spawn(probe.tell_all(notes(1..=count)));
            let mut ready = false;
            for poll in 0..polls {
                ready = batch.poll().is_ready();
                if ready {
                    break;
                }
                if poll == 0 {
                    lab.diary.open();
                }
                idle().await;
            }
            if polls == 0 {
                lab.diary.open();
            }
            let accepted = u32::try_from(batch.accepted()).unwrap();
            assert_eq!(ready, accepted == count);
            let rest = ids(batch.into_inner().into_rest());
            assert_eq!(rest, (accepted + 1..=count).collect::<Vec<_>>());
            // Nobody stands in the line, nor is room promised to anybody.
            idle().await;
            probe.try_tell(Note(1000)).unwrap();
            idle().await;
            assert_eq!(lab.diary.notes(), (0..=accepted).chain([1000]).collect::<Vec<_>>());
            assert_eq!(probe.ledger().accepted, u64::from(accepted) + 2);
            lab.close().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_dropped_after_it_was_granted_room_hands_the_room_on() {
    let lab = Lab::new("hands on");
    let probe = busy(&lab, 1, Overflow::Wait).await;
    let mut batch = task::spawn(probe.tell_all(notes(1..=3)));
    assert_pending!(batch.poll());
    let mut next = task::spawn(probe.tell(Note(9)));
    assert_pending!(next.poll());
    lab.diary.open();
    idle().await;
    assert!(batch.is_woken() && !next.is_woken());
    drop(batch);
    assert!(next.is_woken());
    assert_ready!(next.poll()).unwrap();
    drop(next);
    idle().await;
    assert_eq!(lab.diary.notes(), [0, 1, 9]);
    lab.close().await;
}

// Limits.

#[tokio::test(start_paused = true)]
async fn a_batch_gives_up_in_time_with_all_that_is_left() {
    let lab = Lab::new("timeout");
    let probe = busy(&lab, 2, Overflow::Wait).await;
    let batch = async {
        let error = probe.tell_all(notes(1..=50)).timeout(millis(10)).await.unwrap_err();
        assert_eq!(error.accepted, 2);
        assert!(
            matches!(error.error, TellError::Timeout { msg: Note(3), after, .. } if after == millis(10)),
            "{error:?}"
        );
        assert_eq!(ids(error.into_rest()), (3..=50).collect::<Vec<_>>());
    };
    assert_eq!(took(batch).await, millis(10));
    lab.diary.open();
    idle().await;
    probe.try_tell(Note(3)).unwrap();
    idle().await;
    assert_eq!(lab.diary.notes(), [0, 1, 2, 3], "it does not stand in the line any more");
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn limits_of_zero_are_refused_and_those_without_end_are_none() {
    let lab = Lab::new("zero");
    let probe = lab.probe("probe");
    let error = probe.tell_all(notes(1..=3)).timeout(Duration::ZERO).await.unwrap_err();
    assert!(matches!(error.error, TellError::Timeout { msg: Note(1), .. }), "{error:?}");
    let error = probe.tell_all(notes(1..=3)).deadline(Duration::ZERO).await.unwrap_err();
    assert!(matches!(error.error, TellError::Timeout { msg: Note(1), .. }), "{error:?}");
    let error = probe.tell_all(notes(1..=3)).deadline(Duration::ZERO).now().unwrap_err();
    assert!(matches!(error.error, TryTellError::Timeout { msg: Note(1), .. }), "{error:?}");
    assert_eq!(probe.tell_all(notes([])).timeout(Duration::ZERO).await.unwrap(), 0, "nothing to refuse");
    let sent = probe.tell_all(notes(1..=3)).timeout(Duration::MAX).deadline(Duration::MAX).await;
    assert_eq!(sent.unwrap(), 3);
    idle().await;
    assert_eq!(lab.diary.notes(), [1, 2, 3]);
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_over_leaves_the_line_at_once() {
    let lab = Lab::new("leaves");
    let probe = busy(&lab, 1, Overflow::Wait).await;
    probe.try_tell(Note(1)).unwrap();
    let mut batch = task::spawn(probe.tell_all(notes(2..=3)).timeout(millis(10)));
    assert_pending!(batch.poll());
    tokio::time::sleep(millis(10)).await;
    assert!(assert_ready!(batch.poll()).is_err());
    lab.diary.open();
    idle().await;
    // It is still there, and nobody waits for it.
    probe.try_tell(Note(4)).unwrap();
    drop(batch);
    idle().await;
    assert_eq!(lab.diary.notes(), [0, 1, 4]);
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_message_that_waited_for_its_room_keeps_its_deadline_in_the_queue() {
    let lab = Lab::new("waited");
    let probe = busy(&lab, 1, Overflow::Wait).await;
    probe.try_tell(Hold(1)).unwrap();
    let mut batch = task::spawn(probe.tell_all(notes([2])).deadline(millis(10)));
    assert_pending!(batch.poll());
    lab.diary.open();
    lab.diary.entered().await;
    assert_eq!(assert_ready!(batch.poll()).unwrap(), 1);
    tokio::time::sleep(millis(10)).await;
    lab.diary.open();
    idle().await;
    assert_eq!((lab.diary.notes(), lab.dead_notes(Reason::Expired)), (vec![0, 1], vec![2]));
    drop(batch);
    lab.close().await;
}

/// contract §2: queued ► expired ► dead letter (reason)
#[tokio::test(start_paused = true)]
async fn the_deadline_of_a_batch_is_that_of_each_message() {
    let lab = Lab::new("deadline");
    let probe = busy(&lab, 3, Overflow::Wait).await;
    let error = probe.tell_all(notes(1..=5)).deadline(millis(10)).await.unwrap_err();
    assert_eq!(error.accepted, 3);
    assert!(matches!(error.error, TellError::Timeout { msg: Note(4), .. }), "{error:?}");
    lab.diary.open();
    idle().await;
    assert_eq!(lab.diary.notes(), [0], "those in the queue expired there");
    assert_eq!(lab.dead_notes(Reason::Expired), [1, 2, 3]);
    lab.close().await;
}

// Closed, and restarted.

/// contract I5: nothing is accepted after close; nothing accepted is without a fate
#[tokio::test(start_paused = true)]
async fn a_close_in_mid_batch_hands_back_what_was_not_accepted() {
    let lab = Lab::new("close");
    let probe = busy(&lab, 4, Overflow::Wait).await;
    let mut batch = task::spawn(probe.tell_all(notes(1..=40)));
    assert_pending!(batch.poll());
    probe.stop();
    assert!(batch.is_woken());
    let error = assert_ready!(batch.poll()).unwrap_err();
    assert_eq!(error.accepted, 4);
    assert!(matches!(error.error, TellError::Stopped { msg: Note(5), .. }), "{error:?}");
    assert_eq!(ids(error.into_rest()), (5..=40).collect::<Vec<_>>());
    let error = probe.try_tell_many(notes(1..=3)).unwrap_err();
    assert!(matches!(error.error, TryTellError::Stopped { msg: Note(1), .. }), "{error:?}");
    assert_eq!((error.accepted, error.rest.count()), (0, 2));
    lab.diary.open();
    probe.ended().await;
    assert_eq!(lab.diary.notes(), upto(5), "those accepted before are handled");
    drop(batch);
    lab.close().await;
}

/// contract §7: dead letters `Killed`; what was not accepted comes back
#[tokio::test(start_paused = true)]
async fn a_kill_in_mid_batch_gives_each_message_one_fate() {
    let lab = Lab::new("kill");
    let probe = busy(&lab, 8, Overflow::Wait).await;
    let mut batch = task::spawn(probe.tell_all(notes(1..=40)));
    assert_pending!(batch.poll());
    probe.kill();
    probe.ended().await;
    let error = assert_ready!(batch.poll()).unwrap_err();
    assert_eq!(ids(error.into_rest()), (9..=40).collect::<Vec<_>>());
    assert_eq!(lab.dead_notes(Reason::Killed), (1..=8).collect::<Vec<_>>());
    drop(batch);
    lab.close().await;
}

/// Each message of a batch that races with the end is either accepted, and has a fate, or comes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_close_that_races_with_batches_loses_nothing() {
    for round in 0..200_u32 {
        let lab = Lab::new("race");
        let probe = lab.diary.probe("probe", &[]).unwrap().prepare().capacity(16);
        let probe = probe.system(&lab.system).spawn().unwrap();
        let mut senders = JoinSet::new();
        for _ in 0..4 {
            let probe = probe.clone();
            senders.spawn(async move {
                match probe.tell_all(notes(0..200)).await {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        let accepted = error.accepted;
                        let rest = u32::try_from(accepted).unwrap();
                        assert_eq!(ids(error.into_rest()), (rest..200).collect::<Vec<_>>());
                        accepted
                    }
                }
            });
        }
        if round % 2 == 0 {
            tokio::task::yield_now().await;
        }
        if round % 3 == 0 {
            probe.kill()
        } else {
            probe.stop()
        }
        let accepted: usize = senders.join_all().await.into_iter().sum();
        probe.ended().await;
        assert_eq!(probe.ledger().accepted, accepted as u64);
        lab.close().await;
    }
}

/// contract §4: the seat keeps the mailbox with all pending messages in order, and its back-pressure
#[tokio::test(start_paused = true)]
async fn a_restart_in_mid_batch_keeps_the_messages_and_the_place_in_the_line() {
    let lab = Lab::new("restart");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("probe").capacity(4)).await.unwrap();
    probe.tell(Hold(0)).await.unwrap();
    lab.diary.entered().await;
    probe.tell(Poison(1)).await.unwrap();
    let mut batch = task::spawn(probe.tell_all(notes(1..=50)));
    assert_pending!(batch.poll());
    assert_eq!(batch.accepted(), 3);
    lab.diary.open();
    assert_eq!(batch.await.unwrap(), 50);
    idle().await;
    assert_eq!(lab.diary.notes(), (0..=50).collect::<Vec<_>>());
    assert_eq!((lab.diary.made("probe"), lab.letters(Reason::Failed).len()), (2, 1));
    drop(tree);
    lab.close().await;
}

// To oneself.

/// Tells its own actor a batch, and reports what came of it.
struct ToMyself(u32);

impl Message for ToMyself {
    type Reply = (usize, Vec<u32>);
}

impl Handler<ToMyself> for Probe {
    async fn handle(&mut self, ToMyself(count): ToMyself, ctx: &mut Context<Self>) -> (usize, Vec<u32>) {
        match ctx.actor_ref().tell_all(notes(1..=count)).await {
            Ok(accepted) => (accepted, vec![]),
            Err(error) => {
                assert!(matches!(error.error, TellError::WouldDeadlock { .. }), "{error:?}");
                (error.accepted, ids(error.into_rest()))
            }
        }
    }
}

/// contract §8: a tell to oneself with the mailbox full would wait for ever
#[tokio::test(start_paused = true)]
async fn a_batch_to_oneself_that_does_not_fit_would_deadlock_and_says_so() {
    let lab = Lab::new("oneself");
    let probe = lab.diary.probe("probe", &[]).unwrap().prepare().capacity(3);
    let probe = probe.system(&lab.system).spawn().unwrap();
    assert_eq!(probe.ask(ToMyself(3)).await.unwrap(), (3, vec![]));
    assert_eq!(probe.ask(ToMyself(5)).await.unwrap(), (3, vec![4, 5]));
    idle().await;
    assert_eq!(lab.diary.notes(), [1, 2, 3, 1, 2, 3]);
    lab.close().await;
}

// Mailboxes that drop, and the priority lane.

/// contract §8: what it drops is a dead letter (`Overflow`, `Evicted`) and counted
#[tokio::test(start_paused = true)]
async fn a_batch_into_a_mailbox_that_drops_is_accepted_as_a_whole() {
    let cases = [
        (Overflow::DropOldest, Reason::Evicted, 1..=97, 98..=100),
        (Overflow::DropNewest, Reason::Overflow, 4..=100, 1..=3),
    ];
    for (overflow, reason, dropped, kept) in cases {
        for waits in [false, true] {
            let lab = Lab::new("drops");
            let probe = busy(&lab, 3, overflow).await;
            let sent = match waits {
                true => probe.tell_all(notes(1..=100)).await.unwrap(),
                false => probe.try_tell_many(notes(1..=100)).unwrap(),
            };
            assert_eq!(sent, 100);
            let ledger = probe.ledger();
            assert_eq!((ledger.accepted, ledger.queued, ledger.dead), (101, 3, 97), "{ledger}");
            assert_eq!(lab.dead_notes(reason), dropped.clone().collect::<Vec<_>>());
            lab.diary.open();
            idle().await;
            assert_eq!(lab.diary.notes(), [0].into_iter().chain(kept.clone()).collect::<Vec<_>>());
            lab.close().await;
        }
    }
}

#[derive(Debug)]
struct Urgent(u32);

impl Message for Urgent {
    type Reply = u32;
    const PRIORITY: bool = true;
}

impl Handler<Urgent> for Probe {
    async fn handle(&mut self, msg: Urgent, ctx: &mut Context<Self>) -> u32 {
        Handler::handle(self, Note(msg.0), ctx).await
    }
}

#[tokio::test(start_paused = true)]
async fn an_urgent_batch_overtakes_those_that_wait_and_keeps_its_own_order() {
    let lab = Lab::new("urgent");
    let probe = busy(&lab, 8, Overflow::Wait).await;
    assert_eq!(probe.tell_all(notes(1..=3)).await.unwrap(), 3);
    let error = probe.try_tell_many((11..=19).map(Urgent)).unwrap_err();
    assert_eq!(error.accepted, 5, "both lanes share the bound");
    let mut rest = task::spawn(probe.tell_all(error.into_rest()));
    assert_pending!(rest.poll());
    lab.diary.open();
    assert_eq!(rest.await.unwrap(), 4);
    idle().await;
    // After eight in a row one of the others is taken.
    let handled = lab.diary.notes();
    let urgent = handled.iter().filter(|note| **note > 10).copied().collect::<Vec<_>>();
    assert_eq!((urgent, handled.len()), ((11..=19).collect(), 13), "{handled:?}");
    assert_eq!(handled[..6], [0, 11, 12, 13, 14, 15], "{handled:?}");
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_to_an_actor_that_hands_off_is_handled_in_order() {
    #[derive(Actor)]
    #[actor(hand_off, capacity = 16)]
    struct Near(Arc<Mutex<Vec<u32>>>);

    impl Handler<Note> for Near {
        async fn handle(&mut self, msg: Note, _ctx: &mut Context<Self>) -> u32 {
            self.0.lock().unwrap().push(msg.0);
            msg.0
        }
    }

    #[derive(Actor)]
    #[actor(hand_off)]
    struct Source(ActorRef<Near>);

    impl Handler<ToMyself> for Source {
        async fn handle(&mut self, ToMyself(n): ToMyself, _ctx: &mut Context<Self>) -> (usize, Vec<u32>) {
            (self.0.tell_all(notes(0..n)).await.unwrap(), vec![])
        }
    }

    let lab = Lab::new("near");
    let seen = Arc::<Mutex<Vec<u32>>>::default();
    let near = Near(Arc::clone(&seen)).prepare().system(&lab.system).spawn().unwrap();
    let source = Source(near.clone()).prepare().system(&lab.system).spawn().unwrap();
    for count in [1, 16, 100] {
        assert_eq!(source.ask(ToMyself(count)).await.unwrap().0, count as usize);
        idle().await;
        assert_eq!(std::mem::take(&mut *seen.lock().unwrap()), upto(count));
    }
    drop((near, source));
    lab.close().await;
}

// The iterator is code of the user.

/// Panics at this number.
fn breaks_at(at: u32) -> impl Iterator<Item = Note> + Send {
    notes(0..).inspect(move |note| assert!(note.0 != at, "as the test wants it"))
}

#[tokio::test(start_paused = true)]
async fn an_iterator_that_panics_loses_nothing_that_it_gave_and_locks_nobody_out() {
    for at in [0, 1, 31, 32, 33, 70] {
        let lab = Lab::new("panics");
        let probe = lab.diary.probe("probe", &[]).unwrap().prepare().capacity(1000);
        let probe = probe.system(&lab.system).spawn().unwrap();
        let mut batch = task::spawn(probe.tell_all(breaks_at(at)));
        assert!(catch_unwind(AssertUnwindSafe(|| batch.poll().is_ready())).is_err());
        let accepted = u32::try_from(batch.accepted()).unwrap();
        assert_eq!(accepted, at / 32 * 32);
        // Those it gave since are still in there.
        let given = batch.into_inner().into_rest().take((at - accepted) as usize);
        assert_eq!(ids(given), (accepted..at).collect::<Vec<_>>());
        assert!(catch_unwind(AssertUnwindSafe(|| probe.try_tell_many(breaks_at(at)).is_ok())).is_err());
        probe.try_tell(Note(1000)).unwrap();
        idle().await;
        let twice = (0..accepted).chain(0..accepted).chain([1000]);
        assert_eq!(lab.diary.notes(), twice.collect::<Vec<_>>());
        lab.close().await;
    }
}

/// It runs with no lock held: it may look at the actor it sends to, and send to it.
#[tokio::test(start_paused = true)]
async fn an_iterator_may_use_the_actor_it_sends_to() {
    let lab = Lab::new("reentrant");
    let probe = busy(&lab, 100, Overflow::Wait).await;
    let other = probe.clone();
    let notes = (1..=40).map(move |note| {
        if note == 20 {
            other.try_tell(Note(1000)).unwrap();
        }
        assert!(other.ledger().balances());
        Note(note)
    });
    assert_eq!(probe.tell_all(notes).await.unwrap(), 40);
    lab.diary.open();
    idle().await;
    assert_eq!(lab.diary.notes().len(), 42);
    lab.close().await;
}

/// It is not asked again once it has ended, nor for more than it has to give at a time.
#[tokio::test(start_paused = true)]
async fn an_iterator_is_asked_for_a_run_at_a_time_and_not_past_its_end() {
    let lab = Lab::new("asked");
    let probe = busy(&lab, 10, Overflow::Wait).await;
    let (asked, mut left) = (Arc::<AtomicUsize>::default(), Some(100));
    let count = Arc::clone(&asked);
    let notes = std::iter::from_fn(move || {
        count.fetch_add(1, Ordering::Relaxed);
        let now = left.expect("it has ended");
        left = if now == 0 { None } else { Some(now - 1) };
        left.map(|_| Note(now))
    });
    let mut batch = task::spawn(probe.tell_all(notes));
    assert_pending!(batch.poll());
    assert_eq!(asked.load(Ordering::Relaxed), 32);
    lab.diary.open();
    assert_eq!((&mut *batch).await.unwrap(), 100);
    assert_eq!(asked.load(Ordering::Relaxed), 101);
    drop(batch);
    lab.close().await;
}

// Under supervision.

#[tokio::test(start_paused = true)]
async fn a_stop_of_the_whole_tree_in_mid_batch_leaves_the_books_in_balance() {
    let lab = Lab::new("tree");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("probe").capacity(5)).await.unwrap();
    let mut batches = JoinSet::new();
    for _ in 0..8 {
        let probe = probe.clone();
        batches.spawn(async move { probe.tell_all(notes(0..)).await.unwrap_err().accepted });
    }
    // They never rest, so the paused clock stands still.
    while probe.ledger().handled < 1000 {
        tokio::task::yield_now().await;
    }
    let report = lab.system.shutdown(secs(10)).await;
    let accepted: usize = batches.join_all().await.into_iter().sum();
    assert_eq!(report.ledger.accepted, accepted as u64, "{}", report.ledger);
    lab.close().await;
}
