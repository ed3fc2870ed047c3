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
