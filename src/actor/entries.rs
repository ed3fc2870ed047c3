//! A message in the mailbox: told or asked, with a deadline or without.

use super::{
    Handler, Message,
    asker::{Asker, NoReply},
    envelope::{self, About, Cause, Incarnation, Nobody, Why},
    limit::{Expired, Limit},
};
use crate::queue::{Entry, Task};

/// A message nobody waits for.
pub(crate) struct Told<M, L> {
    pub(crate) msg: M,
    pub(crate) limit: L,
}

/// A message with somebody who waits for its reply.
pub(crate) struct Asked<M: Message, L> {
    pub(crate) msg: M,
    pub(crate) asker: Asker<M>,
    pub(crate) limit: L,
}

impl<A: Handler<M>, M: Message, L: Limit> Entry<Incarnation<A>> for Told<M, L> {
    const KEEP: bool = M::ATTEMPTS > 1;
    const URGENT: bool = M::PRIORITY;

    fn about() -> About {
        About::of::<M>()
    }

    #[inline]
    fn open<'a>(self, copy: bool, state: &'a mut Incarnation<A>) -> Option<impl Task<Incarnation<A>> + 'a> {
        if !copy && let Some(expired) = self.limit.passed() {
            expire::<A, _>(state, expired, self);
            return None;
        }
        Some(envelope::open(self.msg, |_| Nobody, self.limit, copy, state))
    }

    fn duplicate(&mut self) -> Option<Self> {
        if self.limit.passed().is_some() {
            return None;
        }
        attempt(&mut self.limit);
        Some(Self { msg: self.msg.duplicate()?, limit: self.limit.again() })
    }

    fn lapsed(&self) -> Option<Why> {
        self.limit.passed().map(Why::Expired)
    }

    fn tried(&mut self) -> Option<&mut u32> {
        self.limit.tried()
    }

    fn settle(self) {}

    fn bury(mut self, cause: &Cause) {
        if let Some(script) = cause.script() {
            return drop(envelope::play(script, self.msg));
        }
        cause.letter(Some(self.msg), tried(&mut self.limit));
    }
}

impl<A: Handler<M>, M: Message, L: Limit> Entry<Incarnation<A>> for Asked<M, L> {
    const KEEP: bool = M::ATTEMPTS > 1;
    const URGENT: bool = M::PRIORITY;

    fn about() -> About {
        About::of::<M>()
    }

    #[inline]
    fn open<'a>(self, copy: bool, state: &'a mut Incarnation<A>) -> Option<impl Task<Incarnation<A>> + 'a> {
        // A copy has been taken by `duplicate`. To look again would give up the copy of a message that is still
        // there, and then the message.
        if !copy {
            // Before the asker is looked at, who goes when the deadline passes.
            if let Some(expired) = self.limit.passed() {
                expire::<A, _>(state, expired, self);
                return None;
            }
            if !self.asker.take() {
                let cause = Cause::new(state.seat.common(), Why::Abandoned { attempts: 0 });
                self.give_up(&cause);
                state.seat.common().tally.add(cause.counts());
                return None;
            }
        }
        let Self { msg, asker, limit } = self;
        Some(envelope::open(msg, |seat| asker.lend(seat), limit, copy, state))
    }

    fn duplicate(&mut self) -> Option<Self> {
        if self.limit.passed().is_some() {
            return None;
        }
        // Taken, from the first attempt on: an asker that gives up now is told that it had started.
        if !self.asker.take() {
            return None;
        }
        attempt(&mut self.limit);
        let msg = self.msg.duplicate()?;
        Some(Self { msg, asker: self.asker.share(), limit: self.limit.again() })
    }

    fn lapsed(&self) -> Option<Why> {
        // In the order of `open`.
        let gone = || self.asker.is_gone().then_some(Why::Abandoned { attempts: 0 });
        self.limit.passed().map(Why::Expired).or_else(gone)
    }

    fn tried(&mut self) -> Option<&mut u32> {
        self.limit.tried()
    }

    fn settle(self) {
        self.asker.leave();
    }

    fn bury(self, cause: &Cause) {
        self.give_up(cause);
    }
}

impl<M: Message, L: Limit> Asked<M, L> {
    fn give_up(self, cause: &Cause) {
        let Self { msg, asker, mut limit } = self;
        let tried = tried(&mut limit);
        if let Some(script) = cause.script() {
            let _unheard = asker.answer(Ok(envelope::play(script, msg)));
            return;
        }
        if let Some(told) = cause.told::<M>() {
            // The asker is told first: a dead letter's subscriber may be slower than a caller's deadline.
            let _unheard = asker.refuse(told);
            return cause.letter(Some(msg), tried);
        }
        let Why::Ended { reason } = cause.why() else { return cause.letter(Some(msg), tried) };
        if tried > 0 {
            // Put aside after an attempt. Its asker is not told that it may send it again: `close::bury_kept`.
            let _unheard = asker.refuse(NoReply::Aborted(reason.clone()));
            return cause.letter_about(
                &Why::Cut { reason: reason.clone(), attempts: tried },
                Some(msg),
                tried,
            );
        }
        match asker.refuse(NoReply::Stopped(msg, reason.clone())) {
            Ok(()) => cause.went_back(),
            // The asker went away meanwhile, so the message is the sink's.
            Err(unheard) => {
                if let Err(no_reply) = unheard
                    && let NoReply::Stopped(msg, _) = *no_reply
                {
                    cause.letter_about(&Why::Abandoned { attempts: 0 }, Some(msg), tried);
                }
            }
        }
    }
}

/// A handler is about to get a copy of a message with this limit.
fn attempt(limit: &mut impl Limit) {
    if let Some(tried) = limit.tried() {
        *tried += 1;
    }
}

/// How often a handler has been given the message with this limit, as far as that is counted there.
fn tried(limit: &mut impl Limit) -> u32 {
    limit.tried().map_or(0, |tried| *tried)
}

/// Gives up a message whose deadline has passed.
#[cold]
fn expire<A: super::Actor, E: Entry<Incarnation<A>>>(state: &Incarnation<A>, expired: Expired, entry: E) {
    let common = state.seat.common();
    let cause = Cause::new(common, Why::Expired(expired));
    entry.bury(&cause);
    common.tally.add(cause.counts());
}
