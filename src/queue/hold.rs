//! The right to run, held by a thread for later: whoever sends to a parked consumer that it will run itself.
//!
//! Such a push makes the consumer `Running` in the step in which it queues the entry, and puts the entry where
//! a turn finds it, so that the turn needs no lock to begin. Until then the right belongs to the thread, which
//! leaves its mark in the mailbox:
//! - **H1** `held_by` is a thread's mark only from that thread's `push_held`, under the lock in the passage to
//!   `Running`, to its `resume`. So whoever finds its own mark there is the one runner, and nobody else is.

use std::cell::Cell;

use super::{
    lock::Held,
    mailbox::{Back, Mailbox, Run},
    stage::{Entry, Stage},
    sync::atomic::Ordering,
    turn::Turn,
};

#[cfg(not(postbox_loom))]
thread_local! {
    /// Only its address is of use.
    static HERE: Cell<u8> = const { Cell::new(0) };
}

#[cfg(postbox_loom)]
loom::thread_local! {
    static HERE: Cell<u8> = Cell::new(0);
}

/// The mark of this thread: an address of its own. `None` when the thread is being torn down.
#[inline]
pub(super) fn here() -> Option<usize> {
    HERE.try_with(|here| std::ptr::from_ref(here).addr()).ok()
}

impl<S: Stage> Mailbox<S> {
    /// Queues an entry in a parked mailbox, and gives this thread the right to run it.
    #[inline(always)]
    pub(super) fn push_held<T: Entry<S>>(&self, mut back: Held<'_, Back<S>>, entry: T, here: usize) {
        back.accepted += 1;
        back.run = Run::Running;
        back.front_seen = 1;
        // Relaxed: the mark is only looked for by the thread that leaves it.
        self.held_by.store(here, Ordering::Relaxed);
        let mut turn = Turn { mailbox: self };
        // Parked, the front is empty and nothing is in hand.
        turn.consumer(|consumer| {
            consumer.front.tidy();
            consumer.front.push(entry);
        });
        // Before the lock is let go of: what producers see of the front grows by this entry.
        turn.publish();
        drop(back);
        // The right stays with the thread.
        std::mem::forget(turn);
    }

    /// Begins the turn to which this thread holds the right.
    #[inline]
    pub(crate) fn resume(&self) -> Option<Turn<'_, S>> {
        // Relaxed: only this thread's own store can be its mark (H1).
        if Some(self.held_by.load(Ordering::Relaxed)) != here() {
            return None;
        }
        self.held_by.store(0, Ordering::Relaxed);
        Some(Turn { mailbox: self })
    }
}
