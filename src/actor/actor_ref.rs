//! Typed references to an actor.

use std::{collections::VecDeque, fmt, sync::Arc, task::Waker};

use super::{
    Actor, Handler, Message,
    accept::{
        Line, Offer, Refusal,
        sealed::{Place, Sealed},
    },
    asker::Asker,
    caller_runs::{self, Ran},
    common::{Common, Ledger, Status},
    family::Family,
    hand_off,
    handle::Handle,
    home::Home,
    limit::Until,
    recipient::Recipient,
    request::{Ask, AskAll, Tell, TellAll},
    seat::{AnySeat, Seat, signal},
};
use crate::{BatchError, Identity, StopReason, TryTellError, queue::Ticket};

/// Refers to an actor, strongly, and sends it messages.
///
/// It stays valid through every restart: it points to the seat, not to who sits in it. A free-standing actor
/// lives as long as there is a strong reference to it; when the last is gone it handles what it has and stops.
///
/// # Examples
///
/// ```
/// use postbox::{Status, prelude::*};
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
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let account: ActorRef<Account> = Account::default().spawn();
/// account.tell(Deposit { amount: 20 }).await?;
/// account.try_tell(Deposit { amount: 1 })?;
/// assert_eq!(account.tell_all((1..=3).map(|amount| Deposit { amount })).await?, 3);
/// assert_eq!(account.ask(Deposit { amount: 1 }).await?, 28);
/// assert_eq!(account.try_ask(Deposit { amount: 1 }).await?, 29);
/// assert_eq!((account.status(), account.ledger().handled), (Status::Running, 7));
///
/// // By the message alone, without keeping it alive, and without its type:
/// let (any, weak, handle) = (account.recipient::<Deposit>(), account.downgrade(), account.handle());
/// assert_eq!(any.identity(), account.identity());
///
/// account.stop();
/// assert!(account.ended().await.is_normal());
/// assert!(weak.upgrade().is_none());
/// assert_eq!(handle.status(), Status::Ended);
/// # Ok(()) }
/// ```
pub struct ActorRef<A: Actor> {
    seat: Arc<Seat<A>>,
}

impl<A: Actor> ActorRef<A> {
    pub(crate) fn new(seat: Arc<Seat<A>>) -> Self {
        seat.common().hold();
        Self { seat }
    }

    /// The first reference, which is counted from the start.
    pub(crate) fn first(seat: Arc<Seat<A>>) -> Self {
        Self { seat }
    }

    /// Sends a message and does not ask for its reply. Awaited, it waits for room in the mailbox.
    ///
    /// Nothing is sent before the returned [`Tell`] is awaited or otherwise ended.
    ///
    /// # Cancel safety
    ///
    /// That of [`Tell`]: dropped before it is ready, the message is dropped with it and was not accepted.
    pub fn tell<M: Message>(&self, msg: M) -> Tell<'_, Self, M>
    where
        A: Handler<M>,
    {
        Tell::new(self, msg)
    }

    /// Sends a message without waiting for room.
    ///
    /// # Errors
    ///
    /// [`TryTellError::Full`] when there is no room, or others wait for it already;
    /// [`TryTellError::Stopped`] when the actor accepts nothing any more. The message is inside.
    #[inline]
    pub fn try_tell<M: Message>(&self, msg: M) -> Result<(), TryTellError<M>>
    where
        A: Handler<M>,
    {
        self.tell(msg).now()
    }

    /// Sends many messages, in their order. Awaited, it waits for room in the mailbox for each of them.
    ///
    /// What fits goes in under one lock, so this is cheaper than to tell one after the other: see [`TellAll`].
    /// Nothing is sent before that is awaited or otherwise ended.
    ///
    /// # Cancel safety
    ///
    /// That of [`TellAll`]: what was accepted stays accepted, the rest is dropped with it.
    pub fn tell_all<I: IntoIterator<Item: Message>>(&self, msgs: I) -> TellAll<'_, Self, I::IntoIter>
    where
        A: Handler<I::Item>,
    {
        TellAll::new(self, msgs.into_iter())
    }

    /// Sends as many of the messages as there is room for, in their order, and never waits. Returns how many
    /// there were.
    ///
    /// # Errors
    ///
    /// [`BatchError`], at the first message that is refused, with [`TryTellError::Full`] or
    /// [`TryTellError::Stopped`]. The message is inside, with those behind it, and with the count of those that were
    /// accepted before.
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
    /// #[derive(Message, Debug, PartialEq)]
    /// struct Job(u32);
    ///
    /// #[derive(Actor)]
    /// struct Worker;
    ///
    /// impl Handler<Job> for Worker {
    ///     async fn handle(&mut self, _job: Job, _ctx: &mut Context<Self>) {}
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let worker = Worker.prepare().capacity(2).spawn()?;
    /// let full = worker.try_tell_many((1..=3).map(Job)).expect_err("two of them fit");
    /// assert_eq!((full.accepted, full.into_rest().next()), (2, Some(Job(3))));
    /// # Ok(()) }
    /// ```
    pub fn try_tell_many<I: IntoIterator<Item: Message>>(
        &self,
        msgs: I,
    ) -> Result<usize, BatchError<TryTellError<I::Item>, I::IntoIter>>
    where
        A: Handler<I::Item>,
    {
        self.tell_all(msgs).now()
    }

    /// Sends a message and asks for its reply. Awaited, it waits for room in the mailbox and for the reply.
    ///
    /// Nothing is sent before the returned [`Ask`] is awaited or otherwise ended.
    ///
    /// # Cancel safety
    ///
    /// That of [`Ask`]: dropped while the message waits, no handler will run it; dropped while a handler has it, the
    /// handler goes on.
    pub fn ask<M: Message>(&self, msg: M) -> Ask<'_, Self, M>
    where
        A: Handler<M>,
    {
        Ask::new(self, msg)
    }

    /// Sends a message and asks for its reply, but does not wait for room:
    /// [`AskError::Full`](crate::AskError::Full) then.
    ///
    /// For a sender that has something better to do than to wait in a line. The reply is awaited all the same.
    ///
    /// # Cancel safety
    ///
    /// That of [`Ask`].
    pub fn try_ask<M: Message>(&self, msg: M) -> Ask<'_, Self, M>
    where
        A: Handler<M>,
    {
        Ask::new(self, msg).now()
    }

    /// Asks many questions, in their order, of which a number are under way at once. The replies come in the same
    /// order: see [`AskAll`].
    ///
    /// Nothing is sent before the first reply is awaited.
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
    /// let squarer = Squarer.spawn();
    /// let (mut squares, mut sum) = (squarer.ask_all((1..=100).map(Square)), 0);
    /// while let Some(square) = squares.next().await { sum += square?; }
    /// assert_eq!(sum, 338_350);
    /// # Ok(()) }
    /// ```
    pub fn ask_all<I: IntoIterator<Item: Message>>(&self, msgs: I) -> AskAll<'_, Self, I::IntoIter>
    where
        A: Handler<I::Item>,
    {
        AskAll::new(self, msgs.into_iter())
    }

    /// Makes a reference for messages of one type, whatever the actor behind it.
    #[must_use]
    pub fn recipient<M: Message>(&self) -> Recipient<M>
    where
        A: Handler<M>,
    {
        Recipient::new(Arc::clone(&self.seat) as _)
    }

    /// Makes a reference that keeps nothing alive.
    #[must_use]
    pub fn downgrade(&self) -> WeakRef<A> {
        WeakRef::new(Arc::clone(&self.seat))
    }

    /// Makes an untyped handle, which keeps nothing alive.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle::new(Arc::clone(&self.seat) as Arc<dyn AnySeat>)
    }

    /// Returns who the actor is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.seat.common().identity
    }

    /// Returns what the actor is doing.
    #[must_use]
    pub fn status(&self) -> Status {
        self.seat.common().status()
    }

    /// Returns what became of the messages the actor has accepted.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.seat.ledger()
    }

    /// Stops the incarnation when the messages accepted before this call have been handled.
    ///
    /// If that is the end for good, nothing is accepted from this call on. A permanent child starts again and
    /// keeps what was accepted later: to end it, ask its supervisor.
    pub fn stop(&self) {
        self.seat.stop();
    }

    /// Stops the incarnation after the message in hand. If that is the end for good, the messages that wait
    /// become dead letters, and those that were asked go back to their askers.
    ///
    /// A handler that has not come to its end when the actor's time to [shut down](Actor::SHUTDOWN) is over is cut
    /// at its next await.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::prelude::*;
    ///
    /// #[derive(Message)]
    /// struct Job(u32);
    ///
    /// #[derive(Actor)]
    /// struct Worker;
    ///
    /// impl Handler<Job> for Worker {
    ///     async fn handle(&mut self, _job: Job, _ctx: &mut Context<Self>) {}
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let worker = Worker.spawn();
    /// worker.tell_all((1..=3).map(Job)).await?;
    /// worker.stop_now();
    /// assert!(worker.ended().await.is_normal());
    /// assert_eq!(worker.ledger().dead, 3, "it had not come to any of them");
    /// # Ok(()) }
    /// ```
    pub fn stop_now(&self) {
        self.handle().stop_now();
    }

    /// Ends the incarnation at the handler's next await.
    ///
    /// A handler that never awaits cannot be cut, in Rust. When it has held its thread for another
    /// [`KILL_GRACE`](crate::KILL_GRACE) the actor is [`Status::Detached`](crate::Status::Detached): whoever asked is told, and nobody
    /// waits for it any more. (This takes a tokio runtime where `kill` is called.)
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::prelude::*;
    ///
    /// #[derive(Actor)]
    /// struct Stuck;
    ///
    /// #[messages]
    /// impl Stuck {
    ///     /// Never answers.
    ///     #[message]
    ///     async fn wait(&mut self) { std::future::pending().await }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let stuck = Stuck.spawn();
    /// let (asked, ()) = tokio::join!(stuck.wait().send(), async {
    ///     tokio::task::yield_now().await;                               // it is at work now
    ///     stuck.kill();
    /// });
    /// assert!(matches!(asked, Err(AskError::Aborted { .. })));
    /// # }
    /// ```
    pub fn kill(&self) {
        self.handle().kill();
    }

    /// Waits until the actor has ended for good, and says why. Restarts do not count.
    ///
    /// By then every message it accepted has its fate, its name is free, and its `stopped` hook has run.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when it is dropped; ask again.
    pub async fn ended(&self) -> StopReason {
        self.seat.common().wait_ended().await
    }
}

impl<A: Actor> ActorRef<A> {
    /// The children of this actor, from outside of it.
    pub(crate) fn family(&self) -> Arc<Family> {
        Family::of(&(Arc::clone(&self.seat) as Arc<dyn AnySeat>))
    }

    pub(crate) fn home(&self) -> Arc<Home> {
        Arc::clone(&self.seat.common().home)
    }
}

impl<A: Handler<M>, M: Message> Sealed<M> for ActorRef<A> {
    #[inline]
    fn offer(&self, msg: M) -> Result<(), M> {
        let held = self.seat.put_quickly(msg, hand_off::is_open_for(&self.seat))?;
        if held {
            hand_off::give(&self.seat);
        }
        Ok(())
    }

    #[inline(always)]
    fn run(&self, msg: M) -> Result<Ran<M>, M> {
        caller_runs::ask(&self.seat, msg)
    }

    #[inline]
    fn offer_asked(&self, msg: M, asker: Asker<M>) -> Result<(), (M, Asker<M>)> {
        let held = self.seat.put_asked_quickly(msg, asker, hand_off::is_open_for(&self.seat))?;
        if held {
            hand_off::give(&self.seat);
        }
        Ok(())
    }

    fn accept(&self, offer: Offer<M>, line: Option<Line<'_>>) -> Result<(), (Offer<M>, Refusal)> {
        self.seat.put_offer(offer, (), line)
    }

    fn accept_until(
        &self,
        offer: Offer<M>,
        until: Until,
        line: Option<Line<'_>>,
    ) -> Result<(), (Offer<M>, Refusal)> {
        self.seat.put_offer(offer, until, line)
    }

    fn accept_many(&self, from: &mut VecDeque<M>, until: Option<Until>) -> Result<(), Refusal> {
        self.seat.put_many(from, until)
    }

    fn reserve(&self, ticket: &mut Ticket, waker: Option<Waker>) -> bool {
        Sealed::<M>::reserve(&*self.seat, ticket, waker)
    }
}

impl<A: Actor> Place for ActorRef<A> {
    fn leave(&self, ticket: &mut Ticket) {
        self.seat.mailbox.leave(ticket);
    }

    fn common(&self) -> &Common {
        self.seat.common()
    }
}

impl<A: Actor> Clone for ActorRef<A> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.seat))
    }
}

impl<A: Actor> Drop for ActorRef<A> {
    fn drop(&mut self) {
        if self.seat.common().release() {
            self.seat.signal(signal::RELEASED);
        }
    }
}

/// Two references are equal when they lead to the same actor.
impl<A: Actor> PartialEq for ActorRef<A> {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl<A: Actor> Eq for ActorRef<A> {}

impl<A: Actor> fmt::Debug for ActorRef<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ActorRef({})", self.identity())
    }
}

/// Refers to an actor without keeping it alive, where that one is free-standing.
///
/// For an actor that refers to itself, for a task that an actor owns, and for two actors that refer to each other.
///
/// # Examples
///
/// ```
/// use postbox::prelude::*;
///
/// #[derive(Actor)]
/// struct Idle;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let idle = Idle.spawn();
/// let weak: WeakRef<Idle> = idle.downgrade();
/// assert_eq!(weak.upgrade().as_ref(), Some(&idle));
/// assert_eq!((weak.identity(), weak.handle()), (idle.identity(), idle.handle()));
/// drop(idle);
/// assert!(weak.ended().await.is_normal());
/// assert!(weak.upgrade().is_none());
/// # }
/// ```
pub struct WeakRef<A: Actor> {
    seat: Arc<Seat<A>>,
}

impl<A: Actor> WeakRef<A> {
    pub(crate) fn new(seat: Arc<Seat<A>>) -> Self {
        Self { seat }
    }

    /// Makes a strong reference, unless the actor has ended for good or its last strong reference is gone.
    #[must_use]
    pub fn upgrade(&self) -> Option<ActorRef<A>> {
        self.seat.common().try_hold().then(|| ActorRef { seat: Arc::clone(&self.seat) })
    }

    /// Makes an untyped handle, which keeps nothing alive either.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle::new(Arc::clone(&self.seat) as Arc<dyn AnySeat>)
    }

    /// Returns who the actor is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.seat.common().identity
    }

    /// Waits until the actor has ended for good, and says why.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when it is dropped; ask again.
    pub async fn ended(&self) -> StopReason {
        self.seat.common().wait_ended().await
    }
}

impl<A: Actor> Clone for WeakRef<A> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.seat))
    }
}

impl<A: Actor> fmt::Debug for WeakRef<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WeakRef({})", self.identity())
    }
}
