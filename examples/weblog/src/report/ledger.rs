//! The ledger: every line that was read is counted or quarantined, and nothing else happens to a line.

use std::collections::BTreeMap;
use std::fmt;

use super::Totals;
use crate::input::Line;
use crate::line::Malformed;

/// Tells why a line was quarantined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Why {
    /// The line is not what a log line should be.
    Malformed(Malformed),
    /// The parser panicked at it. This is a bug of the parser.
    Panicked,
    /// The parser failed for another reason, which is not the line's fault.
    Failed,
}

/// Collects the quarantined lines by reason.
#[derive(Debug, Default)]
pub(crate) struct Quarantine {
    groups: BTreeMap<Why, Group>,
}

/// Sums up the lines that were quarantined for one reason.
#[derive(Debug)]
pub(crate) struct Group {
    /// How many.
    pub(crate) lines: u64,
    /// The one that comes first in the inputs. Parsers run side by side, so it need not have come first here.
    pub(crate) first: Line,
}

/// Says where the lines went.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// The lines that were read.
    pub(crate) read: u64,
    /// The lines that were counted by status; the other counts must agree.
    pub(crate) counted: u64,
    /// The lines that were quarantined.
    pub(crate) quarantine: Quarantine,
    /// What is wrong with the sums.
    faults: Vec<String>,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(malformed) => malformed.fmt(f),
            Self::Panicked => f.write_str("the parser panicked"),
            Self::Failed => f.write_str("the parser failed"),
        }
    }
}

impl Quarantine {
    /// Adds one line.
    pub(crate) fn add(&mut self, why: Why, line: Line) {
        let at = |line: &Line| (line.input, line.number);
        match self.groups.get_mut(&why) {
            None => {
                self.groups.insert(why, Group { lines: 1, first: line });
            }
            Some(group) => {
                group.lines += 1;
                if at(&line) < at(&group.first) {
                    group.first = line;
                }
            }
        }
    }

    /// Returns how many lines there are.
    pub(crate) fn lines(&self) -> u64 {
        self.groups.values().map(|group| group.lines).sum()
    }

    /// Returns the groups, the largest first.
    pub(crate) fn groups(&self) -> Vec<(Why, &Group)> {
        let mut groups: Vec<_> = self.groups.iter().map(|(&why, group)| (why, group)).collect();
        // Stable, so that equals stay in the order of their reasons.
        groups.sort_by_key(|(_, group)| std::cmp::Reverse(group.lines));
        groups
    }
}

impl Ledger {
    /// Makes up the ledger from three books that are kept apart: the reader's, the aggregators', and the
    /// dead letters', of which `settled` is the runtime's own count of quarantined lines.
    pub(crate) fn new(read: u64, totals: &Totals, quarantine: Quarantine, settled: u64) -> Self {
        let counted = totals.statuses.total().lines;
        let quarantined = quarantine.lines();
        let mut faults = Vec::new();
        for (name, lines) in [
            ("hour", totals.hours.total().lines),
            ("path", totals.paths.total().lines),
            ("client", totals.clients.total().lines),
        ] {
            if lines != counted {
                faults.push(format!("{counted} lines are counted by status and {lines} by {name}"));
            }
        }
        if quarantined != settled {
            faults.push(format!("{settled} lines were quarantined and {quarantined} of them were seen"));
        }
        if read != counted + quarantined {
            faults.push(format!("{read} lines were read, {counted} counted and {quarantined} quarantined"));
        }
        Self { read, counted, quarantine, faults }
    }

    /// Adds something that is wrong and cannot be seen from here.
    pub(crate) fn add_fault(&mut self, fault: String) {
        self.faults.push(fault);
    }

    /// Returns what is wrong with the sums. It is empty where each line has exactly one place.
    pub(crate) fn faults(&self) -> &[String] {
        &self.faults
    }
}
