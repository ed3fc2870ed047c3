//! Watching another actor's end: `ctx.watch`, and how its notice is delivered.

use std::{
    fmt,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context as TaskContext, Poll},
};

use pin_project_lite::pin_project;

use super::{
    Actor, Context, Handle, Handler, Message,
    common::Common,
    desk::Request,
    envelope::{About, Cause, Failed, Incarnation, Outcome},
    journal,
    reply_to::ReplyTo,
    seat::{AnySeat, Seat},
    ties::{self, How},
};
use crate::{
    Identity, Panic, StopReason, failure,
    queue::{Entry, Task, Turn},
};

/// Tells a watcher that an actor has ended for good: see [`Context::watch`].
///
/// By then all messages of the ended actor have met their fate, its `stopped` hook is through and its name is
/// free. Its text is "worker#3 was killed".
///
/// # Examples
///
/// ```
/// use postbox::prelude::*;
/// use tokio::sync::oneshot;
///
/// #[derive(Actor)]
/// struct Worker;
///
/// struct Foreman { worker: Handle, report: Option<oneshot::Sender<Terminated>> }
///
/// impl Actor for Foreman {
///     async fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), BoxError> {
///         ctx.watch(&self.worker);
///         Ok(())
///     }
///     async fn terminated(&mut self, _ctx: &mut Context<Self>, of: Terminated) {
///         let _ = self.report.take().map(|report| report.send(of));
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let worker = Worker.prepare().name("worker").spawn()?;
/// let (report, reported) = oneshot::channel();
/// let foreman = Foreman { worker: worker.handle(), report: Some(report) }.spawn();
/// worker.kill();
/// let of = reported.await?;
/// assert_eq!(of.identity, *worker.identity());
/// assert!(!of.reason.is_normal() && of.to_string().ends_with("was killed"));
/// # drop(foreman);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Terminated {
    /// Who has ended.
    pub identity: Identity,
    /// Why.
    pub reason: StopReason,
}

impl Terminated {
    /// `None`: it has not ended.
    pub(super) fn of(common: &Common) -> Option<Self> {
        Some(Self { identity: common.identity.clone(), reason: common.ended()?.clone() })
    }
}

impl fmt::Display for Terminated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.identity, self.reason)
    }
}

impl<A: Actor> Context<A> {
    /// Has this actor told, by its [`terminated`](Actor::terminated) hook, when `target` has ended for good.
    ///
    /// There is exactly one notice for each watch: also for an actor that has ended already, and also when
    /// this actor's mailbox is full, for a notice needs no room. It comes after every message that the ended
    /// actor had sent here, and in its place among the others: behind those accepted before it. A restart of
    /// the target is no end. To watch an actor that is watched already changes nothing, except that the last
    /// call decides whether the hook or a message tells of it; to watch oneself has no effect.
    ///
    /// A watch belongs to the seat, as the mailbox does: it stays through this actor's own restarts, and a
    /// notice that comes meanwhile is delivered after `started`. It keeps neither side alive. A `stop` and the
    /// release of the last reference come after the notices that are queued; any other end of this actor takes
    /// its watches and notices with it.
    ///
    /// From outside an actor await [`Handle::ended`] instead.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::prelude::*;
    ///
    /// #[derive(Actor)]
    /// struct Worker;
    ///
    /// /// Ends with the worker.
    /// struct Shadow { worker: Handle }
    ///
    /// impl Actor for Shadow {
    ///     async fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), BoxError> {
    ///         ctx.watch(&self.worker);
    ///         Ok(())
    ///     }
    ///     async fn terminated(&mut self, ctx: &mut Context<Self>, _of: Terminated) { ctx.stop() }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let worker = Worker.spawn();
    /// let shadow = Shadow { worker: worker.handle() }.spawn();
    /// worker.stop();
    /// assert!(shadow.ended().await.is_normal());
    /// # }
    /// ```
    pub fn watch(&self, target: impl Into<Handle>) {
        self.watch_how(&target.into(), How::Hook);
    }

    /// Has this actor told by a message when `target` has ended for good: as [`watch`](Self::watch), but what
    /// `message` makes of the notice goes to the actor's handler for it, and not to the hook.
    ///
    /// The message is handled at the notice's place, without going through the mailbox. It takes no room, the
    /// ledger does not count it, and its reply goes nowhere. If its handler fails, that is a charged failure
    /// of this actor and the message is gone, also one that declares `retry`: there is one delivery of a
    /// notice.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::prelude::*;
    ///
    /// #[derive(Actor)]
    /// struct Worker;
    ///
    /// #[derive(Actor, Default)]
    /// struct Pool { lost: Vec<u32> }
    ///
    /// #[messages]
    /// impl Pool {
    ///     /// Takes a worker in.
    ///     #[message]
    ///     fn join(&mut self, number: u32, worker: Handle, ctx: &mut Context<Self>) {
    ///         ctx.watch_with(&worker, move |_| Left { number });
    ///     }
    ///     /// Notes that a worker is gone.
    ///     #[message]
    ///     fn left(&mut self, number: u32) { self.lost.push(number); }
    ///     /// Lists those that are gone.
    ///     #[message]
    ///     fn lost(&self) -> Vec<u32> { self.lost.clone() }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (pool, worker) = (Pool::default().spawn(), Worker.spawn());
    /// pool.join(7, worker.handle()).await?;
    /// worker.stop();
    /// worker.ended().await;
    /// assert_eq!(pool.lost().await?, [7]);
    /// # Ok(()) }
    /// ```
    pub fn watch_with<M: Message>(
        &self,
        target: impl Into<Handle>,
        message: impl FnOnce(Terminated) -> M + Send + 'static,
    ) where
        A: Handler<M>,
    {
        let opening: Opening<A> = Box::new(move |of, turn| turn.open(Noticed(message(of))));
        self.watch_how(&target.into(), How::Message(Box::new(opening)));
    }

    /// Takes a watch back, and its notice if that has not been delivered yet.
    ///
    /// Nothing happens when `target` is not watched.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::prelude::*;
    ///
    /// #[derive(Actor)]
    /// struct Worker;
    ///
    /// #[derive(Actor, Default)]
    /// struct Foreman { over: u32 }
    ///
    /// #[messages]
    /// impl Foreman {
    ///     /// Has a worker do something, and loses sight of it then.
    ///     #[message]
    ///     fn look(&mut self, worker: Handle, ctx: &mut Context<Self>) {
    ///         ctx.watch_with(&worker, |_| Over);
    ///         ctx.unwatch(&worker);
    ///     }
    ///     /// Counts the ends it was told of.
    ///     #[message]
    ///     fn over(&mut self) { self.over += 1 }
    ///     /// Returns the count.
    ///     #[message]
    ///     fn count(&self) -> u32 { self.over }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (foreman, worker) = (Foreman::default().spawn(), Worker.spawn());
    /// foreman.look(worker.handle()).await?;
    /// worker.stop();
    /// worker.ended().await;
    /// assert_eq!(foreman.count().await?, 0);
    /// # Ok(()) }
    /// ```
    pub fn unwatch(&self, target: impl Into<Handle>) {
        ties::unwatch(&**self.seat(), &**target.into().seat());
    }

    fn watch_how(&self, target: &Handle, how: How) {
        let own = Arc::clone(self.seat()) as Arc<dyn AnySeat>;
        ties::watch(&own, target.seat(), how);
    }
}

/// Makes the message of a notice, and opens it on the state.
type Opening<A> = Box<dyn FnOnce(Terminated, &mut Turn<'_, Incarnation<A>>) -> bool + Send>;

/// Opens the next notice, if it is its turn. An error: what makes a message of it panicked.
pub(super) fn open_next<A: Actor>(
    seat: &Seat<A>,
    turn: &mut Turn<'_, Incarnation<A>>,
) -> Result<bool, Panic> {
    // A message that is to be tried again was accepted before it.
    if turn.is_kept() {
        return Ok(false);
    }
    let taken = turn.taken();
    let Some((of, how)) = seat.common().ties().and_then(|ties| ties.next(taken, seat)) else {
        return Ok(false);
    };
    failure::catch(|| match how {
        How::Hook => turn.open(of),
        How::Message(opening) => match opening.downcast::<Opening<A>>() {
            Ok(opening) => opening(of, turn),
            // Of another actor's type: this seat has none such. The hook is never wrong.
            Err(_) => turn.open(of),
        },
    })
}

/// The message of a notice.
struct Noticed<M>(M);

impl<A: Handler<M>, M: Message> Entry<Incarnation<A>> for Noticed<M> {
    const KEEP: bool = false;

    fn about() -> About {
        About::of::<M>()
    }

    fn open<'a>(self, _copy: bool, state: &'a mut Incarnation<A>) -> Option<impl Task<Incarnation<A>> + 'a> {
        let Incarnation { actor, ctx, seat } = state;
        // Called when it is polled, so that a panic before there is a future is one of the handler as well.
        let future = async move { actor.handle(self.0, ctx).await };
        Some(Handling { future, seat, message: PhantomData::<fn(M)> })
    }

    fn duplicate(&mut self) -> Option<Self> {
        None
    }

    fn settle(self) {}

    fn bury(self, _cause: &Cause) {}
}

pin_project! {
    /// The handler's future. There is nobody to be told of its outcome.
    struct Handling<'a, A: Actor, M, F> {
        #[pin]
        future: F,
        seat: &'a Seat<A>,
        message: PhantomData<fn(M)>,
    }
}

impl<A: Actor, M: Message, F: Future<Output = M::Reply>> Future for Handling<'_, A, M, F> {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let common = this.seat.common();
        loop {
            if let Poll::Ready(reply) = this.future.as_mut().poll(cx) {
                if M::is_error(&reply) {
                    common.unheard_error::<M>();
                }
                // As with a message that was told: a panic in the drop of its reply is no failure.
                if let Err(panic) = failure::catch(|| drop(reply)) {
                    journal::drop_panicked(&common.identity, &panic);
                }
                return Poll::Ready(Ok(()));
            }
            match common.desk.take() {
                Some(Request::Fail(error)) => return Poll::Ready(Err(Failed::with(error))),
                Some(Request::WantsReply) => {
                    common.desk.put(Request::Reply(Box::new(ReplyTo::<M::Reply>::new::<M>(None))));
                }
                Some(Request::Deferred) => return Poll::Ready(Ok(())),
                Some(Request::Stash(_)) => {
                    panic!("stash was called with a notice, which has no place in the mailbox to keep")
                }
                None | Some(Request::Reply(_) | Request::Orphan(..)) => return Poll::Pending,
            }
        }
    }
}

impl<A: Actor, M: Message, F> Task<Incarnation<A>> for Handling<'_, A, M, F>
where
    F: Future<Output = M::Reply> + Send,
{
    fn about() -> About {
        About::of::<M>()
    }

    fn give_up(self: Pin<&mut Self>, _cause: &Cause) {}
}
