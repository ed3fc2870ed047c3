//! So many actors alive, and each told once.
//!
//! Few actors are over too soon to be measured: then one population is started after the other. An actor is a
//! number and one pointer; what is found per actor holds the state, but not the vector of references.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use postbox::{Actor, ActorRef, BoxError, Context, Handler, Message, System};

use super::{Cell, Found};
use crate::{
    kit::{Goal, Start, bytes, check, nanos, sum_to, until_empty},
    memory,
};

struct Goals {
    started: Goal,
    handled: Goal,
    ended: Goal,
    sum: AtomicU64,
}

struct One {
    sum: u64,
    goals: Arc<Goals>,
}

impl Actor for One {
    async fn started(&mut self, _ctx: &mut Context<Self>) -> Result<(), BoxError> {
        self.goals.started.add();
        Ok(())
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.goals.sum.fetch_add(self.sum, Ordering::Relaxed);
        self.goals.ended.add();
    }
}

struct Add(u64);

impl Message for Add {
    type Reply = ();
}

impl Handler<Add> for One {
    async fn handle(&mut self, Add(value): Add, _ctx: &mut Context<Self>) {
        self.sum += value;
        self.goals.handled.add();
    }
}

pub async fn run(cell: Cell) -> Found {
    let size = cell.size;
    let populations = cell.repeats(if cell.quick { 100_000 } else { 500_000 });
    let mut found = Found::default();
    let (mut spawn, mut tell, mut end) = (0.0, 0.0, 0.0);
    for _ in 0..populations {
        let system = System::new("alive");
        let goals = Arc::new(Goals {
            started: Goal::of(size),
            handled: Goal::of(size),
            ended: Goal::of(size),
            sum: AtomicU64::new(0),
        });
        let mut actors: Vec<ActorRef<One>> = Vec::with_capacity(cell.count());
        if cell.heap {
            memory::count_heap();
        }
        let start = Start::now();
        for _ in 0..size {
            let one = One { sum: 0, goals: Arc::clone(&goals) };
            actors.push(one.prepare().system(&system).spawn().expect("an actor"));
        }
        goals.started.reached().await;
        spawn += nanos(start.elapsed(), size);
        found.heap(cell, "heap of an idle actor", bytes(memory::heap(), size));
        let start = Start::now();
        for (value, actor) in (0..size).zip(&actors) {
            assert!(actor.tell(Add(value)).await.is_ok(), "an actor that is alive");
        }
        goals.handled.reached().await;
        tell += nanos(start.elapsed(), size);
        found.heap(cell, "heap after its message", bytes(memory::heap(), size));
        assert_eq!(system.actors().len(), cell.count());
        check(&system, size, 0).await;
        let start = Start::now();
        actors.clear();
        goals.ended.reached().await;
        end += nanos(start.elapsed(), size);
        until_empty(&system).await;
        check(&system, size, 0).await;
        assert_eq!(goals.sum.load(Ordering::Relaxed), sum_to(size));
        drop((system, goals));
        // What the process keeps for the next ones.
        memory::until_given_back(16 << 10).await;
    }
    #[expect(clippy::cast_precision_loss, reason = "some hundreds")]
    let populations = populations as f64;
    found.time(cell, "spawn", spawn / populations);
    found.time(cell, "tell", tell / populations);
    found.time(cell, "end", end / populations);
    found
}
