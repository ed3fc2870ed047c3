//! Sending many messages without asking for replies.

use std::{
    cell::Cell,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::task::coop;

use super::{
    accept, blocking,
    deadline::{Deadline, Passed},
};
use crate::{
    BatchError, Identity, Rest, TellError, TryTellError,
    actor::{
        Message,
        accept::{Accept, Line, Offer, Refusal},
        current,
        limit::Until,
    },
    queue::Ticket,
};

/// How many messages are taken from the iterator at a time, to be offered under one lock.
///
/// They have to be taken before: the iterator is code of the user, which must not run under the mailbox's lock. The
/// number is as measured, in instructions from send to handled: 382 for a tell, 275, 265, 260 and 257 for a message
/// of a long batch in runs of 8, 16, 32 and 64. More would hold the lock longer for next to nothing.
const RUN: usize = 32;

/// Sends many messages when awaited, in their order, and waits its turn for room in the mailbox.
///
/// `Ok` holds how many there were, and means that each of them has been accepted: from then on it has exactly one
/// fate, as if it had been told by itself. What differs is the cost: as many as fit, and up to 32, go in under one
/// lock, and wake the actor once. It pays from some four messages on; a batch has a little memory of its own, which
/// fewer do not earn back.
///
/// When there is no room, the next one takes a place in the line of those that wait, like any other sender's; once
/// it is in, as many of the others follow as there is room for. So a batch takes turns with other senders, and
/// their messages may come in between. It gives way to other tasks now and then, however much room there is.
///
/// Up to 32 messages are taken from the iterator before the first of them is sent. For messages that come one by
/// one, as from a channel, tell each when it comes.
///
/// # Errors
///
/// [`BatchError`] with [`TellError::Stopped`], [`TellError::Timeout`] or [`TellError::WouldDeadlock`], at the first
/// message that is refused. All that was not accepted is inside: that message and those behind it.
///
/// # Panics
///
/// When the iterator does. What was accepted stays accepted; the up to 31 messages that it gave since are still in
/// here.
///
/// # Cancel safety
///
/// Dropped before it is ready, those messages that were accepted stay accepted; the others are dropped with it, and
/// its place in the line is given up. To keep them, poll it by `&mut`, and call [`into_rest`](Self::into_rest).
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
/// let log = Log.prepare().capacity(8).spawn()?;
/// let lines = "one\ntwo\nthree".lines().map(|line| Line(line.to_owned()));
/// assert_eq!(log.tell_all(lines).await?, 3);
///
/// // Cut short, it gives back what it has not sent.
/// let mut numbers = log.tell_all((0..).map(|n: u32| Line(n.to_string())));
/// tokio::select! {
///     biased;
///     done = &mut numbers => unreachable!("it never ends: {done:?}"),
///     () = tokio::task::yield_now() => {}
/// }
/// let sent = numbers.accepted();
/// let next = numbers.into_rest().next().expect("an endless iterator");
/// assert_eq!(next.0, sent.to_string());
/// # Ok(()) }
/// ```
#[must_use = "nothing is sent yet: add `.await`, or end it with `now` or `blocking`"]
pub struct TellAll<'a, T: ?Sized + Accept<I::Item>, I: Iterator<Item: Message>> {
    to: &'a T,
    accepted: usize,
    rest: Rest<I>,
    /// The place in the line of the message at the front.
    ticket: Ticket,
    deadline: Deadline,
}

impl<'a, T: ?Sized + Accept<I::Item>, I: Iterator<Item: Message>> TellAll<'a, T, I> {
    pub(crate) fn new(to: &'a T, iter: I) -> Self {
        let (ticket, deadline) = (Ticket::default(), Deadline::default());
        Self { to, accepted: 0, rest: Rest::of(iter), ticket, deadline }
    }

    /// Gives up this long after the first message that has to wait, for all of them together. Zero is refused:
    /// the request then ends at once.
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
    /// struct Line(u32);
    ///
    /// #[derive(Actor)]
    /// struct Log;
    ///
    /// impl Handler<Line> for Log {
    ///     async fn handle(&mut self, _line: Line, _ctx: &mut Context<Self>) {}
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let log = Log.prepare().capacity(4).spawn()?;
    /// assert_eq!(log.tell_all((0..9).map(Line)).timeout(Duration::from_secs(1)).await?, 9);
    /// # Ok(()) }
    /// ```
    pub fn timeout(mut self, after: Duration) -> Self {
        self.deadline.set_after(after);
        self
    }

    /// Lets each of the messages expire this long after this call, wherever it is by then: see
    /// [`Tell::deadline`](super::Tell::deadline).
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
    /// struct Line(u32);
    ///
    /// #[derive(Actor)]
    /// struct Log;
    ///
    /// impl Handler<Line> for Log {
    ///     async fn handle(&mut self, _line: Line, _ctx: &mut Context<Self>) {}
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let log = Log.prepare().capacity(4).spawn()?;
    /// assert_eq!(log.tell_all((0..9).map(Line)).deadline(Duration::from_secs(1)).await?, 9);
    /// # Ok(()) }
    /// ```
    pub fn deadline(mut self, after: Duration) -> Self {
        self.deadline.set_until(Until::after(after));
        self
    }

    /// Returns how many messages have been accepted so far.
    #[must_use]
    pub const fn accepted(&self) -> usize {
        self.accepted
    }

    /// Ends it, and returns the messages that have not been accepted.
    ///
    /// For one that is given up between two polls, in a `select!` for example.
    pub fn into_rest(mut self) -> Rest<I> {
        self.take_rest()
    }

    /// Sends at once what there is room for.
    ///
    /// An endless iterator keeps it for ever where the mailbox drops what does not fit.
    ///
    /// # Errors
    ///
    /// [`BatchError`] with [`TryTellError::Full`], [`TryTellError::Stopped`] or [`TryTellError::Timeout`], at the first
    /// message that is refused. All that was not accepted is inside.
    ///
    /// # Panics
    ///
    /// When the iterator does.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::prelude::*;
    ///
    /// #[derive(Message)]
    /// struct Line(u32);
    ///
    /// #[derive(Actor)]
    /// struct Log;
    ///
    /// impl Handler<Line> for Log {
    ///     async fn handle(&mut self, _line: Line, _ctx: &mut Context<Self>) {}
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let log = Log.prepare().capacity(4).spawn()?;
    /// let full = log.tell_all((0..9).map(Line)).now().expect_err("four of them fit");
    /// assert_eq!((full.accepted, full.into_rest().count()), (4, 5));
    /// # Ok(()) }
    /// ```
    pub fn now(mut self) -> Result<usize, BatchError<TryTellError<I::Item>, I>> {
        while self.fill() {
            if self.deadline.is_checked()
                && let Some(Passed::Expiry(after)) = self.deadline.refuses()
            {
                return Err(self.refused(|msg, to| TryTellError::Timeout { msg, to, after }));
            }
            match self.offer() {
                Ok(()) => {}
                Err(Refusal::Full { capacity }) => {
                    return Err(self.refused(|msg, to| TryTellError::Full { msg, to, capacity }));
                }
                Err(Refusal::Closed(reason)) => {
                    return Err(self.refused(|msg, to| TryTellError::Stopped { msg, to, reason }));
                }
            }
        }
        Ok(self.accepted)
    }

    /// Blocks the thread until all of the messages have been accepted: for code that is not async, in a runtime
    /// or outside of any.
    ///
    /// # Errors
    ///
    /// [`BatchError`] with [`TellError::Stopped`] or [`TellError::Timeout`], at the first message that is refused.
    ///
    /// # Panics
    ///
    /// In a handler, which it would block for ever; and when the iterator does.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::prelude::*;
    ///
    /// #[derive(Message)]
    /// struct Line(u32);
    ///
    /// #[derive(Actor)]
    /// struct Log;
    ///
    /// impl Handler<Line> for Log {
    ///     async fn handle(&mut self, _line: Line, _ctx: &mut Context<Self>) {}
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let log = Log.prepare().capacity(4).spawn()?;
    /// let blocking = tokio::task::spawn_blocking(move || {
    ///     log.tell_all((0..9).map(Line)).blocking().map_err(|failed| failed.error)
    /// });
    /// assert_eq!(blocking.await??, 9);
    /// # Ok(()) }
    /// ```
    pub fn blocking(mut self) -> Result<usize, BatchError<TellError<I::Item>, I>> {
        blocking::run(
            &mut self,
            |batch| &batch.deadline,
            |batch, cx| batch.poll_accept(cx),
            |batch, passed| Some(batch.expired(passed)),
        )
    }

    #[expect(clippy::type_complexity, reason = "the output of this future")]
    fn poll_accept(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<usize, BatchError<TellError<I::Item>, I>>> {
        loop {
            if !self.fill() {
                return Poll::Ready(Ok(self.accepted));
            }
            // Who stands in the line stands there with the first message alone.
            let offers = if self.ticket.waits() { 1 } else { self.rest.taken().len() };
            // One that never has to wait must let others run.
            let coop = if is_a_step(offers) { Some(ready!(coop::poll_proceed(cx))) } else { None };
            if self.deadline.is_checked()
                && let Some(passed) = self.deadline.refuses()
            {
                return Poll::Ready(self.expired(passed));
            }
            let offered = if self.ticket.waits() { self.offer_in_line(cx) } else { self.offer() };
            let outcome = match offered {
                Err(Refusal::Full { .. }) if !self.ticket.waits() => {
                    if current::id() == Some(self.to.common().identity.id()) {
                        let error = self.refused(|msg, to| TellError::WouldDeadlock { msg, to });
                        return Poll::Ready(Err(error));
                    }
                    self.offer_in_line(cx)
                }
                offered => offered,
            };
            match outcome {
                Ok(()) => {
                    coop.into_iter().for_each(|coop| coop.made_progress());
                    if self.rest.is_over() {
                        return Poll::Ready(Ok(self.accepted));
                    }
                }
                Err(Refusal::Full { .. }) => return Poll::Pending,
                Err(Refusal::Closed(reason)) => {
                    let error = self.refused(|msg, to| TellError::Stopped { msg, to, reason });
                    return Poll::Ready(Err(error));
                }
            }
        }
    }

    /// Sees that there is a message at hand, if there is one at all.
    #[inline]
    fn fill(&mut self) -> bool {
        !self.rest.fill(RUN).is_empty()
    }

    /// Offers the messages at hand. What is taken is taken, also when the next is refused.
    #[inline]
    fn offer(&mut self) -> Result<(), Refusal> {
        let from = self.rest.taken();
        let before = from.len();
        let outcome = self.to.accept_many(from, self.deadline.until());
        self.accepted += before - from.len();
        outcome
    }

    /// Offers the first of the messages at hand, with a place in the line of those that wait.
    fn offer_in_line(&mut self, cx: &Context<'_>) -> Result<(), Refusal> {
        let msg = self.rest.taken().pop_front().expect("a batch that waits has a message at hand");
        let line = Line { ticket: &mut self.ticket, waker: cx.waker() };
        match accept(self.to, Offer { msg, asker: None }, self.deadline.until(), Some(line)) {
            Ok(()) => {
                self.accepted += 1;
                Ok(())
            }
            Err((offer, refusal)) => {
                self.rest.taken().push_front(offer.msg);
                Err(refusal)
            }
        }
    }

    /// A limit has passed. It is the next message's, if there is one.
    fn expired(&mut self, passed: Passed) -> Result<usize, BatchError<TellError<I::Item>, I>> {
        if !self.fill() {
            return Ok(self.accepted);
        }
        Err(self.refused(|msg, to| TellError::Timeout { msg, to, after: passed.after() }))
    }

    /// The first of the messages at hand is refused.
    fn refused<E>(&mut self, why: impl FnOnce(I::Item, Identity) -> E) -> BatchError<E, I> {
        let mut rest = self.take_rest();
        let msg = rest.taken().pop_front().expect("a message at hand is refused");
        BatchError::new(self.accepted, why(msg, self.to.common().identity.clone()), rest)
    }

    /// Leaves the line, and nothing behind.
    fn take_rest(&mut self) -> Rest<I> {
        self.to.leave(&mut self.ticket);
        std::mem::replace(&mut self.rest, Rest::none())
    }
}

impl<T: ?Sized + Accept<I::Item>, I: Iterator<Item: Message>> Future for TellAll<'_, T, I> {
    type Output = Result<usize, BatchError<TellError<I::Item>, I>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let batch = self.get_mut();
        if let Poll::Ready(outcome) = batch.poll_accept(cx) {
            return Poll::Ready(outcome);
        }
        let passed = ready!(batch.deadline.poll_passed(cx));
        Poll::Ready(batch.expired(passed))
    }
}

/// Whether so many messages are to count as one of the steps that tokio grants a task in one poll: as many do as of
/// those that are told one by one, so that many small batches wake an actor no more often than these.
fn is_a_step(offers: usize) -> bool {
    thread_local! {
        static OFFERS: Cell<usize> = const { Cell::new(0) };
    }
    let offers = OFFERS.get() + offers;
    OFFERS.set(offers % RUN);
    offers >= RUN
}

// Nothing in it is pinned: neither the messages nor the iterator are futures of its own.
impl<T: ?Sized + Accept<I::Item>, I: Iterator<Item: Message>> Unpin for TellAll<'_, T, I> {}

impl<T: ?Sized + Accept<I::Item>, I: Iterator<Item: Message>> Drop for TellAll<'_, T, I> {
    fn drop(&mut self) {
        if self.ticket.waits() {
            self.to.leave(&mut self.ticket);
        }
    }
}

impl<T: ?Sized + Accept<I::Item>, I: Iterator<Item: Message>> fmt::Debug for TellAll<'_, T, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TellAll")
            .field("accepted", &self.accepted)
            .field("waits", &self.ticket.waits())
            .finish_non_exhaustive()
    }
}
