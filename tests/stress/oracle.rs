//! What is written down while a run goes on, and what has to be true of it in the end.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering},
    },
};

use postbox::{ActorId, DeadLetter, Handle, Limit, Reason, Restart, Status, WeakRef};
use tokio::time::Instant;

use crate::{
    node::{Errand, Job, Node},
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
    /// Every seat there has been.
    seats: Mutex<Vec<Arc<SeatBook>>>,
    /// Every message there has been.
    entries: Mutex<Vec<Arc<Entry>>>,
    /// Messages and copies of them that exist.
    pub(crate) parcels: AtomicI64,
    /// Pings answered.
    pub(crate) pings: AtomicU64,
    /// By supervisor's seat and incarnation.
    charges: Mutex<BTreeMap<(u64, u32), Charges>>,
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
}

/// What is known of one seat.
pub(crate) struct SeatBook {
    /// Among all seats of the run; 0 is the topmost supervisor.
    pub(crate) number: u64,
    pub(crate) place: usize,
    pub(crate) parent: Option<(Arc<SeatBook>, u32)>,
    /// Values of its actor that exist.
    pub(crate) alive: AtomicU32,
    /// How many incarnations there have been, counted by calls of the factory.
    pub(crate) incarnations: AtomicU32,
    started: AtomicBool,
    pub(crate) pages: Mutex<Pages>,
}

#[derive(Default)]
pub(crate) struct Pages {
    pub(crate) handle: Option<Handle>,
    /// When the last incarnation ended, and whether that is charged.
    last_end: Option<(Instant, bool)>,
    /// The last number of each sender that a handler has been given.
    order: HashMap<u64, u64>,
    /// The message whose next attempt is due.
    pub(crate) due: Option<Arc<Entry>>,
    watches: BTreeMap<ActorId, Watch>,
    /// Whose end has been told here.
    gone: HashSet<ActorId>,
    /// Messages that others have come before, with their takes by then.
    passed: Vec<(Arc<Entry>, u32)>,
}

/// What is known of the restarts below one incarnation of a supervisor.
#[derive(Default)]
struct Charges {
    limit: Option<Limit>,
    /// When a restart was charged.
    times: Vec<Instant>,
    /// Children that have ended and are to start again.
    ended: BTreeSet<usize>,
}

struct Watch {
    open: bool,
    of: Handle,
    book: Arc<SeatBook>,
}

/// What is known of one message. Each is raised where it happens.
#[derive(Default)]
pub(crate) struct Entry {
    pub(crate) number: u64,
    pub(crate) from_outside: bool,
    pub(crate) takes: AtomicU32,
    /// Times its handler came to its end.
    pub(crate) handled: AtomicU32,
    /// Times it was found in a dead letter.
    buried: AtomicU32,
    outcome: Mutex<Option<Outcome>>,
}

/// What its sender was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Told,
    /// It was not accepted, and its sender has it.
    Refused,
    Answered,
    NeverStarted,
    Late,
    Failed,
    NoReply,
    Aborted,
    /// It came back from a stopped actor, accepted or not.
    Returned,
    /// Its sender did not wait for more.
    Dropped,
}

macro_rules! counts {
    ($($name:ident: $what:literal),* $(,)?) => {
        /// How often what happened.
        #[derive(Default)]
        pub(crate) struct Counts { $(pub(crate) $name: AtomicU64),* }

        /// The same, added up.
        #[derive(Clone, Copy, Default, PartialEq, Eq)]
        pub(crate) struct Totals { pub(crate) runs: u64, pub(crate) trace: u64, $(pub(crate) $name: u64),* }

        impl World {
            pub(crate) fn totals(&self) -> Totals {
                Totals {
                    runs: 1,
                    trace: self.trace.load(Ordering::SeqCst),
                    $($name: self.totals.$name.load(Ordering::SeqCst)),*
                }
            }
        }

        impl std::ops::AddAssign for Totals {
            fn add_assign(&mut self, other: Self) {
                self.runs += other.runs;
                self.trace ^= other.trace;
                $(self.$name += other.$name;)*
            }
        }

        impl fmt::Debug for Totals {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{} runs, trace {:x}", self.runs, self.trace)?;
                $(write!(f, concat!(", {} ", $what), self.$name)?;)*
                Ok(())
            }
        }

        impl Totals {
            /// What never happened.
            pub(crate) fn missing(&self) -> Vec<&'static str> {
                let mut missing = Vec::new();
                $(if self.$name == 0 { missing.push($what); })*
                missing
            }
        }
    };
}

counts! {
    messages: "messages",
    accepted: "accepted",
    handled: "handled",
    dead: "dead letters",
    returned: "returned",
    retries: "later attempts",
    incarnations: "incarnations",
    restarts: "restarts",
    failed_starts: "failed starts",
    escalations: "escalations",
    watches: "watches",
    notices: "notices",
    unwatched: "watches taken back",
    kills: "kills",
    stops: "stops",
    asks: "asks",
    answers: "answers",
    never_started: "deadlines while queued",
    late: "deadlines in flight",
    failed: "failed asks",
    no_reply: "asks without a reply",
    aborted: "aborted asks",
    refused: "refused sends",
    live: "live at the end",
}

pub(crate) fn count(of: &AtomicU64) {
    of.fetch_add(1, Ordering::SeqCst);
}

impl World {
    pub(crate) fn new(plan: Plan) -> Arc<Self> {
        Arc::new(Self {
            places: plan.nodes.iter().map(|_| Place::default()).collect(),
            trace: AtomicU64::new(plan.seed),
            plan,
            calm: AtomicBool::new(false),
            seats: Mutex::default(),
            entries: Mutex::default(),
            parcels: AtomicI64::new(0),
            pings: AtomicU64::new(0),
            charges: Mutex::default(),
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

    pub(crate) fn seat(&self, place: usize, parent: Option<(Arc<SeatBook>, u32)>) -> Arc<SeatBook> {
        let book = Arc::new(SeatBook {
            number: self.number(),
            place,
            parent,
            alive: AtomicU32::new(0),
            incarnations: AtomicU32::new(0),
            started: AtomicBool::new(false),
            pages: Mutex::default(),
        });
        lock(&self.seats).push(Arc::clone(&book));
        book
    }

    /// A factory is called. The number of the incarnation.
    pub(crate) fn begins(&self, seat: &SeatBook) -> u32 {
        let incarnation = seat.incarnations.fetch_add(1, Ordering::SeqCst) + 1;
        self.note(1, seat.place as u64);
        count(&self.totals.incarnations);
        // I8: the old one and its children have ended.
        let old = seat.alive.load(Ordering::SeqCst) + self.places[seat.place].alive.load(Ordering::SeqCst);
        if old != 0 {
            self.wrong(format!("{}: two incarnations at once", self.name(seat)));
        }
        for &child in &self.plan.nodes[seat.place].children {
            if self.places[child].alive.load(Ordering::SeqCst) != 0 {
                self.wrong(format!("{} starts before its child {child} has ended", self.name(seat)));
            }
        }
        let last = lock(&seat.pages).last_end.take();
        if incarnation > 1 {
            count(&self.totals.restarts);
            if let Some((parent, of)) = &seat.parent {
                let mut charges = lock(&self.charges);
                let charges = charges.entry((parent.number, *of)).or_default();
                charges.limit = Some(self.plan.nodes[parent.place].limit);
                charges.ended.remove(&seat.place);
                charges.times.extend(last.filter(|(_, charged)| *charged).map(|(at, _)| at));
            }
        }
        incarnation
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
        lock(&seat.pages).handle.get_or_insert_with(|| actor.handle());
        *lock(&self.places[seat.place].here) = Some((actor, Arc::clone(seat)));
    }

    /// The `started` hook is through.
    pub(crate) fn has_started(&self, seat: &SeatBook) {
        self.note(2, seat.place as u64);
        seat.started.store(true, Ordering::SeqCst);
    }

    /// An incarnation has ended. In a group only the first end is charged, until all have started again: what is
    /// counted here are ends that can have been nothing else.
    pub(crate) fn ends(&self, seat: &SeatBook, charged: bool) {
        self.note(3, seat.place as u64 * 2 + u64::from(charged));
        let counts = seat.parent.as_ref().is_none_or(|(parent, of)| {
            let mut charges = lock(&self.charges);
            let ended = &mut charges.entry((parent.number, *of)).or_default().ended;
            let first = ended.is_empty();
            // A temporary one does not start again, and nobody waits for it.
            if self.plan.nodes[seat.place].restart != Restart::Temporary {
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

    pub(crate) fn entry(&self, from_outside: bool) -> Arc<Entry> {
        count(&self.totals.messages);
        let entry = Arc::new(Entry { number: self.number(), from_outside, ..Entry::default() });
        lock(&self.entries).push(Arc::clone(&entry));
        entry
    }

    /// A handler is given a message. The number of the attempt.
    pub(crate) fn taken(
        &self,
        seat: &SeatBook,
        entry: &Arc<Entry>,
        sender: (u64, Option<ActorId>),
        sequence: u64,
    ) -> u32 {
        let attempt = entry.takes.fetch_add(1, Ordering::SeqCst) + 1;
        self.note(4, entry.number);
        let mut pages = lock(&seat.pages);
        // I4: a retried message never lets a later one of the same actor overtake it.
        match pages.due.take() {
            Some(due) if !Arc::ptr_eq(&due, entry) => {
                let takes = due.takes.load(Ordering::SeqCst);
                pages.passed.push((due, takes));
            }
            _ => {}
        }
        if attempt > 1 {
            count(&self.totals.retries);
            return attempt;
        }
        // I4: per sender, first takes are in accept order.
        if let Some(before) = pages.order.insert(sender.0, sequence)
            && before >= sequence
        {
            self.wrong(format!("{}: message {sequence} after {before} of a sender", self.name(seat)));
        }
        // I7: a notice comes after every message that the ended actor had sent.
        if sender.1.is_some_and(|from| pages.gone.contains(&from)) {
            self.wrong(format!("{}: a message after its sender's end was told", self.name(seat)));
        }
        attempt
    }

    pub(crate) fn handled(&self, entry: &Entry) {
        self.note(5, entry.number);
        entry.handled.fetch_add(1, Ordering::SeqCst);
    }

    /// The sender's send has come to its end.
    pub(crate) fn resolved(&self, entry: &Entry, outcome: Outcome) {
        self.note(6 + outcome as u64, entry.number);
        let totals = &self.totals;
        match outcome {
            Outcome::Answered => count(&totals.answers),
            Outcome::NeverStarted => count(&totals.never_started),
            Outcome::Late => count(&totals.late),
            Outcome::Failed => count(&totals.failed),
            Outcome::NoReply => count(&totals.no_reply),
            Outcome::Aborted => count(&totals.aborted),
            Outcome::Refused => count(&totals.refused),
            Outcome::Told | Outcome::Returned | Outcome::Dropped => {}
        }
        // I6: once.
        if let Some(before) = lock(&entry.outcome).replace(outcome) {
            self.wrong(format!("message {}: {before:?}, and then {outcome:?}", entry.number));
        }
    }

    /// Before a call of `watch`, in the watcher.
    pub(crate) fn watches(&self, watcher: &SeatBook, target: &Handle, book: &Arc<SeatBook>) {
        let mut pages = lock(&watcher.pages);
        let new = || Watch { open: false, of: target.clone(), book: Arc::clone(book) };
        let watch = pages.watches.entry(target.identity().id()).or_insert_with(new);
        if !std::mem::replace(&mut watch.open, true) {
            count(&self.totals.watches);
        }
    }

    /// Before a call of `unwatch`, in the watcher. Whose watch is taken back: the eldest that is left.
    pub(crate) fn unwatches(&self, watcher: &SeatBook) -> Option<Handle> {
        let mut pages = lock(&watcher.pages);
        let watch = pages.watches.values_mut().find(|watch| watch.open)?;
        watch.open = false;
        count(&self.totals.unwatched);
        Some(watch.of.clone())
    }

    /// A notice has come.
    pub(crate) fn noticed(&self, watcher: &SeatBook, of: ActorId) {
        count(&self.totals.notices);
        let mut pages = lock(&watcher.pages);
        pages.gone.insert(of);
        let Some(watch) = pages.watches.get_mut(&of) else {
            return self.wrong(format!("{}: a notice of {of} without a watch", self.name(watcher)));
        };
        self.note(20, watch.book.number);
        if !std::mem::take(&mut watch.open) {
            self.wrong(format!("{}: one notice of {of} too many", self.name(watcher)));
        }
        // I7: after its `stopped` hook, its state and all its messages.
        let ledger = watch.of.ledger();
        if watch.of.status() != Status::Ended || ledger.settled() != ledger.accepted {
            self.wrong(format!("{}: told of the end of {:?}: {ledger}", self.name(watcher), watch.of));
        }
        if watch.book.alive.load(Ordering::SeqCst) != 0 {
            self.wrong(format!("{}: told of the end of {of}, which lives", self.name(watcher)));
        }
    }

    /// A dead letter. True: it is that of an accepted message of which nothing is left.
    pub(crate) fn buried(&self, letter: &DeadLetter) -> bool {
        let entry = match letter.take_message::<Job>() {
            Some(Job(parcel)) => Arc::clone(&parcel.entry),
            None => match letter.take_message::<Errand>() {
                Some(Errand(parcel)) => Arc::clone(&parcel.entry),
                None => return letter.reason() != Reason::LateReply,
            },
        };
        entry.buried.fetch_add(1, Ordering::SeqCst);
        let (takes, attempts) = (entry.takes.load(Ordering::SeqCst), letter.attempts());
        // By a kill in between, an attempt may end before the handler is polled. The letter of a message whose
        // asker gave up between two attempts does not count those it had.
        if letter.reason() != Reason::Abandoned
            && (takes > attempts || self.plan.is_exact() && takes != attempts)
        {
            self.wrong(format!("message {}: taken {takes} times, {letter:?}", entry.number));
        }
        let untried =
            matches!(letter.reason(), Reason::Stopped | Reason::Killed | Reason::RestartLimit) && takes > 0;
        if untried {
            self.wrong(format!("message {}: taken {takes} times, but {:?}", entry.number, letter.reason()));
        }
        false
    }

    /// At rest, before the shutdown: whoever is watched and has ended has been told of, and who is to live lives.
    pub(crate) fn check_rest(&self) {
        for seat in &*lock(&self.seats) {
            let pages = lock(&seat.pages);
            let Some(handle) = &pages.handle else { continue };
            if handle.status() != Status::Ended {
                for (of, watch) in &pages.watches {
                    if watch.open && watch.of.status() == Status::Ended {
                        self.wrong(format!("{}: no notice of {of}, which has ended", self.name(seat)));
                    }
                }
                continue;
            }
            let Some((parent, incarnation)) = &seat.parent else { continue };
            let permanent = self.plan.nodes[seat.place].restart == Restart::Permanent;
            let parent_is_there = parent.incarnations.load(Ordering::SeqCst) == *incarnation
                && lock(&parent.pages).handle.as_ref().is_some_and(|of| of.status() == Status::Running);
            if permanent && parent_is_there && seat.started.load(Ordering::SeqCst) {
                self.wrong(format!("{} has ended under a supervisor that has not", self.name(seat)));
            }
        }
    }

    /// After the shutdown. `tombstones`: dead letters without a message.
    pub(crate) fn check_end(&self, ledger: postbox::Ledger, tombstones: u64) {
        for (number, place) in self.places.iter().enumerate() {
            let alive = place.alive.load(Ordering::SeqCst);
            if alive != 0 {
                self.wrong(format!("{alive} of node-{number} are left"));
            }
        }
        self.check_limits();
        for seat in &*lock(&self.seats) {
            for (entry, takes) in &lock(&seat.pages).passed {
                // Its attempt will not come: it was buried, and nobody passed it.
                if entry.takes.load(Ordering::SeqCst) != *takes {
                    self.wrong(format!("{}: message {} was overtaken", self.name(seat), entry.number));
                }
            }
        }
        let (mut handled, mut buried, mut cut, mut unseen) = (0, 0, 0, 0);
        for entry in &*lock(&self.entries) {
            let fate = self.check_entry(entry);
            handled += u64::from(fate == Fate::Handled);
            buried += u64::from(fate == Fate::Buried);
            cut += u64::from(fate == Fate::Cut);
            unseen += u64::from(fate == Fate::Unseen);
        }
        handled += self.pings.load(Ordering::SeqCst);
        // On several threads a kill can cut a handler that has been made and not been polled.
        let unseen = if self.plan.is_exact() { 0 } else { unseen };
        if ledger.handled != handled || !(cut..=cut + unseen).contains(&tombstones) {
            self.wrong(format!("{ledger}, but {handled} handled, {cut} cut, {tombstones} tombstones"));
        }
        if ledger.dead != buried + tombstones {
            self.wrong(format!("{ledger}, but {buried} buried, {tombstones} tombstones"));
        }
        if !ledger.balances() || ledger.accepted != ledger.settled() {
            self.wrong(format!("the rest is not 0: {ledger}"));
        }
        let left = self.parcels.load(Ordering::SeqCst);
        if left != 0 {
            self.wrong(format!("{left} messages were never dropped"));
        }
        let add = |to: &AtomicU64, number| to.store(number, Ordering::SeqCst);
        add(&self.totals.accepted, ledger.accepted);
        add(&self.totals.handled, ledger.handled);
        add(&self.totals.dead, ledger.dead);
        add(&self.totals.returned, ledger.returned);
    }

    /// I1, I2 and I6 of one message.
    fn check_entry(&self, entry: &Entry) -> Fate {
        let read = |of: &AtomicU32| of.load(Ordering::SeqCst);
        let (takes, handled, buried) = (read(&entry.takes), read(&entry.handled), read(&entry.buried));
        let outcome = *lock(&entry.outcome);
        let back = u32::from(matches!(outcome, Some(Outcome::Refused | Outcome::Returned)));
        let fates = handled + buried + back;
        let fits = match outcome {
            Some(Outcome::Told) => fates == 1 || takes > 0 || !self.plan.is_exact(),
            Some(Outcome::Refused | Outcome::Returned) => takes == 0,
            Some(Outcome::Answered | Outcome::NoReply) => handled == 1,
            Some(Outcome::NeverStarted) => takes == 0,
            Some(Outcome::Failed) => takes > 0 && handled == 0,
            Some(Outcome::Aborted) => handled == 0 && (takes > 0 || !self.plan.is_exact()),
            Some(Outcome::Late) => takes > 0 || !self.plan.is_exact(),
            Some(Outcome::Dropped) => true,
            // Its sender was cut.
            None => !entry.from_outside,
        };
        if fates > 1 || !fits {
            self.wrong(format!(
                "message {}: its sender was told {outcome:?}; {takes} takes, {handled} handled, {buried} buried",
                entry.number
            ));
        }
        match (handled, buried, back) {
            (1.., ..) => Fate::Handled,
            (_, 1.., _) => Fate::Buried,
            (_, _, 1..) => Fate::Back,
            _ if takes > 0 => Fate::Cut,
            _ => Fate::Unseen,
        }
    }

    /// I9: restarts charged in any window are not more than the limit.
    fn check_limits(&self) {
        for ((seat, incarnation), charges) in &mut *lock(&self.charges) {
            let Charges { limit: Some(limit), times, .. } = charges else { continue };
            times.sort();
            let max = usize::try_from(limit.max).expect("a small limit");
            for window in times.windows(max + 1) {
                if window[max] - window[0] < limit.within {
                    self.wrong(format!(
                        "seat {seat}, incarnation {incarnation}: {} restarts where {limit} is the limit",
                        max + 1
                    ));
                }
            }
        }
    }

    /// Lets go of what leads to the actors, which lead back here.
    pub(crate) fn forget(&self) {
        self.places.iter().for_each(|place| drop(lock(&place.here).take()));
        let seats = std::mem::take(&mut *lock(&self.seats));
        seats.iter().for_each(|seat| drop(std::mem::take(&mut *lock(&seat.pages))));
    }

    /// What the oracle found wrong.
    pub(crate) fn verdict(&self) -> Vec<String> {
        lock(&self.wrong).clone()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Handled,
    Buried,
    /// Its sender has it.
    Back,
    /// Its handler was cut or failed.
    Cut,
    /// Never accepted, or accepted and cut before anybody looked.
    Unseen,
}
