//! Counting actor: a producer tells a counter to count, `N` times, and asks it for the total by a last message.
//!
//! Measures one sender against one mailbox. Published: `N` = 1,000,000.
//! One operation: a message counted. Checked: the total is `N`.
//! Full mailboxes: only the producer waits for room, and the counter sends nothing before the last message.

use std::time::Instant;

use crate::{
    framework::{Cx, Framework, Role, asked_nothing},
    kit::{CAPACITY, Report},
    plan::Sample,
};

struct Producer<F: Framework> {
    counter: F::Ref<Counter>,
    report: Report<u64>,
}

enum Produce {
    Start(u64),
    Total(u64),
}

impl<F: Framework> Role<F> for Producer<F> {
    type Msg = Produce;

    async fn on(&mut self, msg: Produce, cx: &mut impl Cx<F, Self>) {
        match msg {
            Produce::Start(messages) => {
                for _ in 0..messages {
                    F::tell(&self.counter, Count::Increment).await;
                }
                F::tell(&self.counter, Count::Total(cx.me())).await;
            }
            Produce::Total(total) => {
                self.report.send(total);
                cx.stop();
            }
        }
    }

    asked_nothing!();
}

struct Counter {
    count: u64,
}

enum Count<F: Framework> {
    Increment,
    Total(F::Ref<Producer<F>>),
}

impl<F: Framework> Role<F> for Counter {
    type Msg = Count<F>;

    async fn on(&mut self, msg: Count<F>, cx: &mut impl Cx<F, Self>) {
        match msg {
            Count::Increment => self.count += 1,
            Count::Total(to) => {
                F::tell(&to, Produce::Total(self.count)).await;
                cx.stop();
            }
        }
    }

    asked_nothing!();
}

pub async fn run<F: Framework>(messages: u64) -> Sample {
    let (report, total) = Report::new();
    let counter = F::spawn(Counter { count: 0 }, CAPACITY).await;
    let producer = F::spawn(Producer::<F> { counter, report }, CAPACITY).await;
    let start = Instant::now();
    F::tell(&producer, Produce::Start(messages)).await;
    let total = total.await.expect("a total");
    let sample = Sample::since(start, messages);
    assert_eq!(total, messages);
    sample
}
