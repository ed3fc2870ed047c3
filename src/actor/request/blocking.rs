//! Requests from code that is not async: the thread sleeps until the waker unparks it.

use std::{
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::Duration,
};

use tokio::time::Instant;

use super::deadline::{Deadline, Passed};
use crate::actor::current;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Polls `request` until it is ready, or until a limit has passed and `expired` says what follows: `None` for
/// the life of a message that has been taken in time, which then does not matter any more.
pub(super) fn run<Q, R>(
    request: &mut Q,
    deadline: impl Fn(&Q) -> &Deadline,
    mut poll: impl FnMut(&mut Q, &mut Context<'_>) -> Poll<R>,
    mut expired: impl FnMut(&mut Q, Passed) -> Option<R>,
) -> R {
    assert!(
        current::id().is_none(),
        "a handler must not block its thread: await the request instead of calling `blocking`"
    );
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    let after = deadline(request).patience();
    // A limit beyond what the clock can tell is none.
    let patience = after.and_then(|after| Some((Instant::now().checked_add(after)?, after)));
    loop {
        if let Poll::Ready(outcome) = poll(request, &mut cx) {
            return outcome;
        }
        let wait = patience.map(|(end, after)| (left(end), Passed::Timeout(after)));
        let life = deadline(request).life();
        let life = life.and_then(|life| Some((left(life.at()?), Passed::Expiry(life.length()))));
        let Some((left, passed)) = wait.into_iter().chain(life).min_by_key(|(left, _)| *left) else {
            thread::park();
            continue;
        };
        if !left.is_zero() {
            thread::park_timeout(left);
        } else if let Some(outcome) = expired(request, passed) {
            return outcome;
        }
    }
}

fn left(end: Instant) -> Duration {
    end.saturating_duration_since(Instant::now())
}
