//! Which actor is being polled on this thread.

use std::{
    cell::{Cell, RefCell},
    sync::Weak,
};

use super::{
    common::Common,
    home::{Home, Homed},
};
use crate::ActorId;

thread_local! {
    static ID: Cell<Option<ActorId>> = const { Cell::new(None) };
    /// Which system that of `HOME` is: looked at at every poll, so a word with neither a borrow nor a destructor.
    static HOME_KEY: Cell<usize> = const { Cell::new(0) };
    /// The system of that actor. It stays when the actor has been polled: the next one is most often of the
    /// same system, and then there is no count to be touched. Weak, so that a thread keeps no system alive; empty
    /// for the default one.
    static HOME: RefCell<Weak<Home>> = const { RefCell::new(Weak::new()) };
    /// The system of whoever is no actor, where that is not the default one: in a test.
    pub(super) static OUTSIDE: RefCell<Weak<Home>> = const { RefCell::new(Weak::new()) };
}

/// Runs `f` with this actor as the current one, and puts the one before it back, also when `f` panics.
#[inline]
pub(crate) fn scope<R>(common: &Common, f: impl FnOnce() -> R) -> R {
    struct Restore {
        id: Option<ActorId>,
        /// Boxed, so that there is one word to be looked at when there is none: the system is most often the same.
        home: Option<Box<Weak<Home>>>,
    }
    impl Drop for Restore {
        #[inline]
        fn drop(&mut self) {
            ID.set(self.id);
            if let Some(home) = self.home.take() {
                leave(self.id, *home);
            }
        }
    }
    let home = &common.home;
    let same = HOME_KEY.get() == home.key();
    let before = if same { None } else { enter(home) };
    let _restore = Restore { id: ID.replace(Some(common.identity.id())), home: before };
    f()
}

#[cold]
#[inline(never)]
fn enter(home: &Homed) -> Option<Box<Weak<Home>>> {
    swap_home(home.downgrade()).map(Box::new)
}

/// Goes back to the system of the actor that was polled before, if there was one.
#[cold]
#[inline(never)]
fn leave(id: Option<ActorId>, home: Weak<Home>) {
    if id.is_some() {
        swap_home(home);
    }
}

/// Only the weak reference keeps the key: no other system comes to lie at its address while it is here.
fn swap_home(home: Weak<Home>) -> Option<Weak<Home>> {
    HOME_KEY.set(Homed::key_of(&home));
    // A thread that is being torn down has no current system any more.
    let before = HOME.try_with(|current| current.replace(home)).ok();
    if before.is_none() {
        HOME_KEY.set(0);
    }
    before
}

/// The actor being polled on this thread.
#[inline]
pub(crate) fn id() -> Option<ActorId> {
    ID.get()
}

/// The system of the actor being polled on this thread, or the default one.
pub(crate) fn home() -> Homed {
    let near = if id().is_some() { &HOME } else { &OUTSIDE };
    let home = near.try_with(|home| home.borrow().upgrade());
    home.ok().flatten().map_or(Homed::DEFAULT, Homed::from)
}
