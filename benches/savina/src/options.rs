//! The command line.

use crate::plan::{BENCHMARKS, FRAMEWORKS, Rt};

pub const USAGE: &str = "\
usage: savina [--quick] [--rounds N] [--rt mt|ct|both] [--only BENCHMARK,…] [--framework NAME,…] [--json]
              [--size N] [--once]
  --quick      smaller sizes and fewer rounds: under 60 s for both runtimes
  --rounds     rounds per benchmark (5, or 3 with --quick)
  --rt         mt: multi-thread with 2 workers; ct: current-thread; both: one after the other (default)
  --only       these benchmarks only
  --framework  these frameworks only (without postbox there are no ratios)
  --json       one object per line instead of the tables
  --size       the size of the benchmark, instead of the published one
  --once       one run is a sample, without a warm-up and however short it is, for profiling";

pub struct Options {
    pub rounds: usize,
    pub quick: bool,
    pub json: bool,
    pub runtimes: Vec<Rt>,
    pub size: Option<u64>,
    pub once: bool,
    benchmarks: Option<Vec<String>>,
    frameworks: Option<Vec<String>>,
}

impl Options {
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut rounds = None;
        let mut options = Self {
            rounds: 0,
            quick: false,
            json: false,
            runtimes: Rt::ALL.to_vec(),
            size: None,
            once: false,
            benchmarks: None,
            frameworks: None,
        };
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
            match arg.as_str() {
                "--quick" => options.quick = true,
                "--json" => options.json = true,
                "--once" => options.once = true,
                "--rounds" => rounds = Some(number(&value()?)?),
                "--size" => options.size = Some(number(&value()?)?),
                "--rt" => options.runtimes = runtimes(&value()?)?,
                "--only" => {
                    options.benchmarks = Some(names(&value()?, BENCHMARKS.iter().map(|known| known.name))?);
                }
                "--framework" => options.frameworks = Some(names(&value()?, FRAMEWORKS.into_iter())?),
                _ => return Err(format!("unknown argument {arg}")),
            }
        }
        let rounds = rounds.unwrap_or(if options.quick { 3 } else { 5 });
        options.rounds = usize::try_from(rounds).map_err(|error| error.to_string())?;
        Ok(options)
    }

    pub fn wants_benchmark(&self, name: &str) -> bool {
        self.benchmarks.as_ref().is_none_or(|wanted| wanted.iter().any(|wanted| wanted == name))
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

fn runtimes(name: &str) -> Result<Vec<Rt>, String> {
    if name == "both" {
        return Ok(Rt::ALL.to_vec());
    }
    match Rt::ALL.into_iter().find(|rt| rt.name() == name) {
        Some(rt) => Ok(vec![rt]),
        None => Err(format!("--rt is mt, ct or both, not {name}")),
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
