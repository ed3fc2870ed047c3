//! One message: what is known of it, and what has to be true of it in the end.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};

use postbox::{ActorId, Overflow, Reason};
use tokio::time::Instant;

use super::{SeatBook, World, count, lock};

/// How a message was sent.
#[derive(Clone, Copy)]
pub(crate) struct Stamp {
    /// The incarnation that sent it, or whoever did, and the actor.
    pub(crate) sender: u64,
    pub(crate) own: Option<ActorId>,
    /// Among those of the sender.
    pub(crate) sequence: u64,
    pub(crate) urgent: bool,
    pub(crate) tries: u32,
    pub(crate) deadline: Option<Instant>,
}

/// What is known of one message. Each is raised where it happens.
pub(crate) struct Entry {
    pub(crate) number: u64,
    pub(super) to: Arc<SeatBook>,
    pub(super) stamp: Stamp,
    /// Times a handler was given it, in all.
    pub(super) runs: AtomicU32,
    /// The same, since it was put aside.
    pub(super) takes: AtomicU32,
    /// Attempts from before: to be put aside is none.
    pub(super) before: AtomicU32,
    /// Times it was put aside.
    pub(super) asides: AtomicU32,
    /// Times its handler came to its end.
    handled: AtomicU32,
    /// Times it was found in a dead letter, and why.
    buried: AtomicU32,
    why: Mutex<Option<Reason>>,
    outcome: Mutex<Option<Outcome>>,
}

/// What its sender was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Told,
    /// It was not accepted, and its sender has it.
    Refused,
    /// The same, for there was no room.
    Full,
    Answered,
    NeverStarted,
    Late,
    Failed,
    NoReply,
    Aborted,
    /// It came back from a stopped actor, accepted or not.
    Returned,
    Evicted,
    Overflowed,
    /// Its sender did not wait for more.
    Dropped,
}

/// What became of a message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Handled,
    Buried,
    /// Its sender has it.
    Back,
    /// Its handler was cut or failed.
    Cut,
    /// Never accepted, or accepted and cut before anybody looked.
    Unseen,
}

impl Entry {
    fn new(number: u64, to: &Arc<SeatBook>, stamp: Stamp) -> Self {
        Self {
            number,
            to: Arc::clone(to),
            stamp,
            runs: AtomicU32::new(0),
            takes: AtomicU32::new(0),
            before: AtomicU32::new(0),
            asides: AtomicU32::new(0),
            handled: AtomicU32::new(0),
            buried: AtomicU32::new(0),
            why: Mutex::default(),
            outcome: Mutex::default(),
        }
    }

    /// In which order it is to come: after those of the same sender in the same lane.
    pub(super) const fn lane(&self) -> (u64, bool) {
        (self.stamp.sender, self.stamp.urgent)
    }

    pub(crate) fn runs(&self) -> u32 {
        self.runs.load(Ordering::SeqCst)
    }

    /// Attempts at it, in all.
    pub(super) fn tried(&self) -> u32 {
        self.before.load(Ordering::SeqCst) + self.takes.load(Ordering::SeqCst)
    }

    pub(crate) fn asides(&self) -> u32 {
        self.asides.load(Ordering::SeqCst)
    }

    /// Whether no handler will be given it any more, or one has been given it.
    pub(super) fn is_out(&self) -> bool {
        self.runs() > 0 || self.buried.load(Ordering::SeqCst) > 0
    }

    pub(super) fn bury(&self, reason: Reason) {
        self.buried.fetch_add(1, Ordering::SeqCst);
        *lock(&self.why) = Some(reason);
    }
}

impl World {
    /// A message is about to be sent to the one who sits there.
    pub(crate) fn enter(&self, to: &Arc<SeatBook>, stamp: Stamp) -> Arc<Entry> {
        count(&self.totals.messages);
        if stamp.urgent {
            count(&self.totals.urgent);
        }
        let entry = Arc::new(Entry::new(self.number(), to, stamp));
        lock(&self.entries).push(Arc::clone(&entry));
        entry
    }

    pub(crate) fn handled(&self, entry: &Entry) {
        self.note(5, entry.number);
        entry.handled.fetch_add(1, Ordering::SeqCst);
    }

    /// The sender's send has come to its end.
    pub(crate) fn resolved(&self, entry: &Arc<Entry>, outcome: Outcome) {
        self.note(6 + outcome as u64, entry.number);
        let totals = &self.totals;
        match outcome {
            Outcome::Answered => count(&totals.answers),
            Outcome::NeverStarted => count(&totals.never_started),
            Outcome::Late => count(&totals.late),
            Outcome::Failed => count(&totals.failed),
            Outcome::NoReply => count(&totals.no_reply),
            Outcome::Aborted => count(&totals.aborted),
            Outcome::Refused => count(&totals.refused),
            Outcome::Full => count(&totals.full),
            Outcome::Evicted | Outcome::Overflowed => count(&totals.discarded),
            Outcome::Told => self.waits(entry),
            Outcome::Returned | Outcome::Dropped => {}
        }
        // I6: once.
        if let Some(before) = lock(&entry.outcome).replace(outcome) {
            self.wrong(format!("message {}: {before:?}, and then {outcome:?}", entry.number));
        }
    }

    /// I1, I2 and I6 of one message.
    pub(super) fn check_entry(&self, entry: &Entry) -> Fate {
        let read = |of: &AtomicU32| of.load(Ordering::SeqCst);
        let (takes, handled, buried) = (entry.tried(), read(&entry.handled), read(&entry.buried));
        let (outcome, why) = (*lock(&entry.outcome), *lock(&entry.why));
        let back = u32::from(matches!(outcome, Some(Outcome::Refused | Outcome::Full | Outcome::Returned)));
        let fates = handled + buried + back;
        let overflow = self.plan.nodes[entry.to.place].overflow;
        let fits = match outcome {
            // Nobody waits for it who could go away.
            Some(Outcome::Told) if why == Some(Reason::Abandoned) => false,
            Some(Outcome::Told) => fates == 1 || takes > 0 || !self.plan.is_exact(),
            // contract §8: whoever drops messages refuses none for want of room.
            Some(Outcome::Full) => entry.runs() == 0 && overflow == Overflow::Wait,
            Some(Outcome::Refused) => entry.runs() == 0,
            Some(Outcome::Returned) => takes == 0,
            Some(Outcome::Answered | Outcome::NoReply) => handled == 1,
            Some(Outcome::NeverStarted) => takes == 0 && handled == 0,
            Some(Outcome::Evicted) => (takes == 0 || entry.asides() > 0) && why == Some(Reason::Evicted),
            Some(Outcome::Overflowed) => entry.runs() == 0 && why == Some(Reason::Overflow),
            Some(Outcome::Failed) => takes > 0 && handled == 0,
            Some(Outcome::Aborted) => handled == 0 && (takes > 0 || !self.plan.is_exact()),
            Some(Outcome::Late) => entry.runs() > 0 || !self.plan.is_exact(),
            Some(Outcome::Dropped) => true,
            // Its sender was cut.
            None => entry.stamp.own.is_some(),
        };
        if fates > 1 || !fits {
            self.wrong(format!(
                "message {}: its sender was told {outcome:?}; taken {takes} times, put aside {} times, {handled} \
                 handled, {buried} buried, {why:?}",
                entry.number,
                entry.asides()
            ));
        }
        match (handled, buried, back) {
            (1.., ..) => Fate::Handled,
            (_, 1.., _) => Fate::Buried,
            (_, _, 1..) => Fate::Back,
            _ if takes > 0 => Fate::Cut,
            _ => Fate::Unseen,
        }
    }
}
