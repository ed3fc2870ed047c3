//! What others can reach of the entry in hand while somebody else has the right to run.
//!
//! A task that blocks its thread keeps the turn, and with it the front buffer, the state and itself. Two things
//! must be had all the same: of what type its entry is, and who waits for its answer. One pointer of the mailbox
//! holds the table of the entry's type, which is static, or (marked by its lowest bit) the slot of its asker.
//!
//! It is written by the holder of the turn, without a lock: a plain store for each entry, and for one that lends
//! its asker's slot one more and a swap. (The swap cannot be spared. Whoever reaches in must know that the slot
//! is not freed under its hand, and its owner must know that nobody has a hand on it: each writes, then looks at
//! what the other wrote, which takes a fence on both sides.) Whoever reaches in does so under the lock of the
//! mailbox:
//!
//! - **L1** a slot stands in the cell only while a [`Lent`] holds it, which takes it out before it lets go.
//! - **L2** whoever reaches takes the slot out of the cell under the lock, and is done with the bare address
//!   before the lock is free. A `Lent` that does not find its slot in the cell any more waits for that lock.

use std::{
    mem,
    ptr::{self, NonNull},
};

use super::{
    buffer::VTable,
    mailbox::{Mailbox, Run},
    reply::{Answering, Cutter, Head},
    stage::Stage,
    sync::atomic::{AtomicPtr, Ordering},
};

/// The pointer.
pub(super) struct Reach(AtomicPtr<()>);

/// Marks the address of a slot; tables and slots are aligned to more.
const SLOT: usize = 1;

impl Reach {
    pub(super) fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// An entry of this type is taken; `None`: there is none in hand.
    #[inline]
    pub(super) fn take<S: Stage>(&self, table: Option<&'static VTable<S>>) {
        let table = table.map_or(ptr::null_mut(), |table| ptr::from_ref(table).cast_mut().cast());
        // Relaxed: what it points to is static.
        self.0.store(table, Ordering::Relaxed);
    }
}

fn marked(head: NonNull<Head>) -> *mut () {
    head.as_ptr().cast::<()>().map_addr(|address| address | SLOT)
}

/// What is reached of an entry in hand.
pub(crate) enum Reached<A> {
    /// What type it is of. Nobody waits for its answer.
    Told(A),
    /// What its asker calls it, and the asker.
    Asked(&'static str, Cutter),
}

impl<S: Stage> Mailbox<S> {
    /// Lends a slot for as long as its entry is in hand, so that its asker can be told from outside, under this
    /// name.
    #[inline]
    pub(crate) fn lend<T: Send>(
        &self,
        answering: Answering<T>,
        name: fn() -> &'static str,
    ) -> Lent<'_, S, T> {
        answering.set_name(name);
        // Release: pairs with the Acquire in `reach`: whoever finds the slot finds it made.
        self.reach.0.store(marked(answering.head()), Ordering::Release);
        Lent { answering: Some(answering), mailbox: self }
    }

    /// Reaches for the entry in hand, and its asker, once. `None`: there is none, or nobody is at work on it.
    pub(crate) fn reach(&self) -> Option<Reached<S::About>> {
        let back = self.back.lock();
        // Acquire: pairs with the Release stores of the runner.
        let in_hand = back.run == Run::Running && self.front_left.load(Ordering::Acquire) & 1 == 1;
        // Acquire: pairs with the Release in `lend`.
        let found = self.reach.0.load(Ordering::Acquire);
        if !in_hand || found.is_null() {
            return None;
        }
        if found.addr() & SLOT == 0 {
            // SAFETY: it was made from a reference to a static of this type, in `take`.
            let table = unsafe { &*found.cast::<VTable<S>>() };
            return Some(Reached::Told(table.about()));
        }
        // It is ours now, unless its owner has taken it back meanwhile (L2).
        // Acquire: as above. Relaxed: then nothing is looked at.
        self.reach.0.compare_exchange(found, ptr::null_mut(), Ordering::Acquire, Ordering::Relaxed).ok()?;
        let head = NonNull::new(found.map_addr(|address| address & !SLOT).cast::<Head>())?;
        // SAFETY: the `Lent` that put it there holds the slot (L1), and waits for the lock held here before it lets
        // go of it (L2).
        let asker = unsafe { Cutter::hold(head) };
        drop(back);
        Some(Reached::Asked(asker.name(), asker))
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
        let answering = self.answering.take();
        // With nothing left in it.
        mem::forget(self);
        answering
    }

    #[inline]
    fn take_back(&self) {
        let Some(answering) = &self.answering else { return };
        // AcqRel: pairs with the exchange in `reach`, though it is the lock that orders what was done there.
        let found = self.mailbox.reach.0.swap(ptr::null_mut(), Ordering::AcqRel);
        if found != marked(answering.head()) {
            // Somebody has it in hand, under the lock (L2).
            drop(self.mailbox.back.lock());
        }
    }
}

impl<S: Stage, T> Drop for Lent<'_, S, T> {
    #[inline]
    fn drop(&mut self) {
        self.take_back();
    }
}
