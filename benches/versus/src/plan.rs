//! What is measured: the workloads, and one line per (workload, framework).

use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

use crate::{
    framework::{
        Framework,
        actix::Actix,
        kameo::Kameo,
        postbox::{self, Postbox},
        ractor::Ractor,
        raw::{self, Raw},
        tokio_actors::TokioActors,
        xtra::Xtra,
    },
    workload,
};

/// Messages a mailbox holds, in every framework that has a bound.
pub const CAPACITY: usize = 1024;
/// Producers of `tell4`.
pub const PRODUCERS: u64 = 4;
/// Tasks of `ask64`.
pub const ASKERS: u64 = 64;
/// Actors of `ring`, and those of `fan`.
pub const ACTORS: u64 = 1000;
/// Messages that wait in the mailbox while `restart` restarts.
pub const PENDING: u64 = 1000;
/// What the handlers of `restart` say when they panic.
pub const EXPECTED_PANIC: &str = "restart me";
/// How long a sample should last with `--quick`.
pub const QUICK: Duration = Duration::from_millis(100);
/// The fewest operations every workload can be run with.
pub const LEAST: u64 = 1000;

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Operations per second: more is better.
    OpsPerSecond,
    /// Bytes per actor: less is better.
    Bytes,
    /// Microseconds per operation: less is better.
    Micros,
}

impl Unit {
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpsPerSecond => "ops/s",
            Self::Bytes => "B",
            Self::Micros => "us",
        }
    }
}

pub struct Workload {
    pub name: &'static str,
    pub unit: Unit,
    /// Operations per sample.
    pub full: u64,
    /// The same with `--quick`, at most.
    pub quick: u64,
}

const fn workload(name: &'static str, unit: Unit, full: u64, quick: u64) -> Workload {
    Workload { name, unit, full, quick }
}

pub const WORKLOADS: &[Workload] = &[
    workload("tell", Unit::OpsPerSecond, 4_000_000, 1_000_000),
    workload("tell4", Unit::OpsPerSecond, 4_000_000, 1_000_000),
    workload("ask", Unit::OpsPerSecond, 1_000_000, 250_000),
    workload("ask64", Unit::OpsPerSecond, 2_000_000, 500_000),
    workload("pingpong", Unit::OpsPerSecond, 2_000_000, 500_000),
    workload("ring", Unit::OpsPerSecond, 2_000_000, 500_000),
    workload("fan", Unit::OpsPerSecond, 1_000_000, 1_000_000),
    workload("spawn", Unit::OpsPerSecond, 300_000, 100_000),
    workload("mem", Unit::Bytes, 100_000, 20_000),
    workload("mem_supervised", Unit::Bytes, 100_000, 20_000),
    workload("restart", Unit::Micros, 5_000, 2_000),
    workload("restart_fail", Unit::Micros, 5_000, 2_000),
];

/// One workload as one framework does it.
pub struct Line {
    pub workload: &'static str,
    pub framework: &'static str,
    pub run: fn(Rt, u64) -> Sample,
}

/// The lines of the workloads that every framework has.
fn lines_of<F: Framework>() -> [Line; 9] {
    macro_rules! line {
        ($workload:ident) => {
            Line {
                workload: stringify!($workload),
                framework: F::NAME,
                run: |rt, ops| F::run(rt, workload::$workload::<F>(ops)),
            }
        };
    }
    [
        line!(tell),
        line!(tell4),
        line!(ask),
        line!(ask64),
        line!(pingpong),
        line!(ring),
        line!(fan),
        line!(spawn),
        line!(mem),
    ]
}

/// All lines; within a workload in the order in which they run.
pub fn lines() -> Vec<Line> {
    macro_rules! line {
        ($workload:ident) => {
            Line {
                workload: stringify!($workload),
                framework: <Postbox>::NAME,
                run: |rt, ops| rt.run(postbox::$workload(ops)),
            }
        };
    }
    let mut lines = Vec::new();
    lines.extend(lines_of::<Raw>());
    lines.extend(lines_of::<Postbox>());
    let by_hand_off = |line: &Line| ["pingpong", "ring"].contains(&line.workload);
    lines.extend(lines_of::<Postbox<true>>().into_iter().filter(by_hand_off));
    let by_caller = |line: &Line| line.workload == "ask";
    lines.extend(lines_of::<Postbox<false, true>>().into_iter().filter(by_caller));
    lines.extend(lines_of::<Kameo>());
    lines.extend(lines_of::<Ractor>());
    lines.extend(lines_of::<Actix>());
    lines.extend(lines_of::<Xtra>());
    lines.extend(lines_of::<TokioActors>());
    lines.push(Line { workload: "restart", framework: Raw::NAME, run: |rt, ops| rt.run(raw::restart(ops)) });
    lines.extend([line!(mem_supervised), line!(restart), line!(restart_fail)]);
    lines
}

/// What one run of a line saw.
pub enum Sample {
    Time { ops: u64, took: Duration },
    Heap { actors: u64, bytes: i64 },
}

impl Sample {
    /// `ops` operations since `start`.
    pub fn since(start: Instant, ops: u64) -> Self {
        Self::Time { ops, took: start.elapsed() }
    }
}

/// The runtime a sample runs in: a fresh one each time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Rt {
    MultiThread,
    CurrentThread,
}

impl Rt {
    pub const fn name(self) -> &'static str {
        match self {
            Self::MultiThread => "mt",
            Self::CurrentThread => "ct",
        }
    }

    pub fn parse(name: &str) -> Result<Self, String> {
        match name {
            "mt" => Ok(Self::MultiThread),
            "ct" => Ok(Self::CurrentThread),
            _ => Err(format!("--rt is mt or ct, not {name}")),
        }
    }

    /// A fresh runtime.
    pub fn build(self) -> Runtime {
        let mut builder = match self {
            Self::MultiThread => Builder::new_multi_thread(),
            Self::CurrentThread => Builder::new_current_thread(),
        };
        // For current-thread the number of workers has no meaning.
        builder.worker_threads(2).enable_time().build().expect("a runtime")
    }

    /// Runs the driver as a task, so that it is on a worker like everything else.
    pub fn run(self, driver: impl Future<Output = Sample> + Send + 'static) -> Sample {
        self.build().block_on(async { tokio::spawn(driver).await }).expect("the driver ends well")
    }
}
