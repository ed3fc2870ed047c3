//! The sink: counters, a ring of recent letters, a log line now and then, and subscriptions.
//!
//! It is called where an actor settles a message, so it neither waits nor runs user code under its lock:
//!
//! ```text
//! record ─► count ─► [lock: group count, ring, log decision, list of subscribers] ─► unlocked:
//!           log line ─► try_send to each subscriber ─► bury the letter that fell out of the ring
//! ```
//!
//! Burying runs the `Drop` of a message, which may record more letters. On a thread that is burying, those
//! are only put on the pile, and the loop at work on the pile takes them: no recursion, however long the chain.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::{DeadLetter, Reason};
use crate::failure::catch;

#[cfg(test)]
mod tests;

/// The shortest time between two log lines of one group.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// Takes every message of a system that no handler will handle, and counts it.
///
/// The counts are exact and never lost. The letters themselves are kept in a ring of bounded size: when it
/// is full the oldest letter goes, and its message with it. To keep them all, [subscribe](Self::subscribe).
/// When the last [`System`](crate::System) handle is gone, nobody can read the ring any more: it is emptied, and
/// from then on a letter goes as soon as it is counted and published. (A letter may hold a reference to an actor,
/// which would keep that actor, and the system with it, for ever.)
///
/// The first letter of a group (kind of actor, type of message, reason) is logged at WARN at once, later
/// ones at most once in 10 s with their number; the target is `postbox`.
///
/// # Examples
///
/// ```
/// use postbox::{Reason, prelude::*};
///
/// #[derive(Message, Debug, PartialEq)]
/// struct Withdraw { amount: u64 }
///
/// #[derive(Actor)]
/// struct Account;
///
/// impl Handler<Withdraw> for Account {
///     async fn handle(&mut self, _msg: Withdraw, _ctx: &mut Context<Self>) {}
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let system = System::new("bank");
/// let account = Account.prepare().system(&system).spawn()?;
/// let mut letters = system.dead_letters().subscribe(16);
/// for amount in 1..=3 { account.tell(Withdraw { amount }).await?; }
/// account.stop_now();
/// account.ended().await;
///
/// let dead = system.dead_letters();
/// assert_eq!((dead.total(), dead.count(Reason::Stopped), dead.count(Reason::Leaked)), (3, 3, 0));
/// for group in dead.counts() {
///     eprintln!("{} × {} for {}: {}", group.count, group.message_type, group.kind, group.reason);
/// }
/// assert_eq!(dead.recent()[0].take_message(), Some(Withdraw { amount: 1 }), "the oldest comes first");
/// assert!(letters.try_next().is_some());
/// # Ok(()) }
/// ```
pub struct DeadLetters {
    by_reason: [AtomicU64; Reason::ALL.len()],
    ring: usize,
    state: Mutex<State>,
    /// Sees each letter before anybody else: the observer of a test.
    pub(crate) tap: OnceLock<Tap>,
}

type Tap = Box<dyn Fn(&DeadLetter) + Send + Sync>;

/// Counts the dead letters of one kind of actor, one type of message and one reason.
///
/// # Examples
///
/// ```
/// use postbox::{Reason, prelude::*};
///
/// #[derive(Message, Debug, PartialEq)]
/// struct Withdraw { amount: u64 }
///
/// #[derive(Actor)]
/// struct Account;
///
/// impl Handler<Withdraw> for Account {
///     async fn handle(&mut self, _msg: Withdraw, _ctx: &mut Context<Self>) {}
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let system = System::new("bank");
/// let account = Account.prepare().system(&system).spawn()?;
/// for amount in 1..=3 { account.tell(Withdraw { amount }).await?; }
/// account.stop_now();
/// account.ended().await;
///
/// let group = &system.dead_letters().counts()[0];
/// assert_eq!((group.kind, group.reason, group.count), ("Account", Reason::Stopped, 3));
/// assert!(group.message_type.ends_with("Withdraw"));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Group {
    /// The kind of the actors they were for.
    pub kind: &'static str,
    /// The type of the messages.
    pub message_type: &'static str,
    /// Why they died.
    pub reason: Reason,
    /// How many there were.
    pub count: u64,
}

/// Receives the dead letters recorded since [`DeadLetters::subscribe`].
///
/// It never holds up the sink: a letter that finds its buffer full is missed, and [counted](Self::missed).
///
/// # Examples
///
/// ```
/// use postbox::{Reason, prelude::*};
///
/// #[derive(Message, Debug, PartialEq)]
/// struct Withdraw { amount: u64 }
///
/// #[derive(Actor)]
/// struct Account;
///
/// impl Handler<Withdraw> for Account {
///     async fn handle(&mut self, _msg: Withdraw, _ctx: &mut Context<Self>) {}
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let system = System::new("bank");
/// let account = Account.prepare().system(&system).spawn()?;
/// let mut letters = system.dead_letters().subscribe(2);
/// for amount in 1..=3 { account.tell(Withdraw { amount }).await?; }
/// account.stop_now();
///
/// let first = letters.next().await.ok_or("the sink is there")?;
/// assert_eq!(first.take_message(), Some(Withdraw { amount: 1 }));
/// account.ended().await;
/// assert!(letters.try_next().is_some() && letters.try_next().is_none());
/// assert_eq!(letters.missed(), 1, "the third found the buffer full");
/// # Ok(()) }
/// ```
pub struct Subscription {
    letters: mpsc::Receiver<DeadLetter>,
    missed: Arc<AtomicU64>,
}

#[derive(Default)]
struct State {
    groups: BTreeMap<Key, Tally>,
    /// The oldest is in front.
    recent: VecDeque<DeadLetter>,
    /// Those who can read the ring, besides the first.
    more_readers: usize,
    /// Whether nobody can.
    unread: bool,
    /// Replaced as a whole, so that `record` takes it out of the lock by a clone of one pointer.
    subscribers: Arc<[Subscriber]>,
}

type Key = (&'static str, &'static str, Reason);

/// What is known of one group.
#[derive(Default)]
struct Tally {
    count: u64,
    /// How many of them the last log line came too early for.
    unlogged: u64,
    logged_at: Option<Instant>,
}

#[derive(Clone)]
struct Subscriber {
    letters: mpsc::Sender<DeadLetter>,
    missed: Arc<AtomicU64>,
}

impl DeadLetters {
    /// Makes a sink that keeps the last `ring` letters.
    pub(crate) fn new(ring: usize) -> Self {
        Self {
            by_reason: std::array::from_fn(|_| AtomicU64::new(0)),
            ring,
            state: Mutex::default(),
            tap: OnceLock::new(),
        }
    }

    /// Takes a letter. It does not wait, it does not panic, and it may be called from the `Drop` of a message.
    pub(crate) fn record(&self, letter: DeadLetter) {
        // Relaxed: a statistic; nothing is read on the strength of it. Before the lock, so that the count
        // stands whatever happens to the rest.
        self.by_reason[letter.reason() as usize].fetch_add(1, Ordering::Relaxed);

        if let Some(tap) = self.tap.get() {
            tap(&letter);
        }
        let (logged, subscribers, evicted) = self.enter(&letter, Instant::now());

        // From here on without the lock: a log subscriber, a waker and a `Drop` are code of the user's.
        if let Some(count) = logged {
            log(&letter, count);
        }
        if !subscribers.is_empty() {
            self.publish(&subscribers, &letter);
        }
        // Another thread may have pushed it out of the ring by now, and this is the last clone then.
        bury(letter);
        if let Some(evicted) = evicted {
            bury(evicted);
        }
    }

    /// Does the part of `record` that needs the lock; returns the count to log and the letter that fell out.
    fn enter(
        &self,
        letter: &DeadLetter,
        now: Instant,
    ) -> (Option<u64>, Arc<[Subscriber]>, Option<DeadLetter>) {
        let mut state = self.state();
        let key = (letter.recipient().kind(), letter.message_type(), letter.reason());
        let logged = state.groups.entry(key).or_default().add(now);
        let evicted = if state.unread {
            None
        } else {
            state.recent.push_back(letter.clone());
            if state.recent.len() > self.ring { state.recent.pop_front() } else { None }
        };
        (logged, Arc::clone(&state.subscribers), evicted)
    }

    fn publish(&self, subscribers: &[Subscriber], letter: &DeadLetter) {
        let mut any_closed = false;
        for subscriber in subscribers {
            // Sending wakes a task, and a waker may be user code that panics. The letter is in the channel then.
            match catch(|| subscriber.letters.try_send(letter.clone())) {
                Ok(Ok(())) | Err(_) => {}
                // Relaxed: a statistic.
                Ok(Err(TrySendError::Full(_))) => {
                    subscriber.missed.fetch_add(1, Ordering::Relaxed);
                }
                Ok(Err(TrySendError::Closed(_))) => any_closed = true,
            }
        }
        if any_closed {
            self.set_subscribers(|subscribers| {
                subscribers.retain(|subscriber| !subscriber.letters.is_closed())
            });
        }
    }

    /// One more can read the ring.
    pub(crate) fn add_reader(&self) {
        let mut state = self.state();
        if !std::mem::take(&mut state.unread) {
            state.more_readers += 1;
        }
    }

    /// One less can read the ring; with the last one it is emptied.
    pub(crate) fn remove_reader(&self) {
        let mut state = self.state();
        if let Some(less) = state.more_readers.checked_sub(1) {
            state.more_readers = less;
            return;
        }
        state.unread = true;
        let recent = std::mem::take(&mut state.recent);
        drop(state);
        recent.into_iter().for_each(bury);
    }

    /// Returns how many letters there were.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.by_reason.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// Returns how many letters there were for this reason.
    #[must_use]
    pub fn count(&self, reason: Reason) -> u64 {
        self.by_reason[reason as usize].load(Ordering::Relaxed)
    }

    /// Returns the counts by group, sorted.
    #[must_use]
    pub fn counts(&self) -> Vec<Group> {
        let group = |(&(kind, message_type, reason), tally): (&Key, &Tally)| Group {
            kind,
            message_type,
            reason,
            count: tally.count,
        };
        self.state().groups.iter().map(group).collect()
    }

    /// Returns the letters in the ring, the oldest first.
    #[must_use]
    pub fn recent(&self) -> Vec<DeadLetter> {
        self.state().recent.iter().cloned().collect()
    }

    /// Subscribes to the letters recorded from now on, with a buffer for `capacity` of them.
    ///
    /// # Panics
    ///
    /// Panics if `capacity` is zero.
    #[must_use]
    pub fn subscribe(&self, capacity: usize) -> Subscription {
        let (sender, letters) = mpsc::channel(capacity);
        let missed = Arc::new(AtomicU64::new(0));
        let subscriber = Subscriber { letters: sender, missed: Arc::clone(&missed) };
        self.set_subscribers(|subscribers| subscribers.push(subscriber));
        Subscription { letters, missed }
    }

    /// Logs the letters that came too soon after a log line of their group. To be called at shutdown.
    pub(crate) fn log_rest(&self) {
        let mut rest = Vec::new();
        for (&key, tally) in &mut self.state().groups {
            if tally.unlogged > 0 {
                rest.push((key, std::mem::take(&mut tally.unlogged)));
            }
        }
        for ((kind, message_type, reason), count) in rest {
            let _ = catch(|| {
                tracing::warn!(target: "postbox", kind, message_type, %reason, count, "dead letters");
            });
        }
    }

    fn set_subscribers(&self, change: impl FnOnce(&mut Vec<Subscriber>)) {
        let mut state = self.state();
        let mut subscribers = state.subscribers.to_vec();
        change(&mut subscribers);
        // The old list is dropped after the lock is free: it may be the last to hold a channel, whose end
        // wakes a receiver.
        let old = std::mem::replace(&mut state.subscribers, subscribers.into());
        drop(state);
        drop(old);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No user code runs under this lock, so a poisoned one holds nothing that is torn.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for DeadLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetters")
            .field("total", &self.total())
            .field("ring", &self.ring)
            .finish_non_exhaustive()
    }
}

impl Subscription {
    /// Waits for the next letter; returns `None` once the sink is gone and all its letters are read.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a future that is dropped before it is ready has taken no letter.
    pub async fn next(&mut self) -> Option<DeadLetter> {
        self.letters.recv().await
    }

    /// Takes the next letter if there is one already.
    pub fn try_next(&mut self) -> Option<DeadLetter> {
        self.letters.try_recv().ok()
    }

    /// Returns how many letters found the buffer full.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("waiting", &self.letters.len())
            .field("missed", &self.missed())
            .finish_non_exhaustive()
    }
}

impl Tally {
    /// Counts one letter; returns the count of the log line, if one is due.
    fn add(&mut self, now: Instant) -> Option<u64> {
        self.count += 1;
        self.unlogged += 1;
        if !log_is_due(self.logged_at, now) {
            return None;
        }
        self.logged_at = Some(now);
        Some(std::mem::take(&mut self.unlogged))
    }
}

/// Decides whether a letter at `now` is worth a log line, when the last one of its group was at `logged_at`.
fn log_is_due(logged_at: Option<Instant>, now: Instant) -> bool {
    logged_at.is_none_or(|logged_at| now.saturating_duration_since(logged_at) >= LOG_EVERY)
}

fn log(letter: &DeadLetter, count: u64) {
    // A log subscriber is user code. Its panic is not the actor's failure, and there is no log to put it in.
    let _ = catch(|| {
        let (message_type, reason) = (letter.message_type(), letter.reason());
        tracing::warn!(
            target: "postbox", recipient = %letter.recipient(), kind = letter.recipient().kind(), message_type,
            %reason, count, attempts = letter.attempts(), "dead letter",
        );
    });
}

thread_local! {
    static BURYING: Cell<bool> = const { Cell::new(false) };
    static PILE: RefCell<Vec<DeadLetter>> = const { RefCell::new(Vec::new()) };
}

/// Drops a letter that may be the last to hold its message.
fn bury(letter: DeadLetter) {
    if BURYING.get() {
        // In its destructors the thread has no pile any more. The letter then goes right here.
        let _ = PILE.try_with(|pile| pile.borrow_mut().push(letter));
        return;
    }
    BURYING.set(true);
    // The drop of a letter contains the panics of its message, so the flag is put back in any case.
    drop(letter);
    while let Some(next) = PILE.try_with(|pile| pile.borrow_mut().pop()).ok().flatten() {
        drop(next);
    }
    BURYING.set(false);
}
