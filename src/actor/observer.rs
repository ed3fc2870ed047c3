//! Whoever looks on in a test: learns what happens in a system, and may make it go wrong.
//!
//! A system has none in production, and pays one look for each spawn and each line of the journal. Before a
//! message the observer is asked only while [`signal::FAULT`] stands on the seat.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context as TaskContext, Poll},
};

use super::{
    Actor,
    envelope::Incarnation,
    seat::{AnySeat, Seat, signal},
    turn::Pause,
};
use crate::{
    BoxError, Failure, Identity, StopReason,
    failure::Step,
    queue::{Opened, Turn},
};

/// Looks on, and takes a hand. Called with no lock held.
pub(crate) trait Observer: Send + Sync {
    /// An incarnation has begun to serve.
    fn started(&self, who: &Identity);

    /// Something has failed. Its dead letter, if there is one, has been recorded before.
    fn failed(&self, failure: &Failure);

    /// An actor has ended for good.
    fn ended(&self, who: &Identity, reason: &StopReason);

    /// An actor has been given up: its code does not come back.
    fn detached(&self, who: &Identity);

    /// A number from 0 to 1, for the jitter of a backoff.
    fn random(&self) -> f64;

    /// Whether it wants to be asked before each message.
    fn is_armed(&self) -> bool;

    /// An actor is about to run. Pending: it is to let others run first, and is woken by the observer.
    fn poll_turn(&self, cx: &mut TaskContext<'_>) -> Poll<()>;

    /// The actor has run.
    fn turned(&self, seat: &dyn AnySeat);

    /// The actor is about to take a message. Pending: it is to wait, and is woken by the observer. True: the
    /// message is to be struck.
    fn poll_take(&self, who: &Identity, message: &'static str, cx: &mut TaskContext<'_>) -> Poll<bool>;

    /// The message has been taken, and its handler has not been polled. May panic.
    ///
    /// # Errors
    ///
    /// What the handler is to fail with.
    fn strike(&self, who: &Identity) -> Result<(), BoxError>;

    /// The actor is about to start.
    ///
    /// # Errors
    ///
    /// What its `started` hook is to fail with.
    fn strike_start(&self, who: &Identity) -> Result<(), BoxError>;
}

/// Lets the observer have its way with the next message.
#[cold]
pub(super) fn before_message<A: Actor>(
    seat: &Seat<A>,
    turn: &mut Turn<'_, Incarnation<A>>,
    signals: u32,
    cx: &mut TaskContext<'_>,
) -> Option<Pause> {
    if signals & signal::FAULT == 0 || turn.is_busy() {
        return None;
    }
    let common = seat.common();
    let observer = common.home.observer.get()?;
    let message = turn.next_about()?.type_name;
    match observer.poll_take(&common.identity, message, cx) {
        Poll::Pending => Some(Pause::Pending(signals)),
        Poll::Ready(false) => None,
        // Taken as any message is, so that all that follows from its failure is what follows in earnest.
        Poll::Ready(true) => match turn.open_next() {
            Opened::Task => observer.strike(&common.identity).err().map(Pause::Failed),
            Opened::Nothing | Opened::Lapsed | Opened::Empty => None,
        },
    }
}

/// Lets the observer have its way with a hook.
pub(super) fn before_hook<A: Actor>(seat: &Seat<A>, step: &Step) -> Result<(), BoxError> {
    if seat.mailbox.signals() & signal::FAULT == 0 || *step != Step::Started {
        return Ok(());
    }
    let common = seat.common();
    common.home.observer.get().map_or(Ok(()), |observer| observer.strike_start(&common.identity))
}

/// The life of an actor that is looked at.
pub(super) struct Observed {
    observer: Arc<dyn Observer>,
    seat: Arc<dyn AnySeat>,
}

impl Observed {
    pub(super) fn new(observer: Arc<dyn Observer>, seat: Arc<dyn AnySeat>) -> Self {
        if observer.is_armed() {
            seat.signal(signal::FAULT);
        }
        Self { observer, seat }
    }

    /// Lives the life. A box, so that no second task is compiled for each actor.
    pub(super) async fn life(self, mut life: Pin<Box<dyn Future<Output = ()> + Send>>) {
        std::future::poll_fn(|cx| {
            if self.observer.poll_turn(cx).is_pending() {
                return Poll::Pending;
            }
            let polled = life.as_mut().poll(cx);
            self.observer.turned(&*self.seat);
            polled
        })
        .await;
    }
}
