//! The errors of the verbs: one enum each, with nothing in it that the verb cannot return.
//!
//! An error holds the message where the message still exists. None of them asks for `M: Debug`: a message
//! prints as the name of its type.
//!
//! Texts have one form, `<verb> <message> to <actor> failed: <why>; <what that means for a retry>`.

pub use self::ask::AskError;
pub use self::batch::{BatchError, Rest};
pub use self::flat::{Flat, FlatError};
pub use self::spawn::{ChildError, SpawnError};
pub use self::tell::{TellError, TryTellError};

mod ask;
mod batch;
mod flat;
mod spawn;
mod tell;
#[cfg(test)]
mod tests;
