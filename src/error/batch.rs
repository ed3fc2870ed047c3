//! Errors of the sends of many messages, and what such a send has not sent.

use std::{collections::VecDeque, error::Error, fmt};

use super::{TellError, TryTellError};

/// Holds the messages that a batch has not sent: an iterator over those it had taken from its own iterator already,
/// and then over the rest of that.
///
/// # Examples
///
/// ```
/// use postbox::prelude::*;
///
/// #[derive(Message, Debug, PartialEq)]
/// struct Job(u32);
///
/// #[derive(Actor)]
/// struct Worker;
///
/// impl Handler<Job> for Worker {
///     async fn handle(&mut self, _job: Job, _ctx: &mut Context<Self>) {}
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let worker = Worker.prepare().capacity(2).spawn()?;
/// let full = worker.try_tell_many((1..=5).map(Job)).expect_err("two of them fit");
/// assert_eq!(full.accepted, 2);
/// // Sent again, in their order, from the one that was refused on.
/// assert_eq!(worker.tell_all(full.into_rest()).await?, 3);
/// # Ok(()) }
/// ```
#[must_use = "these messages have not been sent"]
pub struct Rest<I: Iterator> {
    /// Taken from the iterator; they come first.
    taken: VecDeque<I::Item>,
    /// `None` once it has ended: it is not asked again.
    iter: Option<I>,
}

impl<I: Iterator> Rest<I> {
    pub(crate) const fn of(iter: I) -> Self {
        Self { taken: VecDeque::new(), iter: Some(iter) }
    }

    /// Nothing at all.
    pub(crate) const fn none() -> Self {
        Self { taken: VecDeque::new(), iter: None }
    }

    /// Takes up to so many messages from the iterator, when there are none at hand. Returns those at hand.
    ///
    /// A panic of the iterator loses none of those that it gave before.
    pub(crate) fn fill(&mut self, most: usize) -> &mut VecDeque<I::Item> {
        if self.taken.is_empty()
            && let Some(iter) = &mut self.iter
        {
            let (least, _) = iter.size_hint();
            self.taken.reserve(least.min(most));
            while self.taken.len() < most {
                match iter.next() {
                    Some(msg) => self.taken.push_back(msg),
                    None => {
                        self.iter = None;
                        break;
                    }
                }
            }
        }
        &mut self.taken
    }

    /// Whether it is known that there are no more: not before the iterator has been asked past its last message.
    pub(crate) fn is_over(&self) -> bool {
        self.taken.is_empty() && self.iter.is_none()
    }

    /// The messages at hand.
    pub(crate) const fn taken(&mut self) -> &mut VecDeque<I::Item> {
        &mut self.taken
    }
}

impl<I: Iterator> Iterator for Rest<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        if let Some(msg) = self.taken.pop_front() {
            return Some(msg);
        }
        let next = self.iter.as_mut()?.next();
        if next.is_none() {
            self.iter = None;
        }
        next
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.iter.as_ref().map_or((0, Some(0)), Iterator::size_hint);
        let taken = self.taken.len();
        (least.saturating_add(taken), most.and_then(|most| most.checked_add(taken)))
    }
}

impl<I: Iterator> std::iter::FusedIterator for Rest<I> {}

impl<I: Iterator> fmt::Debug for Rest<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (taken, ended) = (self.taken.len(), self.iter.is_none());
        f.debug_struct("Rest").field("taken", &taken).field("ended", &ended).finish_non_exhaustive()
    }
}

/// Says why a batch of messages was not delivered to its end, and holds all that was not.
///
/// `E` is the error of the message that was refused, which is inside of it: [`TellError`] from
/// [`ActorRef::tell_all`](crate::ActorRef::tell_all), [`TryTellError`] from
/// [`ActorRef::try_tell_many`](crate::ActorRef::try_tell_many). Those before that message were accepted, and have a
/// fate of their own; those behind it are in `rest`.
///
/// It is as long-lived as the iterator in it. Where `?` asks for more than that, as `Box<dyn Error>` does,
/// `.map_err(|failed| failed.error)` leaves the rest behind.
///
/// # Examples
///
/// ```
/// use postbox::prelude::*;
///
/// #[derive(Message, Debug, PartialEq)]
/// #[message(reply = u64)]
/// struct Deposit(u64);
///
/// #[derive(Actor)]
/// struct Account;
///
/// impl Handler<Deposit> for Account {
///     async fn handle(&mut self, msg: Deposit, _ctx: &mut Context<Self>) -> u64 { msg.0 }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let account = Account.prepare().capacity(2).spawn()?;
/// let failed = account.try_tell_many((1..=5).map(Deposit)).expect_err("two of them fit");
/// assert!(matches!(failed.error, TryTellError::Full { msg: Deposit(3), .. }));
/// assert_eq!((failed.accepted, failed.into_rest().count()), (2, 3));
/// # Ok(()) }
/// ```
#[non_exhaustive]
pub struct BatchError<E, I: Iterator> {
    /// How many messages were accepted before.
    pub accepted: usize,
    /// Why the next one was refused, with that message.
    pub error: E,
    /// The messages behind it.
    pub rest: Rest<I>,
}

impl<E, I: Iterator> BatchError<E, I> {
    pub(crate) const fn new(accepted: usize, error: E, rest: Rest<I>) -> Self {
        Self { accepted, error, rest }
    }
}

impl<M, I: Iterator<Item = M>> BatchError<TellError<M>, I> {
    /// Returns all messages that were not accepted, the refused one first.
    pub fn into_rest(mut self) -> Rest<I> {
        self.rest.taken.push_front(self.error.into_message());
        self.rest
    }
}

impl<M, I: Iterator<Item = M>> BatchError<TryTellError<M>, I> {
    /// Returns all messages that were not accepted, the refused one first.
    pub fn into_rest(mut self) -> Rest<I> {
        self.rest.taken.push_front(self.error.into_message());
        self.rest
    }
}

impl<E: fmt::Debug, I: Iterator> fmt::Debug for BatchError<E, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchError")
            .field("accepted", &self.accepted)
            .field("error", &self.error)
            .field("rest", &self.rest)
            .finish()
    }
}

impl<E: fmt::Display, I: Iterator> fmt::Display for BatchError<E, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { accepted, error, .. } = self;
        write!(f, "{error} (with all behind it; {accepted} before it were accepted)")
    }
}

impl<E: Error + 'static, I: Iterator> Error for BatchError<E, I> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // The text of the error itself is in that of this one.
        self.error.source()
    }
}
