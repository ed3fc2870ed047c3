//! Errors of the sends that expect no reply.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::failure::Failure;
use crate::id::{Identity, short_type_name};
use crate::reason::StopReason;

/// Says why a `tell` that waits for room did not deliver; the message is inside.
///
/// In every case the message was not handled and never will be, so it may be sent again, or elsewhere.
///
/// # Examples
///
/// ```
/// use postbox::prelude::*;
///
/// #[derive(Message, Debug, PartialEq)]
/// #[message(reply = u64)]
/// struct Deposit(u64);
///
/// #[derive(Actor)]
/// struct Account;
///
/// impl Handler<Deposit> for Account {
///     async fn handle(&mut self, msg: Deposit, _ctx: &mut Context<Self>) -> u64 { msg.0 }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let account = Account.spawn();
/// account.stop();
/// account.ended().await;
/// let error = account.tell(Deposit(5)).await.expect_err("it has stopped");
/// match &error {
///     TellError::Stopped { reason, .. } => assert!(reason.is_normal()),
///     other => panic!("{other}"),
/// }
/// assert_eq!(error.recipient(), account.identity());
/// assert_eq!(error.into_message(), Deposit(5));
/// # Ok(()) }
/// ```
#[non_exhaustive]
pub enum TellError<M> {
    /// The actor has stopped, or is stopping and accepts no more.
    Stopped {
        /// The message.
        msg: M,
        /// The actor it was for.
        to: Identity,
        /// Why the actor stopped.
        reason: StopReason,
    },
    /// The mailbox stayed full for the whole of the timeout, or until the message's deadline had passed.
    Timeout {
        /// The message.
        msg: M,
        /// The actor it was for.
        to: Identity,
        /// The timeout, or the deadline.
        after: Duration,
    },
    /// The actor told itself while its mailbox was full: only it could make room, so it would wait for ever.
    WouldDeadlock {
        /// The message.
        msg: M,
        /// The actor it was for.
        to: Identity,
    },
}

/// Says why a `try_tell` did not deliver; the message is inside.
///
/// In every case the message was not handled and never will be, so it may be sent again, or elsewhere.
///
/// # Examples
///
/// ```
/// use postbox::prelude::*;
///
/// #[derive(Message, Debug, PartialEq)]
/// #[message(reply = u64)]
/// struct Deposit(u64);
///
/// #[derive(Actor)]
/// struct Account;
///
/// impl Handler<Deposit> for Account {
///     async fn handle(&mut self, msg: Deposit, _ctx: &mut Context<Self>) -> u64 { msg.0 }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let account = Account.prepare().capacity(1).spawn()?;
/// account.try_tell(Deposit(1))?;
/// let error = account.try_tell(Deposit(5)).expect_err("there is no room");
/// assert!(matches!(error, TryTellError::Full { capacity: 1, .. }));
/// assert_eq!(error.recipient(), account.identity());
/// assert_eq!(error.into_message(), Deposit(5));
/// # Ok(()) }
/// ```
#[non_exhaustive]
pub enum TryTellError<M> {
    /// The mailbox is full.
    Full {
        /// The message.
        msg: M,
        /// The actor it was for.
        to: Identity,
        /// The capacity of the mailbox, in messages.
        capacity: usize,
    },
    /// The actor has stopped, or is stopping and accepts no more.
    Stopped {
        /// The message.
        msg: M,
        /// The actor it was for.
        to: Identity,
        /// Why the actor stopped.
        reason: StopReason,
    },
    /// The message's own deadline had passed.
    Timeout {
        /// The message.
        msg: M,
        /// The actor it was for.
        to: Identity,
        /// The deadline, counted from when it was set.
        after: Duration,
    },
}

impl<M> TellError<M> {
    /// Returns the message.
    #[must_use]
    pub fn into_message(self) -> M {
        match self {
            Self::Stopped { msg, .. } | Self::Timeout { msg, .. } | Self::WouldDeadlock { msg, .. } => msg,
        }
    }

    /// Changes the message inside, and nothing else: for an error that goes on to whoever sent another type.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::TellError;
    ///
    /// fn boxed<M>(error: TellError<M>) -> TellError<Box<M>> {
    ///     error.map_message(Box::new)
    /// }
    /// # let _ = boxed::<u8>;
    /// ```
    #[must_use]
    pub fn map_message<N>(self, change: impl FnOnce(M) -> N) -> TellError<N> {
        match self {
            Self::Stopped { msg, to, reason } => TellError::Stopped { msg: change(msg), to, reason },
            Self::Timeout { msg, to, after } => TellError::Timeout { msg: change(msg), to, after },
            Self::WouldDeadlock { msg, to } => TellError::WouldDeadlock { msg: change(msg), to },
        }
    }

    /// Returns the actor the message was for.
    #[must_use]
    pub fn recipient(&self) -> &Identity {
        match self {
            Self::Stopped { to, .. } | Self::Timeout { to, .. } | Self::WouldDeadlock { to, .. } => to,
        }
    }
}

impl<M> TryTellError<M> {
    /// Returns the message.
    #[must_use]
    pub fn into_message(self) -> M {
        match self {
            Self::Full { msg, .. } | Self::Stopped { msg, .. } | Self::Timeout { msg, .. } => msg,
        }
    }

    /// Changes the message inside, and nothing else: for an error that goes on to whoever sent another type.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::TryTellError;
    ///
    /// fn boxed<M>(error: TryTellError<M>) -> TryTellError<Box<M>> {
    ///     error.map_message(Box::new)
    /// }
    /// # let _ = boxed::<u8>;
    /// ```
    #[must_use]
    pub fn map_message<N>(self, change: impl FnOnce(M) -> N) -> TryTellError<N> {
        match self {
            Self::Full { msg, to, capacity } => TryTellError::Full { msg: change(msg), to, capacity },
            Self::Stopped { msg, to, reason } => TryTellError::Stopped { msg: change(msg), to, reason },
            Self::Timeout { msg, to, after } => TryTellError::Timeout { msg: change(msg), to, after },
        }
    }

    /// Returns the actor the message was for.
    #[must_use]
    pub fn recipient(&self) -> &Identity {
        match self {
            Self::Full { to, .. } | Self::Stopped { to, .. } | Self::Timeout { to, .. } => to,
        }
    }
}

impl<M> fmt::Debug for TellError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped { msg: _, to, reason } => {
                debug::<M>(f, "Stopped", to).field("reason", reason).finish()
            }
            Self::Timeout { msg: _, to, after } => {
                debug::<M>(f, "Timeout", to).field("after", after).finish()
            }
            Self::WouldDeadlock { msg: _, to } => debug::<M>(f, "WouldDeadlock", to).finish(),
        }
    }
}

impl<M> fmt::Debug for TryTellError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { msg: _, to, capacity } => {
                debug::<M>(f, "Full", to).field("capacity", capacity).finish()
            }
            Self::Stopped { msg: _, to, reason } => {
                debug::<M>(f, "Stopped", to).field("reason", reason).finish()
            }
            Self::Timeout { msg: _, to, after } => {
                debug::<M>(f, "Timeout", to).field("after", after).finish()
            }
        }
    }
}

impl<M> fmt::Display for TellError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        headline::<M>(f, "tell", self.recipient())?;
        match self {
            Self::Stopped { reason, .. } => stopped(f, reason),
            Self::Timeout { after, .. } => {
                write!(f, "its mailbox stayed full for {after:?}; the message may be sent again")
            }
            Self::WouldDeadlock { .. } => f.write_str(
                "its mailbox is full and the actor would wait for itself to make room; \
                 the message was not sent, and waiting for room here never succeeds",
            ),
        }
    }
}

impl<M> fmt::Display for TryTellError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        headline::<M>(f, "tell", self.recipient())?;
        match self {
            Self::Full { capacity, .. } => full(f, "tell", *capacity),
            Self::Stopped { reason, .. } => stopped(f, reason),
            Self::Timeout { after, .. } => {
                write!(
                    f,
                    "its deadline of {after:?} had passed; the message was not sent, and may be with a later one"
                )
            }
        }
    }
}

impl<M> Error for TellError<M> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Stopped { reason, .. } => reason.failure().map(Failure::as_error),
            Self::Timeout { .. } | Self::WouldDeadlock { .. } => None,
        }
    }
}

impl<M> Error for TryTellError<M> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Stopped { reason, .. } => reason.failure().map(Failure::as_error),
            Self::Full { .. } | Self::Timeout { .. } => None,
        }
    }
}

/// Begins the debug form of a variant, with the message's type in the place of the message.
pub(super) fn debug<'a, 'b, M>(
    f: &'a mut fmt::Formatter<'b>,
    variant: &str,
    to: &Identity,
) -> fmt::DebugStruct<'a, 'b> {
    let mut debug = f.debug_struct(variant);
    debug.field("msg", &format_args!("{}", short_type_name::<M>())).field("to", &format_args!("{to}"));
    debug
}

pub(super) fn headline<M>(f: &mut fmt::Formatter<'_>, verb: &str, to: &Identity) -> fmt::Result {
    write!(f, "{verb} {} to {to} failed: ", short_type_name::<M>())
}

pub(super) fn full(f: &mut fmt::Formatter<'_>, verb: &str, capacity: usize) -> fmt::Result {
    write!(f, "its mailbox is full at {capacity}; the message may be sent again, and `{verb}` waits for room")
}

pub(super) fn stopped(f: &mut fmt::Formatter<'_>, reason: &StopReason) -> fmt::Result {
    write!(f, "the actor {reason}; the message was not handled and may be sent elsewhere")
}
