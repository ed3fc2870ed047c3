//! The life of an actor, incarnation by incarnation. The file to read first.
//!
//! ```text
//!  Vacant ─► Making ─► Starting ─► Serving ──exit──► Closing ──► Over: the last word (Finish)
//!    ▲      (factory) (`started`) (turn::take)       (close::incarnation)
//!    │         │ fails    │ fails                       ▲  │
//!    │         └──────────┴─────────────────────────────┘  │
//!    └───────────────────── after the backoff ─────────────┘
//! ```
//! The mailbox is no part of this: it stays in the seat, and takes messages all the while.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context as TaskContext, Poll, ready},
};

use tokio::sync::oneshot;

use super::{
    Actor, Context,
    close::{self, Next},
    common::Status,
    current::{self, Current},
    envelope::{Incarnation, Why},
    home::RosterPlace,
    hooks::Started,
    journal,
    seat::{Seat, signal},
    turn,
};
use crate::{
    BoxError, Failure, Shutdown, StopReason,
    failure::{self, Cause, Step},
    policy::decide,
};

/// How an incarnation ended.
#[derive(Debug)]
pub(super) enum Exit {
    Stopped,
    Released,
    Shutdown,
    Killed,
    Failed {
        failure: Failure,
        /// False for a later attempt of a message whose first failure was charged.
        charge: bool,
    },
}

impl Exit {
    /// As far as the decision needs it.
    pub(super) const fn kind(&self) -> decide::Exit {
        match self {
            Self::Stopped => decide::Exit::Stopped,
            Self::Released => decide::Exit::Released,
            Self::Shutdown => decide::Exit::Shutdown,
            Self::Killed => decide::Exit::Killed,
            Self::Failed { charge, .. } => decide::Exit::Failed { charge: *charge },
        }
    }

    pub(super) const fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed { failure, .. } => Some(failure),
            _ => None,
        }
    }

    pub(super) fn reason(&self) -> StopReason {
        match self {
            Self::Stopped => StopReason::Stopped,
            Self::Released => StopReason::Released,
            Self::Shutdown => StopReason::Shutdown,
            Self::Killed => StopReason::Killed,
            Self::Failed { failure, .. } if matches!(failure.cause(), Cause::RestartLimit { .. }) => {
                StopReason::RestartLimit(failure.clone())
            }
            Self::Failed { failure, .. } => StopReason::Failed(failure.clone()),
        }
    }
}

/// To whoever waits for the first start: how it went.
pub(super) type Report = oneshot::Sender<Result<(), Failure>>;

/// The whole life of the actor in a seat, as a future: what the seat's tokio task polls.
///
/// Written out as phases, and not as an `async fn`, for its size: an idle actor is `Serving`, which holds
/// nothing. What is rare and large is boxed.
pub(super) struct Life<A: Actor> {
    /// Has the last word, also when this future is dropped before it has been polled.
    finish: Finish<A>,
    report: Option<Report>,
    phase: Phase<A>,
    /// While the actor is not being polled.
    current: Option<Current>,
}

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

enum Phase<A: Actor> {
    /// An incarnation is to begin.
    Vacant,
    /// Its factory is at work.
    Making(Boxed<Result<A, Exit>>),
    /// Its `started` hook is at work, in the seat.
    Starting(Option<Started>),
    /// It takes messages.
    Serving,
    /// It is to stop now, and the handler at work has this long to finish.
    Leaving(Boxed<()>),
    /// It is being ended, and the next one may have to wait.
    Closing(Boxed<Option<Failed>>),
    /// There will be no other.
    Over,
}

impl<A: Actor> Life<A> {
    pub(super) fn new(seat: Arc<Seat<A>>, place: RosterPlace, report: Option<Report>) -> Self {
        let common = seat.common();
        let current = Some(Current { id: common.identity.id(), home: Arc::clone(&common.home) });
        let finish = Finish { seat, place, done: false };
        Self { finish, report, phase: Phase::Vacant, current }
    }

    fn poll_phases(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        loop {
            let seat = &self.finish.seat;
            self.phase = match &mut self.phase {
                Phase::Vacant if seat.factory.is_some() => Phase::Making(Box::pin(make(Arc::clone(seat)))),
                Phase::Vacant => Phase::Starting(Some(Started)),
                Phase::Making(making) => match ready!(making.as_mut().poll(cx)) {
                    Ok(actor) => {
                        let incarnation = incarnation_of(seat, actor);
                        let _none = ready!(turn::with(seat, cx, |turn| turn.replace(Some(incarnation))));
                        Phase::Starting(Some(Started))
                    }
                    Err(exit) => self.close(exit),
                },
                Phase::Starting(hook) => {
                    match ready!(turn::poll_hook(seat, &Step::Started, hook, cx, |_| ())) {
                        (Ok(()), ()) => {
                            self.announce();
                            Phase::Serving
                        }
                        (Err(exit), ()) => self.close(exit),
                    }
                }
                Phase::Serving => match turn::take(seat, cx) {
                    Poll::Ready(exit) => self.close(exit),
                    Poll::Pending if seat.mailbox.signals() & signal::STOP_NOW != 0 => {
                        Phase::Leaving(time_to_leave(seat))
                    }
                    Poll::Pending => return Poll::Pending,
                },
                Phase::Leaving(limit) => match turn::take(seat, cx) {
                    Poll::Ready(exit) => self.close(exit),
                    Poll::Pending => {
                        ready!(limit.as_mut().poll(cx));
                        ready!(turn::with(seat, cx, |turn| turn::cut(seat, turn, &StopReason::Stopped)));
                        self.close(Exit::Stopped)
                    }
                },
                Phase::Closing(closing) => match ready!(closing.as_mut().poll(cx)) {
                    None => Phase::Vacant,
                    Some(failed) => {
                        self.finish.finish();
                        failed.send();
                        Phase::Over
                    }
                },
                Phase::Over => return Poll::Ready(()),
            };
        }
    }

    /// The incarnation has begun to serve.
    fn announce(&mut self) {
        let common = self.finish.seat.common();
        common.set_status(Status::Running);
        journal::started(&common.identity);
        if let Some(member) = &common.membership {
            member.family.started(member.number);
        }
        if let Some(report) = self.report.take() {
            let _nobody = report.send(Ok(()));
        }
    }

    fn close(&mut self, exit: Exit) -> Phase<A> {
        Phase::Closing(Box::pin(close(Arc::clone(&self.finish.seat), exit, self.report.take())))
    }
}

// Nothing in it is pinned in place: the futures it holds are boxed, the others live in the seat.
impl<A: Actor> Unpin for Life<A> {}

impl<A: Actor> Future for Life<A> {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<()> {
        let mut current = self.current.take();
        let poll = current::scope(&mut current, || self.poll_phases(cx));
        self.current = current;
        poll
    }
}

/// Ends an incarnation, and waits until the next one may begin. `Some`: there will be none.
async fn close<A: Actor>(seat: Arc<Seat<A>>, exit: Exit, first_start: Option<Report>) -> Option<Failed> {
    match close::incarnation(&seat, &exit, first_start.is_some()).await {
        Next::Again(after) => {
            close::pause(&seat, after).await;
            None
        }
        Next::Ended => Some(Failed(first_start, exit)),
    }
}

/// Tells whoever waits for the first start that there was none. Last, when nothing is left behind.
struct Failed(Option<Report>, Exit);

impl Failed {
    fn send(self) {
        if let Self(Some(report), Exit::Failed { failure, .. }) = self {
            let _nobody = report.send(Err(failure));
        }
    }
}

/// How long a handler may go on after a `stop_now`: as long as its supervisor would give it.
fn time_to_leave<A: Actor>(seat: &Seat<A>) -> Boxed<()> {
    let member = seat.common().membership.as_ref();
    match member.and_then(|member| member.family.shutdown(member.number)).unwrap_or(A::SHUTDOWN) {
        Shutdown::Within(limit) => Box::pin(tokio::time::sleep(limit)),
        Shutdown::Unbounded => Box::pin(std::future::pending()),
        Shutdown::Kill => Box::pin(std::future::ready(())),
    }
}

/// Whether the actor has been told to end for good before its next incarnation has begun. A `stop` is no such
/// word: what the mailbox holds is still to be handled.
fn called_off<A: Actor>(seat: &Seat<A>) -> Option<Exit> {
    let raised = seat.mailbox.signals();
    let any = |bits| raised & bits != 0;
    if any(signal::SHUTDOWN) {
        Some(if any(signal::KILL) { Exit::Killed } else { Exit::Shutdown })
    } else if any(signal::KILL) {
        Some(Exit::Killed)
    } else if any(signal::STOP_NOW) && seat.common().ends_by(decide::Exit::Stopped) {
        Some(Exit::Stopped)
    } else {
        None
    }
}

/// Runs the factory. A kill, or a stop for good, cuts it.
async fn make<A: Actor>(seat: Arc<Seat<A>>) -> Result<A, Exit> {
    let failed = |cause| {
        let failure = Failure::new(seat.common().identity.clone(), Step::Factory, cause);
        Exit::Failed { failure, charge: true }
    };
    // A mailbox that has never been entered wakes nobody: a signal would not reach the first factory.
    poll_fn(|cx| turn::with(&seat, cx, |_| ())).await;
    let mut making: Option<Boxed<Result<A, BoxError>>> = None;
    let made = poll_fn(|cx| {
        if let Some(exit) = called_off(&seat) {
            return Poll::Ready(Err(exit));
        }
        let poll = failure::catch(|| making.get_or_insert_with(|| seat.make()).as_mut().poll(cx));
        match poll {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(Ok(actor))) => Poll::Ready(Ok(actor)),
            Ok(Poll::Ready(Err(error))) => Poll::Ready(Err(failed(Cause::Error(error)))),
            Err(panic) => Poll::Ready(Err(failed(Cause::Panic(panic)))),
        }
    })
    .await;
    if let Err(panic) = failure::catch(|| drop(making.take())) {
        return Err(failed(Cause::Panic(panic)));
    }
    made
}

pub(super) fn incarnation_of<A: Actor>(seat: &Arc<Seat<A>>, actor: A) -> Incarnation<A> {
    let ctx = Context::new(Arc::clone(seat));
    Incarnation { actor, ctx, seat: Arc::clone(seat) }
}

/// The last word on an actor: also when its runtime is dropped under it.
struct Finish<A: Actor> {
    seat: Arc<Seat<A>>,
    place: RosterPlace,
    done: bool,
}

impl<A: Actor> Finish<A> {
    /// Its name is free, its supervisor has forgotten it, and then those who wait for its end are told.
    fn finish(&mut self) {
        self.done = true;
        let common = self.seat.common();
        common.home.strike(&*self.seat, self.place);
        if let Some(member) = &common.membership {
            member.family.forget(member.number);
        }
        if let Some(reason) = common.closing() {
            journal::ended(&common.identity, reason);
        }
        common.set_ended();
    }
}

impl<A: Actor> Drop for Finish<A> {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        // The runtime is gone. No hook can run, but no message vanishes.
        let seat = Arc::clone(&self.seat);
        seat.common().set_closing(StopReason::RuntimeGone);
        seat.mailbox.close();
        if let Some(mut turn) = seat.mailbox.enter(std::task::Waker::noop()) {
            turn::cut(&seat, &mut turn, &StopReason::RuntimeGone);
            close::bury_kept(&seat, &mut turn, None, &StopReason::RuntimeGone);
            close::bury_all(&seat, &mut turn, &Why::Ended { reason: StopReason::RuntimeGone });
            let state = turn.replace(None);
            let _panicked = failure::catch(|| drop(state));
            let _parked = turn.suspend(u32::MAX);
        }
        self.finish();
    }
}
