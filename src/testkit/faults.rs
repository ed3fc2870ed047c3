//! What goes wrong on order.

use std::{
    collections::HashMap,
    fmt,
    pin::Pin,
    task::{Context as TaskContext, Poll, Waker},
    time::Duration,
};

use tokio::time::Sleep;

use super::{Kit, run::Dice};
use crate::{Actor, ActorId, BoxError, Identity, Message, id::short_type_name};

/// Makes actors of a test system fail, wait and die: see [`TestSystem::faults`](super::TestSystem::faults).
///
/// What happens is what happens in earnest: the message has been taken, and its failure takes the way of any
/// failure, to the asker, the supervisor and the dead letters. The failures, and the dead letters they leave,
/// are expected by the strict look at the end.
///
/// An order is for the next message of its type that any actor of the system takes, one order for one message.
/// Types are told apart by their names, without the path.
///
/// # Examples
///
/// ```
/// use postbox::{prelude::*, testkit::{TestSystem, run}};
/// use std::time::Duration;
///
/// #[derive(Actor, Default)]
/// struct Account { balance: u64 }
///
/// #[messages]
/// impl Account {
///     /// Adds money and returns the new balance.
///     #[message]
///     async fn deposit(&mut self, amount: u64) -> u64 {
///         tokio::task::yield_now().await;
///         self.balance += amount;
///         self.balance
///     }
/// }
///
/// run(|sys: TestSystem| async move {
///     let tree = sys.supervisor().start().await.unwrap();
///     let account = tree.spawn(child("account", Account::default)).await.unwrap();
///
///     sys.faults().panic_next::<Deposit>();
///     assert!(matches!(account.deposit(1).await, Err(AskError::Failed { .. })));
///     sys.faults().error_next::<Deposit>("no connection");
///     assert!(account.deposit(1).await.unwrap_err().to_string().contains("no connection"));
///     sys.faults().kill_during::<Deposit>();
///     assert!(matches!(account.deposit(1).await, Err(AskError::Aborted { .. })));
///     assert_eq!(account.deposit(1).await.unwrap(), 1, "restarted");
///
///     sys.faults().delay_next::<Deposit>(Duration::from_secs(1));
///     account.deposit(1).tell().await.unwrap();
///     sys.settle().await;
///     assert_eq!(account.handle().depth(), 1, "it has not been taken yet");
///     sys.advance(Duration::from_secs(1)).await;
///     assert_eq!(account.deposit(0).await.unwrap(), 2);
/// });
/// ```
pub struct Faults<'a> {
    kit: &'a Kit,
}

impl<'a> Faults<'a> {
    pub(super) fn new(kit: &'a Kit) -> Self {
        Self { kit }
    }

    fn order(&self, message: &'static str, what: What) {
        self.kit.record.pages().orders.list.push(Order { message, what });
        self.kit.record.arm();
    }

    /// Has the handler of the next `M` panic. Its future is made, and never polled.
    pub fn panic_next<M: Message>(&self) {
        let message = short_type_name::<M>();
        self.order(message, What::Strike(Strike::Panic { message }));
    }

    /// Has the handler of the next `M` fail on purpose, as by [`ctx.fail`](crate::Context::fail). Its future
    /// is made, and never polled.
    pub fn error_next<M: Message>(&self, error: impl Into<BoxError>) {
        let message = short_type_name::<M>();
        self.order(message, What::Strike(Strike::Error { message, error: error.into() }));
    }

    /// Has the actor wait so long, by tokio's clock, before it takes the next `M`. The message stays in the
    /// mailbox meanwhile, at its front.
    pub fn delay_next<M: Message>(&self, duration: Duration) {
        self.order(short_type_name::<M>(), What::Delay(duration));
    }

    /// Has the actor killed when its handler of the next `M` first awaits. A handler that comes to its end
    /// without an await cannot be cut; then the order is for the `M` after it.
    pub fn kill_during<M: Message>(&self) {
        let message = short_type_name::<M>();
        self.order(message, What::Strike(Strike::Kill { message }));
    }

    /// Has the next `times` starts of actors of type `A` fail, as if their `started` hook had returned an
    /// error. The hook does not run.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::{prelude::*, testkit::{TestSystem, run}};
    ///
    /// #[derive(Actor, Default)]
    /// struct Store;
    ///
    /// run(|sys: TestSystem| async move {
    ///     sys.faults().fail_start::<Store>(1);
    ///     let tree = sys.supervisor().start().await.unwrap();
    ///     assert!(matches!(tree.spawn(child("store", Store::default)).await, Err(SpawnError::Failed(_))));
    ///     assert!(tree.spawn(child("store", Store::default)).await.is_ok());
    /// });
    /// ```
    pub fn fail_start<A: Actor>(&self, times: u32) {
        *self.kit.record.pages().orders.starts.entry(A::kind()).or_default() += times;
        self.kit.record.arm();
    }

    /// Has handlers panic at random, one message in so many as `rate` says, from 0 for none to 1 for all. The
    /// seed is printed, and the same seed gives the same faults to the same messages.
    ///
    /// It goes on until called again: with a rate of 0, to end it.
    ///
    /// # Panics
    ///
    /// For a rate that is not from 0 to 1.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::{prelude::*, testkit::{TestSystem, run}};
    ///
    /// #[derive(Actor, Default)]
    /// struct Sum(u64);
    ///
    /// #[messages]
    /// impl Sum {
    ///     /// Adds.
    ///     #[message]
    ///     fn add(&mut self, n: u64) -> u64 { self.0 += n; self.0 }
    /// }
    ///
    /// run(|sys: TestSystem| async move {
    ///     let tree = sys.supervisor().limit(100, std::time::Duration::from_secs(1)).start().await.unwrap();
    ///     let sum = tree.spawn(child("sum", Sum::default)).await.unwrap();
    ///     sys.faults().random(7, 0.5);
    ///     let mut failed = 0;
    ///     for _ in 0..100 { failed += u32::from(sum.add(1).await.is_err()); }
    ///     assert!((20..80).contains(&failed), "{failed} of 100");
    ///     sys.faults().random(7, 0.0);
    ///     assert!(sum.add(1).await.is_ok());
    /// });
    /// ```
    pub fn random(&self, seed: u64, rate: f64) {
        self.at_random(None, seed, rate);
    }

    /// As [`random`](Self::random), for actors of type `A` alone.
    ///
    /// # Panics
    ///
    /// For a rate that is not from 0 to 1.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::{prelude::*, testkit::{TestSystem, run}};
    ///
    /// #[derive(Actor, Default)]
    /// struct Sum(u64);
    ///
    /// #[messages]
    /// impl Sum {
    ///     /// Adds.
    ///     #[message]
    ///     fn add(&mut self, n: u64) -> u64 { self.0 += n; self.0 }
    /// }
    ///
    /// run(|sys: TestSystem| async move {
    ///     let tree = sys.supervisor().limit(100, std::time::Duration::from_secs(1)).start().await.unwrap();
    ///     let sum = tree.spawn(child("sum", Sum::default)).await.unwrap();
    ///     sys.faults().random_in::<Sum>(7, 0.5);
    ///     let mut failed = 0;
    ///     for _ in 0..100 { failed += u32::from(sum.add(1).await.is_err()); }
    ///     assert!((20..80).contains(&failed), "{failed} of 100");
    ///     sys.faults().random_in::<Sum>(7, 0.0);
    ///     assert!(sum.add(1).await.is_ok());
    /// });
    /// ```
    pub fn random_in<A: Actor>(&self, seed: u64, rate: f64) {
        self.at_random(Some(A::kind()), seed, rate);
    }

    fn at_random(&self, kind: Option<&'static str>, seed: u64, rate: f64) {
        assert!((0.0..=1.0).contains(&rate), "a rate of {rate} is not from 0 to 1");
        eprintln!("faults at random: seed {seed}, rate {rate}");
        self.kit.record.pages().orders.random = Some(Random { kind, rate, dice: Dice::new(seed) });
        self.kit.record.arm();
    }
}

impl fmt::Debug for Faults<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ordered = self.kit.record.pages().orders.list.len();
        f.debug_struct("Faults").field("ordered", &ordered).finish_non_exhaustive()
    }
}

/// What has been ordered and has not come about.
#[derive(Default)]
pub(super) struct Orders {
    list: Vec<Order>,
    starts: HashMap<&'static str, u32>,
    random: Option<Random>,
    /// Who waits before a message.
    waiting: HashMap<ActorId, Pin<Box<Sleep>>>,
    /// Who takes nothing until told otherwise, and how to wake it once it waits.
    held: HashMap<ActorId, Option<Waker>>,
    /// What is to be done to the message that is being taken.
    chosen: HashMap<ActorId, Strike>,
}

struct Order {
    message: &'static str,
    what: What,
}

enum What {
    Delay(Duration),
    Strike(Strike),
}

/// What is done to a message that has been taken.
pub(super) enum Strike {
    Panic { message: &'static str },
    Error { message: &'static str, error: BoxError },
    Kill { message: &'static str },
}

struct Random {
    kind: Option<&'static str>,
    rate: f64,
    dice: Dice,
}

impl Strike {
    pub(super) fn message(&self) -> &'static str {
        match self {
            Self::Panic { message } | Self::Error { message, .. } | Self::Kill { message } => message,
        }
    }
}

impl Orders {
    /// Whether the message is to be struck; pending while it is to wait.
    pub(super) fn poll_take(
        &mut self,
        who: &Identity,
        message: &'static str,
        cx: &mut TaskContext<'_>,
    ) -> Poll<bool> {
        if let Some(waker) = self.held.get_mut(&who.id()) {
            *waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        // The message it was for was taken back by its asker at the last moment.
        if let Some(strike) = self.chosen.remove(&who.id()) {
            self.give_back(strike);
        }
        let waited = match self.waiting.get_mut(&who.id()) {
            Some(waiting) => {
                std::task::ready!(waiting.as_mut().poll(cx));
                self.waiting.remove(&who.id());
                true
            }
            None => false,
        };
        let is_next =
            |order: &Order| order.message == message && !(waited && matches!(order.what, What::Delay(_)));
        let next = self.list.iter().position(is_next).map(|at| self.list.remove(at).what);
        match next {
            Some(What::Delay(duration)) => {
                let mut waiting = Box::pin(tokio::time::sleep(duration));
                if waiting.as_mut().poll(cx).is_pending() {
                    self.waiting.insert(who.id(), waiting);
                    return Poll::Pending;
                }
                Poll::Ready(false)
            }
            Some(What::Strike(strike)) => {
                self.chosen.insert(who.id(), strike);
                Poll::Ready(true)
            }
            None => {
                let by_chance = self.random.as_mut().is_some_and(|random| random.hits(who.kind()));
                if by_chance {
                    self.chosen.insert(who.id(), Strike::Panic { message });
                }
                Poll::Ready(by_chance)
            }
        }
    }

    /// Puts an order back that came to nothing.
    pub(super) fn give_back(&mut self, strike: Strike) {
        self.list.insert(0, Order { message: strike.message(), what: What::Strike(strike) });
    }

    pub(super) fn strike(&mut self, who: ActorId) -> Option<Strike> {
        self.chosen.remove(&who)
    }

    pub(super) fn takes_start(&mut self, kind: &'static str) -> bool {
        match self.starts.get_mut(kind) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
        }
    }

    pub(super) fn hold(&mut self, who: ActorId) {
        self.held.entry(who).or_default();
    }

    /// Returns whom to wake.
    pub(super) fn release(&mut self, who: ActorId) -> Option<Waker> {
        self.held.remove(&who).flatten()
    }

    /// Whether an actor waits before a message because it has been told to.
    pub(super) fn holds(&self, who: ActorId) -> bool {
        self.waiting.contains_key(&who) || self.held.contains_key(&who)
    }
}

impl Random {
    fn hits(&mut self, kind: &'static str) -> bool {
        self.kind.is_none_or(|only| only == kind) && self.dice.chance(self.rate)
    }
}
