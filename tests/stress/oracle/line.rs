//! What waits at a seat, and the order in which it has to come: a model of the mailbox and its stash.
//!
//! It knows less than the mailbox: of what waits in it only that which has been told of to its sender, and of what
//! was put aside everything. So what it forbids is forbidden, and what it allows may be wrong still.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, atomic::Ordering},
};

use postbox::{Overflow, Reason, Restart};

use super::{Entry, SeatBook, Told, World, count, lock};

/// Urgent messages that are taken in a row while others wait (`Message::PRIORITY`).
const STREAK: u32 = 8;

/// What is known of a seat's messages.
#[derive(Default)]
pub(crate) struct Line {
    /// By sender and lane: the last number that a handler has been given, that was evicted, and that was given up
    /// at the end.
    taken: HashMap<(u64, bool), u64>,
    evicted: HashMap<(u64, bool), u64>,
    given_up: HashMap<(u64, bool), u64>,
    /// The message whose next attempt is due.
    due: Option<Arc<Entry>>,
    /// What is put aside, and how many of it are to come back with the next message.
    stash: VecDeque<Arc<Entry>>,
    unstash: usize,
    /// What has come back, and is before all but the urgent ones.
    back: VecDeque<Arc<Entry>>,
    /// Messages that others have come before, with their takes by then.
    passed: Vec<(Arc<Entry>, u32)>,
    /// Urgent ones taken in a row, and the number of the time at which the row began.
    streak: u32,
    streak_from: u64,
    /// Ordinary ones that were accepted, with the number of the time.
    waiting: VecDeque<(u64, Arc<Entry>)>,
    /// It has ended for good, and what waited in the mailbox is given up.
    over: bool,
    queue_over: bool,
}

/// What a handler is given: which attempt it is, and how often any was before it.
#[derive(Clone, Copy)]
pub(crate) struct Taken {
    pub(crate) attempt: u32,
    pub(crate) run: u32,
}

impl Line {
    /// These do not come before the one that is taken. They may have met another fate.
    fn pass(&mut self, entry: Arc<Entry>) {
        let runs = entry.runs();
        self.passed.push((entry, runs));
    }

    /// So many of the stash go back.
    fn settle(&mut self, number: u64, count: usize) {
        let count = count.min(self.stash.len());
        if count > 0 {
            self.break_streak(number);
        }
        self.unstash = 0;
        self.stash.drain(..count).rev().collect::<Vec<_>>().into_iter().for_each(|entry| {
            self.back.push_front(entry);
        });
    }

    fn break_streak(&mut self, number: u64) {
        (self.streak, self.streak_from) = (0, number);
    }

    /// A message of the stash is taken. What is wrong with that.
    fn take_back(
        &mut self,
        entry: &Arc<Entry>,
        number: u64,
        may_come_by_itself: bool,
    ) -> Option<&'static str> {
        let mut wrong = None;
        if self.stash.iter().any(|other| Arc::ptr_eq(other, entry)) {
            wrong = (!may_come_by_itself).then_some("comes out of the stash unasked");
            self.settle(number, usize::MAX);
        }
        loop {
            match self.back.pop_front() {
                Some(first) if Arc::ptr_eq(&first, entry) => return wrong,
                Some(first) => self.pass(first),
                None => return Some("comes out of the stash once more, or out of its order"),
            }
        }
    }

    /// A message is taken for the first time. What is wrong with that.
    fn take_first(&mut self, entry: &Entry, strict: bool) -> Option<&'static str> {
        let lane = entry.lane();
        let is_late =
            |of: &HashMap<(u64, bool), u64>| of.get(&lane).is_some_and(|last| *last >= entry.stamp.sequence);
        if is_late(&self.taken) {
            return Some("comes after a later one of its sender");
        }
        if is_late(&self.evicted) {
            return Some("is taken, and a later one of its sender was the oldest");
        }
        self.taken.insert(lane, entry.stamp.sequence);
        if !entry.stamp.urgent {
            // contract §4: stash → queue.
            while let Some(first) = self.back.pop_front() {
                self.pass(first);
            }
            return None;
        }
        self.streak += 1;
        while self.waiting.pop_front_if(|(_, first)| first.is_out()).is_some() {}
        let starves = self.waiting.front().is_some_and(|(since, _)| *since < self.streak_from);
        (strict && self.streak > STREAK && starves).then_some("is urgent, and starves the others")
    }
}

impl World {
    /// A handler is given a message.
    pub(crate) fn taken(&self, seat: &SeatBook, entry: &Arc<Entry>) -> Taken {
        self.read_letters();
        let attempt = entry.takes.fetch_add(1, Ordering::SeqCst) + 1;
        let run = entry.runs.fetch_add(1, Ordering::SeqCst) + 1;
        self.note(4, entry.number);
        self.check_time(seat, entry);
        let number = self.number();
        let (is_exact, plan) = (self.plan.is_exact(), &self.plan.nodes[seat.place]);
        let mut pages = lock(&seat.pages);
        let mut wrong = pages.owe_an_end(is_exact);
        let line = &mut pages.line;
        line.settle(number, line.unstash);
        // I4: a retried message never lets a later one of the same actor overtake it.
        if let Some(due) = line.due.take().filter(|due| !Arc::ptr_eq(due, entry)) {
            line.pass(due);
        }
        if line.over {
            wrong = Some("is taken after the end of the actor");
        }
        if attempt > 1 {
            count(&self.totals.retries);
        } else if run > 1 {
            count(&self.totals.unstashed);
            wrong = line.take_back(entry, number, self.may_drain(seat)).or(wrong);
        } else {
            // Elsewhere it is seen only later that one was dropped for another.
            let strict = is_exact || plan.overflow == Overflow::Wait;
            wrong = line.take_first(entry, strict).or(wrong);
            if line.streak == STREAK && entry.stamp.urgent {
                count(&self.totals.streaks);
            }
        }
        if !entry.stamp.urgent || run > 1 {
            line.break_streak(number);
        }
        if attempt == 1 && entry.stamp.own.is_some_and(|from| pages.knows_gone(from)) {
            // I7: a notice comes after every message that the ended actor had sent.
            wrong = (run == 1).then_some("comes after its sender's end was told").or(wrong);
        }
        if let Some(wrong) = wrong {
            self.wrong(format!("{}: message {}, run {run}: {wrong}", self.name(seat), entry.number));
        }
        Taken { attempt: entry.tried(), run }
    }

    /// Whether its end for good can be one before which everything is handled, the stash as well.
    pub(super) fn may_drain(&self, seat: &SeatBook) -> bool {
        let plan = &self.plan.nodes[seat.place];
        plan.free || plan.restart != Restart::Permanent && seat.was_told(Told::Stop)
    }

    /// contract §2: what has expired is not handled. By a clock that runs it may have passed just now.
    fn check_time(&self, seat: &SeatBook, entry: &Entry) {
        let now = tokio::time::Instant::now();
        if self.plan.is_exact() && entry.stamp.deadline.is_some_and(|deadline| deadline <= now) {
            self.wrong(format!("{}: message {} is taken past its deadline", self.name(seat), entry.number));
        }
    }

    /// A send has told its sender that the message was accepted.
    pub(super) fn waits(&self, entry: &Arc<Entry>) {
        if !entry.stamp.urgent && !entry.is_out() {
            lock(&entry.to.pages).line.waiting.push_back((self.number(), Arc::clone(entry)));
        }
    }

    /// The handler fails, and the message is to come again.
    pub(crate) fn is_due(&self, seat: &SeatBook, entry: &Arc<Entry>) {
        lock(&seat.pages).line.due = Some(Arc::clone(entry));
    }

    /// The handler puts the message in hand aside.
    pub(crate) fn puts_aside(&self, seat: &SeatBook, entry: &Arc<Entry>) {
        count(&self.totals.stashed);
        self.note(30, entry.number);
        let takes = entry.takes.swap(0, Ordering::SeqCst);
        entry.before.fetch_add(takes - 1, Ordering::SeqCst);
        entry.asides.fetch_add(1, Ordering::SeqCst);
        let number = self.number();
        let line = &mut lock(&seat.pages).line;
        line.settle(number, line.unstash);
        line.stash.push_back(Arc::clone(entry));
    }

    /// The handler calls so many back.
    pub(crate) fn unstashes(&self, seat: &SeatBook, count: usize) {
        let line = &mut lock(&seat.pages).line;
        line.unstash = line.unstash.saturating_add(count).min(line.stash.len());
    }

    /// contract §4: a new incarnation begins, with the stash in front.
    pub(super) fn unstashes_all(&self, seat: &SeatBook) {
        let number = self.number();
        let line = &mut lock(&seat.pages).line;
        self.totals.kept_aside.fetch_add(line.stash.len() as u64, Ordering::SeqCst);
        line.settle(number, usize::MAX);
    }

    /// A dead letter of a seat's message: what is wrong with its place among the others.
    pub(super) fn given_up(&self, entry: &Arc<Entry>, reason: Reason) -> Option<&'static str> {
        let number = self.number();
        let pages = &mut *lock(&entry.to.pages);
        let line = &mut pages.line;
        if !entry.stamp.urgent || entry.asides() > 0 {
            line.break_streak(number);
        }
        let (lane, was_aside) = (entry.lane(), entry.asides() > 0);
        match reason {
            Reason::Evicted if !was_aside => {
                line.evicted.insert(lane, entry.stamp.sequence);
                None
            }
            // contract §7: in order, stash first.
            Reason::Stopped | Reason::Killed | Reason::RestartLimit => {
                if let Some(at) = line.stash.iter().position(|other| Arc::ptr_eq(other, entry)) {
                    // Not those before it: in a last round they may be on their way.
                    drop(line.stash.remove(at));
                    return line.queue_over.then_some("is given up after what was queued");
                }
                if was_aside {
                    return None;
                }
                line.over = true;
                // Of what has been called back just now urgent ones may come first.
                line.queue_over |= !entry.stamp.urgent;
                let before = line.given_up.insert(lane, entry.stamp.sequence);
                before
                    .is_some_and(|before| before >= entry.stamp.sequence)
                    .then_some("is given up after a later one of its sender")
            }
            _ => None,
        }
    }

    /// After the end: those that were passed by have not been handled later.
    pub(super) fn check_passed(&self, seat: &SeatBook) {
        for (entry, runs) in &lock(&seat.pages).line.passed {
            // Its attempt will not come: it was buried, or its asker was told.
            if entry.runs() != *runs {
                self.wrong(format!("{}: message {} was overtaken", self.name(seat), entry.number));
            }
        }
    }
}
