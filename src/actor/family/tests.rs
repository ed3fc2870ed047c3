//! The running system against a model of it, after each command of a random sequence.
//!
//! Three things are held against each other. [`expected`] is written from the contract, §3 to §5 and §7: plain
//! data that is told the commands, and works out what must come of them. At each of its steps it asks the
//! product's decision core, `policy::children`, whether it decides the same. [`running`] is a real system under
//! the paused clock, which gets the same commands. When it has come to rest, all that can be seen of it must be
//! as expected, and the core in its family must be equal to the model's, field by field.
//!
//! Here and not in `tests/`, because the core cannot be seen from outside.
//!
//! A sequence that goes wrong is shrunk, and printed as rules and commands. `PROPTEST_CASES` says how many are
//! played.

mod bugs;
mod expected;
mod late;
mod running;

use std::{collections::BTreeMap, fmt, time::Duration};

use proptest::{
    prelude::{Just, Strategy as Arbitrary, any, prop},
    prop_oneof, proptest,
    test_runner::Config,
};

use self::{expected::Expected, running::Running};
use crate::{
    AutoShutdown, Backoff, ChildCount, Limit, Restart, Status, Strategy, Supervision,
    policy::DEFAULT_CAPACITY,
};

/// The name of a child. The first ones are those of the static children.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Name(&'static str);

const NAMES: [Name; 5] = [Name("a"), Name("b"), Name("c"), Name("d"), Name("e")];

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// What is declared about the supervisor under test. It is a child of another one.
#[derive(Clone, Debug)]
struct Rules {
    strategy: Strategy,
    limit: Limit,
    /// The shortest pause and the longest, in milliseconds.
    backoff: Option<(u64, u64)>,
    auto_shutdown: AutoShutdown,
    /// Of the supervisor itself, and how often it may start again.
    restart: Restart,
    restarts: u32,
    /// The restart types of the static children, and whether they are significant.
    statics: Vec<(Restart, bool)>,
}

impl Rules {
    fn supervision(&self) -> Supervision {
        let backoff = self.backoff.map_or(Backoff::none(), |(min, max)| {
            Backoff::exponential(Duration::from_millis(min), Duration::from_millis(max))
        });
        Supervision {
            strategy: self.strategy,
            limit: self.limit,
            backoff,
            auto_shutdown: self.auto_shutdown,
            stop_together: false,
        }
    }

    fn heeds(&self) -> bool {
        self.auto_shutdown != AutoShutdown::Never
    }

    /// The static children, as they are declared: none that would be refused.
    fn declared(&self) -> impl Iterator<Item = (Name, Restart, bool)> {
        let heeds = self.heeds();
        NAMES.into_iter().zip(&self.statics).map(move |(name, &(restart, significant))| {
            (name, restart, significant && heeds && restart != Restart::Permanent)
        })
    }
}

/// What is sent to a child. The numbers of notes are those of their commands.
#[derive(Clone, Copy, Debug)]
enum Letter {
    Note,
    Panic,
    /// Fails by `ctx.fail`.
    Fail,
    /// Stops the child, by `ctx.stop`.
    Stop,
    /// May be tried three times, and fails in its first so many attempts.
    Flaky(u32),
}

/// How the next start of a child goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Factory,
    Started,
}

#[derive(Clone, Copy, Debug)]
enum Command {
    Tell(Name, Letter),
    Stop(Name),
    StopNow(Name),
    Kill(Name),
    Spawn(Name, Restart, bool),
    StopChild(Name),
    RestartChild(Name),
    DeleteChild(Name),
    /// So many of its next starts fail.
    FailStarts(Name, Fault, u8),
    /// Lets so many milliseconds pass.
    Advance(u64),
    KillSupervisor,
    StopSupervisor,
}

/// What a call has answered: in a word.
type Answer = &'static str;

/// All that can be seen of the system when it is at rest, and what has happened since the last look.
#[derive(Debug, PartialEq)]
struct Sight {
    /// Starts and ends of incarnations, in the order in which they happened.
    lines: Vec<String>,
    /// The messages that each child has taken, in that order, and as which incarnation.
    taken: BTreeMap<Name, Vec<(usize, u32)>>,
    /// What the calls have answered that have come back, by the number of the command.
    answers: BTreeMap<usize, Answer>,
    /// The children in start order: their state, how often they have started again, what their mailbox holds.
    children: Vec<(Name, Status, u64, u64)>,
    count: ChildCount,
    supervisor: Status,
    root: Status,
    /// Dead letters, all in all.
    dead: u64,
    /// The decision core.
    core: String,
}

/// Plays the commands and compares after each of them.
fn play(rules: &Rules, commands: &[Command]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let mut expected = Expected::new(rules);
        let mut running = Running::start(rules).await;
        expected.start();
        rest(&mut expected, &running, 1).await;
        assert_eq!(running.look(), expected.look(), "at the start");
        for (number, &command) in commands.iter().enumerate() {
            expected.on(number, command);
            running.on(number, command);
            let wait = if let Command::Advance(millis) = command { millis } else { 1 };
            rest(&mut expected, &running, wait).await;
            if expected.is_ambiguous() {
                break;
            }
            assert_eq!(running.look(), expected.look(), "after {number}: {command:?}");
        }
        running.close().await;
    });
}

/// Lets time pass until all are at rest. The clock is paused: it moves on when nobody has anything left to do.
async fn rest(expected: &mut Expected, running: &Running, millis: u64) {
    let mut wait = millis;
    loop {
        tokio::time::sleep(Duration::from_millis(wait)).await;
        running.refresh();
        if !expected.advance(tokio::time::Instant::now()) {
            return;
        }
        // A pause ends at this very moment: whoever it is for may not have had its turn yet.
        wait = 1;
    }
}

fn rules() -> impl Arbitrary<Value = Rules> {
    let strategy =
        prop_oneof![Just(Strategy::OneForOne), Just(Strategy::OneForAll), Just(Strategy::RestForOne)];
    let limit = prop_oneof![4 => 0..5_u32, 3 => Just(100)];
    let backoff =
        prop_oneof![Just(None), Just(Some((10, 40))), Just(Some((100, 100))), Just(Some((50, 900)))];
    let auto = prop_oneof![
        2 => Just(AutoShutdown::Never),
        1 => Just(AutoShutdown::AnySignificant),
        1 => Just(AutoShutdown::AllSignificant)
    ];
    let statics = prop::collection::vec((restart(), any::<bool>()), 0..4);
    (strategy, limit, backoff, auto, restart(), 0..4_u32, statics).prop_map(
        |(strategy, max, backoff, auto_shutdown, restart, restarts, statics)| Rules {
            strategy,
            limit: Limit::new(max, Duration::from_millis(500)),
            backoff,
            auto_shutdown,
            restart,
            restarts,
            statics,
        },
    )
}

fn restart() -> impl Arbitrary<Value = Restart> {
    prop_oneof![3 => Just(Restart::Permanent), 2 => Just(Restart::Transient), 1 => Just(Restart::Temporary)]
}

fn command() -> impl Arbitrary<Value = Command> {
    let name = || prop::sample::select(&NAMES[..]);
    let letter = prop_oneof![
        3 => Just(Letter::Note),
        2 => Just(Letter::Panic),
        1 => Just(Letter::Fail),
        1 => Just(Letter::Stop),
        2 => (0..5_u32).prop_map(Letter::Flaky),
    ];
    let fault = prop_oneof![Just(Fault::Factory), Just(Fault::Started)];
    let millis = prop::sample::select(&[1, 8, 9, 10, 38, 49, 99, 100, 300, 499, 500, 2000][..]);
    prop_oneof![
        10 => (name(), letter).prop_map(|(name, letter)| Command::Tell(name, letter)),
        1 => name().prop_map(Command::Stop),
        1 => name().prop_map(Command::StopNow),
        2 => name().prop_map(Command::Kill),
        4 => (name(), restart(), prop::bool::weighted(0.3)).prop_map(|(n, r, s)| Command::Spawn(n, r, s)),
        2 => name().prop_map(Command::StopChild),
        3 => name().prop_map(Command::RestartChild),
        1 => name().prop_map(Command::DeleteChild),
        3 => (name(), fault, 1..4_u8).prop_map(|(name, fault, n)| Command::FailStarts(name, fault, n)),
        4 => millis.prop_map(Command::Advance),
        1 => prop_oneof![Just(Command::KillSupervisor), Just(Command::StopSupervisor)],
    ]
}

fn config() -> Config {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(512);
    Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() }
}

proptest! {
    #![proptest_config(config())]

    /// contract §3 to §5 and §7, whatever is done to the children of a supervisor, and in whatever order.
    #[test]
    fn running_system_does_what_the_model_says(
        rules in rules(),
        commands in prop::collection::vec(command(), 1..=DEFAULT_CAPACITY / 2),
    ) {
        play(&rules, &commands);
    }
}

/// What a family keeps of each child, beside its number.
#[test]
fn child_is_small_in_its_family() {
    let bytes = size_of::<crate::policy::children::Member<super::Kept>>();
    assert!(bytes <= 64, "a row has {bytes} bytes");
}
