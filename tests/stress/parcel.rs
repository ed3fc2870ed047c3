//! The messages of the stress, and who sends them.

use std::sync::{Arc, atomic::Ordering};

use postbox::{ActorId, Message};
use tokio::time::Instant;

use crate::oracle::{Entry, SeatBook, Stamp, World};

/// What every message has in it, whatever its type.
pub(crate) struct Parcel {
    pub(crate) entry: Arc<Entry>,
    world: Arc<World>,
    pub(crate) errand: Errand,
}

/// What its handler is to do.
#[derive(Clone, Copy)]
pub(crate) enum Errand {
    /// What follows from the seed; what it sets off may go on for so many hops.
    Work { seed: u64, hops: u8 },
    /// To have back what has been put aside.
    Unstash { all: bool },
}

impl Clone for Parcel {
    fn clone(&self) -> Self {
        self.world.parcels.fetch_add(1, Ordering::SeqCst);
        let (entry, world) = (Arc::clone(&self.entry), Arc::clone(&self.world));
        Self { entry, world, errand: self.errand }
    }
}

impl Drop for Parcel {
    fn drop(&mut self) {
        self.world.parcels.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A message that may be tried so often, in the one lane or the other.
pub(crate) struct Post<const TRIES: u32, const URGENT: bool>(pub(crate) Parcel);

impl<const TRIES: u32, const URGENT: bool> Message for Post<TRIES, URGENT> {
    type Reply = u64;
    const ATTEMPTS: u32 = TRIES;
    const PRIORITY: bool = URGENT;

    fn duplicate(&self) -> Option<Self> {
        Some(Self(self.0.clone()))
    }
}

/// How often one is tried that may fail.
pub(crate) const TRIES: u32 = 3;

/// What is asked at the end: whoever lives, answers.
pub(crate) struct Ping;

impl Message for Ping {
    type Reply = ();
}

/// A notice, as a message.
pub(crate) struct Gone(pub(crate) ActorId);

impl Message for Gone {
    type Reply = ();
}

/// Who sends, and how much so far.
pub(crate) struct Sender {
    key: u64,
    pub(crate) own: Option<ActorId>,
    next: u64,
}

impl Sender {
    pub(crate) fn new(world: &World, own: Option<ActorId>) -> Self {
        Self { key: world.number(), own, next: 0 }
    }

    pub(crate) fn is_outside(&self) -> bool {
        self.own.is_none()
    }

    /// Makes a message for the one who sits there.
    pub(crate) fn post<const TRIES: u32, const URGENT: bool>(
        &mut self,
        world: &Arc<World>,
        to: &Arc<SeatBook>,
        errand: Errand,
        deadline: Option<Instant>,
    ) -> Post<TRIES, URGENT> {
        self.next += 1;
        world.parcels.fetch_add(1, Ordering::SeqCst);
        let stamp = Stamp {
            sender: self.key,
            own: self.own,
            sequence: self.next,
            urgent: URGENT,
            tries: TRIES,
            deadline,
        };
        Post(Parcel { entry: world.enter(to, stamp), world: Arc::clone(world), errand })
    }
}
