//! An actor without a state, whose answers the test writes.

use std::{
    any::Any,
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
};

use super::{Kit, record::lock};
use crate::{
    Actor, ActorRef, Handler, Identity, Message,
    actor::rig::{self, Script},
    id::short_type_name,
};

/// Stands in for an actor that the tested code has an [`ActorRef`] to: see
/// [`TestSystem::mock`](super::TestSystem::mock).
///
/// No `A` is made, and none of its hooks and handlers runs. It has a mailbox as an `A` has, can be stopped, killed
/// and watched, and lives as long as the references to it. What it answers is written before: a message of each type
/// that it is to [`expect`](Self::expect), or to [answer `always`](Self::always). One that it has no answer to is a
/// dead letter `Unhandled`, for which the strict look at the end fails the test, as it does for those that were
/// expected and have not come. A panic in an answer fails it too.
///
/// Types are told apart by their names, without the path. [Faults](super::Faults) do not reach it. Use a
/// [`Probe`](super::Probe) where the tested code has a [`Recipient`](crate::Recipient), or the answer is to wait.
///
/// # Examples
///
/// ```
/// use postbox::{prelude::*, testkit::{TestSystem, run}};
///
/// #[derive(Actor)]
/// struct Bank { connection: String }
///
/// #[messages]
/// impl Bank {
///     /// Takes money from an account, if there is enough.
///     #[message]
///     async fn withdraw(&mut self, amount: u64) -> Result<u64, String> {
///         Err(format!("{} is not to be asked for {amount} in a test", self.connection))
///     }
/// }
///
/// #[derive(Actor)]
/// struct Machine { bank: ActorRef<Bank> }
///
/// #[messages]
/// impl Machine {
///     /// Pays out.
///     #[message]
///     async fn pay(&mut self, amount: u64) -> bool {
///         matches!(self.bank.withdraw(amount).await, Ok(Ok(_)))
///     }
/// }
///
/// run(|sys: TestSystem| async move {
///     let bank = sys.mock::<Bank>();
///     bank.expect(|asked: Withdraw| Ok(100 - asked.amount))
///         .expect(|_: Withdraw| Err("not enough".to_owned()));
///     let machine = sys.spawn(Machine { bank: bank.actor_ref() });
///     assert!(machine.pay(60).await.unwrap());
///     assert!(!machine.pay(60).await.unwrap());
/// });
/// ```
pub struct Mock<A: Actor> {
    kit: Arc<Kit>,
    actor: ActorRef<A>,
    steps: Arc<Steps>,
}

type Erased = Box<dyn Any + Send>;

/// What a mock answers.
pub(super) struct Steps {
    who: Identity,
    list: Mutex<Vec<Step>>,
}

struct Step {
    message: &'static str,
    /// Whether it is for one message, which has to come.
    once: bool,
    answer: Box<dyn FnMut(Erased) -> Erased + Send>,
}

impl<A: Actor> Mock<A> {
    #[track_caller]
    pub(super) fn new(kit: Arc<Kit>) -> Self {
        // Before it is there: so its messages are the observer's from the first one on.
        kit.record.arm();
        let mut steps = None;
        let told = |who: &Identity| {
            let own = Arc::new(Steps { who: who.clone(), list: Mutex::default() });
            let mut pages = kit.record.pages();
            pages.probes.insert(who.id());
            pages.mocks.insert(who.id(), Arc::clone(&own));
            steps = Some(own);
        };
        let actor = match rig::spawn_vacant::<A>(&kit.system.home, told) {
            Ok(actor) => actor,
            Err(error) => panic!("{error}"),
        };
        let steps = steps.expect("it is told of whatever is spawned");
        Self { kit, actor, steps }
    }

    /// Makes a reference to it, for the tested code.
    #[must_use]
    pub fn actor_ref(&self) -> ActorRef<A> {
        self.actor.clone()
    }

    /// Expects one `M`, and answers it so. Those of one type are answered in the order in which they were expected;
    /// between types there is none.
    pub fn expect<M: Message>(&self, answer: impl FnOnce(M) -> M::Reply + Send + 'static) -> &Self
    where
        A: Handler<M>,
    {
        self.add(true, once(answer))
    }

    /// Answers each `M` so that is not [expected](Self::expect): any number, also none.
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
    ///     fn poke(&self) -> u32 { 0 }
    /// }
    ///
    /// run(|sys: TestSystem| async move {
    ///     let idle = sys.mock::<Idle>();
    ///     let mut poked = 0;
    ///     idle.always(move |_: Poke| { poked += 1; poked });
    ///     for expected in 1..=3 {
    ///         assert_eq!(idle.actor_ref().poke().await.unwrap(), expected);
    ///     }
    /// });
    /// ```
    pub fn always<M: Message>(&self, answer: impl FnMut(M) -> M::Reply + Send + 'static) -> &Self
    where
        A: Handler<M>,
    {
        self.add(false, answer)
    }

    fn add<M: Message>(&self, once: bool, mut answer: impl FnMut(M) -> M::Reply + Send + 'static) -> &Self {
        let message = short_type_name::<M>();
        let answer = Box::new(move |msg: Erased| {
            let msg = msg.downcast::<M>().unwrap_or_else(|_| {
                panic!(
                    "two types of messages are called `{message}`, and a mock tells them apart by their names"
                )
            });
            Box::new(answer(*msg)) as Erased
        });
        lock(&self.steps.list).push(Step { message, once, answer });
        self
    }

    /// Lets all settle, and checks that everything that was expected has come. The strict look at the end of the test
    /// does so too.
    ///
    /// # Panics
    ///
    /// When something has not.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when it is dropped.
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
    ///     let idle = sys.mock::<Idle>();
    ///     idle.expect(|_: Poke| ());
    ///     idle.actor_ref().try_tell(Poke).unwrap();
    ///     idle.expect_done().await;
    /// });
    /// ```
    pub async fn expect_done(&self) {
        self.kit.settle().await;
        if let Some(unmet) = self.steps.unmet() {
            panic!("{unmet}");
        }
    }
}

impl Steps {
    /// What was expected and has not come.
    pub(super) fn unmet(&self) -> Option<String> {
        let mut left = BTreeMap::<_, u64>::new();
        lock(&self.list).iter().filter(|step| step.once).for_each(|step| {
            *left.entry(step.message).or_default() += 1;
        });
        let left: Vec<_> = left.into_iter().map(|(message, count)| format!("{count} × {message}")).collect();
        (!left.is_empty()).then(|| format!("the mock {} still expects {}", self.who, left.join(", ")))
    }

    /// Takes the step out that answers a message of this type.
    fn take(&self, message: &'static str) -> Option<Step> {
        let mut list = lock(&self.list);
        let place = |once| list.iter().position(|step: &Step| step.message == message && step.once == once);
        place(true).or_else(|| place(false)).map(|place| list.remove(place))
    }
}

impl Script for Steps {
    fn expects(&self, message: &'static str) -> bool {
        lock(&self.list).iter().any(|step| step.message == message)
    }

    fn play(&self, message: &'static str, msg: Erased) -> Erased {
        // Nobody else plays: a mock takes one message at a time. And no lock is held while the test's code runs.
        let mut step = self.take(message).expect("it has been asked whether it expects the message");
        let reply = (step.answer)(msg);
        if !step.once {
            lock(&self.list).push(step);
        }
        reply
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left: Vec<_> = lock(&self.list).iter().map(|step| step.message).collect();
        f.debug_struct("Steps").field("who", &self.who).field("left", &left).finish()
    }
}

impl<A: Actor> fmt::Debug for Mock<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mock").field("steps", &self.steps).finish_non_exhaustive()
    }
}

/// An answer that is given once, in the form of those that are given again and again.
fn once<M, R>(answer: impl FnOnce(M) -> R) -> impl FnMut(M) -> R {
    let mut answer = Some(answer);
    move |msg| answer.take().expect("it is for one message")(msg)
}
