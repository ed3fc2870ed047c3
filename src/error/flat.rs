//! One error out of two: that of an ask, and that which was its reply.

use std::error::Error;
use std::fmt;

use super::AskError;

/// Says why an ask came to nothing: there was no reply, or the reply was an error. Made by [`Flat::flat`].
///
/// Its text and its sources are those of the error inside.
///
/// # Examples
///
/// ```
/// use postbox::FlatError;
///
/// fn is_worth_a_retry<M, E>(error: &FlatError<M, E>) -> bool {
///     matches!(error, FlatError::Ask(error) if error.may_retry() == Some(true))
/// }
/// # let _ = is_worth_a_retry::<(), ()>;
/// ```
#[non_exhaustive]
pub enum FlatError<M, E> {
    /// There is no reply.
    Ask(AskError<M>),
    /// The handler answered with an error.
    Reply(E),
}

/// Makes one `Result` out of the two that the ask of a message with a reply of `Result` ends in.
///
/// For a caller that goes on only if all went well. Whoever treats an error in the reply as data takes the outer
/// one apart with `?`.
///
/// # Examples
///
/// ```
/// use postbox::prelude::*;
///
/// #[derive(Actor)]
/// struct Account { balance: u64 }
///
/// #[messages]
/// impl Account {
///     /// Takes money if there is enough.
///     #[message]
///     fn withdraw(&mut self, amount: u64) -> Result<u64, std::io::Error> {
///         self.balance = self.balance.checked_sub(amount).ok_or_else(|| std::io::Error::other("not enough"))?;
///         Ok(self.balance)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let account = Account { balance: 5 }.spawn();
/// assert_eq!(account.withdraw(2).await.flat()?, 3);
/// assert_eq!(account.withdraw(9).await.flat().unwrap_err().to_string(), "not enough");
/// # Ok(()) }
/// ```
pub trait Flat: sealed::Sealed {
    /// What the handler answers when all is well.
    type Output;
    /// The message.
    type Message;
    /// What it answers when not.
    type Error;

    /// Puts the error of the ask and that of the reply into one.
    ///
    /// # Errors
    ///
    /// [`FlatError::Ask`] when there is no reply, and [`FlatError::Reply`] when it is an error.
    fn flat(self) -> Result<Self::Output, FlatError<Self::Message, Self::Error>>;
}

mod sealed {
    pub trait Sealed {}

    impl<T, E, M> Sealed for Result<Result<T, E>, super::AskError<M>> {}
}

impl<T, E, M> Flat for Result<Result<T, E>, AskError<M>> {
    type Output = T;
    type Message = M;
    type Error = E;

    fn flat(self) -> Result<T, FlatError<M, E>> {
        self.map_err(FlatError::Ask)?.map_err(FlatError::Reply)
    }
}

impl<M, E: fmt::Debug> fmt::Debug for FlatError<M, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ask(error) => f.debug_tuple("Ask").field(error).finish(),
            Self::Reply(error) => f.debug_tuple("Reply").field(error).finish(),
        }
    }
}

impl<M, E: fmt::Display> fmt::Display for FlatError<M, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ask(error) => error.fmt(f),
            Self::Reply(error) => error.fmt(f),
        }
    }
}

impl<M, E: Error> Error for FlatError<M, E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            // The texts are theirs already, so the chain goes on behind them.
            Self::Ask(error) => error.source(),
            Self::Reply(error) => error.source(),
        }
    }
}
