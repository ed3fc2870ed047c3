//! The children of an actor: plain data under a short lock, and who is restarted when one ends.
//!
//! A child whose incarnation ends asks here what follows, in its own task, and does it itself. So a
//! supervisor in a long handler still has its children restarted, and a group of children moves itself on. The
//! decision is `policy::children`; this file keeps it under the lock, and does what it says when the lock has
//! been let go: it raises signals. A signal only wakes the one it is for; whether it still holds is asked here.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{Ordering, fence},
    },
    time::Duration,
};

use tokio::time::{Instant, timeout};

use super::{
    common::Common,
    ending::{self, End, Hooks},
    handle::Handle,
    history::History,
    home::Home,
    seat::{AnySeat, signal},
};
use crate::{
    AutoShutdown, Failure, Identity, Restart, Shutdown, SpawnError, StopReason, Supervision,
    policy::{
        children::{Answer, Children, Member, Stage, Step},
        decide,
    },
};

mod by_hand;
mod kept;
mod look_out;
#[cfg(test)]
mod tests;

use self::kept::Kept;

pub use self::by_hand::ChildCount;

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
    children: Children<Kept>,
    numbers: HashMap<Arc<str>, u64>,
    /// The failure that exceeded the limit, until the supervisor takes it as its own.
    escalated: Option<Failure>,
    /// Somebody looks out for those whose ends a group restart waits for.
    looked_out: bool,
}

/// What follows from the end of a child's incarnation.
#[derive(Debug)]
pub(crate) enum Ruling {
    /// The next one starts after a pause; `used` of `max` restarts in the window, for the log.
    Restart { after: Duration, used: u32, max: u32 },
    /// The next one starts with its group, which this end has set off.
    Group { after: Duration, used: u32, max: u32 },
    /// The next one starts with its group, which is restarting already.
    Join,
    /// The child has ended for good.
    End,
    /// The limit is exceeded: the child ends for good, and its supervisor fails with this.
    Escalate(Failure),
}

/// A step, with the seat it is about: to be done when the lock has been let go.
enum Deed {
    Signal(Arc<dyn AnySeat>, u32),
    Stop(Weak<dyn AnySeat>),
}

impl Deed {
    fn perform(self) {
        match self {
            Self::Signal(seat, bits) => seat.signal(bits),
            Self::Stop(owner) => owner.upgrade().into_iter().for_each(|owner| owner.stop_now()),
        }
    }
}

impl State {
    fn remove(&mut self, number: u64) -> Option<Kept> {
        let kept = self.children.remove(number)?;
        self.free_name(number, &kept);
        Some(kept)
    }

    /// The name of a child that has been taken out is free.
    fn free_name(&mut self, number: u64, kept: &Kept) {
        match kept.seat.as_ref().and_then(|seat| seat.common().identity.name()) {
            Some(name) => {
                self.numbers.remove(name);
            }
            // It has been taken out while its seat was being built, which is too rare to remember its name for.
            None => self.numbers.retain(|_, other| *other != number),
        }
    }

    fn told(&self, number: u64) -> Option<Shutdown> {
        let at = self.children.told(number)?;
        Some(match self.children.get(number)?.of.shutdown() {
            Shutdown::Within(limit) => Shutdown::Within(limit.saturating_sub(at.elapsed())),
            other => other,
        })
    }

    fn seat_of(&self, number: u64) -> Option<Arc<dyn AnySeat>> {
        self.children.get(number)?.of.seat.clone()
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
                    children: Children::new(supervision()),
                    numbers: HashMap::new(),
                    escalated: None,
                    looked_out: false,
                }),
            })
        })
    }

    /// A new incarnation of the supervisor has wishes of its own.
    pub(crate) fn supervise_as(&self, supervision: Supervision) {
        self.state().children.supervise_as(supervision);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn gone(&self) -> SpawnError {
        SpawnError::SupervisorGone { supervisor: self.supervisor.clone() }
    }

    /// Why a child has not started that has not failed: it was ended before, by its supervisor or by somebody else.
    pub(crate) fn unstarted(&self, child: &Common) -> SpawnError {
        let stopping = self.owner.upgrade().is_none_or(|owner| owner.common().closing().is_some());
        match child.closing() {
            Some(reason) if !stopping && self.state().children.is_open() => {
                SpawnError::Ended { actor: child.identity.clone(), reason: reason.clone() }
            }
            _ => self.gone(),
        }
    }

    /// A place for a new child.
    pub(crate) fn admit(
        self: &Arc<Self>,
        name: &Arc<str>,
        restart: Restart,
        shutdown: Shutdown,
        significant: bool,
    ) -> Result<Membership, SpawnError> {
        // SeqCst: pairs with the fence in `Common::set_closing`. Either the supervisor that ends sees this family
        // and closes it, or this look sees that it ends: it may have ended before it had a family.
        fence(Ordering::SeqCst);
        let owner_ends = self.owner.upgrade().is_none_or(|owner| owner.common().closing().is_some());
        let mut state = self.state();
        if owner_ends || !state.children.is_open() {
            return Err(self.gone());
        }
        if state.numbers.contains_key(name) {
            let (supervisor, name) = (self.supervisor.clone(), Arc::clone(name));
            return Err(SpawnError::DuplicateChild { supervisor, name });
        }
        let heeded = state.children.supervision().auto_shutdown != AutoShutdown::Never;
        if significant && (restart == Restart::Permanent || !heeded) {
            let (supervisor, name) = (self.supervisor.clone(), Arc::clone(name));
            return Err(SpawnError::CannotBeSignificant { supervisor, name, heeded });
        }
        let kept = Kept::new(shutdown);
        let number = state.children.admit(kept, restart, significant);
        state.numbers.insert(Arc::clone(name), number);
        Ok(Membership { family: Arc::clone(self), restart, number })
    }

    /// The child's seat stands. An error when the supervisor has begun to stop meanwhile.
    pub(crate) fn seat(&self, number: u64, seat: Arc<dyn AnySeat>) -> Result<(), SpawnError> {
        let mut state = self.state();
        let open = state.children.is_open();
        let Some(member) = state.children.get_mut(number).filter(|_| open) else {
            state.remove(number);
            return Err(self.gone());
        };
        let old = member.of.seat.replace(Arc::clone(&seat));
        let told = state.children.told(number).is_some();
        drop(state);
        drop(old);
        if told {
            // There was no seat to be signalled.
            seat.signal(signal::RESTART);
        }
        Ok(())
    }

    /// Lets an event of a child have its effect.
    fn moved(&self, event: impl FnOnce(&mut State, Instant) -> Option<Step>) {
        let mut state = self.state();
        let deed = event(&mut state, Instant::now()).and_then(|step| match step {
            // A seat that is being built finds out for itself.
            Step::End(number) => state.seat_of(number).map(|seat| Deed::Signal(seat, signal::RESTART)),
            Step::Open(number) => state.seat_of(number).map(|seat| Deed::Signal(seat, signal::OPEN)),
            Step::StopSupervisor => Some(Deed::Stop(Weak::clone(&self.owner))),
        });
        drop(state);
        deed.into_iter().for_each(Deed::perform);
    }

    /// The factory of the child begins on an incarnation.
    pub(crate) fn makes(&self, number: u64) {
        if let Some(member) = self.state().children.get_mut(number) {
            member.of.made = true;
        }
    }

    /// An incarnation of the child has begun to serve.
    pub(crate) fn started(&self, number: u64) {
        self.moved(|state, now| state.children.started(number, now));
    }

    /// The child waits at the gate, for its group to start again.
    pub(crate) fn waits(&self, number: u64) {
        self.moved(|state, now| state.children.waits(number, now));
    }

    /// The child has been given up: its group goes on without it.
    pub(crate) fn detached(&self, number: u64) {
        self.moved(|state, now| {
            // It may have come back meanwhile.
            state.seat_of(number).filter(|seat| seat.common().is_detached())?;
            state.children.detached(number, now)
        });
    }

    /// Whether the gate is open for the child, and how long it is to wait all the same.
    pub(crate) fn gate(&self, number: u64) -> Option<Duration> {
        self.state().children.gate(number)
    }

    /// How long a child may take to end.
    pub(crate) fn shutdown(&self, number: u64) -> Option<Shutdown> {
        self.state().children.get(number).map(|member| member.of.shutdown())
    }

    /// What a child has gone through, if it ever started again.
    pub(crate) fn history(&self, number: u64) -> Option<History> {
        self.state().children.get(number)?.of.history().cloned()
    }

    /// How much longer the child may take to end its incarnation, if its group has told it to.
    pub(crate) fn told(&self, number: u64) -> Option<Shutdown> {
        self.state().told(number)
    }

    /// Decides what follows from the end of a child's incarnation, and says how much longer that may take if its
    /// group has told it to end.
    pub(crate) fn rule(
        &self,
        member: &Membership,
        exit: decide::Exit,
        last: &StopReason,
        home: &Home,
    ) -> (Ruling, Option<Shutdown>) {
        let jittered = self.state().children.supervision().backoff.is_jittered();
        // Not under the lock: in a test it is the observer that says.
        let random = if jittered { home.random() } else { 0.0 };
        let mut state = self.state();
        let told = state.told(member.number);
        let answer = state.children.exited(member.number, exit, Instant::now(), random);
        let limit = state.children.supervision().limit;
        if matches!(answer, Answer::Join | Answer::Restart { .. } | Answer::Group { .. })
            && let Some(child) = state.children.get_mut(member.number)
            // One that is called off before its factory has run is on its way already.
            && std::mem::take(&mut child.of.made)
        {
            History::restart(&mut child.of.rare().history, last);
        }
        let ruling = match answer {
            Answer::End => Ruling::End,
            Answer::Join => Ruling::Join,
            Answer::Restart { after, used } => Ruling::Restart { after, used, max: limit.max },
            Answer::Group { after, used } => {
                let begins = !std::mem::replace(&mut state.looked_out, true);
                drop(state);
                if begins {
                    look_out::begin(&member.family);
                }
                Ruling::Group { after, used, max: limit.max }
            }
            Answer::Escalate { used } => {
                let seat = state.seat_of(member.number);
                let who = seat
                    .as_ref()
                    .map_or_else(|| self.supervisor.clone(), |seat| seat.common().identity.clone());
                let failure = Failure::restart_limit(self.supervisor.clone(), who, last.clone(), used, limit);
                state.escalated = Some(failure.clone());
                // No gate will be opened any more. The supervisor may be waiting for one of them to start, and
                // would not come to its failure.
                let waiting: Vec<_> =
                    state.children.before_gate().filter_map(|kept| kept.seat.clone()).collect();
                drop(state);
                waiting.iter().for_each(|seat| seat.signal(signal::SHUTDOWN));
                if let Some(owner) = self.owner.upgrade() {
                    owner.signal(signal::ESCALATED);
                }
                Ruling::Escalate(failure)
            }
        };
        (ruling, told)
    }

    /// The failure that exceeded the limit, for the supervisor to fail with.
    pub(crate) fn take_escalated(&self) -> Option<Failure> {
        self.state().escalated.take()
    }

    /// A child has ended for good. It may stay known.
    pub(crate) fn forget(&self, number: u64) {
        let mut forgotten = None;
        let mut stops = false;
        self.moved(|state, now| {
            // Nobody will start it again.
            let abandoned =
                |seat: Arc<dyn AnySeat>| matches!(seat.common().closing(), Some(StopReason::RuntimeGone));
            if state.seat_of(number).is_some_and(abandoned) {
                forgotten = state.remove(number);
                return None;
            }
            let orphaned = state.children.get(number).is_some_and(|member| member.of.is_orphaned());
            let (kept, step) = state.children.gone(number, now);
            let kept = if orphaned { kept.or_else(|| state.children.remove(number)) } else { kept };
            if let Some(kept) = &kept {
                state.free_name(number, kept);
            }
            forgotten = kept;
            stops = step == Some(Step::StopSupervisor);
            step
        });
        if stops {
            // It may be in its hook or in a handler, waiting for a child that starts with the group, and would not
            // come to its stop.
            self.moved(|state, now| state.children.go_on(now));
        }
        // Outside the lock: it may be the last to hold the seat.
        drop(forgotten);
    }

    /// Forgets those that have ended: their supervisor has lost its runtime.
    pub(crate) fn abandon(&self) {
        let mut state = self.state();
        state.children.close();
        let ended =
            |(number, member): (u64, &Member<Kept>)| (member.stage() == Stage::Ended).then_some(number);
        let ended: Vec<_> = state.children.iter().filter_map(ended).collect();
        let forgotten: Vec<_> = ended.into_iter().filter_map(|number| state.remove(number)).collect();
        drop(state);
        drop(forgotten);
    }

    /// Those that are known, in start order.
    pub(crate) fn children(&self) -> Vec<Handle> {
        let state = self.state();
        state.children.iter().filter_map(|(_, member)| member.of.seat.clone()).map(Handle::new).collect()
    }

    /// Those of the children whose seats stand and that have not ended, in start order.
    pub(crate) fn seats(&self) -> Vec<Arc<dyn AnySeat>> {
        let state = self.state();
        let alive = state.children.iter().filter(|(_, member)| member.stage() != Stage::Ended);
        alive.filter_map(|(_, member)| member.of.seat.clone()).collect()
    }

    /// Stops the children in reverse start order, each to its end, and goes on without those that are
    /// detached. May be dropped and called again.
    pub(crate) async fn stop_all(&self, kill: bool) {
        if self.close() {
            self.stop_together(kill).await;
        }
        while let Some((number, seat, shutdown)) = self.youngest() {
            self.stop(number, &seat, if kill { Shutdown::Kill } else { shutdown }).await;
        }
    }

    /// Nobody is admitted or restarted any more. Returns whether they are to stop together.
    fn close(&self) -> bool {
        let mut state = self.state();
        state.children.close();
        state.children.supervision().stop_together
    }

    /// Stops one child as its rule says.
    async fn stop(&self, number: u64, seat: &Arc<dyn AnySeat>, shutdown: Shutdown) {
        if ending::stop(seat, shutdown).await == End::Detached
            && let Some(member) = self.state().children.get_mut(number)
        {
            member.of.rare().detached = true;
        }
    }

    /// The youngest child that has neither ended nor is detached. Those that have ended are forgotten on the way.
    fn youngest(&self) -> Option<(u64, Arc<dyn AnySeat>, Shutdown)> {
        let mut forgotten = Vec::new();
        let mut state = self.state();
        let youngest = loop {
            let youngest = state.children.iter().rev().find(|(_, member)| !member.of.is_detached());
            let Some((number, member)) = youngest else { break None };
            if let Some(seat) = member.of.seat.clone().filter(|_| member.stage() != Stage::Ended) {
                break Some((number, seat, member.of.shutdown()));
            }
            // It has ended, or its seat is still being built and will find the family closed.
            forgotten.extend(state.remove(number));
        };
        drop(state);
        youngest
    }

    /// Stops the children all at once, under the longest of their limits, and waits for their ends.
    async fn stop_together(&self, kill: bool) {
        let rules: Vec<_> = {
            let state = self.state();
            let rule = |member: &Member<Kept>| if kill { Shutdown::Kill } else { member.of.shutdown() };
            let seats = state.children.iter().rev();
            seats
                .filter_map(|(number, member)| {
                    member.of.seat.clone().map(|seat| (number, seat, rule(member)))
                })
                .collect()
        };
        let (mut longest, mut bounded) = (Duration::ZERO, Vec::new());
        for (_, seat, rule) in &rules {
            seat.signal(signal::SHUTDOWN | if *rule == Shutdown::Kill { signal::KILL } else { 0 });
            if let Shutdown::Within(limit) = rule {
                longest = longest.max(*limit);
            }
            if *rule != Shutdown::Unbounded {
                bounded.push(Arc::clone(seat));
            }
        }
        let all_ended = async {
            for seat in &bounded {
                seat.common().wait_ended().await;
            }
        };
        if timeout(longest, all_ended).await.is_err() {
            ending::kill_all(&bounded, Hooks::Run).await;
        }
        for (number, seat, rule) in &rules {
            self.stop(*number, seat, if *rule == Shutdown::Unbounded { *rule } else { Shutdown::Kill }).await;
        }
    }

    /// A new incarnation of the supervisor may have children again.
    pub(crate) fn reopen(&self) {
        let mut state = self.state();
        state.children.reopen();
        state.children.each(|kept| kept.rare().orphaned = true);
        state.escalated = None;
    }
}
