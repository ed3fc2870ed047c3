//! Why an actor stopped.

use std::fmt;

use crate::failure::{Cause, Failure};

#[cfg(test)]
mod tests;

/// Tells why an incarnation of an actor ended.
///
/// It is given to the `stopped` hook, to watchers, and inside the errors of senders who came too late.
/// Its text continues a sentence: "the actor " + "was asked to stop".
///
/// # Examples
///
/// ```
/// use postbox::prelude::*;
///
/// #[derive(Actor)]
/// struct Idle;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let idle = Idle.spawn();
/// idle.kill();
/// let reason = idle.ended().await;
/// assert_eq!(format!("the actor {reason}"), "the actor was killed");
/// assert!(!reason.is_normal() && !reason.is_failure(), "a kill is neither");
/// assert!(reason.failure().is_none());
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum StopReason {
    /// It was asked to stop, with `stop` or `stop_now`.
    Stopped,
    /// It was free-standing and its last strong reference is gone.
    Released,
    /// Its supervisor or its system stopped it.
    Shutdown,
    /// It was killed: its handler was cut at an await, or it was idle.
    Killed,
    /// It failed: a handler or a hook panicked, returned an error or failed on purpose.
    Failed(Failure),
    /// Children of a supervisor needed more restarts than its limit allows: it ended with that, and so did the child
    /// that was one too many.
    ///
    /// The failure is the supervisor's own; its [`source`](std::error::Error::source) is the last failure of that
    /// child.
    RestartLimit(Failure),
    /// The tokio runtime was dropped under it.
    RuntimeGone,
}

impl StopReason {
    /// Returns whether the actor failed: [`Failed`](Self::Failed) or [`RestartLimit`](Self::RestartLimit).
    ///
    /// A kill is neither a failure nor normal.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        self.failure().is_some()
    }

    /// Returns whether the end was an orderly one: [`Stopped`](Self::Stopped), [`Released`](Self::Released) or
    /// [`Shutdown`](Self::Shutdown).
    #[must_use]
    pub fn is_normal(&self) -> bool {
        matches!(self, Self::Stopped | Self::Released | Self::Shutdown)
    }

    /// Returns the failure, if the end was one.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failure) | Self::RestartLimit(failure) => Some(failure),
            Self::Stopped | Self::Released | Self::Shutdown | Self::Killed | Self::RuntimeGone => None,
        }
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("was asked to stop"),
            Self::Released => f.write_str("was released with its last reference"),
            Self::Shutdown => f.write_str("was shut down by its supervisor or system"),
            Self::Killed => f.write_str("was killed"),
            // The sentence has its subject already, so the failure does not name it again.
            Self::Failed(failure) => write!(f, "failed {}: {}", failure.step(), failure.cause()),
            Self::RestartLimit(failure) => match failure.cause() {
                Cause::RestartLimit { .. } => {
                    let (of, step, cause) = (failure.identity(), failure.step(), failure.cause());
                    write!(f, "ended at the restart limit of {of}, exceeded {step}: {cause}")
                }
                _ => write!(f, "ended at its restart limit; the last failure: {failure}"),
            },
            Self::RuntimeGone => f.write_str("lost its tokio runtime"),
        }
    }
}
