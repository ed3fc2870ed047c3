//! What several benchmarks share.

use std::{
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::{Notify, oneshot};

/// Messages a mailbox holds where the protocol of the benchmark needs no more.
pub const CAPACITY: usize = 1024;

/// Pseudo-random numbers that follow from a seed (xorshift64*, Vigna 2014), so that all frameworks do the same.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        // The state may be anything but zero.
        Self(seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    /// One of `0..limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// The same for an index.
    pub fn index(&mut self, limit: usize) -> usize {
        usize::try_from(self.below(limit as u64)).expect("an index is below the length")
    }
}

/// Work of `steps` random numbers, for the benchmarks in which somebody is busy.
pub fn busy(steps: u64) {
    let mut random = Random::new(steps);
    for _ in 0..steps {
        black_box(random.next());
    }
}

/// The small computation of the two fork-join benchmarks.
pub fn compute() {
    let sin = black_box(37.2_f64).sin();
    assert!(black_box(sin * sin) > 0.0);
}

/// How an actor tells the driver what has come out, once.
pub struct Report<T>(Option<oneshot::Sender<T>>);

impl<T> Report<T> {
    pub fn new() -> (Self, oneshot::Receiver<T>) {
        let (report, result) = oneshot::channel();
        (Self(Some(report)), result)
    }

    pub fn send(&mut self, result: T) {
        let report = self.0.take().expect("a benchmark ends once");
        assert!(report.send(result).is_ok(), "the driver waits for the result");
    }
}

/// Counts the actors that have ended, by their state that is dropped.
pub struct Ends {
    ended: AtomicU64,
    goal: u64,
    all: Notify,
}

impl Ends {
    pub fn of(actors: u64) -> Arc<Self> {
        Arc::new(Self { ended: AtomicU64::new(0), goal: actors, all: Notify::new() })
    }

    /// Waits until all have.
    pub async fn all(&self) {
        self.all.notified().await;
        assert_eq!(self.ended.load(Ordering::Acquire), self.goal);
    }
}

/// In the state of an actor: counts its end.
pub struct End(pub Arc<Ends>);

impl Drop for End {
    fn drop(&mut self) {
        // AcqRel: what the other actors did happens before what the driver does after the last end.
        if self.0.ended.fetch_add(1, Ordering::AcqRel) + 1 == self.0.goal {
            self.0.all.notify_one();
        }
    }
}
