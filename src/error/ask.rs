//! The error of the send that expects a reply.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::tell::{debug, full, headline, stopped};
use crate::dead_letter::Reason;
use crate::failure::{Failure, Step};
use crate::id::Identity;
use crate::reason::StopReason;

/// Says why an `ask` has no reply, and whether the message may be sent again.
///
/// | variant | what became of the message | [`may_retry`](Self::may_retry) |
/// |---|---|---|
/// | `Full` | not accepted, handed back | `Some(true)` |
/// | `Stopped` | not handled, handed back | `Some(true)` |
/// | `Timeout { started: false }` | no handler will run it; handed back if it was never accepted | `Some(true)` |
/// | `Timeout { started: true }` | a handler is at it; its reply will reach nobody | `None` |
/// | `Discarded` | not handled: the mailbox was full and drops messages then | `Some(true)` |
/// | `Failed` | its handler failed | `None` |
/// | `Aborted` | its handler was cut | `None` |
/// | `NoReply` | handled, and the handler dropped the reply | `Some(false)` |
/// | `WouldDeadlock` | not accepted, handed back | `Some(false)` |
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
/// let error = account.ask(Deposit(5)).await.expect_err("it has stopped");
/// assert!(matches!(error, AskError::Stopped { .. }));
/// assert_eq!((error.may_retry(), error.recipient()), (Some(true), account.identity()));
/// assert_eq!(error.into_message(), Some(Deposit(5)));
/// # Ok(()) }
/// ```
#[non_exhaustive]
pub enum AskError<M> {
    /// The mailbox is full, and the ask was one that does not wait.
    Full {
        /// The message.
        msg: M,
        /// The actor it was for.
        to: Identity,
        /// The capacity of the mailbox, in messages.
        capacity: usize,
    },
    /// The actor had stopped, or it stopped before it came to this message.
    Stopped {
        /// The message.
        msg: M,
        /// The actor it was for.
        to: Identity,
        /// Why the actor stopped.
        reason: StopReason,
    },
    /// The timeout passed without a reply, or the message's deadline passed without a handler at work on it.
    Timeout {
        /// Whether a handler had the message by then. If not, none will.
        started: bool,
        /// The message, if the mailbox had not accepted it yet.
        msg: Option<M>,
        /// The actor it was for.
        to: Identity,
        /// The timeout, or the message's deadline.
        after: Duration,
    },
    /// The handler of the message failed, and no further attempt was declared.
    Failed(Failure),
    /// The handler dropped the reply instead of answering.
    NoReply {
        /// The actor that did.
        to: Identity,
    },
    /// The handler of the message was cut by a kill, or by a shutdown that took too long.
    Aborted {
        /// The actor it was for.
        to: Identity,
        /// Why the actor stopped.
        reason: StopReason,
    },
    /// The mailbox was full, and is declared to drop a message then ([`Overflow`](crate::Overflow)): this one,
    /// which is a dead letter.
    Discarded {
        /// The actor it was for.
        to: Identity,
        /// [`Reason::Overflow`] for the newest message, [`Reason::Evicted`] for the oldest.
        reason: Reason,
    },
    /// The actor that would answer waits, directly or through others, for the one that asks. An actor that asks
    /// itself is always found; others by a system that
    /// [looks for them](crate::SystemBuilder::detect_deadlocks).
    WouldDeadlock {
        /// The message.
        msg: M,
        /// The actor it was for.
        to: Identity,
        /// Who would await whom, from the asker back to itself. Empty for an actor that asks itself.
        path: Box<[Identity]>,
    },
}

impl<M> AskError<M> {
    /// Returns whether the message may be sent again without the risk that it takes effect twice.
    ///
    /// `Some(true)`: it had no effect and will have none. `Some(false)`: it was handled, or it would run into
    /// the same deadlock. `None`: a handler had begun on it, and how far that came is not known; send it again
    /// only if it is idempotent.
    #[must_use]
    pub fn may_retry(&self) -> Option<bool> {
        match self {
            Self::Full { .. }
            | Self::Stopped { .. }
            | Self::Timeout { started: false, .. }
            | Self::Discarded { .. } => Some(true),
            Self::NoReply { .. } | Self::WouldDeadlock { .. } => Some(false),
            Self::Timeout { started: true, .. } | Self::Failed(_) | Self::Aborted { .. } => None,
        }
    }

    /// Returns the message, where it still exists.
    #[must_use]
    pub fn into_message(self) -> Option<M> {
        match self {
            Self::Full { msg, .. } | Self::Stopped { msg, .. } | Self::WouldDeadlock { msg, .. } => Some(msg),
            Self::Timeout { msg, .. } => msg,
            Self::Failed(_) | Self::NoReply { .. } | Self::Aborted { .. } | Self::Discarded { .. } => None,
        }
    }

    /// Changes the message inside, and nothing else: for an error that goes on to whoever sent another type.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::AskError;
    ///
    /// fn boxed<M>(error: AskError<M>) -> AskError<Box<M>> {
    ///     error.map_message(Box::new)
    /// }
    /// # let _ = boxed::<u8>;
    /// ```
    #[must_use]
    pub fn map_message<N>(self, change: impl FnOnce(M) -> N) -> AskError<N> {
        match self {
            Self::Full { msg, to, capacity } => AskError::Full { msg: change(msg), to, capacity },
            Self::Stopped { msg, to, reason } => AskError::Stopped { msg: change(msg), to, reason },
            Self::Timeout { started, msg, to, after } => {
                AskError::Timeout { started, msg: msg.map(change), to, after }
            }
            Self::Failed(failure) => AskError::Failed(failure),
            Self::NoReply { to } => AskError::NoReply { to },
            Self::Aborted { to, reason } => AskError::Aborted { to, reason },
            Self::Discarded { to, reason } => AskError::Discarded { to, reason },
            Self::WouldDeadlock { msg, to, path } => AskError::WouldDeadlock { msg: change(msg), to, path },
        }
    }

    /// Returns the actor the message was for.
    #[must_use]
    pub fn recipient(&self) -> &Identity {
        match self {
            Self::Full { to, .. }
            | Self::Stopped { to, .. }
            | Self::Timeout { to, .. }
            | Self::NoReply { to }
            | Self::Aborted { to, .. }
            | Self::Discarded { to, .. }
            | Self::WouldDeadlock { to, .. } => to,
            Self::Failed(failure) => failure.identity(),
        }
    }
}

impl<M> fmt::Debug for AskError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { msg: _, to, capacity } => {
                debug::<M>(f, "Full", to).field("capacity", capacity).finish()
            }
            Self::Stopped { msg: _, to, reason } => {
                debug::<M>(f, "Stopped", to).field("reason", reason).finish()
            }
            Self::Timeout { started, msg, to, after } => debug::<M>(f, "Timeout", to)
                .field("started", started)
                .field("has_message", &msg.is_some())
                .field("after", after)
                .finish(),
            Self::Failed(failure) => {
                debug::<M>(f, "Failed", self.recipient()).field("failure", failure).finish()
            }
            Self::NoReply { to } => debug::<M>(f, "NoReply", to).finish(),
            Self::Aborted { to, reason } => debug::<M>(f, "Aborted", to).field("reason", reason).finish(),
            Self::Discarded { to, reason } => debug::<M>(f, "Discarded", to).field("reason", reason).finish(),
            Self::WouldDeadlock { msg: _, to, path } => {
                debug::<M>(f, "WouldDeadlock", to).field("path", &Way(path).to_string()).finish()
            }
        }
    }
}

impl<M> fmt::Display for AskError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNKNOWN: &str = "whether the message took effect is unknown";
        headline::<M>(f, "ask", self.recipient())?;
        match self {
            Self::Full { capacity, .. } => full(f, "ask", *capacity),
            Self::Stopped { reason, .. } => stopped(f, reason),
            Self::Timeout { started: false, after, .. } => {
                write!(
                    f,
                    "no handler came to it within {after:?}; none will, and the message may be sent again"
                )
            }
            Self::Timeout { started: true, after, .. } => {
                write!(f, "its handler had begun but not answered within {after:?}; {UNKNOWN}")
            }
            Self::Failed(failure) => {
                // The headline names the message already.
                match failure.step() {
                    Step::Message(_) => write!(f, "the actor failed while handling it: {}", failure.cause())?,
                    step => write!(f, "the actor failed {step}: {}", failure.cause())?,
                }
                write!(f, "; {UNKNOWN}")
            }
            Self::NoReply { .. } => f.write_str(
                "its handler dropped the reply; the message was handled and is not to be sent again",
            ),
            Self::Aborted { reason, .. } => write!(f, "its handler was cut as the actor {reason}; {UNKNOWN}"),
            Self::Discarded { reason: Reason::Evicted, .. } => f.write_str(
                "its mailbox was full, and the oldest message made way; it was not handled and may be sent again",
            ),
            Self::Discarded { .. } => f.write_str(
                "its mailbox was full and drops what comes; it was not handled and may be sent again",
            ),
            Self::WouldDeadlock { path, .. } => write!(
                f,
                "the answer would have to wait for the asker itself{}; \
                 the message was not sent, and asking from here never succeeds",
                Way(path)
            ),
        }
    }
}

impl<M> Error for AskError<M> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed(failure) => Some(failure),
            Self::Stopped { reason, .. } | Self::Aborted { reason, .. } => {
                reason.failure().map(Failure::as_error)
            }
            Self::Full { .. }
            | Self::Timeout { .. }
            | Self::NoReply { .. }
            | Self::Discarded { .. }
            | Self::WouldDeadlock { .. } => None,
        }
    }
}

/// The way around a circle, if one is known: ` (a#1 → b#2 → a#1)`.
struct Way<'a>(&'a [Identity]);

impl fmt::Display for Way<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = " (";
        for step in self.0 {
            write!(f, "{before}{step}")?;
            before = " → ";
        }
        f.write_str(if self.0.is_empty() { "" } else { ")" })
    }
}
