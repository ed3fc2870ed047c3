use std::num::ParseIntError;

use super::*;
use crate::failure::{Failure, Panic, Step};
use crate::id::Identity;

/// Without `Debug`, to see that the error does not ask for it.
#[derive(PartialEq)]
struct Withdraw(u32);

const MSG: Withdraw = Withdraw(5);

fn account() -> Identity {
    Identity::numbered(|| "account", None, 42)
}

/// Of two errors made one: whichever it is speaks for itself, and the chain goes on behind it.
#[test]
fn a_flat_error_is_the_one_or_the_other() {
    type Flat = FlatError<ParseIntError, Withdraw>;

    let reply = || "x".parse::<u32>().unwrap_err();
    let good: Result<Result<u32, ParseIntError>, AskError<Withdraw>> = Ok(Ok(5));
    assert_eq!(good.flat().ok(), Some(5));

    let error: Flat = Ok::<Result<u32, _>, AskError<Withdraw>>(Err(reply())).flat().unwrap_err();
    assert_eq!(error.to_string(), "invalid digit found in string");
    assert_eq!(format!("{error:?}"), "Reply(ParseIntError { kind: InvalidDigit })");
    assert!(error.source().is_none(), "its own text is said already");
    assert_eq!(error.may_retry(), Some(false), "the message was handled");
    assert_eq!(error.into_reply(), Some(reply()));

    let full = AskError::Full { msg: MSG, to: account(), capacity: 64 };
    let error: Flat = Err::<Result<u32, _>, _>(full).flat().unwrap_err();
    assert_eq!(
        error.to_string(),
        "ask Withdraw to account#42 failed: its mailbox is full at 64; the message may be sent again, \
         and `ask` waits for room"
    );
    assert_eq!(error.may_retry(), Some(true));
    assert!(error.into_message() == Some(MSG));

    let error = Flat::from(AskError::NoReply { to: account() });
    assert!(matches!(error, FlatError::Ask(AskError::NoReply { .. })));

    let failure = Failure::panicked(account(), Step::Started, Panic::at("src/bank.rs", 88, 13, "overdrawn"));
    let error: Flat = Err::<Result<u32, _>, _>(AskError::Failed(failure)).flat().unwrap_err();
    let source = error.source().and_then(|source| source.downcast_ref::<Failure>());
    assert_eq!(source.map(Failure::identity), Some(&account()));
    assert_eq!(error.may_retry(), None);
    assert!(error.into_reply().is_none());
}
