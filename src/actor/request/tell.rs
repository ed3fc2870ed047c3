//! Sending without asking for a reply.

use std::{
    cell::Cell,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::task::coop;

use super::{Deadline, blocking};
use crate::{
    TellError, TryTellError,
    actor::{
        Message,
        accept::{Accept, Line, Offer, Refusal},
        current,
    },
    queue::Ticket,
};

/// A message on its way to a mailbox; awaited, it waits its turn for room.
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
///
/// #[derive(Message)]
/// struct Line(String);
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
/// log.tell(Line("hello".to_owned())).await?;
/// # Ok(()) }
/// ```
#[must_use = "nothing is sent until it is awaited or ended with `now` or `blocking`"]
pub struct Tell<'a, T: ?Sized + Accept<M>, M: Message> {
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
        self.deadline = Deadline::after(Some(after));
        self
    }

    /// Sends at once or not at all.
    ///
    /// # Errors
    ///
    /// [`TryTellError::Full`] or [`TryTellError::Stopped`], with the message.
    ///
    /// # Panics
    ///
    /// When it has been awaited to its end before.
    #[inline]
    pub fn now(mut self) -> Result<(), TryTellError<M>> {
        let msg = self.msg.take().expect("a request is not used after it has ended");
        let Err((offer, refusal)) = self.to.accept(Offer { msg, asker: None }, None) else { return Ok(()) };
        let to = self.to.common().identity.clone();
        Err(match refusal {
            Refusal::Full { capacity } => TryTellError::Full { msg: offer.msg, to, capacity },
            Refusal::Closed(reason) => TryTellError::Stopped { msg: offer.msg, to, reason },
        })
    }

    /// Blocks the thread until the message has been accepted: for code that is not async, in a runtime or
    /// outside of any.
    ///
    /// # Errors
    ///
    /// As awaited.
    ///
    /// # Panics
    ///
    /// In a handler, which it would block for ever.
    pub fn blocking(mut self) -> Result<(), TellError<M>> {
        let after = self.deadline.after;
        blocking::run(&mut self, after, |tell, cx| tell.poll_accept(cx), Self::expired)
    }

    #[inline]
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TellError<M>>> {
        if self.deadline.is_zero() {
            return Poll::Ready(self.expired(Duration::ZERO));
        }
        // A sender in a loop must let others run although it never has to wait.
        let coop = if is_a_step() { Some(ready!(coop::poll_proceed(cx))) } else { None };
        let msg = self.msg.take().expect("a request is not polled after it has ended");
        // The first try is without a waker, whose clone would be the dearest part of it.
        let line = self.ticket.waits().then(|| Line { ticket: &mut self.ticket, waker: cx.waker().clone() });
        let first_in_line = line.is_none();
        let refused = match self.to.accept(Offer { msg, asker: None }, line) {
            Ok(()) => {
                coop.into_iter().for_each(|coop| coop.made_progress());
                return Poll::Ready(Ok(()));
            }
            Err((offer, Refusal::Full { .. })) if first_in_line => match self.stand_in_line(offer, cx) {
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
    ) -> Result<Poll<Result<(), TellError<M>>>, (Offer<M>, Refusal)> {
        let identity = &self.to.common().identity;
        if current::id() == Some(identity.id()) {
            let error = TellError::WouldDeadlock { msg: offer.msg, to: identity.clone() };
            return Ok(Poll::Ready(Err(error)));
        }
        let line = Line { ticket: &mut self.ticket, waker: cx.waker().clone() };
        self.to.accept(offer, Some(line)).map(|()| Poll::Ready(Ok(())))
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
        let after = ready!(tell.deadline.poll_passed(cx));
        Poll::Ready(tell.expired(after))
    }
}

/// Tells that count as one of the 128 steps tokio grants a task in one poll. A tell is some twenty nanoseconds,
/// a step is meant for more; with one step a tell, a sender to many actors wakes each of them for one message.
const TELLS_A_STEP: u32 = 32;

/// Whether the tell at hand is the one in [`TELLS_A_STEP`] that counts, on this thread.
#[inline]
fn is_a_step() -> bool {
    thread_local! {
        static TELLS: Cell<u32> = const { Cell::new(0) };
    }
    let tells = TELLS.get().wrapping_add(1);
    TELLS.set(tells);
    tells.is_multiple_of(TELLS_A_STEP)
}

// Nothing in it is pinned: the message is never a future of its own.
impl<T: ?Sized + Accept<M>, M: Message> Unpin for Tell<'_, T, M> {}

impl<T: ?Sized + Accept<M>, M: Message> Drop for Tell<'_, T, M> {
    #[inline]
    fn drop(&mut self) {
        if self.ticket.waits() {
            self.to.leave(&mut self.ticket);
        }
    }
}

impl<T: ?Sized + Accept<M>, M: Message> fmt::Debug for Tell<'_, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tell").field("waits", &self.ticket.waits()).finish_non_exhaustive()
    }
}
