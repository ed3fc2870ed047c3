//! The mailbox: two buffers under one short lock, an exact bound, and the right to run.
//!
//! Producers append to the *back* buffer under the lock. The consumer owns the *front* buffer; when it is
//! empty the consumer takes the lock once, swaps the two, and works through the batch without a lock.
//! (The same idea as the swapped queues of the actor systems in Pony and tokio's injection queue; the inline
//! entries, the exact bound and the run state are ours.)
//!
//! ## Who may run
//!
//! The consumer's side is used by whoever holds a [`Turn`]. The run state is under the lock:
//!
//! ```text
//!             push (1)               enter (2)
//!   Parked ─────────────► Scheduled ───────────► Running ──┐ enter: missed = true (3)
//!     ▲                      ▲  ▲                │ │ │  ▲ ─┘
//!     │                      │  └── yielded (4) ─┘ │ │  │
//!     └──────────────────────┼───── rest (5) ──────┘ │  │ enter (2)
//!                            │ missed (7)            ▼  │
//!                            └───────────────── suspend (6) ► Awaiting
//! ```
//! 1. `push` or `signal` into a parked mailbox: the one who did it wakes the consumer's task.
//! 2. The task's poll takes `Scheduled`, `Awaiting` and `Parked`; the first one, which is on its way from the
//!    beginning, takes `New`. A `push` that is to run the consumer in place of its task goes from `Parked` to
//!    `Running` in one step (`hold`), and so does a sender that takes its own entry through (`stage/errand`), so
//!    that it is never queued.
//! 3. A poll that finds `Running` notes it and leaves.
//! 4. Dropping a `Turn`: there is more to do, the task is woken again.
//! 5. `Turn::rest`: nothing is left, and no signal.
//! 6. `Turn::suspend`: a task is pending; pushes do not wake, signals do.
//! 7. A poll was missed while somebody else ran: the task is woken, or the pending task's own wake-up would
//!    be lost.
//!
//! ## The bound
//!
//! `room = capacity − back − front − beside − granted`. The consumer publishes what is left in front with a plain
//! store per entry; producers read it only when the mailbox looks full. The published figure only falls
//! between two swaps, so a stale one can refuse a moment too long, never accept too much. An entry that has
//! been taken does not count: capacity plus the one in hand is the most that can be unsettled.

use std::{marker::PhantomPinned, task::Waker};

use super::{
    aside::{Aside, BESIDE, Drops},
    buffer::Buffer,
    hold,
    lock::{Held, Lock},
    reach::Reach,
    stage::{Entry, Place, Room, Stage, StateCell},
    sync::{
        UnsafeCell,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    },
    turn::Turn,
    waiters::{Dismissed, Waiters},
};

/// The signal that is a standing order: it is looked at before each entry, and neither wakes a consumer that
/// waits nor keeps one from resting.
pub(crate) const STANDING: u32 = 1 << 30;

/// Why an entry was not taken; it comes back.
#[derive(Debug)]
pub(crate) enum Refused<T> {
    /// There is no room, or others wait for it already.
    Full(T),
    /// There is no room, and [`Mailbox::force`] decides who goes.
    Overflow(T),
    /// The mailbox is closed.
    Closed(T),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Run {
    /// There has been no turn yet; the first poll is on its way.
    New,
    Parked,
    Scheduled,
    Running,
    Awaiting,
}

/// Everything under the lock. What is written at each message comes first: see [`Mailbox`].
#[repr(C)]
pub(super) struct Back<S: Stage> {
    pub(super) buffer: Buffer<S>,
    /// Entries ever accepted.
    pub(super) accepted: u64,
    /// What was left in front and beside the queue when a producer last looked, or at the last change of it: an
    /// upper bound.
    pub(super) front_seen: usize,
    /// So many entries fit, at least, without another look: it is open, nobody waits, and whoever takes up room
    /// takes it down.
    pub(super) free: u32,
    pub(super) run: Run,
    /// A poll found somebody else running.
    pub(super) missed: bool,
    pub(super) closed: bool,
    /// What lies beside the queue, once there has been anything.
    pub(super) aside: Option<Box<Aside<S>>>,
    pub(super) waiters: Waiters,
}

/// The consumer's side.
pub(super) struct Consumer<S: Stage> {
    pub(super) front: Buffer<S>,
    pub(super) place: Place<S>,
    /// The mailbox has been found closed, with nothing left in it.
    pub(super) over: bool,
}

impl<S: Stage> Consumer<S> {
    /// Entries in front that have not been taken.
    #[inline]
    pub(super) fn left(&self) -> usize {
        self.front.left() - usize::from(self.place.hand.kept)
    }

    /// What producers and the ledger are told: entries left, doubled, plus one for an entry that has been
    /// taken and has no fate yet.
    #[inline]
    pub(super) fn figure(&self) -> usize {
        (self.left() << 1) | usize::from(self.place.hand.full || self.place.hand.kept)
    }
}

/// A bounded queue of entries for one consumer.
///
/// It must not be moved once a [`Turn`] has been taken: the actor layer builds it straight into an `Arc`.
/// (It refers to itself: the task in its place borrows the state.)
///
/// The order of the fields is that of their users: what producers write, then what nobody writes while
/// messages flow, then what the consumer writes. The middle is a cache line wide (it begins with the
/// line of those that wait, and what lies beside), so that the two sides never share one. (Measured with four producers and both cores free: from 0.8 to 1.2 times a tokio channel.)
#[repr(C)]
pub(crate) struct Mailbox<S: Stage> {
    pub(super) back: Lock<Back<S>>,
    capacity: usize,
    /// The waker of the consumer's task. Written once, under the lock, in the first passage to `Run::Running`.
    waker: UnsafeCell<Option<Waker>>,
    /// Who holds the right to run without using it: a thread, by its mark (`hold::here`); 0 for nobody.
    pub(super) held_by: AtomicUsize,
    _apart: [u64; 1],
    /// What is left in front, doubled, plus one while an entry is in hand or kept. Stored by the runner alone.
    pub(super) front_left: AtomicUsize,
    /// What others can reach of the entry in hand.
    pub(super) reach: Reach,
    /// Somebody waits for room.
    pub(super) waiting: AtomicBool,
    /// Bits of signals that have not been taken yet. Set under the lock.
    pub(super) signals: AtomicU32,
    // Order of drops: the place, with the task it has, before the state which that borrows (S3) and the room it stands in.
    pub(super) consumer: UnsafeCell<Consumer<S>>,
    pub(super) state: StateCell<S>,
    /// Where small tasks stand.
    room: Room,
    /// Not `Unpin`: a `&mut Mailbox`, such as its drop gets, must not claim that nothing else points into it.
    refers_to_itself: PhantomPinned,
}

// SAFETY: `consumer`, `state` and `room` are used only by the holder of a `Turn`, of which there is one at a time:
// it is handed out in the passage to `Run::Running` under the lock and that passage happens-before the next
// one through the same lock. What they hold is `Send` (bounds of `Stage`, `Entry` and `Task`), and all of it
// is reached through `&mut Turn`, so a `Turn` may be sent and shared as well. `waker` is written before the first
// passage to `Run::Running` is over, under the lock, and never again; it is read by those who have seen, under
// the lock, that there has been one (`wake`). Everything else is `Sync` by itself. (`Send` is derived: of all the
// parts only those cells are not `Sync`, and none is not `Send`.)
unsafe impl<S: Stage> Sync for Mailbox<S> {}

impl<S: Stage> Mailbox<S> {
    /// An empty mailbox whose consumer has been scheduled: it is about to be polled for the first time.
    #[inline(always)]
    pub(crate) fn new(capacity: usize, drops: Option<Drops>) -> Self {
        // Before all else, as it takes memory: see `built`.
        let aside = Aside::of(drops);
        Self {
            back: Lock::new(Back {
                buffer: Buffer::new(),
                waiters: Waiters::default(),
                run: Run::New,
                missed: false,
                closed: false,
                accepted: 0,
                front_seen: 0,
                free: at_least(capacity),
                aside,
            }),
            capacity,
            waker: UnsafeCell::new(None),
            held_by: AtomicUsize::new(0),
            _apart: [0; 1],
            front_left: AtomicUsize::new(0),
            reach: Reach::new(),
            waiting: AtomicBool::new(false),
            signals: AtomicU32::new(0),
            consumer: UnsafeCell::new(Consumer { front: Buffer::new(), place: Place::new(), over: false }),
            state: StateCell::new(None),
            room: Room::new(),
            refers_to_itself: PhantomPinned,
        }
    }

    /// The most entries that can be queued.
    pub(crate) const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Queues an entry, if there is room and nobody waits for it already.
    pub(crate) fn push<T: Entry<S>>(&self, entry: T) -> Result<(), Refused<T>> {
        let (back, entry) = self.admit(entry)?;
        self.append(back, entry);
        Ok(())
    }

    /// The same for when there is nothing to be looked at but that there is room; else the entry comes back. It is
    /// left to the caller to get a parked consumer to run. With `hold`, the caller's thread gets the right to run it.
    #[inline(always)]
    pub(crate) fn push_quickly<T: Entry<S>>(&self, entry: T, hold: bool) -> Result<Pushed<'_, S>, T> {
        let mut back = self.back.lock();
        if T::URGENT || back.free == 0 {
            drop(back);
            return Err(entry);
        }
        back.free -= 1;
        if hold
            && back.run == Run::Parked
            && back.aside.is_none()
            && let Some(here) = hold::here()
        {
            self.push_held(back, entry, here);
            return Ok(Pushed::Held);
        }
        back.buffer.push(entry);
        Ok(self.let_run(back))
    }

    fn admit<T: Entry<S>>(&self, entry: T) -> Result<(Held<'_, Back<S>>, T), Refused<T>> {
        let mut back = self.back.lock();
        if back.closed {
            return Err(Refused::Closed(entry));
        }
        if back.waiters.any_waiting() || !self.look_for_room(&mut back) {
            return Err(if back.aside.is_some() { Refused::Overflow(entry) } else { Refused::Full(entry) });
        }
        Ok((back, entry))
    }

    /// Raises signals and gets the consumer to look at them, whatever it is doing.
    pub(crate) fn signal(&self, bits: u32) {
        self.signal_under(self.back.lock(), bits);
    }

    fn signal_under(&self, mut back: Held<'_, Back<S>>, bits: u32) {
        self.set_signals(|raised| raised | bits);
        let wake = match back.run {
            Run::Parked => {
                back.run = Run::Scheduled;
                true
            }
            Run::Awaiting => true,
            // It looks at the signals under this lock before it rests or suspends.
            Run::New | Run::Running | Run::Scheduled => false,
        };
        drop(back);
        if wake {
            self.wake_known();
        }
    }

    /// Raises and lowers. Under the lock.
    pub(super) fn set_signals(&self, set: impl FnOnce(u32) -> u32) {
        // Relaxed, and no atomic step: under the lock, like every store to it.
        self.signals.store(set(self.signals.load(Ordering::Relaxed)), Ordering::Relaxed);
    }

    /// The signals raised and not taken yet.
    #[inline]
    pub(crate) fn signals(&self) -> u32 {
        self.raised() & !BESIDE
    }

    /// The same, and the bit of what lies beside the queue.
    #[inline]
    pub(crate) fn raised(&self) -> u32 {
        // Relaxed: a hint between two entries. Nothing is read on the strength of it that was not written
        // under the lock, which whoever acts on a signal takes; the last look before a rest is under it too.
        self.signals.load(Ordering::Relaxed)
    }

    /// The signals that call for something to be done: all but a standing order.
    #[inline]
    pub(crate) fn calls(&self) -> u32 {
        self.signals() & !STANDING
    }

    /// Whether there is something to be done beside the entries in front.
    #[inline]
    pub(super) fn stirred(&self) -> bool {
        self.raised() & !STANDING != 0
    }

    /// What this mailbox drops when it is full.
    pub(crate) fn drops(&self) -> Option<Drops> {
        self.back.lock().aside.as_ref().and_then(|aside| aside.drops)
    }

    /// Takes signals down.
    pub(crate) fn lower(&self, bits: u32) {
        let _back = self.back.lock();
        self.set_signals(|raised| raised & !bits);
    }

    /// Takes signals down, unless one of `others` is raised.
    pub(crate) fn lower_unless(&self, bits: u32, others: u32) {
        let _back = self.back.lock();
        if self.raised() & others == 0 {
            self.set_signals(|raised| raised & !bits);
        }
    }

    /// Accepts nothing more. Senders that wait are woken and see it. Returns whether it was open.
    pub(crate) fn close(&self) -> bool {
        let (was_open, woken) = self.close_under(&mut self.back.lock());
        woken.wake();
        was_open
    }

    /// Closes, and raises signals in the same step.
    pub(crate) fn close_and_signal(&self, bits: u32) {
        let mut back = self.back.lock();
        let (_, woken) = self.close_under(&mut back);
        self.signal_under(back, bits);
        woken.wake();
    }

    /// Returns those who are to be woken with no lock held.
    pub(super) fn close_under(&self, back: &mut Held<'_, Back<S>>) -> (bool, Dismissed) {
        let was_open = !std::mem::replace(&mut back.closed, true);
        back.free = 0;
        // Relaxed: under the lock, like every store to it.
        self.waiting.store(false, Ordering::Relaxed);
        (was_open, back.waiters.dismiss())
    }

    /// Whether somebody has the right to run at this moment.
    pub(crate) fn is_running(&self) -> bool {
        self.back.lock().run == Run::Running
    }

    /// Counts, exact at rest.
    pub(crate) fn count(&self) -> Count {
        self.count_under(&self.back.lock())
    }

    pub(super) fn count_under(&self, back: &Back<S>) -> Count {
        // Acquire: pairs with the Release store of the runner, so that what it did before is seen as well.
        let front = self.front_left.load(Ordering::Acquire);
        let aside = back.aside.as_ref();
        let (dropped, refused) = aside.map_or((0, 0), |aside| aside.dropped());
        Count {
            accepted: back.accepted + refused,
            queued: (back.buffer.left() + (front >> 1) + aside.map_or(0, |aside| aside.urgent())) as u64,
            stashed: aside.map_or(0, |aside| aside.stashed()) as u64,
            in_hand: (front & 1) as u64,
            dropped,
        }
    }

    /// Whether it holds nothing at all. For a drop: with `&mut` there is no lock to be taken.
    pub(crate) fn holds_nothing(&mut self) -> bool {
        // Relaxed: nobody else has the mailbox any more.
        let front = self.front_left.load(Ordering::Relaxed);
        let back = self.back.get_mut();
        let beside = back.aside.as_ref().map_or(0, |aside| aside.urgent() + aside.stashed());
        front + back.buffer.left() + beside == 0
    }

    /// Puts the first state in, before the consumer's task is polled for the first time.
    pub(crate) fn prime(&self, state: S) {
        let back = self.back.lock();
        // In release builds too: beside somebody who runs there would be two users of the state.
        assert_eq!(back.run, Run::New, "primed before the first poll");
        self.state.with_mut(|cell| {
            // SAFETY: nobody has a turn, and nobody gets one while the lock is held, so this is the only use of the
            // state. There is no task either: none has been opened without a turn.
            let cell = unsafe { &mut *cell };
            assert!(cell.is_none(), "primed once");
            *cell = Some(state);
        });
        drop(back);
    }

    /// Takes the right to run, if nobody has it. The first call tells the mailbox the consumer's waker.
    #[inline]
    pub(crate) fn enter(&self, waker: &Waker) -> Option<Turn<'_, S>> {
        let mut back = self.back.lock();
        if back.run == Run::Running {
            back.missed = true;
            return None;
        }
        if back.run == Run::New {
            self.meet(&mut back, waker);
        }
        back.run = Run::Running;
        Some(Turn::begin(self, back))
    }

    /// The first turn begins.
    #[cold]
    fn meet(&self, _back: &mut Held<'_, Back<S>>, waker: &Waker) {
        // Foreign code under the lock, but the runtime's: it counts the references to the task.
        let waker = Some(waker.clone());
        // SAFETY: under the lock, and before anybody may read it: see `wake`.
        self.waker.with_mut(|cell| unsafe { *cell = waker });
        // SAFETY: under the lock, and nobody has had a turn: this is the only use of the consumer's side. The room is
        // this mailbox's, which does not move from the first turn on, and no other place's.
        self.consumer.with_mut(|consumer| unsafe { (*consumer).place.move_in(&self.room) });
    }

    /// Wakes the consumer's task. Only for who has a turn, or has seen under the lock that there has been one:
    /// a mailbox that is `Parked` or `Awaiting`.
    #[inline]
    pub(super) fn wake_known(&self) {
        if let Some(waker) = self.known_waker() {
            waker.wake_by_ref();
        }
    }

    /// The waker of the consumer's task. For the same.
    #[inline]
    pub(super) fn known_waker(&self) -> Option<&Waker> {
        // SAFETY: the first turn has begun, under the lock, before the caller found it so: the waker is written,
        // and never again.
        self.waker.with(|cell| unsafe { (*cell).as_ref() })
    }

    pub(super) fn append<T: Entry<S>>(&self, back: Held<'_, Back<S>>, entry: T) {
        self.append_quietly(back, entry).see_to();
    }

    /// The same, and leaves it to the caller to get a parked consumer to run.
    pub(super) fn append_quietly<T: Entry<S>>(&self, mut back: Held<'_, Back<S>>, entry: T) -> Pushed<'_, S> {
        back.free = back.free.saturating_sub(1);
        if T::URGENT {
            back.push_urgent(entry);
            self.call(true);
        } else {
            back.buffer.push(entry);
        }
        self.let_run(back)
    }

    /// One more has been accepted: a parked consumer is to run.
    #[inline(always)]
    fn let_run(&self, mut back: Held<'_, Back<S>>) -> Pushed<'_, S> {
        back.accepted += 1;
        let parked = back.run == Run::Parked;
        if parked {
            back.run = Run::Scheduled;
        }
        drop(back);
        if parked { Pushed::Due(self) } else { Pushed::Queued }
    }

    /// Finds out how many more entries fit, while nobody waits, for those who then need not ask. False: none.
    pub(super) fn look_for_room(&self, back: &mut Back<S>) -> bool {
        let room = self.room(back);
        back.free = at_least(room);
        room > 0
    }

    /// How many more entries fit, at least.
    pub(super) fn room(&self, back: &mut Back<S>) -> usize {
        let taken = back.buffer.left() + back.waiters.granted();
        let known = self.capacity.saturating_sub(taken + back.front_seen);
        if known > 0 {
            return known;
        }
        // Relaxed: the figure only falls between two swaps, and swaps are under this lock, so an old one is
        // an upper bound.
        back.front_seen = (self.front_left.load(Ordering::Relaxed) >> 1) + back.beside();
        self.capacity.saturating_sub(taken + back.front_seen)
    }
}

/// What has become of a consumer by a push.
pub(crate) enum Pushed<'a, S: Stage> {
    /// Somebody sees to it already.
    Queued,
    /// It was parked, and is to be woken.
    Due(&'a Mailbox<S>),
    /// It was parked, and this thread has the right to run it: see [`Mailbox::resume`].
    Held,
}

/// What is said of the room, where less may be said.
#[inline]
fn at_least(room: usize) -> u32 {
    u32::try_from(room).unwrap_or(u32::MAX)
}

impl<S: Stage> Pushed<'_, S> {
    /// Wakes the consumer if it is to be. Returns whether this thread is to run it.
    #[inline(always)]
    pub(crate) fn see_to(self) -> bool {
        match self {
            Self::Queued => false,
            Self::Due(due) => {
                due.wake_known();
                false
            }
            Self::Held => true,
        }
    }
}

/// What a mailbox holds and has held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Count {
    pub(crate) accepted: u64,
    pub(crate) queued: u64,
    pub(crate) stashed: u64,
    /// Taken, and without a fate: under way, or kept for another attempt.
    pub(crate) in_hand: u64,
    /// Dropped because the mailbox was full.
    pub(crate) dropped: u64,
}
