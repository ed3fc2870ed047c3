//! The command line.

use crate::plan::{Rt, WORKLOADS, lines};

pub const USAGE: &str = "\
usage: versus [--quick] [--rounds N] [--rt mt|ct] [--only WORKLOAD,…] [--framework NAME,…] [--json]
              [--ops N] [--cold]
  --quick      fewer operations and rounds: under 60 s
  --rounds     rounds per workload (5, or 3 with --quick)
  --rt         mt: multi-thread with 2 workers (default); ct: current-thread
  --only       these workloads only
  --framework  these frameworks only (without raw there are no ratios)
  --json       one object per line instead of the table
  --ops        operations per sample, for profiling
  --cold       no warm-up before the rounds, for profiling";

pub struct Options {
    pub rounds: usize,
    pub quick: bool,
    pub json: bool,
    pub rt: Rt,
    pub ops: Option<u64>,
    pub warm_up: bool,
    workloads: Option<Vec<String>>,
    frameworks: Option<Vec<String>>,
}

impl Options {
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut rounds = None;
        let mut options = Self {
            rounds: 0,
            quick: false,
            json: false,
            rt: Rt::MultiThread,
            ops: None,
            warm_up: true,
            workloads: None,
            frameworks: None,
        };
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
            match arg.as_str() {
                "--quick" => options.quick = true,
                "--json" => options.json = true,
                "--cold" => options.warm_up = false,
                "--rounds" => rounds = Some(number(&value()?)?),
                "--ops" => options.ops = Some(number(&value()?)?),
                "--rt" => options.rt = Rt::parse(&value()?)?,
                "--only" => {
                    options.workloads = Some(names(&value()?, WORKLOADS.iter().map(|known| known.name))?)
                }
                "--framework" => {
                    let known = lines();
                    options.frameworks = Some(names(&value()?, known.iter().map(|known| known.framework))?);
                }
                _ => return Err(format!("unknown argument {arg}")),
            }
        }
        let rounds = rounds.unwrap_or(if options.quick { 3 } else { 5 });
        options.rounds = usize::try_from(rounds).map_err(|error| error.to_string())?;
        Ok(options)
    }

    pub fn wants_workload(&self, name: &str) -> bool {
        self.workloads.as_ref().is_none_or(|wanted| wanted.iter().any(|wanted| wanted == name))
    }

    pub fn wants_framework(&self, name: &str) -> bool {
        self.frameworks.as_ref().is_none_or(|wanted| wanted.iter().any(|wanted| wanted == name))
    }
}

fn number(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("{text} is not a number above 0")),
    }
}

/// A misspelt name must not pass for a short run.
fn names<'a>(list: &str, known: impl Iterator<Item = &'a str> + Clone) -> Result<Vec<String>, String> {
    list.split(',')
        .map(|name| {
            if known.clone().any(|known| known == name) {
                Ok(name.to_owned())
            } else {
                Err(format!("unknown: {name}"))
            }
        })
        .collect()
}
