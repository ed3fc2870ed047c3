//! A look at a whole system: who is there, doing what, with how much before them.

use std::{collections::HashSet, fmt, sync::Arc};

use crate::{
    ActorId, Failure, Identity, Ledger, Status, System,
    actor::{AnySeat, Family},
};

#[cfg(feature = "serde")]
mod serialize;

/// Shows a system at one moment, as a tree of actors: see [`System::snapshot`].
///
/// As text it is a tree for a terminal; with the feature `serde` it serializes.
///
/// # Examples
///
/// ```
/// use postbox::{Snapshot, prelude::*};
///
/// #[derive(Actor, Default)]
/// struct Cache;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let system = System::new("shop");
/// let tree = Supervisor::one_for_one().name("tree").system(&system).start().await?;
/// let cache = tree.spawn(child("cache", Cache::default)).await?;
///
/// let snapshot: Snapshot = system.snapshot();
/// assert_eq!((&*snapshot.system, snapshot.count(), snapshot.actors.len()), ("shop", 2, 1));
/// assert!(snapshot.find(cache.identity().id()).is_some_and(|cache| cache.restarts == 0));
/// assert!(snapshot.ledger.balances());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// The name of the system.
    pub system: Arc<str>,
    /// Those that are nobody's child, oldest first. So are those whose supervisor has ended without them,
    /// because they are [detached](Status::Detached).
    pub actors: Vec<ActorSnapshot>,
    /// What became of every message of the system, those to actors that have ended included.
    pub ledger: Ledger,
}

/// Shows one actor in a [`Snapshot`].
///
/// # Examples
///
/// ```
/// use postbox::{ActorSnapshot, Status, prelude::*};
///
/// #[derive(Actor, Default)]
/// struct Cache;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let system = System::new("shop");
/// let tree = Supervisor::one_for_one().name("tree").system(&system).start().await?;
/// let cache = tree.spawn(child("cache", Cache::default)).await?;
///
/// let snapshot = system.snapshot();
/// let cache: &ActorSnapshot = snapshot.find(cache.identity().id()).ok_or("it is there")?;
/// assert_eq!((cache.status, cache.depth, cache.capacity), (Status::Running, 0, 64));
/// assert_eq!((cache.restarts, cache.children.len()), (0, 0));
/// assert!(cache.last_failure.is_none() && cache.ledger.balances());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ActorSnapshot {
    /// Who it is.
    pub identity: Identity,
    /// What it is doing.
    pub status: Status,
    /// How many messages wait in its mailbox.
    pub depth: usize,
    /// How many can.
    pub capacity: usize,
    /// What became of its messages.
    pub ledger: Ledger,
    /// How often its supervisor has started it again.
    pub restarts: u64,
    /// The last failure after which it was started again.
    pub last_failure: Option<Failure>,
    /// Its children, in start order.
    pub children: Vec<ActorSnapshot>,
}

impl System {
    /// Looks at every actor alive.
    ///
    /// It asks no actor: it reads what their references read, so it neither waits for a long handler nor is
    /// held up by a blocked one. The figures of one actor are read at one moment, up to a message on its way
    /// from waiting to handled; those of different actors one after the other, while messages go on moving. On a
    /// system at rest it is exact. It takes short locks and time in proportion to the number of actors: for an
    /// operator's question now and then, not for each request.
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
    /// let system = System::new("shop");
    /// let tree = Supervisor::one_for_one().name("tree").system(&system).start().await?;
    /// let cache = tree.spawn(child("cache", Cache::default)).await?;
    ///
    /// let snapshot = system.snapshot();
    /// assert_eq!(snapshot.actors[0].children[0].identity, *cache.identity());
    /// println!("{snapshot}");
    /// // system shop: 2 actors; 0 accepted = 0 handled + 0 dead + …
    /// // └─ tree#1 (Supervisor) running, 0/64 waiting
    /// //    └─ cache#2 (Cache) running, 0/64 waiting
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let alive = self.alive();
        let mut seen = HashSet::new();
        let is_root = |seat: &&Arc<dyn AnySeat>| seat.common().membership.is_none();
        let mut actors: Vec<_> = alive.iter().filter(is_root).map(|root| look(root, &mut seen)).collect();
        for seat in &alive {
            if !seen.contains(&seat.common().identity.id()) {
                actors.push(look(seat, &mut seen));
            }
        }
        actors.sort_by_key(|actor| actor.identity.id());
        Snapshot { system: self.name().into(), actors, ledger: self.ledger() }
    }
}

fn look(seat: &Arc<dyn AnySeat>, seen: &mut HashSet<ActorId>) -> ActorSnapshot {
    let common = seat.common();
    seen.insert(common.identity.id());
    let history = common.membership.as_ref().and_then(|member| member.family.history(member.number));
    let history = history.unwrap_or_default();
    let children = common.family().map(Family::seats).unwrap_or_default();
    let ledger = seat.ledger();
    ActorSnapshot {
        identity: common.identity.clone(),
        status: common.status(),
        depth: usize::try_from(ledger.queued).unwrap_or(usize::MAX),
        capacity: seat.capacity(),
        ledger,
        restarts: history.restarts,
        last_failure: history.last_failure,
        children: children.iter().map(|child| look(child, seen)).collect(),
    }
}

impl Snapshot {
    /// Returns how many actors there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.actors.iter().map(ActorSnapshot::count).sum()
    }

    /// Finds an actor by its id, wherever it is in the tree.
    #[must_use]
    pub fn find(&self, id: ActorId) -> Option<&ActorSnapshot> {
        self.actors.iter().find_map(|actor| actor.find(id))
    }
}

impl ActorSnapshot {
    fn count(&self) -> usize {
        1 + self.children.iter().map(Self::count).sum::<usize>()
    }

    fn find(&self, id: ActorId) -> Option<&Self> {
        if self.identity.id() == id {
            return Some(self);
        }
        self.children.iter().find_map(|child| child.find(id))
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.count();
        let plural = if count == 1 { "" } else { "s" };
        write!(f, "system {}: {count} actor{plural}; {}", self.system, self.ledger)?;
        branches(f, &self.actors, &mut String::new())
    }
}

/// One line of a tree, without what is below it.
impl fmt::Display for ActorSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.identity)?;
        if self.identity.name().is_some() {
            write!(f, " ({})", self.identity.kind())?;
        }
        write!(f, " {}, {}/{} waiting", self.status, self.depth, self.capacity)?;
        if self.ledger.in_flight > 0 {
            write!(f, ", {} in flight", self.ledger.in_flight)?;
        }
        match (self.restarts, &self.last_failure) {
            (0, _) => {}
            (1, _) => write!(f, ", 1 restart")?,
            (restarts, _) => write!(f, ", {restarts} restarts")?,
        }
        match &self.last_failure {
            Some(failure) => write!(f, ", last failed {}: {}", failure.step(), failure.cause()),
            None => Ok(()),
        }
    }
}

fn branches(f: &mut fmt::Formatter<'_>, actors: &[ActorSnapshot], before: &mut String) -> fmt::Result {
    for (place, actor) in actors.iter().enumerate() {
        let (branch, below) =
            if place + 1 < actors.len() { ("├─ ", "│  ") } else { ("└─ ", "   ") };
        write!(f, "\n{before}{branch}{actor}")?;
        before.push_str(below);
        branches(f, &actor.children, before)?;
        before.truncate(before.len() - below.len());
    }
    Ok(())
}
