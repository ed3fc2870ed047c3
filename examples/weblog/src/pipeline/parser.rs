//! The parsers.

use postbox::prelude::*;

use super::Parse as ParseFn;
use super::parsed::Parsed;
use crate::input::Line;
use crate::line::Malformed;

/// Parses lines and tells the aggregators.
///
/// It keeps nothing from line to line, so a restart costs nothing and loses nothing.
#[derive(Actor)]
#[actor(capacity = 256)]
pub(super) struct Parser {
    pub(super) parse: ParseFn,
    pub(super) aggregators: [Recipient<Parsed>; 4],
}

#[messages]
impl Parser {
    /// Parses one line.
    ///
    /// A malformed line is a failure on purpose, and a line at which the parser panics is one by accident.
    /// Both go the same way: the line is tried once more by a new incarnation, and then quarantined: the
    /// dead letter holds the line and the failure.
    ///
    /// Parsing comes first and telling last, so that a line that fails has not been counted anywhere.
    #[message(retry = 2, derive(Clone, Debug))]
    pub(super) async fn parse(&mut self, line: Line, ctx: &mut Context<Self>) {
        if line.is_cut() {
            return ctx.fail(Malformed::TooLong).await;
        }
        let parsed = match (self.parse)(&line.bytes) {
            Ok(entry) => Parsed::new(&line.bytes, &entry),
            Err(malformed) => return ctx.fail(malformed).await,
        };
        for aggregator in &self.aggregators {
            if let Err(gone) = aggregator.tell(parsed.clone()).await {
                return ctx.fail(gone).await;
            }
        }
    }

    /// Answers when every line that was sent before has been told to the aggregators or is quarantined.
    ///
    /// The order of messages is all it needs: it is taken after those lines are settled, retries included.
    #[message]
    pub(super) fn flush(&self) {}
}
