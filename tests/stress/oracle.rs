//! What is written down while a run goes on, and what has to be true of it.
//!
//! | file | is about |
//! |---|---|
//! | `entry` | one message, and its one fate |
//! | `line` | the order in which a seat's messages come: lanes, retries, stash, evictions |
//! | `letters` | dead letters |
//! | `links` | who fails with whom |
//! | `watches` | one notice per watch |
//! | `end` | what is looked at when all is quiet, and when all is over |
//! | `totals` | the figures |

#[path = "oracle/end.rs"]
mod end;
#[path = "oracle/entry.rs"]
mod entry;
#[path = "oracle/letters.rs"]
mod letters;
#[path = "oracle/line.rs"]
mod line;
#[path = "oracle/links.rs"]
mod links;
#[path = "oracle/totals.rs"]
mod totals;
#[path = "oracle/watches.rs"]
mod watches;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, Ordering},
    },
};

use postbox::{
    ActorId, ActorRef, AutoShutdown, Cause, Handle, Limit, Restart, Status, StopReason, Subscription, WeakRef,
};
use tokio::time::Instant;

pub(crate) use self::{
    entry::{Entry, Outcome, Stamp},
    line::Taken,
    totals::{Totals, count},
};
use self::{
    letters::Graves,
    line::Line,
    links::{Links, Owed},
    totals::Counts,
    watches::Watches,
};
use crate::{
    node::Node,
    plan::{Plan, mix},
};

pub(crate) fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().expect("nobody panics with it")
}

/// One run: its plan, and the book of what happens.
pub(crate) struct World {
    pub(crate) plan: Plan,
    /// From now on nobody fails, kills or sends.
    calm: AtomicBool,
    places: Vec<Place>,
    /// Every seat there has been, and those that have started, by actor.
    seats: Mutex<Vec<Arc<SeatBook>>>,
    books: Mutex<HashMap<ActorId, Arc<SeatBook>>>,
    /// Every message there has been.
    entries: Mutex<Vec<Arc<Entry>>>,
    /// Messages and copies of them that exist.
    pub(crate) parcels: AtomicI64,
    /// Pings answered.
    pub(crate) pings: AtomicU64,
    /// Tasks that have something to send yet.
    pub(crate) under_way: AtomicU64,
    /// By supervisor's seat and incarnation.
    charges: Mutex<BTreeMap<(u64, u32), Charges>>,
    links: Mutex<Links>,
    letters: Mutex<Option<Subscription>>,
    graves: Graves,
    wrong: Mutex<Vec<String>>,
    trace: AtomicU64,
    next_number: AtomicU64,
    pub(crate) totals: Counts,
}

/// A place in the trees.
#[derive(Default)]
struct Place {
    alive: AtomicU32,
    here: Mutex<Option<(WeakRef<Node>, Arc<SeatBook>)>>,
    /// A free-standing actor lives by this reference.
    owner: Mutex<Option<ActorRef<Node>>>,
}

/// What is known of one seat.
pub(crate) struct SeatBook {
    /// Among all seats of the run; 0 is the topmost supervisor.
    pub(crate) number: u64,
    pub(crate) place: usize,
    pub(crate) parent: Option<(Arc<SeatBook>, u32)>,
    /// Values of its actor that exist.
    alive: AtomicU32,
    /// How many incarnations there have been, counted by calls of the factory.
    incarnations: AtomicU32,
    started: AtomicBool,
    /// What it has been told by others or by itself.
    told: AtomicU8,
    pages: Mutex<Pages>,
}

/// What an actor may be told.
#[derive(Clone, Copy)]
pub(crate) enum Told {
    Stop = 1,
    StopNow = 2,
    /// Its supervisor is told to stop it for good.
    ByHand = 4,
}

#[derive(Default)]
struct Pages {
    handle: Option<Handle>,
    /// When the last incarnation ended, and whether that is charged.
    last_end: Option<(Instant, bool)>,
    /// How the last incarnation ended that had a `stopped` hook.
    ended: Option<StopReason>,
    line: Line,
    owed: Owed,
    watches: Watches,
}

/// What is known of the restarts below one incarnation of a supervisor.
#[derive(Default)]
struct Charges {
    limit: Option<Limit>,
    /// When a restart was charged.
    times: Vec<Instant>,
    /// Children that have ended and are to start again.
    ended: BTreeSet<usize>,
    /// Significant children there have been.
    significant: Vec<Arc<SeatBook>>,
}

impl SeatBook {
    /// Before it is done.
    pub(crate) fn is_told(&self, what: Told) {
        self.told.fetch_or(what as u8, Ordering::SeqCst);
    }

    fn was_told(&self, what: Told) -> bool {
        self.told.load(Ordering::SeqCst) & what as u8 != 0
    }

    fn was_told_to_stop(&self) -> bool {
        self.was_told(Told::Stop) || self.was_told(Told::StopNow)
    }

    /// Whether a start of its has come to its end.
    pub(crate) fn has_served(&self) -> bool {
        self.started.load(Ordering::SeqCst)
    }

    /// Whether whoever sat here has ended for good, so that the next one is somebody else.
    fn is_vacated(&self) -> bool {
        let begun = self.incarnations.load(Ordering::SeqCst) > 0;
        begun && lock(&self.pages).handle.as_ref().is_none_or(|of| of.status() == Status::Ended)
    }
}

impl World {
    pub(crate) fn new(plan: Plan) -> Arc<Self> {
        Arc::new(Self {
            places: plan.nodes.iter().map(|_| Place::default()).collect(),
            trace: AtomicU64::new(plan.seed),
            plan,
            calm: AtomicBool::new(false),
            seats: Mutex::default(),
            books: Mutex::default(),
            entries: Mutex::default(),
            parcels: AtomicI64::new(0),
            pings: AtomicU64::new(0),
            under_way: AtomicU64::new(0),
            charges: Mutex::default(),
            links: Mutex::default(),
            letters: Mutex::default(),
            graves: Graves::default(),
            wrong: Mutex::default(),
            next_number: AtomicU64::new(1),
            totals: Counts::default(),
        })
    }

    pub(crate) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::SeqCst)
    }

    pub(crate) fn calm_down(&self) {
        self.calm.store(true, Ordering::SeqCst);
    }

    /// A number nobody else has.
    pub(crate) fn number(&self) -> u64 {
        self.next_number.fetch_add(1, Ordering::SeqCst)
    }

    pub(crate) fn wrong(&self, what: impl Into<String>) {
        lock(&self.wrong).push(what.into());
    }

    /// What the oracle found wrong.
    pub(crate) fn verdict(&self) -> Vec<String> {
        lock(&self.wrong).clone()
    }

    pub(crate) fn totals(&self) -> Totals {
        self.totals.of_one_run(self.trace.load(Ordering::SeqCst))
    }

    /// What happens goes into the trace, in order: the same run has the same.
    pub(crate) fn note(&self, what: u64, of: u64) {
        if self.plan.is_exact() {
            let before = self.trace.load(Ordering::SeqCst);
            self.trace.store(mix(before ^ mix(of.wrapping_mul(31).wrapping_add(what))), Ordering::SeqCst);
        }
    }

    /// Who sits at a place, if anybody has started there.
    pub(crate) fn at(&self, place: usize) -> Option<(WeakRef<Node>, Arc<SeatBook>)> {
        lock(&self.places[place].here).clone()
    }

    /// The seat of an actor that has started.
    pub(crate) fn book(&self, of: ActorId) -> Option<Arc<SeatBook>> {
        lock(&self.books).get(&of).cloned()
    }

    /// The reference by which a free-standing actor lives.
    pub(crate) fn owner(&self, place: usize) -> MutexGuard<'_, Option<ActorRef<Node>>> {
        lock(&self.places[place].owner)
    }

    pub(crate) fn seat(&self, place: usize, parent: Option<(Arc<SeatBook>, u32)>) -> Arc<SeatBook> {
        let book = Arc::new(SeatBook {
            number: self.number(),
            place,
            parent,
            alive: AtomicU32::new(0),
            incarnations: AtomicU32::new(0),
            started: AtomicBool::new(false),
            told: AtomicU8::new(0),
            pages: Mutex::default(),
        });
        lock(&self.seats).push(Arc::clone(&book));
        book
    }

    /// A factory is called. The number of the incarnation.
    pub(crate) fn begins(&self, slot: &Mutex<Arc<SeatBook>>) -> (Arc<SeatBook>, u32) {
        let mut slot = lock(slot);
        // Started again by hand, it is another actor.
        if slot.is_vacated() {
            *slot = self.seat(slot.place, slot.parent.clone());
        }
        let seat = Arc::clone(&slot);
        drop(slot);
        let incarnation = seat.incarnations.fetch_add(1, Ordering::SeqCst) + 1;
        self.note(1, seat.place as u64);
        count(&self.totals.incarnations);
        // I8: the old one and its children have ended.
        let old = seat.alive.load(Ordering::SeqCst) + self.places[seat.place].alive.load(Ordering::SeqCst);
        if old != 0 {
            self.wrong(format!("{}: two incarnations at once", self.name(&seat)));
        }
        for &child in &self.plan.nodes[seat.place].children {
            if self.places[child].alive.load(Ordering::SeqCst) != 0 {
                self.wrong(format!("{} starts before its child {child} has ended", self.name(&seat)));
            }
        }
        let last = lock(&seat.pages).last_end.take();
        if let Some((parent, of)) = &seat.parent {
            let mut charges = lock(&self.charges);
            let charges = charges.entry((parent.number, *of)).or_default();
            charges.limit = Some(self.plan.nodes[parent.place].limit);
            charges.ended.remove(&seat.place);
            if incarnation == 1 && self.plan.nodes[seat.place].significant {
                charges.significant.push(Arc::clone(&seat));
            }
            charges.times.extend(last.filter(|(_, charged)| *charged).map(|(at, _)| at));
        }
        if incarnation > 1 {
            count(&self.totals.restarts);
            self.unstashes_all(&seat);
            self.is_untied(&seat);
        }
        (seat, incarnation)
    }

    /// The value of the actor exists.
    pub(crate) fn lives(&self, seat: &SeatBook) {
        seat.alive.fetch_add(1, Ordering::SeqCst);
        self.places[seat.place].alive.fetch_add(1, Ordering::SeqCst);
    }

    /// It exists no more.
    pub(crate) fn is_gone(&self, seat: &SeatBook) {
        seat.alive.fetch_sub(1, Ordering::SeqCst);
        self.places[seat.place].alive.fetch_sub(1, Ordering::SeqCst);
    }

    /// The `started` hook is at work.
    pub(crate) fn sits(&self, seat: &Arc<SeatBook>, actor: WeakRef<Node>) {
        lock(&self.books).insert(actor.identity().id(), Arc::clone(seat));
        lock(&seat.pages).handle.get_or_insert_with(|| actor.handle());
        *lock(&self.places[seat.place].here) = Some((actor, Arc::clone(seat)));
    }

    /// The `started` hook is through.
    pub(crate) fn has_started(&self, seat: &SeatBook) {
        self.note(2, seat.place as u64);
        seat.started.store(true, Ordering::SeqCst);
    }

    /// The `stopped` hook is at work. `later_attempt`: the failure is that of a message which failed before.
    pub(crate) fn stops(&self, seat: &SeatBook, own: ActorId, reason: &StopReason, later_attempt: bool) {
        let plan = &self.plan.nodes[seat.place];
        match reason {
            StopReason::RestartLimit(failure) => {
                count(&self.totals.escalations);
                if let Cause::RestartLimit { charged, limit, .. } = failure.cause()
                    && *charged != limit.max + 1
                {
                    self.wrong(format!("{failure}"));
                }
            }
            StopReason::Stopped if !seat.was_told_to_stop() => self.shuts_down(seat),
            StopReason::Released if plan.free => count(&self.totals.released),
            StopReason::Released => self.wrong(format!("{} is released", self.name(seat))),
            _ => {}
        }
        let charged = match reason {
            StopReason::Failed(_) => !later_attempt,
            StopReason::RestartLimit(_) | StopReason::Killed | StopReason::Stopped => true,
            _ => false,
        };
        let for_good = match plan.restart {
            Restart::Permanent => false,
            Restart::Transient => matches!(reason, StopReason::Stopped),
            _ => true,
        };
        if plan.significant && for_good && !matches!(reason, StopReason::Shutdown) {
            count(&self.totals.significant);
        }
        lock(&seat.pages).ended = Some(reason.clone());
        self.parts(seat, own, reason);
        self.ends(seat, charged);
    }

    /// Nobody has told it to stop, so that its significant children have.
    fn shuts_down(&self, seat: &SeatBook) {
        count(&self.totals.shut_down);
        let of = seat.incarnations.load(Ordering::SeqCst);
        // Not all have a hook that says so: one can be stopped between two incarnations.
        let has_ended = |child: &Arc<SeatBook>| child.alive.load(Ordering::SeqCst) == 0;
        let mut ended = false;
        if let Some(charges) = lock(&self.charges).get(&(seat.number, of)) {
            ended = charges.significant.iter().any(has_ended);
        }
        if self.plan.nodes[seat.place].auto_shutdown == AutoShutdown::Never || !ended {
            self.wrong(format!("{} stops, and nobody has told it to", self.name(seat)));
        }
    }

    /// An incarnation has ended. In a group only the first end is charged, until all have started again: what is
    /// counted here are ends that can have been nothing else.
    pub(crate) fn ends(&self, seat: &SeatBook, charged: bool) {
        self.note(3, seat.place as u64 * 2 + u64::from(charged));
        let counts = seat.parent.as_ref().is_none_or(|(parent, of)| {
            let mut charges = lock(&self.charges);
            let ended = &mut charges.entry((parent.number, *of)).or_default().ended;
            let first = ended.is_empty();
            // A temporary one does not start again, nor one that was stopped by hand, and nobody waits for it.
            if self.plan.nodes[seat.place].restart != Restart::Temporary && !seat.was_told(Told::ByHand) {
                ended.insert(seat.place);
            }
            // On several threads the order in which ends are written down is not that of the decisions.
            !self.plan.nodes[parent.place].grouped || first && self.plan.is_exact()
        });
        lock(&seat.pages).last_end = Some((Instant::now(), charged && counts));
    }

    pub(crate) fn name(&self, seat: &SeatBook) -> String {
        format!("{} (seat {})", self.plan.nodes[seat.place].name, seat.number)
    }
}
