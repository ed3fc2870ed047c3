//! Who ends while somebody listens: what the report of a shutdown is written from.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use super::{common::Common, home::Home};
use crate::{Identity, StopReason};

type Heard = Vec<(Identity, StopReason)>;

/// The listeners of a system. Nearly always there are none, and an end costs one look.
#[derive(Default)]
pub(super) struct Departures {
    listening: AtomicUsize,
    lists: Mutex<Vec<Arc<Mutex<Heard>>>>,
}

impl Departures {
    /// An actor has ended for good.
    #[inline]
    pub(super) fn note(&self, common: &Common) {
        // Relaxed: whoever listens has stored this before it raises the signal that ends the actor, and the signal
        // orders the two. Of an end that it did not bring about it need not hear.
        if self.listening.load(Ordering::Relaxed) > 0 {
            self.note_down(common);
        }
    }

    #[cold]
    #[inline(never)]
    fn note_down(&self, common: &Common) {
        if let Some(reason) = common.closing() {
            let heard = (common.identity.clone(), reason.clone());
            lock(&self.lists).iter().for_each(|list| lock(list).push(heard.clone()));
        }
    }
}

/// Hears of every end, from when it is made until it is dropped.
pub(crate) struct Listener {
    home: Arc<Home>,
    list: Arc<Mutex<Heard>>,
}

impl Listener {
    pub(crate) fn new(home: &Arc<Home>) -> Self {
        let listener = Self { home: Arc::clone(home), list: Arc::default() };
        lock(&home.departures.lists).push(Arc::clone(&listener.list));
        // Relaxed: as in `note`.
        home.departures.listening.fetch_add(1, Ordering::Relaxed);
        listener
    }

    /// Takes what has been heard, in the order of the ends.
    pub(crate) fn take(&self) -> Vec<(Identity, StopReason)> {
        std::mem::take(&mut lock(&self.list))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Relaxed: as in `note`.
        self.home.departures.listening.fetch_sub(1, Ordering::Relaxed);
        lock(&self.home.departures.lists).retain(|list| !Arc::ptr_eq(list, &self.list));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
