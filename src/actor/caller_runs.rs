//! An ask that its caller runs: the handler of an actor with nothing to do, in the poll of whoever asks it.
//!
//! An ask of an idle actor goes a long way to a short handler: a slot for the reply, the queue of the runtime, a
//! poll of the actor's task, and back. An actor that says [`Actor::CALLER_RUNS`] lends itself to its asker:
//!
//! ```text
//!  poll of the ask ─► enter_parked ─► handler, polled once, with the waker of the actor's own task
//!                          │              ├─ ready ─► the reply, from where the handler has left it ─► parked again
//!                          │              ├─ waits ─► a slot is made; the actor's task carries it on
//!                          │              └─ fails ─► the asker is told; the actor's task ends the incarnation
//!                          └─ not parked ─► the ordinary way
//! ```
//! The right to run is a turn as any other, so nobody else is in the actor meanwhile; and since it is had from a
//! parked mailbox alone, no earlier message is overtaken. What the asker does not do is what an actor does between
//! messages: signals, the next message and the end of the incarnation are left to the actor's own task
//! ([`HandOff::exit`](super::hand_off::HandOff::exit)).
//!
//! Where the reply goes is decided by who waits for it ([`Present`]): it stays in the task as long as the asker
//! is here, and only an asker that has to leave without it gets a slot.

use std::{cell::Cell, fmt, pin::Pin, task::Context as TaskContext};

use tokio::{runtime, task};

use super::{
    Actor, Handler, Message,
    asker::{Asker, Awaited, Loan, NoReply},
    current,
    entries::Told,
    envelope::{self, Failed, Handling, Incarnation, Whom},
    exit::Exit,
    seat::{Seat, signal},
    turn,
};
use crate::{
    Failure,
    failure::{self, Cause, Panic},
    queue::{Carried, Errand, Opened, Rest, Turn},
};

/// How many such runs may be inside one another: each is as deep a stack as a handler's poll.
const DEPTH: u32 = 8;

/// What the asker has when its run is over: the reply, or what it has in its place. Boxed, as all that is rare.
pub struct Ran<M: Message>(pub(super) Result<M::Reply, Box<Other<M>>>);

/// What an asker may have in place of a reply.
pub(super) enum Other<M: Message> {
    /// There will be none.
    NoReply(NoReply<M>),
    /// The actor's task carries the handler on: this is to be waited for.
    Awaits(Awaited<M>),
}

impl<M: Message> fmt::Debug for Ran<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ran").field("replied", &self.0.is_ok()).finish_non_exhaustive()
    }
}

/// Has the message handled here and now, if the actor allows it and has nothing else to do. Else it comes back.
#[inline(always)]
pub(super) fn ask<A: Handler<M>, M: Message>(seat: &Seat<A>, msg: M) -> Result<Ran<M>, M> {
    // Rare enough to leave what they need to the ordinary way. (As a constant, so that nothing of what follows is
    // compiled for an actor that is not run by its callers.)
    if const { !A::CALLER_RUNS || M::PRIORITY || M::ATTEMPTS > 1 } {
        return Err(msg);
    }
    let common = seat.common();
    if !common.hand_off().is_some_and(|of| is_here(of.runtime())) {
        return Err(msg);
    }
    let Some(_level) = Level::deeper() else { return Err(msg) };
    let Some(turn) = seat.mailbox.enter_parked() else { return Err(msg) };
    let mut left = Left { reply: None, awaited: None };
    let failure = current::scope(common, || run(seat, turn, msg, &mut left));
    Ok(Ran(match left.reply {
        Some(reply) => Ok(reply),
        None => Err(other(left.awaited, failure)),
    }))
}

/// Returns with what the handler has failed, if it has and its asker has not been told.
#[inline(always)]
fn run<A: Handler<M>, M: Message>(
    seat: &Seat<A>,
    mut turn: Turn<'_, Incarnation<A>>,
    msg: M,
    left: &mut Left<M>,
) -> Option<Box<Failure>> {
    let cx = &mut TaskContext::from_waker(turn.waker());
    // The second and last place that catches a panic out of a handler: it must not come to the asker.
    match failure::catch(|| turn.carry(Direct(msg), cx, left)) {
        Ok(opened) => match opened {
            Opened::Ended => {
                leave(turn.rest());
                None
            }
            // Of the signals none has been looked at: there was none when the turn began.
            Opened::Pending => {
                leave(turn.suspend(0));
                None
            }
            opened => settle(seat, turn, Ok(opened)),
        },
        Err(panic) => settle(seat, turn, Err(panic)),
    }
}

#[cold]
#[inline(never)]
fn other<M: Message>(awaited: Option<Awaited<M>>, failure: Option<Box<Failure>>) -> Box<Other<M>> {
    Box::new(match awaited {
        Some(awaited) => Other::Awaits(awaited),
        None => Other::NoReply(failure.map_or(NoReply::Dropped, |failure| NoReply::Failed(*failure))),
    })
}

/// What is left to do is for the actor's task, which the drop of a turn wakes.
#[inline(always)]
fn leave<A: Actor>(rest: Rest<'_, Incarnation<A>>) {
    if let Rest::More(turn) = rest {
        drop(turn);
    }
}

/// The handler has failed, or has put its message aside. Returns with what it has failed.
#[cold]
#[inline(never)]
fn settle<A: Actor>(
    seat: &Seat<A>,
    mut turn: Turn<'_, Incarnation<A>>,
    ran: Result<Opened<Box<Failed>>, Panic>,
) -> Option<Box<Failure>> {
    let cause = match ran {
        Ok(Opened::Failed(failed)) => match failure::catch(|| turn::not_put_aside(seat, &mut turn, failed)) {
            Ok(None) => {
                leave(turn.rest());
                return None;
            }
            Ok(Some(failed)) => Cause::Error(failed.0),
            Err(panic) => Cause::Panic(panic),
        },
        Err(panic) => Cause::Panic(panic),
        // All else is seen to by who calls this; dropped, a turn is carried on.
        Ok(_) => return None,
    };
    let step = turn::beside(&mut turn);
    let exit = turn::fail(seat, &mut turn, &step, cause);
    let failure = match &exit {
        Exit::Failed { failure, .. } => Some(Box::new(failure.clone())),
        _ => None,
    };
    if let Some(of) = seat.common().hand_off() {
        of.leave(exit);
    }
    // The turn is dropped behind it, which wakes the task.
    seat.mailbox.signal(signal::EXIT);
    failure
}

/// What a thread knows of itself.
struct Thread {
    depth: Cell<u32>,
    /// The task that was last seen, and its runtime.
    seen: Cell<Option<(task::Id, runtime::Id)>>,
}

thread_local! {
    static THREAD: Thread = const { Thread { depth: Cell::new(0), seen: Cell::new(None) } };
}

/// One such run inside another.
struct Level;

impl Level {
    #[inline(always)]
    fn deeper() -> Option<Self> {
        THREAD.with(|thread| {
            let depth = thread.depth.get();
            (depth < DEPTH).then(|| {
                thread.depth.set(depth + 1);
                Self
            })
        })
    }
}

impl Drop for Level {
    #[inline(always)]
    fn drop(&mut self) {
        THREAD.with(|thread| thread.depth.set(thread.depth.get() - 1));
    }
}

/// Whether this is the runtime. To ask tokio costs two changes of a count that all threads share, so the answer is
/// kept for as long as the same task asks: a task stays in its runtime, and tokio numbers tasks with 64 bits.
#[inline(always)]
fn is_here(runtime: runtime::Id) -> bool {
    let task = task::try_id();
    match THREAD.with(|thread| thread.seen.get()) {
        Some((seen, of)) if task == Some(seen) => of == runtime,
        _ => look(task) == Some(runtime),
    }
}

#[cold]
#[inline(never)]
fn look(task: Option<task::Id>) -> Option<runtime::Id> {
    let here = runtime::Handle::try_current().ok().map(|here| here.id());
    // Outside of tasks a thread may enter one runtime after the other.
    THREAD.with(|thread| thread.seen.set(task.zip(here)));
    here
}

/// A message whose asker runs the handler.
struct Direct<M>(M);

impl<A: Handler<M>, M: Message> Errand<Incarnation<A>> for Direct<M> {
    type Left = Left<M>;
    type Like = Told<M, ()>;

    #[inline(always)]
    fn open<'a>(self, state: &'a mut Incarnation<A>) -> impl Carried<Incarnation<A>, Left<M>> + 'a {
        let present = |seat| Present { seat, reply: None, waits: None };
        envelope::open(self.0, present, (), false, state)
    }
}

/// What the task has left to the asker: at most one of them.
struct Left<M: Message> {
    reply: Option<M::Reply>,
    awaited: Option<Awaited<M>>,
}

/// An asker who runs the handler itself.
struct Present<'a, A: Actor, M: Message> {
    seat: &'a Seat<A>,
    reply: Option<M::Reply>,
    /// Of one that has to wait. Boxed, so that the others carry no more than a null.
    waits: Option<Box<Waits<'a, A, M>>>,
}

// Nothing in it is pinned: a reply is a value on its way.
impl<A: Actor, M: Message> Unpin for Present<'_, A, M> {}

/// Both halves of a slot: that of the actor, until it is answered, and the asker's, until it takes it along.
struct Waits<'a, A: Actor, M: Message> {
    asker: Loan<'a, A, M>,
    awaited: Option<Awaited<M>>,
}

impl<'a, A: Actor, M: Message> Present<'a, A, M> {
    /// Makes the asker one who waits, like any other.
    #[cold]
    #[inline(never)]
    fn wait(&mut self) -> &mut Waits<'a, A, M> {
        self.waits.get_or_insert_with(|| {
            let (asker, awaited) = Asker::new();
            // The handler has the message: an asker that gives up from here on is told so.
            let _there = asker.take();
            Box::new(Waits { asker: asker.lend(self.seat), awaited: Some(awaited) })
        })
    }

    #[inline(always)]
    fn part(&mut self, goes_on: bool, left: &mut Left<M>) {
        // (Word by word: it has just been written so, and to read it as a whole would wait for that.)
        if let Some(reply) = self.reply.take() {
            left.reply = Some(reply);
        }
        if goes_on || self.waits.is_some() {
            left.awaited = self.wait().awaited.take();
        }
    }
}

impl<'a, A: Actor, M: Message> Whom<'a, A, M> for Present<'a, A, M> {
    #[inline(always)]
    fn waits(&self) -> bool {
        true
    }

    #[inline(always)]
    fn take(&mut self) -> Option<Asker<M>> {
        self.waits.as_mut()?.asker.take()
    }

    fn share(&mut self) -> Option<Asker<M>> {
        Some(self.wait().asker.share())
    }

    #[inline(always)]
    fn keep(&mut self, reply: M::Reply) -> Option<M::Reply> {
        if self.waits.is_some() {
            return Some(reply);
        }
        self.reply = Some(reply);
        None
    }
}

impl<'a, A, M, F> Carried<Incarnation<A>, Left<M>> for Handling<'a, A, M, Present<'a, A, M>, (), F>
where
    A: Handler<M>,
    M: Message,
    F: Future<Output = M::Reply> + Send,
{
    #[inline(always)]
    fn part(self: Pin<&mut Self>, goes_on: bool, left: &mut Left<M>) {
        self.whom().part(goes_on, left);
    }
}
