use super::*;

#[test]
fn waiting_sender_against_room() {
    explore(|| {
        let mailbox = mailbox(1);
        assert!(mailbox.push(Item(1)).is_ok());
        let mut consumer = Consumer::of(&mailbox);
        let sender = thread::spawn(move || assert!(send(&mailbox, 2)));
        consumer.run(2);
        sender.join().unwrap();
        assert_eq!(consumer.shelf(), [1, 2]);
    });
}

#[test]
fn two_waiting_senders_against_room() {
    explore_up_to(2, || {
        let mailbox = mailbox(1);
        assert!(mailbox.push(Item(1)).is_ok());
        let mut consumer = Consumer::of(&mailbox);
        let senders = [2, 3].map(|item| {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || assert!(send(&mailbox, item)))
        });
        consumer.run(3);
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        let mut shelf = consumer.shelf();
        assert_eq!(shelf[0], 1);
        shelf.sort_unstable();
        assert_eq!(shelf, [1, 2, 3]);
    });
}

#[test]
fn waiting_sender_against_suspend() {
    explore(|| {
        let mailbox = mailbox(1);
        let flag = Arc::new(Flag::new(0));
        assert!(mailbox.push(Awaits(flag)).is_ok());
        let sender = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || assert!(send(&mailbox, 2)))
        };
        // The task that is taken stays pending: the room it has left must reach the sender all the same.
        let mut consumer = Consumer::of(&mailbox);
        consumer.poll();
        sender.join().unwrap();
        assert_eq!((mailbox.count().queued, mailbox.count().in_hand), (1, 1));
    });
}

#[test]
fn waiting_sender_against_close() {
    explore(|| {
        let mailbox = mailbox(1);
        assert!(mailbox.push(Item(1)).is_ok());
        let sender = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || assert!(!send(&mailbox, 2), "there is no room before the close"))
        };
        mailbox.close();
        sender.join().unwrap();
        assert_eq!(mailbox.count().accepted, 1);
    });
}

#[test]
fn cancel_of_a_waiting_sender_against_room() {
    explore(|| {
        let mailbox = mailbox(1);
        assert!(mailbox.push(Item(1)).is_ok());
        let mut first = Ticket::default();
        assert!(mailbox.push_or_wait(Item(2), &mut first, Waker::noop()).is_err());
        let (mut second, gong) = (Ticket::default(), Gong::new());
        assert!(mailbox.push_or_wait(Item(3), &mut second, &gong.waker()).is_err());
        let cancelling = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || mailbox.leave(&mut first))
        };
        let mut consumer = Consumer::of(&mailbox);
        consumer.poll();
        cancelling.join().unwrap();
        // Whether the first one left before the room was granted to it or after, it is the second one's now.
        gong.wait();
        assert!(mailbox.push_or_wait(Item(3), &mut second, &gong.waker()).is_ok());
        consumer.poll();
        assert_eq!(consumer.shelf(), [1, 3]);
    });
}

#[test]
fn cancel_of_the_last_waiting_sender_against_a_push() {
    explore_up_to(3, || {
        let mailbox = mailbox(1);
        assert!(mailbox.push(Item(1)).is_ok());
        let mut ticket = Ticket::default();
        assert!(mailbox.push_or_wait(Item(2), &mut ticket, Waker::noop()).is_err());
        let mut consumer = Consumer::of(&mailbox);
        let cancelling = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || mailbox.leave(&mut ticket))
        };
        let sender = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || assert!(send(&mailbox, 3)))
        };
        consumer.run(2);
        cancelling.join().unwrap();
        sender.join().unwrap();
        assert_eq!(consumer.shelf(), [1, 3]);
    });
}

/// Room is reserved while the consumer makes some: whoever waits for it is woken, and nobody has it twice.
#[test]
fn reserve_against_room_and_against_a_push() {
    explore_up_to(2, || {
        let mailbox = mailbox(1);
        let mut consumer = Consumer::of(&mailbox);
        assert!(mailbox.push(Item(1)).is_ok());
        let reserving = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || {
                let (mut ticket, gong) = (Ticket::default(), Gong::new());
                while mailbox.reserve(&mut ticket, Some(gong.waker())).is_err() {
                    gong.wait();
                }
                // Nobody else gets that room meanwhile.
                assert!(mailbox.push(Item(9)).is_err());
                assert!(mailbox.push_or_wait(Item(2), &mut ticket, &gong.waker()).is_ok());
                assert!(mailbox.count().queued <= 1, "no more than the capacity is queued");
            })
        };
        consumer.run(2);
        reserving.join().unwrap();
        assert_eq!(consumer.shelf(), [1, 2]);
    });
}

/// Room is reserved while the mailbox closes: the one who waits sees it, and who holds room pushes no more.
#[test]
fn reserve_against_close() {
    explore_up_to(2, || {
        let mailbox = mailbox(1);
        let mut consumer = Consumer::of(&mailbox);
        assert!(mailbox.push(Item(1)).is_ok());
        let reserving = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || {
                let (mut ticket, gong) = (Ticket::default(), Gong::new());
                let accepted = loop {
                    match mailbox.reserve(&mut ticket, Some(gong.waker())) {
                        Ok(()) => break mailbox.push_or_wait(Item(2), &mut ticket, &gong.waker()).is_ok(),
                        Err(Refused::Closed(())) => break false,
                        Err(_) => gong.wait(),
                    }
                };
                mailbox.leave(&mut ticket);
                accepted
            })
        };
        consumer.poll();
        mailbox.close();
        let accepted = reserving.join().unwrap();
        consumer.poll();
        assert_eq!(consumer.handled, 1 + usize::from(accepted));
    });
}
