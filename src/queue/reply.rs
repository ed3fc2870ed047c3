//! The reply slot: one value from one task to another, once.
//!
//! One allocation, shared by the [`Answering`] half, which goes into the mailbox with the message, and the
//! [`Asking`] half, which the caller polls. (The protocol is that of tokio's `oneshot`, with one bit more:
//! *taken*, by which the actor that takes the message and the asker that gives up agree on who was first.)
//!
//! | bit | set by | means |
//! |---|---|---|
//! | `TAKEN` | the actor, before it opens the message; taken down when it puts the message aside | the handler will run, or has |
//! | `VALUE` | the answering half, last | the value is in its cell, and the asking half may take it |
//! | `GONE` | the asking half, last | nobody waits any more |
//! | `WAKER` | the asking half | a waker is in its cell, and the answering half may use it |
//! | `SHARED` | an answering half, as it makes another | whoever answers has to set `CLAIMED` first |
//! | `CLAIMED` | the first of several answering halves to answer | the value cell is its own |
//! | `CUT` | whoever reaches the slot from outside, see `reach` | the value may never come: do not wait for it |
//!
//! Invariants:
//! - **R1** one answering half at most writes the value cell, before it sets `VALUE`: the only one there is,
//!   or the one that set `CLAIMED`. The asking half reads the cell after it has seen `VALUE`, unless it had
//!   set `GONE` before `VALUE` was set: then the value is the answering half's own again.
//! - **R2** the waker cell is written by the asking half only while `WAKER` is not set, and read by the
//!   others only after they set `VALUE` or `CUT` with `WAKER` seen in the same step, and neither set before.
//! - **R3** the asking half does not look at the bits again once it has the value or has set `GONE`.

use std::{
    cell::Cell,
    marker::PhantomData,
    ptr::{self, NonNull},
    task::{Context, Poll, Waker},
};

use super::sync::{
    Arc, UnsafeCell,
    atomic::{AtomicPtr, AtomicU8, Ordering},
};

const TAKEN: u8 = 1;
const VALUE: u8 = 2;
const GONE: u8 = 4;
const WAKER: u8 = 8;
const SHARED: u8 = 16;
const CLAIMED: u8 = 32;
const CUT: u8 = 64;

#[repr(C)]
struct Slot<T> {
    head: Head,
    value: UnsafeCell<Option<T>>,
}

/// What can be done with a slot whatever it is for.
#[repr(C)]
pub(super) struct Head {
    hold: &'static Counted,
    /// A `fn() -> &'static str`: what the asker calls the entry. Null before it is lent.
    name: AtomicPtr<()>,
    bits: AtomicU8,
    waker: UnsafeCell<Option<Waker>>,
}

/// How the references to a slot of one type are counted.
struct Counted {
    /// One more.
    keep: unsafe fn(*const Head),
    /// One less.
    release: unsafe fn(*const Head),
}

impl<T: Send> Slot<T> {
    const COUNTED: &'static Counted = &Counted {
        // SAFETY: the caller's: the address is that of a live slot of this type, in an `Arc`.
        keep: |slot| unsafe { Arc::increment_strong_count(slot.cast::<Self>()) },
        // SAFETY: as above, and the reference is the caller's.
        release: |slot| unsafe { Arc::decrement_strong_count(slot.cast::<Self>()) },
    };
}

// SAFETY: the cells pass between the halves by the bits (R1, R2), and each half is used by one thread at a time
// (`Answering` is not `Sync`, and `Asking` is used through `&mut`). The halves may be on any thread, so what is
// in the cells must be `Send`, which `Waker` is.
unsafe impl<T: Send> Sync for Slot<T> {}

/// Makes a slot.
pub(crate) fn slot<T: Send>() -> (Answering<T>, Asking<T>) {
    let head = Head {
        hold: Slot::<T>::COUNTED,
        name: AtomicPtr::new(ptr::null_mut()),
        bits: AtomicU8::new(0),
        waker: UnsafeCell::new(None),
    };
    let slot = Arc::new(Slot { head, value: UnsafeCell::new(None) });
    (Answering { slot: Arc::clone(&slot), one_thread: PhantomData }, Asking { slot, finished: false })
}

/// How far a message had come when its asker gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Not taken yet: the handler will not run it.
    Queued,
    /// Taken: the handler has it, or had it.
    Taken,
}

/// Says that the value may never come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut;

/// The half that answers. Dropping it answers nothing: whoever holds one sees to it.
pub(crate) struct Answering<T> {
    slot: Arc<Slot<T>>,
    /// Not `Sync`: one half used by two threads could answer twice without knowing that it is shared.
    one_thread: PhantomData<Cell<()>>,
}

impl<T> Answering<T> {
    /// A second hold on the same slot, for a message that may be handled more than once. The first value
    /// wins, from whatever thread it comes.
    pub(crate) fn share(&self) -> Self {
        // Relaxed: this half sees its own bit, and the other one comes to another thread only by a passage
        // that orders what was done before it.
        self.slot.head.bits.fetch_or(SHARED, Ordering::Relaxed);
        Self { slot: Arc::clone(&self.slot), one_thread: PhantomData }
    }

    /// Says that the handler is about to run. False: the asker has gone, and it must not.
    #[inline]
    pub(crate) fn take(&self) -> bool {
        // Relaxed: the bit carries no data; the asker's side of the race is a read-modify-write of the same
        // byte, so one of the two is first.
        self.slot.head.bits.fetch_or(TAKEN, Ordering::Relaxed) & GONE == 0
    }

    /// Takes back that the handler has it: the message waits again.
    pub(crate) fn put_back(&self) {
        // Relaxed: as in `take`.
        self.slot.head.bits.fetch_and(!TAKEN, Ordering::Relaxed);
    }

    /// Whether the asker has gone.
    pub(crate) fn is_gone(&self) -> bool {
        // Relaxed: an observation; nothing is read on the strength of it.
        self.slot.head.bits.load(Ordering::Relaxed) & GONE != 0
    }

    /// Answers. The value comes back when nobody waits for it, or when there has been an answer already.
    #[inline]
    pub(crate) fn answer(&self, value: T) -> Result<(), T>
    where
        T: Send,
    {
        let slot = &*self.slot;
        // Relaxed: whoever leaves here has touched no cell.
        let bits = slot.head.bits.load(Ordering::Relaxed);
        if bits & (GONE | VALUE) != 0 {
            return Err(value);
        }
        // Relaxed: the claims are read-modify-writes of one byte, so one of them is first, and nobody has
        // written to the cell before it.
        if bits & SHARED != 0 && slot.head.bits.fetch_or(CLAIMED, Ordering::Relaxed) & CLAIMED != 0 {
            return Err(value);
        }
        // SAFETY: R1: `VALUE` is not set, so the asking half does not read; no other half has answered, and
        // none can: this one is alone (it would see `SHARED`, see `share`), or has the claim.
        slot.value.with_mut(|cell| unsafe { *cell = Some(value) });
        // Release: publishes the value. Acquire: makes the asker's waker visible.
        let before = slot.head.bits.fetch_or(VALUE, Ordering::AcqRel);
        if before & GONE != 0 {
            // SAFETY: R1: the asking half left before `VALUE` was set, and does not come back (R3).
            let value = slot.value.with_mut(|cell| unsafe { (*cell).take() });
            return value.map_or(Ok(()), Err);
        }
        if before & WAKER != 0 {
            slot.head.waker.with(|cell| {
                // SAFETY: R2: `VALUE` has been set with `WAKER` seen: the asking half writes the cell no more.
                if let Some(waker) = unsafe { &*cell } {
                    waker.wake_by_ref();
                }
            });
        }
        Ok(())
    }
}

/// The half that asks.
pub(crate) struct Asking<T> {
    slot: Arc<Slot<T>>,
    finished: bool,
}

impl<T: Send> Asking<T> {
    /// Looks for the value, and leaves the waker of `cx` when it is not there yet. Pending for ever once it
    /// has had the value or has given up.
    #[inline]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, Cut>> {
        if self.finished {
            // R3: after `GONE` a value may come and go again in its cell.
            return Poll::Pending;
        }
        let head = &self.slot.head;
        // Acquire: pairs with the Release in `answer`.
        let mut bits = head.bits.load(Ordering::Acquire);
        if bits & (VALUE | CUT) == 0 && bits & WAKER != 0 {
            // SAFETY: R2: the others only read the cell, and only after `VALUE` or `CUT`; reading it as well
            // does no harm.
            let same = head
                .waker
                .with(|cell| unsafe { &*cell }.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())));
            if same {
                return Poll::Pending;
            }
            // Take the cell back. AcqRel: a `VALUE` seen here comes with its value.
            bits = head.bits.fetch_and(!WAKER, Ordering::AcqRel);
        }
        if bits & (VALUE | CUT) == 0 {
            let waker = Some(cx.waker().clone());
            // SAFETY: R2: `WAKER` is not set, and neither `VALUE` nor `CUT` was when it was taken back, so nobody
            // else has seen the bit or touches the cell.
            let old = head.waker.with_mut(|cell| std::mem::replace(unsafe { &mut *cell }, waker));
            // Release: publishes the waker. Acquire: a `VALUE` seen here comes with its value.
            bits = head.bits.fetch_or(WAKER, Ordering::AcqRel);
            drop(old);
        }
        if bits & VALUE != 0 {
            return self.take_value().map_or(Poll::Pending, |value| Poll::Ready(Ok(value)));
        }
        if bits & CUT != 0 {
            // A value may have come meanwhile.
            return Poll::Ready(self.give_up().map_err(|_| Cut));
        }
        Poll::Pending
    }

    /// Gives up. Either the value that was there already, or how far the message had come.
    pub(crate) fn give_up(&mut self) -> Result<T, Phase> {
        if std::mem::replace(&mut self.finished, true) {
            // R3, as in `poll`. It had the value, or has heard this before.
            return Err(Phase::Taken);
        }
        // Acquire: a `VALUE` seen here comes with its value. No Release: an answering half that sees `GONE`
        // touches no cell of ours.
        let before = self.slot.head.bits.fetch_or(GONE, Ordering::Acquire);
        if before & VALUE != 0
            && let Some(value) = self.take_value()
        {
            return Ok(value);
        }
        Err(if before & TAKEN == 0 { Phase::Queued } else { Phase::Taken })
    }

    /// Gives up if the message has not been taken yet. False: it has been, and the value is still to come, or
    /// there is one already.
    pub(crate) fn withdraw(&mut self) -> bool {
        if self.finished {
            return false;
        }
        let still_waits = |bits| (bits & (TAKEN | VALUE) == 0).then_some(bits | GONE);
        // Relaxed: nothing is read on the strength of it, and an answering half that sees `GONE` touches no cell
        // of ours. Whether it comes before `TAKEN` is decided by the one byte that both sides change.
        self.finished =
            self.slot.head.bits.fetch_update(Ordering::Relaxed, Ordering::Relaxed, still_waits).is_ok();
        self.finished
    }

    fn take_value(&mut self) -> Option<T> {
        self.finished = true;
        // SAFETY: R1: `VALUE` has been seen with Acquire; only this half reads from here on.
        self.slot.value.with_mut(|cell| unsafe { (*cell).take() })
    }
}

impl<T> Drop for Asking<T> {
    fn drop(&mut self) {
        if !self.finished {
            // Relaxed: an answering half that sees it touches no cell of ours. A value that is there already is
            // dropped with the slot, after both halves by the count of its `Arc`.
            self.slot.head.bits.fetch_or(GONE, Ordering::Relaxed);
        }
    }
}

/// A hold on a slot from outside of both halves, which says that the value may never come.
pub(crate) struct Cutter {
    head: NonNull<Head>,
}

impl Cutter {
    /// # Safety
    /// `head` is that of a slot which stays alive during this call.
    pub(super) unsafe fn hold(head: NonNull<Head>) -> Self {
        // SAFETY: the slot is alive (caller), and lies in an `Arc`: the address came from one (`Answering::head`).
        unsafe { (head.as_ref().hold.keep)(head.as_ptr()) };
        Self { head }
    }

    /// What the asker calls its entry.
    pub(super) fn name(&self) -> &'static str {
        // SAFETY: this one's own count keeps the slot alive.
        let head = unsafe { self.head.as_ref() };
        // Relaxed: the address of a function, which is static.
        let name = head.name.load(Ordering::Relaxed);
        if name.is_null() {
            return "";
        }
        // SAFETY: nothing but `Answering::set_name` stores to it, and only functions of this type.
        unsafe { std::mem::transmute::<*mut (), fn() -> &'static str>(name)() }
    }

    /// Tells the asking half that it need not wait any longer. An answer that comes all the same is taken if it
    /// comes before the asking half has looked.
    pub(crate) fn cut(self) {
        // SAFETY: this one's own count keeps the slot alive.
        let head = unsafe { self.head.as_ref() };
        // AcqRel: makes the asker's waker visible, and nothing of ours has to be published but the bit.
        let before = head.bits.fetch_or(CUT, Ordering::AcqRel);
        if before & WAKER != 0 && before & (VALUE | GONE | CUT) == 0 {
            head.waker.with(|cell| {
                // SAFETY: R2: `CUT` has been set with `WAKER` seen: the asking half writes the cell no more.
                if let Some(waker) = unsafe { &*cell } {
                    waker.wake_by_ref();
                }
            });
        }
    }
}

impl Drop for Cutter {
    fn drop(&mut self) {
        // SAFETY: the count is this one's own, taken in `hold`.
        unsafe { (self.head.as_ref().hold.release)(self.head.as_ptr()) }
    }
}

impl<T> Answering<T> {
    /// Says what the asker calls the entry.
    #[inline]
    pub(super) fn set_name(&self, name: fn() -> &'static str) {
        // Relaxed: the address of a function, which is static.
        self.slot.head.name.store(name as *mut (), Ordering::Relaxed);
    }

    /// The untyped part of the slot, with the address of the whole.
    pub(super) fn head(&self) -> NonNull<Head> {
        NonNull::new(Arc::as_ptr(&self.slot).cast_mut()).expect("an `Arc` has an address").cast()
    }
}
