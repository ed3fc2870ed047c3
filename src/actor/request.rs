//! What a sender awaits: [`Tell`] and [`Ask`], [`TellAll`] and [`AskAll`], for every reference, and [`Call`], from which
//! the first two are made.
//!
//! Named futures without a box. Nothing is sent before they are polled, or ended in another way.

mod ask;
mod ask_all;
#[cfg(feature = "stream")]
mod ask_stream;
mod blocking;
mod deadline;
#[cfg(feature = "stream")]
mod sink;
mod tell;
mod tell_all;

use std::{cell::Cell, fmt, future::IntoFuture, time::Duration};

#[cfg(feature = "tower")]
pub use self::ask::{AskService, OwnedAsk};
#[cfg(feature = "stream")]
pub use self::sink::TellSink;
pub use self::{ask::Ask, ask_all::AskAll, tell::Tell, tell_all::TellAll};
use super::{
    Message,
    accept::{Accept, Line, Offer, Refusal},
    limit::Until,
};
use crate::{AskError, TryTellError};

/// Holds a message that has been addressed but not sent: what the methods made by `#[messages]` return.
///
/// Awaited, it is an ask. Or end it with one of its methods.
///
/// # Cancel safety
///
/// Dropped, it has sent nothing. Awaited, or ended with one of its methods, it is an [`Ask`] or a [`Tell`], with what
/// those say.
///
/// # Examples
///
/// ```
/// use postbox::prelude::*;
/// use std::time::Duration;
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
/// let account = Account::default().spawn();
/// assert_eq!(account.deposit(1).await?, 1);
/// account.deposit(2).tell().await?;
/// account.deposit(3).try_tell()?;
/// assert_eq!(account.deposit(4).timeout(Duration::from_secs(1)).await?, 10);
/// assert_eq!(account.deposit(5).deadline(Duration::from_secs(1)).await?, 15);
/// assert_eq!(account.deposit(6).try_ask().await?, 21);
///
/// let (one, two) = tokio::join!(account.deposit(7).send(), account.deposit(8).send());
/// assert_eq!((one?, two?), (28, 36));
///
/// let blocking = tokio::task::spawn_blocking(move || account.deposit(9).blocking());
/// assert_eq!(blocking.await??, 45);
/// # Ok(()) }
/// ```
#[must_use = "nothing is sent yet: add `.await` to ask and wait for the reply, or `.tell().await` to send without one"]
pub struct Call<'a, T: ?Sized, M> {
    to: &'a T,
    msg: M,
    timeout: Option<Duration>,
    until: Option<Until>,
}

impl<'a, T: ?Sized + Accept<M>, M: Message> Call<'a, T, M> {
    pub(crate) fn new(to: &'a T, msg: M) -> Self {
        Self { to, msg, timeout: None, until: None }
    }

    /// Gives up after this long: see [`Tell::timeout`] and [`Ask::timeout`]. Zero is refused: the request then ends at
    /// once.
    pub fn timeout(self, after: Duration) -> Self {
        Self { timeout: Some(after), ..self }
    }

    /// Lets the message expire this long after this call, wherever it is by then: see [`Tell::deadline`] and
    /// [`Ask::deadline`]. Zero is refused: the request then ends at once.
    pub fn deadline(self, after: Duration) -> Self {
        Self { until: Some(Until::after(after)), ..self }
    }

    /// Sends without asking for the reply. Awaited, it waits for room.
    ///
    /// # Cancel safety
    ///
    /// That of [`Tell`].
    pub fn tell(self) -> Tell<'a, T, M> {
        let tell = Tell::new(self.to, self.msg).until(self.until);
        match self.timeout {
            Some(after) => tell.timeout(after),
            None => tell,
        }
    }

    /// Sends without asking for the reply and without waiting for room.
    ///
    /// # Errors
    ///
    /// [`TryTellError::Full`] when there is no room, or others wait for it already; [`TryTellError::Stopped`] when the
    /// actor accepts nothing any more; [`TryTellError::Timeout`] when its [`deadline`](Self::deadline) has passed. The
    /// message is inside.
    pub fn try_tell(self) -> Result<(), TryTellError<M>> {
        self.tell().now()
    }

    /// Asks, without waiting for room: a full mailbox ends it with [`AskError::Full`], the message inside.
    ///
    /// # Cancel safety
    ///
    /// That of [`Ask`].
    pub fn try_ask(self) -> Ask<'a, T, M> {
        self.send().now()
    }

    /// Asks, as a plain future, for `join!`, `select!` and the like.
    ///
    /// # Cancel safety
    ///
    /// That of [`Ask`].
    pub fn send(self) -> Ask<'a, T, M> {
        let ask = Ask::new(self.to, self.msg).until(self.until);
        match self.timeout {
            Some(after) => ask.timeout(after),
            None => ask,
        }
    }

    /// Asks, and blocks the thread until the reply is there: see [`Ask::blocking`].
    ///
    /// # Errors
    ///
    /// Those of the ask: [`AskError::Stopped`], [`AskError::Timeout`], [`AskError::Failed`], [`AskError::NoReply`],
    /// [`AskError::Aborted`] and [`AskError::Discarded`]. The message is inside where it still exists.
    ///
    /// # Panics
    ///
    /// In a handler, which it would block.
    pub fn blocking(self) -> Result<M::Reply, AskError<M>> {
        self.send().blocking()
    }
}

impl<'a, T: ?Sized + Accept<M>, M: Message> IntoFuture for Call<'a, T, M> {
    type Output = Result<M::Reply, AskError<M>>;
    type IntoFuture = Ask<'a, T, M>;

    fn into_future(self) -> Self::IntoFuture {
        self.send()
    }
}

impl<T: ?Sized, M> fmt::Debug for Call<'_, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// Tells that count as one of the 128 steps tokio grants a task in one poll. A tell is some twenty nanoseconds,
/// a step is meant for more; with one step a tell, a sender to many actors wakes each of them for one message.
const TELLS_A_STEP: u32 = 32;

/// Whether the request at hand is the one that counts as a step, on this thread; it weighs as many tells.
#[inline]
fn is_a_step(weight: u32) -> bool {
    thread_local! {
        static TELLS: Cell<u32> = const { Cell::new(0) };
    }
    let tells = TELLS.get().wrapping_add(weight);
    TELLS.set(tells);
    tells % TELLS_A_STEP < weight
}

/// Offers a message, with its deadline if it has one.
#[inline(always)]
fn accept<T: ?Sized + Accept<M>, M: Message>(
    to: &T,
    offer: Offer<M>,
    until: Option<Until>,
    line: Option<Line<'_>>,
) -> Result<(), (Offer<M>, Refusal)> {
    match until {
        None => to.accept(offer, line),
        Some(until) => to.accept_until(offer, until, line),
    }
}
