//! An actor as a `tower` service.
//!
//! The request is [`Ask`]'s: what is here is who owns the reference, and when the message is offered. Tower's own
//! `Buffer` is the model for that: `poll_ready` takes the place, `call` fills it, at once.

use std::{
    fmt, mem,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use tokio::task::coop;
use tower_service::Service;

use super::{Ask, Stage};
use crate::{
    AskError,
    actor::{
        Actor, ActorRef, Handler, Message, Recipient,
        accept::{
            Line, Offer,
            sealed::{Place as _, Sealed},
        },
        asker::Asker,
        current,
        request::deadline::Deadline,
    },
    queue::Ticket,
};

/// An actor as a [`tower::Service`](Service): its requests are messages, each of them asked; with the feature
/// `tower`.
///
/// Use it where there are layers to put in front of an actor, or a caller that wants a service. Where there are
/// none, [`ask`](Recipient::ask) is the same without the clone of a reference for each message, and an actor that
/// declares [`CALLER_RUNS`](Actor::CALLER_RUNS) is asked that way by `ask` alone.
///
/// `poll_ready` waits for room, in the line with all other senders, and holds it for the message that comes next:
/// `call` does not wait, and the message is in the mailbox when it returns. So the calls of one service are
/// accepted in their order, whenever their futures are polled. In the handler of an actor the message is sent when
/// the future is first polled, because only then is it known to be awaited there.
///
/// Whoever asks for room and then does not call keeps it from others meanwhile, until the service is dropped. So
/// does tower's `Buffer` when the one it was waiting for gives up, until its next request: let the mailbox have
/// room for more than the services there are. A clone takes neither the room along nor the place in the line.
///
/// `poll_ready` never fails: it is ready for an actor that accepts nothing any more, and `call` then says so, with
/// the message inside. A balancer would not see that such a service is of no more use. Have it taken out when
/// [`ended`](ActorRef::ended) says so.
///
/// It is a strong reference to the actor, and each future of a call is another.
///
/// # Errors
///
/// Those of an ask, from the future of `call` alone: see [`AskError`], which also says whether sending again is
/// safe, for a layer that retries. The reply of a message may be a `Result`: for a layer an `Err` in it is a
/// success. Use `map_result` with [`Flat::flat`](crate::Flat::flat) where it should not be.
///
/// # Cancel safety
///
/// A `poll_ready` that is not polled again keeps its place in the line until the service is dropped. For the future
/// of a call see [`OwnedAsk`].
///
/// # Examples
///
/// ```
/// use postbox::prelude::*;
/// use std::time::Duration;
/// use tower::{Service, ServiceBuilder, ServiceExt};
///
/// #[derive(Actor, Default)]
/// struct Account { balance: u64 }
///
/// #[messages]
/// impl Account {
///     /// Adds money and returns the new balance.
///     #[message]
///     fn deposit(&mut self, amount: u64) -> u64 { self.balance += amount; self.balance }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// let account = Account::default().spawn();
/// assert_eq!(account.service().oneshot(Deposit { amount: 1 }).await?, 1);
///
/// let mut patient = ServiceBuilder::new()
///     .concurrency_limit(8)
///     .timeout(Duration::from_secs(1))
///     .service(account.service());
/// assert_eq!(patient.ready().await?.call(Deposit { amount: 2 }).await?, 3);
/// # Ok(()) }
/// ```
#[must_use = "nothing is sent until it is called"]
pub struct AskService<M: Message> {
    to: Recipient<M>,
    /// The room held, or the place in the line.
    ticket: Ticket,
}

/// A message whose reply is awaited, with the reference it goes to: what [`AskService`] returns from `call`.
///
/// # Errors
///
/// As [`Ask`].
///
/// # Cancel safety
///
/// Dropped while the message waits, no handler will run it: it becomes a dead letter (`Abandoned`). Dropped while
/// a handler has it, the handler goes on and its reply reaches nobody. Dropped before the message was accepted,
/// which takes a `call` without `poll_ready` or one in a handler, nothing was sent, and its place in the line or the
/// room it holds goes to the next sender.
///
/// # Panics
///
/// When it is polled after it has ended, and, for a message type with a timeout, in a runtime without a timer.
///
/// # Examples
///
/// ```
/// use postbox::{OwnedAsk, prelude::*};
/// use tower::{Service, ServiceExt};
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
/// let mut measure = Measure.spawn().service();
/// let first: OwnedAsk<Length> = measure.ready().await?.call(Length("four"));
/// let second = measure.ready().await?.call(Length("three"));
/// assert_eq!((second.await?, first.await?), (5, 4));
/// # Ok(()) }
/// ```
#[must_use = "the message is given up when it is dropped: await it"]
pub struct OwnedAsk<M: Message> {
    to: Recipient<M>,
    stage: Stage<M>,
    ticket: Ticket,
    deadline: Deadline,
}

impl<A: Actor> ActorRef<A> {
    /// Makes a [`tower::Service`](Service) of messages of one type, with the feature `tower`: each of them is asked.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::prelude::*;
    /// use tower::ServiceExt;
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
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    /// let measure = Measure.spawn();
    /// assert_eq!(measure.service().oneshot(Length("four")).await?, 4);
    /// # Ok(()) }
    /// ```
    pub fn service<M: Message>(&self) -> AskService<M>
    where
        A: Handler<M>,
    {
        self.recipient().service()
    }
}

impl<M: Message> Recipient<M> {
    /// Makes a [`tower::Service`](Service), with the feature `tower`: each message is asked.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::prelude::*;
    /// use tower::ServiceExt;
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
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    /// let measure = Measure.spawn();
    /// assert_eq!(measure.recipient::<Length>().service().oneshot(Length("four")).await?, 4);
    /// # Ok(()) }
    /// ```
    pub fn service(&self) -> AskService<M> {
        AskService { to: self.clone(), ticket: Ticket::default() }
    }
}

impl<M: Message> Service<M> for AskService<M> {
    type Response = M::Reply;
    type Error = AskError<M>;
    type Future = OwnedAsk<M>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), AskError<M>>> {
        let Self { to, ticket } = self;
        // A caller that is always ready, to an actor that keeps up with it, must let others run.
        let coop = ready!(coop::poll_proceed(cx));
        // An actor that asks itself is refused by the future of its call, with room or without.
        let asks_itself = current::id() == Some(to.identity().id());
        // The first try is without a waker, whose clone would be the dearest part of it.
        if !asks_itself && !to.reserve(ticket, None) && !to.reserve(ticket, Some(cx.waker().clone())) {
            return Poll::Pending;
        }
        coop.made_progress();
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, msg: M) -> OwnedAsk<M> {
        let mut ask = OwnedAsk {
            to: self.to.clone(),
            stage: Stage::Fresh(Some(msg)),
            ticket: mem::take(&mut self.ticket),
            deadline: Deadline::after(M::TIMEOUT),
        };
        // A timeout of zero is refused, and a handler that awaits an answer is to be noted first: both by the poll.
        if current::id().is_none() && !ask.deadline.is_checked() {
            ask.offer();
        }
        ask
    }
}

impl<M: Message> OwnedAsk<M> {
    /// Puts the message into the mailbox, if there is room. If not, the poll finds out why.
    fn offer(&mut self) {
        let Self { to, stage, ticket, .. } = self;
        let Stage::Fresh(Some(msg)) = mem::replace(stage, Stage::Ended) else { return };
        let (asker, awaited) = Asker::new();
        let line = ticket.waits().then(|| Line { ticket, waker: Waker::noop() });
        *stage = match to.accept(Offer { msg, asker: Some(asker) }, line) {
            Ok(()) => Stage::Accepted(awaited),
            Err((offer, _refusal)) => Stage::Refused(offer, awaited),
        };
    }
}

impl<M: Message> Future for OwnedAsk<M> {
    type Output = Result<M::Reply, AskError<M>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { to, stage, ticket, deadline } = self.get_mut();
        let mut ask = Ask {
            to,
            stage: mem::replace(stage, Stage::Ended),
            waits: true,
            ticket: mem::take(ticket),
            deadline: mem::take(deadline),
        };
        let outcome = Pin::new(&mut ask).poll(cx);
        // Once it has ended, the ask gives back what it holds.
        if outcome.is_pending() {
            *stage = mem::replace(&mut ask.stage, Stage::Ended);
            *ticket = mem::take(&mut ask.ticket);
            *deadline = mem::take(&mut ask.deadline);
        }
        outcome
    }
}

impl<M: Message> Clone for AskService<M> {
    fn clone(&self) -> Self {
        self.to.service()
    }
}

impl<M: Message> Drop for AskService<M> {
    fn drop(&mut self) {
        if self.ticket.waits() {
            self.to.leave(&mut self.ticket);
        }
    }
}

impl<M: Message> Drop for OwnedAsk<M> {
    fn drop(&mut self) {
        if self.ticket.waits() {
            self.to.leave(&mut self.ticket);
        }
    }
}

// Nothing in it is pinned, as in an `Ask`.
impl<M: Message> Unpin for OwnedAsk<M> {}

impl<M: Message> fmt::Debug for AskService<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holds = self.ticket.waits();
        f.debug_struct("AskService").field("to", &self.to).field("in_line", &holds).finish()
    }
}

impl<M: Message> fmt::Debug for OwnedAsk<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waits = self.ticket.waits();
        f.debug_struct("OwnedAsk").field("to", &self.to).field("waits", &waits).finish_non_exhaustive()
    }
}
