//! Measures actor frameworks on one list of workloads, against hand-written tokio. See README.md.

mod framework;
mod heap;
mod options;
mod plan;
mod report;

use std::process::ExitCode;

use options::Options;
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
fn measure(workload: &plan::Workload, options: &Options) -> Vec<Row> {
    let lines: Vec<_> = plan::LINES
        .iter()
        .filter(|line| line.workload == workload.name && options.wants_framework(line.framework))
        .collect();
    let ops = options.ops.unwrap_or(if options.quick { workload.quick } else { workload.full });
    let mut rows: Vec<_> = lines.iter().map(|line| Row::new(workload, line.framework)).collect();
    if options.warm_up {
        for line in &lines {
            let _warm = (line.run)(options.rt, (ops / 10).max(plan::LEAST));
        }
    }
    for _ in 0..options.rounds {
        for (line, row) in lines.iter().zip(&mut rows) {
            row.add((line.run)(options.rt, ops.max(plan::LEAST)));
        }
    }
    rows
}
