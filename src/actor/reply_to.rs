//! An answer that is given later, and a handler that holds the means to give it.
//!
//! A `ReplyTo` that is dropped answers that there is no reply. But one that falls with its own handler, which
//! panics or is cut, must not: the handler has failed, and its asker is told just that, or waits for the next
//! attempt. Whether a handler falls is known only when it has fallen: code of the user may catch its panic. So
//! what falls on the thread of a handler at work is laid aside, and has its word when the handler goes on.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::{asker::Asker, message::Message};

/// Gives an answer later: see [`Context::reply_later`](super::Context::reply_later), and
/// `#[message(defer)]`.
///
/// It can be kept, sent to another task or another actor, and answered once. Dropped unanswered, it tells the
/// asker at once ([`AskError::NoReply`](crate::AskError::NoReply)).
///
/// # Examples
///
/// ```
/// use postbox::prelude::*;
///
/// #[derive(Actor, Default)]
/// struct Door { waiting: Vec<ReplyTo<&'static str>> }
///
/// #[messages]
/// impl Door {
///     /// Waits until the door opens.
///     #[message(defer)]
///     fn wait(&mut self, reply: ReplyTo<&'static str>) { self.waiting.push(reply); }
///     /// Opens the door for those who still wait, and returns how many they are.
///     #[message]
///     fn open(&mut self) -> usize {
///         self.waiting.retain(|reply| reply.is_awaited());
///         self.waiting.drain(..).filter_map(|reply| reply.send("come in").ok()).count()
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let door = Door::default().spawn();
/// let (said, opened) = tokio::join!(door.wait().send(), door.open().send());
/// assert_eq!((said?, opened?), ("come in", 1));
/// # Ok(()) }
/// ```
#[must_use = "dropped, it tells the asker that there is no reply"]
pub struct ReplyTo<R> {
    /// `None`: the message was told, so nobody waits.
    owed: Option<Box<dyn Answerable<R>>>,
}

/// An asker whose message type has been forgotten.
trait Answerable<R>: Send {
    fn answer(self: Box<Self>, reply: R) -> Result<(), R>;
    fn is_gone(&self) -> bool;
    fn keeper(&mut self) -> Keeper;
}

/// An asker that may fall with its handler.
struct Owed<M: Message> {
    /// `None` once answered or laid aside.
    asker: Option<Asker<M>>,
    keeper: Keeper,
}

impl<M: Message> Answerable<M::Reply> for Owed<M> {
    fn answer(mut self: Box<Self>, reply: M::Reply) -> Result<(), M::Reply> {
        match self.asker.take().map(|asker| asker.answer(Ok(reply))) {
            Some(Err(Ok(reply))) => Err(reply),
            Some(Ok(()) | Err(Err(_))) | None => Ok(()),
        }
    }

    fn is_gone(&self) -> bool {
        self.asker.as_ref().is_none_or(Asker::is_gone)
    }

    fn keeper(&mut self) -> Keeper {
        self.asker.iter_mut().for_each(Asker::owe);
        self.keeper.clone()
    }
}

impl<M: Message> Drop for Owed<M> {
    fn drop(&mut self) {
        if let Some(asker) = self.asker.take() {
            self.keeper.dropped(asker);
        }
    }
}

impl<R: 'static> ReplyTo<R> {
    /// One that owes nothing yet: until the handler has taken it, it may go without a word.
    pub(super) fn new<M: Message<Reply = R>>(asker: Option<Asker<M>>) -> Self {
        let owed = |asker| Owed { asker: Some(asker), keeper: Keeper::default() };
        Self { owed: asker.map(|asker| Box::new(owed(asker)) as Box<dyn Answerable<R>>) }
    }

    /// Owes the answer from here on, also when the mailbox or the handler still has a hold on the asker.
    pub(super) fn owe(&mut self) -> Keeper {
        self.owed.as_mut().map_or_else(Keeper::default, |owed| owed.keeper())
    }

    /// Answers.
    ///
    /// # Errors
    ///
    /// The reply itself, when the asker does not wait any more. A message that was told has no asker, and
    /// takes any reply.
    pub fn send(self, reply: R) -> Result<(), R> {
        match self.owed {
            Some(owed) => owed.answer(reply),
            None => Ok(()),
        }
    }

    /// Returns whether somebody still waits for the reply.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        self.owed.as_ref().is_some_and(|owed| !owed.is_gone())
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

/// Knows whether a `ReplyTo` falls with the handler it was given to.
#[derive(Clone, Default)]
pub(super) struct Keeper(Arc<Kept>);

#[derive(Default)]
struct Kept {
    /// The thread on which the handler is at work, or is being dropped; 0 for none. Only ever compared with the
    /// reader's own thread, whose own stores it sees.
    at_work: AtomicUsize,
    falling: AtomicUsize,
    aside: Mutex<Option<Box<dyn Aside>>>,
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").finish_non_exhaustive()
    }
}

/// A dropped asker of which it is not known yet who tells it.
trait Aside: Send {
    /// Whoever has cut the handler tells it.
    fn leave(self: Box<Self>);
}

impl<M: Message> Aside for Asker<M> {
    fn leave(self: Box<Self>) {
        Asker::leave(*self);
    }
}

impl Keeper {
    /// Runs the handler, or a part of it.
    pub(super) fn at_work<T>(&self, run: impl FnOnce() -> T) -> T {
        let done = on_this_thread(&self.0.at_work, run);
        // The handler goes on: what fell in it fell alone, and says now that there is no reply.
        drop(self.take());
        done
    }

    /// Drops the handler before its end.
    pub(super) fn falling(&self, drop: impl FnOnce()) {
        on_this_thread(&self.0.falling, drop);
        self.leave();
    }

    /// Leaves an asker that fell to those who have cut the handler.
    pub(super) fn leave(&self) {
        if let Some(asker) = self.take() {
            asker.leave();
        }
    }

    fn take(&self) -> Option<Box<dyn Aside>> {
        self.0.aside.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn dropped<M: Message>(&self, asker: Asker<M>) {
        let is_here = |at: &AtomicUsize| at.load(Ordering::Relaxed) == this_thread();
        if is_here(&self.0.falling) || thread::panicking() && is_here(&self.0.at_work) {
            let mut aside = self.0.aside.lock().unwrap_or_else(PoisonError::into_inner);
            *aside = Some(Box::new(asker));
        }
    }
}

/// Has `mark` name this thread while `run` runs.
fn on_this_thread<T>(mark: &AtomicUsize, run: impl FnOnce() -> T) -> T {
    struct Clear<'a>(&'a AtomicUsize);
    impl Drop for Clear<'_> {
        fn drop(&mut self) {
            self.0.store(0, Ordering::Relaxed);
        }
    }
    // Relaxed, here and where it is read: a thread that reads its own name has written it.
    mark.store(this_thread(), Ordering::Relaxed);
    let _clear = Clear(mark);
    run()
}

/// A number that no other living thread has: the address of something that belongs to this one.
fn this_thread() -> usize {
    thread_local! {
        static HERE: u8 = const { 0 };
    }
    HERE.with(|here| std::ptr::from_ref(here).addr())
}
