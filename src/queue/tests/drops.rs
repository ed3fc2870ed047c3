//! Everything that goes in is dropped exactly once, by whichever way it leaves.

use super::*;

#[test]
fn handled_entries_are_dropped_once_in_order_over_many_swaps() {
    let rig = Rig::new(8);
    for batch in 0..20 {
        rig.push_parts(batch * 4..batch * 4 + 4);
        rig.run();
    }
    let all: Vec<u32> = (0..80).collect();
    assert_eq!(rig.log.who(Did::Handled), all);
    assert_eq!(rig.log.who(Did::Dropped), all);
}

#[test]
fn entries_pushed_during_a_batch_come_after_it() {
    let rig = Rig::new(16);
    rig.push_parts(0..4);
    let mut turn = rig.turn();
    assert_eq!(step(&mut turn), Opened::Task);
    rig.push_parts(4..8);
    assert_eq!(step(&mut turn), Opened::Task);
    drop(turn);
    rig.push_parts(8..10);
    rig.run();
    assert_eq!(rig.log.who(Did::Handled), (0..10).collect::<Vec<_>>());
}

#[test]
fn buried_entries_are_dropped_once_in_order_from_both_buffers() {
    let rig = Rig::new(16);
    rig.push_parts(0..4);
    let mut turn = rig.turn();
    rig.push_parts(4..8);
    let buried = std::iter::from_fn(|| turn.bury_next(&()).then_some(())).count();
    assert_eq!(buried, 8);
    assert_eq!(rig.log.who(Did::Buried), (0..8).collect::<Vec<_>>());
    assert_eq!(rig.log.who(Did::Dropped), (0..8).collect::<Vec<_>>());
    park(turn);
}

#[test]
fn failed_task_stays_until_it_is_cleared() {
    let rig = Rig::new(4);
    rig.push(rig.acting::<false>(1, Acts { fails: true, ..Acts::default() }));
    let mut turn = rig.turn();
    assert_eq!(turn.open_next(), Opened::Task);
    assert_eq!(poll(&mut turn), Poll::Ready(Err(1)));
    assert!(turn.is_busy());
    assert_eq!(rig.log.who(Did::Dropped), []);
    turn.give_up(&());
    assert!(turn.is_busy(), "given up is not dropped");
    turn.clear();
    assert!(!turn.is_busy());
    turn.give_up(&());
    turn.clear();
    assert_eq!(rig.log.all(), [(Did::Opened, 1), (Did::GivenUp, 1), (Did::Dropped, 1)]);
    park(turn);
}

#[test]
fn mailbox_dropped_with_a_task_under_way_drops_the_task_before_the_state() {
    let rig = Rig::new(8);
    rig.push(rig.acting::<false>(1, Acts { pending: 9, ..Acts::default() }));
    rig.push_parts([2]);
    let mut turn = rig.turn();
    assert_eq!(turn.open_next(), Opened::Task);
    assert_eq!(poll(&mut turn), Poll::Pending);
    rig.push_parts([3]);
    suspend(turn);
    let log = rig.log.clone();
    drop(rig);
    let mut dropped = log.who(Did::Dropped);
    dropped.sort_unstable();
    assert_eq!(dropped, [1, 2, 3]);
    assert_eq!(log.all().last(), Some(&(Did::StateDropped, 0)));
}

#[test]
fn mailbox_dropped_with_a_kept_entry_drops_copy_and_original() {
    let rig = Rig::new(8);
    rig.push(rig.acting::<true>(1, Acts { pending: 9, ..Acts::default() }));
    let mut turn = rig.turn();
    assert_eq!(turn.open_next(), Opened::Task);
    suspend(turn);
    let log = rig.log.clone();
    drop(rig);
    assert_eq!((log.who(Did::CopyDropped), log.who(Did::Dropped)), (vec![1], vec![1]));
}

#[test]
fn mailbox_never_run_drops_what_was_pushed() {
    let log = Log::default();
    let rig = Rig { mailbox: Arc::new(Mailbox::new(4, None)), bell: Arc::default(), log: log.clone() };
    rig.push_parts([1, 2]);
    drop(rig);
    assert_eq!(log.who(Did::Dropped), [1, 2]);
}

#[test]
fn state_is_not_replaced_while_a_task_borrows_it() {
    let rig = Rig::new(4);
    rig.push(rig.acting::<false>(1, Acts { pending: 1, ..Acts::default() }));
    let mut turn = rig.turn();
    assert_eq!(turn.open_next(), Opened::Task);
    assert!(turn.replace(None).is_none(), "nothing comes out");
    assert!(turn.replace(Some(rig.desk())).is_some(), "the new one comes back");
    assert_eq!(turn.open_next(), Opened::Empty, "nor is another opened on it");
    assert!(!turn.open(rig.part(9)));
    assert_eq!(poll(&mut turn), Poll::Pending);
    assert_eq!(poll(&mut turn), Poll::Ready(Ok(())));
    turn.done();
    assert_eq!(turn.replace(None).expect("the first state").handled, [1]);
    park(turn);
}

#[test]
fn entry_is_not_taken_while_there_is_no_state() {
    // Opened on nothing it would be dropped without a fate.
    let rig = Rig::new(4);
    rig.push(rig.part(1));
    let mut turn = rig.turn();
    drop(turn.replace(None));
    assert_eq!(turn.open_next(), Opened::Empty);
    assert_eq!((rig.count(), turn.attempts(), rig.log.who(Did::Dropped)), ((1, 0), 0, vec![]));
    assert!(turn.replace(Some(rig.desk())).is_none());
    assert_eq!(step(&mut turn), Opened::Task);
    park(turn);
}

#[test]
fn idle_mailbox_lets_go_of_the_wakers_of_senders() {
    let rig = Rig::new(1);
    rig.push(rig.part(1));
    let mut served = Sender::waiting(&rig, 2);
    let mut left = Sender::waiting(&rig, 3);
    let mut dismissed = Sender::waiting(&rig, 4);
    left.leave();
    rig.run();
    assert!(served.offer().is_ok());
    rig.mailbox.close();
    assert!(is_closed(&dismissed.offer()));
    for sender in [&served, &left, &dismissed] {
        assert_eq!(Arc::strong_count(&sender.bell), 1, "sender {}", sender.id);
    }
}

/// Words of memory that the buffer behind holds. The two change places with every batch.
fn held(rig: &Rig) -> usize {
    rig.mailbox.back.lock().buffer.held()
}

#[test]
fn batch_after_batch_uses_the_same_memory() {
    let rig = Rig::new(4);
    for id in 0..1000 {
        rig.push_parts([id]);
        let mut turn = rig.turn();
        assert_eq!(step(&mut turn), Opened::Task);
        // The mailbox never rests.
        suspend(turn);
        assert!(held(&rig) <= 64, "{} words after {id} batches", held(&rig));
    }
}

#[test]
fn idle_mailbox_gives_the_memory_of_a_burst_back() {
    let rig = Rig::new(4096);
    for _ in 0..3 {
        rig.push_parts(0..4096);
        assert!(held(&rig) >= 4096);
        rig.run();
        assert!(held(&rig) <= 64, "{} words", held(&rig));
    }
}

#[test]
fn ended_mailbox_gives_its_memory_back_though_it_is_still_referred_to() {
    let rig = Rig::new(256);
    rig.push_parts(0..128);
    let mut turn = rig.turn();
    rig.push_parts(128..256);
    rig.mailbox.close();
    while turn.bury_next(&()) {}
    assert_eq!(turn.retire().accepted, 256);
    assert!(held(&rig) <= 64, "{} words", held(&rig));
}
