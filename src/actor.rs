//! The core: an actor, the seat it sits in, and the way of one message from a reference to its handler.
//!
//! The only layer that is generic over the actor type. Its types need each other (a context holds a
//! reference, a reference leads to envelopes, an envelope opens on a context); that knot is fenced in here.
//!
//! | file | what it is |
//! |---|---|
//! | `message` | what can be sent, and who handles it |
//! | `actor_ref`, `recipient`, `handle` | the references: typed, by message, untyped |
//! | `accept` | the one seam behind them: a place that accepts an `M` |
//! | `request` | `Tell`, `TellAll`, `Ask`, `AskAll` and `Call`: what a sender awaits |
//! | `entries`, `limit` | a message in the mailbox, told or asked, with a deadline or without |
//! | `envelope` | what is left of a message once its handler has it, and how it gets its fate |
//! | `asker` | the two ends of an ask |
//! | `reply_to` | an answer that is given later, and what becomes of it when its handler falls |
//! | `ways` | the ways of running a method that the macros know |
//! | `seat`, `common` | what outlives a restart: mailbox, counters, identity |
//! | `run` | the life of an actor, incarnation by incarnation: read this first |
//! | `stash` | putting a message aside |
//! | `exit` | how an incarnation ends |
//! | `finish` | the last word on an actor |
//! | `hooks` | `started`, `stopped` and `terminated`, as tasks |
//! | `turn` | one poll of a seat: signals, then messages |
//! | `hand_off` | a turn of one actor in the poll of another |
//! | `caller_runs` | one message of an actor in the poll of its asker |
//! | `close` | the end of an incarnation and of an actor |
//! | `waits` | who awaits whom, to find circles of asks |
//! | `spawn` | how an actor comes to be |
//! | `ending` | how an end that is demanded is waited for, and given up |
//! | `family` | the children of an actor, who is restarted, and the calls by hand |
//! | `ties` | who watches whom, and the notices that wait |
//! | `watch` | `ctx.watch`, and how a notice is delivered |
//! | `link` | `ctx.link`: two that fail together |
//! | `history` | what a child has gone through |
//! | `home` | what the actors of one system share |
//! | `departures` | who ends while a shutdown listens |
//! | `observer`, `rig` | who looks on in a test, and what the test kit holds on to |

mod accept;
mod actor_ref;
mod asker;
mod caller_runs;
mod close;
mod common;
mod context;
mod current;
mod departures;
mod desk;
mod ending;
mod entries;
mod envelope;
mod exit;
mod family;
mod finish;
mod hand_off;
mod handle;
mod history;
mod home;
mod hooks;
mod journal;
mod limit;
mod link;
mod message;
mod observer;
mod recipient;
mod reply_to;
mod request;
#[cfg(feature = "testkit")]
pub(crate) mod rig;
mod run;
mod seat;
mod spawn;
mod stash;
#[cfg(all(test, postbox_loom))]
mod tests;
mod ties;
mod turn;
mod waits;
mod watch;
mod ways;

#[cfg(feature = "stream")]
pub use self::request::TellSink;
#[cfg(feature = "tower")]
pub use self::request::{AskService, OwnedAsk};
pub use self::{
    accept::Accept,
    actor_ref::{ActorRef, WeakRef},
    common::{Ledger, Status},
    context::Context,
    family::ChildCount,
    handle::Handle,
    message::{Handler, Message},
    recipient::{Recipient, WeakRecipient},
    reply_to::ReplyTo,
    request::{Ask, AskAll, Call, Tell, TellAll},
    spawn::{Child, Make, Spawn, child, make},
    watch::Terminated,
    ways::{Answer, Holding, IntoFailure, answered_later, cause, has_other_workers, reply_to},
};
pub(crate) use self::{
    current::home as current_home,
    departures::Listener,
    ending::{Hooks, kill_all},
    family::Family,
    home::Home,
    seat::AnySeat,
};

use crate::{
    BoxError, Overflow, Shutdown, StopReason, Supervision,
    id::short_type_name,
    policy::{DEFAULT_CAPACITY, DEFAULT_SHUTDOWN},
};

/// Runs on its own and is reached by messages alone: state with handlers.
///
/// All hooks have defaults, so `#[derive(Actor)]` or `impl Actor for X {}` is enough for most. Handlers are
/// methods in a `#[messages]` block, or implementations of [`Handler`]. Implement the trait by hand to fill a
/// hook in.
///
/// # Examples
///
/// ```
/// use postbox::{Overflow, Shutdown, Supervision, prelude::*};
/// use std::time::Duration;
///
/// struct Cache { entries: Vec<String> }
///
/// impl Actor for Cache {
///     const CAPACITY: usize = 16;
///     const OVERFLOW: Overflow = Overflow::DropOldest;
///     const SHUTDOWN: Shutdown = Shutdown::Within(Duration::from_secs(1));
///
///     fn kind() -> &'static str { "cache" }
///     fn supervision(&self) -> Supervision { Supervision::one_for_all() }
///
///     async fn started(&mut self, _ctx: &mut Context<Self>) -> Result<(), BoxError> {
///         self.entries.push("warm".to_owned());
///         Ok(())
///     }
///     async fn stopped(&mut self, _ctx: &mut Context<Self>, reason: &StopReason) {
///         assert!(reason.is_normal());
///     }
/// }
///
/// #[messages]
/// impl Cache {
///     /// Counts the entries.
///     #[message]
///     fn count(&self) -> usize { self.entries.len() }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cache = Cache { entries: Vec::new() }.spawn();
/// assert_eq!(cache.count().await?, 1);
/// assert_eq!(cache.identity().kind(), "cache");
/// cache.stop();
/// assert!(cache.ended().await.is_normal());
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an actor",
    label = "this type does not implement `Actor`",
    note = "add `#[derive(Actor)]` to `{Self}`, or implement `Actor` for it by hand to fill in a hook"
)]
pub trait Actor: Sized + Send + 'static {
    /// Says how many messages the mailbox holds, the one in the handler not counted. At least 1.
    const CAPACITY: usize = DEFAULT_CAPACITY;

    /// Says what the mailbox does with one more message when it is full.
    const OVERFLOW: Overflow = Overflow::Wait;

    /// Says how long the actor may take to end when its supervisor stops it, unless its `child(..)` says otherwise.
    const SHUTDOWN: Shutdown = Shutdown::Within(DEFAULT_SHUTDOWN);

    /// Says whether the actor may run in the poll of an actor that sends to it, and the other way round: of those
    /// that say so as well. `#[actor(hand_off)]` sets it.
    ///
    /// A message to an actor that waits for one then needs no way through the runtime's queues, and a chain of
    /// actors that tell each other something short is a third to a half faster. Order, bounds, restarts and everything
    /// else that is promised stay as they are, and whoever is sent to by others runs in a task of its own.
    ///
    /// Set it where handlers are short and never hold their thread: while one of them runs, the others whose poll
    /// it runs in do not come back to their own messages, nor are they spread over the threads of the runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::prelude::*;
    ///
    /// /// A part of a pipeline.
    /// #[derive(Actor)]
    /// #[actor(hand_off)]
    /// struct Part { next: Option<ActorRef<Part>>, sum: u64 }
    ///
    /// #[messages]
    /// impl Part {
    ///     /// Adds a number here, and one more in the next part.
    ///     #[message]
    ///     fn add(&mut self, number: u64) -> u64 {
    ///         if let Some(next) = &self.next { let _ = next.add(number + 1).try_tell(); }
    ///         self.sum += number;
    ///         self.sum
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let last = Part { next: None, sum: 0 }.spawn();
    /// let first = Part { next: Some(last.clone()), sum: 0 }.spawn();
    /// assert_eq!((first.add(1).await?, last.add(0).await?), (1, 2));
    /// # Ok(()) }
    /// ```
    const HAND_OFF: bool = false;

    /// Says whether whoever asks the actor while it has nothing to do may run the handler itself, at once, in the poll
    /// of its ask. `#[actor(caller_runs)]` sets it.
    ///
    /// Such an ask needs no way through the runtime's queues, no second task and no memory: it costs about as much as
    /// a mutex. A handler that waits is carried on by the actor's own task, and so is everything else. Order, bounds,
    /// failures and restarts stay as they are: a panic of the handler is a failure of the actor, of which the
    /// asker is told, and never one of the asker.
    ///
    /// Until it first waits, the handler runs as a part of its asker's task: it sees that one's task-local values and
    /// tracing span.
    ///
    /// Not for actors whose handlers take long before they wait. Whoever asks several of them at once, with `join!` or
    /// the like, would run their handlers one after the other, on its own thread; and a handler that holds its
    /// thread holds up its asker, timeouts around the ask included.
    ///
    /// An ask goes the ordinary way all the same when it has a timeout or a deadline, comes through a
    /// [`Recipient`], from another runtime or from outside of one, for a message with priority or with retries, and
    /// when it would be the ninth such run inside one another. So does what is told.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::prelude::*;
    ///
    /// /// Numbers for whoever asks.
    /// #[derive(Actor, Default)]
    /// #[actor(caller_runs)]
    /// struct Numbers { last: u64 }
    ///
    /// #[messages]
    /// impl Numbers {
    ///     #[message]
    ///     fn next(&mut self) -> u64 { self.last += 1; self.last }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let numbers = Numbers::default().spawn();
    /// assert_eq!(numbers.next().await?, 1);
    /// // From here on it has nothing to do, so this one is answered without its task.
    /// assert_eq!(numbers.next().await?, 2);
    /// # Ok(()) }
    /// ```
    const CALLER_RUNS: bool = false;

    /// Names the kind of actor in logs, errors and dead letters: by default the name of the type.
    ///
    /// Fill it in for a generic actor, whose name is long otherwise. `#[actor(name = "cache")]` does.
    #[must_use]
    fn kind() -> &'static str {
        short_type_name::<Self>()
    }

    /// Says how this actor restarts its children. Asked once for each incarnation.
    #[must_use]
    fn supervision(&self) -> Supervision {
        Supervision::default()
    }

    /// Runs before the first message of each incarnation.
    ///
    /// An error (or a panic) is a failure of the actor: at the first start the one who spawned it gets it, at
    /// a restart it is charged to the restart limit.
    ///
    /// # Cancel safety
    ///
    /// A kill drops it at its next await, and so does a stop when the time to [shut down](Self::SHUTDOWN) is over. It is
    /// not called again for this incarnation.
    fn started(&mut self, ctx: &mut Context<Self>) -> impl Future<Output = Result<(), BoxError>> + Send {
        let _ = ctx;
        std::future::ready(Ok(()))
    }

    /// Runs after the last message of each incarnation, also after a failure. A `kill` cuts it at its next
    /// await.
    ///
    /// # Cancel safety
    ///
    /// A kill drops it at its next await, and so does a stop when the time to [shut down](Self::SHUTDOWN) is over. The
    /// state is dropped next: what it has not done by then is not done.
    fn stopped(&mut self, ctx: &mut Context<Self>, reason: &StopReason) -> impl Future<Output = ()> + Send {
        let _ = (ctx, reason);
        std::future::ready(())
    }

    /// Runs when an actor that this one [watches](Context::watch) has ended for good. By default it does
    /// nothing.
    ///
    /// It runs as a message's handler does, at the place the notice has among the messages: after all that
    /// were accepted before it, so also after all that the ended actor had sent here. [`Context::fail`] and a
    /// panic in it are failures of this actor, always charged; the notice counts as delivered.
    ///
    /// An actor is not told of its own children unless it watches them.
    ///
    /// # Cancel safety
    ///
    /// A kill drops it at its next await, as it does a handler. The notice counts as delivered.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::prelude::*;
    ///
    /// #[derive(Actor)]
    /// struct Worker;
    ///
    /// struct Foreman { worker: Handle, over: Option<tokio::sync::oneshot::Sender<String>> }
    ///
    /// impl Actor for Foreman {
    ///     async fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), BoxError> {
    ///         ctx.watch(&self.worker);
    ///         Ok(())
    ///     }
    ///     async fn terminated(&mut self, _ctx: &mut Context<Self>, of: Terminated) {
    ///         let _ = self.over.take().map(|over| over.send(of.to_string()));
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let worker = Worker.prepare().name("worker").spawn()?;
    /// let (over, word) = tokio::sync::oneshot::channel();
    /// let foreman = Foreman { worker: worker.handle(), over: Some(over) }.spawn();
    /// worker.kill();
    /// assert!(word.await?.ends_with("was killed"));
    /// # drop(foreman); Ok(()) }
    /// ```
    fn terminated(&mut self, ctx: &mut Context<Self>, of: Terminated) -> impl Future<Output = ()> + Send {
        let _ = (ctx, of);
        std::future::ready(())
    }

    /// Starts the actor on its own: nobody restarts it, and it lives as long as a strong reference to it.
    ///
    /// It belongs to the system of the actor that spawns it, or else to the default system of the process.
    /// Use [`prepare`](Self::prepare) to choose a name, a capacity or a system.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, and for an actor whose `CAPACITY` is 0. [`Spawn::spawn`] returns an error
    /// instead.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::prelude::*;
    ///
    /// #[derive(Actor)]
    /// struct Idle;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let idle = Idle.spawn();
    /// idle.stop();
    /// assert!(idle.ended().await.is_normal());
    /// # }
    /// ```
    #[track_caller]
    fn spawn(self) -> ActorRef<Self> {
        match self.prepare().spawn() {
            Ok(actor) => actor,
            Err(error) => panic!("{error}"),
        }
    }

    /// Begins to spawn the actor with other than the default options.
    ///
    /// # Examples
    ///
    /// ```
    /// use postbox::prelude::*;
    ///
    /// #[derive(Actor)]
    /// struct Idle;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let idle = Idle.prepare().name("idle").capacity(8).spawn()?;
    /// assert_eq!(idle.identity().name(), Some("idle"));
    /// # Ok(()) }
    /// ```
    fn prepare(self) -> Spawn<Self> {
        Spawn::new(self)
    }
}

/// Addresses a message, for the methods that `#[messages]` writes.
pub fn call<T: ?Sized + Accept<M>, M: Message>(to: &T, msg: M) -> Call<'_, T, M> {
    Call::new(to, msg)
}
