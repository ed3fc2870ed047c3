use std::collections::VecDeque;

use super::*;

#[test]
fn push_against_swap() {
    explore(|| {
        let mailbox = mailbox(4);
        let mut consumer = Consumer::of(&mailbox);
        let producer = thread::spawn(move || {
            assert!(mailbox.push(Item(1)).is_ok());
            assert!(mailbox.push(Item(2)).is_ok());
        });
        consumer.run(2);
        producer.join().unwrap();
        assert_eq!(consumer.shelf(), [1, 2]);
    });
}

#[test]
fn two_producers_against_swap() {
    explore(|| {
        let mailbox = mailbox(4);
        let mut consumer = Consumer::of(&mailbox);
        let producers = [1, 2].map(|item| {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || assert!(mailbox.push(Item(item)).is_ok()))
        });
        consumer.run(2);
        producers.into_iter().for_each(|producer| producer.join().unwrap());
        let mut shelf = consumer.shelf();
        shelf.sort_unstable();
        assert_eq!(shelf, [1, 2]);
    });
}

#[test]
fn push_against_park() {
    explore(|| {
        let mailbox = mailbox(1);
        let mut consumer = Consumer::of(&mailbox);
        consumer.park();
        let producer = thread::spawn(move || {
            assert!(mailbox.push(Item(1)).is_ok());
        });
        // Polled once without a reason: it may rest before the push, during it and after it.
        consumer.poll();
        if consumer.handled == 0 {
            consumer.gong.wait();
            consumer.run(1);
        }
        producer.join().unwrap();
        assert_eq!(consumer.shelf(), [1]);
    });
}

#[test]
fn bound_against_swap() {
    explore(|| {
        let mailbox = mailbox(1);
        let mut consumer = Consumer::of(&mailbox);
        let producer = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || {
                let mut accepted = 0;
                for item in [1, 2, 3] {
                    accepted += usize::from(mailbox.push(Item(item)).is_ok());
                    assert!(mailbox.count().queued <= 1, "no more than the capacity is queued");
                }
                accepted
            })
        };
        consumer.poll();
        let accepted = producer.join().unwrap();
        assert!(accepted >= 1, "there was room for the first");
        consumer.poll();
        assert_eq!(consumer.handled, accepted);
        let count = mailbox.count();
        assert_eq!((count.accepted, count.queued, count.in_hand), (accepted as u64, 0, 0));
    });
}

/// I5: once the closer has drained, everything accepted has a fate, and what was refused came back.
#[test]
fn push_against_close() {
    explore(|| {
        let mailbox = mailbox(4);
        let producer = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || {
                [1, 2].map(|item| match mailbox.push(Item(item)) {
                    Ok(()) => true,
                    Err(Refused::Closed(back)) => {
                        assert_eq!(back.0, item);
                        false
                    }
                    Err(Refused::Overflow(_)) => panic!("it drops nothing"),
                    Err(Refused::Full(_)) => panic!("there is room"),
                })
            })
        };
        assert!(mailbox.close());
        let buried = AtomicU32::new(0);
        let mut turn = mailbox.enter(Waker::noop()).expect("nobody runs");
        while turn.bury_next(&buried) {}
        // The closer has returned: from here on nothing may appear.
        let buried = buried.into_inner();
        let accepted = producer.join().unwrap();
        assert_eq!(accepted.iter().filter(|accepted| **accepted).count(), buried as usize);
        assert!(accepted[0] || !accepted[1], "nothing is accepted after the close");
        assert_eq!((mailbox.count().accepted, mailbox.count().queued), (u64::from(buried), 0));
    });
}

/// I3: the ledger never loses sight of a message while it is handled.
#[test]
fn count_against_a_handled_entry() {
    explore(|| {
        let mailbox = mailbox(1);
        let tally = Arc::new(Flag::new(0));
        assert!(mailbox.push(Tallied(Arc::clone(&tally))).is_ok());
        let ledger = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || {
                // The count first: what is no longer in it has been tallied.
                let count = mailbox.count();
                count.queued + count.in_hand + u64::from(tally.load(Ordering::Relaxed))
            })
        };
        Consumer::of(&mailbox).poll();
        assert!(ledger.join().unwrap() >= 1);
    });
}

/// A run of entries is in the queue as a whole before a close, or not at all.
#[test]
fn push_many_against_close() {
    explore(|| {
        let mailbox = mailbox(4);
        let producer = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || {
                let mut from = VecDeque::from([1, 2, 3]);
                match mailbox.push_many(&mut from, Item) {
                    Ok(pushed) => assert!(!pushed.see_to()),
                    Err(refused) => assert!(matches!(refused, Refused::Closed(()))),
                }
                from.len()
            })
        };
        assert!(mailbox.close());
        let buried = AtomicU32::new(0);
        let mut turn = mailbox.enter(Waker::noop()).expect("nobody runs");
        while turn.bury_next(&buried) {}
        let buried = buried.into_inner();
        let left = producer.join().unwrap();
        assert!(left == 0 || left == 3, "none in the middle: {left}");
        assert_eq!(buried as usize, 3 - left, "nothing appears once the closer has returned");
        assert_eq!((mailbox.count().accepted, mailbox.count().queued), (u64::from(buried), 0));
    });
}

/// The consumer is parked, rests or swaps while a run comes in: it is woken for it, and finds it in order.
#[test]
fn push_many_against_swap_and_park() {
    explore(|| {
        let mailbox = mailbox(3);
        let mut consumer = Consumer::of(&mailbox);
        consumer.park();
        let producer = thread::spawn(move || {
            let mut from = VecDeque::from([1, 2]);
            let pushed = mailbox.push_many(&mut from, Item).expect("there is room");
            assert!(!pushed.see_to());
            assert!(from.is_empty());
            assert!(mailbox.push(Item(3)).is_ok());
        });
        // Polled once without a reason: it may rest before the run, and after it.
        consumer.poll();
        if consumer.handled < 3 {
            consumer.gong.wait();
            consumer.run(3);
        }
        producer.join().unwrap();
        assert_eq!(consumer.shelf(), [1, 2, 3]);
    });
}

/// The bound holds for a run while the consumer makes room.
#[test]
fn push_many_against_the_bound() {
    explore(|| {
        let mailbox = mailbox(2);
        let mut consumer = Consumer::of(&mailbox);
        let producer = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || {
                let mut from = VecDeque::from([1, 2, 3, 4]);
                for _ in 0..2 {
                    if let Ok(pushed) = mailbox.push_many(&mut from, Item) {
                        assert!(!pushed.see_to());
                    }
                    assert!(mailbox.count().queued <= 2, "no more than the capacity is queued");
                }
                4 - from.len()
            })
        };
        consumer.poll();
        let accepted = producer.join().unwrap();
        assert!(accepted >= 2, "there was room for the first two");
        consumer.poll();
        assert_eq!(consumer.shelf(), (1..=accepted as u32).collect::<Vec<_>>());
    });
}
