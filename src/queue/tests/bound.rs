//! The bound is exact, whatever lies in front and whatever behind.

use super::*;

#[test]
fn capacity_one_holds_one_entry_and_hands_the_second_back() {
    let rig = Rig::new(1);
    rig.push(rig.part(1));
    let Err(Refused::Full(second)) = rig.mailbox.push(rig.part(2)) else { panic!("there is no room") };
    assert_eq!((second.0.id, rig.log.all()), (2, vec![]));
    assert_eq!(rig.count(), (1, 0));
}

#[test]
fn taken_entry_makes_room_while_it_is_in_hand() {
    let rig = Rig::new(1);
    rig.push(rig.acting::<false>(1, Acts { pending: 1, ..Acts::default() }));
    let mut turn = rig.turn();
    assert!(is_full(&rig.mailbox.push(rig.part(2))), "swapped to the front, it still counts");
    assert_eq!(turn.open_next(), Opened::Task);
    assert_eq!(rig.count(), (0, 1));
    rig.push(rig.part(2));
    assert!(is_full(&rig.mailbox.push(rig.part(3))));
    assert_eq!(rig.count(), (1, 1));
    assert_eq!(poll(&mut turn), Poll::Pending);
    suspend(turn);
    assert_eq!(rig.count(), (1, 1));
    assert!(is_full(&rig.mailbox.push(rig.part(3))));
    let mut turn = rig.turn();
    assert_eq!(poll(&mut turn), Poll::Ready(Ok(())));
    assert_eq!(rig.count(), (1, 1), "in hand until it is done");
    turn.done();
    assert_eq!(rig.count(), (1, 0));
    drop(turn);
}

#[test]
fn front_and_back_share_one_bound() {
    let rig = Rig::new(3);
    rig.push_parts(1..=3);
    let mut turn = rig.turn();
    for next in 4..40 {
        assert!(is_full(&rig.mailbox.push(rig.part(0))), "before {next} is pushed");
        assert_eq!(step(&mut turn), Opened::Task);
        assert_eq!(rig.count(), (2, 0));
        rig.push(rig.part(next));
        assert_eq!(rig.count(), (3, 0));
        if step(&mut turn) == Opened::Empty {
            let Rest::More(more) = turn.rest() else { panic!("there is more in the back") };
            turn = more;
        } else {
            rig.push(rig.part(0));
        }
    }
    drop(turn);
}

#[test]
fn entry_that_sees_to_itself_makes_room() {
    let rig = Rig::new(1);
    rig.push(rig.acting::<false>(1, Acts { unwanted: true, ..Acts::default() }));
    let mut turn = rig.turn();
    assert_eq!(turn.open_next(), Opened::Nothing);
    assert_eq!((rig.count(), turn.in_hand(), turn.attempts()), ((0, 0), false, 0));
    rig.push(rig.part(2));
    drop(turn);
    rig.run();
    assert_eq!(rig.log.who(Did::Dropped), [1, 2]);
}

#[test]
fn buried_entry_makes_room() {
    let rig = Rig::new(2);
    rig.push_parts([1, 2]);
    let mut turn = rig.turn();
    assert!(turn.bury_next(&()));
    assert_eq!(rig.count(), (1, 0));
    rig.push(rig.part(3));
    assert!(is_full(&rig.mailbox.push(rig.part(4))));
    drop(turn);
}

#[test]
fn cleared_task_leaves_nothing_in_hand() {
    let rig = Rig::new(1);
    rig.push(rig.acting::<false>(1, Acts { pending: 9, ..Acts::default() }));
    let mut turn = rig.turn();
    assert_eq!(turn.open_next(), Opened::Task);
    assert_eq!(poll(&mut turn), Poll::Pending);
    turn.clear();
    assert_eq!((rig.count(), turn.in_hand(), turn.attempts()), ((0, 0), false, 0));
    park(turn);
}

#[test]
fn accepted_and_taken_are_counted_apart() {
    let rig = Rig::new(4);
    rig.push_parts([1, 2, 3]);
    assert!(is_full(&rig.mailbox.push(rig.part(4)).and_then(|()| rig.mailbox.push(rig.part(5)))));
    assert_eq!(
        (rig.mailbox.mark().ordinary, rig.mailbox.count().accepted),
        (4, 4),
        "refused ones do not count"
    );
    let mut turn = rig.turn();
    assert_eq!(turn.taken().ordinary, 0);
    assert_eq!(turn.open_next(), Opened::Task);
    assert_eq!(turn.taken().ordinary, 1, "from the moment it is opened");
    turn.clear();
    rig.push(rig.part(6));
    assert!(turn.bury_next(&()));
    assert_eq!((turn.taken().ordinary, rig.mailbox.mark().ordinary), (2, 5));
    drop(turn);
}

#[test]
fn closed_mailbox_hands_the_entry_back() {
    let rig = Rig::new(4);
    rig.push(rig.part(1));
    assert!(rig.mailbox.close());
    assert!(!rig.mailbox.close(), "it was closed before");
    let Err(Refused::Closed(second)) = rig.mailbox.push(rig.part(2)) else { panic!("it is closed") };
    assert_eq!(second.0.id, 2);
    assert_eq!((rig.count(), rig.mailbox.mark().ordinary), ((1, 0), 1));
    rig.run();
    assert_eq!(rig.log.who(Did::Handled), [1], "what was accepted is still there");
}
