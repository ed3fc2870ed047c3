//! What a handler asks of the loop that polls it.
//!
//! `ctx.fail` and `ctx.reply_later` are futures that never come back: they put a request here and stay
//! pending. The task that wraps the handler looks here when the handler is pending, and only then.

use std::any::Any;

use super::envelope::{About, Cause};
use crate::{BoxError, queue::Tray};

/// One request at a time: a handler that has made one is pending. Boxed: requests are rare, and the seat of an idle
/// actor should be small.
pub(crate) struct Desk(Tray<Request>);

pub(crate) enum Request {
    /// The handler ends the incarnation with this failure.
    Fail(BoxError),
    /// The handler wants to answer later: give it a `ReplyTo`.
    WantsReply,
    /// For the handler: the `ReplyTo` it wanted.
    Reply(Box<dyn Any + Send>),
    /// The handler puts this aside, which is its message.
    Stash(Box<dyn Any + Send>),
    /// The handler has what it wanted; the rest of its work is done elsewhere.
    Deferred,
    /// A handler panicked before it had made its future: whom to tell, and of what type the message was.
    Orphan(About, Box<dyn FnOnce(&Cause) + Send>),
}

impl Desk {
    pub(crate) fn put(&self, request: Request) {
        self.0.put(request);
    }

    #[inline]
    pub(crate) fn take(&self) -> Option<Request> {
        self.0.take()
    }
}

impl Default for Desk {
    fn default() -> Self {
        Self(Tray::new())
    }
}
