//! What can be sent, and who handles it.

use std::time::Duration;

use super::{Actor, Context};

/// Can be sent to an actor. The reply type belongs to the message.
///
/// Usually derived, or made by `#[messages]` from a method. It must own its data: it outlives its sender.
///
/// # Examples
///
/// ```
/// use postbox::prelude::*;
/// use std::time::Duration;
///
/// #[derive(Message)]
/// #[message(reply = u64)]
/// struct Add(u64);
///
/// // By hand, with all there is:
/// #[derive(Clone)]
/// struct Withdraw(u64);
///
/// impl Message for Withdraw {
///     type Reply = Result<u64, String>;
///     const ATTEMPTS: u32 = 3;
///     const PRIORITY: bool = true;
///     const TIMEOUT: Option<Duration> = Some(Duration::from_secs(1));
///     fn is_error(reply: &Self::Reply) -> bool { reply.is_err() }
///     fn duplicate(&self) -> Option<Self> { Some(self.clone()) }
/// }
///
/// assert_eq!((Add::ATTEMPTS, Add::PRIORITY, Add::TIMEOUT), (1, false, None));
/// assert_eq!(Withdraw::ATTEMPTS, 3);
/// # let _ = (Add(1).0, Withdraw(1).0);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a message",
    label = "this type does not implement `Message`",
    note = "add `#[derive(Message)]` to `{Self}`, and `#[message(reply = …)]` if it has a reply"
)]
pub trait Message: Send + Sized + 'static {
    /// What the handler answers. `()` for none.
    type Reply: Send + 'static;

    /// Says how often the message is delivered at most when its handler fails: 1 unless it is declared
    /// `#[message(retry = N)]`.
    const ATTEMPTS: u32 = 1;

    /// Says whether the message goes into the priority lane, `#[message(priority)]`: it overtakes those that do not.
    ///
    /// It overtakes what waits, never a message that waits for another attempt, and it cannot starve the others:
    /// after 8 in a row one of them is taken, if there is one. Messages of one lane keep their order. Both lanes
    /// share the bound of the mailbox, so that in a full one it waits for room like any other.
    const PRIORITY: bool = false;

    /// Sets how long an ask waits that sets no timeout of its own. `None`: as long as it takes.
    const TIMEOUT: Option<Duration> = None;

    /// Tells replies that are errors from others. When such a message was told and not asked, nobody sees the
    /// error; then it is counted ([`System::unheard_errors`](crate::System::unheard_errors)) and logged.
    ///
    /// The macros write it for replies declared as a `Result`.
    #[must_use]
    fn is_error(reply: &Self::Reply) -> bool {
        let _ = reply;
        false
    }

    /// Makes the copy that a handler gets while the original keeps its place in the mailbox. Only asked when
    /// `ATTEMPTS` is above 1.
    #[must_use]
    fn duplicate(&self) -> Option<Self> {
        None
    }
}

/// Handles messages of type `M`.
///
/// Usually written by `#[messages]`. Implement it by hand with a plain `async fn` where that reads better.
///
/// # Examples
///
/// ```
/// use postbox::prelude::*;
///
/// #[derive(Message)]
/// #[message(reply = usize)]
/// struct Count;
///
/// #[derive(Actor)]
/// struct Words(Vec<String>);
///
/// impl Handler<Count> for Words {
///     async fn handle(&mut self, _msg: Count, _ctx: &mut Context<Self>) -> usize { self.0.len() }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let words = Words(vec!["one".to_owned()]).spawn();
/// assert_eq!(words.ask(Count).await?, 1);
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not handle `{M}`",
    label = "no handler for `{M}`",
    note = "add a method to the `#[messages]` block of `{Self}`, or implement `Handler<{M}>` for it"
)]
pub trait Handler<M: Message>: Actor {
    /// Handles one message. The next one is taken when the future is ready.
    ///
    /// A panic here, or [`Context::fail`], is a failure of the actor. A reply of `Err(..)` is data.
    ///
    /// # Cancel safety
    ///
    /// The future is dropped at an await by a kill, and when the time to shut down is over: the incarnation ends then,
    /// and its state with it. [`Context::fail`], [`Context::reply_later`] and [`Context::stash`] drop it at their own
    /// await; after the last two the actor goes on, with its state as the handler has left it.
    fn handle(&mut self, msg: M, ctx: &mut Context<Self>) -> impl Future<Output = M::Reply> + Send;
}
