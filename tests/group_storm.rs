//! Groups under a storm: failures, kills, stops, failing starts and calls by hand at any time, on two threads. In
//! the end everybody answers, no message is without a fate, and nobody was there twice (contract I1 to I3, I8).

#[path = "support/lab.rs"]
mod lab;

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use lab::{At, Flaky, Lab, Note, Poison, Probe, Refuse, secs};
use postbox::{ChildError, Status, SupervisorBuilder, prelude::*};

/// Numbers that a seed makes (Marsaglia's xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

fn current(tree: &ActorRef<Supervisor>, name: &str) -> Option<ActorRef<Probe>> {
    tree.children().iter().find(|child| child.identity().name() == Some(name))?.typed()
}

async fn trouble_maker(tree: ActorRef<Supervisor>, seed: u64) {
    let mut dice = Dice(seed);
    for n in 0..120 {
        let name = NAMES[usize::try_from(dice.roll(5)).unwrap()];
        if dice.roll(12) == 0 {
            match tree.stop_child(name).await {
                Ok(()) | Err(ChildError::NotFound { .. }) => {}
                Err(error) => panic!("seed {seed}: {error}"),
            }
            match tree.restart_child(name).await {
                Ok(_)
                | Err(
                    ChildError::NotFound { .. }
                    | ChildError::Running { .. }
                    | ChildError::Restarting { .. }
                    | ChildError::Spawn(
                        SpawnError::Failed(_) | SpawnError::Ended { .. } | SpawnError::SupervisorGone { .. },
                    )
                    | ChildError::SupervisorGone { .. },
                ) => {}
                Err(error) => panic!("seed {seed}: {error}"),
            }
            continue;
        }
        let Some(probe) = current(&tree, name) else { continue };
        match dice.roll(10) {
            0 => drop(probe.try_tell(Poison(n))),
            1 => drop(probe.try_tell(Refuse(n))),
            2 => drop(probe.try_tell(Flaky::<3>::new(n, 2))),
            3 => probe.kill(),
            4 => probe.stop_now(),
            5 => drop(probe.ask(Note(n)).await),
            _ => drop(probe.tell(Note(n)).await),
        }
    }
}

async fn storm(builder: fn() -> SupervisorBuilder, seed: u64) {
    let lab = Lab::new("storm");
    let calm = Arc::new(AtomicBool::new(false));
    let (quiet, starts) = (Arc::clone(&calm), AtomicU64::new(seed));
    lab.diary.trouble(move |at, _, _| {
        let n = starts.fetch_add(1, Ordering::SeqCst);
        // Scattered: a fixed distance would come to fail each attempt of a group at the same place for ever.
        if quiet.load(Ordering::SeqCst) || Dice(n + 1).roll(37) != 0 {
            return Ok(());
        }
        match at {
            At::Factory | At::Started => Err("not now".into()),
            At::Stopped => panic!("at the end"),
            At::Drop => Ok(()),
        }
    });
    let tree = builder().system(&lab.system).limit(u32::MAX, secs(1)).start().await.unwrap();
    for name in NAMES {
        let restart = if name == "c" { Restart::Transient } else { Restart::Permanent };
        while tree.spawn(lab.diary.child(name).restart(restart).capacity(8)).await.is_err() {}
    }
    let makers: Vec<_> = (1..=3).map(|n| tokio::spawn(trouble_maker(tree.clone(), seed * 31 + n))).collect();
    for maker in makers {
        let made = tokio::time::timeout(secs(10), maker).await;
        assert!(made.is_ok(), "seed {seed}: {:?} {:?}", tree.children(), tree.count_children());
        made.unwrap().unwrap();
    }
    calm.store(true, Ordering::SeqCst);
    for name in NAMES {
        let answer = async {
            loop {
                if let Some(probe) = current(&tree, name)
                    && probe.ask(Note(0)).await.is_ok()
                {
                    break;
                }
                // It has ended, well or by hand, or is about to.
                let _ended = tree.restart_child(name).await;
                tokio::task::yield_now().await;
            }
        };
        let answered = tokio::time::timeout(secs(20), answer).await;
        assert!(answered.is_ok(), "seed {seed}: {name} does not answer: {:?}", tree.children());
    }
    assert_eq!((tree.status(), tree.count_children().known), (Status::Running, 5), "seed {seed}");
    drop(tree);
    lab.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_for_all_weathers_a_storm() {
    for seed in 1..=12 {
        storm(Supervisor::one_for_all, seed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rest_for_one_weathers_a_storm() {
    for seed in 101..=112 {
        storm(Supervisor::rest_for_one, seed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_for_one_weathers_a_storm() {
    for seed in 201..=212 {
        storm(Supervisor::one_for_one, seed).await;
    }
}
