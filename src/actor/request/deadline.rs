//! The limits of a request: how long its sender waits, and how long its message is worth handling.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::actor::{limit::Until, waits::Waiting};

/// The limits of a request. Most have none, or are through before the timer is made.
#[derive(Default)]
pub(super) struct Deadline {
    /// How long the sender waits.
    after: Option<Duration>,
    /// There, when a limit is to be looked at before the message is offered; and once a timer runs.
    rare: Option<Pin<Box<Rare>>>,
}

pin_project! {
    /// What only a request with a limit needs.
    #[derive(Default)]
    struct Rare {
        // That a handler awaits the answer, while it does.
        waiting: Option<Waiting>,
        // How long the message is good for.
        until: Option<Until>,
        // When the sender loses patience, fixed when the request first waits.
        patience: Option<Instant>,
        // Whether that does not matter any more: a handler has got the message in time.
        outlived: bool,
        // Whether `patience` has been fixed, and the timer set.
        armed: bool,
        #[pin]
        timer: Option<Sleep>,
    }
}

/// A limit of a request that has passed, and how long it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passed {
    /// The sender's patience.
    Timeout(Duration),
    /// The life of the message.
    Expiry(Duration),
}

impl Passed {
    pub(super) const fn after(self) -> Duration {
        match self {
            Self::Timeout(after) | Self::Expiry(after) => after,
        }
    }
}

impl Deadline {
    #[inline]
    pub(super) fn after(after: Option<Duration>) -> Self {
        let mut deadline = Self { after, rare: None };
        if after == Some(Duration::ZERO) {
            deadline.rare();
        }
        deadline
    }

    /// Sets how long the sender waits; the life of the message stays as it is.
    pub(super) fn set_after(&mut self, after: Duration) {
        self.after = Some(after);
        if after.is_zero() {
            self.rare();
        }
    }

    /// Sets how long the message is good for.
    pub(super) fn set_until(&mut self, until: Until) {
        *self.rare().project().until = Some(until);
    }

    /// Notes that a handler awaits the answer, for as long as the request is there.
    pub(super) fn set_waiting(&mut self, waiting: Waiting) {
        *self.rare().project().waiting = Some(waiting);
    }

    /// How long the message is good for, if it has such a limit.
    pub(super) fn until(&self) -> Option<Until> {
        self.rare.as_ref().and_then(|rare| rare.until)
    }

    /// The same, unless a handler has got the message in time.
    pub(super) fn life(&self) -> Option<Until> {
        self.rare.as_ref().filter(|rare| !rare.outlived).and_then(|rare| rare.until)
    }

    /// How long the sender waits.
    pub(super) const fn patience(&self) -> Option<Duration> {
        self.after
    }

    /// Whether to look at [`refuses`](Self::refuses) before the message is offered.
    #[inline]
    pub(super) const fn is_checked(&self) -> bool {
        self.rare.is_some()
    }

    /// The limit for which the message is not even offered: zero is refused, and what has expired is as well.
    #[cold]
    pub(super) fn refuses(&self) -> Option<Passed> {
        if self.after == Some(Duration::ZERO) {
            return Some(Passed::Timeout(Duration::ZERO));
        }
        self.until().filter(Until::is_past).map(|until| Passed::Expiry(until.length()))
    }

    /// The message has been taken in time: from here on only the sender's patience counts.
    pub(super) fn outlived(&mut self) {
        let this = self.rare().project();
        *this.outlived = true;
        *this.armed = false;
    }

    /// Returns the first limit that passes, once it has.
    #[inline]
    pub(super) fn poll_passed(&mut self, cx: &mut Context<'_>) -> Poll<Passed> {
        if self.after.is_none() && self.rare.is_none() {
            return Poll::Pending;
        }
        self.poll_first(cx)
    }

    #[inline(never)]
    fn poll_first(&mut self, cx: &mut Context<'_>) -> Poll<Passed> {
        let after = self.after;
        let mut this = self.rare().project();
        if !*this.armed {
            *this.armed = true;
            if this.patience.is_none() {
                *this.patience = after.and_then(|after| Instant::now().checked_add(after));
            }
            // A limit beyond what the clock can tell is none.
            let until = if *this.outlived { None } else { this.until.and_then(|until| until.at()) };
            let first = [*this.patience, until].into_iter().flatten().min();
            this.timer.set(first.map(sleep_until));
        }
        let Some(timer) = this.timer.as_mut().as_pin_mut() else { return Poll::Pending };
        ready!(timer.poll(cx));
        Poll::Ready(match this.until.filter(|until| !*this.outlived && until.is_past()) {
            Some(until) => Passed::Expiry(until.length()),
            None => Passed::Timeout(after.unwrap_or_default()),
        })
    }

    #[cold]
    fn rare(&mut self) -> Pin<&mut Rare> {
        self.rare.get_or_insert_with(|| Box::pin(Rare::default())).as_mut()
    }
}
