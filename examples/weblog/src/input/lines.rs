//! One input cut into lines.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use super::MAX_LINE;

/// How much is read at once.
const BUFFER: usize = 64 * 1024;

/// Cuts what a reader gives into lines, and holds no more of a line than [`MAX_LINE`].
pub(super) struct Lines<R> {
    reader: BufReader<R>,
    /// The error that broke a line off, kept until that line's part has been passed on.
    broken: Option<io::Error>,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader: BufReader::with_capacity(BUFFER, reader), broken: None }
    }

    /// Puts the next line into `line`, without its line feed and at most [`MAX_LINE`] bytes of it, and
    /// returns its full length; `None` at the end.
    pub(super) fn next(&mut self, line: &mut Vec<u8>) -> io::Result<Option<u64>> {
        line.clear();
        if let Some(error) = self.broken.take() {
            return Err(error);
        }
        // Two more than a line may have: for its line feed and for a carriage return before that.
        let mut limited = (&mut self.reader).take(MAX_LINE as u64 + 2);
        if let Err(error) = limited.read_until(b'\n', line) {
            if line.is_empty() {
                return Err(error);
            }
            self.broken = Some(error);
        } else if line.is_empty() {
            return Ok(None);
        }
        let mut length = line.len() as u64;
        if line.last() == Some(&b'\n') {
            line.pop();
            length -= 1;
        } else if line.len() > MAX_LINE && self.broken.is_none() {
            length += self.skip_line();
        }
        // The carriage return of a line that is cut anyway is of no interest.
        if line.last() == Some(&b'\r') && line.len() as u64 == length {
            line.pop();
            length -= 1;
        }
        line.truncate(MAX_LINE);
        Ok(Some(length))
    }

    /// Reads to the end of a line that is too long, and returns how many bytes it still had.
    fn skip_line(&mut self) -> u64 {
        let mut skipped = 0;
        loop {
            let (used, ended) = match self.reader.fill_buf() {
                Ok([]) => return skipped,
                Ok(buffer) => match buffer.iter().position(|&byte| byte == b'\n') {
                    Some(at) => (at, true),
                    None => (buffer.len(), false),
                },
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.broken = Some(error);
                    return skipped;
                }
            };
            skipped += used as u64;
            self.reader.consume(used + usize::from(ended));
            if ended {
                return skipped;
            }
        }
    }
}

impl<R> fmt::Debug for Lines<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").field("broken", &self.broken).finish_non_exhaustive()
    }
}
