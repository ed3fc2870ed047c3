//! What lies beside the queue: urgent entries, entries put aside, and what a full mailbox drops.
//!
//! Most mailboxes never have any of it, so it is boxed, lies under the mailbox's lock, and is behind a bit among
//! the signals ([`BESIDE`]): whoever takes entries looks here only while that bit is raised, and calls
//! [`Turn::fetch`] before the next entry.
//!
//! ```text
//!            urgent ──at most STREAK in a row──┐
//!  stash ──unstash──► [kept] front ◄───────────┘   ◄── back        (a batch at a time)
//!                     [kept] front ◄── back                        (drops the oldest: one entry at a time)
//! ```
//! Entries move from one buffer to another as bytes: no code of the user runs. A kept entry is never overtaken.
//! A mailbox that drops its oldest entry leaves all of them in the back buffer until they are taken, so that
//! whoever comes to a full one finds the oldest there, under the lock.

use super::{
    buffer::Buffer,
    mailbox::{Back, Consumer, Mailbox, Refused},
    stage::{Entry, Stage},
    sync::atomic::Ordering,
    turn::Turn,
};

/// The signal that there is something beside the queue to be looked at. The other bits are the actor's.
pub(super) const BESIDE: u32 = 1 << 31;

/// Urgent entries that are taken in a row while others wait.
pub(crate) const STREAK: u32 = 8;

/// What a full mailbox drops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drops {
    /// The entry that finds it full.
    Newest,
    /// The one that has waited longest. Urgent ones are not dropped for others.
    Oldest,
}

/// A place in both lanes: how many ordinary entries there have been, and how many urgent ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) ordinary: u64,
    pub(crate) urgent: u64,
}

impl Mark {
    /// Whether this place has been reached when so many have been taken.
    pub(crate) const fn is_reached(self, taken: Self) -> bool {
        self.ordinary <= taken.ordinary && self.urgent <= taken.urgent
    }
}

/// What lies beside the queue.
pub(super) struct Aside<S: Stage> {
    urgent: Buffer<S>,
    stash: Buffer<S>,
    /// Empty, but for entries on their way from one buffer to another.
    hand: Buffer<S>,
    /// How many of the stash are to go back.
    unstash: usize,
    pub(super) drops: Option<Drops>,
    /// Urgent entries ever accepted; they are in `Back::accepted` as well.
    accepted: u64,
    /// How many of them had been when the mark was set.
    mark: u64,
    /// Urgent entries taken since `streak_at` of the others had been.
    streak: u32,
    streak_at: u64,
    /// Entries that were dropped, and how many of them without ever having been in the queue.
    dropped: u64,
    refused: u64,
    /// What is put aside is not put aside again: the end is near.
    last_round: bool,
}

impl<S: Stage> Aside<S> {
    const fn new(drops: Option<Drops>) -> Self {
        Self {
            urgent: Buffer::new(),
            stash: Buffer::new(),
            hand: Buffer::new(),
            unstash: 0,
            drops,
            accepted: 0,
            mark: 0,
            streak: 0,
            streak_at: 0,
            dropped: 0,
            refused: 0,
            last_round: false,
        }
    }

    #[inline]
    pub(super) fn of(drops: Option<Drops>) -> Option<Box<Self>> {
        drops.map(|drops| Box::new(Self::new(Some(drops))))
    }

    /// Urgent entries that wait.
    pub(super) const fn urgent(&self) -> usize {
        self.urgent.left()
    }

    /// Entries put aside.
    pub(super) const fn stashed(&self) -> usize {
        self.stash.left()
    }

    /// Entries that were dropped, and how many of them without ever having been in the queue.
    pub(super) const fn dropped(&self) -> (u64, u64) {
        (self.dropped, self.refused)
    }

    /// Gives back what memory an idle mailbox should not hold.
    pub(super) fn shrink(&mut self) {
        self.urgent.shrink();
        self.stash.shrink();
        self.hand.shrink();
    }
}

/// An entry that has lost its place, to be given up with no lock held.
pub(crate) struct Orphan<S: Stage>(Buffer<S>);

impl<S: Stage> Orphan<S> {
    pub(crate) fn bury(mut self, cause: &S::Cause) {
        self.0.bury(cause);
    }
}

/// What became of an entry that came to a full mailbox.
pub(crate) enum Forced<S: Stage, T> {
    /// There was room after all.
    Queued,
    /// It is in the queue, in place of this one.
    Evicted(Orphan<S>),
    /// It has been accepted and is to be given up.
    Dropped(T),
    /// The mailbox drops nothing, or is closed.
    Refused(Refused<T>),
}

/// Where a handler's message goes that is put aside.
pub(crate) struct Stash<'a, S: Stage>(&'a mut Buffer<S>);

impl<S: Stage> Stash<'_, S> {
    pub(crate) fn push<T: Entry<S>>(self, entry: T) {
        self.0.push(entry);
    }
}

impl<S: Stage> Back<S> {
    /// Entries beside the queue, which count against the bound.
    #[inline]
    pub(super) fn beside(&self) -> usize {
        self.aside.as_ref().map_or(0, |aside| aside.urgent.left() + aside.stash.left())
    }

    /// Entries ever accepted that are not urgent.
    #[inline]
    pub(super) fn ordinary(&self) -> u64 {
        self.accepted - self.aside.as_ref().map_or(0, |aside| aside.accepted)
    }

    /// Whether entries go to the front one at a time.
    pub(super) fn is_one_by_one(&self) -> bool {
        self.aside.as_ref().is_some_and(|aside| aside.drops == Some(Drops::Oldest))
    }

    #[cold]
    pub(super) fn push_urgent<T: Entry<S>>(&mut self, entry: T) {
        let aside = self.aside_or_init();
        aside.urgent.push(entry);
        aside.accepted += 1;
        // It counts like one in front: what producers know of the front stays an upper bound.
        self.front_seen += 1;
    }

    fn aside_or_init(&mut self) -> &mut Aside<S> {
        self.aside.get_or_insert_with(|| Box::new(Aside::new(None)))
    }

    /// Whether something is beside the queue that the consumer is to look at.
    fn calls(&self) -> bool {
        self.aside.as_ref().is_some_and(|aside| aside.urgent.left() > 0 || aside.unstash > 0)
            || self.is_one_by_one() && self.buffer.left() > 0
    }

    /// Moves so many entries of the stash back, in their order: behind a kept entry, before all others.
    fn unstash(&mut self, consumer: &mut Consumer<S>, count: usize) {
        let one_by_one = self.is_one_by_one();
        let Some(aside) = self.aside.as_deref_mut() else { return };
        aside.unstash = 0;
        (0..count.min(aside.stash.left())).for_each(|_| aside.stash.move_to(&mut aside.hand));
        if one_by_one {
            self.buffer.prepend(&mut aside.hand);
        } else if consumer.place.hand.kept {
            let mut kept = Buffer::new();
            consumer.front.move_to(&mut kept);
            consumer.front.prepend(&mut aside.hand);
            consumer.front.prepend(&mut kept);
        } else {
            consumer.front.prepend(&mut aside.hand);
        }
    }

    /// Brings what is next to the front, if it lies beside it.
    fn fetch(&mut self, consumer: &mut Consumer<S>) {
        let count = self.aside.as_ref().map_or(0, |aside| aside.unstash);
        self.unstash(consumer, count);
        if consumer.place.hand.kept {
            return;
        }
        let waits = self.buffer.left() + consumer.front.left();
        // Only compared for equality; it may wrap, as urgent entries come back from the stash among the others.
        let taken = self.ordinary().wrapping_sub(waits as u64);
        let one_by_one = self.is_one_by_one();
        let Some(aside) = self.aside.as_deref_mut() else { return };
        if aside.streak_at != taken {
            (aside.streak, aside.streak_at) = (0, taken);
        }
        if aside.urgent.left() > 0 && (aside.streak < STREAK || waits == 0) {
            aside.streak += 1;
            aside.urgent.move_to(&mut aside.hand);
            consumer.front.prepend(&mut aside.hand);
        } else if consumer.front.left() == 0 && one_by_one {
            self.buffer.move_to(&mut consumer.front);
        } else if consumer.front.left() == 0 {
            consumer.front.tidy();
            std::mem::swap(&mut consumer.front, &mut self.buffer);
        }
    }
}

impl<S: Stage> Mailbox<S> {
    /// Tells producers what is left, when that may have grown: which they rely on not to happen without the lock.
    fn publish_under(&self, back: &mut Back<S>, figure: usize) {
        // Release: pairs with the Acquire load in `Mailbox::count`.
        self.front_left.store(figure, Ordering::Release);
        back.front_seen = (figure >> 1) + back.beside();
        // What is put aside takes up room again.
        back.free = 0;
        self.call(back.calls());
    }

    /// Queues an entry in a mailbox that was full, at the cost of the oldest or of itself if the mailbox says so.
    #[cold]
    pub(crate) fn force<T: Entry<S>>(&self, entry: T) -> Forced<S, T> {
        let mut guard = self.back.lock();
        let back = &mut *guard;
        if back.closed {
            return Forced::Refused(Refused::Closed(entry));
        }
        let Some(drops) = back.aside.as_ref().and_then(|aside| aside.drops) else {
            return Forced::Refused(Refused::Full(entry));
        };
        if self.room(back) > 0 {
            self.append(guard, entry);
            return Forced::Queued;
        }
        let oldest = drops == Drops::Oldest && back.buffer.left() > 0;
        let Some(aside) = back.aside.as_deref_mut() else { return Forced::Dropped(entry) };
        aside.dropped += 1;
        if !oldest {
            aside.refused += 1;
            return Forced::Dropped(entry);
        }
        let mut orphan = Buffer::new();
        back.buffer.move_to(&mut orphan);
        self.append(guard, entry);
        Forced::Evicted(Orphan(orphan))
    }

    /// The entries in hand asks for so many of the stash to be put back when it has been handled.
    pub(crate) fn unstash(&self, count: usize) {
        let mut back = self.back.lock();
        let Some(aside) = back.aside.as_deref_mut() else { return };
        aside.unstash = aside.unstash.saturating_add(count).min(aside.stash.left());
        if aside.unstash > 0 {
            self.call(true);
        }
    }

    /// Raises or lowers the bit. Under the lock.
    pub(super) fn call(&self, raised: bool) {
        self.set_signals(|signals| if raised { signals | BESIDE } else { signals & !BESIDE });
    }

    /// Whether [`Turn::fetch`] is to be called before the next entry.
    pub(crate) fn has_beside(&self) -> bool {
        self.raised() & BESIDE != 0
    }

    /// How many entries are put aside.
    pub(crate) fn stashed(&self) -> usize {
        self.back.lock().aside.as_ref().map_or(0, |aside| aside.stash.left())
    }

    /// How many entries have been accepted so far: a mark that separates those before from those after.
    pub(crate) fn mark(&self) -> Mark {
        let back = self.back.lock();
        Mark { ordinary: back.ordinary(), urgent: back.aside.as_ref().map_or(0, |aside| aside.accepted) }
    }

    /// The same, for [`Turn::has_reached`]: the mark of the urgent entries is kept here.
    pub(crate) fn set_mark(&self) -> u64 {
        let mut back = self.back.lock();
        if let Some(aside) = back.aside.as_deref_mut() {
            aside.mark = aside.accepted;
        }
        back.ordinary()
    }
}

impl<S: Stage> Turn<'_, S> {
    /// Whether the back buffer may become the front one. False for a mailbox that leaves its entries where
    /// producers find them: `fetch` brings them one by one.
    #[cold]
    pub(super) fn may_swap(&mut self, back: &Back<S>) -> bool {
        let one_by_one = back.is_one_by_one();
        if one_by_one && back.buffer.left() > 0 {
            self.mailbox.call(true);
        }
        !one_by_one
    }

    /// Works on what is beside the queue, and tells producers afterwards what has become of the front.
    fn beside<R>(&mut self, act: impl FnOnce(&mut Back<S>, &mut Consumer<S>) -> R) -> R {
        let mailbox = self.mailbox;
        let mut guard = mailbox.back.lock();
        let back = &mut *guard;
        self.consumer(|consumer| {
            let outcome = act(back, consumer);
            mailbox.publish_under(back, consumer.figure());
            outcome
        })
    }

    /// Brings what is beside the queue to the front, if it is next. To be followed by [`Turn::open_next`].
    #[cold]
    pub(crate) fn fetch(&mut self) {
        let mailbox = self.mailbox;
        let mut guard = mailbox.back.lock();
        let back = &mut *guard;
        self.consumer(|consumer| {
            back.fetch(consumer);
            // The next entry counts as taken from here on: else a producer that comes before it has been opened
            // would find no room, and nothing in the back buffer to evict.
            let left = consumer.front.left();
            mailbox.publish_under(back, if left > 0 { (left - 1) << 1 | 1 } else { consumer.figure() });
        });
    }

    /// Puts the entry in hand aside: a kept one itself, another one as its task gives it back. The task is
    /// dropped.
    #[cold]
    pub(crate) fn stash(&mut self) {
        let mut own = Buffer::new();
        // With no lock held: an asker that was lent may have to be waited for, under that lock.
        self.consumer(|consumer| {
            if !consumer.place.hand.kept {
                consumer.place.put_back(Stash(&mut own));
            }
        });
        self.beside(|back, consumer| {
            // What was to go back before this one goes back without it.
            let count = back.aside.as_ref().map_or(0, |aside| aside.unstash);
            back.unstash(consumer, count);
            let aside = back.aside_or_init();
            if consumer.place.hand.kept {
                // To be put aside is no attempt.
                consumer.front.set_front_tried(consumer.place.hand.attempts - 1);
                consumer.front.move_to(&mut aside.stash);
            } else {
                own.move_to(&mut aside.stash);
            }
            consumer.place.hand.forget();
        });
        self.consumer(|consumer| consumer.place.clear());
    }

    /// Gives up what has just been put aside.
    pub(crate) fn discard_stash(&mut self, cause: &S::Cause) {
        let mut orphan = Buffer::new();
        self.beside(|back, _| {
            if let Some(aside) = back.aside.as_deref_mut() {
                aside.stash.move_to(&mut orphan);
            }
        });
        // With no lock held: a drop is code of the user.
        Orphan(orphan).bury(cause);
    }

    /// Puts the whole stash back at once: a new incarnation begins.
    pub(crate) fn unstash_all(&mut self) {
        if self.mailbox.stashed() > 0 {
            self.beside(|back, consumer| back.unstash(consumer, usize::MAX));
        }
    }

    /// Puts the whole stash back for the last time. False: that has been done, or there is none.
    #[cold]
    pub(crate) fn begin_last_round(&mut self) -> bool {
        self.beside(|back, consumer| {
            let Some(aside) = back.aside.as_deref_mut() else { return false };
            let begins = aside.stash.left() > 0 && !std::mem::replace(&mut aside.last_round, true);
            if begins {
                back.unstash(consumer, usize::MAX);
            }
            begins
        })
    }

    /// Whether nothing is to be put aside any more.
    pub(crate) fn is_last_round(&mut self) -> bool {
        self.mailbox.back.lock().aside.as_ref().is_some_and(|aside| aside.last_round)
    }

    /// Brings everything there is to the front, the stash first, so that [`Turn::bury_next`] comes to all of it.
    #[cold]
    pub(crate) fn gather(&mut self) {
        self.beside(|back, consumer| {
            let one_by_one = back.is_one_by_one();
            let Some(aside) = back.aside.as_deref_mut() else { return };
            consumer.front.prepend(&mut aside.urgent);
            if one_by_one {
                back.buffer.prepend(&mut consumer.front);
                std::mem::swap(&mut consumer.front, &mut back.buffer);
            }
            consumer.front.prepend(&mut aside.stash);
        });
    }

    /// Entries taken so far.
    pub(crate) fn taken(&mut self) -> Mark {
        let left = self.consumer(|consumer| consumer.left());
        let back = self.mailbox.back.lock();
        // Urgent entries that have been put aside come back among the others.
        let ordinary = back.ordinary().saturating_sub((back.buffer.left() + left) as u64);
        let urgent = back.aside.as_ref().map_or(0, |aside| aside.accepted - aside.urgent.left() as u64);
        Mark { ordinary, urgent }
    }

    /// Whether all entries have been taken that were accepted before the mark was set, in both lanes.
    pub(crate) fn has_reached(&mut self, mark: u64) -> bool {
        let left = self.consumer(|consumer| consumer.left());
        let back = self.mailbox.back.lock();
        // Urgent entries that have been put aside come back among the others, so there may be more left than have
        // been accepted as such.
        back.ordinary() >= mark + (back.buffer.left() + left) as u64
            && back
                .aside
                .as_ref()
                .is_none_or(|aside| aside.accepted - aside.urgent.left() as u64 >= aside.mark)
    }
}
