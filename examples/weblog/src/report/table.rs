//! The report as a table to read.

use std::borrow::Cow;
use std::io::{self, Write};

use super::{Report, Section};
use crate::tally::Printable;

/// The most characters of a path, a client or a line that are shown.
const WIDTH: usize = 80;

impl Report {
    /// Writes the report as a table.
    pub(crate) fn write_table(&self, out: &mut impl Write) -> io::Result<()> {
        for section in self.sections() {
            write_section(&section, out)?;
        }
        self.write_ledger(out)
    }

    fn write_ledger(&self, out: &mut impl Write) -> io::Result<()> {
        let ledger = &self.ledger;
        writeln!(out, "{:>10}  ledger", "lines")?;
        writeln!(out, "{:>10}  read", ledger.read)?;
        writeln!(out, "{:>10}  counted", ledger.counted)?;
        writeln!(out, "{:>10}  quarantined", ledger.quarantine.lines())?;
        for (why, group) in ledger.quarantine.groups() {
            let (input, number) = (&self.inputs[group.first.input].source, group.first.number);
            writeln!(out, "{:>14}  {why}; the first is line {number} of {input}:", group.lines)?;
            writeln!(out, "{:>16}{}", "", short(&Printable(&group.first.bytes).to_string()))?;
        }
        match ledger.faults() {
            [] => {
                let (read, counted, quarantined) = (ledger.read, ledger.counted, ledger.quarantine.lines());
                writeln!(out, "\n{read} read = {counted} counted + {quarantined} quarantined")
            }
            faults => {
                faults.iter().try_for_each(|fault| writeln!(out, "\nTHE LEDGER DOES NOT BALANCE: {fault}"))
            }
        }
    }
}

fn write_section(section: &Section, out: &mut impl Write) -> io::Result<()> {
    write!(out, "{:>10}  {:>15}  {}", "lines", "bytes", section.title)?;
    if section.rows.len() < section.distinct {
        write!(out, " (the first {} of {})", section.rows.len(), section.distinct)?;
    }
    writeln!(out)?;
    for (key, count) in &section.rows {
        writeln!(out, "{:>10}  {:>15}  {}", count.lines, count.bytes, short(key))?;
    }
    writeln!(out)
}

/// Cuts a text that would not fit on a line.
fn short(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(WIDTH) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
    }
}
