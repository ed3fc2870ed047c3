//! This crate.

mod supervised;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use ::postbox::{Actor, ActorRef, BoxError, Context, Handler, Message};
use tokio::sync::mpsc;

pub use self::supervised::{mem_supervised, restart, restart_fail};
use super::Framework;
use crate::{plan::CAPACITY, workload::Ends};

/// `HAND_OFF`: with passers that run in each other's poll. `CALLER_RUNS`: with a counter that runs in its asker's.
pub struct Postbox<const HAND_OFF: bool = false, const CALLER_RUNS: bool = false>;

macro_rules! message {
    ($message:ty, $reply:ty) => {
        impl Message for $message {
            type Reply = $reply;
        }
    };
}

#[derive(Default)]
pub struct Counter<const CALLER_RUNS: bool = false> {
    sum: u64,
}

impl<const CALLER_RUNS: bool> Actor for Counter<CALLER_RUNS> {
    const CAPACITY: usize = CAPACITY;
    const CALLER_RUNS: bool = CALLER_RUNS;
}

struct Add(u64);
/// Adds, and answers with the number itself.
struct AskAdd(u64);
struct Sum;

message!(Add, ());
message!(AskAdd, u64);
message!(Sum, u64);

impl<const CALLER_RUNS: bool> Handler<Add> for Counter<CALLER_RUNS> {
    async fn handle(&mut self, Add(value): Add, _ctx: &mut Context<Self>) {
        self.sum += value;
    }
}

impl<const CALLER_RUNS: bool> Handler<AskAdd> for Counter<CALLER_RUNS> {
    async fn handle(&mut self, AskAdd(value): AskAdd, _ctx: &mut Context<Self>) -> u64 {
        self.sum += value;
        value
    }
}

impl<const CALLER_RUNS: bool> Handler<Sum> for Counter<CALLER_RUNS> {
    async fn handle(&mut self, Sum: Sum, _ctx: &mut Context<Self>) -> u64 {
        self.sum
    }
}

pub struct Passer<const HAND_OFF: bool> {
    next: Option<ActorRef<Self>>,
    seen: u64,
    done: mpsc::Sender<()>,
}

impl<const HAND_OFF: bool> Actor for Passer<HAND_OFF> {
    const CAPACITY: usize = CAPACITY;
    const HAND_OFF: bool = HAND_OFF;
}

/// To whom it passes.
struct Next<const HAND_OFF: bool>(ActorRef<Passer<HAND_OFF>>);
/// So many passes are left.
struct Ball(u64);
/// Forget to whom, and say how many balls came by.
struct End;

message!(Ball, ());
message!(End, u64);

impl<const HAND_OFF: bool> Message for Next<HAND_OFF> {
    type Reply = ();
}

impl<const HAND_OFF: bool> Handler<Next<HAND_OFF>> for Passer<HAND_OFF> {
    async fn handle(&mut self, Next(next): Next<HAND_OFF>, _ctx: &mut Context<Self>) {
        self.next = Some(next);
    }
}

impl<const HAND_OFF: bool> Handler<Ball> for Passer<HAND_OFF> {
    async fn handle(&mut self, Ball(left): Ball, _ctx: &mut Context<Self>) {
        self.seen += 1;
        match &self.next {
            Some(next) if left > 0 => assert!(next.tell(Ball(left - 1)).await.is_ok()),
            _ => assert!(self.done.try_send(()).is_ok()),
        }
    }
}

impl<const HAND_OFF: bool> Handler<End> for Passer<HAND_OFF> {
    async fn handle(&mut self, End: End, _ctx: &mut Context<Self>) -> u64 {
        self.next = None;
        self.seen
    }
}

/// Lives for one question.
struct Brief {
    sum: u64,
    _end: Ends,
}

impl Actor for Brief {
    const CAPACITY: usize = CAPACITY;
}

impl Handler<AskAdd> for Brief {
    async fn handle(&mut self, AskAdd(value): AskAdd, _ctx: &mut Context<Self>) -> u64 {
        self.sum += value;
        self.sum
    }
}

/// Counts when it has started; then it is as large as a raw actor with its sum.
pub struct Idle {
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

impl<const HAND_OFF: bool, const CALLER_RUNS: bool> Framework for Postbox<HAND_OFF, CALLER_RUNS> {
    const NAME: &'static str = match (HAND_OFF, CALLER_RUNS) {
        (false, false) => "postbox",
        (true, false) => "postbox+hand_off",
        (false, true) => "postbox+caller_runs",
        (true, true) => "postbox+hand_off+caller_runs",
    };

    type Counter = ActorRef<Counter<CALLER_RUNS>>;
    type Passer = ActorRef<Passer<HAND_OFF>>;
    type Idle = ActorRef<Idle>;

    async fn counter() -> Self::Counter {
        Counter::default().spawn()
    }

    async fn add(counter: &Self::Counter, value: u64) {
        assert!(counter.tell(Add(value)).await.is_ok());
    }

    async fn ask(counter: &Self::Counter, value: u64) -> u64 {
        counter.ask(AskAdd(value)).await.expect("a reply")
    }

    async fn sum(counter: &Self::Counter) -> u64 {
        counter.ask(Sum).await.expect("a reply")
    }

    async fn passer(done: mpsc::Sender<()>) -> Self::Passer {
        Passer { next: None, seen: 0, done }.spawn()
    }

    async fn next(passer: &Self::Passer, to: Self::Passer) {
        passer.ask(Next(to)).await.expect("a reply");
    }

    async fn ball(passer: &Self::Passer, left: u64) {
        assert!(passer.tell(Ball(left)).await.is_ok());
    }

    async fn end(passer: &Self::Passer) -> u64 {
        passer.ask(End).await.expect("a reply")
    }

    async fn live(value: u64, ended: Arc<AtomicU64>) -> u64 {
        Brief { sum: 0, _end: Ends(ended) }.spawn().ask(AskAdd(value)).await.expect("a reply")
    }

    async fn idle(started: Arc<AtomicU64>) -> Self::Idle {
        Idle { started: Some(started) }.spawn()
    }
}
