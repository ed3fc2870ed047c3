//! A turn of a seat: signals first, then the next message, and the next, until there is nothing more to do,
//! a handler waits, or the budget is used up.

use std::task::{Context as TaskContext, Poll};

use super::{
    Actor,
    desk::Request,
    envelope::{Cause as Giving, Failed, Incarnation, Outcome, PutAside, Why},
    exit::Exit,
    hand_off::HandOff,
    hooks::NO_MESSAGE,
    limit::Expired,
    link, observer,
    seat::{Seat, signal},
    watch,
};
use crate::{
    Failure, StopReason,
    failure::{self, Cause, Panic, Step},
    policy::decide::{self, Fate},
    queue::{Entry, Opened, Turn},
};

/// Messages a seat handles in one poll before it lets others run.
pub(super) const BUDGET: u32 = 128;

/// How many messages a restart without a pause weighs.
pub(super) const RESTART: u32 = 16;

/// What a stretch of messages came to. In two words, which are returned in registers: what is rare is [`Left`] beside it.
#[derive(Clone, Copy)]
pub(super) enum Pause {
    /// The incarnation is to end: how, is left.
    Exit,
    /// The task under way is pending. These signals have been looked at.
    Pending(u32),
    /// There is nothing to take.
    Empty,
    /// The budget is used up.
    Yield,
    /// The task under way has failed on purpose: of what, is left.
    Failed,
}

/// What a stretch of messages has left, beside what it came to.
#[derive(Default)]
pub(super) struct Left {
    exit: Option<Exit>,
    failed: Option<Box<Failed>>,
}

impl Left {
    /// How the incarnation is to end, if it is.
    #[inline(always)]
    pub(super) fn by(self, pause: Pause) -> Option<Exit> {
        match pause {
            Pause::Exit => self.exit,
            _ => {
                // Beside another pause nothing is left, which the compiler does not know, and would look for.
                std::mem::forget(self);
                None
            }
        }
    }

    /// The incarnation is to end so.
    pub(super) fn exit(&mut self, exit: Exit) -> Pause {
        self.exit = Some(exit);
        Pause::Exit
    }

    /// The task under way has failed so.
    pub(super) fn failed(&mut self, failed: Box<Failed>) -> Pause {
        self.failed = Some(failed);
        Pause::Failed
    }
}

/// Takes messages for as long as there are any. Never [`Pause::Failed`], and with [`Pause::Exit`] its exit.
#[inline(always)]
pub(super) fn take<A: Actor>(
    seat: &Seat<A>,
    turn: &mut Turn<'_, Incarnation<A>>,
    budget: &mut u32,
    cx: &mut TaskContext<'_>,
) -> (Pause, Option<Exit>) {
    let mut left = Left::default();
    let pause = take_into(seat, turn, budget, cx, &mut left);
    (pause, left.by(pause))
}

/// The same, with the exit in a place of the caller's.
pub(super) fn take_into<A: Actor>(
    seat: &Seat<A>,
    turn: &mut Turn<'_, Incarnation<A>>,
    budget: &mut u32,
    cx: &mut TaskContext<'_>,
    left: &mut Left,
) -> Pause {
    // The one place that catches a panic out of a handler: once for the whole poll.
    let panic = match failure::catch(|| work(seat, turn, budget, cx, left)) {
        Ok(Pause::Failed) => None,
        Ok(pause) => return pause,
        Err(panic) => Some(panic),
    };
    take_failed(seat, turn, panic, left)
}

#[cold]
#[inline(never)]
fn take_failed<A: Actor>(
    seat: &Seat<A>,
    turn: &mut Turn<'_, Incarnation<A>>,
    panic: Option<Panic>,
    left: &mut Left,
) -> Pause {
    let cause = match (panic, left.failed.take()) {
        (Some(panic), _) => Cause::Panic(panic),
        (None, Some(failed)) => Cause::Error(failed.0),
        // A pause of that kind leaves what has failed.
        (None, None) => return Pause::Yield,
    };
    let step = beside(turn);
    left.exit(fail(seat, turn, &step, cause))
}

fn work<A: Actor>(
    seat: &Seat<A>,
    turn: &mut Turn<'_, Incarnation<A>>,
    budget: &mut u32,
    cx: &mut TaskContext<'_>,
    left: &mut Left,
) -> Pause {
    loop {
        let signals = seat.mailbox.raised();
        if signals != 0 {
            if let Some(exit) = heed(seat, turn, signals, budget) {
                return left.exit(exit);
            }
            if let Some(pause) = observer::before_message(seat, turn, signals, cx, left) {
                return pause;
            }
        }
        if !turn.is_busy() {
            if *budget == 0 {
                return Pause::Yield;
            }
            // Polled before the next look at the signals: a handler that is not async has done its work when it is
            // opened.
            match turn.take_next(cx) {
                Opened::Ended | Opened::Nothing => {
                    *budget -= 1;
                    continue;
                }
                Opened::Task => *budget -= 1,
                Opened::Pending => {
                    *budget -= 1;
                    return Pause::Pending(signals);
                }
                Opened::Failed(failed) => {
                    *budget -= 1;
                    if let Some(failed) = not_put_aside(seat, turn, failed) {
                        return left.failed(failed);
                    }
                    continue;
                }
                Opened::Lapsed => {
                    bury_lapsed(seat, turn);
                    continue;
                }
                Opened::Empty => return Pause::Empty,
            }
        }
        match poll(turn, cx) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(failed)) => {
                if let Some(failed) = not_put_aside(seat, turn, failed) {
                    return left.failed(failed);
                }
            }
            Poll::Pending => return Pause::Pending(signals),
        }
    }
}

/// Polls the task under way, and is done with it once it has ended well.
#[inline(always)]
fn poll<A: Actor>(turn: &mut Turn<'_, Incarnation<A>>, cx: &mut TaskContext<'_>) -> Poll<Outcome> {
    let polled = turn.poll(cx);
    if matches!(polled, Poll::Ready(Ok(()))) {
        turn.done();
    }
    polled
}

/// What a handler has failed with, unless that is its way to put its message aside, which is done then.
#[cold]
pub(super) fn not_put_aside<A: Actor>(
    seat: &Seat<A>,
    turn: &mut Turn<'_, Incarnation<A>>,
    failed: Box<Failed>,
) -> Option<Box<Failed>> {
    if !failed.0.is::<PutAside>() {
        return Some(failed);
    }
    stash(seat, turn);
    None
}

/// Puts the message in hand aside, unless nobody will come back to it: the actor is about to end, and has had
/// what it had put aside once more.
fn stash<A: Actor>(seat: &Seat<A>, turn: &mut Turn<'_, Incarnation<A>>) {
    let last_round = turn.is_last_round();
    turn.stash();
    if last_round {
        let giving = Giving::new(seat.common(), Why::Ended { reason: seat.closed_because() });
        turn.discard_stash(&giving);
        seat.common().tally.add(giving.counts());
    }
}

/// Looks at the signals raised. `Some`: the incarnation ends now.
#[cold]
fn heed<A: Actor>(
    seat: &Seat<A>,
    turn: &mut Turn<'_, Incarnation<A>>,
    raised: u32,
    budget: &mut u32,
) -> Option<Exit> {
    let any = |bits| raised & bits != 0;
    if any(signal::LIFE) {
        seat.mailbox.lower(signal::LIFE);
    }
    if any(signal::EXIT) {
        seat.mailbox.lower(signal::EXIT);
        if let Some(exit) = seat.common().hand_off().and_then(HandOff::exit) {
            return Some(exit);
        }
    }
    if any(signal::KILL) {
        cut(seat, turn, &StopReason::Killed);
        return Some(Exit::Killed);
    }
    if turn.is_busy() {
        // Every other signal waits for the end of the message in hand.
        return None;
    }
    if any(signal::SHUTDOWN) {
        return Some(Exit::Shutdown);
    }
    if any(signal::ESCALATED) {
        seat.mailbox.lower(signal::ESCALATED);
        if let Some(failure) = seat.common().family().and_then(super::Family::take_escalated) {
            return Some(Exit::Failed { failure, charge: true });
        }
    }
    if any(signal::LINKED)
        && let Some(failure) = link::failure(seat)
    {
        return Some(Exit::Failed { failure, charge: true });
    }
    if any(signal::RESTART | signal::OPEN) {
        // Taken down before the look, so that one that is raised after it is seen.
        seat.mailbox.lower(signal::RESTART | signal::OPEN);
        if seat.common().told_to_end().is_some() {
            return Some(Exit::Bystander);
        }
    }
    if any(signal::STOP_NOW) {
        return Some(Exit::Stopped);
    }
    if any(signal::NOTICE) {
        // Before the orderly ends below: what arrived before them is delivered.
        if *budget == 0 {
            return None;
        }
        match watch::open_next(seat, turn) {
            Ok(false) => {}
            Ok(true) => {
                *budget -= 1;
                return None;
            }
            Err(panic) => return Some(fail(seat, turn, &Step::Terminated, Cause::Panic(panic))),
        }
    }
    if any(signal::STOP) {
        // Acquire: pairs with the Release in `stop`.
        let mark = seat.common().mark.load(std::sync::atomic::Ordering::Acquire);
        let ends = || seat.common().ends_by(decide::Exit::Stopped);
        // A stop for good handles what has been put aside as well; the next incarnation would get it back.
        if turn.has_reached(mark) && !turn.is_kept() && !(ends() && turn.begin_last_round()) {
            return Some(Exit::Stopped);
        }
    }
    if any(signal::RELEASED) && turn.is_drained() {
        return Some(Exit::Released);
    }
    if *budget > 0 && seat.mailbox.has_beside() {
        turn.fetch();
    }
    None
}

/// Gives up the message in hand because its handler is cut.
pub(super) fn cut<A: Actor>(seat: &Seat<A>, turn: &mut Turn<'_, Incarnation<A>>, reason: &StopReason) {
    let attempts = turn.attempts();
    // A message that waits for its next attempt while a hook is cut is in nobody's hand.
    let in_hand = turn.in_hand();
    let giving = Giving::new(seat.common(), Why::Cut { reason: reason.clone(), attempts });
    give_up(seat, turn, &giving);
    if in_hand && turn.is_kept() {
        bury_one(seat, turn, &giving);
    }
    seat.common().tally.add(giving.counts());
}

/// At which step the task under way is, unless it is that of a message from the queue.
pub(super) fn beside<A: Actor>(turn: &mut Turn<'_, Incarnation<A>>) -> Step {
    let about = if turn.is_busy() { turn.about() } else { None };
    match about {
        // What has failed is the drop of a task that had ended well.
        None => Step::Drop,
        Some(hook) if hook.type_name == NO_MESSAGE.type_name => Step::Terminated,
        Some(message) => Step::Message(message.type_name),
    }
}

/// The task under way has failed: settles what becomes of its message. `hook` is the step when there is none.
pub(super) fn fail<A: Actor>(
    seat: &Seat<A>,
    turn: &mut Turn<'_, Incarnation<A>>,
    hook: &Step,
    cause: Cause,
) -> Exit {
    let common = seat.common();
    let attempts = turn.attempts();
    let in_hand = turn.in_hand();
    let orphan = match common.desk.take() {
        Some(Request::Orphan(about, tell)) => Some((about, tell)),
        _ => None,
    };
    let about = turn.about().or(orphan.as_ref().map(|(about, _)| *about)).filter(|_| in_hand);
    let step = about.map_or_else(|| hook.clone(), |about| Step::Message(about.type_name));
    let failure = Failure::new(common.identity.clone(), step, cause);
    let why = Why::Failed { failure: failure.clone(), attempts };
    let giving = Giving::new(common, why);
    give_up(seat, turn, &giving);
    if let Some((_, tell)) = orphan {
        tell(&giving);
    }
    common.tally.add(giving.counts());
    if let Some(about) = about
        && turn.is_kept()
        && let Some(why) = match decide::after_failed_message(attempts, about.max_attempts) {
            Fate::Quarantine => Some(Why::Quarantined { failure: failure.clone(), attempts }),
            // It does not wait out a backoff for an attempt that will not come.
            _ => lapse(turn),
        }
    {
        bury_kept(seat, turn, why);
    }
    Exit::Failed { failure, charge: !in_hand || attempts <= 1 }
}

/// Why nobody wants the kept message any more, if it is so.
fn lapse<A: Actor>(turn: &mut Turn<'_, Incarnation<A>>) -> Option<Why> {
    let attempts = turn.attempts();
    turn.kept_lapsed().map(|why| match why {
        Why::Abandoned { .. } => Why::Abandoned { attempts },
        Why::Expired(_) => Why::Expired(Expired { attempts }),
        why => why,
    })
}

/// Gives up a message that nobody wants any more, after the attempts it has had.
#[cold]
fn bury_lapsed<A: Actor>(seat: &Seat<A>, turn: &mut Turn<'_, Incarnation<A>>) {
    if let Some(why) = lapse(turn) {
        bury_kept(seat, turn, why);
    }
}

fn bury_kept<A: Actor>(seat: &Seat<A>, turn: &mut Turn<'_, Incarnation<A>>, why: Why) {
    let giving = Giving::new(seat.common(), why);
    bury_one(seat, turn, &giving);
    seat.common().tally.add(giving.counts());
}

/// Tells whoever waits for the task under way, and drops it.
fn give_up<A: Actor>(seat: &Seat<A>, turn: &mut Turn<'_, Incarnation<A>>, giving: &Giving) {
    // The asker is told before code of the user runs again: its `Drop` may panic as well.
    turn.give_up(giving);
    if let Err(panic) = failure::catch(|| turn.clear()) {
        super::journal::drop_panicked(&seat.common().identity, &panic);
    }
}

/// Gives up the message at the front. False: there was none.
pub(super) fn bury_one<A: Actor>(
    seat: &Seat<A>,
    turn: &mut Turn<'_, Incarnation<A>>,
    giving: &Giving,
) -> bool {
    failure::catch(|| turn.bury_next(giving)).unwrap_or_else(|panic| {
        super::journal::drop_panicked(&seat.common().identity, &panic);
        true
    })
}

/// Opens a hook on the state, if it has not been, and polls it. A kill cuts it.
pub(super) fn poll_hook<A: Actor, H: Entry<Incarnation<A>>>(
    seat: &Seat<A>,
    step: &Step,
    hook: &mut Option<H>,
    turn: &mut Turn<'_, Incarnation<A>>,
    cx: &mut TaskContext<'_>,
) -> Poll<Result<(), Exit>> {
    if seat.mailbox.signals() & signal::KILL != 0 {
        cut(seat, turn, &StopReason::Killed);
        return Poll::Ready(Err(Exit::Killed));
    }
    if hook.is_some()
        && let Err(error) = observer::before_hook(seat, step)
    {
        *hook = None;
        return Poll::Ready(Err(fail(seat, turn, step, Cause::Error(error))));
    }
    let polled = failure::catch(|| {
        // As with a message: a hook that is not there, which is that of most, has ended when it is opened.
        let opened = hook.take().map_or(Opened::Task, |hook| turn.run(hook, cx));
        match opened {
            Opened::Ended => Poll::Ready(Ok(())),
            Opened::Pending => Poll::Pending,
            Opened::Failed(failed) => Poll::Ready(Err(failed)),
            _ => poll(turn, cx),
        }
    });
    match polled {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(Ok(()))) => Poll::Ready(Ok(())),
        Ok(Poll::Ready(Err(failed))) => Poll::Ready(Err(fail(seat, turn, step, Cause::Error(failed.0)))),
        Err(panic) => Poll::Ready(Err(fail(seat, turn, step, Cause::Panic(panic)))),
    }
}
