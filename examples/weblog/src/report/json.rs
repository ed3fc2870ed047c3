//! The report as JSON.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::Report;
use crate::tally::Printable;

/// One object, one line. The names of the fields are a promise to scripts.
#[derive(Serialize)]
struct Document<'a> {
    inputs: Vec<Input>,
    ledger: Books<'a>,
    /// By the section's title: `status`, `hour`, `path`, `client`.
    totals: BTreeMap<&'a str, List>,
}

#[derive(Serialize)]
struct Input {
    name: String,
    lines: u64,
    /// Why it could not be read, or not to its end.
    error: Option<String>,
}

#[derive(Serialize)]
struct Books<'a> {
    read: u64,
    counted: u64,
    quarantined: u64,
    reasons: Vec<Reason>,
    balances: bool,
    faults: &'a [String],
}

#[derive(Serialize)]
struct Reason {
    reason: String,
    lines: u64,
    first: First,
}

#[derive(Serialize)]
struct First {
    input: String,
    line: u64,
    /// The line, cut where it is too long, with what is not printable written as `\xHH`.
    text: String,
    /// How many bytes it had before it was cut.
    length: u64,
}

#[derive(Serialize)]
struct List {
    /// How many different keys there are, in the rows or not.
    distinct: usize,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    key: String,
    lines: u64,
    bytes: u64,
}

impl Report {
    /// Writes the report as one JSON object and a line feed.
    pub(crate) fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut *out, &self.document())?;
        writeln!(out)
    }

    fn document(&self) -> Document<'_> {
        let inputs = self.inputs.iter().map(|input| Input {
            name: input.source.to_string(),
            lines: input.lines,
            error: input.error.as_ref().map(io::Error::to_string),
        });
        let totals = self.sections().map(|section| {
            let rows = section.rows.into_iter();
            let rows = rows.map(|(key, count)| Row { key, lines: count.lines, bytes: count.bytes }).collect();
            (section.title, List { distinct: section.distinct, rows })
        });
        Document { inputs: inputs.collect(), ledger: self.books(), totals: BTreeMap::from(totals) }
    }

    fn books(&self) -> Books<'_> {
        let ledger = &self.ledger;
        let reasons = ledger.quarantine.groups().into_iter().map(|(why, group)| Reason {
            reason: why.to_string(),
            lines: group.lines,
            first: First {
                input: self.inputs[group.first.input].source.to_string(),
                line: group.first.number,
                text: Printable(&group.first.bytes).to_string(),
                length: group.first.length,
            },
        });
        Books {
            read: ledger.read,
            counted: ledger.counted,
            quarantined: ledger.quarantine.lines(),
            reasons: reasons.collect(),
            balances: ledger.faults().is_empty(),
            faults: ledger.faults(),
        }
    }
}
