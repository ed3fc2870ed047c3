//! Producer and consumer with a bounded buffer: a manager keeps up to `B` items between `P` producers, who make `I`
//! items each when they are told to, and `C` consumers, who say when they have used one.
//!
//! Measures coordination by one actor between two groups that work. Published: `B` = 50, `P` = `C` = 40,
//! `I` = 1000, and work of 2500 random numbers and logarithms for each item at either end, which is most of the
//! time. As published the manager stops asking for items when `B` - `P` wait, since each producer may have one on
//! its way. One operation: an item made and used. Checked: never more than `B` items wait; all items made, and no
//! others, were used, by number and by sum.
//! Full mailboxes: each producer and each consumer has one message on its way, so none ever is full.

use std::{collections::VecDeque, time::Instant};

use crate::{
    framework::{Cx, Framework, Role, asked_nothing},
    kit::{CAPACITY, Random, Report},
    plan::Sample,
};

/// `B`
const BUFFER: usize = 50;
/// `P`
const PRODUCERS: usize = 40;
/// `C`
const CONSUMERS: usize = 40;
/// How much work an item is, at either end.
const COST: u64 = 25;

#[expect(clippy::cast_precision_loss, reason = "a random number below 2^48 is exact")]
fn work(term: f64) -> f64 {
    let mut random = Random::new(COST);
    let mut result = term;
    for _ in 0..COST * 100 {
        let part = random.next() as f64 / (1_u64 << 48) as f64;
        result += (part + 0.01).ln();
    }
    result
}

/// A number and its work. The number is what is checked: sums of floats depend on their order.
struct Item {
    number: u64,
    term: f64,
}

struct Manager<F: Framework> {
    waiting: VecDeque<Item>,
    idle_producers: VecDeque<F::Ref<Producer<F>>>,
    idle_consumers: VecDeque<F::Ref<Consumer<F>>>,
    producers_left: usize,
    used: u64,
    sum: u64,
    report: Report<(u64, u64)>,
}

enum Manage<F: Framework> {
    Item(Item, F::Ref<Producer<F>>),
    /// The consumer waits for an item; it has used the one of this number.
    Idle(F::Ref<Consumer<F>>, Option<u64>),
    /// A producer has made all of its items.
    Through,
}

impl<F: Framework> Manager<F> {
    async fn end_if_through(&mut self, cx: &mut impl Cx<F, Self>) {
        if self.producers_left == 0 && self.idle_consumers.len() == CONSUMERS {
            for consumer in &self.idle_consumers {
                F::tell(consumer, Consume::End).await;
            }
            self.report.send((self.used, self.sum));
            cx.stop();
        }
    }
}

impl<F: Framework> Role<F> for Manager<F> {
    type Msg = Manage<F>;

    async fn on(&mut self, msg: Manage<F>, cx: &mut impl Cx<F, Self>) {
        match msg {
            Manage::Item(item, producer) => {
                match self.idle_consumers.pop_front() {
                    Some(consumer) => F::tell(&consumer, Consume::Item(item)).await,
                    None => self.waiting.push_back(item),
                }
                assert!(self.waiting.len() <= BUFFER, "the buffer has a bound");
                if self.waiting.len() >= BUFFER - PRODUCERS {
                    self.idle_producers.push_back(producer);
                } else {
                    F::tell(&producer, Produce).await;
                }
            }
            Manage::Idle(consumer, number) => {
                if let Some(number) = number {
                    self.used += 1;
                    self.sum += number;
                }
                match self.waiting.pop_front() {
                    None => {
                        self.idle_consumers.push_back(consumer);
                        self.end_if_through(cx).await;
                    }
                    Some(item) => {
                        F::tell(&consumer, Consume::Item(item)).await;
                        if let Some(producer) = self.idle_producers.pop_front() {
                            F::tell(&producer, Produce).await;
                        }
                    }
                }
            }
            Manage::Through => {
                self.producers_left -= 1;
                self.end_if_through(cx).await;
            }
        }
    }

    asked_nothing!();
}

struct Producer<F: Framework> {
    /// The number of its next item, and the one where it is through.
    next: u64,
    end: u64,
    term: f64,
    manager: F::Ref<Manager<F>>,
}

struct Produce;

impl<F: Framework> Role<F> for Producer<F> {
    type Msg = Produce;

    async fn on(&mut self, Produce: Produce, cx: &mut impl Cx<F, Self>) {
        if self.next == self.end {
            F::tell(&self.manager, Manage::Through).await;
            cx.stop();
            return;
        }
        self.term = work(self.term);
        let item = Item { number: self.next, term: self.term };
        self.next += 1;
        F::tell(&self.manager, Manage::Item(item, cx.me())).await;
    }

    asked_nothing!();
}

struct Consumer<F: Framework> {
    term: f64,
    manager: F::Ref<Manager<F>>,
}

enum Consume {
    Start,
    Item(Item),
    End,
}

impl<F: Framework> Role<F> for Consumer<F> {
    type Msg = Consume;

    async fn on(&mut self, msg: Consume, cx: &mut impl Cx<F, Self>) {
        let used = match msg {
            Consume::Start => None,
            Consume::Item(item) => {
                self.term = work(self.term + item.term);
                assert!(self.term.is_finite());
                Some(item.number)
            }
            Consume::End => return cx.stop(),
        };
        F::tell(&self.manager, Manage::Idle(cx.me(), used)).await;
    }

    asked_nothing!();
}

pub async fn run<F: Framework>(items: u64) -> Sample {
    let (report, result) = Report::new();
    let manager = Manager::<F> {
        waiting: VecDeque::new(),
        idle_producers: VecDeque::new(),
        idle_consumers: VecDeque::new(),
        producers_left: PRODUCERS,
        used: 0,
        sum: 0,
        report,
    };
    let manager = F::spawn(manager, CAPACITY).await;
    let mut consumers = Vec::new();
    for _ in 0..CONSUMERS {
        let consumer = Consumer::<F> { term: 0.0, manager: manager.clone() };
        consumers.push(F::spawn(consumer, CAPACITY).await);
    }
    let mut producers = Vec::new();
    for first in (0..PRODUCERS as u64).map(|number| number * items) {
        let producer = Producer::<F> { next: first, end: first + items, term: 0.0, manager: manager.clone() };
        producers.push(F::spawn(producer, CAPACITY).await);
    }
    let start = Instant::now();
    for consumer in &consumers {
        F::tell(consumer, Consume::Start).await;
    }
    for producer in &producers {
        F::tell(producer, Produce).await;
    }
    let (used, sum) = result.await.expect("all items are used");
    let all = PRODUCERS as u64 * items;
    let sample = Sample::since(start, all);
    assert_eq!((used, sum), (all, all * (all - 1) / 2));
    sample
}
