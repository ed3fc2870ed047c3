//! Big: each of `W` actors pings a random one of them, waits for the pong, and pings the next, `N` times in all; a
//! sink is told when one of them is through.
//!
//! Measures many-to-many messages. Published: `W` = 120, `N` = 20,000.
//! One operation: a ping that was answered. Checked: each pong comes from whom the ping went to, and all together
//! have received `W` × `N` pings.
//! Full mailboxes: each actor has one ping unanswered, so in no mailbox there are more than 2 `W` messages.

use std::{sync::Arc, time::Instant};

use tokio::sync::mpsc;

use crate::{
    framework::{Cx, Framework, Role, asked_nothing},
    kit::{CAPACITY, Random, Report},
    plan::Sample,
};

/// `W`
const ACTORS: usize = 120;

type Neighbours<F> = Arc<[<F as Framework>::Ref<Pinger<F>>]>;

struct Pinger<F: Framework> {
    number: usize,
    random: Random,
    left: u64,
    expected: Option<usize>,
    received: u64,
    neighbours: Option<Neighbours<F>>,
    sink: F::Ref<Sink<F>>,
    count: mpsc::UnboundedSender<u64>,
}

enum Word<F: Framework> {
    Neighbours(Neighbours<F>),
    Start,
    Ping { from: usize },
    Pong { from: usize },
    End,
}

impl<F: Framework> Pinger<F> {
    async fn ping(&mut self) {
        if self.left == 0 {
            F::tell(&self.sink, Through::One).await;
            return;
        }
        self.left -= 1;
        let neighbours = self.neighbours.as_ref().expect("told before");
        let to = self.random.index(neighbours.len());
        self.expected = Some(to);
        F::tell(&neighbours[to], Word::Ping { from: self.number }).await;
    }
}

impl<F: Framework> Role<F> for Pinger<F> {
    type Msg = Word<F>;

    async fn on(&mut self, msg: Word<F>, cx: &mut impl Cx<F, Self>) {
        match msg {
            Word::Neighbours(neighbours) => self.neighbours = Some(neighbours),
            Word::Start => self.ping().await,
            Word::Ping { from } => {
                self.received += 1;
                let neighbours = self.neighbours.as_ref().expect("told before");
                F::tell(&neighbours[from], Word::Pong { from: self.number }).await;
            }
            Word::Pong { from } => {
                assert_eq!(Some(from), self.expected.take(), "a pong from somebody else");
                self.ping().await;
            }
            Word::End => {
                assert!(self.count.send(self.received).is_ok(), "the driver waits");
                self.neighbours = None;
                cx.stop();
            }
        }
    }

    asked_nothing!();
}

struct Sink<F: Framework> {
    through: usize,
    neighbours: Option<Neighbours<F>>,
    report: Report<()>,
}

enum Through<F: Framework> {
    Neighbours(Neighbours<F>),
    One,
}

impl<F: Framework> Role<F> for Sink<F> {
    type Msg = Through<F>;

    async fn on(&mut self, msg: Through<F>, cx: &mut impl Cx<F, Self>) {
        match msg {
            Through::Neighbours(neighbours) => self.neighbours = Some(neighbours),
            Through::One => {
                self.through += 1;
                if self.through == ACTORS {
                    let neighbours = self.neighbours.take().expect("told before");
                    for neighbour in &*neighbours {
                        F::tell(neighbour, Word::End).await;
                    }
                    self.report.send(());
                    cx.stop();
                }
            }
        }
    }

    asked_nothing!();
}

pub async fn run<F: Framework>(pings: u64) -> Sample {
    let (report, through) = Report::new();
    let (count, mut counts) = mpsc::unbounded_channel();
    let sink = F::spawn(Sink::<F> { through: 0, neighbours: None, report }, CAPACITY).await;
    let mut pingers = Vec::new();
    for number in 0..ACTORS {
        let pinger = Pinger::<F> {
            number,
            random: Random::new(number as u64),
            left: pings,
            expected: None,
            received: 0,
            neighbours: None,
            sink: sink.clone(),
            count: count.clone(),
        };
        pingers.push(F::spawn(pinger, CAPACITY).await);
    }
    drop(count);
    let neighbours: Neighbours<F> = pingers.into();
    F::tell(&sink, Through::Neighbours(Arc::clone(&neighbours))).await;
    for pinger in &*neighbours {
        F::tell(pinger, Word::Neighbours(Arc::clone(&neighbours))).await;
    }
    let start = Instant::now();
    for pinger in &*neighbours {
        F::tell(pinger, Word::Start).await;
    }
    through.await.expect("all come through");
    let all = ACTORS as u64 * pings;
    let sample = Sample::since(start, all);
    let mut received = 0;
    for _ in 0..ACTORS {
        received += counts.recv().await.expect("a count of each");
    }
    assert_eq!(received, all);
    sample
}
