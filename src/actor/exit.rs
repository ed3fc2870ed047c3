//! How an incarnation ends, in three words: for the decision, for the log, and for those who are told.

use crate::{Failure, StopReason, failure::Cause, policy::decide};

/// How an incarnation ended.
#[derive(Debug)]
pub(super) enum Exit {
    Stopped,
    Released,
    Shutdown,
    /// Its group restarts.
    Bystander,
    Killed,
    Failed {
        failure: Failure,
        /// False for a later attempt of a message whose first failure was charged.
        charge: bool,
    },
}

impl Exit {
    /// As far as the decision needs it.
    pub(super) const fn kind(&self) -> decide::Exit {
        match self {
            Self::Stopped => decide::Exit::Stopped,
            Self::Released => decide::Exit::Released,
            Self::Shutdown => decide::Exit::Shutdown,
            Self::Bystander => decide::Exit::Bystander,
            Self::Killed => decide::Exit::Killed,
            Self::Failed { charge, .. } => decide::Exit::Failed { charge: *charge },
        }
    }

    pub(super) const fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed { failure, .. } => Some(failure),
            _ => None,
        }
    }

    pub(super) fn reason(&self) -> StopReason {
        match self {
            Self::Stopped => StopReason::Stopped,
            Self::Released => StopReason::Released,
            Self::Shutdown | Self::Bystander => StopReason::Shutdown,
            Self::Killed => StopReason::Killed,
            Self::Failed { failure, .. } if matches!(failure.cause(), Cause::RestartLimit { .. }) => {
                StopReason::RestartLimit(failure.clone())
            }
            Self::Failed { failure, .. } => StopReason::Failed(failure.clone()),
        }
    }
}
