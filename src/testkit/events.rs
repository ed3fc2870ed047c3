//! What happened to the actors of a system, as values, in order.

use std::{fmt, sync::Arc};

use super::Kit;
use crate::{Actor, ActorRef, Failure, Handle, Identity, Message, Reason, Recipient, StopReason, WeakRef};

/// Tells of one thing that happened to an actor of a test system.
///
/// # Examples
///
/// ```
/// use postbox::{prelude::*, testkit::{Event, TestSystem, run}};
///
/// #[derive(Actor)]
/// struct Idle;
///
/// run(|sys: TestSystem| async move {
///     let idle = sys.spawn(Idle);
///     let mut events = sys.events();
///     let event = events.expect(|event| matches!(event, Event::Started { .. })).await;
///     assert_eq!(event.actor(), idle.identity());
/// });
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// An actor has started: its first `started` hook is through.
    Started {
        /// The actor.
        actor: Identity,
    },
    /// A new incarnation of an actor has started.
    Restarted {
        /// The actor.
        actor: Identity,
    },
    /// An actor has failed.
    Failed {
        /// Who, where and of what.
        failure: Failure,
    },
    /// An actor has ended for good.
    Ended {
        /// The actor.
        actor: Identity,
        /// Why.
        reason: StopReason,
    },
    /// An actor has been given up: it was to end, and its code did not come to an await.
    Detached {
        /// The actor.
        actor: Identity,
    },
    /// A message has become a dead letter. It comes before the failure it died of.
    DeadLetter {
        /// The actor it was for.
        to: Identity,
        /// The name of its type.
        message_type: &'static str,
        /// Why it died.
        reason: Reason,
        /// How often a handler was given it.
        attempts: u32,
        /// The failure it died of, if it died of one.
        failure: Option<Failure>,
    },
}

impl Event {
    /// Returns the actor it is about.
    #[must_use]
    pub fn actor(&self) -> &Identity {
        match self {
            Self::Started { actor }
            | Self::Restarted { actor }
            | Self::Ended { actor, .. }
            | Self::Detached { actor } => actor,
            Self::Failed { failure } => failure.identity(),
            Self::DeadLetter { to, .. } => to,
        }
    }
}

/// Walks over what happened in a test system, the oldest first: see
/// [`TestSystem::events`](super::TestSystem::events).
///
/// Each call goes on where the one before it stopped. The `expect` calls pass over what is not asked for, and
/// wait for what has not happened yet: without moving the clock, and as long as the
/// [`watchdog`](super::TestSystem::watchdog) lets them. What happens to probes is left out.
///
/// # Examples
///
/// ```
/// use postbox::{prelude::*, testkit::{Event, TestSystem, run}};
///
/// #[derive(Actor)]
/// struct Idle;
///
/// #[messages]
/// impl Idle {
///     /// Does nothing.
///     #[message]
///     fn poke(&self) {}
/// }
///
/// run(|sys: TestSystem| async move {
///     let tree = sys.supervisor().start().await.unwrap();
///     let idle = tree.spawn(child("idle", || Idle)).await.unwrap();
///     let mut events = sys.events();
///     sys.faults().panic_next::<Poke>();
///     idle.try_tell(Poke).unwrap();
///     events.expect(|event| matches!(event, Event::DeadLetter { .. })).await;
///     events.expect_failure(&idle).await;
///     events.expect_restart(&idle).await;
///     assert!(events.next().is_none(), "it is all that happened so far");
///     tree.stop_child("idle").await.unwrap();
///     assert!(events.expect_ended(&idle).await.is_normal());
/// });
/// ```
pub struct Events {
    kit: Arc<Kit>,
    next: usize,
}

impl Events {
    pub(super) fn new(kit: Arc<Kit>) -> Self {
        Self { kit, next: 0 }
    }

    /// Returns the next event, if there has been one.
    #[expect(
        clippy::should_implement_trait,
        reason = "there may be more after a `None`, so it is no iterator"
    )]
    pub fn next(&mut self) -> Option<Event> {
        let event = self.kit.record.pages().events.get(self.next).cloned()?;
        self.next += 1;
        Some(event)
    }

    /// Waits for the next event that `wanted` says yes to, and passes over the others.
    ///
    /// # Panics
    ///
    /// When none comes, with a list of the actors.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it may have passed over events; none that was wanted is lost.
    pub async fn expect(&mut self, wanted: impl FnMut(&Event) -> bool) -> Event {
        self.find("for an event", wanted).await
    }

    /// Waits until an actor has started anew, and passes over what came before.
    ///
    /// # Panics
    ///
    /// When it does not, with a list of the actors.
    ///
    /// # Cancel safety
    ///
    /// As [`expect`](Self::expect).
    pub async fn expect_restart(&mut self, actor: &impl Who) {
        let who = actor.who();
        let what = format!("for {who} to restart");
        self.find(&what, |event| matches!(event, Event::Restarted { actor } if actor == who)).await;
    }

    /// Waits until an actor has failed, and passes over what came before.
    ///
    /// # Panics
    ///
    /// When it does not, with a list of the actors.
    ///
    /// # Cancel safety
    ///
    /// As [`expect`](Self::expect).
    pub async fn expect_failure(&mut self, actor: &impl Who) -> Failure {
        let who = actor.who();
        let what = format!("for {who} to fail");
        let is_it = |event: &Event| matches!(event, Event::Failed { failure } if failure.identity() == who);
        match self.find(&what, is_it).await {
            Event::Failed { failure } => failure,
            other => panic!("looked for a failure and found {other:?}"),
        }
    }

    /// Waits until an actor has ended for good, and passes over what came before.
    ///
    /// # Panics
    ///
    /// When it does not, with a list of the actors.
    ///
    /// # Cancel safety
    ///
    /// As [`expect`](Self::expect).
    pub async fn expect_ended(&mut self, actor: &impl Who) -> StopReason {
        let who = actor.who();
        let what = format!("for {who} to end");
        let is_it = |event: &Event| matches!(event, Event::Ended { actor, .. } if actor == who);
        match self.find(&what, is_it).await {
            Event::Ended { reason, .. } => reason,
            other => panic!("looked for an end and found {other:?}"),
        }
    }

    async fn find(&mut self, what: &str, mut wanted: impl FnMut(&Event) -> bool) -> Event {
        let kit = Arc::clone(&self.kit);
        let look = || {
            while let Some(event) = self.next() {
                if wanted(&event) {
                    return Some(event);
                }
            }
            None
        };
        kit.wait_for(what, look).await
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let happened = self.kit.record.pages().events.len();
        f.debug_struct("Events").field("next", &self.next).field("happened", &happened).finish()
    }
}

/// Says which actor is meant: any reference does, and an identity. Sealed.
///
/// # Examples
///
/// ```
/// use postbox::{prelude::*, testkit::{TestSystem, Who, run}};
///
/// #[derive(Actor)]
/// struct Idle;
///
/// /// Waits for an end, whatever says whose.
/// async fn end_of(sys: &TestSystem, actor: &impl Who) -> String {
///     format!("{} {}", actor.who().kind(), sys.events().expect_ended(actor).await)
/// }
///
/// run(|sys: TestSystem| async move {
///     let idle = sys.spawn(Idle);
///     idle.stop();
///     assert_eq!(end_of(&sys, &idle).await, "Idle was asked to stop");
///     assert_eq!(end_of(&sys, &idle.handle()).await, "Idle was asked to stop");
/// });
/// ```
pub trait Who: sealed::Sealed {
    /// Returns the actor's identity.
    fn who(&self) -> &Identity;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! who {
    ($([$($generics:tt)*] $type:ty),* $(,)?) => {$(
        impl<$($generics)*> sealed::Sealed for $type {}
        impl<$($generics)*> Who for $type {
            fn who(&self) -> &Identity {
                self.identity()
            }
        }
    )*};
}

who!([A: Actor] ActorRef<A>, [A: Actor] WeakRef<A>, [M: Message] Recipient<M>, [] Handle);

impl sealed::Sealed for Identity {}
impl Who for Identity {
    fn who(&self) -> &Identity {
        self
    }
}
