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
///
/// # Examples
///
/// ```
/// use postbox::prelude::*;
///
/// #[derive(Actor, Default)]
/// struct Job;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let tree = Supervisor::one_for_one().start().await?;
/// let job = tree.spawn(child("job", Job::default).restart(Restart::Transient)).await?;
/// job.stop();
/// assert!(job.ended().await.is_normal(), "it ended well, so it stays ended");
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Restart {
    /// It starts again after every end, except one that its supervisor or its system decided. The default.
    #[default]
    Permanent,
    /// It starts again after a failure and after a kill. A child that ended well stays known to its
    /// supervisor, and can be restarted or deleted by hand.
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

/// Declares which children start again when one of them ends in a way that its [`Restart`] type calls for.
///
/// A group restart ends the others first, one at a time, the youngest first, each with the message it has in
/// hand and within its own [`Shutdown`] limit. Then they start in start order, each when the one before has
/// started. Their mailboxes keep what waits in them. It is one charge to the limit.
///
/// A `Transient` child that has ended well is not started by it, and a `Temporary` one is ended and forgotten.
/// A child that is added meanwhile starts when its elders have started; so a `started` hook must not wait for
/// the start of a sibling.
///
/// # Examples
///
/// ```
/// use postbox::{Strategy, Supervision};
///
/// // For a connection, what reads from it, and what depends on both.
/// let supervision = Supervision::rest_for_one();
/// assert_ne!(supervision, Supervision::default(), "which is one for one");
/// assert_eq!(Strategy::default(), Strategy::OneForOne);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Strategy {
    /// Only the one that ended. For children that do not depend on each other. The default.
    #[default]
    OneForOne,
    /// All of them. For children that are of no use without each other.
    OneForAll,
    /// The one that ended, and those that started after it. For children that depend on their elders.
    RestForOne,
}

/// Declares whether a supervisor stops when its significant children have ended by themselves.
///
/// It stops as after `stop_now`: with a normal reason, and its children before it. Without one of the other
/// two, a child that says it is significant is refused.
///
/// # Examples
///
/// ```
/// use postbox::{AutoShutdown, prelude::*};
///
/// #[derive(Actor, Default)]
/// struct Job;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let jobs = Supervisor::one_for_one().auto_shutdown(AutoShutdown::AllSignificant).start().await?;
/// for name in ["one", "two"] {
///     let job = child(name, Job::default).restart(Restart::Temporary).significant(true);
///     jobs.spawn(job).await?.stop();
/// }
/// assert!(jobs.ended().await.is_normal());
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AutoShutdown {
    /// It does not. The default.
    #[default]
    Never,
    /// It stops when one of them has ended.
    AnySignificant,
    /// It stops when the last of them has ended.
    AllSignificant,
}

/// Declares how an actor supervises its children: the strategy, the restart limit, the backoff, and how it
/// stops.
///
/// The limit is shared by all children of the supervisor. The default is one for one, [`DEFAULT_LIMIT`], no
/// backoff.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use postbox::{AutoShutdown, Backoff, Supervision, prelude::*};
///
/// /// A pool of connections, which stops with the last of them.
/// #[derive(Default)]
/// struct Pool;
///
/// impl Actor for Pool {
///     fn supervision(&self) -> Supervision {
///         Supervision::one_for_one()
///             .limit(3, Duration::from_secs(60))
///             .backoff(Backoff::exponential(Duration::from_millis(10), Duration::from_secs(1)))
///             .auto_shutdown(AutoShutdown::AllSignificant)
///             .stop_together()
///     }
/// }
/// assert_ne!(Pool.supervision(), Supervision::default());
/// assert_ne!(Supervision::one_for_all(), Supervision::rest_for_one());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Supervision {
    pub(crate) strategy: Strategy,
    pub(crate) limit: Limit,
    pub(crate) backoff: Backoff,
    pub(crate) auto_shutdown: AutoShutdown,
    pub(crate) stop_together: bool,
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
        Self::new(Strategy::OneForOne)
    }

    /// Restarts all children when one has ended: see [`Strategy`].
    #[must_use]
    pub fn one_for_all() -> Self {
        Self::new(Strategy::OneForAll)
    }

    /// Restarts the child that ended and those that started after it: see [`Strategy`].
    #[must_use]
    pub fn rest_for_one() -> Self {
        Self::new(Strategy::RestForOne)
    }

    fn new(strategy: Strategy) -> Self {
        Self {
            strategy,
            limit: DEFAULT_LIMIT,
            backoff: Backoff::none(),
            auto_shutdown: AutoShutdown::Never,
            stop_together: false,
        }
    }

    /// Allows at most `restarts` charged restarts in any stretch of time as long as `within`.
    ///
    /// With one more the supervisor stops its children and fails. Zero allows none.
    #[must_use]
    pub fn limit(self, restarts: u32, within: Duration) -> Self {
        Self { limit: Limit::new(restarts, within), ..self }
    }

    /// Pauses before each restart. A group pauses once, when all of it has ended.
    #[must_use]
    pub fn backoff(self, backoff: Backoff) -> Self {
        Self { backoff, ..self }
    }

    /// Stops the supervisor when its significant children have ended.
    #[must_use]
    pub fn auto_shutdown(self, when: AutoShutdown) -> Self {
        Self { auto_shutdown: when, ..self }
    }

    /// Stops the children all at the same time when the supervisor stops, under one deadline: the longest
    /// of theirs. Meant for many children of one kind, where the order does not matter and the time to stop
    /// them one by one does.
    #[must_use]
    pub fn stop_together(self) -> Self {
        Self { stop_together: true, ..self }
    }
}

impl Default for Supervision {
    fn default() -> Self {
        Self::one_for_one()
    }
}
