//! Supervisors with very many children: what one failure costs, and how they stop (contract §5).

#[path = "support/lab.rs"]
mod lab;

use std::time::Duration;

use lab::{At, Hold, Lab, Note, Probe, idle, secs, took};
use postbox::{Reason, Shutdown, Status, prelude::*};

#[derive(Actor, Default)]
struct Worker {
    calls: u32,
}

#[messages]
impl Worker {
    /// Counts the calls of this incarnation.
    #[message]
    fn call(&mut self) -> u32 {
        self.calls += 1;
        self.calls
    }

    /// Fails.
    #[message]
    async fn fail(&mut self, ctx: &mut Context<Self>) {
        ctx.fail("broken").await
    }
}

/// contract §5 and the issue: 100,000 children; a failure of one costs no more than that of one of two, and all
/// of them stop together.
#[tokio::test]
async fn a_hundred_thousand_children_fail_one_by_one_and_stop_together() {
    const CHILDREN: usize = 100_000;
    let system = System::new("large");
    let tree = Supervisor::one_for_one().system(&system).limit(u32::MAX, secs(10)).stop_together();
    let tree = tree.start().await.unwrap();
    let mut workers = Vec::with_capacity(CHILDREN);
    for n in 0..CHILDREN {
        workers.push(tree.spawn(child(n.to_string(), Worker::default).capacity(4)).await.unwrap());
    }
    assert_eq!(tree.count_children().running, CHILDREN);
    // Every tenth of them fails, and comes back, with what waited.
    for worker in workers.iter().step_by(10) {
        worker.call().tell().await.unwrap();
        worker.fail().try_tell().unwrap();
        worker.call().try_tell().unwrap();
    }
    for worker in workers.iter().step_by(10) {
        assert_eq!(worker.call().await.unwrap(), 2, "one waited behind the failure");
    }
    assert_eq!(workers[1].call().await.unwrap(), 1);
    tree.stop();
    assert!(tree.ended().await.is_normal());
    assert!(workers.iter().all(|worker| worker.status() == Status::Ended));
    let ledger = system.ledger();
    assert!(ledger.balances(), "{ledger}");
    assert_eq!(system.dead_letters().count(Reason::Leaked), 0);
    assert_eq!(system.actors(), []);
}

async fn stuck(
    lab: &Lab,
    tree: &ActorRef<Supervisor>,
    name: &'static str,
    rule: Shutdown,
) -> ActorRef<Probe> {
    let probe = tree.spawn(lab.diary.child(name).shutdown(rule)).await.unwrap();
    probe.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    probe
}

/// contract §5: "Large pools of one kind stop together under one deadline." OTP: simple_one_for_one.
#[tokio::test(start_paused = true)]
async fn children_that_stop_together_have_one_deadline() {
    let lab = Lab::new("together");
    for (together, takes) in [(true, 3), (false, 7)] {
        let mut tree = lab.supervisor();
        if together {
            tree = tree.stop_together();
        }
        let tree = tree.start().await.unwrap();
        for (name, limit) in [("a", 2), ("b", 3), ("c", 2)] {
            stuck(&lab, &tree, name, secs(limit).into()).await;
        }
        let time = took(async {
            tree.stop();
            tree.ended().await;
        });
        assert_eq!(time.await, secs(takes), "together: {together}");
    }
    assert_eq!(lab.letters(Reason::Aborted).len(), 6);
    lab.close().await;
}

/// contract §5: "under one deadline", also for those that have to be killed: their hooks have the same time.
#[tokio::test(start_paused = true)]
async fn children_past_the_one_deadline_are_killed_together() {
    let lab = Lab::new("past");
    let tree = lab.supervisor().stop_together().start().await.unwrap();
    for name in ["a", "b", "c"] {
        stuck(&lab, &tree, name, secs(3).into()).await;
        lab.diary.hold(At::Stopped, name);
    }
    let time = took(async {
        tree.stop();
        tree.ended().await;
    });
    assert_eq!(time.await, secs(3) + postbox::DEFAULT_SHUTDOWN, "once, not three times");
    lab.diary.hold_no_more();
    lab.close().await;
}

/// contract §5: each has its own rule all the same: one that is to be killed is killed at once, one without a
/// limit is waited for.
#[tokio::test(start_paused = true)]
async fn children_that_stop_together_keep_their_rules() {
    let lab = Lab::new("rules");
    let tree = lab.supervisor().stop_together().start().await.unwrap();
    let patient = stuck(&lab, &tree, "a", Shutdown::Unbounded).await;
    let bounded = stuck(&lab, &tree, "b", secs(3).into()).await;
    let killed = stuck(&lab, &tree, "c", Shutdown::Kill).await;
    tree.stop();
    assert_eq!(took(async { drop(killed.ended().await) }).await, Duration::ZERO);
    assert_eq!(took(async { drop(bounded.ended().await) }).await, secs(3));
    assert!(matches!(bounded.ended().await, StopReason::Killed));
    tokio::time::sleep(secs(1_000)).await;
    assert_ne!(patient.status(), Status::Ended);
    lab.diary.open();
    assert!(matches!(patient.ended().await, StopReason::Shutdown));
    tree.ended().await;
    lab.close().await;
}

/// contract §5: nobody's end waits for that of a sibling.
#[tokio::test(start_paused = true)]
async fn children_that_stop_together_do_not_wait_for_each_other() {
    let lab = Lab::new("no-wait");
    let tree = lab.supervisor().stop_together().start().await.unwrap();
    let mut probes = Vec::new();
    for name in ["a", "b", "c"] {
        probes.push(tree.spawn(lab.diary.child(name)).await.unwrap());
    }
    lab.diary.hold(At::Stopped, "c");
    tree.stop();
    lab.diary.entered().await;
    assert!(matches!(probes[0].ended().await, StopReason::Shutdown));
    assert!(matches!(probes[1].ended().await, StopReason::Shutdown));
    assert!(tree.spawn(lab.diary.child("d")).await.is_err());
    lab.diary.open();
    tree.ended().await;
    lab.close().await;
}

/// contract §7: a kill of the supervisor is a kill of its children, together.
#[tokio::test(start_paused = true)]
async fn a_kill_cuts_children_that_stop_together() {
    let lab = Lab::new("cut");
    let tree = lab.supervisor().stop_together().start().await.unwrap();
    let a = stuck(&lab, &tree, "a", Shutdown::Unbounded).await;
    let b = stuck(&lab, &tree, "b", secs(60).into()).await;
    tree.stop();
    idle().await;
    tree.kill();
    assert_eq!(took(async { drop(tree.ended().await) }).await, Duration::ZERO);
    assert!(matches!((a.ended().await, b.ended().await), (StopReason::Killed, StopReason::Killed)));
    assert!(matches!(a.ask(Note(0)).await, Err(AskError::Stopped { .. })));
    lab.close().await;
}
