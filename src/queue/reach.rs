//! What others can reach of the entry in hand while somebody else has the right to run.
//!
//! A task that blocks its thread keeps the turn, and with it the front buffer, the state and itself. Two things
//! must be had all the same: of what type its entry is, and who waits for its answer. Two pointers of the mailbox
//! hold them: the table of the entry's type, which is static, and the slot of its asker.
//!
//! They are written by the holder of the turn, without a lock: a plain store for each entry, and for one that
//! lends its asker's slot a store and a swap. (The swap cannot be spared. Whoever reaches in must know that the
//! slot is not freed under its hand, and its owner must know that nobody has a hand on it: each writes, then
//! looks at what the other wrote, which takes a fence on both sides.) Whoever reaches in does so under the lock
//! of the mailbox:
//!
//! - **L1** a slot stands in the cell only while a [`Lent`] holds it, which takes it out before it lets go.
//! - **L2** whoever reaches takes the slot out of the cell under the lock, and is done with the bare address
//!   before the lock is free. A `Lent` that does not find its slot in the cell any more waits for that lock.

use std::ptr::{self, NonNull};

use super::{
    buffer::VTable,
    mailbox::{Mailbox, Run},
    reply::{Answering, Cutter, Head},
    stage::Stage,
    sync::{
        atomic::{AtomicPtr, Ordering},
        lock,
    },
};

/// The two pointers.
pub(super) struct Reach<S: Stage> {
    /// The table of the entry taken last.
    table: AtomicPtr<VTable<S>>,
    lent: AtomicPtr<Head>,
}

impl<S: Stage> Reach<S> {
    pub(super) fn new() -> Self {
        Self { table: AtomicPtr::new(ptr::null_mut()), lent: AtomicPtr::new(ptr::null_mut()) }
    }

    /// An entry of this type is taken; `None`: there is none in hand.
    #[inline]
    pub(super) fn take(&self, table: Option<&'static VTable<S>>) {
        let table = table.map_or(ptr::null_mut(), |table| ptr::from_ref(table).cast_mut());
        // Relaxed: what it points to is static.
        self.table.store(table, Ordering::Relaxed);
    }
}

/// What is reached of an entry in hand.
pub(crate) struct Reached<A> {
    /// What type it is of.
    pub(crate) about: A,
    /// Whoever waits for its answer.
    pub(crate) asker: Option<Cutter>,
}

impl<S: Stage> Mailbox<S> {
    /// Lends a slot for as long as its entry is in hand, so that its asker can be told from outside.
    #[inline]
    pub(crate) fn lend<T: Send>(&self, answering: Answering<T>) -> Lent<'_, S, T> {
        // Release: pairs with the Acquire in `reach`: whoever finds the slot finds it made.
        self.reach.lent.store(answering.head().as_ptr(), Ordering::Release);
        Lent { answering: Some(answering), mailbox: self }
    }

    /// Reaches for the entry in hand. `None`: there is none, or nobody is at work on it.
    pub(crate) fn reach(&self) -> Option<Reached<S::About>> {
        let back = lock(&self.back);
        // Acquire: pairs with the Release stores of the runner.
        let in_hand = back.run == Run::Running && self.front_left.load(Ordering::Acquire) & 1 == 1;
        // Relaxed: what it points to is static.
        let table = NonNull::new(self.reach.table.load(Ordering::Relaxed)).filter(|_| in_hand)?;
        // Acquire: pairs with the Release in `lend`. It is ours now, or there was none (L2).
        let lent = NonNull::new(self.reach.lent.swap(ptr::null_mut(), Ordering::Acquire));
        // SAFETY: the `Lent` that put it there holds the slot (L1), and waits for the lock held here before it lets
        // go of it (L2).
        let asker = lent.map(|head| unsafe { Cutter::hold(head) });
        drop(back);
        // SAFETY: it was made from a reference to a static, in `take`.
        let about = unsafe { table.as_ref() }.about();
        Some(Reached { about, asker })
    }
}

/// A slot that others can reach. It owns its half of the slot: forgotten, the slot is never freed.
pub(crate) struct Lent<'a, S: Stage, T> {
    answering: Option<Answering<T>>,
    mailbox: &'a Mailbox<S>,
}

impl<S: Stage, T> Lent<'_, S, T> {
    /// A second hold on the same slot.
    pub(crate) fn share(&self) -> Option<Answering<T>> {
        self.answering.as_ref().map(Answering::share)
    }

    /// Takes the slot out of others' reach.
    #[inline]
    pub(crate) fn back(mut self) -> Option<Answering<T>> {
        self.take_back();
        self.answering.take()
    }

    #[inline]
    fn take_back(&self) {
        let Some(answering) = &self.answering else { return };
        let own = answering.head().as_ptr();
        // Acquire: pairs with the swap in `reach`, though it is the lock that orders what was done there.
        if self.mailbox.reach.lent.swap(ptr::null_mut(), Ordering::AcqRel) != own {
            // Somebody has it in hand, under the lock (L2).
            drop(lock(&self.mailbox.back));
        }
    }
}

impl<S: Stage, T> Drop for Lent<'_, S, T> {
    #[inline]
    fn drop(&mut self) {
        self.take_back();
    }
}
