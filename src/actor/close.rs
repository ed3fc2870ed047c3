//! The end of an incarnation, and of an actor.
//!
//! | | at a restart | at the end for good |
//! |---|---|---|
//! | 1 | `stopped` hook | mailbox closed, what is in it given up |
//! | 2 | state dropped | children stopped |
//! | 3 | children stopped | `stopped` hook |
//! | 4 | backoff | state dropped |
//!
//! At the end the mailbox comes first, so that whoever asked is told before hooks that may take their time.
//! What the children send while they stop is refused then, with the message in the error.

use std::{
    future::poll_fn,
    pin::pin,
    sync::Arc,
    task::{Context as TaskContext, Poll},
    time::Duration,
};

use super::{
    Actor,
    common::Status,
    envelope::{Cause as Giving, Incarnation, Why},
    family::{Family, Ruling},
    hooks::Stopped,
    journal,
    run::Exit,
    seat::{Seat, signal},
    turn,
};
use crate::{
    Failure, StopReason,
    failure::{self, Step},
    policy::{DEFAULT_SHUTDOWN, decide},
    queue::Turn,
};

/// What follows an incarnation.
pub(super) enum Next {
    /// Another one, after a pause.
    Again(Duration),
    /// None.
    Ended,
}

/// Ends an incarnation. One that fails before its first start is never followed by another.
pub(super) async fn incarnation<A: Actor>(seat: &Arc<Seat<A>>, exit: &Exit, first_start: bool) -> Next {
    let common = seat.common();
    let reason = exit.reason();
    // The decision is taken here and now, in the task of the one it is about.
    let ruling = match &common.membership {
        // Told to shut down, it ends for good, whether or not its supervisor has come to close the family.
        Some(member) if !first_start && seat.mailbox.signals() & signal::SHUTDOWN == 0 => {
            member.family.rule(member, exit.kind(), &reason)
        }
        _ => Ruling::End,
    };
    match exit {
        Exit::Failed { failure, .. } => journal::failed(failure, &ruling),
        _ => journal::restarted(&common.identity, &reason, &ruling),
    }
    match ruling {
        Ruling::Restart { after, .. } => {
            common.set_status(Status::Restarting);
            // They are about the incarnation that has just ended. A stop that has closed the mailbox is about
            // the actor: it goes on with the next incarnation. A kill goes on to the `stopped` hook, which
            // then may not take for ever.
            if !common.ends_by(decide::Exit::Stopped) {
                seat.mailbox.lower(signal::STOP_NOW | signal::STOP);
            }
            stop_incarnation(seat, reason).await;
            stop_children(seat, false).await;
            if let Some(family) = common.family() {
                family.reopen();
            }
            Next::Again(after)
        }
        Ruling::End => end(seat, exit, reason.clone(), reason).await,
        Ruling::Escalate(limit) => end(seat, exit, reason, StopReason::RestartLimit(limit)).await,
    }
}

/// Ends the actor for good. `own` is how the incarnation ended, `reason` why the actor did.
async fn end<A: Actor>(seat: &Arc<Seat<A>>, exit: &Exit, own: StopReason, reason: StopReason) -> Next {
    seat.common().set_closing(reason.clone());
    seat.mailbox.close();
    let why = Why::Ended { reason };
    poll_fn(|cx| {
        turn::with(seat, cx, |turn| {
            bury_kept(seat, turn, exit.failure(), &own);
            bury_all(seat, turn, &why);
        })
    })
    .await;
    stop_children(seat, matches!(exit, Exit::Killed)).await;
    stop_incarnation(seat, own).await;
    Next::Ended
}

/// Gives up the message that waits for an attempt that will not come. Its asker is not told that it may send
/// it again: there has been an attempt.
pub(super) fn bury_kept<A: Actor>(
    seat: &Seat<A>,
    turn: &mut Turn<'_, Incarnation<A>>,
    failure: Option<&Failure>,
    reason: &StopReason,
) {
    if !turn.is_kept() {
        return;
    }
    let attempts = turn.attempts();
    let why = match failure {
        Some(failure) => Why::Quarantined { failure: failure.clone(), attempts },
        None => Why::Cut { reason: reason.clone(), attempts },
    };
    let giving = Giving::new(seat.common(), why);
    turn::bury_one(seat, turn, &giving);
    seat.common().tally.add(giving.counts());
}

/// Gives up every message that waits.
pub(super) fn bury_all<A: Actor>(seat: &Seat<A>, turn: &mut Turn<'_, Incarnation<A>>, why: &Why) {
    let giving = Giving::new(seat.common(), why.clone());
    while turn::bury_one(seat, turn, &giving) {}
    seat.common().tally.add(giving.counts());
}

/// Runs the `stopped` hook and drops the state. Nothing that goes wrong here changes anything.
async fn stop_incarnation<A: Actor>(seat: &Arc<Seat<A>>, reason: StopReason) {
    // A kill has been heeded: the hook may run, but not for ever. The next kill cuts it at once.
    let mut limit = None;
    if seat.mailbox.signals() & signal::KILL != 0 {
        seat.mailbox.lower(signal::KILL);
        limit = Some(Box::pin(tokio::time::sleep(DEFAULT_SHUTDOWN)));
    }
    let mut hook = Some(Stopped(reason));
    let (ended, state) = poll_fn(|cx| {
        if limit.as_mut().is_some_and(|limit| limit.as_mut().poll(cx).is_ready()) {
            limit = None;
            seat.mailbox.signal(signal::KILL);
        }
        turn::poll_hook(seat, &Step::Stopped, &mut hook, cx, |turn| turn.replace(None))
    })
    .await;
    if let Err(Exit::Failed { failure, .. }) = ended {
        journal::unharmed(&failure);
    }
    if let Err(panic) = failure::catch(|| drop(state)) {
        journal::unharmed(&Failure::panicked(seat.common().identity.clone(), Step::Drop, panic));
    }
}

/// Stops the children, in reverse start order. A kill of this actor while they stop is a kill of theirs.
async fn stop_children<A: Actor>(seat: &Arc<Seat<A>>, kill: bool) {
    let Some(family) = seat.common().family() else { return };
    if !kill && stop_gently(seat, family).await {
        return;
    }
    family.stop_all(true).await;
}

/// False: cut short by a kill.
async fn stop_gently<A: Actor>(seat: &Seat<A>, family: &Family) -> bool {
    let mut stopping = pin!(family.stop_all(false));
    poll_fn(|cx| {
        if seat.mailbox.signals() & signal::KILL != 0 {
            return Poll::Ready(false);
        }
        stopping.as_mut().poll(cx).map(|()| true)
    })
    .await
}

/// Waits before the next incarnation. A signal ends the wait: whoever is to start anew does so at once, and
/// whoever is to end does not wait for it.
pub(super) async fn pause<A: Actor>(seat: &Seat<A>, after: Duration) {
    if after.is_zero() {
        // Who fails again and again lets others run in between: also the one who might stop it.
        return tokio::task::yield_now().await;
    }
    let mut timer = pin!(tokio::time::sleep(after));
    poll_fn(|cx: &mut TaskContext<'_>| {
        if seat.mailbox.signals() != 0 {
            return Poll::Ready(());
        }
        timer.as_mut().poll(cx)
    })
    .await;
}
