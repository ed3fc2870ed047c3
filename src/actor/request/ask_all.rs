//! Asking many questions, some of which are under way at once.

use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use super::Ask;
use crate::{
    AskError,
    actor::{Message, accept::Accept, limit::Until},
    policy::DEFAULT_CAPACITY,
};

/// Many messages whose replies are awaited, of which a number are under way at once; the replies come in the order
/// of the messages.
///
/// To ask one after the other leaves actor and asker waiting for each other. In a [`window`](Self::window) of asks
/// the actor has the next message at hand when it is through with one: it works through a batch, and wakes the asker
/// once for all of it. The messages are accepted in their order: one is not sent before the one before it has been
/// accepted.
///
/// The replies come by [`next`](Self::next), and with the feature `stream` this is a `Stream` of them. Nothing is sent
/// unless it is polled, and never more than the window ahead of the reply that comes next.
///
/// # Errors
///
/// Each message has its own outcome, as if it had been [asked](Ask) by itself, and one that fails does not end the
/// others: of an actor that has stopped every further message comes back.
///
/// # Cancel safety
///
/// `next` loses nothing when it is dropped: call it again. When this is dropped itself, it is with each message that
/// is under way as when its [`Ask`] is dropped; those behind them stay with the iterator, which may be lent
/// (`by_ref`).
///
/// # Examples
///
/// ```
/// use postbox::prelude::*;
/// use std::time::Duration;
///
/// #[derive(Message)]
/// #[message(reply = usize)]
/// struct Length(&'static str);
///
/// #[derive(Actor)]
/// struct Measure;
///
/// impl Handler<Length> for Measure {
///     async fn handle(&mut self, text: Length, _ctx: &mut Context<Self>) -> usize { text.0.len() }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let measure = Measure.spawn();
/// let mut lengths = measure.ask_all(["one", "three"].map(Length)).window(8);
/// assert_eq!(lengths.next().await.expect("a first")?, 3);
/// assert_eq!(lengths.next().await.expect("a second")?, 5);
/// assert!(lengths.next().await.is_none());
///
/// // Each in a second, and none handled that has waited for a minute:
/// let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
/// let mut lengths = measure.ask_all(["four"].map(Length)).timeout(second).deadline(minute);
/// assert_eq!(lengths.next().await.expect("the only one")?, 4);
/// # Ok(()) }
/// ```
#[must_use = "nothing is sent until `next` is awaited"]
pub struct AskAll<'a, T: ?Sized + Accept<I::Item>, I: Iterator<Item: Message>> {
    to: &'a T,
    /// `None` when it has come to its end.
    pub(super) msgs: Option<I>,
    window: usize,
    timeout: Option<Duration>,
    until: Option<Until>,
    /// In their order. All but the last one have been accepted.
    pub(super) under_way: VecDeque<UnderWay<'a, T, I::Item>>,
}

/// How one of them has come out.
type Outcome<M> = Result<<M as Message>::Reply, AskError<M>>;

/// One of the messages that have been taken from the iterator.
pub(super) enum UnderWay<'a, T: ?Sized + Accept<M>, M: Message> {
    Asked(Ask<'a, T, M>),
    /// It has its outcome before its turn.
    Settled(Outcome<M>),
}

impl<T: ?Sized + Accept<M>, M: Message> UnderWay<'_, T, M> {
    fn poll(&mut self, cx: &mut Context<'_>) {
        if let Self::Asked(ask) = self
            && let Poll::Ready(outcome) = Pin::new(ask).poll(cx)
        {
            *self = Self::Settled(outcome);
        }
    }

    fn is_accepted(&self) -> bool {
        match self {
            Self::Asked(ask) => ask.is_accepted(),
            Self::Settled(_) => true,
        }
    }
}

impl<'a, T: ?Sized + Accept<I::Item>, I: Iterator<Item: Message>> AskAll<'a, T, I> {
    pub(crate) fn new(to: &'a T, msgs: I) -> Self {
        let under_way = VecDeque::new();
        Self { to, msgs: Some(msgs), window: DEFAULT_CAPACITY, timeout: None, until: None, under_way }
    }

    /// Sets how many of them may be under way at once, of which the reply has not been handed out:
    /// [`DEFAULT_CAPACITY`] unless set. More than the mailbox holds is no use.
    ///
    /// # Panics
    ///
    /// If it is zero, for then nothing would ever be sent.
    pub fn window(self, asks: usize) -> Self {
        assert!(asks > 0, "a window of zero asks would send nothing");
        Self { window: asks, ..self }
    }

    /// Gives each of them up this long after it has been sent or has begun to wait for room: see [`Ask::timeout`].
    ///
    /// # Panics
    ///
    /// When awaited in a runtime without a timer.
    pub fn timeout(self, after: Duration) -> Self {
        Self { timeout: Some(after), ..self }
    }

    /// Lets each of the messages expire this long after this call, wherever it is by then: see [`Ask::deadline`].
    ///
    /// # Panics
    ///
    /// When awaited in a runtime without a timer.
    pub fn deadline(self, after: Duration) -> Self {
        Self { until: Some(Until::after(after)), ..self }
    }

    /// Waits for the reply to the next message; `None` when there are no more.
    ///
    /// # Errors
    ///
    /// As of an [`Ask`] of this message.
    ///
    /// # Panics
    ///
    /// When the iterator does.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when it is dropped, and the next call waits for the same reply.
    pub async fn next(&mut self) -> Option<Outcome<I::Item>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Outcome<I::Item>>> {
        self.fill(cx);
        let Some(first) = self.under_way.front_mut() else { return Poll::Ready(None) };
        first.poll(cx);
        match self.under_way.pop_front() {
            Some(UnderWay::Settled(outcome)) => return Poll::Ready(Some(outcome)),
            Some(asked) => self.under_way.push_front(asked),
            None => {}
        }
        // The others wait for their turn: they were sent later, so none of them has less time left.
        Poll::Pending
    }

    /// Sends as many as the window allows.
    fn fill(&mut self, cx: &mut Context<'_>) {
        loop {
            if let Some(last) = self.under_way.back_mut()
                && !last.is_accepted()
            {
                last.poll(cx);
                if !last.is_accepted() {
                    return;
                }
            }
            if self.under_way.len() == self.window {
                return;
            }
            let Some(msg) = self.msgs.as_mut().and_then(Iterator::next) else {
                self.msgs = None;
                return;
            };
            let ask = Ask::new(self.to, msg).until(self.until);
            self.under_way.push_back(UnderWay::Asked(match self.timeout {
                Some(after) => ask.timeout(after),
                None => ask,
            }));
        }
    }
}

// Nothing in it is pinned: an ask is not, and the iterator is called by reference.
impl<T: ?Sized + Accept<I::Item>, I: Iterator<Item: Message>> Unpin for AskAll<'_, T, I> {}

impl<T: ?Sized + Accept<I::Item>, I: Iterator<Item: Message>> fmt::Debug for AskAll<'_, T, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AskAll")
            .field("window", &self.window)
            .field("under_way", &self.under_way.len())
            .finish_non_exhaustive()
    }
}
