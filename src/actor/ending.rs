//! How an end is waited for that somebody demands: with a limit, then by a kill, and at last without it.
//!
//! A kill is heeded at an await. A handler that blocks its thread, or computes for ever, has none, and Rust
//! has no means to end it. So whoever kills asks for a sign of life ([`signal::LIFE`]), which the actor's own
//! task takes down as soon as it comes by. When [`KILL_GRACE`] is over, the sign has not been given, and a
//! thread is inside the actor's code, the actor is *detached*: everybody goes on without it.
//!
//! Its thread still has the right to run, so nobody else touches its state or starts another incarnation
//! beside it. When its code comes back at last, the actor finds itself killed and ends as any other.

use std::{pin::Pin, sync::Arc, time::Duration};

use tokio::{
    runtime,
    time::{Instant, timeout, timeout_at},
};

use super::{
    common::Common,
    seat::{AnySeat, signal},
};
use crate::{
    Shutdown, failure,
    policy::{self, KILL_GRACE, Silence},
};

/// How somebody's wait for an actor's end came to its own end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The actor has ended for good.
    Ended,
    /// Its code does not come back. It goes on without those who waited.
    Detached,
}

/// What happens to the `stopped` hooks of those who are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hooks {
    /// They have the time that a kill leaves them.
    Run,
    /// They are cut with the second kill.
    Cut,
}

/// Stops one child as its rule says.
pub(crate) async fn stop(seat: &Arc<dyn AnySeat>, shutdown: Shutdown) -> End {
    match shutdown {
        Shutdown::Kill => {}
        Shutdown::Unbounded => {
            seat.signal(signal::SHUTDOWN);
            return gone(seat.common()).await;
        }
        Shutdown::Within(limit) => {
            seat.signal(signal::SHUTDOWN);
            if let Ok(end) = timeout(limit, gone(seat.common())).await {
                return end;
            }
        }
    }
    kill_all(std::slice::from_ref(seat), Hooks::Run).await;
    has_gone(seat.common()).unwrap_or(End::Ended)
}

/// Kills them all, and waits until each of them has ended or is detached.
///
/// Cancel safe: those that were not detached yet are killed all the same, and may be waited for again.
pub(crate) async fn kill_all(seats: &[Arc<dyn AnySeat>], hooks: Hooks) {
    let mut left: Vec<_> = seats.iter().map(|seat| (seat, Silence::default())).collect();
    let mut bits = signal::SHUTDOWN | signal::KILL | signal::LIFE;
    loop {
        left.retain(|(seat, _)| has_gone(seat.common()).is_none());
        if left.is_empty() {
            return;
        }
        left.iter().for_each(|(seat, _)| seat.signal(bits));
        let end = Instant::now() + KILL_GRACE;
        for (seat, silence) in &mut left {
            if timeout_at(end, gone(seat.common())).await.is_err()
                && policy::is_detached(silence, seat.signals() & signal::LIFE == 0, seat.is_at_work())
            {
                seat.detach();
            }
        }
        if hooks == Hooks::Run {
            bits = signal::LIFE;
        }
    }
}

/// Sees to it that whoever waits for this actor, which is to be cut after `limit`, is told when it cannot be:
/// somebody who stops it does not always wait for it. Does nothing unless a thread is inside its code right
/// now, and nothing outside a tokio runtime.
///
/// The task ends with the actor's end or with the grace after the limit, so nobody needs to own it.
pub(crate) fn look_after(seat: &Arc<dyn AnySeat>, limit: Shutdown) {
    let limit = match limit {
        Shutdown::Within(limit) => limit,
        Shutdown::Kill => Duration::ZERO,
        Shutdown::Unbounded => return,
    };
    if !seat.is_at_work() {
        return;
    }
    let Ok(runtime) = runtime::Handle::try_current() else { return };
    let seat = Arc::clone(seat);
    drop(runtime.spawn(async move {
        seat.signal(signal::LIFE);
        let after = limit.saturating_add(KILL_GRACE);
        if timeout(after, gone(seat.common())).await.is_err()
            && seat.signals() & signal::LIFE != 0
            && seat.is_at_work()
        {
            seat.detach();
        }
    }));
}

/// The time a shutdown rule gives, as something to wait for. In a runtime without a timer it never ends.
pub(crate) fn time_of(limit: Shutdown) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    match limit {
        Shutdown::Within(limit) => match failure::catch(|| tokio::time::sleep(limit)) {
            Ok(sleep) => Box::pin(sleep),
            Err(_) => Box::pin(std::future::pending()),
        },
        Shutdown::Unbounded => Box::pin(std::future::pending()),
        Shutdown::Kill => Box::pin(std::future::ready(())),
    }
}

fn has_gone(common: &Common) -> Option<End> {
    if common.told().is_some() {
        return Some(End::Ended);
    }
    common.is_detached().then_some(End::Detached)
}

/// Waits until an actor has ended or is detached.
async fn gone(common: &Common) -> End {
    common.wait_for(|| has_gone(common)).await
}
