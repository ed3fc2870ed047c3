//! A system with one supervisor and so many children is shut down: all children together, one by one in reverse
//! order, and together when one in a hundred of them hangs in its handler, so that the one deadline passes.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use postbox::{Actor, Context, Handler, Message, Reason, Supervisor, System, child};

use super::{Cell, Found, Unit};
use crate::kit::{End, Goal, Start, check, nanos, until_empty};

/// How long a child may take. None takes as long by itself, also on a machine that is busy with other things.
const DEADLINE: Duration = Duration::from_secs(3);
/// How long the whole system may.
const WITHIN: Duration = Duration::from_secs(600);

struct Worker {
    hung: Arc<Goal>,
    _end: End,
}

impl Actor for Worker {}

/// Never comes back from its await.
struct Hang;

impl Message for Hang {
    type Reply = ();
}

impl Handler<Hang> for Worker {
    async fn handle(&mut self, Hang: Hang, _ctx: &mut Context<Self>) {
        self.hung.add();
        std::future::pending().await
    }
}

/// Shuts such a system down; what it cost, and how long it took by the clock.
async fn shut_down(cell: Cell, together: bool, hang: u64) -> (Duration, Duration) {
    let system = System::new("shutdown");
    let mut tree = Supervisor::one_for_one().system(&system);
    if together {
        tree = tree.stop_together();
    }
    let tree = tree.start().await.expect("a supervisor");
    let (hung, ended) = (Arc::new(Goal::of(hang)), Arc::new(Goal::of(cell.size)));
    let mut workers = Vec::with_capacity(cell.count());
    for number in 0..cell.size {
        let (hung, ended) = (Arc::clone(&hung), Arc::clone(&ended));
        let factory = move || Worker { hung: Arc::clone(&hung), _end: End(Arc::clone(&ended)) };
        let worker = child(number.to_string(), factory);
        let worker = if hang > 0 { worker.shutdown(DEADLINE) } else { worker.shutdown(WITHIN) };
        workers.push(tree.spawn(worker).await.expect("a child"));
    }
    if let Some(every) = cell.size.checked_div(hang) {
        for worker in workers.iter().step_by(usize::try_from(every).expect("a small number")) {
            worker.tell(Hang).await.expect("a child that is alive");
        }
        hung.reached().await;
    }
    let (start, clock) = (Start::now(), Instant::now());
    let report = system.shutdown(WITHIN).await;
    let took = (start.elapsed(), clock.elapsed());
    ended.reached().await;
    assert_eq!((report.killed.len() as u64, report.detached.len()), (hang, 0), "{report}");
    // The supervisor as well.
    assert_eq!(report.stopped.len() as u64, cell.size + 1 - hang, "{report}");
    until_empty(&system).await;
    // What they had in hand.
    check(&system, hang, hang).await;
    assert_eq!(system.dead_letters().count(Reason::Aborted), hang);
    took
}

pub async fn run(cell: Cell) -> Found {
    let mut found = Found::default();
    let systems = cell.repeats(if cell.quick { 20_000 } else { 100_000 });
    for (together, measure) in [(true, "together"), (false, "in reverse order")] {
        let mut took = Duration::ZERO;
        for _ in 0..systems {
            took += shut_down(cell, together, 0).await.0;
        }
        found.time(cell, measure, nanos(took, systems * cell.size));
    }
    if !cell.heap {
        let (_, took) = shut_down(cell, true, cell.size / 100).await;
        assert!(took >= DEADLINE && took < 2 * DEADLINE, "one deadline for all: {took:?}");
        let beyond = (took - DEADLINE).as_secs_f64() * 1e3;
        found.0.push(("one in a hundred hangs: beyond the deadline", Unit::Millis, beyond));
    }
    found
}
