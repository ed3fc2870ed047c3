//! What is looked at when all is quiet, and when all is over.

use std::sync::atomic::{AtomicU64, Ordering};

use postbox::{AutoShutdown, Ledger, Restart, Status, StopReason};

use super::{Charges, SeatBook, Told, World, entry::Fate, lock};

impl World {
    /// At rest, before the shutdown: whoever is watched and has ended has been told of, and who is to live lives.
    pub(crate) fn check_rest(&self) {
        for seat in &*lock(&self.seats) {
            let pages = lock(&seat.pages);
            let Some(handle) = pages.handle.clone() else { continue };
            if handle.status() == Status::Ended {
                drop(pages);
                self.check_ended(seat);
                continue;
            }
            for of in pages.untold() {
                self.wrong(format!("{}: no notice of {of}, which has ended", self.name(seat)));
            }
            let ledger = handle.ledger();
            if ledger.settled() != ledger.accepted {
                self.wrong(format!("{}: at rest, and something is left: {ledger}", self.name(seat)));
            }
        }
    }

    /// One that has ended had a reason to.
    fn check_ended(&self, seat: &SeatBook) {
        let Some((parent, incarnation)) = &seat.parent else { return };
        let plan = &self.plan.nodes[seat.place];
        let parent_is_there = parent.incarnations.load(Ordering::SeqCst) == *incarnation
            && lock(&parent.pages).handle.as_ref().is_some_and(|of| of.status() == Status::Running);
        if !parent_is_there || !seat.has_served() || seat.was_told(Told::ByHand) {
            return;
        }
        if plan.restart == Restart::Permanent {
            self.wrong(format!("{} has ended under a supervisor that has not", self.name(seat)));
        }
        let by_itself =
            matches!(&lock(&seat.pages).ended, Some(reason) if !matches!(reason, StopReason::Shutdown));
        let auto_shutdown = self.plan.nodes[parent.place].auto_shutdown;
        if plan.significant && by_itself && auto_shutdown == AutoShutdown::AnySignificant {
            self.wrong(format!("{} has ended, is significant, and its supervisor lives", self.name(seat)));
        }
    }

    /// After the shutdown.
    pub(crate) fn check_end(&self, ledger: Ledger) {
        for (number, place) in self.places.iter().enumerate() {
            let alive = place.alive.load(Ordering::SeqCst);
            if alive != 0 {
                self.wrong(format!("{alive} of node-{number} are left"));
            }
        }
        self.check_limits();
        self.check_drained();
        lock(&self.seats).iter().for_each(|seat| self.check_passed(seat));
        let (mut handled, mut buried, mut cut, mut unseen) = (0, 0, 0, 0);
        for entry in &*lock(&self.entries) {
            let fate = self.check_entry(entry);
            handled += u64::from(fate == Fate::Handled);
            buried += u64::from(fate == Fate::Buried);
            cut += u64::from(fate == Fate::Cut);
            unseen += u64::from(fate == Fate::Unseen);
        }
        handled += self.pings.load(Ordering::SeqCst);
        buried += self.graves.pings.load(Ordering::SeqCst);
        let tombstones = self.graves.tombstones.load(Ordering::SeqCst);
        // On several threads a kill can cut a handler that has been made and not been polled.
        let unseen = if self.plan.is_exact() { 0 } else { unseen };
        if ledger.handled != handled || !(cut..=cut + unseen).contains(&tombstones) {
            self.wrong(format!("{ledger}, but {handled} handled, {cut} cut, {tombstones} tombstones"));
        }
        if ledger.dead != buried + tombstones {
            self.wrong(format!("{ledger}, but {buried} buried, {tombstones} tombstones"));
        }
        if !ledger.balances() || ledger.accepted != ledger.settled() {
            self.wrong(format!("the rest is not 0: {ledger}"));
        }
        let left = self.parcels.load(Ordering::SeqCst);
        if left != 0 {
            self.wrong(format!("{left} messages were never dropped"));
        }
        let add = |to: &AtomicU64, number| to.store(number, Ordering::SeqCst);
        add(&self.totals.accepted, ledger.accepted);
        add(&self.totals.handled, ledger.handled);
        add(&self.totals.dead, ledger.dead);
        add(&self.totals.returned, ledger.returned);
    }

    /// I9: restarts charged in any window are not more than the limit.
    fn check_limits(&self) {
        for ((seat, incarnation), charges) in &mut *lock(&self.charges) {
            let Charges { limit: Some(limit), times, .. } = charges else { continue };
            times.sort();
            let max = usize::try_from(limit.max).expect("a small limit");
            for window in times.windows(max + 1) {
                if window[max] - window[0] < limit.within {
                    self.wrong(format!(
                        "seat {seat}, incarnation {incarnation}: {} restarts where {limit} is the limit",
                        max + 1
                    ));
                }
            }
        }
    }

    /// Lets go of what leads to the actors, which lead back here.
    pub(crate) fn forget(&self) {
        for place in &self.places {
            drop((lock(&place.here).take(), lock(&place.owner).take()));
        }
        drop((std::mem::take(&mut *lock(&self.books)), lock(&self.letters).take()));
        lock(&self.charges).clear();
        let seats = std::mem::take(&mut *lock(&self.seats));
        seats.iter().for_each(|seat| drop(std::mem::take(&mut *lock(&seat.pages))));
    }
}
