//! The two ends of an ask: who is to be answered, and what the answer can be.

use std::{cell::Cell, fmt, sync::Arc};

use super::{Actor, envelope::Incarnation, message::Message, seat::Seat};
use crate::{
    Failure, Reason, StopReason,
    id::short_type_name,
    queue::{self, Answering, Asking, Cut, Lent},
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
    /// The message's deadline passed, before a handler had begun or between two attempts.
    Expired { started: bool },
    /// The mailbox was full and dropped the message.
    Discarded(Reason),
}

/// Whoever gave the actor up has told the asker, and not the actor, which cannot.
impl<M> From<Cut> for NoReply<M> {
    fn from(_: Cut) -> Self {
        Self::Aborted(StopReason::Killed)
    }
}

pub(crate) type Answer<M> = Result<<M as Message>::Reply, NoReply<M>>;
pub(crate) type Awaited<M> = Asking<Answer<M>>;

/// Whoever waits for the answer to one message. Dropped without one, it answers that there is none.
pub struct Asker<M: Message> {
    /// `None` once it has been lent.
    slot: Option<Answering<Answer<M>>>,
    /// False for a hold beside the one in the mailbox, and once answered.
    owes: bool,
}

impl<M: Message> fmt::Debug for Asker<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asker").field("owes", &self.owes).finish_non_exhaustive()
    }
}

impl<M: Message> Asker<M> {
    pub(crate) fn new() -> (Self, Awaited<M>) {
        let (slot, awaited) = queue::slot();
        (Self { slot: Some(slot), owes: true }, awaited)
    }

    /// A second hold, for the copy of a message that may be handled more than once.
    pub(crate) fn share(&self) -> Self {
        Self { slot: self.slot.as_ref().map(Answering::share), owes: false }
    }

    /// Says that the handler is about to run. False: the asker has gone.
    #[inline]
    pub(crate) fn take(&self) -> bool {
        self.slot.as_ref().is_some_and(Answering::take)
    }

    /// Takes that back: the message waits again.
    pub(crate) fn put_back(&self) {
        self.slot.iter().for_each(Answering::put_back);
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.slot.as_ref().is_none_or(Answering::is_gone)
    }

    /// Answers. False: the asker has gone, and the answer with it.
    #[inline]
    pub(crate) fn answer(mut self, answer: Answer<M>) -> Result<(), Answer<M>> {
        self.owes = false;
        match self.slot.take() {
            Some(slot) => slot.answer(answer),
            None => Err(answer),
        }
    }

    /// Leaves the answer to whoever shares the slot.
    pub(crate) fn leave(mut self) {
        self.owes = false;
    }

    /// For the time in which the handler has the message: whoever gives the actor up can tell the asker.
    #[inline]
    pub(crate) fn lend<A: Actor>(mut self, seat: &Seat<A>) -> Loan<'_, A, M> {
        Loan {
            lent: self.slot.take().map(|slot| seat.mailbox.lend(slot, short_type_name::<M>)),
            owes: self.owes,
        }
    }
}

impl<M: Message> Drop for Asker<M> {
    #[inline]
    fn drop(&mut self) {
        if self.owes
            && !falls_with_its_keeper()
            && let Some(slot) = self.slot.take()
        {
            let _unheard = slot.answer(Err(NoReply::Dropped));
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

/// An asker whom others can tell that its answer may never come. Dropped, it is an asker again.
pub(crate) struct Loan<'a, A: Actor, M: Message> {
    lent: Option<Lent<'a, Incarnation<A>, Answer<M>>>,
    owes: bool,
}

impl<A: Actor, M: Message> Loan<'_, A, M> {
    /// As [`Asker::share`].
    pub(crate) fn share(&self) -> Asker<M> {
        Asker { slot: self.lent.as_ref().and_then(Lent::share), owes: false }
    }

    #[inline]
    pub(crate) fn back(mut self) -> Asker<M> {
        self.take_back()
    }

    #[inline]
    fn take_back(&mut self) -> Asker<M> {
        Asker { slot: self.lent.take().and_then(Lent::back), owes: std::mem::take(&mut self.owes) }
    }
}

impl<A: Actor, M: Message> Drop for Loan<'_, A, M> {
    #[inline]
    fn drop(&mut self) {
        drop(self.take_back());
    }
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
