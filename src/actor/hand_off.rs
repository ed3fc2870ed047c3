//! The local hand-off: an actor that is told something runs in the poll of the one that told it.
//!
//! A send to a parked actor makes somebody responsible for running it. Most often that is its task, by way of the
//! runtime's queue. Between two actors that both say [`Actor::HAND_OFF`] it is the one that sends, which is being
//! polled on this thread: it gets the right to run the other one with the send itself, keeps it in a slot of the
//! thread, and runs it when its own turn is over, with the other one's waker, and so on down the chain, within one
//! budget of messages.
//!
//! ```text
//!  task of A: poll ─► A's turn ──tell──► B is Running, held in the slot
//!                       │ over
//!                       └─► B's turn (resume) ──tell──► A is Running, held in the slot
//!                             │ over
//!                             └─► A's turn …        budget used up: whoever is in the slot is let go, and woken
//! ```
//! It is what tokio's own slot for the last task woken does, which others cannot steal from either, without
//! the task's own states. There is one slot: who is in it when another comes is let go and woken the ordinary way.
//!
//! Whoever runs here runs plain turns. What a turn comes to otherwise, a signal or the end of the incarnation, is
//! left to the actor's own task ([`HandOff::exit`]). The price is what makes it a choice: as long as one of them
//! runs, the task of the first does not come back, so a handler that holds its thread holds up them all.

use std::{
    cell::Cell,
    sync::{Arc, Mutex, PoisonError},
    task::Context as TaskContext,
};

use tokio::runtime;

use super::{
    Actor,
    common::Status,
    current,
    exit::Exit,
    seat::{AnySeat, Seat, signal},
    turn::{self, Left, Pause},
};
use crate::queue::Rest;

/// What an actor needs to be run in another poll than that of its task.
pub(super) struct HandOff {
    /// Where it may run.
    runtime: runtime::Id,
    /// How its incarnation ended in another one's poll.
    exit: Mutex<Option<Exit>>,
}

thread_local! {
    /// The runtime of the actor being polled on this thread, if it hands off.
    static OPEN: Cell<Option<runtime::Id>> = const { Cell::new(None) };
    static NEXT: Cell<Option<Arc<dyn AnySeat>>> = const { Cell::new(None) };
}

impl HandOff {
    pub(super) fn new(runtime: runtime::Id) -> Self {
        Self { runtime, exit: Mutex::new(None) }
    }

    /// How the incarnation ended, once.
    pub(super) fn exit(&self) -> Option<Exit> {
        self.exit.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Where it may run.
    #[inline]
    pub(super) const fn runtime(&self) -> runtime::Id {
        self.runtime
    }

    /// Leaves to its task how the incarnation ended.
    pub(super) fn leave(&self, exit: Exit) {
        *self.exit.lock().unwrap_or_else(PoisonError::into_inner) = Some(exit);
    }
}

/// Whether the slot of this thread is open for an actor: it says so, and is of the runtime of the one being polled.
#[inline(always)]
pub(super) fn is_open_for<A: Actor>(seat: &Seat<A>) -> bool {
    A::HAND_OFF
        && OPEN.get().is_some_and(|open| seat.common().hand_off().is_some_and(|of| of.runtime == open))
}

/// Puts an actor that this thread has the right to run into the slot. Who was in it runs by its task.
#[inline]
pub(super) fn give<A: Actor>(seat: &Arc<Seat<A>>) {
    // A thread that is being torn down has no slot, and is polled no more.
    match NEXT.try_with(|next| next.replace(Some(Arc::clone(seat) as _))) {
        Ok(None) => {}
        Ok(Some(before)) => before.let_go(),
        Err(_) => seat.let_go(),
    }
}

/// Opens the slot for as long as an actor is polled, if it hands off.
pub(super) struct Slot(Option<runtime::Id>);

impl Slot {
    #[inline]
    pub(super) fn open<A: Actor>(seat: &Seat<A>) -> Option<Self> {
        if A::HAND_OFF { Self::open_for(seat) } else { None }
    }

    fn open_for<A: Actor>(seat: &Seat<A>) -> Option<Self> {
        let common = seat.common();
        // Whoever looks on looks at tasks.
        if common.home.observer.get().is_some() {
            return None;
        }
        let of = common.hand_off()?;
        // One that is polled inside another one's poll, by a runtime of its own, finds the slot in use.
        wake_next();
        Some(Self(OPEN.replace(Some(of.runtime))))
    }

    /// Runs whoever is in the slot, one after the other.
    pub(super) fn run(&self, budget: &mut u32) {
        while *budget > 0
            && let Ok(Some(seat)) = NEXT.try_with(Cell::take)
        {
            seat.run_handed(budget);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        OPEN.set(self.0);
        wake_next();
    }
}

fn wake_next() {
    if let Ok(Some(seat)) = NEXT.try_with(Cell::take) {
        seat.let_go();
    }
}

/// A turn of an actor in another one's poll.
pub(super) fn run<A: Actor>(seat: &Seat<A>, budget: &mut u32) {
    let Some(mut turn) = seat.mailbox.resume() else { return };
    let common = seat.common();
    // Between two incarnations there is nothing to be taken. (Dropped, the turn wakes its task, which knows what to
    // do: also at every `return` below.)
    if common.status() != Status::Running {
        return;
    }
    let cx = &mut TaskContext::from_waker(turn.waker());
    let mut left = Left::default();
    let pause = current::scope(common, || turn::take_into(seat, &mut turn, budget, cx, &mut left));
    let rest = match (pause, left.by(pause)) {
        (_, Some(exit)) => {
            if let Some(of) = common.hand_off() {
                of.leave(exit);
            }
            return seat.mailbox.signal(signal::EXIT);
        }
        (Pause::Empty, None) => turn.rest(),
        // A word to end soon sets the handler a limit, which its task keeps: that one has to look.
        (Pause::Pending(known), None) => {
            turn.suspend(known & !(signal::LIFE | signal::STOP_NOW | signal::RESTART))
        }
        (_, None) => return,
    };
    if let Rest::More(turn) = rest {
        drop(turn);
    }
}
