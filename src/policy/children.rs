//! The children of one supervisor, and what is to be done with them: the whole decision, without an actor.
//!
//! Events of the children go in, and what follows comes out. Nothing here waits, locks or touches an actor;
//! the actor layer holds a [`Children`] under a short lock and acts when it has let go of it.
//!
//! ```text
//!  admit ─► Starting ─started─► Serving ─exited─► Leaving ─gone─► Ended ─revive─► Starting
//!              ▲                   │  └─ step: End ─► Told ─┐       (or forgotten)
//!              │                exited                    exited
//!              │ step: Open        ▼                        │
//!              └──── Waiting ◄─waits─ Ending ◄──────────────┘
//! ```
//! A child that restarts alone goes from `Serving` to `Starting` at once. One that restarts with its group
//! comes to the gate (`Waiting`) when its incarnation has ended, and starts when the gate is opened.
//!
//! A group restart is two passes over the range of children it concerns. In `Stopping` they are told to end,
//! the youngest first, one when no other is ending any more. In `Starting` the gate is opened for them, the
//! oldest first, for one when the one before serves. A failure of a child that is to restart anyway changes
//! nothing; any other is an incident of its own, from which the range is drawn anew.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use self::rows::Rows;
use super::decide::{self, Exit};
use super::limit::Window;
use super::restart::{AutoShutdown, Restart, Strategy, Supervision};

mod rows;
#[cfg(test)]
mod tests;

/// The children of one supervisor, by number, that is in start order. `T` is what the actor layer keeps of one.
#[derive(Debug)]
pub(crate) struct Children<T> {
    supervision: Supervision,
    window: Window,
    members: Rows<Member<T>>,
    next: u64,
    /// False while the supervisor stops its children: nobody is admitted, nobody restarted.
    open: bool,
    group: Option<Group>,
    /// A child that restarts alone has its own.
    streak: Streak,
    /// Significant children that have not ended.
    significant: usize,
}

/// One child.
#[derive(Debug)]
pub(crate) struct Member<T> {
    pub(crate) of: T,
    restart: Restart,
    significant: bool,
    stage: Stage,
    /// Its code does not come back: no group waits for it until it does.
    detached: bool,
    /// It has served once: it stays known when it has ended, unless it is temporary.
    known: bool,
    /// Restarts in a row, when it restarts alone.
    streak: u32,
}

/// Where a child is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Its next incarnation is about to start: a pause, the factory, the `started` hook.
    Starting,
    /// It takes messages.
    Serving { since: Instant },
    /// It has been told to end its incarnation, because its group restarts.
    Told { at: Instant },
    /// Its incarnation ends, and it restarts with its group.
    Ending,
    /// It has no incarnation and waits for its turn to start.
    Waiting,
    /// It ends for good.
    Leaving { by_itself: bool },
    /// It has ended for good, and is known.
    Ended,
}

/// Group restarts in a row, for the backoff.
#[derive(Clone, Copy, Debug, Default)]
struct Streak {
    count: u32,
    /// Since when all has been well.
    well_since: Option<Instant>,
}

/// A group restart under way.
#[derive(Debug)]
struct Group {
    /// It concerns the children from this number on.
    from: u64,
    /// The pause before the first of them starts.
    after: Duration,
    pass: Pass,
}

#[derive(Debug)]
enum Pass {
    /// `left` are to be told, the last one first, when `ending` is empty.
    Stopping { left: Vec<u64>, ending: BTreeSet<u64> },
    /// `left` are to start, the first one first, when `current` serves.
    Starting { left: VecDeque<u64>, current: Option<u64> },
}

/// What follows for a child whose incarnation has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It restarts alone, after a pause; `used` restarts of the limit are charged now.
    Restart { after: Duration, used: u32 },
    /// It begins a group restart: it ends its incarnation and waits at the gate.
    Group { after: Duration, used: u32 },
    /// It restarts with the group that is restarting already: it ends its incarnation and waits at the gate.
    Join,
    /// It has ended for good.
    End,
    /// The restart would exceed the limit: it has ended for good, and the supervisor fails.
    Escalate { used: u32 },
}

/// What is to be done besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Tell this child to end its incarnation.
    End(u64),
    /// Open the gate for this child.
    Open(u64),
    /// Stop the supervisor: a significant child has ended.
    StopSupervisor,
}

impl<T> Children<T> {
    pub(crate) fn new(supervision: Supervision) -> Self {
        Self {
            supervision,
            window: Window::default(),
            members: Rows::new(),
            next: 0,
            open: true,
            group: None,
            streak: Streak::default(),
            significant: 0,
        }
    }

    pub(crate) fn supervision(&self) -> &Supervision {
        &self.supervision
    }

    pub(crate) fn supervise_as(&mut self, supervision: Supervision) {
        self.supervision = supervision;
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// A new child. While a group restarts it waits until the others have started.
    pub(crate) fn admit(&mut self, of: T, restart: Restart, significant: bool) -> u64 {
        let number = self.next;
        self.next += 1;
        let stage = Stage::Starting;
        self.members.push(
            number,
            Member { of, restart, significant, stage, detached: false, known: false, streak: 0 },
        );
        self.enter(number);
        number
    }

    /// An ended child is to start again by hand.
    pub(crate) fn revive(&mut self, number: u64) {
        self.enter(number);
    }

    /// The child is to start, and counts again.
    fn enter(&mut self, number: u64) {
        if let Some(member) = self.members.get(number) {
            self.significant += usize::from(member.significant);
            self.place(number);
        }
    }

    /// The child is to start, now or in its turn. When the supervisor stops its children nobody's turn comes.
    fn place(&mut self, number: u64) {
        let Some(member) = self.members.get_mut(number) else { return };
        member.stage = if self.open { Stage::Starting } else { Stage::Waiting };
        let Some(group) = self.group.as_mut().filter(|group| number >= group.from) else { return };
        // Its turn has passed, and its elders have had theirs: all that wait are younger than the current one.
        if matches!(group.pass, Pass::Starting { current: Some(current), .. } if number < current) {
            return;
        }
        member.stage = Stage::Waiting;
        if let Pass::Starting { left, .. } = &mut group.pass {
            let place = left.partition_point(|&other| other < number);
            left.insert(place, number);
        }
    }

    /// An incarnation of the child serves.
    pub(crate) fn started(&mut self, number: u64, now: Instant) -> Option<Step> {
        let member = self.members.get_mut(number)?;
        member.known = true;
        member.detached = false;
        // One that has been told to end meanwhile will heed it now.
        if member.stage == Stage::Starting {
            member.stage = Stage::Serving { since: now };
        }
        self.passed(number);
        self.advance(now)
    }

    /// The child's incarnation has ended: what follows for it.
    pub(crate) fn exited(&mut self, number: u64, exit: Exit, now: Instant, random: f64) -> Answer {
        let Some(member) = self.members.get_mut(number) else { return Answer::End };
        member.detached = false;
        if !self.open || !decide::may_restart(exit, member.restart) {
            let by_itself = self.open && !matches!(exit, Exit::Shutdown | Exit::Bystander);
            member.stage = Stage::Leaving { by_itself };
            self.awaited(number);
            return Answer::End;
        }
        let stage = member.stage;
        // One at the gate has no incarnation that could fail.
        if stage == Stage::Waiting {
            return Answer::Join;
        }
        // One that was detached may have been told by a group that has gone on without it.
        if self.awaited(number) || matches!(stage, Stage::Told { .. }) {
            self.set(number, Stage::Ending);
            return Answer::Join;
        }
        self.incident(number, exit, now, random)
    }

    /// A failure, or another end, that nobody has reckoned with.
    fn incident(&mut self, number: u64, exit: Exit, now: Instant, random: f64) -> Answer {
        let Some(member) = self.members.get_mut(number) else { return Answer::End };
        let Supervision { strategy, limit, backoff, .. } = &self.supervision;
        let (streak, well_since) = match (strategy, member.stage) {
            (Strategy::OneForOne, Stage::Serving { since }) => (&mut member.streak, Some(since)),
            // The time between two attempts to start is no life.
            (Strategy::OneForOne, _) => (&mut member.streak, None),
            (Strategy::OneForAll | Strategy::RestForOne, _) => {
                let well_since = self.streak.well_since.take();
                (&mut self.streak.count, well_since)
            }
        };
        let lived = well_since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let count = backoff.streak(*streak, lived);
        let verdict =
            decide::on_child_exit(exit, member.restart, limit, &mut self.window, backoff, count, now, random);
        match verdict {
            decide::Verdict::End => Answer::End,
            decide::Verdict::Escalate { used } => {
                member.stage = Stage::Leaving { by_itself: true };
                self.close();
                Answer::Escalate { used }
            }
            decide::Verdict::Restart { after, used } => {
                *streak = count + u32::from(decide::is_charged(exit));
                let from = match strategy {
                    Strategy::OneForOne => {
                        member.stage = Stage::Starting;
                        return Answer::Restart { after, used };
                    }
                    Strategy::OneForAll => 0,
                    Strategy::RestForOne => number,
                };
                member.stage = Stage::Ending;
                self.begin(from, after);
                Answer::Group { after, used }
            }
        }
    }

    /// A group restart begins, or begins anew with what it has reached.
    fn begin(&mut self, from: u64, after: Duration) {
        let (from, after) = match &self.group {
            Some(Group { from: old, after: longer, pass: Pass::Stopping { .. } }) => {
                (from.min(*old), after.max(*longer))
            }
            // Whoever has not had its turn yet is younger than the one that failed.
            Some(Group { pass: Pass::Starting { .. }, .. }) | None => (from, after),
        };
        let mut left = Vec::new();
        let mut ending = BTreeSet::new();
        for (number, member) in self.members.since(from) {
            match member.stage {
                Stage::Starting | Stage::Serving { .. } => left.push(number),
                Stage::Told { .. } | Stage::Ending | Stage::Leaving { .. } if !member.detached => {
                    ending.insert(number);
                }
                _ => {}
            }
        }
        self.group = Some(Group { from, after, pass: Pass::Stopping { left, ending } });
    }

    /// Notes that the group must wait for the end of a child of its range. False: there is no such group.
    fn awaited(&mut self, number: u64) -> bool {
        match &mut self.group {
            Some(Group { from, pass: Pass::Stopping { ending, .. }, .. }) if number >= *from => {
                ending.insert(number);
                true
            }
            _ => false,
        }
    }

    /// The child has come to the gate: its incarnation has ended, with all that was below it.
    pub(crate) fn waits(&mut self, number: u64, now: Instant) -> Option<Step> {
        let member = self.members.get_mut(number)?;
        // One that was killed at the gate comes to it again, and may have been let through meanwhile.
        if member.stage != Stage::Ending {
            return None;
        }
        member.detached = false;
        self.place(number);
        self.passed(number);
        self.advance(now)
    }

    /// The child's code does not come back: its group goes on without it. When the code comes back after all, the
    /// child ends its incarnation and starts as its group has.
    pub(crate) fn detached(&mut self, number: u64, now: Instant) -> Option<Step> {
        self.members.get_mut(number)?.detached = true;
        self.passed(number);
        self.advance(now)
    }

    /// Those whose ends a group restart waits for, and since when, where it has told them; `None`: it waits for
    /// nobody's.
    pub(crate) fn awaited_by_group(&self) -> Option<impl Iterator<Item = (u64, Option<Instant>)>> {
        match &self.group.as_ref()?.pass {
            Pass::Stopping { ending, .. } => Some(ending.iter().map(|&number| (number, self.told(number)))),
            Pass::Starting { .. } => None,
        }
    }

    /// Whether the child may start, and after which pause.
    pub(crate) fn gate(&mut self, number: u64) -> Option<Duration> {
        if self.members.get(number).is_some_and(|member| member.stage == Stage::Waiting) {
            return None;
        }
        let group = self.group.as_mut().filter(|group| group.is_current(number));
        // It is for the first of them alone.
        Some(group.map_or(Duration::ZERO, |group| std::mem::take(&mut group.after)))
    }

    /// The child has ended for good. What is kept of it comes back when it is forgotten.
    pub(crate) fn gone(&mut self, number: u64, now: Instant) -> (Option<T>, Option<Step>) {
        let Some(member) = self.members.get_mut(number) else { return (None, None) };
        let significant = member.significant;
        let by_itself = member.stage == Stage::Leaving { by_itself: true };
        let keep = self.open && member.known && member.restart != Restart::Temporary;
        member.stage = Stage::Ended;
        let forgotten = if keep { None } else { self.members.remove(number) };
        self.significant -= usize::from(significant);
        self.passed(number);
        if significant && by_itself && self.open && self.is_enough() {
            return (forgotten.map(|member| member.of), Some(Step::StopSupervisor));
        }
        (forgotten.map(|member| member.of), self.advance(now))
    }

    /// Whether the end of a significant child is that of the supervisor.
    fn is_enough(&self) -> bool {
        match self.supervision.auto_shutdown {
            AutoShutdown::Never => false,
            AutoShutdown::AnySignificant => true,
            AutoShutdown::AllSignificant => self.significant == 0,
        }
    }

    /// Nobody has to wait for this child any more.
    fn passed(&mut self, number: u64) {
        match self.group.as_mut().map(|group| &mut group.pass) {
            Some(Pass::Stopping { ending, .. }) => {
                // One that has been told while it was starting is still to end.
                let member = self.members.get(number);
                if !matches!(member, Some(Member { stage: Stage::Told { .. }, detached: false, .. })) {
                    ending.remove(&number);
                }
            }
            Some(Pass::Starting { current, .. }) if *current == Some(number) => *current = None,
            Some(Pass::Starting { .. }) | None => {}
        }
    }

    /// A group restart goes on although the supervisor has been told to stop: it may be waiting for a child to start.
    pub(crate) fn go_on(&mut self, now: Instant) -> Option<Step> {
        self.advance(now)
    }

    /// Moves the group on, when it has nobody to wait for.
    fn advance(&mut self, now: Instant) -> Option<Step> {
        let Group { from, pass, .. } = self.group.as_mut()?;
        if let Pass::Stopping { left, ending } = pass {
            while ending.is_empty() {
                let Some(number) = left.pop() else { break };
                let Some(member) = self.members.get_mut(number) else { continue };
                match member.stage {
                    Stage::Starting | Stage::Serving { .. } => {
                        member.stage = Stage::Told { at: now };
                        // Whatever it was detached by ends it, if anything does.
                        if member.detached {
                            continue;
                        }
                        ending.insert(number);
                        return Some(Step::End(number));
                    }
                    // In its own time, or already.
                    Stage::Told { .. } | Stage::Ending | Stage::Leaving { .. } => {}
                    Stage::Waiting | Stage::Ended => {}
                }
            }
            if !ending.is_empty() {
                return None;
            }
            let waiting = self.members.since(*from).filter(|(_, member)| member.stage == Stage::Waiting);
            *pass = Pass::Starting { left: waiting.map(|(number, _)| number).collect(), current: None };
        }
        let Pass::Starting { left, current } = pass else { return None };
        if current.is_some() {
            return None;
        }
        while let Some(number) = left.pop_front() {
            let waiting = |member: &&mut Member<T>| member.stage == Stage::Waiting;
            if let Some(member) = self.members.get_mut(number).filter(waiting) {
                member.stage = Stage::Starting;
                *current = Some(number);
                return Some(Step::Open(number));
            }
        }
        self.group = None;
        self.streak.well_since = Some(now);
        None
    }

    /// The supervisor stops its children.
    pub(crate) fn close(&mut self) {
        self.open = false;
        self.group = None;
    }

    /// Those that restart with their group, or start after it, and have not had their turn.
    pub(crate) fn before_gate(&self) -> impl Iterator<Item = &T> {
        let waits = |member: &&Member<T>| matches!(member.stage, Stage::Ending | Stage::Waiting);
        self.members.iter().map(|(_, member)| member).filter(waits).map(|member| &member.of)
    }

    /// A new incarnation of the supervisor begins, with nothing of the old one.
    pub(crate) fn reopen(&mut self) {
        self.open = true;
        self.window = Window::default();
        self.streak = Streak::default();
    }

    fn set(&mut self, number: u64, stage: Stage) {
        if let Some(member) = self.members.get_mut(number) {
            member.stage = stage;
        }
    }

    /// Since when the child has been told to end its incarnation, if it has.
    pub(crate) fn told(&self, number: u64) -> Option<Instant> {
        match self.members.get(number)?.stage {
            Stage::Told { at } => Some(at),
            _ => None,
        }
    }

    pub(crate) fn get(&self, number: u64) -> Option<&Member<T>> {
        self.members.get(number)
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut Member<T>> {
        self.members.get_mut(number)
    }

    /// What is kept of each of them.
    pub(crate) fn each(&mut self, f: impl FnMut(&mut T)) {
        self.members.values_mut().map(|member| &mut member.of).for_each(f);
    }

    /// In start order.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, &Member<T>)> {
        self.members.iter()
    }

    /// Forgets a child altogether.
    pub(crate) fn remove(&mut self, number: u64) -> Option<T> {
        let member = self.members.remove(number)?;
        self.significant -= usize::from(member.significant && member.stage != Stage::Ended);
        Some(member.of)
    }
}

impl Group {
    /// Whether the gate was opened last for this child.
    fn is_current(&self, number: u64) -> bool {
        matches!(self.pass, Pass::Starting { current, .. } if current == Some(number))
    }
}

impl<T> Member<T> {
    pub(crate) fn stage(&self) -> Stage {
        self.stage
    }

    /// Whether it is between two incarnations.
    pub(crate) fn is_restarting(&self) -> bool {
        match self.stage {
            Stage::Told { .. } | Stage::Ending | Stage::Waiting => true,
            Stage::Starting => self.known,
            Stage::Serving { .. } | Stage::Leaving { .. } | Stage::Ended => false,
        }
    }

    pub(crate) fn restart(&self) -> Restart {
        self.restart
    }
}
