//! What the tests about restarts, supervision and stopping share: an actor that writes down what happens to
//! it, and the check that every message has met one fate.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::{
    collections::{HashMap, HashSet},
    io::Write as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use postbox::{Child, DeadLetter, Reason, SupervisorBuilder, prelude::*};
use tokio::{sync::Semaphore, time::Instant};

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Returns when nobody has anything left to do: the clock is paused, and advances only then.
pub(crate) async fn idle() {
    tokio::time::sleep(millis(1)).await;
}

/// Ends the process, red, when the test waits for what does not come: the clock is paused, so that a year
/// passes only when nobody has anything left to do.
fn end_if_stuck() {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    runtime.spawn(async move {
        tokio::time::sleep(secs(365 * 86_400)).await;
        // Past the harness, which would keep the text to itself.
        let _ = writeln!(std::io::stderr(), "\n{test} waits for what does not come");
        std::process::exit(101);
    });
}

/// A system of its own, and the diary of its probes.
pub(crate) struct Lab {
    pub(crate) system: System,
    pub(crate) diary: Diary,
}

impl Lab {
    pub(crate) fn new(name: &str) -> Self {
        end_if_stuck();
        Self { system: System::new(name), diary: Diary::new() }
    }

    pub(crate) fn supervisor(&self) -> SupervisorBuilder {
        Supervisor::one_for_one().system(&self.system)
    }

    pub(crate) async fn tree(&self) -> ActorRef<Supervisor> {
        self.supervisor().start().await.unwrap()
    }

    pub(crate) fn probe(&self, name: &'static str) -> ActorRef<Probe> {
        self.diary.probe(name, &[]).unwrap().prepare().system(&self.system).spawn().unwrap()
    }

    /// The dead letters of one reason, the oldest first.
    pub(crate) fn letters(&self, reason: Reason) -> Vec<DeadLetter> {
        let mut letters = self.system.dead_letters().recent();
        letters.retain(|letter| letter.reason() == reason);
        letters
    }

    /// The numbers of the notes that died of a reason, the oldest first. Takes them out.
    pub(crate) fn dead_notes(&self, reason: Reason) -> Vec<u32> {
        let note = |letter: &DeadLetter| letter.take_message::<Note>().map(|note| note.0);
        self.letters(reason).iter().filter_map(note).collect()
    }

    /// Ends the test: contract I1, I2, I3 and I8.
    pub(crate) async fn close(self) {
        let report = self.system.shutdown(secs(60)).await;
        assert!(report.detached.is_empty(), "{report:?}");
        self.check();
        let ledger = report.ledger;
        assert_eq!((ledger.queued, ledger.stashed, ledger.in_flight), (0, 0, 0), "{ledger}");
    }

    /// What holds at any time.
    pub(crate) fn check(&self) {
        let ledger = self.system.ledger();
        assert!(ledger.balances(), "{ledger}");
        let dead = self.system.dead_letters();
        assert_eq!(dead.count(Reason::Leaked), 0, "{:?}", dead.counts());
        // A late reply is a letter, but no message that was accepted.
        assert_eq!(dead.total() - dead.count(Reason::LateReply), ledger.dead, "{:?}", dead.counts());
        assert_eq!(self.diary.overlaps(), 0, "two incarnations at once");
    }
}

/// Where in a probe's life something is to go wrong, or to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum At {
    Factory,
    Started,
    Stopped,
    Drop,
}

type Trouble = Arc<dyn Fn(At, &str, u32) -> Result<(), BoxError> + Send + Sync>;

/// What happened, in order; the gate at which probes wait; the trouble they are to make.
#[derive(Clone)]
pub(crate) struct Diary(Arc<Pages>);

struct Pages {
    lines: Mutex<Vec<String>>,
    notes: Mutex<Vec<u32>>,
    made: Mutex<HashMap<&'static str, u32>>,
    alive: Mutex<HashSet<&'static str>>,
    overlaps: AtomicU32,
    trouble: Mutex<Option<Trouble>>,
    held: Mutex<HashSet<(At, &'static str)>>,
    entered: Semaphore,
    opened: Semaphore,
}

impl Diary {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Pages {
            lines: Mutex::default(),
            notes: Mutex::default(),
            made: Mutex::default(),
            alive: Mutex::default(),
            overlaps: AtomicU32::new(0),
            trouble: Mutex::default(),
            held: Mutex::default(),
            entered: Semaphore::new(0),
            opened: Semaphore::new(0),
        }))
    }

    pub(crate) fn write(&self, line: impl Into<String>) {
        self.0.lines.lock().unwrap().push(line.into());
    }

    /// How many lines there are that have not been taken.
    pub(crate) fn peek(&self) -> usize {
        self.0.lines.lock().unwrap().len()
    }

    /// The lines written since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lines.lock().unwrap())
    }

    /// The numbers of the notes handled since the last call.
    pub(crate) fn notes(&self) -> Vec<u32> {
        std::mem::take(&mut *self.0.notes.lock().unwrap())
    }

    /// How many incarnations of `name` there have been.
    pub(crate) fn made(&self, name: &str) -> u32 {
        self.0.made.lock().unwrap().get(name).copied().unwrap_or(0)
    }

    fn overlaps(&self) -> u32 {
        self.0.overlaps.load(Ordering::SeqCst)
    }

    /// Has the probes call this at each step of their lives, with their name and the incarnation's number.
    pub(crate) fn trouble(
        &self,
        trouble: impl Fn(At, &str, u32) -> Result<(), BoxError> + Send + Sync + 'static,
    ) {
        *self.0.trouble.lock().unwrap() = Some(Arc::new(trouble));
    }

    fn make_trouble(&self, at: At, name: &str, number: u32) -> Result<(), BoxError> {
        let trouble = self.0.trouble.lock().unwrap().clone();
        trouble.map_or(Ok(()), |trouble| trouble(at, name, number))
    }

    /// Has a hook of `name` wait at the gate from now on.
    pub(crate) fn hold(&self, at: At, name: &'static str) {
        self.0.held.lock().unwrap().insert((at, name));
    }

    pub(crate) fn hold_no_more(&self) {
        self.0.held.lock().unwrap().clear();
    }

    async fn wait_if_held(&self, at: At, name: &'static str) {
        let held = self.0.held.lock().unwrap().contains(&(at, name));
        if held {
            self.wait().await;
        }
    }

    /// Says that it is at the gate, and does not wait.
    pub(crate) fn wait_no_more(&self) {
        self.0.entered.add_permits(1);
    }

    /// Stands at the gate.
    pub(crate) async fn wait(&self) {
        self.0.entered.add_permits(1);
        self.0.opened.acquire().await.unwrap().forget();
    }

    /// Waits until somebody stands at the gate who has not been waited for yet.
    pub(crate) async fn entered(&self) {
        self.0.entered.acquire().await.unwrap().forget();
    }

    /// Lets one through the gate.
    pub(crate) fn open(&self) {
        self.0.opened.add_permits(1);
    }

    /// Makes an incarnation.
    pub(crate) fn probe(
        &self,
        name: &'static str,
        children: &'static [&'static str],
    ) -> Result<Probe, BoxError> {
        let number = {
            let mut made = self.0.made.lock().unwrap();
            let number = made.entry(name).or_default();
            *number += 1;
            *number
        };
        self.make_trouble(At::Factory, name, number)?;
        if !self.0.alive.lock().unwrap().insert(name) {
            self.0.overlaps.fetch_add(1, Ordering::SeqCst);
        }
        Ok(Probe { name, number, children, supervision: Supervision::default(), diary: self.clone() })
    }

    /// Describes a child that is a probe.
    pub(crate) fn child(
        &self,
        name: &'static str,
    ) -> Child<impl Fn() -> Result<Probe, BoxError> + Clone + Send + Sync + use<>> {
        self.parent(name, &[], Supervision::default())
    }

    /// Describes a child that is a probe with children of its own.
    pub(crate) fn parent(
        &self,
        name: &'static str,
        children: &'static [&'static str],
        supervision: Supervision,
    ) -> Child<impl Fn() -> Result<Probe, BoxError> + Clone + Send + Sync + use<>> {
        let diary = self.clone();
        child(name, move || {
            let mut probe = diary.probe(name, children)?;
            probe.supervision = supervision.clone();
            Ok(probe)
        })
    }
}

/// An actor that writes down what happens to it.
pub(crate) struct Probe {
    pub(crate) name: &'static str,
    pub(crate) number: u32,
    pub(crate) children: &'static [&'static str],
    pub(crate) supervision: Supervision,
    pub(crate) diary: Diary,
}

/// A reason in one word.
pub(crate) fn word(reason: &StopReason) -> &'static str {
    match reason {
        StopReason::Stopped => "stopped",
        StopReason::Released => "released",
        StopReason::Shutdown => "shutdown",
        StopReason::Killed => "killed",
        StopReason::Failed(_) => "failed",
        StopReason::RestartLimit(_) => "restart limit",
        StopReason::RuntimeGone => "runtime gone",
        _ => "unknown",
    }
}

impl Actor for Probe {
    fn supervision(&self) -> Supervision {
        self.supervision.clone()
    }

    async fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), BoxError> {
        self.diary.write(format!("{} started {}", self.name, self.number));
        self.diary.wait_if_held(At::Started, self.name).await;
        for name in self.children {
            ctx.spawn_child(self.diary.child(name)).await?;
        }
        self.diary.make_trouble(At::Started, self.name, self.number)
    }

    async fn stopped(&mut self, _ctx: &mut Context<Self>, reason: &StopReason) {
        self.diary.write(format!("{} stopped {}: {}", self.name, self.number, word(reason)));
        self.diary.wait_if_held(At::Stopped, self.name).await;
        let _ = self.diary.make_trouble(At::Stopped, self.name, self.number);
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.diary.0.alive.lock().unwrap().remove(self.name);
        let _ = self.diary.make_trouble(At::Drop, self.name, self.number);
    }
}

/// Is noted; the reply is the number of the incarnation that noted it.
#[derive(Debug)]
pub(crate) struct Note(pub(crate) u32);

impl Message for Note {
    type Reply = u32;
}

impl Handler<Note> for Probe {
    async fn handle(&mut self, msg: Note, _ctx: &mut Context<Self>) -> u32 {
        self.diary.0.notes.lock().unwrap().push(msg.0);
        self.number
    }
}

/// Makes the handler panic; declares nothing.
#[derive(Debug)]
pub(crate) struct Poison(pub(crate) u32);

impl Message for Poison {
    type Reply = ();
}

impl Handler<Poison> for Probe {
    async fn handle(&mut self, msg: Poison, _ctx: &mut Context<Self>) {
        panic!("poison {}", msg.0);
    }
}

/// Ends the incarnation on purpose; declares nothing.
#[derive(Debug)]
pub(crate) struct Refuse(pub(crate) u32);

impl Message for Refuse {
    type Reply = ();
}

impl Handler<Refuse> for Probe {
    async fn handle(&mut self, msg: Refuse, ctx: &mut Context<Self>) {
        ctx.fail(format!("refused {}", msg.0)).await
    }
}

/// Fails in its first attempts, of which it declares `N`, and is noted then. The reply is the number of the
/// attempt.
#[derive(Clone, Debug)]
pub(crate) struct Flaky<const N: u32> {
    pub(crate) note: u32,
    fails: u32,
    attempts: Arc<AtomicU32>,
}

impl<const N: u32> Flaky<N> {
    pub(crate) fn new(note: u32, fails: u32) -> Self {
        Self { note, fails, attempts: Arc::default() }
    }
}

impl<const N: u32> Message for Flaky<N> {
    type Reply = u32;
    const ATTEMPTS: u32 = N;

    fn duplicate(&self) -> Option<Self> {
        Some(self.clone())
    }
}

impl<const N: u32> Handler<Flaky<N>> for Probe {
    async fn handle(&mut self, msg: Flaky<N>, _ctx: &mut Context<Self>) -> u32 {
        let attempt = msg.attempts.fetch_add(1, Ordering::SeqCst) + 1;
        self.diary.write(format!("attempt {attempt} at {} by {} {}", msg.note, self.name, self.number));
        assert!(attempt > msg.fails, "flaky {}", msg.note);
        self.diary.0.notes.lock().unwrap().push(msg.note);
        attempt
    }
}

/// Waits at the gate, and is noted then.
#[derive(Debug)]
pub(crate) struct Hold(pub(crate) u32);

impl Message for Hold {
    type Reply = u32;
}

impl Handler<Hold> for Probe {
    async fn handle(&mut self, msg: Hold, _ctx: &mut Context<Self>) -> u32 {
        self.diary.wait().await;
        self.diary.0.notes.lock().unwrap().push(msg.0);
        self.number
    }
}

/// Waits at the gate; it may be tried twice.
#[derive(Clone, Debug)]
pub(crate) struct HoldTwice(pub(crate) u32);

impl Message for HoldTwice {
    type Reply = u32;
    const ATTEMPTS: u32 = 2;

    fn duplicate(&self) -> Option<Self> {
        Some(self.clone())
    }
}

impl Handler<HoldTwice> for Probe {
    async fn handle(&mut self, msg: HoldTwice, _ctx: &mut Context<Self>) -> u32 {
        self.diary.wait().await;
        self.diary.0.notes.lock().unwrap().push(msg.0);
        self.number
    }
}

/// Asks for a child by name.
pub(crate) struct Which(pub(crate) &'static str);

impl Message for Which {
    type Reply = Option<ActorRef<Probe>>;
}

impl Handler<Which> for Probe {
    async fn handle(&mut self, msg: Which, ctx: &mut Context<Self>) -> Option<ActorRef<Probe>> {
        ctx.children().iter().find(|child| child.identity().name() == Some(msg.0))?.typed()
    }
}

/// How long something took, by the paused clock.
pub(crate) async fn took(what: impl Future<Output = ()>) -> Duration {
    let start = Instant::now();
    what.await;
    start.elapsed()
}
