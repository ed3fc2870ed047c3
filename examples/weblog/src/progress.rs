//! The progress of a run, on standard error where that is a terminal.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// The shortest time between two prints.
const EVERY: Duration = Duration::from_millis(200);

/// How many lines go by before the clock is looked at: less than are read in `EVERY`, many enough that the
/// clock costs nothing.
const LOOK_EVERY: u64 = 1024;

/// Prints how far the reader is, over and over on one line.
#[derive(Debug)]
pub(crate) struct Progress {
    terminal: bool,
    printed: Option<Instant>,
    started: Instant,
    lines: u64,
}

impl Progress {
    /// Begins at no lines.
    pub(crate) fn new() -> Self {
        Self { terminal: io::stderr().is_terminal(), printed: None, started: Instant::now(), lines: 0 }
    }

    /// Counts one line; `bytes` have been read in all.
    pub(crate) fn step(&mut self, bytes: u64) {
        self.lines += 1;
        if self.terminal && self.lines.is_multiple_of(LOOK_EVERY) {
            self.print(bytes, Instant::now());
        }
    }

    fn print(&mut self, bytes: u64, now: Instant) {
        let last = self.printed.unwrap_or(self.started);
        if now.duration_since(last) < EVERY {
            return;
        }
        self.printed = Some(now);
        let rate = self.lines as f64 / now.duration_since(self.started).as_secs_f64();
        let (lines, megabytes) = (self.lines, bytes / 1_000_000);
        // Progress is a courtesy: where it cannot be printed, the run goes on.
        let _ = write!(io::stderr(), "\r\x1b[Kweblog: {lines} lines, {megabytes} MB, {rate:.0} lines/s");
    }

    /// Clears the line, so that the report begins at its start.
    pub(crate) fn finish(&self) {
        if self.printed.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
