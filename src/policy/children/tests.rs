mod detached;
mod ends;
mod model;

use super::*;
use Event::{Cut, Fails, Gone, Killed, Lost, Retried, Serves, Stops, Told, Waits};
use Restart::{Permanent, Temporary, Transient};
use Strategy::{OneForAll, OneForOne, RestForOne};

/// What happens to a child.
#[derive(Clone, Copy, Debug)]
enum Event {
    Serves,
    Fails,
    Retried,
    Killed,
    Stops,
    /// It heeds that it was told to end.
    Told,
    /// It ends because its supervisor said so.
    Cut,
    Waits,
    Gone,
    /// It is detached.
    Lost,
}

impl<T> Children<T> {
    /// All that is decided from, in words: for the test that compares the one of a running system with another.
    pub(crate) fn portrait(&self) -> String {
        let Self { supervision: _, window, members, next, open, group, streak, significant } = self;
        let head =
            format!("next {next} open {open} significant {significant}\n{window:?}\n{group:?}\n{streak:?}");
        members.iter().fold(
            head,
            |text, (number, Member { of: _, restart, significant, stage, known, streak, detached })| {
                format!("{text}\n{number}: {restart:?} {significant} {stage:?} {known} {streak:?} {detached}")
            },
        )
    }
}

struct Table {
    children: Children<()>,
    now: Instant,
    log: Vec<String>,
}

impl Table {
    /// Children that serve.
    fn new(supervision: Supervision, restarts: &[Restart]) -> Self {
        let mut table = Self { children: Children::new(supervision), now: Instant::now(), log: Vec::new() };
        for &restart in restarts {
            let number = table.children.admit((), restart, false);
            table.on(number, Serves);
        }
        table
    }

    fn of(strategy: Strategy, restarts: &[Restart]) -> Self {
        Self::new(Supervision { strategy, ..Supervision::default() }, restarts)
    }

    fn on(&mut self, number: u64, event: Event) {
        let step = match event {
            Serves => self.children.started(number, self.now),
            Waits => self.children.waits(number, self.now),
            Gone => self.children.gone(number, self.now).1,
            Lost => self.children.detached(number, self.now),
            Fails => self.exit(number, Exit::Failed { charge: true }),
            Retried => self.exit(number, Exit::Failed { charge: false }),
            Killed => self.exit(number, Exit::Killed),
            Stops => self.exit(number, Exit::Stopped),
            Told => self.exit(number, Exit::Bystander),
            Cut => self.exit(number, Exit::Shutdown),
        };
        self.log.extend(step.map(|step| match step {
            Step::End(number) => format!("end {number}"),
            Step::Open(number) => format!("open {number}"),
            Step::StopSupervisor => "stop".to_owned(),
        }));
    }

    fn exit(&mut self, number: u64, exit: Exit) -> Option<Step> {
        self.log.push(match self.children.exited(number, exit, self.now, 0.0) {
            Answer::Restart { after, used } => format!("restart {number} after {}, {used}", after.as_secs()),
            Answer::Group { after, used } => format!("group {number} after {}, {used}", after.as_secs()),
            Answer::Join => format!("join {number}"),
            Answer::End => format!("over {number}"),
            Answer::Escalate { used } => format!("escalate {number}, {used}"),
        });
        None
    }

    fn play(&mut self, events: &[(u64, Event)]) -> Vec<String> {
        for &(number, event) in events {
            self.on(number, event);
        }
        std::mem::take(&mut self.log)
    }

    fn serving(&self) -> Vec<u64> {
        let serves = |stage| matches!(stage, Stage::Serving { .. });
        self.children.iter().filter(|(_, member)| serves(member.stage())).map(|(number, _)| number).collect()
    }
}

/// (strategy, restart types, events, what follows, who serves at the end)
type Row<'a> = (Strategy, &'a [Restart], &'a [(u64, Event)], &'a [&'a str], &'a [u64]);

/// Every row ends with nobody left to wait for.
#[test]
fn the_order_of_a_group_restart_follows_from_the_strategy() {
    const P: Restart = Permanent;
    let rows: &[Row] = &[
        // One for one touches nobody else, and has no gate.
        (OneForOne, &[P, P], &[(0, Fails), (0, Serves)], &["restart 0 after 0, 1"], &[0, 1]),
        // One for all: reverse, one at a time, then forward, one at a time.
        (
            OneForAll,
            &[P, P, P],
            &[
                (1, Fails),
                (1, Waits),
                (2, Told),
                (2, Waits),
                (0, Told),
                (0, Waits),
                (0, Serves),
                (1, Serves),
                (2, Serves),
            ],
            &["group 1 after 0, 1", "end 2", "join 2", "end 0", "join 0", "open 0", "open 1", "open 2"],
            &[0, 1, 2],
        ),
        // Rest for one leaves the elders alone.
        (
            RestForOne,
            &[P, P, P],
            &[(1, Fails), (1, Waits), (2, Told), (2, Waits), (1, Serves), (2, Serves)],
            &["group 1 after 0, 1", "end 2", "join 2", "open 1", "open 2"],
            &[0, 1, 2],
        ),
        // The youngest has nobody to take with it.
        (
            RestForOne,
            &[P, P],
            &[(1, Fails), (1, Waits), (1, Serves)],
            &["group 1 after 0, 1", "open 1"],
            &[0, 1],
        ),
        // A second failure while they stop: absorbed, not charged, waited for.
        (
            OneForAll,
            &[P, P, P],
            &[
                (0, Fails),
                (1, Fails),
                (0, Waits),
                (1, Waits),
                (2, Told),
                (2, Waits),
                (0, Serves),
                (1, Serves),
                (2, Serves),
            ],
            &["group 0 after 0, 1", "join 1", "end 2", "join 2", "open 0", "open 1", "open 2"],
            &[0, 1, 2],
        ),
        // One that fails as it is told to end has been told to end.
        (
            OneForAll,
            &[P, P],
            &[(0, Fails), (0, Waits), (1, Fails), (1, Waits), (0, Serves), (1, Serves)],
            &["group 0 after 0, 1", "end 1", "join 1", "open 0", "open 1"],
            &[0, 1],
        ),
        // A failed start is a charge and an attempt of the group that begins again, with who serves already.
        (
            OneForAll,
            &[P, P],
            &[
                (0, Fails),
                (0, Waits),
                (1, Told),
                (1, Waits),
                (0, Serves),
                (1, Fails),
                (1, Waits),
                (0, Told),
                (0, Waits),
                (0, Serves),
                (1, Serves),
            ],
            &[
                "group 0 after 0, 1",
                "end 1",
                "join 1",
                "open 0",
                "open 1",
                "group 1 after 0, 2",
                "end 0",
                "join 0",
                "open 0",
                "open 1",
            ],
            &[0, 1],
        ),
        // The same under rest for one: the elders that have started stay.
        (
            RestForOne,
            &[P, P, P],
            &[
                (0, Fails),
                (0, Waits),
                (2, Told),
                (2, Waits),
                (1, Told),
                (1, Waits),
                (0, Serves),
                (1, Fails),
                (1, Waits),
                (1, Serves),
                (2, Serves),
            ],
            &[
                "group 0 after 0, 1",
                "end 2",
                "join 2",
                "end 1",
                "join 1",
                "open 0",
                "open 1",
                "group 1 after 0, 2",
                "open 1",
                "open 2",
            ],
            &[0, 1, 2],
        ),
        // An elder fails while the younger ones stop: an incident of its own, and the range grows.
        (
            RestForOne,
            &[P, P, P],
            &[
                (2, Fails),
                (0, Fails),
                (2, Waits),
                (0, Waits),
                (1, Told),
                (1, Waits),
                (0, Serves),
                (1, Serves),
                (2, Serves),
            ],
            &["group 2 after 0, 1", "group 0 after 0, 2", "end 1", "join 1", "open 0", "open 1", "open 2"],
            &[0, 1, 2],
        ),
        // One that has started again fails while the next one starts: that one is told as well.
        (
            OneForAll,
            &[P, P],
            &[
                (0, Fails),
                (0, Waits),
                (1, Told),
                (1, Waits),
                (0, Serves),
                (0, Fails),
                (0, Waits),
                (1, Told),
                (1, Waits),
                (0, Serves),
                (1, Serves),
            ],
            &[
                "group 0 after 0, 1",
                "end 1",
                "join 1",
                "open 0",
                "open 1",
                "group 0 after 0, 2",
                "end 1",
                "join 1",
                "open 0",
                "open 1",
            ],
            &[0, 1],
        ),
        // A temporary bystander is ended and forgotten; its own failure is nothing.
        (
            OneForAll,
            &[P, Temporary, Temporary],
            &[(0, Fails), (0, Waits), (2, Told), (2, Gone), (1, Fails), (1, Gone), (0, Serves)],
            &["group 0 after 0, 1", "end 2", "over 2", "end 1", "over 1", "open 0"],
            &[0],
        ),
        // A transient one that ended well is neither started nor waited for.
        (
            OneForAll,
            &[P, Transient, P],
            &[(1, Stops), (1, Gone), (0, Fails), (0, Waits), (2, Told), (2, Waits), (0, Serves), (2, Serves)],
            &["over 1", "group 0 after 0, 1", "end 2", "join 2", "open 0", "open 2"],
            &[0, 2],
        ),
        // One that is ending well as the group begins is waited for, and not started.
        (
            OneForAll,
            &[P, Transient],
            &[(1, Stops), (0, Fails), (0, Waits), (1, Gone), (0, Serves)],
            &["over 1", "group 0 after 0, 1", "open 0"],
            &[0],
        ),
        // One that its supervisor stops by hand at the gate is passed over.
        (
            OneForAll,
            &[P, P, P],
            &[
                (2, Fails),
                (2, Waits),
                (1, Told),
                (1, Waits),
                (1, Cut),
                (0, Told),
                (0, Waits),
                (1, Gone),
                (0, Serves),
                (2, Serves),
            ],
            &["group 2 after 0, 1", "end 1", "join 1", "end 0", "over 1", "join 0", "open 0", "open 2"],
            &[0, 2],
        ),
        // One that is to start and ends for good instead lets the next one start.
        (
            OneForAll,
            &[P, P],
            &[(0, Fails), (0, Waits), (1, Told), (1, Waits), (0, Cut), (0, Gone), (1, Serves)],
            &["group 0 after 0, 1", "end 1", "join 1", "open 0", "over 0", "open 1"],
            &[1],
        ),
        // A kill at the gate finds nobody: no charge, the turn is kept.
        (
            OneForAll,
            &[P, P],
            &[
                (0, Fails),
                (0, Waits),
                (0, Killed),
                (1, Told),
                (0, Waits),
                (1, Waits),
                (0, Serves),
                (1, Serves),
            ],
            &["group 0 after 0, 1", "end 1", "join 0", "join 1", "open 0", "open 1"],
            &[0, 1],
        ),
        // A message's later attempt restarts the group without a charge.
        (OneForAll, &[P], &[(0, Retried), (0, Waits), (0, Serves)], &["group 0 after 0, 0", "open 0"], &[0]),
    ];
    for (row, (strategy, restarts, events, follows, serving)) in rows.iter().enumerate() {
        let mut table = Table::of(*strategy, restarts);
        assert_eq!(table.play(events), *follows, "row {row} {strategy:?}");
        assert_eq!(table.serving(), *serving, "row {row} {strategy:?}");
        assert!(table.children.group.is_none(), "row {row} {strategy:?}");
    }
}

#[test]
fn the_charge_too_many_closes_the_family_and_ends_the_group() {
    let mut table = Table::new(Supervision::one_for_all().limit(1, Duration::from_secs(10)), &[Permanent; 3]);
    let log = table.play(&[(0, Fails), (0, Waits), (2, Told), (2, Waits), (1, Told), (1, Waits), (0, Fails)]);
    assert_eq!(log.last().unwrap(), "escalate 0, 2");
    assert_eq!(table.play(&[(0, Gone), (1, Fails), (1, Gone)]), ["over 1"]);
    assert!(table.children.get(0).is_none() && !table.children.is_open());
}

#[test]
fn a_group_pauses_once_and_longer_each_time() {
    let sec = Duration::from_secs(1);
    let backoff = super::super::Backoff::exponential(sec, 8 * sec).reset_after(60 * sec);
    let mut table = Table::new(Supervision::one_for_all().backoff(backoff), &[Permanent; 2]);
    let mut pauses = Vec::new();
    let whole = [(1, Told), (1, Waits)];
    for lived in [1, 59, 60] {
        table.play(&[(0, Fails), (0, Waits)]);
        table.play(&whole);
        pauses.push((table.children.gate(0), table.children.gate(1)));
        table.play(&[(0, Serves)]);
        pauses.push((None, table.children.gate(1)));
        table.play(&[(1, Serves)]);
        table.now += lived * sec;
    }
    table.play(&[(0, Fails), (0, Waits)]);
    table.play(&whole);
    pauses.push((table.children.gate(0), None));
    let open = Some(Duration::ZERO);
    assert_eq!(
        pauses,
        [
            (Some(sec), None),
            (None, open),
            (Some(2 * sec), None),
            (None, open),
            (Some(4 * sec), None),
            (None, open),
            (Some(sec), None)
        ]
    );
}

#[test]
fn a_child_that_is_added_while_a_group_restarts_starts_last() {
    let mut table = Table::of(OneForAll, &[Permanent; 2]);
    table.play(&[(0, Fails), (0, Waits)]);
    let added = table.children.admit((), Permanent, false);
    assert_eq!(table.children.gate(added), None);
    assert_eq!(table.play(&[(1, Told), (1, Waits), (0, Serves)]), ["join 1", "open 0", "open 1"]);
    let later = table.children.admit((), Permanent, false);
    assert_eq!(table.play(&[(1, Serves), (added, Serves), (later, Serves)]), ["open 2", "open 3"]);
    assert_eq!(table.serving(), [0, 1, 2, 3]);
}

/// Else it would wait for ever: a start that fails begins the group anew from there on.
#[test]
fn a_child_restarted_by_hand_after_its_turn_starts_at_once() {
    let mut table = Table::of(OneForAll, &[Permanent; 3]);
    table.play(&[(0, Cut), (0, Gone), (1, Fails), (1, Waits), (2, Told), (2, Waits)]);
    table.children.revive(0);
    assert!(table.children.gate(0).is_some(), "the turn of 1 has come");
    assert_eq!(table.play(&[(0, Serves), (1, Serves), (2, Serves)]), ["open 2"]);
    assert_eq!(table.serving(), [0, 1, 2]);
}

#[test]
fn who_is_no_part_of_a_group_does_not_wait_out_its_pause() {
    let sec = Duration::from_secs(1);
    let backoff = super::super::Backoff::exponential(sec, sec);
    let mut table = Table::new(Supervision::rest_for_one().backoff(backoff), &[Permanent; 3]);
    table.play(&[(0, Cut), (0, Gone), (1, Fails), (1, Waits), (2, Told), (2, Waits)]);
    table.children.revive(0);
    assert_eq!(table.children.gate(0), Some(Duration::ZERO), "an elder, restarted by hand");
    assert_eq!(table.children.gate(1), Some(sec), "the first of the group");
}
