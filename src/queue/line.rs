//! The line: senders that wait for room, and the room that is given to them.
//!
//! Who waits holds a place of [`Waiters`](super::waiters), under the lock of the mailbox. Here is what a sender does
//! with its place, and what happens when room appears.

use std::{sync::atomic::Ordering, task::Waker};

use super::{
    lock::Held,
    mailbox::{Back, Mailbox, Refused},
    stage::{Entry, Stage},
    waiters::{Standing, Ticket, Woken},
};

impl<S: Stage> Mailbox<S> {
    /// Queues an entry, or takes (or keeps) a place in the line of those that wait for room: then the entry
    /// comes back as [`Refused::Full`] and `waker` is called when room has been granted to `ticket`. Nobody waits for
    /// a mailbox that drops when it is full: [`Refused::Overflow`].
    pub(crate) fn push_or_wait<T: Entry<S>>(
        &self,
        mut entry: T,
        ticket: &mut Ticket,
        waker: &Waker,
    ) -> Result<(), Refused<T>> {
        if ticket.waits() {
            entry = match self.push_granted(entry, ticket) {
                Ok(()) => return Ok(()),
                Err(entry) => entry,
            };
        }
        // Before the lock is taken: it is foreign code.
        let waker = waker.clone();
        let mut back = self.back.lock();
        if back.closed {
            return Err(Refused::Closed(entry));
        }
        let mut stale = None;
        let mut standing = back.waiters.standing(ticket);
        if matches!(standing, Standing::Outside)
            && !back.waiters.any_waiting()
            && self.look_for_room(&mut back)
        {
            self.append(back, entry);
            return Ok(());
        }
        if back.aside.as_ref().is_some_and(|aside| aside.drops.is_some()) {
            return Err(Refused::Overflow(entry));
        }
        // From here on somebody waits, or has waited.
        back.free = 0;
        let mut woken = Woken::default();
        if !matches!(standing, Standing::Granted) {
            stale = back.waiters.wait(ticket, waker);
            // Room may have appeared since the consumer last looked at the line.
            self.grant(&mut back, &mut woken);
            standing = back.waiters.standing(ticket);
        }
        let outcome = if matches!(standing, Standing::Granted) {
            stale = back.waiters.leave(ticket).or(stale);
            self.append(back, entry);
            Ok(())
        } else {
            drop(back);
            Err(Refused::Full(entry))
        };
        // Called and dropped with no lock held.
        drop(stale);
        woken.wake();
        outcome
    }

    /// Queues an entry in the room that has been granted to `ticket`, if it has: what nearly every sender finds that
    /// comes back from the line.
    fn push_granted<T: Entry<S>>(&self, entry: T, ticket: &mut Ticket) -> Result<(), T> {
        let mut back = self.back.lock();
        if !matches!(back.waiters.standing(ticket), Standing::Granted) {
            return Err(entry);
        }
        let own = back.waiters.leave(ticket);
        self.append(back, entry);
        drop(own);
        Ok(())
    }

    /// Gives a place in the line back; room granted to it goes to the next.
    pub(crate) fn leave(&self, ticket: &mut Ticket) {
        if !ticket.waits() {
            return;
        }
        let mut back = self.back.lock();
        let own = back.waiters.leave(ticket);
        let mut woken = Woken::default();
        self.grant(&mut back, &mut woken);
        drop(back);
        drop(own);
        woken.wake();
    }

    /// Lets those who wait for room have what there is.
    #[cold]
    #[inline(never)]
    pub(super) fn make_way(&self) {
        let mut woken = Woken::default();
        self.grant(&mut self.back.lock(), &mut woken);
        woken.wake();
    }

    /// Grants the room there is to those who wait; their wakers go to `woken`.
    pub(super) fn grant(&self, back: &mut Held<'_, Back<S>>, woken: &mut Woken) {
        while back.waiters.any_waiting() && self.room(back) > 0 {
            woken.add(back.waiters.grant());
        }
        // Relaxed: under the lock, like every store to it.
        self.waiting.store(back.waiters.any_waiting(), Ordering::Relaxed);
    }
}
