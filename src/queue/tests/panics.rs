//! A panic in code of the user leaves the mailbox whole: nothing is lost, nothing is dropped twice, the
//! counts hold, and the next entry is taken.

use super::*;

fn at(at: At) -> Acts {
    Acts { panics: Some(at), ..Acts::default() }
}

/// After the panic: clears away, and handles what came behind it.
fn goes_on(rig: &Rig, mut turn: Turn<'_, Desk>, next: u32) {
    turn.clear();
    if turn.is_kept() {
        assert!(turn.bury_next(&()));
    }
    assert_eq!((turn.is_kept(), turn.in_hand(), turn.attempts()), (false, false, 0));
    assert_eq!(rig.count(), (1, 0));
    assert_eq!(step(&mut turn), Opened::Task);
    assert_eq!(rig.log.who(Did::Handled).last(), Some(&next));
    assert_eq!(rig.count(), (0, 0));
    park(turn);
    assert_eq!(rig.log.who(Did::Dropped).len(), 2, "each once: {:?}", rig.log.all());
}

#[test]
fn panic_in_open_loses_that_entry_alone() {
    let rig = Rig::new(2);
    rig.push(rig.acting::<false>(1, at(At::Open)));
    rig.push(rig.part(2));
    let mut turn = rig.turn();
    assert!(panics(|| {
        turn.open_next();
    }));
    assert_eq!((turn.is_busy(), turn.in_hand(), turn.is_kept(), turn.attempts()), (false, true, false, 1));
    assert_eq!(rig.count(), (1, 1));
    goes_on(&rig, turn, 2);
}

#[test]
fn panic_in_duplicate_leaves_the_entry_in_its_place() {
    let rig = Rig::new(2);
    rig.push(rig.acting::<true>(1, at(At::Duplicate)));
    rig.push(rig.part(2));
    let mut turn = rig.turn();
    for attempt in 1..=2 {
        assert!(panics(|| {
            turn.open_next();
        }));
        assert_eq!((turn.is_busy(), turn.is_kept(), turn.attempts()), (false, true, attempt));
        assert_eq!((rig.count(), rig.log.who(Did::Dropped)), ((1, 1), vec![]));
        turn.clear();
    }
    goes_on(&rig, turn, 2);
}

#[test]
fn panic_in_the_open_of_a_copy_leaves_the_original_in_its_place() {
    let rig = Rig::new(2);
    rig.push(rig.acting::<true>(1, at(At::OpenCopy)));
    rig.push(rig.part(2));
    let mut turn = rig.turn();
    assert!(panics(|| {
        turn.open_next();
    }));
    assert_eq!((rig.log.who(Did::CopyDropped), rig.log.who(Did::Dropped)), (vec![1], vec![]));
    assert!(turn.is_kept());
    goes_on(&rig, turn, 2);
}

#[test]
fn panic_in_the_open_of_an_unwanted_kept_entry_leaves_nothing_kept() {
    // The entry has left its place by then: were it still held for kept, the next one would be buried in its
    // stead, and with no next one the count would go below nothing.
    let rig = Rig::new(2);
    rig.push(rig.acting::<true>(1, Acts { unwanted: true, panics: Some(At::Open), ..Acts::default() }));
    let mut turn = rig.turn();
    rig.push(rig.part(2));
    assert!(panics(|| {
        turn.open_next();
    }));
    assert!(!turn.is_kept());
    turn.clear();
    assert_eq!(rig.count(), (1, 0));
    let Rest::More(turn) = turn.rest() else { panic!("an entry waits") };
    goes_on(&rig, turn, 2);
}

#[test]
fn panic_in_poll_leaves_the_task_to_be_given_up_and_cleared() {
    let rig = Rig::new(2);
    rig.push(rig.acting::<false>(1, at(At::Poll)));
    rig.push(rig.part(2));
    let mut turn = rig.turn();
    assert_eq!(turn.open_next(), Opened::Task);
    assert!(panics(|| {
        let _panics = poll(&mut turn);
    }));
    assert_eq!((turn.is_busy(), turn.in_hand(), turn.about()), (true, true, Some("acting")));
    assert_eq!(rig.log.who(Did::Dropped), []);
    turn.give_up(&());
    goes_on(&rig, turn, 2);
    assert_eq!(rig.log.who(Did::GivenUp), [1]);
}

#[test]
fn panic_in_give_up_leaves_the_task_to_be_cleared() {
    let rig = Rig::new(2);
    rig.push(rig.acting::<false>(1, Acts { fails: true, ..at(At::GiveUp) }));
    rig.push(rig.part(2));
    let mut turn = rig.turn();
    assert_eq!(turn.open_next(), Opened::Task);
    assert_eq!(poll(&mut turn), Poll::Ready(Err(1)));
    assert!(panics(|| turn.give_up(&())));
    assert!(turn.is_busy());
    goes_on(&rig, turn, 2);
}

#[test]
fn panic_in_the_drop_of_a_handled_task_frees_the_place() {
    let rig = Rig::new(2);
    rig.push(rig.acting::<false>(1, at(At::Drop)));
    rig.push(rig.part(2));
    let mut turn = rig.turn();
    assert_eq!(turn.open_next(), Opened::Task);
    assert_eq!(poll(&mut turn), Poll::Ready(Ok(())));
    assert!(panics(|| turn.done()));
    assert_eq!((turn.is_busy(), turn.in_hand(), rig.count()), (false, false, (1, 0)));
    goes_on(&rig, turn, 2);
}

#[test]
fn panic_in_the_drop_of_a_handled_copy_gives_the_entry_no_second_attempt() {
    let rig = Rig::new(2);
    rig.push(rig.acting::<true>(1, at(At::DropCopy)));
    rig.push(rig.part(2));
    let mut turn = rig.turn();
    assert_eq!(turn.open_next(), Opened::Task);
    assert_eq!(poll(&mut turn), Poll::Ready(Ok(())));
    assert!(panics(|| turn.done()));
    assert_eq!((rig.log.who(Did::Settled), turn.is_kept(), turn.is_busy()), (vec![1], false, false));
    goes_on(&rig, turn, 2);
}

#[test]
fn panic_in_the_drop_of_a_cleared_task_frees_the_place() {
    let rig = Rig::new(2);
    rig.push(rig.acting::<false>(1, Acts { pending: 9, ..at(At::Drop) }));
    rig.push(rig.part(2));
    let mut turn = rig.turn();
    assert_eq!(turn.open_next(), Opened::Task);
    assert!(panics(|| turn.clear()));
    assert_eq!((turn.is_busy(), turn.in_hand(), rig.count()), (false, false, (1, 0)));
    goes_on(&rig, turn, 2);
}

#[test]
fn panic_in_settle_takes_the_entry_out_of_its_place() {
    let rig = Rig::new(2);
    rig.push(rig.acting::<true>(1, at(At::Settle)));
    rig.push(rig.part(2));
    let mut turn = rig.turn();
    assert_eq!(turn.open_next(), Opened::Task);
    assert_eq!(poll(&mut turn), Poll::Ready(Ok(())));
    assert!(panics(|| turn.done()));
    assert_eq!((turn.is_kept(), rig.count()), (false, (1, 0)));
    assert!(turn.is_busy(), "its task is still to be cleared");
    goes_on(&rig, turn, 2);
}

#[test]
fn panic_in_bury_takes_the_entry_out_of_its_place_and_out_of_the_count() {
    let rig = Rig::new(2);
    rig.push(rig.part(2));
    rig.push(rig.acting::<false>(1, at(At::Bury)));
    let mut turn = rig.turn();
    assert!(turn.bury_next(&()));
    assert!(panics(|| {
        turn.bury_next(&());
    }));
    assert!(!turn.bury_next(&()), "nothing is left");
    assert_eq!(rig.count(), (0, 0), "a message without a place is not queued for ever");
    assert_eq!(rig.log.who(Did::Dropped), [2, 1]);
    rig.push_parts([3, 4]);
    drop(turn);
}

#[test]
fn panic_in_the_burial_of_a_kept_entry_leaves_the_next_one_alone() {
    let rig = Rig::new(2);
    rig.push(rig.acting::<true>(1, Acts { fails: true, ..at(At::Bury) }));
    rig.push(rig.part(2));
    let mut turn = rig.turn();
    assert_eq!(turn.open_next(), Opened::Task);
    assert_eq!(poll(&mut turn), Poll::Ready(Err(1)));
    turn.clear();
    assert!(panics(|| {
        turn.bury_next(&());
    }));
    goes_on(&rig, turn, 2);
}

#[test]
fn panic_in_the_drop_of_one_queued_entry_does_not_leak_the_others() {
    let rig = Rig::new(8);
    rig.push_parts([1]);
    rig.push(rig.acting::<false>(2, at(At::Drop)));
    rig.push_parts([3, 4]);
    suspend(rig.turn());
    rig.push_parts([5]);
    let (log, mailbox) = (rig.log.clone(), rig.mailbox);
    assert!(panics(|| drop(mailbox)));
    let mut dropped = log.who(Did::Dropped);
    dropped.sort_unstable();
    assert_eq!(dropped, [1, 2, 3, 4, 5]);
    assert_eq!(log.who(Did::StateDropped).len(), 1);
}

#[test]
fn panic_in_the_drop_of_a_pending_task_frees_the_state_with_the_mailbox() {
    let rig = Rig::new(8);
    rig.push(rig.acting::<false>(1, Acts { pending: 9, ..at(At::Drop) }));
    rig.push_parts([2]);
    let mut turn = rig.turn();
    assert_eq!(turn.open_next(), Opened::Task);
    suspend(turn);
    let (log, mailbox) = (rig.log.clone(), rig.mailbox);
    assert!(panics(|| drop(mailbox)));
    let mut dropped = log.who(Did::Dropped);
    dropped.sort_unstable();
    assert_eq!(dropped, [1, 2]);
    assert_eq!(log.who(Did::StateDropped).len(), 1);
}

#[test]
fn panic_in_a_hook_touches_no_entry() {
    let rig = Rig::new(2);
    rig.push(rig.part(2));
    let mut turn = rig.turn();
    assert!(panics(|| {
        turn.open(rig.acting::<false>(1, at(At::Open)));
    }));
    assert!(!turn.is_busy());
    assert_eq!((turn.in_hand(), turn.attempts()), (false, 0));
    goes_on(&rig, turn, 2);
}
