//! Watches: one notice for each.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, atomic::Ordering},
};

use postbox::{ActorId, Handle, Status};

use super::{Pages, SeatBook, World, count, lock};

/// Whom somebody watches, and whose end has been told.
#[derive(Default)]
pub(crate) struct Watches {
    on: BTreeMap<ActorId, Watch>,
    gone: HashSet<ActorId>,
}

struct Watch {
    open: bool,
    of: Handle,
    book: Arc<SeatBook>,
}

impl Pages {
    /// Whether the end of this actor has been told here.
    pub(super) fn knows_gone(&self, who: ActorId) -> bool {
        self.watches.gone.contains(&who)
    }

    /// Those that have ended and whose end is to be told yet.
    pub(super) fn untold(&self) -> impl Iterator<Item = ActorId> {
        let untold = |watch: &Watch| watch.open && watch.of.status() == Status::Ended;
        self.watches.on.iter().filter(move |(_, watch)| untold(watch)).map(|(id, _)| *id)
    }
}

impl World {
    /// Before a call of `watch`, in the watcher.
    pub(crate) fn watches(&self, watcher: &SeatBook, target: &Handle, book: &Arc<SeatBook>) {
        let mut pages = lock(&watcher.pages);
        let new = || Watch { open: false, of: target.clone(), book: Arc::clone(book) };
        let watch = pages.watches.on.entry(target.identity().id()).or_insert_with(new);
        if !std::mem::replace(&mut watch.open, true) {
            count(&self.totals.watches);
        }
    }

    /// Before a call of `unwatch`, in the watcher. Whose watch is taken back: the eldest that is left.
    pub(crate) fn unwatches(&self, watcher: &SeatBook) -> Option<Handle> {
        let mut pages = lock(&watcher.pages);
        let watch = pages.watches.on.values_mut().find(|watch| watch.open)?;
        watch.open = false;
        count(&self.totals.unwatched);
        Some(watch.of.clone())
    }

    /// A notice has come.
    pub(crate) fn noticed(&self, watcher: &SeatBook, of: ActorId) {
        count(&self.totals.notices);
        let mut pages = lock(&watcher.pages);
        pages.watches.gone.insert(of);
        let Some(watch) = pages.watches.on.get_mut(&of) else {
            return self.wrong(format!("{}: a notice of {of} without a watch", self.name(watcher)));
        };
        self.note(20, watch.book.number);
        if !std::mem::take(&mut watch.open) {
            self.wrong(format!("{}: one notice of {of} too many", self.name(watcher)));
        }
        // I7: after its `stopped` hook, its state and all its messages.
        let ledger = watch.of.ledger();
        if watch.of.status() != Status::Ended || ledger.settled() != ledger.accepted {
            self.wrong(format!("{}: told of the end of {:?}: {ledger}", self.name(watcher), watch.of));
        }
        if watch.book.alive.load(Ordering::SeqCst) != 0 {
            self.wrong(format!("{}: told of the end of {of}, which lives", self.name(watcher)));
        }
    }
}
