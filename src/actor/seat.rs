//! The seat: what a reference points to, and what outlives a restart.

use std::{
    any::Any,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
};

use tokio::sync::oneshot;

use super::{
    Actor,
    common::{Common, Ledger},
    envelope::{Cause, Incarnation, Why},
    family::Membership,
    hand_off,
    handle::Handle,
    journal,
    spawn::{self, Factory, Site},
};
use crate::{
    BoxError, Failure, Overflow, Shutdown, SpawnError, StopReason, failure,
    policy::decide,
    queue::{Drops, Mailbox, Mark, Reached},
};

/// What can be asked of a running actor from outside, past its mailbox.
pub(crate) mod signal {
    /// End now: the handler is cut at its next await.
    pub(crate) const KILL: u32 = 1;
    /// End for good after the message in hand, because the supervisor or the system says so.
    pub(crate) const SHUTDOWN: u32 = 2;
    /// End after the message in hand.
    pub(crate) const STOP_NOW: u32 = 4;
    /// End when the messages up to the mark have been handled.
    pub(crate) const STOP: u32 = 8;
    /// The last strong reference is gone: end when the mailbox is empty.
    pub(crate) const RELEASED: u32 = 16;
    /// A child's failure exceeded the restart limit.
    pub(crate) const ESCALATED: u32 = 32;
    /// Somebody this actor watches has ended: a notice waits for its turn.
    pub(crate) const NOTICE: u32 = 64;
    /// Somebody this actor is linked to has failed.
    pub(crate) const LINKED: u32 = 128;
    /// Take this down: whoever kills the actor wants to know whether its code comes back.
    pub(crate) const LIFE: u32 = 256;
    /// End the incarnation after the message in hand, because the group restarts: if the family still says so.
    pub(crate) const RESTART: u32 = 512;
    /// The gate at which the next incarnation waits may be open: the family says.
    pub(crate) const OPEN: u32 = 1024;
    /// The incarnation has ended in another one's poll: how, is known to `hand_off`.
    pub(crate) const EXIT: u32 = 2048;
    /// A standing order: whoever observes the system is asked before each message.
    pub(crate) const FAULT: u32 = crate::queue::STANDING;
}

/// The place an actor sits in, in one allocation.
///
/// The mailbox ends, and `Common` begins, with what the actor writes at each message.
#[repr(C)]
pub(crate) struct Seat<A: Actor> {
    pub(crate) mailbox: Mailbox<Incarnation<A>>,
    common: Common,
    /// Makes the next incarnation; `None` for a free-standing actor, which has only one.
    pub(crate) factory: Option<Factory<A>>,
}

/// A seat whose actor type has been forgotten.
pub(crate) trait AnySeat: Any + Send + Sync {
    fn common(&self) -> &Common;
    fn stop(&self);
    fn stop_now(&self);
    fn kill(&self);
    fn signal(&self, bits: u32);
    fn signals(&self) -> u32;
    /// Whether a thread is inside the actor's code at this moment, or about to be.
    fn is_at_work(&self) -> bool;
    /// Gives the actor up: its code does not come back.
    fn detach(&self);
    /// How long the message in hand, or a hook, may take when the actor is to end.
    fn time_to_leave(&self) -> Shutdown;
    fn ledger(&self) -> Ledger;
    fn capacity(&self) -> usize;
    fn depth(&self) -> usize;
    /// How many messages have been accepted.
    fn mark(&self) -> Mark;
    fn lower(&self, bits: u32);
    /// Gives up the right to run it that this thread holds: its task runs it.
    fn let_go(&self);
    /// Runs it in place of its task, if this thread holds the right to.
    fn run_handed(&self, budget: &mut u32);
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
    /// Starts another actor of the kind in a seat of its own, from the factory of this one.
    fn again(&self, site: &Site, membership: Membership) -> Result<Again, SpawnError>;
}

/// An actor that has been made again, and how its first start goes.
pub(crate) type Again = (Handle, oneshot::Receiver<Result<(), Failure>>);

impl<A: Actor> Seat<A> {
    /// In line, and with `common` made when nothing more takes memory: so each word is written where it is to stay. What
    /// might have to be dropped on the way is made on the stack first.
    #[inline(always)]
    pub(crate) fn new(
        common: impl FnOnce() -> Common,
        capacity: usize,
        overflow: Overflow,
        factory: Option<Factory<A>>,
    ) -> Self {
        let drops = match overflow {
            Overflow::Wait => None,
            Overflow::DropNewest => Some(Drops::Newest),
            Overflow::DropOldest => Some(Drops::Oldest),
        };
        Self { mailbox: Mailbox::new(capacity, drops), common: common(), factory }
    }

    fn overflow(&self) -> Overflow {
        match self.mailbox.drops() {
            None => Overflow::Wait,
            Some(Drops::Newest) => Overflow::DropNewest,
            Some(Drops::Oldest) => Overflow::DropOldest,
        }
    }

    #[inline]
    pub(crate) fn common(&self) -> &Common {
        &self.common
    }

    /// Begins to make the next incarnation. Runs code of the user.
    pub(crate) fn make(&self) -> Pin<Box<dyn Future<Output = Result<A, BoxError>> + Send>> {
        if let Some(member) = &self.common.membership {
            member.family.makes(member.number);
        }
        match &self.factory {
            Some(factory) => factory(),
            None => Box::pin(std::future::ready(Err("it has no factory".into()))),
        }
    }

    /// Why nothing is accepted any more.
    pub(crate) fn closed_because(&self) -> StopReason {
        if let Some(reason) = self.common.closing() {
            return reason.clone();
        }
        let raised = self.mailbox.signals();
        let any = |bits| raised & bits != 0;
        if any(signal::KILL) {
            StopReason::Killed
        } else if any(signal::SHUTDOWN) {
            StopReason::Shutdown
        } else if any(signal::RELEASED) && !any(signal::STOP | signal::STOP_NOW) {
            StopReason::Released
        } else {
            StopReason::Stopped
        }
    }
}

impl<A: Actor> AnySeat for Seat<A> {
    fn common(&self) -> &Common {
        &self.common
    }

    fn stop(&self) {
        // A mailbox that is to have a next incarnation does not close; then the mark alone says which
        // messages come before the stop. The close comes first, so that nothing slips in behind the mark.
        if self.common.ends_by(decide::Exit::Stopped) {
            self.mailbox.close();
        }
        // Release: pairs with the Acquire load of the turn that sees the signal.
        self.common.mark.fetch_max(self.mailbox.set_mark(), Ordering::Release);
        self.mailbox.signal(signal::STOP);
    }

    fn stop_now(&self) {
        if self.common.ends_by(decide::Exit::Stopped) {
            self.mailbox.close();
        }
        self.mailbox.signal(signal::STOP_NOW);
    }

    fn kill(&self) {
        if self.common.ends_by(decide::Exit::Killed) {
            self.mailbox.close();
        }
        self.mailbox.signal(signal::KILL);
    }

    fn signal(&self, bits: u32) {
        if bits & (signal::SHUTDOWN | signal::RELEASED) == 0 {
            self.mailbox.signal(bits);
        } else {
            self.mailbox.close_and_signal(bits);
        }
    }

    fn signals(&self) -> u32 {
        self.mailbox.signals()
    }

    fn is_at_work(&self) -> bool {
        self.mailbox.is_running()
    }

    fn time_to_leave(&self) -> Shutdown {
        let member = self.common.membership.as_ref();
        member.and_then(|member| member.family.shutdown(member.number)).unwrap_or(A::SHUTDOWN)
    }

    fn detach(&self) {
        if !self.common.set_detached() {
            return;
        }
        if self.mailbox.signals() & signal::SHUTDOWN != 0 || self.common.ends_by(decide::Exit::Killed) {
            self.mailbox.close();
        }
        let reached = self.mailbox.reach();
        let message = reached.as_ref().map(|reached| match reached {
            Reached::Told(about) => about.type_name,
            Reached::Asked(name, _) => name,
        });
        journal::detached(&self.common, message, self.mailbox.signals() & signal::KILL != 0);
        if let Some(Reached::Asked(_, asker)) = reached {
            // It runs the asker's waker, which is foreign code.
            let _panicked = failure::catch(|| asker.cut());
        }
        if let Some(member) = &self.common.membership {
            member.family.detached(member.number);
        }
        self.common.tell_waiters();
    }

    fn ledger(&self) -> Ledger {
        self.common.ledger(&self.mailbox.count())
    }

    fn capacity(&self) -> usize {
        self.mailbox.capacity()
    }

    fn depth(&self) -> usize {
        usize::try_from(self.mailbox.count().queued).unwrap_or(usize::MAX)
    }

    fn mark(&self) -> Mark {
        self.mailbox.mark()
    }

    fn lower(&self, bits: u32) {
        self.mailbox.lower(bits);
    }

    fn let_go(&self) {
        drop(self.mailbox.resume());
    }

    fn run_handed(&self, budget: &mut u32) {
        if const { A::HAND_OFF } {
            hand_off::run(self, budget);
        }
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }

    fn again(&self, site: &Site, membership: Membership) -> Result<Again, SpawnError> {
        let identity = self.common.identity.successor();
        let home = self.common.home.clone();
        let (capacity, overflow, factory) = (self.mailbox.capacity(), self.overflow(), self.factory.clone());
        let (actor, started) =
            spawn::seat_child(site, identity, home, membership, capacity, overflow, factory)?;
        Ok((actor.handle(), started))
    }
}

impl<A: Actor> Drop for Seat<A> {
    #[inline]
    fn drop(&mut self) {
        // The end of the actor has given every message its fate. Should one be left all the same, it must
        // not vanish without a word: nor should one that waits for its next attempt. (None is in a handler: its
        // state holds this seat.)
        if !self.mailbox.holds_nothing() {
            self.bury_left();
        }
    }
}

impl<A: Actor> Seat<A> {
    #[cold]
    #[inline(never)]
    fn bury_left(&self) {
        let Some(mut turn) = self.mailbox.enter(std::task::Waker::noop()) else { return };
        let cause = Cause::new(&self.common, Why::Leaked);
        turn.gather();
        while failure::catch(|| turn.bury_next(&cause)).unwrap_or(true) {}
        self.common.tally.add(cause.counts());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Context, Handler, Identity, Message, Reason,
        actor::{
            accept::{Offer, sealed::Sealed},
            home::Home,
            run::{Life, incarnation_of},
        },
    };

    struct Idle;
    impl Actor for Idle {}

    #[derive(Clone)]
    struct Twice;

    impl Message for Twice {
        type Reply = ();
        const ATTEMPTS: u32 = 2;

        fn duplicate(&self) -> Option<Self> {
            Some(self.clone())
        }
    }

    impl Handler<Twice> for Idle {
        async fn handle(&mut self, _msg: Twice, _ctx: &mut Context<Self>) {
            panic!("the first attempt");
        }
    }

    #[test]
    fn a_message_between_two_attempts_does_not_vanish_with_its_seat() {
        let home = Home::new("seat", false);
        let common = Common::new(Identity::new(Idle::kind, None), Arc::clone(&home), None);
        let seat = Arc::new(Seat::<Idle>::new(|| common, 4, Overflow::Wait, None));
        seat.mailbox.prime(incarnation_of(&seat, Idle));
        assert!(seat.accept(Offer { msg: Twice, asker: None }, None).is_ok());
        let mut turn = seat.mailbox.enter(std::task::Waker::noop()).expect("nobody runs");
        turn.open_next();
        let polled =
            failure::catch(|| turn.poll(&mut std::task::Context::from_waker(std::task::Waker::noop())));
        assert!(polled.is_err() && turn.is_kept());
        turn.clear();
        drop(turn.replace(None));
        drop(turn);
        drop(seat);
        assert_eq!(home.dead_letters.count(Reason::Leaked), 1);
    }

    /// What an idle actor costs is its seat, and tokio's task around its life: of 24 bytes, so that the task
    /// is one cache line of 128. What a child costs more is in `actor/family/tests.rs`.
    #[test]
    fn idle_actor_is_small() {
        fn at_most(what: &str, bytes: usize, limit: usize) {
            assert!(bytes <= limit, "{what} has {bytes} bytes, and may have {limit}");
        }
        let state = size_of::<Option<Incarnation<Idle>>>();
        at_most("a seat", size_of::<Seat<Idle>>(), 456);
        at_most("a mailbox without its state", size_of::<Mailbox<Incarnation<Idle>>>() - state, 280);
        at_most("the state around an actor", state, 16);
        at_most("the untyped part", size_of::<Common>(), 144);
        at_most("a factory", size_of::<Option<Factory<Idle>>>(), 16);
        at_most("a life", size_of::<Life<Idle>>(), 24);
        at_most("a tie to a family", size_of::<Membership>(), 24);
    }
}
