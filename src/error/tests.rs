use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::failure::{Failure, Panic, Step};
use crate::id::Identity;
use crate::reason::StopReason;

const MS_50: Duration = Duration::from_millis(50);

/// Without `Debug`, to see that no error asks for it.
#[derive(PartialEq)]
struct Withdraw(u32);

const MSG: Withdraw = Withdraw(5);

fn account() -> Identity {
    Identity::numbered(|| "account", None, 42)
}

fn tree() -> Identity {
    Identity::numbered(|| "supervisor", Some("tree"), 1)
}

fn failure(step: Step) -> Failure {
    Failure::panicked(account(), step, Panic::at("src/bank.rs", 88, 13, "overdrawn"))
}

fn failed() -> StopReason {
    StopReason::Failed(failure(Step::Message("bank::Withdraw")))
}

fn is_failure_of_account(error: &dyn Error) -> bool {
    error
        .source()
        .and_then(|source| source.downcast_ref::<Failure>())
        .is_some_and(|failure| failure.identity() == &account())
}

#[test]
fn tell_errors_say_who_what_why_and_what_now() {
    const ALL: usize = 3;
    // Counted here, so that a new variant does not compile without a look at this test.
    let variant = |error: &TellError<Withdraw>| match error {
        TellError::Stopped { .. } => 0,
        TellError::Timeout { .. } => 1,
        TellError::WouldDeadlock { .. } => 2,
    };
    let mut seen = BTreeSet::new();
    let to = account();
    for (error, text, has_source) in [
        (
            TellError::Stopped { msg: MSG, to: to.clone(), reason: StopReason::Stopped },
            "tell Withdraw to account#42 failed: the actor was asked to stop; \
             the message was not handled and may be sent elsewhere",
            false,
        ),
        (
            TellError::Stopped { msg: MSG, to: to.clone(), reason: failed() },
            "tell Withdraw to account#42 failed: \
             the actor failed while handling Withdraw: it panicked at src/bank.rs:88:13: overdrawn; \
             the message was not handled and may be sent elsewhere",
            true,
        ),
        (
            TellError::Timeout { msg: MSG, to: to.clone(), after: MS_50 },
            "tell Withdraw to account#42 failed: its mailbox stayed full for 50ms; the message may be sent again",
            false,
        ),
        (
            TellError::WouldDeadlock { msg: MSG, to: to.clone() },
            "tell Withdraw to account#42 failed: \
             its mailbox is full and the actor would wait for itself to make room; \
             the message was not sent, and waiting for room here never succeeds",
            false,
        ),
    ] {
        assert_eq!(error.to_string(), text);
        assert_eq!(is_failure_of_account(&error), has_source, "{text}");
        assert_eq!(error.recipient(), &to);
        seen.insert(variant(&error));
        let error = error.map_message(|msg| msg.0);
        assert_eq!(error.to_string(), text.replace("Withdraw to", "u32 to"), "only the message is another");
        assert_eq!(is_failure_of_account(&error), has_source, "{text}");
        assert_eq!(error.into_message(), MSG.0);
    }
    assert_eq!(seen.len(), ALL, "a variant has no text in this test");
}

#[test]
fn try_tell_errors_say_who_what_why_and_what_now() {
    const ALL: usize = 3;
    let variant = |error: &TryTellError<Withdraw>| match error {
        TryTellError::Full { .. } => 0,
        TryTellError::Stopped { .. } => 1,
        TryTellError::Timeout { .. } => 2,
    };
    let mut seen = BTreeSet::new();
    let to = account();
    for (error, text, has_source) in [
        (
            TryTellError::Full { msg: MSG, to: to.clone(), capacity: 64 },
            "tell Withdraw to account#42 failed: its mailbox is full at 64; the message may be sent again, \
             and `tell` waits for room",
            false,
        ),
        (
            TryTellError::Timeout { msg: MSG, to: to.clone(), after: MS_50 },
            "tell Withdraw to account#42 failed: its deadline of 50ms had passed; \
             the message was not sent, and may be with a later one",
            false,
        ),
        (
            TryTellError::Stopped { msg: MSG, to: to.clone(), reason: failed() },
            "tell Withdraw to account#42 failed: \
             the actor failed while handling Withdraw: it panicked at src/bank.rs:88:13: overdrawn; \
             the message was not handled and may be sent elsewhere",
            true,
        ),
    ] {
        assert_eq!(error.to_string(), text);
        assert_eq!(is_failure_of_account(&error), has_source, "{text}");
        assert_eq!(error.recipient(), &to);
        seen.insert(variant(&error));
        let error = error.map_message(|msg| msg.0);
        assert_eq!(error.to_string(), text.replace("Withdraw to", "u32 to"), "only the message is another");
        assert_eq!(is_failure_of_account(&error), has_source, "{text}");
        assert_eq!(error.into_message(), MSG.0);
    }
    assert_eq!(seen.len(), ALL, "a variant has no text in this test");
}

#[test]
fn ask_errors_say_who_what_why_and_whether_a_retry_is_safe() {
    const ALL: usize = 8;
    let variant = |error: &AskError<Withdraw>| match error {
        AskError::Full { .. } => 0,
        AskError::Stopped { .. } => 1,
        AskError::Timeout { .. } => 2,
        AskError::Failed(_) => 3,
        AskError::NoReply { .. } => 4,
        AskError::Aborted { .. } => 5,
        AskError::Discarded { .. } => 6,
        AskError::WouldDeadlock { .. } => 7,
    };
    let mut seen = BTreeSet::new();
    let to = account();
    // (error, text, may_retry, has the message, has a source)
    for (error, text, may_retry, has_message, has_source) in [
        (
            AskError::Full { msg: MSG, to: to.clone(), capacity: 64 },
            "ask Withdraw to account#42 failed: its mailbox is full at 64; the message may be sent again, \
             and `ask` waits for room",
            Some(true),
            true,
            false,
        ),
        (
            AskError::Stopped { msg: MSG, to: to.clone(), reason: StopReason::Killed },
            "ask Withdraw to account#42 failed: the actor was killed; \
             the message was not handled and may be sent elsewhere",
            Some(true),
            true,
            false,
        ),
        (
            AskError::Timeout { started: false, msg: Some(MSG), to: to.clone(), after: MS_50 },
            "ask Withdraw to account#42 failed: no handler came to it within 50ms; \
             none will, and the message may be sent again",
            Some(true),
            true,
            false,
        ),
        (
            AskError::Timeout { started: false, msg: None, to: to.clone(), after: MS_50 },
            "ask Withdraw to account#42 failed: no handler came to it within 50ms; \
             none will, and the message may be sent again",
            Some(true),
            false,
            false,
        ),
        (
            AskError::Timeout { started: true, msg: None, to: to.clone(), after: MS_50 },
            "ask Withdraw to account#42 failed: its handler had begun but not answered within 50ms; \
             whether the message took effect is unknown",
            None,
            false,
            false,
        ),
        (
            AskError::Failed(failure(Step::Message("bank::Withdraw"))),
            "ask Withdraw to account#42 failed: \
             the actor failed while handling it: it panicked at src/bank.rs:88:13: overdrawn; \
             whether the message took effect is unknown",
            None,
            false,
            true,
        ),
        (
            AskError::Failed(failure(Step::Stopped)),
            "ask Withdraw to account#42 failed: \
             the actor failed in its `stopped` hook: it panicked at src/bank.rs:88:13: overdrawn; \
             whether the message took effect is unknown",
            None,
            false,
            true,
        ),
        (
            AskError::NoReply { to: to.clone() },
            "ask Withdraw to account#42 failed: its handler dropped the reply; \
             the message was handled and is not to be sent again",
            Some(false),
            false,
            false,
        ),
        (
            AskError::WouldDeadlock { msg: MSG, to: to.clone(), path: [tree(), to.clone(), tree()].into() },
            "ask Withdraw to account#42 failed: the answer would have to wait for the asker itself \
             (tree#1 → account#42 → tree#1); \
             the message was not sent, and asking from here never succeeds",
            Some(false),
            true,
            false,
        ),
        (
            AskError::Discarded { to: to.clone(), reason: crate::Reason::Overflow },
            "ask Withdraw to account#42 failed: its mailbox was full and drops what comes; \
             it was not handled and may be sent again",
            Some(true),
            false,
            false,
        ),
        (
            AskError::Aborted { to: to.clone(), reason: StopReason::Killed },
            "ask Withdraw to account#42 failed: its handler was cut as the actor was killed; \
             whether the message took effect is unknown",
            None,
            false,
            false,
        ),
        (
            AskError::WouldDeadlock { msg: MSG, to: to.clone(), path: Box::default() },
            "ask Withdraw to account#42 failed: the answer would have to wait for the asker itself; \
             the message was not sent, and asking from here never succeeds",
            Some(false),
            true,
            false,
        ),
    ] {
        assert_eq!(error.to_string(), text);
        assert_eq!(error.may_retry(), may_retry, "{text}");
        assert_eq!(is_failure_of_account(&error), has_source, "{text}");
        assert_eq!(error.recipient(), &to);
        seen.insert(variant(&error));
        let error = error.map_message(|msg| msg.0);
        assert_eq!(error.to_string(), text.replace("Withdraw to", "u32 to"), "only the message is another");
        assert_eq!((error.may_retry(), error.recipient()), (may_retry, &to), "{text}");
        assert_eq!(error.into_message(), has_message.then_some(MSG.0), "{text}");
    }
    assert_eq!(seen.len(), ALL, "a variant has no text in this test");
}

#[test]
fn spawn_errors_say_what_is_in_the_way() {
    const ALL: usize = 8;
    let variant = |error: &SpawnError| match error {
        SpawnError::NameTaken { .. } => 0,
        SpawnError::Failed(_) => 1,
        SpawnError::SupervisorGone { .. } => 2,
        SpawnError::NoRuntime => 3,
        SpawnError::ZeroCapacity { .. } => 4,
        SpawnError::DuplicateChild { .. } => 5,
        SpawnError::CannotBeSignificant { .. } => 6,
        SpawnError::Ended { .. } => 7,
    };
    let mut seen = BTreeSet::new();
    for (error, text) in [
        (
            SpawnError::NameTaken { name: Arc::from("db") },
            "spawn of an actor named `db` failed: another actor has the name; \
             it is free again once that one has ended",
        ),
        (
            SpawnError::Failed(failure(Step::Started)),
            "spawn of account#42 failed in its `started` hook: it panicked at src/bank.rs:88:13: overdrawn; \
             nothing of it is left, and it may be tried again",
        ),
        (
            SpawnError::Ended { actor: account(), reason: StopReason::Killed },
            "spawn of account#42 failed: the actor was killed before it had started",
        ),
        (
            SpawnError::SupervisorGone { supervisor: tree() },
            "spawn of a child of tree#1 failed: the supervisor has stopped; spawn it under another",
        ),
        (SpawnError::NoRuntime, "spawn failed: there is no tokio runtime here; call it inside one"),
        (
            SpawnError::ZeroCapacity { kind: "account" },
            "spawn of account failed: it declares a capacity of 0, and a mailbox needs at least 1",
        ),
        (
            SpawnError::CannotBeSignificant { supervisor: tree(), name: Arc::from("db"), heeded: true },
            "spawn of a child named `db` of tree#1 failed: a permanent child always starts again, \
             so its end cannot be significant; declare it transient or temporary",
        ),
        (
            SpawnError::CannotBeSignificant { supervisor: tree(), name: Arc::from("db"), heeded: false },
            "spawn of a child named `db` of tree#1 failed: it is significant, and the supervisor does not stop \
             for significant children; declare when with `auto_shutdown`",
        ),
        (
            SpawnError::DuplicateChild { supervisor: tree(), name: Arc::from("db") },
            "spawn of a child named `db` of tree#1 failed: it has a child of that name; \
             delete that one first, or restart it",
        ),
    ] {
        assert_eq!(error.to_string(), text);
        assert_eq!(is_failure_of_account(&error), matches!(error, SpawnError::Failed(_)), "{text}");
        seen.insert(variant(&error));
    }
    assert_eq!(seen.len(), ALL, "a variant has no text in this test");
}

#[test]
fn child_errors_say_what_is_in_the_way() {
    const ALL: usize = 5;
    let variant = |error: &ChildError| match error {
        ChildError::NotFound { .. } => 0,
        ChildError::Running { .. } => 1,
        ChildError::Restarting { .. } => 2,
        ChildError::SupervisorGone { .. } => 3,
        ChildError::Spawn(_) => 4,
    };
    let mut seen = BTreeSet::new();
    let child = || "db".to_owned();
    for (error, text) in [
        (ChildError::NotFound { supervisor: tree(), child: child() }, "tree#1 has no child named `db`"),
        (
            ChildError::Running { supervisor: tree(), child: child() },
            "the child `db` of tree#1 is running; stop it first",
        ),
        (
            ChildError::Restarting { supervisor: tree(), child: child() },
            "the child `db` of tree#1 is restarting; stop it first",
        ),
        (
            ChildError::SupervisorGone { supervisor: tree() },
            "the children of tree#1 are gone: the supervisor has stopped",
        ),
        (
            ChildError::from(SpawnError::Failed(failure(Step::Factory))),
            "spawn of account#42 failed in its factory: it panicked at src/bank.rs:88:13: overdrawn; \
             nothing of it is left, and it may be tried again",
        ),
    ] {
        assert_eq!(error.to_string(), text);
        assert_eq!(is_failure_of_account(&error), matches!(error, ChildError::Spawn(_)), "{text}");
        seen.insert(variant(&error));
    }
    assert_eq!(seen.len(), ALL, "a variant has no text in this test");
}

#[test]
fn a_debug_text_names_the_type_of_the_message() {
    let to = account;
    for (text, expected) in [
        (
            format!("{:?}", TellError::Timeout { msg: MSG, to: to(), after: MS_50 }),
            "Timeout { msg: Withdraw, to: account#42, after: 50ms }",
        ),
        (
            format!("{:?}", TryTellError::Full { msg: MSG, to: to(), capacity: 64 }),
            "Full { msg: Withdraw, to: account#42, capacity: 64 }",
        ),
        (
            format!("{:?}", AskError::Timeout { started: false, msg: Some(MSG), to: to(), after: MS_50 }),
            "Timeout { msg: Withdraw, to: account#42, started: false, has_message: true, after: 50ms }",
        ),
        (
            format!("{:?}", AskError::<Withdraw>::NoReply { to: to() }),
            "NoReply { msg: Withdraw, to: account#42 }",
        ),
        (
            format!("{:?}", AskError::Stopped { msg: MSG, to: to(), reason: StopReason::Killed }),
            "Stopped { msg: Withdraw, to: account#42, reason: Killed }",
        ),
    ] {
        assert_eq!(text, expected);
    }
}

#[test]
fn errors_cross_threads_when_their_message_does() {
    fn sendable<T: Send + Sync + Error + 'static>() {}
    sendable::<TellError<Withdraw>>();
    sendable::<TryTellError<Withdraw>>();
    sendable::<AskError<Withdraw>>();
    sendable::<FlatError<std::fmt::Error, Withdraw>>();
    sendable::<SpawnError>();
    sendable::<ChildError>();
}
