//! Actors whose askers run their handlers, `#[actor(caller_runs)]`. What the contract promises holds there as
//! everywhere; whoever is run by its asker has answered at the first poll of the ask.

#[path = "support/log.rs"]
mod journal;

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    task::Poll,
    time::Duration,
};

use postbox::{Reason, ReplyTo, Status, prelude::*};
use tokio::{
    runtime::{self, Handle as Runtime},
    sync::Notify,
    task::{self, yield_now},
};
use tokio_test::{assert_pending, assert_ready, task::spawn as polled};

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
    dyn for<'a> FnOnce(&'a mut A, &'a mut Context<A>) -> Pin<Box<dyn Future<Output = u32> + Send + 'a>>
        + Send,
>;

/// Has the actor do something.
struct Do<A: Actor>(Job<A>);

impl<A: Actor> Message for Do<A> {
    type Reply = u32;
}

/// An actor that its askers run.
#[derive(Actor, Clone, Default)]
#[actor(caller_runs)]
struct Lent {
    log: Log,
    open: bool,
}

/// The same, and they do not.
#[derive(Actor, Clone, Default)]
struct Kept;

/// One that runs in the poll of another actor which tells it something.
#[derive(Actor)]
#[actor(hand_off)]
struct Near;

#[derive(Message)]
struct Told;

impl Handler<Told> for Near {
    async fn handle(&mut self, _msg: Told, _ctx: &mut Context<Self>) {}
}

impl Handler<Do<Self>> for Lent {
    async fn handle(&mut self, Do(job): Do<Self>, ctx: &mut Context<Self>) -> u32 {
        job(self, ctx).await
    }
}

impl Handler<Do<Self>> for Kept {
    async fn handle(&mut self, Do(job): Do<Self>, ctx: &mut Context<Self>) -> u32 {
        job(self, ctx).await
    }
}

/// A job, whose reply is what the body comes to.
macro_rules! job {
    (|$me:ident, $ctx:ident| $body:expr) => {
        job!(Lent: |$me, $ctx| $body)
    };
    ($actor:ty: |$me:ident, $ctx:ident| $body:expr) => {
        Do::<$actor>(Box::new(move |$me, $ctx| {
            Box::pin(async move {
                let _ = (&$me, &$ctx);
                $body
            })
        }))
    };
}

/// A line in the log.
fn note(line: &'static str, reply: u32) -> Do<Lent> {
    job!(|me, _ctx| {
        me.log.add(line);
        reply
    })
}

/// A job that waits until the gate is open.
fn waits(gate: &Arc<Notify>, reply: u32) -> Do<Lent> {
    let gate = Arc::clone(gate);
    job!(|me, _ctx| {
        me.log.add("begun");
        gate.notified().await;
        me.log.add("done");
        reply
    })
}

/// Spawns an actor that has nothing to do.
async fn idle<A: Actor>(system: &System, name: &str, actor: A) -> ActorRef<A> {
    let actor = actor.prepare().name(name).system(system).start().await.unwrap();
    settle().await;
    actor
}

async fn lent(system: &System) -> (ActorRef<Lent>, Log) {
    let log = Log::default();
    (idle(system, "lent", Lent { log: log.clone(), open: false }).await, log)
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

#[tokio::test(start_paused = true)]
async fn actor_with_nothing_to_do_has_answered_at_the_first_poll() {
    let system = System::new("lent");
    let (to, log) = lent(&system).await;
    for count in 1..=3 {
        assert_eq!(assert_ready!(polled(to.ask(note("asked", 7))).poll()).unwrap(), 7);
        let ledger = to.ledger();
        assert_eq!((ledger.accepted, ledger.handled, ledger.in_flight), (count, count, 0));
    }
    assert_eq!(assert_ready!(polled(to.try_ask(note("tried", 8))).poll()).unwrap(), 8);
    assert_eq!(log.lines(), ["asked", "asked", "asked", "tried"]);
    close(system).await;
}

/// It is a choice: who does not say so goes the ordinary way, or no test here could fail.
#[tokio::test(start_paused = true)]
async fn actor_that_does_not_say_so_is_not_run_by_its_asker() {
    let system = System::new("kept");
    let to = idle(&system, "kept", Kept).await;
    let mut ask = polled(to.ask(job!(Kept: |_me, _ctx| 7)));
    assert_pending!(ask.poll());
    assert_eq!(ask.await.unwrap(), 7);
    // To run in the poll of another actor is another choice.
    let to = idle(&system, "near", Near).await;
    let mut ask = polled(to.ask(Told));
    assert!(ask.poll().is_pending());
    assert!(ask.await.is_ok());
    close(system).await;
}

/// contract §1: per sender, in the order in which they were accepted
#[tokio::test(start_paused = true)]
async fn ask_behind_a_message_does_not_overtake_it() {
    let system = System::new("order");
    let (to, log) = lent(&system).await;
    to.tell(note("told", 1)).await.unwrap();
    let mut ask = polled(to.ask(note("asked", 2)));
    assert_pending!(ask.poll());
    assert_eq!(ask.await.unwrap(), 2);
    assert_eq!(log.lines(), ["told", "asked"]);
    close(system).await;
}

/// Its limit could not pass while the handler holds the asker's thread.
#[tokio::test(start_paused = true)]
async fn ask_with_a_limit_is_not_run_by_its_asker() {
    let system = System::new("limits");
    let (to, _log) = lent(&system).await;
    let limit = Duration::from_secs(1);
    let mut timeout = polled(to.ask(note("timeout", 1)).timeout(limit));
    assert_pending!(timeout.poll());
    assert_eq!(timeout.await.unwrap(), 1);
    settle().await;
    let mut deadline = polled(to.ask(note("deadline", 2)).deadline(limit));
    assert_pending!(deadline.poll());
    assert_eq!(deadline.await.unwrap(), 2);
    settle().await;
    let stuck = to.ask(job!(|_me, _ctx| std::future::pending().await)).timeout(limit).await;
    assert!(matches!(stuck, Err(AskError::Timeout { started: true, .. })), "{stuck:?}");
    to.kill();
    close(system).await;
}

/// Messages with more to them, and recipients, go the ordinary way, and are handled as ever.
#[tokio::test(start_paused = true)]
async fn messages_with_retry_and_priority_and_recipients_go_the_ordinary_way() {
    #[derive(Actor, Default)]
    #[actor(caller_runs)]
    struct Rich {
        tries: u32,
    }

    #[messages]
    impl Rich {
        #[message(retry = 2, derive(Clone))]
        fn careful(&mut self) -> u32 {
            self.tries += 1;
            self.tries
        }

        #[message(priority)]
        fn urgent(&mut self) -> u32 {
            10
        }

        #[message(timeout = "1s")]
        fn limited(&mut self) -> u32 {
            20
        }

        #[message(derive(Debug))]
        fn plain(&mut self) -> u32 {
            30
        }
    }

    let system = System::new("rich");
    let to = idle(&system, "rich", Rich::default()).await;
    let plain = to.recipient::<Plain>();
    let mut asks = [
        polled(Box::pin(async { to.careful().await.unwrap() }) as Pin<Box<dyn Future<Output = u32>>>),
        polled(Box::pin(async { to.urgent().await.unwrap() })),
        polled(Box::pin(async { to.limited().await.unwrap() })),
        polled(Box::pin(async { plain.ask(Plain).await.unwrap() })),
    ];
    for (ask, reply) in asks.iter_mut().zip([1, 10, 20, 30]) {
        assert_pending!(ask.poll());
        settle().await;
        assert_eq!(assert_ready!(ask.poll()), reply);
    }
    drop(asks);
    assert_eq!(assert_ready!(polled(to.plain().send()).poll()).unwrap(), 30, "it was idle all the time");
    drop(plain);
    close(system).await;
}

/// performance §4: same runtime only
#[test]
fn actor_runs_on_no_other_runtime_than_its_own() {
    let build = || runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (here, there) = (build(), build());
    let system = System::new("two runtimes");
    let far = there.block_on(lent(&system)).0;
    let here_now = || {
        job!(|me, _ctx| {
            me.log.add(Runtime::current().id().to_string());
            0
        })
    };
    let ask = far.clone();
    here.block_on(async { tokio::spawn(async move { ask.ask(here_now()).await }).await }).unwrap().unwrap();
    here.block_on(far.ask(here_now())).unwrap();
    // On the thread that has just been in the other one.
    there.block_on(far.ask(here_now())).unwrap();
    assert_ne!(here.handle().id(), there.handle().id());
    let seen = there.block_on(async { far.ask(job!(|me, _ctx| me.log.lines().len() as u32)).await });
    assert_eq!(seen.unwrap(), 3);
    let own = there.handle().id().to_string();
    let lines = there.block_on(async {
        let lines = Log::default();
        let to = lines.clone();
        far.ask(job!(|me, _ctx| {
            me.log.lines().iter().for_each(|line| to.add(line.as_str()));
            0
        }))
        .await
        .unwrap();
        lines.lines()
    });
    assert_eq!(lines, [own.as_str(); 3]);
    there.block_on(close(system));
}

/// performance §4: outside of any runtime there is nothing to run it in
#[test]
fn asker_outside_of_a_runtime_leaves_the_actor_to_its_task() {
    let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let system = System::new("outside");
    let to = runtime.block_on(lent(&system)).0;
    let asked = to.ask(job!(|_me, _ctx| u32::from(Runtime::try_current().is_ok()))).blocking();
    assert_eq!(asked.unwrap(), 1);
    runtime.block_on(close(system));
}

/// performance §4: bounded depth
#[tokio::test(start_paused = true)]
async fn ninth_run_inside_the_others_is_left_to_the_actors_task() {
    const CHAIN: usize = 12;

    fn ask_on(mut rest: Vec<ActorRef<Lent>>) -> Do<Lent> {
        job!(|me, _ctx| {
            me.log.add(task::id().to_string());
            match rest.pop() {
                Some(next) => 1 + next.ask(ask_on(rest)).await.unwrap(),
                None => 1,
            }
        })
    }

    let system = System::new("depth");
    let log = Log::default();
    let mut chain = Vec::new();
    for number in 0..CHAIN {
        chain.push(idle(&system, &format!("link-{number}"), Lent { log: log.clone(), open: false }).await);
    }
    let first = chain.pop().unwrap();
    let asker =
        tokio::spawn(async move { (task::id().to_string(), first.ask(ask_on(chain)).await.unwrap()) });
    let (asker, length) = asker.await.unwrap();
    assert_eq!(length as usize, CHAIN);
    let ran_in = log.lines();
    assert!(ran_in[..8].iter().all(|task| *task == asker), "eight in the asker's task: {ran_in:?}");
    assert_ne!(ran_in[8], asker, "the ninth in its own");
    assert!(ran_in[8..].iter().all(|task| *task == ran_in[8]), "and the next eight in that one");
    // The depth is that of the moment: the next one begins anew.
    let (again, _log) = lent(&system).await;
    assert_ready!(polled(again.ask(note("again", 0))).poll()).unwrap();
    close(system).await;
}

/// performance §4: coop budget charged
#[tokio::test(start_paused = true)]
async fn asker_in_a_loop_lets_others_run() {
    let system = System::new("loop");
    let (to, _log) = lent(&system).await;
    let ran = Arc::new(AtomicBool::new(false));
    let asking = tokio::spawn({
        let ran = Arc::clone(&ran);
        async move {
            let mut asks = 0;
            while !ran.load(Ordering::Relaxed) && asks < 100_000 {
                to.ask(job!(|_me, _ctx| 0)).await.unwrap();
                asks += 1;
            }
            asks
        }
    });
    let other = tokio::spawn(async move { ran.store(true, Ordering::Relaxed) });
    let asks = asking.await.unwrap();
    assert!(asks > 1 && asks <= 1000, "the other one waited for {asks} asks");
    other.await.unwrap();
    close(system).await;
}

/// contract §3: the failure is the actor's; its asker is told, and nobody unwinds but the handler
#[tokio::test(start_paused = true)]
async fn failure_restarts_the_actor_and_is_told_to_the_asker() {
    for by_panic in [true, false] {
        let system = System::new("failure");
        let tree = Supervisor::one_for_one().name("tree").system(&system).start().await.unwrap();
        let (log, starts) = (Log::default(), Arc::new(AtomicU64::new(0)));
        let worker = {
            let (log, starts) = (log.clone(), Arc::clone(&starts));
            child("worker", move || {
                starts.fetch_add(1, Ordering::Relaxed);
                Lent { log: log.clone(), open: false }
            })
        };
        let worker = tree.spawn(worker).await.unwrap();
        settle().await;
        let failing =
            job!(|_me, ctx| if by_panic { panic!("it is torn") } else { ctx.fail("it is torn").await });
        let error = assert_ready!(polled(worker.ask(failing)).poll()).unwrap_err();
        assert!(
            matches!(&error, AskError::Failed(failure) if failure.to_string().contains("it is torn")),
            "{error}"
        );
        assert_eq!(error.may_retry(), None);
        assert_eq!(starts.load(Ordering::Relaxed), 1, "the end of the incarnation is its own task's");
        let mut behind = polled(worker.ask(note("behind it", 3)));
        assert_pending!(behind.poll());
        assert_eq!(behind.await.unwrap(), 3);
        assert_eq!(starts.load(Ordering::Relaxed), 2);
        settle().await;
        assert_eq!(assert_ready!(polled(worker.ask(note("idle again", 4))).poll()).unwrap(), 4);
        let ledger = worker.ledger();
        assert_eq!((ledger.accepted, ledger.handled, ledger.dead), (3, 2, 1));
        assert_eq!(system.dead_letters().count(Reason::Failed), 1);
        close(system).await;
    }
}

/// A failure of one that is run inside another one is not the other one's.
#[tokio::test(start_paused = true)]
async fn failure_of_an_actor_that_another_one_asks_is_its_own() {
    let system = System::new("nested failure");
    let (asked, _log) = lent(&system).await;
    let asker = idle(&system, "asker", Lent::default()).await;
    let to = asked.clone();
    let told = polled(asker.ask(job!(|_me, _ctx| {
        let error = to.ask(job!(|_me, _ctx| panic!("no more"))).await.unwrap_err();
        u32::from(matches!(error, AskError::Failed(_)))
    })))
    .poll();
    assert_eq!(assert_ready!(told).unwrap(), 1);
    assert!(asked.ended().await.is_failure());
    assert_eq!(asker.status(), Status::Running);
    close(system).await;
}

/// A hand-written handler may panic before there is a future of it.
#[tokio::test(start_paused = true)]
async fn panic_before_the_handlers_future_is_made_is_told_to_the_asker() {
    struct Early;

    impl Message for Early {
        type Reply = u32;
    }

    impl Handler<Early> for Lent {
        fn handle(&mut self, _msg: Early, _ctx: &mut Context<Self>) -> impl Future<Output = u32> + Send {
            if !self.open {
                panic!("too early");
            }
            async { 1 }
        }
    }

    let system = System::new("early");
    let (to, _log) = lent(&system).await;
    let error = assert_ready!(polled(to.ask(Early)).poll()).map(|_| ()).unwrap_err();
    assert!(matches!(&error, AskError::Failed(failure) if failure.to_string().contains("too early")));
    assert!(to.ended().await.is_failure());
    assert_eq!(system.dead_letters().count(Reason::Failed), 1);
    close(system).await;
}

/// The message has been handled by then: what is dropped in vain is no second fate of it.
#[tokio::test(start_paused = true)]
async fn panic_of_what_the_handler_leaves_behind_does_not_cost_the_reply() {
    struct Bad<F>(F);

    impl<F> Drop for Bad<F> {
        fn drop(&mut self) {
            panic!("dropped badly");
        }
    }

    impl<F: Future + Unpin> Future for Bad<F> {
        type Output = F::Output;

        fn poll(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<F::Output> {
            Pin::new(&mut self.0).poll(cx)
        }
    }

    struct Leaves;

    impl Message for Leaves {
        type Reply = u32;
    }

    impl Handler<Leaves> for Lent {
        fn handle(&mut self, _msg: Leaves, _ctx: &mut Context<Self>) -> impl Future<Output = u32> + Send {
            Bad(std::future::ready(5))
        }
    }

    let system = System::new("bad drop");
    let (to, _log) = lent(&system).await;
    assert_eq!(assert_ready!(polled(to.ask(Leaves)).poll()).map_err(|_| ()).unwrap(), 5);
    assert!(to.ended().await.is_failure());
    assert_eq!((to.ledger().handled, to.ledger().dead), (1, 0));
    close(system).await;
}

#[tokio::test(start_paused = true)]
async fn handler_that_waits_goes_on_in_its_own_task() {
    let system = System::new("waits");
    let (to, log) = lent(&system).await;
    let gate = Arc::new(Notify::new());
    let mut first = polled(to.ask(waits(&gate, 1)));
    assert_pending!(first.poll());
    assert_eq!(log.lines(), ["begun"], "in the asker's poll");
    assert_eq!(to.ledger().in_flight, 1);
    let mut second = polled(to.ask(note("behind it", 2)));
    assert_pending!(second.poll());
    settle().await;
    assert_eq!(log.lines(), ["begun"], "never two in one actor");
    gate.notify_one();
    settle().await;
    assert!(first.is_woken() && second.is_woken());
    assert_eq!(assert_ready!(first.poll()).unwrap(), 1);
    assert_eq!(assert_ready!(second.poll()).unwrap(), 2);
    assert_eq!(log.lines(), ["begun", "done", "behind it"]);
    assert_eq!(assert_ready!(polled(to.ask(note("idle", 3))).poll()).unwrap(), 3);
    close(system).await;
}

/// Its wake-up comes while the asker is still at it, and finds it so.
#[tokio::test(start_paused = true)]
async fn handler_that_gives_way_goes_on_in_its_own_task() {
    let system = System::new("yields");
    let (to, _log) = lent(&system).await;
    let mut ask = polled(to.ask(job!(|_me, _ctx| {
        for _ in 0..3 {
            yield_now().await;
        }
        task::try_id().map_or(0, |_| 9)
    })));
    assert_pending!(ask.poll());
    settle().await;
    assert!(ask.is_woken());
    assert_eq!(assert_ready!(ask.poll()).unwrap(), 9);
    close(system).await;
}

/// A future that is too large for the actor's own place.
#[tokio::test(start_paused = true)]
async fn large_handler_is_run_by_its_asker_too() {
    struct Large(Option<Arc<Notify>>);

    impl Message for Large {
        type Reply = u32;
    }

    impl Handler<Large> for Lent {
        async fn handle(&mut self, Large(gate): Large, _ctx: &mut Context<Self>) -> u32 {
            let held = [1_u8; 4096];
            if let Some(gate) = gate {
                gate.notified().await;
            }
            held.iter().map(|byte| u32::from(*byte)).sum()
        }
    }

    let system = System::new("large");
    let (to, _log) = lent(&system).await;
    assert_eq!(assert_ready!(polled(to.ask(Large(None))).poll()).map_err(|_| ()).unwrap(), 4096);
    let gate = Arc::new(Notify::new());
    let mut ask = polled(to.ask(Large(Some(Arc::clone(&gate)))));
    assert!(ask.poll().is_pending());
    gate.notify_one();
    settle().await;
    assert_eq!(assert_ready!(ask.poll()).map_err(|_| ()).unwrap(), 4096);
    close(system).await;
}

/// contract §6, I6: as any ask whose message is in flight
#[tokio::test(start_paused = true)]
async fn dropped_ask_leaves_its_handler_to_go_on() {
    let system = System::new("dropped");
    let (to, log) = lent(&system).await;
    let gate = Arc::new(Notify::new());
    let mut ask = polled(to.ask(waits(&gate, 1)));
    assert_pending!(ask.poll());
    drop(ask);
    gate.notify_one();
    settle().await;
    assert_eq!(log.lines(), ["begun", "done"]);
    assert_eq!(system.dead_letters().count(Reason::LateReply), 1);
    assert_eq!((to.ledger().handled, to.ledger().dead), (1, 0));
    close(system).await;
}

/// contract §6 and §7: a handler that its asker has begun is cut as any other
#[tokio::test(start_paused = true)]
async fn kill_cuts_a_handler_that_waits() {
    let system = System::new("killed");
    let (to, log) = lent(&system).await;
    let mut ask = polled(to.ask(waits(&Arc::new(Notify::new()), 1)));
    assert_pending!(ask.poll());
    to.kill();
    settle().await;
    assert!(ask.is_woken());
    let error = assert_ready!(ask.poll()).unwrap_err();
    assert!(matches!(&error, AskError::Aborted { reason: StopReason::Killed, .. }), "{error}");
    assert_eq!(log.lines(), ["begun"]);
    assert_eq!(system.dead_letters().count(Reason::Aborted), 1);
    close(system).await;
}

/// contract §7: who is told to end while its asker is in it ends when that is over
#[tokio::test(start_paused = true)]
async fn word_to_end_out_of_the_handler_is_heard_when_it_is_over() {
    for end in [Handle::kill, Handle::stop, Handle::stop_now] {
        let system = System::new("told to end");
        let (to, log) = lent(&system).await;
        let ended = polled(to.ask(job!(|me, ctx| {
            end(&ctx.handle());
            me.log.add("handled");
            1
        })))
        .poll();
        assert_eq!(assert_ready!(ended).unwrap(), 1, "it had done its work");
        let error = assert_ready!(polled(to.ask(note("too late", 2))).poll()).unwrap_err();
        assert!(matches!(error, AskError::Stopped { .. }), "{error}");
        to.ended().await;
        assert_eq!(log.lines(), ["handled"]);
        assert_eq!(to.ledger().handled, 1);
        close(system).await;
    }
}

/// contract §7: an actor that has been told to end is not run any more, though its task has not come to it yet
#[tokio::test(start_paused = true)]
async fn asker_does_not_run_an_actor_that_has_been_told_to_end() {
    for end in [Handle::kill, Handle::stop, Handle::stop_now] {
        let system = System::new("ending");
        let (to, log) = lent(&system).await;
        end(&to.handle());
        let error = assert_ready!(polled(to.ask(note("too late", 1))).poll()).unwrap_err();
        assert!(matches!(error, AskError::Stopped { .. }), "{error}");
        to.ended().await;
        assert!(log.lines().is_empty());
        close(system).await;
    }
}

/// contract §5: a group restart gives a handler at work its time, and cuts it then
#[tokio::test(start_paused = true)]
async fn group_restart_reaches_a_handler_that_its_asker_has_begun() {
    let system = System::new("group");
    let tree = Supervisor::one_for_all().name("tree").system(&system).start().await.unwrap();
    let log = Log::default();
    let lent = {
        let log = log.clone();
        child("lent", move || Lent { log: log.clone(), open: false }).shutdown(Duration::from_secs(1))
    };
    let lent = tree.spawn(lent).await.unwrap();
    let other = tree.spawn(child("other", || Kept)).await.unwrap();
    settle().await;
    let mut ask = polled(lent.ask(waits(&Arc::new(Notify::new()), 1)));
    assert_pending!(ask.poll());
    other.tell(job!(Kept: |_me, _ctx| panic!("all of you"))).await.unwrap();
    let error = ask.await.unwrap_err();
    assert!(matches!(error, AskError::Aborted { .. }), "{error}");
    assert_eq!(lent.ask(note("next incarnation", 2)).await.unwrap(), 2);
    assert_eq!(log.lines(), ["begun", "next incarnation"]);
    close(system).await;
}

/// contract §6 and §8: who is at work is known in the poll of another one, and afterwards
#[tokio::test(start_paused = true)]
async fn actor_at_work_is_known_in_its_askers_poll_and_put_back_after_it() {
    let system = System::new("current");
    let (two, log) = lent(&system).await;
    let one = idle(&system, "one", Lent { log: log.clone(), open: false }).await;
    let (me, to) = (one.clone(), two.clone());
    let asked = polled(one.ask(job!(|lent, _ctx| {
        let own = to.clone();
        to.ask(job!(|lent, _ctx| {
            let error = own.ask(note("never", 0)).await.unwrap_err();
            lent.log.add(format!("two: {}", matches!(error, AskError::WouldDeadlock { .. })));
            // It belongs to the system of the actor that spawns it.
            let spawned = Kept.prepare().name("spawned").spawn().unwrap();
            drop(spawned);
            0
        }))
        .await
        .unwrap();
        let error = me.ask(note("never", 0)).await.unwrap_err();
        lent.log.add(format!("one: {}", matches!(error, AskError::WouldDeadlock { .. })));
        1
    })))
    .poll();
    assert_eq!(assert_ready!(asked).unwrap(), 1);
    assert_eq!(log.lines(), ["two: true", "one: true"]);
    let kinds: Vec<_> = system.snapshot().actors.iter().map(|actor| actor.identity.to_string()).collect();
    assert!(kinds.iter().any(|kind| kind.contains("spawned")), "{kinds:?}");
    // Outside of actors nobody is at work: a thread may block.
    assert!(two.tell(note("from outside", 0)).blocking().is_ok());
    settle().await;
    close(system).await;
}

/// contract §6: a circle of asks, all of it in one poll
#[tokio::test(start_paused = true)]
async fn circle_of_asks_is_found() {
    let system = System::builder("circle").detect_deadlocks(true).build();
    let (two, log) = lent(&system).await;
    let one = idle(&system, "one", Lent { log: log.clone(), open: false }).await;
    let (back, to) = (one.clone(), two.clone());
    let asked = polled(one.ask(job!(|_lent, _ctx| {
        to.ask(job!(|lent, _ctx| {
            let error = back.ask(note("never", 0)).await.unwrap_err();
            lent.log.add(format!(
                "{}",
                matches!(&error, AskError::WouldDeadlock { path, .. } if !path.is_empty())
            ));
            3
        }))
        .await
        .unwrap()
    })))
    .poll();
    assert_eq!(assert_ready!(asked).unwrap(), 3);
    assert_eq!(log.lines(), ["true"]);
    close(system).await;
}

/// A reply that is given later: at once, after the handler, or never.
#[tokio::test(start_paused = true)]
async fn reply_that_is_given_later_reaches_the_asker() {
    type Keeper = Arc<Mutex<Option<ReplyTo<u32>>>>;

    fn later(kept: &Keeper) -> Do<Lent> {
        let kept = Arc::clone(kept);
        job!(|_me, ctx| ctx.reply_later(|reply| *kept.lock().unwrap() = Some(reply)).await)
    }

    let system = System::new("later");
    let (to, _log) = lent(&system).await;
    let kept = Keeper::default();
    let mut ask = polled(to.ask(later(&kept)));
    assert_pending!(ask.poll());
    assert_eq!((to.ledger().handled, to.ledger().in_flight), (1, 0));
    assert_eq!(assert_ready!(polled(to.ask(note("idle", 1))).poll()).unwrap(), 1, "the actor is free");
    kept.lock().unwrap().take().unwrap().send(6).unwrap();
    assert!(ask.is_woken());
    assert_eq!(assert_ready!(ask.poll()).unwrap(), 6);

    let mut ask = polled(to.ask(later(&kept)));
    assert_pending!(ask.poll());
    drop(kept.lock().unwrap().take());
    assert!(matches!(assert_ready!(ask.poll()), Err(AskError::NoReply { .. })));

    let at_once = job!(|_me, ctx| ctx.reply_later(|reply: ReplyTo<u32>| reply.send(7).unwrap()).await);
    assert_eq!(assert_ready!(polled(to.ask(at_once)).poll()).unwrap(), 7);

    // It fails with the reply in another one's hands: whoever answers first is heard.
    let into = Arc::clone(&kept);
    let fails = job!(|_me, ctx| {
        tokio::select! {
            biased;
            () = ctx.reply_later(|reply| *into.lock().unwrap() = Some(reply)) => {}
            () = std::future::ready(()) => {}
        }
        panic!("it had let go of its reply")
    });
    let told = assert_ready!(polled(to.ask(fails)).poll());
    assert!(matches!(told, Err(AskError::Failed(_))), "{told:?}");
    assert!(to.ended().await.is_failure());
    close(system).await;
}

/// contract §2: put aside, it has its place, its asker, and its turn later
#[tokio::test(start_paused = true)]
async fn message_that_is_put_aside_keeps_its_asker() {
    struct Ware(u32);

    impl Message for Ware {
        type Reply = u32;
    }

    impl Handler<Ware> for Lent {
        async fn handle(&mut self, ware: Ware, ctx: &mut Context<Self>) -> u32 {
            if self.open { ware.0 } else { ctx.stash(ware).await }
        }
    }

    let system = System::new("aside");
    let (to, _log) = lent(&system).await;
    let mut ask = polled(to.ask(Ware(4)));
    assert!(ask.poll().is_pending());
    let ledger = to.ledger();
    assert_eq!((ledger.accepted, ledger.stashed, ledger.in_flight), (1, 1, 0));
    let opens = job!(|me, ctx| {
        me.open = true;
        ctx.unstash_all();
        1
    });
    assert_eq!(to.ask(opens).await.unwrap(), 1, "what lies aside is not before it");
    settle().await;
    assert!(ask.is_woken());
    assert_eq!(assert_ready!(ask.poll()).map_err(|_| ()).unwrap(), 4);
    close(system).await;
}

/// contract §5: a thread inside the handler is at work, whosever thread it is
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn handler_that_holds_its_askers_thread_makes_the_actor_detached() {
    let (journal, _guard) = journal::Log::begin();
    let system = System::new("detached");
    let (to, _log) = lent(&system).await;
    // On many threads its task may still be on its way to rest: until it is run here, outside of any task.
    while to.ask(job!(|_me, _ctx| u32::from(task::try_id().is_some()))).await.unwrap() > 0 {}
    let handled = to.ledger().handled;
    let (entered, has_entered) = tokio::sync::oneshot::channel();
    let (key, lock) = mpsc::channel::<()>();
    let asker = tokio::spawn({
        let to = to.clone();
        async move {
            let here = task::id();
            to.ask(job!(|_me, _ctx| {
                entered.send(()).unwrap();
                let _opened = lock.recv();
                u32::from(task::id() == here)
            }))
            .await
        }
    });
    has_entered.await.unwrap();
    let report = system.shutdown(Duration::from_millis(1)).await;
    assert_eq!(report.detached, [to.identity().clone()]);
    assert_eq!((to.status(), to.ledger().in_flight), (Status::Detached, 1));
    let errors = journal.lines("ERROR");
    assert!(
        errors.iter().any(|line| line.contains("was killed while handling caller_runs::Do<")),
        "{errors:?}"
    );
    key.send(()).unwrap();
    assert_eq!(asker.await.unwrap().unwrap(), 1, "it was its asker who ran it, and who hears of it");
    to.ended().await;
    assert_eq!((to.status(), to.ledger().handled), (Status::Ended, handled + 1));
    assert_eq!(system.dead_letters().count(Reason::Leaked), 0);
}

/// I3, and never two at once: askers, tellers, failures and the actors' own tasks from many threads
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_message_of_many_askers_is_handled_once() {
    const TASKS: u32 = 16;
    const ASKS: u32 = 400;

    #[derive(Actor)]
    #[actor(capacity = 8, caller_runs)]
    struct Counter {
        inside: Arc<AtomicBool>,
        count: Arc<AtomicU64>,
    }

    #[messages]
    impl Counter {
        #[message]
        async fn add(&mut self, number: u32) -> u32 {
            assert!(!self.inside.swap(true, Ordering::AcqRel), "somebody else is in the actor");
            if number.is_multiple_of(3) {
                yield_now().await;
            }
            self.count.fetch_add(1, Ordering::Relaxed);
            assert!(self.inside.swap(false, Ordering::AcqRel));
            number
        }

        #[message]
        fn trip(&mut self) {
            panic!("on purpose");
        }
    }

    let system = System::new("many");
    let limit = TASKS * ASKS;
    let tree =
        Supervisor::one_for_one().limit(limit, Duration::from_secs(3600)).system(&system).start().await;
    let count = Arc::new(AtomicU64::new(0));
    let counter = {
        let count = Arc::clone(&count);
        // Each incarnation has a mark of its own, for the one before it may have been cut inside.
        child("counter", move || Counter { inside: Arc::default(), count: Arc::clone(&count) })
    };
    let tree = tree.unwrap();
    let counter = tree.spawn(counter).await.unwrap();
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let counter = counter.clone();
            tokio::spawn(async move {
                let mut failed = 0;
                for number in 0..ASKS {
                    match (task + number) % 50 {
                        0 => failed += u32::from(counter.trip().await.is_err()),
                        7 => counter.add(number).tell().await.unwrap(),
                        _ => assert_eq!(counter.add(number).await.unwrap(), number),
                    }
                }
                failed
            })
        })
        .collect();
    let mut failed = 0;
    for task in tasks {
        failed += task.await.unwrap();
    }
    assert_eq!(failed, TASKS * ASKS / 50);
    // What was told last may still wait.
    counter.add(1).timeout(Duration::from_secs(60)).await.unwrap();
    close(system).await;
    let ledger = counter.ledger();
    assert!(ledger.balances() && ledger.in_flight == 0, "{ledger}");
    assert_eq!((ledger.dead, ledger.accepted), (u64::from(failed), u64::from(TASKS * ASKS) + 1));
    assert_eq!(count.load(Ordering::Relaxed), ledger.handled);
}
