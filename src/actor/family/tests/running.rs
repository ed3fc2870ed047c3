//! The system under test: probes that write down what happens to them, and a look at all of it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use super::{Answer, Command, Fault, Letter, NAMES, Name, Rules, Sight};
use crate::{
    Actor, ActorRef, BoxError, ChildError, Context, Handler, Message, Reason, Restart, SpawnError, Status,
    StopReason, Supervisor, System, TryTellError,
    actor::{Family, child},
};

/// What the probes share.
#[derive(Default)]
struct Pages {
    lines: Vec<String>,
    taken: BTreeMap<Name, Vec<(usize, u32)>>,
    made: HashMap<Name, u32>,
    faults: HashMap<Name, VecDeque<Fault>>,
    alive: BTreeSet<Name>,
    answers: BTreeMap<usize, Answer>,
    /// The last actor of each name.
    probes: HashMap<Name, ActorRef<Probe>>,
}

#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Pages>>);

impl Diary {
    fn open<R>(&self, f: impl FnOnce(&mut Pages) -> R) -> R {
        f(&mut self.0.lock().expect("nobody panics with it"))
    }

    fn write(&self, line: String) {
        self.open(|pages| pages.lines.push(line));
    }

    fn make(&self, name: Name) -> Result<Probe, BoxError> {
        self.open(|pages| {
            let number = pages.made.entry(name).or_default();
            *number += 1;
            let number = *number;
            let fault = pages.faults.get_mut(&name).and_then(VecDeque::pop_front);
            if fault == Some(Fault::Factory) {
                return Err("the factory".into());
            }
            if !pages.alive.insert(name) {
                pages.lines.push(format!("two incarnations of {name:?} at once"));
            }
            Ok(Probe { name, number, fails: fault.is_some(), diary: self.clone() })
        })
    }

    fn child(
        &self,
        name: Name,
        restart: Restart,
        significant: bool,
    ) -> crate::Child<impl Fn() -> Result<Probe, BoxError> + Clone + Send + Sync + use<>> {
        let diary = self.clone();
        child(name.0, move || diary.make(name)).restart(restart).significant(significant)
    }
}

struct Probe {
    name: Name,
    number: u32,
    /// Its `started` hook does.
    fails: bool,
    diary: Diary,
}

impl Probe {
    fn takes(&self, number: usize) {
        self.diary.open(|pages| pages.taken.entry(self.name).or_default().push((number, self.number)));
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.diary.open(|pages| pages.alive.remove(&self.name));
    }
}

fn word(reason: &StopReason) -> &'static str {
    match reason {
        StopReason::Stopped => "stopped",
        StopReason::Shutdown => "shutdown",
        StopReason::Killed => "killed",
        StopReason::Failed(_) => "failed",
        _ => "otherwise",
    }
}

impl Actor for Probe {
    async fn started(&mut self, _ctx: &mut Context<Self>) -> Result<(), BoxError> {
        self.diary.write(format!("{:?} started {}", self.name, self.number));
        if self.fails { Err("the hook".into()) } else { Ok(()) }
    }

    async fn stopped(&mut self, _ctx: &mut Context<Self>, reason: &StopReason) {
        self.diary.write(format!("{:?} stopped {}: {}", self.name, self.number, word(reason)));
    }
}

struct Plain(usize, Letter);

impl Message for Plain {
    type Reply = ();
}

impl Handler<Plain> for Probe {
    async fn handle(&mut self, msg: Plain, ctx: &mut Context<Self>) {
        let Plain(number, letter) = msg;
        self.takes(number);
        match letter {
            Letter::Panic => panic!("letter {number}"),
            Letter::Fail => ctx.fail("on purpose").await,
            Letter::Stop => ctx.stop(),
            Letter::Note | Letter::Flaky(_) => {}
        }
    }
}

/// How often it has been tried is told by the copies.
#[derive(Clone)]
struct Flaky {
    number: usize,
    fails: u32,
    attempts: Arc<Mutex<u32>>,
}

impl Message for Flaky {
    type Reply = ();
    const ATTEMPTS: u32 = 3;

    fn duplicate(&self) -> Option<Self> {
        Some(self.clone())
    }
}

impl Handler<Flaky> for Probe {
    async fn handle(&mut self, msg: Flaky, ctx: &mut Context<Self>) {
        self.takes(msg.number);
        let attempt = {
            let mut attempts = msg.attempts.lock().expect("nobody panics with it");
            *attempts += 1;
            *attempts
        };
        if attempt <= msg.fails {
            ctx.fail(format!("attempt {attempt}")).await
        }
    }
}

pub(super) struct Running {
    system: System,
    root: ActorRef<Supervisor>,
    tree: ActorRef<Supervisor>,
    /// Of the tree, in all its incarnations.
    family: Arc<Family>,
    diary: Diary,
}

impl Running {
    pub(super) async fn start(rules: &Rules) -> Self {
        let (system, diary) = (System::new("model"), Diary::default());
        let mut builder = match rules.strategy {
            crate::Strategy::OneForOne => Supervisor::one_for_one(),
            crate::Strategy::OneForAll => Supervisor::one_for_all(),
            crate::Strategy::RestForOne => Supervisor::rest_for_one(),
        };
        let supervision = rules.supervision();
        builder = builder
            .limit(supervision.limit.max, supervision.limit.within)
            .backoff(supervision.backoff)
            .auto_shutdown(supervision.auto_shutdown);
        for (name, restart, significant) in rules.declared() {
            builder = builder.child(diary.child(name, restart, significant));
        }
        let root = Supervisor::one_for_one()
            .limit(rules.restarts, Duration::from_secs(86_400))
            .system(&system)
            .start()
            .await
            .expect("a root");
        let child = child("tree", move || builder.build()).restart(rules.restart);
        let tree = root.spawn(child).await.expect("a tree");
        Self { system, root, family: tree.family(), tree, diary }
    }

    pub(super) fn on(&mut self, number: usize, command: Command) {
        match command {
            Command::Tell(name, letter) => {
                let answer = match self.probe(name) {
                    None => "stopped",
                    Some(probe) => match letter {
                        Letter::Flaky(fails) => {
                            said(&probe.try_tell(Flaky { number, fails, attempts: Arc::default() }))
                        }
                        letter => said(&probe.try_tell(Plain(number, letter))),
                    },
                };
                self.answered(number, answer);
            }
            Command::Stop(name) => self.probe(name).into_iter().for_each(|probe| probe.stop()),
            Command::StopNow(name) => self.probe(name).into_iter().for_each(|probe| probe.stop_now()),
            Command::Kill(name) => self.probe(name).into_iter().for_each(|probe| probe.kill()),
            Command::Spawn(name, restart, significant) => {
                let child = self.diary.child(name, restart, significant);
                self.call(number, |tree| async move {
                    tree.spawn(child).await.map_or_else(|error| about_spawn(&error), |_| "ok")
                });
            }
            Command::StopChild(name) => {
                self.call(number, |tree| async move { about_child(tree.stop_child(name.0).await) });
            }
            Command::RestartChild(name) => {
                self.call(
                    number,
                    |tree| async move { about_child(tree.restart_child(name.0).await.map(drop)) },
                );
            }
            Command::DeleteChild(name) => {
                let answer = about_child(self.tree.delete_child(name.0));
                self.answered(number, answer);
            }
            Command::FailStarts(name, fault, times) => self.diary.open(|pages| {
                let faults = pages.faults.entry(name).or_default();
                faults.extend((0..times).map(|_| fault));
            }),
            Command::Advance(_) => {}
            Command::KillSupervisor => self.tree.kill(),
            Command::StopSupervisor => self.tree.stop(),
        }
    }

    fn probe(&self, name: Name) -> Option<ActorRef<Probe>> {
        self.diary.open(|pages| pages.probes.get(&name).cloned())
    }

    fn answered(&self, number: usize, answer: Answer) {
        self.diary.open(|pages| pages.answers.insert(number, answer));
    }

    /// Has the call made by a task of its own: the answer may have to wait.
    fn call<F>(&self, number: usize, call: impl FnOnce(ActorRef<Supervisor>) -> F)
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let (diary, call) = (self.diary.clone(), call(self.tree.clone()));
        drop(tokio::spawn(async move {
            let answer = call.await;
            diary.open(|pages| pages.answers.insert(number, answer));
        }));
    }

    /// Gets to know the actors that have come to be.
    pub(super) fn refresh(&self) {
        let probes = self.tree.children();
        self.diary.open(|pages| {
            for handle in probes {
                let Some(probe) = handle.typed::<Probe>() else { continue };
                let name = handle.identity().name().and_then(|own| NAMES.into_iter().find(|n| n.0 == own));
                pages.probes.insert(name.expect("a child has a name of ours"), probe);
            }
        });
    }

    pub(super) fn look(&mut self) -> Sight {
        let (core, known) = {
            let state = self.family.state();
            let known: Vec<_> = state
                .children
                .iter()
                .map(|(_, member)| {
                    let seat = member.of.seat.as_ref().expect("it has been built");
                    let restarts = member.of.history().map_or(0, |history| history.restarts);
                    let ledger = seat.ledger();
                    assert!(ledger.balances(), "{ledger}");
                    let name = NAMES.into_iter().find(|name| seat.common().identity.name() == Some(name.0));
                    let left = ledger.queued + ledger.in_flight;
                    (name.expect("one of ours"), seat.common().status(), restarts, left)
                })
                .collect();
            (state.children.portrait(), known)
        };
        let (lines, taken, answers) = self.diary.open(|pages| {
            let Pages { lines, taken, answers, .. } = pages;
            (std::mem::take(lines), std::mem::take(taken), std::mem::take(answers))
        });
        Sight {
            lines,
            taken,
            answers,
            children: known,
            count: self.tree.count_children(),
            supervisor: self.tree.status(),
            root: self.root.status(),
            dead: self.system.dead_letters().total(),
            core,
        }
    }

    /// contract I1 to I3: each message has had one fate.
    pub(super) async fn close(self) {
        let report = self.system.shutdown(Duration::from_secs(60)).await;
        assert!(report.is_clean(), "{report:?}");
        let (ledger, dead) = (self.system.ledger(), self.system.dead_letters());
        assert!(ledger.balances(), "{ledger}");
        assert_eq!(ledger.queued + ledger.stashed + ledger.in_flight, 0, "{ledger}");
        assert_eq!((dead.count(Reason::Leaked), dead.total()), (0, ledger.dead));
        assert_eq!(self.root.status(), Status::Ended);
        // Each of them holds its factory, and that this diary.
        let probes = self.diary.open(|pages| std::mem::take(&mut pages.probes));
        drop(probes);
        assert!(self.diary.open(|pages| pages.alive.is_empty()));
    }
}

fn said<M>(told: &Result<(), TryTellError<M>>) -> Answer {
    match told {
        Ok(()) => "accepted",
        Err(TryTellError::Stopped { .. }) => "stopped",
        Err(_) => "otherwise",
    }
}

fn about_spawn(error: &SpawnError) -> Answer {
    match error {
        SpawnError::Failed(_) => "failed",
        // Before it had started: with its supervisor, or by itself.
        SpawnError::SupervisorGone { .. } | SpawnError::Ended { .. } => "gone",
        SpawnError::DuplicateChild { .. } => "duplicate",
        SpawnError::CannotBeSignificant { .. } => "not significant",
        _ => "otherwise",
    }
}

fn about_child(answer: Result<(), ChildError>) -> Answer {
    match answer {
        Ok(()) => "ok",
        Err(ChildError::NotFound { .. }) => "not found",
        Err(ChildError::Running { .. }) => "running",
        Err(ChildError::Restarting { .. }) => "restarting",
        Err(ChildError::SupervisorGone { .. }) => "gone",
        Err(ChildError::Spawn(error)) => about_spawn(&error),
    }
}
