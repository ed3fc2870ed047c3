//! Fork-join create: the driver starts `N` actors and tells each one thing; an actor computes something small and
//! ends.
//!
//! Measures what it costs to start and to end an actor. Published: `N` = 40,000.
//! One operation: an actor, from its start to its end. The clock stops when the state of the last one has been
//! dropped. Checked: as many have computed as have ended, and that is `N`.
//! Full mailboxes: there is one message for each.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use crate::{
    framework::{Cx, Framework, Role, asked_nothing},
    kit::{CAPACITY, End, Ends, compute},
    plan::Sample,
};

struct Brief {
    computed: Arc<AtomicU64>,
    _end: End,
}

struct Compute;

impl<F: Framework> Role<F> for Brief {
    type Msg = Compute;

    async fn on(&mut self, Compute: Compute, cx: &mut impl Cx<F, Self>) {
        compute();
        self.computed.fetch_add(1, Ordering::Relaxed);
        cx.stop();
    }

    asked_nothing!();
}

pub async fn run<F: Framework>(actors: u64) -> Sample {
    let computed = Arc::new(AtomicU64::new(0));
    let ends = Ends::of(actors);
    let start = Instant::now();
    for _ in 0..actors {
        let brief = Brief { computed: Arc::clone(&computed), _end: End(Arc::clone(&ends)) };
        let brief = F::spawn(brief, CAPACITY).await;
        F::tell(&brief, Compute).await;
    }
    ends.all().await;
    let sample = Sample::since(start, actors);
    assert_eq!(computed.load(Ordering::Relaxed), actors);
    sample
}
