//! The dead letters of a run: the quarantined lines.

use postbox::{Cause, DeadLetter, DeadLetters, Failure, Reason, Subscription};

use super::parser::Parse;
use crate::line::Malformed;
use crate::report::{Quarantine, Why};

/// Sorts the quarantined lines by reason as they come.
///
/// A subscription never holds up an actor: a letter that finds its buffer full is missed. None is missed
/// here, because the buffer has room for every line that can be on its way in the pool, and the reader calls
/// [`collect`](Self::collect) before it sends another. (If that were wrong, the ledger would say so.)
pub(super) struct Letters {
    subscription: Subscription,
    quarantine: Quarantine,
}

impl Letters {
    /// Subscribes before the first of at most `on_their_way` lines is sent.
    pub(super) fn new(dead: &DeadLetters, on_their_way: usize) -> Self {
        Self { subscription: dead.subscribe(on_their_way), quarantine: Quarantine::default() }
    }

    /// Takes the letters that are there.
    ///
    /// All of them: `try_next` sees a letter to its end that a parser is just writing. (A single poll of `next`
    /// does not, and then none of those behind it: with a parser that loses its processor in that moment they
    /// became more than the buffer holds.)
    pub(super) fn collect(&mut self) {
        while let Some(letter) = self.subscription.try_next() {
            // Taken out, so that the sink's ring of recent letters does not keep long lines in memory.
            if let Some(Parse { line }) = letter.take_message::<Parse>()
                && letter.reason() == Reason::Quarantined
            {
                self.quarantine.add(why(&letter), line);
            }
        }
    }

    /// Returns the lines that were quarantined.
    pub(super) fn into_quarantine(mut self) -> Quarantine {
        self.collect();
        self.quarantine
    }
}

fn why(letter: &DeadLetter) -> Why {
    match letter.failure().map(Failure::cause) {
        Some(Cause::Panic(_)) => Why::Panicked,
        Some(Cause::Error(error)) => match error.downcast_ref::<Malformed>() {
            Some(&malformed) => Why::Malformed(malformed),
            None => Why::Failed,
        },
        _ => Why::Failed,
    }
}
