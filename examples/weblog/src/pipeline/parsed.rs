//! A parsed line on its way to the aggregators.

use std::ops::Range;
use std::sync::Arc;

use postbox::prelude::*;

use crate::line::{Entry, Hour};

/// Tells an aggregator of one line that was parsed.
///
/// It holds the line itself and where its parts are, so that a copy for each aggregator is a pointer.
#[derive(Clone, Debug, Message)]
pub(super) struct Parsed {
    line: Arc<[u8]>,
    client: Range<usize>,
    path: Range<usize>,
    pub(super) hour: Hour,
    pub(super) status: u16,
    pub(super) bytes: u64,
}

impl Parsed {
    /// Takes over what `entry`, which was parsed from `line`, says of it.
    pub(super) fn new(line: &Arc<[u8]>, entry: &Entry<'_>) -> Self {
        Self {
            line: Arc::clone(line),
            client: range(line, entry.client),
            path: range(line, entry.path),
            hour: entry.hour,
            status: entry.status,
            bytes: entry.bytes,
        }
    }

    pub(super) fn client(&self) -> &[u8] {
        &self.line[self.client.clone()]
    }

    pub(super) fn path(&self) -> &[u8] {
        &self.line[self.path.clone()]
    }
}

/// Returns where in `whole` the slice `part`, which was cut out of it, begins and ends.
fn range(whole: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr().addr() - whole.as_ptr().addr();
    start..start + part.len()
}
