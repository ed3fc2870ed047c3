//! The one seam behind every reference: a place that accepts an `M`.

use std::{collections::VecDeque, task::Waker};

use super::{
    Actor, Handler, Message,
    asker::Asker,
    caller_runs::Ran,
    common::Common,
    entries::{Asked, Told},
    envelope::{Cause, Incarnation, Why},
    journal,
    limit::{Limit, Tried, Until},
    seat::Seat,
};
use crate::{
    Reason, StopReason, failure,
    queue::{Entry, Forced, Pushed, Refused, Ticket},
};

/// Takes messages of type `M`, as every reference does: [`ActorRef`](super::ActorRef) and
/// [`Recipient`](super::Recipient).
///
/// Sealed: it is a name for bounds, not an extension point.
///
/// # Examples
///
/// ```
/// use postbox::{Accept, Tell, prelude::*};
/// use std::time::Duration;
///
/// /// Sends in time, whatever the reference is.
/// async fn in_time<T: Accept<M>, M: Message>(tell: Tell<'_, T, M>) -> bool {
///     tell.timeout(Duration::from_secs(1)).await.is_ok()
/// }
///
/// #[derive(Message)]
/// struct Ping;
///
/// #[derive(Actor)]
/// struct Echo;
///
/// impl Handler<Ping> for Echo {
///     async fn handle(&mut self, _ping: Ping, _ctx: &mut Context<Self>) {}
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let echo = Echo.spawn();
/// assert!(in_time(echo.tell(Ping)).await);
/// assert!(in_time(echo.recipient().tell(Ping)).await);
/// # }
/// ```
pub trait Accept<M: Message>: sealed::Sealed<M> + Send + Sync {}

impl<M: Message, T: ?Sized + sealed::Sealed<M> + Send + Sync> Accept<M> for T {}

/// Why a message was not taken; it comes back with its asker.
#[derive(Debug)]
pub enum Refusal {
    /// There is no room.
    Full {
        /// How many messages fit.
        capacity: usize,
    },
    /// Nothing is accepted any more.
    Closed(StopReason),
}

/// A message on its way in.
pub struct Offer<M: Message> {
    pub(crate) msg: M,
    pub(crate) asker: Option<Asker<M>>,
}

impl<M: Message> std::fmt::Debug for Offer<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Offer").field("asked", &self.asker.is_some()).finish_non_exhaustive()
    }
}

/// A sender that is ready to wait for room.
pub struct Line<'a> {
    pub(crate) ticket: &'a mut Ticket,
    pub(crate) waker: &'a Waker,
}

impl std::fmt::Debug for Line<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line").finish_non_exhaustive()
    }
}

pub(crate) mod sealed {
    use super::{Asker, Common, Line, Message, Offer, Ran, Refusal, Ticket, Until, VecDeque, Waker};

    /// The seam itself.
    pub trait Sealed<M: Message>: Place {
        /// Takes the message, if there is nothing to be looked at but that there is room; else it comes back, and
        /// [`accept`](Self::accept) says why.
        fn offer(&self, msg: M) -> Result<(), M>;

        /// Has the message handled here and now, if the actor allows it and has nothing else to do; else it comes
        /// back.
        #[inline(always)]
        fn run(&self, msg: M) -> Result<Ran<M>, M> {
            Err(msg)
        }

        /// As `offer`, for a message that is asked.
        fn offer_asked(&self, msg: M, asker: Asker<M>) -> Result<(), (M, Asker<M>)>;

        /// Takes the message, or hands it back. With a `line`, a message refused for want of room has a place
        /// in the line of those that wait.
        fn accept(&self, offer: Offer<M>, line: Option<Line<'_>>) -> Result<(), (Offer<M>, Refusal)>;

        /// The same, for a message with a deadline.
        fn accept_until(
            &self,
            offer: Offer<M>,
            until: Until,
            line: Option<Line<'_>>,
        ) -> Result<(), (Offer<M>, Refusal)>;

        /// Takes messages from the front, as many as there is room for at once. Refused: the one that is first
        /// then, for this reason.
        fn accept_many(&self, from: &mut VecDeque<M>, until: Option<Until>) -> Result<(), Refusal>;

        /// Takes room for one message, or, with a waker, a place in the line of those that wait for it. `false`: it
        /// waits, or would have to. The message is to be offered with this ticket, if that `waits`; where it does
        /// not, no room is needed: the mailbox is closed, or drops what does not fit.
        fn reserve(&self, ticket: &mut Ticket, waker: Option<Waker>) -> bool;
    }

    /// As much of the seam as does not depend on the message. A request is bound by this alone, so that one to
    /// an actor that does not handle its message is an error where the message stands, and not in its type too.
    pub trait Place {
        /// Gives a place in the line back.
        fn leave(&self, ticket: &mut Ticket);

        /// What is known of the recipient, whatever it is.
        fn common(&self) -> &Common;
    }
}

impl<A: Handler<M>, M: Message> sealed::Sealed<M> for Seat<A> {
    #[inline]
    fn offer(&self, msg: M) -> Result<(), M> {
        self.put_quickly(msg, false).map(drop)
    }

    #[inline]
    fn offer_asked(&self, msg: M, asker: Asker<M>) -> Result<(), (M, Asker<M>)> {
        self.put_asked_quickly(msg, asker, false).map(drop)
    }

    fn accept(&self, offer: Offer<M>, line: Option<Line<'_>>) -> Result<(), (Offer<M>, Refusal)> {
        self.put_offer(offer, (), line)
    }

    #[cold]
    fn accept_until(
        &self,
        offer: Offer<M>,
        until: Until,
        line: Option<Line<'_>>,
    ) -> Result<(), (Offer<M>, Refusal)> {
        self.put_offer(offer, until, line)
    }

    fn accept_many(&self, from: &mut VecDeque<M>, until: Option<Until>) -> Result<(), Refusal> {
        self.put_many(from, until)
    }

    fn reserve(&self, ticket: &mut Ticket, waker: Option<Waker>) -> bool {
        match self.mailbox.reserve(ticket, waker) {
            Ok(()) => true,
            Err(Refused::Full(())) => false,
            Err(Refused::Closed(()) | Refused::Overflow(())) => {
                // A place in the line that is no more.
                self.mailbox.leave(ticket);
                true
            }
        }
    }
}

impl<A: Actor> sealed::Place for Seat<A> {
    fn leave(&self, ticket: &mut Ticket) {
        self.mailbox.leave(ticket);
    }

    fn common(&self) -> &Common {
        Self::common(self)
    }
}

impl<A: Actor> Seat<A> {
    /// With `hold`, this thread may get the right to run the actor: then the outcome is `Ok(true)`.
    #[inline(always)]
    pub(super) fn put_quickly<M: Message>(&self, msg: M, hold: bool) -> Result<bool, M>
    where
        A: Handler<M>,
    {
        // One that may be tried more than once has its attempts beside it.
        if const { M::ATTEMPTS > 1 } {
            return Err(msg);
        }
        let pushed = self.mailbox.push_quickly(Told { msg, limit: () }, hold);
        pushed.map(Pushed::see_to).map_err(|told| told.msg)
    }

    #[inline(always)]
    pub(super) fn put_asked_quickly<M: Message>(
        &self,
        msg: M,
        asker: Asker<M>,
        hold: bool,
    ) -> Result<bool, (M, Asker<M>)>
    where
        A: Handler<M>,
    {
        if const { M::ATTEMPTS > 1 } {
            return Err((msg, asker));
        }
        let pushed = self.mailbox.push_quickly(Asked { msg, asker, limit: () }, hold);
        pushed.map(Pushed::see_to).map_err(|asked| (asked.msg, asked.asker))
    }

    #[cold]
    pub(super) fn put_offer<M: Message, L: Limit>(
        &self,
        offer: Offer<M>,
        limit: L,
        line: Option<Line<'_>>,
    ) -> Result<(), (Offer<M>, Refusal)>
    where
        A: Handler<M>,
    {
        if const { M::ATTEMPTS > 1 } {
            self.put_limited(offer, Tried::from(limit), line)
        } else {
            self.put_limited(offer, limit, line)
        }
    }

    fn put_limited<M: Message, L: Limit>(
        &self,
        offer: Offer<M>,
        limit: L,
        line: Option<Line<'_>>,
    ) -> Result<(), (Offer<M>, Refusal)>
    where
        A: Handler<M>,
    {
        let Offer { msg, asker } = offer;
        match asker {
            None => self.put(Told { msg, limit }, line, |told| Offer { msg: told.msg, asker: None }),
            Some(asker) => self.put(Asked { msg, asker, limit }, line, |asked| Offer {
                msg: asked.msg,
                asker: Some(asked.asker),
            }),
        }
    }

    fn put<M: Message, T: Entry<Incarnation<A>>>(
        &self,
        entry: T,
        line: Option<Line<'_>>,
        back: impl FnOnce(T) -> Offer<M>,
    ) -> Result<(), (Offer<M>, Refusal)> {
        let pushed = match line {
            None => self.mailbox.push(entry),
            Some(Line { ticket, waker }) => self.mailbox.push_or_wait(entry, ticket, waker),
        };
        pushed.or_else(|refused| self.refuse(refused, back))
    }

    /// Takes messages from the front, as many as fit under one lock. Where the mailbox drops what does not fit, each
    /// of those goes the way of a single one.
    pub(super) fn put_many<M: Message>(
        &self,
        from: &mut VecDeque<M>,
        until: Option<Until>,
    ) -> Result<(), Refusal>
    where
        A: Handler<M>,
    {
        match until {
            None => self.put_run(from, ()),
            Some(until) => self.put_run(from, until),
        }
    }

    fn put_run<M: Message, L: Limit + Copy>(&self, from: &mut VecDeque<M>, limit: L) -> Result<(), Refusal>
    where
        A: Handler<M>,
    {
        while !from.is_empty() {
            let pushed = if const { M::ATTEMPTS > 1 } {
                self.mailbox.push_many(from, |msg| Told { msg, limit: Tried::from(limit) })
            } else {
                self.mailbox.push_many(from, |msg| Told { msg, limit })
            };
            match pushed.map(Pushed::see_to) {
                Ok(_) => {}
                Err(Refused::Full(())) => return Err(Refusal::Full { capacity: self.mailbox.capacity() }),
                Err(Refused::Closed(())) => return Err(Refusal::Closed(self.closed_because())),
                Err(Refused::Overflow(())) => {
                    let Some(msg) = from.pop_front() else { break };
                    if let Err((offer, refusal)) = self.put_offer(Offer { msg, asker: None }, limit, None) {
                        from.push_front(offer.msg);
                        return Err(refusal);
                    }
                }
            }
        }
        Ok(())
    }

    /// Says why there is no place for a message, unless it has one at the cost of another.
    #[cold]
    fn refuse<M: Message, T: Entry<Incarnation<A>>>(
        &self,
        refused: Refused<T>,
        back: impl FnOnce(T) -> Offer<M>,
    ) -> Result<(), (Offer<M>, Refusal)> {
        match refused {
            Refused::Full(entry) => Err((back(entry), Refusal::Full { capacity: self.mailbox.capacity() })),
            Refused::Closed(entry) => Err((back(entry), Refusal::Closed(self.closed_because()))),
            Refused::Overflow(entry) => match self.mailbox.force(entry) {
                Forced::Queued => Ok(()),
                Forced::Evicted(oldest) => {
                    self.discard(Reason::Evicted, |cause| oldest.bury(cause));
                    Ok(())
                }
                Forced::Dropped(newest) => {
                    self.discard(Reason::Overflow, |cause| newest.bury(cause));
                    Ok(())
                }
                Forced::Refused(refused) => self.refuse(refused, back),
            },
        }
    }

    /// Gives up a message that the full mailbox has dropped, which has counted it. In the sender's task.
    fn discard(&self, reason: Reason, bury: impl FnOnce(&Cause)) {
        let cause = Cause::new(Self::common(self), Why::Discarded(reason));
        if let Err(panic) = failure::catch(|| bury(&cause)) {
            journal::drop_panicked(&Self::common(self).identity, &panic);
        }
    }
}
