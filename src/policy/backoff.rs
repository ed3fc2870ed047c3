//! The pause before a restart.

use std::time::Duration;

#[cfg(test)]
mod tests;

/// Declares the pause before each restart of a child: none, or one that doubles with every restart in a row.
///
/// Use it where restarting at once is useless or harmful, as with a database that is away. The messages that
/// wait in the mailbox wait for the pause too.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use postbox::Backoff;
///
/// // 10 ms, 20 ms, 40 ms … 1 s; each up to a fifth shorter; from the start again after a minute of life.
/// let backoff = Backoff::exponential(Duration::from_millis(10), Duration::from_secs(1))
///     .jitter(0.2)
///     .reset_after(Duration::from_secs(60));
/// assert_eq!(backoff.delay(1, 0.0), Duration::from_millis(20));
/// assert_eq!(backoff.delay(1, 1.0), Duration::from_millis(16));
/// assert_eq!(Backoff::none().delay(9, 0.0), Duration::ZERO);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    jitter: f64,
    reset_after: Duration,
}

impl Backoff {
    /// Restarts without a pause. This is the default.
    #[must_use]
    pub const fn none() -> Self {
        Self::exponential(Duration::ZERO, Duration::ZERO)
    }

    /// Pauses for `min` before the first restart and twice as long before each further one, up to `max`.
    ///
    /// Without jitter, and reset once a child has lived for `max`; see [`jitter`](Self::jitter) and
    /// [`reset_after`](Self::reset_after).
    ///
    /// # Panics
    ///
    /// Panics if `min` is longer than `max`.
    #[must_use]
    pub const fn exponential(min: Duration, max: Duration) -> Self {
        // Not `min <= max`: comparing durations is not const.
        assert!(
            min.as_nanos() <= max.as_nanos(),
            "a backoff whose shortest pause is longer than its longest"
        );
        Self { min, max, jitter: 0.0, reset_after: max }
    }

    /// Shortens each pause by a random part of itself, at most by `share` of it, so that actors that failed
    /// together do not come back together.
    ///
    /// # Panics
    ///
    /// Panics if `share` is not between 0 and 1.
    #[must_use]
    pub const fn jitter(self, share: f64) -> Self {
        assert!(share >= 0.0 && share <= 1.0, "the jitter of a backoff is a share, from 0 to 1");
        Self { jitter: share, ..self }
    }

    /// Starts from the shortest pause again once a child has lived for `lived` since its last start.
    #[must_use]
    pub const fn reset_after(self, lived: Duration) -> Self {
        Self { reset_after: lived, ..self }
    }

    /// Returns the pause before a restart that follows `attempt` others in a row.
    ///
    /// `random` is from 0 to 1 and says how much of the jitter applies; anything outside is moved inside. The
    /// result is never longer than the longest pause, and no argument makes it panic.
    #[must_use]
    pub fn delay(&self, attempt: u32, random: f64) -> Duration {
        let min = self.min.as_nanos();
        // A shift that would push a one out at the top stands for a number far above any duration.
        let doubled = if attempt < min.leading_zeros() { min << attempt } else { u128::MAX };
        let full = if min == 0 { Duration::ZERO } else { nanos(doubled.min(self.max.as_nanos())) };

        let cut = self.jitter * random.clamp(0.0, 1.0);
        if cut == 0.0 {
            return full;
        }
        // It fails on a NaN, and near `Duration::MAX`, where a float rounds up to more than a duration holds.
        Duration::try_from_secs_f64(full.as_secs_f64() * (1.0 - cut)).map_or(full, |short| short.min(full))
    }

    /// Returns whether a pause depends on chance.
    pub(crate) fn is_jittered(&self) -> bool {
        self.jitter > 0.0
    }

    /// Returns how many restarts in a row still count for a child that then lived for `lived`.
    pub(crate) fn streak(&self, consecutive: u32, lived: Duration) -> u32 {
        if lived >= self.reset_after { 0 } else { consecutive }
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::none()
    }
}

/// Makes a duration of nanoseconds that come from durations and so are in range.
fn nanos(nanos: u128) -> Duration {
    const PER_SEC: u128 = 1_000_000_000;
    let secs = u64::try_from(nanos / PER_SEC).unwrap_or(u64::MAX);
    let rest = u32::try_from(nanos % PER_SEC).expect("a remainder of 10^9 fits 32 bits");
    Duration::new(secs, rest)
}
