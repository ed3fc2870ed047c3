//! The children of an actor: plain data under a short lock, and who is restarted when one ends.
//!
//! A child whose incarnation ends asks here what follows, in its own task, and does it itself. So a
//! supervisor in a long handler still has its children restarted. The decision is `policy::decide`; this file
//! keeps what the decision needs and acts on an escalation.

use std::{
    collections::{BTreeMap, HashSet, hash_map::RandomState},
    hash::{BuildHasher, Hasher},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{Ordering, fence},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::{
    ending::{self, End},
    handle::Handle,
    history::History,
    seat::{AnySeat, signal},
};
use crate::{
    Failure, Identity, Restart, Shutdown, SpawnError, StopReason, Supervision,
    policy::{
        decide::{self, Verdict},
        limit::Window,
    },
};

/// A child's tie to its supervisor.
pub(crate) struct Membership {
    pub(crate) family: Arc<Family>,
    pub(crate) restart: Restart,
    /// The child's number among all its supervisor has had: the order of starts.
    pub(crate) number: u64,
}

/// The children of one actor.
pub(crate) struct Family {
    pub(crate) supervisor: Identity,
    owner: Weak<dyn AnySeat>,
    state: Mutex<State>,
}

struct State {
    supervision: Supervision,
    window: Window,
    /// By number, that is in start order.
    children: BTreeMap<u64, Member>,
    names: HashSet<Arc<str>>,
    next_number: u64,
    /// False while the supervisor stops its children: nobody is admitted, nobody restarted.
    open: bool,
    /// The failure that exceeded the limit, until the supervisor takes it as its own.
    escalated: Option<Failure>,
}

struct Member {
    name: Arc<str>,
    shutdown: Shutdown,
    /// `None` while its seat is being built.
    seat: Option<Arc<dyn AnySeat>>,
    /// Charged restarts in a row, for the backoff.
    consecutive: u32,
    /// `None` while no incarnation of it serves.
    started: Option<Instant>,
    history: Option<Box<History>>,
    /// Its code does not come back. It keeps its name, so that nobody takes its place beside it.
    detached: bool,
}

/// What follows from the end of a child's incarnation.
#[derive(Debug)]
pub(crate) enum Ruling {
    /// The next one starts after a pause; `used` of `max` restarts in the window, for the log.
    Restart { after: Duration, used: u32, max: u32 },
    /// The child has ended for good.
    End,
    /// The limit is exceeded: the child ends for good, and its supervisor fails with this.
    Escalate(Failure),
}

impl State {
    fn remove(&mut self, number: u64) -> Option<Member> {
        let member = self.children.remove(&number)?;
        self.names.remove(&member.name);
        Some(member)
    }
}

impl Family {
    /// The family of the actor in `owner`, made at the first call.
    pub(crate) fn of(owner: &Arc<dyn AnySeat>) -> Arc<Self> {
        Self::with(owner, Supervision::default)
    }

    /// As [`of`](Self::of), with the actor's own wishes.
    pub(crate) fn with(owner: &Arc<dyn AnySeat>, supervision: impl FnOnce() -> Supervision) -> Arc<Self> {
        let common = owner.common();
        common.family_or_init(|| {
            Arc::new(Self {
                supervisor: common.identity.clone(),
                owner: Arc::downgrade(owner),
                state: Mutex::new(State {
                    supervision: supervision(),
                    window: Window::default(),
                    children: BTreeMap::new(),
                    names: HashSet::new(),
                    next_number: 0,
                    open: true,
                    escalated: None,
                }),
            })
        })
    }

    /// A new incarnation of the supervisor has wishes of its own.
    pub(crate) fn supervise_as(&self, supervision: Supervision) {
        self.state().supervision = supervision;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a new child.
    pub(crate) fn admit(
        self: &Arc<Self>,
        name: &Arc<str>,
        restart: Restart,
        shutdown: Shutdown,
    ) -> Result<Membership, SpawnError> {
        // SeqCst: pairs with the fence in `Common::set_closing`. Either the supervisor that ends sees this family
        // and closes it, or this look sees that it ends: it may have ended before it had a family.
        fence(Ordering::SeqCst);
        let owner_ends = self.owner.upgrade().is_none_or(|owner| owner.common().closing().is_some());
        let mut state = self.state();
        if owner_ends || !state.open {
            return Err(SpawnError::SupervisorGone { supervisor: self.supervisor.clone() });
        }
        if !state.names.insert(Arc::clone(name)) {
            let (supervisor, name) = (self.supervisor.clone(), Arc::clone(name));
            return Err(SpawnError::DuplicateChild { supervisor, name });
        }
        let number = state.next_number;
        state.next_number += 1;
        let name = Arc::clone(name);
        state.children.insert(
            number,
            Member {
                name,
                shutdown,
                seat: None,
                consecutive: 0,
                started: None,
                history: None,
                detached: false,
            },
        );
        Ok(Membership { family: Arc::clone(self), restart, number })
    }

    /// The child's seat stands. An error when the supervisor has begun to stop meanwhile.
    pub(crate) fn seat(&self, number: u64, seat: Arc<dyn AnySeat>) -> Result<(), SpawnError> {
        let mut state = self.state();
        let open = state.open;
        if let Some(member) = state.children.get_mut(&number)
            && open
        {
            member.seat = Some(seat);
            return Ok(());
        }
        state.remove(number);
        Err(SpawnError::SupervisorGone { supervisor: self.supervisor.clone() })
    }

    /// An incarnation of the child has begun to serve.
    pub(crate) fn started(&self, number: u64) {
        if let Some(member) = self.state().children.get_mut(&number) {
            member.started = Some(Instant::now());
        }
    }

    /// How long a child may take to end.
    pub(crate) fn shutdown(&self, number: u64) -> Option<Shutdown> {
        self.state().children.get(&number).map(|member| member.shutdown)
    }

    /// What a child has gone through, if it ever started again.
    pub(crate) fn history(&self, number: u64) -> Option<History> {
        self.state().children.get(&number)?.history.as_deref().cloned()
    }

    /// Decides what follows from the end of a child's incarnation.
    pub(crate) fn rule(&self, member: &Membership, exit: decide::Exit, last: &StopReason) -> Ruling {
        let mut guard = self.state();
        let state = &mut *guard;
        let Some(child) = state.children.get_mut(&member.number).filter(|_| state.open) else {
            return Ruling::End;
        };
        let now = Instant::now();
        let Supervision { limit, backoff, .. } = &state.supervision;
        // The time between two attempts to start is no life.
        let lived = child.started.take().map_or(Duration::ZERO, |started| now - started);
        let consecutive = backoff.streak(child.consecutive, lived);
        let random = random();
        let verdict = decide::on_child_exit(
            exit,
            member.restart,
            limit,
            &mut state.window,
            backoff,
            consecutive,
            now,
            random,
        );
        match verdict {
            Verdict::End => Ruling::End,
            Verdict::Restart { after, used } => {
                let charged = exit != decide::Exit::Failed { charge: false };
                child.consecutive = consecutive + u32::from(charged);
                History::restart(&mut child.history, last);
                Ruling::Restart { after, used, max: limit.max }
            }
            Verdict::Escalate { used } => {
                let who = child
                    .seat
                    .as_ref()
                    .map_or_else(|| self.supervisor.clone(), |seat| seat.common().identity.clone());
                let failure =
                    Failure::restart_limit(self.supervisor.clone(), who, last.clone(), used, *limit);
                state.open = false;
                state.escalated = Some(failure.clone());
                drop(guard);
                if let Some(owner) = self.owner.upgrade() {
                    owner.signal(signal::ESCALATED);
                }
                Ruling::Escalate(failure)
            }
        }
    }

    /// The failure that exceeded the limit, for the supervisor to fail with.
    pub(crate) fn take_escalated(&self) -> Option<Failure> {
        self.state().escalated.take()
    }

    /// A child has ended for good.
    pub(crate) fn forget(&self, number: u64) {
        let member = self.state().remove(number);
        // Outside the lock: it may be the last to hold the seat.
        drop(member);
    }

    pub(crate) fn children(&self) -> Vec<Handle> {
        self.seats().into_iter().map(Handle::new).collect()
    }

    /// Those of the children whose seats stand, in start order.
    pub(crate) fn seats(&self) -> Vec<Arc<dyn AnySeat>> {
        self.state().children.values().filter_map(|member| member.seat.clone()).collect()
    }

    /// Stops the children in reverse start order, each to its end, and goes on without those that are
    /// detached. May be dropped and called again.
    pub(crate) async fn stop_all(&self, kill: bool) {
        loop {
            let (number, seat, shutdown) = {
                let mut state = self.state();
                state.open = false;
                let mut at_hand = state.children.iter().rev().filter(|(_, member)| !member.detached);
                let Some((&number, last)) = at_hand.next() else { return };
                let Some(seat) = last.seat.clone() else {
                    // Its seat is still being built; it will find the family closed.
                    state.remove(number);
                    continue;
                };
                (number, seat, if kill { Shutdown::Kill } else { last.shutdown })
            };
            if ending::stop(&seat, shutdown).await == End::Detached
                && let Some(member) = self.state().children.get_mut(&number)
            {
                member.detached = true;
            }
        }
    }

    /// A new incarnation of the supervisor may have children again.
    pub(crate) fn reopen(&self) {
        let mut state = self.state();
        state.open = true;
        state.escalated = None;
        state.window = Window::default();
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
