//! When a killed actor is given up.

use std::time::Duration;

#[cfg(test)]
mod tests;

/// Says how long a killed actor has to come to an await. After it, an actor whose code holds a thread is
/// [`Detached`](crate::Status::Detached): 500 ms.
///
/// # Examples
///
/// ```
/// use postbox::KILL_GRACE;
/// use std::time::Duration;
///
/// assert_eq!(KILL_GRACE, Duration::from_millis(500));
/// ```
pub const KILL_GRACE: Duration = Duration::from_millis(500);

/// How many graces pass before an actor is given up that no thread is at work on. It only waits for a thread
/// of its runtime; but all of those may be blocked for good, and a shutdown must come to its end.
const PATIENCE: u32 = 4;

/// How many graces in a row a killed actor has given no sign of life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Silence(u32);

/// Decides whether a killed actor that has not ended within a grace is given up. `answered`: its task has come
/// by since the grace began. `at_work`: a thread is inside its code.
pub(crate) fn is_detached(silence: &mut Silence, answered: bool, at_work: bool) -> bool {
    if answered {
        *silence = Silence::default();
        return false;
    }
    silence.0 += 1;
    at_work || silence.0 >= PATIENCE
}
