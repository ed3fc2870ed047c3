//! The primitives of this layer: the standard ones, or loom's under `--cfg postbox_loom`.

#[cfg(not(postbox_loom))]
pub(crate) use self::real::UnsafeCell;
#[cfg(postbox_loom)]
pub(crate) use loom::{
    cell::UnsafeCell,
    sync::{Mutex, MutexGuard, atomic},
};
#[cfg(not(postbox_loom))]
pub(crate) use std::sync::{Mutex, MutexGuard, atomic};

#[cfg(not(postbox_loom))]
mod real {
    /// `std::cell::UnsafeCell` with loom's two methods, so that one text serves both.
    #[derive(Debug)]
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        #[inline(always)]
        pub(crate) fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
            read(self.0.get())
        }

        #[inline(always)]
        pub(crate) fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
            write(self.0.get())
        }
    }
}
