//! The actor that does nothing but supervise.

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use crate::{
    Actor, ActorRef, AutoShutdown, Backoff, BoxError, Child, Context, Make, Shutdown, SpawnError,
    Supervision, actor::Home,
};

type Starting<'a> = Pin<Box<dyn Future<Output = Result<(), SpawnError>> + Send + 'a>>;
type StaticChild = Arc<dyn for<'a> Fn(&'a mut Context<Supervisor>) -> Starting<'a> + Send + Sync>;

/// Starts children, restarts them when they fail, and stops them when it ends: an actor that does only that.
///
/// It is free-standing: the tree lives as long as a reference to it. It handles no messages.
///
/// # Examples
///
/// ```
/// use postbox::prelude::*;
/// use std::time::Duration;
///
/// #[derive(Actor, Default)]
/// struct Flaky { calls: u32 }
///
/// #[messages]
/// impl Flaky {
///     /// Fails at the second call.
///     #[message]
///     fn call(&mut self) -> u32 {
///         self.calls += 1;
///         assert!(self.calls < 2, "broken");
///         self.calls
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let tree = Supervisor::one_for_one().limit(3, Duration::from_secs(10)).start().await?;
/// let flaky = tree.spawn(child("flaky", Flaky::default)).await?;
/// assert_eq!(flaky.call().await?, 1);
/// assert!(flaky.call().await.is_err());
/// assert_eq!(flaky.call().await?, 1, "a new incarnation behind the same reference");
///
/// // By hand:
/// tree.stop_child("flaky").await?;
/// assert_eq!((tree.children().len(), tree.count_children().running), (1, 0));
/// let again = tree.restart_child("flaky").await?.typed::<Flaky>().ok_or("it runs")?;
/// assert_eq!(again.call().await?, 1);
/// tree.stop_child("flaky").await?;
/// tree.delete_child("flaky")?;
/// assert_eq!(tree.count_children().known, 0);
/// # Ok(()) }
/// ```
pub struct Supervisor {
    supervision: Supervision,
    children: Vec<StaticChild>,
}

impl Supervisor {
    /// Begins a supervisor that restarts only the child that ended.
    pub fn one_for_one() -> SupervisorBuilder {
        SupervisorBuilder::new(Supervision::one_for_one())
    }

    /// Begins a supervisor that restarts all its children when one has ended.
    ///
    /// For children that are of no use without each other. What waits in their mailboxes waits on: see
    /// [`Strategy`](crate::Strategy).
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::prelude::*;
    ///
    /// #[derive(Actor, Default)]
    /// struct Half { calls: u32 }
    ///
    /// #[messages]
    /// impl Half {
    ///     /// Counts the calls of this incarnation.
    ///     #[message]
    ///     fn call(&mut self) -> u32 { self.calls += 1; self.calls }
    ///     /// Fails.
    ///     #[message]
    ///     fn fail(&mut self) { panic!("broken") }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pair = Supervisor::one_for_all().start().await?;
    /// let left = pair.spawn(child("left", Half::default)).await?;
    /// let right = pair.spawn(child("right", Half::default)).await?;
    /// assert_eq!(left.call().await?, 1);
    /// assert!(right.fail().await.is_err());
    /// assert_eq!(right.call().await?, 1);
    /// assert_eq!(left.call().await?, 1, "it has been restarted as well");
    /// # Ok(()) }
    /// ```
    pub fn one_for_all() -> SupervisorBuilder {
        SupervisorBuilder::new(Supervision::one_for_all())
    }

    /// Begins a supervisor that restarts the child that ended and those that started after it.
    ///
    /// For children that depend on their elders: see [`Strategy`](crate::Strategy).
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::prelude::*;
    ///
    /// #[derive(Actor, Default)]
    /// struct Part { calls: u32 }
    ///
    /// #[messages]
    /// impl Part {
    ///     /// Counts the calls of this incarnation.
    ///     #[message]
    ///     fn call(&mut self) -> u32 { self.calls += 1; self.calls }
    ///     /// Fails.
    ///     #[message]
    ///     fn fail(&mut self) { panic!("broken") }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let tree = Supervisor::rest_for_one().start().await?;
    /// let elder = tree.spawn(child("elder", Part::default)).await?;
    /// let younger = tree.spawn(child("younger", Part::default)).await?;
    /// assert_eq!((elder.call().await?, younger.call().await?), (1, 1));
    /// assert!(younger.fail().await.is_err());
    /// assert_eq!((elder.call().await?, younger.call().await?), (2, 1), "the elder goes on");
    /// assert!(elder.fail().await.is_err());
    /// assert_eq!((elder.call().await?, younger.call().await?), (1, 1), "the younger restarts with it");
    /// # Ok(()) }
    /// ```
    pub fn rest_for_one() -> SupervisorBuilder {
        SupervisorBuilder::new(Supervision::rest_for_one())
    }
}

impl Actor for Supervisor {
    const SHUTDOWN: Shutdown = Shutdown::Unbounded;

    fn supervision(&self) -> Supervision {
        self.supervision.clone()
    }

    async fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), BoxError> {
        for child in &self.children {
            child(ctx).await?;
        }
        Ok(())
    }
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor").field("supervision", &self.supervision).finish_non_exhaustive()
    }
}

/// Holds the settings of a [`Supervisor`]: see [`Supervisor::one_for_one`] and its siblings.
///
/// # Examples
///
/// ```
/// use postbox::{Backoff, prelude::*};
/// use std::time::Duration;
///
/// #[derive(Actor, Default)]
/// struct Cache;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let system = System::new("shop");
/// let tree = Supervisor::one_for_one()
///     .limit(3, Duration::from_secs(60))
///     .backoff(Backoff::exponential(Duration::from_millis(10), Duration::from_secs(1)))
///     .stop_together()
///     .name("caches")
///     .system(&system)
///     .child(child("cache", Cache::default))
///     .start()
///     .await?;
/// assert_eq!(tree.identity().name(), Some("caches"));
/// assert_eq!((tree.children().len(), system.actors().len()), (1, 2));
/// # Ok(()) }
/// ```
#[must_use = "nothing is started until `start` is called, or `build` for a supervisor of supervisors"]
pub struct SupervisorBuilder {
    supervision: Supervision,
    children: Vec<StaticChild>,
    name: Option<Arc<str>>,
    home: Option<Arc<Home>>,
}

impl SupervisorBuilder {
    fn new(supervision: Supervision) -> Self {
        Self { supervision, children: Vec::new(), name: None, home: None }
    }

    /// Allows at most `restarts` charged restarts in any stretch of time as long as `within`, all children
    /// together. With one more the supervisor stops its children and fails.
    pub fn limit(self, restarts: u32, within: Duration) -> Self {
        Self { supervision: self.supervision.limit(restarts, within), ..self }
    }

    /// Pauses before each restart. A group pauses once, when all of it has ended.
    pub fn backoff(self, backoff: Backoff) -> Self {
        Self { supervision: self.supervision.backoff(backoff), ..self }
    }

    /// Stops the supervisor when its significant children have ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::{AutoShutdown, prelude::*};
    ///
    /// #[derive(Actor, Default)]
    /// struct Job;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let tree = Supervisor::one_for_one().auto_shutdown(AutoShutdown::AnySignificant).start().await?;
    /// let job = child("job", Job::default).restart(Restart::Transient).significant(true);
    /// tree.spawn(job).await?.stop();
    /// assert!(tree.ended().await.is_normal());
    /// # Ok(()) }
    /// ```
    pub fn auto_shutdown(self, when: AutoShutdown) -> Self {
        Self { supervision: self.supervision.auto_shutdown(when), ..self }
    }

    /// Stops the children all at the same time when the supervisor stops, under the longest of their limits.
    /// Meant for many children of one kind: see [`Supervision::stop_together`].
    pub fn stop_together(self) -> Self {
        Self { supervision: self.supervision.stop_together(), ..self }
    }

    /// Gives the supervisor a name, unique in its system.
    pub fn name(self, name: impl Into<Arc<str>>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    pub(crate) fn home(self, home: Arc<Home>) -> Self {
        Self { home: Some(home), ..self }
    }

    /// Declares a child that each incarnation of the supervisor starts, in the order of declaration.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::prelude::*;
    ///
    /// #[derive(Actor, Default)]
    /// struct Cache;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let tree = Supervisor::one_for_one().child(child("cache", Cache::default)).start().await?;
    /// assert_eq!(tree.children().len(), 1);
    /// # Ok(()) }
    /// ```
    pub fn child<A, F, T, K>(mut self, child: Child<F>) -> Self
    where
        A: Actor,
        F: Fn() -> T + Clone + Send + Sync + 'static,
        T: Make<A, K> + Send,
        K: 'static,
    {
        self.children.push(Arc::new(move |ctx| {
            let child = child.clone();
            Box::pin(async move { ctx.spawn_child(child).await.map(drop) })
        }));
        self
    }

    /// Makes the actor, for a supervisor that is itself a child: `child("pool", move || builder.build())`.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::prelude::*;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let root = Supervisor::one_for_one().start().await?;
    /// let pool = root.spawn(child("pool", || Supervisor::one_for_one().build())).await?;
    /// # drop(pool); Ok(()) }
    /// ```
    #[must_use]
    pub fn build(&self) -> Supervisor {
        Supervisor { supervision: self.supervision.clone(), children: self.children.clone() }
    }

    /// Starts the supervisor on its own, with the children declared.
    ///
    /// # Errors
    ///
    /// [`SpawnError::NameTaken`], [`SpawnError::NoRuntime`], and [`SpawnError::Failed`] when a declared child
    /// did not start; nothing is left behind then.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, the supervisor stops again, with what it had started.
    pub async fn start(self) -> Result<ActorRef<Supervisor>, SpawnError> {
        let mut spawn = self.build().prepare();
        if let Some(name) = self.name {
            spawn = spawn.name(name);
        }
        if let Some(home) = self.home {
            spawn = spawn.home(home);
        }
        spawn.start().await
    }
}

impl fmt::Debug for SupervisorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SupervisorBuilder")
            .field("supervision", &self.supervision)
            .field("children", &self.children.len())
            .finish_non_exhaustive()
    }
}
