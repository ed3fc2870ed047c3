//! The look at the end: what went wrong, and was not expected.

use std::collections::{BTreeMap, HashSet};

use super::{Kit, events::Event, record};
use crate::{Failure, Identity, Ledger, Reason};

/// What a test expects to go wrong.
#[derive(Default)]
pub(super) struct Allowed {
    /// By kind of actor.
    pub(super) failures: HashSet<&'static str>,
    /// By type of message.
    pub(super) letters: HashSet<&'static str>,
    pub(super) reasons: HashSet<Reason>,
    pub(super) everything: bool,
}

impl Allowed {
    fn failure(&self, failure: &Failure) -> bool {
        self.everything || self.failures.contains(failure.identity().kind())
    }

    /// `failure` is what the message died of.
    fn letter(&self, message: &'static str, reason: Reason, failure: Option<&Failure>) -> bool {
        reason != Reason::Leaked
            && (self.everything
                || self.letters.contains(message)
                || self.reasons.contains(&reason)
                || is_of_failure(reason) && failure.is_some_and(|failure| self.failure(failure)))
    }
}

impl Kit {
    /// Fails the test for what is not allowed.
    #[track_caller]
    pub(super) fn look(&self) {
        let found = self.complaints();
        if !found.is_empty() {
            panic!("the test system was not as it should be at its end:\n  - {}\n", found.join("\n  - "));
        }
    }

    fn complaints(&self) -> Vec<String> {
        let pages = self.record.pages();
        let allowed = record::lock(&self.allowed);
        let mut found = Vec::new();
        let mut letters = BTreeMap::<String, u64>::new();
        for event in &pages.events {
            match event {
                Event::Failed { failure } if !allowed.failure(failure) && !pages.is_ordered(failure) => {
                    let kind = failure.identity().kind();
                    found.push(format!("{}; expected? `allow_failure::<{kind}>()`", failure.chain()));
                }
                Event::Detached { actor }
                    if !allowed.everything && !allowed.failures.contains(actor.kind()) =>
                {
                    let kind = actor.kind();
                    found.push(format!(
                        "{actor} was detached, its code does not come to an await; expected? \
                         `allow_failure::<{kind}>()`"
                    ));
                }
                Event::DeadLetter { to, message_type, reason, failure, .. } => {
                    let ordered = pages.is_cut(to.id(), message_type, *reason)
                        || is_of_failure(*reason)
                            && failure.as_ref().is_some_and(|failure| pages.is_ordered(failure));
                    if !ordered && !allowed.letter(message_type, *reason, failure.as_ref()) {
                        *letters.entry(dead(to, message_type, *reason)).or_default() += 1;
                    }
                }
                _ => {}
            }
        }
        found.extend(letters.into_iter().map(|(text, count)| format!("{count} × {text}")));
        let mut sum = Ledger::default();
        for seat in self.system.home.alive() {
            let (identity, ledger) = (&seat.common().identity, seat.ledger());
            sum += ledger;
            if allowed.everything || pages.probes.contains(&identity.id()) {
                continue;
            }
            if ledger.in_flight > 0 {
                found.push(format!("{identity} is still busy: it has a message in hand"));
            }
            if ledger.queued + ledger.stashed > 0 {
                let waiting = ledger.queued + ledger.stashed;
                found
                    .push(format!("{identity} is still busy: {waiting} of its messages wait; settle first?"));
            }
        }
        let unmet = |steps: &std::sync::Arc<super::mock::Steps>| steps.unmet();
        if !allowed.everything {
            found.extend(pages.mocks.values().filter_map(unmet));
        }
        let ledger = self.system.ledger();
        if !ledger.balances() {
            found.push(format!("the ledger does not balance, which is a bug of postbox: {ledger}"));
        }
        found
    }
}

/// Whether it is the letter of the very message that was failed at.
fn is_of_failure(reason: Reason) -> bool {
    matches!(reason, Reason::Failed | Reason::Quarantined)
}

fn dead(to: &Identity, message: &str, reason: Reason) -> String {
    let letter = format!("a dead letter: {message} to {to}: {reason}");
    match reason {
        Reason::Leaked => format!("{letter}, which is a bug of postbox"),
        _ => format!("{letter}; expected? `allow_dead_letters::<{message}>()`"),
    }
}
