//! The command line.

use crate::part::{Cell, PARTS, Part, Rt};

pub const USAGE: &str = "\
usage: scale [--quick] [--rounds N] [--rt mt|ct] [--cpu] [--only PART,…] [--json]
       scale --cell PART --size N [--quick] [--heap] [--rt mt|ct] [--cpu]
  --quick   fewer operations, one round: under 60 s
  --rounds  rounds (5, or 1 with --quick)
  --rt      mt: multi-thread with 2 workers (default); ct: current-thread
  --cpu     time is what the process has had a core for, all threads together, and not what the clock says
  --only    these parts only
  --json    one object per line instead of the tables
  --cell    one size of one part in this process, for profiling
  --heap    the bytes on the heap instead of the times";

pub struct Options {
    pub rounds: usize,
    pub quick: bool,
    pub json: bool,
    pub rt: Rt,
    /// Time is processor time.
    pub cpu: bool,
    pub job: Job,
    only: Option<Vec<&'static str>>,
}

pub enum Job {
    /// All parts, each cell in a process of its own.
    All,
    /// One cell, in this process.
    Cell(&'static Part, Cell),
}

impl Options {
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut rounds, mut cell, mut size, mut heap) = (None, None, None, false);
        let mut options = Self {
            rounds: 0,
            quick: false,
            json: false,
            rt: Rt::MultiThread,
            cpu: false,
            job: Job::All,
            only: None,
        };
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
            match arg.as_str() {
                "--quick" => options.quick = true,
                "--json" => options.json = true,
                "--cpu" => options.cpu = true,
                "--heap" => heap = true,
                "--rounds" => rounds = Some(number(&value()?)?),
                "--size" => size = Some(number(&value()?)?),
                "--rt" => options.rt = Rt::parse(&value()?)?,
                "--cell" => cell = Some(part(&value()?)?),
                "--only" => {
                    let parts: Result<Vec<_>, _> =
                        value()?.split(',').map(|name| Ok(part(name)?.name)).collect();
                    options.only = Some(parts.map_err(|error: String| error)?);
                }
                _ => return Err(format!("unknown argument {arg}")),
            }
        }
        let rounds = rounds.unwrap_or(if options.quick { 1 } else { 5 });
        options.rounds = usize::try_from(rounds).map_err(|error| error.to_string())?;
        match (cell, size) {
            (None, None) => {}
            (Some(part), Some(size)) => {
                options.job = Job::Cell(part, Cell { size, quick: options.quick, heap });
            }
            _ => return Err("--cell and --size come together".to_owned()),
        }
        Ok(options)
    }

    pub fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|wanted| wanted.contains(&name))
    }
}

fn number(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("{text} is not a number above 0")),
    }
}

/// A misspelt name must not pass for a short run.
fn part(name: &str) -> Result<&'static Part, String> {
    PARTS.iter().find(|part| part.name == name).ok_or_else(|| format!("unknown: {name}"))
}
