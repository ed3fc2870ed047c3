//! Whoever looks on in a test: learns what happens in a system, and may make it go wrong.
//!
//! A system has none in production, and pays one look for each spawn and each line of the journal. Before a
//! message the observer is asked only while [`signal::FAULT`] stands on the seat.

use std::{
    any::Any,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context as TaskContext, Poll},
};

use super::{
    Actor,
    envelope::{Cause as Giving, Failed, Incarnation, Why},
    exit::Exit,
    seat::{AnySeat, Seat, signal},
    turn::{self, Left, Pause},
};
use crate::{
    BoxError, Failure, Identity, Reason, StopReason,
    failure::{self, Cause, Step},
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

    /// Who is to answer the message in place of the actor, if it is to be struck by that.
    fn script(&self, who: &Identity) -> Option<Arc<dyn Script>>;

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

/// Stands in for the handlers of an actor that has no state.
pub(crate) trait Script: fmt::Debug + Send + Sync {
    /// Whether it has an answer to a message of this type.
    fn expects(&self, message: &'static str) -> bool;

    /// Answers a message of this type. Runs code of the test's, and may panic.
    fn play(&self, message: &'static str, msg: Box<dyn Any + Send>) -> Box<dyn Any + Send>;
}

/// Lets the observer have its way with the next message.
#[cold]
pub(super) fn before_message<A: Actor>(
    seat: &Seat<A>,
    turn: &mut Turn<'_, Incarnation<A>>,
    signals: u32,
    cx: &mut TaskContext<'_>,
    left: &mut Left,
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
        Poll::Ready(true) => match observer.script(&common.identity) {
            Some(script) => play(seat, turn, message, script).map(|exit| left.exit(exit)),
            // Taken as any message is, so that all that follows from its failure is what follows in earnest.
            None => match turn.open_next() {
                Opened::Task => {
                    let struck = observer.strike(&common.identity).err();
                    struck.map(|error| left.failed(Failed::with(error)))
                }
                _ => None,
            },
        },
    }
}

/// Has a script answer the next message.
fn play<A: Actor>(
    seat: &Seat<A>,
    turn: &mut Turn<'_, Incarnation<A>>,
    message: &'static str,
    script: Arc<dyn Script>,
) -> Option<Exit> {
    let common = seat.common();
    let expects = script.expects(message);
    let why = match turn.next_lapsed() {
        Some(lapsed) => lapsed,
        None if expects => Why::Played(script),
        None => Why::Discarded(Reason::Unhandled),
    };
    if matches!(why, Why::Played(_)) {
        // Before it is played, because the script may panic.
        common.tally.handled();
    }
    let giving = Giving::new(common, why);
    let played = failure::catch(|| turn.bury_next(&giving));
    common.tally.add(giving.counts());
    let panic = played.err()?;
    Some(turn::fail(seat, turn, &Step::Message(message), Cause::Panic(panic)))
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
