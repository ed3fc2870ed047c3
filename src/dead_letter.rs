//! Dead letters: the messages that no handler will handle, and the sink that takes them.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

pub use self::sink::{DeadLetters, Group, Subscription};
use crate::failure::{Failure, catch};
use crate::id::Identity;

mod sink;
#[cfg(test)]
mod tests;

/// Tells why a message became a dead letter.
///
/// # Examples
///
/// ```
/// use postbox::Reason;
///
/// /// Whether somebody may want to send the message again.
/// fn is_worth_a_look(reason: Reason) -> bool {
///     !matches!(reason, Reason::Expired | Reason::Abandoned | Reason::Evicted | Reason::Overflow)
/// }
/// assert!(is_worth_a_look(Reason::Quarantined));
/// assert_eq!(Reason::RestartLimit.to_string(), "restart limit");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// It was queued when its actor stopped.
    Stopped,
    /// It was queued when its actor was killed.
    Killed,
    /// Its handler was cut.
    Aborted,
    /// Its handler failed. The letter is a tombstone: the message went into the handler.
    Failed,
    /// Its handler failed in every attempt it declares. The letter holds the message.
    Quarantined,
    /// Its deadline passed while it was queued.
    Expired,
    /// Its asker gave up while it was queued.
    Abandoned,
    /// It was the oldest in a full mailbox that drops the oldest.
    Evicted,
    /// It came to a full mailbox that drops the newest.
    Overflow,
    /// It was queued when its actor exceeded its supervisor's restart limit, or was itself the supervisor. Siblings are
    /// stopped, and what they had queued dies of that.
    RestartLimit,
    /// Its actor has no handler for it.
    Unhandled,
    /// It was sent to a group that has no member.
    NoRoutee,
    /// It is a reply that came after its asker's deadline.
    LateReply,
    /// It was dropped without a fate. This is a bug of this crate; please report it.
    Leaked,
}

/// Describes one message that no handler will handle, and holds it where it still exists.
///
/// A clone is one pointer, and all clones share the one message.
///
/// # Examples
///
/// ```
/// use postbox::{Reason, prelude::*};
///
/// #[derive(Message, Debug, PartialEq)]
/// struct Withdraw { amount: u64 }
///
/// #[derive(Actor)]
/// struct Account;
///
/// impl Handler<Withdraw> for Account {
///     async fn handle(&mut self, _msg: Withdraw, _ctx: &mut Context<Self>) {}
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let system = System::new("bank");
/// let account = Account.prepare().system(&system).spawn()?;
/// account.tell(Withdraw { amount: 5 }).await?;
/// account.stop_now();
/// account.ended().await;
///
/// let letter = &system.dead_letters().recent()[0];
/// assert_eq!((letter.recipient(), letter.reason()), (account.identity(), Reason::Stopped));
/// assert_eq!((letter.attempts(), letter.failure().is_none()), (0, true));
/// assert!(letter.message_type().ends_with("Withdraw"));
/// assert!(letter.time() <= std::time::SystemTime::now());
///
/// // To send it again, elsewhere:
/// assert_eq!(letter.take_message(), Some(Withdraw { amount: 5 }));
/// assert!(!letter.has_message());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct DeadLetter(Arc<Record>);

struct Record {
    time: SystemTime,
    recipient: Identity,
    message_type: &'static str,
    message: Mutex<Option<Payload>>,
    reason: Reason,
    attempts: u32,
    failure: Option<Failure>,
}

type Payload = Box<dyn Any + Send>;

impl Reason {
    /// All reasons, each at the place of its number.
    pub(crate) const ALL: [Self; 14] = [
        Self::Stopped,
        Self::Killed,
        Self::Aborted,
        Self::Failed,
        Self::Quarantined,
        Self::Expired,
        Self::Abandoned,
        Self::Evicted,
        Self::Overflow,
        Self::RestartLimit,
        Self::Unhandled,
        Self::NoRoutee,
        Self::LateReply,
        Self::Leaked,
    ];
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stopped => "stopped",
            Self::Killed => "killed",
            Self::Aborted => "aborted",
            Self::Failed => "failed",
            Self::Quarantined => "quarantined",
            Self::Expired => "expired",
            Self::Abandoned => "abandoned",
            Self::Evicted => "evicted",
            Self::Overflow => "overflow",
            Self::RestartLimit => "restart limit",
            Self::Unhandled => "unhandled",
            Self::NoRoutee => "no routee",
            Self::LateReply => "late reply",
            Self::Leaked => "leaked",
        })
    }
}

impl DeadLetter {
    /// Makes a letter, dated now.
    pub(crate) fn new(
        to: Identity,
        message_type: &'static str,
        message: Option<Box<dyn Any + Send>>,
        reason: Reason,
        attempts: u32,
        failure: Option<Failure>,
    ) -> Self {
        Self(Arc::new(Record {
            time: SystemTime::now(),
            recipient: to,
            message_type,
            message: Mutex::new(message),
            reason,
            attempts,
            failure,
        }))
    }

    /// Returns when the message died.
    #[must_use]
    pub fn time(&self) -> SystemTime {
        self.0.time
    }

    /// Returns the actor the message was for.
    #[must_use]
    pub fn recipient(&self) -> &Identity {
        &self.0.recipient
    }

    /// Returns the name of the message's type.
    #[must_use]
    pub fn message_type(&self) -> &'static str {
        self.0.message_type
    }

    /// Returns why it died.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.0.reason
    }

    /// Returns how often a handler was given the message.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Returns the failure it died of, if it died of one.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.0.failure.as_ref()
    }

    /// Returns whether the letter holds its message now.
    ///
    /// It holds none if the message went into a handler by value, or if it has been taken out.
    #[must_use]
    pub fn has_message(&self) -> bool {
        self.message().is_some()
    }

    /// Takes the message out, once for all clones of the letter.
    ///
    /// Returns `None`, and leaves the message where it is, if it is not an `M`.
    #[must_use]
    pub fn take_message<M: 'static>(&self) -> Option<M> {
        let mut slot = self.message();
        match slot.take()?.downcast::<M>() {
            Ok(message) => Some(*message),
            Err(other) => {
                *slot = Some(other);
                None
            }
        }
    }

    fn message(&self) -> std::sync::MutexGuard<'_, Option<Payload>> {
        // No user code runs under this lock, so a poisoned one holds nothing that is torn.
        self.0.message.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetter")
            .field("time", &self.time())
            .field("recipient", &format_args!("{}", self.recipient()))
            .field("message_type", &self.message_type())
            .field("has_message", &self.has_message())
            .field("reason", &self.reason())
            .field("attempts", &self.attempts())
            .field("failure", &self.failure())
            .finish()
    }
}

impl Drop for Record {
    /// Drops the message so that a panic of its `Drop` ends here.
    ///
    /// The last clone of a letter goes wherever it happens to: in the sink, in an actor that failed, in a
    /// subscriber. None of them is to fail for it.
    fn drop(&mut self) {
        let message = self.message.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Err(panic) = catch(|| drop(message)) {
            // A log subscriber is user code too. Where it panics there is no log to say so.
            let _ = catch(|| {
                tracing::error!(
                    target: "postbox", message_type = self.message_type, %panic,
                    "a dead message panicked as it was dropped",
                );
            });
        }
    }
}
