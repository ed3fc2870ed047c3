//! How an actor comes to be: from a value, on its own, or from a factory, as a child.

use std::{fmt, pin::Pin, sync::Arc};

use tokio::{runtime, sync::oneshot, task};

use super::{
    Actor, ActorRef,
    common::Common,
    current,
    family::{Family, Membership},
    hand_off::HandOff,
    home::{Home, Homed},
    observer::Observed,
    run::{self, Life, Report},
    seat::{AnySeat, Seat},
};
use crate::{
    BoxError, Failure, Identity, Overflow, Restart, Shutdown, SpawnError, StopReason, failure, queue,
};

/// Makes an incarnation. Shared by the seats of a child that is started again by hand.
pub(crate) type Factory<A> =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<A, BoxError>> + Send>> + Send + Sync>;

/// Holds the options of an actor that is started on its own: see [`Actor::prepare`].
///
/// Use it for a name, a capacity or a system of its own. An actor that is to start again after a failure is a
/// [`child`] of a supervisor.
///
/// # Examples
///
/// ```
/// use postbox::{Overflow, prelude::*};
///
/// #[derive(Actor)]
/// struct Gauge;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let system = System::new("plant");
/// let gauge = Gauge
///     .prepare()
///     .name("boiler")
///     .capacity(1)
///     .overflow(Overflow::DropOldest)
///     .system(&system)
///     .start()
///     .await?;
/// assert_eq!(system.lookup::<Gauge>("boiler"), Some(gauge));
/// assert!(Gauge.prepare().name("boiler").system(&system).spawn().is_err(), "the name is taken");
/// # Ok(()) }
/// ```
#[must_use = "nothing is started until `spawn` is called"]
pub struct Spawn<A: Actor> {
    actor: A,
    name: Option<Arc<str>>,
    capacity: usize,
    overflow: Overflow,
    home: Option<Arc<Home>>,
}

impl<A: Actor> Spawn<A> {
    pub(crate) fn new(actor: A) -> Self {
        Self { actor, name: None, capacity: A::CAPACITY, overflow: A::OVERFLOW, home: None }
    }

    /// Gives the actor a name, unique in its system, by which it can be [looked up](crate::System::lookup).
    pub fn name(self, name: impl Into<Arc<str>>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// Sets how many messages the mailbox holds: [`Actor::CAPACITY`] unless set. At least 1.
    pub fn capacity(self, messages: usize) -> Self {
        Self { capacity: messages, ..self }
    }

    /// Sets what the mailbox does with one more message when it is full: [`Actor::OVERFLOW`] unless set.
    pub fn overflow(self, overflow: Overflow) -> Self {
        Self { overflow, ..self }
    }

    pub(crate) fn home(self, home: Arc<Home>) -> Self {
        Self { home: Some(home), ..self }
    }

    /// Starts the actor.
    ///
    /// # Errors
    ///
    /// [`SpawnError::NameTaken`], [`SpawnError::ZeroCapacity`], and [`SpawnError::NoRuntime`] outside a tokio
    /// runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::prelude::*;
    ///
    /// #[derive(Actor)]
    /// struct Idle;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let one = Idle.prepare().name("only").spawn()?;
    /// let error = Idle.prepare().name("only").spawn().unwrap_err();
    /// assert!(matches!(error, SpawnError::NameTaken { .. }));
    /// # drop(one); Ok(()) }
    /// ```
    pub fn spawn(self) -> Result<ActorRef<A>, SpawnError> {
        self.spawn_with(None)
    }

    /// Starts the actor and waits until its `started` hook is through.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn), [`SpawnError::Failed`] when the hook failed, and [`SpawnError::Ended`] when the
    /// actor was killed or stopped before the hook was through. Nothing is left behind then.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, the actor stops again: there is no reference to it.
    pub async fn start(self) -> Result<ActorRef<A>, SpawnError> {
        let (report, started) = oneshot::channel();
        let actor = self.spawn_with(Some(Box::new(report)))?;
        match started.await {
            Ok(Ok(())) => Ok(actor),
            Ok(Err(failure)) => Err(SpawnError::Failed(failure)),
            // It was ended, or lost its runtime, before it had started.
            Err(_) => Err(SpawnError::Ended {
                actor: actor.identity().clone(),
                reason: actor.handle().seat().common().closing().cloned().unwrap_or(StopReason::RuntimeGone),
            }),
        }
    }

    #[inline(always)]
    fn spawn_with(self, report: Option<Report>) -> Result<ActorRef<A>, SpawnError> {
        // Apart, so that what is known of an option when this is compiled is still known where it is used.
        let Self { actor, name, capacity, overflow, home } = self;
        let site = Site::here::<A>(capacity)?;
        let home = home.map_or_else(current::home, Into::into);
        let identity = Identity::new(A::kind, name.clone());
        let seat = queue::arc(move || {
            Seat::new(move || Common::new(identity, home, None), capacity, overflow, None)
        });
        if let Some(name) = &name {
            seat.common().home.claim(name, Arc::clone(&seat) as Arc<dyn AnySeat>)?;
        }
        let first = ActorRef::first(Arc::clone(&seat));
        seat.mailbox.prime(run::incarnation_of(&seat, actor));
        launch(&site, seat, report)?;
        Ok(first)
    }
}

impl<A: Actor> fmt::Debug for Spawn<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spawn")
            .field("name", &self.name)
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

/// Where an actor's task is to run.
pub(crate) enum Site {
    /// In the runtime of the task that this is called in. Whoever is in a task need not count the runtime's
    /// references to know that there is one: a cache line for which all that spawn contend.
    Here,
    On(runtime::Handle),
}

impl Site {
    fn here<A: Actor>(capacity: usize) -> Result<Self, SpawnError> {
        if !runs_elsewhere::<A>() && capacity > 0 && task::try_id().is_some() {
            return Ok(Self::Here);
        }
        runtime_for::<A>(capacity).map(Self::On)
    }

    fn spawn(&self, life: impl Future<Output = ()> + Send + 'static) -> Result<(), SpawnError> {
        match self {
            // It panics in a task that no runtime runs, in a local set by itself.
            Self::Here => failure::catch(|| drop(tokio::spawn(life))).map_err(|_| SpawnError::NoRuntime),
            Self::On(runtime) => {
                drop(runtime.spawn(life));
                Ok(())
            }
        }
    }
}

/// Whether the actor may run in other polls than those of its task.
const fn runs_elsewhere<A: Actor>() -> bool {
    A::HAND_OFF || A::CALLER_RUNS
}

pub(super) fn runtime_for<A: Actor>(capacity: usize) -> Result<runtime::Handle, SpawnError> {
    if capacity == 0 {
        return Err(SpawnError::ZeroCapacity { kind: A::kind() });
    }
    runtime::Handle::try_current().map_err(|_| SpawnError::NoRuntime)
}

/// Gives the seat its task. The task is owned by the seat's place in the system: who wants to know its end
/// waits for the actor's end, and dropping the runtime ends it.
pub(super) fn launch<A: Actor>(
    site: &Site,
    seat: Arc<Seat<A>>,
    report: Option<Report>,
) -> Result<(), SpawnError> {
    let common = seat.common();
    let home: &Arc<Home> = &common.home;
    // Whoever looks on looks at tasks.
    if runs_elsewhere::<A>()
        && let Site::On(runtime) = site
        && home.observer.get().is_none()
    {
        common.set_hand_off(HandOff::new(runtime.id()));
    }
    home.enlist(Arc::clone(&seat) as Arc<dyn AnySeat>);
    match home.observer.get().cloned() {
        None => site.spawn(Life::new(seat, report)),
        Some(observer) => {
            let observed = Observed::new(observer, Arc::clone(&seat) as Arc<dyn AnySeat>);
            site.spawn(observed.life(Box::pin(Life::new(seat, report))))
        }
    }
}

/// Says how a child is made, restarted and stopped: see [`child`].
///
/// It is plain data: nothing happens before a supervisor is given it.
///
/// # Examples
///
/// ```
/// use postbox::{AutoShutdown, Overflow, prelude::*};
/// use std::time::Duration;
///
/// #[derive(Actor, Default)]
/// struct Gauge;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let gauge = child("boiler", Gauge::default)
///     .restart(Restart::Transient)
///     .shutdown(Duration::from_secs(1))
///     .capacity(1)
///     .overflow(Overflow::DropOldest)
///     .significant(true);
///
/// let tree = Supervisor::one_for_one().auto_shutdown(AutoShutdown::AllSignificant).start().await?;
/// let gauge = tree.spawn(gauge).await?;
/// assert_eq!(gauge.handle().capacity(), 1);
/// gauge.stop();
/// assert!(tree.ended().await.is_normal(), "with its only significant child");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Child<F> {
    name: Arc<str>,
    factory: F,
    restart: Restart,
    shutdown: Option<Shutdown>,
    capacity: Option<usize>,
    significant: bool,
    overflow: Option<Overflow>,
}

/// Describes a child: a name, unique among its siblings, and a factory that makes each of its incarnations.
///
/// The factory returns the actor, a `Result` of it, or a future of either.
///
/// # Examples
///
/// ```
/// use postbox::prelude::*;
/// use std::{io, time::Duration};
///
/// #[derive(Actor, Default)]
/// struct Cache;
///
/// #[derive(Actor)]
/// struct Db;
/// impl Db {
///     async fn open(_path: String) -> io::Result<Self> { Ok(Self) }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let tree = Supervisor::one_for_one().start().await?;
/// let cache = tree.spawn(child("cache", Cache::default)).await?;
/// let db = tree
///     .spawn(child("db", || Db::open("data".to_owned())).restart(Restart::Transient).shutdown(Duration::from_secs(5)))
///     .await?;
/// # drop((cache, db)); Ok(()) }
/// ```
pub fn child<F>(name: impl Into<Arc<str>>, factory: F) -> Child<F> {
    Child {
        name: name.into(),
        factory,
        restart: Restart::default(),
        shutdown: None,
        capacity: None,
        significant: false,
        overflow: None,
    }
}

impl<F> Child<F> {
    /// Sets when the child is restarted: [`Restart::Permanent`] unless set.
    #[must_use]
    pub fn restart(self, restart: Restart) -> Self {
        Self { restart, ..self }
    }

    /// Sets how long the child may take to end when its supervisor stops it: [`Actor::SHUTDOWN`] unless set.
    #[must_use]
    pub fn shutdown(self, shutdown: impl Into<Shutdown>) -> Self {
        Self { shutdown: Some(shutdown.into()), ..self }
    }

    /// Sets how many messages the child's mailbox holds: [`Actor::CAPACITY`] unless set.
    #[must_use]
    pub fn capacity(self, messages: usize) -> Self {
        Self { capacity: Some(messages), ..self }
    }

    /// Declares whether the end of the child may be that of its supervisor: see
    /// [`AutoShutdown`](crate::AutoShutdown). A [`Restart::Permanent`] child cannot be significant.
    ///
    /// Only an end for good by itself counts, and not one that its supervisor brought about.
    #[must_use]
    pub fn significant(self, significant: bool) -> Self {
        Self { significant, ..self }
    }

    /// Sets what the child's mailbox does with one more message when it is full: [`Actor::OVERFLOW`] unless set.
    #[must_use]
    pub fn overflow(self, overflow: Overflow) -> Self {
        Self { overflow: Some(overflow), ..self }
    }

    /// Starts the child in its family, and waits for its first `started`.
    pub(crate) async fn start<A, T, K>(
        self,
        family: Arc<Family>,
        home: Arc<Home>,
    ) -> Result<ActorRef<A>, SpawnError>
    where
        A: Actor,
        F: Fn() -> T + Send + Sync + 'static,
        T: Make<A, K> + Send,
        K: 'static,
    {
        let capacity = self.capacity.unwrap_or(A::CAPACITY);
        let overflow = self.overflow.unwrap_or(A::OVERFLOW);
        let site = Site::On(runtime_for::<A>(capacity)?);
        let shutdown = self.shutdown.unwrap_or(A::SHUTDOWN);
        let membership = family.admit(&self.name, self.restart, shutdown, self.significant)?;
        let supervisor = Arc::clone(&family);
        let identity = Identity::new(A::kind, Some(self.name));
        let factory = Some(untyped(self.factory));
        let (actor, started) = seat_child(&site, identity, home, membership, capacity, overflow, factory)?;
        match started.await {
            Ok(Ok(())) => Ok(actor),
            Ok(Err(failure)) => Err(SpawnError::Failed(failure)),
            Err(_) => Err(supervisor.unstarted(actor.handle().seat().common())),
        }
    }
}

/// A child that has been given its seat, and how its first start goes.
type Seated<A> = (ActorRef<A>, oneshot::Receiver<Result<(), Failure>>);

/// Gives an admitted child its seat and its task.
pub(super) fn seat_child<A: Actor>(
    site: &Site,
    identity: Identity,
    home: impl Into<Homed>,
    membership: Membership,
    capacity: usize,
    overflow: Overflow,
    factory: Option<Factory<A>>,
) -> Result<Seated<A>, SpawnError> {
    let (family, number) = (Arc::clone(&membership.family), membership.number);
    let membership = Some(Box::new(membership));
    let common = move || Common::new(identity, home, membership);
    let seat = queue::arc(move || Seat::new(common, capacity, overflow, factory));
    family.seat(number, Arc::clone(&seat) as Arc<dyn AnySeat>)?;
    let (report, started) = oneshot::channel();
    let actor = ActorRef::first(Arc::clone(&seat));
    launch(site, seat, Some(Box::new(report)))?;
    Ok((actor, started))
}

impl<F> fmt::Debug for Child<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child")
            .field("name", &self.name)
            .field("restart", &self.restart)
            .field("shutdown", &self.shutdown)
            .field("capacity", &self.capacity)
            .field("significant", &self.significant)
            .finish_non_exhaustive()
    }
}

fn untyped<A: Actor, F, T, K>(factory: F) -> Factory<A>
where
    F: Fn() -> T + Send + Sync + 'static,
    T: Make<A, K> + Send,
    K: 'static,
{
    Arc::new(move || Box::pin(make::made(factory())))
}

/// Makes an actor of what a factory returns: an actor, a `Result` of one, or a future of either.
///
/// Sealed by its second parameter, which the compiler finds by itself.
///
/// # Examples
///
/// ```
/// use postbox::{Make, prelude::*};
///
/// #[derive(Actor, Default)]
/// struct Cache;
///
/// /// Starts a child under the name of its kind.
/// async fn spawn<A, F, T, K>(tree: &ActorRef<Supervisor>, factory: F) -> Result<ActorRef<A>, SpawnError>
/// where
///     A: Actor,
///     F: Fn() -> T + Send + Sync + 'static,
///     T: Make<A, K> + Send,
///     K: 'static,
/// {
///     tree.spawn(child(A::kind(), factory)).await
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let tree = Supervisor::one_for_one().start().await?;
/// let cache = spawn(&tree, || async { Ok::<_, std::io::Error>(Cache) }).await?;
/// assert_eq!(cache.identity().name(), Some("Cache"));
/// assert!(Cache.make().await.is_ok(), "what the supervisor does with what the factory returns");
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "the factory of a child cannot return `{Self}`",
    label = "what the factory returns is neither an actor, nor a `Result` of one, nor a future of either",
    note = "return a type with `#[derive(Actor)]`, a `Result` of it whose error implements `std::error::Error`, or a \
            future of one of them"
)]
pub trait Make<A, K>: 'static {
    /// Makes the actor.
    ///
    /// # Errors
    ///
    /// Those of the factory, or of its future.
    ///
    /// # Cancel safety
    ///
    /// Dropped when the child is killed while it is made: then as the factory's own future.
    fn make(self) -> impl Future<Output = Result<A, BoxError>> + Send;
}

/// Names the ways in which a factory can return an actor, for bounds: see [`Make`].
pub mod make {
    use super::{Actor, BoxError, Make};

    /// Stands for the actor itself.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::{Make, make::Value, prelude::*};
    ///
    /// #[derive(Actor)]
    /// struct Cache;
    ///
    /// fn takes(made: impl Make<Cache, Value>) { drop(made); }
    /// takes(Cache);
    /// ```
    #[derive(Debug)]
    pub struct Value;

    /// Stands for a `Result` of the actor.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::{Make, make::Fallible, prelude::*};
    ///
    /// #[derive(Actor)]
    /// struct Cache;
    ///
    /// fn takes(made: impl Make<Cache, Fallible>) { drop(made); }
    /// takes(std::io::Result::Ok(Cache));
    /// ```
    #[derive(Debug)]
    pub struct Fallible;

    /// Stands for a future of what `K` stands for.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::{Make, make::{Later, Value}, prelude::*};
    ///
    /// #[derive(Actor)]
    /// struct Cache;
    ///
    /// fn takes(made: impl Make<Cache, Later<Value>>) { drop(made); }
    /// takes(async { Cache });
    /// ```
    #[derive(Debug)]
    pub struct Later<K>(std::marker::PhantomData<K>);

    #[diagnostic::do_not_recommend]
    impl<A: Actor> Make<A, Value> for A {
        async fn make(self) -> Result<A, BoxError> {
            Ok(self)
        }
    }

    #[diagnostic::do_not_recommend]
    impl<A: Actor, E: Into<BoxError> + Send + 'static> Make<A, Fallible> for Result<A, E> {
        async fn make(self) -> Result<A, BoxError> {
            self.map_err(Into::into)
        }
    }

    #[diagnostic::do_not_recommend]
    impl<A, K, F> Make<A, Later<K>> for F
    where
        F: Future + Send + 'static,
        F::Output: Make<A, K> + Send,
        A: Actor,
    {
        async fn make(self) -> Result<A, BoxError> {
            self.await.make().await
        }
    }

    /// As a function, for a boxed future that owns what it makes the actor from.
    pub(super) async fn made<A, K, T: Make<A, K> + Send>(made: T) -> Result<A, BoxError> {
        made.make().await
    }
}
