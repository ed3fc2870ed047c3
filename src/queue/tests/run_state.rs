//! Who may run, and who has to be woken.

use super::*;

const A: u32 = 1;
const B: u32 = 2;

#[test]
fn first_push_into_a_parked_mailbox_wakes_and_the_second_does_not() {
    let rig = Rig::new(4);
    let rung = rig.bell.rung();
    rig.push(rig.part(1));
    assert_eq!(rig.bell.rung(), rung + 1);
    rig.push(rig.part(2));
    assert_eq!(rig.bell.rung(), rung + 1);
}

#[test]
fn push_before_the_first_poll_is_found_by_it() {
    let rig = Rig { mailbox: Arc::new(Mailbox::new(4, None)), bell: Arc::default(), log: Log::default() };
    rig.push(rig.part(1));
    rig.mailbox.prime(rig.desk());
    rig.push(rig.part(2));
    rig.run();
    assert_eq!((rig.log.who(Did::Handled), rig.bell.rung()), (vec![1, 2], 0));
}

#[test]
fn push_does_not_wake_a_consumer_that_runs_or_waits_for_its_task() {
    let rig = Rig::new(8);
    rig.push(rig.acting::<false>(1, Acts { pending: 1, ..Acts::default() }));
    let rung = rig.bell.rung();
    let mut turn = rig.turn();
    rig.push(rig.part(2));
    assert_eq!(turn.open_next(), Opened::Task);
    assert_eq!(poll(&mut turn), Poll::Pending);
    suspend(turn);
    rig.push(rig.part(3));
    assert_eq!(rig.bell.rung(), rung);
    let mut turn = rig.turn();
    assert_eq!(poll(&mut turn), Poll::Ready(Ok(())));
    turn.done();
    drop(turn);
    rig.run();
    assert_eq!(rig.log.who(Did::Handled), [1, 2, 3]);
}

#[test]
fn rest_finds_what_was_pushed_during_the_turn() {
    let rig = Rig::new(8);
    let turn = rig.turn();
    rig.push(rig.part(1));
    let Rest::More(mut turn) = turn.rest() else { panic!("an entry waits") };
    assert_eq!(step(&mut turn), Opened::Task);
    park(turn);
}

#[test]
fn rest_with_entries_left_in_front_goes_on() {
    let rig = Rig::new(8);
    rig.push_parts([1, 2]);
    let mut turn = rig.turn();
    assert_eq!(step(&mut turn), Opened::Task);
    let Rest::More(mut turn) = turn.rest() else { panic!("an entry waits") };
    assert_eq!(step(&mut turn), Opened::Task);
    park(turn);
}

#[test]
fn dropped_turn_has_the_consumer_woken() {
    let rig = Rig::new(8);
    let rung = rig.bell.rung();
    drop(rig.turn());
    assert_eq!(rig.bell.rung(), rung + 1);
    rig.push(rig.part(1));
    assert_eq!(rig.bell.rung(), rung + 1, "it is on its way already");
    rig.run();
}

#[test]
fn turn_lost_to_a_panic_has_the_consumer_woken() {
    let rig = Rig::new(8);
    let rung = rig.bell.rung();
    assert!(panics(|| {
        let _turn = rig.turn();
        panic!("with the turn in hand");
    }));
    assert_eq!(rig.bell.rung(), rung + 1);
    rig.run();
}

#[test]
fn there_is_one_turn_at_a_time() {
    let rig = Rig::new(8);
    let turn = rig.turn();
    assert!(rig.mailbox.enter(&rig.bell.waker()).is_none());
    park(turn);
    park(rig.turn());
}

#[test]
fn poll_that_found_somebody_else_running_is_made_up_for_at_suspend() {
    let rig = Rig::new(8);
    rig.push(rig.acting::<false>(1, Acts { pending: 1, ..Acts::default() }));
    let mut turn = rig.turn();
    assert_eq!(turn.open_next(), Opened::Task);
    assert_eq!(poll(&mut turn), Poll::Pending);
    let rung = rig.bell.rung();
    // The task was woken and its poll finds no turn: without a second wake-up it would be pending for ever.
    assert!(rig.mailbox.enter(&rig.bell.waker()).is_none());
    assert_eq!(rig.bell.rung(), rung);
    suspend(turn);
    assert_eq!(rig.bell.rung(), rung + 1);
    // Made up for once.
    suspend(rig.turn());
    assert_eq!(rig.bell.rung(), rung + 1);
}

#[test]
fn poll_that_was_missed_is_of_no_account_once_the_mailbox_rests() {
    let rig = Rig::new(8);
    let turn = rig.turn();
    assert!(rig.mailbox.enter(&rig.bell.waker()).is_none());
    let rung = rig.bell.rung();
    park(turn);
    suspend(rig.turn());
    assert_eq!(rig.bell.rung(), rung);
    // Nor when the turn was dropped, which wakes by itself.
    let turn = rig.turn();
    assert!(rig.mailbox.enter(&rig.bell.waker()).is_none());
    drop(turn);
    assert_eq!(rig.bell.rung(), rung + 1);
    suspend(rig.turn());
    assert_eq!(rig.bell.rung(), rung + 1);
}

#[test]
fn signal_wakes_a_parked_and_a_waiting_consumer() {
    let rig = Rig::new(8);
    let rung = rig.bell.rung();
    rig.mailbox.signal(A);
    assert_eq!((rig.bell.rung(), rig.mailbox.signals()), (rung + 1, A));
    rig.mailbox.signal(B);
    assert_eq!((rig.bell.rung(), rig.mailbox.signals()), (rung + 1, A | B), "it is on its way already");
    let turn = rig.turn();
    rig.mailbox.lower(A | B);
    assert_eq!(rig.mailbox.signals(), 0);
    suspend(turn);
    rig.mailbox.signal(A);
    assert_eq!(rig.bell.rung(), rung + 2);
}

#[test]
fn signal_raised_during_the_turn_is_seen_before_it_ends() {
    let rig = Rig::new(8);
    let rung = rig.bell.rung();
    let turn = rig.turn();
    rig.mailbox.signal(A);
    assert_eq!(rig.bell.rung(), rung, "the one who runs looks for itself");
    let Rest::More(turn) = turn.rest() else { panic!("a signal is raised") };
    let Rest::More(turn) = turn.suspend(B) else { panic!("a signal is raised that was not known") };
    assert!(matches!(turn.suspend(A | B), Rest::Parked), "it is known");
    assert_eq!(rig.mailbox.signals(), A, "and still raised");
    rig.mailbox.lower(A);
    park(rig.turn());
}

#[test]
fn signal_is_lowered_bit_by_bit() {
    let rig = Rig::new(8);
    rig.mailbox.signal(A | B);
    rig.mailbox.lower(A);
    assert_eq!(rig.mailbox.signals(), B);
}

#[test]
fn state_is_primed_before_the_first_poll_only() {
    let rig = Rig::new(8);
    let turn = rig.turn();
    assert!(panics(|| rig.mailbox.prime(rig.desk())), "else there would be two turns");
    park(turn);
}
