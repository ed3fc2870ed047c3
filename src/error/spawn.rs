//! Errors of starting actors and of managing children by hand.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::failure::Failure;
use crate::id::Identity;
use crate::reason::StopReason;

/// Says why an actor was not spawned. Nothing is left behind: no name, no child, no task.
///
/// # Examples
///
/// ```
/// use postbox::prelude::*;
///
/// #[derive(Actor, Default)]
/// struct Cache;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let tree = Supervisor::one_for_one().start().await?;
/// tree.spawn(child("cache", Cache::default)).await?;
/// match tree.spawn(child("cache", Cache::default)).await {
///     Err(SpawnError::DuplicateChild { name, .. }) => assert_eq!(&*name, "cache"),
///     other => panic!("{other:?}"),
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum SpawnError {
    /// Another actor of the system has the name.
    NameTaken {
        /// The name.
        name: Arc<str>,
    },
    /// Its factory or its `started` hook failed at the first start.
    Failed(Failure),
    /// It was stopped or killed before it had started.
    Ended {
        /// The actor.
        actor: Identity,
        /// Why it ended.
        reason: StopReason,
    },
    /// The supervisor it was to be a child of has stopped, or is stopping.
    SupervisorGone {
        /// The supervisor.
        supervisor: Identity,
    },
    /// The call was made outside a tokio runtime.
    NoRuntime,
    /// The actor declares a capacity of zero. Its mailbox could not accept a single message.
    ZeroCapacity {
        /// The kind of the actor.
        kind: &'static str,
    },
    /// Its supervisor has a child of that name.
    DuplicateChild {
        /// The supervisor.
        supervisor: Identity,
        /// The name.
        name: Arc<str>,
    },
    /// It was declared significant, and is permanent, or its supervisor heeds no significant children.
    CannotBeSignificant {
        /// The supervisor.
        supervisor: Identity,
        /// The name of the child.
        name: Arc<str>,
        /// Whether the supervisor heeds significant children. If so, the child is permanent.
        heeded: bool,
    },
}

/// Says why a call that manages a child by hand was refused.
///
/// # Examples
///
/// ```
/// use postbox::{ChildError, prelude::*};
///
/// #[derive(Actor, Default)]
/// struct Cache;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let tree = Supervisor::one_for_one().start().await?;
/// tree.spawn(child("cache", Cache::default)).await?;
/// assert!(matches!(tree.delete_child("cache"), Err(ChildError::Running { .. })));
/// assert!(matches!(tree.stop_child("store").await, Err(ChildError::NotFound { .. })));
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ChildError {
    /// The supervisor knows no child of that name.
    NotFound {
        /// The supervisor.
        supervisor: Identity,
        /// The name that was given.
        child: String,
    },
    /// The child runs, and the call is for one that has ended.
    Running {
        /// The supervisor.
        supervisor: Identity,
        /// The name of the child.
        child: String,
    },
    /// The child is between two incarnations, and the call is for one that has ended.
    Restarting {
        /// The supervisor.
        supervisor: Identity,
        /// The name of the child.
        child: String,
    },
    /// The supervisor has stopped, or is stopping.
    SupervisorGone {
        /// The supervisor.
        supervisor: Identity,
    },
    /// The child did not start.
    Spawn(SpawnError),
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameTaken { name } => {
                write!(
                    f,
                    "spawn of an actor named `{name}` failed: another actor has the name; \
                           it is free again once that one has ended"
                )
            }
            Self::Failed(failure) => {
                let (who, step, cause) = (failure.identity(), failure.step(), failure.cause());
                write!(
                    f,
                    "spawn of {who} failed {step}: {cause}; nothing of it is left, and it may be tried again"
                )
            }
            Self::Ended { actor, reason } => {
                write!(f, "spawn of {actor} failed: the actor {reason} before it had started")
            }
            Self::SupervisorGone { supervisor } => {
                write!(
                    f,
                    "spawn of a child of {supervisor} failed: the supervisor has stopped; spawn it under another"
                )
            }
            Self::NoRuntime => {
                f.write_str("spawn failed: there is no tokio runtime here; call it inside one")
            }
            Self::ZeroCapacity { kind } => {
                write!(
                    f,
                    "spawn of {kind} failed: it declares a capacity of 0, and a mailbox needs at least 1"
                )
            }
            Self::DuplicateChild { supervisor, name } => {
                write!(
                    f,
                    "spawn of a child named `{name}` of {supervisor} failed: it has a child of that name; \
                           delete that one first, or restart it"
                )
            }
            Self::CannotBeSignificant { supervisor, name, heeded: true } => {
                write!(
                    f,
                    "spawn of a child named `{name}` of {supervisor} failed: a permanent child always starts \
                     again, so its end cannot be significant; declare it transient or temporary"
                )
            }
            Self::CannotBeSignificant { supervisor, name, heeded: false } => {
                write!(
                    f,
                    "spawn of a child named `{name}` of {supervisor} failed: it is significant, and the \
                     supervisor does not stop for significant children; declare when with `auto_shutdown`"
                )
            }
        }
    }
}

impl Error for SpawnError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed(failure) => Some(failure),
            Self::Ended { reason, .. } => reason.failure().map(Failure::as_error),
            Self::NameTaken { .. }
            | Self::SupervisorGone { .. }
            | Self::NoRuntime
            | Self::ZeroCapacity { .. }
            | Self::DuplicateChild { .. }
            | Self::CannotBeSignificant { .. } => None,
        }
    }
}

impl fmt::Display for ChildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { supervisor, child } => write!(f, "{supervisor} has no child named `{child}`"),
            Self::Running { supervisor, child } => {
                write!(f, "the child `{child}` of {supervisor} is running; stop it first")
            }
            Self::Restarting { supervisor, child } => {
                write!(f, "the child `{child}` of {supervisor} is restarting; stop it first")
            }
            Self::SupervisorGone { supervisor } => {
                write!(f, "the children of {supervisor} are gone: the supervisor has stopped")
            }
            Self::Spawn(error) => error.fmt(f),
        }
    }
}

impl Error for ChildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            // Its text is ours already, so the chain goes on behind it.
            Self::Spawn(error) => error.source(),
            Self::NotFound { .. }
            | Self::Running { .. }
            | Self::Restarting { .. }
            | Self::SupervisorGone { .. } => None,
        }
    }
}

impl From<SpawnError> for ChildError {
    fn from(error: SpawnError) -> Self {
        Self::Spawn(error)
    }
}
