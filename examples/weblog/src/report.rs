//! What a run found: totals, and the ledger that proves that no line was lost.

use crate::input::Outcome;
use crate::line::Hour;
use crate::tally::{Count, Printable, Tally};

pub(crate) use self::ledger::{Ledger, Quarantine, Why};

mod json;
mod ledger;
mod table;
#[cfg(test)]
mod tests;

/// Holds the counts by each property of the lines.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// By status.
    pub(crate) statuses: Tally<u16>,
    /// By hour.
    pub(crate) hours: Tally<Hour>,
    /// By path.
    pub(crate) paths: Tally<Vec<u8>>,
    /// By client.
    pub(crate) clients: Tally<Vec<u8>>,
}

/// Holds the result of a run, ready to be printed.
#[derive(Debug)]
pub(crate) struct Report {
    /// What became of the inputs.
    pub(crate) inputs: Vec<Outcome>,
    /// The counts.
    pub(crate) totals: Totals,
    /// Where the lines went.
    pub(crate) ledger: Ledger,
    /// How many paths and clients are shown.
    pub(crate) top: usize,
}

/// Holds one list of the report.
#[derive(Debug)]
struct Section {
    title: &'static str,
    rows: Vec<(String, Count)>,
    /// How many different keys there are, shown or not.
    distinct: usize,
}

impl Report {
    /// Returns the lists of the report, in the order in which they are printed.
    fn sections(&self) -> [Section; 4] {
        let Totals { statuses, hours, paths, clients } = &self.totals;
        let section = |title, rows, distinct| Section { title, rows, distinct };
        [
            section("status", shown(statuses.by_key(), |status| format!("{status:03}")), statuses.len()),
            section("hour", shown(hours.by_key(), Hour::to_string), hours.len()),
            section("path", shown(paths.top(self.top), |path| Printable(path).to_string()), paths.len()),
            section(
                "client",
                shown(clients.top(self.top), |client| Printable(client).to_string()),
                clients.len(),
            ),
        ]
    }
}

fn shown<K>(rows: Vec<(&K, Count)>, print: impl Fn(&K) -> String) -> Vec<(String, Count)> {
    rows.into_iter().map(|(key, count)| (print(key), count)).collect()
}
