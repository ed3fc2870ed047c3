//! Senders that wait for room.

use super::*;

/// A mailbox of this capacity, full of parts numbered from 1.
fn full(capacity: u32) -> Rig {
    let rig = Rig::new(capacity as usize);
    rig.push_parts(1..=capacity);
    rig
}

fn woken(senders: &[Sender<'_>]) -> Vec<u32> {
    senders.iter().filter(|sender| sender.is_woken()).map(|sender| sender.id).collect()
}

#[test]
fn room_goes_to_the_sender_that_came_first_and_to_it_alone() {
    let rig = full(1);
    let mut senders = [11, 12, 13].map(|id| Sender::waiting(&rig, id));
    for served in 0..3 {
        rig.run();
        assert_eq!(woken(&senders), (11..=11 + served).collect::<Vec<_>>());
        assert!(senders[served as usize].offer().is_ok());
        assert!(!senders[served as usize].ticket.waits());
    }
    rig.run();
    assert_eq!(rig.log.who(Did::Handled), [1, 11, 12, 13]);
    assert!(senders.iter().all(|sender| sender.bell.rung() == 1), "one wake-up each");
}

#[test]
fn room_for_several_wakes_as_many() {
    let rig = full(3);
    let mut senders = [11, 12, 13, 14, 15].map(|id| Sender::waiting(&rig, id));
    let mut turn = rig.turn();
    assert_eq!(step(&mut turn), Opened::Task);
    assert_eq!(woken(&senders), [11]);
    assert_eq!(step(&mut turn), Opened::Task);
    assert_eq!(woken(&senders), [11, 12]);
    assert_eq!(step(&mut turn), Opened::Task);
    assert_eq!(woken(&senders), [11, 12, 13]);
    // They may come in any order once they hold room.
    for at in [2, 0, 1] {
        assert!(senders[at].offer().is_ok());
    }
    assert!(is_full(&senders[3].offer()));
    drop(turn);
    rig.run();
    assert_eq!(rig.log.who(Did::Handled), [1, 2, 3, 13, 11, 12]);
    assert_eq!(woken(&senders), [11, 12, 13, 14, 15]);
}

#[test]
fn granted_room_counts_against_the_bound() {
    let rig = full(1);
    let mut first = Sender::waiting(&rig, 11);
    rig.run();
    assert!(first.is_woken());
    assert!(is_full(&rig.mailbox.push(rig.part(2))), "the room is promised");
    let mut second = Sender::waiting(&rig, 12);
    assert!(!second.is_woken());
    assert!(first.offer().is_ok());
    assert!(is_full(&rig.mailbox.push(rig.part(3))));
    assert!(is_full(&second.offer()));
}

#[test]
fn push_does_not_pass_those_who_wait() {
    let rig = full(2);
    let mut waiting = Sender::waiting(&rig, 11);
    let mut turn = rig.turn();
    // Two are taken, one of them in hand: the line has been served once at most by now.
    assert_eq!(step(&mut turn), Opened::Task);
    assert_eq!(turn.open_next(), Opened::Task);
    let mut late = Sender { rig: &rig, id: 12, ticket: Ticket::default(), bell: Arc::default() };
    assert!(late.offer().is_ok(), "there is room for both");
    assert!(is_full(&rig.mailbox.push(rig.part(3))), "and for no third");
    assert!(waiting.offer().is_ok());
    turn.clear();
    drop(turn);
    rig.run();
    assert_eq!(rig.log.who(Did::Handled), [1, 12, 11]);
}

#[test]
fn sender_that_comes_while_another_waits_unserved_stands_behind_it() {
    let rig = full(1);
    let mut first = Sender::waiting(&rig, 11);
    let mut turn = rig.turn();
    // Room there is, but the consumer has not looked at the line since.
    assert_eq!(turn.open_next(), Opened::Task);
    assert!(!first.is_woken());
    assert!(is_full(&rig.mailbox.push(rig.part(2))));
    let mut second = Sender::waiting(&rig, 12);
    assert!(first.is_woken(), "the room is found, and is the first one's");
    assert!(!second.is_woken());
    assert!(first.offer().is_ok());
    assert!(is_full(&second.offer()));
    turn.clear();
    drop(turn);
}

#[test]
fn room_is_granted_when_the_task_is_suspended() {
    let rig = Rig::new(1);
    rig.push(rig.acting::<false>(1, Acts { pending: 9, ..Acts::default() }));
    let waiting = Sender::waiting(&rig, 11);
    let mut turn = rig.turn();
    assert_eq!(turn.open_next(), Opened::Task);
    assert_eq!(poll(&mut turn), Poll::Pending);
    suspend(turn);
    assert!(waiting.is_woken());
}

#[test]
fn room_is_granted_when_entries_are_buried_or_see_to_themselves() {
    let rig = full(1);
    let waiting = Sender::waiting(&rig, 11);
    let mut turn = rig.turn();
    assert!(turn.bury_next(&()));
    assert!(waiting.is_woken());
    drop(turn);

    let rig = Rig::new(1);
    rig.push(rig.acting::<false>(1, Acts { unwanted: true, ..Acts::default() }));
    let waiting = Sender::waiting(&rig, 11);
    rig.run();
    assert!(waiting.is_woken());
}

#[test]
fn sender_that_leaves_with_room_passes_it_on() {
    let rig = full(1);
    let mut senders = [11, 12].map(|id| Sender::waiting(&rig, id));
    rig.run();
    assert_eq!(woken(&senders), [11]);
    senders[0].leave();
    assert_eq!(woken(&senders), [11, 12]);
    assert!(is_full(&rig.mailbox.push(rig.part(2))));
    senders[1].leave();
    rig.push(rig.part(2));
}

#[test]
fn sender_that_leaves_without_room_lets_the_others_move_up() {
    let rig = full(1);
    let mut senders = [11, 12, 13].map(|id| Sender::waiting(&rig, id));
    senders[1].leave();
    assert!(!senders[1].ticket.waits());
    assert_eq!(woken(&senders), []);
    rig.run();
    assert_eq!(woken(&senders), [11]);
    assert!(senders[0].offer().is_ok());
    rig.run();
    assert_eq!(woken(&senders), [11, 13]);
    assert!(senders[2].offer().is_ok());
}

#[test]
fn line_that_everybody_has_left_is_no_line() {
    let rig = full(1);
    let mut waiting = Sender::waiting(&rig, 11);
    waiting.leave();
    waiting.leave();
    rig.run();
    assert!(!waiting.is_woken());
    rig.push(rig.part(2));
    rig.run();
    let mut again = Sender { rig: &rig, id: 12, ticket: Ticket::default(), bell: Arc::default() };
    assert!(again.offer().is_ok(), "at once");
    assert!(!again.ticket.waits());
}

#[test]
fn sender_that_left_starts_anew_at_the_end() {
    let rig = full(1);
    let mut senders = [11, 12].map(|id| Sender::waiting(&rig, id));
    senders[0].leave();
    assert!(is_full(&senders[0].offer()));
    rig.run();
    assert_eq!(woken(&senders), [12]);
}

#[test]
fn sender_polled_by_another_task_keeps_its_place_and_wakes_that_one() {
    let rig = full(1);
    let mut first = Sender::waiting(&rig, 11);
    let second = Sender::waiting(&rig, 12);
    let old = std::mem::take(&mut first.bell);
    assert!(is_full(&first.offer()));
    assert_eq!(Arc::strong_count(&old), 1, "the old waker is let go");
    rig.run();
    assert_eq!((old.rung(), first.bell.rung(), second.bell.rung()), (0, 1, 0));
    assert!(first.offer().is_ok());
}

#[test]
fn close_wakes_all_who_wait_and_hands_their_entries_back() {
    let rig = full(2);
    let mut senders = [11, 12, 13].map(|id| Sender::waiting(&rig, id));
    let mut turn = rig.turn();
    assert_eq!(step(&mut turn), Opened::Task);
    assert_eq!(woken(&senders), [11], "one holds room already");
    rig.mailbox.close();
    assert_eq!(woken(&senders), [11, 12, 13]);
    assert!(senders.iter().all(|sender| sender.bell.rung() == 1), "one wake-up each");
    for sender in &mut senders {
        assert!(is_closed(&sender.offer()));
        sender.leave();
        assert!(!sender.ticket.waits());
    }
    drop(turn);
    rig.run();
    assert_eq!((rig.count(), rig.log.who(Did::Handled)), ((0, 0), vec![1, 2]));
}

#[test]
fn sender_that_leaves_after_a_close_disturbs_nobody() {
    let rig = full(1);
    let mut waiting = Sender::waiting(&rig, 11);
    rig.mailbox.close();
    waiting.leave();
    assert_eq!((waiting.bell.rung(), waiting.ticket.waits()), (1, false));
    rig.run();
    assert_eq!(rig.count(), (0, 0));
}

#[test]
fn push_into_a_parked_mailbox_by_a_waiting_sender_wakes_the_consumer() {
    let rig = full(1);
    let mut waiting = Sender::waiting(&rig, 11);
    rig.run();
    let rung = rig.bell.rung();
    assert!(waiting.offer().is_ok());
    assert_eq!(rig.bell.rung(), rung + 1);
}
