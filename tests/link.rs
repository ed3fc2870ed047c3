//! Links: two actors that fail together. The cases are those of Erlang's links, for actors that are restarted
//! in their seats.

#[path = "support/lab.rs"]
mod lab;

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};

use lab::{Lab, Probe, idle, millis, secs, word};
use postbox::{Backoff, Cause, Child, Status, Step, prelude::*};

/// Links itself, and fails when told to.
struct Twin {
    probe: Probe,
    /// Linked to by each incarnation.
    from_start: Arc<Mutex<Vec<Handle>>>,
}

impl Actor for Twin {
    async fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), BoxError> {
        self.from_start.lock().unwrap().iter().for_each(|other| ctx.link(other));
        Ok(())
    }

    async fn stopped(&mut self, _ctx: &mut Context<Self>, reason: &StopReason) {
        self.probe.diary.write(format!("{} {}", self.probe.name, word(reason)));
    }
}

#[messages]
impl Twin {
    /// Links.
    #[message]
    fn join(&mut self, other: Handle, ctx: &mut Context<Self>) {
        ctx.link(&other);
    }

    /// Links no more.
    #[message]
    fn part(&mut self, other: Handle, ctx: &mut Context<Self>) {
        ctx.unlink(&other);
    }

    /// Waits at the gate, and then links no more.
    #[message]
    async fn part_later(&mut self, other: Handle, ctx: &mut Context<Self>) {
        self.probe.diary.wait().await;
        ctx.unlink(&other);
    }

    /// Fails.
    #[message]
    fn crash(&mut self) {
        panic!("crash");
    }

    /// Waits at the gate.
    #[message]
    async fn wait(&mut self) {
        self.probe.diary.wait().await;
        self.probe.diary.write("waited");
    }

    /// Which incarnation this is.
    #[message]
    fn number(&self) -> u32 {
        self.probe.number
    }
}

fn lone(lab: &Lab, name: &'static str) -> ActorRef<Twin> {
    let twin = Twin { probe: lab.diary.probe(name, &[]).unwrap(), from_start: Arc::default() };
    twin.prepare().name(name).system(&lab.system).spawn().unwrap()
}

fn twin(
    lab: &Lab,
    name: &'static str,
    from_start: &Arc<Mutex<Vec<Handle>>>,
) -> Child<impl Fn() -> Result<Twin, BoxError> + Clone + Send + Sync + use<>> {
    let (diary, from_start) = (lab.diary.clone(), Arc::clone(from_start));
    child(name, move || Ok(Twin { probe: diary.probe(name, &[])?, from_start: Arc::clone(&from_start) }))
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_either_end_is_one_of_the_other() {
    for first_fails in [true, false] {
        let lab = Lab::new("either");
        let (a, b) = (lone(&lab, "a"), lone(&lab, "b"));
        a.join(b.handle()).await.unwrap();
        let (failing, linked) = if first_fails { (&a, &b) } else { (&b, &a) };
        failing.crash().tell().await.unwrap();
        let reason = linked.ended().await;
        let failure = reason.failure().unwrap();
        assert_eq!(failure.step(), &Step::Link(failing.identity().clone()));
        let Cause::Linked { reason } = failure.cause() else { panic!("{failure}") };
        assert_eq!(reason.failure().unwrap().panic().unwrap().text(), "crash");
        lab.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_in_good_order_is_not_passed_on() {
    let ends: [fn(ActorRef<Twin>); 3] = [|a| a.stop(), |a| a.stop_now(), drop];
    for end in ends {
        let lab = Lab::new("normal");
        let (a, b) = (lone(&lab, "a"), lone(&lab, "b"));
        a.join(b.handle()).await.unwrap();
        let handle = a.handle();
        end(a);
        handle.ended().await;
        idle().await;
        assert_eq!(b.number().await.unwrap(), 1);
        lab.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_shutdown_of_a_tree_does_not_reach_those_linked_outside() {
    let lab = Lab::new("shutdown");
    let tree = lab.tree().await;
    let a = tree.spawn(twin(&lab, "a", &Arc::default())).await.unwrap();
    let b = lone(&lab, "b");
    a.join(b.handle()).await.unwrap();
    tree.stop();
    tree.ended().await;
    idle().await;
    assert_eq!((a.status(), b.status()), (Status::Ended, Status::Running));
    lab.close().await;
}

/// Erlang: the reason `killed` is passed on.
#[tokio::test(start_paused = true)]
async fn a_kill_is_passed_on_as_a_failure() {
    let lab = Lab::new("kill");
    let (a, b) = (lone(&lab, "a"), lone(&lab, "b"));
    a.join(b.handle()).await.unwrap();
    a.kill();
    assert_eq!(
        b.ended().await.to_string(),
        format!("failed by its link with {}: that actor was killed", a.identity())
    );
    lab.close().await;
}

/// Supervised ends: an ordinary charged failure, after which both sit again, untied.
#[tokio::test(start_paused = true)]
async fn linked_children_fail_once_each_and_both_start_again() {
    let lab = Lab::new("children");
    let tree = lab.supervisor().limit(2, secs(10)).start().await.unwrap();
    let a = tree.spawn(twin(&lab, "a", &Arc::default())).await.unwrap();
    let b = tree.spawn(twin(&lab, "b", &Arc::default())).await.unwrap();
    a.join(b.handle()).await.unwrap();
    a.crash().tell().await.unwrap();
    idle().await;
    assert_eq!((a.number().await.unwrap(), b.number().await.unwrap()), (2, 2));
    tokio::time::sleep(secs(11)).await;
    b.crash().tell().await.unwrap();
    idle().await;
    assert_eq!((a.number().await.unwrap(), b.number().await.unwrap()), (2, 3), "the link is gone");
    lab.diary.take();
    a.join(b.handle()).await.unwrap();
    b.crash().tell().await.unwrap();
    let reason = tree.ended().await;
    assert_eq!(word(&reason), "restart limit", "both are charged: {reason}");
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_link_made_in_started_is_there_again_after_a_restart() {
    let lab = Lab::new("again");
    let tree = lab.supervisor().limit(100, secs(10)).start().await.unwrap();
    let b = tree.spawn(twin(&lab, "b", &Arc::default())).await.unwrap();
    let others = Arc::new(Mutex::new(vec![b.handle()]));
    let a = tree.spawn(twin(&lab, "a", &others)).await.unwrap();
    for times in 2..=4 {
        let failing = if times % 2 == 0 { &a } else { &b };
        failing.crash().tell().await.unwrap();
        idle().await;
        assert_eq!((a.number().await.unwrap(), b.number().await.unwrap()), (times, times));
    }
    lab.close().await;
}

/// A ring of links does not go round for ever.
#[tokio::test(start_paused = true)]
async fn in_a_ring_everybody_fails_once() {
    let lab = Lab::new("ring");
    let tree = lab.supervisor().limit(3, secs(10)).start().await.unwrap();
    let mut ring = Vec::new();
    for name in ["a", "b", "c"] {
        ring.push(tree.spawn(twin(&lab, name, &Arc::default())).await.unwrap());
    }
    for at in 0..3 {
        ring[at].join(ring[(at + 1) % 3].handle()).await.unwrap();
    }
    ring[1].crash().tell().await.unwrap();
    idle().await;
    for actor in &ring {
        assert_eq!(actor.number().await.unwrap(), 2);
    }
    lab.close().await;
}

/// The message in hand is finished, and those that wait are for the next incarnation.
#[tokio::test(start_paused = true)]
async fn the_failure_comes_after_the_message_in_hand_and_loses_none() {
    let lab = Lab::new("in hand");
    let tree = lab.tree().await;
    let (a, b) = (lone(&lab, "a"), tree.spawn(twin(&lab, "b", &Arc::default())).await.unwrap());
    a.join(b.handle()).await.unwrap();
    b.wait().tell().await.unwrap();
    lab.diary.entered().await;
    let waiting = tokio::spawn({
        let b = b.clone();
        async move { b.number().await }
    });
    idle().await;
    a.crash().tell().await.unwrap();
    a.ended().await;
    idle().await;
    assert_eq!((b.status(), b.handle().depth()), (Status::Running, 1));
    lab.diary.open();
    assert_eq!(waiting.await.unwrap().unwrap(), 2);
    assert_eq!(lab.diary.take(), ["a failed", "waited", "b failed"]);
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn unlinked_from_either_side_nothing_is_passed_on() {
    for by_first in [true, false] {
        let lab = Lab::new("unlink");
        let (a, b) = (lone(&lab, "a"), lone(&lab, "b"));
        a.join(b.handle()).await.unwrap();
        if by_first {
            a.part(b.handle()).await.unwrap();
        } else {
            b.part(a.handle()).await.unwrap();
        }
        a.crash().tell().await.unwrap();
        a.ended().await;
        idle().await;
        assert_eq!(b.status(), Status::Running);
        lab.close().await;
    }
}

/// Erlang: after `unlink` no exit of that link arrives.
#[tokio::test(start_paused = true)]
async fn unlink_takes_back_a_failure_that_waits() {
    let lab = Lab::new("forgiven");
    let (a, b) = (lone(&lab, "a"), lone(&lab, "b"));
    a.join(b.handle()).await.unwrap();
    b.part_later(a.handle()).tell().await.unwrap();
    lab.diary.entered().await;
    a.crash().tell().await.unwrap();
    a.ended().await;
    lab.diary.open();
    idle().await;
    assert_eq!(b.number().await.unwrap(), 1);
    lab.close().await;
}

/// Of two that failed only one is forgiven.
#[tokio::test(start_paused = true)]
async fn unlink_forgives_one_and_not_the_other() {
    let lab = Lab::new("not both");
    let (a, b, c) = (lone(&lab, "a"), lone(&lab, "b"), lone(&lab, "c"));
    a.join(b.handle()).await.unwrap();
    c.join(b.handle()).await.unwrap();
    b.part_later(a.handle()).tell().await.unwrap();
    lab.diary.entered().await;
    for failing in [&a, &c] {
        failing.crash().tell().await.unwrap();
        failing.ended().await;
    }
    lab.diary.open();
    assert_eq!(b.ended().await.failure().unwrap().step(), &Step::Link(c.identity().clone()));
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_link_with_one_that_has_ended_takes_effect_at_once() {
    let lab = Lab::new("ended");
    let (stopped, failed, b) = (lone(&lab, "stopped"), lone(&lab, "failed"), lone(&lab, "b"));
    stopped.stop();
    stopped.ended().await;
    failed.crash().tell().await.unwrap();
    failed.ended().await;
    b.join(stopped.handle()).await.unwrap();
    idle().await;
    assert_eq!(b.status(), Status::Running, "that one ended in good order");
    b.join(failed.handle()).await.unwrap();
    assert_eq!(b.ended().await.failure().unwrap().step(), &Step::Link(failed.identity().clone()));
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn to_link_twice_is_to_link_once_and_oneself_not_at_all() {
    let lab = Lab::new("twice");
    let tree = lab.supervisor().limit(1, secs(10)).start().await.unwrap();
    let a = lone(&lab, "a");
    let b = tree.spawn(twin(&lab, "b", &Arc::default())).await.unwrap();
    b.join(b.handle()).await.unwrap();
    a.join(b.handle()).await.unwrap();
    b.join(a.handle()).await.unwrap();
    a.crash().tell().await.unwrap();
    a.ended().await;
    idle().await;
    assert_eq!(b.number().await.unwrap(), 2);
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_link_keeps_nobody_alive() {
    let lab = Lab::new("alive");
    let (a, b) = (lone(&lab, "a"), lone(&lab, "b"));
    a.join(b.handle()).await.unwrap();
    let (first, second) = (a.handle(), b.handle());
    drop((a, b));
    assert_eq!((word(&first.ended().await), word(&second.ended().await)), ("released", "released"));
    lab.close().await;
}

/// A permanent child that is stopped starts again, untied: it did not fail.
#[tokio::test(start_paused = true)]
async fn a_restart_without_a_failure_only_unties() {
    let lab = Lab::new("stopped child");
    let tree = lab.tree().await;
    let (a, b) = (lone(&lab, "a"), tree.spawn(twin(&lab, "b", &Arc::default())).await.unwrap());
    a.join(b.handle()).await.unwrap();
    b.stop();
    idle().await;
    assert_eq!((b.number().await.unwrap(), a.status()), (2, Status::Running));
    b.crash().tell().await.unwrap();
    idle().await;
    assert_eq!((b.number().await.unwrap(), a.status()), (3, Status::Running));
    lab.close().await;
}

/// Linked while it is between two incarnations, it is the next one that fails, after its backoff.
#[tokio::test(start_paused = true)]
async fn a_link_with_one_that_restarts_is_with_its_next_incarnation() {
    let lab = Lab::new("between");
    let tree = lab.supervisor().backoff(Backoff::exponential(secs(7), secs(7))).start().await.unwrap();
    let (a, b) = (lone(&lab, "a"), tree.spawn(twin(&lab, "b", &Arc::default())).await.unwrap());
    b.crash().tell().await.unwrap();
    idle().await;
    a.join(b.handle()).await.unwrap();
    a.crash().tell().await.unwrap();
    a.ended().await;
    tokio::time::sleep(secs(6)).await;
    assert_eq!((b.status(), lab.diary.made("b")), (Status::Restarting, 1), "it does not end the backoff");
    tokio::time::sleep(secs(1) + millis(1)).await;
    assert_eq!((b.status(), lab.diary.made("b")), (Status::Restarting, 2));
    assert_eq!(b.number().await.unwrap(), 3);
    lab.close().await;
}

/// Fails, or is linked to one that does.
struct End(Arc<AtomicU32>);

impl Actor for End {
    async fn stopped(&mut self, _ctx: &mut Context<Self>, reason: &StopReason) {
        self.0.fetch_add(u32::from(reason.is_failure()), Ordering::SeqCst);
    }
}

#[messages]
impl End {
    /// Links.
    #[message]
    fn tie(&mut self, other: Handle, ctx: &mut Context<Self>) {
        ctx.link(&other);
    }

    /// Fails.
    #[message]
    async fn fall(&mut self, ctx: &mut Context<Self>) {
        ctx.fail("fallen").await
    }
}

/// A link made at the moment of a failure: both fail, once each, whoever is first.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn link_races_failure() {
    const ROUNDS: u32 = 2000;
    let system = System::new("race");
    let failures = Arc::new(AtomicU32::new(0));
    for round in 1..=ROUNDS {
        let make = || End(Arc::clone(&failures)).prepare().system(&system).spawn().unwrap();
        let (a, b) = (make(), make());
        a.tie(b.handle()).try_tell().unwrap();
        if round % 2 == 0 {
            b.tie(a.handle()).try_tell().unwrap();
        }
        b.fall().try_tell().unwrap();
        let (first, second) = tokio::join!(a.ended(), b.ended());
        assert!(first.is_failure() && second.is_failure(), "round {round}: {first}; {second}");
        assert_eq!(failures.load(Ordering::SeqCst), 2 * round);
    }
    let report = system.shutdown(secs(10)).await;
    assert!(report.is_clean() && report.ledger.balances(), "{report:?}");
}
