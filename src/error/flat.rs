//! One error in place of two: that of the ask, and that of the reply.

#[cfg(test)]
mod tests;

use std::error::Error;
use std::fmt;

use super::AskError;

/// Says why an ask gave no good result: the actor answered with an error, or did not answer. Made by
/// [`Flat::flat`].
///
/// # Examples
///
/// ```
/// use postbox::{FlatError, prelude::*};
///
/// #[derive(Actor, Default)]
/// struct Account { balance: u64 }
///
/// #[messages]
/// impl Account {
///     /// Takes money if there is enough.
///     #[message(derive(Debug))]
///     fn withdraw(&mut self, amount: u64) -> Result<u64, String> {
///         self.balance = self.balance.checked_sub(amount).ok_or("too little")?;
///         Ok(self.balance)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let account = Account { balance: 5 }.spawn();
/// let poor = account.withdraw(9).await.flat().expect_err("it has five");
/// assert_eq!(poor.may_retry(), Some(false), "it was answered");
/// assert_eq!(poor.into_reply().as_deref(), Some("too little"));
///
/// account.stop();
/// account.ended().await;
/// let late: FlatError<String, Withdraw> = account.withdraw(1).await.flat().expect_err("it has stopped");
/// assert!(matches!(late, FlatError::Ask(_)));
/// assert_eq!(late.into_message().map(|msg| msg.amount), Some(1));
/// # }
/// ```
#[non_exhaustive]
pub enum FlatError<E, M> {
    /// The message was handled, and this is the answer.
    Reply(E),
    /// There is no answer.
    Ask(AskError<M>),
}

/// Makes one `Result` of the two that an ask has when its reply is a `Result`.
///
/// Use it where the caller treats both kinds of error alike, with `?` for instance. Where it does not, the two
/// `Result`s are there to be told apart.
///
/// # Examples
///
/// ```
/// use postbox::{FlatError, prelude::*};
///
/// #[derive(Actor, Default)]
/// struct Account { balance: u64 }
///
/// #[messages]
/// impl Account {
///     /// Takes money if there is enough.
///     #[message]
///     fn withdraw(&mut self, amount: u64) -> Result<u64, String> {
///         self.balance = self.balance.checked_sub(amount).ok_or("too little")?;
///         Ok(self.balance)
///     }
/// }
///
/// /// What is good, or nothing.
/// fn good<E>(answer: impl Flat<Value = u64, Error = E>) -> u64 { answer.flat().unwrap_or(0) }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let account = Account { balance: 5 }.spawn();
/// assert_eq!(account.withdraw(2).await.flat().ok(), Some(3));
/// match account.withdraw(9).await.flat() {
///     Err(FlatError::Reply(reason)) => assert_eq!(reason, "too little"),
///     other => panic!("{other:?}"),
/// }
/// assert_eq!(good(account.withdraw(9).await), 0);
/// # }
/// ```
pub trait Flat {
    /// The type of the reply when it is good.
    type Value;
    /// The type of both errors as one.
    type Error;

    /// Makes one `Result` of both.
    ///
    /// # Errors
    ///
    /// [`FlatError::Reply`] for an `Err` that is the reply, [`FlatError::Ask`] when there is none.
    fn flat(self) -> Result<Self::Value, Self::Error>;
}

impl<T, E, M> Flat for Result<Result<T, E>, AskError<M>> {
    type Value = T;
    type Error = FlatError<E, M>;

    fn flat(self) -> Result<T, FlatError<E, M>> {
        self.map_err(FlatError::Ask)?.map_err(FlatError::Reply)
    }
}

impl<E, M> FlatError<E, M> {
    /// Returns whether the message may be sent again without the risk that it takes effect twice: as
    /// [`AskError::may_retry`], and `Some(false)` for a message that has been answered.
    #[must_use]
    pub fn may_retry(&self) -> Option<bool> {
        match self {
            Self::Reply(_) => Some(false),
            Self::Ask(error) => error.may_retry(),
        }
    }

    /// Returns the message, where it still exists.
    #[must_use]
    pub fn into_message(self) -> Option<M> {
        match self {
            Self::Reply(_) => None,
            Self::Ask(error) => error.into_message(),
        }
    }

    /// Returns the error that was the reply.
    #[must_use]
    pub fn into_reply(self) -> Option<E> {
        match self {
            Self::Reply(error) => Some(error),
            Self::Ask(_) => None,
        }
    }
}

/// For `?`, and for a layer of a `tower` service that makes this error of the other.
impl<E, M> From<AskError<M>> for FlatError<E, M> {
    fn from(error: AskError<M>) -> Self {
        Self::Ask(error)
    }
}

impl<E: fmt::Debug, M> fmt::Debug for FlatError<E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply(error) => f.debug_tuple("Reply").field(error).finish(),
            Self::Ask(error) => f.debug_tuple("Ask").field(error).finish(),
        }
    }
}

/// The text of either: the reply's own says what went wrong, and the ask's who did not answer.
impl<E: fmt::Display, M> fmt::Display for FlatError<E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply(error) => error.fmt(f),
            Self::Ask(error) => error.fmt(f),
        }
    }
}

/// The source is that of either, whose text is this error's own.
impl<E: Error + 'static, M> Error for FlatError<E, M> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Reply(error) => error.source(),
            Self::Ask(error) => error.source(),
        }
    }
}
