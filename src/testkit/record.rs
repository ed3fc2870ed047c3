//! What the kit sees of its system, and what it has been told to do to it.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context as TaskContext, Poll},
};

use super::{
    events::Event,
    faults::{Orders, Strike},
    mock::Steps,
    run::Dice,
};
use crate::{
    ActorId, BoxError, DeadLetter, Failure, Identity, Reason, StopReason,
    actor::{
        AnySeat, Home,
        rig::{Observer, Script},
    },
};

/// The observer of a test system.
pub(super) struct Record {
    /// Polls of actors, to tell whether there have been any.
    turns: AtomicU64,
    /// Whether there is, or has been, an order.
    armed: AtomicBool,
    home: Weak<Home>,
    pages: Mutex<Pages>,
    /// Decides who gives way, when turns are taken in an order of a seed.
    order: Option<Mutex<Dice>>,
    /// Decides the jitter of backoffs: dice of its own, so that a restart does not change the order.
    jitter: Mutex<Dice>,
}

#[derive(Default)]
pub(super) struct Pages {
    pub(super) events: Vec<Event>,
    /// Probes: they are no part of what is tested.
    pub(super) probes: HashSet<ActorId>,
    pub(super) orders: Orders,
    /// Those without a state, and what answers for them.
    pub(super) mocks: HashMap<ActorId, Arc<Steps>>,
    /// The failures that the kit brought about.
    pub(super) ordered: Vec<Failure>,
    /// The dead letters that the kit brought about by a kill.
    pub(super) cut: Vec<(ActorId, &'static str)>,
    started: HashSet<ActorId>,
    /// Who has been made to fail, and has not yet.
    failing: HashSet<ActorId>,
    /// Whose handler is to be cut at its first await.
    dying: HashMap<ActorId, Strike>,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Record {
    pub(super) fn new(home: &Arc<Home>, seed: Option<u64>) -> Self {
        Self {
            turns: AtomicU64::new(0),
            armed: AtomicBool::new(seed.is_some()),
            home: Arc::downgrade(home),
            pages: Mutex::default(),
            order: seed.map(|seed| Mutex::new(Dice::new(seed))),
            jitter: Mutex::new(Dice::new(!seed.unwrap_or(0))),
        }
    }

    pub(super) fn pages(&self) -> MutexGuard<'_, Pages> {
        lock(&self.pages)
    }

    pub(super) fn turns(&self) -> u64 {
        // Relaxed: it is read on the thread that all turns are taken on.
        self.turns.load(Ordering::Relaxed)
    }

    /// Is asked before each message from here on.
    pub(super) fn arm(&self) {
        // Relaxed: as in `turns`.
        self.armed.store(true, Ordering::Relaxed);
        if let Some(home) = self.home.upgrade() {
            home.arm();
        }
    }

    pub(super) fn letter(&self, letter: &DeadLetter) {
        self.pages().events.push(Event::DeadLetter {
            to: letter.recipient().clone(),
            message_type: letter.message_type(),
            reason: letter.reason(),
            attempts: letter.attempts(),
            failure: letter.failure().cloned(),
        });
    }

    /// Lets others run first, or not, as the dice fall.
    fn give_way(&self, cx: &TaskContext<'_>) -> Poll<()> {
        match &self.order {
            Some(dice) if lock(dice).chance(0.5) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }
}

impl Observer for Record {
    fn started(&self, who: &Identity) {
        let mut pages = self.pages();
        if pages.probes.contains(&who.id()) {
            return;
        }
        let actor = who.clone();
        let first = pages.started.insert(who.id());
        pages.events.push(if first { Event::Started { actor } } else { Event::Restarted { actor } });
    }

    fn failed(&self, failure: &Failure) {
        let mut pages = self.pages();
        if pages.failing.remove(&failure.identity().id()) {
            pages.ordered.push(failure.clone());
        }
        pages.events.push(Event::Failed { failure: failure.clone() });
    }

    fn ended(&self, who: &Identity, reason: &StopReason) {
        let mut pages = self.pages();
        if !pages.probes.contains(&who.id()) {
            pages.events.push(Event::Ended { actor: who.clone(), reason: reason.clone() });
        }
    }

    fn detached(&self, who: &Identity) {
        self.pages().events.push(Event::Detached { actor: who.clone() });
    }

    fn random(&self) -> f64 {
        lock(&self.jitter).unit()
    }

    fn is_armed(&self) -> bool {
        // Relaxed: as in `turns`.
        self.armed.load(Ordering::Relaxed)
    }

    fn poll_turn(&self, cx: &mut TaskContext<'_>) -> Poll<()> {
        // Relaxed: as in `turns`.
        self.turns.fetch_add(1, Ordering::Relaxed);
        self.give_way(cx)
    }

    fn turned(&self, seat: &dyn AnySeat) {
        let id = seat.common().identity.id();
        let mut pages = self.pages();
        let Some(strike) = pages.dying.remove(&id) else { return };
        if seat.ledger().in_flight == 0 {
            // It has come to its end without an await, at which alone a handler can be cut.
            return pages.orders.give_back(strike);
        }
        pages.cut.push((id, strike.message()));
        drop(pages);
        seat.kill();
    }

    fn poll_take(&self, who: &Identity, message: &'static str, cx: &mut TaskContext<'_>) -> Poll<bool> {
        let mut pages = self.pages();
        if let Some(strike) = pages.dying.remove(&who.id()) {
            pages.orders.give_back(strike);
        }
        if pages.mocks.contains_key(&who.id()) {
            drop(pages);
            return self.give_way(cx).map(|()| true);
        }
        let poll = pages.orders.poll_take(who, message, cx);
        drop(pages);
        match poll {
            Poll::Ready(false) => self.give_way(cx).map(|()| false),
            other => other,
        }
    }

    fn script(&self, who: &Identity) -> Option<Arc<dyn Script>> {
        self.pages().mocks.get(&who.id()).map(|steps| Arc::clone(steps) as _)
    }

    fn strike(&self, who: &Identity) -> Result<(), BoxError> {
        let mut pages = self.pages();
        let Some(strike) = pages.orders.strike(who.id()) else { return Ok(()) };
        match strike {
            Strike::Panic { message } => {
                pages.failing.insert(who.id());
                drop(pages);
                panic!("the test ordered a panic at {message}");
            }
            Strike::Error { error, .. } => {
                pages.failing.insert(who.id());
                Err(error)
            }
            Strike::Kill { .. } => {
                pages.dying.insert(who.id(), strike);
                Ok(())
            }
        }
    }

    fn strike_start(&self, who: &Identity) -> Result<(), BoxError> {
        let mut pages = self.pages();
        if !pages.orders.takes_start(who.kind()) {
            return Ok(());
        }
        pages.failing.insert(who.id());
        Err("the test ordered this start to fail".into())
    }
}

impl Pages {
    /// Whether the kit itself brought this failure about.
    pub(super) fn is_ordered(&self, failure: &Failure) -> bool {
        // All clones of a failure share the one record, and the identity in it.
        self.ordered.iter().any(|ordered| std::ptr::eq(ordered.identity(), failure.identity()))
    }

    /// Whether the kit itself brought this letter about.
    pub(super) fn is_cut(&self, to: ActorId, message: &'static str, reason: Reason) -> bool {
        reason == Reason::Aborted && self.cut.contains(&(to, message))
    }
}
