//! The two ends of an ask: who is to be answered, and what the answer can be.

use std::{fmt, mem};

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

/// Boxed where there is no reply, which is rare: so an answer is no larger than a reply and one word, whatever its
/// message is.
pub(crate) type Answer<M> = Result<<M as Message>::Reply, Box<NoReply<M>>>;
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

    /// Answers. An answer comes back whose asker has gone.
    pub(crate) fn answer(self, answer: Answer<M>) -> Result<(), Answer<M>> {
        self.answer_here(answer)
    }

    /// The same, as part of the handler's way: with the answer made in its place.
    #[inline(always)]
    pub(crate) fn answer_here(self, answer: Answer<M>) -> Result<(), Answer<M>> {
        match self.into_slot() {
            Some(slot) => slot.answer(answer),
            None => Err(answer),
        }
    }

    /// Answers that there is no reply.
    pub(crate) fn refuse(self, no_reply: NoReply<M>) -> Result<(), Answer<M>> {
        self.answer(Err(Box::new(no_reply)))
    }

    /// What it holds, which owes nothing. (With nothing left in it, it is forgotten, and its drop need not find that
    /// out: an ask takes three of them apart.)
    #[inline(always)]
    fn into_slot(mut self) -> Option<Answering<Answer<M>>> {
        let slot = self.slot.take();
        mem::forget(self);
        slot
    }

    /// Owes the answer from here on.
    pub(super) fn owe(&mut self) {
        self.owes = true;
    }

    /// Leaves the answer to whoever shares the slot.
    pub(crate) fn leave(self) {
        drop(self.into_slot());
    }

    /// For the time in which the handler has the message: whoever gives the actor up can tell the asker.
    #[inline]
    pub(crate) fn lend<A: Actor>(self, seat: &Seat<A>) -> Loan<'_, A, M> {
        let owes = self.owes;
        let lent = self.into_slot().map(|slot| seat.mailbox.lend(slot, short_type_name::<M>));
        Loan { lent, owes }
    }
}

impl<M: Message> Drop for Asker<M> {
    #[inline]
    fn drop(&mut self) {
        if self.owes {
            self.drop_reply();
        }
    }
}

impl<M: Message> Asker<M> {
    #[cold]
    #[inline(never)]
    fn drop_reply(&mut self) {
        if let Some(slot) = self.slot.take() {
            let _unheard = slot.answer(Err(Box::new(NoReply::Dropped)));
        }
    }
}

/// An asker whom others can tell that its answer may never come. Dropped, it is an asker again.
pub(crate) struct Loan<'a, A: Actor, M: Message> {
    /// `None` once it has been taken back.
    lent: Option<Lent<'a, Incarnation<A>, Answer<M>>>,
    owes: bool,
}

impl<A: Actor, M: Message> Loan<'_, A, M> {
    /// As [`Asker::share`].
    pub(crate) fn share(&self) -> Asker<M> {
        Asker { slot: self.lent.as_ref().and_then(Lent::share), owes: false }
    }

    /// Whether there still is an asker.
    #[inline(always)]
    pub(crate) fn waits(&self) -> bool {
        self.lent.is_some()
    }

    /// The asker, once.
    #[inline(always)]
    pub(crate) fn take(&mut self) -> Option<Asker<M>> {
        let slot = self.lent.take()?.back();
        Some(Asker { slot, owes: self.owes })
    }
}

impl<A: Actor, M: Message> Drop for Loan<'_, A, M> {
    #[inline]
    fn drop(&mut self) {
        if self.lent.is_some() {
            self.drop_asker();
        }
    }
}

impl<A: Actor, M: Message> Loan<'_, A, M> {
    #[cold]
    #[inline(never)]
    fn drop_asker(&mut self) {
        drop(self.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Large([u64; 64]);

    impl Message for Large {
        type Reply = u64;
    }

    /// A slot holds an answer, and is moved about with it: a message that may come back in it must not weigh it down.
    #[test]
    fn an_answer_is_as_small_as_its_reply_and_one_word_whatever_the_message() {
        assert_eq!(size_of::<Answer<Large>>(), 2 * size_of::<u64>());
        let returned: Answer<Large> = Err(Box::new(NoReply::Stopped(Large([7; 64]), StopReason::Stopped)));
        let Err(no_reply) = returned else { panic!("there is no reply") };
        assert!(matches!(*no_reply, NoReply::Stopped(Large(words), _) if words == [7; 64]));
    }
}
