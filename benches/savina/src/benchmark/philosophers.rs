//! Dining philosophers: `N` philosophers ask an arbiter for their two forks; who is denied asks again at once, who
//! eats gives them back and asks again, until it has eaten `M` times.
//!
//! Measures a resource that many want, with a server that says no. Published: `N` = 20, `M` = 10,000. How often one
//! is denied is up to the scheduling, so the number of messages is not the same in each run, nor for each framework.
//! One operation: a meal. Checked: each philosopher has eaten `M` times, no fork was ever in two hands, and all lie
//! on the table at the end.
//! Full mailboxes: a philosopher has at most three messages on their way to the arbiter, and two to itself.

use std::time::Instant;

use crate::{
    framework::{Cx, Framework, Role, asked_nothing},
    kit::{CAPACITY, Report},
    plan::Sample,
};

/// `N`
const PHILOSOPHERS: usize = 20;

struct Philosopher<F: Framework> {
    number: usize,
    meals: u64,
    of: u64,
    arbiter: F::Ref<Arbiter>,
}

enum Table {
    Start,
    Denied,
    Eat,
}

impl<F: Framework> Role<F> for Philosopher<F> {
    type Msg = Table;

    async fn on(&mut self, msg: Table, cx: &mut impl Cx<F, Self>) {
        let number = self.number;
        match msg {
            Table::Start | Table::Denied => {
                F::tell(&self.arbiter, Want::Hungry(number, cx.me())).await;
            }
            Table::Eat => {
                self.meals += 1;
                F::tell(&self.arbiter, Want::Done(number)).await;
                if self.meals < self.of {
                    F::tell(&cx.me(), Table::Start).await;
                } else {
                    F::tell(&self.arbiter, Want::Leave(number, self.meals)).await;
                    cx.stop();
                }
            }
        }
    }

    asked_nothing!();
}

struct Arbiter {
    /// In whose hand each fork is.
    forks: [Option<usize>; PHILOSOPHERS],
    granted: [u64; PHILOSOPHERS],
    left: Vec<(usize, u64)>,
    report: Report<Vec<(usize, u64)>>,
}

enum Want<F: Framework> {
    Hungry(usize, F::Ref<Philosopher<F>>),
    Done(usize),
    /// After so many meals.
    Leave(usize, u64),
}

impl<F: Framework> Role<F> for Arbiter {
    type Msg = Want<F>;

    async fn on(&mut self, msg: Want<F>, cx: &mut impl Cx<F, Self>) {
        match msg {
            Want::Hungry(number, philosopher) => {
                let (left, right) = (number, (number + 1) % PHILOSOPHERS);
                if self.forks[left].is_some() || self.forks[right].is_some() {
                    F::tell(&philosopher, Table::Denied).await;
                } else {
                    self.forks[left] = Some(number);
                    self.forks[right] = Some(number);
                    self.granted[number] += 1;
                    F::tell(&philosopher, Table::Eat).await;
                }
            }
            Want::Done(number) => {
                for fork in [number, (number + 1) % PHILOSOPHERS] {
                    assert_eq!(self.forks[fork].take(), Some(number), "a fork in another hand");
                }
            }
            Want::Leave(number, meals) => {
                assert_eq!(self.granted[number], meals);
                self.left.push((number, meals));
                if self.left.len() == PHILOSOPHERS {
                    assert_eq!(self.forks, [None; PHILOSOPHERS]);
                    self.report.send(std::mem::take(&mut self.left));
                    cx.stop();
                }
            }
        }
    }

    asked_nothing!();
}

pub async fn run<F: Framework>(meals: u64) -> Sample {
    let (report, result) = Report::new();
    let arbiter =
        Arbiter { forks: [None; PHILOSOPHERS], granted: [0; PHILOSOPHERS], left: Vec::new(), report };
    let arbiter = F::spawn(arbiter, CAPACITY).await;
    let mut philosophers = Vec::new();
    for number in 0..PHILOSOPHERS {
        let philosopher = Philosopher::<F> { number, meals: 0, of: meals, arbiter: arbiter.clone() };
        philosophers.push(F::spawn(philosopher, CAPACITY).await);
    }
    let start = Instant::now();
    for philosopher in &philosophers {
        F::tell(philosopher, Table::Start).await;
    }
    let mut left = result.await.expect("all leave");
    let sample = Sample::since(start, PHILOSOPHERS as u64 * meals);
    left.sort_unstable();
    let all: Vec<_> = (0..PHILOSOPHERS).map(|number| (number, meals)).collect();
    assert_eq!(left, all, "nobody starves");
    sample
}
