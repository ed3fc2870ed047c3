//! What the test kit holds on to.

use std::sync::{Arc, Weak};

pub(crate) use super::observer::{Observer, Script};
use super::{
    Actor, ActorRef,
    common::Common,
    current::OUTSIDE,
    home::Home,
    seat::{Seat, signal},
    spawn,
};
use crate::{Identity, SpawnError};

impl Home {
    /// Has the system observed, from the next spawn on.
    pub(crate) fn observe(&self, observer: Arc<dyn Observer>) {
        let _one_is_there = self.observer.set(observer);
    }

    /// Has the observer asked before each message of those alive.
    pub(crate) fn arm(&self) {
        self.alive().iter().for_each(|seat| seat.signal(signal::FAULT));
    }
}

/// Until dropped, what is spawned on this thread by whoever is no actor belongs to a system.
pub(crate) struct Ambient(Weak<Home>);

impl Ambient {
    pub(crate) fn enter(home: &Arc<Home>) -> Self {
        Self(OUTSIDE.replace(Arc::downgrade(home)))
    }
}

impl Drop for Ambient {
    fn drop(&mut self) {
        OUTSIDE.set(std::mem::take(&mut self.0));
    }
}

/// Starts an actor without a state: whoever observes the system answers its messages, or nobody takes them. The
/// observer is told of it before it can take one.
pub(crate) fn spawn_vacant<A: Actor>(
    home: &Arc<Home>,
    tell: impl FnOnce(&Identity),
) -> Result<ActorRef<A>, SpawnError> {
    let site = spawn::Site::On(spawn::runtime_for::<A>(A::CAPACITY)?);
    let common = Common::new(Identity::new(A::kind, None), Arc::clone(home), None);
    let seat = Arc::new(Seat::new(|| common, A::CAPACITY, A::OVERFLOW, None));
    let actor = ActorRef::first(Arc::clone(&seat));
    tell(actor.identity());
    spawn::launch(&site, seat, None)?;
    Ok(actor)
}
