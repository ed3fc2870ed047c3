//! The decisions of supervision: pure functions, tested as tables.
//!
//! ```text
//! exit ─► may_restart? ─ no ─────────────────────────► End
//!             └─ yes ─► charged? ─ no ───────────────► Restart, no charge
//!                           └─ yes ─► Window::charge ─► Restart, or Escalate above the limit
//! ```

use std::time::Duration;

use tokio::time::Instant;

use super::backoff::Backoff;
use super::limit::{Charge, Limit, Window};
use super::restart::Restart;

#[cfg(test)]
mod tests;

/// How an incarnation ended, as far as the decision needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// By `stop` or `stop_now`.
    Stopped,
    /// By its supervisor or its system.
    Shutdown,
    /// By a group restart that another child has begun.
    Bystander,
    /// Its last strong reference is gone.
    Released,
    /// By `kill`.
    Killed,
    /// By a failure.
    Failed {
        /// False only for a later attempt of a message whose first failure was charged.
        charge: bool,
    },
}

/// What follows from an exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A new incarnation starts after a pause.
    Restart { after: Duration, used: u32 },
    /// The actor ended for good.
    End,
    /// The restart would exceed the limit: the supervisor stops its children and fails.
    Escalate { used: u32 },
}

/// What becomes of the message whose handler failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is delivered again, before all others.
    Retry,
    /// Its attempts are used up: a dead letter that holds the message.
    Quarantine,
    /// It went into the handler by value and is gone: a dead letter without it.
    Tombstone,
}

/// Decides what follows from the exit of a supervised child.
///
/// `consecutive` counts the charged restarts in a row before this one, after [`Backoff::streak`].
#[expect(
    clippy::too_many_arguments,
    reason = "everything the decision depends on is an argument: it is pure"
)]
pub(crate) fn on_child_exit(
    exit: Exit,
    restart: Restart,
    limit: &Limit,
    window: &mut Window,
    backoff: &Backoff,
    consecutive: u32,
    now: Instant,
    random: f64,
) -> Verdict {
    if !may_restart(exit, restart) {
        return Verdict::End;
    }
    if !is_charged(exit) {
        // The charged restart before this one is counted in `consecutive`. One less is the same pause again.
        let after = backoff.delay(consecutive.saturating_sub(1), random);
        return Verdict::Restart { after, used: window.used(limit, now) };
    }
    match window.charge(limit, now) {
        Charge::Within { used } => Verdict::Restart { after: backoff.delay(consecutive, random), used },
        Charge::Exceeded { used } => Verdict::Escalate { used },
    }
}

/// Returns whether a child of this restart type starts again after this exit, the limit aside.
pub(crate) fn may_restart(exit: Exit, restart: Restart) -> bool {
    match restart {
        Restart::Permanent => exit != Exit::Shutdown,
        Restart::Transient => matches!(exit, Exit::Killed | Exit::Bystander | Exit::Failed { .. }),
        Restart::Temporary => false,
    }
}

/// Returns whether a restart after this exit counts against the limit.
pub(crate) fn is_charged(exit: Exit) -> bool {
    !matches!(exit, Exit::Failed { charge: false } | Exit::Bystander)
}

/// Decides what becomes of a message whose handler failed, when it has been taken `attempts_so_far` times.
pub(crate) fn after_failed_message(attempts_so_far: u32, max_attempts: u32) -> Fate {
    if max_attempts <= 1 {
        Fate::Tombstone
    } else if attempts_so_far < max_attempts {
        Fate::Retry
    } else {
        Fate::Quarantine
    }
}
