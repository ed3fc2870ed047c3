//! Several entries under one lock: as if each had been pushed by itself.

use std::collections::VecDeque;

use super::*;

fn ids(ids: impl IntoIterator<Item = u32>) -> VecDeque<u32> {
    ids.into_iter().collect()
}

impl Rig {
    /// Pushes parts with the ids at the front of `from`, and wakes as a sender does.
    fn push_many(&self, from: &mut VecDeque<u32>) -> Result<(), Refused<()>> {
        self.mailbox
            .push_many(from, |id| self.part(id))
            .map(|pushed| assert!(!pushed.see_to(), "nobody asked to hold it"))
    }

    fn push_urgent(&self, from: &mut VecDeque<u32>) -> Result<(), Refused<()>> {
        let pushed = self.mailbox.push_many(from, |id| self.urgent(id));
        pushed.map(|pushed| assert!(!pushed.see_to(), "nobody asked to hold it"))
    }
}

#[test]
fn run_of_entries_is_queued_in_order_and_wakes_once() {
    let rig = Rig::new(8);
    let mut from = ids(1..=5);
    assert!(rig.push_many(&mut from).is_ok());
    assert_eq!((from.len(), rig.count(), rig.bell.rung()), (0, (5, 0), 1));
    assert!(rig.push_many(&mut ids([6])).is_ok());
    assert_eq!(rig.bell.rung(), 1, "it has been scheduled");
    rig.run();
    assert_eq!(rig.log.who(Did::Handled), [1, 2, 3, 4, 5, 6]);
    assert_eq!(rig.mailbox.mark().ordinary, 6);
}

#[test]
fn what_does_not_fit_stays_at_the_front_of_the_senders_own_queue() {
    for capacity in 1..5 {
        let rig = Rig::new(capacity);
        let mut from = ids(1..=5);
        assert!(rig.push_many(&mut from).is_ok());
        let fits = u32::try_from(capacity).unwrap();
        assert_eq!(from, ids(fits + 1..=5));
        assert!(is_full(&rig.push_many(&mut from)));
        assert_eq!((from, rig.count()), (ids(fits + 1..=5), (capacity as u64, 0)));
        assert_eq!(rig.mailbox.count().accepted, capacity as u64);
        rig.run();
        assert_eq!(rig.log.who(Did::Handled), (1..=fits).collect::<Vec<_>>());
    }
}

#[test]
fn room_in_front_is_counted_before_a_run_is_cut_short() {
    let rig = Rig::new(4);
    rig.push_parts(1..=4);
    let mut turn = rig.turn();
    // What producers last saw of the front is out of date by two from here on.
    assert_eq!((step(&mut turn), step(&mut turn)), (Opened::Task, Opened::Task));
    let mut from = ids(5..=7);
    assert!(rig.push_many(&mut from).is_ok());
    assert_eq!((from, rig.count()), (ids([7]), (4, 0)));
    drop(turn);
    rig.run();
    assert_eq!(rig.log.who(Did::Handled), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn run_does_not_pass_a_sender_that_waits_nor_take_its_room() {
    let rig = Rig::new(2);
    rig.push_parts([1, 2]);
    let mut sender = Sender::waiting(&rig, 11);
    let mut from = ids(21..=23);
    assert!(is_full(&rig.push_many(&mut from)));
    rig.run();
    assert!(sender.is_woken());
    assert!(rig.push_many(&mut from).is_ok());
    assert_eq!(from, ids([22, 23]), "one of two places is promised");
    assert!(sender.offer().is_ok());
    rig.run();
    assert_eq!(rig.log.who(Did::Handled), [1, 2, 21, 11]);
}

#[test]
fn room_that_nobody_has_been_granted_yet_is_for_those_who_wait() {
    let rig = Rig::new(2);
    rig.push_parts([1, 2]);
    let mut sender = Sender::waiting(&rig, 11);
    let mut turn = rig.turn();
    // Taken, so there is room; those who wait get it when the entry is done.
    assert_eq!(turn.open_next(), Opened::Task);
    assert!(is_full(&rig.push_many(&mut ids([21]))));
    assert!(is_full(&rig.mailbox.reserve(&mut Ticket::default(), None)));
    assert_eq!(poll(&mut turn), Poll::Ready(Ok(())));
    turn.done();
    assert!(sender.is_woken() && sender.offer().is_ok());
    drop(turn);
    rig.run();
    assert_eq!(rig.log.who(Did::Handled), [1, 2, 11]);
}

#[test]
fn closed_mailbox_takes_none_of_a_run() {
    let rig = Rig::new(4);
    rig.mailbox.close();
    let mut from = ids(1..=3);
    assert!(is_closed(&rig.push_many(&mut from)));
    assert_eq!((from, rig.count(), rig.mailbox.count().accepted), (ids(1..=3), (0, 0), 0));
}

#[test]
fn urgent_run_shares_the_bound_and_overtakes() {
    let rig = Rig::new(4);
    rig.push_parts([1, 2]);
    let mut from = ids(11..=13);
    assert!(rig.push_urgent(&mut from).is_ok());
    assert_eq!((from.clone(), rig.count()), (ids([13]), (4, 0)));
    assert!(matches!(rig.push_urgent(&mut from), Err(Refused::Overflow(()))));
    rig.run();
    assert_eq!(rig.log.who(Did::Handled), [11, 12, 1, 2]);
}

#[test]
fn mailbox_that_drops_says_so_and_takes_what_fits() {
    let rig = Rig::of(Mailbox::new(2, Some(Drops::Oldest)));
    rig.mailbox.prime(rig.desk());
    let mut from = ids(1..=3);
    assert!(rig.push_many(&mut from).is_ok());
    assert!(matches!(rig.push_many(&mut from), Err(Refused::Overflow(()))));
    assert_eq!((from, rig.count()), (ids([3]), (2, 0)));
    rig.run();
    assert_eq!(rig.log.who(Did::Handled), [1, 2]);
}

#[test]
fn mailbox_over_its_capacity_has_no_room_for_a_run() {
    let rig = Rig::new(1);
    rig.push(rig.part(1));
    let mut turn = rig.turn();
    assert_eq!(turn.open_next(), Opened::Task);
    rig.push(rig.part(2));
    // One that waits and one that has been put aside again.
    turn.stash();
    drop(turn);
    let mut from = ids([3, 4]);
    assert!(matches!(rig.push_many(&mut from), Err(Refused::Overflow(()))));
    assert_eq!(from.len(), 2);
}
