//! The workloads, the same code for every framework.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use tokio::sync::mpsc;

use crate::{
    framework::Framework,
    heap,
    plan::{ACTORS, ASKERS, PRODUCERS, Sample},
};

/// The sum of what a producer of `ops` messages sends.
pub const fn sum_to(ops: u64) -> u64 {
    ops * (ops - 1) / 2
}

/// Waits, without a timer, until `count` has come to `goal`.
async fn until(count: &AtomicU64, goal: u64) {
    while count.load(Ordering::Acquire) != goal {
        tokio::task::yield_now().await;
    }
}

pub async fn tell<F: Framework>(ops: u64) -> Sample {
    let counter = F::counter().await;
    assert_eq!(F::sum(&counter).await, 0);
    let start = Instant::now();
    for value in 0..ops {
        F::add(&counter, value).await;
    }
    assert_eq!(F::sum(&counter).await, sum_to(ops));
    Sample::since(start, ops)
}

pub async fn tell4<F: Framework>(ops: u64) -> Sample {
    let each = ops / PRODUCERS;
    let counter = F::counter().await;
    assert_eq!(F::sum(&counter).await, 0);
    let start = Instant::now();
    let producers = (0..PRODUCERS).map(|_| {
        let counter = counter.clone();
        F::task(async move {
            for value in 0..each {
                F::add(&counter, value).await;
            }
        })
    });
    for producer in producers.collect::<Vec<_>>() {
        producer.await.expect("a producer ends well");
    }
    assert_eq!(F::sum(&counter).await, PRODUCERS * sum_to(each));
    Sample::since(start, PRODUCERS * each)
}

pub async fn ask<F: Framework>(ops: u64) -> Sample {
    let counter = F::counter().await;
    assert_eq!(F::sum(&counter).await, 0);
    let start = Instant::now();
    for value in 0..ops {
        assert_eq!(F::ask(&counter, value).await, value);
    }
    assert_eq!(F::sum(&counter).await, sum_to(ops));
    Sample::since(start, ops)
}

pub async fn ask64<F: Framework>(ops: u64) -> Sample {
    let each = ops / ASKERS;
    let counter = F::counter().await;
    assert_eq!(F::sum(&counter).await, 0);
    let start = Instant::now();
    let askers = (0..ASKERS).map(|_| {
        let counter = counter.clone();
        F::task(async move {
            for value in 0..each {
                assert_eq!(F::ask(&counter, value).await, value);
            }
        })
    });
    for asker in askers.collect::<Vec<_>>() {
        asker.await.expect("an asker ends well");
    }
    assert_eq!(F::sum(&counter).await, ASKERS * sum_to(each));
    Sample::since(start, ASKERS * each)
}

/// One ball goes round among `actors` until it has been received `ops` times.
async fn pass<F: Framework>(actors: u64, ops: u64) -> Sample {
    let (done, mut is_done) = mpsc::channel(1);
    let mut ring = Vec::new();
    for _ in 0..actors {
        ring.push(F::passer(done.clone()).await);
    }
    for (at, from) in ring.iter().enumerate() {
        F::next(from, ring[(at + 1) % ring.len()].clone()).await;
    }
    let start = Instant::now();
    F::ball(&ring[0], ops - 1).await;
    is_done.recv().await.expect("the end of the game");
    let sample = Sample::since(start, ops);
    let mut seen = 0;
    for passer in &ring {
        seen += F::end(passer).await;
    }
    assert_eq!(seen, ops);
    sample
}

pub async fn pingpong<F: Framework>(ops: u64) -> Sample {
    pass::<F>(2, ops).await
}

pub async fn ring<F: Framework>(ops: u64) -> Sample {
    pass::<F>(ACTORS, ops).await
}

pub async fn fan<F: Framework>(ops: u64) -> Sample {
    let each = ops / ACTORS;
    let mut counters = Vec::new();
    for _ in 0..ACTORS {
        counters.push(F::counter().await);
    }
    for counter in &counters {
        assert_eq!(F::sum(counter).await, 0);
    }
    let start = Instant::now();
    for value in 0..each {
        for counter in &counters {
            F::add(counter, value).await;
        }
    }
    for counter in &counters {
        assert_eq!(F::sum(counter).await, sum_to(each));
    }
    Sample::since(start, ACTORS * each)
}

pub async fn spawn<F: Framework>(ops: u64) -> Sample {
    let ended = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    for value in 0..ops {
        assert_eq!(F::live(value, Arc::clone(&ended)).await, value);
    }
    until(&ended, ops).await;
    Sample::since(start, ops)
}

pub async fn mem<F: Framework>(ops: u64) -> Sample {
    let started = Arc::new(AtomicU64::new(0));
    let mut alive = Vec::with_capacity(usize::try_from(ops).expect("fits"));
    // What the process pays once is no actor's.
    let first = F::idle(Arc::clone(&started)).await;
    until(&started, 1).await;
    heap::start();
    for _ in 0..ops {
        alive.push(F::idle(Arc::clone(&started)).await);
    }
    until(&started, 1 + ops).await;
    let bytes = heap::stop();
    drop((first, alive));
    Sample::Heap { actors: ops, bytes }
}

/// Counts one more when it is dropped.
pub struct Ends(pub Arc<AtomicU64>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Release);
    }
}
