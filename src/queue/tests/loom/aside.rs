use super::super::super::{Drops, Forced};
use super::*;

/// An entry that overtakes others.
struct Urgent(u32);

impl Entry<Shelf> for Urgent {
    const KEEP: bool = false;
    const URGENT: bool = true;

    fn about() {}

    fn open<'a>(self, _copy: bool, state: &'a mut Shelf) -> Option<impl Task<Shelf> + 'a> {
        Some(Shelving { item: self.0, until: None, tally: None, state })
    }

    fn duplicate(&mut self) -> Option<Self> {
        None
    }

    fn settle(self) {}

    fn bury(self, _buried: &AtomicU32) {}
}

/// One poll of the consumer's task, with what lies beside the queue; how many it handled.
fn poll(mailbox: &Mailbox<Shelf>, gong: &Arc<Gong>) -> usize {
    let Some(mut turn) = mailbox.enter(&gong.waker()) else { return 0 };
    let mut handled = 0;
    loop {
        if mailbox.raised() != 0 {
            turn.fetch();
        }
        if turn.open_next() != Opened::Task {
            break;
        }
        assert!(turn.poll(&mut Context::from_waker(Waker::noop())).is_ready());
        turn.done();
        handled += 1;
    }
    // Not parked: dropped, and so woken again.
    let _more = turn.rest();
    handled
}

#[test]
fn eviction_against_take() {
    explore_up_to(3, || {
        let mailbox = Arc::new(Mailbox::new(1, Some(Drops::Oldest)));
        mailbox.prime(Shelf::default());
        let gong = Gong::new();
        assert!(mailbox.push(Item(1)).is_ok());
        let producer = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || {
                let buried = AtomicU32::new(0);
                if let Err(Refused::Overflow(item)) = mailbox.push(Item(2)) {
                    match mailbox.force(item) {
                        Forced::Queued => {}
                        Forced::Evicted(oldest) => oldest.bury(&buried),
                        Forced::Dropped(_) | Forced::Refused(_) => panic!("the oldest goes, or nobody"),
                    }
                }
                buried.into_inner()
            })
        };
        let mut handled = poll(&mailbox, &gong);
        let evicted = producer.join().unwrap() as usize;
        handled += poll(&mailbox, &gong);
        assert_eq!(handled + evicted, 2, "each has one fate");
        let mut turn = mailbox.enter(&gong.waker()).expect("nobody runs");
        let shelf = turn.replace(None).expect("the state").0.clone();
        assert_eq!(shelf, if evicted == 1 { vec![2] } else { vec![1, 2] });
    });
}

#[test]
fn urgent_push_against_swap_and_park() {
    explore_up_to(3, || {
        let mailbox = mailbox(3);
        let gong = Gong::new();
        assert!(mailbox.push(Item(1)).is_ok());
        let producer = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || assert!(mailbox.push(Urgent(9)).is_ok()))
        };
        let mut handled = poll(&mailbox, &gong);
        while handled < 2 {
            // A wake-up that is lost is a deadlock here.
            gong.wait();
            handled += poll(&mailbox, &gong);
        }
        producer.join().unwrap();
        assert_eq!(mailbox.count().queued, 0);
    });
}
