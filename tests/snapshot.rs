//! What an operator sees of a system: who is there, doing what, with how much before them.

#[path = "support/lab.rs"]
mod lab;

use lab::{Flaky, Hold, Lab, Note, Poison, secs};
use postbox::{Backoff, Snapshot, Status, prelude::*};

/// Lines without the numbers of actors, which depend on the tests beside this one.
fn lines(snapshot: &Snapshot) -> Vec<String> {
    let text = snapshot.to_string();
    let without_ids = |line: &str| {
        let mut parts = line.split('#');
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| text + part.trim_start_matches(|c: char| c.is_ascii_digit()))
    };
    text.lines().map(without_ids).collect()
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_is_the_tree_of_actors_in_start_order() {
    let lab = Lab::new("tree");
    let tree = lab.supervisor().name("tree").start().await.unwrap();
    tree.spawn(lab.diary.parent("p", &["x", "y"], Supervision::default())).await.unwrap();
    tree.spawn(lab.diary.child("q").capacity(8)).await.unwrap();
    let free = lab.probe("f");
    let snapshot = lab.system.snapshot();
    assert_eq!(snapshot.count(), 6);
    assert_eq!(
        lines(&snapshot),
        [
            "system tree: 6 actors; 0 accepted = 0 handled + 0 dead + 0 returned + 0 queued + 0 stashed + 0 in flight",
            "├─ tree (Supervisor) running, 0/64 waiting",
            "│  ├─ p (Probe) running, 0/64 waiting",
            "│  │  ├─ x (Probe) running, 0/64 waiting",
            "│  │  └─ y (Probe) running, 0/64 waiting",
            "│  └─ q (Probe) running, 0/8 waiting",
            "└─ Probe starting, 0/64 waiting",
        ]
    );
    assert_eq!(snapshot.find(free.identity().id()).unwrap().status, Status::Starting);
    lab.close().await;
}

/// "Reads shared cells, never asks an actor."
#[tokio::test(start_paused = true)]
async fn a_snapshot_does_not_wait_for_a_handler_and_shows_what_waits_behind_it() {
    let lab = Lab::new("busy");
    let probe = lab.probe("a");
    probe.ask(Note(0)).await.unwrap();
    probe.try_tell(Hold(0)).unwrap();
    lab.diary.entered().await;
    for n in 1..=3 {
        probe.try_tell(Note(n)).unwrap();
    }
    let snapshot = lab.system.snapshot();
    let seen = &snapshot.actors[0];
    assert_eq!((seen.depth, seen.capacity, seen.status), (3, 64, Status::Running));
    assert_eq!((seen.ledger.accepted, seen.ledger.handled, seen.ledger.in_flight), (5, 1, 1));
    assert_eq!(seen.ledger, probe.ledger());
    assert_eq!(snapshot.ledger, lab.system.ledger());
    assert!(seen.to_string().ends_with("running, 3/64 waiting, 1 in flight"), "{seen}");
    lab.diary.open();
    lab.close().await;
}

/// "restarts so far with the last failure"
#[tokio::test(start_paused = true)]
async fn a_snapshot_counts_restarts_and_names_the_last_failure() {
    let lab = Lab::new("restarts");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    let of = |snapshot: &Snapshot| snapshot.find(probe.identity().id()).unwrap().clone();
    let before = of(&lab.system.snapshot());
    assert_eq!((before.restarts, before.last_failure.is_some()), (0, false));
    probe.ask(Poison(7)).await.unwrap_err();
    probe.ask(Flaky::<2>::new(1, 1)).await.unwrap();
    probe.stop();
    probe.ask(Note(1)).await.unwrap();
    let seen = of(&lab.system.snapshot());
    assert_eq!(seen.restarts, 3, "a stop starts a permanent child again as well");
    let failure = seen.last_failure.as_ref().unwrap();
    assert_eq!(failure.panic().unwrap().text(), "flaky 1");
    let line = seen.to_string();
    assert!(line.contains("3 restarts, last failed while handling "), "{line}");
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_shows_a_child_in_its_backoff() {
    let lab = Lab::new("backoff");
    let tree =
        lab.supervisor().backoff(postbox::Backoff::exponential(secs(60), secs(60))).start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    probe.ask(Poison(0)).await.unwrap_err();
    probe.try_tell(Note(1)).unwrap();
    lab::idle().await;
    let snapshot = lab.system.snapshot();
    let seen = snapshot.find(probe.identity().id()).unwrap();
    assert_eq!((seen.status, seen.depth, seen.restarts), (Status::Restarting, 1, 1));
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_of_an_empty_system_has_the_ledger_of_those_that_ended() {
    let lab = Lab::new("empty");
    let probe = lab.probe("a");
    probe.ask(Note(1)).await.unwrap();
    lab.system.shutdown(secs(1)).await;
    let snapshot = lab.system.snapshot();
    assert_eq!((snapshot.count(), snapshot.ledger.handled), (0, 1));
    assert!(snapshot.to_string().starts_with("system empty: 0 actors; 1 accepted"), "{snapshot}");
}

/// "How often its supervisor has started it again": not how often it has decided to. A child that is called off before
/// its factory has run, because its group restarts from further up, has one start before it and not two.
#[tokio::test(start_paused = true)]
async fn a_start_that_is_called_off_before_the_factory_is_no_restart() {
    let lab = Lab::new("called-off");
    let tree = Supervisor::rest_for_one().backoff(Backoff::exponential(secs(10), secs(10)));
    let tree = tree.system(&lab.system).start().await.unwrap();
    let elder = tree.spawn(lab.diary.child("a")).await.unwrap();
    let younger = tree.spawn(lab.diary.child("b")).await.unwrap();
    let restarts =
        |of: &ActorRef<lab::Probe>| lab.system.snapshot().find(of.identity().id()).unwrap().restarts;
    younger.try_tell(Poison(0)).unwrap();
    lab::idle().await;
    assert_eq!((younger.status(), restarts(&younger)), (Status::Restarting, 1));
    elder.try_tell(Poison(1)).unwrap();
    assert_eq!(younger.ask(Note(0)).await.unwrap(), 2);
    assert_eq!((lab.diary.made("b"), restarts(&elder), restarts(&younger)), (2, 1, 1));
    lab.close().await;
}
