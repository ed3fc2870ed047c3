//! Whole lives under loom: real seats, whose real [`Life`] a thread of loom's polls, and somebody else beside it.
//!
//! `RUSTFLAGS="--cfg postbox_loom" cargo test --lib --release actor::tests::loom`
//!
//! The lock of each mailbox, that of the ties and what is set once are loom's, so threads change places before each
//! step on them. The status and the lock of the family are not. That lock is never held across a step on loom's,
//! and a step on either is one piece with the step on loom's before it. So every order of the steps is played, but
//! an ordering of the status that is too weak would not be seen.

mod retry;
mod watch;

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context as TaskContext, Wake, Waker},
};

use ::loom::{model::Builder, sync::Notify, thread};

use super::super::{
    accept::{Offer, sealed::Sealed},
    common::Common,
    family::Family,
    run::{Life, incarnation_of},
    seat::{AnySeat, Seat, signal},
    spawn::Factory,
    *,
};
use crate::{Identity, Overflow, Reason, Restart};

/// Runs the test in every interleaving with at most so many preemptions, or the fewer that
/// `LOOM_MAX_PREEMPTIONS` says.
fn explore_up_to(preemptions: usize, test: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound =
        Some(builder.preemption_bound.map_or(preemptions, |said| said.min(preemptions)));
    builder.max_branches = 20_000;
    builder.check(test);
}

/// A waker that a thread can wait for: a wake-up that is lost is a deadlock, which loom finds.
struct Gong(Notify);

impl Wake for Gong {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.notify();
    }
}

/// The task of an actor, and the thread that runs it.
struct Runner<A: Actor> {
    seat: Arc<Seat<A>>,
    life: Life<A>,
    gong: Arc<Gong>,
    over: bool,
}

impl<A: Actor> Runner<A> {
    fn of(seat: Arc<Seat<A>>) -> Self {
        let life = Life::new(Arc::clone(&seat), None);
        Self { seat, life, gong: Arc::new(Gong(Notify::new())), over: false }
    }

    /// An actor of its own, that has been handed its first state.
    fn free(home: &Arc<Home>, actor: A) -> Self {
        let common = Common::new(Identity::new(A::kind, None), Arc::clone(home), None);
        let seat = Arc::new(Seat::new(|| common, 4, Overflow::Wait, None));
        seat.mailbox.prime(incarnation_of(&seat, actor));
        Self::of(seat)
    }

    fn any(&self) -> Arc<dyn AnySeat> {
        Arc::clone(&self.seat) as Arc<dyn AnySeat>
    }

    fn tell<M: Message>(&self, msg: M)
    where
        A: Handler<M>,
    {
        assert!(self.seat.accept(Offer { msg, asker: None }, None).is_ok(), "there is room");
    }

    fn poll(&mut self) {
        let waker = Waker::from(Arc::clone(&self.gong));
        self.over |= Pin::new(&mut self.life).poll(&mut TaskContext::from_waker(&waker)).is_ready();
    }

    /// Polls until that is so, or the actor has ended; waits for a wake-up in between.
    fn run_until(&mut self, is_so: impl Fn() -> bool) {
        loop {
            self.poll();
            if self.over || is_so() {
                return;
            }
            self.gong.0.wait();
        }
    }

    /// Polls until the actor has ended.
    fn run(&mut self) {
        self.run_until(|| false);
    }
}
