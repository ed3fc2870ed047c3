//! A box that is put down by one and taken up by another.

use std::{
    marker::PhantomData,
    ptr,
    sync::atomic::{AtomicPtr, Ordering},
};

/// At most one value, in a box: the size of a pointer while there is none.
///
/// - **T1** the address is null or that of a box; whoever swaps it out owns the box.
pub(crate) struct Tray<T> {
    at: AtomicPtr<T>,
    /// It owns one.
    owns: PhantomData<Box<T>>,
}

// SAFETY: a value passes from the thread that puts it down to the one that takes it up (T1), and nobody looks at it
// in between: it must be `Send`, and nothing more.
unsafe impl<T: Send> Sync for Tray<T> {}

impl<T> Tray<T> {
    pub(crate) fn new() -> Self {
        Self { at: AtomicPtr::new(ptr::null_mut()), owns: PhantomData }
    }

    fn swap(&self, at: *mut T) -> Option<Box<T>> {
        // AcqRel: pairs with itself, so that whoever takes the box up sees what it was put down with.
        let old = self.at.swap(at, Ordering::AcqRel);
        // SAFETY: it came out of a box, and has just been swapped out (T1).
        (!old.is_null()).then(|| unsafe { Box::from_raw(old) })
    }

    /// Puts a value down; the one that lay there is dropped.
    pub(crate) fn put(&self, value: T) {
        drop(self.swap(Box::into_raw(Box::new(value))));
    }

    /// Takes the value up, if there is one.
    #[inline]
    pub(crate) fn take(&self) -> Option<T> {
        // Relaxed: only whether it is worth a swap. Who must not miss a value has seen to it that it was put before.
        if self.at.load(Ordering::Relaxed).is_null() {
            return None;
        }
        self.swap(ptr::null_mut()).map(|value| *value)
    }
}

impl<T> Drop for Tray<T> {
    fn drop(&mut self) {
        drop(self.take());
    }
}
