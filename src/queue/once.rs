//! What is written once, and then read by whoever has the time.
//!
//! [`Once`] holds a value in its place, [`OnceBox`] one that few need, in a box, and it can be sealed without.
//! Both are set by one compare-and-swap and never wait, where `std::sync::OnceLock` takes four atomic steps and
//! may sleep: an actor that lives for one message sets three of them. (The protocol is that of the crate
//! `once_cell`'s `race` module, with a seal.)
//!
//! Setting and looking are sequentially consistent: whoever sets one thing and then looks at another, while
//! somebody else does it the other way round, needs no fence between the two.

use std::{marker::PhantomData, ptr};

use super::sync::{
    UnsafeCell,
    atomic::{AtomicPtr, AtomicU8, Ordering},
};

const EMPTY: u8 = 0;
const WRITING: u8 = 1;
const SET: u8 = 2;

/// A value that is set once.
///
/// - **O1** the cell is written by whoever turned `EMPTY` into `WRITING`, and by nobody after `SET`.
/// - **O2** it is read by whoever has seen `SET`.
pub(crate) struct Once<T> {
    stage: AtomicU8,
    value: UnsafeCell<Option<T>>,
}

// SAFETY: a value passes from the thread that sets it to those that look at it (O1, O2), and is dropped by the
// one that drops the cell: it must be `Send` for the way and `Sync` for those who look at the same time.
unsafe impl<T: Send + Sync> Sync for Once<T> {}

impl<T> Once<T> {
    pub(crate) fn new() -> Self {
        Self { stage: AtomicU8::new(EMPTY), value: UnsafeCell::new(None) }
    }

    /// Sets the value, if nobody has before.
    pub(crate) fn set(&self, value: T) {
        // Relaxed: it hands over nothing but the right to write (O1).
        let write = self.stage.compare_exchange(EMPTY, WRITING, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if write {
            // SAFETY: the only writer (O1), and nobody reads yet (O2).
            let none = self.value.with_mut(|cell| unsafe { (*cell).replace(value) });
            // Not dropped: the drop would find out again that there is nothing.
            std::mem::forget(none);
            // SeqCst: pairs with the load in `get`, and see above.
            self.stage.store(SET, Ordering::SeqCst);
        }
    }

    /// The value, once it is set.
    pub(crate) fn get(&self) -> Option<&T> {
        // SeqCst: as in `set`.
        if self.stage.load(Ordering::SeqCst) != SET {
            return None;
        }
        // SAFETY: it is set, so nobody writes any more (O2).
        self.value.with(|cell| unsafe { (*cell).as_ref() })
    }
}

/// A value that few need: made at the first call for it, or never.
///
/// - **O3** the address is null, that of a box that stays until the drop, or the seal's, which is no box.
pub(crate) struct OnceBox<T> {
    at: AtomicPtr<T>,
    /// It owns one.
    owns: PhantomData<Box<T>>,
}

// SAFETY: as for `Once`.
unsafe impl<T: Send + Sync> Sync for OnceBox<T> {}
// SAFETY: it is a box.
unsafe impl<T: Send> Send for OnceBox<T> {}

impl<T> OnceBox<T> {
    /// The alignment forbids a box at this address; nothing is ever read there.
    const SEAL: *mut T = {
        assert!(align_of::<T>() > 1, "a box may not lie where the seal is");
        ptr::without_provenance_mut(1)
    };

    pub(crate) fn new() -> Self {
        Self { at: AtomicPtr::new(ptr::null_mut()), owns: PhantomData }
    }

    fn look(&self, at: *mut T) -> Option<&T> {
        if at.is_null() || at == Self::SEAL {
            return None;
        }
        // SAFETY: a box that stays for as long as `self` (O3).
        Some(unsafe { &*at })
    }

    /// The value, if there is one.
    pub(crate) fn get(&self) -> Option<&T> {
        // SeqCst: pairs with the exchanges below.
        self.look(self.at.load(Ordering::SeqCst))
    }

    /// The value, made if there is none. `None`: it has been sealed without.
    pub(crate) fn get_or_make(&self, make: impl FnOnce() -> T) -> Option<&T> {
        // SeqCst: as above.
        let found = self.at.load(Ordering::SeqCst);
        if !found.is_null() {
            return self.look(found);
        }
        let made = Box::into_raw(Box::new(make()));
        // SeqCst on both: as above, and the box is made before it is seen.
        match self.at.compare_exchange(ptr::null_mut(), made, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => self.look(made),
            Err(found) => {
                // SAFETY: it has just come out of a box, and nobody else has seen it.
                drop(unsafe { Box::from_raw(made) });
                self.look(found)
            }
        }
    }

    /// Sees to it that there will be no value, if there is none yet; if there is, here it is.
    pub(crate) fn seal(&self) -> Option<&T> {
        // SeqCst on both: as above.
        match self.at.compare_exchange(ptr::null_mut(), Self::SEAL, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => None,
            Err(found) => self.look(found),
        }
    }
}

impl<T> Drop for OnceBox<T> {
    #[inline]
    fn drop(&mut self) {
        // Relaxed: nobody else has it any more.
        let at = self.at.load(Ordering::Relaxed);
        if !at.is_null() && at != Self::SEAL {
            // SAFETY: it came out of a box (O3), and this is the end of those who looked at it.
            drop_box(unsafe { Box::from_raw(at) });
        }
    }
}

/// By itself: few have one.
#[cold]
#[inline(never)]
fn drop_box<T>(value: Box<T>) {
    drop(value);
}
