//! A recipient whose messages the test looks at.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex},
    task::Waker,
};

use super::{Kit, record::lock};
use crate::{Actor, ActorRef, Context, Handler, Message, Recipient, ReplyTo};

/// Keeps what it is sent for the test to look at, as a recipient of `M`: see
/// [`TestSystem::probe`](super::TestSystem::probe).
///
/// It is an actor like any other, with a bounded mailbox. What it has taken counts as handled; an ask is
/// answered when the test [replies](Received::reply).
///
/// # Examples
///
/// ```
/// use postbox::{prelude::*, testkit::{TestSystem, expect_match, run}};
///
/// #[derive(Message, Debug)]
/// #[message(reply = u64)]
/// struct Price { of: &'static str }
///
/// run(|sys: TestSystem| async move {
///     let mut shop = sys.probe_of::<Price>(1);
///     let to = shop.recipient();
///     let asking = tokio::spawn(async move { to.ask(Price { of: "tea" }).await });
///     let asked = shop.expect().await;
///     assert_eq!(asked.message.of, "tea");
///     asked.reply(3);
///     assert_eq!(asking.await.unwrap().unwrap(), 3);
///
///     // A slow neighbour:
///     shop.hold().await;
///     shop.recipient().tell(Price { of: "ink" }).await.unwrap();
///     shop.wait_full().await;
///     assert!(shop.recipient().try_tell(Price { of: "pen" }).is_err());
///     shop.release();
///     expect_match!(shop, Price { of: "ink" });
///     shop.expect_none().await;
/// });
/// ```
pub struct Probe<M: Message> {
    kit: Arc<Kit>,
    actor: ActorRef<Looker<M>>,
    seen: Seen<M>,
}

/// Holds a message that a [`Probe`] was sent.
///
/// # Examples
///
/// ```
/// use postbox::{prelude::*, testkit::{Received, TestSystem, run}};
///
/// #[derive(Message)]
/// #[message(reply = u64)]
/// struct Price { of: &'static str }
///
/// run(|sys: TestSystem| async move {
///     let mut shop = sys.probe::<Price>();
///     shop.recipient().tell(Price { of: "tea" }).await.unwrap();
///     let told: Received<Price> = shop.expect().await;
///     assert!(!told.is_asked());
///     assert_eq!(told.reply(3).of, "tea");
/// });
/// ```
pub struct Received<M: Message> {
    /// The message.
    pub message: M,
    reply: ReplyTo<M::Reply>,
}

type Seen<M> = Arc<Mutex<VecDeque<Received<M>>>>;

/// The actor of a probe.
struct Looker<M: Message> {
    seen: Seen<M>,
}

impl<M: Message> Actor for Looker<M> {
    fn kind() -> &'static str {
        "Probe"
    }
}

impl<M: Message> Handler<M> for Looker<M> {
    async fn handle(&mut self, message: M, ctx: &mut Context<Self>) -> M::Reply {
        let seen = &self.seen;
        ctx.reply_later(|reply| lock(seen).push_back(Received { message, reply })).await
    }
}

impl<M: Message> Probe<M> {
    #[track_caller]
    pub(super) fn new(kit: Arc<Kit>, capacity: usize) -> Self {
        let seen = Seen::default();
        let looker = Looker { seen: Arc::clone(&seen) };
        let actor = match looker.prepare().capacity(capacity).system(&kit.system).spawn() {
            Ok(actor) => actor,
            Err(error) => panic!("{error}"),
        };
        kit.record.pages().probes.insert(actor.identity().id());
        Self { kit, actor, seen }
    }

    /// Makes a reference to send to.
    #[must_use]
    pub fn recipient(&self) -> Recipient<M> {
        self.actor.recipient()
    }

    /// Waits for the next message. The clock does not move.
    ///
    /// # Panics
    ///
    /// When none comes within the [`watchdog`](super::TestSystem::watchdog)'s time, with a list of the actors.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it has taken no message.
    pub async fn expect(&mut self) -> Received<M> {
        let what = format!("for a {}", crate::id::short_type_name::<M>());
        self.kit.wait_for(&what, || lock(&self.seen).pop_front()).await
    }

    /// Lets all settle, and checks that there is no message.
    ///
    /// # Panics
    ///
    /// When there is one.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when it is dropped.
    pub async fn expect_none(&mut self) {
        self.kit.settle().await;
        let seen = lock(&self.seen).len();
        assert!(seen == 0, "expected no {}, and there are {seen}", crate::id::short_type_name::<M>());
    }

    /// Lets all settle, and takes no message from then on, so that the mailbox fills.
    ///
    /// # Panics
    ///
    /// As [`TestSystem::settle`](super::TestSystem::settle).
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it has done nothing.
    pub async fn hold(&mut self) {
        self.kit.settle().await;
        self.kit.record.pages().orders.hold(self.actor.identity().id());
        self.kit.record.arm();
    }

    /// Takes messages again.
    pub fn release(&mut self) {
        let waker = self.kit.record.pages().orders.release(self.actor.identity().id());
        waker.into_iter().for_each(Waker::wake);
    }

    /// Waits until the mailbox is full.
    ///
    /// # Panics
    ///
    /// When that does not come about, with a list of the actors.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when it is dropped.
    pub async fn wait_full(&self) {
        let handle = self.actor.handle();
        let full = || (handle.depth() >= handle.capacity()).then_some(());
        self.kit.wait_for("for a probe's mailbox to be full", full).await;
    }
}

impl<M: Message> Received<M> {
    /// Answers the message, and hands it out. A message that was told takes any answer, and an asker that has
    /// gone misses it.
    pub fn reply(self, reply: M::Reply) -> M {
        let _gone = self.reply.send(reply);
        self.message
    }

    /// Returns whether somebody waits for a reply.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.reply.is_awaited()
    }
}

impl<M: Message> fmt::Debug for Probe<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe")
            .field("actor", self.actor.identity())
            .field("seen", &lock(&self.seen).len())
            .finish_non_exhaustive()
    }
}

impl<M: Message + fmt::Debug> fmt::Debug for Received<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received").field("message", &self.message).finish_non_exhaustive()
    }
}

/// Waits for a probe's next message, and checks that it matches a pattern; with `=> value`, gives the value.
///
/// The message has to be `Debug`. Asked, it is answered by nobody: use [`Probe::expect`] for an answer.
///
/// # Examples
///
/// ```
/// use postbox::{prelude::*, testkit::{TestSystem, expect_match, run}};
///
/// #[derive(Message, Debug)]
/// enum Order { Buy(u32), Sell(u32) }
///
/// run(|sys: TestSystem| async move {
///     let mut desk = sys.probe::<Order>();
///     desk.recipient().tell(Order::Buy(3)).await.unwrap();
///     desk.recipient().tell(Order::Sell(1)).await.unwrap();
///     expect_match!(desk, Order::Buy(n) if n > 2);
///     let sold = expect_match!(desk, Order::Sell(n) => n);
///     assert_eq!(sold, 1);
/// });
/// ```
#[macro_export]
#[doc(hidden)]
macro_rules! __expect_match {
    ($probe:expr, $pattern:pat $(if $guard:expr)? $(,)?) => {
        $crate::testkit::expect_match!($probe, $pattern $(if $guard)? => ())
    };
    ($probe:expr, $pattern:pat $(if $guard:expr)? => $value:expr $(,)?) => {{
        let message = $probe.expect().await.message;
        // For the text, because the pattern may take the message apart.
        let shown = ::std::format!("{message:?}");
        #[allow(unreachable_patterns)]
        match message {
            $pattern $(if $guard)? => $value,
            _ => ::std::panic!(
                "expected {}, and it was {shown}",
                ::std::stringify!($pattern $(if $guard)?)
            ),
        }
    }};
}
