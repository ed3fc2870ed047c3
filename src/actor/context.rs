//! What a handler is given beside its message.

use std::{fmt, sync::Arc};

use super::{
    Actor, ActorRef, Handle, WeakRef,
    desk::{Desk, Request},
    home::Home,
    reply_to::ReplyTo,
    seat::{AnySeat, Seat},
    ways,
};
use crate::{BoxError, Identity};

mod children;

/// Gives an actor its own view of itself: in each handler and hook.
///
/// # Examples
///
/// ```
/// use postbox::prelude::*;
///
/// #[derive(Actor, Default)]
/// struct Counter { counted: u32 }
///
/// #[messages]
/// impl Counter {
///     /// Counts down to zero, a message each, and stops then.
///     #[message]
///     fn count(&mut self, from: u32, ctx: &mut Context<Self>) {
///         self.counted += 1;
///         match from {
///             0 => ctx.stop(),
///             _ => ctx.actor_ref().try_tell(Count { from: from - 1 }).expect("there is room"),
///         }
///     }
///     /// Gives up: what waits becomes dead letters.
///     #[message]
///     fn give_up(&mut self, ctx: &mut Context<Self>) { ctx.stop_now() }
///     /// Gives away what keeps nobody alive.
///     #[message]
///     fn lend(&self, ctx: &mut Context<Self>) -> (WeakRef<Self>, Handle) { (ctx.weak_ref(), ctx.handle()) }
///     /// Returns whether there are others in the system.
///     #[message]
///     fn is_alone(&self, ctx: &mut Context<Self>) -> bool {
///         ctx.system().actors().iter().all(|one| one.identity() == ctx.identity())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let system = System::new("counting");
/// let counter = Counter::default().prepare().system(&system).spawn()?;
/// let (weak, handle) = counter.lend().await?;
/// assert!(counter.is_alone().await? && weak.handle() == handle);
/// counter.count(9).tell().await?;
/// assert!(counter.ended().await.is_normal());
/// assert_eq!(counter.ledger().handled, 12);
/// # Ok(()) }
/// ```
pub struct Context<A: Actor> {
    seat: Arc<Seat<A>>,
}

impl<A: Actor> Context<A> {
    pub(crate) fn new(seat: Arc<Seat<A>>) -> Self {
        Self { seat }
    }

    /// Returns the actor's identity.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.seat.common().identity
    }

    /// Makes a strong reference to the actor itself. One that the actor keeps keeps a free-standing actor
    /// alive: keep a [`weak_ref`](Self::weak_ref) instead.
    #[must_use]
    pub fn actor_ref(&self) -> ActorRef<A> {
        ActorRef::new(Arc::clone(&self.seat))
    }

    /// Makes a weak reference to the actor itself.
    #[must_use]
    pub fn weak_ref(&self) -> WeakRef<A> {
        WeakRef::new(Arc::clone(&self.seat))
    }

    /// Makes an untyped handle to the actor itself.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle::new(Arc::clone(&self.seat) as Arc<dyn AnySeat>)
    }

    pub(super) fn seat(&self) -> &Arc<Seat<A>> {
        &self.seat
    }

    pub(crate) fn home(&self) -> &Arc<Home> {
        &self.seat.common().home
    }

    /// Stops the actor when the messages accepted so far have been handled: as [`ActorRef::stop`].
    pub fn stop(&self) {
        self.seat.stop();
    }

    /// Stops the actor after this message: as [`ActorRef::stop_now`].
    pub fn stop_now(&self) {
        self.handle().stop_now();
    }

    /// Ends the incarnation with a failure, as a panic would, but on purpose. Never returns: the handler is
    /// dropped at this await.
    ///
    /// What becomes of the message is what its type declares (see the guarantees); an asker is told the error
    /// at once. In a hook it fails the hook.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is awaited, or beside another branch that is ready, it does nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::prelude::*;
    ///
    /// #[derive(Actor)]
    /// struct Disk;
    ///
    /// #[messages]
    /// impl Disk {
    ///     /// Reads a block.
    ///     #[message]
    ///     async fn read(&mut self, block: u64, ctx: &mut Context<Self>) -> Vec<u8> {
    ///         if block > 7 { return ctx.fail(format!("block {block} is broken")).await; }
    ///         vec![0; 512]
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let disk = Disk.spawn();
    /// let error = disk.read(9).await.unwrap_err();
    /// assert!(error.to_string().contains("block 9 is broken"), "{error}");
    /// # }
    /// ```
    pub async fn fail<T>(&mut self, error: impl Into<BoxError>) -> T {
        self.never(Request::Fail(error.into())).await
    }

    /// Makes a request of the loop that polls the handler, and waits for ever: the handler is dropped here.
    pub(super) async fn never<T>(&mut self, request: Request) -> T {
        let (desk, _withdrawn) = self.desk();
        desk.put(request);
        std::future::pending().await
    }

    /// Ends the handler without an answer and hands the means to give one to `keep`. Never returns: the rest
    /// of the handler is dropped at this await, and the actor goes on with its next message.
    ///
    /// # Panics
    ///
    /// When `R` is not the reply type of the message in hand, and in a hook, where nothing is asked.
    ///
    /// # Cancel safety
    ///
    /// Dropped before `keep` was called, it does nothing. Dropped after, by a `select!` whose other branch is
    /// ready as well, the handler goes on; its reply counts, unless the [`ReplyTo`] has been quicker.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::prelude::*;
    ///
    /// #[derive(Actor, Default)]
    /// struct Door { waiting: Vec<ReplyTo<&'static str>> }
    ///
    /// #[messages]
    /// impl Door {
    ///     /// Waits until the door opens.
    ///     #[message]
    ///     async fn wait(&mut self, ctx: &mut Context<Self>) -> &'static str {
    ///         ctx.reply_later(|reply| self.waiting.push(reply)).await
    ///     }
    ///     /// Opens the door for all who wait.
    ///     #[message]
    ///     fn open(&mut self) {
    ///         for reply in self.waiting.drain(..) { let _ = reply.send("come in"); }
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let door = Door::default().spawn();
    /// let (said, opened) = tokio::join!(door.wait().send(), door.open().send());
    /// opened?;
    /// assert_eq!(said?, "come in");
    /// # Ok(()) }
    /// ```
    pub async fn reply_later<R: Send + 'static, T>(&mut self, keep: impl FnOnce(ReplyTo<R>) + Send) -> T {
        let (reply, answer) = ways::reply_to(self).await;
        answer.at_work(|| keep(reply));
        self.never(Request::Deferred).await
    }

    /// Where a handler makes its requests. Dropped, the second takes back the one that was made.
    pub(super) fn desk(&self) -> (&Desk, Withdraw<'_>) {
        let desk = &self.seat.common().desk;
        (desk, Withdraw(desk))
    }
}

impl<A: Actor> fmt::Debug for Context<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Context").field(self.identity()).finish()
    }
}

/// Takes a request back when the future that made it is dropped unheard.
pub(super) struct Withdraw<'a>(&'a Desk);

impl Drop for Withdraw<'_> {
    fn drop(&mut self) {
        self.0.take();
    }
}
