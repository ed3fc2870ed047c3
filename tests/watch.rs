//! Watching: one notice for each watch, behind everything it must be behind (contract I7).
//!
//! Cases named `DeathWatchSpec` are behaviours of Pekko's suite of that name, those named `monitor_SUITE` of
//! OTP's, in our words.

#[path = "support/lab.rs"]
mod lab;

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use lab::{Hold, Lab, Note, Poison, Probe, Refuse, idle, millis, secs, took, word};
use postbox::{Backoff, Cause, Child, Status, Step, prelude::*};
use tokio::time::Instant;

/// What a watcher does with a notice, beside writing it down.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    Nothing,
    Panic,
    Fail,
    ReplyLater,
    /// It waits at the gate.
    Wait,
}

/// Writes down what it is told.
struct Watcher {
    probe: Probe,
    then: Then,
    /// Watched by each incarnation.
    from_start: Vec<Handle>,
}

impl Watcher {
    fn write(&self, line: impl Into<String>) {
        self.probe.diary.write(line);
    }
}

impl Actor for Watcher {
    async fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), BoxError> {
        self.write(format!("started {}", self.probe.number));
        self.from_start.iter().for_each(|target| ctx.watch(target));
        Ok(())
    }

    async fn terminated(&mut self, ctx: &mut Context<Self>, of: Terminated) {
        let name = of.identity.name().unwrap_or("nameless");
        self.write(format!("{name} {}", word(&of.reason)));
        match self.then {
            Then::Nothing => {}
            Then::Panic => panic!("no {name}"),
            Then::Fail => ctx.fail(format!("cannot do without {name}")).await,
            Then::ReplyLater => ctx.reply_later(|_: ReplyTo<()>| ()).await,
            Then::Wait => {
                self.probe.diary.wait().await;
                self.write(format!("and done with {name}"));
            }
        }
    }
}

#[messages]
impl Watcher {
    /// Watches.
    #[message]
    fn watch(&mut self, target: Handle, ctx: &mut Context<Self>) {
        ctx.watch(&target);
    }

    /// Watches, and wants a line for a notice.
    #[message]
    fn watch_for(&mut self, target: Handle, ctx: &mut Context<Self>) {
        ctx.watch_with(&target, |of| Line { text: format!("for {}", of.identity.name().unwrap_or("?")) });
    }

    /// Watches no more.
    #[message]
    fn unwatch(&mut self, target: Handle, ctx: &mut Context<Self>) {
        ctx.unwatch(&target);
    }

    /// Is written down.
    #[message]
    fn line(&mut self, text: String) {
        self.write(text);
    }

    /// Is written down before others.
    #[message(priority)]
    fn urgent(&mut self, text: String) {
        self.write(text);
    }

    /// Waits at the gate.
    #[message]
    async fn wait(&mut self) {
        self.probe.diary.wait().await;
        self.write("waited");
    }

    /// Waits at the gate, with two attempts, of which the first fails.
    #[message(retry = 2, derive(Clone))]
    async fn wait_twice(&mut self) {
        self.probe.diary.wait().await;
        assert!(self.probe.number > 1, "the first attempt");
        self.write("waited twice");
    }

    /// Fails.
    #[message]
    fn crash(&mut self) {
        panic!("crash");
    }
}

/// Describes a watcher that can be restarted.
fn watcher(
    lab: &Lab,
    name: &'static str,
    then: Then,
) -> Child<impl Fn() -> Result<Watcher, BoxError> + Clone + Send + Sync + use<>> {
    watcher_of(lab, name, then, Vec::new())
}

fn watcher_of(
    lab: &Lab,
    name: &'static str,
    then: Then,
    from_start: Vec<Handle>,
) -> Child<impl Fn() -> Result<Watcher, BoxError> + Clone + Send + Sync + use<>> {
    let diary = lab.diary.clone();
    child(name, move || Ok(Watcher { probe: diary.probe(name, &[])?, then, from_start: from_start.clone() }))
}

/// A watcher on its own.
fn lone(lab: &Lab, name: &'static str) -> ActorRef<Watcher> {
    lone_with(lab, name, Then::Nothing, 64)
}

fn lone_with(lab: &Lab, name: &'static str, then: Then, capacity: usize) -> ActorRef<Watcher> {
    let probe = lab.diary.probe(name, &[]).unwrap();
    let watcher = Watcher { probe, then, from_start: Vec::new() };
    watcher.prepare().name(name).capacity(capacity).system(&lab.system).spawn().unwrap()
}

/// Something to watch.
fn target(lab: &Lab, name: &'static str) -> ActorRef<Probe> {
    lab.diary.probe(name, &[]).unwrap().prepare().name(name).system(&lab.system).spawn().unwrap()
}

/// The lines of watchers: those of what they watch left out.
fn told(lab: &Lab) -> Vec<String> {
    let mut lines = lab.diary.take();
    lines.retain(|line| !line.contains(" started ") && !line.contains(" stopped "));
    lines.retain(|line| !line.starts_with("started"));
    lines
}

/// `DeathWatchSpec`: "notify with one Terminated message when an Actor is stopped".
#[tokio::test(start_paused = true)]
async fn an_end_is_told_once() {
    let lab = Lab::new("once");
    let (w, t) = (lone(&lab, "w"), target(&lab, "t"));
    w.watch(t.handle()).await.unwrap();
    t.stop();
    t.ended().await;
    idle().await;
    assert_eq!(told(&lab), ["t stopped"]);
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_end_is_told_with_its_reason() {
    let lab = Lab::new("reasons");
    let w = lone(&lab, "w");
    let ends: [fn(ActorRef<Probe>); 5] =
        [|t| t.stop(), |t| t.stop_now(), |t| t.kill(), |t| t.try_tell(Poison(1)).unwrap(), drop];
    for end in ends {
        let t = target(&lab, "t");
        w.watch(t.handle()).await.unwrap();
        end(t);
        idle().await;
    }
    assert_eq!(told(&lab), ["t stopped", "t stopped", "t killed", "t failed", "t released"]);

    let tree = lab.supervisor().limit(0, secs(1)).start().await.unwrap();
    let t = tree.spawn(lab.diary.child("child")).await.unwrap();
    w.watch(t.handle()).await.unwrap();
    w.watch(tree.handle()).await.unwrap();
    t.tell(Refuse(1)).await.unwrap();
    idle().await;
    assert_eq!(told(&lab), ["child restart limit", "nameless restart limit"]);

    let tree = lab.tree().await;
    let t = tree.spawn(lab.diary.child("child")).await.unwrap();
    w.watch(t.handle()).await.unwrap();
    tree.stop();
    idle().await;
    assert_eq!(told(&lab), ["child shutdown"]);
    lab.close().await;
}

/// A system dropped with its runtime: nobody is told, and nothing hangs or panics.
#[test]
fn a_runtime_that_goes_away_takes_watches_with_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let (t, system) = runtime.block_on(async {
        let lab = Lab::new("runtime");
        let (w, t) = (lone(&lab, "w"), target(&lab, "t"));
        w.watch(t.handle()).await.unwrap();
        t.try_tell(Note(1)).unwrap();
        (t, lab.system.clone())
    });
    drop(runtime);
    assert_eq!(t.status(), Status::Ended);
    assert!(system.ledger().balances());
}

/// Tells its watcher things, in its last handler and in its last hook.
struct Chatty(ActorRef<Watcher>);

impl Actor for Chatty {
    async fn stopped(&mut self, _ctx: &mut Context<Self>, _reason: &StopReason) {
        self.0.line("last words".to_owned()).try_tell().unwrap();
    }
}

#[messages]
impl Chatty {
    /// Talks, and ends.
    #[message]
    fn talk(&mut self, lines: u32, ctx: &mut Context<Self>) {
        for line in 0..lines {
            self.0.line(format!("line {line}")).try_tell().unwrap();
        }
        ctx.stop();
    }
}

/// `monitor_SUITE` and the order of signals: what was sent to the watcher before comes before.
#[tokio::test(start_paused = true)]
async fn the_notice_comes_after_every_message_the_ended_one_had_sent() {
    let lab = Lab::new("order");
    let w = lone(&lab, "w");
    let chatty = Chatty(w.clone()).prepare().name("chatty").system(&lab.system).spawn().unwrap();
    w.watch(chatty.handle()).await.unwrap();
    w.wait().try_tell().unwrap();
    lab.diary.entered().await;
    chatty.talk(3).try_tell().unwrap();
    chatty.ended().await;
    w.line("later".to_owned()).try_tell().unwrap();
    lab.diary.open();
    idle().await;
    assert_eq!(
        told(&lab),
        ["waited", "line 0", "line 1", "line 2", "last words", "chatty stopped", "later"],
        "in its place: behind those accepted before it, before those accepted after it"
    );
    lab.close().await;
}

/// contract I7, in the other lane.
#[tokio::test(start_paused = true)]
async fn the_notice_comes_after_the_urgent_messages_the_ended_one_had_sent() {
    struct Herald(ActorRef<Watcher>);
    impl Actor for Herald {
        async fn stopped(&mut self, _ctx: &mut Context<Self>, _reason: &StopReason) {
            for line in 1..=20 {
                self.0.urgent(format!("urgent {line}")).try_tell().unwrap();
            }
        }
    }
    let lab = Lab::new("urgent first");
    let w = lone(&lab, "w");
    let herald = Herald(w.clone()).prepare().name("herald").system(&lab.system).spawn().unwrap();
    w.watch(herald.handle()).await.unwrap();
    w.wait().try_tell().unwrap();
    lab.diary.entered().await;
    herald.stop();
    herald.ended().await;
    lab.diary.open();
    idle().await;
    let mut told = told(&lab);
    assert_eq!(told.pop().as_deref(), Some("herald stopped"));
    let urgent: Vec<_> = (1..=20).map(|line| format!("urgent {line}")).collect();
    assert_eq!(told.split_first(), Some((&"waited".to_owned(), &urgent[..])));
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_message_under_retry_comes_before_the_notice() {
    let lab = Lab::new("retry first");
    let tree = lab.tree().await;
    let w = tree.spawn(watcher(&lab, "w", Then::Nothing)).await.unwrap();
    let t = target(&lab, "t");
    w.watch(t.handle()).await.unwrap();
    w.wait_twice().try_tell().unwrap();
    lab.diary.entered().await;
    t.stop();
    t.ended().await;
    lab.diary.open();
    lab.diary.entered().await;
    assert_eq!(told(&lab), [""; 0], "between the attempts nothing else is done");
    lab.diary.open();
    idle().await;
    assert_eq!(told(&lab), ["waited twice", "t stopped"]);
    lab.close().await;
}

/// Looks about when it is told.
struct Witness {
    system: System,
    target: Handle,
    saw: Option<tokio::sync::oneshot::Sender<String>>,
}

impl Actor for Witness {
    async fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), BoxError> {
        ctx.watch(&self.target);
        Ok(())
    }

    async fn terminated(&mut self, _ctx: &mut Context<Self>, of: Terminated) {
        let name = of.identity.name().unwrap();
        let ledger = self.target.ledger();
        let saw = format!(
            "{:?}, {} left, name {}, letters {}, ended {}, typed {}",
            self.target.status(),
            ledger.queued + ledger.in_flight + ledger.stashed,
            if self.system.lookup::<Probe>(name).is_none() { "free" } else { "taken" },
            self.system.dead_letters().total(),
            word(&self.target.ended().await),
            self.target.typed::<Probe>().is_some(),
        );
        let _ = self.saw.take().unwrap().send(saw);
    }
}

/// contract I7: "after the watched actor's `stopped` hook, after its name is free, after all its messages have
/// a fate".
#[tokio::test(start_paused = true)]
async fn when_the_notice_comes_the_end_is_complete() {
    let lab = Lab::new("complete");
    let t = target(&lab, "t");
    let (saw, word) = tokio::sync::oneshot::channel();
    let witness = Witness { system: lab.system.clone(), target: t.handle(), saw: Some(saw) };
    let witness = witness.prepare().system(&lab.system).start().await.unwrap();
    t.tell(Hold(1)).await.unwrap();
    lab.diary.entered().await;
    t.tell(Note(2)).await.unwrap();
    t.tell(Note(3)).await.unwrap();
    lab.diary.hold(lab::At::Stopped, "t");
    t.stop_now();
    lab.diary.open();
    lab.diary.entered().await;
    assert_eq!(lab.system.dead_letters().total(), 2, "the messages have their fate");
    let mut word = tokio_test::task::spawn(word);
    idle().await;
    tokio_test::assert_pending!(word.poll(), "its `stopped` hook is at work");
    lab.diary.open();
    assert_eq!(word.await.unwrap(), "Ended, 0 left, name free, letters 2, ended stopped, typed false");
    drop(witness);
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_may_give_the_name_away_again_in_its_hook() {
    // `DeathWatchSpec`: "be able to watch a child with the same name after the old died".
    struct Parent(Arc<AtomicU32>);
    impl Parent {
        async fn hire(&self, ctx: &mut Context<Self>) -> Result<(), BoxError> {
            #[derive(Actor)]
            struct Kid;
            let kid = ctx.spawn_child(child("kid", || Kid).restart(Restart::Temporary)).await?;
            ctx.watch(&kid);
            Ok(())
        }
    }
    impl Actor for Parent {
        async fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), BoxError> {
            self.hire(ctx).await
        }
        async fn terminated(&mut self, ctx: &mut Context<Self>, of: Terminated) {
            assert_eq!(of.identity.name(), Some("kid"));
            self.0.fetch_add(1, Ordering::SeqCst);
            self.hire(ctx).await.unwrap();
        }
    }
    let lab = Lab::new("same name");
    let told = Arc::new(AtomicU32::new(0));
    let parent = Parent(Arc::clone(&told)).prepare().system(&lab.system).start().await.unwrap();
    let kid = |system: &System| {
        system.actors().into_iter().find(|actor| actor.identity().name() == Some("kid")).unwrap()
    };
    for times in 1..=3 {
        let handle = kid(&lab.system);
        handle.kill();
        handle.ended().await;
        idle().await;
        assert_eq!(told.load(Ordering::SeqCst), times);
        assert_ne!(kid(&lab.system), handle);
    }
    drop(parent);
    lab.close().await;
}

/// `DeathWatchSpec`: "notify with one Terminated message when an Actor is already dead".
#[tokio::test(start_paused = true)]
async fn who_is_dead_already_is_told_of_at_once() {
    let lab = Lab::new("already dead");
    let (w, t) = (lone(&lab, "w"), target(&lab, "t"));
    t.kill();
    t.ended().await;
    w.watch(t.handle()).tell().await.unwrap();
    w.line("later".to_owned()).tell().await.unwrap();
    idle().await;
    // The line was accepted before the watch was made.
    assert_eq!(told(&lab), ["later", "t killed"]);
    w.watch(t.handle()).await.unwrap();
    idle().await;
    assert_eq!(told(&lab), ["t killed"], "a new watch, a new notice");
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_watch_made_in_started_on_a_dead_one_is_told_after_it() {
    let lab = Lab::new("from start");
    let t = target(&lab, "t");
    t.kill();
    t.ended().await;
    idle().await;
    lab.diary.take();
    let tree = lab.tree().await;
    let w = tree.spawn(watcher_of(&lab, "w", Then::Nothing, vec![t.handle()])).await.unwrap();
    idle().await;
    assert_eq!(lab.diary.take(), ["started 1", "t killed"]);
    w.crash().tell().await.unwrap();
    idle().await;
    assert_eq!(lab.diary.take(), ["started 2", "t killed"], "it was told, so the second is a new watch");
    lab.close().await;
}

/// `DeathWatchSpec`: "notify with all monitors", and an actor watched twice by one of them.
#[tokio::test(start_paused = true)]
async fn watching_twice_is_one_watch_and_two_watchers_are_two() {
    let lab = Lab::new("twice");
    let (a, b, t) = (lone(&lab, "a"), lone(&lab, "b"), target(&lab, "t"));
    for _ in 0..3 {
        a.watch(t.handle()).await.unwrap();
    }
    b.watch(t.handle()).await.unwrap();
    t.stop();
    t.ended().await;
    idle().await;
    assert_eq!(told(&lab), ["t stopped"; 2]);
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_thousand_watchers_are_told_once_each() {
    let lab = Lab::new("thousand");
    let t = target(&lab, "t");
    let watchers: Vec<_> = (0..1000)
        .map(|_| {
            let probe = Probe {
                name: "w",
                number: 1,
                children: &[],
                supervision: Supervision::default(),
                diary: lab.diary.clone(),
            };
            let watcher = Watcher { probe, then: Then::Nothing, from_start: vec![t.handle()] };
            watcher.prepare().system(&lab.system).spawn().unwrap()
        })
        .collect();
    idle().await;
    t.stop();
    t.ended().await;
    idle().await;
    assert_eq!(told(&lab).len(), 1000);
    drop(watchers);
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_watcher_of_a_thousand_is_told_of_each() {
    let lab = Lab::new("of a thousand");
    let w = lone_with(&lab, "w", Then::Nothing, 1);
    let targets: Vec<_> = (0..1000).map(|_| Idle.prepare().system(&lab.system).spawn().unwrap()).collect();
    for t in &targets {
        w.watch(t.handle()).await.unwrap();
    }
    drop(targets);
    idle().await;
    assert_eq!(told(&lab).len(), 1000);
    lab.close().await;
}

/// As with messages: an actor with much to do lets others run now and then.
#[tokio::test(start_paused = true)]
async fn a_watcher_of_a_thousand_lets_others_run_in_between() {
    let lab = Lab::new("a thousand at once");
    let w = lone(&lab, "w");
    let targets: Vec<_> = (0..1000).map(|_| Idle.prepare().system(&lab.system).spawn().unwrap()).collect();
    for t in &targets {
        w.watch(t.handle()).await.unwrap();
    }
    w.wait().try_tell().unwrap();
    lab.diary.entered().await;
    drop(targets);
    idle().await;
    lab.diary.take();
    lab.diary.open();
    // In the line behind the watcher.
    let other = lab.diary.clone();
    let some = tokio::spawn(async move { other.take().len() }).await.unwrap();
    assert!((1..500).contains(&some), "{some} in one poll");
    idle().await;
    assert_eq!(some + lab.diary.take().len(), 1001, "with the handler's line");
    lab.close().await;
}

/// `DeathWatchSpec`: "notify with _current_ monitors".
#[tokio::test(start_paused = true)]
async fn who_has_taken_the_watch_back_is_not_told() {
    let lab = Lab::new("unwatch before");
    let (a, b, t) = (lone(&lab, "a"), lone(&lab, "b"), target(&lab, "t"));
    a.watch(t.handle()).await.unwrap();
    b.watch(t.handle()).await.unwrap();
    b.unwatch(t.handle()).await.unwrap();
    b.unwatch(a.handle()).await.unwrap();
    t.stop();
    t.ended().await;
    idle().await;
    assert_eq!(told(&lab), ["t stopped"], "one of the two");
    lab.close().await;
}

/// `monitor_SUITE`, demonitor with `flush`.
#[tokio::test(start_paused = true)]
async fn unwatch_takes_back_a_notice_that_waits() {
    let lab = Lab::new("unwatch after");
    let (w, t, u) = (lone(&lab, "w"), target(&lab, "t"), target(&lab, "u"));
    w.watch(t.handle()).await.unwrap();
    w.watch(u.handle()).await.unwrap();
    w.wait().tell().await.unwrap();
    lab.diary.entered().await;
    w.unwatch(t.handle()).tell().await.unwrap();
    t.stop();
    t.ended().await;
    u.stop();
    u.ended().await;
    lab.diary.open();
    idle().await;
    assert_eq!(told(&lab), ["waited", "u stopped"]);
    w.watch(t.handle()).await.unwrap();
    idle().await;
    assert_eq!(told(&lab), ["t stopped"], "a watch made anew");
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_full_mailbox_refuses_no_notice() {
    let lab = Lab::new("full");
    let (w, t) = (lone_with(&lab, "w", Then::Nothing, 1), target(&lab, "t"));
    w.watch(t.handle()).await.unwrap();
    w.wait().tell().await.unwrap();
    lab.diary.entered().await;
    w.line("queued".to_owned()).try_tell().unwrap();
    assert!(matches!(w.line("more".to_owned()).try_tell(), Err(TryTellError::Full { .. })));
    t.stop();
    took(async { drop(t.ended().await) }).await;
    assert_eq!(w.handle().depth(), 1, "it takes no room");
    lab.diary.open();
    idle().await;
    assert_eq!(told(&lab), ["waited", "queued", "t stopped"]);
    let ledger = w.ledger();
    assert_eq!((ledger.accepted, ledger.handled), (3, 3), "the notice is no message");
    lab.close().await;
}

/// `DeathWatchSpec`: "notify with a Terminated message once when an Actor is stopped but not when restarted".
#[tokio::test(start_paused = true)]
async fn a_restart_of_the_watched_one_is_not_told() {
    let lab = Lab::new("restarts");
    let tree = lab.tree().await;
    let t = tree.spawn(lab.diary.child("t")).await.unwrap();
    let w = lone(&lab, "w");
    w.watch(t.handle()).await.unwrap();
    t.tell(Poison(1)).await.unwrap();
    t.tell(Refuse(2)).await.unwrap();
    idle().await;
    t.stop();
    idle().await;
    assert_eq!((lab.diary.made("t"), told(&lab)), (4, vec![]));
    tree.stop();
    idle().await;
    assert_eq!(told(&lab), ["t shutdown"]);
    lab.close().await;
}

/// contract §4: the seat keeps watchers and watches.
#[tokio::test(start_paused = true)]
async fn a_watch_survives_the_restart_of_the_watcher() {
    let lab = Lab::new("kept");
    let tree = lab.tree().await;
    let w = tree.spawn(watcher(&lab, "w", Then::Nothing)).await.unwrap();
    let t = target(&lab, "t");
    w.watch(t.handle()).await.unwrap();
    w.crash().tell().await.unwrap();
    idle().await;
    t.stop();
    t.ended().await;
    idle().await;
    assert_eq!((lab.diary.made("w"), told(&lab)), (2, vec!["t stopped".to_owned()]));
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_notice_that_comes_while_the_watcher_restarts_waits_for_started() {
    let lab = Lab::new("meanwhile");
    let tree = lab.supervisor().backoff(Backoff::exponential(secs(7), secs(7))).start().await.unwrap();
    let w = tree.spawn(watcher(&lab, "w", Then::Nothing)).await.unwrap();
    let t = target(&lab, "t");
    w.watch(t.handle()).await.unwrap();
    w.crash().tell().await.unwrap();
    w.line("queued".to_owned()).tell().await.unwrap();
    idle().await;
    assert_eq!(w.status(), Status::Restarting);
    lab.diary.take();
    let start = Instant::now();
    t.stop();
    t.ended().await;
    w.line("later".to_owned()).await.unwrap();
    assert!(start.elapsed() >= secs(6), "a notice does not end the backoff: {:?}", start.elapsed());
    assert_eq!(lab.diary.take(), ["t stopped 1: stopped", "started 2", "queued", "t stopped", "later"]);
    lab.close().await;
}

/// `DeathWatchSpec`: watching oneself. OTP says the same of a monitor.
#[tokio::test(start_paused = true)]
async fn to_watch_oneself_has_no_effect() {
    let lab = Lab::new("oneself");
    let w = lone(&lab, "w");
    w.watch(w.handle()).await.unwrap();
    w.watch_for(w.handle()).await.unwrap();
    w.unwatch(w.handle()).await.unwrap();
    w.watch(w.handle()).await.unwrap();
    w.stop();
    w.ended().await;
    idle().await;
    assert_eq!(told(&lab), [""; 0]);
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_watch_keeps_nobody_alive() {
    let lab = Lab::new("alive");
    let (a, b) = (lone(&lab, "a"), lone(&lab, "b"));
    a.watch(b.handle()).await.unwrap();
    b.watch(a.handle()).await.unwrap();
    let handle = a.handle();
    drop(a);
    assert_eq!(word(&handle.ended().await), "released");
    idle().await;
    assert_eq!(told(&lab), ["a released"]);
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_parent_is_not_told_of_a_child_that_it_does_not_watch() {
    struct Parent(Arc<AtomicU32>);
    impl Actor for Parent {
        async fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), BoxError> {
            #[derive(Actor)]
            struct Kid;
            ctx.spawn_child(child("kid", || Kid).restart(Restart::Temporary)).await?.kill();
            Ok(())
        }
        async fn terminated(&mut self, _ctx: &mut Context<Self>, _of: Terminated) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let lab = Lab::new("children");
    let told = Arc::new(AtomicU32::new(0));
    let parent = Parent(Arc::clone(&told)).prepare().system(&lab.system).start().await.unwrap();
    idle().await;
    assert_eq!((parent.status(), told.load(Ordering::SeqCst)), (Status::Running, 0));
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn stop_delivers_the_notices_queued_before_it() {
    let lab = Lab::new("drain");
    let (w, t) = (lone(&lab, "w"), target(&lab, "t"));
    w.watch(t.handle()).await.unwrap();
    w.wait().tell().await.unwrap();
    lab.diary.entered().await;
    t.stop();
    t.ended().await;
    w.stop();
    lab.diary.open();
    w.ended().await;
    assert_eq!(told(&lab), ["waited", "t stopped"]);
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn the_release_of_the_last_reference_comes_after_the_notices_queued() {
    let lab = Lab::new("released");
    let (w, t) = (lone(&lab, "w"), target(&lab, "t"));
    w.watch(t.handle()).await.unwrap();
    w.wait().tell().await.unwrap();
    lab.diary.entered().await;
    t.stop();
    t.ended().await;
    let handle = w.handle();
    drop(w);
    lab.diary.open();
    assert_eq!(word(&handle.ended().await), "released");
    assert_eq!(told(&lab), ["waited", "t stopped"]);
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn stop_now_leaves_notices_undelivered() {
    let lab = Lab::new("stop now");
    let (w, t) = (lone(&lab, "w"), target(&lab, "t"));
    w.watch(t.handle()).await.unwrap();
    w.wait().tell().await.unwrap();
    lab.diary.entered().await;
    t.stop();
    t.ended().await;
    w.stop_now();
    lab.diary.open();
    w.ended().await;
    assert_eq!(told(&lab), ["waited"]);
    lab.close().await;
}

/// A permanent child that is stopped starts again: what waits for it is for the next incarnation.
#[tokio::test(start_paused = true)]
async fn a_stop_now_that_is_followed_by_a_restart_loses_no_notice() {
    let lab = Lab::new("stop now, restart");
    let tree = lab.tree().await;
    let w = tree.spawn(watcher(&lab, "w", Then::Nothing)).await.unwrap();
    let t = target(&lab, "t");
    w.watch(t.handle()).await.unwrap();
    w.wait().tell().await.unwrap();
    lab.diary.entered().await;
    t.stop();
    t.ended().await;
    w.stop_now();
    lab.diary.open();
    idle().await;
    assert_eq!((lab.diary.made("w"), told(&lab)), (2, vec!["waited".to_owned(), "t stopped".to_owned()]));
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_kill_cuts_the_hook() {
    let lab = Lab::new("cut");
    let (w, t) = (lone_with(&lab, "w", Then::Wait, 4), target(&lab, "t"));
    w.watch(t.handle()).await.unwrap();
    t.stop();
    lab.diary.entered().await;
    w.line("never".to_owned()).tell().await.unwrap();
    w.kill();
    assert_eq!(word(&w.ended().await), "killed");
    assert_eq!(told(&lab), ["t stopped"]);
    assert_eq!(lab.system.dead_letters().total(), 1, "the line");
    lab.close().await;
}

/// A hook that waits keeps messages waiting, as a handler does, and nobody is lost behind it.
#[tokio::test(start_paused = true)]
async fn the_hook_may_wait_and_the_next_notices_come_after_it() {
    let lab = Lab::new("wait");
    let (w, t, u) = (lone_with(&lab, "w", Then::Wait, 4), target(&lab, "t"), target(&lab, "u"));
    w.watch(t.handle()).await.unwrap();
    w.watch(u.handle()).await.unwrap();
    t.stop();
    lab.diary.entered().await;
    w.line("queued".to_owned()).tell().await.unwrap();
    u.stop();
    u.ended().await;
    idle().await;
    lab.diary.open();
    lab.diary.entered().await;
    lab.diary.open();
    idle().await;
    assert_eq!(told(&lab), ["t stopped", "and done with t", "queued", "u stopped", "and done with u"]);
    lab.close().await;
}

/// Each way for the hook to fail is a charged failure of the watcher; the notice counts as delivered.
#[tokio::test(start_paused = true)]
async fn a_failure_of_the_hook_is_charged_and_its_notice_is_delivered() {
    for (then, text) in [
        (Then::Panic, "no t"),
        (Then::Fail, "cannot do without t"),
        (Then::ReplyLater, "reply_later was called in a hook"),
    ] {
        let lab = Lab::new("failing hook");
        let tree = lab.supervisor().limit(2, secs(10)).start().await.unwrap();
        let w = tree.spawn(watcher(&lab, "w", then)).await.unwrap();
        for (name, incarnations) in [("t", 2), ("u", 3)] {
            let t = target(&lab, name);
            w.watch(t.handle()).await.unwrap();
            t.stop();
            t.ended().await;
            idle().await;
            w.line("alive".to_owned()).await.unwrap();
            assert_eq!(lab.diary.made("w"), incarnations);
            assert_eq!(told(&lab), [format!("{name} stopped").as_str(), "alive"]);
        }
        let t = target(&lab, "t");
        w.watch(t.handle()).await.unwrap();
        t.stop();
        let StopReason::RestartLimit(limit) = tree.ended().await else { panic!("the third is one too many") };
        let Cause::RestartLimit { last, .. } = limit.cause() else { panic!("{limit}") };
        let failure = last.failure().unwrap();
        assert_eq!(failure.step(), &Step::Terminated);
        assert!(failure.to_string().contains(text), "{failure}");
        lab.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_may_tell_of_the_end() {
    let lab = Lab::new("by message");
    let (w, t) = (lone_with(&lab, "w", Then::Nothing, 1), target(&lab, "t"));
    w.watch_for(t.handle()).await.unwrap();
    w.wait().tell().await.unwrap();
    lab.diary.entered().await;
    w.line("queued".to_owned()).try_tell().unwrap();
    t.stop();
    t.ended().await;
    lab.diary.open();
    idle().await;
    assert_eq!(told(&lab), ["waited", "queued", "for t"]);
    let ledger = w.ledger();
    assert_eq!((ledger.accepted, ledger.handled), (3, 3), "the ledger does not count it");
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn the_last_call_decides_how_the_end_is_told() {
    let lab = Lab::new("last call");
    let (w, t, u) = (lone(&lab, "w"), target(&lab, "t"), target(&lab, "u"));
    w.watch(t.handle()).await.unwrap();
    w.watch_for(t.handle()).await.unwrap();
    w.watch_for(u.handle()).await.unwrap();
    w.watch(u.handle()).await.unwrap();
    t.stop();
    t.ended().await;
    u.stop();
    u.ended().await;
    idle().await;
    assert_eq!(told(&lab), ["for t", "u stopped"]);
    lab.close().await;
}

/// Handles what it is told of by message, in ways that may go wrong.
struct Picky {
    kept: Option<ReplyTo<u32>>,
    number: u32,
    diary: lab::Diary,
}

impl Actor for Picky {}

#[messages]
impl Picky {
    /// Watches for a message that fails.
    #[message]
    fn watch_to_fail(&mut self, target: Handle, ctx: &mut Context<Self>) {
        ctx.watch_with(&target, |_| Fragile);
    }

    /// Watches for a message that is answered later.
    #[message]
    fn watch_to_keep(&mut self, target: Handle, ctx: &mut Context<Self>) {
        ctx.watch_with(&target, |_| Keep);
    }

    /// Watches with something that panics.
    #[message]
    fn watch_to_panic(&mut self, target: Handle, ctx: &mut Context<Self>) {
        ctx.watch_with(&target, |of| -> Keep { panic!("no message for {}", of.identity) });
    }

    /// Fails, and declares attempts.
    #[message(retry = 3, derive(Clone))]
    fn fragile(&mut self) {
        self.diary.write(format!("attempt by {}", self.number));
        panic!("fragile");
    }

    /// Is answered later.
    #[message]
    async fn keep(&mut self, ctx: &mut Context<Self>) -> u32 {
        ctx.reply_later(|reply| self.kept = Some(reply)).await
    }

    /// Whether a reply is awaited.
    #[message]
    fn kept(&self) -> Option<bool> {
        self.kept.as_ref().map(ReplyTo::is_awaited)
    }

    /// Which incarnation this is.
    #[message]
    fn number(&self) -> u32 {
        self.number
    }
}

fn picky(lab: &Lab) -> Child<impl Fn() -> Picky + Clone + Send + Sync + use<>> {
    let (diary, made) = (lab.diary.clone(), Arc::new(AtomicU32::new(0)));
    child("picky", move || {
        let number = made.fetch_add(1, Ordering::SeqCst) + 1;
        Picky { kept: None, number, diary: diary.clone() }
    })
}

#[tokio::test(start_paused = true)]
async fn the_message_of_a_notice_is_delivered_once_whatever_it_declares() {
    let lab = Lab::new("no retry");
    let tree = lab.supervisor().limit(1, secs(10)).start().await.unwrap();
    let w = tree.spawn(picky(&lab)).await.unwrap();
    let t = target(&lab, "t");
    w.watch_to_fail(t.handle()).await.unwrap();
    t.stop();
    t.ended().await;
    idle().await;
    assert_eq!((w.number().await.unwrap(), told(&lab)), (2, vec!["attempt by 1".to_owned()]));
    assert_eq!(lab.system.dead_letters().total(), 0, "it was never accepted");
    w.watch_to_fail(t.handle()).await.unwrap();
    let reason = tree.ended().await;
    let StopReason::RestartLimit(limit) = reason else { panic!("both were charged: {reason}") };
    assert!(limit.chain().to_string().contains("failed while handling Fragile"), "{}", limit.chain());
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_makes_the_message_of_a_notice_may_panic() {
    let lab = Lab::new("mapping");
    let tree = lab.tree().await;
    let w = tree.spawn(picky(&lab)).await.unwrap();
    let t = target(&lab, "t");
    w.watch_to_panic(t.handle()).await.unwrap();
    t.stop();
    t.ended().await;
    idle().await;
    assert_eq!(w.number().await.unwrap(), 2);
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn the_message_of_a_notice_may_defer_a_reply_that_nobody_awaits() {
    let lab = Lab::new("deferred");
    let tree = lab.tree().await;
    let w = tree.spawn(picky(&lab)).await.unwrap();
    let t = target(&lab, "t");
    w.watch_to_keep(t.handle()).await.unwrap();
    t.stop();
    t.ended().await;
    assert_eq!(w.kept().await.unwrap(), Some(false));
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn every_reference_can_be_watched() {
    struct Sentinel(Arc<AtomicU32>, Option<Targets>);
    struct Targets(Handle, ActorRef<Probe>, WeakRef<Probe>, Recipient<Note>, WeakRecipient<Note>);
    impl Actor for Sentinel {
        async fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), BoxError> {
            let Targets(handle, actor, weak, recipient, weak_recipient) = self.1.take().unwrap();
            ctx.watch(&handle);
            ctx.watch(handle);
            ctx.watch(&actor);
            ctx.watch(&weak);
            ctx.watch(&recipient);
            ctx.watch(&weak_recipient);
            Ok(())
        }
        async fn terminated(&mut self, _ctx: &mut Context<Self>, _of: Terminated) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let lab = Lab::new("references");
    let told = Arc::new(AtomicU32::new(0));
    let t = ["a", "b", "c", "d", "e"].map(|name| target(&lab, name));
    let [a, b, c, d, e] = t.clone();
    let targets = Targets(a.handle(), b, c.downgrade(), d.recipient(), e.recipient::<Note>().downgrade());
    let sentinel = Sentinel(Arc::clone(&told), Some(targets));
    let sentinel = sentinel.prepare().system(&lab.system).start().await.unwrap();
    t.iter().for_each(ActorRef::stop);
    drop(t);
    idle().await;
    assert_eq!(told.load(Ordering::SeqCst), 5);
    drop(sentinel);
    lab.close().await;
}

/// Two systems: a watch does not care.
#[tokio::test(start_paused = true)]
async fn an_actor_of_another_system_can_be_watched() {
    let (lab, other) = (Lab::new("here"), Lab::new("there"));
    let (w, t) = (lone(&lab, "w"), target(&other, "t"));
    w.watch(t.handle()).await.unwrap();
    drop(t);
    let report = other.system.shutdown(secs(1)).await;
    assert!(report.detached.is_empty());
    idle().await;
    assert_eq!(told(&lab).len(), 1);
    lab.close().await;
}

/// Everybody watches everybody, and all go at once.
#[tokio::test(start_paused = true)]
async fn a_shutdown_of_all_who_watch_each_other_is_clean() {
    let lab = Lab::new("shutdown");
    let names = ["a", "b", "c", "d"];
    let all = names.map(|name| lone(&lab, name));
    for w in &all {
        for t in &all {
            w.watch(t.handle()).await.unwrap();
        }
    }
    let start = Instant::now();
    let report = lab.system.shutdown(secs(5)).await;
    assert!(report.is_clean(), "{report:?}");
    assert!(start.elapsed() < millis(1));
    lab.check();
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_drop_of_a_watch_harms_nobody() {
    struct Grenade;
    impl Drop for Grenade {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }
    struct Careless(Handle);
    impl Actor for Careless {
        async fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), BoxError> {
            let grenade = Grenade;
            ctx.watch_with(&self.0, move |_| {
                std::mem::forget(grenade);
                Note(1)
            });
            Ok(())
        }
    }
    impl Handler<Note> for Careless {
        async fn handle(&mut self, _msg: Note, _ctx: &mut Context<Self>) -> u32 {
            0
        }
    }
    let lab = Lab::new("grenade");
    let t = target(&lab, "t");
    let careless = Careless(t.handle()).prepare().system(&lab.system).start().await.unwrap();
    careless.stop();
    assert_eq!(word(&careless.ended().await), "stopped");
    t.ask(Note(1)).await.unwrap();
    lab.close().await;
}

/// Counts its notices.
#[derive(Actor, Default)]
struct Counter {
    told: u32,
    /// Notices of an end that was not complete.
    untimely: u32,
    /// Whether it gives the name of the ended one away again.
    claims: bool,
}

#[derive(Actor)]
struct Idle;

#[messages]
impl Counter {
    /// Watches.
    #[message]
    fn observe(&mut self, target: Handle, ctx: &mut Context<Self>) {
        let seen = target.clone();
        ctx.watch_with(&target, |_| One { of: seen });
    }

    /// Watches, takes it back, and watches again.
    #[message]
    async fn waver(&mut self, target: Handle, ctx: &mut Context<Self>) {
        self.observe(target.clone(), ctx);
        tokio::task::yield_now().await;
        ctx.unwatch(&target);
        self.observe(target, ctx);
    }

    /// Is told of one.
    #[message]
    fn one(&mut self, of: Handle, ctx: &mut Context<Self>) {
        self.told += 1;
        let name = of.identity().name().expect("the targets have names");
        let taken = self.claims && Idle.prepare().name(name).system(&ctx.system()).spawn().is_err();
        self.untimely += u32::from(taken || of.status() != Status::Ended || !of.ledger().balances());
    }

    /// How many it was told of, and how many of those too early.
    #[message]
    fn told(&self) -> (u32, u32) {
        (self.told, self.untimely)
    }
}

/// The end of an actor against three who begin to watch it at that moment: one notice each, of an end that is
/// complete, and it is queued when the end is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn watch_races_end() {
    const ROUNDS: u32 = 2000;
    let system = System::new("race");
    let watchers: [ActorRef<Counter>; 3] = std::array::from_fn(|at| {
        Counter { claims: at == 0, ..Counter::default() }.prepare().system(&system).spawn().unwrap()
    });
    for round in 1..=ROUNDS {
        let t = Counter::default().prepare().name(format!("t{round}")).system(&system).spawn().unwrap();
        let handle = t.handle();
        let end = tokio::spawn(async move {
            match round % 4 {
                0 => t.kill(),
                1 => t.stop(),
                2 => t.stop_now(),
                _ => drop(t),
            }
        });
        let [a, b, c] = &watchers;
        let (first, second, third) = tokio::join!(
            a.observe(handle.clone()).send(),
            b.waver(handle.clone()).send(),
            c.observe(handle.clone()).send()
        );
        first.unwrap();
        second.unwrap();
        third.unwrap();
        end.await.unwrap();
        handle.ended().await;
        for watcher in &watchers {
            let told = watcher.told().await.unwrap();
            assert_eq!(told, (round, 0), "no notice is missing, none is one too many, none is early");
        }
    }
    drop(watchers);
    let report = system.shutdown(secs(10)).await;
    assert!(report.is_clean() && report.ledger.balances(), "{report:?}");
    assert_eq!(system.dead_letters().total(), 0);
}

/// For a log line.
#[tokio::test(start_paused = true)]
async fn a_notice_reads_as_a_sentence() {
    struct Reader(lab::Diary);
    impl Actor for Reader {
        async fn terminated(&mut self, _ctx: &mut Context<Self>, of: Terminated) {
            self.0.write(of.to_string());
        }
    }
    struct Read(Handle);
    impl Message for Read {
        type Reply = ();
    }
    impl Handler<Read> for Reader {
        async fn handle(&mut self, msg: Read, ctx: &mut Context<Self>) {
            ctx.watch(msg.0);
        }
    }
    let lab = Lab::new("sentence");
    let target = target(&lab, "t");
    let reader = Reader(lab.diary.clone()).prepare().system(&lab.system).spawn().unwrap();
    reader.ask(Read(target.handle())).await.unwrap();
    lab.diary.take();
    target.kill();
    idle().await;
    let lines = lab.diary.take();
    assert_eq!(lines.last(), Some(&format!("{} was killed", target.identity())), "{lines:?}");
    lab.close().await;
}
