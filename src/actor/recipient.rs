//! References for messages of one type, whatever the actor behind them.

use std::{collections::VecDeque, fmt, sync::Arc, task::Waker};

use super::{
    Handle, Message,
    accept::{
        Line, Offer, Refusal,
        sealed::{Place, Sealed},
    },
    asker::Asker,
    common::Common,
    limit::Until,
    request::{Ask, AskAll, Tell, TellAll},
    seat::{AnySeat, signal},
};
use crate::{BatchError, Identity, TryTellError, queue::Ticket};

/// A seat of an actor that handles `M`.
pub(crate) trait Accepting<M: Message>: Sealed<M> + AnySeat {}

impl<M: Message, T: Sealed<M> + AnySeat> Accepting<M> for T {}

/// A strong reference to any actor that handles `M`.
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
/// struct Printer;
///
/// impl Handler<Line> for Printer {
///     async fn handle(&mut self, line: Line, _ctx: &mut Context<Self>) { drop(line.0); }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let sinks: Vec<Recipient<Line>> = vec![Printer.spawn().recipient()];
/// for sink in &sinks { sink.tell(Line("hello".to_owned())).await?; }
/// # Ok(()) }
/// ```
pub struct Recipient<M: Message> {
    seat: Arc<dyn Accepting<M>>,
}

impl<M: Message> Recipient<M> {
    pub(crate) fn new(seat: Arc<dyn Accepting<M>>) -> Self {
        AnySeat::common(&*seat).hold();
        Self { seat }
    }

    /// Sends a message, as [`ActorRef::tell`](super::ActorRef::tell).
    pub fn tell(&self, msg: M) -> Tell<'_, Self, M> {
        Tell::new(self, msg)
    }

    /// Sends a message without waiting for room.
    ///
    /// # Errors
    ///
    /// As [`ActorRef::try_tell`](super::ActorRef::try_tell). The message is inside.
    pub fn try_tell(&self, msg: M) -> Result<(), TryTellError<M>> {
        self.tell(msg).now()
    }

    /// Sends many messages, as [`ActorRef::tell_all`](super::ActorRef::tell_all).
    pub fn tell_all<I: IntoIterator<Item = M>>(&self, msgs: I) -> TellAll<'_, Self, I::IntoIter> {
        TellAll::new(self, msgs.into_iter())
    }

    /// Sends as many of the messages as there is room for, and never waits. Returns how many there were.
    ///
    /// # Errors
    ///
    /// As [`ActorRef::try_tell_many`](super::ActorRef::try_tell_many). All that was not accepted is inside.
    pub fn try_tell_many<I: IntoIterator<Item = M>>(
        &self,
        msgs: I,
    ) -> Result<usize, BatchError<TryTellError<M>, I::IntoIter>> {
        self.tell_all(msgs).now()
    }

    /// Sends a message and asks for its reply, as [`ActorRef::ask`](super::ActorRef::ask).
    pub fn ask(&self, msg: M) -> Ask<'_, Self, M> {
        Ask::new(self, msg)
    }

    /// Sends a message and asks for its reply, but does not wait for room.
    pub fn try_ask(&self, msg: M) -> Ask<'_, Self, M> {
        Ask::new(self, msg).now()
    }

    /// Asks many questions, as [`ActorRef::ask_all`](super::ActorRef::ask_all).
    pub fn ask_all<I: IntoIterator<Item = M>>(&self, msgs: I) -> AskAll<'_, Self, I::IntoIter> {
        AskAll::new(self, msgs.into_iter())
    }

    /// Makes a reference that keeps nothing alive.
    #[must_use]
    pub fn downgrade(&self) -> WeakRecipient<M> {
        WeakRecipient { seat: Arc::clone(&self.seat) }
    }

    /// Makes an untyped handle to the actor behind it, which keeps nothing alive.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle::new(Arc::clone(&self.seat) as Arc<dyn AnySeat>)
    }

    /// Returns who the actor behind it is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &AnySeat::common(&*self.seat).identity
    }
}

impl<M: Message> Sealed<M> for Recipient<M> {
    fn offer(&self, msg: M) -> Result<(), M> {
        self.seat.offer(msg)
    }

    fn offer_asked(&self, msg: M, asker: Asker<M>) -> Result<(), (M, Asker<M>)> {
        self.seat.offer_asked(msg, asker)
    }

    fn accept(&self, offer: Offer<M>, line: Option<Line<'_>>) -> Result<(), (Offer<M>, Refusal)> {
        self.seat.accept(offer, line)
    }

    fn accept_until(
        &self,
        offer: Offer<M>,
        until: Until,
        line: Option<Line<'_>>,
    ) -> Result<(), (Offer<M>, Refusal)> {
        self.seat.accept_until(offer, until, line)
    }

    fn accept_many(&self, from: &mut VecDeque<M>, until: Option<Until>) -> Result<(), Refusal> {
        self.seat.accept_many(from, until)
    }

    fn reserve(&self, ticket: &mut Ticket, waker: Option<Waker>) -> bool {
        self.seat.reserve(ticket, waker)
    }
}

impl<M: Message> Place for Recipient<M> {
    fn leave(&self, ticket: &mut Ticket) {
        self.seat.leave(ticket);
    }

    fn common(&self) -> &Common {
        AnySeat::common(&*self.seat)
    }
}

impl<M: Message> Clone for Recipient<M> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.seat))
    }
}

impl<M: Message> Drop for Recipient<M> {
    fn drop(&mut self) {
        if AnySeat::common(&*self.seat).release() {
            self.seat.signal(signal::RELEASED);
        }
    }
}

impl<M: Message> fmt::Debug for Recipient<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({})", self.identity())
    }
}

/// A [`Recipient`] that does not keep a free-standing actor alive.
///
/// # Examples
///
/// ```
/// use postbox::prelude::*;
///
/// #[derive(Message)]
/// struct Ping;
///
/// fn ping_if_alive(to: &WeakRecipient<Ping>) {
///     if let Some(to) = to.upgrade() { let _ = to.try_tell(Ping); }
/// }
/// # let _ = ping_if_alive;
/// ```
pub struct WeakRecipient<M: Message> {
    seat: Arc<dyn Accepting<M>>,
}

impl<M: Message> WeakRecipient<M> {
    /// Makes a strong reference, unless the actor has ended for good or its last strong reference is gone.
    #[must_use]
    pub fn upgrade(&self) -> Option<Recipient<M>> {
        AnySeat::common(&*self.seat).try_hold().then(|| Recipient { seat: Arc::clone(&self.seat) })
    }

    /// Makes an untyped handle to the actor behind it, which keeps nothing alive.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle::new(Arc::clone(&self.seat) as Arc<dyn AnySeat>)
    }

    /// Returns who the actor behind it is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &AnySeat::common(&*self.seat).identity
    }
}

impl<M: Message> Clone for WeakRecipient<M> {
    fn clone(&self) -> Self {
        Self { seat: Arc::clone(&self.seat) }
    }
}

impl<M: Message> fmt::Debug for WeakRecipient<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WeakRecipient({})", self.identity())
    }
}
