//! The restart limit and the sliding window it is counted in.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

#[cfg(test)]
mod tests;

/// Limits how often a supervisor restarts its children: at most `max` times in any stretch as long as `within`.
///
/// The window slides: a restart counts while `now - then < within`, so one that is exactly `within` old
/// counts no more. It prints as `5 in 10s`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use postbox::{DEFAULT_LIMIT, Limit};
///
/// assert_eq!(DEFAULT_LIMIT, Limit::new(5, Duration::from_secs(10)));
/// assert_eq!(DEFAULT_LIMIT.to_string(), "5 in 10s");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limit {
    /// The restarts that are allowed. With zero the first one already exceeds the limit.
    pub max: u32,
    /// The length of the window. A window of zero forgets at once, so that any `max` but zero is never exceeded.
    pub within: Duration,
}

/// Remembers the charged restarts of one supervisor that still count.
///
/// It holds at most `max` instants, because a charge beyond the limit is refused and not recorded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    /// The oldest is in front.
    charges: VecDeque<Instant>,
}

/// The answer to one charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charge {
    /// It is allowed; `used` restarts count now, this one included.
    Within { used: u32 },
    /// It is one too many; `used` would count now, this one included.
    Exceeded { used: u32 },
}

impl Limit {
    /// Allows `max` restarts in any stretch of time as long as `within`.
    #[must_use]
    pub const fn new(max: u32, within: Duration) -> Self {
        Self { max, within }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {:?}", self.max, self.within)
    }
}

impl Window {
    /// Charges one restart at `now`, if the limit allows it.
    pub(crate) fn charge(&mut self, limit: &Limit, now: Instant) -> Charge {
        let used = self.used(limit, now).saturating_add(1);
        if used > limit.max {
            return Charge::Exceeded { used };
        }
        self.charges.push_back(now);
        Charge::Within { used }
    }

    /// Forgets what is too old and returns how many restarts still count.
    pub(crate) fn used(&mut self, limit: &Limit, now: Instant) -> u32 {
        // Saturating: two threads may read the clock in one order and charge in the other.
        while let Some(&oldest) = self.charges.front()
            && now.saturating_duration_since(oldest) >= limit.within
        {
            self.charges.pop_front();
        }
        u32::try_from(self.charges.len()).unwrap_or(u32::MAX)
    }
}
