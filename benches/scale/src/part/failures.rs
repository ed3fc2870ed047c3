//! One supervisor with so many children, of whom random ones fail and start again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use postbox::{Actor, ActorRef, AskError, Context, Handler, Message, Reason, Supervisor, System, child};

use super::{Cell, Found};
use crate::{
    EXPECTED_PANIC,
    kit::{Goal, Random, Start, bytes, check, nanos, until_empty},
    memory,
};

/// How often the factories have run.
struct Factories {
    of_each: Vec<AtomicU32>,
    all: Goal,
}

struct Worker {
    number: usize,
    starts: Arc<Factories>,
}

impl Actor for Worker {}

#[derive(Clone, Copy)]
enum Break {
    /// By a panic, which unwinds.
    Panic,
    /// By `ctx.fail`, which does not.
    Fail,
}

/// Asks how many incarnations there have been.
struct Incarnations;

impl Message for Break {
    type Reply = ();
}

impl Message for Incarnations {
    type Reply = u32;
}

impl Handler<Break> for Worker {
    async fn handle(&mut self, how: Break, ctx: &mut Context<Self>) {
        match how {
            Break::Panic => std::panic::panic_any(EXPECTED_PANIC),
            Break::Fail => ctx.fail(EXPECTED_PANIC).await,
        }
    }
}

impl Handler<Incarnations> for Worker {
    async fn handle(&mut self, Incarnations: Incarnations, _ctx: &mut Context<Self>) -> u32 {
        self.starts.of_each[self.number].load(Ordering::Acquire)
    }
}

/// What has been sent to the children.
struct Sent {
    random: Random,
    breaks: Vec<u32>,
    failures: u64,
    questions: u64,
}

impl Sent {
    fn draw(&mut self) -> usize {
        let at = self.random.index(self.breaks.len());
        self.breaks[at] += 1;
        self.failures += 1;
        at
    }
}

pub async fn run(cell: Cell) -> Found {
    let mut found = Found::default();
    let system = System::new("failures");
    let tree = Supervisor::one_for_one().system(&system).limit(u32::MAX, Duration::from_secs(10));
    let tree = tree.stop_together().start().await.expect("a supervisor");
    let of_each = (0..cell.size).map(|_| AtomicU32::new(0)).collect();
    let starts = Arc::new(Factories { of_each, all: Goal::of(cell.size) });
    let mut workers = Vec::with_capacity(cell.count());
    if cell.heap {
        memory::count_heap();
    }
    let start = Start::now();
    for number in 0..cell.count() {
        let starts = Arc::clone(&starts);
        let factory = move || {
            starts.of_each[number].fetch_add(1, Ordering::AcqRel);
            starts.all.add();
            Worker { number, starts: Arc::clone(&starts) }
        };
        workers.push(tree.spawn(child(number.to_string(), factory)).await.expect("a child"));
    }
    starts.all.reached().await;
    found.time(cell, "spawn of a child", nanos(start.elapsed(), cell.size));
    found.heap(cell, "heap of a child", bytes(memory::heap(), cell.size));

    let failures = if cell.quick { 10_000 } else { 50_000 };
    let breaks = vec![0; cell.count()];
    let mut sent = Sent { random: Random::new(7), breaks, failures: 0, questions: 0 };
    for (how, measure) in [(Break::Panic, "panic, restart"), (Break::Fail, "fail, restart")] {
        let took = burst(&workers, &starts, &mut sent, how, failures).await;
        found.time(cell, measure, nanos(took, failures));
    }
    let took = in_turn(&workers, &starts, &mut sent, failures / 10).await;
    found.time(cell, "fail, restart, answer", nanos(took, failures / 10));

    // Each start, as the factories and as the family have counted it.
    for (worker, &breaks) in workers.iter().zip(&sent.breaks) {
        sent.questions += 1;
        assert_eq!(worker.ask(Incarnations).await.expect("an answer"), 1 + breaks);
    }
    let snapshot = system.snapshot();
    for (child, &breaks) in snapshot.actors[0].children.iter().zip(&sent.breaks) {
        assert_eq!(child.restarts, u64::from(breaks), "{child}");
    }
    assert_eq!(tree.count_children().running, cell.count());
    check(&system, sent.failures + sent.questions, sent.failures).await;
    assert_eq!(system.dead_letters().count(Reason::Failed), sent.failures);
    tree.stop();
    assert!(tree.ended().await.is_normal());
    until_empty(&system).await;
    found
}

/// So many failures without waiting for any, and then until all have started again.
async fn burst(
    workers: &[ActorRef<Worker>],
    starts: &Factories,
    sent: &mut Sent,
    how: Break,
    failures: u64,
) -> Duration {
    starts.all.raise(failures);
    let start = Start::now();
    for _ in 0..failures {
        workers[sent.draw()].tell(how).await.expect("a child that is alive");
    }
    starts.all.reached().await;
    start.elapsed()
}

/// One failure after the other, each asked for, and then a question to the next incarnation.
async fn in_turn(
    workers: &[ActorRef<Worker>],
    starts: &Factories,
    sent: &mut Sent,
    failures: u64,
) -> Duration {
    starts.all.raise(failures);
    let start = Start::now();
    for _ in 0..failures {
        let at = sent.draw();
        let answer = workers[at].ask(Break::Fail).await;
        assert!(matches!(answer, Err(AskError::Failed { .. })), "{answer:?}");
        sent.questions += 1;
        let incarnations = workers[at].ask(Incarnations).await.expect("an answer");
        assert_eq!(incarnations, 1 + sent.breaks[at]);
    }
    let took = start.elapsed();
    starts.all.reached().await;
    took
}
