//! The reply slot: one value from one task to another, once.
//!
//! One block of memory, shared by the [`Answering`] half, which goes into the mailbox with the message, and the
//! [`Asking`] half, which the caller polls. One word says how far it has come, and how many hold the slot: so the
//! step that says something is often the one that lets go as well, and the last one to hold it needs none.
//! (The protocol is that of tokio's `oneshot`, with one bit more: *taken*, by which the actor that takes the
//! message and the asker that gives up agree on who was first. A slot in an `Arc`, as it was before, takes four
//! atomic steps more for each ask, of twelve.)
//!
//! | bit | set by | means |
//! |---|---|---|
//! | `TAKEN` | the actor, before it opens the message; taken down when it puts the message aside | the handler will run, or has |
//! | `VALUE` | the answering half | the value is in its cell, and the asking half may take it |
//! | `GONE` | the asking half, as it lets go or before | nobody waits any more |
//! | `WAKER` | the asking half | a waker is in its cell, and the answering half may have it |
//! | `SHARED` | an answering half, as it makes another | whoever answers has to set `CLAIMED` first |
//! | `CLAIMED` | the first of several answering halves to answer | the value cell is its own |
//! | `CUT` | whoever reaches the slot from outside, see `reach` | the value may never come: do not wait for it |
//! | from `HOLD` on | | how many hold the slot |
//!
//! Invariants:
//! - **R1** one answering half at most writes the value cell, before it sets `VALUE`: the only one there is,
//!   or the one that set `CLAIMED`. The asking half reads the cell after it has seen `VALUE`, unless it had
//!   set `GONE` before `VALUE` was set: then the value is the answering half's own again.
//! - **R2** the waker cell is used by the asking half only while `WAKER` is not set. It is the own of whoever first
//!   sets `VALUE` or `CUT` with `WAKER` seen in the same step, for as long as that one holds the slot.
//! - **R3** the asking half lets go, and so does not look at the bits again, once it has the value or has set `GONE`.
//! - **R4** whoever holds the slot is counted, and uses it no more after it has let go; the last one frees it.

use std::{
    cell::Cell,
    marker::PhantomData,
    ptr::{self, NonNull},
    task::{Context, Poll, Waker},
};

use super::{
    spare,
    sync::{
        UnsafeCell,
        atomic::{self, AtomicPtr, AtomicU32, Ordering},
    },
};

const TAKEN: u32 = 1;
const VALUE: u32 = 2;
const GONE: u32 = 4;
const WAKER: u32 = 8;
const SHARED: u32 = 16;
const CLAIMED: u32 = 32;
const CUT: u32 = 64;
/// One who holds the slot. (More than the word can count is more than memory can hold.)
const HOLD: u32 = 128;

#[repr(C)]
struct Slot<T> {
    head: Head,
    value: UnsafeCell<Option<T>>,
}

/// What can be done with a slot whatever it is for.
#[repr(C)]
pub(super) struct Head {
    /// Frees the slot, whose type it knows.
    free: unsafe fn(NonNull<Head>),
    /// A `fn() -> &'static str`: what the asker calls the entry. Null before it is lent.
    name: AtomicPtr<()>,
    bits: AtomicU32,
    waker: UnsafeCell<Option<Waker>>,
}

/// A counted hold on a slot (R4).
struct Hold(NonNull<Head>);

impl Hold {
    #[inline(always)]
    fn head(&self) -> &Head {
        // SAFETY: R4.
        unsafe { self.0.as_ref() }
    }

    /// # Safety
    /// The hold is on a slot for a `T`.
    #[inline(always)]
    unsafe fn value<T>(&self) -> &UnsafeCell<Option<T>> {
        // SAFETY: a head is the beginning of its slot (`repr(C)`), whose address it came from (`slot`), and the slot
        // is alive (R4). Its type is the caller's word.
        unsafe { &self.0.cast::<Slot<T>>().as_ref().value }
    }

    #[inline(never)]
    fn free(&self) {
        // Acquire: pairs with the Release of all those who have let go.
        atomic::fence(Ordering::Acquire);
        // SAFETY: the last hold (R4): nobody uses the slot any more.
        unsafe { (self.head().free)(self.0) }
    }
}

impl Clone for Hold {
    fn clone(&self) -> Self {
        // Relaxed: it is held already, and comes to another thread only by a passage that orders what was before.
        self.head().bits.fetch_add(HOLD, Ordering::Relaxed);
        Self(self.0)
    }
}

impl Drop for Hold {
    #[inline]
    fn drop(&mut self) {
        // Acquire: pairs with the Release of those who have let go. Alone, nobody else can come to hold it.
        if self.head().bits.load(Ordering::Acquire) / HOLD == 1 {
            return self.free();
        }
        // Release: what was done here comes before the free.
        if self.head().bits.fetch_sub(HOLD, Ordering::Release) / HOLD == 1 {
            self.free();
        }
    }
}

/// # Safety
/// `head` is that of a slot for a `T`, which nobody holds any more.
unsafe fn free<T>(head: NonNull<Head>) {
    // SAFETY: the address is that of the slot placed in `slot` (the caller's).
    unsafe { spare::drop_in_place(head.cast::<Slot<T>>()) };
}

/// Makes a slot.
#[inline]
pub(crate) fn slot<T: Send>() -> (Answering<T>, Asking<T>) {
    let make = || {
        let head = Head {
            free: free::<T>,
            name: AtomicPtr::new(ptr::null_mut()),
            bits: AtomicU32::new(2 * HOLD),
            waker: UnsafeCell::new(None),
        };
        Slot { head, value: UnsafeCell::new(None::<T>) }
    };
    let slot = spare::place(make).cast::<Head>();
    let asking = Asking { hold: Some(Hold(slot)), waits_by: None, value: PhantomData };
    (Answering { hold: Hold(slot), value: PhantomData }, asking)
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
    hold: Hold,
    /// Not `Sync`: one half used by two threads could answer twice without knowing that it is shared.
    value: PhantomData<Cell<T>>,
}

// SAFETY: what is in the cells passes between the halves by the bits (R1, R2), and each half is used by one thread
// at a time (`Answering` is not `Sync`, and `Asking` is used through `&mut`). The halves may be on any thread, so what
// is in the cells must be `Send`, which `Waker` is.
unsafe impl<T: Send> Send for Answering<T> {}
// It holds no `T`, but the address of one.
impl<T> Unpin for Answering<T> {}

impl<T> Answering<T> {
    /// A second hold on the same slot, for a message that may be handled more than once. The first value
    /// wins, from whatever thread it comes.
    pub(crate) fn share(&self) -> Self {
        // Relaxed: this half sees its own bit, and the other one comes to another thread only by a passage
        // that orders what was done before it.
        self.hold.head().bits.fetch_or(SHARED, Ordering::Relaxed);
        Self { hold: self.hold.clone(), value: PhantomData }
    }

    /// Says that the handler is about to run. False: the asker has gone, and it must not.
    #[inline]
    pub(crate) fn take(&self) -> bool {
        // Relaxed: the bit carries no data; the asker's side of the race is a read-modify-write of the same
        // word, so one of the two is first.
        self.hold.head().bits.fetch_or(TAKEN, Ordering::Relaxed) & GONE == 0
    }

    /// Takes back that the handler has it: the message waits again.
    pub(crate) fn put_back(&self) {
        // Relaxed: as in `take`.
        self.hold.head().bits.fetch_and(!TAKEN, Ordering::Relaxed);
    }

    /// Whether the asker has gone.
    pub(crate) fn is_gone(&self) -> bool {
        // Relaxed: an observation; nothing is read on the strength of it.
        self.hold.head().bits.load(Ordering::Relaxed) & GONE != 0
    }

    /// Answers. The value comes back when nobody waits for it, or when there has been an answer already.
    #[inline(always)]
    pub(crate) fn answer(self, value: T) -> Result<(), T>
    where
        T: Send,
    {
        let head = self.hold.head();
        // Relaxed: whoever leaves here has touched no cell.
        let bits = head.bits.load(Ordering::Relaxed);
        if bits & (GONE | VALUE) != 0 {
            return Err(value);
        }
        // Relaxed: the claims are read-modify-writes of one word, so one of them is first, and nobody has
        // written to the cell before it.
        if bits & SHARED != 0 && head.bits.fetch_or(CLAIMED, Ordering::Relaxed) & CLAIMED != 0 {
            return Err(value);
        }
        // SAFETY: the slot is for a `T`.
        let cell = unsafe { self.hold.value::<T>() };
        // SAFETY: R1: `VALUE` is not set, so the asking half does not read; no other half has answered, and
        // none can: this one is alone (it would see `SHARED`, see `share`), or has the claim.
        cell.with_mut(|cell| unsafe { *cell = Some(value) });
        // Release: publishes the value. Acquire: makes the asker's waker visible.
        // (Added: it is not set, and an addition needs no loop to tell what was there before.)
        let before = head.bits.fetch_add(VALUE, Ordering::AcqRel);
        if before & GONE != 0 {
            // SAFETY: R1: the asking half left before `VALUE` was set, and does not come back (R3).
            let value = cell.with_mut(|cell| unsafe { (*cell).take() });
            return value.map_or(Ok(()), Err);
        }
        if before & WAKER != 0 && before & CUT == 0 {
            // SAFETY: R2: `VALUE` has been set with `WAKER` seen, and nobody has set `CUT` before.
            let waker = head.waker.with_mut(|cell| unsafe { (*cell).take() });
            // Before the asker is woken: then it is most often the last one, which it sees without a step.
            drop(self);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
        Ok(())
    }
}

/// The half that asks.
pub(crate) struct Asking<T> {
    /// `None` once it has the value or has given up (R3).
    hold: Option<Hold>,
    /// Whom the waker in the cell wakes, while it is there.
    waits_by: Option<Task>,
    value: PhantomData<T>,
}

/// What a waker wakes: to be compared only.
type Task = (*const (), &'static std::task::RawWakerVTable);

fn task_of(waker: &Waker) -> Task {
    (waker.data(), waker.vtable())
}

// SAFETY: as for `Answering`. Of a task only the address is kept.
unsafe impl<T: Send> Send for Asking<T> {}
// SAFETY: a shared reference to it can do nothing.
unsafe impl<T: Send> Sync for Asking<T> {}
impl<T> Unpin for Asking<T> {}

impl<T: Send> Asking<T> {
    /// Looks for the value, and leaves the waker of `cx` when it is not there yet. Pending for ever once it
    /// has had the value or has given up.
    #[inline(always)]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, Cut>> {
        let Some(hold) = &self.hold else { return Poll::Pending };
        // Acquire: pairs with the Release in `answer`.
        let mut bits = hold.head().bits.load(Ordering::Acquire);
        if bits & (VALUE | CUT) == 0 {
            bits = self.wait(cx, bits);
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

    /// Leaves the waker, and returns the bits as they were when it was there.
    #[inline(never)]
    fn wait(&mut self, cx: &mut Context<'_>, mut bits: u32) -> u32 {
        let Some(hold) = &self.hold else { return bits };
        let head = hold.head();
        if bits & WAKER != 0 {
            if self.waits_by == Some(task_of(cx.waker())) {
                return bits;
            }
            // Take the cell back. AcqRel: a `VALUE` seen here comes with its value.
            bits = head.bits.fetch_and(!WAKER, Ordering::AcqRel);
            if bits & (VALUE | CUT) != 0 {
                return bits;
            }
        }
        let waker = cx.waker().clone();
        self.waits_by = Some(task_of(&waker));
        // SAFETY: R2: `WAKER` is not set, and neither `VALUE` nor `CUT` was when it was taken back, so nobody
        // else has seen the bit or touches the cell.
        let old = head.waker.with_mut(|cell| unsafe { (*cell).replace(waker) });
        // Release: publishes the waker. Acquire: a `VALUE` seen here comes with its value.
        // (Added, as in `answer`.)
        let bits = head.bits.fetch_add(WAKER, Ordering::AcqRel);
        drop(old);
        bits
    }

    /// Whether it has had the value, or has given up.
    pub(crate) const fn is_over(&self) -> bool {
        self.hold.is_none()
    }

    /// Gives up. Either the value that was there already, or how far the message had come.
    pub(crate) fn give_up(&mut self) -> Result<T, Phase> {
        // It had the value, or has heard this before.
        let Some(hold) = &self.hold else { return Err(Phase::Taken) };
        // Acquire: a `VALUE` seen here comes with its value. No Release: an answering half that sees `GONE`
        // touches no cell of ours.
        let before = hold.head().bits.fetch_or(GONE, Ordering::Acquire);
        if before & VALUE != 0
            && let Some(value) = self.take_value()
        {
            return Ok(value);
        }
        self.hold = None;
        Err(if before & TAKEN == 0 { Phase::Queued } else { Phase::Taken })
    }

    /// Gives up if the message has not been taken yet. False: it has been, and the value is still to come, or
    /// there is one already.
    pub(crate) fn withdraw(&mut self) -> bool {
        let Some(hold) = &self.hold else { return false };
        let still_waits = |bits| (bits & (TAKEN | VALUE) == 0).then_some(bits | GONE);
        // Relaxed: nothing is read on the strength of it, and an answering half that sees `GONE` touches no cell
        // of ours. Whether it comes before `TAKEN` is decided by the one word that both sides change.
        let withdrawn =
            hold.head().bits.fetch_update(Ordering::Relaxed, Ordering::Relaxed, still_waits).is_ok();
        if withdrawn {
            self.hold = None;
        }
        withdrawn
    }

    /// `VALUE` has been seen, with Acquire. Lets go of the slot.
    #[inline(always)]
    fn take_value(&mut self) -> Option<T> {
        let hold = self.hold.take()?;
        // SAFETY: the slot is for a `T`.
        let cell = unsafe { hold.value::<T>() };
        // SAFETY: R1: `VALUE` has been seen with Acquire; only this half reads from here on.
        cell.with_mut(|cell| unsafe { (*cell).take() })
    }
}

impl<T> Drop for Asking<T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(hold) = &self.hold {
            // Relaxed: an answering half that sees it touches no cell of ours. A value that is there already is
            // dropped with the slot.
            hold.head().bits.fetch_or(GONE, Ordering::Relaxed);
        }
    }
}

/// A hold on a slot from outside of both halves, which says that the value may never come.
pub(crate) struct Cutter {
    hold: Hold,
}

impl Cutter {
    /// # Safety
    /// `head` is that of a slot which stays alive during this call.
    pub(super) unsafe fn hold(head: NonNull<Head>) -> Self {
        // Not a hold of ours, so it is not dropped.
        let theirs = std::mem::ManuallyDrop::new(Hold(head));
        Self { hold: Hold::clone(&theirs) }
    }

    /// What the asker calls its entry.
    pub(super) fn name(&self) -> &'static str {
        // Relaxed: the address of a function, which is static.
        let name = self.hold.head().name.load(Ordering::Relaxed);
        if name.is_null() {
            return "";
        }
        // SAFETY: nothing but `Answering::set_name` stores to it, and only functions of this type.
        unsafe { std::mem::transmute::<*mut (), fn() -> &'static str>(name)() }
    }

    /// Tells the asking half that it need not wait any longer. An answer that comes all the same is taken if it
    /// comes before the asking half has looked.
    pub(crate) fn cut(self) {
        let head = self.hold.head();
        // AcqRel: makes the asker's waker visible, and nothing of ours has to be published but the bit.
        let before = head.bits.fetch_or(CUT, Ordering::AcqRel);
        if before & WAKER != 0 && before & (VALUE | GONE | CUT) == 0 {
            // SAFETY: R2: `CUT` has been set with `WAKER` seen, and nobody has set `VALUE` before.
            let waker = head.waker.with_mut(|cell| unsafe { (*cell).take() });
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

// SAFETY: it uses the atomics of the slot, and the waker by R2; the slot it may free holds what is `Send`, as
// `slot` demands.
unsafe impl Send for Cutter {}

impl<T> Answering<T> {
    /// Says what the asker calls the entry.
    #[inline]
    pub(super) fn set_name(&self, name: fn() -> &'static str) {
        // Relaxed: the address of a function, which is static.
        self.hold.head().name.store(name as *mut (), Ordering::Relaxed);
    }

    /// The untyped part of the slot, with the address of the whole.
    pub(super) fn head(&self) -> NonNull<Head> {
        self.hold.0
    }
}
