use super::*;
use crate::failure::{Panic, Step};
use crate::id::Identity;
use crate::policy::DEFAULT_LIMIT;

fn failure() -> Failure {
    let who = Identity::numbered(|| "account", None, 42);
    Failure::panicked(who, Step::Message("bank::Withdraw"), Panic::at("src/bank.rs", 88, 13, "too much"))
}

fn limit_exceeded(last: StopReason) -> Failure {
    let supervisor = Identity::numbered(|| "supervisor", None, 1);
    let child = Identity::numbered(|| "account", Some("savings"), 42);
    Failure::restart_limit(supervisor, child, last, 6, DEFAULT_LIMIT)
}

#[test]
fn each_reason_continues_a_sentence_and_knows_what_it_is() {
    // (reason, text, normal, failure)
    let table = [
        (StopReason::Stopped, "was asked to stop", true, false),
        (StopReason::Released, "was released with its last reference", true, false),
        (StopReason::Shutdown, "was shut down by its supervisor or system", true, false),
        (StopReason::Killed, "was killed", false, false),
        (
            StopReason::Failed(failure()),
            "failed while handling Withdraw: it panicked at src/bank.rs:88:13: too much",
            false,
            true,
        ),
        (
            StopReason::RestartLimit(limit_exceeded(StopReason::Failed(failure()))),
            "ended at the restart limit of supervisor#1, exceeded while supervising savings#42: \
             restart 6 is one too many for the limit of 5 in 10s; \
             at last the child failed while handling Withdraw: it panicked at src/bank.rs:88:13: too much",
            false,
            true,
        ),
        (
            StopReason::RestartLimit(limit_exceeded(StopReason::Killed)),
            "ended at the restart limit of supervisor#1, exceeded while supervising savings#42: \
             restart 6 is one too many for the limit of 5 in 10s; at last the child was killed",
            false,
            true,
        ),
        (
            StopReason::RestartLimit(failure()),
            "ended at its restart limit; the last failure: \
             account#42 failed while handling Withdraw: it panicked at src/bank.rs:88:13: too much",
            false,
            true,
        ),
        (StopReason::RuntimeGone, "lost its tokio runtime", false, false),
    ];
    for (reason, text, is_normal, is_failure) in table {
        assert_eq!(reason.to_string(), text);
        assert_eq!(reason.is_normal(), is_normal, "{text}");
        assert_eq!(reason.is_failure(), is_failure, "{text}");
        assert_eq!(reason.failure().is_some(), is_failure, "{text}");
    }
}

#[test]
fn a_reason_is_two_words() {
    assert!(size_of::<StopReason>() <= 2 * size_of::<usize>());
}
