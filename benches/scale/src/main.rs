//! How postbox behaves when there is very much of something. See README.md.

mod kit;
mod memory;
mod options;
mod part;
mod report;

use std::{
    process::{Command, ExitCode, Stdio},
    str,
};

use options::{Job, Options};
use part::{Cell, PARTS, Part, Unit};
use report::Column;

#[global_allocator]
static HEAP: memory::Counting = memory::Counting;

/// What the handlers say that are to panic.
const EXPECTED_PANIC: &str = "break";

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}\n\n{}", options::USAGE);
            return ExitCode::FAILURE;
        }
    };
    match options.job {
        Job::Cell(part, cell) => {
            measure_here(part, cell, &options);
            ExitCode::SUCCESS
        }
        Job::All => {
            let wanted = PARTS.iter().filter(|part| options.wants(part.name));
            // No short cut: the others are measured all the same.
            let failed = wanted.filter(|part| !measure(part, &options)).count();
            if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
    }
}

/// Measures a cell in this process, which was started for it.
fn measure_here(part: &Part, cell: Cell, options: &Options) {
    // A backtrace of every panic would be most of what a failure costs.
    // SAFETY: no other thread has been started.
    unsafe { std::env::set_var("RUST_LIB_BACKTRACE", "0") };
    std::panic::set_hook(Box::new(|info| {
        if info.payload().downcast_ref::<&str>() != Some(&EXPECTED_PANIC) {
            // Also in an actor, where it would be caught: a wrong result.
            eprintln!("{info}");
            std::process::exit(101);
        }
    }));
    if options.cpu {
        kit::Start::count_cpu();
    }
    for (measure, unit, value) in part::measure(part, cell, options.rt).0 {
        println!("{measure}\t{}\t{value}", unit.name());
    }
}

/// Measures all sizes of a part, round by round, and prints what was found. True: nothing failed.
fn measure(part: &Part, options: &Options) -> bool {
    let mut columns: Vec<Column> = Vec::new();
    let mut failures = Vec::new();
    // The round of the heap first, since its columns are the fewest.
    let rounds = (0..options.rounds).map(|_| false).chain([true]);
    for heap in rounds {
        for (row, &size) in part.sizes.iter().enumerate() {
            match spawn(part, Cell { size, quick: options.quick, heap }, options) {
                Ok(found) => report::add(&mut columns, part, row, found),
                Err(failure) => failures.push(format!("{} of {size}: {failure}", part.name)),
            }
        }
    }
    report::print(part, &columns, options);
    failures.iter().for_each(|failure| eprintln!("FAILED {failure}"));
    failures.is_empty()
}

type Measured = Vec<(String, Unit, f64)>;

/// Measures a cell in a process of its own: what others left in the allocator or in tables is not in its figures.
fn spawn(part: &Part, cell: Cell, options: &Options) -> Result<Measured, String> {
    let program = std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
    let mut command = Command::new(program);
    command.args(["--rt", options.rt.name(), "--cell", part.name, "--size", &cell.size.to_string()]);
    if cell.quick {
        command.arg("--quick");
    }
    if cell.heap {
        command.arg("--heap");
    }
    if options.cpu {
        command.arg("--cpu");
    }
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("cannot start: {error}"))?;
    if !output.status.success() {
        return Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim()));
    }
    let text = str::from_utf8(&output.stdout).map_err(|error| error.to_string())?;
    text.lines().map(|line| parse(line).ok_or_else(|| format!("unreadable: {line}"))).collect()
}

fn parse(line: &str) -> Option<(String, Unit, f64)> {
    let (measure, rest) = line.split_once('\t')?;
    let (unit, value) = rest.split_once('\t')?;
    let unit = Unit::ALL.into_iter().find(|known| known.name() == unit)?;
    Some((measure.to_owned(), unit, value.parse().ok()?))
}
