//! What is declared about a child and about a supervisor.

use std::time::Duration;

use super::backoff::Backoff;
use super::limit::Limit;
use super::{DEFAULT_LIMIT, DEFAULT_SHUTDOWN};

#[cfg(test)]
mod tests;

/// Declares after which ends a supervised child starts again.
///
/// | the child ended by | `Permanent` | `Transient` | `Temporary` |
/// |---|---|---|---|
/// | a failure | starts again | starts again | ended |
/// | `kill` | starts again | starts again | ended |
/// | `stop`, `stop_now` | starts again | ended | ended |
/// | its supervisor or its system | ended | ended | ended |
///
/// Every new start is charged to the supervisor's [`Limit`], whatever ended the old one. To end a permanent
/// child for good, ask its supervisor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Restart {
    /// It starts again after every end, except one that its supervisor or its system decided. The default.
    #[default]
    Permanent,
    /// It starts again after a failure and after a kill. A child that ended well stays known to its
    /// supervisor and can be restarted by hand.
    Transient,
    /// It never starts again and is forgotten when it ends. Its failure never harms the supervisor.
    Temporary,
}

/// Declares how long a supervisor waits for a child that it stops.
///
/// Past the limit the child's handler is cut at its next await. A handler that never awaits cannot be cut.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use postbox::{DEFAULT_SHUTDOWN, Shutdown};
///
/// assert_eq!(Shutdown::default(), Shutdown::Within(DEFAULT_SHUTDOWN));
/// assert_eq!(Shutdown::from(Duration::from_secs(1)), Shutdown::Within(Duration::from_secs(1)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Shutdown {
    /// It has this long to finish what it is at. [`DEFAULT_SHUTDOWN`] is the default.
    Within(Duration),
    /// It has as long as it takes. Meant for supervisors, whose children have limits of their own.
    Unbounded,
    /// It is cut at once.
    Kill,
}

/// Declares which children start again when one of them ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Strategy {
    /// Only the one that ended. The default.
    #[default]
    OneForOne,
}

/// Declares how an actor supervises its children: the strategy, the restart limit and the backoff.
///
/// The limit is shared by all children of the supervisor. The default is one for one, [`DEFAULT_LIMIT`], no
/// backoff.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use postbox::{Backoff, Supervision};
///
/// let supervision = Supervision::one_for_one()
///     .limit(3, Duration::from_secs(60))
///     .backoff(Backoff::exponential(Duration::from_millis(10), Duration::from_secs(1)));
/// # let _ = supervision;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Supervision {
    pub(crate) strategy: Strategy,
    pub(crate) limit: Limit,
    pub(crate) backoff: Backoff,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::Within(DEFAULT_SHUTDOWN)
    }
}

impl From<Duration> for Shutdown {
    fn from(limit: Duration) -> Self {
        Self::Within(limit)
    }
}

impl Supervision {
    /// Restarts only the child that ended.
    #[must_use]
    pub fn one_for_one() -> Self {
        Self { strategy: Strategy::OneForOne, limit: DEFAULT_LIMIT, backoff: Backoff::none() }
    }

    /// Allows at most `restarts` charged restarts in any stretch of time as long as `within`.
    ///
    /// With one more the supervisor stops its children and fails. Zero allows none.
    #[must_use]
    pub fn limit(self, restarts: u32, within: Duration) -> Self {
        Self { limit: Limit::new(restarts, within), ..self }
    }

    /// Pauses before each restart.
    #[must_use]
    pub fn backoff(self, backoff: Backoff) -> Self {
        Self { backoff, ..self }
    }
}

impl Default for Supervision {
    fn default() -> Self {
        Self::one_for_one()
    }
}
