//! A signal that comes while the actor is being polled is seen before it waits.

use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

use super::*;
use crate::{ActorRef, Handler, Message, Supervisor, System, child};

/// Where the signal comes that ends it.
#[derive(Clone, Copy, PartialEq)]
enum At {
    Handler,
    Stopped,
}

#[derive(Clone)]
struct Sudden {
    at: At,
    /// What it waits for before that.
    gate: Option<Arc<Notify>>,
}

impl Sudden {
    fn new(at: At) -> Self {
        Self { at, gate: None }
    }

    fn behind(at: At, gate: &Arc<Notify>) -> Self {
        Self { at, gate: Some(Arc::clone(gate)) }
    }

    /// It is killed as if by another thread, at this very moment, and waits for ever. (By a handle the kill would
    /// come with a question for a sign of life, which wakes the actor as well.)
    async fn wait(&self, ctx: &Context<Self>) {
        if let Some(gate) = &self.gate {
            gate.notified().await;
        }
        ctx.seat().mailbox.signal(signal::KILL);
        std::future::pending().await
    }
}

impl Actor for Sudden {
    async fn stopped(&mut self, ctx: &mut Context<Self>, _reason: &StopReason) {
        if self.at == At::Stopped {
            self.wait(ctx).await;
        }
    }
}

struct Work;

impl Message for Work {
    type Reply = ();
}

impl Handler<Work> for Sudden {
    async fn handle(&mut self, _msg: Work, ctx: &mut Context<Self>) {
        if self.at == At::Handler {
            self.wait(ctx).await;
        }
    }
}

async fn spawn(sudden: Sudden) -> ActorRef<Sudden> {
    let actor = sudden.prepare().system(&System::new("sudden")).start().await.expect("it starts");
    sleep(std::time::Duration::from_millis(1)).await;
    actor
}

async fn ends_at_once(actor: &ActorRef<Sudden>) {
    let start = Instant::now();
    actor.ended().await;
    assert!(start.elapsed().is_zero(), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_kill_in_the_poll_of_a_handler_that_waits_is_seen() {
    let actor = spawn(Sudden::new(At::Handler)).await;
    actor.try_tell(Work).expect("there is room");
    ends_at_once(&actor).await;
}

#[tokio::test(start_paused = true)]
async fn a_kill_in_the_poll_that_finds_a_late_restart_is_seen() {
    let gate = Arc::default();
    let actor = spawn(Sudden::behind(At::Handler, &gate)).await;
    actor.try_tell(Work).expect("there is room");
    sleep(std::time::Duration::from_millis(1)).await;
    actor.handle().seat().signal(signal::RESTART);
    gate.notify_one();
    ends_at_once(&actor).await;
}

#[tokio::test(start_paused = true)]
async fn a_kill_in_the_first_poll_of_the_hook_after_a_kill_is_seen() {
    let actor = spawn(Sudden::new(At::Stopped)).await;
    actor.kill();
    ends_at_once(&actor).await;
}

#[tokio::test(start_paused = true)]
async fn a_kill_in_the_poll_that_gives_a_sign_of_life_is_seen() {
    let gate = Arc::default();
    let actor = spawn(Sudden::behind(At::Stopped, &gate)).await;
    actor.stop();
    sleep(std::time::Duration::from_millis(1)).await;
    actor.handle().seat().signal(signal::LIFE);
    gate.notify_one();
    ends_at_once(&actor).await;
}

/// What is taken down for the next incarnation is not all that is known.
#[tokio::test(start_paused = true)]
async fn a_kill_in_the_first_poll_of_the_hook_at_a_restart_is_seen() {
    let system = System::new("sudden");
    let tree = Supervisor::one_for_one().system(&system).start().await.expect("it starts");
    let actor = tree.spawn(child("sudden", || Sudden::new(At::Stopped))).await.expect("it starts");
    sleep(std::time::Duration::from_millis(1)).await;
    let start = Instant::now();
    actor.stop_now();
    actor.ask(Work).await.expect("the next incarnation answers");
    assert!(start.elapsed().is_zero(), "{:?}", start.elapsed());
}
