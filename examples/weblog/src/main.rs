//! Reads web server access logs through a supervised pipeline of actors, and reports what is in them.
//!
//! The README of this program says how to use it; `pipeline` is the part that shows postbox.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;
use std::thread::available_parallelism;

use self::args::{Command, Options};
use self::input::{Inputs, Outcome};
use self::progress::Progress;
use self::report::Report;

mod args;
mod input;
mod line;
mod pipeline;
mod progress;
mod report;
mod tally;

/// What the exit code says; `--help` explains it to the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Complete = 0,
    Partial = 1,
    Nothing = 2,
    Unbalanced = 3,
}

fn main() -> ExitCode {
    let verdict = match args::parse(std::env::args_os().skip(1)) {
        Ok(Command::Help) => print(Verdict::Complete, |out| out.write_all(args::HELP.as_bytes())),
        Ok(Command::Run(options)) => run(options),
        Err(usage) => {
            complain(format_args!("{usage}; try --help"));
            Verdict::Nothing
        }
    };
    ExitCode::from(verdict as u8)
}

fn run(options: Options) -> Verdict {
    let mut inputs = Inputs::new(options.sources);
    let parsers = options.parsers.unwrap_or_else(|| available_parallelism().map_or(1, |cores| cores.get()));

    let mut progress = Progress::new();
    let result = pipeline::start(&mut inputs, parsers, |bytes| progress.step(bytes));
    progress.finish();

    let (totals, ledger) = match result {
        Ok(done) => done,
        Err(error) => {
            complain(format_args!("the pipeline broke: {error}"));
            return Verdict::Unbalanced;
        }
    };
    let report = Report { inputs: inputs.into_outcomes(), totals, ledger, top: options.top };
    report.inputs.iter().for_each(explain);
    let verdict = judge(&report);
    if report.inputs.iter().all(is_unreadable) {
        // There is nothing to report, and an empty report would look like an empty log.
        return verdict;
    }
    if verdict == Verdict::Nothing {
        complain(format_args!(
            "not one line is in combined or common format (a compressed log? then: zcat FILE | weblog)"
        ));
    }
    report
        .ledger
        .faults()
        .iter()
        .for_each(|fault| complain(format_args!("the ledger does not balance: {fault}")));
    print(verdict, |out| if options.json { report.write_json(out) } else { report.write_table(out) })
}

fn judge(report: &Report) -> Verdict {
    let ledger = &report.ledger;
    if !ledger.faults().is_empty() {
        Verdict::Unbalanced
    } else if report.inputs.iter().all(is_unreadable) || (ledger.read > 0 && ledger.counted == 0) {
        Verdict::Nothing
    } else if report.inputs.iter().any(|input| input.error.is_some()) {
        Verdict::Partial
    } else {
        Verdict::Complete
    }
}

fn is_unreadable(input: &Outcome) -> bool {
    input.error.is_some() && input.lines == 0
}

/// Says what is to be said about an input, if anything is.
fn explain(input: &Outcome) {
    let Outcome { source, lines, error } = input;
    match (lines, error) {
        (0, Some(error)) => complain(format_args!("cannot read {source}: {error}")),
        (lines, Some(error)) => complain(format_args!("{source} broke off after {lines} lines: {error}")),
        (0, None) => complain(format_args!("{source} is empty")),
        (_, None) => {}
    }
}

/// Prints to standard output, and makes the verdict worse where that fails.
fn print(
    verdict: Verdict,
    write: impl FnOnce(&mut BufWriter<io::StdoutLock<'_>>) -> io::Result<()>,
) -> Verdict {
    let mut out = BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        // The reader has seen enough: `weblog … | head` is no error.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => verdict,
        Err(error) => {
            complain(format_args!("cannot write the report: {error}"));
            if verdict == Verdict::Complete { Verdict::Partial } else { verdict }
        }
        Ok(()) => verdict,
    }
}

/// Says something on standard error. Where that is closed there is nobody left to tell.
fn complain(what: std::fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "weblog: {what}");
}
