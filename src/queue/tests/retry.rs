//! Entries that keep their place until they are settled.

use super::*;

const FAILS: Acts = Acts { pending: 0, fails: true, unwanted: false, panics: None };

/// Opens the entry at the front, which fails, and clears it away.
fn fail(turn: &mut Turn<'_, Desk>, id: u32) {
    assert_eq!(turn.open_next(), Opened::Task);
    assert_eq!(poll(turn), Poll::Ready(Err(id)));
    turn.give_up(&());
    turn.clear();
}

#[test]
fn kept_entry_is_opened_again_before_any_other() {
    let rig = Rig::new(4);
    rig.push(rig.acting::<true>(1, FAILS));
    rig.push(rig.part(2));
    let mut turn = rig.turn();
    for attempt in 1..=3 {
        fail(&mut turn, 1);
        assert_eq!((turn.attempts(), turn.is_kept(), turn.in_hand()), (attempt, true, false));
        assert_eq!(turn.about(), Some("kept"), "it is known while it waits");
    }
    assert_eq!(rig.log.who(Did::CopyDropped), [1, 1, 1], "each attempt has a copy of its own");
    assert_eq!(rig.log.who(Did::Dropped), [], "the original is still in its place");
    assert!(turn.bury_next(&()));
    assert_eq!((rig.log.who(Did::Buried), rig.log.who(Did::Dropped)), (vec![1], vec![1]));
    assert_eq!((turn.attempts(), turn.is_kept()), (0, false));
    assert_eq!(step(&mut turn), Opened::Task);
    assert_eq!(rig.log.who(Did::Handled), [2]);
    park(turn);
}

#[test]
fn kept_entry_is_settled_once_when_its_copy_was_handled() {
    let rig = Rig::new(4);
    rig.push(rig.kept(1));
    rig.push(rig.kept(2));
    rig.run();
    assert_eq!(rig.log.who(Did::Copied), [1, 2]);
    assert_eq!(rig.log.who(Did::Handled), [1, 2]);
    assert_eq!(rig.log.who(Did::Settled), [1, 2]);
    assert_eq!(rig.log.who(Did::Dropped), [1, 2]);
    assert_eq!(rig.log.who(Did::CopyDropped), [1, 2]);
    assert_eq!(rig.count(), (0, 0));
}

#[test]
fn kept_entry_is_in_flight_between_its_attempts() {
    // The ledger is exact while the actor restarts (I3): the message has been taken and has no fate yet.
    let rig = Rig::new(1);
    rig.push(rig.acting::<true>(1, FAILS));
    let mut turn = rig.turn();
    fail(&mut turn, 1);
    assert_eq!(rig.count(), (0, 1));
    suspend(turn);
    assert_eq!(rig.count(), (0, 1));
    rig.push(rig.part(2));
    assert!(is_full(&rig.mailbox.push(rig.part(3))), "it counts beside the bound, like one in hand");
    let mut turn = rig.turn();
    assert_eq!((rig.count(), turn.taken().ordinary), ((1, 1), 1));
    fail(&mut turn, 1);
    assert!(turn.bury_next(&()));
    assert_eq!((rig.count(), turn.taken().ordinary), ((1, 0), 1));
    drop(turn);
}

#[test]
fn kept_entry_stays_through_a_change_of_the_state() {
    let rig = Rig::new(4);
    rig.push(rig.acting::<true>(1, FAILS));
    rig.push(rig.part(2));
    let mut turn = rig.turn();
    fail(&mut turn, 1);
    drop(turn.replace(None));
    suspend(turn);
    let mut turn = rig.turn();
    assert!(turn.replace(Some(rig.desk())).is_none());
    // A hook of the new incarnation runs before it, and is no attempt at it.
    assert!(turn.open(rig.part(7)));
    assert!(!turn.in_hand());
    assert_eq!(poll(&mut turn), Poll::Ready(Ok(())));
    turn.done();
    assert_eq!((turn.is_kept(), turn.attempts(), turn.is_busy()), (true, 1, false));
    assert_eq!(rig.log.who(Did::Settled), []);
    fail(&mut turn, 1);
    assert_eq!(turn.attempts(), 2);
    drop(turn);
}

#[test]
fn kept_entry_that_nobody_wants_is_opened_itself_and_goes() {
    let rig = Rig::new(4);
    rig.push(rig.acting::<true>(1, Acts { unwanted: true, ..Acts::default() }));
    rig.push(rig.part(2));
    let mut turn = rig.turn();
    assert_eq!(turn.open_next(), Opened::Nothing);
    assert_eq!((turn.is_kept(), turn.in_hand(), turn.attempts()), (false, false, 0));
    assert_eq!((rig.log.who(Did::Opened), rig.log.who(Did::Dropped)), (vec![1], vec![1]));
    assert_eq!(rig.count(), (1, 0));
    assert_eq!(step(&mut turn), Opened::Task);
    park(turn);
}

#[test]
fn kept_entry_takes_its_attempts_along_when_it_is_put_aside() {
    let rig = Rig::new(4);
    rig.push(rig.acting::<true>(1, FAILS));
    rig.push(rig.kept(2));
    let mut turn = rig.turn();
    fail(&mut turn, 1);
    fail(&mut turn, 1);
    for _ in 0..2 {
        assert_eq!((turn.open_next(), turn.attempts()), (Opened::Task, 3));
        turn.stash();
        assert_eq!((turn.is_kept(), turn.attempts(), rig.mailbox.count().stashed), (false, 0, 1));
        turn.unstash_all();
    }
    fail(&mut turn, 1);
    assert_eq!((turn.attempts(), turn.is_kept()), (3, true), "to be put aside is no attempt");
    assert!(turn.bury_next(&()));
    assert_eq!((turn.open_next(), turn.attempts()), (Opened::Task, 1), "they are not those of the next");
    drop(turn);
}

#[test]
fn attempts_of_one_entry_are_not_those_of_the_next() {
    let rig = Rig::new(4);
    rig.push(rig.acting::<true>(1, FAILS));
    rig.push(rig.part(2));
    rig.push(rig.part(3));
    let mut turn = rig.turn();
    fail(&mut turn, 1);
    fail(&mut turn, 1);
    assert!(turn.bury_next(&()));
    for _ in 0..2 {
        assert_eq!(turn.open_next(), Opened::Task);
        assert_eq!(turn.attempts(), 1);
        assert_eq!(poll(&mut turn), Poll::Ready(Ok(())));
        turn.done();
        assert_eq!(turn.attempts(), 0);
    }
    park(turn);
}
