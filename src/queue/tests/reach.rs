//! What others reach of the entry in hand.

use super::super::{Cut, Reached, slot};
use super::*;

/// Tells the asker of the entry in hand.
fn cut(rig: &Rig) {
    let Some(Reached::Asked(name, asker)) = rig.mailbox.reach() else { panic!("it is lent") };
    assert_eq!(name, "asked");
    asker.cut();
}

#[test]
fn nothing_is_reached_while_nothing_is_in_hand() {
    let rig = Rig::new(2);
    assert!(rig.mailbox.reach().is_none(), "nobody runs");
    rig.push_parts([1]);
    let mut turn = rig.turn();
    assert!(rig.mailbox.reach().is_none(), "nothing has been taken");
    step(&mut turn);
    assert!(rig.mailbox.reach().is_none(), "it has been handled");
    park(turn);
}

#[test]
fn the_type_of_the_entry_in_hand_is_reached() {
    let rig = Rig::new(2);
    rig.push_parts([1]);
    let mut turn = rig.turn();
    assert_eq!(turn.open_next(), Opened::Task);
    let Some(Reached::Told(about)) = rig.mailbox.reach() else { panic!("nobody asked") };
    assert_eq!(about, <Part<false> as Entry<Desk>>::about());
    turn.clear();
    suspend(turn);
}

#[test]
fn the_asker_of_the_entry_in_hand_is_reached_once() {
    let rig = Rig::new(2);
    rig.push_parts([1]);
    let mut turn = rig.turn();
    assert_eq!(turn.open_next(), Opened::Task);
    let (answering, mut asking) = slot::<u32>();
    let bell = Arc::new(Bell::default());
    let mut poll = || asking.poll(&mut Context::from_waker(&bell.waker()));
    assert_eq!(poll(), Poll::Pending);
    let lent = rig.mailbox.lend(answering, || "asked");
    cut(&rig);
    assert_eq!(bell.rung(), 1);
    assert_eq!(poll(), Poll::Ready(Err(Cut)));
    assert_eq!(poll(), Poll::Pending, "it has heard it");
    assert!(rig.mailbox.reach().is_none());
    assert_eq!(lent.back().unwrap().answer(7), Err(7), "nobody waits any more");
    turn.clear();
    suspend(turn);
}

#[test]
fn an_answer_that_comes_before_the_asker_has_looked_counts() {
    let rig = Rig::new(2);
    rig.push_parts([1]);
    let mut turn = rig.turn();
    assert_eq!(turn.open_next(), Opened::Task);
    let (answering, mut asking) = slot::<u32>();
    let lent = rig.mailbox.lend(answering, || "asked");
    cut(&rig);
    assert_eq!(lent.back().unwrap().answer(7), Ok(()));
    assert_eq!(asking.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(7)));
    turn.clear();
    suspend(turn);
}

#[test]
fn a_slot_taken_back_is_out_of_reach() {
    let rig = Rig::new(2);
    rig.push_parts([1]);
    let mut turn = rig.turn();
    assert_eq!(turn.open_next(), Opened::Task);
    let (answering, _asking) = slot::<u32>();
    drop(rig.mailbox.lend(answering, || "asked"));
    assert!(rig.mailbox.reach().is_none());
    turn.clear();
    suspend(turn);
}
