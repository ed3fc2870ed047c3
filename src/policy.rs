//! The rules of supervision, as plain data and pure decisions.
//!
//! Nothing here waits, locks or touches an actor. [`decide`] maps an exit, the policy, the history and the
//! time to a verdict; the actor layer acts on it. [`children`] does so for all the children of one supervisor, and
//! decides about groups.

use std::time::Duration;

pub use self::backoff::Backoff;
pub use self::detach::KILL_GRACE;
pub(crate) use self::detach::{Silence, is_detached};
pub use self::limit::Limit;
pub use self::overflow::Overflow;
pub use self::restart::{AutoShutdown, Restart, Shutdown, Strategy, Supervision};

mod backoff;
pub(crate) mod children;
pub(crate) mod decide;
mod detach;
pub(crate) mod limit;
mod overflow;
mod restart;

/// Says the capacity of a mailbox whose actor declares none, in messages: 64.
///
/// # Examples
///
/// ```
/// use postbox::{DEFAULT_CAPACITY, prelude::*};
///
/// #[derive(Actor)]
/// struct Idle;
///
/// assert_eq!((Idle::CAPACITY, DEFAULT_CAPACITY), (64, 64));
/// ```
pub const DEFAULT_CAPACITY: usize = 64;

/// Says the restart limit of a supervisor that declares none: 5 in 10 s.
///
/// # Examples
///
/// ```
/// use postbox::{DEFAULT_LIMIT, Limit};
/// use std::time::Duration;
///
/// assert_eq!(DEFAULT_LIMIT, Limit::new(5, Duration::from_secs(10)));
/// ```
pub const DEFAULT_LIMIT: Limit = Limit::new(5, Duration::from_secs(10));

/// Says how long a stopped child is given before its handler is cut, if it declares none: 5 s.
///
/// # Examples
///
/// ```
/// use postbox::{DEFAULT_SHUTDOWN, Shutdown, prelude::*};
///
/// #[derive(Actor)]
/// struct Idle;
///
/// assert_eq!(Idle::SHUTDOWN, Shutdown::Within(DEFAULT_SHUTDOWN));
/// ```
pub const DEFAULT_SHUTDOWN: Duration = Duration::from_secs(5);

/// Says how many recent dead letters a system keeps: 256. Older ones are counted all the same.
///
/// # Examples
///
/// ```
/// use postbox::DEFAULT_DEAD_LETTERS;
///
/// assert_eq!(DEFAULT_DEAD_LETTERS, 256);
/// ```
pub const DEFAULT_DEAD_LETTERS: usize = 256;
