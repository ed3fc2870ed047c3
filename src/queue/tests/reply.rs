//! One value from one task to another, in every order of the two.

use super::super::{Answering, Asking, Phase, slot};
use super::*;

type Value = Arc<u32>;

fn poll_with<T: Send>(asking: &mut Asking<T>, bell: &Arc<Bell>) -> Poll<T> {
    asking.poll(&mut Context::from_waker(&bell.waker())).map(|polled| polled.expect("nobody cuts"))
}

fn pair() -> (Answering<Value>, Asking<Value>, Value, Arc<Bell>) {
    let (answering, asking) = slot();
    (answering, asking, Arc::new(7), Arc::default())
}

/// Nobody holds the value but the test.
fn is_free(value: &Value) -> bool {
    Arc::strong_count(value) == 1
}

#[test]
fn answer_before_the_first_poll_is_there_at_once() {
    let (answering, mut asking, value, bell) = pair();
    assert!(answering.answer(value.clone()).is_ok());
    assert_eq!(poll_with(&mut asking, &bell), Poll::Ready(value.clone()));
    assert_eq!((bell.rung(), is_free(&value)), (0, true));
}

#[test]
fn answer_wakes_the_asker_that_waits() {
    let (answering, mut asking, value, bell) = pair();
    assert_eq!(poll_with(&mut asking, &bell), Poll::Pending);
    assert!(answering.answer(value.clone()).is_ok());
    assert_eq!(bell.rung(), 1);
    assert_eq!(poll_with(&mut asking, &bell), Poll::Ready(value.clone()));
    drop(asking);
    assert_eq!((Arc::strong_count(&bell), is_free(&value)), (1, true));
}

#[test]
fn asker_polled_by_another_task_wakes_that_one() {
    let (answering, mut asking, value, first) = pair();
    let second = Arc::default();
    assert_eq!(poll_with(&mut asking, &first), Poll::Pending);
    assert_eq!(poll_with(&mut asking, &first), Poll::Pending);
    assert_eq!(poll_with(&mut asking, &second), Poll::Pending);
    assert_eq!(Arc::strong_count(&first), 1, "the old waker is let go");
    assert!(answering.answer(value).is_ok());
    assert_eq!((first.rung(), second.rung()), (0, 1));
}

#[test]
fn asker_that_has_its_value_is_never_ready_again() {
    let (answering, mut asking, value, bell) = pair();
    assert!(answering.answer(value).is_ok());
    assert!(poll_with(&mut asking, &bell).is_ready());
    assert_eq!(poll_with(&mut asking, &bell), Poll::Pending);
    assert_eq!(asking.give_up(), Err(Phase::Taken), "nor is there anything left to give up");
}

#[test]
fn asker_that_gives_up_before_the_take_is_not_served() {
    let (answering, mut asking, value, bell) = pair();
    assert_eq!(poll_with(&mut asking, &bell), Poll::Pending);
    assert!(!answering.is_gone());
    assert_eq!(asking.give_up(), Err(Phase::Queued));
    assert!(answering.is_gone());
    assert!(!answering.take(), "the handler must not run");
    assert!(answering.answer(value.clone()).is_err());
    assert_eq!((bell.rung(), is_free(&value)), (0, true));
    assert_eq!(poll_with(&mut asking, &bell), Poll::Pending);
}

#[test]
fn asker_that_gives_up_after_the_take_is_told_so() {
    let (answering, mut asking, value, _bell) = pair();
    assert!(answering.take());
    assert_eq!(asking.give_up(), Err(Phase::Taken));
    assert_eq!(answering.answer(value.clone()), Err(value), "the late reply comes back");
}

#[test]
fn asker_that_gives_up_after_the_answer_has_it() {
    let (answering, mut asking, value, bell) = pair();
    assert!(answering.take());
    assert!(answering.answer(value.clone()).is_ok());
    assert_eq!(asking.give_up(), Ok(value.clone()));
    assert!(is_free(&value));
    assert_eq!(poll_with(&mut asking, &bell), Poll::Pending, "given up is given up");
}

#[test]
fn dropped_asker_is_gone() {
    let (answering, asking, value, _bell) = pair();
    drop(asking);
    assert!(answering.is_gone() && !answering.take());
    assert_eq!(answering.answer(value.clone()), Err(value));
}

#[test]
fn asker_dropped_with_a_waker_in_the_slot_lets_it_go() {
    let (answering, mut asking, _value, bell) = pair();
    assert_eq!(poll_with(&mut asking, &bell), Poll::Pending);
    drop(asking);
    drop(answering);
    assert_eq!(Arc::strong_count(&bell), 1);
}

#[test]
fn value_that_nobody_fetched_is_freed_with_the_slot() {
    for answering_first in [true, false] {
        let (answering, asking, value, _bell) = pair();
        let shared = answering.share();
        assert!(answering.answer(value.clone()).is_ok());
        if answering_first {
            drop(shared);
            drop(asking);
        } else {
            drop(asking);
            drop(shared);
        }
        assert!(is_free(&value));
    }
}

#[test]
fn asker_that_has_fetched_its_value_is_not_gone() {
    // A second answer then finds the first one, and not an asker that gave up.
    let (answering, mut asking, value, bell) = pair();
    let other = answering.share();
    assert!(answering.answer(value).is_ok());
    assert!(poll_with(&mut asking, &bell).is_ready());
    drop(asking);
    assert!(!other.is_gone());
}

#[test]
fn dropped_answering_half_wakes_nobody() {
    // Whoever holds one sees to it that there is an answer; the slot does not.
    let (answering, mut asking, _value, bell) = pair();
    assert_eq!(poll_with(&mut asking, &bell), Poll::Pending);
    drop(answering);
    assert_eq!((poll_with(&mut asking, &bell), bell.rung()), (Poll::Pending, 0));
    assert_eq!(asking.give_up(), Err(Phase::Queued));
}

#[test]
fn second_answer_comes_back_and_the_first_stands() {
    for fetched in [true, false] {
        let (answering, mut asking, value, bell) = pair();
        let shared = answering.share();
        assert!(shared.answer(value.clone()).is_ok());
        if fetched {
            assert_eq!(poll_with(&mut asking, &bell), Poll::Ready(value.clone()));
        }
        let second = Arc::new(8);
        assert_eq!(answering.answer(second.clone()), Err(second));
        if !fetched {
            assert_eq!(poll_with(&mut asking, &bell), Poll::Ready(value));
        }
    }
}

#[test]
fn shared_half_answers_when_the_first_has_been_dropped() {
    let (answering, mut asking, value, bell) = pair();
    let shared = answering.share();
    assert_eq!(poll_with(&mut asking, &bell), Poll::Pending);
    drop(answering);
    assert!(shared.take());
    assert!(shared.answer(value.clone()).is_ok());
    assert_eq!(bell.rung(), 1);
    assert_eq!(poll_with(&mut asking, &bell), Poll::Ready(value));
}

#[test]
fn take_is_the_same_for_every_half() {
    let (answering, mut asking, _value, _bell) = pair();
    assert!(answering.take() && answering.take(), "an attempt may be repeated");
    let shared = answering.share();
    assert_eq!(asking.give_up(), Err(Phase::Taken));
    assert!(!shared.take() && shared.is_gone());
}

#[test]
fn asker_withdraws_only_from_what_has_not_been_taken() {
    let (answering, mut asking, ..) = pair();
    assert!(answering.take());
    assert!(!asking.withdraw());
    answering.put_back();
    assert!(asking.withdraw(), "it waits again");
    assert!(!asking.withdraw(), "once");
    assert!(!answering.take());
    assert_eq!(asking.give_up(), Err(Phase::Taken), "there is nothing left to give up");
}
