use super::super::super::{Cut, Reached, slot};
use super::*;

/// Whoever gives the actor up reaches for the slot while its owner takes it back, answers and frees it. The asker
/// hears of one of the two, and the slot is freed once.
#[test]
fn reach_against_the_end_of_a_handler() {
    explore(|| {
        let mailbox = mailbox(1);
        let flag = Arc::new(Flag::new(0));
        assert!(mailbox.push(Awaits(Arc::clone(&flag))).is_ok());
        let mut turn = mailbox.enter(Waker::noop()).expect("nobody runs");
        assert!(turn.open_next() == Opened::Task);
        let (answering, mut asking) = slot::<Arc<()>>();
        let (value, gong) = (Arc::new(()), Gong::new());
        let lent = mailbox.lend(answering, || "asked");
        let other = {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || {
                if let Some(Reached::Asked(_, asker)) = mailbox.reach() {
                    asker.cut();
                }
            })
        };
        let answering = lent.back().expect("it was lent once");
        let late = answering.answer(Arc::clone(&value));
        let heard = loop {
            match asking.poll(&mut Context::from_waker(&gong.waker())) {
                Poll::Ready(heard) => break heard,
                Poll::Pending => gong.wait(),
            }
        };
        assert!(heard.is_ok() && late.is_ok(), "the answer was there before the asker looked");
        other.join().unwrap();
        drop((heard, late, asking));
        flag.store(1, Ordering::Release);
        assert_eq!(Consumer::work(&mut turn).0, 1);
        drop(turn);
        assert_eq!(Arc::strong_count(&value), 1);
    });
}

/// An asker that waits is woken by a cut, whenever it left its waker.
#[test]
fn cut_against_a_waiting_asker() {
    explore(|| {
        let mailbox = mailbox(1);
        assert!(mailbox.push(Awaits(Arc::new(Flag::new(0)))).is_ok());
        let mut turn = mailbox.enter(Waker::noop()).expect("nobody runs");
        assert!(turn.open_next() == Opened::Task);
        let (answering, mut asking) = slot::<Arc<()>>();
        let (value, gong) = (Arc::new(()), Gong::new());
        let lent = mailbox.lend(answering, || "asked");
        let asker = thread::spawn(move || {
            loop {
                match asking.poll(&mut Context::from_waker(&gong.waker())) {
                    Poll::Ready(heard) => break heard,
                    Poll::Pending => gong.wait(),
                }
            }
        });
        let Some(Reached::Asked("asked", asker_lent)) = mailbox.reach() else { panic!("it was lent") };
        asker_lent.cut();
        assert_eq!(asker.join().unwrap(), Err(Cut));
        let answering = lent.back().expect("it was lent once");
        assert!(answering.answer(Arc::clone(&value)).is_err(), "nobody waits any more");
        turn.clear();
        drop(turn);
        assert_eq!(Arc::strong_count(&value), 1);
    });
}
