//! What only postbox can be asked for here: supervised actors, and restarts.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use ::postbox::{Actor, Context, Handler, Message, Supervisor, child};
use tokio::sync::Notify;

use super::{Add, Idle, Sum};
use crate::{
    heap,
    plan::{EXPECTED_PANIC, PENDING, Sample},
    workload::sum_to,
};

pub async fn mem_supervised(ops: u64) -> Sample {
    let each = ops / 100;
    let mut trees = Vec::new();
    for _ in 0..100 {
        trees.push(Supervisor::one_for_one().start().await.expect("a supervisor"));
    }
    let mut alive = Vec::with_capacity(usize::try_from(ops).expect("fits"));
    heap::start();
    for tree in &trees {
        for number in 0..each {
            let idle = child(number.to_string(), || Idle { started: None });
            alive.push(tree.spawn(idle).await.expect("a child"));
        }
    }
    let bytes = heap::stop();
    drop(alive);
    Sample::Heap { actors: 100 * each, bytes }
}

/// Fails when it is told to, and is started anew.
struct Phoenix {
    sum: u64,
    gate: Arc<Notify>,
}

impl Actor for Phoenix {}

/// Holds the actor up until the gate opens, so that the mailbox can be filled.
struct Hold;

#[derive(Clone, Copy)]
enum Break {
    /// By a panic, which unwinds.
    Panic,
    /// By `ctx.fail`, which does not.
    Fail,
}

impl Message for Hold {
    type Reply = ();
}

impl Message for Break {
    type Reply = ();
}

impl Handler<Hold> for Phoenix {
    async fn handle(&mut self, Hold: Hold, _ctx: &mut Context<Self>) {
        self.gate.notified().await;
    }
}

impl Handler<Break> for Phoenix {
    async fn handle(&mut self, how: Break, ctx: &mut Context<Self>) {
        match how {
            Break::Panic => std::panic::panic_any(EXPECTED_PANIC),
            Break::Fail => ctx.fail(EXPECTED_PANIC).await,
        }
    }
}

impl Handler<Add> for Phoenix {
    async fn handle(&mut self, Add(value): Add, _ctx: &mut Context<Self>) {
        self.sum += value;
    }
}

impl Handler<Sum> for Phoenix {
    async fn handle(&mut self, Sum: Sum, _ctx: &mut Context<Self>) -> u64 {
        self.sum
    }
}

/// `ops` restarts in a row, each with at least `PENDING` messages in the mailbox.
async fn restarts(ops: u64, how: Break) -> Sample {
    let gate = Arc::new(Notify::new());
    let last_start = Arc::new(Mutex::new((0, Instant::now())));
    let tree = Supervisor::one_for_one()
        .limit(u32::MAX, Duration::from_secs(10))
        .start()
        .await
        .expect("a supervisor");
    let factory = {
        let (gate, last_start) = (Arc::clone(&gate), Arc::clone(&last_start));
        move || {
            let mut last_start = last_start.lock().expect("not poisoned");
            last_start.0 += 1;
            if last_start.0 == ops + 1 {
                last_start.1 = Instant::now();
            }
            Phoenix { sum: 0, gate: Arc::clone(&gate) }
        }
    };
    let capacity = usize::try_from(ops + PENDING + 1).expect("fits");
    let phoenix = tree.spawn(child("phoenix", factory).capacity(capacity)).await.expect("a child");
    phoenix.tell(Hold).await.expect("room");
    for _ in 0..ops {
        phoenix.tell(how).await.expect("room");
    }
    for value in 0..PENDING {
        phoenix.tell(Add(value)).await.expect("room");
    }
    let start = Instant::now();
    gate.notify_one();
    assert_eq!(phoenix.ask(Sum).await.expect("a reply"), sum_to(PENDING));
    let (starts, end) = *last_start.lock().expect("not poisoned");
    assert_eq!(starts, ops + 1);
    Sample::Time { ops, took: end - start }
}

pub async fn restart(ops: u64) -> Sample {
    restarts(ops, Break::Panic).await
}

pub async fn restart_fail(ops: u64) -> Sample {
    restarts(ops, Break::Fail).await
}
