//! Requests from code that is not async: the thread sleeps until the waker unparks it.

use std::{
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use crate::actor::current;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Polls `request` until it is ready, or until `after` has passed.
pub(super) fn run<Q, R>(
    request: &mut Q,
    after: Option<Duration>,
    mut poll: impl FnMut(&mut Q, &mut Context<'_>) -> Poll<R>,
    expired: impl FnOnce(&mut Q, Duration) -> R,
) -> R {
    assert!(
        current::id().is_none(),
        "a handler must not block its thread: await the request instead of calling `blocking`"
    );
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    // A deadline beyond what the clock can tell is none.
    let deadline = after.and_then(|after| Some((Instant::now().checked_add(after)?, after)));
    loop {
        if let Poll::Ready(outcome) = poll(request, &mut cx) {
            return outcome;
        }
        let Some((end, after)) = deadline else {
            thread::park();
            continue;
        };
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return expired(request, after);
        }
        thread::park_timeout(left);
    }
}
