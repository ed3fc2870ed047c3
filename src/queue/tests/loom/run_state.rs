use super::*;

/// The wake-up of a pending task meets somebody else who runs: it is noted, and made up for.
#[test]
fn wake_of_a_pending_task_against_suspend_of_another_runner() {
    explore(|| {
        let mailbox = mailbox(1);
        let flag = Arc::new(Flag::new(0));
        assert!(mailbox.push(Awaits(Arc::clone(&flag))).is_ok());
        let mut consumer = Consumer::of(&mailbox);
        consumer.poll();
        assert_eq!(consumer.handled, 0, "its task is pending");
        let other = {
            let mailbox = Arc::clone(&mailbox);
            // Looks in, and leaves the task as it is.
            thread::spawn(move || {
                if let Some(turn) = mailbox.enter(Waker::noop()) {
                    assert!(matches!(turn.suspend(0), Rest::Parked));
                }
            })
        };
        let event = {
            let gong = Arc::clone(&consumer.gong);
            thread::spawn(move || {
                flag.store(1, Ordering::Release);
                gong.waker().wake();
            })
        };
        consumer.gong.wait();
        consumer.run(1);
        other.join().unwrap();
        event.join().unwrap();
    });
}

#[test]
fn there_is_one_runner_at_a_time() {
    explore(|| {
        let mailbox = mailbox(2);
        assert!(mailbox.push(Item(1)).is_ok());
        assert!(mailbox.push(Item(2)).is_ok());
        let run = |mailbox: &Mailbox<Shelf>| {
            let Some(mut turn) = mailbox.enter(Waker::noop()) else { return 0 };
            let (handled, _ready) = Consumer::work(&mut turn);
            assert!(matches!(turn.suspend(0), Rest::Parked));
            handled
        };
        let other = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || run(&mailbox))
        };
        let handled = run(&mailbox) + other.join().unwrap();
        assert_eq!((handled, Consumer::of(&mailbox).shelf()), (2, vec![1, 2]));
    });
}

#[test]
fn signal_against_rest() {
    explore(|| {
        let mailbox = mailbox(1);
        let mut consumer = Consumer::of(&mailbox);
        let signalling = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || mailbox.signal(1))
        };
        while mailbox.signals() == 0 {
            consumer.poll();
            consumer.gong.wait();
        }
        signalling.join().unwrap();
    });
}

#[test]
fn signal_against_suspend() {
    explore(|| {
        let mailbox = mailbox(1);
        assert!(mailbox.push(Awaits(Arc::new(Flag::new(0)))).is_ok());
        let mut consumer = Consumer::of(&mailbox);
        let signalling = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || mailbox.signal(1))
        };
        while mailbox.signals() == 0 {
            consumer.poll();
            consumer.gong.wait();
        }
        signalling.join().unwrap();
    });
}

#[test]
fn push_against_a_dropped_turn() {
    explore(|| {
        let mailbox = mailbox(2);
        let mut consumer = Consumer::of(&mailbox);
        consumer.park();
        let producer = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || assert!(mailbox.push(Item(1)).is_ok()))
        };
        drop(mailbox.enter(&consumer.gong.waker()));
        consumer.gong.wait();
        consumer.run(1);
        producer.join().unwrap();
    });
}
