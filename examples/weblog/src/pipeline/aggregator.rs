//! The aggregators.

use std::borrow::Borrow;
use std::hash::Hash;

use postbox::prelude::*;

use super::parsed::Parsed;
use crate::line::Hour;
use crate::tally::Tally;

/// Counts lines by one property.
///
/// No supervisor restarts it: what it has counted is the result, and a new incarnation would begin at zero
/// and report too little. If it fails, the run fails.
#[derive(Actor)]
#[actor(capacity = 1024)]
pub(super) struct Aggregator<P: Property> {
    tally: Tally<P::Key>,
}

/// A property of a line by which lines are counted.
pub(super) trait Property: Send + 'static {
    /// What the counts are kept under.
    type Key: Borrow<Self::Part> + Eq + Hash + Send + 'static;
    /// What a line has of it.
    type Part: ToOwned<Owned = Self::Key> + Eq + Hash + ?Sized;

    /// Returns the property of one line.
    fn of(line: &Parsed) -> &Self::Part;
}

/// Counts by status.
#[derive(Debug)]
pub(super) struct ByStatus;
/// Counts by hour.
#[derive(Debug)]
pub(super) struct ByHour;
/// Counts by path.
#[derive(Debug)]
pub(super) struct ByPath;
/// Counts by client.
#[derive(Debug)]
pub(super) struct ByClient;

impl<P: Property> Aggregator<P> {
    pub(super) fn new() -> Self {
        Self { tally: Tally::default() }
    }
}

#[messages]
impl<P: Property> Aggregator<P> {
    #[handler]
    fn count(&mut self, line: Parsed) {
        self.tally.add(P::of(&line), line.bytes);
    }

    /// Hands the counts out and begins anew.
    #[message]
    pub(super) fn take(&mut self) -> Tally<P::Key> {
        std::mem::take(&mut self.tally)
    }
}

impl Property for ByStatus {
    type Key = u16;
    type Part = u16;

    fn of(line: &Parsed) -> &u16 {
        &line.status
    }
}

impl Property for ByHour {
    type Key = Hour;
    type Part = Hour;

    fn of(line: &Parsed) -> &Hour {
        &line.hour
    }
}

impl Property for ByPath {
    type Key = Vec<u8>;
    type Part = [u8];

    fn of(line: &Parsed) -> &[u8] {
        line.path()
    }
}

impl Property for ByClient {
    type Key = Vec<u8>;
    type Part = [u8];

    fn of(line: &Parsed) -> &[u8] {
        line.client()
    }
}
