//! tokio-actors 0.11: bounded mailboxes, one enum of messages and one type of reply per actor.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use ::tokio_actors::{Actor, ActorConfig, ActorContext, ActorExt, ActorHandle, ActorResult, StopReason};
use tokio::sync::mpsc;

use super::Framework;
use crate::{plan::CAPACITY, workload::Ends};

pub struct TokioActors;

/// `detached` does not wait for the actor to start.
async fn spawn<A: Actor>(actor: A) -> ActorHandle<A> {
    let config = ActorConfig::default().with_mailbox_capacity(CAPACITY);
    actor.spawn().with_config(config).detached().await.expect("an actor")
}

pub struct Counter {
    sum: u64,
}

pub enum Count {
    Add(u64),
    /// Adds, and answers with the number itself.
    Ask(u64),
    Sum,
}

impl Actor for Counter {
    type Message = Count;
    type Response = u64;

    async fn handle(&mut self, message: Count, _ctx: &mut ActorContext<Self>) -> ActorResult<u64> {
        match message {
            Count::Add(value) => {
                self.sum += value;
                Ok(0)
            }
            Count::Ask(value) => {
                self.sum += value;
                Ok(value)
            }
            Count::Sum => Ok(self.sum),
        }
    }
}

pub struct Passer {
    next: Option<ActorHandle<Self>>,
    seen: u64,
    done: mpsc::Sender<()>,
}

pub enum Pass {
    /// To whom it passes.
    Next(ActorHandle<Passer>),
    /// So many passes are left.
    Ball(u64),
    /// Forget to whom, and say how many balls came by.
    End,
}

impl Actor for Passer {
    type Message = Pass;
    type Response = u64;

    async fn handle(&mut self, message: Pass, _ctx: &mut ActorContext<Self>) -> ActorResult<u64> {
        match message {
            Pass::Next(to) => self.next = Some(to),
            Pass::Ball(left) => {
                self.seen += 1;
                match &self.next {
                    Some(next) if left > 0 => assert!(next.notify(Pass::Ball(left - 1)).await.is_ok()),
                    _ => assert!(self.done.try_send(()).is_ok()),
                }
            }
            Pass::End => self.next = None,
        }
        Ok(self.seen)
    }
}

/// Lives for one question.
struct Brief {
    sum: u64,
    _end: Ends,
}

impl Actor for Brief {
    type Message = u64;
    type Response = u64;

    async fn handle(&mut self, value: u64, _ctx: &mut ActorContext<Self>) -> ActorResult<u64> {
        self.sum += value;
        Ok(self.sum)
    }
}

/// Counts when it has started; then it is as large as a raw actor with its sum.
pub struct Idle {
    started: Option<Arc<AtomicU64>>,
}

impl Actor for Idle {
    type Message = u64;
    type Response = ();

    async fn on_started(&mut self, _ctx: &mut ActorContext<Self>) -> ActorResult<()> {
        if let Some(started) = self.started.take() {
            started.fetch_add(1, Ordering::Release);
        }
        Ok(())
    }

    async fn handle(&mut self, _value: u64, _ctx: &mut ActorContext<Self>) -> ActorResult<()> {
        Ok(())
    }
}

impl Framework for TokioActors {
    const NAME: &'static str = "tokio-actors";

    type Counter = ActorHandle<Counter>;
    type Passer = ActorHandle<Passer>;
    type Idle = ActorHandle<Idle>;

    async fn counter() -> Self::Counter {
        spawn(Counter { sum: 0 }).await
    }

    async fn add(counter: &Self::Counter, value: u64) {
        assert!(counter.notify(Count::Add(value)).await.is_ok());
    }

    async fn ask(counter: &Self::Counter, value: u64) -> u64 {
        counter.send(Count::Ask(value)).await.expect("a reply")
    }

    async fn sum(counter: &Self::Counter) -> u64 {
        counter.send(Count::Sum).await.expect("a reply")
    }

    async fn passer(done: mpsc::Sender<()>) -> Self::Passer {
        spawn(Passer { next: None, seen: 0, done }).await
    }

    async fn next(passer: &Self::Passer, to: Self::Passer) {
        passer.send(Pass::Next(to)).await.expect("a reply");
    }

    async fn ball(passer: &Self::Passer, left: u64) {
        assert!(passer.notify(Pass::Ball(left)).await.is_ok());
    }

    async fn end(passer: &Self::Passer) -> u64 {
        passer.send(Pass::End).await.expect("a reply")
    }

    async fn live(value: u64, ended: Arc<AtomicU64>) -> u64 {
        let brief = spawn(Brief { sum: 0, _end: Ends(ended) }).await;
        let reply = brief.send(value).await.expect("a reply");
        // An actor without references would live on.
        brief.stop(StopReason::Graceful).await.expect("alive");
        reply
    }

    async fn idle(started: Arc<AtomicU64>) -> Self::Idle {
        spawn(Idle { started: Some(started) }).await
    }
}
