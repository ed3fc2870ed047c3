//! Sending and asking for the reply.

#[cfg(feature = "tower")]
mod service;

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::task::coop;

#[cfg(feature = "tower")]
pub use self::service::{AskService, OwnedAsk};
use super::{
    accept, blocking,
    deadline::{Deadline, Passed},
    is_a_step,
};
use crate::{
    ActorId, AskError, Identity,
    actor::{
        Message,
        accept::{Accept, Line, Offer, Refusal, sealed::Place},
        asker::{Answer, Asker, Awaited, NoReply},
        caller_runs::{Other, Ran},
        current,
        limit::Until,
        waits::Waits,
    },
    queue::{Cut, Phase, Ticket},
};

/// Sends a message and waits for its reply, when awaited.
///
/// # Errors
///
/// Whatever happens to the message, the ask ends with it, at once: [`AskError::Stopped`], [`AskError::Timeout`],
/// [`AskError::Failed`], [`AskError::NoReply`], [`AskError::Aborted`], [`AskError::Discarded`],
/// [`AskError::WouldDeadlock`], and [`AskError::Full`] for one that does not wait for room. [`AskError`] says when each
/// of them comes, and whether sending again is safe.
///
/// # Cancel safety
///
/// Dropped before the message was accepted, nothing was sent. Dropped while the message waits, no handler
/// will run it: it becomes a dead letter (`Abandoned`). Dropped while a handler has it, the handler goes on
/// and its reply reaches nobody.
///
/// # Examples
///
/// ```
/// use postbox::prelude::*;
/// use std::time::Duration;
///
/// #[derive(Message)]
/// #[message(reply = usize)]
/// struct Length(&'static str);
///
/// #[derive(Actor)]
/// struct Measure;
///
/// impl Handler<Length> for Measure {
///     async fn handle(&mut self, text: Length, _ctx: &mut Context<Self>) -> usize { text.0.len() }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let measure = Measure.spawn();
/// assert_eq!(measure.ask(Length("four")).await?, 4);
/// assert_eq!(measure.ask(Length("in time")).timeout(Duration::from_secs(1)).await?, 7);
/// assert_eq!(measure.ask(Length("at once")).now().await?, 7);
///
/// let blocking = tokio::task::spawn_blocking(move || measure.ask(Length("a thread")).blocking());
/// assert_eq!(blocking.await??, 8);
/// # Ok(()) }
/// ```
#[must_use = "nothing is sent yet: add `.await`, or end it with `blocking`"]
pub struct Ask<'a, T: ?Sized + Place, M: Message> {
    to: &'a T,
    stage: Stage<M>,
    /// Whether to wait for room.
    waits: bool,
    ticket: Ticket,
    deadline: Deadline,
}

/// Counts one of the steps tokio grants a task in one poll. Pending: they are used up.
#[inline(never)]
fn step(cx: &mut Context<'_>) -> Poll<()> {
    coop::poll_proceed(cx).map(|step| step.made_progress())
}

/// How many tells an ask weighs, in time.
const WEIGHT: u32 = 8;

enum Stage<M: Message> {
    /// Not offered yet. `None` from there on, until there is another stage.
    Fresh(Option<M>),
    /// Offered, and there was no room.
    Refused(Offer<M>, Awaited<M>),
    /// Accepted.
    Accepted(Awaited<M>),
    Ended,
}

impl<'a, T: ?Sized + Accept<M>, M: Message> Ask<'a, T, M> {
    #[inline]
    pub(crate) fn new(to: &'a T, msg: M) -> Self {
        Self {
            to,
            stage: Stage::Fresh(Some(msg)),
            waits: true,
            ticket: Ticket::default(),
            deadline: Deadline::after(M::TIMEOUT),
        }
    }

    /// Gives up after this long, waiting for room and for the reply together, with [`AskError::Timeout`]. Zero is
    /// refused: the request then ends at once. A handler that has begun is not cut.
    ///
    /// # Panics
    ///
    /// When awaited in a runtime without a timer.
    pub fn timeout(mut self, after: Duration) -> Self {
        self.deadline.set_after(after);
        self
    }

    /// Lets the message expire this long after this call, unless a handler has it by then: the ask then ends
    /// with [`AskError::Timeout`], at once, and the message becomes a dead letter
    /// ([`Expired`](crate::Reason::Expired)). Zero is refused: the request then ends at once.
    ///
    /// A handler that has begun in time is waited for, as long as the [`timeout`](Self::timeout) allows.
    ///
    /// # Panics
    ///
    /// When awaited in a runtime without a timer.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::prelude::*;
    /// use std::time::Duration;
    ///
    /// #[derive(Message)]
    /// #[message(reply = u32)]
    /// struct Bid(u32);
    ///
    /// #[derive(Actor)]
    /// struct Auction;
    ///
    /// impl Handler<Bid> for Auction {
    ///     async fn handle(&mut self, bid: Bid, _ctx: &mut Context<Self>) -> u32 { bid.0 }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let auction = Auction.spawn();
    /// assert_eq!(auction.ask(Bid(7)).deadline(Duration::from_secs(1)).await?, 7);
    /// # Ok(()) }
    /// ```
    pub fn deadline(self, after: Duration) -> Self {
        self.until(Some(Until::after(after)))
    }

    pub(crate) fn until(mut self, until: Option<Until>) -> Self {
        until.into_iter().for_each(|until| self.deadline.set_until(until));
        self
    }

    /// Whether the actor has the message, or it has come to an end without.
    pub(super) const fn is_accepted(&self) -> bool {
        !matches!(self.stage, Stage::Fresh(Some(_)) | Stage::Refused(..))
    }

    /// Does not wait for room: a full mailbox ends it with [`AskError::Full`].
    pub fn now(mut self) -> Self {
        self.waits = false;
        self
    }

    /// Blocks the thread until the reply is there: for code that is not async, in a runtime or outside of
    /// any.
    ///
    /// # Errors
    ///
    /// Those of the ask as awaited, but for a deadlock: [`AskError::Stopped`], [`AskError::Timeout`],
    /// [`AskError::Failed`], [`AskError::NoReply`], [`AskError::Aborted`], [`AskError::Discarded`], and
    /// [`AskError::Full`] after [`now`](Self::now).
    ///
    /// # Panics
    ///
    /// In a handler, which it would block.
    pub fn blocking(mut self) -> Result<M::Reply, AskError<M>> {
        blocking::run(&mut self, |ask| &ask.deadline, |ask, cx| ask.poll_reply(cx), Self::passed)
    }

    #[inline(always)]
    fn poll_reply(&mut self, cx: &mut Context<'_>) -> Poll<Result<M::Reply, AskError<M>>> {
        match &mut self.stage {
            Stage::Accepted(awaited) => {
                return match awaited.poll(cx) {
                    Poll::Ready(answer) => self.end(answer),
                    Poll::Pending => Poll::Pending,
                };
            }
            Stage::Fresh(msg)
                if !self.deadline.is_checked() && !self.ticket.waits() && current::id().is_none() =>
            {
                // An actor that answers at once must not keep its asker's task from letting others run.
                if is_a_step(WEIGHT) {
                    ready!(step(cx));
                }
                if let Some(msg) = msg.take() {
                    let msg = match self.run(msg) {
                        Ok(ran) => return self.after(ran, cx),
                        Err(msg) => msg,
                    };
                    let (asker, awaited) = Asker::new();
                    match self.to.offer_asked(msg, asker) {
                        Ok(()) => return self.await_reply(awaited, cx),
                        Err((msg, asker)) => {
                            self.stage = Stage::Refused(Offer { msg, asker: Some(asker) }, awaited);
                        }
                    }
                }
            }
            _ => {}
        }
        self.poll_with_care(cx)
    }

    #[cold]
    #[inline(never)]
    fn poll_with_care(&mut self, cx: &mut Context<'_>) -> Poll<Result<M::Reply, AskError<M>>> {
        if let Some(passed) = self.deadline.refuses() {
            return Poll::Ready(self.expired(passed.after()));
        }
        let until = self.deadline.until();
        let coop = ready!(coop::poll_proceed(cx));
        let mut refused = false;
        let (offer, awaited) = match std::mem::replace(&mut self.stage, Stage::Ended) {
            Stage::Fresh(Some(msg)) => {
                if let Some(asker) = current::id()
                    && let Err(path) = self.await_from(asker)
                {
                    let to = self.to.common().identity.clone();
                    return Poll::Ready(Err(AskError::WouldDeadlock { msg, to, path }));
                }
                let msg = match self.run(msg) {
                    Ok(ran) => {
                        coop.made_progress();
                        return self.after(ran, cx);
                    }
                    Err(msg) => msg,
                };
                let (asker, awaited) = Asker::new();
                (Offer { msg, asker: Some(asker) }, awaited)
            }
            Stage::Refused(offer, awaited) => {
                refused = true;
                (offer, awaited)
            }
            Stage::Fresh(None) | Stage::Accepted(_) | Stage::Ended => {
                panic!("a request is not polled after it has ended")
            }
        };
        let mut outcome = if self.ticket.waits() || (refused && self.waits) {
            self.offer_in_line(offer, cx, until)
        } else {
            // The first try is without a waker.
            accept(self.to, offer, until, None)
        };
        if let Err((_, Refusal::Full { .. })) = outcome
            && self.waits
            && !self.ticket.waits()
            && let Err((offer, _)) = outcome
        {
            outcome = self.offer_in_line(offer, cx, until);
        }
        match outcome {
            Ok(()) => {
                coop.made_progress();
                self.await_reply(awaited, cx)
            }
            Err((Offer { msg, .. }, Refusal::Closed(reason))) => {
                let to = self.to.common().identity.clone();
                Poll::Ready(Err(AskError::Stopped { msg, to, reason }))
            }
            Err((Offer { msg, .. }, Refusal::Full { capacity })) if !self.waits => {
                let to = self.to.common().identity.clone();
                Poll::Ready(Err(AskError::Full { msg, to, capacity }))
            }
            Err((offer, Refusal::Full { .. })) => {
                self.stage = Stage::Refused(offer, awaited);
                Poll::Pending
            }
        }
    }

    /// An actor is about to await the answer. Refused when the answer would await the actor.
    #[cold]
    #[inline(never)]
    fn await_from(&mut self, asker: ActorId) -> Result<(), Box<[Identity]>> {
        let common = self.to.common();
        if asker == common.identity.id() {
            return Err(Box::default());
        }
        if let Some(waiting) = Waits::begin(&common.home, asker, &common.identity)? {
            self.deadline.set_waiting(waiting);
        }
        Ok(())
    }

    fn offer_in_line(
        &mut self,
        offer: Offer<M>,
        cx: &Context<'_>,
        until: Option<Until>,
    ) -> Result<(), (Offer<M>, Refusal)> {
        let line = Line { ticket: &mut self.ticket, waker: cx.waker() };
        accept(self.to, offer, until, Some(line))
    }

    /// Runs the handler here, if that is allowed. An ask with a limit must not be held up by a handler, so it has
    /// the actor's task between itself and that.
    #[inline(always)]
    fn run(&self, msg: M) -> Result<Ran<M>, M> {
        if self.deadline.patience().is_some() || self.deadline.until().is_some() {
            return Err(msg);
        }
        self.to.run(msg)
    }

    #[inline(always)]
    fn after(&mut self, ran: Ran<M>, cx: &mut Context<'_>) -> Poll<Result<M::Reply, AskError<M>>> {
        match ran.0 {
            Ok(reply) => Poll::Ready(Ok(reply)),
            Err(other) => match *other {
                Other::NoReply(no_reply) => Poll::Ready(Err(self.why(no_reply))),
                Other::Awaits(awaited) => self.await_reply(awaited, cx),
            },
        }
    }

    #[inline(always)]
    fn await_reply(
        &mut self,
        mut awaited: Awaited<M>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<M::Reply, AskError<M>>> {
        match awaited.poll(cx) {
            Poll::Ready(answer) => self.end(answer),
            Poll::Pending => {
                self.forget(Stage::Accepted(awaited));
                Poll::Pending
            }
        }
    }

    /// Goes on to another stage from one with nothing left in it, which the compiler does not know and would drop.
    #[inline(always)]
    fn forget(&mut self, next: Stage<M>) {
        let before = std::mem::replace(&mut self.stage, next);
        debug_assert!(
            match &before {
                Stage::Accepted(awaited) => awaited.is_over(),
                Stage::Fresh(msg) => msg.is_none(),
                Stage::Ended => true,
                Stage::Refused(..) => false,
            },
            "its message has been accepted, or it has its answer"
        );
        std::mem::forget(before);
    }

    #[inline(always)]
    fn end(&mut self, answer: Result<Answer<M>, Cut>) -> Poll<Result<M::Reply, AskError<M>>> {
        self.forget(Stage::Ended);
        match answer {
            Ok(Ok(reply)) => Poll::Ready(Ok(reply)),
            Ok(Err(no_reply)) => Poll::Ready(Err(self.why(*no_reply))),
            Err(cut) => Poll::Ready(Err(self.why(cut.into()))),
        }
    }

    #[cold]
    fn why(&self, no_reply: NoReply<M>) -> AskError<M> {
        let to = self.to.common().identity.clone();
        match no_reply {
            NoReply::Stopped(msg, reason) => AskError::Stopped { msg, to, reason },
            NoReply::Failed(failure) => AskError::Failed(failure),
            NoReply::Aborted(reason) => AskError::Aborted { to, reason },
            NoReply::Dropped => AskError::NoReply { to },
            NoReply::Discarded(reason) => AskError::Discarded { to, reason },
            NoReply::Expired { started } => {
                let after = self.deadline.until().map_or(Duration::ZERO, |until| until.length());
                AskError::Timeout { started, msg: None, to, after }
            }
        }
    }

    /// A limit has passed. `None`: it is the life of the message, which a handler has got in time.
    fn passed(&mut self, passed: Passed) -> Option<Result<M::Reply, AskError<M>>> {
        if let (Stage::Accepted(awaited), Passed::Expiry(after)) = (&mut self.stage, passed) {
            return match awaited.withdraw() {
                true => {
                    self.stage = Stage::Ended;
                    let to = self.to.common().identity.clone();
                    Some(Err(AskError::Timeout { started: false, msg: None, to, after }))
                }
                false => {
                    self.deadline.outlived();
                    None
                }
            };
        }
        Some(self.expired(passed.after()))
    }

    fn expired(&mut self, after: Duration) -> Result<M::Reply, AskError<M>> {
        self.to.leave(&mut self.ticket);
        let (started, msg) = match std::mem::replace(&mut self.stage, Stage::Ended) {
            Stage::Fresh(msg) => (false, msg),
            Stage::Refused(Offer { msg, .. }, _) => (false, Some(msg)),
            Stage::Accepted(mut awaited) => match awaited.give_up() {
                Ok(answer) => return answer.map_err(|no_reply| self.why(*no_reply)),
                Err(phase) => (phase == Phase::Taken, None),
            },
            Stage::Ended => (false, None),
        };
        Err(AskError::Timeout { started, msg, to: self.to.common().identity.clone(), after })
    }
}

impl<T: ?Sized + Accept<M>, M: Message> Future for Ask<'_, T, M> {
    type Output = Result<M::Reply, AskError<M>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let ask = self.get_mut();
        if let Poll::Ready(outcome) = ask.poll_reply(cx) {
            return Poll::Ready(outcome);
        }
        loop {
            let passed = ready!(ask.deadline.poll_passed(cx));
            if let Some(outcome) = ask.passed(passed) {
                return Poll::Ready(outcome);
            }
        }
    }
}

// Nothing in it is pinned: the message is never a future of its own.
impl<T: ?Sized + Place, M: Message> Unpin for Ask<'_, T, M> {}

impl<T: ?Sized + Place, M: Message> Drop for Ask<'_, T, M> {
    #[inline]
    fn drop(&mut self) {
        if self.ticket.waits() {
            self.to.leave(&mut self.ticket);
        }
    }
}

impl<T: ?Sized + Place, M: Message> fmt::Debug for Ask<'_, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ask").field("waits", &self.ticket.waits()).finish_non_exhaustive()
    }
}
