//! Dead letters: each with its message where there is one, and with a reason that can be true.

use std::sync::{Arc, Mutex, atomic::AtomicU64};

use postbox::{AutoShutdown, DeadLetter, Overflow, Reason, StopReason, Subscription};

use super::{Entry, SeatBook, Told, World, count, lock};
use crate::parcel::{Ping, Post, TRIES};

/// What is counted of them.
#[derive(Default)]
pub(super) struct Graves {
    /// Those of accepted messages of which nothing is left.
    pub(super) tombstones: AtomicU64,
    /// Those of pings.
    pub(super) pings: AtomicU64,
    /// Messages that a stop has left over.
    stopped: Mutex<Vec<Arc<Entry>>>,
}

/// The entry of the message that a letter holds.
fn entry(letter: &DeadLetter) -> Option<Arc<Entry>> {
    fn of<const TRIES: u32, const URGENT: bool>(letter: &DeadLetter) -> Option<Arc<Entry>> {
        letter.take_message::<Post<TRIES, URGENT>>().map(|Post(parcel)| Arc::clone(&parcel.entry))
    }
    let once = of::<1, false>(letter).or_else(|| of::<1, true>(letter));
    once.or_else(|| of::<TRIES, false>(letter)).or_else(|| of::<TRIES, true>(letter))
}

impl World {
    /// From here on letters are read as they come.
    pub(crate) fn subscribes(&self, letters: Subscription) {
        *lock(&self.letters) = Some(letters);
    }

    /// Reads what letters there are. How many have been missed.
    pub(crate) fn read_letters(&self) -> u64 {
        let mut letters = lock(&self.letters);
        let Some(letters) = &mut *letters else { return 0 };
        while let Some(letter) = letters.try_next() {
            self.read(&letter);
        }
        letters.missed()
    }

    fn read(&self, letter: &DeadLetter) {
        let reason = letter.reason();
        let Some(entry) = entry(letter) else {
            if letter.take_message::<Ping>().is_some() {
                count(&self.graves.pings);
            } else if reason != Reason::LateReply {
                count(&self.graves.tombstones);
                if !matches!(reason, Reason::Failed | Reason::Aborted) {
                    self.wrong(format!("a letter without its message: {letter:?}"));
                }
            }
            return;
        };
        entry.bury(reason);
        let wrong = self.check_letter(&entry, reason, letter.attempts());
        if let Some(wrong) = self.given_up(&entry, reason).or(wrong) {
            self.wrong(format!(
                "message {}, taken {} times, put aside {} times, {wrong}: {letter:?}",
                entry.number,
                entry.tried(),
                entry.asides()
            ));
        }
    }

    fn check_letter(&self, entry: &Arc<Entry>, reason: Reason, attempts: u32) -> Option<&'static str> {
        let totals = &self.totals;
        let takes = entry.tried();
        let overflow = self.plan.nodes[entry.to.place].overflow;
        let (fits, wrong) = match reason {
            // contract §8: never what has priority, unless it was put aside and has come back among the others.
            Reason::Evicted => {
                count(&totals.evicted);
                // One that has been tried as well: put aside, it waits among the others.
                let may_be =
                    (takes == 0 || entry.asides() > 0) && (!entry.stamp.urgent || entry.asides() > 0);
                (
                    overflow == Overflow::DropOldest && may_be,
                    "cannot be the oldest of a mailbox that drops it",
                )
            }
            Reason::Overflow => {
                count(&totals.overflowed);
                (overflow != Overflow::Wait && entry.runs() == 0, "cannot be the newest of one that drops it")
            }
            Reason::Expired => {
                count(&totals.expired);
                (entry.stamp.deadline.is_some(), "has no deadline")
            }
            Reason::Stopped | Reason::Killed | Reason::RestartLimit => {
                if reason == Reason::Stopped && entry.asides() == 0 {
                    lock(&self.graves.stopped).push(Arc::clone(entry));
                }
                (takes == 0 || entry.asides() > 0, "has been tried")
            }
            Reason::Quarantined | Reason::Aborted => {
                (entry.stamp.tries > 1 && attempts > 0, "was given away with its attempt")
            }
            Reason::Abandoned => (true, ""),
            _ => (false, "cannot have this reason"),
        };
        // By a kill in between, an attempt may end before the handler is polled.
        let counts = takes == attempts || !self.plan.is_exact() && takes < attempts;
        (!fits).then_some(wrong).or((!counts).then_some("has another number of attempts"))
    }

    /// contract §7: whoever drains leaves nothing over. What is put aside once more in the end may be.
    pub(super) fn check_drained(&self) {
        for entry in &*lock(&self.graves.stopped) {
            let seat = &entry.to;
            let drained = match &lock(&seat.pages).ended {
                Some(StopReason::Released) => true,
                Some(StopReason::Stopped) => self.is_drained(seat),
                _ => false,
            };
            if drained {
                self.wrong(format!("{}: message {} is left over", self.name(seat), entry.number));
            }
        }
    }

    /// Whether nothing but a `stop` can have ended it.
    fn is_drained(&self, seat: &SeatBook) -> bool {
        self.may_drain(seat)
            && !seat.was_told(Told::StopNow)
            && !seat.was_told(Told::ByHand)
            && self.plan.nodes[seat.place].auto_shutdown == AutoShutdown::Never
    }
}
