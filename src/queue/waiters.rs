//! Senders that wait for room, first come first served.
//!
//! A waiting sender holds a [`Ticket`]. Room is *granted* to the oldest ticket that has none yet;
//! a granted ticket counts against the bound until its owner has pushed or left. So nobody who comes later
//! can take the room of one who waits, and a wake-up is for one sender, not for the herd.

use std::{collections::VecDeque, task::Waker};

/// A sender's place among those that wait; empty until it waits. Whoever drops one without having pushed
/// gives it back with `Mailbox::leave`.
#[derive(Debug, Default)]
pub struct Ticket(Option<u64>);

impl Ticket {
    /// Whether the sender stands in the line.
    pub(crate) const fn waits(&self) -> bool {
        self.0.is_some()
    }
}

struct Waiter {
    ticket: u64,
    /// Taken when room is granted.
    waker: Option<Waker>,
}

/// Those who have been given room, to be woken when no lock is held: wakers are foreign code.
///
/// Room appears one by one, so most often this is one, which takes no memory of its own.
#[derive(Default)]
#[must_use = "whoever is in here waits to be woken"]
pub(super) struct Woken {
    first: Option<Waker>,
    others: Vec<Waker>,
}

impl Woken {
    pub(super) fn add(&mut self, waker: Option<Waker>) {
        match waker {
            Some(waker) if self.first.is_none() => self.first = Some(waker),
            waker => self.others.extend(waker),
        }
    }

    pub(super) fn wake(self) {
        let Some(first) = self.first else { return };
        first.wake();
        self.others.into_iter().for_each(Waker::wake);
    }
}

/// Those who have waited in vain, to be woken when no lock is held.
#[must_use = "whoever is in here waits to be woken"]
pub(super) struct Dismissed(Option<Box<Line>>);

impl Dismissed {
    #[inline]
    pub(super) fn wake(self) {
        if let Some(line) = self.0 {
            line.wake_all();
        }
    }
}

/// Those who wait. Lives under the mailbox's lock; never calls a waker itself.
#[derive(Default)]
pub(super) struct Waiters {
    /// Boxed, and only there while somebody waits: most mailboxes never have a line.
    line: Option<Box<Line>>,
    next_ticket: u64,
}

#[derive(Default)]
struct Line {
    /// In order of tickets; the first `granted` of them hold room.
    waiters: VecDeque<Waiter>,
    granted: usize,
}

/// What a sender finds when it looks for its place.
pub(super) enum Standing {
    /// It holds room.
    Granted,
    /// It waits on.
    Waiting,
    /// It has no place yet.
    Outside,
}

impl Line {
    /// Whether room has been granted to this number: it has, up to that of the last one granted.
    #[inline]
    fn holds_room(&self, number: u64) -> bool {
        let last = self.granted.checked_sub(1).and_then(|last| self.waiters.get(last));
        last.is_some_and(|last| number <= last.ticket)
    }

    #[cold]
    #[inline(never)]
    fn wake_all(self) {
        self.waiters.into_iter().filter_map(|waiter| waiter.waker).for_each(Waker::wake);
    }

    fn position(&self, ticket: &Ticket) -> Option<usize> {
        let ticket = ticket.0?;
        // Who has been granted room is most often the first, and comes at once.
        if self.waiters.front().is_some_and(|first| first.ticket == ticket) {
            return Some(0);
        }
        self.waiters.binary_search_by_key(&ticket, |waiter| waiter.ticket).ok()
    }
}

impl Drop for Waiters {
    #[inline]
    fn drop(&mut self) {
        /// By itself: every mailbox is dropped, and hardly any with a line.
        #[cold]
        #[inline(never)]
        fn drop_line(line: Box<Line>) {
            drop(line);
        }
        if let Some(line) = self.line.take() {
            drop_line(line);
        }
    }
}

impl Waiters {
    /// Room given away and not used yet.
    #[inline]
    pub(super) fn granted(&self) -> usize {
        self.line.as_ref().map_or(0, |line| line.granted)
    }

    /// Whether somebody waits without room.
    #[inline]
    pub(super) fn any_waiting(&self) -> bool {
        self.line.as_ref().is_some_and(|line| line.waiters.len() > line.granted)
    }

    pub(super) fn standing(&self, ticket: &Ticket) -> Standing {
        // Who has a number stands in the line, as long as there is one: it is gone when the mailbox has closed.
        let (Some(line), Some(number)) = (&self.line, ticket.0) else { return Standing::Outside };
        if line.holds_room(number) { Standing::Granted } else { Standing::Waiting }
    }

    /// Takes a place at the end of the line, or renews the waker of the place held. Returns a waker that is
    /// no longer needed, to be dropped outside the lock.
    pub(super) fn wait(&mut self, ticket: &mut Ticket, waker: Waker) -> Option<Waker> {
        let line = self.line.get_or_insert_default();
        if let Some(at) = line.position(ticket) {
            return line.waiters.get_mut(at)?.waker.replace(waker);
        }
        line.waiters.push_back(Waiter { ticket: self.next_ticket, waker: Some(waker) });
        ticket.0 = Some(self.next_ticket);
        self.next_ticket += 1;
        None
    }

    /// Takes a place that holds room from the beginning. Only while nobody waits without room, or it would come
    /// before those who do.
    pub(super) fn reserve(&mut self, ticket: &mut Ticket) {
        let line = self.line.get_or_insert_default();
        line.waiters.push_back(Waiter { ticket: self.next_ticket, waker: None });
        line.granted += 1;
        ticket.0 = Some(self.next_ticket);
        self.next_ticket += 1;
    }

    /// Grants room to the oldest sender without any; returns its waker, to be called outside the lock.
    pub(super) fn grant(&mut self) -> Option<Waker> {
        let line = self.line.as_mut()?;
        let waiter = line.waiters.get_mut(line.granted)?;
        line.granted += 1;
        waiter.waker.take()
    }

    /// Leaves the line. The room it may have held is free again. The waker is to be dropped outside the lock.
    pub(super) fn leave(&mut self, ticket: &mut Ticket) -> Option<Waker> {
        let left = std::mem::take(ticket);
        let line = self.line.as_mut()?;
        let at = line.position(&left)?;
        if at < line.granted {
            line.granted -= 1;
        }
        let own = if at == 0 { line.waiters.pop_front() } else { line.waiters.remove(at) };
        own?.waker
    }

    /// Whether there is a line at all.
    #[inline]
    pub(super) const fn is_kept(&self) -> bool {
        self.line.is_some()
    }

    /// Gives a line back in which nobody stands any more.
    pub(super) fn shrink(&mut self) {
        if self.line.as_ref().is_some_and(|line| line.waiters.is_empty()) {
            self.line = None;
        }
    }

    /// Empties the line, for a close: each is to be woken and sees it.
    #[inline]
    pub(super) fn dismiss(&mut self) -> Dismissed {
        Dismissed(self.line.take())
    }
}
