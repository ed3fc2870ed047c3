//! Which actor is being polled on this thread.

use std::{cell::RefCell, sync::Arc};

use super::home::Home;
use crate::ActorId;

/// The actor being polled, and its system.
pub(crate) struct Current {
    pub(crate) id: ActorId,
    pub(crate) home: Arc<Home>,
}

thread_local! {
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

/// Runs `f` with `slot` as the current actor, and puts it back afterwards, also when `f` panics.
pub(crate) fn scope<R>(slot: &mut Option<Current>, f: impl FnOnce() -> R) -> R {
    struct Restore<'a>(&'a mut Option<Current>);
    impl Drop for Restore<'_> {
        fn drop(&mut self) {
            swap(self.0);
        }
    }
    swap(slot);
    let _restore = Restore(slot);
    f()
}

fn swap(slot: &mut Option<Current>) {
    // A thread that is being torn down has no current actor any more.
    let _ = CURRENT.try_with(|current| std::mem::swap(&mut *current.borrow_mut(), slot));
}

/// The actor being polled on this thread.
pub(crate) fn id() -> Option<ActorId> {
    CURRENT.try_with(|current| current.borrow().as_ref().map(|current| current.id)).ok().flatten()
}

/// The system of the actor being polled on this thread, or the default one.
pub(crate) fn home() -> Arc<Home> {
    CURRENT
        .try_with(|current| current.borrow().as_ref().map(|current| Arc::clone(&current.home)))
        .ok()
        .flatten()
        .unwrap_or_else(|| Arc::clone(Home::default_one()))
}
