//! So many tasks that tell one actor, each in turn, and wait for room when there is none.

use postbox::{Actor, Context, Handler, Message, System};

use super::{Cell, Found};
use crate::kit::{Start, check, nanos, sum_to};

const CAPACITY: usize = 1024;

struct Counter {
    sum: u64,
}

impl Actor for Counter {}

struct Add(u64);
struct Sum;

impl Message for Add {
    type Reply = ();
}

impl Message for Sum {
    type Reply = u64;
}

impl Handler<Add> for Counter {
    async fn handle(&mut self, Add(value): Add, _ctx: &mut Context<Self>) {
        self.sum += value;
    }
}

impl Handler<Sum> for Counter {
    async fn handle(&mut self, Sum: Sum, _ctx: &mut Context<Self>) -> u64 {
        self.sum
    }
}

pub async fn run(cell: Cell) -> Found {
    let mut found = Found::default();
    let system = System::new("producers");
    let counter = Counter { sum: 0 }.prepare().capacity(CAPACITY).system(&system).spawn().expect("an actor");
    let each = if cell.quick { 1_000_000 } else { 8_000_000 } / cell.size;
    let start = Start::now();
    let producers: Vec<_> = (0..cell.size)
        .map(|_| {
            let counter = counter.clone();
            tokio::spawn(async move {
                for value in 0..each {
                    assert!(counter.tell(Add(value)).await.is_ok(), "an actor that is alive");
                }
            })
        })
        .collect();
    for producer in producers {
        producer.await.expect("a producer ends well");
    }
    assert_eq!(counter.ask(Sum).await.expect("an answer"), cell.size * sum_to(each));
    found.time(cell, "tell", nanos(start.elapsed(), cell.size * each));
    check(&system, cell.size * each + 1, 0).await;
    found
}
