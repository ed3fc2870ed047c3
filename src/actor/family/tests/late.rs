//! Signals of the family that come when they hold no more.

use std::sync::atomic::AtomicU32;

use tokio::{sync::Semaphore, time::sleep};

use super::super::*;
use crate::{Actor, ActorRef, Backoff, BoxError, Context, Handler, Message, Supervisor, System, child};

/// Where a child waits at the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Nowhere,
    Factory,
    Started,
    Handler,
    Stopped,
    /// It has failed, and is to start again after a minute.
    Pause,
}

struct Gate {
    at: At,
    open: Semaphore,
    made: AtomicU32,
}

impl Gate {
    async fn wait(&self, at: At) {
        if at == self.at {
            self.open.acquire().await.expect("nobody closes it").forget();
        }
    }

    fn made(&self) -> u32 {
        self.made.load(Ordering::Relaxed)
    }
}

struct Worker(Arc<Gate>);

impl Actor for Worker {
    async fn started(&mut self, _ctx: &mut Context<Self>) -> Result<(), BoxError> {
        self.0.wait(At::Started).await;
        Ok(())
    }

    async fn stopped(&mut self, _ctx: &mut Context<Self>, _reason: &StopReason) {
        self.0.wait(At::Stopped).await;
    }
}

struct Work;

impl Message for Work {
    type Reply = ();
}

impl Handler<Work> for Worker {
    async fn handle(&mut self, _msg: Work, _ctx: &mut Context<Self>) {
        self.0.wait(At::Handler).await;
    }
}

struct Crash;

impl Message for Crash {
    type Reply = ();
}

impl Handler<Crash> for Worker {
    async fn handle(&mut self, _msg: Crash, _ctx: &mut Context<Self>) {
        panic!("crash");
    }
}

/// The child stands somewhere in its life when the signal comes, and goes on from there.
async fn comes_too_late(bits: u32, at: At) {
    let case = format!("{bits} at {at:?}");
    let system = System::new("too late");
    let minute = Duration::from_secs(60);
    let backoff = Backoff::exponential(minute, minute);
    let tree = Supervisor::one_for_all().backoff(backoff).system(&system).start().await.expect("it starts");
    let gate = Arc::new(Gate { at, open: Semaphore::new(0), made: AtomicU32::new(0) });
    let make = {
        let gate = Arc::clone(&gate);
        move || {
            let gate = Arc::clone(&gate);
            async move {
                gate.made.fetch_add(1, Ordering::Relaxed);
                gate.wait(At::Factory).await;
                Worker(gate)
            }
        }
    };
    let spawning = tokio::spawn({
        let tree = tree.clone();
        async move { tree.spawn(child("worker", make)).await }
    });
    sleep(Duration::from_millis(1)).await;
    let handle = tree.children().pop().expect("its seat stands");
    let worker: ActorRef<Worker> = handle.typed().expect("it is a worker");
    let made = match at {
        At::Stopped | At::Pause => {
            worker.try_tell(Crash).expect("there is room");
            2
        }
        At::Handler => {
            worker.try_tell(Work).expect("there is room");
            1
        }
        At::Nowhere | At::Factory | At::Started => 1,
    };
    sleep(Duration::from_millis(1)).await;
    handle.seat().signal(bits);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(gate.made(), 1, "{case}");
    gate.open.add_permits(100);
    spawning.await.expect("it does not panic").expect("it starts");
    sleep(minute).await;
    worker.ask(Work).await.expect("it serves");
    assert_eq!((gate.made(), handle.seat().signals()), (made, 0), "{case}");
    assert!(system.shutdown(minute).await.ledger.balances(), "{case}");
}

/// Its family tells a child what to do when the lock has been let go, and the child may have moved on meanwhile.
#[tokio::test(start_paused = true)]
async fn a_signal_of_the_family_that_comes_too_late_changes_nothing() {
    for at in [At::Nowhere, At::Factory, At::Started, At::Handler, At::Stopped, At::Pause] {
        for bits in [signal::RESTART, signal::OPEN, signal::RESTART | signal::OPEN] {
            comes_too_late(bits, at).await;
        }
    }
}
