//! The children of a supervisor, from outside of it.

use super::Supervisor;
use crate::{Actor, ActorRef, Child, ChildCount, ChildError, Handle, Make, SpawnError};

impl ActorRef<Supervisor> {
    /// Starts a child and waits until its `started` hook is through. While a group restarts, it starts when
    /// its elders have started.
    ///
    /// # Errors
    ///
    /// [`SpawnError::Failed`] when its factory or its `started` hook failed, [`SpawnError::Ended`] when it was
    /// stopped or killed before that hook was through, [`SpawnError::DuplicateChild`] when a child of that name
    /// is known, [`SpawnError::CannotBeSignificant`], and [`SpawnError::SupervisorGone`] when the supervisor is
    /// stopping. Nothing is left behind then.
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
        child.start(self.family(), self.home()).await
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
    /// use postbox::{ChildError, prelude::*};
    ///
    /// #[derive(Actor, Default)]
    /// struct Cache;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let tree = Supervisor::one_for_one().start().await?;
    /// let old = tree.spawn(child("cache", Cache::default)).await?;
    /// assert!(matches!(tree.delete_child("cache"), Err(ChildError::Running { .. })));
    ///
    /// tree.stop_child("cache").await?;
    /// assert!(old.ended().await.is_normal());
    ///
    /// let new = tree.restart_child("cache").await?;
    /// assert_ne!(new, old.handle());
    /// # Ok(()) }
    /// ```
    pub async fn stop_child(&self, name: &str) -> Result<(), ChildError> {
        self.family().stop_child(name).await
    }

    /// Starts a child again that has ended and is known, and waits until its `started` hook is through.
    ///
    /// It keeps its name, its factory and its place among its siblings, but it is another actor: references
    /// to the one that has ended stay references to that one, which accept nothing. It is no charge to the
    /// restart limit. [`Handle::typed`] makes a reference to it.
    ///
    /// # Errors
    ///
    /// [`ChildError::NotFound`]; [`ChildError::Running`] and [`ChildError::Restarting`] when it has not ended;
    /// [`ChildError::SupervisorGone`]; [`ChildError::Spawn`] when it did not start: it stays known then.
    ///
    /// # Cancel safety
    ///
    /// Dropped while the child starts, the child goes on starting.
    pub async fn restart_child(&self, name: &str) -> Result<Handle, ChildError> {
        self.family().restart_child(name).await
    }

    /// Forgets a child that has ended: its name is free for another one.
    ///
    /// # Errors
    ///
    /// [`ChildError::NotFound`]; [`ChildError::Running`] and [`ChildError::Restarting`] when it has not ended;
    /// [`ChildError::SupervisorGone`].
    pub fn delete_child(&self, name: &str) -> Result<(), ChildError> {
        self.family().delete_child(name)
    }

    /// Returns handles of the children, in start order. Those that have ended and are known are among them.
    #[must_use]
    pub fn children(&self) -> Vec<Handle> {
        self.family().children()
    }

    /// Counts the children.
    #[must_use]
    pub fn count_children(&self) -> ChildCount {
        self.family().count()
    }
}
