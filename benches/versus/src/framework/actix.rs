//! actix 0.13: everything on one thread, a type per message, handlers that are no futures.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use ::actix::{Actor, Addr, Context, Handler, Message, System, dev::SendError};
use tokio::{sync::mpsc, task::JoinHandle};

use super::Framework;
use crate::{
    plan::{CAPACITY, Rt, Sample},
    workload::Ends,
};

pub struct Actix;

fn spawn<A: Actor<Context = Context<A>>>(actor: A) -> Addr<A> {
    A::create(|ctx| {
        ctx.set_mailbox_capacity(CAPACITY);
        actor
    })
}

macro_rules! message {
    ($message:ty, $reply:ty) => {
        impl Message for $message {
            type Result = $reply;
        }
    };
}

macro_rules! actor {
    ($actor:ty) => {
        impl Actor for $actor {
            type Context = Context<Self>;
        }
    };
}

pub struct Counter {
    sum: u64,
}

actor!(Counter);

struct Add(u64);
/// Adds, and answers with the number itself.
struct AskAdd(u64);
struct Sum;

message!(Add, ());
message!(AskAdd, u64);
message!(Sum, u64);

impl Handler<Add> for Counter {
    type Result = ();

    fn handle(&mut self, Add(value): Add, _ctx: &mut Context<Self>) {
        self.sum += value;
    }
}

impl Handler<AskAdd> for Counter {
    type Result = u64;

    fn handle(&mut self, AskAdd(value): AskAdd, _ctx: &mut Context<Self>) -> u64 {
        self.sum += value;
        value
    }
}

impl Handler<Sum> for Counter {
    type Result = u64;

    fn handle(&mut self, Sum: Sum, _ctx: &mut Context<Self>) -> u64 {
        self.sum
    }
}

pub struct Passer {
    next: Option<Addr<Self>>,
    seen: u64,
    done: mpsc::Sender<()>,
}

actor!(Passer);

/// To whom it passes.
struct Next(Addr<Passer>);
/// So many passes are left.
struct Ball(u64);
/// Forget to whom, and say how many balls came by.
struct End;

message!(Next, ());
message!(Ball, ());
message!(End, u64);

impl Handler<Next> for Passer {
    type Result = ();

    fn handle(&mut self, Next(next): Next, _ctx: &mut Context<Self>) {
        self.next = Some(next);
    }
}

impl Handler<Ball> for Passer {
    type Result = ();

    fn handle(&mut self, Ball(left): Ball, _ctx: &mut Context<Self>) {
        self.seen += 1;
        match &self.next {
            Some(next) if left > 0 => next.do_send(Ball(left - 1)),
            _ => assert!(self.done.try_send(()).is_ok()),
        }
    }
}

impl Handler<End> for Passer {
    type Result = u64;

    fn handle(&mut self, End: End, _ctx: &mut Context<Self>) -> u64 {
        self.next = None;
        self.seen
    }
}

/// Lives for one question.
struct Brief {
    sum: u64,
    _end: Ends,
}

actor!(Brief);

impl Handler<AskAdd> for Brief {
    type Result = u64;

    fn handle(&mut self, AskAdd(value): AskAdd, _ctx: &mut Context<Self>) -> u64 {
        self.sum += value;
        self.sum
    }
}

/// Counts when it has started; then it is as large as a raw actor with its sum.
pub struct Idle {
    started: Option<Arc<AtomicU64>>,
}

impl Actor for Idle {
    type Context = Context<Self>;

    fn started(&mut self, _ctx: &mut Context<Self>) {
        if let Some(started) = self.started.take() {
            started.fetch_add(1, Ordering::Release);
        }
    }
}

impl Handler<Add> for Idle {
    type Result = ();

    fn handle(&mut self, Add(_): Add, _ctx: &mut Context<Self>) {}
}

impl Framework for Actix {
    const NAME: &'static str = "actix";

    type Counter = Addr<Counter>;
    type Passer = Addr<Passer>;
    type Idle = Addr<Idle>;

    /// An actor stays on the thread that starts it, so driver and actors share one, whatever `rt` is.
    fn run(_rt: Rt, driver: impl Future<Output = Sample> + Send + 'static) -> Sample {
        let system = System::with_tokio_rt(|| Rt::CurrentThread.build());
        system.block_on(async { ::actix::spawn(driver).await }).expect("the driver ends well")
    }

    fn task(task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        ::actix::spawn(task)
    }

    async fn counter() -> Self::Counter {
        spawn(Counter { sum: 0 })
    }

    // There is no tell that waits for room: `do_send` knows no bound, and `send` waits for the reply.
    async fn add(counter: &Self::Counter, value: u64) {
        let mut message = Add(value);
        while let Err(error) = counter.try_send(message) {
            match error {
                SendError::Full(back) => message = back,
                SendError::Closed(_) => panic!("the actor is alive"),
            }
            tokio::task::yield_now().await;
        }
        // What tokio's `mpsc` does as well: no task keeps its thread for ever.
        tokio::task::coop::consume_budget().await;
    }

    async fn ask(counter: &Self::Counter, value: u64) -> u64 {
        counter.send(AskAdd(value)).await.expect("a reply")
    }

    async fn sum(counter: &Self::Counter) -> u64 {
        // An address that has filled a mailbox may still count as parked, and a `send` from it would wait for a
        // wake-up that never comes; a fresh one is free.
        let counter = counter.clone();
        counter.send(Sum).await.expect("a reply")
    }

    async fn passer(done: mpsc::Sender<()>) -> Self::Passer {
        spawn(Passer { next: None, seen: 0, done })
    }

    async fn next(passer: &Self::Passer, to: Self::Passer) {
        passer.send(Next(to)).await.expect("a reply");
    }

    async fn ball(passer: &Self::Passer, left: u64) {
        passer.do_send(Ball(left));
    }

    async fn end(passer: &Self::Passer) -> u64 {
        passer.send(End).await.expect("a reply")
    }

    async fn live(value: u64, ended: Arc<AtomicU64>) -> u64 {
        spawn(Brief { sum: 0, _end: Ends(ended) }).send(AskAdd(value)).await.expect("a reply")
    }

    async fn idle(started: Arc<AtomicU64>) -> Self::Idle {
        spawn(Idle { started: Some(started) })
    }
}
