//! What goes wrong as an actor starts for the first time, when somebody waits for its start.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use postbox::{Reason, prelude::*};
use tokio::{
    task::yield_now,
    time::{Instant, sleep, timeout},
};

use crate::{
    case::Type,
    subject::{DELAY, PLANNED},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    Factory,
    Supervision,
    /// In `started`, before its first await and before its child.
    StartedFirst,
    /// At its end.
    StartedLast,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Panic,
    Error,
    Delay,
    Kill,
    StopNow,
    Stop,
    SupervisorStop,
    /// Whoever waits for the start goes away.
    SpawnerDropped,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    point: Point,
    kind: Kind,
    of: Type,
}

/// What the spawner and the actor come to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// It serves.
    Serves,
    /// Nothing is left, and what was sent to it has its fate.
    Nothing,
}

impl Case {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        use Kind::{Delay, Error, Kill, Panic, SpawnerDropped, Stop, StopNow, SupervisorStop};
        let points = [Point::Factory, Point::Supervision, Point::StartedFirst, Point::StartedLast];
        let kinds = [Panic, Error, Delay, Kill, StopNow, Stop, SupervisorStop, SpawnerDropped];
        let points = points.into_iter().flat_map(move |point| kinds.map(|kind| (point, kind)));
        let types = points.flat_map(|of| Type::ALL.map(|restart| (of, restart)));
        types.map(|((point, kind), of)| Self { point, kind, of }).filter(|case| case.makes_sense())
    }

    fn makes_sense(self) -> bool {
        let free = self.of == Type::Free;
        match (self.point, self.kind) {
            // Nobody can hold a reference yet, but its supervisor can be reached.
            (Point::Factory | Point::Supervision, Kind::Kill | Kind::StopNow | Kind::Stop) => false,
            (Point::Factory, _) if free => false,
            (Point::Supervision, Kind::Error | Kind::Delay | Kind::SpawnerDropped) => false,
            (_, Kind::SupervisorStop) => !free,
            _ => true,
        }
    }

    /// contract §4 and §7. A child that is stopped as it starts for the first time ends as at any other time; so a
    /// permanent one, whose start is through when a stop comes to its turn, starts again.
    fn outcome(self) -> Outcome {
        match self.kind {
            Kind::Panic | Kind::Error | Kind::Kill | Kind::SupervisorStop => Outcome::Nothing,
            Kind::Delay => Outcome::Serves,
            Kind::StopNow | Kind::Stop if self.of == Type::Permanent => Outcome::Serves,
            Kind::StopNow | Kind::Stop => Outcome::Nothing,
            // A free-standing actor that nobody refers to ends; a child stays a child.
            Kind::SpawnerDropped if self.of == Type::Free => Outcome::Nothing,
            Kind::SpawnerDropped => Outcome::Serves,
        }
    }
}

struct Script {
    case: Case,
    hits: AtomicU32,
    alive: AtomicU32,
    overlaps: AtomicU32,
    runs: Mutex<Vec<u32>>,
    own: Mutex<Option<Handle>>,
    supervisor: Handle,
    spawner: Mutex<Option<tokio::task::AbortHandle>>,
}

impl Script {
    fn fires(&self, point: Point) -> bool {
        self.case.point == point && self.hits.fetch_add(1, Ordering::SeqCst) == 0
    }

    fn raise(&self) {
        let own = || self.own.lock().unwrap().clone().expect("it has begun");
        match self.case.kind {
            Kind::Panic | Kind::Error | Kind::Delay => {}
            Kind::Kill => own().kill(),
            Kind::StopNow => own().stop_now(),
            Kind::Stop => own().stop(),
            Kind::SupervisorStop => self.supervisor.stop(),
            Kind::SpawnerDropped => {
                let spawner = self.spawner.lock().unwrap().take();
                spawner.expect("it waits").abort();
            }
        }
    }

    async fn wait(self: &Arc<Self>, point: Point) -> Result<(), BoxError> {
        if !self.fires(point) {
            return Ok(());
        }
        match self.case.kind {
            Kind::Panic => panic!("{PLANNED}"),
            Kind::Error => return Err(PLANNED.into()),
            _ => {}
        }
        let script = Arc::clone(self);
        tokio::spawn(async move {
            sleep(DELAY / 4).await;
            script.raise();
        });
        sleep(DELAY).await;
        Ok(())
    }
}

struct Newcomer(Arc<Script>);

impl Newcomer {
    fn new(script: Arc<Script>) -> Self {
        if script.alive.fetch_add(1, Ordering::SeqCst) > 0 {
            script.overlaps.fetch_add(1, Ordering::SeqCst);
        }
        Self(script)
    }
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        self.0.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Kid;

impl Actor for Kid {}

impl Actor for Newcomer {
    fn supervision(&self) -> Supervision {
        if self.0.fires(Point::Supervision) {
            assert!(self.0.case.kind != Kind::Panic, "{PLANNED}");
            // It has no reference yet; the supervisor knows it already.
            self.0.raise();
        }
        Supervision::default()
    }

    async fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), BoxError> {
        let script = Arc::clone(&self.0);
        let first = script.own.lock().unwrap().replace(ctx.handle()).is_none();
        if first {
            for number in [1, 2] {
                ctx.actor_ref().try_tell(Word(number)).map_err(|error| error.to_string())?;
            }
        }
        script.wait(Point::StartedFirst).await?;
        ctx.spawn_child(child("kid", || Kid)).await?;
        yield_now().await;
        script.wait(Point::StartedLast).await
    }
}

struct Word(u32);

impl Message for Word {
    type Reply = ();
}

impl Handler<Word> for Newcomer {
    async fn handle(&mut self, msg: Word, _ctx: &mut Context<Self>) {
        self.0.runs.lock().unwrap().push(msg.0);
    }
}

/// Returns what is wrong.
pub(crate) async fn play(case: Case) -> Vec<String> {
    let mut wrong = Vec::new();
    let system = System::new("first");
    let tree = Supervisor::one_for_one().system(&system).start().await.expect("it starts");
    let script = Arc::new(Script {
        case,
        hits: AtomicU32::new(0),
        alive: AtomicU32::new(0),
        overlaps: AtomicU32::new(0),
        runs: Mutex::default(),
        own: Mutex::default(),
        supervisor: tree.handle(),
        spawner: Mutex::default(),
    });
    let start = Instant::now();
    let spawner = tokio::spawn({
        let (script, tree, system) = (Arc::clone(&script), tree.clone(), system.clone());
        async move {
            let restart = match case.of {
                Type::Permanent => Restart::Permanent,
                Type::Transient => Restart::Transient,
                Type::Temporary => Restart::Temporary,
                Type::Free => {
                    let newcomer = Newcomer::new(script);
                    let started = newcomer.prepare().system(&system).name("newcomer").start().await;
                    return (started, Instant::now());
                }
            };
            let factory = move || {
                let script = Arc::clone(&script);
                async move {
                    script.wait(Point::Factory).await?;
                    Ok::<_, BoxError>(Newcomer::new(script))
                }
            };
            (tree.spawn(child("newcomer", factory).restart(restart)).await, Instant::now())
        }
    });
    *script.spawner.lock().unwrap() = Some(spawner.abort_handle());
    let spawned = timeout(DELAY * 4, spawner).await;
    sleep(DELAY * 2).await;
    let serves = case.outcome() == Outcome::Serves;
    match spawned {
        Err(_) => wrong.push("the spawner waits still".to_owned()),
        Ok(Err(_)) if case.kind == Kind::SpawnerDropped => {}
        Ok(Err(error)) => wrong.push(error.to_string()),
        Ok(Ok((result, at))) => {
            if at > start + DELAY + Duration::from_millis(5) {
                wrong.push(format!("the spawner was told only after {:?}", at - start));
            }
            match (&result, case.kind) {
                (Err(SpawnError::Failed(failure)), Kind::Panic | Kind::Error)
                    if failure.to_string().contains(PLANNED) => {}
                (Err(_), Kind::Kill | Kind::SupervisorStop) => {}
                (Ok(_), Kind::Delay | Kind::Stop | Kind::StopNow) => {}
                // The start was through when the supervisor's stop, or its own, was heeded.
                (Ok(_), Kind::SupervisorStop) => {}
                _ => wrong.push(format!("the spawner was told {:?}", result.as_ref().map(drop))),
            }
            if let Ok(newcomer) = result {
                match timeout(DELAY, newcomer.ask(Word(9))).await {
                    Ok(Ok(())) if serves => {}
                    Ok(Err(AskError::Stopped { msg: Word(9), .. })) if !serves => {}
                    other => wrong.push(format!("the probe was told {other:?}")),
                }
            }
        }
    }
    let left = system.actors().len();
    let expected = usize::from(case.kind != Kind::SupervisorStop) + if serves { 2 } else { 0 };
    if left != expected {
        wrong.push(format!("{left} actors are left, not {expected}"));
    }
    // contract §5: "A `Transient` child that ended well stays known".
    let ended_well = case.of == Type::Transient && matches!(case.kind, Kind::Stop | Kind::StopNow);
    let known = tree.children().len();
    if known != usize::from(ended_well || serves && case.of != Type::Free) {
        wrong.push(format!("its supervisor knows {known} children"));
    }
    let mut runs = script.runs.lock().unwrap().clone();
    runs.retain(|run| *run != 9);
    let dead: Vec<u32> = system
        .dead_letters()
        .recent()
        .iter()
        .filter_map(|letter| letter.take_message())
        .map(|Word(n)| n)
        .collect();
    let began = script.own.lock().unwrap().take().is_some();
    let all: &[u32] = if began { &[1, 2] } else { &[] };
    if [&runs[..], &dead[..]].concat() != all || (serves && !dead.is_empty()) {
        wrong.push(format!("handled {runs:?}, dead {dead:?}"));
    }
    let report = system.shutdown(Duration::from_secs(60)).await;
    let ledger = report.ledger;
    let at_rest = ledger.queued + ledger.stashed + ledger.in_flight == 0;
    if !report.is_clean() || !ledger.balances() || !at_rest || !system.actors().is_empty() {
        wrong.push(format!("{report}"));
    }
    if script.hits.load(Ordering::SeqCst) == 0 {
        wrong.push("the point was not reached".to_owned());
    }
    let strays = (script.overlaps.load(Ordering::SeqCst), script.alive.load(Ordering::SeqCst));
    if strays != (0, 0) || system.dead_letters().count(Reason::Leaked) > 0 {
        wrong.push(format!("overlaps and states left: {strays:?}; {:?}", system.dead_letters().counts()));
    }
    wrong
}
