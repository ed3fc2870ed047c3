//! Who watches whom, the notices that wait, and who is linked to whom: plain data of a seat, under a short
//! lock.
//!
//! ```text
//!  the watcher's seat                          the watched one's seat
//!  watches: whom it watches, and how     ◄───  watchers: whom to tell
//!  notices: who has ended, with a mark
//! ```
//! Each side has its own lock, and nobody ever holds two. A watch is written down at the watcher first, then
//! at the watched one. The end of the watched one ([`end`]) takes its list of watchers and closes it in one
//! step under its lock: whoever comes before is on the list, whoever comes after finds it closed and writes
//! the notice itself. So there is a notice in either case. And there is only one, because a notice is written
//! where there is a watch without one ([`Ties::note`]), which holds also for one that is on its way while its
//! watch is taken back and made anew.
//!
//! A notice remembers how many messages its receiver had accepted when it came, as a `stop` does, and waits
//! until that many have been taken, in both lanes. It is no message: it needs no room and the ledger does not count it.
//!
//! Both sides are weak: a watch keeps nobody alive. Links ([`link`](super::link)) are kept here as well.

#[cfg(test)]
mod tests;

use std::{
    any::Any,
    collections::{BTreeMap, VecDeque},
    sync::{Arc, PoisonError, Weak},
};

use super::{
    common::Common,
    journal, link,
    seat::{AnySeat, signal},
    watch::Terminated,
};
use crate::{
    ActorId, Identity, StopReason, failure,
    queue::{Mark, Mutex, MutexGuard},
};

/// The ties of one actor.
#[derive(Default)]
pub(crate) struct Ties(Mutex<State>);

#[derive(Default)]
struct State {
    /// The actor has ended for good.
    over: bool,
    /// Boxed: an actor that has children need not have these.
    held: Option<Box<Held>>,
}

#[derive(Default)]
struct Held {
    watchers: BTreeMap<ActorId, Weak<dyn AnySeat>>,
    watches: BTreeMap<ActorId, Watch>,
    notices: VecDeque<Notice>,
    links: Links,
    /// Links that have failed this actor, which it has not come to yet.
    broken: Vec<Broken>,
}

pub(super) type Links = BTreeMap<ActorId, Weak<dyn AnySeat>>;

/// The end that a link brings.
pub(super) struct Broken {
    pub(super) by: Identity,
    pub(super) reason: StopReason,
}

/// How a watcher is told.
pub(super) enum How {
    /// By its `terminated` hook.
    Hook,
    /// By a message: what is in it is known to [`watch`](super::watch), which knows the watcher's type.
    Message(Box<dyn Any + Send>),
}

struct Watch {
    target: Weak<dyn AnySeat>,
    how: How,
    /// Whether there is a notice.
    noted: bool,
}

struct Notice {
    of: Terminated,
    /// It comes after this many messages.
    mark: Mark,
}

/// Has `watcher` told of the end of `target`: once, however often it asks.
pub(super) fn watch(watcher: &Arc<dyn AnySeat>, target: &Arc<dyn AnySeat>, how: How) {
    let (own, other) = (watcher.common(), target.common());
    let (id, other_id) = (own.identity.id(), other.identity.id());
    if id == other_id {
        return;
    }
    let Some(ties) = own.ties_or_init() else { return };
    match ties.add_watch(other_id, Arc::downgrade(target), how) {
        Ok(()) => {}
        // Watched already. What was to tell of it is code of the user's: dropped here, outside the lock.
        Err(_replaced) => return,
    }
    if !other.ties_or_init().is_some_and(|ties| ties.add_watcher(id, Arc::downgrade(watcher)))
        && let Some(of) = Terminated::of(other)
    {
        tell(&**watcher, of);
    }
}

/// Takes a watch back, and its notice.
pub(super) fn unwatch(watcher: &dyn AnySeat, target: &dyn AnySeat) {
    let (own, other) = (watcher.common(), target.common());
    let Some(ties) = own.ties() else { return };
    // Code of the user's may be in them: dropped at the end, outside the locks.
    let _taken = ties.take_watch(other.identity.id());
    if let Some(ties) = other.ties() {
        ties.forget_watcher(own.identity.id());
    }
}

/// The end for good: whoever watches the actor is told, and its own watches go silently.
#[inline]
pub(super) fn end(common: &Common) {
    // Those that were made since its last incarnation ended.
    if let Some(reason) = common.closing() {
        link::part(common, reason);
    }
    if let Some(ties) = common.last_ties() {
        end_with(common, ties);
    }
}

#[inline(never)]
fn end_with(common: &Common, ties: &Ties) {
    let Some(held) = ties.end() else { return };
    let id = common.identity.id();
    if let Some(of) = Terminated::of(common) {
        for watcher in held.watchers.values().filter_map(Weak::upgrade) {
            tell(&*watcher, of.clone());
        }
    }
    for Watch { target, how, noted } in held.watches.into_values() {
        if let Some(target) = target.upgrade().filter(|_| !noted)
            && let Some(ties) = target.common().ties()
        {
            ties.forget_watcher(id);
        }
        if let Err(panic) = failure::catch(|| drop(how)) {
            journal::drop_panicked(&common.identity, &panic);
        }
    }
}

/// Writes a notice down, if there is a watch without one.
fn tell(watcher: &dyn AnySeat, of: Terminated) {
    if watcher.common().ties().is_some_and(|ties| ties.note(of, watcher)) {
        watcher.signal(signal::NOTICE);
    }
}

impl Ties {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An error, with what is not needed any more, when it is no new watch.
    fn add_watch(&self, id: ActorId, target: Weak<dyn AnySeat>, how: How) -> Result<(), Option<How>> {
        let mut state = self.state();
        if state.over {
            return Err(Some(how));
        }
        let watches = &mut state.held.get_or_insert_default().watches;
        match watches.get_mut(&id) {
            Some(watch) => Err(Some(std::mem::replace(&mut watch.how, how))),
            None => {
                watches.insert(id, Watch { target, how, noted: false });
                Ok(())
            }
        }
    }

    fn take_watch(&self, id: ActorId) -> Option<(Watch, Option<Notice>)> {
        let mut state = self.state();
        let held = state.held.as_deref_mut()?;
        let watch = held.watches.remove(&id)?;
        let at = held.notices.iter().position(|notice| notice.of.identity.id() == id);
        Some((watch, at.and_then(|at| held.notices.remove(at))))
    }

    /// False: the actor has ended.
    fn add_watcher(&self, id: ActorId, watcher: Weak<dyn AnySeat>) -> bool {
        let mut state = self.state();
        if !state.over {
            state.held.get_or_insert_default().watchers.insert(id, watcher);
        }
        !state.over
    }

    fn forget_watcher(&self, id: ActorId) {
        let watcher = self.state().held.as_deref_mut().and_then(|held| held.watchers.remove(&id));
        // Outside the lock: it may be the last to hold the memory of the seat.
        drop(watcher);
    }

    fn note(&self, of: Terminated, watcher: &dyn AnySeat) -> bool {
        let mut state = self.state();
        let Some(held) = state.held.as_deref_mut() else { return false };
        let Some(watch) = held.watches.get_mut(&of.identity.id()).filter(|watch| !watch.noted) else {
            return false;
        };
        watch.noted = true;
        // Read under this lock, so that the marks of the notices in line do not fall.
        held.notices.push_back(Notice { of, mark: watcher.mark() });
        true
    }

    /// The next notice, if it is its turn after `taken` messages. Its watch is over.
    pub(super) fn next(&self, taken: Mark, watcher: &dyn AnySeat) -> Option<(Terminated, How)> {
        let mut state = self.state();
        let held = state.held.as_deref_mut()?;
        if held.notices.front().is_some_and(|notice| !notice.mark.is_reached(taken)) {
            return None;
        }
        let next = held.notices.pop_front();
        if held.notices.is_empty() {
            // Under this lock: after it, the signal of a notice that has come meanwhile would be lost.
            watcher.lower(signal::NOTICE);
        }
        let of = next?.of;
        let watch = held.watches.remove(&of.identity.id())?;
        Some((of, watch.how))
    }

    /// False: the actor has ended.
    pub(super) fn add_link(&self, id: ActorId, other: Weak<dyn AnySeat>) -> bool {
        let mut state = self.state();
        if !state.over {
            state.held.get_or_insert_default().links.insert(id, other);
        }
        !state.over
    }

    /// Takes a link away. True: there was one.
    pub(super) fn take_link(&self, id: ActorId) -> bool {
        let link = self.state().held.as_deref_mut().and_then(|held| held.links.remove(&id));
        link.is_some()
    }

    /// Takes the link away, for the actor to fail by it if `reason` is a failure. True: it is.
    pub(super) fn break_link(&self, by: &Identity, reason: &StopReason) -> bool {
        let mut state = self.state();
        let Some(held) = state.held.as_deref_mut() else { return false };
        let broken = held.links.remove(&by.id()).is_some() && link::fails(reason);
        if broken {
            held.broken.push(Broken { by: by.clone(), reason: reason.clone() });
        }
        broken
    }

    /// The first of the broken links; the actor fails by one.
    pub(super) fn next_broken(&self, own: &dyn AnySeat) -> Option<Broken> {
        let mut state = self.state();
        let broken = &mut state.held.as_deref_mut()?.broken;
        if broken.len() <= 1 {
            // Under this lock, as in `next`.
            own.lower(signal::LINKED);
        }
        (!broken.is_empty()).then(|| broken.remove(0))
    }

    /// Takes the broken links with one actor away.
    pub(super) fn forgive(&self, id: ActorId) -> Vec<Broken> {
        let mut state = self.state();
        let Some(held) = state.held.as_deref_mut() else { return Vec::new() };
        held.broken.extract_if(.., |broken| broken.by.id() == id).collect()
    }

    /// Takes all links away, the broken ones too.
    pub(super) fn take_links(&self) -> (Links, Vec<Broken>) {
        let mut state = self.state();
        let Some(held) = state.held.as_deref_mut() else { return Default::default() };
        (std::mem::take(&mut held.links), std::mem::take(&mut held.broken))
    }

    fn end(&self) -> Option<Box<Held>> {
        let mut state = self.state();
        state.over = true;
        state.held.take()
    }
}
