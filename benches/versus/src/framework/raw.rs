//! Hand-written tokio: a bounded `mpsc`, a `oneshot` per question, a task per actor that receives one message
//! at a time.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, panic_any},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
    time::Instant,
};

use tokio::sync::{mpsc, oneshot};

use super::Framework;
use crate::{
    plan::{CAPACITY, EXPECTED_PANIC, PENDING, Sample},
    workload::{Ends, sum_to},
};

pub struct Raw;

/// What a counting actor is sent.
pub enum Msg {
    Add(u64),
    /// Adds, and answers with the number itself.
    Ask(u64, oneshot::Sender<u64>),
    Sum(oneshot::Sender<u64>),
}

/// What an actor is sent that passes a ball on.
pub enum Pass {
    /// To whom it passes.
    Next(mpsc::Sender<Pass>),
    /// So many passes are left.
    Ball(u64),
    /// Forget to whom, and say how many balls came by.
    End(oneshot::Sender<u64>),
}

async fn count(mut rx: mpsc::Receiver<Msg>, started: Option<Arc<AtomicU64>>) {
    if let Some(started) = started {
        started.fetch_add(1, Ordering::Release);
    }
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
}

async fn tell<M>(to: &mpsc::Sender<M>, msg: M) {
    assert!(to.send(msg).await.is_ok());
}

async fn ask<M, R>(of: &mpsc::Sender<M>, msg: impl FnOnce(oneshot::Sender<R>) -> M) -> R {
    let (reply, replied) = oneshot::channel();
    tell(of, msg(reply)).await;
    replied.await.expect("a reply")
}

impl Framework for Raw {
    const NAME: &'static str = "raw";

    type Counter = mpsc::Sender<Msg>;
    type Passer = mpsc::Sender<Pass>;
    type Idle = mpsc::Sender<Msg>;

    async fn counter() -> Self::Counter {
        let (tx, rx) = mpsc::channel(CAPACITY);
        tokio::spawn(count(rx, None));
        tx
    }

    async fn add(counter: &Self::Counter, value: u64) {
        assert!(counter.send(Msg::Add(value)).await.is_ok());
    }

    async fn ask(counter: &Self::Counter, value: u64) -> u64 {
        ask(counter, |reply| Msg::Ask(value, reply)).await
    }

    async fn sum(counter: &Self::Counter) -> u64 {
        ask(counter, Msg::Sum).await
    }

    async fn passer(done: mpsc::Sender<()>) -> Self::Passer {
        let (tx, mut rx) = mpsc::channel(CAPACITY);
        tokio::spawn(async move {
            let (mut next, mut seen) = (None::<Self::Passer>, 0);
            while let Some(msg) = rx.recv().await {
                match msg {
                    Pass::Next(to) => next = Some(to),
                    Pass::Ball(left) => {
                        seen += 1;
                        match &next {
                            Some(next) if left > 0 => {
                                assert!(next.send(Pass::Ball(left - 1)).await.is_ok());
                            }
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

    async fn next(passer: &Self::Passer, to: Self::Passer) {
        tell(passer, Pass::Next(to)).await;
        // Room for all: it has been received. A reply in the message would make each `Pass` larger.
        assert!(passer.reserve_many(CAPACITY).await.is_ok());
    }

    async fn ball(passer: &Self::Passer, left: u64) {
        tell(passer, Pass::Ball(left)).await;
    }

    async fn end(passer: &Self::Passer) -> u64 {
        ask(passer, Pass::End).await
    }

    async fn live(value: u64, ended: Arc<AtomicU64>) -> u64 {
        let (tx, mut rx) = mpsc::channel::<(u64, oneshot::Sender<u64>)>(CAPACITY);
        let end = Ends(ended);
        tokio::spawn(async move {
            let _end = end;
            let mut sum = 0;
            while let Some((value, reply)) = rx.recv().await {
                sum += value;
                let _gone = reply.send(sum);
            }
        });
        ask(&tx, |reply| (value, reply)).await
    }

    async fn idle(started: Arc<AtomicU64>) -> Self::Idle {
        let (tx, rx) = mpsc::channel(CAPACITY);
        tokio::spawn(count(rx, Some(started)));
        tx
    }
}

/// What the shortest supervision by hand does: it catches the panic of each message, and makes the state anew.
pub async fn restart(ops: u64) -> Sample {
    async fn handle(sum: &mut u64, msg: Option<u64>) {
        match msg {
            Some(value) => *sum += value,
            None => panic_any(EXPECTED_PANIC),
        }
    }

    let (tx, mut rx) = mpsc::channel(usize::try_from(ops + PENDING).expect("fits"));
    for _ in 0..ops {
        tell(&tx, None).await;
    }
    for value in 0..PENDING {
        tell(&tx, Some(value)).await;
    }
    drop(tx);
    let start = Instant::now();
    let supervised = tokio::spawn(async move {
        let (mut sum, mut starts, mut last_start) = (0, 1, Instant::now());
        while let Some(msg) = rx.recv().await {
            let handled = {
                let mut handling = pin!(handle(&mut sum, msg));
                let poll = std::future::poll_fn(|cx| {
                    match catch_unwind(AssertUnwindSafe(|| handling.as_mut().poll(cx))) {
                        Ok(poll) => poll.map(Ok),
                        Err(panic) => Poll::Ready(Err(panic)),
                    }
                });
                poll.await
            };
            if handled.is_err() {
                sum = 0;
                starts += 1;
                if starts == ops + 1 {
                    last_start = Instant::now();
                }
            }
        }
        (sum, last_start)
    });
    let (sum, end) = supervised.await.expect("it catches all panics");
    assert_eq!(sum, sum_to(PENDING));
    Sample::Time { ops, took: end - start }
}
