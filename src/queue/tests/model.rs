//! Any sequence of calls, against a queue that is too simple to be wrong.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Call {
    Push { kept: bool, fails: bool },
    Take,
    Retry,
    Bury,
    Yield,
    Rest,
    Suspend,
    Stash,
    Unstash { all: bool },
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        4 => (any::<bool>(), any::<bool>()).prop_map(|(kept, fails)| Call::Push { kept, fails }),
        4 => Just(Call::Take),
        1 => Just(Call::Retry),
        1 => Just(Call::Bury),
        1 => Just(Call::Yield),
        1 => Just(Call::Rest),
        1 => Just(Call::Suspend),
        2 => Just(Call::Stash),
        1 => any::<bool>().prop_map(|all| Call::Unstash { all }),
    ]
}

/// What the simple queue knows of an entry.
#[derive(Clone, Copy)]
struct Known {
    id: u32,
    kept: bool,
    fails: bool,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_calls_does_what_a_plain_queue_would(
        capacity in 1..6_usize,
        calls in prop::collection::vec(call(), 1..120),
    ) {
        let rig = Rig::new(capacity);
        let mut queue: VecDeque<Known> = VecDeque::new();
        let mut stash: VecDeque<Known> = VecDeque::new();
        // The front one of the queue, taken and failed, waits for another attempt.
        let mut waits_again = false;
        let (mut next, mut accepted) = (0, 0);
        let (mut handled, mut buried) = (Vec::new(), Vec::new());
        let mut turn = rig.turn();
        for call in calls {
            match call {
                Call::Push { kept, fails } => {
                    next += 1;
                    let acts = Acts { fails, ..Acts::default() };
                    let pushed = if kept {
                        rig.mailbox.push(rig.acting::<true>(next, acts)).is_ok()
                    } else {
                        rig.mailbox.push(rig.acting::<false>(next, acts)).is_ok()
                    };
                    let queued = queue.len() - usize::from(waits_again);
                    prop_assert_eq!(pushed, queued + stash.len() < capacity, "the bound is exact");
                    if pushed {
                        accepted += 1;
                        queue.push_back(Known { id: next, kept, fails });
                    }
                }
                Call::Take | Call::Retry => match turn.open_next() {
                    Opened::Empty => {
                        // A batch has ended, or there was none.
                        prop_assert!(!waits_again);
                    }
                    Opened::Nothing | Opened::Lapsed | Opened::Ended | Opened::Pending | Opened::Failed(_) => prop_assert!(false, "every entry has a task"),
                    Opened::Task => {
                        let front = *queue.front().expect("it was pushed");
                        match poll(&mut turn) {
                            Poll::Ready(Ok(())) => {
                                prop_assert!(!front.fails);
                                handled.push(front.id);
                                queue.pop_front();
                                waits_again = false;
                                turn.done();
                            }
                            Poll::Ready(Err(id)) => {
                                prop_assert_eq!((id, front.fails), (front.id, true));
                                turn.give_up(&());
                                turn.clear();
                                waits_again = front.kept;
                                if !front.kept {
                                    queue.pop_front();
                                }
                            }
                            Poll::Pending => prop_assert!(false, "none is pending"),
                        }
                    }
                },
                Call::Stash => {
                    if turn.open_next() == Opened::Task {
                        turn.stash();
                        stash.extend(queue.pop_front());
                        waits_again = false;
                    }
                }
                Call::Unstash { all } => {
                    rig.mailbox.unstash(if all { usize::MAX } else { 1 });
                    // As the actor's loop does before the next entry; it is always followed by an opening.
                    if rig.mailbox.raised() != 0 {
                        let count = if all { stash.len() } else { stash.len().min(1) };
                        let at = usize::from(waits_again);
                        for known in stash.drain(..count).rev() {
                            queue.insert(at, known);
                        }
                        turn.fetch();
                        prop_assert_eq!(turn.open_next(), Opened::Task);
                        turn.stash();
                        stash.extend(queue.pop_front());
                        waits_again = false;
                    }
                }
                Call::Bury => {
                    prop_assert_eq!(turn.bury_next(&()), !queue.is_empty());
                    buried.extend(queue.pop_front().map(|front| front.id));
                    waits_again = false;
                }
                Call::Yield => {
                    drop(turn);
                    turn = rig.turn();
                }
                Call::Rest => {
                    turn = match turn.rest() {
                        Rest::More(turn) => turn,
                        Rest::Parked => {
                            prop_assert!(queue.is_empty());
                            rig.turn()
                        }
                    };
                }
                Call::Suspend => {
                    suspend(turn);
                    turn = rig.turn();
                }
            }
            prop_assert_eq!(turn.is_kept(), waits_again);
            prop_assert_eq!(
                rig.count(),
                ((queue.len() - usize::from(waits_again)) as u64, u64::from(waits_again))
            );
            prop_assert_eq!(turn.taken().ordinary, accepted - (queue.len() - usize::from(waits_again)) as u64);
        }
        drop(turn);
        prop_assert_eq!(rig.log.who(Did::Handled), handled);
        prop_assert_eq!(rig.log.who(Did::Buried), buried);
        let log = rig.log.clone();
        drop(rig);
        // Refused ones are dropped by the test itself.
        let mut dropped = log.who(Did::Dropped);
        dropped.sort_unstable();
        prop_assert_eq!(dropped, (1..=next).collect::<Vec<_>>(), "each exactly once");
        prop_assert_eq!(log.who(Did::Copied).len(), log.who(Did::CopyDropped).len());
    }
}
