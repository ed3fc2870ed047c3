//! What must come of the commands, written from the contract.
//!
//! One thing happens at a time here, and each to its end: a child that ends does so with all that follows for
//! itself before anybody else moves. (A real system on one thread does the same, because none of the hooks
//! here waits. Where two things could come in either order, this says that it is ambiguous.)

mod lives;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

use super::{Answer, Command, Fault, Letter, Name, Rules, Sight};
use crate::{
    AutoShutdown, ChildCount, Restart, Status, Strategy,
    policy::{
        children::{Answer as Verdict, Children, Step},
        decide::Exit,
    },
};

const FAILED: Exit = Exit::Failed { charge: true };

/// Where a child is in its life, when all are at rest.
#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    /// It takes messages, since then.
    Up(Instant),
    /// It starts then.
    Pause(Instant),
    /// It is about to start.
    Due,
    /// Its group restarts, and it is not its turn.
    Gate,
    Ended,
}

/// Who waits for the first start of an actor.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Caller {
    /// The supervisor's `started` hook.
    Supervisor,
    /// The call of this command.
    Call(usize),
}

#[derive(Debug)]
struct Child {
    name: Name,
    restart: Restart,
    significant: bool,
    state: State,
    status: Status,
    /// It has served once.
    known: bool,
    /// The number of its incarnation, and how often it has started again.
    incarnation: u32,
    restarts: u64,
    /// An incarnation of it has been made whose end is still to come.
    has_begun: bool,
    /// Its failures in a row.
    streak: u32,
    first_start: Option<Caller>,
    queue: VecDeque<(usize, Letter)>,
    /// The message that is to be tried again, and how often it has been.
    kept: Option<(usize, Letter, u32)>,
    /// After so many more messages it stops.
    stops_after: Option<usize>,
    stops_now: bool,
    closed: bool,
}

/// A group restart. Those that have to end have ended.
#[derive(Debug)]
struct Group {
    from: u64,
    /// The pause before the first one.
    after: Duration,
    /// Whose turn it is.
    current: Option<u64>,
}

pub(super) struct Expected {
    rules: Rules,
    now: Instant,
    /// In start order.
    children: BTreeMap<u64, Child>,
    charges: Vec<Instant>,
    group: Option<Group>,
    /// Group restarts in a row, and since when all have been well after the last one.
    streak: (u32, Option<Instant>),
    /// It starts no child again any more.
    closed: bool,
    supervisor: Status,
    /// How often the supervisor has started again.
    restarts: u32,
    root: Status,
    /// How the supervisor is to end, when its turn comes.
    ends: Option<Exit>,
    /// Children that are let through, in the order in which they were.
    due: VecDeque<u64>,
    /// The child that is told to end because its group restarts.
    told: Option<u64>,
    made: HashMap<Name, u32>,
    faults: HashMap<Name, VecDeque<Fault>>,
    static_failed: bool,
    ambiguous: bool,
    lines: Vec<String>,
    taken: BTreeMap<Name, Vec<(usize, u32)>>,
    answers: BTreeMap<usize, Answer>,
    dead: u64,
    /// The product's decisions, and the step it has said is next.
    core: Children<()>,
    step: Option<Step>,
}

impl Expected {
    pub(super) fn new(rules: &Rules) -> Self {
        Self {
            rules: rules.clone(),
            now: Instant::now(),
            children: BTreeMap::new(),
            charges: Vec::new(),
            group: None,
            streak: (0, None),
            closed: false,
            supervisor: Status::Running,
            restarts: 0,
            root: Status::Running,
            ends: None,
            due: VecDeque::new(),
            told: None,
            made: HashMap::new(),
            faults: HashMap::new(),
            static_failed: false,
            ambiguous: false,
            lines: Vec::new(),
            taken: BTreeMap::new(),
            answers: BTreeMap::new(),
            dead: 0,
            core: Children::new(rules.supervision()),
            step: None,
        }
    }

    /// Whether what follows may come in more than one order.
    pub(super) fn is_ambiguous(&self) -> bool {
        self.ambiguous
    }

    pub(super) fn look(&mut self) -> Sight {
        let mut count = ChildCount { known: self.children.len(), ..ChildCount::default() };
        for child in self.children.values() {
            *match child.state {
                State::Up(_) => &mut count.running,
                State::Ended => &mut count.ended,
                State::Pause(_) | State::Due | State::Gate => &mut count.restarting,
            } += 1;
        }
        let seen = |child: &Child| {
            let left = child.queue.len() + usize::from(child.kept.is_some());
            (child.name, child.status, child.restarts, left as u64)
        };
        Sight {
            lines: std::mem::take(&mut self.lines),
            taken: std::mem::take(&mut self.taken),
            answers: std::mem::take(&mut self.answers),
            children: self.children.values().map(seen).collect(),
            count,
            supervisor: self.supervisor,
            root: self.root,
            dead: self.dead,
            core: self.core.portrait(),
        }
    }

    pub(super) fn on(&mut self, number: usize, command: Command) {
        self.now = Instant::now();
        match command {
            Command::Tell(name, letter) => self.tell(number, name, letter),
            Command::Stop(name) => self.stop(name),
            Command::StopNow(name) => self.stop_now(name),
            Command::Kill(name) => self.kill(name),
            Command::Spawn(name, restart, significant) => self.spawn(number, name, restart, significant),
            Command::StopChild(name) => self.stop_child(number, name),
            Command::RestartChild(name) => self.restart_child(number, name),
            Command::DeleteChild(name) => self.delete_child(number, name),
            Command::FailStarts(name, fault, times) => {
                self.faults.entry(name).or_default().extend((0..times).map(|_| fault));
            }
            Command::Advance(_) => {}
            Command::KillSupervisor => self.ends = Some(Exit::Killed),
            Command::StopSupervisor => self.ends = Some(Exit::Stopped),
        }
        self.settle();
    }

    /// Lets time pass until `until`. Returns whether somebody's pause ends just then.
    pub(super) fn advance(&mut self, until: Instant) -> bool {
        let mut last = None;
        loop {
            let pauses = self.children.iter().filter_map(|(&number, child)| match child.state {
                State::Pause(end) if end <= until => Some((end, number)),
                _ => None,
            });
            let Some((end, number)) = pauses.min() else { break };
            // Timers of the same moment have no order.
            self.ambiguous |= last == Some(end);
            last = Some(end);
            self.now = end;
            self.children.get_mut(&number).expect("a child").state = State::Due;
            self.due.push_back(number);
            self.settle();
        }
        self.now = until;
        last == Some(until)
    }

    fn find(&self, name: Name) -> Option<u64> {
        self.children.iter().find(|(_, child)| child.name == name).map(|(&number, _)| number)
    }

    fn alive(&mut self, name: Name) -> Option<(u64, &mut Child)> {
        let number = self.find(name)?;
        let child = self.children.get_mut(&number)?;
        (child.state != State::Ended).then_some((number, child))
    }

    fn tell(&mut self, number: usize, name: Name, letter: Letter) {
        let answer = match self.alive(name) {
            Some((child, Child { closed: false, queue, .. })) => {
                queue.push_back((number, letter));
                self.work(child);
                "accepted"
            }
            _ => "stopped",
        };
        self.answers.insert(number, answer);
    }

    /// contract §7: what was accepted before it is handled; a permanent child starts again.
    fn stop(&mut self, name: Name) {
        let Some((number, child)) = self.alive(name) else { return };
        child.closed |= child.restart != Restart::Permanent;
        child.stops_after = Some(child.queue.len());
        match child.state {
            State::Up(_) => self.work(number),
            // A stop ends a pause at once.
            State::Pause(_) => self.through(number),
            State::Due | State::Gate | State::Ended => {}
        }
    }

    fn stop_now(&mut self, name: Name) {
        let Some((number, child)) = self.alive(name) else { return };
        let for_good = child.restart != Restart::Permanent;
        child.closed |= for_good;
        match child.state {
            State::Up(_) => self.exit(number, Exit::Stopped),
            State::Pause(_) | State::Gate if for_good => self.exit(number, Exit::Stopped),
            State::Pause(_) => self.through(number),
            // It was meant for nobody, unless this is somebody's first start.
            State::Gate => child.stops_now |= child.first_start.is_some(),
            State::Due | State::Ended => {}
        }
    }

    fn kill(&mut self, name: Name) {
        let Some((number, child)) = self.alive(name) else { return };
        match child.state {
            // There is no incarnation that it could be about. It ends a pause at once, as a stop does.
            State::Gate if child.status == Status::Restarting => {}
            State::Pause(_) if child.status == Status::Restarting => self.through(number),
            _ => self.exit(number, Exit::Killed),
        }
    }

    fn spawn(&mut self, call: usize, name: Name, restart: Restart, significant: bool) {
        let refused = if self.closed {
            Some("gone")
        } else if self.find(name).is_some() {
            Some("duplicate")
        } else if significant && (restart == Restart::Permanent || !self.rules.heeds()) {
            Some("not significant")
        } else {
            None
        };
        match refused {
            Some(answer) => drop(self.answers.insert(call, answer)),
            None => self.admit(Caller::Call(call), name, restart, significant),
        }
    }

    /// The number of a child, for a call by hand.
    fn by_hand(&self, name: Name) -> Result<u64, Answer> {
        if self.closed { Err("gone") } else { self.find(name).ok_or("not found") }
    }

    fn ended(&self, name: Name) -> Result<u64, Answer> {
        let number = self.by_hand(name)?;
        match self.children[&number].state {
            State::Ended => Ok(number),
            State::Up(_) => Err("running"),
            State::Pause(_) | State::Due | State::Gate => Err("restarting"),
        }
    }

    fn stop_child(&mut self, call: usize, name: Name) {
        let found = self.by_hand(name);
        self.answers.insert(call, found.err().unwrap_or("ok"));
        if let Ok(number) = found
            && self.children[&number].state != State::Ended
        {
            self.exit(number, Exit::Shutdown);
        }
    }

    fn restart_child(&mut self, call: usize, name: Name) {
        match self.ended(name) {
            Err(answer) => drop(self.answers.insert(call, answer)),
            Ok(number) => {
                let child = self.children.get_mut(&number).expect("a child");
                // Another actor, in the place of the old one.
                child.first_start = Some(Caller::Call(call));
                (child.stops_after, child.stops_now, child.closed) = (None, false, false);
                self.core.revive(number);
                self.enter(number);
            }
        }
    }

    fn delete_child(&mut self, call: usize, name: Name) {
        let found = self.ended(name);
        self.answers.insert(call, found.err().unwrap_or("ok"));
        if let Ok(number) = found {
            self.children.remove(&number);
            self.core.remove(number).expect("it is known");
        }
    }
}
