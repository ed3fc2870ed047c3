//! What is counted: each workload does `ops` operations on a runtime of one thread.

use std::{
    future::Future,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use postbox::{Actor, ActorRef, Context, Handler, Message, Supervisor, child};
use tokio::sync::{mpsc, oneshot};

/// One kind of operation.
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    /// Operations of the shorter of the two runs.
    pub(crate) ops: u64,
    pub(crate) run: fn(u64),
}

macro_rules! workload {
    ($name:ident, $ops:literal) => {
        Workload { name: stringify!($name), ops: $ops, run: |ops| on_one_thread($name(ops)) }
    };
}

/// Those of hand-written tokio are there to be compared with.
pub(crate) const WORKLOADS: &[Workload] = &[
    workload!(tell, 20_000),
    workload!(raw_tell, 20_000),
    workload!(tell64, 20_000),
    workload!(raw_tell64, 20_000),
    workload!(ask, 5_000),
    workload!(ask_all, 5_000),
    workload!(ask_caller_runs, 20_000),
    workload!(raw_ask, 5_000),
    workload!(pingpong, 10_000),
    workload!(pingpong_hand_off, 10_000),
    workload!(raw_pingpong, 10_000),
    workload!(fan, 50_000),
    workload!(raw_fan, 50_000),
    workload!(spawn, 2_000),
    workload!(raw_spawn, 2_000),
    workload!(spawn_child, 1_000),
    workload!(restart_by_fail, 500),
    workload!(restart_by_panic, 500),
    workload!(raw_panic, 500),
];

const CAPACITY: usize = 1024;

fn on_one_thread(work: impl Future<Output = ()> + Send + 'static) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    // As a task, so that nothing of it is polled by the special case of `block_on`.
    runtime.block_on(async { tokio::spawn(work).await }).expect("the work ends well");
}

macro_rules! message {
    ($message:ty, $reply:ty) => {
        impl Message for $message {
            type Reply = $reply;
        }
    };
}

/// `CALLER_RUNS`: one whose asker runs the handler.
#[derive(Default)]
struct Counter<const CALLER_RUNS: bool = false> {
    sum: u64,
}

struct Add(u64);
struct Sum;
message!(Add, ());
message!(Sum, u64);

impl<const CALLER_RUNS: bool> Actor for Counter<CALLER_RUNS> {
    const CAPACITY: usize = CAPACITY;
    const CALLER_RUNS: bool = CALLER_RUNS;
}

impl<const CALLER_RUNS: bool> Handler<Add> for Counter<CALLER_RUNS> {
    async fn handle(&mut self, Add(value): Add, _ctx: &mut Context<Self>) {
        self.sum += value;
    }
}

impl<const CALLER_RUNS: bool> Handler<Sum> for Counter<CALLER_RUNS> {
    async fn handle(&mut self, Sum: Sum, _ctx: &mut Context<Self>) -> u64 {
        self.sum
    }
}

async fn tell(ops: u64) {
    let counter = <Counter>::default().spawn();
    for _ in 0..ops {
        counter.tell(Add(1)).await.expect("the actor lives");
    }
    assert_eq!(counter.ask(Sum).await.expect("a reply"), ops);
}

/// From 64 tasks, which wait for room nearly always.
async fn tell64(ops: u64) {
    let counter = <Counter>::default().spawn();
    let tellers = (0..64).map(|_| {
        let counter = counter.clone();
        tokio::spawn(async move {
            for _ in 0..ops / 64 {
                counter.tell(Add(1)).await.expect("the actor lives");
            }
        })
    });
    for teller in tellers.collect::<Vec<_>>() {
        teller.await.expect("it ends well");
    }
    assert_eq!(counter.ask(Sum).await.expect("a reply"), ops / 64 * 64);
}

async fn ask_one_after_the_other<const CALLER_RUNS: bool>(ops: u64) {
    let counter = Counter::<CALLER_RUNS>::default().spawn();
    for _ in 0..ops {
        counter.ask(Sum).await.expect("a reply");
    }
}

async fn ask(ops: u64) {
    ask_one_after_the_other::<false>(ops).await;
}

async fn ask_all(ops: u64) {
    let counter = <Counter>::default().spawn();
    let mut replies = counter.ask_all((0..ops).map(|_| Sum)).window(64);
    while let Some(reply) = replies.next().await {
        reply.expect("a reply");
    }
}

async fn ask_caller_runs(ops: u64) {
    ask_one_after_the_other::<true>(ops).await;
}

const ACTORS: u64 = 1000;

async fn fan(ops: u64) {
    let counters: Vec<_> = (0..ACTORS).map(|_| <Counter>::default().spawn()).collect();
    for _ in 0..ops / ACTORS {
        for counter in &counters {
            counter.tell(Add(1)).await.expect("the actor lives");
        }
    }
    for counter in &counters {
        assert_eq!(counter.ask(Sum).await.expect("a reply"), ops / ACTORS);
    }
}

async fn spawn(ops: u64) {
    for _ in 0..ops {
        let counter = <Counter>::default().spawn();
        assert_eq!(counter.ask(Sum).await.expect("a reply"), 0);
    }
}

struct Passer<const HAND_OFF: bool> {
    next: Option<ActorRef<Self>>,
    done: Option<oneshot::Sender<()>>,
}

struct Next<const HAND_OFF: bool>(ActorRef<Passer<HAND_OFF>>);
struct Ball(u64);
message!(Ball, ());

impl<const HAND_OFF: bool> Message for Next<HAND_OFF> {
    type Reply = ();
}

impl<const HAND_OFF: bool> Actor for Passer<HAND_OFF> {
    const CAPACITY: usize = CAPACITY;
    const HAND_OFF: bool = HAND_OFF;
}

impl<const HAND_OFF: bool> Handler<Next<HAND_OFF>> for Passer<HAND_OFF> {
    async fn handle(&mut self, Next(next): Next<HAND_OFF>, _ctx: &mut Context<Self>) {
        self.next = Some(next);
    }
}

impl<const HAND_OFF: bool> Handler<Ball> for Passer<HAND_OFF> {
    async fn handle(&mut self, Ball(left): Ball, _ctx: &mut Context<Self>) {
        match &self.next {
            Some(next) if left > 0 => next.tell(Ball(left - 1)).await.expect("the other one lives"),
            _ => self.done.take().into_iter().for_each(|done| assert_eq!(done.send(()), Ok(()))),
        }
    }
}

async fn pass<const HAND_OFF: bool>(ops: u64) {
    let (done, is_done) = oneshot::channel();
    let one = Passer::<HAND_OFF> { next: None, done: Some(done) }.spawn();
    let other = Passer { next: Some(one.clone()), done: None }.spawn();
    one.ask(Next(other)).await.expect("a reply");
    // An even number, so that it ends where it began.
    one.tell(Ball(2 * (ops / 2))).await.expect("the actor lives");
    is_done.await.expect("the end of the game");
    one.stop();
}

async fn pingpong(ops: u64) {
    pass::<false>(ops).await;
}

async fn pingpong_hand_off(ops: u64) {
    pass::<true>(ops).await;
}

/// Fails as often as it is told to.
struct Fragile;

struct Fail;
struct Panic;
message!(Fail, ());
message!(Panic, ());

impl Actor for Fragile {
    const CAPACITY: usize = CAPACITY;
}

impl Handler<Fail> for Fragile {
    async fn handle(&mut self, Fail: Fail, ctx: &mut Context<Self>) {
        ctx.fail("on purpose").await
    }
}

impl Handler<Panic> for Fragile {
    async fn handle(&mut self, Panic: Panic, _ctx: &mut Context<Self>) {
        panic!("on purpose");
    }
}

impl Handler<Sum> for Fragile {
    async fn handle(&mut self, Sum: Sum, _ctx: &mut Context<Self>) -> u64 {
        0
    }
}

/// So many restarts, with as many messages waiting behind each failure as the mailbox holds.
async fn restart<M: Message<Reply = ()>>(ops: u64, letter: fn() -> M)
where
    Fragile: Handler<M> + Handler<Sum>,
{
    let made = std::sync::Arc::new(AtomicU64::new(0));
    let factory = {
        let made = std::sync::Arc::clone(&made);
        move || {
            made.fetch_add(1, Ordering::Relaxed);
            Fragile
        }
    };
    let limit = u32::try_from(ops + 1).expect("fits");
    let tree = Supervisor::one_for_one().limit(limit, Duration::from_secs(3600));
    let tree = tree.start().await.expect("a supervisor");
    let fragile = tree.spawn(child("fragile", factory)).await.expect("a child");
    for _ in 0..ops {
        fragile.tell(letter()).await.expect("the actor lives");
    }
    fragile.ask::<Sum>(Sum).await.expect("a reply");
    assert_eq!(made.load(Ordering::Relaxed), ops + 1);
}

async fn restart_by_fail(ops: u64) {
    restart(ops, || Fail).await;
}

async fn restart_by_panic(ops: u64) {
    std::panic::set_hook(Box::new(|_| {}));
    restart(ops, || Panic).await;
}

/// What a panic of an async fn costs when it is caught where that is polled: the part of a restart that is not ours.
async fn raw_panic(ops: u64) {
    std::panic::set_hook(Box::new(|_| {}));
    for _ in 0..ops {
        let mut failing = Box::pin(fail_on_purpose());
        let caught = std::future::poll_fn(|cx| {
            let poll = std::panic::AssertUnwindSafe(|| failing.as_mut().poll(cx).is_ready());
            std::task::Poll::Ready(std::panic::catch_unwind(poll))
        });
        assert!(caught.await.is_err());
    }
}

async fn fail_on_purpose() {
    panic!("on purpose");
}

async fn spawn_child(ops: u64) {
    let tree = Supervisor::one_for_one().start().await.expect("a supervisor");
    for number in 0..ops {
        tree.spawn(child(format!("child-{number}"), <Counter>::default)).await.expect("a child");
    }
}

enum Raw {
    Add(u64),
    Sum(oneshot::Sender<u64>),
}

fn raw_counter() -> mpsc::Sender<Raw> {
    let (to, mut inbox) = mpsc::channel(CAPACITY);
    tokio::spawn(async move {
        let mut sum = 0;
        while let Some(msg) = inbox.recv().await {
            match msg {
                Raw::Add(value) => sum += value,
                Raw::Sum(reply) => assert_eq!(reply.send(sum), Ok(())),
            }
        }
    });
    to
}

async fn raw_sum(of: &mpsc::Sender<Raw>) -> u64 {
    let (reply, replied) = oneshot::channel();
    assert!(of.send(Raw::Sum(reply)).await.is_ok());
    replied.await.expect("a reply")
}

async fn raw_tell(ops: u64) {
    let counter = raw_counter();
    for _ in 0..ops {
        assert!(counter.send(Raw::Add(1)).await.is_ok());
    }
    assert_eq!(raw_sum(&counter).await, ops);
}

async fn raw_tell64(ops: u64) {
    let counter = raw_counter();
    let tellers = (0..64).map(|_| {
        let counter = counter.clone();
        tokio::spawn(async move {
            for _ in 0..ops / 64 {
                assert!(counter.send(Raw::Add(1)).await.is_ok());
            }
        })
    });
    for teller in tellers.collect::<Vec<_>>() {
        teller.await.expect("it ends well");
    }
    assert_eq!(raw_sum(&counter).await, ops / 64 * 64);
}

async fn raw_ask(ops: u64) {
    let counter = raw_counter();
    for _ in 0..ops {
        raw_sum(&counter).await;
    }
}

async fn raw_fan(ops: u64) {
    let counters: Vec<_> = (0..ACTORS).map(|_| raw_counter()).collect();
    for _ in 0..ops / ACTORS {
        for counter in &counters {
            assert!(counter.send(Raw::Add(1)).await.is_ok());
        }
    }
    for counter in &counters {
        assert_eq!(raw_sum(counter).await, ops / ACTORS);
    }
}

async fn raw_spawn(ops: u64) {
    for _ in 0..ops {
        assert_eq!(raw_sum(&raw_counter()).await, 0);
    }
}

async fn raw_pingpong(ops: u64) {
    let (to_one, mut one) = mpsc::channel::<u64>(CAPACITY);
    let (to_other, mut other) = mpsc::channel::<u64>(CAPACITY);
    let (done, is_done) = oneshot::channel();
    let back = to_one.clone();
    tokio::spawn(async move {
        while let Some(left) = other.recv().await {
            assert!(back.send(left - 1).await.is_ok());
        }
    });
    tokio::spawn(async move {
        while let Some(left) = one.recv().await {
            if left == 0 {
                break;
            }
            assert!(to_other.send(left - 1).await.is_ok());
        }
        assert_eq!(done.send(()), Ok(()));
    });
    assert!(to_one.send(2 * (ops / 2)).await.is_ok());
    is_done.await.expect("the end of the game");
}
