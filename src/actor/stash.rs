//! Putting a message aside until the actor is ready for it.

use super::{Actor, Context, desk::Request, message::Message};

impl<A: Actor> Context<A> {
    /// Puts the message in hand aside, with its asker and its deadline. Never returns: the handler is dropped at
    /// this await, and the actor goes on with its next message.
    ///
    /// For an actor that cannot handle the message yet: not connected, in the middle of something. Call it before
    /// the handler has had any effect, because the message will be handled from the start. Messages put aside come
    /// back in their order with [`unstash_all`](Self::unstash_all), and by themselves before the next incarnation
    /// takes its first message; a `stop` brings them back once more before the end. They keep their places in the
    /// bound of the mailbox: an actor that puts everything aside hears nothing any more.
    ///
    /// To put a message aside is no attempt at it. Attempts of a message with `retry` that have failed still count.
    ///
    /// # Panics
    ///
    /// When `msg` is not of the type of the message in hand, and in a hook, where there is none.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is awaited, or beside another branch that is ready, the message is dropped with it; the
    /// handler goes on, and its end is the message's fate.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::prelude::*;
    ///
    /// #[derive(Actor, Default)]
    /// struct Door { open: bool, inside: u32 }
    ///
    /// #[messages]
    /// impl Door {
    ///     /// Goes in, as soon as the door is open.
    ///     #[handler]
    ///     async fn enter(&mut self, msg: Enter, ctx: &mut Context<Self>) -> u32 {
    ///         if !self.open { return ctx.stash(msg).await; }
    ///         self.inside += 1;
    ///         self.inside
    ///     }
    ///     /// Opens the door.
    ///     #[message]
    ///     fn open(&mut self, ctx: &mut Context<Self>) {
    ///         self.open = true;
    ///         ctx.unstash_all();
    ///     }
    /// }
    ///
    /// #[derive(Message)]
    /// #[message(reply = u32)]
    /// struct Enter;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let door = Door::default().spawn();
    /// let (entered, opened) = tokio::join!(door.ask(Enter), door.open().send());
    /// opened?;
    /// assert_eq!(entered?, 1);
    /// # Ok(()) }
    /// ```
    pub async fn stash<M: Message, T>(&mut self, msg: M) -> T {
        self.never(Request::Stash(Box::new(msg))).await
    }

    /// Puts all messages that have been put aside back at the front of the mailbox, in their order, when this
    /// handler is through. A message that waits for another attempt still comes first.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::prelude::*;
    ///
    /// #[derive(Message)]
    /// #[message(reply = u32)]
    /// struct Enter;
    ///
    /// #[derive(Actor, Default)]
    /// struct Door { open: bool, inside: u32 }
    ///
    /// #[messages]
    /// impl Door {
    ///     /// Goes in, as soon as the door is open.
    ///     #[handler]
    ///     async fn enter(&mut self, msg: Enter, ctx: &mut Context<Self>) -> u32 {
    ///         if !self.open { return ctx.stash(msg).await; }
    ///         self.inside += 1;
    ///         self.inside
    ///     }
    ///     /// Opens the door, for those too who wait already.
    ///     #[message]
    ///     fn open(&mut self, ctx: &mut Context<Self>) {
    ///         self.open = true;
    ///         ctx.unstash_all();
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let door = Door::default().spawn();
    /// let (one, two, opened) = tokio::join!(door.ask(Enter), door.ask(Enter), door.open().send());
    /// opened?;
    /// assert_eq!((one?, two?), (1, 2), "in their order");
    /// # Ok(()) }
    /// ```
    pub fn unstash_all(&mut self) {
        self.seat().mailbox.unstash(usize::MAX);
    }

    /// Puts the one back that has been put aside first, as [`unstash_all`](Self::unstash_all) does with all.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::prelude::*;
    ///
    /// #[derive(Message)]
    /// #[message(reply = u32)]
    /// struct Enter;
    ///
    /// #[derive(Actor, Default)]
    /// struct Gate { passes: u32, inside: u32 }
    ///
    /// #[messages]
    /// impl Gate {
    ///     /// Goes in, with a pass.
    ///     #[handler]
    ///     async fn enter(&mut self, msg: Enter, ctx: &mut Context<Self>) -> u32 {
    ///         if self.passes == 0 { return ctx.stash(msg).await; }
    ///         self.passes -= 1;
    ///         self.inside += 1;
    ///         self.inside
    ///     }
    ///     /// Hands out a pass, for the one who has waited longest.
    ///     #[message]
    ///     fn pass(&mut self, ctx: &mut Context<Self>) {
    ///         self.passes += 1;
    ///         ctx.unstash_one();
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let gate = Gate::default().spawn();
    /// let (one, passed) = tokio::join!(gate.ask(Enter), gate.pass().send());
    /// passed?;
    /// assert_eq!(one?, 1);
    /// # Ok(()) }
    /// ```
    pub fn unstash_one(&mut self) {
        self.seat().mailbox.unstash(1);
    }

    /// Returns how many messages are put aside.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::prelude::*;
    ///
    /// #[derive(Message)]
    /// struct Enter;
    ///
    /// #[derive(Actor)]
    /// struct Closed;
    ///
    /// #[messages]
    /// impl Closed {
    ///     /// Lets nobody in.
    ///     #[handler]
    ///     async fn enter(&mut self, msg: Enter, ctx: &mut Context<Self>) { ctx.stash(msg).await }
    ///     /// Returns how many wait.
    ///     #[message]
    ///     fn waiting(&self, ctx: &mut Context<Self>) -> usize { ctx.stashed() }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let closed = Closed.spawn();
    /// closed.tell(Enter).await?;
    /// assert_eq!(closed.waiting().await?, 1);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn stashed(&self) -> usize {
        self.seat().mailbox.stashed()
    }
}
