//! What is left of a message once its handler has it, and how it gets its fate.
//!
//! An entry is opened in one place: [`open`]. It moves the message into the handler's future, which the
//! queue layer polls in place. Whatever ends the envelope gives its message one fate: handled here, or one of
//! the [`Cause`]s.

use std::{
    any::Any,
    cell::Cell,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context as TaskContext, Poll},
};

use pin_project_lite::pin_project;

use super::{
    Actor, Context, Handler, Message,
    asker::{Asker, Loan, NoReply},
    common::Common,
    desk::Request,
    entries::{Asked, Told},
    home::Homed,
    journal,
    limit::{Expired, Limit},
    observer::Script,
    reply_to::ReplyTo,
    seat::Seat,
};
use crate::{
    BoxError, DeadLetter, Failure, Identity, Reason, StopReason, failure,
    id::short_type_name,
    queue::{Stage, Stash, Task},
};

/// One incarnation: who sits in the seat now, and the context that goes with it.
pub(crate) struct Incarnation<A: Actor> {
    pub(crate) actor: A,
    pub(crate) ctx: Context<A>,
    /// Beside the one in the context, because a handler borrows the context mutably while its task needs the
    /// seat.
    pub(crate) seat: Arc<Seat<A>>,
}

impl<A: Actor> Stage for Incarnation<A> {
    type Cause = Cause;
    type Exit = Box<Failed>;
    type About = About;
    type Lapse = Why;
}

/// How a handler fails on purpose. Boxed, so that what a poll finds fits two registers.
pub(crate) struct Failed(pub(crate) BoxError);

impl Failed {
    pub(super) fn with(error: impl Into<BoxError>) -> Box<Self> {
        Box::new(Self(error.into()))
    }
}

/// What the poll of a handler, or of a hook, comes to.
pub(crate) type Outcome = Result<(), Box<Failed>>;

/// Not an error, but how a handler ends that puts its message aside: the one way out of a task that says
/// something.
#[derive(Debug)]
pub(crate) struct PutAside;

impl std::fmt::Display for PutAside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the message was put aside")
    }
}

impl std::error::Error for PutAside {}

/// What is known of a message by its type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About {
    pub(crate) type_name: &'static str,
    pub(crate) max_attempts: u32,
}

impl About {
    pub(crate) fn of<M: Message>() -> Self {
        Self { type_name: short_type_name::<M>(), max_attempts: M::ATTEMPTS }
    }
}

/// Why a message gets no handling, or no further one.
#[derive(Clone, Debug)]
pub(crate) enum Why {
    /// Its handler failed and it went into the handler by value.
    Failed { failure: Failure, attempts: u32 },
    /// Its handler failed as often as its type allows.
    Quarantined { failure: Failure, attempts: u32 },
    /// Its handler was cut.
    Cut { reason: StopReason, attempts: u32 },
    /// The actor ended before it came to the message.
    Ended { reason: StopReason },
    /// Nobody asks for it any more.
    Abandoned { attempts: u32 },
    /// Its deadline passed.
    Expired(Expired),
    /// The mailbox was full, and drops messages then: for one of two reasons.
    Discarded(Reason),
    /// In a test: this answers it in place of a handler. It counts as handled.
    Played(Arc<dyn Script>),
    /// Nobody gave it a fate: a bug of this crate.
    Leaked,
}

/// Gives messages their last fate, and counts.
pub(crate) struct Cause {
    home: Homed,
    to: Identity,
    why: Why,
    dead: Cell<u64>,
    returned: Cell<u64>,
}

impl Cause {
    pub(crate) fn new(common: &Common, why: Why) -> Self {
        Self {
            home: common.home.clone(),
            to: common.identity.clone(),
            why,
            dead: Cell::new(0),
            returned: Cell::new(0),
        }
    }

    /// Why they get it.
    pub(super) fn why(&self) -> &Why {
        &self.why
    }

    /// A message has gone back to its asker.
    pub(super) fn went_back(&self) {
        self.returned.set(self.returned.get() + 1);
    }

    /// How many messages became dead letters, and how many went back to their askers.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.dead.get(), self.returned.get())
    }

    /// Hands a message, or what is known of it, to the dead-letter sink. It has been tried so often at least.
    pub(super) fn letter<M: Message>(&self, msg: Option<M>, tried: u32) {
        self.letter_about(&self.why, msg, tried);
    }

    /// The same for another reason than that of the others.
    pub(super) fn letter_about<M: Message>(&self, why: &Why, msg: Option<M>, tried: u32) {
        let (reason, attempts, failure) = match why {
            Why::Failed { failure, attempts } => (Reason::Failed, *attempts, Some(failure)),
            Why::Quarantined { failure, attempts } => (Reason::Quarantined, *attempts, Some(failure)),
            Why::Cut { reason, attempts } => (Reason::Aborted, *attempts, reason.failure()),
            Why::Ended { reason } => (ended_as(reason), 0, reason.failure()),
            Why::Abandoned { attempts } => (Reason::Abandoned, *attempts, None),
            Why::Expired(expired) => (Reason::Expired, expired.attempts, None),
            Why::Discarded(reason) => (*reason, 0, None),
            Why::Played(_) | Why::Leaked => (Reason::Leaked, 0, None),
        };
        let message = msg.map(|msg| Box::new(msg) as Box<dyn Any + Send>);
        let type_name = short_type_name::<M>();
        self.dead.set(self.dead.get() + 1);
        self.home.dead_letters.record(DeadLetter::new(
            self.to.clone(),
            type_name,
            message,
            reason,
            attempts.max(tried),
            failure.cloned(),
        ));
    }

    /// What answers messages in place of a handler, if anything does.
    pub(super) fn script(&self) -> Option<&dyn Script> {
        match &self.why {
            Why::Played(script) => Some(&**script),
            _ => None,
        }
    }

    /// What the asker of a message is told; `None` when the message itself goes back to it.
    pub(super) fn told<M: Message>(&self) -> Option<NoReply<M>> {
        match &self.why {
            Why::Failed { failure, .. } | Why::Quarantined { failure, .. } => {
                Some(NoReply::Failed(failure.clone()))
            }
            Why::Cut { reason, .. } => Some(NoReply::Aborted(reason.clone())),
            Why::Ended { .. } => None,
            Why::Discarded(reason) => Some(NoReply::Discarded(*reason)),
            Why::Expired(expired) => Some(NoReply::Expired { started: expired.attempts > 0 }),
            Why::Abandoned { .. } | Why::Played(_) | Why::Leaked => Some(NoReply::Dropped),
        }
    }
}

/// Has a script answer a message.
pub(super) fn play<M: Message>(script: &dyn Script, msg: M) -> M::Reply {
    let reply = script.play(short_type_name::<M>(), Box::new(msg));
    *reply.downcast().expect("the answer to a message is its reply")
}

fn ended_as(reason: &StopReason) -> Reason {
    match reason {
        StopReason::Killed => Reason::Killed,
        StopReason::RestartLimit(_) => Reason::RestartLimit,
        _ => Reason::Stopped,
    }
}

/// Opens a message: the one place where a handler's future is made. `lend` says whom it leaves behind.
#[inline(always)]
pub(super) fn open<'a, A: Handler<M>, M: Message, L: Limit, W: Whom<'a, A, M>>(
    msg: M,
    lend: impl FnOnce(&'a Seat<A>) -> W,
    limit: L,
    copy: bool,
    state: &'a mut Incarnation<A>,
) -> Handling<'a, A, M, W, L, impl Future<Output = M::Reply> + Send + 'a> {
    let Incarnation { actor, ctx, seat } = state;
    // A hand-written `handle` may run code, and panic, before it returns its future. Then the envelope tells
    // the loop whom it leaves behind.
    let envelope = Envelope { seat, whom: lend(seat), copy, settled: false, message: PhantomData };
    let future = actor.handle(msg, ctx);
    Handling { envelope, limit, future }
}

/// Who is to be told of the fate of a message. A type for each case, so that a message that is told carries
/// nothing of what one that is asked needs.
pub(super) trait Whom<'a, A: Actor, M: Message>: Send + Unpin + 'a {
    /// Whether somebody waits for the reply.
    fn waits(&self) -> bool;
    /// The asker, once.
    fn take(&mut self) -> Option<Asker<M>>;
    /// As [`Asker::share`].
    fn share(&mut self) -> Option<Asker<M>>;
    /// Keeps the reply for an asker who is at hand. It comes back when it is to be sent.
    #[inline(always)]
    fn keep(&mut self, reply: M::Reply) -> Option<M::Reply> {
        Some(reply)
    }
}

/// The message was told.
pub(super) struct Nobody;

impl<'a, A: Actor, M: Message> Whom<'a, A, M> for Nobody {
    #[inline(always)]
    fn waits(&self) -> bool {
        false
    }

    #[inline(always)]
    fn take(&mut self) -> Option<Asker<M>> {
        None
    }

    fn share(&mut self) -> Option<Asker<M>> {
        None
    }
}

impl<'a, A: Actor, M: Message> Whom<'a, A, M> for Loan<'a, A, M> {
    #[inline(always)]
    fn waits(&self) -> bool {
        Loan::waits(self)
    }

    #[inline(always)]
    fn take(&mut self) -> Option<Asker<M>> {
        Loan::take(self)
    }

    fn share(&mut self) -> Option<Asker<M>> {
        Some(Loan::share(self))
    }
}

/// What is left of a message once its handler has it: who is to be told.
pub(super) struct Envelope<'a, A: Actor, M: Message, W: Whom<'a, A, M>> {
    seat: &'a Seat<A>,
    whom: W,
    /// The original stays in the mailbox and gets the fate.
    copy: bool,
    settled: bool,
    message: PhantomData<fn(M)>,
}

impl<'a, A: Actor, M: Message, W: Whom<'a, A, M>> Envelope<'a, A, M, W> {
    /// The handler is through.
    #[inline(always)]
    fn handled(&mut self, reply: Option<M::Reply>) {
        // Before the message counts as handled: a panic in there is the handler's failure.
        let unheard_error = !self.whom.waits() && reply.as_ref().is_some_and(M::is_error);
        self.settled = true;
        self.seat.common().tally.handled();
        let Some(reply) = reply else {
            // Deferred: the `ReplyTo` answers.
            return self.whom.take().into_iter().for_each(Asker::leave);
        };
        let Some(reply) = self.whom.keep(reply) else { return };
        let common = self.seat.common();
        match self.whom.take() {
            Some(asker) => {
                if let Err(unheard) = asker.answer_here(Ok(reply)) {
                    common.late_reply::<M>();
                    self.discard(unheard);
                }
            }
            None => {
                if unheard_error {
                    common.unheard_error::<M>();
                }
                self.discard(reply);
            }
        }
    }

    /// Drops a reply that nobody waits for. Its message has been handled, so a panic in its `Drop` is no
    /// failure of the handler: the message would get a second fate.
    #[inline]
    fn discard<T>(&self, unheard: T) {
        // A reply is most often a number or nothing, for which all of that is not even compiled.
        if const { std::mem::needs_drop::<T>() }
            && let Err(panic) = failure::catch(|| drop(unheard))
        {
            journal::drop_panicked(&self.seat.common().identity, &panic);
        }
    }

    /// The handler puts aside what must be its message. Nobody is at work on it from here on; but one that has been
    /// `tried` before stays begun for its asker.
    #[cold]
    fn check_stashed(&mut self, msg: &(dyn Any + Send), tried: bool) {
        assert!(
            msg.is::<M>(),
            "stash was called with a message that is not the `{}` in hand",
            short_type_name::<M>()
        );
        // The original has the fate; nobody is to hear of the copy.
        if self.copy {
            self.settled = true;
            self.whom.take().iter().filter(|_| !tried).for_each(Asker::put_back);
        }
    }

    /// The handler is pending, which may be its way to ask for something. `None`: it is to be polled again.
    #[inline(never)]
    fn pending(&mut self, limit: &mut impl Limit) -> Option<Poll<Outcome>> {
        let desk = &self.seat.common().desk;
        match desk.take() {
            None => Some(Poll::Pending),
            Some(Request::Fail(error)) => Some(Poll::Ready(Err(Failed::with(error)))),
            Some(Request::Stash(msg)) => {
                let tried = limit.tried().is_some_and(|tried| *tried > 1);
                self.check_stashed(&*msg, tried);
                desk.put(Request::Stash(msg));
                Some(Poll::Ready(Err(Failed::with(PutAside))))
            }
            Some(Request::WantsReply) => {
                // The envelope keeps its own hold until the handler is through: it may still fail, or
                // answer all the same.
                let reply = ReplyTo::new::<M>(self.whom.share());
                desk.put(Request::Reply(Box::new(reply)));
                None
            }
            Some(Request::Deferred) => {
                self.handled(None);
                Some(Poll::Ready(Ok(())))
            }
            // Not for us; the loop that reads these runs after this future is gone.
            Some(Request::Reply(_) | Request::Orphan(..)) => Some(Poll::Pending),
        }
    }

    fn give_up(&mut self, cause: &Cause) {
        if std::mem::replace(&mut self.settled, true) || self.copy {
            return;
        }
        if let (Some(asker), Some(told)) = (self.whom.take(), cause.told::<M>()) {
            let _unheard = asker.refuse(told);
        }
        cause.letter::<M>(None, 0);
    }
}

impl<'a, A: Actor, M: Message, W: Whom<'a, A, M>> Drop for Envelope<'a, A, M, W> {
    #[inline]
    fn drop(&mut self) {
        if !self.settled {
            self.orphan();
        }
    }
}

impl<'a, A: Actor, M: Message, W: Whom<'a, A, M>> Envelope<'a, A, M, W> {
    #[cold]
    fn orphan(&mut self) {
        let (asker, copy) = (self.whom.take(), self.copy);
        let tell = move |cause: &Cause| {
            if let (Some(asker), Some(told), false) = (asker, cause.told::<M>(), copy) {
                let _unheard = asker.refuse(told);
            }
            if !copy {
                cause.letter::<M>(None, 0);
            }
        };
        self.seat.common().desk.put(Request::Orphan(About::of::<M>(), Box::new(tell)));
    }
}

pin_project! {
    /// A handler's future, with what is left of its message.
    pub(super) struct Handling<'a, A: Actor, M: Message, W: Whom<'a, A, M>, L, F> {
        envelope: Envelope<'a, A, M, W>,
        // For a message that is put aside again.
        limit: L,
        #[pin]
        future: F,
    }
}

impl<'a, A: Actor, M: Message, W: Whom<'a, A, M>, L, F> Handling<'a, A, M, W, L, F> {
    /// Who is to be told.
    #[inline(always)]
    pub(super) fn whom(self: Pin<&mut Self>) -> &mut W {
        &mut self.project().envelope.whom
    }
}

impl<'a, A, M, W, L, F> Future for Handling<'a, A, M, W, L, F>
where
    A: Actor,
    M: Message,
    W: Whom<'a, A, M>,
    L: Limit,
    F: Future<Output = M::Reply>,
{
    type Output = Outcome;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            if let Poll::Ready(reply) = this.future.as_mut().poll(cx) {
                this.envelope.handled(Some(reply));
                return Poll::Ready(Ok(()));
            }
            if let Some(ends) = this.envelope.pending(this.limit) {
                return ends;
            }
        }
    }
}

impl<'a, A: Handler<M>, M: Message, W, L: Limit, F> Task<Incarnation<A>> for Handling<'a, A, M, W, L, F>
where
    W: Whom<'a, A, M>,
    F: Future<Output = M::Reply> + Send,
{
    fn about() -> About {
        About::of::<M>()
    }

    fn give_up(self: Pin<&mut Self>, cause: &Cause) {
        self.project().envelope.give_up(cause);
    }

    fn put_back(self: Pin<&mut Self>, into: Stash<'_, Incarnation<A>>) {
        let this = self.project();
        let Some(Request::Stash(msg)) = this.envelope.seat.common().desk.take() else { return };
        let Ok(msg) = msg.downcast::<M>() else { return };
        this.envelope.settled = true;
        let (msg, limit) = (*msg, this.limit.again());
        match this.envelope.whom.take() {
            None => into.push(Told { msg, limit }),
            Some(asker) => {
                asker.put_back();
                into.push(Asked { msg, asker, limit });
            }
        }
    }
}
