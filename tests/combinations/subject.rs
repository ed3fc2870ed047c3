//! The actor that a case is about, its messages, and what makes them go wrong.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    task::{Context as TaskContext, Poll},
    time::Duration,
};

use postbox::prelude::*;
use tokio::{sync::Semaphore, task::yield_now, time::sleep};

use crate::{
    case::{Again, Case, From, Kind, Part, Point},
    request::Request,
};

/// How long a delay is, and what is done from outside waits until it is done.
pub(crate) const DELAY: Duration = Duration::from_secs(1);
const SOON: Duration = Duration::from_millis(250);

/// What panics say that are part of the plan.
pub(crate) const PLANNED: &str = "as planned";

/// What goes wrong in one case, and what was seen of it.
pub(crate) struct Script {
    pub(crate) case: Case,
    /// Before it, nothing goes wrong: the actor has not been set up yet.
    pub(crate) armed: AtomicBool,
    pub(crate) hits: AtomicU32,
    pub(crate) runs: Mutex<Vec<u32>>,
    pub(crate) made: AtomicU32,
    /// Who came late, and whether that was accepted.
    pub(crate) late: Mutex<Vec<(u32, bool)>>,
    pub(crate) stopped: Mutex<Vec<&'static str>>,
    pub(crate) alive: AtomicU32,
    pub(crate) children: AtomicU32,
    pub(crate) notices: AtomicU32,
    pub(crate) overlaps: AtomicU32,
    /// Notices of an end that was not over.
    pub(crate) early: AtomicU32,
    /// Holds the `terminated` hook.
    pub(crate) gate: Semaphore,
    pub(crate) handle: Mutex<Option<Handle>>,
    pub(crate) supervisor: Mutex<Option<Handle>>,
    pub(crate) last: Mutex<Option<ActorRef<Subject>>>,
    pub(crate) in_flight: Mutex<Weak<dyn Request>>,
    pub(crate) queued: Mutex<Weak<dyn Request>>,
    pub(crate) victim: Mutex<Option<Handle>>,
}

impl Script {
    pub(crate) fn new(case: Case) -> Arc<Self> {
        let nobody: Weak<dyn Request> = Weak::<crate::request::Nobody>::new();
        Arc::new(Self {
            case,
            armed: AtomicBool::new(false),
            hits: AtomicU32::new(0),
            runs: Mutex::default(),
            made: AtomicU32::new(0),
            late: Mutex::default(),
            stopped: Mutex::default(),
            alive: AtomicU32::new(0),
            children: AtomicU32::new(0),
            notices: AtomicU32::new(0),
            overlaps: AtomicU32::new(0),
            early: AtomicU32::new(0),
            gate: Semaphore::new(0),
            handle: Mutex::default(),
            supervisor: Mutex::default(),
            last: Mutex::default(),
            in_flight: Mutex::new(nobody.clone()),
            queued: Mutex::new(nobody),
            victim: Mutex::default(),
        })
    }

    fn fires(&self, point: Point) -> bool {
        let fires = point == self.case.point
            && self.armed.load(Ordering::SeqCst)
            && self.hits.load(Ordering::SeqCst) < self.case.times();
        if fires {
            self.hits.fetch_add(1, Ordering::SeqCst);
        }
        fires
    }

    /// At a point that cannot wait. True: it is to do what it has of an error.
    fn hit(&self, point: Point) -> bool {
        if !self.fires(point) {
            return false;
        }
        match self.case.kind {
            Kind::Panic => panic!("{PLANNED}"),
            Kind::Error => return true,
            kind => self.raise(kind),
        }
        false
    }

    /// At a point that can. True: it is to fail on purpose.
    async fn wait(self: &Arc<Self>, point: Point) -> bool {
        if !self.fires(point) {
            return false;
        }
        match self.case.kind {
            Kind::Panic => panic!("{PLANNED}"),
            Kind::Error => return true,
            kind => {
                match self.case.from {
                    From::Outside => self.raise_soon(kind),
                    From::Within => self.raise(kind),
                }
                sleep(DELAY).await;
            }
        }
        false
    }

    /// From outside, while the actor is at its await.
    fn raise_soon(self: &Arc<Self>, kind: Kind) {
        let script = Arc::clone(self);
        tokio::spawn(async move {
            sleep(SOON).await;
            script.raise(kind);
        });
    }

    /// What leads to a point, and is not what goes wrong at it.
    fn kill_soon(&self) {
        let handle = self.handle.lock().unwrap().clone().expect("it was set up");
        tokio::spawn(async move {
            sleep(SOON).await;
            handle.kill();
        });
    }

    fn raise(&self, kind: Kind) {
        let handle = || self.handle.lock().unwrap().clone().expect("it was set up");
        match kind {
            Kind::Panic | Kind::Error | Kind::Delay | Kind::AskerTimedOut => {}
            Kind::Kill => handle().kill(),
            Kind::StopNow => handle().stop_now(),
            Kind::Stop => handle().stop(),
            Kind::SupervisorStop => {
                let supervisor = self.supervisor.lock().unwrap().clone();
                supervisor.expect("it has one").stop();
            }
            Kind::Release => drop(self.last.lock().unwrap().take()),
            Kind::AskerDropped => {
                for asker in [&self.in_flight, &self.queued] {
                    let asker = asker.lock().unwrap().upgrade();
                    asker.into_iter().for_each(|asker| asker.give_up());
                }
            }
        }
        self.send_late();
    }

    /// Whoever comes after what has been raised.
    fn send_late(&self) {
        let subject = self.last.lock().unwrap().clone();
        let mut late = self.late.lock().unwrap();
        if let Some(&number) = self.case.late().get(late.len()) {
            let sent = subject.expect("it is held").try_tell(Note(number));
            late.push((number, sent.is_ok()));
        }
    }
}

/// A reason in short.
pub(crate) fn word(reason: &StopReason) -> &'static str {
    match reason {
        StopReason::Stopped => "stopped",
        StopReason::Released => "released",
        StopReason::Shutdown => "shutdown",
        StopReason::Killed => "killed",
        StopReason::Failed(_) => "failed",
        StopReason::RestartLimit(_) => "restart limit",
        _ => "unknown",
    }
}

pub(crate) struct Subject {
    script: Arc<Script>,
}

impl Subject {
    pub(crate) fn new(script: &Arc<Script>) -> Self {
        script.made.fetch_add(1, Ordering::SeqCst);
        if script.alive.fetch_add(1, Ordering::SeqCst) > 0 || script.children.load(Ordering::SeqCst) > 0 {
            script.overlaps.fetch_add(1, Ordering::SeqCst);
        }
        Self { script: Arc::clone(script) }
    }

    /// As a factory.
    pub(crate) async fn make(script: Arc<Script>) -> Result<Self, BoxError> {
        if script.wait(Point::Factory).await { Err(PLANNED.into()) } else { Ok(Self::new(&script)) }
    }
}

impl Actor for Subject {
    fn supervision(&self) -> Supervision {
        self.script.hit(Point::Supervision);
        Supervision::default()
    }

    async fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), BoxError> {
        let script = Arc::clone(&self.script);
        if script.case.situation.company {
            let of = Arc::clone(&script);
            ctx.spawn_child(child("kid", move || Kid::new(&of))).await?;
        }
        if let Some(victim) = &*script.victim.lock().unwrap() {
            ctx.watch(victim);
        }
        if script.wait(Point::StartedFirst).await {
            return ctx.fail(PLANNED).await;
        }
        yield_now().await;
        if script.wait(Point::StartedAfter).await { Err(PLANNED.into()) } else { Ok(()) }
    }

    async fn stopped(&mut self, ctx: &mut Context<Self>, reason: &StopReason) {
        let script = Arc::clone(&self.script);
        script.stopped.lock().unwrap().push(word(reason));
        if script.wait(Point::StoppedFirst).await {
            ctx.fail::<()>(PLANNED).await;
        }
        yield_now().await;
        if script.wait(Point::StoppedAfter).await {
            ctx.fail::<()>(PLANNED).await;
        }
    }

    async fn terminated(&mut self, ctx: &mut Context<Self>, _of: Terminated) {
        let script = Arc::clone(&self.script);
        script.gate.acquire().await.unwrap().forget();
        if script.wait(Point::Terminated).await {
            ctx.fail::<()>(PLANNED).await;
        }
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        self.script.alive.fetch_sub(1, Ordering::SeqCst);
        self.script.hit(Point::StateDrop);
    }
}

/// The child of a subject.
pub(crate) struct Kid(Arc<Script>);

impl Kid {
    fn new(script: &Arc<Script>) -> Self {
        if script.children.fetch_add(1, Ordering::SeqCst) > 0 {
            script.overlaps.fetch_add(1, Ordering::SeqCst);
        }
        Self(Arc::clone(script))
    }
}

impl Actor for Kid {
    async fn stopped(&mut self, _ctx: &mut Context<Self>, _reason: &StopReason) {
        yield_now().await;
    }
}

impl Drop for Kid {
    fn drop(&mut self) {
        self.0.children.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Is noted.
pub(crate) struct Note(pub(crate) u32);

impl Message for Note {
    type Reply = ();
}

/// The number of the message that asks whether it serves at the end, and has everything back that is put aside.
pub(crate) const PROBE: u32 = 99;

impl Handler<Note> for Subject {
    async fn handle(&mut self, msg: Note, ctx: &mut Context<Self>) {
        // Before the case begins it is not the time for anything.
        if !self.script.armed.load(Ordering::SeqCst) {
            return ctx.stash(msg).await;
        }
        match msg.0 {
            PROBE => ctx.unstash_all(),
            number => self.script.runs.lock().unwrap().push(number),
        }
    }
}

/// Goes wrong in the one way or the other. It may be tried `N` times.
pub(crate) struct Trigger<const N: u32> {
    pub(crate) number: u32,
    attempts: Arc<AtomicU32>,
    /// Whether its handler has it.
    taken: bool,
    script: Arc<Script>,
}

impl<const N: u32> Trigger<N> {
    pub(crate) fn new(number: u32, script: &Arc<Script>) -> Self {
        Self { number, attempts: Arc::default(), taken: false, script: Arc::clone(script) }
    }
}

impl<const N: u32> Drop for Trigger<N> {
    fn drop(&mut self) {
        if self.taken && !std::thread::panicking() {
            self.script.hit(Point::MessageDrop);
        }
    }
}

impl<const N: u32> Message for Trigger<N> {
    type Reply = Reply;
    const ATTEMPTS: u32 = N;

    fn is_error(reply: &Reply) -> bool {
        reply.0.hit(Point::IsError)
    }

    fn duplicate(&self) -> Option<Self> {
        (!self.script.hit(Point::Duplicate)).then(|| Self {
            number: self.number,
            attempts: Arc::clone(&self.attempts),
            taken: false,
            script: Arc::clone(&self.script),
        })
    }
}

pub(crate) struct Reply(Arc<Script>);

impl Drop for Reply {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.0.hit(Point::ReplyDrop);
        }
    }
}

impl<const N: u32> Handler<Trigger<N>> for Subject {
    fn handle(&mut self, mut msg: Trigger<N>, ctx: &mut Context<Self>) -> impl Future<Output = Reply> + Send {
        let script = Arc::clone(&self.script);
        script.runs.lock().unwrap().push(msg.number);
        msg.taken = true;
        script.hit(Point::HandlerSync);
        let attempt = msg.attempts.fetch_add(1, Ordering::SeqCst) + 1;
        let of = Arc::clone(&script);
        let work = async move {
            if script.wait(Point::HandlerFirst).await {
                return ctx.fail(PLANNED).await;
            }
            yield_now().await;
            let fails = attempt == 1 || script.case.situation.again == Again::UsedUp;
            if script.case.point.part() != Part::Message && fails {
                panic!("{PLANNED}");
            }
            if script.case.point == Point::FutureDropCut
                && script.hits.load(Ordering::SeqCst) < script.case.times()
            {
                script.kill_soon();
                sleep(DELAY).await;
            }
            if script.wait(Point::HandlerAfter).await {
                return ctx.fail(PLANNED).await;
            }
            if script.case.point == Point::Keeper {
                let keeper = Arc::clone(&script);
                return ctx
                    .reply_later(move |reply: ReplyTo<Reply>| {
                        keeper.hit(Point::Keeper);
                        drop(reply.send(Reply(keeper)));
                    })
                    .await;
            }
            drop(msg);
            Reply(script)
        };
        Work { script: of, work: Some(Box::pin(work)), done: false }
    }
}

type Boxed<'a> = Pin<Box<dyn Future<Output = Reply> + Send + 'a>>;

/// A handler's future with a `Drop` of its own.
struct Work<'a> {
    script: Arc<Script>,
    work: Option<Boxed<'a>>,
    done: bool,
}

impl Future for Work<'_> {
    type Output = Reply;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Reply> {
        let poll = self.work.as_mut().expect("it is there until the end").as_mut().poll(cx);
        self.done = poll.is_ready();
        poll
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        drop(self.work.take());
        if !std::thread::panicking() {
            self.script.hit(if self.done { Point::FutureDropDone } else { Point::FutureDropCut });
        }
    }
}

/// Ends when it is told to, so that a subject may be told of that.
pub(crate) struct Victim;

impl Actor for Victim {}

/// Counts the ends of a subject.
pub(crate) struct Watcher {
    pub(crate) script: Arc<Script>,
    pub(crate) of: Handle,
}

impl Actor for Watcher {
    async fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), BoxError> {
        ctx.watch(&self.of);
        Ok(())
    }

    async fn terminated(&mut self, _ctx: &mut Context<Self>, _of: Terminated) {
        self.script.notices.fetch_add(1, Ordering::SeqCst);
        // Contract I7: after its hook and its state, when all its messages have a fate.
        let ledger = self.of.ledger();
        let left = ledger.queued + ledger.stashed + ledger.in_flight;
        if left > 0 || self.script.alive.load(Ordering::SeqCst) > 0 {
            self.script.early.fetch_add(1, Ordering::SeqCst);
        }
    }
}
