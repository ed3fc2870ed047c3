//! The log of an actor's life: `tracing` events with the target `postbox`.
//!
//! Started and stopped at DEBUG, a failure as one line at WARN, an escalation at ERROR. Who observes the system
//! learns the same.

use crate::{Failure, Identity, StopReason, failure::Panic};

use super::{common::Common, family::Ruling};

pub(super) fn started(common: &Common) {
    let who = &common.identity;
    tracing::debug!(target: "postbox", actor = %who, "started");
    if let Some(observer) = common.home.observer.get() {
        observer.started(who);
    }
}

pub(super) fn ended(common: &Common, reason: &StopReason) {
    let who = &common.identity;
    tracing::debug!(target: "postbox", actor = %who, %reason, "ended");
    if let Some(observer) = common.home.observer.get() {
        observer.ended(who, reason);
    }
}

/// One line: who, what, where, why, and what follows.
pub(super) fn failed(common: &Common, failure: &Failure, ruling: &Ruling) {
    if let Some(observer) = common.home.observer.get() {
        observer.failed(failure);
    }
    let chain = failure.chain();
    match ruling {
        Ruling::Restart { after, used, max } if after.is_zero() => {
            tracing::warn!(target: "postbox", "{chain}; restart {used}/{max} at once");
        }
        Ruling::Restart { after, used, max } => {
            tracing::warn!(target: "postbox", "{chain}; restart {used}/{max} in {after:?}");
        }
        Ruling::Group { after, used, max } if after.is_zero() => {
            tracing::warn!(target: "postbox", "{chain}; restart {used}/{max} of its group at once");
        }
        Ruling::Group { after, used, max } => {
            tracing::warn!(target: "postbox", "{chain}; restart {used}/{max} of its group in {after:?}");
        }
        Ruling::Join => tracing::warn!(target: "postbox", "{chain}; it restarts with its group"),
        Ruling::End => tracing::warn!(target: "postbox", "{chain}; it is not restarted"),
        Ruling::Escalate(limit) => {
            tracing::warn!(target: "postbox", "{chain}; the restart limit is exceeded");
            tracing::error!(target: "postbox", "{limit}");
        }
    }
}

/// An end that was not a failure, but has consequences.
pub(super) fn restarted(who: &Identity, reason: &StopReason, ruling: &Ruling) {
    match ruling {
        Ruling::Restart { after, used, max } => tracing::debug!(
            target: "postbox", actor = %who, %reason, "restart {used}/{max} in {after:?}"
        ),
        Ruling::Group { after, used, max } => tracing::debug!(
            target: "postbox", actor = %who, %reason, "restart {used}/{max} of its group in {after:?}"
        ),
        Ruling::Join => {
            tracing::debug!(target: "postbox", actor = %who, %reason, "it restarts with its group");
        }
        Ruling::Escalate(limit) => tracing::error!(target: "postbox", "{limit}"),
        Ruling::End => {}
    }
}

/// A failure that changes nothing any more: of a hook at the end, or of a `Drop`.
pub(super) fn unharmed(common: &Common, failure: &Failure) {
    if let Some(observer) = common.home.observer.get() {
        observer.failed(failure);
    }
    let chain = failure.chain();
    tracing::warn!(target: "postbox", "{chain}; its end goes on");
}

/// A reply of `Err` that nobody waits for. A line for the first, the second, the fourth …: the count goes on,
/// the log is not flooded.
pub(super) fn unheard_error(who: &Identity, message: &str, count: u64) {
    if count.is_power_of_two() {
        tracing::warn!(
            target: "postbox",
            "{who} answered {message} with an error, but it was told and nobody waits for the reply; \
             {count} such errors in this system so far"
        );
    }
}

/// A handler that cannot be killed, or that cannot be told to end.
pub(super) fn detached(common: &Common, message: Option<&str>, killed: bool) {
    let who = &common.identity;
    if let Some(observer) = common.home.observer.get() {
        observer.detached(who);
    }
    let what = if killed { "was killed" } else { "was to end" };
    let at = message.map_or_else(
        || "in a hook, its factory or a `Drop`".to_owned(),
        |name| format!("while handling {name}"),
    );
    tracing::error!(
        target: "postbox",
        "{who} {what} {at}, but its code does not come to an await: it is detached, and everybody goes on \
         without it; it holds its thread until its code comes back"
    );
}

/// A panic in the `Drop` of a message that was given up, or of a reply that nobody waits for.
pub(super) fn drop_panicked(who: &Identity, panic: &Panic) {
    tracing::warn!(target: "postbox", actor = %who, "the `Drop` of a message or a reply panicked: {}", panic.text());
}
