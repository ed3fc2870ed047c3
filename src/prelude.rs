//! What most programs need: `use postbox::prelude::*;`.

#[cfg(feature = "macros")]
pub use crate::messages;
pub use crate::{
    Actor, ActorRef, AskError, BoxError, Context, Flat, Handle, Handler, Message, Recipient, ReplyTo,
    Restart, SpawnError, StopReason, Supervision, Supervisor, System, TellError, Terminated, TryTellError,
    WeakRecipient, WeakRef, child,
};
