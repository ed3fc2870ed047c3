//! The pipeline: a reader, a supervised pool of parsers, and an aggregator for each property.
//!
//! ```text
//!                    ┌─► parser ─┐        ┌─► by status
//! inputs ─► reader ──┼─► parser ─┼────────┼─► by hour
//!                    └─► parser ─┘ each   ├─► by path
//!                           │      to all └─► by client
//!              retried, then quarantined
//!                           ▼
//!                     dead letters ─► the reader's quarantine
//! ```
//!
//! Every arrow between actors is a bounded mailbox, and whoever sends into a full one waits. So the reader
//! reads as fast as the slowest actor works, and memory does not depend on the length of the input.

use std::time::Duration;

use postbox::Reason;
use postbox::prelude::*;
use tokio::runtime;

use self::aggregator::{Aggregator, AggregatorApi, ByClient, ByHour, ByPath, ByStatus};
use self::letters::Letters;
use self::parser::{Parser, ParserApi};
use crate::input::Inputs;
use crate::line::{self, Entry, Malformed};
use crate::report::{Ledger, Totals};

mod aggregator;
mod letters;
mod parsed;
mod parser;
#[cfg(test)]
mod tests;

/// Reads one line. A parameter of the pipeline only so that a test can give one with a bug.
type Parse = fn(&[u8]) -> Result<Entry<'_>, Malformed>;

/// Sends all lines through the pipeline, and returns what was counted and the ledger.
///
/// `seen` is told of each line how many bytes have been read so far.
///
/// # Errors
///
/// The runtime cannot be started, or an actor ended that should not have. What it had counted is lost then, so
/// there is no report.
pub(crate) fn start(
    inputs: &mut Inputs,
    parsers: usize,
    seen: impl FnMut(u64),
) -> Result<(Totals, Ledger), BoxError> {
    // The reader is the future given to `block_on`, so it has this thread to itself, and may read files and
    // pipes the plain blocking way without holding up any actor: those run on the runtime's workers.
    let runtime = runtime::Builder::new_multi_thread().enable_time().build()?;
    runtime.block_on(run(&System::new("weblog"), inputs, parsers, line::parse, seen))
}

async fn run(
    system: &System,
    inputs: &mut Inputs,
    parsers: usize,
    parse: Parse,
    mut seen: impl FnMut(u64),
) -> Result<(Totals, Ledger), BoxError> {
    let (statuses, hours, paths, clients) = (
        Aggregator::<ByStatus>::new().prepare().system(system).spawn()?,
        Aggregator::<ByHour>::new().prepare().system(system).spawn()?,
        Aggregator::<ByPath>::new().prepare().system(system).spawn()?,
        Aggregator::<ByClient>::new().prepare().system(system).spawn()?,
    );
    let aggregators = [statuses.recipient(), hours.recipient(), paths.recipient(), clients.recipient()];

    // Each malformed line costs one restart, and a log may be nothing else. The quarantine is what keeps one
    // line from failing for ever, so the limit need not: a window of zero length counts no restart twice.
    let pool = Supervisor::one_for_one().limit(1, Duration::ZERO).system(system).start().await?;
    let mut workers = Vec::new();
    for number in 1..=parsers {
        let aggregators = aggregators.clone();
        let parser = move || Parser { parse, aggregators: aggregators.clone() };
        workers.push(pool.spawn(child(format!("parser-{number}"), parser)).await?);
    }

    // On its way in the pool: what each mailbox holds, and the line in each parser's hands. And one more that
    // is sent before the letters are looked at again.
    let mut letters = Letters::new(system.dead_letters(), parsers * (Parser::CAPACITY + 1) + 1);
    let mut read = 0;
    for worker in workers.iter().cycle() {
        let Some(line) = inputs.next() else { break };
        read += 1;
        seen(inputs.bytes());
        letters.collect();
        worker.parse(line).tell().await?;
    }

    // First the parsers, then the aggregators: what a parser has told is in the mailboxes when it answers.
    for worker in &workers {
        worker.flush().await?;
    }
    let quarantine = letters.into_quarantine();
    let totals = Totals {
        statuses: statuses.take().await?,
        hours: hours.take().await?,
        paths: paths.take().await?,
        clients: clients.take().await?,
    };
    let mut ledger = Ledger::new(read, &totals, quarantine, system.dead_letters().count(Reason::Quarantined));
    let end = system.shutdown(Duration::from_secs(5)).await;
    if !end.ledger.balances() || end.ledger.settled() < end.ledger.accepted {
        ledger.add_fault(format!("messages without a fate: {:?}", end.ledger));
    }
    Ok((totals, ledger))
}
