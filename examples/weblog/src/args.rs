//! The command line.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use lexopt::Parser;
use lexopt::prelude::{Long, Short, Value, ValueExt};

use crate::input::Source;

#[cfg(test)]
mod tests;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
weblog: totals of web server access logs, by status, hour, path and client

usage: weblog [--json] [--top N] [--parsers N] [FILE...]

Reads logs in combined or common format from the files, or from standard input
where no file is given or a file is `-`. Lines that are not in the format are
quarantined and listed by reason; no line is lost.

  --json        print one JSON object instead of tables
  --top N       show the N paths and clients with the most lines (default 10)
  --parsers N   parse with N actors (default: one per core)
  --help        print this

exit codes:
  0   the report covers everything
  1   the report is printed, but an input could not be read, or not to its end
  2   nothing could be read: no input, or no line in the format; or wrong usage
  3   the ledger does not balance: do not trust the report
";

/// The most parsers that can be asked for.
const MAX_PARSERS: usize = 1024;

/// Says what the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// To print the help.
    Help,
    /// To read logs.
    Run(Options),
}

/// Says how to read logs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Whether the report is JSON.
    pub(crate) json: bool,
    /// How many paths and clients are shown.
    pub(crate) top: usize,
    /// How many parsers there are, where it is said.
    pub(crate) parsers: Option<usize>,
    /// What to read.
    pub(crate) sources: Vec<Source>,
}

/// Tells what is wrong with the command line.
#[derive(Debug)]
pub(crate) enum Usage {
    /// An option is unknown, or has no value or one too many.
    Option(lexopt::Error),
    /// The value of an option is not a number in its range.
    Number { option: &'static str, value: OsString, max: usize },
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option(error) => error.fmt(f),
            Self::Number { option, value, max } => {
                write!(f, "{option} needs a number from 1 to {max}, not '{}'", value.display())
            }
        }
    }
}

impl From<lexopt::Error> for Usage {
    fn from(error: lexopt::Error) -> Self {
        Self::Option(error)
    }
}

/// Reads a command line, given without the program's name.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, Usage> {
    let mut options = Options { json: false, top: 10, parsers: None, sources: Vec::new() };
    let mut parser = Parser::from_args(args.into_iter().collect::<Vec<_>>());
    while let Some(arg) = parser.next()? {
        match arg {
            Long("help") | Short('h') => return Ok(Command::Help),
            Long("json") => options.json = true,
            Long("top") => options.top = number("--top", parser.value()?, usize::MAX)?,
            Long("parsers") => options.parsers = Some(number("--parsers", parser.value()?, MAX_PARSERS)?),
            Value(file) if file == "-" => options.sources.push(Source::Stdin),
            Value(file) => options.sources.push(Source::File(PathBuf::from(file))),
            other => return Err(other.unexpected().into()),
        }
    }
    if options.sources.is_empty() {
        options.sources.push(Source::Stdin);
    }
    Ok(Command::Run(options))
}

fn number(option: &'static str, value: OsString, max: usize) -> Result<usize, Usage> {
    match value.parse_with(usize::from_str) {
        Ok(number) if (1..=max).contains(&number) => Ok(number),
        _ => Err(Usage::Number { option, value, max }),
    }
}
