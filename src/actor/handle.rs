//! A reference to an actor of any type.

use std::{fmt, sync::Arc};

use super::{
    Actor, ActorRef, Message, Recipient, WeakRecipient, WeakRef,
    common::{Ledger, Status},
    ending::look_after,
    seat::{AnySeat, Seat},
};
use crate::{Identity, Shutdown, StopReason};

/// Refers to an actor of any type: to stop it, to wait for its end, to read its ledger.
///
/// It keeps nothing alive, and stays valid through restarts and after the end.
///
/// # Examples
///
/// ```
/// use postbox::{Status, prelude::*};
///
/// #[derive(Actor)]
/// struct Idle;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let idle = Idle.prepare().name("idle").capacity(8).spawn()?;
/// let handle = idle.handle();
/// assert_eq!((handle.identity().name(), handle.status()), (Some("idle"), Status::Starting));
/// assert_eq!((handle.depth(), handle.capacity()), (0, 8));
/// assert_eq!(handle.typed::<Idle>(), Some(idle));
/// handle.stop();
/// assert!(handle.ended().await.is_normal());
/// assert!(handle.ledger().balances());
///
/// // The other ways to end one:
/// let (one, two) = (Idle.spawn().handle(), Idle.spawn().handle());
/// one.stop_now();
/// two.kill();
/// assert!(one.ended().await.is_normal() && !two.ended().await.is_normal());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Handle {
    seat: Arc<dyn AnySeat>,
}

impl Handle {
    pub(crate) fn new(seat: Arc<dyn AnySeat>) -> Self {
        Self { seat }
    }

    pub(super) fn seat(&self) -> &Arc<dyn AnySeat> {
        &self.seat
    }

    /// Returns who the actor is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.seat.common().identity
    }

    /// Returns what the actor is doing.
    #[must_use]
    pub fn status(&self) -> Status {
        self.seat.common().status()
    }

    /// Returns what became of the messages the actor has accepted.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.seat.ledger()
    }

    /// Returns how many messages the mailbox can hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.seat.capacity()
    }

    /// Returns how many messages wait in the mailbox.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.seat.depth()
    }

    /// Stops the actor, as [`ActorRef::stop`].
    pub fn stop(&self) {
        self.seat.stop();
    }

    /// Stops the actor, as [`ActorRef::stop_now`].
    pub fn stop_now(&self) {
        self.seat.stop_now();
        look_after(&self.seat, self.seat.time_to_leave());
    }

    /// Kills the actor, as [`ActorRef::kill`].
    pub fn kill(&self) {
        self.seat.kill();
        look_after(&self.seat, Shutdown::Kill);
    }

    /// Waits until the actor has ended for good, and says why.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when it is dropped; ask again.
    pub async fn ended(&self) -> StopReason {
        self.seat.common().wait_ended().await
    }

    /// Makes a typed reference, if the actor is an `A` and has not ended.
    #[must_use]
    pub fn typed<A: Actor>(&self) -> Option<ActorRef<A>> {
        let seat = Arc::clone(&self.seat).into_any().downcast::<Seat<A>>().ok()?;
        WeakRef::new(seat).upgrade()
    }
}

impl From<&Handle> for Handle {
    fn from(handle: &Handle) -> Self {
        handle.clone()
    }
}

impl<A: Actor> From<&ActorRef<A>> for Handle {
    fn from(actor: &ActorRef<A>) -> Self {
        actor.handle()
    }
}

impl<A: Actor> From<&WeakRef<A>> for Handle {
    fn from(actor: &WeakRef<A>) -> Self {
        actor.handle()
    }
}

impl<M: Message> From<&Recipient<M>> for Handle {
    fn from(recipient: &Recipient<M>) -> Self {
        recipient.handle()
    }
}

impl<M: Message> From<&WeakRecipient<M>> for Handle {
    fn from(recipient: &WeakRecipient<M>) -> Self {
        recipient.handle()
    }
}

/// Two handles are equal when they lead to the same actor.
impl PartialEq for Handle {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for Handle {}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({}, {:?})", self.identity(), self.status())
    }
}
