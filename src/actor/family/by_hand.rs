//! Children managed by hand: the calls of OTP's supervisor, and their answers.

use std::sync::Arc;

use tokio::runtime;

use super::{Family, Kept, Membership, State};
use crate::{
    ChildError, Shutdown, SpawnError,
    actor::{Handle, seat::AnySeat, spawn::Site},
    policy::children::{Member, Stage},
};

/// Counts the children of a supervisor, by their state.
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
/// let tree = Supervisor::one_for_one().start().await?;
/// tree.spawn(child("a", Cache::default)).await?;
/// tree.spawn(child("b", Cache::default)).await?;
/// tree.stop_child("b").await?;
/// let count = tree.count_children();
/// assert_eq!((count.known, count.running, count.ended), (2, 1, 1));
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChildCount {
    /// All of them.
    pub known: usize,
    /// Those that run, are on their first start, or are on their way to their end.
    pub running: usize,
    /// Those between two incarnations.
    pub restarting: usize,
    /// Those that have ended and can be restarted by hand.
    pub ended: usize,
}

/// A child that is to stop.
enum Stopping {
    /// It has ended.
    Ended,
    /// Its seat is being built.
    Building,
    /// It is alive, and this is its rule.
    Alive(u64, Arc<dyn AnySeat>, Shutdown),
}

/// What is known of a child by its name.
enum Found<'a> {
    Ended(u64),
    Alive(u64, &'a Member<Kept>),
}

impl Family {
    /// Looks a child up. An error when there is none, or there will be none.
    fn find<'a>(&self, state: &'a State, name: &str) -> Result<Found<'a>, ChildError> {
        if !state.children.is_open() {
            return Err(self.no_more());
        }
        let number = state.numbers.get(name).copied();
        match number.and_then(|number| Some((number, state.children.get(number)?))) {
            Some((number, member)) if member.stage() == Stage::Ended => Ok(Found::Ended(number)),
            Some((number, member)) => Ok(Found::Alive(number, member)),
            None => Err(ChildError::NotFound { supervisor: self.supervisor.clone(), child: name.to_owned() }),
        }
    }

    /// An error when the supervisor ends, which may not have come to its children yet. Not under the lock: the
    /// supervisor's seat must not be dropped there.
    fn goes_on(&self) -> Result<(), ChildError> {
        match self.owner.upgrade() {
            Some(owner) if owner.common().closing().is_none() => Ok(()),
            _ => Err(self.no_more()),
        }
    }

    fn no_more(&self) -> ChildError {
        ChildError::SupervisorGone { supervisor: self.supervisor.clone() }
    }

    /// The number of a child that has ended; an error about one that has not.
    fn find_ended(&self, state: &State, name: &str) -> Result<u64, ChildError> {
        let (supervisor, child) = (self.supervisor.clone(), name.to_owned());
        match self.find(state, name)? {
            Found::Ended(number) => Ok(number),
            Found::Alive(_, member) if member.is_restarting() => {
                Err(ChildError::Restarting { supervisor, child })
            }
            Found::Alive(..) => Err(ChildError::Running { supervisor, child }),
        }
    }

    /// Stops a child for good.
    pub(crate) async fn stop_child(&self, name: &str) -> Result<(), ChildError> {
        loop {
            match self.to_stop(name)? {
                Stopping::Ended => return Ok(()),
                // Somebody else is at it, on another thread, and awaits nothing meanwhile.
                Stopping::Building => tokio::task::yield_now().await,
                Stopping::Alive(number, seat, shutdown) => {
                    self.stop(number, &seat, shutdown).await;
                    return Ok(());
                }
            }
        }
    }

    fn to_stop(&self, name: &str) -> Result<Stopping, ChildError> {
        self.goes_on()?;
        let state = self.state();
        Ok(match self.find(&state, name)? {
            Found::Ended(_) => Stopping::Ended,
            Found::Alive(number, Member { of, .. }) => match of.seat.clone() {
                Some(seat) => Stopping::Alive(number, seat, of.shutdown()),
                None => Stopping::Building,
            },
        })
    }

    /// Starts a child that has ended, in a new seat.
    pub(crate) async fn restart_child(self: &Arc<Self>, name: &str) -> Result<Handle, ChildError> {
        // Before anything changes.
        let runtime = runtime::Handle::try_current().map_err(|_| SpawnError::NoRuntime)?;
        let (old, membership) = self.revive(name)?;
        let (handle, started) = old.again(&Site::On(runtime), membership)?;
        match started.await {
            Ok(Ok(())) => Ok(handle),
            Ok(Err(failure)) => Err(SpawnError::Failed(failure).into()),
            Err(_) => Err(self.unstarted(handle.seat().common()).into()),
        }
    }

    /// Takes the ended seat of a child out, whose factory makes the next one.
    fn revive(self: &Arc<Self>, name: &str) -> Result<(Arc<dyn AnySeat>, Membership), ChildError> {
        self.goes_on()?;
        let mut guard = self.state();
        let state = &mut *guard;
        let number = self.find_ended(state, name)?;
        let member = state.children.get_mut(number);
        let Some((old, restart)) = member.and_then(|member| Some((member.of.seat.take()?, member.restart())))
        else {
            return Err(self.no_more());
        };
        if let Some(member) = state.children.get_mut(number) {
            member.of.made = false;
        }
        state.children.revive(number);
        Ok((old, Membership { family: Arc::clone(self), restart, number }))
    }

    /// Forgets a child that has ended.
    pub(crate) fn delete_child(&self, name: &str) -> Result<(), ChildError> {
        self.goes_on()?;
        let mut state = self.state();
        let number = self.find_ended(&state, name)?;
        let forgotten = state.remove(number);
        drop(state);
        drop(forgotten);
        Ok(())
    }

    pub(crate) fn count(&self) -> ChildCount {
        let mut count = ChildCount::default();
        for (_, member) in self.state().children.iter() {
            count.known += 1;
            if member.stage() == Stage::Ended {
                count.ended += 1;
            } else if member.is_restarting() {
                count.restarting += 1;
            } else {
                count.running += 1;
            }
        }
        count
    }
}
