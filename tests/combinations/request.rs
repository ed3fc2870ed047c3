//! A send or an ask under way, which anybody may drop.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use tokio::time::Instant;

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What can be done to a request from outside.
pub(crate) trait Request: Send + Sync {
    /// Drops its future.
    fn give_up(&self);
}

/// For a case without one.
pub(crate) struct Nobody;

impl Request for Nobody {
    fn give_up(&self) {}
}

pub(crate) struct Pending<T> {
    future: Mutex<Option<Boxed<T>>>,
    result: Mutex<Option<(T, Instant)>>,
}

impl<T: Send + 'static> Pending<T> {
    /// Polls it once, here and now, so that it has its place; and from then on in a task of its own.
    pub(crate) fn begin(future: impl Future<Output = T> + Send + 'static) -> Arc<Self> {
        let request = Arc::new(Self { future: Mutex::new(Some(Box::pin(future))), result: Mutex::new(None) });
        if request.poll(&mut Context::from_waker(Waker::noop())).is_pending() {
            let driven = Arc::clone(&request);
            tokio::spawn(poll_fn(move |cx| driven.poll(cx)));
        }
        request
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut future = self.future.lock().unwrap();
        let Some(polled) = future.as_mut() else { return Poll::Ready(()) };
        let Poll::Ready(result) = polled.as_mut().poll(cx) else { return Poll::Pending };
        let done = future.take();
        drop(future);
        drop(done);
        *self.result.lock().unwrap() = Some((result, Instant::now()));
        Poll::Ready(())
    }

    /// What came of it, and when. `None`: nothing, or it was given up.
    pub(crate) fn take(&self) -> Option<(T, Instant)> {
        self.result.lock().unwrap().take()
    }

    /// Whether it is still under way.
    pub(crate) fn is_open(&self) -> bool {
        self.future.lock().unwrap().is_some()
    }
}

impl<T: Send + 'static> Request for Pending<T> {
    fn give_up(&self) {
        let future = self.future.lock().unwrap().take();
        drop(future);
    }
}
