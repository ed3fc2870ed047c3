//! What a child has gone through.

use crate::{Failure, StopReason};

/// The starts of a child beyond its first, and the last failure before one of them. Most children never have
/// one.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pub(crate) restarts: u64,
    pub(crate) last_failure: Option<Failure>,
}

impl History {
    /// It starts again, after an incarnation that ended so.
    pub(crate) fn restart(kept: &mut Option<Self>, last: &StopReason) {
        let history = kept.get_or_insert_default();
        history.restarts += 1;
        if let Some(failure) = last.failure() {
            history.last_failure = Some(failure.clone());
        }
    }
}
