//! Counts the machine instructions of one operation, which repeat exactly where times do not, and holds them
//! against those in `instructions.txt`.
//!
//! ```sh
//! cargo bench --bench instructions                     # count, compare, fail above the tolerance
//! cargo bench --bench instructions -- tell ask         # only these
//! cargo bench --bench instructions -- --bless          # write the new figures down
//! cargo bench --bench instructions -- --run tell 1000  # just do it, for a profiler
//! ```
//!
//! Needs valgrind. A workload is run twice, with few and with many operations, and the difference is divided by
//! the difference: what a process and a runtime cost once is not in it. Everything is on one thread, so nobody
//! waits for anybody's cache lines; what a second core costs is `benches/versus`'s to say.

#![expect(clippy::print_stdout, reason = "a program that prints a table")]

mod workloads;

use std::{
    collections::BTreeMap,
    error::Error,
    fmt::Write as _,
    process::{Command, ExitCode},
};

use self::workloads::{WORKLOADS, Workload};

/// Where the figures are that were accepted.
const ACCEPTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions/accepted.txt");

/// By how much of the accepted figure a count may be above it, in percent. The counts repeat to a few in ten
/// thousand (hash seeds differ); another compiler moves them by more than this, and is a reason to look.
const TOLERANCE: f64 = 4.0;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let done = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--run", name, ops] => run(name, ops),
        ["--bless", ref only @ ..] => compare(only, true),
        ref only => compare(only, false),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("instructions: {error}");
            ExitCode::FAILURE
        }
    }
}

fn named(name: &str) -> Result<&'static Workload, Box<dyn Error>> {
    let known = || WORKLOADS.iter().map(|workload| workload.name).collect::<Vec<_>>().join(", ");
    let found = WORKLOADS.iter().find(|workload| workload.name == name);
    found.ok_or_else(|| format!("there is no workload `{name}`; there are {}", known()).into())
}

fn run(name: &str, ops: &str) -> Result<bool, Box<dyn Error>> {
    let ops = ops.parse().map_err(|_| format!("`{ops}` is no number of operations"))?;
    (named(name)?.run)(ops);
    Ok(true)
}

/// Counts, prints, and says whether all is within the tolerance.
fn compare(only: &[&str], bless: bool) -> Result<bool, Box<dyn Error>> {
    let chosen = match only {
        [] => WORKLOADS.iter().collect(),
        only => only.iter().map(|name| named(name)).collect::<Result<Vec<_>, _>>()?,
    };
    let mut accepted = read_accepted()?;
    let mut all_well = true;
    println!("{:<20} {:>10} {:>10}", "one operation", "counted", "accepted");
    for workload in chosen {
        let counted = per_operation(workload)?;
        let before = accepted.get(workload.name).copied();
        let more = before.map(|before| 100.0 * (counted as f64 / before as f64 - 1.0));
        let verdict = match more {
            None if bless => "new",
            None => "not accepted yet: run with --bless",
            Some(more) if more > TOLERANCE && !bless => "MORE",
            Some(more) if more < -TOLERANCE && !bless => "less: run with --bless to keep it so",
            Some(_) => "",
        };
        all_well &= bless || more.is_some_and(|more| more <= TOLERANCE);
        let before = before.map_or_else(|| "-".to_owned(), |before| before.to_string());
        let more = more.map_or_else(String::new, |more| format!("{more:+.1} %"));
        println!("{:<20} {counted:>10} {before:>10} {more:>9}  {verdict}", workload.name);
        accepted.insert(workload.name.to_owned(), counted);
    }
    if bless {
        let mut text = String::new();
        for (name, counted) in accepted {
            writeln!(text, "{name} {counted}")?;
        }
        std::fs::write(ACCEPTED, text).map_err(|error| format!("cannot write {ACCEPTED}: {error}"))?;
    }
    Ok(all_well)
}

fn read_accepted() -> Result<BTreeMap<String, u64>, Box<dyn Error>> {
    let text = std::fs::read_to_string(ACCEPTED).unwrap_or_default();
    let line = |line: &str| {
        let (name, counted) = line.split_once(' ')?;
        Some((name.to_owned(), counted.parse().ok()?))
    };
    text.lines()
        .map(|text| line(text).ok_or_else(|| format!("{ACCEPTED}: `{text}` is no figure").into()))
        .collect()
}

fn per_operation(workload: &Workload) -> Result<u64, Box<dyn Error>> {
    let (few, many) = (workload.ops, 5 * workload.ops);
    let more = count(workload.name, many)?.saturating_sub(count(workload.name, few)?);
    Ok((more + (many - few) / 2) / (many - few))
}

/// The instructions of a whole run, as callgrind counts them.
fn count(name: &str, ops: u64) -> Result<u64, Box<dyn Error>> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    valgrind.arg(std::env::current_exe()?).args(["--run", name, &ops.to_string()]);
    // A backtrace is most of what a panic costs where one is made, and nothing of ours.
    let output = valgrind.env("RUST_BACKTRACE", "0").output();
    let output = output.map_err(|error| format!("cannot run valgrind, which is needed to count: {error}"))?;
    let told = String::from_utf8_lossy(&output.stderr);
    let collected = told.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    match collected {
        Some(collected) if output.status.success() => Ok(collected),
        _ => Err(format!("`{name}` under valgrind ended with {}:\n{told}", output.status).into()),
    }
}
