//! Cigarette smokers: an arbiter lays out what one of `S` smokers, drawn at random, needs; the smoker says that it
//! has taken it and smokes, while the arbiter draws the next one, `R` times.
//!
//! Measures one message at a time between an arbiter and a random one of many, who is then busy (with up to 1009
//! random numbers). Published: `S` = 200, `R` = 1000.
//! One operation: a round. Checked: all smokers together have smoked `R` times, each as often as it was drawn.
//! Full mailboxes: a smoker may be drawn while it smokes; the arbiter is told by each but once before it draws
//! again, so its mailbox never is full, and whoever waits for room in a smoker's waits for one that goes on.

use std::time::Instant;

use tokio::sync::mpsc;

use crate::{
    framework::{Cx, Framework, Role, asked_nothing},
    kit::{CAPACITY, Random, busy},
    plan::Sample,
};

/// `S`
const SMOKERS: usize = 200;

struct Arbiter<F: Framework> {
    left: u64,
    random: Random,
    drawn: Vec<u64>,
    smokers: Vec<F::Ref<Smoker<F>>>,
    report: Option<mpsc::UnboundedSender<Vec<u64>>>,
}

enum Table<F: Framework> {
    Start(Vec<F::Ref<Smoker<F>>>),
    /// What lay there was taken.
    Taken,
}

impl<F: Framework> Role<F> for Arbiter<F> {
    type Msg = Table<F>;

    async fn on(&mut self, msg: Table<F>, cx: &mut impl Cx<F, Self>) {
        if let Table::Start(smokers) = msg {
            self.smokers = smokers;
        }
        if self.left == 0 {
            for smoker in self.smokers.drain(..) {
                F::tell(&smoker, Smoke::End).await;
            }
            let report = self.report.take().expect("a benchmark ends once");
            assert!(report.send(std::mem::take(&mut self.drawn)).is_ok(), "the driver waits");
            cx.stop();
            return;
        }
        self.left -= 1;
        let at = self.random.index(self.smokers.len());
        let steps = self.random.below(1000) + 10;
        self.drawn[at] += 1;
        F::tell(&self.smokers[at], Smoke::For(steps)).await;
    }

    asked_nothing!();
}

struct Smoker<F: Framework> {
    number: usize,
    smoked: u64,
    arbiter: F::Ref<Arbiter<F>>,
    count: mpsc::UnboundedSender<(usize, u64)>,
}

enum Smoke {
    For(u64),
    End,
}

impl<F: Framework> Role<F> for Smoker<F> {
    type Msg = Smoke;

    async fn on(&mut self, msg: Smoke, cx: &mut impl Cx<F, Self>) {
        match msg {
            Smoke::For(steps) => {
                F::tell(&self.arbiter, Table::Taken).await;
                busy(steps);
                self.smoked += 1;
            }
            Smoke::End => {
                assert!(self.count.send((self.number, self.smoked)).is_ok(), "the driver waits");
                cx.stop();
            }
        }
    }

    asked_nothing!();
}

pub async fn run<F: Framework>(rounds: u64) -> Sample {
    let (report, mut result) = mpsc::unbounded_channel();
    let (count, mut counts) = mpsc::unbounded_channel();
    let arbiter = Arbiter::<F> {
        left: rounds,
        random: Random::new(rounds * SMOKERS as u64),
        drawn: vec![0; SMOKERS],
        smokers: Vec::new(),
        report: Some(report),
    };
    let arbiter = F::spawn(arbiter, CAPACITY).await;
    let mut smokers = Vec::new();
    for number in 0..SMOKERS {
        let smoker = Smoker::<F> { number, smoked: 0, arbiter: arbiter.clone(), count: count.clone() };
        smokers.push(F::spawn(smoker, CAPACITY).await);
    }
    drop(count);
    let start = Instant::now();
    F::tell(&arbiter, Table::Start(smokers)).await;
    let drawn = result.recv().await.expect("the arbiter comes to its end");
    let mut smoked = vec![0; SMOKERS];
    for _ in 0..SMOKERS {
        let (number, count) = counts.recv().await.expect("a count of each");
        smoked[number] = count;
    }
    let sample = Sample::since(start, rounds);
    assert_eq!(drawn.iter().sum::<u64>(), rounds);
    assert_eq!(smoked, drawn);
    sample
}
