//! The look-out for those whose ends a group restart waits for.
//!
//! A child that is told to end keeps its own time limit, and comes to its end at an await. One that has none holds
//! its thread, and the whole group. So while a group waits for ends a task asks those that are over their time for
//! a sign of life, as [`kill_all`](crate::actor::kill_all) does, and detaches whoever gives none: the
//! group goes on without it, and there is no second one beside it.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::{Arc, Weak},
};

use tokio::{runtime, time::Instant};

use super::Family;
use crate::{
    Shutdown,
    actor::{
        ending::time_of,
        seat::{AnySeat, signal},
    },
    policy::{self, KILL_GRACE, Silence},
};

/// One whose end is waited for.
struct Awaited {
    number: u64,
    seat: Arc<dyn AnySeat>,
    /// Since when it is to end, if it has been told.
    since: Option<Instant>,
    limit: Shutdown,
}

/// What is known of it: since when it is looked at, and how long it has been silent for since it was over its time.
struct Look {
    since: Instant,
    silence: Option<Silence>,
}

/// Looks out until the group waits for nobody's end. There is one such task for a family, and it ends with the
/// family; outside a runtime there is none.
pub(super) fn begin(family: &Arc<Family>) {
    let Ok(runtime) = runtime::Handle::try_current() else { return };
    drop(runtime.spawn(look_out(Arc::downgrade(family))));
    // The task that a worker of tokio's has woken last lies where no other worker takes it from; and the hook that
    // runs next in this thread may be the one that holds it. So another one is the last.
    drop(runtime.spawn(std::future::ready(())));
}

async fn look_out(family: Weak<Family>) {
    let mut looks = BTreeMap::new();
    loop {
        time_of(Shutdown::Within(KILL_GRACE)).await;
        let Some(awaited) = family.upgrade().and_then(|family| family.awaited()) else { return };
        looks.retain(|number, _| awaited.iter().any(|one| one.number == *number));
        awaited.iter().for_each(|one| look_at(one, looks.entry(one.number)));
    }
}

fn look_at(one: &Awaited, look: Entry<'_, u64, Look>) {
    let now = Instant::now();
    let look = look.or_insert_with(|| Look { since: one.since.unwrap_or(now), silence: None });
    let over = match one.limit {
        Shutdown::Within(limit) => now.saturating_duration_since(look.since) >= limit,
        Shutdown::Kill => true,
        Shutdown::Unbounded => false,
    };
    if !over {
        return;
    }
    let seat = &one.seat;
    if let Some(silence) = &mut look.silence
        && policy::is_detached(silence, seat.signals() & signal::LIFE == 0, seat.is_at_work())
    {
        return seat.detach();
    }
    look.silence.get_or_insert_default();
    seat.signal(signal::LIFE);
}

impl Family {
    /// Those whose ends a group restart waits for; `None`: it waits for nobody's, and the look-out is over.
    fn awaited(&self) -> Option<Vec<Awaited>> {
        let mut state = self.state();
        let Some(awaited) = state.children.awaited_by_group() else {
            state.looked_out = false;
            return None;
        };
        let alive = |(number, since)| {
            let kept = &state.children.get(number)?.of;
            Some(Awaited { number, seat: kept.seat.clone()?, since, limit: kept.shutdown() })
        };
        Some(awaited.filter_map(alive).collect())
    }
}
