//! How long a message is worth handling.
//!
//! A message without a deadline is an entry with the limit `()`, which has no size and is never looked at: it
//! pays nothing for those that have one.

use std::time::Duration;

use tokio::time::Instant;

/// The limit of a message: [`Until`], or `()` for none.
pub(crate) trait Limit: Send + Unpin + 'static {
    /// How it passed, once it has.
    fn passed(&self) -> Option<Expired>;

    /// The same limit, for a copy of the message.
    fn again(&self) -> Self;

    /// How often a handler has been given the message, if that is counted here: for one with `retry`, which takes
    /// its attempts along when it is put aside.
    fn tried(&mut self) -> Option<&mut u32> {
        None
    }
}

/// The limit of a message that may be tried more than once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tried<L> {
    limit: L,
    attempts: u32,
}

impl<L> From<L> for Tried<L> {
    fn from(limit: L) -> Self {
        Self { limit, attempts: 0 }
    }
}

impl<L: Limit> Limit for Tried<L> {
    fn passed(&self) -> Option<Expired> {
        self.limit.passed()
    }

    fn again(&self) -> Self {
        Self { limit: self.limit.again(), attempts: self.attempts }
    }

    fn tried(&mut self) -> Option<&mut u32> {
        Some(&mut self.attempts)
    }
}

/// How the limit of a message passed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expired {
    /// How often a handler had been given it by then.
    pub(crate) attempts: u32,
}

impl Limit for () {
    #[inline]
    fn passed(&self) -> Option<Expired> {
        None
    }

    #[inline]
    fn again(&self) {}
}

/// A deadline by tokio's clock.
#[derive(Clone, Copy, Debug)]
pub struct Until {
    after: Duration,
    /// `None`: later than the clock can tell.
    at: Option<Instant>,
}

impl Until {
    /// A deadline that begins to run now.
    pub(crate) fn after(after: Duration) -> Self {
        Self { after, at: Instant::now().checked_add(after) }
    }

    /// When it passes, unless that is later than the clock can tell.
    pub(crate) fn at(&self) -> Option<Instant> {
        self.at
    }

    /// How long it was when it began to run.
    pub(crate) fn length(&self) -> Duration {
        self.after
    }

    /// Whether it has passed. One of zero had passed when it began to run.
    pub(crate) fn is_past(&self) -> bool {
        self.at.is_some_and(|at| at <= Instant::now())
    }
}

impl Limit for Until {
    fn passed(&self) -> Option<Expired> {
        // Whoever finds it passed between two attempts knows how many there were: `turn::lapse`.
        self.is_past().then_some(Expired { attempts: 0 })
    }

    fn again(&self) -> Self {
        *self
    }
}
