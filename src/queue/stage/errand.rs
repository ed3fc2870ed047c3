//! An entry that its sender takes through itself: it is opened straight from its value, and never is in the queue.
//!
//! The sender takes the right to run from a consumer that is parked, and so has nothing before this entry; from
//! there on all is as for an entry from the queue, the place of the task included, so that whoever runs next can
//! carry on a task that waits. What is different is where the outcome goes: the sender is here, and is left with
//! it when the task has been polled.

use std::{
    pin::Pin,
    ptr,
    task::{Context, Poll},
};

use super::{
    super::{
        buffer,
        mailbox::{Mailbox, Run},
        sync::atomic::{AtomicUsize, Ordering},
        turn::Turn,
    },
    Chunk, Entry, INLINE, Of, Opened, Place, Stage, Task,
};

/// An entry whose sender takes it through.
pub(crate) trait Errand<S: Stage>: Sized + Send + 'static {
    /// What the sender is left with.
    type Left;
    /// An entry of the same kind that does queue, as which this one is known to whoever asks what is in hand.
    type Like: Entry<S>;

    /// Makes the task of this entry.
    fn open<'a>(self, state: &'a mut S) -> impl Carried<S, Self::Left> + 'a;
}

/// The task of an [`Errand`].
pub(crate) trait Carried<S: Stage, L>: Task<S> {
    /// Parts with its sender, after it has been polled once. When it `goes_on`, or is still to be given up, the
    /// sender has to be left with something to wait for.
    fn part(self: Pin<&mut Self>, goes_on: bool, left: &mut L);
}

impl<S: Stage> Mailbox<S> {
    /// Takes the right to run from a parked consumer, for the one entry that the turn then has to
    /// [`carry`](Turn::carry): here it is counted as accepted, and as taken. `None`: there is something else to do
    /// or to be looked at first.
    ///
    /// Nothing is queued in a parked mailbox: `Turn::rest` looks under this lock, and a push or a signal ends it.
    #[inline]
    pub(crate) fn enter_parked(&self) -> Option<Turn<'_, S>> {
        let mut back = self.back.lock();
        // No room at once: it is closed, or somebody has waited for room, and it takes a closer look.
        if back.run != Run::Parked || back.free == 0 || self.raised() != 0 {
            return None;
        }
        back.run = Run::Running;
        back.accepted += 1;
        // Release: pairs with the Acquire load in `Mailbox::count`. Under the lock, as the count of the accepted is.
        self.front_left.store(1, Ordering::Release);
        drop(back);
        Some(Turn { mailbox: self })
    }
}

impl<S: Stage> Turn<'_, S> {
    /// Opens the entry for which the turn was taken, and polls its task once. What the sender has of it is `left`
    /// to it, also when this unwinds.
    ///
    /// # Panics
    /// As the task does; and in a turn without a state, in which no consumer rests.
    #[inline(always)]
    pub(crate) fn carry<T: Errand<S>>(
        &mut self,
        errand: T,
        cx: &mut Context<'_>,
        left: &mut T::Left,
    ) -> Opened<S::Exit> {
        let state = self.state().expect("a consumer that is parked has its state, and no task");
        let mailbox = self.mailbox;
        mailbox.reach.take(Some(buffer::table::<S, T::Like>()));
        self.consumer(|consumer| {
            let hand = &mut consumer.place.hand;
            hand.attempts += 1;
            hand.full = true;
            // SAFETY: not busy, or there would be no state to be had; it lies beside this place; the turn is the
            // only user of it.
            unsafe { consumer.place.carry(errand, state, cx, &mailbox.front_left, left) }
        })
    }
}

impl<S: Stage> Place<S> {
    /// # Safety
    /// As for [`Place::open`].
    #[inline(always)]
    unsafe fn carry<T: Errand<S>>(
        &mut self,
        errand: T,
        state: *mut S,
        cx: &mut Context<'_>,
        published: &AtomicUsize,
        left: &mut T::Left,
    ) -> Opened<S::Exit> {
        debug_assert!(!self.is_busy(), "one task at a time");
        // SAFETY: as in `open`.
        let state = unsafe { &mut *state };
        self.follow(|| errand.open(state), cx, published, left)
    }

    /// As [`put`](Place::put), but a boxed task is polled as well: its sender waits for it.
    #[inline(always)]
    fn follow<L, F: Carried<S, L>>(
        &mut self,
        make: impl FnOnce() -> F,
        cx: &mut Context<'_>,
        published: &AtomicUsize,
        left: &mut L,
    ) -> Opened<S::Exit> {
        let boxed = const { size_of::<F>() > INLINE || align_of::<F>() > align_of::<Chunk>() };
        let at = if boxed {
            let task = Box::pin(make());
            let at = self.room_for::<Pin<Box<F>>>();
            // SAFETY: `BOXED` is the table of a `Pin<Box<F>>` in the scratch.
            unsafe { self.write(at, task, Of::<S, F>::BOXED) };
            // SAFETY: it has just been written, and the task in it is not moved through this address.
            unsafe { ptr::from_mut((*at).as_mut().get_unchecked_mut()) }
        } else {
            // First, as in `put`.
            let at = self.room_for();
            // SAFETY: `INLINE` is the table of an `F` in the scratch.
            unsafe { self.write(at, make(), Of::<S, F>::INLINE) };
            at
        };
        let parting = Parting { task: at, left, part: F::part };
        // SAFETY: a live `F` that never moves until it is dropped (S1, S3).
        match unsafe { Pin::new_unchecked(&mut *at) }.poll(cx) {
            Poll::Pending => {
                parting.before_it_goes_on();
                Opened::Pending
            }
            Poll::Ready(Err(exit)) => {
                parting.before_it_goes_on();
                Opened::Failed(exit)
            }
            Poll::Ready(Ok(())) => {
                // Before the task is dropped, which may panic: the sender has its outcome.
                drop(parting);
                // In this order, because a panic of the drop must not give the entry a second fate.
                self.hand.forget();
                // Release: pairs with the Acquire load in `Mailbox::count`. Relaxed: the runner alone stores.
                published.store(published.load(Ordering::Relaxed) & !1, Ordering::Release);
                if boxed {
                    self.clear();
                } else {
                    self.task = None;
                    // SAFETY: as in `clear`.
                    unsafe { ptr::drop_in_place(at) };
                }
                Opened::Ended
            }
        }
    }
}

/// A task and its sender. Dropped, also by a panic of the task, it parts them.
struct Parting<'l, F, L> {
    /// Of a live task in its place, for as long as this is there.
    task: *mut F,
    left: &'l mut L,
    part: fn(Pin<&mut F>, bool, &mut L),
}

impl<F, L> Parting<'_, F, L> {
    /// The task stays.
    fn before_it_goes_on(mut self) {
        self.part(true);
        std::mem::forget(self);
    }

    #[inline(always)]
    fn part(&mut self, goes_on: bool) {
        // SAFETY: the task is alive and stays in its place (`task`), and nobody else has a reference to it: its poll
        // is over, by its return or by its panic.
        (self.part)(unsafe { Pin::new_unchecked(&mut *self.task) }, goes_on, self.left);
    }
}

impl<F, L> Drop for Parting<'_, F, L> {
    #[inline(always)]
    fn drop(&mut self) {
        self.part(false);
    }
}
