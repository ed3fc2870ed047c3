//! Actors that run in each other's poll, `#[actor(hand_off)]`. What the contract promises holds there as
//! everywhere: each test has its handlers run in the poll of the actor that sent to them.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use postbox::{Reason, Status, prelude::*};
use tokio::{
    runtime::{self, Handle as Runtime},
    sync::Notify,
    task::yield_now,
};

/// What happened, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

type Job<A> = Box<
    dyn for<'a> FnOnce(&'a mut A, &'a mut Context<A>) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> + Send,
>;

/// Has the actor do something.
struct Do<A: Actor>(Job<A>);

impl<A: Actor> Message for Do<A> {
    type Reply = ();
}

/// An actor that hands off.
#[derive(Actor)]
#[actor(hand_off)]
struct Near {
    log: Log,
}

/// The same, and does not.
#[derive(Actor)]
struct Far {
    log: Log,
}

impl Handler<Do<Self>> for Near {
    async fn handle(&mut self, Do(job): Do<Self>, ctx: &mut Context<Self>) {
        job(self, ctx).await;
    }
}

impl Handler<Do<Self>> for Far {
    async fn handle(&mut self, Do(job): Do<Self>, ctx: &mut Context<Self>) {
        job(self, ctx).await;
    }
}

/// A job.
macro_rules! job {
    (|$me:ident, $ctx:ident| $body:expr) => {
        Do(Box::new(move |$me, $ctx| {
            Box::pin(async move {
                let _ = (&$me, &$ctx);
                $body;
            })
        }))
    };
}

/// A line in the log.
fn note<A: Logs>(line: &'static str) -> Do<A> {
    job!(|me, _ctx| me.log().add(line))
}

trait Logs: Actor {
    fn log(&self) -> &Log;
}

impl Logs for Near {
    fn log(&self) -> &Log {
        &self.log
    }
}

impl Logs for Far {
    fn log(&self) -> &Log {
        &self.log
    }
}

/// Spawns an actor that has nothing to do.
async fn idle<A: Actor>(system: &System, name: &str, actor: A) -> ActorRef<A> {
    actor.prepare().name(name).system(system).start().await.unwrap()
}

/// Lets everything run that can.
async fn settle() {
    for _ in 0..64 {
        yield_now().await;
    }
}

async fn close(system: System) {
    let report = system.shutdown(Duration::from_secs(1)).await;
    assert!(report.ledger.balances() && report.ledger.queued == 0, "{report}");
    assert_eq!(system.dead_letters().count(Reason::Leaked), 0);
}

/// Who comes first: the one who was told by an actor, or a task that was spawned before it was told?
async fn who_is_first<A: Logs + Handler<Do<A>>>(system: &System, make: fn(Log) -> A) -> Vec<String> {
    let log = Log::default();
    let (one, two) =
        (idle(system, "one", make(log.clone())).await, idle(system, "two", make(log.clone())).await);
    let to = two.clone();
    one.tell(job!(|me, _ctx| {
        let log = me.log().clone();
        tokio::spawn(async move { log.add("task") });
        to.tell(note("told")).await.unwrap();
    }))
    .await
    .unwrap();
    settle().await;
    log.lines()
}

#[tokio::test(start_paused = true)]
async fn told_actor_runs_before_the_runtime_comes_back() {
    let system = System::new("near");
    assert_eq!(who_is_first(&system, |log| Near { log }).await, ["told", "task"]);
    close(system).await;
    // One that does not say so goes the ordinary way, or this test could not fail. (Where the runtime's own slot
    // puts it is the runtime's affair: on one thread it has none.)
    let system = System::new("far");
    assert_eq!(who_is_first(&system, |log| Far { log }).await, ["task", "told"]);
    close(system).await;
}

/// There is one slot: who is in it when another comes goes the ordinary way.
#[tokio::test(start_paused = true)]
async fn everybody_an_actor_has_told_runs() {
    let system = System::new("all");
    let log = Log::default();
    let first = idle(&system, "first", Near { log: log.clone() }).await;
    let second = idle(&system, "second", Near { log: log.clone() }).await;
    let teller = idle(&system, "teller", Near { log: log.clone() }).await;
    let (one, two) = (first.clone(), second.clone());
    teller
        .ask(job!(|_me, _ctx| {
            one.tell(note("first")).await.unwrap();
            two.tell(note("second")).await.unwrap();
        }))
        .await
        .unwrap();
    settle().await;
    assert_eq!(log.lines(), ["second", "first"]);
    close(system).await;
}

/// performance §5: a chain of actors that tell each other for ever starves neither a timer nor another task
#[tokio::test(start_paused = true)]
async fn chain_without_an_end_starves_nobody() {
    let system = System::new("chain");
    let (log, stop) = (Log::default(), Arc::new(AtomicBool::new(false)));
    let one = idle(&system, "one", Near { log: log.clone() }).await;
    let two = idle(&system, "two", Near { log }).await;
    let passes = Arc::new(AtomicU64::new(0));

    fn pass(
        to: ActorRef<Near>,
        from: ActorRef<Near>,
        stop: Arc<AtomicBool>,
        passes: Arc<AtomicU64>,
    ) -> Do<Near> {
        job!(|_me, _ctx| if !stop.load(Ordering::Relaxed) {
            passes.fetch_add(1, Ordering::Relaxed);
            to.tell(pass(from, to.clone(), stop, passes)).await.unwrap();
        })
    }

    one.tell(pass(two.clone(), one.clone(), Arc::clone(&stop), Arc::clone(&passes))).await.unwrap();
    let timer = tokio::spawn(tokio::time::sleep(Duration::from_secs(1)));
    let before = passes.load(Ordering::Relaxed);
    for _ in 0..100 {
        yield_now().await;
    }
    tokio::time::advance(Duration::from_secs(2)).await;
    timer.await.unwrap();
    let between = passes.load(Ordering::Relaxed) - before;
    assert!(between > 100, "the chain went on: {between}");
    stop.store(true, Ordering::Relaxed);
    settle().await;
    close(system).await;
}

/// contract §3 and §4: the failure is its own, the messages behind it wait for the next incarnation
#[tokio::test(start_paused = true)]
async fn failure_in_another_ones_poll_restarts_the_one_who_failed() {
    let system = System::new("failure");
    let tree = Supervisor::one_for_one().name("tree").system(&system).start().await.unwrap();
    let (log, starts) = (Log::default(), Arc::new(AtomicU64::new(0)));
    let worker = {
        let (log, starts) = (log.clone(), Arc::clone(&starts));
        child("worker", move || {
            starts.fetch_add(1, Ordering::Relaxed);
            Near { log: log.clone() }
        })
    };
    let worker = tree.spawn(worker).await.unwrap();
    let teller = idle(&system, "teller", Near { log: log.clone() }).await;
    let to = worker.clone();
    teller
        .ask(job!(|_me, _ctx| {
            to.tell(job!(|_me, _ctx| panic!("it is torn"))).await.unwrap();
            to.tell(note("first")).await.unwrap();
            to.tell(note("second")).await.unwrap();
        }))
        .await
        .unwrap();
    settle().await;
    assert_eq!(log.lines(), ["first", "second"]);
    assert_eq!(starts.load(Ordering::Relaxed), 2);
    assert_eq!(system.dead_letters().count(Reason::Failed), 1);
    assert_eq!((worker.ledger().handled, worker.ledger().dead), (2, 1));
    assert!(teller.status() == Status::Running && teller.ledger().handled == 1);
    close(system).await;
}

/// contract §6: the asker is told at once, with the failure
#[tokio::test(start_paused = true)]
async fn asker_hears_of_a_failure_in_its_own_poll() {
    let system = System::new("asker");
    let log = Log::default();
    let asked = idle(&system, "asked", Near { log: log.clone() }).await;
    let asker = idle(&system, "asker", Near { log }).await;
    asker
        .ask(job!(|_me, _ctx| {
            let error = asked.ask(job!(|_me, ctx| ctx.fail::<()>("no more").await)).await.unwrap_err();
            assert!(matches!(&error, AskError::Failed(failure) if failure.to_string().contains("no more")));
            assert!(asked.ended().await.is_failure());
        }))
        .await
        .unwrap();
    close(system).await;
}

#[tokio::test(start_paused = true)]
async fn handler_that_waits_goes_on_in_its_own_task() {
    let system = System::new("waits");
    let (log, gate) = (Log::default(), Arc::new(Notify::new()));
    let waits = idle(&system, "waits", Near { log: log.clone() }).await;
    let teller = idle(&system, "teller", Near { log: log.clone() }).await;
    let (to, open) = (waits.clone(), Arc::clone(&gate));
    teller
        .ask(job!(|_me, _ctx| {
            to.tell(job!(|me, _ctx| {
                me.log.add("begun");
                open.notified().await;
                me.log.add("done");
            }))
            .await
            .unwrap();
            to.tell(note("behind it")).await.unwrap();
        }))
        .await
        .unwrap();
    settle().await;
    teller.ask(note("teller")).await.unwrap();
    assert_eq!(log.lines(), ["begun", "teller"], "who told it is free again");
    gate.notify_one();
    settle().await;
    assert_eq!(log.lines(), ["begun", "teller", "done", "behind it"]);
    close(system).await;
}

/// contract §7: a stop handles what was accepted before it; a kill is seen between two messages
#[tokio::test(start_paused = true)]
async fn stop_and_kill_reach_an_actor_that_waits_in_the_slot() {
    for kill in [false, true] {
        let system = System::new("ends");
        let log = Log::default();
        let ends = idle(&system, "ends", Near { log: log.clone() }).await;
        let teller = idle(&system, "teller", Near { log: log.clone() }).await;
        let to = ends.clone();
        teller
            .ask(job!(|_me, _ctx| {
                to.tell(note("first")).await.unwrap();
                to.tell(note("second")).await.unwrap();
                if kill { to.kill() } else { to.stop() }
            }))
            .await
            .unwrap();
        let reason = ends.ended().await;
        assert_eq!(matches!(reason, StopReason::Killed), kill, "{reason}");
        assert_eq!(log.lines(), if kill { &[][..] } else { &["first", "second"] });
        let dead = system.dead_letters().count(Reason::Killed);
        assert_eq!(dead, if kill { 2 } else { 0 });
        close(system).await;
    }
}

/// A chain is cut where one of it is killed, though its own task hosts the chain.
#[tokio::test(start_paused = true)]
async fn killed_host_of_a_chain_ends() {
    let system = System::new("host");
    let log = Log::default();
    let one = idle(&system, "one", Near { log: log.clone() }).await;
    let two = idle(&system, "two", Near { log }).await;

    fn pass(to: ActorRef<Near>, from: ActorRef<Near>) -> Do<Near> {
        job!(|_me, _ctx| {
            // The other one may be gone: then the ball is inside the error.
            let _over = to.clone().tell(pass(from, to)).await;
        })
    }

    one.tell(pass(two.clone(), one.clone())).await.unwrap();
    settle().await;
    one.kill();
    assert!(matches!(one.ended().await, StopReason::Killed));
    settle().await;
    assert!(two.status() == Status::Running && two.ledger().in_flight == 0);
    close(system).await;
}

/// contract §8: the bound is exact, and whoever waits for room gets it
#[tokio::test(start_paused = true)]
async fn bound_holds_between_a_sender_and_the_one_it_runs() {
    let system = System::new("bound");
    let log = Log::default();
    let small = Near { log: log.clone() }.prepare().name("small").capacity(1).system(&system);
    let small = small.start().await.unwrap();
    let teller = idle(&system, "teller", Near { log: log.clone() }).await;
    let to = small.clone();
    teller
        .ask(job!(|_me, _ctx| {
            to.try_tell(note("first")).unwrap();
            assert!(to.try_tell(note("refused")).is_err(), "it runs when this turn is over, not inside it");
            to.tell(note("second")).await.unwrap();
            to.tell(note("third")).await.unwrap();
        }))
        .await
        .unwrap();
    settle().await;
    assert_eq!(log.lines(), ["first", "second", "third"]);
    assert_eq!(small.ledger().accepted, 3);
    close(system).await;
}

/// contract §8: an actor that awaits its own answer is told so at once
#[tokio::test(start_paused = true)]
async fn actor_that_asks_itself_in_another_ones_poll_is_told() {
    let system = System::new("itself");
    let log = Log::default();
    let one = idle(&system, "one", Near { log: log.clone() }).await;
    let two = idle(&system, "two", Near { log: log.clone() }).await;
    let me = two.clone();
    one.ask(job!(|_me, _ctx| {
        let to = me.clone();
        to.tell(job!(|near, _ctx| {
            let error = me.ask(note("never")).await.unwrap_err();
            near.log.add(format!("{}", matches!(error, AskError::WouldDeadlock { .. })));
        }))
        .await
        .unwrap();
    }))
    .await
    .unwrap();
    settle().await;
    assert_eq!(log.lines(), ["true"]);
    drop(two);
    close(system).await;
}

/// The last reference goes while the actor waits in the slot: it handles what it has, and ends.
#[tokio::test(start_paused = true)]
async fn released_actor_handles_what_it_has() {
    let system = System::new("released");
    let log = Log::default();
    let last = idle(&system, "last", Near { log: log.clone() }).await;
    let (weak, teller) = (last.downgrade(), idle(&system, "teller", Near { log: log.clone() }).await);
    teller
        .ask(job!(|_me, _ctx| {
            last.tell(note("the last word")).await.unwrap();
            drop(last);
        }))
        .await
        .unwrap();
    assert!(matches!(weak.ended().await, StopReason::Released));
    assert_eq!(log.lines(), ["the last word"]);
    close(system).await;
}

/// performance §5: only actors of the same runtime
#[test]
fn actor_runs_on_no_other_runtime_than_its_own() {
    let build = || runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (here, there) = (build(), build());
    let system = System::new("two runtimes");
    let log = Log::default();
    let far = there.block_on(idle(&system, "far", Near { log: log.clone() }));
    here.block_on(async {
        let near = idle(&system, "near", Near { log: log.clone() }).await;
        let to = far.clone();
        near.ask(job!(|_me, _ctx| {
            to.ask(job!(|me, _ctx| me.log.add(Runtime::current().id().to_string()))).await.unwrap();
        }))
        .await
        .unwrap();
        assert_eq!(log.lines(), [there.handle().id().to_string()]);
        assert_ne!(here.handle().id(), there.handle().id());
        close(system).await;
    });
}

/// Nothing is lost, doubled or left lying when many threads hand off and send to the same actors.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_pass_of_many_balls_is_handled_once() {
    const ACTORS: usize = 16;
    const BALLS: u64 = 64;
    const PASSES: u64 = 500;

    #[derive(Actor)]
    #[actor(capacity = 4096, hand_off)]
    struct Player {
        next: Option<ActorRef<Player>>,
        home: Arc<Notify>,
        left: Arc<AtomicU64>,
    }

    #[messages]
    impl Player {
        #[message]
        fn meet(&mut self, next: ActorRef<Player>) {
            self.next = Some(next);
        }

        #[message(name = Forget)]
        fn forget(&mut self) {
            self.next = None;
        }

        #[message]
        async fn ball(&mut self, left: u64) {
            let Some(next) = &self.next else { panic!("they have met") };
            if left > 0 {
                next.tell(Ball { left: left - 1 }).await.unwrap();
            } else if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
                self.home.notify_one();
            }
        }
    }

    let system = System::new("balls");
    let (home, left) = (Arc::new(Notify::new()), Arc::new(AtomicU64::new(BALLS)));
    let player = || Player { next: None, home: Arc::clone(&home), left: Arc::clone(&left) };
    let players: Vec<_> = (0..ACTORS).map(|_| player().prepare().system(&system).spawn().unwrap()).collect();
    for (at, player) in players.iter().enumerate() {
        player.meet(players[(at + 1) % ACTORS].clone()).await.unwrap();
    }
    for ball in 0..BALLS {
        let at = usize::try_from(ball).unwrap() % ACTORS;
        players[at].tell(Ball { left: PASSES }).await.unwrap();
    }
    home.notified().await;
    for player in &players {
        player.forget().await.unwrap();
    }
    let handled: u64 = players.iter().map(|player| player.ledger().handled).sum();
    assert_eq!(handled, BALLS * (PASSES + 1) + 2 * ACTORS as u64);
    drop(players);
    close(system).await;
}
