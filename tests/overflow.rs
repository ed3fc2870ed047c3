//! What a full mailbox drops when it is declared to: contract §8, and I10 for each policy. Among them the
//! behaviours of Pekko's `MailboxSpec` and `BoundedMailbox` cases that do not block.

#[path = "support/lab.rs"]
mod lab;

use lab::{Hold, Lab, Note, Probe, idle, millis, secs, took};
use postbox::{Overflow, Reason, child, prelude::*};

/// A probe with something in its handler and these notes sent behind it.
async fn full(lab: &Lab, overflow: Overflow, capacity: usize, notes: u32) -> ActorRef<Probe> {
    let probe = lab.diary.probe("probe", &[]).unwrap();
    let probe = probe.prepare().capacity(capacity).overflow(overflow).system(&lab.system).spawn().unwrap();
    probe.tell(Hold(0)).await.unwrap();
    lab.diary.entered().await;
    for note in 1..=notes {
        probe.tell(Note(note)).await.unwrap();
    }
    probe
}

/// contract §8: what it drops is a dead letter (`Evicted`) and counted
#[tokio::test(start_paused = true)]
async fn drop_oldest_evicts_exactly_the_one_that_has_waited_longest() {
    for capacity in [1, 2, 5] {
        let lab = Lab::new("oldest");
        let probe = full(&lab, Overflow::DropOldest, capacity, 9).await;
        let ledger = probe.ledger();
        assert_eq!((ledger.accepted, ledger.queued, ledger.in_flight), (10, capacity as u64, 1), "{ledger}");
        let first = 10 - u32::try_from(capacity).unwrap();
        assert_eq!(lab.dead_notes(Reason::Evicted), (1..first).collect::<Vec<_>>());
        lab.diary.open();
        idle().await;
        assert_eq!(lab.diary.notes()[1..], (first..=9).collect::<Vec<_>>());
        lab.close().await;
    }
}

/// contract §8: what it drops is a dead letter (`Overflow`) and counted
#[tokio::test(start_paused = true)]
async fn drop_newest_keeps_what_waits() {
    let lab = Lab::new("newest");
    let probe = full(&lab, Overflow::DropNewest, 2, 4).await;
    assert!(probe.try_tell(Note(5)).is_ok(), "accepted, with a fate");
    let ledger = probe.ledger();
    assert_eq!((ledger.accepted, ledger.queued, ledger.dead), (6, 2, 3), "{ledger}");
    assert_eq!(lab.dead_notes(Reason::Overflow), [3, 4, 5]);
    lab.diary.open();
    idle().await;
    assert_eq!(lab.diary.notes(), [0, 1, 2]);
    lab.close().await;
}

/// contract §1: for an ask its caller is told
#[tokio::test(start_paused = true)]
async fn an_asker_whose_message_is_dropped_is_told_at_once() {
    let lab = Lab::new("askers");
    let oldest = full(&lab, Overflow::DropOldest, 1, 0).await;
    let asks = async {
        let (first, second) = tokio::join!(async { oldest.ask(Note(1)).await }, async {
            oldest.tell(Note(2)).await.unwrap();
            lab.diary.open();
        });
        let error = first.unwrap_err();
        assert!(matches!(error, AskError::Discarded { reason: Reason::Evicted, .. }), "{error:?}");
        assert_eq!(error.may_retry(), Some(true));
        assert!(error.to_string().contains("oldest message made way"), "{error}");
        let () = second;
    };
    assert!(took(asks).await < millis(1));
    lab.close().await;

    let lab = Lab::new("newest asker");
    let newest = full(&lab, Overflow::DropNewest, 1, 1).await;
    let error = newest.try_ask(Note(2)).await.unwrap_err();
    assert!(matches!(error, AskError::Discarded { reason: Reason::Overflow, .. }), "{error:?}");
    lab.diary.open();
    lab.close().await;
}

/// contract §3: a retried message is delivered first again, whatever comes meanwhile.
#[tokio::test(start_paused = true)]
async fn a_message_that_waits_for_its_next_attempt_is_not_evicted() {
    let lab = Lab::new("kept");
    let tree = lab.supervisor().start().await.unwrap();
    let child = lab.diary.child("probe").capacity(1).overflow(Overflow::DropOldest);
    let probe = tree.spawn(child).await.unwrap();
    probe.tell(lab::Flaky::<2>::new(7, 1)).await.unwrap();
    lab.diary.hold(lab::At::Started, "probe");
    lab.diary.entered().await;
    for note in 1..=3 {
        probe.tell(Note(note)).await.unwrap();
    }
    let ledger = probe.ledger();
    assert_eq!((ledger.queued, ledger.in_flight), (1, 1), "{ledger}");
    lab.diary.hold_no_more();
    lab.diary.open();
    idle().await;
    assert_eq!(lab.diary.notes(), [7, 3]);
    assert_eq!(lab.dead_notes(Reason::Evicted), [1, 2]);
    lab.close().await;
}

/// contract §7: those accepted before the call are handled, then close
#[tokio::test(start_paused = true)]
async fn a_stop_drains_a_mailbox_that_drops_the_oldest() {
    let lab = Lab::new("drain");
    let probe = full(&lab, Overflow::DropOldest, 3, 5).await;
    probe.stop();
    assert!(matches!(probe.try_tell(Note(9)), Err(TryTellError::Stopped { .. })));
    lab.diary.open();
    probe.ended().await;
    assert_eq!(lab.diary.notes(), [0, 3, 4, 5]);
    lab.close().await;
}

/// contract §7: dead letters `Stopped`, in order
#[tokio::test(start_paused = true)]
async fn a_stop_now_gives_up_what_waits_in_order() {
    let lab = Lab::new("stop now");
    let probe = full(&lab, Overflow::DropOldest, 3, 5).await;
    probe.stop_now();
    lab.diary.open();
    probe.ended().await;
    assert_eq!(lab.dead_notes(Reason::Stopped), [3, 4, 5]);
    lab.close().await;
}

/// contract §8, declared for the kind of actor and overridden for a child.
#[tokio::test(start_paused = true)]
async fn the_policy_is_declared_for_the_actor_and_chosen_at_spawn() {
    #[derive(Actor, Default)]
    #[actor(capacity = 1, overflow = "drop_oldest")]
    struct Gauge {
        last: u32,
    }
    #[messages]
    impl Gauge {
        #[message]
        fn set(&mut self, value: u32) {
            self.last = value;
        }
        #[message]
        fn last(&self) -> u32 {
            self.last
        }
    }
    assert_eq!(<Gauge as Actor>::OVERFLOW, Overflow::DropOldest);
    let system = System::new("gauge");
    let gauge = Gauge::default().prepare().system(&system).spawn().unwrap();
    for value in 1..=5 {
        gauge.set(value).try_tell().unwrap();
    }
    tokio::task::yield_now().await;
    assert_eq!(gauge.last().await.unwrap(), 5);
    let tree = Supervisor::one_for_one().system(&system).start().await.unwrap();
    let strict = tree.spawn(child("strict", Gauge::default).overflow(Overflow::Wait)).await.unwrap();
    strict.set(1).try_tell().unwrap();
    assert!(matches!(strict.set(2).try_tell(), Err(TryTellError::Full { .. })));
    assert_eq!(system.shutdown(secs(1)).await.ledger.dead, 4);
}

/// contract I2 and I3 with senders on other threads.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_message_of_eight_senders_is_handled_or_evicted() {
    const EACH: u32 = 2_000;
    for overflow in [Overflow::DropOldest, Overflow::DropNewest] {
        let lab = Lab::new("storm");
        let probe = lab.diary.probe("probe", &[]).unwrap();
        let probe = probe.prepare().capacity(2).overflow(overflow).system(&lab.system).spawn().unwrap();
        let senders = (0..8).map(|sender| {
            let probe = probe.clone();
            tokio::spawn(async move {
                for note in 0..EACH {
                    probe.tell(Note(sender * EACH + note)).await.unwrap();
                }
            })
        });
        for sender in senders.collect::<Vec<_>>() {
            sender.await.unwrap();
        }
        probe.stop();
        probe.ended().await;
        let ledger = probe.ledger();
        assert_eq!(ledger.accepted, 8 * u64::from(EACH));
        assert_eq!(ledger.handled + ledger.dead, ledger.accepted, "{ledger}");
        let handled = lab.diary.notes();
        for sender in 0..8 {
            let own: Vec<_> = handled.iter().filter(|note| **note / EACH == sender).collect();
            assert!(own.is_sorted(), "contract I4");
        }
        lab.check();
    }
}
