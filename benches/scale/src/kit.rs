//! What several parts share.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use postbox::{Ledger, Reason, System};
use tokio::sync::Notify;

/// When something began, by the clock or by the time that the process has had a core since, all threads together.
pub struct Start(Duration);

static CPU: AtomicBool = AtomicBool::new(false);

impl Start {
    /// From now on time is what the process has a core for: where other things run as well, that is what repeats.
    pub fn count_cpu() {
        CPU.store(true, Ordering::Relaxed);
    }

    pub fn now() -> Self {
        Self(Self::read())
    }

    pub fn elapsed(&self) -> Duration {
        Self::read().saturating_sub(self.0)
    }

    fn read() -> Duration {
        let clock =
            if CPU.load(Ordering::Relaxed) { libc::CLOCK_PROCESS_CPUTIME_ID } else { libc::CLOCK_MONOTONIC };
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the second argument points to a `timespec` that may be written to.
        let result = unsafe { libc::clock_gettime(clock, &mut time) };
        assert_eq!(result, 0, "the system has no such clock");
        let whole = u64::try_from(time.tv_sec).expect("both clocks begin at 0 and go forward");
        Duration::from_secs(whole) + Duration::from_nanos(u64::try_from(time.tv_nsec).expect("below 10^9"))
    }
}

/// A count that somebody waits for.
#[derive(Default)]
pub struct Goal {
    count: AtomicU64,
    goal: AtomicU64,
    reached: Notify,
}

impl Goal {
    pub fn of(goal: u64) -> Self {
        Self { goal: AtomicU64::new(goal), ..Self::default() }
    }

    /// One more.
    pub fn add(&self) {
        // AcqRel: what was done before any of the others happens before what the waiting one does next.
        if self.count.fetch_add(1, Ordering::AcqRel) + 1 == self.goal.load(Ordering::Acquire) {
            self.reached.notify_one();
        }
    }

    /// Sets how many more it takes, before any of them can come.
    pub fn raise(&self, more: u64) {
        self.goal.fetch_add(more, Ordering::AcqRel);
    }

    pub async fn reached(&self) {
        self.reached.notified().await;
        assert_eq!(self.count.load(Ordering::Acquire), self.goal.load(Ordering::Acquire));
    }
}

/// In the state of an actor: counts its end.
pub struct End(pub Arc<Goal>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.add();
    }
}

/// Pseudo-random numbers that follow from a seed (xorshift64*, Vigna 2014).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        // The state may be anything but zero.
        Self(seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// One of `0..limit`.
    pub fn index(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let next = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16;
        usize::try_from(next % limit as u64).expect("below a length")
    }
}

#[expect(clippy::cast_precision_loss, reason = "nanoseconds of some minutes are far below 2^52")]
pub fn nanos(took: Duration, operations: u64) -> f64 {
    took.as_nanos() as f64 / operations as f64
}

#[expect(clippy::cast_precision_loss, reason = "bytes on a heap are far below 2^52")]
pub fn bytes(heap: i64, of: u64) -> f64 {
    heap as f64 / of as f64
}

/// The sum of `0..count`.
pub const fn sum_to(count: u64) -> u64 {
    count * (count - 1) / 2
}

/// Waits until the system is at rest, and holds its ledger against what has been sent: so many accepted, so many of
/// them dead.
pub async fn check(system: &System, accepted: u64, dead: u64) {
    // Whoever was asked may still be on its way from the answer to the count.
    let rest = async {
        while !is_at_rest(&system.ledger()) {
            tokio::task::yield_now().await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(10), rest).await;
    let ledger = system.ledger();
    assert!(in_time.is_ok(), "messages that nobody handles: {ledger}");
    assert!(ledger.balances(), "{ledger}");
    assert_eq!(ledger.returned, 0, "{ledger}");
    assert_eq!((ledger.accepted, ledger.dead), (accepted, dead), "{ledger}");
    assert_eq!(system.dead_letters().count(Reason::Leaked), 0);
}

fn is_at_rest(ledger: &Ledger) -> bool {
    (ledger.queued, ledger.stashed, ledger.in_flight) == (0, 0, 0)
}

/// Waits, without a timer, until the system has forgotten all its actors.
pub async fn until_empty(system: &System) {
    while !system.actors().is_empty() {
        tokio::task::yield_now().await;
    }
}
