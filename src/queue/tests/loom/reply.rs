use super::super::super::{Answering, Asking, Phase, slot};
use super::*;

type Value = Arc<()>;

fn is_free(value: &Value) -> bool {
    Arc::strong_count(value) == 1
}

fn poll(asking: &mut Asking<Value>, gong: &Arc<Gong>) -> Poll<Value> {
    asking.poll(&mut Context::from_waker(&gong.waker())).map(|polled| polled.expect("nobody cuts"))
}

fn await_value(asking: &mut Asking<Value>, gong: &Arc<Gong>) -> Value {
    loop {
        if let Poll::Ready(value) = poll(asking, gong) {
            return value;
        }
        gong.wait();
    }
}

/// Answers on another thread with the value, which comes back when nobody wants it.
fn answer(answering: Answering<Value>, value: &Value) -> thread::JoinHandle<Result<(), Value>> {
    let value = Arc::clone(value);
    thread::spawn(move || answering.answer(value))
}

#[test]
fn reply_against_a_waiting_asker() {
    explore(|| {
        let (answering, mut asking) = slot();
        let (value, gong) = (Value::default(), Gong::new());
        let answered = answer(answering, &value);
        drop(await_value(&mut asking, &gong));
        assert!(answered.join().unwrap().is_ok());
        drop(asking);
        assert!(is_free(&value));
    });
}

#[test]
fn reply_against_an_asker_polled_by_another_task() {
    explore(|| {
        let (answering, mut asking) = slot();
        let (value, first, second) = (Value::default(), Gong::new(), Gong::new());
        let answered = answer(answering, &value);
        if poll(&mut asking, &first).is_pending() {
            drop(await_value(&mut asking, &second));
        }
        assert!(answered.join().unwrap().is_ok());
        drop(asking);
        assert!(is_free(&value));
        assert_eq!((Arc::strong_count(&first), Arc::strong_count(&second)), (1, 1));
    });
}

#[test]
fn reply_against_a_dropped_asker() {
    explore(|| {
        let (answering, mut asking) = slot();
        let (value, gong) = (Value::default(), Gong::new());
        let answered = answer(answering, &value);
        let fetched = poll(&mut asking, &gong).is_ready();
        drop(asking);
        let back = answered.join().unwrap();
        assert!(back.is_ok() || !fetched);
        drop(back);
        assert!(is_free(&value), "it is freed with the slot, or it came back");
    });
}

/// Exactly one of the two has the value in the end.
#[test]
fn reply_against_an_asker_that_gives_up() {
    explore(|| {
        let (answering, mut asking) = slot();
        let (value, gong) = (Value::default(), Gong::new());
        assert!(poll(&mut asking, &gong).is_pending());
        let answered = answer(answering, &value);
        let given_up = asking.give_up();
        let back = answered.join().unwrap();
        assert_eq!(given_up.is_ok(), back.is_ok());
        drop((given_up, back, asking));
        assert!(is_free(&value));
    });
}

#[test]
fn reply_against_an_asker_that_polls_on_after_it_gave_up() {
    explore(|| {
        let (answering, mut asking) = slot();
        let (value, gong) = (Value::default(), Gong::new());
        let answered = answer(answering, &value);
        let given_up = asking.give_up();
        assert!(poll(&mut asking, &gong).is_pending());
        assert!(asking.give_up().is_err(), "once is for good");
        assert_eq!(given_up.is_ok(), answered.join().unwrap().is_ok());
    });
}

/// The two agree on who was first: told that it had not started, no handler runs it.
#[test]
fn take_against_an_asker_that_gives_up() {
    explore(|| {
        let (answering, mut asking) = slot();
        let value = Value::default();
        let handler = {
            let value = Arc::clone(&value);
            thread::spawn(move || {
                let taken = answering.take();
                (taken, taken && answering.answer(value).is_ok())
            })
        };
        let given_up = asking.give_up();
        let (taken, answered) = handler.join().unwrap();
        match given_up {
            Ok(_) => assert!(taken && answered),
            Err(Phase::Taken) => assert!(taken && !answered),
            Err(Phase::Queued) => assert!(!taken),
        }
    });
}

#[test]
fn dropped_answering_half_against_a_dropped_asker() {
    explore(|| {
        let (answering, mut asking) = slot();
        let (value, gong) = (Value::default(), Gong::new());
        let shared = answering.share();
        let answered = answer(answering, &value);
        let dropped = thread::spawn(move || drop(shared));
        drop(poll(&mut asking, &gong));
        drop(asking);
        drop(answered.join().unwrap());
        dropped.join().unwrap();
        assert!(is_free(&value));
        assert_eq!(Arc::strong_count(&gong), 1);
    });
}

/// A message under retry and a `ReplyTo` that its handler gave away may both answer.
#[test]
fn reply_against_a_reply_of_a_shared_half() {
    explore_up_to(4, || {
        let (answering, mut asking) = slot();
        let (one, two, gong) = (Value::default(), Value::default(), Gong::new());
        let first = answer(answering.share(), &one);
        let second = answer(answering, &two);
        let value = await_value(&mut asking, &gong);
        let (first, second) = (first.join().unwrap(), second.join().unwrap());
        assert!(first.is_ok() != second.is_ok(), "one of them stands");
        assert!(Arc::ptr_eq(&value, if first.is_ok() { &one } else { &two }));
        drop((value, first, second));
        assert!(is_free(&one) && is_free(&two));
    });
}

#[test]
fn shared_reply_against_an_asker_that_gives_up() {
    explore(|| {
        let (answering, mut asking) = slot();
        let (one, two) = (Value::default(), Value::default());
        let first = answer(answering.share(), &one);
        let second = answer(answering, &two);
        let given_up = asking.give_up();
        let (first, second) = (first.join().unwrap(), second.join().unwrap());
        let kept = [first.is_ok(), second.is_ok()].iter().filter(|kept| **kept).count();
        assert_eq!(kept, usize::from(given_up.is_ok()));
        drop((given_up, first, second, asking));
        assert!(is_free(&one) && is_free(&two));
    });
}

#[test]
fn withdrawal_against_take() {
    explore(|| {
        let (answering, mut asking) = slot::<Value>();
        let taking = thread::spawn(move || answering.take());
        let withdrawn = asking.withdraw();
        assert_eq!(taking.join().unwrap(), !withdrawn, "one of the two was first");
    });
}
