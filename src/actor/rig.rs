//! What the test kit holds on to.

use std::sync::{Arc, Weak};

pub(crate) use super::observer::Observer;
use super::{current::OUTSIDE, home::Home, seat::signal};

impl Home {
    /// Has the system observed, from the next spawn on.
    pub(crate) fn observe(&self, observer: Arc<dyn Observer>) {
        let _one_is_there = self.observer.set(observer);
    }

    /// Has the observer asked before each message of those alive.
    pub(crate) fn arm(&self) {
        self.alive().iter().for_each(|seat| seat.signal(signal::FAULT));
    }
}

/// Until dropped, what is spawned on this thread by whoever is no actor belongs to a system.
pub(crate) struct Ambient(Weak<Home>);

impl Ambient {
    pub(crate) fn enter(home: &Arc<Home>) -> Self {
        Self(OUTSIDE.replace(Arc::downgrade(home)))
    }
}

impl Drop for Ambient {
    fn drop(&mut self) {
        OUTSIDE.set(std::mem::take(&mut self.0));
    }
}
