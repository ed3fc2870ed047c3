//! A module per framework; each has one function per workload, named like the workload.

pub mod postbox;
pub mod raw;

use std::sync::atomic::{AtomicU64, Ordering};

/// The sum of what a producer of `ops` messages sends.
pub const fn sum_to(ops: u64) -> u64 {
    ops * (ops - 1) / 2
}

/// Waits, without a timer, until `count` has come to `goal`.
pub async fn until(count: &AtomicU64, goal: u64) {
    while count.load(Ordering::Acquire) != goal {
        tokio::task::yield_now().await;
    }
}
