//! What went wrong in an actor: who failed, at which step, and of what.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

pub use self::panic::{Panic, Place};
pub(crate) use self::panic::{catch, install_hook};
use crate::id::{Identity, without_path};
use crate::policy::Limit;
use crate::reason::StopReason;

mod panic;
#[cfg(test)]
mod tests;

/// Holds the error of a hook, a factory or a handler that fails on purpose: any error type, or a text.
///
/// # Examples
///
/// ```
/// use postbox::prelude::*;
///
/// struct Store { path: &'static str }
///
/// impl Actor for Store {
///     async fn started(&mut self, _ctx: &mut Context<Self>) -> Result<(), BoxError> {
///         std::fs::read(self.path)?;
///         Err("there is nothing in it".into())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let error = Store { path: "" }.prepare().start().await.expect_err("there is no such file");
/// assert!(matches!(error, SpawnError::Failed(_)));
/// # }
/// ```
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Describes one failure of one actor: who failed, at which step, and of what.
///
/// A clone is one pointer, so the same failure goes to the asker, to the supervisor, to the watchers and into
/// the dead letter. As an [`Error`] its source is the error it failed with, if it was one.
///
/// # Examples
///
/// ```
/// use postbox::{Cause, Step, prelude::*};
///
/// #[derive(Actor)]
/// struct Divider;
///
/// #[messages]
/// impl Divider {
///     /// Divides.
///     #[message]
///     fn divide(&self, by: u32) -> u32 { 100 / by }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let divider = Divider.spawn();
/// divider.divide(0).tell().await?;
/// let StopReason::Failed(failure) = divider.ended().await else { panic!("it has failed") };
/// assert_eq!(failure.identity(), divider.identity());
/// assert!(matches!(failure.step(), Step::Message(_)) && matches!(failure.cause(), Cause::Panic(_)));
/// assert!(failure.panic().is_some_and(|panic| panic.text() == "attempt to divide by zero"));
/// assert!(failure.chain().to_string().contains("failed while handling Divide: it panicked at"));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Failure(Arc<Record>);

#[derive(Debug)]
struct Record {
    who: Identity,
    step: Step,
    cause: Cause,
}

/// Names the step at which an actor failed.
///
/// Its text continues "account#42 failed": "while handling Withdraw".
///
/// # Examples
///
/// ```
/// use postbox::Step;
///
/// assert_eq!(Step::Started.to_string(), "in its `started` hook");
/// assert_eq!(Step::Message("bank::Withdraw").to_string(), "while handling Withdraw");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// The factory that makes the actor.
    Factory,
    /// The `started` hook.
    Started,
    /// The handler of a message of this type.
    Message(&'static str),
    /// The `terminated` hook.
    Terminated,
    /// The `stopped` hook.
    Stopped,
    /// The drop of the actor's state.
    Drop,
    /// The supervision of this child.
    Child(Identity),
    /// The link with this actor.
    Link(Identity),
}

/// Tells of what an actor failed.
///
/// # Examples
///
/// ```
/// use postbox::{Cause, Failure};
///
/// /// Whether the cause lies in the code, and not in the world around it.
/// fn is_a_bug(failure: &Failure) -> bool {
///     matches!(failure.cause(), Cause::Panic(_))
/// }
/// # let _ = is_a_bug;
/// assert_eq!(Cause::Error("the disk is full".into()).to_string(), "the disk is full");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Cause {
    /// User code panicked.
    Panic(Panic),
    /// User code returned an error, or failed on purpose with one.
    Error(BoxError),
    /// The children of a supervisor needed more restarts than its limit allows.
    RestartLimit {
        /// How the child ended that was one too many.
        last: StopReason,
        /// The restarts that were charged within the limit's window, the refused one included.
        charged: u32,
        /// The limit that was exceeded.
        limit: Limit,
    },
    /// An actor that it was linked to failed or was killed.
    Linked {
        /// How that one ended.
        reason: StopReason,
    },
}

impl Failure {
    /// Makes the failure of `who` at `step`.
    pub(crate) fn new(who: Identity, step: Step, cause: Cause) -> Self {
        Self(Arc::new(Record { who, step, cause }))
    }

    /// Makes the failure of a step that panicked.
    pub(crate) fn panicked(who: Identity, step: Step, panic: Panic) -> Self {
        Self::new(who, step, Cause::Panic(panic))
    }

    #[cfg(test)]
    /// Makes the failure of a step that returned or asked to fail with an error.
    pub(crate) fn error(who: Identity, step: Step, error: BoxError) -> Self {
        Self::new(who, step, Cause::Error(error))
    }

    /// Makes the failure of a supervisor whose `child` needed one restart too many.
    pub(crate) fn restart_limit(
        supervisor: Identity,
        child: Identity,
        last: StopReason,
        charged: u32,
        limit: Limit,
    ) -> Self {
        Self::new(supervisor, Step::Child(child), Cause::RestartLimit { last, charged, limit })
    }

    /// Makes the failure of an actor that was linked to one that has ended.
    pub(crate) fn linked(who: Identity, other: Identity, reason: StopReason) -> Self {
        Self::new(who, Step::Link(other), Cause::Linked { reason })
    }

    /// Returns the actor that failed.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.0.who
    }

    /// Returns the step at which it failed.
    #[must_use]
    pub fn step(&self) -> &Step {
        &self.0.step
    }

    /// Returns what it failed of.
    #[must_use]
    pub fn cause(&self) -> &Cause {
        &self.0.cause
    }

    /// Returns the panic, if it failed of one.
    #[must_use]
    pub fn panic(&self) -> Option<&Panic> {
        match self.cause() {
            Cause::Panic(panic) => Some(panic),
            Cause::Error(_) | Cause::RestartLimit { .. } | Cause::Linked { .. } => None,
        }
    }

    /// Returns the whole story in one line, for the log: the failure, then the sources of its error, each
    /// after a colon.
    ///
    /// The plain text of a failure ends with its error's own text. Use that where the sources are printed by
    /// somebody else.
    #[must_use]
    pub fn chain(&self) -> impl fmt::Display {
        Chain(self.clone())
    }

    /// Returns the failure as the source of another error.
    pub(crate) fn as_error(&self) -> &(dyn Error + 'static) {
        self
    }

    /// Returns the first error that the plain text leaves out.
    fn first_untold(&self) -> Option<&(dyn Error + 'static)> {
        match self.cause() {
            Cause::Panic(_) => None,
            Cause::Error(error) => error.source(),
            // The plain text ends with the text of the other's failure.
            Cause::RestartLimit { last, .. } | Cause::Linked { reason: last } => {
                last.failure().and_then(Failure::first_untold)
            }
        }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Record { who, step, cause } = &*self.0;
        f.debug_struct("Failure").field("who", who).field("step", step).field("cause", cause).finish()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed {}: {}", self.identity(), self.step(), self.cause())
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self.cause() {
            Cause::Panic(_) => None,
            Cause::Error(error) => Some(&**error),
            Cause::RestartLimit { last, .. } | Cause::Linked { reason: last } => {
                last.failure().map(Failure::as_error)
            }
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Factory => f.write_str("in its factory"),
            Self::Started => f.write_str("in its `started` hook"),
            Self::Message(message) => write!(f, "while handling {}", without_path(message)),
            Self::Terminated => f.write_str("in its `terminated` hook"),
            Self::Stopped => f.write_str("in its `stopped` hook"),
            Self::Drop => f.write_str("while its state was dropped"),
            Self::Child(child) => write!(f, "while supervising {child}"),
            Self::Link(other) => write!(f, "by its link with {other}"),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panic(panic) => write!(f, "it {panic}"),
            Self::Error(error) => error.fmt(f),
            Self::Linked { reason } => write!(f, "that actor {reason}"),
            Self::RestartLimit { last, charged, limit } => {
                write!(
                    f,
                    "restart {charged} is one too many for the limit of {limit}; at last the child {last}"
                )
            }
        }
    }
}

struct Chain(Failure);

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)?;
        let mut next = self.0.first_untold();
        while let Some(error) = next {
            write!(f, ": {error}")?;
            next = error.source();
        }
        Ok(())
    }
}
