use super::*;

/// Whoever has sent runs the consumer itself, if it finds it parked.
fn run_in_place(mailbox: &Mailbox<Shelf>, entry: impl Entry<Shelf>) {
    let Ok(pushed) = mailbox.push_quickly(entry, true) else { panic!("there is room") };
    if !pushed.see_to() {
        return;
    }
    let mut turn = mailbox.resume().expect("the right is held by this thread");
    let (_handled, outcome) = Consumer::work(&mut turn);
    match if outcome.is_ready() { turn.rest() } else { turn.suspend(0) } {
        Rest::Parked => {}
        // Dropped: the consumer's task is woken.
        Rest::More(more) => drop(more),
    }
}

/// Two send to a parked consumer, one of them runs it in place of its task: nothing is left lying.
#[test]
fn run_in_place_against_a_push() {
    explore(|| {
        let (mailbox, tally) = (mailbox(2), Arc::new(Flag::new(0)));
        let mut consumer = Consumer::of(&mailbox);
        consumer.park();
        let other = {
            let (mailbox, tally) = (Arc::clone(&mailbox), Arc::clone(&tally));
            thread::spawn(move || assert!(mailbox.push(Tallied(tally)).is_ok()))
        };
        run_in_place(&mailbox, Tallied(Arc::clone(&tally)));
        other.join().unwrap();
        while tally.load(Ordering::Relaxed) < 2 {
            consumer.gong.wait();
            consumer.poll();
        }
    });
}

/// Both senders run it in place, and neither waits for the other.
#[test]
fn run_in_place_against_run_in_place() {
    explore(|| {
        let (mailbox, tally) = (mailbox(2), Arc::new(Flag::new(0)));
        let mut consumer = Consumer::of(&mailbox);
        consumer.park();
        let other = {
            let (mailbox, tally) = (Arc::clone(&mailbox), Arc::clone(&tally));
            thread::spawn(move || run_in_place(&mailbox, Tallied(tally)))
        };
        run_in_place(&mailbox, Tallied(Arc::clone(&tally)));
        other.join().unwrap();
        while tally.load(Ordering::Relaxed) < 2 {
            consumer.gong.wait();
            consumer.poll();
        }
    });
}

/// The task that a runner in place has left pending is woken, whether its event comes before or after.
#[test]
fn run_in_place_against_the_wake_of_its_task() {
    explore(|| {
        let mailbox = mailbox(1);
        let flag = Arc::new(Flag::new(0));
        let mut consumer = Consumer::of(&mailbox);
        consumer.park();
        let event = {
            let (gong, flag) = (Arc::clone(&consumer.gong), Arc::clone(&flag));
            thread::spawn(move || {
                flag.store(1, Ordering::Release);
                gong.waker().wake();
            })
        };
        let runner = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || run_in_place(&mailbox, Awaits(flag)))
        };
        consumer.gong.wait();
        consumer.poll();
        runner.join().unwrap();
        event.join().unwrap();
        if mailbox.count().in_hand + mailbox.count().queued > 0 {
            consumer.gong.wait();
            consumer.poll();
        }
        assert_eq!(consumer.shelf(), [0]);
    });
}
