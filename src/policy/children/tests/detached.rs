//! Group restarts around a child whose code does not come back.

use super::*;

/// Three permanent children of a one for all. The first has failed, and the one at `lost` never heeds that it was
/// told; the group goes on without it. Then these events, and what follows from them.
fn without(lost: u64, events: &[(u64, Event)]) -> (Vec<String>, Table) {
    let mut table = Table::of(OneForAll, &[Permanent; 3]);
    assert_eq!(table.play(&[(0, Fails), (0, Waits)]), ["group 0 after 0, 1", "end 2"]);
    if lost == 1 {
        assert_eq!(table.play(&[(2, Told), (2, Waits)]), ["join 2", "end 1"]);
    }
    assert!(table.children.awaited_by_group().is_some_and(|mut awaited| awaited.any(|(one, _)| one == lost)));
    table.play(&[(lost, Lost)]);
    let log = table.play(events);
    (log, table)
}

#[test]
fn the_group_goes_on_without_a_detached_bystander() {
    let (log, table) = without(2, &[(1, Told), (1, Waits), (0, Serves), (1, Serves)]);
    assert_eq!(log, ["join 1", "open 0", "open 1"]);
    assert_eq!(table.serving(), [0, 1]);
    assert!(table.children.told(2).is_some(), "it is still to end");
    assert!(table.children.awaited_by_group().is_none());
}

#[test]
fn a_detached_bystander_that_comes_back_after_the_group_starts_at_once() {
    let back = [(2, Told), (2, Waits)];
    let (mut log, mut table) = without(2, &[(1, Told), (1, Waits), (0, Serves), (1, Serves)]);
    log.extend(table.play(&back));
    assert_eq!(log, ["join 1", "open 0", "open 1", "join 2"], "not charged, and no incident of its own");
    assert_eq!(table.children.gate(2), Some(Duration::ZERO));
    table.play(&[(2, Serves)]);
    assert_eq!(table.serving(), [0, 1, 2]);
    // From here on it is a child like the others.
    let log = table.play(&[(0, Fails), (0, Waits)]);
    assert_eq!(log, ["group 0 after 0, 2", "end 2"]);
}

#[test]
fn a_detached_bystander_that_comes_back_in_time_starts_in_its_turn() {
    // While the others stop: its end is waited for again.
    let (log, _) = without(2, &[(2, Told), (1, Told), (1, Waits), (2, Waits), (0, Serves), (1, Serves)]);
    assert_eq!(log, ["join 2", "join 1", "open 0", "open 1", "open 2"]);
    // While the others start, before and after its turn.
    let (log, _) = without(2, &[(1, Told), (1, Waits), (2, Told), (2, Waits), (0, Serves), (1, Serves)]);
    assert_eq!(log, ["join 1", "open 0", "join 2", "open 1", "open 2"]);
    let (log, mut table) = without(1, &[(0, Serves), (1, Told), (1, Waits)]);
    assert_eq!(log, ["open 2", "join 1"]);
    assert_eq!(table.children.gate(1), Some(Duration::ZERO), "the gate is not for one after the other here");
    assert_eq!(table.play(&[(1, Serves), (2, Serves)]), [""; 0]);
    assert_eq!(table.serving(), [0, 1, 2]);
}

#[test]
fn the_next_group_restart_does_not_wait_for_a_detached_child() {
    let (_, mut table) = without(2, &[(1, Told), (1, Waits), (0, Serves), (1, Serves)]);
    let log = table.play(&[(1, Fails), (1, Waits), (0, Told), (0, Waits), (0, Serves), (1, Serves)]);
    assert_eq!(log, ["group 1 after 0, 2", "end 0", "join 0", "open 0", "open 1"]);
    // Nor for one that was detached before it was told.
    let mut table = Table::of(OneForAll, &[Permanent; 2]);
    let log = table.play(&[(1, Lost), (0, Fails), (0, Waits), (0, Serves), (1, Killed), (1, Waits)]);
    assert_eq!(log, ["group 0 after 0, 1", "open 0", "join 1"]);
    assert_eq!(table.children.gate(1), Some(Duration::ZERO));
}

#[test]
fn a_detached_bystander_that_comes_back_when_its_supervisor_stops_does_not_start() {
    let (_, mut table) = without(2, &[(1, Told), (1, Waits), (2, Told)]);
    table.children.close();
    assert_eq!(table.play(&[(2, Waits)]), [""; 0]);
    assert_eq!(table.children.gate(2), None);
}
