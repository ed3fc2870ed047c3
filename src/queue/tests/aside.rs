//! What lies beside the queue: urgent entries, the stash, and what a full mailbox drops.

use super::super::aside::STREAK;
use super::*;

/// A rig whose mailbox drops.
fn dropping(capacity: usize, drops: Drops) -> Rig {
    let rig = Rig::of(Mailbox::new(capacity, Some(drops)));
    rig.mailbox.prime(rig.desk());
    rig
}

/// Offers a part to a mailbox that drops when it is full.
fn offer(rig: &Rig, id: u32) {
    match rig.mailbox.push(rig.part(id)) {
        Ok(()) => {}
        Err(Refused::Overflow(part)) => match rig.mailbox.force(part) {
            Forced::Queued => panic!("there was no room"),
            Forced::Evicted(oldest) => oldest.bury(&()),
            Forced::Dropped(newest) => Entry::<Desk>::bury(newest, &()),
            Forced::Refused(_) => panic!("it drops, and is open"),
        },
        Err(_) => panic!("it drops, and is open"),
    }
}

/// Takes and handles the next entry, as the actor's loop does.
fn next(turn: &mut Turn<'_, Desk>) -> Opened<u32> {
    turn.fetch();
    step(turn)
}

fn all(rig: &Rig, turn: &mut Turn<'_, Desk>) -> Vec<u32> {
    while next(turn) != Opened::Empty {}
    rig.log.who(Did::Handled)
}

/// Takes the next entry and puts it aside.
fn put_aside(turn: &mut Turn<'_, Desk>) {
    turn.fetch();
    assert_eq!(turn.open_next(), Opened::Task);
    turn.stash();
}

#[test]
fn oldest_is_found_in_the_back_however_far_the_consumer_has_come() {
    let rig = dropping(2, Drops::Oldest);
    (1..=3).for_each(|id| offer(&rig, id));
    let mut turn = rig.turn();
    offer(&rig, 4);
    assert_eq!(rig.log.who(Did::Buried), [1, 2]);
    turn.fetch();
    assert_eq!(rig.count(), (1, 1), "it counts as taken from the moment it is fetched");
    offer(&rig, 5);
    assert_eq!(rig.log.who(Did::Buried), [1, 2], "there is room again");
    offer(&rig, 6);
    assert_eq!(rig.log.who(Did::Buried), [1, 2, 4]);
    assert_eq!(step(&mut turn), Opened::Task);
    assert_eq!(all(&rig, &mut turn), [3, 5, 6]);
    park(turn);
    let count = rig.mailbox.count();
    assert_eq!((count.accepted, count.dropped), (6, 3));
}

#[test]
fn full_mailbox_that_drops_the_oldest_does_not_grow() {
    let rig = dropping(3, Drops::Oldest);
    for id in 0..10_000 {
        offer(&rig, id);
    }
    let held = rig.mailbox.back.lock().buffer.held();
    assert!(held < 1024, "{held} words");
    rig.run();
    assert_eq!(rig.log.who(Did::Handled), [9_997, 9_998, 9_999]);
}

#[test]
fn capacity_one_evicts_its_one_entry() {
    let rig = dropping(1, Drops::Oldest);
    (1..=5).for_each(|id| offer(&rig, id));
    assert_eq!((rig.count(), rig.log.who(Did::Buried)), ((1, 0), vec![1, 2, 3, 4]));
    rig.run();
    assert_eq!(rig.log.who(Did::Handled), [5]);
}

#[test]
fn newest_is_dropped_and_accepted() {
    let rig = dropping(2, Drops::Newest);
    (1..=4).for_each(|id| offer(&rig, id));
    let count = rig.mailbox.count();
    assert_eq!((count.accepted, count.queued, count.dropped), (4, 2, 2));
    assert_eq!(rig.mailbox.mark().ordinary, 2, "a stop does not wait for it");
    rig.run();
    assert_eq!((rig.log.who(Did::Handled), rig.log.who(Did::Buried)), (vec![1, 2], vec![3, 4]));
}

#[test]
fn stash_goes_back_in_order_before_the_queue() {
    let rig = Rig::new(8);
    rig.push_parts(1..=4);
    let mut turn = rig.turn();
    (0..3).for_each(|_| put_aside(&mut turn));
    rig.push_parts(5..=5);
    let count = rig.mailbox.count();
    assert_eq!((count.queued, count.stashed, count.in_hand), (2, 3, 0));
    rig.mailbox.unstash(2);
    assert_eq!(all(&rig, &mut turn), [1, 2, 4, 5]);
    turn.unstash_all();
    assert_eq!(all(&rig, &mut turn), [1, 2, 4, 5, 3]);
    park(turn);
}

#[test]
fn stash_goes_back_behind_a_kept_entry() {
    let rig = Rig::new(8);
    rig.push(rig.part(1));
    rig.push(rig.part(2));
    rig.push(rig.acting::<true>(3, Acts { fails: true, ..Acts::default() }));
    rig.push(rig.part(4));
    let mut turn = rig.turn();
    put_aside(&mut turn);
    put_aside(&mut turn);
    assert_eq!(turn.open_next(), Opened::Task);
    assert_eq!(poll(&mut turn), Poll::Ready(Err(3)));
    turn.clear();
    turn.unstash_all();
    assert!(turn.is_kept());
    assert_eq!(rig.count(), (3, 1));
    assert!(turn.bury_next(&()));
    assert_eq!(all(&rig, &mut turn), [1, 2, 4]);
    assert_eq!(rig.log.who(Did::Buried), [3]);
    park(turn);
}

#[test]
fn kept_entry_is_put_aside_itself() {
    let rig = Rig::new(8);
    rig.push(rig.kept(1));
    rig.push(rig.part(2));
    let mut turn = rig.turn();
    put_aside(&mut turn);
    assert_eq!((rig.log.who(Did::CopyDropped), rig.log.who(Did::Dropped)), (vec![1], vec![]));
    assert_eq!((turn.is_kept(), turn.attempts()), (false, 0));
    turn.unstash_all();
    assert_eq!(all(&rig, &mut turn), [1, 2]);
    park(turn);
}

#[test]
fn stash_counts_against_the_bound() {
    let rig = Rig::new(2);
    rig.push_parts([1, 2]);
    let mut turn = rig.turn();
    put_aside(&mut turn);
    assert!(matches!(rig.mailbox.push(rig.part(3)), Err(Refused::Overflow(_))));
    put_aside(&mut turn);
    assert!(matches!(rig.mailbox.push(rig.part(3)), Err(Refused::Overflow(_))));
    turn.unstash_all();
    assert_eq!(next(&mut turn), Opened::Task);
    rig.push(rig.part(3));
    assert_eq!(all(&rig, &mut turn), [1, 2, 3]);
    park(turn);
}

#[test]
fn last_round_is_once() {
    let rig = Rig::new(4);
    rig.push_parts([1]);
    let mut turn = rig.turn();
    assert!(!turn.begin_last_round(), "nothing is put aside");
    put_aside(&mut turn);
    let mark = rig.mailbox.set_mark();
    assert!(turn.has_reached(mark));
    assert!(turn.begin_last_round());
    assert!(!turn.has_reached(mark), "it is to be taken again");
    assert!(turn.is_last_round());
    put_aside(&mut turn);
    assert!(!turn.begin_last_round());
    turn.discard_stash(&());
    assert_eq!((rig.log.who(Did::Buried), rig.count()), (vec![1], (0, 0)));
    park(turn);
}

#[test]
fn urgent_entries_overtake_but_not_for_ever() {
    let rig = Rig::new(64);
    rig.push_parts([1, 2]);
    for id in 0..2 * STREAK + 3 {
        rig.push(rig.urgent(100 + id));
    }
    let mut turn = rig.turn();
    let handled = all(&rig, &mut turn);
    assert_eq!((handled[STREAK as usize], handled[2 * STREAK as usize + 1]), (1, 2));
    assert!(handled.iter().filter(|id| **id >= 100).is_sorted());
    assert_eq!(handled.len(), 2 * STREAK as usize + 5);
    park(turn);
}

#[test]
fn kept_entry_is_not_overtaken() {
    let rig = Rig::new(8);
    rig.push(rig.acting::<true>(1, Acts { fails: true, ..Acts::default() }));
    let mut turn = rig.turn();
    assert_eq!(turn.open_next(), Opened::Task);
    assert_eq!(poll(&mut turn), Poll::Ready(Err(1)));
    turn.clear();
    rig.push(rig.urgent(2));
    turn.fetch();
    assert!(turn.is_kept());
    assert_eq!(turn.about(), Some("kept"));
    assert!(turn.bury_next(&()));
    assert_eq!(all(&rig, &mut turn), [2]);
    park(turn);
}

#[test]
fn marks_tell_the_lanes_apart() {
    let rig = Rig::new(8);
    rig.push_parts([1]);
    rig.push(rig.urgent(2));
    let mark = rig.mailbox.set_mark();
    rig.push(rig.urgent(3));
    let mut turn = rig.turn();
    assert_eq!(next(&mut turn), Opened::Task);
    assert_eq!(next(&mut turn), Opened::Task);
    assert!(!turn.has_reached(mark), "two have been taken, but not the ordinary one");
    assert_eq!(next(&mut turn), Opened::Task);
    assert!(turn.has_reached(mark));
    park(turn);
}

#[test]
fn urgent_entry_wakes_a_parked_consumer() {
    let rig = Rig::new(2);
    let rung = rig.bell.rung();
    rig.push(rig.urgent(1));
    assert_eq!((rig.bell.rung(), rig.mailbox.signals()), (rung + 1, 0), "no signal of the actor's");
    rig.run();
    assert_eq!(rig.log.who(Did::Handled), [1]);
}

#[test]
fn everything_is_gathered_for_the_end_the_stash_first() {
    for drops in [None, Some(Drops::Oldest)] {
        let rig = Rig::of(Mailbox::new(8, drops));
        rig.mailbox.prime(rig.desk());
        rig.push_parts([1, 2]);
        let mut turn = rig.turn();
        put_aside(&mut turn);
        rig.push_parts([3]);
        rig.push(rig.urgent(4));
        turn.gather();
        while turn.bury_next(&()) {}
        assert_eq!(rig.log.who(Did::Buried), [1, 4, 2, 3]);
        assert_eq!((rig.count(), rig.mailbox.count().stashed), ((0, 0), 0));
        park(turn);
    }
}

#[test]
fn what_lies_beside_is_dropped_with_the_mailbox() {
    let rig = Rig::new(8);
    rig.push_parts([1, 2]);
    let mut turn = rig.turn();
    put_aside(&mut turn);
    rig.push(rig.urgent(3));
    drop(turn);
    let log = rig.log.clone();
    drop(rig);
    let mut dropped = log.who(Did::Dropped);
    dropped.sort_unstable();
    assert_eq!(dropped, [1, 2, 3]);
}

/// The bound is that of all of them, also when it is `fetch` that brings a batch to the front.
#[test]
fn batch_that_comes_after_urgent_entries_counts_against_the_bound() {
    let rig = Rig::new(16);
    let mut turn = rig.turn();
    rig.push_parts(1..=6);
    for id in 0..=STREAK {
        rig.push(rig.urgent(100 + id));
    }
    for _ in 0..STREAK {
        assert_eq!(next(&mut turn), Opened::Task);
    }
    turn.fetch();
    assert_eq!(rig.count(), (6, 1), "the first of the batch counts as taken");
    rig.push_parts(7..=16);
    assert!(matches!(rig.mailbox.push(rig.part(17)), Err(Refused::Overflow(_))));
    assert_eq!(rig.count(), (16, 1));
    assert_eq!(step(&mut turn), Opened::Task);
    let mut handled = all(&rig, &mut turn);
    handled.retain(|id| *id < 100);
    assert_eq!(handled, (1..=16).collect::<Vec<_>>());
    park(turn);
}

/// Somebody has taken the place that it had left, so there is one entry too many for a while.
#[test]
fn mailbox_over_its_capacity_by_one_put_aside_is_full() {
    let rig = Rig::new(1);
    rig.push_parts([1]);
    let mut turn = rig.turn();
    assert_eq!(turn.open_next(), Opened::Task);
    rig.push_parts([2]);
    turn.stash();
    let count = rig.mailbox.count();
    assert_eq!((count.queued, count.stashed), (1, 1));
    for _ in 0..2 {
        assert!(matches!(rig.mailbox.push(rig.part(3)), Err(Refused::Overflow(_))));
    }
    turn.unstash_all();
    assert_eq!(next(&mut turn), Opened::Task);
    assert!(matches!(rig.mailbox.push(rig.part(3)), Err(Refused::Overflow(_))), "as many as it is to hold");
    assert_eq!(next(&mut turn), Opened::Task);
    rig.push_parts([3]);
    assert_eq!(all(&rig, &mut turn), [1, 2, 3]);
    park(turn);
}

/// Or its seat would be dropped with messages that nobody hears of.
#[test]
fn mailbox_holds_something_wherever_it_lies() {
    type Put = fn(&Rig);
    let back: Put = |rig| rig.push_parts([1]);
    let urgent: Put = |rig| rig.push(rig.urgent(2));
    let stash: Put = |rig| {
        rig.push_parts([3]);
        let mut turn = rig.turn();
        put_aside(&mut turn);
        park(turn);
    };
    let kept: Put = |rig| {
        rig.push(rig.acting::<true>(4, Acts { fails: true, ..Acts::default() }));
        let mut turn = rig.turn();
        assert_eq!(turn.open_next(), Opened::Task);
        assert_eq!(poll(&mut turn), Poll::Ready(Err(4)));
        turn.clear();
        drop(turn);
    };
    let cases: [&[Put]; 9] = [
        &[],
        &[back],
        &[urgent],
        &[stash],
        &[kept],
        &[kept, back],
        &[back, urgent],
        &[stash, back],
        &[stash, urgent],
    ];
    for (case, puts) in cases.iter().enumerate() {
        let mut rig = Rig::new(8);
        puts.iter().for_each(|put| put(&rig));
        let mailbox = Arc::get_mut(&mut rig.mailbox).expect("nobody else has it");
        assert_eq!(mailbox.holds_nothing(), puts.is_empty(), "case {case}");
    }
}

#[test]
fn batch_counts_against_the_bound_beside_what_is_put_aside() {
    let rig = Rig::new(4);
    rig.push_parts(1..=3);
    let mut turn = rig.turn();
    (0..3).for_each(|_| put_aside(&mut turn));
    rig.push_parts([4]);
    let Rest::More(mut turn) = turn.rest() else { panic!("there is more in the back") };
    assert!(matches!(rig.mailbox.push(rig.part(5)), Err(Refused::Overflow(_))));
    turn.unstash_all();
    assert_eq!(all(&rig, &mut turn), [1, 2, 3, 4]);
    park(turn);
}
