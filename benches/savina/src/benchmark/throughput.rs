//! Fork-join throughput: the driver tells each of `A` actors `N` times to compute something small, one message to
//! each in turn.
//!
//! Measures dispatch to many busy actors. Published: `N` = 10,000, `A` = 60, one channel, no priorities here.
//! One operation: a message handled. Checked: each actor has handled `N`.
//! Full mailboxes: only the driver waits for room; the actors send nothing.

use std::time::Instant;

use tokio::sync::mpsc;

use crate::{
    framework::{Cx, Framework, Role, asked_nothing},
    kit::{CAPACITY, compute},
    plan::Sample,
};

/// `A`
const ACTORS: u64 = 60;

struct Worker {
    handled: u64,
    of: u64,
    done: mpsc::UnboundedSender<u64>,
}

struct Compute;

impl<F: Framework> Role<F> for Worker {
    type Msg = Compute;

    async fn on(&mut self, Compute: Compute, cx: &mut impl Cx<F, Self>) {
        compute();
        self.handled += 1;
        if self.handled == self.of {
            assert!(self.done.send(self.handled).is_ok(), "the driver waits");
            cx.stop();
        }
    }

    asked_nothing!();
}

pub async fn run<F: Framework>(messages: u64) -> Sample {
    let (done, mut is_done) = mpsc::unbounded_channel();
    let mut workers = Vec::new();
    for _ in 0..ACTORS {
        let worker = Worker { handled: 0, of: messages, done: done.clone() };
        workers.push(F::spawn(worker, CAPACITY).await);
    }
    drop(done);
    let start = Instant::now();
    for _ in 0..messages {
        for worker in &workers {
            F::tell(worker, Compute).await;
        }
    }
    let mut handled = Vec::new();
    while handled.len() < workers.len() {
        handled.push(is_done.recv().await.expect("as many as there are actors"));
    }
    let sample = Sample::since(start, ACTORS * messages);
    assert!(handled.iter().all(|&handled| handled == messages), "{handled:?}");
    sample
}
