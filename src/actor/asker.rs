//! The two ends of an ask: who is to be answered, and what the answer can be.

use std::{cell::Cell, fmt, sync::Arc};

use super::message::Message;
use crate::{
    Failure, StopReason,
    queue::{self, Answering, Asking},
};

/// Why an ask has no reply, as the asker's slot holds it.
pub(crate) enum NoReply<M> {
    /// The actor stopped before it came to the message.
    Stopped(M, StopReason),
    /// The handler failed.
    Failed(Failure),
    /// The handler was cut.
    Aborted(StopReason),
    /// The handler dropped the reply.
    Dropped,
}

pub(crate) type Answer<M> = Result<<M as Message>::Reply, NoReply<M>>;
pub(crate) type Awaited<M> = Asking<Answer<M>>;

/// Whoever waits for the answer to one message. Dropped without one, it answers that there is none.
pub(crate) struct Asker<M: Message> {
    slot: Answering<Answer<M>>,
    /// False for a hold beside the one in the mailbox, and once answered.
    owes: bool,
}

impl<M: Message> Asker<M> {
    pub(crate) fn new() -> (Self, Awaited<M>) {
        let (slot, awaited) = queue::slot();
        (Self { slot, owes: true }, awaited)
    }

    /// A second hold, for the copy of a message that may be handled more than once.
    pub(crate) fn share(&self) -> Self {
        Self { slot: self.slot.share(), owes: false }
    }

    /// Says that the handler is about to run. False: the asker has gone.
    #[inline]
    pub(crate) fn take(&self) -> bool {
        self.slot.take()
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.slot.is_gone()
    }

    /// Answers. False: the asker has gone, and the answer with it.
    #[inline]
    pub(crate) fn answer(mut self, answer: Answer<M>) -> Result<(), Answer<M>> {
        self.owes = false;
        self.slot.answer(answer)
    }

    /// Leaves the answer to whoever shares the slot.
    pub(crate) fn leave(mut self) {
        self.owes = false;
    }
}

impl<M: Message> Drop for Asker<M> {
    #[inline]
    fn drop(&mut self) {
        if self.owes && !falls_with_its_keeper() {
            let _unheard = self.slot.answer(Err(NoReply::Dropped));
        }
    }
}

thread_local! {
    /// Whether a handler is handing a `ReplyTo` to its keeper on this thread.
    static KEEPING: Cell<bool> = const { Cell::new(false) };
}

/// Runs the code that keeps a `ReplyTo`. One that is dropped because that code panics does not answer: the
/// handler has failed, and its asker is to be told just that.
pub(super) fn keeping(keep: impl FnOnce()) {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            KEEPING.set(self.0);
        }
    }
    let _restore = Restore(KEEPING.replace(true));
    keep();
}

#[cold]
fn falls_with_its_keeper() -> bool {
    KEEPING.get() && std::thread::panicking()
}

/// An answer that is given later: see [`Context::reply_later`](super::Context::reply_later).
///
/// It can be kept, sent to another task or another actor, and answered once. Dropped unanswered, it tells the
/// asker at once ([`AskError::NoReply`](crate::AskError::NoReply)).
#[must_use = "dropped, it tells the asker that there is no reply"]
pub struct ReplyTo<R> {
    /// `None`: the message was told, so nobody waits.
    asker: Option<Box<dyn Answerable<R>>>,
}

/// An asker whose message type has been forgotten.
trait Answerable<R>: Send {
    fn answer(self: Box<Self>, reply: R) -> Result<(), R>;
    fn is_gone(&self) -> bool;
    fn owe(&mut self);
}

impl<M: Message> Answerable<M::Reply> for Asker<M> {
    fn answer(self: Box<Self>, reply: M::Reply) -> Result<(), M::Reply> {
        match Asker::answer(*self, Ok(reply)) {
            Err(Ok(reply)) => Err(reply),
            Ok(()) | Err(Err(_)) => Ok(()),
        }
    }

    fn is_gone(&self) -> bool {
        Asker::is_gone(self)
    }

    fn owe(&mut self) {
        self.owes = true;
    }
}

impl<R: 'static> ReplyTo<R> {
    /// One that owes nothing yet: until the handler has taken it, it may go without a word.
    pub(crate) fn new<M: Message<Reply = R>>(asker: Option<Asker<M>>) -> Self {
        Self { asker: asker.map(|asker| Box::new(asker) as Box<dyn Answerable<R>>) }
    }

    /// Owes the answer from here on, also when the mailbox or the handler still has a hold on the asker.
    pub(crate) fn owe(&mut self) {
        if let Some(asker) = &mut self.asker {
            asker.owe();
        }
    }

    /// Answers.
    ///
    /// # Errors
    ///
    /// The reply itself, when the asker does not wait any more. A message that was told has no asker, and
    /// takes any reply.
    pub fn send(self, reply: R) -> Result<(), R> {
        match self.asker {
            Some(asker) => asker.answer(reply),
            None => Ok(()),
        }
    }

    /// Returns whether somebody still waits for the reply.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        self.asker.as_ref().is_some_and(|asker| !asker.is_gone())
    }
}

impl<R> fmt::Debug for ReplyTo<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyTo").finish_non_exhaustive()
    }
}

const _: fn() = || {
    fn send<T: Send>() {}
    send::<ReplyTo<Arc<()>>>();
};
