//! For the code that the macros write: the ways of running a method that `#[message(defer)]`,
//! `#[message(on_err = fail)]` and `#[message(blocking)]` ask for. Not part of the API.

use std::{
    any::type_name,
    future::poll_fn,
    pin::Pin,
    task::{Context as TaskContext, Poll},
};

use pin_project_lite::pin_project;
use tokio::runtime::{Handle, RuntimeFlavor};

use super::{
    Actor, Context,
    desk::Request,
    reply_to::{Keeper, ReplyTo},
};
use crate::BoxError;

/// The means to answer the message in hand, for one that is run by [`holding`](Self::holding) its handler.
#[derive(Debug)]
pub struct Answer {
    keeper: Keeper,
}

/// Takes the means to answer the message in hand. Whoever drops them from here on answers that there is no
/// reply.
///
/// # Panics
///
/// When `R` is not the reply type of the message in hand.
///
/// # Cancel safety
///
/// Dropped before it is ready, it has done nothing.
pub async fn reply_to<A: Actor, R: Send + 'static>(ctx: &mut Context<A>) -> (ReplyTo<R>, Answer) {
    let (desk, _withdrawn) = ctx.desk();
    // A poll asks; the task that wraps the handler answers and polls again at once.
    let reply = poll_fn(|cx| match desk.take() {
        Some(Request::Reply(reply)) => Poll::Ready(reply),
        _ => {
            desk.put(Request::WantsReply);
            // For a combinator that polls only those of its futures that were woken.
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
    match reply.downcast::<ReplyTo<R>>() {
        Ok(mut reply) => {
            let keeper = reply.owe();
            (*reply, Answer { keeper })
        }
        Err(_) => panic!(
            "reply_later was called for a reply of `{}`, which is not the reply type of the message in hand",
            type_name::<R>()
        ),
    }
}

/// Ends the handler of a message whose answer is in other hands. Never returns: the handler is dropped here.
///
/// # Cancel safety
///
/// Dropped, by a `select!` whose other branch is ready as well, the handler goes on.
pub async fn answered_later<A: Actor, T>(ctx: &mut Context<A>) -> T {
    ctx.never(Request::Deferred).await
}

/// Makes the cause of a failure of an error that a method has returned.
pub fn cause(error: impl IntoFailure) -> BoxError {
    error.into_failure()
}

/// The error of a method whose `Err` fails the actor.
#[diagnostic::on_unimplemented(
    message = "an actor cannot fail with a `{Self}`",
    label = "with `on_err = fail`, this becomes the cause of a failure",
    note = "implement `std::error::Error` for `{Self}`, or return a `BoxError` or a `String` in its place"
)]
pub trait IntoFailure {
    /// Makes the cause of a failure.
    fn into_failure(self) -> BoxError;
}

#[diagnostic::do_not_recommend]
impl<E: Into<BoxError>> IntoFailure for E {
    fn into_failure(self) -> BoxError {
        self.into()
    }
}

/// Returns whether the runtime has workers that other tasks can go to, so that this one may hold its thread.
#[must_use]
pub fn has_other_workers() -> bool {
    Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() != RuntimeFlavor::CurrentThread)
}

impl Answer {
    /// Runs `keep`, which may hold the means to answer. They do not speak when they fall with it.
    pub(super) fn at_work<T>(&self, keep: impl FnOnce() -> T) -> T {
        self.keeper.at_work(keep)
    }

    /// Runs a handler, which may hold the means to answer. They do not speak when they fall with it.
    pub fn holding<F: Future>(self, handler: F) -> Holding<F> {
        Holding { answer: self, handler: Some(handler) }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.keeper.leave();
    }
}

pin_project! {
    /// A handler that holds the means to answer its message.
    #[derive(Debug)]
    pub struct Holding<F> {
        answer: Answer,
        #[pin]
        handler: Option<F>,
    }

    impl<F> PinnedDrop for Holding<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            this.answer.keeper.falling(|| this.handler.set(None));
        }
    }
}

impl<F: Future> Future for Holding<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<F::Output> {
        let this = self.project();
        match this.handler.as_pin_mut() {
            Some(handler) => this.answer.at_work(|| handler.poll(cx)),
            None => Poll::Pending,
        }
    }
}
