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

/// Refers to any actor that handles `M`, strongly.
///
/// Use it where the sender is not to know the type of the actor: for those who subscribe, and for what a test stands
/// in for. A send through it costs a virtual call. It holds a free-standing actor alive, as an
/// [`ActorRef`](super::ActorRef) does.
///
/// # Examples
///
/// ```
/// use postbox::prelude::*;
///
/// #[derive(Message)]
/// #[message(reply = usize)]
/// struct Line(&'static str);
///
/// #[derive(Actor, Default)]
/// struct Log { bytes: usize }
///
/// impl Handler<Line> for Log {
///     async fn handle(&mut self, line: Line, _ctx: &mut Context<Self>) -> usize {
///         self.bytes += line.0.len();
///         self.bytes
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let log: Recipient<Line> = Log::default().spawn().recipient();
/// log.tell(Line("one")).await?;
/// log.try_tell(Line("two"))?;
/// assert_eq!(log.tell_all([Line("three"), Line("four")]).await?, 2);
/// assert_eq!(log.try_tell_many([Line("five")])?, 1);
/// assert_eq!(log.ask(Line("six")).await?, 22);
/// assert_eq!(log.try_ask(Line("seven")).await?, 27);
///
/// let (weak, handle) = (log.downgrade(), log.handle());
/// assert_eq!(log.identity(), handle.identity());
/// drop(log);
/// assert!(handle.ended().await.is_normal());
/// assert!(weak.upgrade().is_none());
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
    ///
    /// # Cancel safety
    ///
    /// That of [`Tell`].
    pub fn tell(&self, msg: M) -> Tell<'_, Self, M> {
        Tell::new(self, msg)
    }

    /// Sends a message without waiting for room.
    ///
    /// # Errors
    ///
    /// [`TryTellError::Full`] when there is no room, or others wait for it already; [`TryTellError::Stopped`] when the
    /// actor accepts nothing any more. The message is inside.
    pub fn try_tell(&self, msg: M) -> Result<(), TryTellError<M>> {
        self.tell(msg).now()
    }

    /// Sends many messages, as [`ActorRef::tell_all`](super::ActorRef::tell_all).
    ///
    /// # Cancel safety
    ///
    /// That of [`TellAll`].
    pub fn tell_all<I: IntoIterator<Item = M>>(&self, msgs: I) -> TellAll<'_, Self, I::IntoIter> {
        TellAll::new(self, msgs.into_iter())
    }

    /// Sends as many of the messages as there is room for, and never waits. Returns how many there were.
    ///
    /// # Errors
    ///
    /// [`BatchError`], at the first message that is refused, with [`TryTellError::Full`] or
    /// [`TryTellError::Stopped`]. All that was not accepted is inside.
    ///
    /// # Panics
    ///
    /// When the iterator does.
    pub fn try_tell_many<I: IntoIterator<Item = M>>(
        &self,
        msgs: I,
    ) -> Result<usize, BatchError<TryTellError<M>, I::IntoIter>> {
        self.tell_all(msgs).now()
    }

    /// Sends a message and asks for its reply, as [`ActorRef::ask`](super::ActorRef::ask).
    ///
    /// # Cancel safety
    ///
    /// That of [`Ask`].
    pub fn ask(&self, msg: M) -> Ask<'_, Self, M> {
        Ask::new(self, msg)
    }

    /// Sends a message and asks for its reply, but does not wait for room.
    ///
    /// # Cancel safety
    ///
    /// That of [`Ask`].
    pub fn try_ask(&self, msg: M) -> Ask<'_, Self, M> {
        Ask::new(self, msg).now()
    }

    /// Asks many questions, as [`ActorRef::ask_all`](super::ActorRef::ask_all).
    ///
    /// # Cancel safety
    ///
    /// That of [`AskAll`].
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::prelude::*;
    ///
    /// #[derive(Message)]
    /// #[message(reply = u32)]
    /// struct Square(u32);
    ///
    /// #[derive(Actor)]
    /// struct Squarer;
    ///
    /// impl Handler<Square> for Squarer {
    ///     async fn handle(&mut self, msg: Square, _ctx: &mut Context<Self>) -> u32 { msg.0 * msg.0 }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let squarer: Recipient<Square> = Squarer.spawn().recipient();
    /// let (mut squares, mut sum) = (squarer.ask_all((1..=100).map(Square)), 0);
    /// while let Some(square) = squares.next().await { sum += square?; }
    /// assert_eq!(sum, 338_350);
    /// # Ok(()) }
    /// ```
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

/// Refers to any actor that handles `M` without keeping it alive, where that one is free-standing.
///
/// For those who subscribe: whoever sends to them sees when they are gone.
///
/// # Examples
///
/// ```
/// use postbox::prelude::*;
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
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let echo = Echo.spawn();
/// let weak: WeakRecipient<Ping> = echo.recipient().downgrade();
/// if let Some(echo) = weak.upgrade() { echo.tell(Ping).await?; }
/// assert_eq!(weak.identity(), echo.identity());
/// drop(echo);
/// assert!(weak.handle().ended().await.is_normal());
/// assert!(weak.upgrade().is_none());
/// # Ok(()) }
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
