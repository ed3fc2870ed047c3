//! What every seat has, whatever actor sits in it.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
    },
};

use tokio::sync::Notify;

use super::{
    desk::Desk,
    family::{Family, Membership},
    hand_off::HandOff,
    home::Homed,
    journal,
    message::Message,
    ties::Ties,
};
use crate::{
    DeadLetter, Identity, Reason, Shutdown, StopReason,
    id::short_type_name,
    policy::decide,
    queue::{Count, Once, OnceBox},
};

/// The untyped part of a seat.
///
/// In the order of use: the tally is written at each message, the identity is read by each ask; what lies
/// between keeps them on different cache lines.
#[repr(C)]
pub struct Common {
    pub(crate) tally: Tally,
    pub(crate) desk: Desk,
    /// `stop` asks to end after this many accepted messages.
    pub(crate) mark: AtomicU64,
    status: AtomicU8,
    /// Its place in the roster of its system.
    pub(crate) place: AtomicU32,
    /// What few actors have, once this one has had some of it. Sealed when it ends for good without.
    rare: OnceBox<Rare>,
    /// Whose child this is; `None` for a free-standing actor.
    pub(crate) membership: Option<Box<Membership>>,
    /// Why nothing is accepted any more, once the end for good has begun.
    closing: Once<StopReason>,
    /// Made by the first who waits for the end.
    ended: OnceBox<Notify>,
    pub(crate) home: Homed,
    pub(crate) identity: Identity,
    /// Strong references, the first one included, and one more for the supervisor of a supervised actor.
    refs: AtomicUsize,
}

/// What few actors have: in one place, so that the seats of the others do not grow by it.
#[derive(Default)]
struct Rare {
    /// The children, once there has been one.
    family: OnceLock<Arc<Family>>,
    ties: Ties,
    hand_off: OnceLock<HandOff>,
}

/// The status of an actor whose end has been told to all who wait for it: `Ended`, from outside.
const TOLD: u8 = u8::MAX;

/// Tells what an actor is doing, at the moment of the look.
///
/// For logs and operators. Not to decide whether to send: by then it may be another one.
///
/// # Examples
///
/// ```
/// use postbox::{Status, prelude::*};
///
/// #[derive(Actor)]
/// struct Idle;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let idle = Idle.prepare().start().await?;
/// assert_eq!(idle.status(), Status::Running);
/// idle.stop();
/// idle.ended().await;
/// assert_eq!(idle.status().to_string(), "ended");
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[repr(u8)]
pub enum Status {
    /// Its factory or its `started` hook is at work.
    Starting,
    /// It takes messages.
    Running,
    /// Its incarnation has ended and the next one has not started: messages wait.
    Restarting,
    /// It is ending for good.
    Stopping,
    /// It has ended for good.
    Ended,
    /// It was killed, and its code does not come to an await, so that it cannot be ended: others go on
    /// without it. There is no other incarnation beside it. It ends when its code comes back.
    Detached,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Restarting => "restarting",
            Self::Stopping => "stopping",
            Self::Ended => "ended",
            Self::Detached => "detached",
        })
    }
}

impl Common {
    #[inline(always)]
    pub(crate) fn new(
        identity: Identity,
        home: impl Into<Homed>,
        membership: Option<Box<Membership>>,
    ) -> Self {
        Self {
            identity,
            home: home.into(),
            tally: Tally::default(),
            desk: Desk::default(),
            refs: AtomicUsize::new(1 + usize::from(membership.is_some())),
            place: AtomicU32::new(0),
            mark: AtomicU64::new(0),
            status: AtomicU8::new(Status::Starting as u8),
            rare: OnceBox::new(),
            membership,
            closing: Once::new(),
            ended: OnceBox::new(),
        }
    }

    /// One more strong reference.
    pub(crate) fn hold(&self) {
        // Relaxed: as in `Arc`: a new reference is made from one that exists.
        self.refs.fetch_add(1, Ordering::Relaxed);
    }

    /// One more strong reference, if there is one left.
    pub(crate) fn try_hold(&self) -> bool {
        // Relaxed on both: the count guards no data; the mailbox's lock does that.
        let more = |refs| if refs == 0 { None } else { Some(refs + 1) };
        self.ended().is_none() && self.refs.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    /// One strong reference less. True: it was the last.
    pub(crate) fn release(&self) -> bool {
        // AcqRel: what the other holders did with their references happens before what the last one sets off.
        self.refs.fetch_sub(1, Ordering::AcqRel) == 1
    }

    pub(crate) fn status(&self) -> Status {
        // Acquire: pairs with the Release below, so that who sees the end sees all that came before it.
        match self.status.load(Ordering::Acquire) {
            0 => Status::Starting,
            1 => Status::Running,
            2 => Status::Restarting,
            3 => Status::Stopping,
            5 => Status::Detached,
            _ => Status::Ended,
        }
    }

    pub(crate) fn set_status(&self, status: Status) {
        // Release: as in `status`.
        self.status.store(status as u8, Ordering::Release);
    }

    /// Gives the actor up. False: it has ended, or has been given up already.
    pub(crate) fn set_detached(&self) -> bool {
        let [ended, detached] = [Status::Ended as u8, Status::Detached as u8];
        let over = [ended, detached, TOLD];
        let give_up = |status| if over.contains(&status) { None } else { Some(detached) };
        // Release, Acquire: as in `set_status` and `status`.
        self.status.fetch_update(Ordering::Release, Ordering::Acquire, give_up).is_ok()
    }

    pub(crate) fn is_detached(&self) -> bool {
        self.status() == Status::Detached
    }

    /// Whether an end of this kind is the end for good.
    pub(crate) fn ends_by(&self, exit: decide::Exit) -> bool {
        self.membership.as_ref().is_none_or(|member| !decide::may_restart(exit, member.restart))
    }

    /// How much longer the incarnation may take to end, if its group has told it to.
    pub(crate) fn told_to_end(&self) -> Option<Shutdown> {
        self.membership.as_ref().and_then(|member| member.family.told(member.number))
    }

    pub(crate) fn family(&self) -> Option<&Family> {
        self.rare()?.family.get().map(Arc::as_ref)
    }

    /// The family, made at the first call. That of an actor that has ended is made in vain: it admits nobody.
    pub(crate) fn family_or_init(&self, init: impl FnOnce() -> Arc<Family>) -> Arc<Family> {
        match self.rare_or_init() {
            Some(rare) => Arc::clone(rare.family.get_or_init(init)),
            None => init(),
        }
    }

    /// What it needs to be handed off, if it may be.
    #[inline]
    pub(super) fn hand_off(&self) -> Option<&HandOff> {
        self.rare()?.hand_off.get()
    }

    pub(super) fn set_hand_off(&self, of: HandOff) {
        if let Some(rare) = self.rare_or_init() {
            let _later = rare.hand_off.set(of);
        }
    }

    pub(crate) fn ties(&self) -> Option<&Ties> {
        self.rare().map(|rare| &rare.ties)
    }

    /// `None`: the actor has ended for good.
    pub(crate) fn ties_or_init(&self) -> Option<&Ties> {
        self.rare_or_init().map(|rare| &rare.ties)
    }

    /// From here on nobody gets ties to this actor, if it has none so far; and if it has, here they are.
    pub(crate) fn last_ties(&self) -> Option<&Ties> {
        self.rare.seal().map(|rare| &rare.ties)
    }

    fn rare(&self) -> Option<&Rare> {
        self.rare.get()
    }

    fn rare_or_init(&self) -> Option<&Rare> {
        self.rare.get_or_make(Rare::default)
    }

    /// Why the actor is ending for good, once it is.
    pub(crate) fn closing(&self) -> Option<&StopReason> {
        self.closing.get()
    }

    /// The end for good begins. The first reason stands.
    pub(crate) fn set_closing(&self, reason: StopReason) {
        self.set_status(Status::Stopping);
        self.closing.set(reason);
        // The look at the family that follows pairs with `Family::admit`. Who has none needs no fence: `Once` and
        // `OnceBox` are ordered.
        if self.rare.get().is_some() {
            fence(Ordering::SeqCst);
        }
    }

    /// Why the actor ended for good, once it has.
    pub(crate) fn ended(&self) -> Option<&StopReason> {
        self.closing.get().filter(|_| self.status() == Status::Ended)
    }

    /// The last thing that happens to an actor: those who wait for its end are told.
    pub(crate) fn set_told(&self) {
        // SeqCst: as in `status`, and it comes before the look for those who wait, as the fence in `tell_waiters`
        // does.
        self.status.swap(TOLD, Ordering::SeqCst);
        if let Some(ended) = self.ended.get() {
            ended.notify_waiters();
        }
    }

    /// Why the actor ended, once all who watch it have been told.
    pub(crate) fn told(&self) -> Option<&StopReason> {
        // Acquire: as in `status`.
        self.closing.get().filter(|_| self.status.load(Ordering::Acquire) == TOLD)
    }

    /// Has those who wait for the end look again.
    pub(crate) fn tell_waiters(&self) {
        // SeqCst: pairs with the fence in `wait_for`. Either that one sees the end, or this one sees it wait.
        fence(Ordering::SeqCst);
        if let Some(ended) = self.ended.get() {
            ended.notify_waiters();
        }
    }

    /// Waits until the actor has ended for good.
    pub(crate) async fn wait_ended(&self) -> StopReason {
        self.wait_for(|| self.told().cloned()).await
    }

    /// Waits until `look` finds what it looks for: it looks again whenever those who wait are told to.
    pub(crate) async fn wait_for<T>(&self, look: impl Fn() -> Option<T>) -> T {
        let Some(ended) = self.ended.get_or_make(Notify::new) else {
            unreachable!("nobody seals it");
        };
        loop {
            let notified = ended.notified();
            let mut notified = std::pin::pin!(notified);
            // Enabled before the look, so that an end between the two is not missed.
            notified.as_mut().enable();
            // SeqCst: as in `tell_waiters`.
            fence(Ordering::SeqCst);
            if let Some(found) = look() {
                return found;
            }
            notified.await;
        }
    }

    /// What became of every message, if this is what the mailbox holds and has held.
    #[inline]
    pub(crate) fn ledger(&self, count: &Count) -> Ledger {
        let (handled, dead, returned) = self.tally.read();
        Ledger {
            accepted: count.accepted,
            handled,
            dead: dead + count.dropped,
            returned,
            queued: count.queued,
            stashed: count.stashed,
            in_flight: count.in_hand,
        }
    }

    /// Counts an error that nobody waits for.
    #[cold]
    pub(crate) fn unheard_error<M: Message>(&self) {
        // Relaxed: a count.
        let count = self.home.unheard_errors.fetch_add(1, Ordering::Relaxed) + 1;
        journal::unheard_error(&self.identity, short_type_name::<M>(), count);
    }

    /// Counts a reply that came after its asker had gone.
    #[cold]
    pub(crate) fn late_reply<M: Message>(&self) {
        let letter =
            DeadLetter::new(self.identity.clone(), short_type_name::<M>(), None, Reason::LateReply, 1, None);
        self.home.dead_letters.record(letter);
    }
}

impl fmt::Debug for Common {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Common").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// Counters that only the runner of the seat writes, so that a plain load and store is an increment.
#[derive(Default)]
pub(crate) struct Tally {
    handled: AtomicU64,
    dead: AtomicU64,
    returned: AtomicU64,
}

impl Tally {
    #[inline]
    fn bump(counter: &AtomicU64, by: u64) {
        // Relaxed, and not a read-modify-write: there is one writer, the holder of the turn.
        counter.store(counter.load(Ordering::Relaxed) + by, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn handled(&self) {
        Self::bump(&self.handled, 1);
    }

    pub(crate) fn add(&self, (dead, returned): (u64, u64)) {
        Self::bump(&self.dead, dead);
        Self::bump(&self.returned, returned);
    }

    pub(crate) fn read(&self) -> (u64, u64, u64) {
        // Relaxed: exact at rest, when the counts have come over by the mailbox's lock.
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (read(&self.handled), read(&self.dead), read(&self.returned))
    }
}

/// Accounts for every message that an actor, or a whole system, has accepted.
///
/// At rest `accepted = handled + dead + returned + queued + stashed + in_flight`, exactly; while messages are
/// on the move the figures are read one after the other.
///
/// # Examples
///
/// ```
/// use postbox::prelude::*;
///
/// #[derive(Actor)]
/// struct Echo;
///
/// #[messages]
/// impl Echo {
///     /// Says it again.
///     #[message]
///     fn repeat(&self, word: String) -> String { word }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let echo = Echo.spawn();
/// echo.repeat("hello".to_owned()).await?;
/// let ledger = echo.ledger();
/// assert_eq!((ledger.accepted, ledger.handled), (1, 1));
/// assert!(ledger.balances() && ledger.settled() == 1);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ledger {
    /// Messages a mailbox has taken: sends that returned `Ok`.
    pub accepted: u64,
    /// Messages whose handler came to its end.
    pub handled: u64,
    /// Messages given to the dead-letter sink.
    pub dead: u64,
    /// Messages given back to their askers.
    pub returned: u64,
    /// Messages in a mailbox.
    pub queued: u64,
    /// Messages put aside by their actor.
    pub stashed: u64,
    /// Messages a handler has in hand, or that wait for their next attempt.
    pub in_flight: u64,
}

impl Ledger {
    /// Returns whether every accepted message is accounted for.
    #[must_use]
    pub fn balances(&self) -> bool {
        self.accepted == self.settled() + self.queued + self.stashed + self.in_flight
    }

    /// Returns how many messages have met their fate.
    #[must_use]
    pub fn settled(&self) -> u64 {
        self.handled + self.dead + self.returned
    }
}

impl std::ops::AddAssign for Ledger {
    fn add_assign(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.handled += other.handled;
        self.dead += other.dead;
        self.returned += other.returned;
        self.queued += other.queued;
        self.stashed += other.stashed;
        self.in_flight += other.in_flight;
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} accepted = {} handled + {} dead + {} returned + {} queued + {} stashed + {} in flight",
            self.accepted, self.handled, self.dead, self.returned, self.queued, self.stashed, self.in_flight
        )
    }
}
