//! What the actors of one system share.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    ops::Deref,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use dashmap::{DashMap, Entry};

use super::{
    common::{Common, Ledger},
    departures::Departures,
    observer::Observer,
    seat::AnySeat,
    waits::Waits,
};
use crate::{DeadLetters, SpawnError, failure, policy::DEFAULT_DEAD_LETTERS};

/// The shards of the roster: more than the cores that spawn at the same time on most machines.
const SHARDS: usize = 8;

/// Dead letters, names, and the list of those alive.
pub(crate) struct Home {
    pub(crate) name: Arc<str>,
    pub(crate) dead_letters: DeadLetters,
    /// Replies of `Err` to messages that were told.
    pub(crate) unheard_errors: AtomicU64,
    /// Who looks on, in a test.
    pub(crate) observer: OnceLock<Arc<dyn Observer>>,
    pub(super) departures: Departures,
    names: DashMap<Arc<str>, Arc<dyn AnySeat>>,
    roster: [Apart<Mutex<Shard>>; SHARDS],
    /// Kept only if circles of asks are to be found.
    pub(super) waits: Option<Waits>,
}

/// Two cache lines of its own: an actor that starts and one that ends are most often in neighbouring shards, and on
/// different cores.
#[derive(Default)]
#[repr(align(128))]
struct Apart<T>(T);

#[derive(Default)]
struct Shard {
    rows: Vec<Row>,
    /// The first of the free rows.
    free: Option<u32>,
    /// The ledgers of those that have ended, added up.
    gone: Ledger,
}

enum Row {
    Taken(Arc<dyn AnySeat>),
    /// The next free one, so that no list of them takes memory, and another cache line.
    Free(Option<u32>),
}

const _: () = assert!(size_of::<Row>() == size_of::<Arc<dyn AnySeat>>(), "every actor has one");

impl Row {
    const fn seat(&self) -> Option<&Arc<dyn AnySeat>> {
        match self {
            Self::Taken(seat) => Some(seat),
            Self::Free(_) => None,
        }
    }
}

/// The system that an actor belongs to.
///
/// That of most is the default one, which is there for ever and not counted: the count would be one cache line for
/// which all that spawn and all that end contend.
#[derive(Clone)]
pub(crate) struct Homed(Option<Arc<Home>>);

impl Homed {
    pub(crate) const DEFAULT: Self = Self(None);

    /// For who keeps no system alive; that of the default one is empty.
    pub(super) fn downgrade(&self) -> Weak<Home> {
        self.0.as_ref().map_or_else(Weak::new, Arc::downgrade)
    }

    /// What tells it from others: an address, or 0 for the default one.
    #[inline]
    pub(super) fn key(&self) -> usize {
        self.0.as_ref().map_or(0, |home| Arc::as_ptr(home).addr())
    }

    /// The same of what [`downgrade`](Self::downgrade) gave.
    pub(super) fn key_of(weak: &Weak<Home>) -> usize {
        // An empty one has an address that is no address.
        if weak.ptr_eq(&Weak::new()) { 0 } else { weak.as_ptr().addr() }
    }
}

impl Deref for Homed {
    type Target = Arc<Home>;

    #[inline]
    fn deref(&self) -> &Arc<Home> {
        match &self.0 {
            Some(home) => home,
            None => Home::default_one(),
        }
    }
}

impl From<Arc<Home>> for Homed {
    fn from(home: Arc<Home>) -> Self {
        if home.is_default() { Self::DEFAULT } else { Self(Some(home)) }
    }
}

/// The system of those who say nothing about it: one per process.
static DEFAULT: OnceLock<Arc<Home>> = OnceLock::new();

impl Home {
    pub(crate) fn new(name: &str, detect_deadlocks: bool) -> Arc<Self> {
        failure::install_hook();
        Arc::new(Self {
            name: name.into(),
            dead_letters: DeadLetters::new(DEFAULT_DEAD_LETTERS),
            unheard_errors: AtomicU64::new(0),
            observer: OnceLock::new(),
            departures: Departures::default(),
            names: DashMap::new(),
            roster: Default::default(),
            waits: detect_deadlocks.then(Waits::default),
        })
    }

    #[inline]
    pub(crate) fn default_one() -> &'static Arc<Self> {
        DEFAULT.get_or_init(|| Self::new("default", false))
    }

    fn is_default(&self) -> bool {
        DEFAULT.get().is_some_and(|default| std::ptr::eq(Arc::as_ptr(default), self))
    }

    /// Gives a name to an actor.
    pub(crate) fn claim(&self, name: &Arc<str>, seat: Arc<dyn AnySeat>) -> Result<(), SpawnError> {
        match self.names.entry(Arc::clone(name)) {
            Entry::Occupied(_) => Err(SpawnError::NameTaken { name: Arc::clone(name) }),
            Entry::Vacant(free) => {
                free.insert(seat);
                Ok(())
            }
        }
    }

    pub(crate) fn named(&self, name: &str) -> Option<Arc<dyn AnySeat>> {
        self.names.get(name).map(|seat| Arc::clone(&seat))
    }

    /// Takes an actor into the roster.
    pub(crate) fn enlist(&self, seat: Arc<dyn AnySeat>) {
        let common = seat.common();
        let mut shard = self.shard_of(common);
        let number = shard.free.unwrap_or_else(|| {
            u32::try_from(shard.rows.len()).expect("so many seats take more memory than there is")
        });
        // Relaxed: under the lock, like every use of it.
        common.place.store(number, Ordering::Relaxed);
        match shard.rows.get_mut(number as usize) {
            Some(row) => {
                if let Row::Free(next) = std::mem::replace(row, Row::Taken(seat)) {
                    shard.free = next;
                }
            }
            None => {
                if shard.rows.len() == shard.rows.capacity() {
                    // A quarter more, and not as much again.
                    let more = (shard.rows.len() / 4).max(4);
                    shard.rows.reserve_exact(more);
                }
                shard.rows.push(Row::Taken(seat));
            }
        }
    }

    /// Strikes an ended actor off: its name is free, its ledger is added to those of the gone.
    #[inline]
    pub(crate) fn strike(&self, common: &Common, last: Ledger) {
        self.departures.note(common);
        if let Some(name) = common.identity.name() {
            self.free(name, common);
        }
        let mut shard = self.shard_of(common);
        // Relaxed: as in `enlist`.
        let number = common.place.load(Ordering::Relaxed);
        // Under the lock, so that `ledger` sees each actor on one side or the other.
        shard.gone += last;
        let next = shard.free.replace(number);
        let row = shard.rows.get_mut(number as usize);
        let seat = row.map(|row| std::mem::replace(row, Row::Free(next)));
        drop(shard);
        drop(seat);
    }

    #[inline(never)]
    fn free(&self, name: &str, common: &Common) {
        self.names.remove_if(name, |_, named| named.common().identity == common.identity);
    }

    /// Those alive, oldest first.
    pub(crate) fn alive(&self) -> Vec<Arc<dyn AnySeat>> {
        let mut alive = Vec::new();
        for shard in 0..SHARDS {
            alive.extend(self.shard(shard).rows.iter().filter_map(Row::seat).map(Arc::clone));
        }
        alive.sort_by_key(|seat| seat.common().identity.id());
        alive
    }

    /// The ledger of the whole system.
    pub(crate) fn ledger(&self) -> Ledger {
        let shards: [_; SHARDS] = std::array::from_fn(|shard| self.shard(shard));
        let mut sum = Ledger::default();
        shards.iter().for_each(|shard| sum += shard.gone);
        for seat in shards.iter().flat_map(|shard| shard.rows.iter().filter_map(Row::seat)) {
            sum += seat.ledger();
        }
        sum
    }

    /// A number from 0 to 1, for the jitter of a backoff. In a test it follows from the seed.
    pub(super) fn random(&self) -> f64 {
        self.observer.get().map_or_else(random, |observer| observer.random())
    }

    fn shard_of(&self, common: &Common) -> std::sync::MutexGuard<'_, Shard> {
        self.shard(usize::try_from(common.identity.id().get() % SHARDS as u64).unwrap_or_default())
    }

    fn shard(&self, index: usize) -> std::sync::MutexGuard<'_, Shard> {
        self.roster[index].0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A number from 0 to 1, good enough to keep restarts apart.
fn random() -> f64 {
    let bits = RandomState::new().build_hasher().finish() >> 11;
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit an f64 exactly")]
    {
        bits as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Identity, Overflow,
        actor::{Actor, seat::Seat},
    };

    struct Idle;
    impl Actor for Idle {}

    fn seats(home: &Arc<Home>, number: usize) -> Vec<Arc<dyn AnySeat>> {
        let seat = |_| -> Arc<dyn AnySeat> {
            let common = || Common::new(Identity::new(Idle::kind, None), Arc::clone(home), None);
            Arc::new(Seat::<Idle>::new(common, 1, Overflow::Wait, None))
        };
        (0..number).map(seat).collect()
    }

    fn shard_of(seat: &Arc<dyn AnySeat>) -> usize {
        usize::try_from(seat.common().identity.id().get()).expect("few have been made") % SHARDS
    }

    fn numbers(seats: &[Arc<dyn AnySeat>]) -> Vec<u64> {
        seats.iter().map(|seat| seat.common().identity.id().get()).collect()
    }

    #[test]
    fn rows_of_those_that_have_ended_are_used_again_and_nobody_is_lost() {
        let home = Home::new("roster", false);
        let (mut alive, mut most) = (Vec::new(), [0_usize; SHARDS]);
        for round in 0..20 {
            let new = seats(&home, 16 + round);
            new.iter().for_each(|seat| home.enlist(Arc::clone(seat)));
            alive.extend(new);
            for (shard, most) in most.iter_mut().enumerate() {
                *most = alive.iter().filter(|seat| shard_of(seat) == shard).count().max(*most);
            }
            assert_eq!(numbers(&home.alive()), numbers(&alive), "oldest first");
            // All but every third, so that rows become free out of order.
            let mut number = 0;
            alive.retain(|seat| {
                number += 1;
                let stays = number % 3 == 0;
                if !stays {
                    home.strike(seat.common(), seat.ledger());
                }
                stays
            });
            assert_eq!(numbers(&home.alive()), numbers(&alive));
        }
        let rows: [usize; SHARDS] = std::array::from_fn(|shard| home.shard(shard).rows.len());
        assert_eq!(rows, most, "no more rows than there were actors at a time");
    }
}
