//! Links: who fails with whom.
//!
//! A link is between two incarnations, and brings one failure at most: who fails by it takes it with him. An
//! incarnation ends a moment before anything is written down of it, and what is linked meanwhile is linked to
//! the next one. So there are links known to stand (`firm`), and such as may: `credits`.

use std::collections::{BTreeMap, BTreeSet};

use postbox::{ActorId, Cause, Failure, Handle, Status, Step, StopReason};

use super::{Pages, SeatBook, World, count, lock};

/// All links of a run, by their ends.
#[derive(Default)]
pub(crate) struct Links(BTreeMap<(ActorId, ActorId), Bond>);

#[derive(Default)]
struct Bond {
    /// Both incarnations ran when it was made, and neither has ended since.
    firm: bool,
    /// Failures it may have brought, or may still bring.
    credits: u32,
}

/// Who is to fail by whom, and how many messages it has taken since.
#[derive(Default)]
pub(crate) struct Owed(BTreeSet<ActorId>, u32);

fn ends(one: ActorId, other: ActorId) -> (ActorId, ActorId) {
    (one.min(other), one.max(other))
}

impl Links {
    fn with(&mut self, of: ActorId) -> Vec<(ActorId, &mut Bond)> {
        let firm = self.0.iter_mut().filter(|(_, bond)| bond.firm);
        firm.filter_map(|((one, other), bond)| match of {
            of if of == *one => Some((*other, bond)),
            of if of == *other => Some((*one, bond)),
            _ => None,
        })
        .collect()
    }
}

impl Pages {
    /// A message is taken. contract of `link`: not before the failure that is owed, and on several threads at most
    /// the one that was being taken.
    pub(super) fn owe_an_end(&mut self, is_exact: bool) -> Option<&'static str> {
        let Owed(by, taken) = &mut self.owed;
        *taken += u32::from(!by.is_empty());
        (*taken > u32::from(!is_exact)).then_some("is taken by one that is to fail by its link")
    }
}

impl World {
    /// Before a call of `link`, in one of its ends.
    pub(crate) fn links(&self, seat: &SeatBook, own: ActorId, other: &Handle) {
        count(&self.totals.links);
        self.note(40, seat.number);
        let mut links = lock(&self.links);
        let bond = links.0.entry(ends(own, other.identity().id())).or_default();
        if self.plan.is_exact() && other.status() == Status::Running {
            bond.firm = true;
        } else {
            bond.credits += 1;
        }
    }

    /// Somebody to take a link back with.
    pub(crate) fn any_link(&self, own: ActorId, nth: usize) -> Option<Handle> {
        let links = lock(&self.links);
        let mine = || links.0.keys().filter(|(one, other)| *one == own || *other == own);
        let (one, other) = *mine().nth(nth % mine().count().max(1))?;
        drop(links);
        let book = self.book(if one == own { other } else { one })?;
        lock(&book.pages).handle.clone()
    }

    /// Before a call of `unlink`, in one of its ends.
    pub(crate) fn unlinks(&self, seat: &SeatBook, own: ActorId, other: &Handle) {
        count(&self.totals.unlinked);
        let id = other.identity().id();
        // The failure it has brought is taken back as well.
        lock(&seat.pages).owed.0.remove(&id);
        // One that does not run may be on its way out by it; and what an earlier incarnation has brought stays.
        if self.plan.is_exact()
            && other.status() == Status::Running
            && let Some(bond) = lock(&self.links).0.get_mut(&ends(own, id))
        {
            bond.firm = false;
        }
    }

    /// In the `stopped` hook.
    pub(crate) fn parts(&self, seat: &SeatBook, own: ActorId, reason: &StopReason) {
        lock(&seat.pages).owed = Owed::default();
        let mut links = lock(&self.links);
        if let StopReason::Failed(failure) = reason
            && let Some(by) = linked(failure)
        {
            count(&self.totals.linked);
            let spent = match links.0.get_mut(&ends(own, by)) {
                Some(bond) if bond.credits > 0 => {
                    bond.credits -= 1;
                    true
                }
                Some(bond) => std::mem::take(&mut bond.firm),
                None => false,
            };
            if !spent {
                self.wrong(format!("{}: {failure}, and there is no such link", self.name(seat)));
            }
        }
        let fails = reason.is_failure() || matches!(reason, StopReason::Killed);
        let mut owing = Vec::new();
        for (other, bond) in links.with(own) {
            bond.firm = false;
            if fails {
                bond.credits += 1;
                owing.push(other);
            }
        }
        links.0.retain(|_, bond| bond.firm || bond.credits > 0);
        drop(links);
        for other in owing {
            if let Some(other) = self.book(other) {
                lock(&other.pages).owed.0.insert(own);
            }
        }
    }

    /// A new incarnation begins. A kill may have cut the hook of the old one before it began.
    pub(super) fn is_untied(&self, seat: &SeatBook) {
        let mut pages = lock(&seat.pages);
        pages.owed = Owed::default();
        let Some(own) = pages.handle.as_ref().map(|own| own.identity().id()) else { return };
        drop(pages);
        for (_, bond) in lock(&self.links).with(own) {
            bond.firm = false;
            bond.credits += 1;
        }
    }
}

fn linked(failure: &Failure) -> Option<ActorId> {
    match (failure.cause(), failure.step()) {
        (Cause::Linked { .. }, Step::Link(by)) => Some(by.id()),
        _ => None,
    }
}
