//! An actor as the end of a stream.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use futures_sink::Sink;
use tokio::task::coop;

use crate::{
    TellError,
    actor::{
        Actor, ActorRef, Handler, Message, Recipient,
        accept::{
            Line, Offer, Refusal,
            sealed::{Place as _, Sealed},
        },
        current,
    },
    queue::Ticket,
};

/// Ends a stream at an actor: a [`Sink`] of messages, with the feature `stream`.
///
/// A message is accepted when `start_send` has returned `Ok`, and has exactly one fate from then on, as if it had
/// been told. The sink keeps none of them back, so flushing has nothing to do, and closing ends nothing: the actor
/// goes on. It is a strong reference to the actor.
///
/// `poll_ready` waits for room, in the line with all other senders, and holds it for the message that comes next.
/// Whoever gets a message first and asks for room then, as `forward`, `send` and `send_all` do, holds it for no
/// time. Whoever asks for room and then waits for a message keeps it from others meanwhile, until the sink is
/// dropped or closed.
///
/// Each message costs two locks, and twice the instructions of a tell. Where the stream has many of them ready at
/// once, [`tell_all`](ActorRef::tell_all) for each of its `ready_chunks` costs less than half of that.
///
/// # Errors
///
/// [`TellError::Stopped`] and [`TellError::WouldDeadlock`], from `start_send` alone: so the message is inside, and
/// none is lost on the way. `poll_ready` is ready for an actor that accepts nothing any more.
///
/// # Panics
///
/// `start_send`, when the mailbox is full and `poll_ready` has not been ready before.
///
/// # Cancel safety
///
/// Dropped, it gives up its place in the line, and the room it holds goes to the next sender.
///
/// # Examples
///
/// ```
/// use futures_util::{SinkExt, StreamExt, stream};
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
/// let lines = || stream::iter(0..100).map(|n| Line(n.to_string()));
/// lines().map(Ok).forward(log.sink()).await?;
///
/// // One at a time, and from a stream of errors of its own.
/// log.sink().send(Line("the last one".to_owned())).await?;
///
/// // Many at a time.
/// let mut chunks = lines().ready_chunks(64);
/// while let Some(chunk) = chunks.next().await {
///     log.tell_all(chunk).await?;
/// }
/// # Ok(()) }
/// ```
#[must_use = "nothing is sent until a message is given to it"]
pub struct TellSink<M: Message> {
    to: Recipient<M>,
    /// The room held, or the place in the line.
    ticket: Ticket,
    /// It was asked for room in a handler of its own actor, and there was none: the next message is to be refused.
    deadlock: bool,
}

impl<A: Actor> ActorRef<A> {
    /// Makes a [`Sink`] for messages of one type, with the feature `stream`: the end of a stream at this actor.
    ///
    /// # Cancel safety
    ///
    /// That of [`TellSink`].
    ///
    /// # Examples
    ///
    /// ```
    /// use futures_util::SinkExt;
    /// use postbox::prelude::*;
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
    /// log.sink().send(Line("hello")).await?;
    /// assert_eq!(log.ledger().accepted, 1);
    /// # Ok(()) }
    /// ```
    pub fn sink<M: Message>(&self) -> TellSink<M>
    where
        A: Handler<M>,
    {
        self.recipient().sink()
    }
}

impl<M: Message> Recipient<M> {
    /// Makes a [`Sink`], with the feature `stream`: the end of a stream at the actor behind it.
    ///
    /// # Cancel safety
    ///
    /// That of [`TellSink`].
    ///
    /// # Examples
    ///
    /// ```
    /// use futures_util::SinkExt;
    /// use postbox::prelude::*;
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
    /// let log: Recipient<Line> = Log.spawn().recipient();
    /// log.sink().send(Line("hello")).await?;
    /// assert_eq!(log.handle().ledger().accepted, 1);
    /// # Ok(()) }
    /// ```
    pub fn sink(&self) -> TellSink<M> {
        TellSink { to: self.clone(), ticket: Ticket::default(), deadlock: false }
    }
}

impl<M: Message> Sink<M> for TellSink<M> {
    type Error = TellError<M>;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), TellError<M>>> {
        let Self { to, ticket, deadlock } = self.get_mut();
        // A stream that is always ready, to an actor that keeps up with it, must let others run.
        let coop = ready!(coop::poll_proceed(cx));
        *deadlock = false;
        // The first try is without a waker, whose clone would be the dearest part of it.
        if !to.reserve(ticket, None) {
            *deadlock = current::id() == Some(to.identity().id());
            if !*deadlock && !to.reserve(ticket, Some(cx.waker().clone())) {
                return Poll::Pending;
            }
        }
        coop.made_progress();
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, msg: M) -> Result<(), TellError<M>> {
        let Self { to, ticket, deadlock } = self.get_mut();
        let line = ticket.waits().then(|| Line { ticket, waker: Waker::noop() });
        let Err((Offer { msg, .. }, refusal)) = to.accept(Offer { msg, asker: None }, line) else {
            return Ok(());
        };
        to.leave(ticket);
        let identity = to.identity().clone();
        match refusal {
            Refusal::Closed(reason) => Err(TellError::Stopped { msg, to: identity, reason }),
            Refusal::Full { .. } if *deadlock => Err(TellError::WouldDeadlock { msg, to: identity }),
            Refusal::Full { .. } => panic!("`start_send` to {identity}, which is full, without `poll_ready`"),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Result<(), TellError<M>>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Result<(), TellError<M>>> {
        let Self { to, ticket, .. } = self.get_mut();
        to.leave(ticket);
        Poll::Ready(Ok(()))
    }
}

// Nothing in it is pinned: it holds no message and no future.
impl<M: Message> Unpin for TellSink<M> {}

impl<M: Message> Drop for TellSink<M> {
    fn drop(&mut self) {
        self.to.leave(&mut self.ticket);
    }
}

impl<M: Message> fmt::Debug for TellSink<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holds = self.ticket.waits();
        f.debug_struct("TellSink").field("to", &self.to).field("in_line", &holds).finish_non_exhaustive()
    }
}
