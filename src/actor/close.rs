//! The end of an incarnation, and of an actor.
//!
//! | | at a restart | at the end for good |
//! |---|---|---|
//! | 1 | `stopped` hook | mailbox closed, what is in it given up |
//! | 2 | state dropped | children stopped |
//! | 3 | children stopped | `stopped` hook |
//! | 4 | the group's turn, backoff | state dropped |
//!
//! At the end the mailbox comes first, so that whoever asked is told before hooks that may take their time.
//! What the children send while they stop is refused then, with the message in the error.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context as TaskContext, Poll, ready},
    time::Duration,
};

use super::{
    Actor,
    common::Status,
    ending,
    envelope::{Cause as Giving, Incarnation, Why},
    exit::Exit,
    family::{Family, Membership, Ruling},
    hooks::Stopped,
    journal, link,
    run::{Boxed, Failed, Report, called_off},
    seat::{AnySeat, Seat, signal},
    turn,
    ways::has_other_workers,
};
use crate::{
    Failure, Shutdown, StopReason,
    failure::{self, Step},
    policy::decide,
    queue::Turn,
};

/// What follows an incarnation.
pub(super) enum Next {
    /// Another one, for whose start somebody may still wait.
    Again(Option<Report>),
    /// None.
    Ended(Option<Failed>),
}

/// An incarnation on its way out.
pub(super) struct Ending {
    todo: Todo,
    /// What the next incarnation waits for; `None` when there is none.
    again: Option<Again>,
    /// How long this may take, when the group has told the child to end.
    told: Option<Boxed<()>>,
    hook: Option<Stopped>,
    /// For a `stopped` hook that waits, which most do not.
    limit: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// Whether a kill had been heeded when the hook began.
    killed: bool,
    /// The children, or the pause.
    waits: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// Whether the children are killed as well.
    kill: bool,
    /// For whoever waits for the first start: that there was none, or that it is to come.
    failed: Option<Failed>,
    report: Option<Report>,
}

/// What the next incarnation waits for.
#[derive(Clone, Copy)]
enum Again {
    /// A pause.
    After(Duration),
    /// Its turn in the group.
    InTurn,
}

/// What is to be done next.
enum Todo {
    /// The `stopped` hook is to begin.
    Hook,
    /// It is at work.
    Hooking,
    Children,
    Pause,
}

/// Begins to end an incarnation. One that fails before its first start is never followed by another. `known`
/// are the signals that need not wake it; those that are lowered are taken out.
pub(super) fn begin<A: Actor>(
    seat: &Arc<Seat<A>>,
    turn: &mut Turn<'_, Incarnation<A>>,
    exit: Exit,
    first_start: Option<Report>,
    known: &mut u32,
) -> Ending {
    let common = seat.common();
    let own = exit.reason();
    link::part(common, &own);
    // A start that its group has cut short is to come again.
    let no_start = first_start.is_some() && (exit.failure().is_some() || common.told_to_end().is_none());
    // The decision is taken here and now, in the task of the one it is about.
    let (again, told) = match &common.membership {
        // Told to shut down, it ends for good, whether or not its supervisor has come to close the family.
        Some(member) if !no_start && seat.mailbox.signals() & signal::SHUTDOWN == 0 => {
            act_on_ruling(seat, turn, member, &exit, &own, known)
        }
        _ => {
            if let Exit::Failed { failure, .. } = &exit {
                journal::failed(common, failure, &Ruling::End);
            }
            give_up(seat, turn, exit.failure(), &own, &own);
            (None, None)
        }
    };
    let kill = matches!(exit, Exit::Killed);
    let todo = if again.is_some() { Todo::Hook } else { Todo::Children };
    let (failed, report) = match exit {
        Exit::Failed { failure, .. } => (first_start.map(|report| Failed(report, Some(failure))), None),
        _ if again.is_some() => (None, first_start),
        _ => (first_start.map(|report| Failed(report, None)), None),
    };
    let (hook, told) = (Some(Stopped(own)), told.map(ending::time_of));
    Ending { todo, again, told, hook, limit: None, killed: false, waits: None, kill, failed, report }
}

/// Asks the family what follows, and how long the end may take.
#[inline(never)]
fn act_on_ruling<A: Actor>(
    seat: &Seat<A>,
    turn: &mut Turn<'_, Incarnation<A>>,
    member: &Membership,
    exit: &Exit,
    own: &StopReason,
    known: &mut u32,
) -> (Option<Again>, Option<Shutdown>) {
    let common = seat.common();
    let (ruling, told) = member.family.rule(member, exit.kind(), own, &common.home);
    match exit {
        Exit::Failed { failure, .. } => journal::failed(common, failure, &ruling),
        _ => journal::restarted(&common.identity, own, &ruling),
    }
    let again = match ruling {
        Ruling::Restart { after, .. } => Again::After(after),
        Ruling::Group { .. } | Ruling::Join => Again::InTurn,
        Ruling::End => {
            give_up(seat, turn, exit.failure(), own, own);
            return (None, told);
        }
        Ruling::Escalate(limit) => {
            give_up(seat, turn, exit.failure(), own, &StopReason::RestartLimit(limit));
            return (None, told);
        }
    };
    common.set_status(Status::Restarting);
    turn.unstash_all();
    // They are about the incarnation that has just ended. A stop that has closed the mailbox is about the actor: it
    // goes on with the next incarnation. A kill goes on to the `stopped` hook, which then may not take for ever.
    let over = if common.ends_by(decide::Exit::Stopped) { 0 } else { signal::STOP_NOW | signal::STOP };
    if seat.mailbox.signals() & (over | signal::RESTART) != 0 {
        seat.mailbox.lower(over | signal::RESTART);
        *known &= !(over | signal::RESTART);
    }
    (Some(again), told)
}

/// The actor ends for good: nothing is accepted any more, and what waits is given up. `own` is how the
/// incarnation ended, `reason` why the actor did.
#[inline]
fn give_up<A: Actor>(
    seat: &Seat<A>,
    turn: &mut Turn<'_, Incarnation<A>>,
    failure: Option<&Failure>,
    own: &StopReason,
    reason: &StopReason,
) {
    seat.common().set_closing(reason.clone());
    if !turn.close() {
        bury_left(seat, turn, failure, own, reason);
    }
}

#[inline(never)]
fn bury_left<A: Actor>(
    seat: &Seat<A>,
    turn: &mut Turn<'_, Incarnation<A>>,
    failure: Option<&Failure>,
    own: &StopReason,
    reason: &StopReason,
) {
    bury_kept(seat, turn, failure, own);
    bury_all(seat, turn, &Why::Ended { reason: reason.clone() });
}

impl Ending {
    /// Goes on, for as long as nothing has to be waited for.
    pub(super) fn poll<A: Actor>(
        &mut self,
        seat: &Arc<Seat<A>>,
        turn: &mut Turn<'_, Incarnation<A>>,
        cx: &mut TaskContext<'_>,
        known: &mut u32,
    ) -> Poll<Next> {
        if self.told.as_mut().is_some_and(|told| told.as_mut().poll(cx).is_ready()) {
            self.told = None;
            // As its supervisor does with one that it stops.
            seat.mailbox.signal(signal::KILL);
        }
        let again = self.again.is_some();
        // Written out in the order of time, and not as a loop through `todo`: most ends go through here once, from the
        // top to the bottom.
        if !again && matches!(self.todo, Todo::Children) {
            ready!(self.poll_children(seat, cx));
            self.todo = Todo::Hook;
        }
        if matches!(self.todo, Todo::Hook) {
            // A kill has been heeded: the hook may run. The next kill cuts it at once.
            if seat.mailbox.signals() & signal::KILL != 0 {
                seat.mailbox.lower(signal::KILL);
                *known &= !signal::KILL;
                self.killed = true;
            }
            self.todo = Todo::Hooking;
        }
        if matches!(self.todo, Todo::Hooking) {
            ready!(self.poll_hook(seat, turn, cx));
            drop_state(seat, turn);
            self.todo = Todo::Children;
        }
        if !again {
            return Poll::Ready(Next::Ended(self.failed.take()));
        }
        if matches!(self.todo, Todo::Children) {
            ready!(self.poll_children(seat, cx));
            self.todo = Todo::Pause;
        }
        ready!(self.poll_pause(seat, cx, known));
        Poll::Ready(Next::Again(self.report.take()))
    }

    /// Drops what is left of one that is through: nearly always nothing, which is seen here at once.
    #[inline(always)]
    pub(super) fn drop_rest(self) {
        let nothing = matches!(
            &self,
            Self { told: None, hook: None, limit: None, waits: None, failed: None, report: None, .. }
        );
        if nothing {
            std::mem::forget(self);
        }
    }

    /// Stops the children.
    #[inline]
    fn poll_children<A: Actor>(&mut self, seat: &Arc<Seat<A>>, cx: &mut TaskContext<'_>) -> Poll<()> {
        match seat.common().family() {
            Some(family) => self.poll_family(seat, family, cx),
            None => Poll::Ready(()),
        }
    }

    #[inline(never)]
    fn poll_family<A: Actor>(
        &mut self,
        seat: &Arc<Seat<A>>,
        family: &Family,
        cx: &mut TaskContext<'_>,
    ) -> Poll<()> {
        let kill = self.kill && self.again.is_none();
        let stop = || Box::pin(stop_children(Arc::clone(seat), kill)) as _;
        ready!(self.waits.get_or_insert_with(stop).as_mut().poll(cx));
        self.waits = None;
        if self.again.is_some() {
            family.reopen();
        }
        Poll::Ready(())
    }

    /// Waits for the time of the next incarnation.
    #[inline(never)]
    fn poll_pause<A: Actor>(
        &mut self,
        seat: &Arc<Seat<A>>,
        cx: &mut TaskContext<'_>,
        known: &mut u32,
    ) -> Poll<()> {
        self.told = None;
        if self.waits.is_none() {
            forget_kill(seat, known);
        }
        let again = self.again;
        // Who fails again and again lets others run in between, also the one who might stop it. Where there are other
        // workers they run there, and to give way would wake one of those each time, which costs more than all the rest
        // of a restart: then the budget of the poll is enough.
        if !(matches!(again, Some(Again::After(Duration::ZERO))) && has_other_workers()) {
            let wait = || Box::pin(wait(Arc::clone(seat), again)) as _;
            ready!(self.waits.get_or_insert_with(wait).as_mut().poll(cx));
        }
        // They came after the incarnation they would have ended, and are not meant for the next one.
        if !seat.common().ends_by(decide::Exit::Stopped) {
            seat.mailbox.lower(signal::STOP_NOW | signal::STOP);
        }
        forget_kill(seat, known);
        Poll::Ready(())
    }

    /// Runs the `stopped` hook. Nothing that goes wrong in it changes anything.
    fn poll_hook<A: Actor>(
        &mut self,
        seat: &Arc<Seat<A>>,
        turn: &mut Turn<'_, Incarnation<A>>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<()> {
        let Poll::Ready(ended) = turn::poll_hook(seat, &Step::Stopped, &mut self.hook, turn, cx) else {
            let killed = self.killed;
            let limit = self.limit.get_or_insert_with(|| ending::time_of(time_of_hook(seat, killed)));
            ready!(limit.as_mut().poll(cx));
            // Cut here and not by a signal, which would outlive this incarnation.
            turn::cut(seat, turn, &StopReason::Killed);
            return Poll::Ready(());
        };
        if let Err(Exit::Failed { failure, .. }) = ended {
            journal::unharmed(seat.common(), &failure);
        }
        Poll::Ready(())
    }
}

/// A kill was about the incarnation that has ended, unless it is the supervisor's: then it is about the actor.
fn forget_kill<A: Actor>(seat: &Seat<A>, known: &mut u32) {
    seat.mailbox.lower_unless(signal::KILL, signal::SHUTDOWN);
    *known &= seat.mailbox.signals() | !signal::KILL;
}

/// How long a `stopped` hook may take: as long as the actor has when it is stopped, but never no time at all.
fn time_of_hook<A: Actor>(seat: &Seat<A>, killed: bool) -> Shutdown {
    match seat.time_to_leave() {
        _ if killed => Shutdown::default(),
        Shutdown::Kill => Shutdown::default(),
        limit => limit,
    }
}

fn drop_state<A: Actor>(seat: &Seat<A>, turn: &mut Turn<'_, Incarnation<A>>) {
    let state = turn.replace(None);
    if let Err(panic) = failure::catch(|| drop(state)) {
        let failure = Failure::panicked(seat.common().identity.clone(), Step::Drop, panic);
        journal::unharmed(seat.common(), &failure);
    }
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
    turn.gather();
    while turn::bury_one(seat, turn, &giving) {}
    seat.common().tally.add(giving.counts());
}

/// Stops the children, in reverse start order. A kill of this actor while they stop is a kill of theirs.
async fn stop_children<A: Actor>(seat: Arc<Seat<A>>, kill: bool) {
    let Some(family) = seat.common().family() else { return };
    if !kill && stop_gently(&seat, family).await {
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

/// Waits until the next incarnation may begin.
async fn wait<A: Actor>(seat: Arc<Seat<A>>, again: Option<Again>) {
    let after = match (again, &seat.common().membership) {
        (Some(Again::InTurn), Some(member)) => {
            member.family.waits(member.number);
            let after = gate(&seat, signal::KILL).await;
            if !seat.common().ends_by(decide::Exit::Stopped) {
                // There was no incarnation that it could have been about. (The poll believes that it has looked at
                // the signal, and is to look again.)
                seat.mailbox.lower(signal::STOP_NOW);
                tokio::task::yield_now().await;
            }
            after
        }
        (Some(Again::After(after)), _) => after,
        _ => Duration::ZERO,
    };
    pause(&seat, after).await;
}

/// Waits until the gate is open: while a group restarts, until it is this child's turn. Returns how long it is to
/// wait all the same. A signal that ends the child for good ends the wait. `forgotten` are signals about an
/// incarnation, of which there is none.
pub(super) async fn gate<A: Actor>(seat: &Seat<A>, forgotten: u32) -> Duration {
    let Some(member) = &seat.common().membership else { return Duration::ZERO };
    poll_fn(|cx| {
        if seat.mailbox.signals() & signal::OPEN != 0 {
            // Before the look, so that an opening after it is seen: in the next poll, because this one believes
            // that it has looked at the signal.
            seat.mailbox.lower(signal::OPEN);
            cx.waker().wake_by_ref();
        }
        if seat.mailbox.signals() & forgotten != 0 {
            seat.mailbox.lower_unless(forgotten, signal::SHUTDOWN);
        }
        match member.family.gate(member.number) {
            Some(after) => Poll::Ready(after),
            None if called_off(seat).is_some() => Poll::Ready(Duration::ZERO),
            None => Poll::Pending,
        }
    })
    .await
}

/// Waits before the next incarnation. A signal ends the wait: whoever is to start anew does so at once, and
/// whoever is to end does not wait for it. A notice and a link are for the next incarnation, and wait with it.
pub(super) async fn pause<A: Actor>(seat: &Seat<A>, after: Duration) {
    if after.is_zero() {
        return tokio::task::yield_now().await;
    }
    let mut timer = pin!(tokio::time::sleep(after));
    poll_fn(|cx: &mut TaskContext<'_>| {
        // These are about nobody's end by themselves.
        let harmless = signal::NOTICE | signal::LINKED | signal::LIFE | signal::RESTART | signal::OPEN;
        if seat.mailbox.calls() & !harmless != 0 || called_off(seat).is_some() {
            return Poll::Ready(());
        }
        timer.as_mut().poll(cx)
    })
    .await;
}
