//! Hand-written tokio: a bounded `mpsc`, a `oneshot` per question, a task per actor that receives one message
//! at a time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use tokio::sync::{mpsc, oneshot};

use super::{sum_to, until};
use crate::{
    heap,
    plan::{ACTORS, ASKERS, CAPACITY, PRODUCERS, Sample},
};

/// What a counting actor is sent.
enum Msg {
    Add(u64),
    /// Adds, and answers with the number itself.
    Ask(u64, oneshot::Sender<u64>),
    Sum(oneshot::Sender<u64>),
}

type Counter = mpsc::Sender<Msg>;

fn counter() -> Counter {
    let (tx, mut rx) = mpsc::channel(CAPACITY);
    tokio::spawn(async move {
        let mut sum = 0;
        while let Some(msg) = rx.recv().await {
            match msg {
                Msg::Add(value) => sum += value,
                Msg::Ask(value, reply) => {
                    sum += value;
                    let _gone = reply.send(value);
                }
                Msg::Sum(reply) => {
                    let _gone = reply.send(sum);
                }
            }
        }
    });
    tx
}

async fn add(counter: &Counter, value: u64) {
    assert!(counter.send(Msg::Add(value)).await.is_ok());
}

async fn ask_of(counter: &Counter, value: u64) -> u64 {
    let (reply, replied) = oneshot::channel();
    assert!(counter.send(Msg::Ask(value, reply)).await.is_ok());
    replied.await.expect("a reply")
}

async fn sum_of(counter: &Counter) -> u64 {
    let (reply, replied) = oneshot::channel();
    assert!(counter.send(Msg::Sum(reply)).await.is_ok());
    replied.await.expect("a reply")
}

pub async fn tell(ops: u64) -> Sample {
    let counter = counter();
    assert_eq!(sum_of(&counter).await, 0);
    let start = Instant::now();
    for value in 0..ops {
        add(&counter, value).await;
    }
    assert_eq!(sum_of(&counter).await, sum_to(ops));
    Sample::since(start, ops)
}

pub async fn tell4(ops: u64) -> Sample {
    let each = ops / PRODUCERS;
    let counter = counter();
    assert_eq!(sum_of(&counter).await, 0);
    let start = Instant::now();
    let producers = (0..PRODUCERS).map(|_| {
        let counter = counter.clone();
        tokio::spawn(async move {
            for value in 0..each {
                add(&counter, value).await;
            }
        })
    });
    for producer in producers.collect::<Vec<_>>() {
        producer.await.expect("a producer ends well");
    }
    assert_eq!(sum_of(&counter).await, PRODUCERS * sum_to(each));
    Sample::since(start, PRODUCERS * each)
}

pub async fn ask(ops: u64) -> Sample {
    let counter = counter();
    assert_eq!(sum_of(&counter).await, 0);
    let start = Instant::now();
    for value in 0..ops {
        assert_eq!(ask_of(&counter, value).await, value);
    }
    assert_eq!(sum_of(&counter).await, sum_to(ops));
    Sample::since(start, ops)
}

pub async fn ask64(ops: u64) -> Sample {
    let each = ops / ASKERS;
    let counter = counter();
    assert_eq!(sum_of(&counter).await, 0);
    let start = Instant::now();
    let askers = (0..ASKERS).map(|_| {
        let counter = counter.clone();
        tokio::spawn(async move {
            for value in 0..each {
                assert_eq!(ask_of(&counter, value).await, value);
            }
        })
    });
    for asker in askers.collect::<Vec<_>>() {
        asker.await.expect("an asker ends well");
    }
    assert_eq!(sum_of(&counter).await, ASKERS * sum_to(each));
    Sample::since(start, ASKERS * each)
}

/// What an actor is sent that passes a ball on.
enum Pass {
    /// To whom it passes.
    Next(Passer),
    /// So many passes are left.
    Ball(u64),
    /// Forget to whom, and say how many balls came by.
    End(oneshot::Sender<u64>),
}

type Passer = mpsc::Sender<Pass>;

fn passer(done: mpsc::Sender<()>) -> Passer {
    let (tx, mut rx) = mpsc::channel(CAPACITY);
    tokio::spawn(async move {
        let (mut next, mut seen) = (None::<Passer>, 0);
        while let Some(msg) = rx.recv().await {
            match msg {
                Pass::Next(to) => next = Some(to),
                Pass::Ball(left) => {
                    seen += 1;
                    match &next {
                        Some(next) if left > 0 => assert!(next.send(Pass::Ball(left - 1)).await.is_ok()),
                        _ => assert!(done.try_send(()).is_ok()),
                    }
                }
                Pass::End(reply) => {
                    next = None;
                    let _gone = reply.send(seen);
                }
            }
        }
    });
    tx
}

/// One ball goes round among `actors` until it has been received `ops` times.
async fn pass(actors: u64, ops: u64) -> Sample {
    let (done, mut is_done) = mpsc::channel(1);
    let ring: Vec<_> = (0..actors).map(|_| passer(done.clone())).collect();
    for (at, from) in ring.iter().enumerate() {
        assert!(from.send(Pass::Next(ring[(at + 1) % ring.len()].clone())).await.is_ok());
    }
    let start = Instant::now();
    assert!(ring[0].send(Pass::Ball(ops - 1)).await.is_ok());
    is_done.recv().await.expect("the end of the game");
    let sample = Sample::since(start, ops);
    let mut seen = 0;
    for passer in &ring {
        let (reply, replied) = oneshot::channel();
        assert!(passer.send(Pass::End(reply)).await.is_ok());
        seen += replied.await.expect("a reply");
    }
    assert_eq!(seen, ops);
    sample
}

pub async fn pingpong(ops: u64) -> Sample {
    pass(2, ops).await
}

pub async fn ring(ops: u64) -> Sample {
    pass(ACTORS, ops).await
}

pub async fn fan(ops: u64) -> Sample {
    let each = ops / ACTORS;
    let counters: Vec<_> = (0..ACTORS).map(|_| counter()).collect();
    for counter in &counters {
        assert_eq!(sum_of(counter).await, 0);
    }
    let start = Instant::now();
    for value in 0..each {
        for counter in &counters {
            add(counter, value).await;
        }
    }
    for counter in &counters {
        assert_eq!(sum_of(counter).await, sum_to(each));
    }
    Sample::since(start, ACTORS * each)
}

/// Counts when an actor has ended.
struct Ends(Arc<AtomicU64>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Release);
    }
}

pub async fn spawn(ops: u64) -> Sample {
    let ended = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    for value in 0..ops {
        let (tx, mut rx) = mpsc::channel(CAPACITY);
        let end = Ends(Arc::clone(&ended));
        tokio::spawn(async move {
            let _end = end;
            let mut sum = 0;
            while let Some((value, reply)) = rx.recv().await {
                let reply: oneshot::Sender<u64> = reply;
                sum += value;
                let _gone = reply.send(sum);
            }
        });
        let (reply, replied) = oneshot::channel();
        assert!(tx.send((value, reply)).await.is_ok());
        assert_eq!(replied.await, Ok(value));
    }
    until(&ended, ops).await;
    Sample::since(start, ops)
}

pub async fn mem(ops: u64) -> Sample {
    let started = Arc::new(AtomicU64::new(0));
    let mut alive = Vec::with_capacity(usize::try_from(ops).expect("fits"));
    heap::start();
    for _ in 0..ops {
        let (tx, mut rx) = mpsc::channel::<Msg>(CAPACITY);
        let started = Arc::clone(&started);
        tokio::spawn(async move {
            started.fetch_add(1, Ordering::Release);
            drop(started);
            let mut sum = 0;
            while let Some(msg) = rx.recv().await {
                match msg {
                    Msg::Add(value) => sum += value,
                    Msg::Ask(value, reply) => {
                        sum += value;
                        let _gone = reply.send(value);
                    }
                    Msg::Sum(reply) => {
                        let _gone = reply.send(sum);
                    }
                }
            }
        });
        alive.push(tx);
    }
    until(&started, ops).await;
    let bytes = heap::stop();
    drop(alive);
    Sample::Heap { actors: ops, bytes }
}
