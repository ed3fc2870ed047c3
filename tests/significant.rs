//! Significant children, and the supervisor that stops with them (the rules of OTP's `auto_shutdown`).

#[path = "support/lab.rs"]
mod lab;

use lab::{Lab, Note, Poison, Probe, idle, secs};
use postbox::{
    AutoShutdown::{self, AllSignificant, AnySignificant, Never},
    Backoff, Status, SupervisorBuilder,
    prelude::*,
};

/// A supervisor with the significant children "a" and "b", and "c", which is not.
async fn tree(
    lab: &Lab,
    builder: SupervisorBuilder,
    when: AutoShutdown,
    restart: Restart,
) -> (ActorRef<Supervisor>, [ActorRef<Probe>; 3]) {
    let tree = builder.system(&lab.system).auto_shutdown(when).start().await.unwrap();
    let mut probes = Vec::new();
    for (name, significant) in [("a", true), ("b", true), ("c", false)] {
        let probe = lab.diary.child(name).restart(restart).significant(significant);
        probes.push(tree.spawn(probe).await.unwrap());
    }
    (tree, probes.try_into().unwrap())
}

/// OTP supervisor_SUITE: any_significant_transient, any_significant_temporary.
#[tokio::test(start_paused = true)]
async fn the_end_of_any_significant_child_stops_the_supervisor() {
    for restart in [Restart::Transient, Restart::Temporary] {
        let lab = Lab::new("any");
        let (tree, [a, ..]) = tree(&lab, Supervisor::one_for_one(), AnySignificant, restart).await;
        lab.diary.take();
        a.stop();
        let reason = tree.ended().await;
        assert!(reason.is_normal(), "{reason}");
        assert_eq!(
            lab.diary.take(),
            ["a stopped 1: stopped", "c stopped 1: shutdown", "b stopped 1: shutdown"],
            "the others in reverse order"
        );
        lab.close().await;
    }
}

/// OTP supervisor_SUITE: all_significant_transient, all_significant_temporary.
#[tokio::test(start_paused = true)]
async fn the_end_of_the_last_significant_child_stops_the_supervisor() {
    for restart in [Restart::Transient, Restart::Temporary] {
        let lab = Lab::new("all");
        let (tree, [a, b, c]) = tree(&lab, Supervisor::one_for_one(), AllSignificant, restart).await;
        a.stop();
        a.ended().await;
        idle().await;
        assert_eq!((tree.status(), c.ask(Note(0)).await.unwrap()), (Status::Running, 1));
        b.stop();
        assert!(tree.ended().await.is_normal());
        lab.close().await;
    }
}

/// OTP: a failure is the end of a temporary child, and a restart of a transient one.
#[tokio::test(start_paused = true)]
async fn a_failure_counts_when_it_is_the_end() {
    let lab = Lab::new("failure");
    let (transient, [a, ..]) =
        tree(&lab, Supervisor::one_for_one(), AnySignificant, Restart::Transient).await;
    a.ask(Poison(0)).await.unwrap_err();
    assert_eq!((a.ask(Note(0)).await.unwrap(), transient.status()), (2, Status::Running));
    a.stop();
    transient.ended().await;
    let (temporary, [a, ..]) =
        tree(&lab, Supervisor::one_for_one(), AnySignificant, Restart::Temporary).await;
    a.ask(Poison(0)).await.unwrap_err();
    assert!(temporary.ended().await.is_normal());
    lab.close().await;
}

/// OTP: the other children may come and go.
#[tokio::test(start_paused = true)]
async fn the_end_of_a_child_that_is_not_significant_stops_nobody() {
    for when in [AnySignificant, AllSignificant] {
        let lab = Lab::new("other");
        let (tree, [_, _, c]) = tree(&lab, Supervisor::one_for_one(), when, Restart::Transient).await;
        c.stop();
        c.ended().await;
        idle().await;
        assert_eq!(tree.status(), Status::Running);
        lab.close().await;
    }
}

/// OTP: "terminate_child does not trigger an automatic shutdown"; one that has been stopped by hand is not waited
/// for by `AllSignificant` either, and counts again when it is restarted.
#[tokio::test(start_paused = true)]
async fn a_child_stopped_by_hand_does_not_stop_the_supervisor() {
    for when in [AnySignificant, AllSignificant] {
        let lab = Lab::new("by-hand");
        let (tree, _) = tree(&lab, Supervisor::one_for_one(), when, Restart::Transient).await;
        tree.stop_child("a").await.unwrap();
        tree.stop_child("b").await.unwrap();
        idle().await;
        assert_eq!(tree.status(), Status::Running);
        let a: ActorRef<Probe> = tree.restart_child("a").await.unwrap().typed().unwrap();
        a.stop();
        assert!(tree.ended().await.is_normal(), "the last one that ran");
        lab.close().await;
    }
}

/// OTP supervisor_SUITE: significant_bystander: a group restart ends nobody by himself.
#[tokio::test(start_paused = true)]
async fn a_significant_bystander_of_a_group_restart_stops_nobody() {
    let lab = Lab::new("bystander");
    let (tree, [a, b, c]) = tree(&lab, Supervisor::one_for_all(), AnySignificant, Restart::Temporary).await;
    let d = tree.spawn(lab.diary.child("d")).await.unwrap();
    d.ask(Poison(0)).await.unwrap_err();
    assert_eq!(d.ask(Note(0)).await.unwrap(), 2);
    for probe in [&a, &b, &c] {
        assert!(matches!(probe.ended().await, StopReason::Shutdown));
    }
    assert_eq!((tree.status(), tree.children()), (Status::Running, vec![d.handle()]));
    lab.close().await;
}

/// Restarts its children together, after a pause, and stops with a significant one.
struct Parent(lab::Diary);

impl Actor for Parent {
    fn supervision(&self) -> Supervision {
        let pause = Backoff::exponential(secs(60), secs(60));
        Supervision::one_for_all().backoff(pause).auto_shutdown(AnySignificant)
    }
}

#[messages]
impl Parent {
    /// Has a child of this name start.
    #[message]
    async fn adopt(&mut self, name: &'static str, ctx: &mut Context<Self>) -> Option<ActorRef<Probe>> {
        let probe = self.0.child(name).restart(Restart::Transient).significant(name == "a");
        ctx.spawn_child(probe).await.ok()
    }
}

/// contract §7, stop_now: the message in flight finishes. Here it waits for a child, that one for its turn in the
/// group, and the group for the significant child which ends before its turn is over.
#[tokio::test(start_paused = true)]
async fn a_supervisor_that_stops_with_a_child_comes_to_the_end_of_its_handler() {
    let lab = Lab::new("turn");
    let parent = Parent(lab.diary.clone()).prepare().system(&lab.system).start().await.unwrap();
    let a = parent.adopt("a").await.unwrap().unwrap();
    a.ask(Poison(0)).await.unwrap_err();
    idle().await;
    assert_eq!(a.status(), Status::Restarting, "in its pause");
    let waiting = tokio::spawn({
        let parent = parent.clone();
        async move { parent.adopt("b").await }
    });
    idle().await;
    a.stop_now();
    let b = waiting.await.unwrap().unwrap().expect("it has its turn");
    assert!(a.ended().await.is_normal() && parent.ended().await.is_normal() && b.ended().await.is_normal());
    lab.close().await;
}

/// OTP: `{error, …}` for a significant child that is permanent, and under a supervisor that heeds none.
#[tokio::test(start_paused = true)]
async fn a_child_that_cannot_be_significant_is_refused() {
    let lab = Lab::new("refused");
    for (when, restart, permanent) in
        [(AnySignificant, Restart::Permanent, true), (Never, Restart::Transient, false)]
    {
        let tree = lab.supervisor().auto_shutdown(when).start().await.unwrap();
        let error = tree.spawn(lab.diary.child("a").restart(restart).significant(true)).await.unwrap_err();
        assert!(
            matches!(error, SpawnError::CannotBeSignificant { heeded, .. } if heeded == permanent),
            "{error}"
        );
        assert_eq!((tree.children().len(), lab.diary.made("a")), (0, 0));
        let declared = lab.supervisor().auto_shutdown(when);
        let declared = declared.child(lab.diary.child("a").restart(restart).significant(true));
        let error = declared.start().await.unwrap_err();
        assert!(error.to_string().contains("significant"), "{error}");
    }
    lab.close().await;
}

/// OTP: the parent sees a normal end: it starts a permanent supervisor again, and a transient one not.
#[tokio::test(start_paused = true)]
async fn the_parent_sees_a_normal_end() {
    for (restart, made) in [(Restart::Permanent, 2), (Restart::Transient, 1)] {
        let lab = Lab::new("parent");
        let root = lab.supervisor().limit(1, secs(10)).start().await.unwrap();
        let diary = lab.diary.clone();
        let lower = child("lower", move || {
            let job = diary.child("job").restart(Restart::Transient).significant(true);
            Supervisor::one_for_one().auto_shutdown(AllSignificant).child(job).build()
        });
        let lower = root.spawn(lower.restart(restart)).await.unwrap();
        let job: ActorRef<Probe> = lower.children()[0].typed().unwrap();
        job.stop();
        job.ended().await;
        idle().await;
        let status = if made == 2 { Status::Running } else { Status::Ended };
        assert_eq!((lab.diary.made("job"), lower.status(), root.status()), (made, status, Status::Running));
        lab.close().await;
    }
}

/// OTP supervisor_SUITE: significant_escalation: an automatic shutdown can be that of a significant child itself.
#[tokio::test(start_paused = true)]
async fn an_automatic_shutdown_climbs_as_far_as_it_is_significant() {
    let lab = Lab::new("climbs");
    let diary = lab.diary.clone();
    let root = lab.supervisor().auto_shutdown(AnySignificant).start().await.unwrap();
    let lower = child("lower", move || {
        let job = diary.child("job").restart(Restart::Temporary).significant(true);
        Supervisor::one_for_one().auto_shutdown(AnySignificant).child(job).build()
    });
    let lower = root.spawn(lower.restart(Restart::Transient).significant(true)).await.unwrap();
    lower.children()[0].kill();
    assert!(lower.ended().await.is_normal());
    assert!(root.ended().await.is_normal());
    lab.close().await;
}
