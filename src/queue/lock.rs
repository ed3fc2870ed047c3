//! The lock of a mailbox: held for some ten nanoseconds, and let go of without an atomic step.
//!
//! A lock that puts its waiters to sleep must find out, whenever it is let go of, whether somebody sleeps: an
//! atomic exchange, which costs as much as all the work under this lock. A waiter here is never asleep for
//! good, so to let go is a plain store. What it costs is a waiter's nap, when the holder's thread has lost its
//! processor in just these nanoseconds. (`std`'s mutex was used before. Measured on one thread: a tell took
//! 1.15 times as long with it, an ask 1.1 times.)
//!
//! No code of the user runs under it, and nobody takes a second one, so a holder always comes through.

#[cfg(postbox_loom)]
pub(crate) use self::explored::{Held, Lock};
#[cfg(not(postbox_loom))]
pub(crate) use self::real::{Held, Lock};

#[cfg(not(postbox_loom))]
mod real {
    use std::{
        cell::UnsafeCell,
        marker::PhantomData,
        ops::{Deref, DerefMut},
        sync::atomic::{AtomicBool, Ordering},
        thread,
        time::Duration,
    };

    /// Pauses before the second look at a lock that is held; doubled before each further one.
    const PAUSES: u32 = 32;
    /// Looks at a lock that is held before the thread gives way to others.
    const LOOKS: u32 = 4;
    /// Looks before the thread naps.
    const NAPS: u32 = LOOKS + 8;
    /// How long a nap is.
    const NAP: Duration = Duration::from_micros(50);

    /// A value for one thread at a time.
    ///
    /// In this order, which `Mailbox` relies on.
    #[repr(C)]
    pub(crate) struct Lock<T> {
        held: AtomicBool,
        value: UnsafeCell<T>,
    }

    // SAFETY: the value is reached by the holder alone, one thread after the other (`lock`), so it must be `Send`;
    // nobody shares it.
    unsafe impl<T: Send> Sync for Lock<T> {}

    impl<T> Lock<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self { held: AtomicBool::new(false), value: UnsafeCell::new(value) }
        }

        /// Takes the lock.
        #[inline]
        pub(crate) fn lock(&self) -> Held<'_, T> {
            if !self.try_take() {
                self.wait();
            }
            Held { lock: self, one_thread: PhantomData }
        }

        #[inline]
        fn try_take(&self) -> bool {
            // Acquire: pairs with the Release store of whoever held it last.
            self.held.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
        }

        /// Waits without a look, longer each time, and then looks once.
        ///
        /// A thread in a loop wants its lock again at once. If the other thread watched the lock, it would change
        /// hands at every entry, and with it every cache line behind it, which costs ten times the work under the
        /// lock. (Exponential backoff: Anderson, "The performance of spin lock alternatives", 1990. Measured
        /// with four producers and both cores free: from 1.2 to 2.5 times a tokio channel; 64 asking tasks: from
        /// 0.7 to 1.1.)
        #[cold]
        #[inline(never)]
        fn wait(&self) {
            for look in 0.. {
                match look {
                    0..LOOKS => (0..PAUSES << look).for_each(|_| std::hint::spin_loop()),
                    // By now the holder's thread has no processor: it may be given this one.
                    LOOKS..NAPS => thread::yield_now(),
                    _ => thread::sleep(NAP),
                }
                if self.try_take() {
                    return;
                }
            }
        }

        /// The value, for whoever has the lock to itself anyway.
        pub(crate) fn get_mut(&mut self) -> &mut T {
            self.value.get_mut()
        }
    }

    /// The right to the value. Dropped, it lets go.
    pub(crate) struct Held<'a, T> {
        lock: &'a Lock<T>,
        /// Not `Send`, as a guard of `std` is not: it is for one screen of code.
        one_thread: PhantomData<*const ()>,
    }

    // SAFETY: it hands out what `&T` and `&mut T` would.
    unsafe impl<T: Sync> Sync for Held<'_, T> {}

    impl<T> Deref for Held<'_, T> {
        type Target = T;

        #[inline]
        fn deref(&self) -> &T {
            // SAFETY: there is one `Held` at a time (`lock`), and this reference lives no longer than it.
            unsafe { &*self.lock.value.get() }
        }
    }

    impl<T> DerefMut for Held<'_, T> {
        #[inline]
        fn deref_mut(&mut self) -> &mut T {
            // SAFETY: as in `deref`; `&mut self` makes it the only one.
            unsafe { &mut *self.lock.value.get() }
        }
    }

    impl<T> Drop for Held<'_, T> {
        #[inline]
        fn drop(&mut self) {
            // Release: pairs with the Acquire of whoever takes it next.
            self.lock.held.store(false, Ordering::Release);
        }
    }
}

/// loom's mutex: there, a lock that is waited for by looking at it again and again would never be through.
#[cfg(postbox_loom)]
mod explored {
    use loom::sync::{Mutex, MutexGuard};

    pub(crate) struct Lock<T>(Mutex<T>);

    pub(crate) type Held<'a, T> = MutexGuard<'a, T>;

    impl<T> Lock<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> Held<'_, T> {
            // Poisoned or not: the data under it is whole between any two statements that could unwind.
            self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
        }

        pub(crate) fn get_mut(&mut self) -> &mut T {
            self.0.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner)
        }
    }
}

#[cfg(all(test, not(postbox_loom)))]
mod tests {
    use std::{sync::Arc, thread};

    use super::Lock;

    /// More threads than processors, so that holders lose theirs while others wait.
    #[test]
    fn eight_threads_count_to_the_sum_of_their_steps() {
        let count = Arc::new(Lock::new([0_u64; 2]));
        let threads = (0..8).map(|_| {
            let count = Arc::clone(&count);
            thread::spawn(move || {
                for step in 0..20_000 {
                    let mut held = count.lock();
                    let [one, other] = *held;
                    assert_eq!(one, other, "nobody sees a step half done");
                    held[0] = one + 1;
                    if step % 1000 == 0 {
                        thread::yield_now();
                    }
                    held[1] = other + 1;
                }
            })
        });
        for thread in threads.collect::<Vec<_>>() {
            thread.join().expect("no thread sees it held twice");
        }
        assert_eq!(*count.lock(), [160_000; 2]);
    }

    #[test]
    fn a_holder_that_unwinds_lets_go() {
        let lock = Lock::new(0);
        let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            *lock.lock() = 1;
            let _held = lock.lock();
            panic!("while it is held");
        }));
        assert!(unwound.is_err());
        assert_eq!(*lock.lock(), 1);
    }
}
