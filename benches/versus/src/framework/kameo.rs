//! kameo 0.22, without its feature `tracing`: bounded mailboxes, a type per message.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use ::kameo::{
    Actor,
    actor::{ActorRef, Spawn},
    mailbox,
    message::{Context, Message},
};
use tokio::sync::mpsc;

use super::Framework;
use crate::{plan::CAPACITY, workload::Ends};

pub struct Kameo;

fn spawn<A: Actor<Args = A>>(actor: A) -> ActorRef<A> {
    A::spawn_with_mailbox(actor, mailbox::bounded(CAPACITY))
}

/// An actor that is spawned as the value it is.
macro_rules! actor {
    ($actor:ty) => {
        impl Actor for $actor {
            type Args = Self;
            type Error = Infallible;

            async fn on_start(actor: Self, _ref: ActorRef<Self>) -> Result<Self, Infallible> {
                Ok(actor)
            }
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

impl Message<Add> for Counter {
    type Reply = ();

    async fn handle(&mut self, Add(value): Add, _ctx: &mut Context<Self, ()>) {
        self.sum += value;
    }
}

impl Message<AskAdd> for Counter {
    type Reply = u64;

    async fn handle(&mut self, AskAdd(value): AskAdd, _ctx: &mut Context<Self, u64>) -> u64 {
        self.sum += value;
        value
    }
}

impl Message<Sum> for Counter {
    type Reply = u64;

    async fn handle(&mut self, Sum: Sum, _ctx: &mut Context<Self, u64>) -> u64 {
        self.sum
    }
}

pub struct Passer {
    next: Option<ActorRef<Self>>,
    seen: u64,
    done: mpsc::Sender<()>,
}

actor!(Passer);

/// To whom it passes.
struct Next(ActorRef<Passer>);
/// So many passes are left.
struct Ball(u64);
/// Forget to whom, and say how many balls came by.
struct End;

impl Message<Next> for Passer {
    type Reply = ();

    async fn handle(&mut self, Next(next): Next, _ctx: &mut Context<Self, ()>) {
        self.next = Some(next);
    }
}

impl Message<Ball> for Passer {
    type Reply = ();

    async fn handle(&mut self, Ball(left): Ball, _ctx: &mut Context<Self, ()>) {
        self.seen += 1;
        match &self.next {
            Some(next) if left > 0 => assert!(next.tell(Ball(left - 1)).send().await.is_ok()),
            _ => assert!(self.done.try_send(()).is_ok()),
        }
    }
}

impl Message<End> for Passer {
    type Reply = u64;

    async fn handle(&mut self, End: End, _ctx: &mut Context<Self, u64>) -> u64 {
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

impl Message<AskAdd> for Brief {
    type Reply = u64;

    async fn handle(&mut self, AskAdd(value): AskAdd, _ctx: &mut Context<Self, u64>) -> u64 {
        self.sum += value;
        self.sum
    }
}

pub struct Idle {
    sum: u64,
}

impl Actor for Idle {
    type Args = Arc<AtomicU64>;
    type Error = Infallible;

    async fn on_start(started: Self::Args, _ref: ActorRef<Self>) -> Result<Self, Infallible> {
        started.fetch_add(1, Ordering::Release);
        Ok(Self { sum: 0 })
    }
}

impl Message<Add> for Idle {
    type Reply = ();

    async fn handle(&mut self, Add(value): Add, _ctx: &mut Context<Self, ()>) {
        self.sum += value;
    }
}

impl Framework for Kameo {
    const NAME: &'static str = "kameo";

    type Counter = ActorRef<Counter>;
    type Passer = ActorRef<Passer>;
    type Idle = ActorRef<Idle>;

    async fn counter() -> Self::Counter {
        spawn(Counter { sum: 0 })
    }

    // `send` saves the box that awaiting the request itself takes.
    async fn add(counter: &Self::Counter, value: u64) {
        assert!(counter.tell(Add(value)).send().await.is_ok());
    }

    async fn ask(counter: &Self::Counter, value: u64) -> u64 {
        counter.ask(AskAdd(value)).send().await.expect("a reply")
    }

    async fn sum(counter: &Self::Counter) -> u64 {
        counter.ask(Sum).send().await.expect("a reply")
    }

    async fn passer(done: mpsc::Sender<()>) -> Self::Passer {
        spawn(Passer { next: None, seen: 0, done })
    }

    async fn next(passer: &Self::Passer, to: Self::Passer) {
        assert!(passer.ask(Next(to)).send().await.is_ok());
    }

    async fn ball(passer: &Self::Passer, left: u64) {
        assert!(passer.tell(Ball(left)).send().await.is_ok());
    }

    async fn end(passer: &Self::Passer) -> u64 {
        passer.ask(End).send().await.expect("a reply")
    }

    async fn live(value: u64, ended: Arc<AtomicU64>) -> u64 {
        let brief = spawn(Brief { sum: 0, _end: Ends(ended) });
        brief.ask(AskAdd(value)).send().await.expect("a reply")
    }

    async fn idle(started: Arc<AtomicU64>) -> Self::Idle {
        Idle::spawn_with_mailbox(started, mailbox::bounded(CAPACITY))
    }
}
