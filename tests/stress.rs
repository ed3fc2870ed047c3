//! Trees of actors under a random load, and an oracle for all that the contract says of them.
//!
//! In the manner of Pekko's `SupervisorHierarchySpec`, which builds a random tree, has it fail at random, and
//! asks each of its actors in the end. Here each message has an entry as well, each incarnation a gate, each
//! watch a count: see `stress/oracle.rs`. What happens follows from a seed (`stress/plan.rs`). On one thread,
//! by the paused clock, the same seed is the same run, step by step; on several threads it is the same plan.
//!
//! It runs a fixed list of seeds, in a few seconds. For more:
//!
//! - `POSTBOX_STRESS_SEED=7` runs that seed only, or begins with it if there is a time as well;
//! - `POSTBOX_STRESS_SECONDS=600` goes on with the next seeds for so long, in each of the two tests.
//!
//! With either of them it prints the seeds and the totals:
//! `POSTBOX_STRESS_SECONDS=600 cargo test --release --test stress -- --nocapture --test-threads=1`.
//! A failure names its seed.

#[path = "stress/by_hand.rs"]
mod by_hand;
#[path = "stress/node.rs"]
mod node;
#[path = "stress/oracle.rs"]
mod oracle;
#[path = "stress/parcel.rs"]
mod parcel;
#[path = "stress/plan.rs"]
mod plan;
#[path = "stress/send.rs"]
mod send;

use std::{
    env,
    ops::RangeInclusive,
    panic,
    sync::{Arc, Once, atomic::Ordering, mpsc},
    thread,
    time::{Duration, Instant},
};

use node::{Node, ON_PURPOSE, node, start_free};
use oracle::{Totals, World};
use parcel::{Ping, Sender};
use plan::{Plan, Rng, Threads};
use postbox::{Reason, Status, prelude::*};
use send::step;
use tokio::{runtime, task::JoinSet, time};

/// The last of them has 500 actors, on one thread and on several.
const SEEDS: [RangeInclusive<u64>; 2] = [1..=11, 8..=11];

/// Whoever asks one that does not answer for so long will wait for ever.
const HANGS: Duration = Duration::from_secs(120);

/// The panics of the plan are no news.
fn be_quiet() {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !info.payload_as_str().is_some_and(|text| text.starts_with(ON_PURPOSE)) {
                before(info);
            }
        }));
    });
}

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is {text}, which is no number")))
}

/// Runs the seeds that are wanted.
fn seeds(threads: Threads) -> Totals {
    let (first, time) = (number("POSTBOX_STRESS_SEED"), number("POSTBOX_STRESS_SECONDS"));
    let begin = Instant::now();
    let mut sum = Totals::default();
    let seeds = &SEEDS[threads as usize];
    let mut seed = first.unwrap_or(if time.is_some() { 1 } else { *seeds.start() });
    loop {
        sum += run(seed, threads);
        seed += 1;
        let goes_on = match (time, first) {
            (Some(time), _) => begin.elapsed().as_secs() < time,
            (None, Some(_)) => false,
            (None, None) => seed <= *seeds.end(),
        };
        if !goes_on {
            break;
        }
    }
    if first.is_some() || time.is_some() {
        let (from, spent) = (first.unwrap_or(1), begin.elapsed());
        eprintln!("{threads:?}: seeds {from} to {}, {spent:?}: {sum:?}", seed - 1);
    }
    sum
}

/// One run, in a thread of its own: what tokio and the runtime under test keep for a thread begins anew.
fn run(seed: u64, threads: Threads) -> Totals {
    be_quiet();
    let plan = Plan::new(seed, threads);
    let (done, doing) = mpsc::channel();
    let runs = move || {
        let mut builder = match threads {
            Threads::One => runtime::Builder::new_current_thread(),
            Threads::Several => runtime::Builder::new_multi_thread(),
        };
        builder.enable_time().worker_threads(4);
        if threads == Threads::One {
            builder.start_paused(true);
        }
        let world = builder.build().expect("a runtime").block_on(live(plan));
        done.send(world).expect("it is waited for");
    };
    thread::spawn(runs);
    // By the real clock: a circle in which no time passes is no end either.
    let world =
        doing.recv_timeout(HANGS).unwrap_or_else(|error| panic!("seed {seed} on {threads:?}: {error}"));
    let wrong = world.verdict();
    let some: Vec<_> = wrong.iter().take(20).collect();
    assert!(
        wrong.is_empty(),
        "seed {seed} on {threads:?}: {} findings: {some:#?}\nPOSTBOX_STRESS_SEED={seed} runs it again",
        wrong.len()
    );
    world.totals()
}

async fn in_time<T>(what: &str, system: &System, future: impl Future<Output = T>) -> T {
    match time::timeout(HANGS, future).await {
        Ok(done) => done,
        Err(_) => panic!("{what} does not come to its end\n{}", system.snapshot()),
    }
}

/// The life of a world.
async fn live(plan: Plan) -> Arc<World> {
    let system = System::new("stress");
    let world = World::new(plan);
    world.subscribes(system.dead_letters().subscribe(1_000_000));
    let top = Supervisor::one_for_one()
        .limit(1_000_000, Duration::from_secs(3_600))
        .system(&system)
        .start()
        .await
        .expect("it has no children");
    in_time("the start", &system, plant(&world, &system, &top)).await;
    in_time("the load", &system, load(&world, &system, &top)).await;
    world.calm_down();
    in_time("the rest", &system, rest(&world, &system)).await;
    world.check_rest();
    in_time("the release", &system, release(&world)).await;
    drop(top);
    end(&world, system).await;
    world
}

/// Starts the trees. A root that fails in its start is tried again.
async fn plant(world: &Arc<World>, system: &System, top: &ActorRef<Supervisor>) {
    for (place, plan) in world.plan.nodes.iter().enumerate() {
        if plan.free {
            start_free(world, system, place).await;
        } else if plan.parent.is_none() {
            for _ in 0..50 {
                if top.spawn(node(world, world.seat(place, None))).await.is_ok() {
                    break;
                }
            }
        }
    }
}

/// The senders from outside, all at once.
async fn load(world: &Arc<World>, system: &System, top: &ActorRef<Supervisor>) {
    let mut drivers = JoinSet::new();
    let mut rng = Rng::new(!world.plan.seed);
    for _ in 0..world.plan.drivers {
        let (world, system, top) = (Arc::clone(world), system.clone(), top.clone());
        let mut rng = Rng::new(rng.next());
        drivers.spawn(async move {
            let mut sender = Sender::new(&world, None);
            for _ in 0..world.plan.steps {
                match rng.below(1_000) {
                    0..4 => by_hand::from_outside(&world, &top, &mut rng).await,
                    4..20 => renew(&world, &system, &mut rng).await,
                    _ => step(&world, &mut sender, &mut rng, 3).await,
                }
            }
        });
    }
    drivers.join_all().await;
}

/// Lets go of a free-standing actor, and starts another one at its place when it has ended.
async fn renew(world: &Arc<World>, system: &System, rng: &mut Rng) {
    let free: Vec<_> = (0..world.plan.nodes.len()).filter(|place| world.plan.nodes[*place].free).collect();
    let place = free[rng.place(free.len())];
    let Some(owner) = world.owner(place).take() else { return };
    let handle = owner.handle();
    drop(owner);
    handle.ended().await;
    start_free(world, system, place).await;
}

/// Returns when all that live have answered three times, and nobody has gone meanwhile.
async fn rest(world: &Arc<World>, system: &System) {
    let mut answered = 0;
    let mut before = Vec::new();
    while answered < 3 {
        let alive = system.actors();
        let mut all = world.under_way.load(Ordering::SeqCst) == 0;
        let mut live = 0;
        for handle in &alive {
            let Some(actor) = handle.typed::<Node>() else { continue };
            match actor.ask(Ping).await {
                Ok(()) => {}
                // Its mailbox drops what it has no room for.
                Err(AskError::Discarded { .. }) => all = false,
                Err(error) => {
                    // It has been told to stop, and does so in time.
                    if !matches!(error, AskError::Stopped { .. }) {
                        world.wrong(format!("{handle:?}: {error}"));
                    }
                    drop(actor);
                    handle.ended().await;
                    all = false;
                }
            }
            all &= handle.status() == Status::Running;
            live += 1;
        }
        all &= system.actors() == before;
        answered = if all { answered + 1 } else { 0 };
        before = system.actors();
        world.totals.live.store(live, Ordering::SeqCst);
        if !all {
            time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// contract §7: a free-standing actor lives as long as a strong reference to it.
async fn release(world: &World) {
    for place in 0..world.plan.nodes.len() {
        let Some(owner) = world.owner(place).take() else { continue };
        let (handle, was) = (owner.handle(), owner.status());
        drop(owner);
        let reason = handle.ended().await;
        if was == Status::Running && !matches!(reason, StopReason::Released) {
            world.wrong(format!("{handle:?} was let go of, and {reason}"));
        }
    }
}

async fn end(world: &Arc<World>, system: System) {
    let report = in_time("the shutdown", &system, system.shutdown(Duration::from_secs(60))).await;
    if !report.detached.is_empty() || !system.actors().is_empty() {
        world.wrong(format!("left after the shutdown: {:?}, {report}", system.actors()));
    }
    let missed = world.read_letters();
    let dead = system.dead_letters();
    if missed != 0 || dead.count(Reason::Leaked) != 0 {
        world.wrong(format!("{missed} letters missed, {:?}", dead.counts()));
    }
    if dead.total() - dead.count(Reason::LateReply) != report.ledger.dead {
        world.wrong(format!("{}, but {:?}", report.ledger, dead.counts()));
    }
    world.check_end(report.ledger);
    world.forget();
}

/// A load that does not meet all there is proves less than it says.
fn all_was_met(sum: Totals) {
    if sum.runs >= 11 {
        assert_eq!(sum.missing(), Vec::<&str>::new(), "{sum:?}");
    }
}

/// contract §1: I1 to I4 and I6 to I10, in trees that fail, restart, escalate and stop at random
#[test]
fn random_trees_on_one_thread_keep_every_promise() {
    all_was_met(seeds(Threads::One));
}

/// The same, where the interleavings are those of the machine.
#[test]
fn random_trees_on_several_threads_keep_every_promise() {
    all_was_met(seeds(Threads::Several));
}

/// What a failure's seed is good for.
#[test]
fn the_same_seed_is_the_same_run_step_by_step() {
    for seed in [3, 5, 11] {
        assert_eq!(run(seed, Threads::One), run(seed, Threads::One), "seed {seed}");
    }
    assert_ne!(run(1, Threads::One).trace, run(2, Threads::One).trace);
}
