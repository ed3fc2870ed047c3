//! Savina's actor benchmarks, run for postbox and two other frameworks. See README.md.

mod benchmark;
mod framework;
mod kit;
mod options;
mod plan;
mod report;

use std::{process::ExitCode, time::Duration};

use options::Options;
use plan::{Benchmark, Line, Rt, Sample};
use report::Row;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}\n\n{}", options::USAGE);
            return ExitCode::FAILURE;
        }
    };
    // All frameworks catch the panics of actors, but here each is a wrong result, and the end.
    std::panic::set_hook(Box::new(|info| {
        eprintln!("{info}\n{}", std::backtrace::Backtrace::capture());
        std::process::exit(101);
    }));
    for &rt in &options.runtimes {
        let rows: Vec<Row> = plan::BENCHMARKS
            .iter()
            .filter(|benchmark| options.wants_benchmark(benchmark.name))
            .flat_map(|benchmark| measure(benchmark, rt, &options))
            .collect();
        report::print(&rows, rt, &options);
    }
    ExitCode::SUCCESS
}

/// Runs one benchmark for all frameworks, round by round, so that what disturbs the machine disturbs all.
fn measure(benchmark: &'static Benchmark, rt: Rt, options: &Options) -> Vec<Row> {
    let size = options.size.unwrap_or(if options.quick { benchmark.quick } else { benchmark.full });
    let lines: Vec<_> = plan::lines()
        .into_iter()
        .filter(|line| line.benchmark == benchmark.name && options.wants_framework(line.framework))
        .map(|line| (repeats(&line, rt, size, options), line))
        .collect();
    let mut rows: Vec<_> = lines.iter().map(|(_, line)| Row::new(benchmark, line.framework)).collect();
    for _ in 0..options.rounds {
        for ((repeats, line), row) in lines.iter().zip(&mut rows) {
            row.add(sample(line, rt, size, *repeats));
        }
    }
    rows
}

/// Warms a line up. Returns how often it is run for one sample.
fn repeats(line: &Line, rt: Rt, size: u64, options: &Options) -> u32 {
    if options.once {
        return 1;
    }
    let took = (line.run)(rt, size).took.max(Duration::from_micros(1));
    let goal = if options.quick { plan::SHORT } else { plan::LONG };
    u32::try_from(goal.as_nanos().div_ceil(took.as_nanos())).unwrap_or(u32::MAX)
}

fn sample(line: &Line, rt: Rt, size: u64, repeats: u32) -> Sample {
    let mut sum = Sample { operations: 0, took: Duration::ZERO };
    for _ in 0..repeats {
        let one = (line.run)(rt, size);
        sum.operations += one.operations;
        sum.took += one.took;
    }
    sum
}
