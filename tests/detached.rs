//! Handlers that never come to an await, which nobody can kill in Rust (contract §5, "Shutdown of a child", and §7).
//!
//! They block a thread, so these tests need more than one, and the real clock: each takes the half second of
//! [`KILL_GRACE`] at least.

#[path = "support/lab.rs"]
mod lab;
#[path = "support/log.rs"]
mod log;

use std::{
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

use lab::{Lab, Note, Probe, millis, secs};
use postbox::{KILL_GRACE, Reason, Shutdown, Status, prelude::*};
use tokio_test::{assert_pending, assert_ready, task};

/// Blocks its thread until the other end says so, as a handler does that calls something synchronous.
struct Block(Gate);

/// The end of a test lets whoever is still blocked go, so that the runtime can end.
#[derive(Clone)]
struct Gate {
    entered: Arc<tokio::sync::Semaphore>,
    opened: Arc<Mutex<mpsc::Receiver<()>>>,
}

struct Key(mpsc::Sender<()>);

fn gate() -> (Gate, Key) {
    let (key, opened) = mpsc::channel();
    (
        Gate { entered: Arc::new(tokio::sync::Semaphore::new(0)), opened: Arc::new(Mutex::new(opened)) },
        Key(key),
    )
}

impl Gate {
    fn block(&self) {
        self.entered.add_permits(1);
        // An error: the key is gone, which opens as well.
        let _gone = self.opened.lock().unwrap().recv();
    }

    async fn entered(&self) {
        self.entered.acquire().await.unwrap().forget();
    }
}

impl Key {
    fn open(&self) {
        self.0.send(()).unwrap();
    }
}

impl Message for Block {
    type Reply = u32;
}

impl Handler<Block> for Probe {
    async fn handle(&mut self, msg: Block, _ctx: &mut Context<Self>) -> u32 {
        msg.0.block();
        self.diary.write(format!("{} came back", self.name));
        self.number
    }
}

fn names(identities: &[postbox::Identity]) -> Vec<&str> {
    identities.iter().map(|identity| identity.name().unwrap_or("-")).collect()
}

/// contract §7: "returns a report: who stopped, who was killed, who is detached".
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_reports_a_handler_that_never_awaits_as_detached() {
    let lab = Lab::new("detached-report");
    let (gate, key) = gate();
    let tree = lab.supervisor().name("tree").start().await.unwrap();
    let stuck = tree.spawn(lab.diary.child("stuck").shutdown(Shutdown::Kill)).await.unwrap();
    tree.spawn(lab.diary.child("fine")).await.unwrap();
    stuck.try_tell(Block(gate.clone())).unwrap();
    gate.entered().await;
    stuck.try_tell(Note(1)).unwrap();
    let report = lab.system.shutdown(secs(60)).await;
    assert_eq!(names(&report.detached), ["stuck"]);
    assert_eq!(names(&report.stopped), ["fine", "tree"], "its supervisor goes on without it");
    assert!(!report.is_clean());
    let ledger = report.ledger;
    assert_eq!((ledger.accepted, ledger.in_flight, ledger.queued), (2, 1, 1), "visible as such: {ledger}");
    assert_eq!(stuck.status(), Status::Detached);
    assert!(matches!(stuck.try_tell(Note(2)), Err(TryTellError::Stopped { msg: Note(2), .. })));
    key.open();
    assert!(matches!(stuck.ended().await, StopReason::Killed | StopReason::Shutdown));
    assert_eq!(stuck.status(), Status::Ended);
    assert_eq!(lab.diary.made("stuck"), 1);
    assert_eq!(lab.dead_notes(Reason::Killed), [1], "it found itself killed, and gave up what waited");
    assert!(lab.diary.take().contains(&"stuck came back".to_owned()));
    lab.close().await;
}

/// contract §5: "its asker is told, … an ERROR is logged"; I6: an ask is never left to its timeout.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_asker_of_a_handler_that_never_awaits_is_told_and_the_log_names_the_message() {
    let (log, _guard) = log::Log::begin();
    let lab = Lab::new("detached-ask");
    let (gate, key) = gate();
    let probe = lab.probe("a");
    let mut asked = task::spawn(probe.ask(Block(gate.clone())));
    assert_pending!(asked.poll());
    gate.entered().await;
    let report = lab.system.shutdown(millis(1)).await;
    assert_eq!(report.detached, [probe.identity().clone()]);
    assert!(asked.is_woken());
    let error = assert_ready!(asked.poll()).unwrap_err();
    assert!(matches!(&error, AskError::Aborted { reason: StopReason::Killed, .. }), "{error}");
    assert_eq!(error.may_retry(), None);
    let lines = log.lines("ERROR");
    let who = format!("{} was killed while handling Block", probe.identity());
    assert!(lines.len() == 1 && lines[0].contains(&who), "{lines:?}");
    key.open();
    probe.ended().await;
    assert_eq!(lab.letters(Reason::LateReply).len(), 1, "its reply reaches nobody");
    assert_eq!(probe.ledger().handled, 1);
    lab.close().await;
}

/// contract §5 and §6: the same for a message that may be tried again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_asker_of_a_message_with_retries_that_never_awaits_is_told() {
    #[derive(Clone)]
    struct BlockTwice(Gate);
    impl Message for BlockTwice {
        type Reply = u32;
        const ATTEMPTS: u32 = 2;
        fn duplicate(&self) -> Option<Self> {
            Some(self.clone())
        }
    }
    impl Handler<BlockTwice> for Probe {
        async fn handle(&mut self, msg: BlockTwice, _ctx: &mut Context<Self>) -> u32 {
            msg.0.block();
            tokio::task::yield_now().await;
            self.number
        }
    }
    let lab = Lab::new("detached-ask-twice");
    let (gate, key) = gate();
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a").shutdown(Shutdown::Kill)).await.unwrap();
    let mut asked = task::spawn(probe.ask(BlockTwice(gate.clone())));
    assert_pending!(asked.poll());
    gate.entered().await;
    tree.stop();
    tree.ended().await;
    assert!(matches!(asked.await, Err(AskError::Aborted { .. })));
    key.open();
    probe.ended().await;
    assert_eq!(lab.letters(Reason::Aborted).len(), 1, "cut at the await it came to at last");
    lab.close().await;
}

/// contract §5: past the limit and a kill, its supervisor goes on to the next child.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_that_stops_goes_on_without_a_child_that_never_awaits() {
    let lab = Lab::new("detached-stop");
    let (gate, key) = gate();
    let tree = lab.tree().await;
    let first = tree.spawn(lab.diary.child("first")).await.unwrap();
    let stuck = tree.spawn(lab.diary.child("stuck").shutdown(millis(1))).await.unwrap();
    stuck.try_tell(Block(gate.clone())).unwrap();
    gate.entered().await;
    let start = Instant::now();
    tree.stop();
    assert!(matches!(tree.ended().await, StopReason::Stopped));
    assert!(start.elapsed() >= KILL_GRACE, "it had its time: {:?}", start.elapsed());
    assert!(start.elapsed() < secs(30), "{:?}", start.elapsed());
    assert!(matches!(first.ended().await, StopReason::Shutdown));
    assert_eq!(stuck.status(), Status::Detached);
    key.open();
    stuck.ended().await;
    assert_eq!(lab.diary.made("stuck"), 1);
    lab.close().await;
}

/// contract §5: "NO second incarnation starts beside it", also when it is its supervisor that starts again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_supervisor_does_not_start_a_second_one_beside_a_detached_child() {
    let lab = Lab::new("detached-restart");
    let (gate, key) = gate();
    let root = lab.supervisor().limit(100, secs(60)).start().await.unwrap();
    let parent = root.spawn(lab.diary.parent("p", &[], Supervision::default())).await.unwrap();
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    parent.ask(Adopt { name: "x", tell: tell.clone() }).await.unwrap();
    let x = told.recv().await.unwrap().unwrap();
    x.try_tell(Block(gate.clone())).unwrap();
    gate.entered().await;
    parent.ask(lab::Poison(0)).await.unwrap_err();
    // The next incarnation answers, so the restart did not wait for the child.
    parent.ask(Adopt { name: "x", tell: tell.clone() }).await.unwrap();
    let refused = told.recv().await.unwrap();
    assert!(matches!(refused, Err(SpawnError::DuplicateChild { .. })), "{refused:?}");
    assert_eq!(x.status(), Status::Detached);
    assert_eq!((lab.diary.made("p"), lab.diary.made("x")), (2, 1));
    key.open();
    x.ended().await;
    parent.ask(Adopt { name: "x", tell }).await.unwrap();
    assert!(told.recv().await.unwrap().is_ok(), "its name is free after its end");
    lab.close().await;
}

/// Starts a child that is killed at once when it is to stop.
struct Adopt {
    name: &'static str,
    tell: tokio::sync::mpsc::UnboundedSender<Result<ActorRef<Probe>, SpawnError>>,
}

impl Message for Adopt {
    type Reply = ();
}

impl Handler<Adopt> for Probe {
    async fn handle(&mut self, msg: Adopt, ctx: &mut Context<Self>) {
        let child = self.diary.child(msg.name).shutdown(Shutdown::Kill);
        msg.tell.send(ctx.spawn_child(child).await).unwrap();
    }
}

/// contract §5 and §7: a kill that nobody waits for is looked after as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_actor_that_never_awaits_is_detached_though_nobody_waits_for_it() {
    let lab = Lab::new("detached-kill");
    let (gate, key) = gate();
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("a")).await.unwrap();
    probe.try_tell(Block(gate.clone())).unwrap();
    gate.entered().await;
    probe.kill();
    until(|| probe.status() == Status::Detached).await;
    probe.try_tell(Note(1)).unwrap();
    assert_eq!(lab.diary.made("a"), 1, "it is not restarted while it is detached");
    key.open();
    assert_eq!(probe.ask(Note(2)).await.unwrap(), 2, "its supervisor had no part in the kill");
    assert_eq!(lab.diary.notes(), [1, 2]);
    lab.close().await;
}

/// contract §7, `stop_now()`: "finishes, up to the shutdown limit", on a free-standing actor.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_free_standing_actor_that_never_awaits_is_detached_after_a_stop_now() {
    struct Brief(Gate);
    impl Actor for Brief {
        const SHUTDOWN: Shutdown = Shutdown::Within(Duration::from_millis(1));
        async fn stopped(&mut self, _ctx: &mut Context<Self>, _reason: &StopReason) {
            self.0.block();
        }
    }
    impl Handler<Block> for Brief {
        async fn handle(&mut self, msg: Block, _ctx: &mut Context<Self>) -> u32 {
            msg.0.block();
            0
        }
    }
    let lab = Lab::new("detached-stop-now");
    let (gate, key) = gate();
    let probe = Brief(gate.clone()).prepare().system(&lab.system).spawn().unwrap();
    probe.try_tell(Block(gate.clone())).unwrap();
    gate.entered().await;
    probe.stop_now();
    until(|| probe.status() == Status::Detached).await;
    key.open();
    gate.entered().await;
    key.open();
    assert!(matches!(probe.ended().await, StopReason::Stopped));
    lab.close().await;
}

/// contract §5: the same where it is a hook, a factory or a `Drop` that never awaits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hooks_factories_and_drops_that_never_await_are_detached() {
    for at in [lab::At::Started, lab::At::Stopped, lab::At::Factory, lab::At::Drop] {
        let lab = Lab::new("detached-hook");
        let (gate, key) = gate();
        let tree = lab.tree().await;
        lab.diary.trouble({
            let gate = gate.clone();
            move |here, _, _| {
                if here == at {
                    gate.block();
                }
                Ok(())
            }
        });
        let spawned = tokio::spawn({
            let (tree, child) = (tree.clone(), lab.diary.child("a").shutdown(millis(1)));
            async move { tree.spawn(child).await.map(drop) }
        });
        if matches!(at, lab::At::Started | lab::At::Factory) {
            gate.entered().await;
        } else {
            spawned.await.unwrap().unwrap();
        }
        let handle = tree.children()[0].clone();
        let report = lab.system.shutdown(secs(60)).await;
        assert_eq!(names(&report.detached), ["a"], "{at:?}");
        assert_eq!(handle.status(), Status::Detached, "{at:?}");
        drop(key);
        handle.ended().await;
        lab.close().await;
    }
}

/// contract §7: actors that never await take one grace together, and not one after the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 6)]
async fn a_shutdown_with_many_handlers_that_never_await_takes_one_grace() {
    let lab = Lab::new("detached-many");
    let (keys, probes): (Vec<_>, Vec<_>) = (0..4)
        .map(|_| {
            let (gate, key) = gate();
            let probe = lab.probe("-");
            probe.try_tell(Block(gate.clone())).unwrap();
            ((gate, key), probe)
        })
        .unzip();
    for (gate, _) in &keys {
        gate.entered().await;
    }
    let start = Instant::now();
    let report = lab.system.shutdown(millis(1)).await;
    assert_eq!(report.detached.len(), 4);
    assert!(start.elapsed() < 3 * KILL_GRACE, "{:?}", start.elapsed());
    let start = Instant::now();
    let again = lab.system.shutdown(secs(60)).await;
    assert_eq!(again.detached.len(), 4, "a second shutdown does not wait for them again");
    assert!(start.elapsed() < KILL_GRACE, "{:?}", start.elapsed());
    drop(keys);
    for probe in probes {
        probe.ended().await;
    }
}

/// contract §5: whoever comes to an await in time is not detached, however often a thread is found at work.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_is_always_at_work_but_awaits_is_killed_and_not_detached() {
    struct Spin;
    impl Message for Spin {
        type Reply = ();
    }
    impl Handler<Spin> for Probe {
        async fn handle(&mut self, _msg: Spin, _ctx: &mut Context<Self>) {
            self.diary.wait_no_more();
            loop {
                tokio::task::yield_now().await;
            }
        }
    }
    let lab = Lab::new("spin");
    let probe = lab.probe("a");
    let mut asked = task::spawn(probe.ask(Spin));
    assert_pending!(asked.poll());
    lab.diary.entered().await;
    let report = lab.system.shutdown(millis(1)).await;
    assert_eq!((report.killed.len(), report.detached.len()), (1, 0), "{report:?}");
    assert!(matches!(asked.await, Err(AskError::Aborted { .. })));
    lab.close().await;
}

/// An actor that has come by since the kill has given its sign of life, and is ending: it is not given up because it
/// happens to be at work when somebody looks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_actor_that_came_back_and_is_at_work_on_its_end_is_not_detached() {
    struct Slow(Gate);
    impl Actor for Slow {
        async fn stopped(&mut self, _ctx: &mut Context<Self>, _reason: &StopReason) {
            self.0.block();
        }
    }
    impl Handler<Block> for Slow {
        async fn handle(&mut self, msg: Block, _ctx: &mut Context<Self>) -> u32 {
            msg.0.block();
            tokio::task::yield_now().await;
            0
        }
    }
    let lab = Lab::new("came-back");
    let ((first, first_key), (second, second_key)) = (gate(), gate());
    let slow = Slow(second.clone()).prepare().system(&lab.system).spawn().unwrap();
    slow.try_tell(Block(first.clone())).unwrap();
    first.entered().await;
    slow.kill();
    // The one free thread comes to this when it has asked for the sign of life.
    tokio::spawn(async {}).await.unwrap();
    first_key.open();
    second.entered().await;
    // Killed later, and given up by now: so the grace of the other one is over.
    let narrow = narrow();
    let (late, (third, third_key)) = (in_runtime(&narrow, || lab.probe("late")), gate());
    late.try_tell(Block(third.clone())).unwrap();
    third.entered().await;
    late.kill();
    until(|| late.status() == Status::Detached).await;
    assert_eq!(slow.status(), Status::Stopping);
    second_key.open();
    third_key.open();
    assert!(matches!(slow.ended().await, StopReason::Killed));
    late.ended().await;
    lab.close().await;
    narrow.shutdown_background();
}

/// Nobody is at work on it: it only waits for the one thread of its runtime, which somebody else holds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_actor_that_waits_for_a_thread_is_not_given_up_with_the_one_that_holds_it() {
    let lab = Lab::new("waits-for-a-thread");
    let (gate, key) = gate();
    let narrow = narrow();
    let (stuck, waits) = in_runtime(&narrow, || (lab.probe("stuck"), lab.probe("waits")));
    stuck.try_tell(Block(gate.clone())).unwrap();
    gate.entered().await;
    let (report, ()) = tokio::join!(lab.system.shutdown(millis(1)), async {
        // Both are looked at in one go.
        until(|| stuck.status() == Status::Detached).await;
        assert_ne!(waits.status(), Status::Detached);
        key.open();
    });
    assert!(report.detached.is_empty(), "both have come back: {report:?}");
    stuck.ended().await;
    lab.close().await;
    narrow.shutdown_background();
}

/// A runtime of one thread.
fn narrow() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap()
}

fn in_runtime<R>(runtime: &tokio::runtime::Runtime, make: impl FnOnce() -> R) -> R {
    let _inside = runtime.enter();
    make()
}

/// Lets others run until it is so.
async fn until(so: impl Fn() -> bool) {
    while !so() {
        tokio::task::yield_now().await;
    }
}

/// contract §7: a root that blocks its thread is detached, and the others stop in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_root_that_never_awaits_does_not_have_the_others_killed() {
    let lab = Lab::new("detached-root");
    let (gate, key) = gate();
    let fine = lab.probe("fine");
    let stuck = lab.probe("stuck");
    stuck.try_tell(Block(gate.clone())).unwrap();
    gate.entered().await;
    fine.try_tell(Note(1)).unwrap();
    let report = lab.system.shutdown(secs(3)).await;
    assert_eq!(report.stopped, [fine.identity().clone()], "{report:?}");
    assert_eq!(report.detached, [stuck.identity().clone()], "{report:?}");
    assert_eq!(lab.diary.notes(), [1]);
    drop(key);
    stuck.ended().await;
    lab.close().await;
}

/// contract §5: a bystander of a group restart that never awaits is detached after its time and a grace, and the
/// group goes on without it; there is no second one beside it, and it restarts when its code comes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_restarts_without_a_bystander_that_never_awaits() {
    for builder in [Supervisor::one_for_all(), Supervisor::rest_for_one()] {
        let lab = Lab::new("detached-bystander");
        let (gate, key) = gate();
        let tree = builder.system(&lab.system).start().await.unwrap();
        let first = tree.spawn(lab.diary.child("first")).await.unwrap();
        let stuck = tree.spawn(lab.diary.child("stuck").shutdown(millis(1))).await.unwrap();
        let last = tree.spawn(lab.diary.child("last")).await.unwrap();
        let mut asked = task::spawn(stuck.ask(Block(gate.clone())));
        assert_pending!(asked.poll());
        gate.entered().await;
        stuck.try_tell(Note(7)).unwrap();
        let start = Instant::now();
        first.ask(lab::Poison(0)).await.unwrap_err();
        until(|| lab.diary.made("last") == 2).await;
        assert_eq!(last.ask(Note(1)).await.unwrap(), 2, "the group goes on");
        assert_eq!(first.ask(Note(2)).await.unwrap(), 2);
        assert!(start.elapsed() >= KILL_GRACE, "it had its time: {:?}", start.elapsed());
        assert_eq!(stuck.status(), Status::Detached);
        assert!(matches!(asked.await, Err(AskError::Aborted { .. })), "its asker is told");
        assert_eq!(lab.diary.made("stuck"), 1, "none beside it");
        // The next restart of the group goes on without it as well.
        first.ask(lab::Poison(0)).await.unwrap_err();
        until(|| lab.diary.made("last") == 3).await;
        assert_eq!(last.ask(Note(3)).await.unwrap(), 3);
        assert_eq!((stuck.status(), lab.diary.made("stuck")), (Status::Detached, 1));
        key.open();
        assert_eq!(
            stuck.ask(Note(8)).await.unwrap(),
            2,
            "its mailbox is kept, and it restarts as the others did"
        );
        assert_eq!(lab.diary.notes(), [1, 2, 3, 7, 8]);
        assert_eq!(stuck.status(), Status::Running);
        first.ask(lab::Poison(0)).await.unwrap_err();
        until(|| lab.diary.made("last") == 4).await;
        assert_eq!(
            (last.ask(Note(0)).await.unwrap(), stuck.ask(Note(0)).await.unwrap()),
            (4, 3),
            "as before"
        );
        lab.close().await;
    }
}

/// contract §5: the same where it is the `stopped` hook or the `Drop` that blocks, also that of the one that failed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_restarts_without_a_hook_or_a_drop_that_never_awaits() {
    for (at, who) in [
        (lab::At::Stopped, "stuck"),
        (lab::At::Drop, "stuck"),
        (lab::At::Stopped, "first"),
        (lab::At::Drop, "first"),
    ] {
        let lab = Lab::new("detached-bystander-hook");
        let (gate, key) = gate();
        lab.diary.trouble({
            let gate = gate.clone();
            move |here, name, number| {
                if here == at && name == who && number == 1 {
                    gate.block();
                }
                Ok(())
            }
        });
        let tree = Supervisor::one_for_all().system(&lab.system).start().await.unwrap();
        let first = tree.spawn(lab.diary.child("first").shutdown(millis(1))).await.unwrap();
        let stuck = tree.spawn(lab.diary.child("stuck").shutdown(millis(1))).await.unwrap();
        let last = tree.spawn(lab.diary.child("last")).await.unwrap();
        first.ask(lab::Poison(0)).await.unwrap_err();
        gate.entered().await;
        until(|| lab.diary.made("last") == 2).await;
        let held = if who == "first" { &first } else { &stuck };
        assert_eq!((held.status(), lab.diary.made(who)), (Status::Detached, 1), "{at:?} of {who}");
        key.open();
        for probe in [&first, &stuck, &last] {
            assert_eq!(probe.ask(Note(0)).await.unwrap(), 2, "{at:?} of {who}");
        }
        lab.close().await;
    }
}

/// contract §5: a group that restarts when one of it was killed by hand and detached.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_does_not_wait_for_one_that_was_detached_before() {
    let lab = Lab::new("detached-before");
    let (gate, key) = gate();
    let tree = Supervisor::one_for_all().system(&lab.system).start().await.unwrap();
    let first = tree.spawn(lab.diary.child("first")).await.unwrap();
    let stuck = tree.spawn(lab.diary.child("stuck").shutdown(millis(1))).await.unwrap();
    stuck.try_tell(Block(gate.clone())).unwrap();
    gate.entered().await;
    stuck.kill();
    until(|| stuck.status() == Status::Detached).await;
    first.ask(lab::Poison(0)).await.unwrap_err();
    until(|| lab.diary.made("first") == 2).await;
    assert_eq!(first.ask(Note(1)).await.unwrap(), 2);
    assert_eq!((stuck.status(), lab.diary.made("stuck")), (Status::Detached, 1));
    key.open();
    assert_eq!(stuck.ask(Note(2)).await.unwrap(), 2);
    lab.close().await;
}
