//! This crate.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use ::postbox::{Actor, ActorRef, BoxError, Context, Handler, Message, Supervisor, child};
use tokio::sync::{Notify, mpsc};

use super::{sum_to, until};
use crate::{
    heap,
    plan::{ACTORS, ASKERS, CAPACITY, EXPECTED_PANIC, PENDING, PRODUCERS, Sample},
};

macro_rules! message {
    ($message:ty, $reply:ty) => {
        impl Message for $message {
            type Reply = $reply;
        }
    };
}

#[derive(Default)]
struct Counter {
    sum: u64,
}

impl Actor for Counter {
    const CAPACITY: usize = CAPACITY;
}

struct Add(u64);
/// Adds, and answers with the number itself.
struct AskAdd(u64);
struct Sum;

message!(Add, ());
message!(AskAdd, u64);
message!(Sum, u64);

impl Handler<Add> for Counter {
    async fn handle(&mut self, Add(value): Add, _ctx: &mut Context<Self>) {
        self.sum += value;
    }
}

impl Handler<AskAdd> for Counter {
    async fn handle(&mut self, AskAdd(value): AskAdd, _ctx: &mut Context<Self>) -> u64 {
        self.sum += value;
        value
    }
}

impl Handler<Sum> for Counter {
    async fn handle(&mut self, Sum: Sum, _ctx: &mut Context<Self>) -> u64 {
        self.sum
    }
}

async fn add(counter: &ActorRef<Counter>, value: u64) {
    assert!(counter.tell(Add(value)).await.is_ok());
}

async fn ask_of(counter: &ActorRef<Counter>, value: u64) -> u64 {
    counter.ask(AskAdd(value)).await.expect("a reply")
}

async fn sum_of(counter: &ActorRef<Counter>) -> u64 {
    counter.ask(Sum).await.expect("a reply")
}

pub async fn tell(ops: u64) -> Sample {
    let counter = Counter::default().spawn();
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
    let counter = Counter::default().spawn();
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
    let counter = Counter::default().spawn();
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
    let counter = Counter::default().spawn();
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

struct Passer {
    next: Option<ActorRef<Passer>>,
    seen: u64,
    done: mpsc::Sender<()>,
}

impl Actor for Passer {
    const CAPACITY: usize = CAPACITY;
}

/// To whom it passes.
struct Next(ActorRef<Passer>);
/// So many passes are left.
struct Ball(u64);
/// Forget to whom, and say how many balls came by.
struct End;

message!(Next, ());
message!(Ball, ());
message!(End, u64);

impl Handler<Next> for Passer {
    async fn handle(&mut self, Next(next): Next, _ctx: &mut Context<Self>) {
        self.next = Some(next);
    }
}

impl Handler<Ball> for Passer {
    async fn handle(&mut self, Ball(left): Ball, _ctx: &mut Context<Self>) {
        self.seen += 1;
        match &self.next {
            Some(next) if left > 0 => assert!(next.tell(Ball(left - 1)).await.is_ok()),
            _ => assert!(self.done.try_send(()).is_ok()),
        }
    }
}

impl Handler<End> for Passer {
    async fn handle(&mut self, End: End, _ctx: &mut Context<Self>) -> u64 {
        self.next = None;
        self.seen
    }
}

/// One ball goes round among `actors` until it has been received `ops` times.
async fn pass(actors: u64, ops: u64) -> Sample {
    let (done, mut is_done) = mpsc::channel(1);
    let ring: Vec<_> =
        (0..actors).map(|_| Passer { next: None, seen: 0, done: done.clone() }.spawn()).collect();
    for (at, from) in ring.iter().enumerate() {
        assert!(from.tell(Next(ring[(at + 1) % ring.len()].clone())).await.is_ok());
    }
    let start = Instant::now();
    assert!(ring[0].tell(Ball(ops - 1)).await.is_ok());
    is_done.recv().await.expect("the end of the game");
    let sample = Sample::since(start, ops);
    let mut seen = 0;
    for passer in &ring {
        seen += passer.ask(End).await.expect("a reply");
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
    let counters: Vec<_> = (0..ACTORS).map(|_| Counter::default().spawn()).collect();
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
struct Ends {
    sum: u64,
    ended: Arc<AtomicU64>,
}

impl Actor for Ends {
    const CAPACITY: usize = CAPACITY;
}

impl Handler<AskAdd> for Ends {
    async fn handle(&mut self, AskAdd(value): AskAdd, _ctx: &mut Context<Self>) -> u64 {
        self.sum += value;
        self.sum
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        self.ended.fetch_add(1, Ordering::Release);
    }
}

pub async fn spawn(ops: u64) -> Sample {
    let ended = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    for value in 0..ops {
        let actor = Ends { sum: 0, ended: Arc::clone(&ended) }.spawn();
        assert_eq!(actor.ask(AskAdd(value)).await.expect("a reply"), value);
    }
    until(&ended, ops).await;
    Sample::since(start, ops)
}

/// Counts when it has started; then it is as large as a raw actor with its sum.
struct Idle {
    started: Option<Arc<AtomicU64>>,
}

impl Actor for Idle {
    const CAPACITY: usize = CAPACITY;

    async fn started(&mut self, _ctx: &mut Context<Self>) -> Result<(), BoxError> {
        if let Some(started) = self.started.take() {
            started.fetch_add(1, Ordering::Release);
        }
        Ok(())
    }
}

impl Handler<Add> for Idle {
    async fn handle(&mut self, Add(_): Add, _ctx: &mut Context<Self>) {}
}

pub async fn mem(ops: u64) -> Sample {
    let started = Arc::new(AtomicU64::new(0));
    // What the process pays once is no actor's.
    drop(Idle { started: None }.prepare().start().await.expect("an actor"));
    let mut alive = Vec::with_capacity(usize::try_from(ops).expect("fits"));
    heap::start();
    for _ in 0..ops {
        alive.push(Idle { started: Some(Arc::clone(&started)) }.spawn());
    }
    until(&started, ops).await;
    let bytes = heap::stop();
    drop(alive);
    Sample::Heap { actors: ops, bytes }
}

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

message!(Hold, ());
message!(Break, ());

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
