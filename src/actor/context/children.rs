//! The children of an actor, in its own hands.

use std::sync::Arc;

use super::Context;
use crate::{
    Actor, ActorRef, Child, ChildCount, ChildError, Handle, Make, SpawnError,
    actor::{AnySeat, Family},
};

impl<A: Actor> Context<A> {
    fn family(&self) -> Arc<Family> {
        Family::of(&(Arc::clone(&self.seat) as Arc<dyn AnySeat>))
    }

    /// Starts a child of this actor and waits until its `started` hook is through.
    ///
    /// The child is restarted as [`Actor::supervision`] says. It ends with this incarnation: a restart of
    /// this actor stops it. While a group of children restarts, it starts when they have started.
    ///
    /// # Errors
    ///
    /// [`SpawnError::Failed`] when its factory or its `started` hook failed, [`SpawnError::Ended`] when it was
    /// stopped or killed before that hook was through, [`SpawnError::DuplicateChild`] when a child of that name
    /// is known, [`SpawnError::CannotBeSignificant`], and [`SpawnError::SupervisorGone`] when this actor is
    /// stopping. Nothing is left behind then.
    ///
    /// # Cancel safety
    ///
    /// Dropped while the child starts, the child goes on starting and stays a child.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::prelude::*;
    ///
    /// #[derive(Actor, Default)]
    /// struct Cache;
    ///
    /// /// An application whose parts are its children.
    /// struct App { cache: Option<ActorRef<Cache>> }
    ///
    /// impl Actor for App {
    ///     async fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), BoxError> {
    ///         self.cache = Some(ctx.spawn_child(child("cache", Cache::default)).await?);
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let app = App { cache: None }.prepare().start().await?;
    /// let parts = System::current().snapshot().find(app.identity().id()).map(|app| app.children.len());
    /// assert_eq!(parts, Some(1));
    /// # Ok(()) }
    /// ```
    pub async fn spawn_child<B, F, T, K>(&mut self, child: Child<F>) -> Result<ActorRef<B>, SpawnError>
    where
        B: Actor,
        F: Fn() -> T + Send + Sync + 'static,
        T: Make<B, K> + Send,
        K: 'static,
    {
        child.start(self.family(), Arc::clone(self.home())).await
    }

    /// Stops a child for good, as its [`Shutdown`](crate::Shutdown) rule says, and waits for its end.
    ///
    /// The messages it has not handled meet the fate that a stop gives them. The child stays known, and can be
    /// restarted by hand or deleted; one that is `Temporary` is forgotten. Stopping one that has ended already
    /// does nothing.
    ///
    /// # Errors
    ///
    /// [`ChildError::NotFound`], [`ChildError::SupervisorGone`].
    ///
    /// # Cancel safety
    ///
    /// Dropped, the child stops all the same, but is not killed when its time is over. Call it again for that.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::prelude::*;
    ///
    /// #[derive(Actor, Default)]
    /// struct Session;
    ///
    /// #[derive(Actor)]
    /// struct Sessions;
    ///
    /// #[messages]
    /// impl Sessions {
    ///     /// Opens the session of a user.
    ///     #[message]
    ///     async fn open(&mut self, user: String, ctx: &mut Context<Self>) -> bool {
    ///         ctx.spawn_child(child(user, Session::default)).await.is_ok()
    ///     }
    ///     /// Closes it, and returns how many are left.
    ///     #[message]
    ///     async fn close(&mut self, user: String, ctx: &mut Context<Self>) -> usize {
    ///         if ctx.stop_child(&user).await.is_ok() {
    ///             let _ = ctx.delete_child(&user);
    ///         }
    ///         ctx.count_children().known
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let sessions = Sessions.spawn();
    /// assert!(sessions.open("ada".to_owned()).await?);
    /// assert!(!sessions.open("ada".to_owned()).await?, "she has one");
    /// assert_eq!(sessions.close("ada".to_owned()).await?, 0);
    /// # Ok(()) }
    /// ```
    pub async fn stop_child(&mut self, name: &str) -> Result<(), ChildError> {
        self.family().stop_child(name).await
    }

    /// Starts a child again that has ended and is known, and waits until its `started` hook is through.
    ///
    /// It keeps its name, its factory and its place among its siblings, but it is another actor: references
    /// to the one that has ended stay references to that one. It is no charge to the restart limit.
    ///
    /// # Errors
    ///
    /// [`ChildError::NotFound`]; [`ChildError::Running`] and [`ChildError::Restarting`] when it has not ended;
    /// [`ChildError::SupervisorGone`]; [`ChildError::Spawn`] when it did not start: it stays known then.
    ///
    /// # Cancel safety
    ///
    /// Dropped while the child starts, the child goes on starting.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::prelude::*;
    ///
    /// #[derive(Actor, Default)]
    /// struct Session;
    ///
    /// #[derive(Actor)]
    /// struct Sessions;
    ///
    /// #[messages]
    /// impl Sessions {
    ///     /// Ends the session of a user, and begins another one.
    ///     #[message]
    ///     async fn renew(&mut self, user: String, ctx: &mut Context<Self>) -> bool {
    ///         ctx.spawn_child(child(&*user, Session::default)).await.is_ok()
    ///             && ctx.stop_child(&user).await.is_ok()
    ///             && ctx.restart_child(&user).await.is_ok()
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// assert!(Sessions.spawn().renew("ada".to_owned()).await?);
    /// # Ok(()) }
    /// ```
    pub async fn restart_child(&mut self, name: &str) -> Result<Handle, ChildError> {
        self.family().restart_child(name).await
    }

    /// Forgets a child that has ended: its name is free for another one.
    ///
    /// # Errors
    ///
    /// [`ChildError::NotFound`]; [`ChildError::Running`] and [`ChildError::Restarting`] when it has not ended;
    /// [`ChildError::SupervisorGone`].
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::{ChildError, prelude::*};
    ///
    /// #[derive(Actor, Default)]
    /// struct Session;
    ///
    /// #[derive(Actor)]
    /// struct Sessions;
    ///
    /// #[messages]
    /// impl Sessions {
    ///     /// Forgets the session of a user, if it has ended.
    ///     #[message]
    ///     fn forget(&mut self, user: String, ctx: &mut Context<Self>) -> Result<(), ChildError> {
    ///         ctx.delete_child(&user)
    ///     }
    ///     /// Opens the session of a user.
    ///     #[message]
    ///     async fn open(&mut self, user: String, ctx: &mut Context<Self>) -> Result<ActorRef<Session>, SpawnError> {
    ///         ctx.spawn_child(child(user, Session::default)).await
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let sessions = Sessions.spawn();
    /// let session = sessions.open("ada".to_owned()).await??;
    /// assert!(matches!(sessions.forget("ada".to_owned()).await?, Err(ChildError::Running { .. })));
    /// assert!(matches!(sessions.forget("bob".to_owned()).await?, Err(ChildError::NotFound { .. })));
    /// # drop(session);
    /// # Ok(()) }
    /// ```
    pub fn delete_child(&mut self, name: &str) -> Result<(), ChildError> {
        self.family().delete_child(name)
    }

    /// Returns handles of the actor's children, in start order. Those that have ended and are known are among
    /// them.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::prelude::*;
    ///
    /// #[derive(Actor, Default)]
    /// struct Session;
    ///
    /// #[derive(Actor)]
    /// struct Sessions;
    ///
    /// #[messages]
    /// impl Sessions {
    ///     /// Opens a session, and returns the names of all.
    ///     #[message]
    ///     async fn open(&mut self, user: String, ctx: &mut Context<Self>) -> Vec<Option<String>> {
    ///         let _ = ctx.spawn_child(child(user, Session::default)).await;
    ///         ctx.children().iter().map(|session| session.identity().name().map(str::to_owned)).collect()
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// assert_eq!(Sessions.spawn().open("ada".to_owned()).await?, [Some("ada".to_owned())]);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn children(&self) -> Vec<Handle> {
        self.seat.common().family().map(Family::children).unwrap_or_default()
    }

    /// Counts the actor's children.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::{ChildCount, prelude::*};
    ///
    /// #[derive(Actor, Default)]
    /// struct Session;
    ///
    /// #[derive(Actor)]
    /// struct Sessions;
    ///
    /// #[messages]
    /// impl Sessions {
    ///     /// Opens a session, and counts all.
    ///     #[message]
    ///     async fn open(&mut self, user: String, ctx: &mut Context<Self>) -> ChildCount {
    ///         let _ = ctx.spawn_child(child(user, Session::default)).await;
    ///         ctx.count_children()
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let count = Sessions.spawn().open("ada".to_owned()).await?;
    /// assert_eq!((count.known, count.running), (1, 1));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn count_children(&self) -> ChildCount {
        self.seat.common().family().map(Family::count).unwrap_or_default()
    }
}
