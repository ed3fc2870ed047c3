//! What follows when a limit is exceeded: level by level, up to the root (contract §5).

#[path = "support/lab.rs"]
mod lab;

use lab::{At, Lab, Note, Poison, Probe, Which, idle, secs};
use postbox::{Cause, Reason, Status, Step, SupervisorBuilder, prelude::*};
use tokio_test::{assert_pending, task};

type Strategy = fn() -> SupervisorBuilder;

const STRATEGIES: [Strategy; 3] =
    [Supervisor::one_for_one, Supervisor::one_for_all, Supervisor::rest_for_one];

/// A supervisor without a restart to spare over two probes, under one without either, under the root.
async fn three_levels(
    lab: &Lab,
    root: SupervisorBuilder,
    strategy: Strategy,
) -> (ActorRef<Supervisor>, ActorRef<Supervisor>, ActorRef<Supervisor>) {
    let diary = lab.diary.clone();
    let root = root.system(&lab.system).start().await.unwrap();
    let middle = child("middle", move || {
        let diary = diary.clone();
        let lower = child("lower", move || {
            strategy().limit(0, secs(10)).child(diary.child("a")).child(diary.child("b")).build()
        });
        strategy().limit(0, secs(10)).child(lower.restart(Restart::Transient)).build()
    });
    let middle = root.spawn(middle).await.unwrap();
    let lower = middle.children()[0].typed().unwrap();
    lab.diary.take();
    (root, middle, lower)
}

fn below(supervisor: &ActorRef<Supervisor>, at: usize) -> ActorRef<Probe> {
    supervisor.children()[at].typed().unwrap()
}

/// contract §5: a supervisor past its limit "fails with the distinct reason `RestartLimit`, which IS a failure to
/// its own parent": level by level. OTP supervisor_SUITE: one_for_one_escalation, one_for_all_escalation,
/// rest_for_one_escalation.
#[tokio::test(start_paused = true)]
async fn a_failure_climbs_to_the_first_supervisor_with_a_restart_to_spare() {
    for strategy in STRATEGIES {
        let lab = Lab::new("climbs");
        let (root, middle, lower) = three_levels(&lab, strategy().limit(1, secs(10)), strategy).await;
        let (a, b) = (below(&lower, 0), below(&lower, 1));
        a.try_tell(Poison(0)).unwrap();
        let reason = lower.ended().await;
        let StopReason::RestartLimit(failure) = &reason else { panic!("{reason}") };
        assert_eq!(failure.identity(), middle.identity(), "it was one too many for its parent");
        assert_eq!(*failure.step(), Step::Child(lower.identity().clone()));
        assert!(matches!(a.ended().await, StopReason::RestartLimit(_)));
        assert!(matches!(b.ended().await, StopReason::Shutdown));
        idle().await;
        assert_eq!(
            lab.diary.take(),
            ["a stopped 1: failed", "b stopped 1: shutdown", "a started 2", "b started 2"]
        );
        assert_eq!((root.status(), middle.status()), (Status::Running, Status::Running));
        let again: ActorRef<Supervisor> = middle.children()[0].typed().unwrap();
        assert_ne!(again, lower, "a child of the new incarnation");
        assert_eq!(below(&again, 0).ask(Note(0)).await.unwrap(), 2);
        lab.close().await;
    }
}

/// contract §5 and the issue: "root limit: the subtree stops, the system reports it, the process lives."
#[tokio::test(start_paused = true)]
async fn at_the_root_the_subtree_stops_and_the_rest_of_the_system_lives() {
    for strategy in STRATEGIES {
        let lab = Lab::new("root");
        let other = lab.probe("other");
        let (root, middle, lower) = three_levels(&lab, strategy().limit(0, secs(10)), strategy).await;
        let sibling = root.spawn(lab.diary.child("c")).await.unwrap();
        lab.diary.take();
        let a = below(&lower, 0);
        below(&lower, 1).try_tell(Note(1)).unwrap();
        a.try_tell(Poison(0)).unwrap();
        a.try_tell(Note(2)).unwrap();
        let reason = root.ended().await;
        let StopReason::RestartLimit(failure) = &reason else { panic!("{reason}") };
        assert_eq!(failure.identity(), root.identity());
        // The whole story: each level names the one below.
        let mut levels = Vec::new();
        let mut next = Some(failure);
        while let Some(failure) = next {
            levels.push(failure.identity().clone());
            next = match failure.cause() {
                Cause::RestartLimit { last, .. } => last.failure(),
                _ => None,
            };
        }
        let expected = [root.identity(), middle.identity(), lower.identity(), a.identity()];
        assert_eq!(levels.iter().collect::<Vec<_>>(), expected);
        assert!(matches!(sibling.ended().await, StopReason::Shutdown));
        assert_eq!(
            lab.diary.take(),
            ["a stopped 1: failed", "b stopped 1: shutdown", "c stopped 1: shutdown"]
        );
        assert_eq!(lab.dead_notes(Reason::RestartLimit), [2]);
        assert_eq!(other.ask(Note(3)).await.unwrap(), 1);
        assert_eq!(lab.system.actors(), [other.handle()]);
        drop(other);
        lab.close().await;
    }
}

/// contract §5: the failure of the sibling that exceeds the limit is what the supervisor fails of, also while
/// its own `started` hook is still starting the others.
#[tokio::test(start_paused = true)]
async fn a_limit_exceeded_while_the_siblings_start_is_what_the_start_fails_of() {
    for strategy in STRATEGIES {
        let lab = Lab::new("starting");
        lab.diary.hold(At::Started, "b");
        let tree = strategy().system(&lab.system).limit(0, secs(10));
        let tree = tree.child(lab.diary.child("a")).child(lab.diary.child("b")).child(lab.diary.child("c"));
        let mut starting = task::spawn(tree.start());
        assert_pending!(starting.poll());
        lab.diary.entered().await;
        let a = lab.system.actors().into_iter().find(|actor| actor.identity().name() == Some("a"));
        let a: ActorRef<Probe> = a.unwrap().typed().unwrap();
        a.try_tell(Poison(0)).unwrap();
        assert!(matches!(a.ended().await, StopReason::RestartLimit(_)));
        lab.diary.open();
        let error = starting.await.unwrap_err();
        let SpawnError::Failed(failure) = &error else { panic!("{error}") };
        assert!(matches!(failure.cause(), Cause::RestartLimit { charged: 1, .. }), "{failure}");
        assert_eq!(*failure.step(), Step::Child(a.identity().clone()));
        assert_eq!(lab.diary.made("c"), 0);
        assert_eq!(lab.system.actors(), []);
        lab.close().await;
    }
}

/// contract §5, the same at a restart: it is one more charged failure of the supervisor, of that reason.
#[tokio::test(start_paused = true)]
async fn a_limit_exceeded_while_the_siblings_start_again_is_a_failure_of_that_reason() {
    let lab = Lab::new("starting-again");
    let diary = lab.diary.clone();
    let root = lab.supervisor().limit(1, secs(10)).start().await.unwrap();
    let lower = child("lower", move || {
        Supervisor::one_for_one().limit(0, secs(10)).child(diary.child("a")).child(diary.child("b")).build()
    });
    let lower = root.spawn(lower).await.unwrap();
    lab.diary.hold(At::Started, "b");
    below(&lower, 0).try_tell(Poison(0)).unwrap();
    lab.diary.entered().await;
    let a = lab.system.actors().into_iter().rfind(|actor| actor.identity().name() == Some("a"));
    a.unwrap().typed::<Probe>().unwrap().try_tell(Poison(1)).unwrap();
    idle().await;
    lab.diary.open();
    let reason = root.ended().await;
    let StopReason::RestartLimit(failure) = &reason else { panic!("{reason}") };
    let Cause::RestartLimit { last: StopReason::RestartLimit(last), .. } = failure.cause() else {
        panic!("{failure}")
    };
    assert_eq!(last.identity(), lower.identity());
    lab.close().await;
}

/// contract §5: "stops its children in reverse order", those that wait for their turn in a group included.
#[tokio::test(start_paused = true)]
async fn a_limit_exceeded_in_the_middle_of_a_group_restart_ends_all_in_reverse_order() {
    let lab = Lab::new("middle-of-group");
    let tree = lab.tree().await;
    let wishes = Supervision::one_for_all().limit(1, secs(10));
    let parent = tree.spawn(lab.diary.parent("p", &["x", "y", "z"], wishes)).await.unwrap();
    let x = parent.ask(Which("x")).await.unwrap().unwrap();
    let z = parent.ask(Which("z")).await.unwrap().unwrap();
    lab.diary.trouble(|at, name, number| match (at, name, number) {
        (At::Started, "y", 2) => Err("no".into()),
        _ => Ok(()),
    });
    lab.diary.hold(At::Stopped, "z");
    x.try_tell(Poison(0)).unwrap();
    lab.diary.entered().await;
    z.try_tell(Note(1)).unwrap();
    lab.diary.take();
    lab.diary.hold_no_more();
    lab.diary.open();
    assert!(matches!(z.ended().await, StopReason::Shutdown));
    assert!(matches!(x.ended().await, StopReason::Shutdown));
    idle().await;
    assert_eq!(
        lab.diary.take(),
        [
            "y stopped 1: shutdown",
            "x started 2",
            "y started 2",
            "y stopped 2: failed",
            "p stopped 1: restart limit",
            "x stopped 2: shutdown",
            "p started 2",
            "x started 3",
            "y started 3",
            "z started 2"
        ]
    );
    assert_eq!(lab.dead_notes(Reason::Stopped), [1]);
    lab.close().await;
}

/// contract §5: a permanent child's kills and stops count like failures, on every level.
#[tokio::test(start_paused = true)]
async fn a_kill_too_many_escalates_too() {
    let lab = Lab::new("kill");
    let (root, _, lower) = three_levels(&lab, lab.supervisor(), Supervisor::one_for_all).await;
    below(&lower, 1).kill();
    assert!(matches!(lower.ended().await, StopReason::RestartLimit(_)));
    idle().await;
    assert_eq!((root.status(), lab.diary.made("a")), (Status::Running, 2));
    lab.close().await;
}

/// Starts `a`, and then `b` when `a` is about to start again.
struct Boss(lab::Diary);

impl Actor for Boss {
    fn supervision(&self) -> Supervision {
        Supervision::one_for_all().limit(1, secs(10))
    }

    async fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), BoxError> {
        let a = ctx.spawn_child(self.0.child("a")).await?;
        self.0.hold(lab::At::Started, "a");
        a.try_tell(Poison(1))?;
        self.0.entered().await;
        let refused = ctx.spawn_child(self.0.child("b")).await.unwrap_err();
        self.0.write(refused.to_string());
        Ok(())
    }
}

/// contract §5: one restart more than the limit, "and the supervisor stops its children in reverse order and
/// fails"; also one that waits for a child, which waits for its group to start before it.
#[tokio::test(start_paused = true)]
async fn a_supervisor_that_waits_for_a_child_at_the_gate_comes_to_its_limit() {
    let lab = Lab::new("gate");
    lab.diary.trouble(|at, _, number| {
        if at == lab::At::Started && number == 2 { Err("no second start".into()) } else { Ok(()) }
    });
    let boss = Boss(lab.diary.clone()).prepare().system(&lab.system).spawn().unwrap();
    idle().await;
    lab.diary.open();
    assert!(matches!(boss.ended().await, StopReason::RestartLimit(_)));
    assert_eq!(lab.diary.made("b"), 0, "its turn has not come");
    lab.close().await;
}
