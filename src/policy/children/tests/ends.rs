//! What the end of a child for good means for its supervisor.

use super::*;

#[test]
fn the_end_of_significant_children_stops_the_supervisor_as_declared() {
    use AutoShutdown::{AllSignificant, AnySignificant, Never};
    let significant: &[(u64, Event)] = &[(0, Stops), (0, Gone)];
    let both: &[(u64, Event)] = &[(0, Stops), (0, Gone), (1, Fails), (1, Gone)];
    let by_hand: &[(u64, Event)] = &[(0, Cut), (0, Gone), (1, Cut), (1, Gone)];
    let last_by_hand: &[(u64, Event)] = &[(0, Stops), (0, Gone), (1, Cut), (1, Gone)];
    let other: &[(u64, Event)] = &[(2, Stops), (2, Gone)];
    for (when, events, stops) in [
        (Never, both, 0),
        (AnySignificant, significant, 1),
        (AnySignificant, by_hand, 0),
        (AnySignificant, other, 0),
        (AllSignificant, significant, 0),
        (AllSignificant, both, 1),
        (AllSignificant, last_by_hand, 0),
        (AllSignificant, other, 0),
    ] {
        let mut table = Table::new(Supervision::default().auto_shutdown(when), &[]);
        for (restart, significant) in [(Transient, true), (Temporary, true), (Transient, false)] {
            let number = table.children.admit((), restart, significant);
            table.on(number, Serves);
        }
        let log = table.play(events);
        assert_eq!(log.iter().filter(|line| *line == "stop").count(), stops, "{when:?} {events:?}: {log:?}");
    }
}

#[test]
fn who_has_never_served_or_is_temporary_is_forgotten() {
    let mut table = Table::of(OneForOne, &[Permanent, Transient, Temporary]);
    let fresh = table.children.admit((), Permanent, false);
    table.play(&[(0, Cut), (0, Gone), (1, Stops), (1, Gone), (2, Stops), (2, Gone), (fresh, Gone)]);
    let known: Vec<_> = table.children.iter().map(|(number, member)| (number, member.stage())).collect();
    assert_eq!(known, [(0, Stage::Ended), (1, Stage::Ended)]);
    table.children.revive(1);
    table.play(&[(1, Gone)]);
    assert_eq!(table.children.get(1).map(Member::stage), Some(Stage::Ended), "its start by hand failed");
}

/// As one whose supervisor has been restarted before it had a seat, or whose runtime has gone away.
#[test]
fn a_significant_child_that_is_taken_out_is_waited_for_no_longer() {
    let when = AutoShutdown::AllSignificant;
    for ended in [false, true] {
        let mut table = Table::new(Supervision::default().auto_shutdown(when), &[]);
        for _ in 0..3 {
            let number = table.children.admit((), Transient, true);
            table.on(number, Serves);
        }
        if ended {
            table.play(&[(0, Stops), (0, Gone)]);
        }
        assert!(table.children.remove(0).is_some());
        assert_eq!(table.play(&[(1, Stops), (1, Gone)]), ["over 1"], "one is left");
        assert_eq!(table.play(&[(2, Stops), (2, Gone)]), ["over 2", "stop"]);
    }
}
