//! Room that is taken before there is an entry.

use super::*;

fn reserve(rig: &Rig, ticket: &mut Ticket) -> bool {
    rig.mailbox.reserve(ticket, None).is_ok()
}

fn push_with(rig: &Rig, ticket: &mut Ticket, id: u32) {
    assert!(rig.mailbox.push_or_wait(rig.part(id), ticket, Waker::noop()).is_ok(), "it holds room");
}

#[test]
fn reserved_room_counts_against_the_bound_until_it_is_used() {
    let rig = Rig::new(2);
    let mut ticket = Ticket::default();
    assert!(reserve(&rig, &mut ticket) && ticket.waits());
    assert!(reserve(&rig, &mut ticket), "twice is once");
    rig.push(rig.part(1));
    assert!(is_full(&rig.mailbox.push(rig.part(2))));
    push_with(&rig, &mut ticket, 3);
    assert!(!ticket.waits());
    assert_eq!(rig.count(), (2, 0));
    rig.run();
    assert_eq!(rig.log.who(Did::Handled), [1, 3]);
    rig.push_parts([4, 5]);
}

#[test]
fn full_mailbox_refuses_a_reservation_or_lets_it_wait() {
    let rig = Rig::new(1);
    rig.push(rig.part(1));
    let (mut ticket, bell) = (Ticket::default(), Arc::<Bell>::default());
    assert!(is_full(&rig.mailbox.reserve(&mut ticket, None)));
    assert!(!ticket.waits());
    assert!(is_full(&rig.mailbox.reserve(&mut ticket, Some(bell.waker()))));
    let later = Sender::waiting(&rig, 9);
    rig.run();
    assert_eq!((bell.rung(), later.is_woken()), (1, false));
    assert!(reserve(&rig, &mut ticket));
    push_with(&rig, &mut ticket, 2);
    rig.run();
    assert!(later.is_woken());
    assert_eq!(rig.log.who(Did::Handled), [1, 2]);
    drop(later);
}

#[test]
fn reservation_does_not_pass_those_that_wait() {
    let rig = Rig::new(1);
    rig.push(rig.part(1));
    let mut sender = Sender::waiting(&rig, 2);
    let (mut ticket, bell) = (Ticket::default(), Arc::<Bell>::default());
    assert!(is_full(&rig.mailbox.reserve(&mut ticket, Some(bell.waker()))));
    rig.run();
    assert!(sender.is_woken() && bell.rung() == 0);
    assert!(sender.offer().is_ok());
    rig.run();
    assert_eq!(bell.rung(), 1);
    rig.mailbox.leave(&mut ticket);
}

#[test]
fn reservation_that_is_given_back_goes_to_the_next_in_line() {
    let rig = Rig::new(1);
    let mut ticket = Ticket::default();
    assert!(reserve(&rig, &mut ticket));
    let mut sender = Sender::waiting(&rig, 1);
    rig.mailbox.leave(&mut ticket);
    assert!(sender.is_woken());
    assert!(sender.offer().is_ok());
    rig.run();
    assert_eq!(rig.log.who(Did::Handled), [1]);
}

#[test]
fn several_reservations_are_used_in_any_order() {
    let rig = Rig::new(3);
    let mut tickets = [(); 3].map(|()| Ticket::default());
    for ticket in &mut tickets {
        assert!(reserve(&rig, ticket));
    }
    assert!(is_full(&rig.mailbox.push(rig.part(9))));
    let waiting = Sender::waiting(&rig, 8);
    for (at, id) in [(2, 1), (0, 2)] {
        push_with(&rig, &mut tickets[at], id);
    }
    assert!(!waiting.is_woken());
    rig.mailbox.leave(&mut tickets[1]);
    assert!(waiting.is_woken());
}

#[test]
fn mailbox_that_closes_or_drops_holds_no_room_for_anybody() {
    let rig = Rig::new(1);
    let mut ticket = Ticket::default();
    assert!(reserve(&rig, &mut ticket));
    rig.mailbox.close();
    assert!(is_closed(&rig.mailbox.reserve(&mut ticket, None)));
    rig.mailbox.leave(&mut ticket);
    assert!(!ticket.waits());

    let rig = Rig::of(Mailbox::new(1, Some(Drops::Newest)));
    rig.mailbox.prime(rig.desk());
    assert!(matches!(rig.mailbox.reserve(&mut ticket, None), Err(Refused::Overflow(()))));
    assert!(!ticket.waits());
}
