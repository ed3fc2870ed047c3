//! The right to run: the consumer's side of a mailbox.
//!
//! One [`Turn`] exists at a time. It takes entries, opens them on the state, polls what they became, and
//! ends by resting, by suspending or by being dropped (see the drawing in `mailbox`).

use std::{
    sync::atomic::Ordering,
    task::{Context, Poll, Waker},
};

use super::{
    lock::Held,
    mailbox::{Back, Consumer, Count, Mailbox, Run},
    stage::{Entry, Opened, Quick, Stage},
};

/// What became of an attempt to rest.
pub(crate) enum Rest<'a, S: Stage> {
    /// The mailbox is parked; the next push or signal wakes the consumer.
    Parked,
    /// There is more to do.
    More(Turn<'a, S>),
}

/// The right to run. Dropping it says that there is more to do.
pub(crate) struct Turn<'a, S: Stage> {
    pub(super) mailbox: &'a Mailbox<S>,
}

impl<'a, S: Stage> Turn<'a, S> {
    /// Begins a turn, with a batch if there is one and none is under way.
    #[inline(always)]
    pub(super) fn begin(mailbox: &'a Mailbox<S>, mut back: Held<'_, Back<S>>) -> Self {
        let mut turn = Self { mailbox };
        turn.swap(&mut back);
        turn
    }

    #[inline]
    pub(super) fn consumer<R>(&mut self, f: impl FnOnce(&mut Consumer<S>) -> R) -> R {
        // SAFETY: whoever holds a turn is the only user of the consumer's side (see `Mailbox`'s `Sync`), and
        // `&mut self` makes this the only use by the holder. `Consumer` does not contain the state (S2).
        self.mailbox.consumer.with_mut(|consumer| f(unsafe { &mut *consumer }))
    }

    /// Makes the back buffer the front one, when the front is empty.
    #[inline]
    fn swap(&mut self, back: &mut Held<'_, Back<S>>) -> bool {
        if back.aside.is_some() && !self.may_swap(back) {
            return false;
        }
        let swapped = self.consumer(|consumer| {
            if consumer.front.left() > 0 || back.buffer.left() == 0 {
                return false;
            }
            std::mem::swap(&mut consumer.front, &mut back.buffer);
            // Afterwards: to move what has just been written to in part would wait for that.
            back.buffer.tidy();
            true
        });
        if swapped {
            self.publish();
            back.front_seen = self.consumer(|consumer| consumer.front.left());
            if back.aside.is_some() {
                back.front_seen += back.beside();
            }
        }
        swapped
    }

    /// Tells producers and the ledger what is left in front and in hand.
    #[inline]
    pub(super) fn publish(&mut self) {
        let figure = self.consumer(|consumer| consumer.figure());
        // Release: pairs with the Acquire load in `Mailbox::count`.
        self.mailbox.front_left.store(figure, Ordering::Release);
    }

    /// Where the state is, when it is there and nothing borrows it.
    #[inline]
    pub(super) fn state(&mut self) -> Option<*mut S> {
        if self.is_busy() {
            return None;
        }
        // SAFETY: no task is under way, so nothing borrows the state (S2), and the turn is the only user of it.
        let state = self.mailbox.state.with_mut(|cell| unsafe { &mut *cell }.as_mut());
        state.map(std::ptr::from_mut)
    }

    /// Puts a state in and hands the old one out. While a task borrows the old one nothing happens and the
    /// new one comes back.
    pub(crate) fn replace(&mut self, state: Option<S>) -> Option<S> {
        if self.is_busy() {
            return state;
        }
        // SAFETY: as in `state`.
        self.mailbox.state.with_mut(|cell| std::mem::replace(unsafe { &mut *cell }, state))
    }

    /// Whether a task is under way.
    #[inline]
    pub(crate) fn is_busy(&mut self) -> bool {
        self.consumer(|consumer| consumer.place.is_busy())
    }

    /// How often the entry in hand, or the kept one, has been opened, the present attempt included.
    pub(crate) fn attempts(&mut self) -> u32 {
        self.consumer(|consumer| consumer.place.hand.attempts)
    }

    /// Whether the task under way, or the one that just failed, came from the queue.
    pub(crate) fn in_hand(&mut self) -> bool {
        self.consumer(|consumer| consumer.place.hand.full)
    }

    /// Whether an opened entry keeps its place at the front.
    pub(crate) fn is_kept(&mut self) -> bool {
        self.consumer(|consumer| consumer.place.hand.kept)
    }

    /// Whether, and how, the kept entry has lapsed.
    pub(crate) fn kept_lapsed(&mut self) -> Option<S::Lapse> {
        self.consumer(|consumer| consumer.front.front_lapsed().filter(|_| consumer.place.hand.kept))
    }

    /// Whether, and how, the entry has lapsed that is opened next, as far as the batch at hand goes.
    pub(crate) fn next_lapsed(&mut self) -> Option<S::Lapse> {
        self.consumer(|consumer| consumer.front.front_lapsed())
    }

    /// What type the entry under way, or the kept one, is of.
    pub(crate) fn about(&mut self) -> Option<S::About> {
        self.consumer(|consumer| match consumer.place.about() {
            None if consumer.place.hand.kept => consumer.front.front_about(),
            of_task => of_task,
        })
    }

    /// What type the entry is of that is opened next, as far as the batch at hand goes.
    pub(crate) fn next_about(&mut self) -> Option<S::About> {
        self.consumer(|consumer| consumer.front.front_about())
    }

    /// Accepts nothing more, as [`Mailbox::close`]. Returns whether nothing is left, nor kept.
    pub(crate) fn close(&mut self) -> bool {
        if self.consumer(|consumer| consumer.over) {
            return true;
        }
        let mut back = self.mailbox.back.lock();
        let (_, woken) = self.mailbox.close_under(&mut back);
        let drained = back.buffer.left() + back.beside() == 0;
        let drained = drained && self.consumer(|consumer| consumer.front.left()) == 0;
        drop(back);
        woken.wake();
        drained
    }

    /// Whether nothing is left in the mailbox, nor kept. What is put aside comes back for a last round first.
    pub(crate) fn is_drained(&mut self) -> bool {
        let back = self.mailbox.back.lock();
        let left = self.consumer(|consumer| consumer.front.left()) + back.buffer.left();
        match &back.aside {
            None => {
                let over = back.closed && left == 0;
                self.consumer(|consumer| consumer.over = over);
                left == 0
            }
            Some(aside) if left + aside.urgent() > 0 => false,
            Some(_) => {
                drop(back);
                !self.begin_last_round()
            }
        }
    }

    /// The waker of the consumer's task.
    pub(crate) fn waker(&self) -> &'a Waker {
        self.mailbox.known_waker().unwrap_or(Waker::noop())
    }

    /// Opens something that does not come from the queue, on the state. Returns false when there was nothing
    /// to run.
    pub(crate) fn open<T: Entry<S>>(&mut self, entry: T) -> bool {
        let Some(state) = self.state() else { return false };
        // SAFETY: not busy, or there would be no state to be had; it lies beside this place; the turn is the
        // only user of it.
        let opened = self.consumer(|consumer| unsafe { consumer.place.open(entry, false, state, None) });
        matches!(opened, Opened::Task)
    }

    /// The same, and polls its task at once, if it is not too large for that. Nothing is done with one that has not
    /// ended well.
    #[inline(always)]
    pub(crate) fn run<T: Entry<S>>(&mut self, entry: T, cx: &mut Context<'_>) -> Opened<S::Exit> {
        let Some(state) = self.state() else { return Opened::Empty };
        // SAFETY: as in `open`.
        self.consumer(|consumer| unsafe { consumer.place.run(entry, state, cx) })
    }

    /// Opens the entry at the front of the queue. The attempt counts before anything of it runs.
    pub(crate) fn open_next(&mut self) -> Opened<S::Exit> {
        self.next::<false>(None)
    }

    /// The same, and polls its task at once, unless the entry keeps its place.
    #[inline]
    pub(crate) fn take_next(&mut self, cx: &mut Context<'_>) -> Opened<S::Exit> {
        // Looked at first, since every batch ends so.
        if self.consumer(|consumer| consumer.front.left()) == 0 {
            return Opened::Empty;
        }
        let opened = self.next::<true>(Some(cx));
        if matches!(opened, Opened::Ended) {
            self.make_way();
        }
        opened
    }

    /// `QUICK` only has the compiler make two functions, of which the one for each message can be part of its caller.
    #[inline(always)]
    fn next<const QUICK: bool>(&mut self, cx: Option<&mut Context<'_>>) -> Opened<S::Exit> {
        // Without a state the entry would be lost, so it is not taken.
        let Some(state) = self.state() else { return Opened::Empty };
        let mailbox = self.mailbox;
        self.consumer(|consumer| {
            let Some(table) = consumer.front.front_table() else { return Opened::Empty };
            let hand = &mut consumer.place.hand;
            hand.attempts += 1;
            hand.full = true;
            mailbox.reach.take(Some(table));
            // Release: pairs with the Acquire load in `Mailbox::count`. The entry has been taken: its room is
            // free from here on. (A moved-out entry still counts in `front.left()` at this point.)
            mailbox.front_left.store(((consumer.front.left() - 1) << 1) | 1, Ordering::Release);
            if table.keeps() {
                hand.kept = true;
                if hand.attempts == 1 {
                    // Those from before it was put aside.
                    consumer.place.hand.attempts += consumer.front.front_tried();
                }
                // SAFETY: not busy, or there would be no state to be had; it lies beside this place; the turn
                // is the only user of it.
                if let Opened::Task = unsafe { consumer.front.open_duplicate(&mut consumer.place, state) } {
                    return Opened::Task;
                }
                let hand = &mut consumer.place.hand;
                if hand.attempts > 1 && consumer.front.front_lapsed().is_some() {
                    hand.attempts -= 1;
                    hand.full = false;
                    return Opened::Lapsed;
                }
                // Before the entry leaves its place, and may panic: else the next one would be held for it.
                hand.kept = false;
            }
            let quick = cx.map(|cx| Quick { cx, published: &mailbox.front_left });
            // SAFETY: as above, and the duplicate, if there was one, has not become a task.
            let opened = unsafe { consumer.front.open(table, &mut consumer.place, state, quick) };
            if matches!(opened, Opened::Nothing) {
                consumer.place.hand.forget();
                // Release: as above.
                mailbox.front_left.store(consumer.figure(), Ordering::Release);
            }
            opened
        })
    }

    /// Polls the task under way.
    #[inline]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Exit>> {
        self.consumer(|consumer| consumer.place.poll(cx))
    }

    /// The task under way has ended well: the entry in hand has been handled, a kept one is settled, and the
    /// task is dropped. In this order, because a panic of either drop must not give the entry a second fate.
    #[inline]
    pub(crate) fn done(&mut self) {
        let mailbox = self.mailbox;
        self.consumer(|consumer| {
            if consumer.place.hand.full {
                let kept = consumer.place.hand.kept;
                let left = consumer.left();
                consumer.place.hand.forget();
                // Release: pairs with the Acquire load in `Mailbox::count`.
                mailbox.front_left.store(left << 1, Ordering::Release);
                if kept {
                    consumer.front.settle();
                }
            }
            consumer.place.clear();
        });
        self.make_way();
    }

    /// Lets those who wait for room have what has become free.
    #[inline]
    fn make_way(&mut self) {
        // Relaxed: a sender that starts to wait just now is seen at the next entry or under the lock.
        if self.mailbox.waiting.load(Ordering::Relaxed) {
            self.mailbox.make_way();
        }
    }

    /// Tells the task under way that there will be no outcome.
    pub(crate) fn give_up(&mut self, cause: &S::Cause) {
        self.consumer(|consumer| consumer.place.give_up(cause));
    }

    /// Drops the task under way. The entry it came from is no longer in hand; a kept one stays at the front,
    /// to be opened again or buried.
    pub(crate) fn clear(&mut self) {
        self.consumer(|consumer| {
            consumer.place.hand.full = false;
            if !consumer.place.hand.kept {
                consumer.place.hand.attempts = 0;
            }
        });
        // Before the drop, which may panic.
        self.publish();
        self.mailbox.reach.take::<S>(None);
        self.consumer(|consumer| consumer.place.clear());
    }

    /// Gives up the entry at the front of the queue, the kept one first. Returns false when there is none.
    pub(crate) fn bury_next(&mut self, cause: &S::Cause) -> bool {
        if self.consumer(|consumer| consumer.front.left()) == 0 && !self.swap(&mut self.mailbox.back.lock()) {
            return false;
        }
        let mailbox = self.mailbox;
        self.consumer(|consumer| {
            consumer.place.hand.forget();
            // Release: pairs with the Acquire load in `Mailbox::count`. Before the burial, which may panic: the
            // last entry would else be counted for ever.
            mailbox.front_left.store((consumer.front.left() - 1) << 1, Ordering::Release);
            consumer.front.bury(cause);
        });
        self.make_way();
        true
    }

    /// Gives back what memory an idle mailbox should not hold.
    #[inline]
    fn shrink(&mut self, back: &mut Held<'_, Back<S>>) {
        let large = back.buffer.is_large() | self.consumer(|consumer| consumer.front.is_large());
        if large | back.waiters.is_kept() | back.aside.is_some() {
            self.let_go(back);
        }
    }

    #[cold]
    fn let_go(&mut self, back: &mut Held<'_, Back<S>>) {
        self.consumer(|consumer| consumer.front.shrink());
        back.buffer.shrink();
        back.waiters.shrink();
        back.aside.iter_mut().for_each(|aside| aside.shrink());
    }

    /// Ends the turn because nothing is left, unless something is.
    #[inline(always)]
    pub(crate) fn rest(mut self) -> Rest<'a, S> {
        let mailbox = self.mailbox;
        let back = mailbox.back.lock();
        if self.is_quiet(&back) {
            self.park(back);
            return Rest::Parked;
        }
        self.rest_from(back)
    }

    /// Whether there is nothing to be done, nobody to be seen to, and no memory to be given back: known in one go,
    /// because most turns end so.
    #[inline(always)]
    fn is_quiet(&mut self, back: &Back<S>) -> bool {
        self.consumer(|consumer| consumer.front.is_quiet())
            && back.buffer.is_quiet()
            && back.aside.is_none()
            && !back.waiters.is_kept()
            && !self.mailbox.stirred()
    }

    #[inline(never)]
    fn rest_from(mut self, mut back: Held<'a, Back<S>>) -> Rest<'a, S> {
        let swapped = self.swap(&mut back);
        if back.waiters.any_waiting() {
            drop(back);
            self.mailbox.make_way();
            return self.rest_after(swapped);
        }
        if swapped || self.has_more() {
            drop(back);
            return Rest::More(self);
        }
        self.shrink(&mut back);
        self.park(back);
        Rest::Parked
    }

    /// The same, when those who wait for room have been seen to.
    #[cold]
    fn rest_after(mut self, swapped: bool) -> Rest<'a, S> {
        let mailbox = self.mailbox;
        let mut back = mailbox.back.lock();
        let swapped = self.swap(&mut back) || swapped;
        if swapped || self.has_more() {
            drop(back);
            return Rest::More(self);
        }
        self.shrink(&mut back);
        self.park(back);
        Rest::Parked
    }

    #[inline]
    fn has_more(&mut self) -> bool {
        self.consumer(|consumer| consumer.front.left()) > 0 || self.mailbox.stirred()
    }

    #[inline(always)]
    fn park(self, mut back: Held<'_, Back<S>>) {
        back.run = Run::Parked;
        back.missed = false;
        drop(back);
        std::mem::forget(self);
    }

    /// Ends the turn because the task under way is pending, or because nothing is to be taken for the time
    /// being: pushes do not wake the consumer until its next turn, signals do.
    pub(crate) fn suspend(self, known: u32) -> Rest<'a, S> {
        let mailbox = self.mailbox;
        let mut back = mailbox.back.lock();
        if self.mailbox.signals() & !known != 0 {
            drop(back);
            return Rest::More(self);
        }
        let waited_for = back.waiters.any_waiting();
        let missed = std::mem::take(&mut back.missed);
        back.run = if missed { Run::Scheduled } else { Run::Awaiting };
        drop(back);
        std::mem::forget(self);
        if missed {
            mailbox.wake_known();
        }
        if waited_for {
            mailbox.make_way();
        }
        Rest::Parked
    }
}

impl<S: Stage> Turn<'_, S> {
    /// Ends the last turn of all, and says what the mailbox has held. Its memory is given back: a reference may
    /// outlive the consumer for long.
    #[inline]
    pub(crate) fn retire(mut self) -> Count {
        let mut back = self.mailbox.back.lock();
        self.shrink(&mut back);
        back.run = Run::Awaiting;
        let count = self.mailbox.count_under(&back);
        drop(back);
        std::mem::forget(self);
        count
    }
}

impl<S: Stage> Drop for Turn<'_, S> {
    fn drop(&mut self) {
        let mut back = self.mailbox.back.lock();
        back.run = Run::Scheduled;
        back.missed = false;
        drop(back);
        self.mailbox.wake_known();
    }
}
