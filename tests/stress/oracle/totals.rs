//! How often what happened: the figures of a run.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

pub(crate) fn count(of: &AtomicU64) {
    of.fetch_add(1, Ordering::SeqCst);
}

macro_rules! counts {
    ($($name:ident: $what:literal),* $(,)?) => {
        /// How often what happened.
        #[derive(Default)]
        pub(crate) struct Counts { $(pub(crate) $name: AtomicU64),* }

        /// The same, added up.
        #[derive(Clone, Copy, Default, PartialEq, Eq)]
        pub(crate) struct Totals { pub(crate) runs: u64, pub(crate) trace: u64, $(pub(crate) $name: u64),* }

        impl Counts {
            pub(crate) fn of_one_run(&self, trace: u64) -> Totals {
                Totals { runs: 1, trace, $($name: self.$name.load(Ordering::SeqCst)),* }
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
    links: "links",
    linked: "failures by a link",
    unlinked: "links taken back",
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
    full: "refused for want of room",
    discarded: "asks discarded",
    urgent: "urgent messages",
    streaks: "full streaks of urgent ones",
    expired: "expired",
    evicted: "evicted",
    overflowed: "overflowed",
    stashed: "put aside",
    unstashed: "taken out of the stash",
    kept_aside: "kept aside over a restart",
    stopped_by_hand: "stopped by hand",
    restarted_by_hand: "restarted by hand",
    deleted: "deleted",
    significant: "ends of significant children",
    shut_down: "automatic shutdowns",
    released: "released",
    live: "live at the end",
}
