//! The inputs, read line by line in bounded memory.
//!
//! No line is lost: one that is too long for memory is cut and says so, one without a line feed at the end
//! of its input is a line, and what was read before an input broke off is passed on before the error is.

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use self::lines::Lines;

mod lines;
#[cfg(test)]
mod tests;

/// The longest line that is read whole, in bytes without its line feed.
pub(crate) const MAX_LINE: usize = 64 * 1024;

/// Names something to read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Standard input.
    Stdin,
    /// A file, by its path.
    File(PathBuf),
}

/// Holds one line and where it came from. A clone shares the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// The input's place in the order in which the inputs were given.
    pub(crate) input: usize,
    /// The line's number in its input, from 1.
    pub(crate) number: u64,
    /// The line without its line feed, cut after [`MAX_LINE`] bytes.
    pub(crate) bytes: Arc<[u8]>,
    /// How many bytes the line had before it was cut.
    pub(crate) length: u64,
}

/// Tells what became of one input.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// What was read.
    pub(crate) source: Source,
    /// How many lines it gave.
    pub(crate) lines: u64,
    /// Why it could not be read, or not to its end.
    pub(crate) error: Option<io::Error>,
}

/// Reads the lines of several inputs, one input after the other.
///
/// An input that cannot be read is noted and stepped over.
#[derive(Debug)]
pub(crate) struct Inputs {
    waiting: VecDeque<Source>,
    open: Option<Open>,
    done: Vec<Outcome>,
    /// The bytes of all lines so far, line feeds not counted.
    bytes: u64,
    /// Taken over from line to line, so that a line costs one allocation: its own.
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Open {
    source: Source,
    lines: Lines<Box<dyn Read + Send>>,
    read: u64,
}

impl Source {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        match self {
            Self::Stdin => Ok(Box::new(io::stdin())),
            Self::File(path) => Ok(Box::new(File::open(path)?)),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("standard input"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

impl Line {
    /// Returns whether the line had more bytes than it holds.
    pub(crate) fn is_cut(&self) -> bool {
        self.length > self.bytes.len() as u64
    }
}

impl Inputs {
    /// Prepares to read the sources in their order. Nothing is opened yet.
    pub(crate) fn new(sources: impl IntoIterator<Item = Source>) -> Self {
        let waiting = sources.into_iter().collect();
        Self { waiting, open: None, done: Vec::new(), bytes: 0, buffer: Vec::new() }
    }

    /// Returns the next line of the input at hand or of the next one that has any.
    pub(crate) fn next(&mut self) -> Option<Line> {
        loop {
            let Some(open) = &mut self.open else {
                self.open_next()?;
                continue;
            };
            match open.lines.next(&mut self.buffer) {
                Ok(Some(length)) => {
                    open.read += 1;
                    self.bytes += length;
                    let (number, bytes) = (open.read, Arc::from(self.buffer.as_slice()));
                    return Some(Line { input: self.done.len(), number, bytes, length });
                }
                Ok(None) => self.close(None),
                Err(error) => self.close(Some(error)),
            }
        }
    }

    /// Opens the next source that can be opened, and returns `None` after the last.
    fn open_next(&mut self) -> Option<()> {
        let source = self.waiting.pop_front()?;
        match source.open() {
            Ok(reader) => self.open = Some(Open { source, lines: Lines::new(reader), read: 0 }),
            Err(error) => self.done.push(Outcome { source, lines: 0, error: Some(error) }),
        }
        Some(())
    }

    fn close(&mut self, error: Option<io::Error>) {
        if let Some(Open { source, read, .. }) = self.open.take() {
            self.done.push(Outcome { source, lines: read, error });
        }
    }

    /// Returns how many bytes the lines had so far, line feeds not counted.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns what became of the inputs.
    pub(crate) fn into_outcomes(self) -> Vec<Outcome> {
        self.done
    }
}
