use super::*;

/// An item that its sender takes through, as an `Awaits` or a `Tallied` one that queues.
struct Direct {
    until: Option<Arc<Flag>>,
    tally: Arc<Flag>,
}

impl Direct {
    fn tallied(tally: &Arc<Flag>) -> Self {
        Self { until: None, tally: Arc::clone(tally) }
    }
}

impl Errand<Shelf> for Direct {
    type Left = Option<bool>;
    type Like = Item;

    fn open<'a>(self, state: &'a mut Shelf) -> impl Carried<Shelf, Option<bool>> + 'a {
        Shelving { item: 0, until: self.until, tally: Some(self.tally), state }
    }
}

impl Carried<Shelf, Option<bool>> for Shelving<'_> {
    fn part(self: Pin<&mut Self>, goes_on: bool, left: &mut Option<bool>) {
        *left = Some(goes_on);
    }
}

/// Whoever has something for a parked consumer does it itself. False: the consumer was not parked.
fn run_by_sender(mailbox: &Mailbox<Shelf>, errand: Direct) -> bool {
    let Some(mut turn) = mailbox.enter_parked() else { return false };
    let mut left = None;
    let opened = turn.carry(errand, &mut Context::from_waker(Waker::noop()), &mut left);
    assert_eq!(left, Some(opened == Opened::Pending));
    match if opened == Opened::Ended { turn.rest() } else { turn.suspend(0) } {
        Rest::Parked => {}
        // Dropped: the consumer's task is woken.
        Rest::More(more) => drop(more),
    }
    true
}

/// Two senders and the consumer's own task: one at a time in the state, and everything is handled once.
#[test]
fn sender_against_sender_and_the_consumers_task() {
    explore_up_to(3, || {
        let (mailbox, tally) = (mailbox(2), Arc::new(Flag::new(0)));
        let mut consumer = Consumer::of(&mailbox);
        consumer.park();
        let send = |mailbox: &Arc<Mailbox<Shelf>>, tally: &Arc<Flag>| {
            if !run_by_sender(mailbox, Direct::tallied(tally)) {
                assert!(mailbox.push(Tallied(Arc::clone(tally))).is_ok());
            }
        };
        let other = {
            let (mailbox, tally) = (Arc::clone(&mailbox), Arc::clone(&tally));
            thread::spawn(move || send(&mailbox, &tally))
        };
        send(&mailbox, &tally);
        // Beside the other one, woken or not: a task may be polled at any time.
        consumer.poll();
        other.join().unwrap();
        while tally.load(Ordering::Relaxed) < 2 {
            consumer.gong.wait();
            consumer.poll();
        }
        assert_eq!(mailbox.count().accepted, 2);
        assert_eq!(consumer.shelf(), [0, 0]);
    });
}

/// A signal that comes while a sender runs the consumer is seen by the consumer's task.
#[test]
fn sender_against_a_signal() {
    explore(|| {
        let (mailbox, tally) = (mailbox(1), Arc::new(Flag::new(0)));
        let mut consumer = Consumer::of(&mailbox);
        consumer.park();
        let killer = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || mailbox.signal(1))
        };
        let ran = run_by_sender(&mailbox, Direct::tallied(&tally));
        killer.join().unwrap();
        // Else the signal was first, and has the consumer.
        assert_eq!(tally.load(Ordering::Relaxed), u32::from(ran));
        consumer.gong.wait();
        assert_eq!(mailbox.signals(), 1);
        assert!(mailbox.enter(&consumer.gong.waker()).is_some(), "nobody runs any more");
    });
}

/// A close that comes while a sender runs the consumer leaves nothing behind, and nobody is run after it.
#[test]
fn sender_against_a_close() {
    explore(|| {
        let (mailbox, tally) = (mailbox(1), Arc::new(Flag::new(0)));
        let mut consumer = Consumer::of(&mailbox);
        consumer.park();
        let closer = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || mailbox.close())
        };
        let ran = run_by_sender(&mailbox, Direct::tallied(&tally));
        closer.join().unwrap();
        let count = mailbox.count();
        assert_eq!((count.accepted, count.in_hand), (u64::from(ran), 0));
        assert!(!run_by_sender(&mailbox, Direct::tallied(&tally)));
    });
}

/// The task that a sender has left pending is woken, whether its event comes while the sender has the turn or after.
#[test]
fn sender_against_the_wake_of_its_task() {
    explore(|| {
        let (mailbox, tally) = (mailbox(1), Arc::new(Flag::new(0)));
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
        let sender = {
            let (mailbox, tally) = (Arc::clone(&mailbox), Arc::clone(&tally));
            thread::spawn(move || {
                let errand = Direct { until: Some(flag), tally: Arc::clone(&tally) };
                if !run_by_sender(&mailbox, errand) {
                    assert!(mailbox.push(Tallied(tally)).is_ok());
                }
            })
        };
        consumer.gong.wait();
        // It may come while the sender is still at it, and must then come again.
        consumer.poll();
        sender.join().unwrap();
        event.join().unwrap();
        if mailbox.count().in_hand + mailbox.count().queued > 0 {
            consumer.gong.wait();
            consumer.poll();
        }
        assert_eq!(tally.load(Ordering::Relaxed), 1);
        assert_eq!(consumer.shelf(), [0]);
    });
}
