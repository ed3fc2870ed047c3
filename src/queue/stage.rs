//! The consumer's state, and the future that borrows it, polled in place.
//!
//! A [`Stage`] is what the entries of a mailbox act on. Opening an entry makes a [`Task`], a future that
//! borrows the stage; it is written into a scratch area that grows to the largest task seen, polled there,
//! and dropped there. No box per message.
//!
//! Invariants, on which every `unsafe` block below leans:
//! - **S1** `task` is `Some(table)` exactly while a live future of the type `table` was made for stands at
//!   `scratch`; the scratch is not grown, moved or freed meanwhile.
//! - **S2** while a place has a task, nobody makes a reference to the state it was opened on or into it: the
//!   future may hold the only one. The state lies in a cell beside the place and not in it, so that a
//!   `&mut Place` claims nothing of it.
//! - **S3** one place serves one state cell; both lie in one mailbox, which does not move (it is built into
//!   an `Arc`) and which drops the place, and with it the task, before the state.

mod errand;

use std::{
    mem::{ManuallyDrop, MaybeUninit},
    pin::Pin,
    ptr::{self, NonNull},
    task::{Context, Poll},
};

use super::{
    aside::Stash,
    sync::{
        UnsafeCell,
        atomic::{AtomicUsize, Ordering},
    },
};

pub(crate) use errand::{Carried, Errand};

/// The consumer's state, and the words in which its tasks end.
pub(crate) trait Stage: Sized + Send + 'static {
    /// Why an entry or a task is given up.
    type Cause;
    /// What a task that failed on purpose says.
    type Exit: Send;
    /// What can be said of an entry by its type alone.
    type About: Copy;
    /// How an entry has lapsed that was only good for a time.
    type Lapse;
}

/// One entry of a mailbox.
pub(crate) trait Entry<S: Stage>: Sized + Send + 'static {
    /// Whether the entry keeps its place at the front until it is settled; it is then opened by duplicates.
    const KEEP: bool;

    /// Whether the entry may overtake others.
    const URGENT: bool = false;

    /// What this type of entry is.
    fn about() -> S::About;

    /// Makes the task of this entry, or sees to the entry itself when nobody wants it any more. A `copy` is a
    /// duplicate, whose original keeps its place.
    fn open<'a>(self, copy: bool, state: &'a mut S) -> Option<impl Task<S> + 'a>;

    /// Makes a copy to be opened; `None` when this entry is not wanted any more.
    fn duplicate(&mut self) -> Option<Self>;

    /// Where an entry that keeps its place has the number of its attempts, to be put aside with it.
    fn tried(&mut self) -> Option<&mut u32> {
        None
    }

    /// Whether the time is over for which this entry was good.
    fn lapsed(&self) -> Option<S::Lapse> {
        None
    }

    /// The duplicate was handled.
    fn settle(self);

    /// The entry is given up unopened.
    fn bury(self, cause: &S::Cause);
}

/// What opening an entry makes: a future that also knows how to be given up.
pub(crate) trait Task<S: Stage>: Future<Output = Result<(), S::Exit>> + Send {
    /// What type of entry this task was made from.
    fn about() -> S::About;

    /// Tells whoever waits for the outcome that there will be none. Called at most once, and the future is
    /// only dropped afterwards.
    fn give_up(self: Pin<&mut Self>, cause: &S::Cause);

    /// Puts the entry aside again from which the task was made, unless that kept its place. The future is only
    /// dropped afterwards. Runs under the mailbox's lock: no code of the user may.
    fn put_back(self: Pin<&mut Self>, into: Stash<'_, S>) {
        let _nothing = into;
    }
}

/// What became of an attempt to open an entry.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Opened<X> {
    /// It is a task now, which has not been polled.
    Task,
    /// Its task has been polled, has ended well, and is no more: the entry has been handled.
    Ended,
    /// Its task has been polled and goes on when it is woken.
    Pending,
    /// Its task has been polled and has failed on purpose.
    Failed(X),
    /// It saw to itself; there is nothing to run.
    Nothing,
    /// It has lapsed since its last attempt. It is still kept, for whoever knows its attempts to bury it.
    Lapsed,
    /// There is none, or nothing can be opened: a task is under way, or there is no state.
    Empty,
}

/// What a poll of a task finds.
type Polled<S> = Poll<Result<(), <S as Stage>::Exit>>;

/// What the place knows about the type of the task in it.
struct VTable<S: Stage> {
    poll: unsafe fn(*mut u8, &mut Context<'_>) -> Polled<S>,
    give_up: unsafe fn(*mut u8, &S::Cause),
    put_back: unsafe fn(*mut u8, Stash<'_, S>),
    drop: unsafe fn(*mut u8),
    about: fn() -> S::About,
}

struct Of<S, F>(std::marker::PhantomData<(S, F)>);

impl<S: Stage, F: Task<S>> Of<S, F> {
    /// The functions for a task that stands in the scratch itself.
    const INLINE: &'static VTable<S> = &VTable {
        // SAFETY: called with the address of a live `F` (S1) that never moves until it is dropped (S3).
        poll: |at, cx| unsafe { Pin::new_unchecked(&mut *at.cast::<F>()) }.poll(cx),
        // SAFETY: as above.
        give_up: |at, cause| unsafe { Pin::new_unchecked(&mut *at.cast::<F>()) }.give_up(cause),
        // SAFETY: as above.
        put_back: |at, into| unsafe { Pin::new_unchecked(&mut *at.cast::<F>()) }.put_back(into),
        // SAFETY: as above, and called once.
        drop: |at| unsafe { ptr::drop_in_place(at.cast::<F>()) },
        about: F::about,
    };
    /// The functions for a task in a box, of which the scratch holds the address.
    const BOXED: &'static VTable<S> = &VTable {
        // SAFETY: called with the address of a live `Pin<Box<F>>` (S1).
        poll: |at, cx| unsafe { &mut *at.cast::<Pin<Box<F>>>() }.as_mut().poll(cx),
        // SAFETY: as above.
        give_up: |at, cause| unsafe { &mut *at.cast::<Pin<Box<F>>>() }.as_mut().give_up(cause),
        // SAFETY: as above.
        put_back: |at, into| unsafe { &mut *at.cast::<Pin<Box<F>>>() }.as_mut().put_back(into),
        // SAFETY: as above, and called once.
        drop: |at| unsafe { ptr::drop_in_place(at.cast::<Pin<Box<F>>>()) },
        about: F::about,
    };
}

/// The unit of the scratch: eight bytes, aligned to eight.
#[repr(align(8))]
struct Chunk {
    _bytes: [MaybeUninit<u8>; 8],
}

/// Tasks above this many bytes are boxed, so that one large handler does not fatten its actor for good.
const INLINE: usize = 1024;

/// Chunks the scratch has at least: the first task is a hook, the next is seldom as small.
const LEAST: usize = 9;

/// The cell the consumer's state lies in.
pub(super) type StateCell<S> = UnsafeCell<Option<S>>;

/// The first scratch of a place, for small tasks. It lies beside the place and not in it, as the state does, so that
/// a `&mut Place` claims nothing of the task that stands there.
pub(super) struct Room(UnsafeCell<MaybeUninit<[Chunk; LEAST]>>);

impl Room {
    /// Of zeros, which a new mailbox is full of anyway: they are written together, and a gap between them would have
    /// the compiler write them elsewhere and copy them.
    pub(super) fn new() -> Self {
        Self(UnsafeCell::new(MaybeUninit::zeroed()))
    }
}

/// The entry that has been taken and has no fate yet.
#[derive(Default)]
pub(super) struct Hand {
    /// Whether an entry is in hand: opened, and neither settled nor given up.
    pub(super) full: bool,
    /// Whether the entry at the front has been opened and keeps its place. Never set on an empty front.
    pub(super) kept: bool,
    /// How often the entry in hand, or the kept one, has been opened.
    pub(super) attempts: u32,
}

impl Hand {
    /// Forgets the entry in hand, and the kept one.
    #[inline]
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

/// Where the task lives that borrows the state.
pub(super) struct Place<S: Stage> {
    task: Option<&'static VTable<S>>,
    /// So many chunks; dangling, if there are none.
    scratch: NonNull<Chunk>,
    chunks: u32,
    /// Whether the scratch is a block of the heap, and not the [`Room`].
    on_heap: bool,
    /// The entry the task was made from, if it came from the queue.
    pub(super) hand: Hand,
}

// SAFETY: it has its scratch to itself, in which there is nothing but a task, which is `Send` (bound of `Task`). Nothing
// in it can be reached through a shared place.
unsafe impl<S: Stage> Send for Place<S> {}
// SAFETY: as above.
unsafe impl<S: Stage> Sync for Place<S> {}

/// How an entry is opened: who polls its task at once, and where others read whether an entry is in hand.
pub(super) struct Quick<'a, 'c> {
    pub(super) cx: &'a mut Context<'c>,
    /// What is left, doubled, plus one for the entry in hand; see `Consumer::figure`.
    pub(super) published: &'a AtomicUsize,
}

impl<S: Stage> Place<S> {
    pub(super) fn new() -> Self {
        Self { task: None, scratch: NonNull::dangling(), chunks: 0, on_heap: false, hand: Hand::default() }
    }

    /// Has the place use this room.
    ///
    /// # Safety
    /// Nobody else uses the room, and it lies as the state does (S3): where it is as long as this place is there.
    pub(super) unsafe fn move_in(&mut self, room: &Room) {
        debug_assert!(self.chunks == 0, "nothing has been opened");
        self.scratch = room.0.with_mut(|room| NonNull::new(room.cast()).expect("a room is somewhere"));
        self.chunks = LEAST as u32;
    }

    /// Whether a task is under way.
    #[inline]
    pub(super) const fn is_busy(&self) -> bool {
        self.task.is_some()
    }

    /// Opens `entry` on the state; with `quick`, polls its task at once, and is done with it when it has ended
    /// well. (One call for each entry in place of three, in which the compiler sees the whole life of a task that
    /// never waits: a tell takes 60 instructions less.)
    ///
    /// # Safety
    /// The place is not busy, `state` points to the state in the cell of this place (S3), and nobody else has
    /// a reference to it or into it.
    #[inline(always)]
    pub(super) unsafe fn open<T: Entry<S>>(
        &mut self,
        entry: T,
        copy: bool,
        state: *mut S,
        quick: Option<Quick<'_, '_>>,
    ) -> Opened<S::Exit> {
        debug_assert!(!self.is_busy(), "one task at a time");
        // SAFETY: the state is there and nothing borrows it (caller). The lifetime of this reference is cut
        // loose here: the task made from it is dropped before the state is (S3), and while it lives nobody
        // else touches the state (S2).
        let state = unsafe { &mut *state };
        let quick = quick.map(|Quick { cx, published }| {
            let settle = |hand: &mut Hand| {
                hand.forget();
                // Release: pairs with the Acquire load in `Mailbox::count`. Relaxed: the runner alone stores.
                published.store(published.load(Ordering::Relaxed) & !1, Ordering::Release);
            };
            (cx, settle)
        });
        self.put(|| entry.open(copy, state), quick)
    }

    /// The same for something that does not come from the queue: it is in nobody's hand. (A hook that does nothing
    /// is nothing, as far as the compiler is concerned: a spawn takes 62 instructions less than with `open` and `poll`.)
    ///
    /// # Safety
    /// As for `open`.
    #[inline(always)]
    pub(super) unsafe fn run<T: Entry<S>>(
        &mut self,
        entry: T,
        state: *mut S,
        cx: &mut Context<'_>,
    ) -> Opened<S::Exit> {
        debug_assert!(!self.is_busy(), "one task at a time");
        // SAFETY: as in `open`.
        let state = unsafe { &mut *state };
        self.put(|| entry.open(false, state), Some((cx, |_: &mut Hand| {})))
    }

    /// Puts a task in its place. With `quick` it is polled at once; should it end well, `settle` is told before it is
    /// dropped, because a panic of the drop must not give its entry a second fate.
    #[inline(always)]
    fn put<F: Task<S>>(
        &mut self,
        make: impl FnOnce() -> Option<F>,
        quick: Option<(&mut Context<'_>, impl FnOnce(&mut Hand))>,
    ) -> Opened<S::Exit> {
        if const { size_of::<F>() > INLINE || align_of::<F>() > align_of::<Chunk>() } {
            let Some(task) = make() else { return Opened::Nothing };
            let at = self.room_for();
            // SAFETY: `BOXED` is the table of a `Pin<Box<F>>` in the scratch.
            unsafe { self.write(at, Box::pin(task), Of::<S, F>::BOXED) };
            return Opened::Task;
        }
        // Looked for first: a task with nothing to be done between its making and its place is made there, and not
        // moved. (Measured: 30 of 1667 instructions of an ask.)
        let at = self.room_for();
        let Some(task) = make() else { return Opened::Nothing };
        // SAFETY: `INLINE` is the table of an `F` in the scratch.
        unsafe { self.write(at, task, Of::<S, F>::INLINE) };
        let Some((cx, settle)) = quick else { return Opened::Task };
        // SAFETY: as in the table's `poll`: a live `F` that never moves until it is dropped (S1, S3).
        match unsafe { Pin::new_unchecked(&mut *at) }.poll(cx) {
            Poll::Pending => Opened::Pending,
            Poll::Ready(Err(exit)) => Opened::Failed(exit),
            Poll::Ready(Ok(())) => {
                settle(&mut self.hand);
                self.task = None;
                // SAFETY: as in `clear`.
                unsafe { ptr::drop_in_place(at) };
                Opened::Ended
            }
        }
    }

    /// Where a `P` may be written that is aligned no stricter than a `Chunk`, as long as no task is under way.
    #[inline(always)]
    fn room_for<P>(&mut self) -> *mut P {
        let chunks = size_of::<P>().div_ceil(size_of::<Chunk>()).max(LEAST);
        if (self.chunks as usize) < chunks {
            self.grow(chunks);
        }
        self.scratch.as_ptr().cast()
    }

    /// # Safety
    /// No task is under way, `at` is where there is room for a `P` now, and `table` is made for one.
    #[inline(always)]
    unsafe fn write<P>(&mut self, at: *mut P, task: P, table: &'static VTable<S>) {
        // SAFETY: there is room, which is aligned to a chunk, and so enough for a `P` (caller).
        unsafe { at.write(task) };
        self.task = Some(table);
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, chunks: usize) {
        // The old block holds nothing (no task), so it is freed before the larger one is taken.
        self.free();
        let mut block = ManuallyDrop::new(Vec::<Chunk>::with_capacity(chunks));
        self.on_heap = true;
        self.chunks = u32::try_from(block.capacity()).expect("a task in the scratch is small");
        self.scratch = NonNull::new(block.as_mut_ptr()).expect("a vector's block is somewhere");
    }

    /// Gives the scratch up, which holds no task.
    fn free(&mut self) {
        let chunks = std::mem::take(&mut self.chunks) as usize;
        if std::mem::take(&mut self.on_heap) {
            // SAFETY: a block of so many chunks that `grow` has taken out of a vector and nobody else has. No task
            // stands in it (S1, caller), and `chunks` says that it is gone.
            drop(unsafe { Vec::from_raw_parts(self.scratch.as_ptr(), 0, chunks) });
        }
    }

    /// Polls the task. It stays in its place, whatever comes of it, until it is cleared: its drop is code of
    /// the user, and may panic.
    #[inline]
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Polled<S> {
        let Some(table) = self.task else { return Poll::Ready(Ok(())) };
        let at = self.scratch.as_ptr().cast::<u8>();
        // SAFETY: S1.
        unsafe { (table.poll)(at, cx) }
    }

    /// What type of entry the task under way was made from.
    pub(super) fn about(&self) -> Option<S::About> {
        self.task.map(|table| (table.about)())
    }

    /// Tells the task that there will be no outcome; does not drop it.
    pub(super) fn give_up(&mut self, cause: &S::Cause) {
        if let Some(table) = self.task {
            // SAFETY: S1.
            unsafe { (table.give_up)(self.scratch.as_ptr().cast(), cause) }
        }
    }

    /// Has the task put its entry aside; does not drop it.
    pub(super) fn put_back(&mut self, into: Stash<'_, S>) {
        if let Some(table) = self.task {
            // SAFETY: S1.
            unsafe { (table.put_back)(self.scratch.as_ptr().cast(), into) }
        }
    }

    /// Drops the task, if any. The place is free even when that drop panics.
    #[inline]
    pub(super) fn clear(&mut self) {
        if let Some(table) = self.task.take() {
            // SAFETY: S1; `task` was taken first, so that an unwinding cannot drop it again. The state is
            // still there for the task's own drop.
            unsafe { (table.drop)(self.scratch.as_ptr().cast()) }
        }
    }
}

impl<S: Stage> Drop for Place<S> {
    fn drop(&mut self) {
        /// Frees the scratch also when the drop of the task panics.
        struct Rest<'a, S: Stage>(&'a mut Place<S>);

        impl<S: Stage> Drop for Rest<'_, S> {
            fn drop(&mut self) {
                self.0.free();
            }
        }

        Rest(self).0.clear();
    }
}
