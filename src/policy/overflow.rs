//! What a full mailbox does.

/// Declares what a full mailbox does with one more message.
///
/// Whatever it drops is a dead letter and is counted, and an asker whose message is dropped is told at once
/// ([`AskError::Discarded`](crate::AskError::Discarded)). Meant for telemetry, where a late figure is worth less
/// than a new one; everywhere else a sender that waits is the better answer.
///
/// Messages that wait for another attempt, that are stashed or that have
/// [priority](crate::Message::PRIORITY) are never dropped for others: when there is nothing else, the newest
/// goes.
///
/// # Examples
///
/// ```
/// use postbox::{Overflow, prelude::*};
///
/// struct Gauge(f64);
///
/// impl Actor for Gauge {
///     const CAPACITY: usize = 1;
///     const OVERFLOW: Overflow = Overflow::DropOldest;
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Overflow {
    /// The sender waits for room, or gets the message back. The default.
    #[default]
    Wait,
    /// The message is accepted and given to the dead letters ([`Overflow`](crate::Reason::Overflow)).
    DropNewest,
    /// The message is accepted, and the one that has waited longest is given to the dead letters
    /// ([`Evicted`](crate::Reason::Evicted)).
    DropOldest,
}
