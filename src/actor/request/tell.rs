//! Sending without asking for a reply.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::task::coop;

use super::{
    accept, blocking,
    deadline::{Deadline, Passed},
    is_a_step,
};
use crate::{
    TellError, TryTellError,
    actor::{
        Message,
        accept::{Accept, Line, Offer, Refusal, sealed::Place},
        current,
        limit::Until,
    },
    queue::Ticket,
};

/// Sends a message when awaited, and waits its turn for room in the mailbox.
///
/// `Ok` means accepted: from then on the message has exactly one fate.
///
/// # Errors
///
/// [`TellError::Stopped`] when the actor accepts nothing any more, [`TellError::Timeout`] when there was no
/// room in time, [`TellError::WouldDeadlock`] when a handler tells its own actor whose mailbox is full. The
/// message is inside.
///
/// # Cancel safety
///
/// Dropped before it is ready, the message is dropped with it and was not accepted; its place in the line is
/// given up, and the next sender moves up. To keep the message use [`now`](Self::now) or a timeout.
///
/// # Examples
///
/// ```
/// use postbox::prelude::*;
/// use std::time::Duration;
///
/// #[derive(Message)]
/// struct Line(&'static str);
///
/// #[derive(Actor)]
/// struct Log;
///
/// impl Handler<Line> for Log {
///     async fn handle(&mut self, line: Line, _ctx: &mut Context<Self>) { drop(line.0); }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let log = Log.spawn();
/// log.tell(Line("as soon as there is room")).await?;
/// log.tell(Line("in time")).timeout(Duration::from_secs(1)).await?;
/// log.tell(Line("at once")).now()?;
///
/// let blocking = tokio::task::spawn_blocking(move || log.tell(Line("a thread")).blocking());
/// blocking.await??;
/// # Ok(()) }
/// ```
#[must_use = "nothing is sent yet: add `.await`, or end it with `now` or `blocking`"]
pub struct Tell<'a, T: ?Sized + Place, M: Message> {
    to: &'a T,
    /// Taken when it has been sent or handed back.
    msg: Option<M>,
    ticket: Ticket,
    deadline: Deadline,
}

impl<'a, T: ?Sized + Accept<M>, M: Message> Tell<'a, T, M> {
    #[inline]
    pub(crate) fn new(to: &'a T, msg: M) -> Self {
        Self { to, msg: Some(msg), ticket: Ticket::default(), deadline: Deadline::default() }
    }

    /// Gives up after this long, with the message. Zero is refused: the request then ends at once.
    ///
    /// # Panics
    ///
    /// When awaited in a runtime without a timer.
    pub fn timeout(mut self, after: Duration) -> Self {
        self.deadline.set_after(after);
        self
    }

    /// Lets the message expire this long after this call, wherever it is by then: not accepted any more, and
    /// once accepted not handled any more, but given to the dead letters
    /// ([`Expired`](crate::Reason::Expired)). Zero is refused: the request then ends at once.
    ///
    /// For a message that is worth nothing when it comes late. A handler that has begun is not cut.
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
    /// struct Position(f64, f64);
    ///
    /// #[derive(Actor)]
    /// struct Map;
    ///
    /// impl Handler<Position> for Map {
    ///     async fn handle(&mut self, at: Position, _ctx: &mut Context<Self>) { drop(at); }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let map = Map.spawn();
    /// map.tell(Position(48.2, 16.4)).deadline(Duration::from_secs(1)).await?;
    /// # Ok(()) }
    /// ```
    pub fn deadline(self, after: Duration) -> Self {
        self.until(Some(Until::after(after)))
    }

    pub(crate) fn until(mut self, until: Option<Until>) -> Self {
        until.into_iter().for_each(|until| self.deadline.set_until(until));
        self
    }

    /// Sends at once or not at all.
    ///
    /// # Errors
    ///
    /// [`TryTellError::Full`] or [`TryTellError::Stopped`], with the message; [`TryTellError::Timeout`] when
    /// its [`deadline`](Self::deadline) has passed.
    ///
    /// # Panics
    ///
    /// When it has been awaited to its end before.
    #[inline]
    pub fn now(mut self) -> Result<(), TryTellError<M>> {
        if self.deadline.is_checked() {
            return self.now_checked();
        }
        let msg = self.msg.take().expect("a request is not used after it has ended");
        let Err(msg) = self.to.offer(msg) else { return Ok(()) };
        self.msg = Some(msg);
        self.now_checked()
    }

    #[cold]
    #[inline(never)]
    fn now_checked(&mut self) -> Result<(), TryTellError<M>> {
        let msg = self.msg.take().expect("a request is not used after it has ended");
        if let Some(Passed::Expiry(after)) = self.deadline.refuses() {
            return Err(TryTellError::Timeout { msg, to: self.to.common().identity.clone(), after });
        }
        let offer = Offer { msg, asker: None };
        accept(self.to, offer, self.deadline.until(), None).map_err(|refused| self.refused(refused))
    }

    fn refused(&self, (offer, refusal): (Offer<M>, Refusal)) -> TryTellError<M> {
        let to = self.to.common().identity.clone();
        match refusal {
            Refusal::Full { capacity } => TryTellError::Full { msg: offer.msg, to, capacity },
            Refusal::Closed(reason) => TryTellError::Stopped { msg: offer.msg, to, reason },
        }
    }

    /// Blocks the thread until the message has been accepted: for code that is not async, in a runtime or
    /// outside of any.
    ///
    /// # Errors
    ///
    /// [`TellError::Stopped`] and [`TellError::Timeout`], with the message.
    ///
    /// # Panics
    ///
    /// In a handler, which it would block for ever.
    pub fn blocking(mut self) -> Result<(), TellError<M>> {
        blocking::run(
            &mut self,
            |tell| &tell.deadline,
            |tell, cx| tell.poll_accept(cx),
            |tell, passed| Some(tell.expired(passed.after())),
        )
    }

    #[inline(always)]
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TellError<M>>> {
        // A sender in a loop must let others run although it never has to wait.
        let quick = !self.deadline.is_checked() && !self.ticket.waits() && !is_a_step(1);
        if quick {
            let msg = self.msg.take().expect("a request is not polled after it has ended");
            match self.to.offer(msg) {
                Ok(()) => return Poll::Ready(Ok(())),
                Err(msg) => self.msg = Some(msg),
            }
        }
        self.poll_with_care(cx, quick)
    }

    #[cold]
    #[inline(never)]
    fn poll_with_care(&mut self, cx: &mut Context<'_>, refused: bool) -> Poll<Result<(), TellError<M>>> {
        if let Some(passed) = self.deadline.refuses() {
            return Poll::Ready(self.expired(passed.after()));
        }
        let until = self.deadline.until();
        let coop = ready!(coop::poll_proceed(cx));
        let msg = self.msg.take().expect("a request is not polled after it has ended");
        // Without a waker, whose clone would be the dearest part of it, unless there was no room to be seen. (An actor
        // may be the one that would have to make room.)
        let in_line = self.ticket.waits() || (refused && current::id().is_none());
        let line = in_line.then(|| Line { ticket: &mut self.ticket, waker: cx.waker() });
        let refused = match accept(self.to, Offer { msg, asker: None }, until, line) {
            Ok(()) => {
                coop.made_progress();
                return Poll::Ready(Ok(()));
            }
            Err((offer, Refusal::Full { .. })) if !in_line => match self.stand_in_line(offer, cx, until) {
                Ok(poll) => return poll,
                Err(refused) => refused,
            },
            Err(refused) => refused,
        };
        match refused {
            (offer, Refusal::Full { .. }) => {
                self.msg = Some(offer.msg);
                Poll::Pending
            }
            (offer, Refusal::Closed(reason)) => {
                let to = self.to.common().identity.clone();
                Poll::Ready(Err(TellError::Stopped { msg: offer.msg, to, reason }))
            }
        }
    }

    /// Waits for room, unless it is the actor itself that would wait.
    #[cold]
    #[expect(clippy::type_complexity, reason = "what `accept` returns, or the end")]
    fn stand_in_line(
        &mut self,
        offer: Offer<M>,
        cx: &mut Context<'_>,
        until: Option<Until>,
    ) -> Result<Poll<Result<(), TellError<M>>>, (Offer<M>, Refusal)> {
        let identity = &self.to.common().identity;
        if current::id() == Some(identity.id()) {
            let error = TellError::WouldDeadlock { msg: offer.msg, to: identity.clone() };
            return Ok(Poll::Ready(Err(error)));
        }
        let line = Line { ticket: &mut self.ticket, waker: cx.waker() };
        accept(self.to, offer, until, Some(line)).map(|()| Poll::Ready(Ok(())))
    }

    fn expired(&mut self, after: Duration) -> Result<(), TellError<M>> {
        self.to.leave(&mut self.ticket);
        let msg = self.msg.take().expect("a request that waits has its message");
        Err(TellError::Timeout { msg, to: self.to.common().identity.clone(), after })
    }
}

impl<T: ?Sized + Accept<M>, M: Message> Future for Tell<'_, T, M> {
    type Output = Result<(), TellError<M>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let tell = self.get_mut();
        if let Poll::Ready(outcome) = tell.poll_accept(cx) {
            return Poll::Ready(outcome);
        }
        let passed = ready!(tell.deadline.poll_passed(cx));
        Poll::Ready(tell.expired(passed.after()))
    }
}

// Nothing in it is pinned: the message is never a future of its own.
impl<T: ?Sized + Place, M: Message> Unpin for Tell<'_, T, M> {}

impl<T: ?Sized + Place, M: Message> Drop for Tell<'_, T, M> {
    #[inline]
    fn drop(&mut self) {
        if self.ticket.waits() {
            self.to.leave(&mut self.ticket);
        }
    }
}

impl<T: ?Sized + Place, M: Message> fmt::Debug for Tell<'_, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tell").field("waits", &self.ticket.waits()).finish_non_exhaustive()
    }
}
