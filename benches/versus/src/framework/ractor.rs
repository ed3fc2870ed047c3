//! ractor 0.16, without its feature `message_span_propogation`: mailboxes without a bound, one enum of messages
//! per actor, a state beside the actor.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use ::ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort, call};
use tokio::sync::mpsc;

use super::Framework;
use crate::workload::Ends;

pub struct Ractor;

async fn spawn<A: Actor>(actor: A, arguments: A::Arguments) -> ActorRef<A::Msg> {
    let (actor, _task) = A::spawn(None, actor, arguments).await.expect("an actor");
    actor
}

struct Counter;

pub enum Count {
    Add(u64),
    /// Adds, and answers with the number itself.
    Ask(u64, RpcReplyPort<u64>),
    Sum(RpcReplyPort<u64>),
}

impl Actor for Counter {
    type Msg = Count;
    type State = u64;
    type Arguments = ();

    async fn pre_start(&self, _this: ActorRef<Count>, (): ()) -> Result<u64, ActorProcessingErr> {
        Ok(0)
    }

    async fn handle(
        &self,
        _this: ActorRef<Count>,
        message: Count,
        sum: &mut u64,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Count::Add(value) => *sum += value,
            Count::Ask(value, reply) => {
                *sum += value;
                reply.send(value)?;
            }
            Count::Sum(reply) => reply.send(*sum)?,
        }
        Ok(())
    }
}

struct Passer;

pub struct Passes {
    next: Option<ActorRef<Pass>>,
    seen: u64,
    done: mpsc::Sender<()>,
}

pub enum Pass {
    /// To whom it passes.
    Next(ActorRef<Pass>, RpcReplyPort<()>),
    /// So many passes are left.
    Ball(u64),
    /// Forget to whom, and say how many balls came by.
    End(RpcReplyPort<u64>),
}

impl Actor for Passer {
    type Msg = Pass;
    type State = Passes;
    type Arguments = mpsc::Sender<()>;

    async fn pre_start(
        &self,
        _this: ActorRef<Pass>,
        done: mpsc::Sender<()>,
    ) -> Result<Passes, ActorProcessingErr> {
        Ok(Passes { next: None, seen: 0, done })
    }

    async fn handle(
        &self,
        _this: ActorRef<Pass>,
        message: Pass,
        state: &mut Passes,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Pass::Next(to, reply) => {
                state.next = Some(to);
                reply.send(())?;
            }
            Pass::Ball(left) => {
                state.seen += 1;
                match &state.next {
                    Some(next) if left > 0 => next.cast(Pass::Ball(left - 1))?,
                    _ => assert!(state.done.try_send(()).is_ok()),
                }
            }
            Pass::End(reply) => {
                state.next = None;
                reply.send(state.seen)?;
            }
        }
        Ok(())
    }
}

/// Lives for one question.
struct Brief;

struct AskAdd(u64, RpcReplyPort<u64>);

struct Once {
    sum: u64,
    _end: Ends,
}

impl Actor for Brief {
    type Msg = AskAdd;
    type State = Once;
    type Arguments = Ends;

    async fn pre_start(&self, _this: ActorRef<AskAdd>, end: Ends) -> Result<Once, ActorProcessingErr> {
        Ok(Once { sum: 0, _end: end })
    }

    async fn handle(
        &self,
        _this: ActorRef<AskAdd>,
        AskAdd(value, reply): AskAdd,
        state: &mut Once,
    ) -> Result<(), ActorProcessingErr> {
        state.sum += value;
        reply.send(state.sum)?;
        Ok(())
    }
}

struct Idle;

impl Actor for Idle {
    type Msg = Count;
    type State = u64;
    type Arguments = Arc<AtomicU64>;

    async fn pre_start(
        &self,
        _this: ActorRef<Count>,
        started: Arc<AtomicU64>,
    ) -> Result<u64, ActorProcessingErr> {
        started.fetch_add(1, Ordering::Release);
        Ok(0)
    }
}

impl Framework for Ractor {
    const NAME: &'static str = "ractor";

    type Counter = ActorRef<Count>;
    type Passer = ActorRef<Pass>;
    type Idle = ActorRef<Count>;

    async fn counter() -> Self::Counter {
        spawn(Counter, ()).await
    }

    async fn add(counter: &Self::Counter, value: u64) {
        assert!(counter.cast(Count::Add(value)).is_ok());
    }

    async fn ask(counter: &Self::Counter, value: u64) -> u64 {
        call!(counter, Count::Ask, value).expect("a reply")
    }

    async fn sum(counter: &Self::Counter) -> u64 {
        call!(counter, Count::Sum).expect("a reply")
    }

    async fn passer(done: mpsc::Sender<()>) -> Self::Passer {
        spawn(Passer, done).await
    }

    async fn next(passer: &Self::Passer, to: Self::Passer) {
        call!(passer, Pass::Next, to).expect("a reply");
    }

    async fn ball(passer: &Self::Passer, left: u64) {
        assert!(passer.cast(Pass::Ball(left)).is_ok());
    }

    async fn end(passer: &Self::Passer) -> u64 {
        call!(passer, Pass::End).expect("a reply")
    }

    async fn live(value: u64, ended: Arc<AtomicU64>) -> u64 {
        let brief = spawn(Brief, Ends(ended)).await;
        let reply = call!(brief, AskAdd, value).expect("a reply");
        // An actor without references would live on.
        brief.stop(None);
        reply
    }

    async fn idle(started: Arc<AtomicU64>) -> Self::Idle {
        spawn(Idle, started).await
    }
}
