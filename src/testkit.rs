//! Tests of actors: a system of its own that is strict, probes, faults on order, and turn orders by the seed.
//!
//! With the feature `testkit`. Add it where the tests are: `postbox = { …, features = ["testkit"] }` among the
//! `[dev-dependencies]`. Write a test as a function with [`#[postbox::test]`](macro@crate::test):
//!
//! ```
//! use postbox::{prelude::*, testkit::TestSystem};
//!
//! #[derive(Actor, Default)]
//! struct Account { balance: u64 }
//!
//! #[messages]
//! impl Account {
//!     /// Adds money and returns the new balance.
//!     #[message]
//!     fn deposit(&mut self, amount: u64) -> u64 { self.balance += amount; self.balance }
//! }
//!
//! #[postbox::test]
//! async fn deposits_add_up(sys: TestSystem) -> Result<(), Box<dyn std::error::Error>> {
//!     let account = sys.spawn(Account::default());
//!     account.deposit(1).tell().await?;
//!     sys.settle().await;
//!     assert_eq!(account.deposit(2).await?, 3);
//!     Ok(())
//! }
//! # // What the harness would call:
//! # postbox::testkit::run(|sys: TestSystem| async move {
//! #     let account = sys.spawn(Account::default());
//! #     account.deposit(1).tell().await.unwrap();
//! #     sys.settle().await;
//! #     assert_eq!(account.deposit(2).await.unwrap(), 3);
//! # });
//! ```
//!
//! | item | what it is for |
//! |---|---|
//! | [`TestSystem`] | a system for one test, which fails it for what went wrong unsaid |
//! | [`TestSystem::settle`], [`TestSystem::advance`] | waiting, without a sleep |
//! | [`Probe`] | a recipient whose messages can be looked at |
//! | [`Mock`] | an actor without a state, whose answers the test writes |
//! | [`Events`] | what happened to the actors, in order |
//! | [`Faults`] | failures, delays and kills on order |
//! | [`explore`] | one test under many orders of turns |

mod events;
mod faults;
mod mock;
mod probe;
mod record;
mod run;
mod settle;
mod strict;
mod tree;

use std::{fmt, sync::Arc, time::Duration};

#[doc(hidden)]
pub use self::tree::dedented;
pub use self::{
    events::{Event, Events, Who},
    faults::Faults,
    mock::Mock,
    probe::{Probe, Received},
    run::{Outcome, explore, run},
};
use self::{record::Record, strict::Allowed};
#[doc(inline)]
pub use crate::__assert_tree as assert_tree;
#[doc(inline)]
pub use crate::__expect_match as expect_match;
use crate::{Actor, ActorRef, Message, Reason, Supervisor, SupervisorBuilder, System};

/// Says how long the kit waits for what does not come, by the real clock, unless told otherwise: 5 s.
///
/// # Examples
///
/// ```
/// use postbox::testkit::DEFAULT_WATCHDOG;
/// use std::time::Duration;
///
/// assert_eq!(DEFAULT_WATCHDOG, Duration::from_secs(5));
/// ```
pub const DEFAULT_WATCHDOG: Duration = Duration::from_secs(5);

/// Keeps one test to itself: a system with its own names, dead letters and ledger, and strict.
///
/// When it is dropped, the test fails with a list of what went wrong and was not expected: actors that failed
/// or were detached, dead letters, messages that are in hand or wait, a ledger that does not balance. What a test brings about
/// on purpose it allows beforehand, by type. What [`faults`](Self::faults) brought about is expected.
///
/// Under [`#[postbox::test]`](macro@crate::test), [`run`] and [`explore`] the look is taken when the test is
/// through and all has settled, and what is spawned with no word about a system belongs to this one.
///
/// It is for tokio's current-thread runtime: there a turn is taken by one actor at a time, and it can be said
/// exactly when nobody has anything left to do.
///
/// # Examples
///
/// ```
/// use postbox::{prelude::*, testkit::{TestSystem, run}};
///
/// #[derive(Message)]
/// struct Ping;
///
/// #[derive(Actor, Default)]
/// struct Fragile;
///
/// #[messages]
/// impl Fragile {
///     /// Breaks.
///     #[message]
///     fn touch(&self) { panic!("broken") }
/// }
///
/// run(|sys: TestSystem| async move {
///     sys.allow_failure::<Fragile>();
///     assert!(sys.spawn(Fragile).touch().await.is_err());
///
///     // A tree in this system:
///     let root = sys.supervisor().name("root").child(child("fragile", Fragile::default)).start().await.unwrap();
///     assert_eq!(sys.tree(), "root: Supervisor\n  fragile: Fragile\n");
///     assert!(sys.system().actors().contains(&root.handle()));
///
///     // What the tested code sends to, and what happened to it:
///     let mut probe = sys.probe::<Ping>();
///     probe.recipient().try_tell(Ping).unwrap();
///     probe.expect().await;
///     assert_eq!(sys.probe_of::<Ping>(2).recipient().handle().capacity(), 2);
///     sys.mock::<Fragile>().expect(|_: Touch| ()).actor_ref().touch().await.unwrap();
///     assert!(sys.events().next().is_some());
/// });
/// ```
pub struct TestSystem {
    kit: Arc<Kit>,
    /// False where somebody else looks at the end.
    looks: bool,
}

/// What a test system is made of.
struct Kit {
    system: System,
    record: Arc<Record>,
    allowed: std::sync::Mutex<Allowed>,
    watchdog: std::sync::Mutex<Duration>,
}

impl Default for TestSystem {
    fn default() -> Self {
        Self::new()
    }
}

impl TestSystem {
    /// Makes one. It takes the look at the end when it is dropped, without waiting for anything:
    /// [`settle`](Self::settle) before.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::{prelude::*, testkit::TestSystem};
    ///
    /// #[derive(Actor)]
    /// struct Idle;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let sys = TestSystem::new();
    /// let idle = sys.spawn(Idle);
    /// sys.settle().await;
    /// assert!(idle.ledger().balances());
    /// # }
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self { kit: Kit::new(None), looks: true }
    }

    fn of(kit: &Arc<Kit>) -> Self {
        Self { kit: Arc::clone(kit), looks: false }
    }

    /// Returns the system: to spawn in it with options, to read its ledger and its dead letters.
    #[must_use]
    pub fn system(&self) -> &System {
        &self.kit.system
    }

    /// Starts an actor on its own in this system.
    ///
    /// # Panics
    ///
    /// As [`Actor::spawn`].
    #[track_caller]
    pub fn spawn<A: Actor>(&self, actor: A) -> ActorRef<A> {
        match actor.prepare().system(self.system()).spawn() {
            Ok(actor) => actor,
            Err(error) => panic!("{error}"),
        }
    }

    /// Begins a supervisor in this system, one for one.
    pub fn supervisor(&self) -> SupervisorBuilder {
        Supervisor::one_for_one().system(self.system())
    }

    /// Makes a recipient of `M` whose messages the test looks at.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    #[must_use]
    #[track_caller]
    pub fn probe<M: Message>(&self) -> Probe<M> {
        self.probe_of(crate::DEFAULT_CAPACITY)
    }

    /// Makes a [`probe`](Self::probe) with a mailbox for so many messages.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, and for a capacity of 0.
    #[must_use]
    #[track_caller]
    pub fn probe_of<M: Message>(&self, capacity: usize) -> Probe<M> {
        Probe::new(Arc::clone(&self.kit), capacity)
    }

    /// Makes an actor of type `A` without an `A`: the test writes what it answers.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, and for an actor whose `CAPACITY` is 0.
    #[must_use]
    #[track_caller]
    pub fn mock<A: Actor>(&self) -> Mock<A> {
        Mock::new(Arc::clone(&self.kit))
    }

    /// Makes a cursor over what happens to the actors, from the system's beginning on.
    #[must_use]
    pub fn events(&self) -> Events {
        Events::new(Arc::clone(&self.kit))
    }

    /// Returns the means to make things go wrong.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::{prelude::*, testkit::{TestSystem, run}};
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
    ///     let idle = sys.spawn(Idle);
    ///     sys.faults().panic_next::<Poke>();
    ///     assert!(idle.poke().await.is_err());
    /// });
    /// ```
    #[must_use]
    pub fn faults(&self) -> Faults<'_> {
        Faults::new(&self.kit)
    }

    /// Waits until no actor has anything left to do: nobody is in a turn or about to take one, every mailbox
    /// is empty or its actor waits within a handler, and no signal is on its way. The clock does not move.
    ///
    /// Tasks that are no actors, and other threads, it cannot see. Tasks of this runtime that can run get to.
    ///
    /// # Panics
    ///
    /// When that does not come about within the [`watchdog`](Self::watchdog)'s time, with a list of the actors.
    /// Outside a current-thread runtime.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when it is dropped; call it again.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::{prelude::*, testkit::{TestSystem, run}};
    ///
    /// #[derive(Actor, Default)]
    /// struct Counter(u32);
    ///
    /// #[messages]
    /// impl Counter {
    ///     /// Counts down to zero, a message at a time.
    ///     #[message]
    ///     fn count(&mut self, from: u32, ctx: &mut Context<Self>) {
    ///         self.0 += 1;
    ///         if from > 0 { ctx.actor_ref().try_tell(Count { from: from - 1 }).unwrap(); }
    ///     }
    /// }
    ///
    /// run(|sys: TestSystem| async move {
    ///     let counter = sys.spawn(Counter::default());
    ///     counter.try_tell(Count { from: 999 }).unwrap();
    ///     sys.settle().await;
    ///     assert_eq!(counter.ledger().handled, 1000);
    /// });
    /// ```
    pub async fn settle(&self) {
        self.kit.settle().await;
    }

    /// Moves the clock on by `duration`, from timer to timer, with everything settled before the clock moves
    /// on from each.
    ///
    /// The timers of tokio have a resolution of a millisecond. The clock has to be paused, as it is under
    /// [`#[postbox::test]`](macro@crate::test); otherwise the time passes in earnest.
    ///
    /// # Panics
    ///
    /// As [`settle`](Self::settle), and when the clock cannot move on because an actor never rests.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it leaves the clock where it has come to.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::{prelude::*, testkit::{TestSystem, run}};
    /// use std::time::Duration;
    ///
    /// #[derive(Actor)]
    /// struct Slow;
    ///
    /// #[messages]
    /// impl Slow {
    ///     /// Takes a day.
    ///     #[message]
    ///     async fn work(&mut self) { tokio::time::sleep(Duration::from_secs(86_400)).await }
    /// }
    ///
    /// run(|sys: TestSystem| async move {
    ///     let slow = sys.spawn(Slow);
    ///     slow.try_tell(Work).unwrap();
    ///     sys.advance(Duration::from_secs(86_400)).await;
    ///     assert_eq!(slow.ledger().handled, 1);
    /// });
    /// ```
    pub async fn advance(&self, duration: Duration) {
        self.kit.advance(duration).await;
    }

    /// Sets how long the kit waits for what does not come, by the real clock: [`DEFAULT_WATCHDOG`] unless set.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::{prelude::*, testkit::{TestSystem, run}};
    /// use std::time::Duration;
    ///
    /// #[derive(Message)]
    /// struct Ping;
    ///
    /// let outcome = std::panic::catch_unwind(|| run(|sys: TestSystem| async move {
    ///     sys.watchdog(Duration::from_millis(10));
    ///     sys.probe::<Ping>().expect().await;
    /// }));
    /// assert!(outcome.is_err(), "after ten milliseconds, not five seconds");
    /// ```
    pub fn watchdog(&self, limit: Duration) {
        *record::lock(&self.kit.watchdog) = limit;
    }

    /// Expects actors of this type to fail or to be detached, and the messages they fail at to become dead letters.
    pub fn allow_failure<A: Actor>(&self) {
        record::lock(&self.kit.allowed).failures.insert(A::kind());
    }

    /// Expects messages of this type to become dead letters, for whatever reason.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::{prelude::*, testkit::{TestSystem, run}};
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
    ///     sys.allow_dead_letters::<Poke>();
    ///     let idle = sys.spawn(Idle);
    ///     idle.try_tell(Poke).unwrap();
    ///     idle.stop_now();
    /// });
    /// ```
    pub fn allow_dead_letters<M: Message>(&self) {
        record::lock(&self.kit.allowed).letters.insert(crate::id::short_type_name::<M>());
    }

    /// Expects messages to become dead letters for this reason. [`Reason::Leaked`] cannot be expected.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::{Reason, prelude::*, testkit::{TestSystem, run}};
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
    ///     sys.allow_reason(Reason::Stopped);
    ///     let idle = sys.spawn(Idle);
    ///     idle.try_tell(Poke).unwrap();
    ///     idle.stop_now();
    /// });
    /// ```
    pub fn allow_reason(&self, reason: Reason) {
        record::lock(&self.kit.allowed).reasons.insert(reason);
    }

    /// Expects anything but a bug of this crate: a message that leaked, a ledger that does not balance.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::{prelude::*, testkit::{TestSystem, run}};
    ///
    /// #[derive(Actor)]
    /// struct Fragile;
    ///
    /// #[messages]
    /// impl Fragile {
    ///     /// Breaks.
    ///     #[message]
    ///     fn touch(&self) { panic!("broken") }
    /// }
    ///
    /// run(|sys: TestSystem| async move {
    ///     sys.lenient();
    ///     sys.spawn(Fragile).try_tell(Touch).unwrap();
    /// });
    /// ```
    pub fn lenient(&self) {
        record::lock(&self.kit.allowed).everything = true;
    }

    /// Draws the actors that are alive, children indented below their supervisors, as
    /// [`assert_tree!`](crate::testkit::assert_tree) compares them. Probes are left out.
    #[must_use]
    pub fn tree(&self) -> String {
        tree::outline(&self.kit)
    }
}

impl Drop for TestSystem {
    fn drop(&mut self) {
        if self.looks && !std::thread::panicking() {
            self.kit.look();
        }
    }
}

impl fmt::Debug for TestSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestSystem").field("actors", &tree::outline(&self.kit)).finish_non_exhaustive()
    }
}

impl Kit {
    /// A system, observed. With a seed, its actors take their turns in an order of that seed.
    fn new(seed: Option<u64>) -> Arc<Self> {
        let system = System::new("test");
        let record = Arc::new(Record::new(&system.home, seed));
        system.home.observe(Arc::clone(&record) as _);
        let seen = Arc::clone(&record);
        let _first = system.home.dead_letters.tap.set(Box::new(move |letter| seen.letter(letter)));
        Arc::new(Self {
            system,
            record,
            allowed: std::sync::Mutex::default(),
            watchdog: std::sync::Mutex::new(DEFAULT_WATCHDOG),
        })
    }

    fn limit(&self) -> Duration {
        *record::lock(&self.watchdog)
    }
}

impl Drop for Kit {
    fn drop(&mut self) {
        // What they answer with may hold actors of the system, which holds the record.
        let mocks = std::mem::take(&mut self.record.pages().mocks);
        drop(mocks);
    }
}
