//! xtra 0.6: bounded mailboxes ordered by priority only, a type per message.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use ::xtra::{Actor, Address, Context, Handler, Mailbox};
use tokio::sync::mpsc;

use super::Framework;
use crate::{plan::CAPACITY, workload::Ends};

pub struct Xtra;

fn spawn<A: Actor<Stop = ()>>(actor: A) -> Address<A> {
    ::xtra::spawn_tokio(actor, Mailbox::bounded(CAPACITY))
}

macro_rules! actor {
    ($actor:ty) => {
        impl Actor for $actor {
            type Stop = ();

            async fn stopped(self) {}
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

impl Handler<Add> for Counter {
    type Return = ();

    async fn handle(&mut self, Add(value): Add, _ctx: &mut Context<Self>) {
        self.sum += value;
    }
}

impl Handler<AskAdd> for Counter {
    type Return = u64;

    async fn handle(&mut self, AskAdd(value): AskAdd, _ctx: &mut Context<Self>) -> u64 {
        self.sum += value;
        value
    }
}

impl Handler<Sum> for Counter {
    type Return = u64;

    async fn handle(&mut self, Sum: Sum, _ctx: &mut Context<Self>) -> u64 {
        self.sum
    }
}

pub struct Passer {
    next: Option<Address<Self>>,
    seen: u64,
    done: mpsc::Sender<()>,
}

actor!(Passer);

/// To whom it passes.
struct Next(Address<Passer>);
/// So many passes are left.
struct Ball(u64);
/// Forget to whom, and say how many balls came by.
struct End;

impl Handler<Next> for Passer {
    type Return = ();

    async fn handle(&mut self, Next(next): Next, _ctx: &mut Context<Self>) {
        self.next = Some(next);
    }
}

impl Handler<Ball> for Passer {
    type Return = ();

    async fn handle(&mut self, Ball(left): Ball, _ctx: &mut Context<Self>) {
        self.seen += 1;
        match &self.next {
            Some(next) if left > 0 => assert!(next.send(Ball(left - 1)).detach().await.is_ok()),
            _ => assert!(self.done.try_send(()).is_ok()),
        }
    }
}

impl Handler<End> for Passer {
    type Return = u64;

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

actor!(Brief);

impl Handler<AskAdd> for Brief {
    type Return = u64;

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
    type Stop = ();

    async fn started(&mut self, _mailbox: &Mailbox<Self>) -> Result<(), ()> {
        if let Some(started) = self.started.take() {
            started.fetch_add(1, Ordering::Release);
        }
        Ok(())
    }

    async fn stopped(self) {}
}

impl Handler<Add> for Idle {
    type Return = ();

    async fn handle(&mut self, Add(_): Add, _ctx: &mut Context<Self>) {}
}

impl Framework for Xtra {
    const NAME: &'static str = "xtra";

    type Counter = Address<Counter>;
    type Passer = Address<Passer>;
    type Idle = Address<Idle>;

    async fn counter() -> Self::Counter {
        spawn(Counter { sum: 0 })
    }

    // Messages of one priority change places in the mailbox, so `Sum` would overtake what was told before.
    async fn add(counter: &Self::Counter, value: u64) {
        assert!(counter.send(Add(value)).priority(1).detach().await.is_ok());
    }

    async fn ask(counter: &Self::Counter, value: u64) -> u64 {
        counter.send(AskAdd(value)).await.expect("a reply")
    }

    async fn sum(counter: &Self::Counter) -> u64 {
        counter.send(Sum).priority(0).await.expect("a reply")
    }

    async fn passer(done: mpsc::Sender<()>) -> Self::Passer {
        spawn(Passer { next: None, seen: 0, done })
    }

    async fn next(passer: &Self::Passer, to: Self::Passer) {
        passer.send(Next(to)).await.expect("a reply");
    }

    async fn ball(passer: &Self::Passer, left: u64) {
        assert!(passer.send(Ball(left)).detach().await.is_ok());
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
