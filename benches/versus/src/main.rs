//! Measures actor frameworks on one list of workloads, against hand-written tokio. See README.md.

mod framework;
mod heap;
mod options;
mod plan;
mod report;
mod workload;

use std::process::ExitCode;

use options::Options;
use plan::{LEAST, Line, Sample, Workload};
use report::Row;

#[global_allocator]
static HEAP: heap::Counting = heap::Counting;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}\n\n{}", options::USAGE);
            return ExitCode::FAILURE;
        }
    };
    // A backtrace of every panic would be all that `restart` measures.
    // SAFETY: no other thread has been started.
    unsafe { std::env::set_var("RUST_LIB_BACKTRACE", "0") };
    // The panics of the workload `restart` are its work, not news.
    std::panic::set_hook(Box::new(|info| {
        if info.payload().downcast_ref::<&str>() != Some(&plan::EXPECTED_PANIC) {
            eprintln!("{info}");
        }
    }));
    let rows: Vec<Row> = plan::WORKLOADS
        .iter()
        .filter(|workload| options.wants_workload(workload.name))
        .flat_map(|workload| measure(workload, &options))
        .collect();
    report::print(&rows, &options);
    ExitCode::SUCCESS
}

/// Runs one workload for all its frameworks, round by round, so that what disturbs the machine disturbs all.
fn measure(workload: &Workload, options: &Options) -> Vec<Row> {
    let lines: Vec<_> = plan::lines()
        .into_iter()
        .filter(|line| line.workload == workload.name && options.wants_framework(line.framework))
        .map(|line| (operations(workload, &line, options), line))
        .collect();
    let mut rows: Vec<_> = lines.iter().map(|(_, line)| Row::new(workload, line.framework)).collect();
    for _ in 0..options.rounds {
        for ((ops, line), row) in lines.iter().zip(&mut rows) {
            row.add((line.run)(options.rt, *ops));
        }
    }
    rows
}

/// Warms a line up. Returns how many operations a sample of it takes: with `--quick` the slow take fewer.
fn operations(workload: &Workload, line: &Line, options: &Options) -> u64 {
    let most = options.ops.unwrap_or(if options.quick { workload.quick } else { workload.full }).max(LEAST);
    if !options.warm_up {
        return most;
    }
    match (line.run)(options.rt, (most / 10).max(LEAST)) {
        Sample::Time { ops, took } if options.quick && options.ops.is_none() => {
            let in_time = u128::from(ops) * plan::QUICK.as_nanos() / took.as_nanos().max(1);
            u64::try_from(in_time).unwrap_or(most).clamp(LEAST, most)
        }
        _ => most,
    }
}
