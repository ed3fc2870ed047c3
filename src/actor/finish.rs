//! The last word on an actor, when its life is over or has been taken from it.

use std::sync::Arc;

use super::{
    Actor, close,
    common::{Common, Status},
    envelope::{Incarnation, Why},
    journal,
    seat::Seat,
    ties, turn,
};
use crate::{
    StopReason, failure,
    queue::{Count, Turn},
};

/// The last word on an actor: also when its runtime is dropped under it.
pub(super) struct Finish<A: Actor> {
    seat: Arc<Seat<A>>,
}

impl<A: Actor> Finish<A> {
    pub(super) const fn new(seat: Arc<Seat<A>>) -> Self {
        Self { seat }
    }

    #[inline]
    pub(super) const fn seat(&self) -> &Arc<Seat<A>> {
        &self.seat
    }

    /// The last turn of all is over.
    #[inline(never)]
    pub(super) fn end(&self, turn: Turn<'_, Incarnation<A>>) {
        finish(self.seat.common(), &turn.retire());
    }
}

/// Its name is free, its supervisor has forgotten it, and then those who wait for its end are told: watchers first, so
/// that whoever awaits the end finds their notices queued.
fn finish(common: &Common, last: &Count) {
    common.home.strike(common, common.ledger(last));
    if let Some(member) = &common.membership {
        member.family.forget(member.number);
    }
    if let Some(reason) = common.closing() {
        journal::ended(common, reason);
    }
    common.set_status(Status::Ended);
    ties::end(common);
    common.set_told();
}

impl<A: Actor> Drop for Finish<A> {
    #[inline]
    fn drop(&mut self) {
        if self.seat.common().status() != Status::Ended {
            self.finish_without_runtime();
        }
    }
}

impl<A: Actor> Finish<A> {
    /// The runtime is gone. No hook can run, but no message vanishes.
    #[cold]
    #[inline(never)]
    fn finish_without_runtime(&self) {
        let seat = Arc::clone(&self.seat);
        seat.common().set_closing(StopReason::RuntimeGone);
        seat.mailbox.close();
        let last = seat.mailbox.enter(std::task::Waker::noop()).map(|mut turn| {
            turn::cut(&seat, &mut turn, &StopReason::RuntimeGone);
            close::bury_kept(&seat, &mut turn, None, &StopReason::RuntimeGone);
            close::bury_all(&seat, &mut turn, &Why::Ended { reason: StopReason::RuntimeGone });
            let state = turn.replace(None);
            let _panicked = failure::catch(|| drop(state));
            turn.retire()
        });
        if let Some(family) = seat.common().family() {
            family.abandon();
        }
        finish(seat.common(), &last.unwrap_or_else(|| seat.mailbox.count()));
    }
}
