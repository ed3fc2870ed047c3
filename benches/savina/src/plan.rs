//! What is measured: the benchmarks, and one line per (benchmark, framework).

use std::time::{Duration, Instant};

use tokio::runtime::Builder;

use crate::{
    benchmark::{
        bank, barber, big, buffer, chameneos, counting, create, dictionary, list, philosophers, ring,
        smokers, throughput,
    },
    framework::{Framework, kameo::Kameo, postbox::Postbox, ractor::Ractor},
};

/// How long a sample should last at least: what is over sooner is done again, in a fresh runtime.
pub const LONG: Duration = Duration::from_millis(400);
/// The same with `--quick`.
pub const SHORT: Duration = Duration::from_millis(40);

pub struct Benchmark {
    pub name: &'static str,
    /// One operation.
    pub operation: &'static str,
    /// The size, which is what the benchmark's file says: as published.
    pub full: u64,
    /// The same with `--quick`.
    pub quick: u64,
}

const fn benchmark(name: &'static str, operation: &'static str, full: u64, quick: u64) -> Benchmark {
    Benchmark { name, operation, full, quick }
}

pub const BENCHMARKS: &[Benchmark] = &[
    benchmark("counting", "message", 1_000_000, 200_000),
    benchmark("throughput", "message", 10_000, 2_000),
    benchmark("create", "actor", 40_000, 10_000),
    benchmark("ring", "receipt", 100_000, 50_000),
    benchmark("chameneos", "meeting", 200_000, 20_000),
    benchmark("big", "ping", 20_000, 500),
    benchmark("dictionary", "request", 10_000, 1_500),
    benchmark("list", "request", 8_000, 1_000),
    benchmark("bank", "transaction", 50_000, 20_000),
    benchmark("philosophers", "meal", 10_000, 500),
    benchmark("smokers", "round", 1_000, 1_000),
    benchmark("barber", "haircut", 5_000, 1_500),
    benchmark("buffer", "item", 1_000, 40),
];

/// One benchmark as one framework does it.
pub struct Line {
    pub benchmark: &'static str,
    pub framework: &'static str,
    pub run: fn(Rt, u64) -> Sample,
}

fn lines_of<F: Framework>() -> [Line; 13] {
    macro_rules! line {
        ($benchmark:ident) => {
            Line {
                benchmark: stringify!($benchmark),
                framework: F::NAME,
                run: |rt, size| F::run(rt, $benchmark::run::<F>(size)),
            }
        };
    }
    [
        line!(counting),
        line!(throughput),
        line!(create),
        line!(ring),
        line!(chameneos),
        line!(big),
        line!(dictionary),
        line!(list),
        line!(bank),
        line!(philosophers),
        line!(smokers),
        line!(barber),
        line!(buffer),
    ]
}

/// The frameworks, in the order in which they run.
pub const FRAMEWORKS: [&str; 4] = [<Postbox>::NAME, <Postbox<true>>::NAME, Kameo::NAME, Ractor::NAME];

/// All lines; within a benchmark in the order in which they run.
pub fn lines() -> Vec<Line> {
    let mut lines = Vec::new();
    lines.extend(lines_of::<Postbox>());
    lines.extend(lines_of::<Postbox<true>>());
    lines.extend(lines_of::<Kameo>());
    lines.extend(lines_of::<Ractor>());
    lines
}

/// What one run of a line saw.
#[derive(Clone, Copy)]
pub struct Sample {
    pub operations: u64,
    pub took: Duration,
}

impl Sample {
    /// `operations` since `start`.
    pub fn since(start: Instant, operations: u64) -> Self {
        Self { operations, took: start.elapsed() }
    }
}

/// The runtime a sample runs in: a fresh one each time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Rt {
    MultiThread,
    CurrentThread,
}

impl Rt {
    pub const ALL: [Self; 2] = [Self::MultiThread, Self::CurrentThread];

    pub const fn name(self) -> &'static str {
        match self {
            Self::MultiThread => "mt",
            Self::CurrentThread => "ct",
        }
    }

    pub const fn title(self) -> &'static str {
        match self {
            Self::MultiThread => "Two workers",
            Self::CurrentThread => "One thread",
        }
    }

    /// Runs the driver as a task of a fresh runtime, so that it is on a worker like everything else.
    pub fn run(self, driver: impl Future<Output = Sample> + Send + 'static) -> Sample {
        let mut builder = match self {
            Self::MultiThread => Builder::new_multi_thread(),
            Self::CurrentThread => Builder::new_current_thread(),
        };
        // For current-thread the number of workers has no meaning.
        let runtime = builder.worker_threads(2).enable_time().build().expect("a runtime");
        runtime.block_on(async { tokio::spawn(driver).await }).expect("the driver ends well")
    }
}
