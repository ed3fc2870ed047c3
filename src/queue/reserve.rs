//! Room taken before the entry is there, for senders that must know that there is room before they fetch what to
//! send.
//!
//! Whoever has reserved holds a granted place in the line of those that wait ([`Waiters`](super::waiters)), as if it
//! had waited and been granted room: it counts against the bound until its entry is pushed with the same ticket
//! ([`Mailbox::push_or_wait`]) or it leaves.

use std::task::Waker;

use super::{
    mailbox::{Mailbox, Refused},
    stage::Stage,
    waiters::{Standing, Ticket, Woken},
};

impl<S: Stage> Mailbox<S> {
    /// Takes room for one entry, or, with a waker, a place in the line of those that wait for room: then it is
    /// refused as [`Refused::Full`], and the waker is called when room has been granted to `ticket`.
    ///
    /// A mailbox that drops when it is full has no need of it, and room that is held would make it drop sooner:
    /// [`Refused::Overflow`].
    pub(crate) fn reserve(&self, ticket: &mut Ticket, waker: Option<Waker>) -> Result<(), Refused<()>> {
        let mut back = self.back.lock();
        if back.closed {
            return Err(Refused::Closed(()));
        }
        if back.aside.as_ref().is_some_and(|aside| aside.drops.is_some()) {
            return Err(Refused::Overflow(()));
        }
        // Room that is held, or waited for, is not free.
        back.free = 0;
        match back.waiters.standing(ticket) {
            Standing::Granted => return Ok(()),
            Standing::Outside if !back.waiters.any_waiting() && self.room(&mut back) > 0 => {
                back.waiters.reserve(ticket);
                return Ok(());
            }
            Standing::Outside | Standing::Waiting => {}
        }
        let Some(waker) = waker else { return Err(Refused::Full(())) };
        let stale = back.waiters.wait(ticket, waker);
        // Room may have appeared since the consumer last looked at the line.
        let mut woken = Woken::default();
        self.grant(&mut back, &mut woken);
        let granted = matches!(back.waiters.standing(ticket), Standing::Granted);
        drop(back);
        // Wakers are foreign code: called and dropped with no lock held.
        drop(stale);
        woken.wake();
        if granted { Ok(()) } else { Err(Refused::Full(())) }
    }
}
