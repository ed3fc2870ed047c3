//! The actor that does nothing but supervise.

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use crate::{
    Actor, ActorRef, Backoff, BoxError, Child, Context, Handle, Make, Shutdown, SpawnError, Supervision,
    actor::Home,
};

type Starting<'a> = Pin<Box<dyn Future<Output = Result<(), SpawnError>> + Send + 'a>>;
type StaticChild = Arc<dyn for<'a> Fn(&'a mut Context<Supervisor>) -> Starting<'a> + Send + Sync>;

/// An actor that starts children, restarts them when they fail, and stops them when it ends.
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
/// # Ok(()) }
/// ```
pub struct Supervisor {
    supervision: Supervision,
    children: Vec<StaticChild>,
}

impl Supervisor {
    /// Begins a supervisor that restarts only the child that ended.
    pub fn one_for_one() -> SupervisorBuilder {
        SupervisorBuilder {
            supervision: Supervision::one_for_one(),
            children: Vec::new(),
            name: None,
            home: None,
        }
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

/// The settings of a [`Supervisor`].
#[must_use = "nothing is started until `start` is called, or `build` for a supervisor of supervisors"]
pub struct SupervisorBuilder {
    supervision: Supervision,
    children: Vec<StaticChild>,
    name: Option<Arc<str>>,
    home: Option<Arc<Home>>,
}

impl SupervisorBuilder {
    /// Allows at most `restarts` charged restarts in any stretch of time as long as `within`, all children
    /// together. With one more the supervisor stops its children and fails.
    pub fn limit(self, restarts: u32, within: Duration) -> Self {
        Self { supervision: self.supervision.limit(restarts, within), ..self }
    }

    /// Pauses before each restart.
    pub fn backoff(self, backoff: Backoff) -> Self {
        Self { supervision: self.supervision.backoff(backoff), ..self }
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

impl ActorRef<Supervisor> {
    /// Starts a child and waits until its `started` hook is through.
    ///
    /// # Errors
    ///
    /// [`SpawnError::Failed`] when its factory or its `started` hook failed, [`SpawnError::DuplicateChild`]
    /// when a child of that name exists, [`SpawnError::SupervisorGone`] when the supervisor is stopping.
    /// Nothing is left behind then.
    ///
    /// # Cancel safety
    ///
    /// Dropped while the child starts, the child goes on starting and stays a child.
    pub async fn spawn<A, F, T, K>(&self, child: Child<F>) -> Result<ActorRef<A>, SpawnError>
    where
        A: Actor,
        F: Fn() -> T + Send + Sync + 'static,
        T: Make<A, K> + Send,
        K: 'static,
    {
        self.start_child(child).await
    }

    /// Returns handles of the children, in start order.
    #[must_use]
    pub fn children(&self) -> Vec<Handle> {
        self.family_members()
    }
}
