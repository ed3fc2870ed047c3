//! The hooks of an incarnation, as tasks: they run where the handlers run, in the seat.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context as TaskContext, Poll},
};

use pin_project_lite::pin_project;

use super::{
    Actor,
    desk::Request,
    envelope::{About, Cause, Failed, Incarnation, Outcome},
    family::Family,
    seat::{AnySeat, Seat},
    watch::Terminated,
};
use crate::{
    BoxError, StopReason, Supervision,
    queue::{Entry, Task},
};

/// The `started` hook, and before it the actor's wishes for its children.
pub(super) struct Started;

/// The `stopped` hook.
pub(super) struct Stopped(pub(super) StopReason);

impl<A: Actor> Entry<Incarnation<A>> for Started {
    const KEEP: bool = false;

    fn about() -> About {
        NO_MESSAGE
    }

    fn open<'a>(self, _copy: bool, state: &'a mut Incarnation<A>) -> Option<impl Task<Incarnation<A>> + 'a> {
        let Incarnation { actor, ctx, seat } = state;
        let wishes = actor.supervision();
        match seat.common().family() {
            Some(family) => family.supervise_as(wishes),
            None if wishes == Supervision::default() => {}
            None => drop(Family::with(&(Arc::clone(seat) as Arc<dyn AnySeat>), || wishes)),
        }
        Some(Hook { future: actor.started(ctx), seat })
    }

    fn duplicate(&mut self) -> Option<Self> {
        None
    }

    fn settle(self) {}

    fn bury(self, _cause: &Cause) {}
}

impl<A: Actor> Entry<Incarnation<A>> for Stopped {
    const KEEP: bool = false;

    fn about() -> About {
        NO_MESSAGE
    }

    fn open<'a>(self, _copy: bool, state: &'a mut Incarnation<A>) -> Option<impl Task<Incarnation<A>> + 'a> {
        let Incarnation { actor, ctx, seat } = state;
        let future = async move {
            actor.stopped(ctx, &self.0).await;
            Ok(())
        };
        Some(Hook { future, seat })
    }

    fn duplicate(&mut self) -> Option<Self> {
        None
    }

    fn settle(self) {}

    fn bury(self, _cause: &Cause) {}
}

/// The `terminated` hook.
impl<A: Actor> Entry<Incarnation<A>> for Terminated {
    const KEEP: bool = false;

    fn about() -> About {
        NO_MESSAGE
    }

    fn open<'a>(self, _copy: bool, state: &'a mut Incarnation<A>) -> Option<impl Task<Incarnation<A>> + 'a> {
        let Incarnation { actor, ctx, seat } = state;
        let future = async move {
            actor.terminated(ctx, self).await;
            Ok(())
        };
        Some(Hook { future, seat })
    }

    fn duplicate(&mut self) -> Option<Self> {
        None
    }

    fn settle(self) {}

    fn bury(self, _cause: &Cause) {}
}

pub(super) const NO_MESSAGE: About = About { type_name: "", max_attempts: 1 };

pin_project! {
    /// A hook's future.
    struct Hook<'a, A: Actor, F> {
        #[pin]
        future: F,
        seat: &'a Seat<A>,
    }
}

impl<A: Actor, F: Future<Output = Result<(), BoxError>>> Future for Hook<'_, A, F> {
    type Output = Outcome;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(outcome) = this.future.poll(cx) {
            return Poll::Ready(outcome.map_err(Failed::with));
        }
        match this.seat.common().desk.take() {
            Some(Request::Fail(error)) => Poll::Ready(Err(Failed::with(error))),
            Some(Request::Stash(_)) => {
                panic!("stash was called in a hook, where there is no message to put aside")
            }
            Some(Request::WantsReply) => {
                panic!("reply_later was called in a hook, where there is no message to reply to")
            }
            _ => Poll::Pending,
        }
    }
}

impl<A: Actor, F: Future<Output = Result<(), BoxError>> + Send> Task<Incarnation<A>> for Hook<'_, A, F> {
    fn about() -> About {
        NO_MESSAGE
    }

    fn give_up(self: Pin<&mut Self>, _cause: &Cause) {}
}
