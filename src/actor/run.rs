//! The life of an actor, incarnation by incarnation. The file to read first.
//!
//! ```text
//!  Vacant ─► Making ─► Starting ─► Serving ──exit──► Closing ──► the last word (Finish)
//!    ▲      (factory) (`started`) (turn::take)       (close::Ending)
//!    │         │ fails    │ fails                       ▲  │
//!    │         └──────────┴─────────────────────────────┘  │
//!    └───────────────────── after the backoff ─────────────┘
//! ```
//! The mailbox is no part of this: it stays in the seat, and takes messages all the while.

#[cfg(test)]
mod tests;

use std::{
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context as TaskContext, Poll, ready},
};

use tokio::sync::oneshot;

use super::{
    Actor, Context,
    close::{self, Ending, Next},
    common::{Common, Status},
    current,
    ending::time_of,
    envelope::Incarnation,
    exit::Exit,
    finish::Finish,
    hand_off,
    hooks::Started,
    journal,
    seat::{AnySeat, Seat, signal},
    turn::{self, Pause},
};
use crate::{
    BoxError, Failure, StopReason,
    failure::{self, Cause, Step},
    policy::decide,
    queue::{Rest, Turn},
};

/// To whoever waits for the first start: how it went.
/// Boxed, because an `Option` of the bare one is twice its size, in every life.
pub(super) type Report = Box<oneshot::Sender<Result<(), Failure>>>;

/// The whole life of the actor in a seat, as a future: what the seat's tokio task polls.
///
/// Written out as phases, and not as an `async fn`, for its size: an idle actor is `Serving`, which holds
/// nothing. What is rare and large is boxed.
pub(super) struct Life<A: Actor> {
    /// Has the last word, also when this future is dropped before it has been polled.
    finish: Finish<A>,
    phase: Phase<A>,
}

pub(super) type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The factory's future, and who waits for the first start.
type Making<A> = (Boxed<Result<A, Exit>>, Option<Report>);

enum Phase<A: Actor> {
    /// An incarnation is to begin.
    Vacant(Option<Report>),
    /// Its factory is at work.
    Making(Box<Making<A>>),
    /// Its `started` hook is at work, in the seat.
    Starting(Option<Started>, Option<Report>),
    /// The same, but it is to stop now, or its group restarts, and the hook has this long to finish.
    Hurrying(Box<(Boxed<()>, Option<Report>)>),
    /// It takes messages.
    Serving,
    /// It is to stop now, or its group restarts, and the handler at work has this long to finish.
    Leaving(Box<Boxed<()>>),
    /// It is being ended, which takes more than one poll, and the next one may have to wait.
    Closing(Box<Ending>),
}

/// What follows a step through a phase.
enum Follows {
    /// The step into the phase that it has come to, at once.
    Step,
    /// It goes on when something wakes the task, these signals aside.
    Wait(u32),
    /// The mailbox is empty.
    Rest,
    /// It goes on when others have run.
    Yield,
    /// There will be no other incarnation.
    Over(Option<Failed>),
}

impl<A: Actor> Life<A> {
    pub(super) fn new(seat: Arc<Seat<A>>, report: Option<Report>) -> Self {
        Self { finish: Finish::new(seat), phase: Phase::Vacant(report) }
    }
}

// Nothing in it is pinned in place: the futures it holds are boxed, the others live in the seat.
impl<A: Actor> Unpin for Life<A> {}

impl<A: Actor> Future for Life<A> {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<()> {
        let Self { finish, phase } = &mut *self;
        let slot = hand_off::Slot::open(finish.seat());
        let mut budget = turn::BUDGET;
        let polled = current::scope(finish.seat().common(), || {
            let failed = ready!(phase.poll(finish, &mut budget, cx));
            failed.into_iter().for_each(Failed::send);
            Poll::Ready(())
        });
        slot.iter().for_each(|slot| slot.run(&mut budget));
        polled
    }
}

impl<A: Actor> Phase<A> {
    /// One poll is one turn of the seat, through as many phases as it comes.
    fn poll(
        &mut self,
        finish: &Finish<A>,
        budget: &mut u32,
        cx: &mut TaskContext<'_>,
    ) -> Poll<Option<Failed>> {
        let seat = finish.seat();
        let Some(mut turn) = seat.mailbox.enter(cx.waker()) else { return Poll::Pending };
        let mut begins = false;
        loop {
            // What an actor does nearly always comes first, and by itself: the way of a message leads through it.
            let (served, exit) = match self {
                Self::Serving => turn::take(seat, &mut turn, budget, cx),
                _ => (Pause::Yield, None),
            };
            let follows = match served {
                Pause::Empty => Follows::Rest,
                Pause::Pending(known) if known & (signal::STOP_NOW | signal::RESTART) == 0 => {
                    Follows::Wait(known)
                }
                served => self.step(served, exit, seat, &mut turn, budget, cx),
            };
            let rest = match follows {
                Follows::Step => {
                    begins = true;
                    continue;
                }
                Follows::Wait(known) => turn.suspend(known & !signal::LIFE),
                Follows::Rest => turn.rest(),
                // The turn is dropped, which wakes the task.
                Follows::Yield => return Poll::Pending,
                Follows::Over(failed) => {
                    finish.end(turn);
                    return Poll::Ready(failed);
                }
            };
            match rest {
                Rest::Parked => return Poll::Pending,
                // A batch is done and the next one is coming in: those who are sending it go first, so that it
                // is worth the lock. (Measured with 64 asking tasks and both cores free: 1.2 times the asks.) Not so
                // where an incarnation begins: it takes what has waited for it in one go.
                Rest::More(_) if *budget < turn::BUDGET && seat.mailbox.calls() == 0 && !begins => {
                    return Poll::Pending;
                }
                Rest::More(more) => turn = more,
            }
        }
    }

    /// A step through the phase; `served` is what a phase of serving has come to, with its exit.
    #[inline(never)]
    fn step(
        &mut self,
        served: Pause,
        exit: Option<Exit>,
        seat: &Arc<Seat<A>>,
        turn: &mut Turn<'_, Incarnation<A>>,
        budget: &mut u32,
        cx: &mut TaskContext<'_>,
    ) -> Follows {
        // Before the step, which may act on them: what is raised from here on is looked at before a wait. What
        // the step lowers is known no more, or the next of its kind would be slept through.
        let mut known = seat.mailbox.signals();
        if known & signal::LIFE != 0 {
            seat.mailbox.lower(signal::LIFE);
            known &= !signal::LIFE;
        }
        let mut first_start = None;
        if let Self::Vacant(report) = self {
            let report = report.take();
            self.pass_to(match seat.factory {
                Some(_) => {
                    let making = make(Arc::clone(seat), report.is_some());
                    Self::Making(Box::new((Box::pin(making), report)))
                }
                None => Self::Starting(Some(Started), report),
            });
        }
        let exit = match self {
            Self::Vacant(_) => unreachable!("it has just gone on to its start"),
            Self::Making(making) => match making.0.as_mut().poll(cx) {
                Poll::Pending => return Follows::Wait(known),
                Poll::Ready(Ok(actor)) => {
                    let _none = turn.replace(Some(incarnation_of(seat, actor)));
                    *self = Self::Starting(Some(Started), making.1.take());
                    return Follows::Step;
                }
                Poll::Ready(Err(exit)) => {
                    first_start = making.1.take();
                    exit
                }
            },
            Self::Starting(hook, report) => match turn::poll_hook(seat, &Step::Started, hook, turn, cx) {
                Poll::Pending => {
                    return match time_to_leave(seat, &mut known) {
                        Some(limit) => {
                            let report = report.take();
                            self.pass_to(Self::Hurrying(Box::new((limit, report))));
                            Follows::Step
                        }
                        None => Follows::Wait(known),
                    };
                }
                Poll::Ready(Ok(())) => {
                    announce(seat.common(), report.take());
                    self.pass_to(Self::Serving);
                    return Follows::Step;
                }
                Poll::Ready(Err(exit)) => {
                    first_start = report.take();
                    escalated(seat, exit)
                }
            },
            Self::Hurrying(hurry) => {
                let (limit, report) = &mut **hurry;
                let over = limit.as_mut().poll(cx).is_ready();
                if over && seat.common().told_to_end().is_some() {
                    // As its supervisor does with one that it stops.
                    seat.mailbox.signal(signal::KILL);
                }
                match turn::poll_hook(seat, &Step::Started, &mut None::<Started>, turn, cx) {
                    Poll::Pending if !over => return Follows::Wait(known),
                    Poll::Pending => {
                        turn::cut(seat, turn, &StopReason::Stopped);
                        first_start = report.take();
                        Exit::Stopped
                    }
                    Poll::Ready(Ok(())) => {
                        announce(seat.common(), report.take());
                        *self = Self::Serving;
                        return Follows::Step;
                    }
                    Poll::Ready(Err(exit)) => {
                        first_start = report.take();
                        escalated(seat, exit)
                    }
                }
            }
            Self::Serving => match (exit, served) {
                (Some(exit), _) => exit,
                (None, Pause::Pending(mut known)) => {
                    return match time_to_leave(seat, &mut known) {
                        Some(limit) => {
                            self.pass_to(Self::Leaving(Box::new(limit)));
                            Follows::Step
                        }
                        None => Follows::Wait(known),
                    };
                }
                (None, Pause::Empty) => return Follows::Rest,
                (None, _) => return Follows::Yield,
            },
            Self::Leaving(limit) => match turn::take(seat, turn, budget, cx) {
                (_, Some(exit)) => exit,
                _ if limit.as_mut().as_mut().poll(cx).is_ready() => {
                    if seat.common().told_to_end().is_some() {
                        // As its supervisor does with one that it stops.
                        seat.mailbox.signal(signal::KILL);
                        *self = Self::Serving;
                        return Follows::Step;
                    }
                    turn::cut(seat, turn, &StopReason::Stopped);
                    Exit::Stopped
                }
                (Pause::Pending(known), None) => return Follows::Wait(known),
                _ => return Follows::Yield,
            },
            Self::Closing(ending) => {
                return match ending.poll(seat, turn, cx, &mut known) {
                    Poll::Pending => Follows::Wait(known),
                    Poll::Ready(Next::Again(report)) => {
                        *self = Self::Vacant(report);
                        Follows::Step
                    }
                    Poll::Ready(Next::Ended(failed)) => Follows::Over(failed),
                };
            }
        };
        // Most ends take one poll, and no memory.
        let mut ending = close::begin(seat, turn, exit, first_start, &mut known);
        match ending.poll(seat, turn, cx, &mut known) {
            Poll::Ready(Next::Ended(failed)) => {
                ending.drop_rest();
                Follows::Over(failed)
            }
            Poll::Ready(Next::Again(report)) => {
                ending.drop_rest();
                *self = Self::Vacant(report);
                *budget = budget.saturating_sub(turn::RESTART);
                if *budget > 0 { Follows::Step } else { Follows::Yield }
            }
            Poll::Pending => {
                *self = Self::Closing(Box::new(ending));
                Follows::Wait(known)
            }
        }
    }

    /// Goes on to another phase from one of which nothing is left to be dropped.
    #[inline(always)]
    fn pass_to(&mut self, next: Self) {
        // To find that out again costs as much as the rest of a step.
        std::mem::forget(std::mem::replace(self, next));
    }
}

/// The incarnation has begun to serve.
fn announce(common: &Common, report: Option<Report>) {
    common.set_status(Status::Running);
    journal::started(common);
    if let Some(member) = &common.membership {
        member.family.started(member.number);
    }
    if let Some(report) = report {
        let _nobody = report.send(Ok(()));
    }
}

/// Tells whoever waits for the first start that there was none. Last, when nothing is left behind. Without a
/// failure it was ended from outside, and the actor's own reason says how.
pub(super) struct Failed(pub(super) Report, pub(super) Option<Failure>);

impl Failed {
    fn send(self) {
        let Self(report, failure) = self;
        if let Some(failure) = failure {
            let _nobody = report.send(Err(failure));
        }
    }
}

/// A supervisor whose child has exceeded the limit while it was starting fails with that, and not with what
/// came of it in its hook.
fn escalated<A: Actor>(seat: &Seat<A>, exit: Exit) -> Exit {
    let escalated = seat.common().family().and_then(super::Family::take_escalated);
    match (exit, escalated) {
        (Exit::Failed { .. }, Some(failure)) => Exit::Failed { failure, charge: true },
        (exit, _) => exit,
    }
}

/// How long a handler or a hook may go on, if a `stop_now` or its group wants the incarnation to end: as long as
/// its supervisor would give it.
#[inline]
fn time_to_leave<A: Actor>(seat: &Seat<A>, known: &mut u32) -> Option<Boxed<()>> {
    if *known & (signal::STOP_NOW | signal::RESTART) == 0 { None } else { hurry(seat, known) }
}

#[cold]
fn hurry<A: Actor>(seat: &Seat<A>, known: &mut u32) -> Option<Boxed<()>> {
    if *known & signal::STOP_NOW != 0 {
        return Some(time_of(seat.time_to_leave()));
    }
    // Taken down before the look, so that one that is raised after it is seen.
    seat.mailbox.lower(signal::RESTART);
    let told = seat.common().told_to_end();
    match told {
        // It came too late, for an incarnation that has ended.
        None => *known &= !signal::RESTART,
        Some(_) => seat.mailbox.signal(signal::RESTART),
    }
    told.map(time_of)
}

/// Whether the actor has been told to end before its next incarnation has begun. A `stop` is no such word: what
/// the mailbox holds is still to be handled.
pub(super) fn called_off<A: Actor>(seat: &Seat<A>) -> Option<Exit> {
    let raised = seat.mailbox.signals();
    let any = |bits| raised & bits != 0;
    if any(signal::SHUTDOWN) {
        Some(if any(signal::KILL) { Exit::Killed } else { Exit::Shutdown })
    } else if any(signal::KILL) {
        Some(Exit::Killed)
    } else if any(signal::STOP_NOW) && seat.common().ends_by(decide::Exit::Stopped) {
        Some(Exit::Stopped)
    } else if any(signal::RESTART) && seat.common().told_to_end().is_some() {
        Some(Exit::Bystander)
    } else {
        None
    }
}

/// Runs the factory. A kill, a stop for good, or a restart of the group cuts it.
async fn make<A: Actor>(seat: Arc<Seat<A>>, first: bool) -> Result<A, Exit> {
    if first {
        // A group may be restarting, and then the new one comes after it.
        let after = close::gate(&seat, 0).await;
        if !after.is_zero() {
            close::pause(&seat, after).await;
        }
    }
    let failed = |cause| {
        let failure = Failure::new(seat.common().identity.clone(), Step::Factory, cause);
        Exit::Failed { failure, charge: true }
    };
    // A permanent child starts again after a `stop_now`, but not the incarnation that is being made. Its first one
    // is spared: no other would follow.
    let stopped = || !first && seat.mailbox.signals() & signal::STOP_NOW != 0;
    let mut making: Option<Boxed<Result<A, BoxError>>> = None;
    let made = poll_fn(|cx| {
        if let Some(exit) = called_off(&seat).or_else(|| stopped().then_some(Exit::Stopped)) {
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
    if made.is_ok() && stopped() {
        // It came while the factory held the thread.
        if let Err(panic) = failure::catch(|| drop(made)) {
            let failure = Failure::panicked(seat.common().identity.clone(), Step::Drop, panic);
            journal::unharmed(seat.common(), &failure);
        }
        return Err(Exit::Stopped);
    }
    made
}

pub(super) fn incarnation_of<A: Actor>(seat: &Arc<Seat<A>>, actor: A) -> Incarnation<A> {
    let ctx = Context::new(Arc::clone(seat));
    Incarnation { actor, ctx, seat: Arc::clone(seat) }
}
