//! Links: two actors that fail together.
//!
//! A link ties two incarnations. It is written down at both ends, under the lock of each, one after the other.
//! The incarnation that ends takes all its links away at once ([`part`]) and breaks each at its other end,
//! where it takes effect only if it still stands there ([`Ties::break_link`](super::ties::Ties::break_link)).
//! So an incarnation fails by one link once, and a ring of links does not go round: whoever has failed has no
//! links any more.

use std::sync::{Arc, Weak};

use super::{
    Actor, Context, Handle,
    common::Common,
    seat::{AnySeat, Seat, signal},
    ties::{Broken, Ties},
};
use crate::{Failure, StopReason};

impl<A: Actor> Context<A> {
    /// Ties this actor and `other` together: when one of them fails or is killed, the other fails as well.
    ///
    /// It fails after the message in hand, as it would of its own failure: messages that wait stay, and a
    /// supervised actor is restarted and charged. The failure says [`Cause::Linked`](crate::Cause::Linked). Any
    /// other end, such as a `stop`, only unties the two.
    ///
    /// A link is between two incarnations: it goes when either of them ends, also when that one is restarted.
    /// Make it in `started` to have it again. A link with an actor that has ended takes effect at once: nothing
    /// happens when that was in good order. To link twice is to link once; a link with oneself has no effect. A
    /// link keeps neither side alive.
    ///
    /// Use [`watch`](Self::watch) to be told of an end and go on.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::prelude::*;
    ///
    /// #[derive(Actor)]
    /// struct Connection;
    ///
    /// struct Session { connection: ActorRef<Connection> }
    ///
    /// impl Actor for Session {
    ///     async fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), BoxError> {
    ///         ctx.link(&self.connection);
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let connection = Connection.spawn();
    /// let session = Session { connection: connection.clone() }.prepare().start().await?;
    /// connection.kill();
    /// let reason = session.ended().await;
    /// assert!(reason.is_failure() && reason.to_string().ends_with("that actor was killed"), "{reason}");
    /// # Ok(()) }
    /// ```
    pub fn link(&self, other: impl Into<Handle>) {
        let own = Arc::clone(self.seat()) as Arc<dyn AnySeat>;
        link(&own, other.into().seat());
    }

    /// Takes a link back, and the failure it has brought if this actor has not come to that yet.
    ///
    /// Nothing happens when there is no link with `other`.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::prelude::*;
    ///
    /// #[derive(Actor)]
    /// struct Connection;
    ///
    /// #[derive(Actor)]
    /// struct Session;
    ///
    /// #[messages]
    /// impl Session {
    ///     /// Uses a connection for a while.
    ///     #[message]
    ///     async fn work(&mut self, connection: Handle, ctx: &mut Context<Self>) {
    ///         ctx.link(&connection);
    ///         tokio::task::yield_now().await;
    ///         ctx.unlink(&connection);
    ///     }
    ///     /// Returns whether it is there.
    ///     #[message]
    ///     fn is_there(&self) -> bool { true }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (session, connection) = (Session.spawn(), Connection.spawn());
    /// session.work(connection.handle()).await?;
    /// connection.kill();
    /// connection.ended().await;
    /// assert!(session.is_there().await?, "they were not tied together any more");
    /// # Ok(()) }
    /// ```
    pub fn unlink(&self, other: impl Into<Handle>) {
        let other = other.into();
        let (own, other) = (self.seat().common(), other.seat().common());
        let (id, other_id) = (own.identity.id(), other.identity.id());
        if let Some(ties) = own.ties() {
            ties.take_link(other_id);
            // An error of the user's may be in it: dropped outside the lock.
            drop(ties.forgive(other_id));
        }
        if let Some(ties) = other.ties() {
            ties.take_link(id);
        }
    }
}

fn link(seat: &Arc<dyn AnySeat>, other: &Arc<dyn AnySeat>) {
    let (own, peer) = (seat.common(), other.common());
    let (id, peer_id) = (own.identity.id(), peer.identity.id());
    if id == peer_id {
        return;
    }
    // Here first: an end of the other that finds the link there finds it here as well.
    if !own.ties_or_init().is_some_and(|ties| ties.add_link(peer_id, Arc::downgrade(other))) {
        return;
    }
    if !peer.ties_or_init().is_some_and(|ties| ties.add_link(id, Arc::downgrade(seat)))
        && let Some(reason) = peer.closing()
    {
        untie(&**seat, peer, reason);
    }
}

/// Whether an end of this kind is a failure for those linked.
pub(super) fn fails(reason: &StopReason) -> bool {
    reason.is_failure() || matches!(reason, StopReason::Killed)
}

/// An incarnation has ended: so have its links, and those at their other ends fail if it did.
#[inline]
pub(super) fn part(common: &Common, reason: &StopReason) {
    if let Some(ties) = common.ties() {
        part_with(common, ties, reason);
    }
}

#[inline(never)]
fn part_with(common: &Common, ties: &Ties, reason: &StopReason) {
    let (links, broken) = ties.take_links();
    // Errors of the user's may be in them. They are shared with those who failed of them.
    drop(broken);
    for other in links.values().filter_map(Weak::upgrade) {
        untie(&*other, common, reason);
    }
}

fn untie(other: &dyn AnySeat, ended: &Common, reason: &StopReason) {
    if other.common().ties().is_some_and(|ties| ties.break_link(&ended.identity, reason)) {
        other.signal(signal::LINKED);
    }
}

/// The failure that a broken link brings, if there is one.
pub(super) fn failure<A: Actor>(seat: &Seat<A>) -> Option<Failure> {
    let Broken { by, reason } = seat.common().ties()?.next_broken(seat)?;
    Some(Failure::linked(seat.common().identity.clone(), by, reason))
}
