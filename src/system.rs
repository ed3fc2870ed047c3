//! A system: the actors that share names, a dead-letter sink and a ledger.

use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::time::{Instant, timeout_at};

#[cfg(feature = "signal")]
mod signal;

use crate::{
    Actor, ActorRef, Context, DeadLetters, Handle, Identity, Ledger, Spawn, StopReason, SupervisorBuilder,
    actor::{AnySeat, Home, Hooks, Listener, current_home, kill_all},
};

/// Holds the actors that share names, dead letters and a ledger.
///
/// Most programs need only the default system, which `spawn` uses by itself. Make one to keep parts of a
/// process, or tests, apart. Cloning makes another reference to the same system.
///
/// # Examples
///
/// ```
/// use postbox::prelude::*;
/// use std::time::Duration;
///
/// #[derive(Actor)]
/// struct Cashier;
///
/// #[messages]
/// impl Cashier {
///     /// Takes money, if there is any.
///     #[message]
///     fn pay(&self, amount: u64) -> Result<(), String> {
///         if amount == 0 { Err("nothing".to_owned()) } else { Ok(()) }
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let system = System::new("billing");
/// let cashier = Cashier.prepare().name("cashier").system(&system).spawn()?;
/// assert_eq!(system.lookup::<Cashier>("cashier").as_ref(), Some(&cashier));
/// assert_eq!((system.name(), system.actors().len()), ("billing", 1));
///
/// cashier.pay(0).tell().await?;
/// let report = system.shutdown(Duration::from_secs(1)).await;
/// assert!(report.ledger.balances() && system.ledger().handled == 1);
/// assert_eq!(system.unheard_errors(), 1, "nobody heard that there was nothing");
/// assert_eq!(system.dead_letters().total(), 0);
///
/// // Without a word about a system, an actor outside any other is in that of the process:
/// let cashier = Cashier.spawn();
/// assert!(System::current().actors().contains(&cashier.handle()));
/// # Ok(()) }
/// ```
pub struct System {
    pub(crate) home: Arc<Home>,
}

impl System {
    /// Makes a system of its own.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self::builder(name).build()
    }

    /// Begins to make a system with other than the default options.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::prelude::*;
    ///
    /// let system = System::builder("billing").detect_deadlocks(true).build();
    /// assert_eq!(system.name(), "billing");
    /// ```
    pub fn builder(name: &str) -> SystemBuilder {
        SystemBuilder { name: name.into(), detect_deadlocks: false }
    }

    /// Returns the system of the actor this is called in, or else the default one of the process.
    #[must_use]
    pub fn current() -> Self {
        Self::of(Arc::clone(&current_home()))
    }

    fn of(home: Arc<Home>) -> Self {
        home.dead_letters.add_reader();
        Self { home }
    }

    /// Returns the system's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.home.name
    }

    /// Returns the sink of the messages that nobody handled.
    #[must_use]
    pub fn dead_letters(&self) -> &DeadLetters {
        &self.home.dead_letters
    }

    /// Returns what became of every message that actors of this system have accepted, those that have ended
    /// included.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.home.ledger()
    }

    /// Returns how many replies were errors that nobody saw, because the message was told and not asked.
    #[must_use]
    pub fn unheard_errors(&self) -> u64 {
        // Relaxed: a count.
        self.home.unheard_errors.load(Ordering::Relaxed)
    }

    /// Finds a named actor. `None` when there is none of that name, or it is not an `A`.
    #[must_use]
    pub fn lookup<A: Actor>(&self, name: &str) -> Option<ActorRef<A>> {
        Handle::new(self.home.named(name)?).typed()
    }

    /// Returns handles of all actors alive, oldest first.
    #[must_use]
    pub fn actors(&self) -> Vec<Handle> {
        self.home.alive().into_iter().map(Handle::new).collect()
    }

    /// Stops every actor: those that are nobody's child one after the other, youngest first, each with what
    /// it has accepted and with its children. What has not ended after `within` is killed.
    ///
    /// An actor closes when its turn to stop comes, so that a pipeline runs dry; from then on a send to it
    /// fails with the message inside. One that takes longer than half of the time that is left goes on stopping
    /// while the next ones have their turns, so that one that hangs does not cost the others their orderly stop;
    /// it is killed when `within` is over, and not before. What is killed has [`KILL_GRACE`](crate::KILL_GRACE) for its `stopped`
    /// hook. A handler that never awaits cannot be killed: its actor is [`Status::Detached`](crate::Status::Detached), and listed as
    /// such. So the shutdown takes `within` and three seconds at the most.
    ///
    /// Actors that are spawned meanwhile are stopped as well. A system that has been shut down is empty, and
    /// may be used again.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it stops no more actors; those already told go on stopping. Call it again to go on.
    pub async fn shutdown(&self, within: Duration) -> ShutdownReport {
        // Before anybody is told: the report is of all that end from here on, whoever they belong to.
        let departed = Listener::new(&self.home);
        let end = Instant::now().checked_add(within);
        // Those that go on stopping while others have their turns.
        let mut slow: Vec<Arc<dyn AnySeat>> = Vec::new();
        loop {
            let turn =
                self.roots().into_iter().rev().find(|root| !slow.iter().any(|seat| Arc::ptr_eq(seat, root)));
            let all_had_it = turn.is_none();
            let root = match turn {
                Some(root) => {
                    root.stop();
                    root
                }
                None if slow.is_empty() => break,
                None => slow.remove(0),
            };
            let until = if all_had_it { end } else { end.map(halfway_to) };
            let in_time = ended_by(&*root, until).await;
            slow.push(root);
            // Also those that ended while others were waited for.
            slow.retain(|root| root.common().told().is_none());
            if !in_time && end.is_some_and(|end| end <= Instant::now()) {
                break;
            }
        }
        drop(slow);
        // Those that were not in time, and those that came, or were not come to, meanwhile.
        let mut late = self.home.alive();
        late.reverse();
        kill_all(&late, Hooks::Cut).await;
        let mut report = ShutdownReport {
            stopped: Vec::new(),
            killed: Vec::new(),
            detached: late
                .iter()
                .filter(|seat| seat.common().ended().is_none())
                .map(|seat| seat.common().identity.clone())
                .collect(),
            ledger: Ledger::default(),
        };
        for (identity, reason) in departed.take() {
            // Its code may have come back just now.
            report.detached.retain(|detached| *detached != identity);
            match reason {
                StopReason::Killed => report.killed.push(identity),
                _ => report.stopped.push(identity),
            }
        }
        self.home.dead_letters.log_rest();
        report.ledger = self.ledger();
        report
    }

    /// All actors alive, oldest first.
    pub(crate) fn alive(&self) -> Vec<Arc<dyn AnySeat>> {
        self.home.alive()
    }

    /// Those that are nobody's child and can be stopped, oldest first.
    fn roots(&self) -> Vec<Arc<dyn AnySeat>> {
        let mut alive = self.home.alive();
        alive.retain(|seat| seat.common().membership.is_none() && !seat.common().is_detached());
        alive
    }
}

/// Holds the options of a system: see [`System::builder`].
///
/// # Examples
///
/// ```
/// use postbox::prelude::*;
///
/// let system = System::builder("billing").detect_deadlocks(true).build();
/// assert_eq!(system.name(), "billing");
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is made until `build` is called"]
pub struct SystemBuilder {
    name: Arc<str>,
    detect_deadlocks: bool,
}

impl SystemBuilder {
    /// Sets whether an ask that closes a circle of actors, each of which awaits the next, ends at once with
    /// [`AskError::WouldDeadlock`](crate::AskError::WouldDeadlock) and the way around. Off unless set.
    ///
    /// It costs a lock shared by the system for each ask that a handler awaits, so it is for tests and for
    /// programs that can afford it. It sees the asks that are awaited in handlers and hooks, those with a timeout
    /// as well; not those of tasks that a handler has spawned, and not tells that wait for room. An actor that has
    /// put an answer off with [`Context::reply_later`] counts as asked until the answer is there.
    pub fn detect_deadlocks(self, on: bool) -> Self {
        Self { detect_deadlocks: on, ..self }
    }

    /// Makes the system.
    #[must_use]
    pub fn build(self) -> System {
        // The first reader of the dead letters, whom they count from the start.
        System { home: Home::new(&self.name, self.detect_deadlocks) }
    }
}

/// The middle of the time that is left.
fn halfway_to(end: Instant) -> Instant {
    let now = Instant::now();
    now + end.saturating_duration_since(now) / 2
}

async fn ended_by(seat: &dyn AnySeat, end: Option<Instant>) -> bool {
    let ended = seat.common().wait_ended();
    match end {
        Some(end) => timeout_at(end, ended).await.is_ok(),
        None => {
            ended.await;
            true
        }
    }
}

impl<A: Actor> Context<A> {
    /// Returns the system the actor belongs to.
    #[must_use]
    pub fn system(&self) -> System {
        System::of(Arc::clone(self.home()))
    }
}

impl<A: Actor> Spawn<A> {
    /// Sets the system the actor belongs to.
    pub fn system(self, system: &System) -> Self {
        self.home(Arc::clone(&system.home))
    }
}

impl SupervisorBuilder {
    /// Sets the system the supervisor belongs to.
    pub fn system(self, system: &System) -> Self {
        self.home(Arc::clone(&system.home))
    }
}

impl Clone for System {
    fn clone(&self) -> Self {
        Self::of(Arc::clone(&self.home))
    }
}

impl Drop for System {
    fn drop(&mut self) {
        self.home.dead_letters.remove_reader();
    }
}

impl fmt::Debug for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("System").field("name", &self.home.name).finish_non_exhaustive()
    }
}

/// Tells how a [`System::shutdown`] went: everybody who ended from its beginning on, those that were spawned
/// meanwhile, or ended for a reason of their own, included.
///
/// # Examples
///
/// ```
/// use postbox::prelude::*;
/// use std::time::Duration;
///
/// #[derive(Actor)]
/// struct Idle;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let system = System::new("shop");
/// let idle = Idle.prepare().system(&system).spawn()?;
/// let report = system.shutdown(Duration::from_secs(1)).await;
/// assert!(report.is_clean(), "{report}");
/// assert_eq!(report.stopped, [idle.identity().clone()]);
/// assert!(report.killed.is_empty() && report.detached.is_empty() && report.ledger.balances());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Those that did not have to be killed, in the order in which they ended.
    pub stopped: Vec<Identity>,
    /// Those that had to be killed, in the order in which they ended.
    pub killed: Vec<Identity>,
    /// Those that were killed and whose code does not come to an await: [`Status::Detached`](crate::Status::Detached).
    pub detached: Vec<Identity>,
    /// The ledger of the system at the end.
    pub ledger: Ledger,
}

impl ShutdownReport {
    /// Returns whether everybody stopped by themselves.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.killed.is_empty() && self.detached.is_empty()
    }
}

/// In one line: how many stopped, how many were killed, who is detached, and the ledger.
impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} stopped, {} killed", self.stopped.len(), self.killed.len())?;
        for (place, identity) in self.detached.iter().enumerate() {
            let before = if place == 0 { ", detached: " } else { ", " };
            write!(f, "{before}{identity}")?;
        }
        write!(f, "; {}", self.ledger)
    }
}
