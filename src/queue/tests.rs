//! The layer by its behaviour, through a small stage: its entries act a part and log what happens to them.
//!
//! Every test runs under AddressSanitizer and valgrind as well, which see what an assertion cannot.

mod aside;
mod bound;
mod drops;
mod line;
#[cfg(postbox_loom)]
mod loom;
mod many;
mod model;
mod once;
mod panics;
mod reach;
mod reply;
mod reserve;
mod retry;
mod run_state;
mod sizes;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use super::{Drops, Entry, Forced, Mailbox, Opened, Refused, Rest, Stage, Stash, Task, Ticket, Turn};

/// What happened to an entry, its copy, or its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Did {
    Opened,
    Copied,
    Handled,
    Settled,
    Buried,
    GivenUp,
    /// The entry, or the task made of it.
    Dropped,
    CopyDropped,
    StateDropped,
}

/// What happened, in order, and to whom.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<(Did, u32)>>>);

impl Log {
    fn note(&self, did: Did, id: u32) {
        self.0.lock().expect("no test panics while it holds the log").push((did, id));
    }

    fn all(&self) -> Vec<(Did, u32)> {
        self.0.lock().expect("no test panics while it holds the log").clone()
    }

    /// To whom that happened, in order.
    fn who(&self, did: Did) -> Vec<u32> {
        self.all().into_iter().filter(|(what, _)| *what == did).map(|(_, id)| id).collect()
    }
}

/// The state that entries act on.
struct Desk {
    handled: Vec<u32>,
    log: Log,
}

impl Stage for Desk {
    type Cause = ();
    type Exit = u32;
    type About = &'static str;
    type Lapse = ();
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.log.note(Did::StateDropped, 0);
    }
}

/// Where an entry panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Duplicate,
    Open,
    /// In the open of the copy alone.
    OpenCopy,
    Poll,
    GiveUp,
    Settle,
    Bury,
    Drop,
    /// In the drop of the copy alone.
    DropCopy,
}

/// What an entry does when its turn comes.
#[derive(Clone, Copy, Default)]
struct Acts {
    /// Polls that find its task pending.
    pending: u32,
    /// Its task fails on purpose.
    fails: bool,
    /// Nobody wants it any more: there is neither a copy nor a task to be had.
    unwanted: bool,
    panics: Option<At>,
}

impl Acts {
    fn come_to(self, at: At) {
        assert!(self.panics != Some(at), "as the test wants it, at {at:?}");
    }
}

/// Notes the drop of what it is part of.
struct Trace {
    id: u32,
    /// Where an entry that keeps its place takes its attempts along.
    tried: u32,
    copy: bool,
    acts: Acts,
    log: Log,
}

impl Drop for Trace {
    fn drop(&mut self) {
        self.log.note(if self.copy { Did::CopyDropped } else { Did::Dropped }, self.id);
        if !std::thread::panicking() {
            self.acts.come_to(At::Drop);
            if self.copy {
                self.acts.come_to(At::DropCopy);
            }
        }
    }
}

/// An entry that acts a part. A `KEPT` one keeps its place until it is settled.
struct Part<const KEPT: bool, const URGENT: bool = false>(Trace);

impl<const KEPT: bool, const URGENT: bool> Entry<Desk> for Part<KEPT, URGENT> {
    const KEEP: bool = KEPT;
    const URGENT: bool = URGENT;

    fn about() -> &'static str {
        if KEPT { "kept" } else { "part" }
    }

    fn open<'a>(self, copy: bool, state: &'a mut Desk) -> Option<impl Task<Desk> + 'a> {
        assert_eq!(copy, self.0.copy, "it is told whether it is the copy");
        self.0.log.note(Did::Opened, self.0.id);
        self.0.acts.come_to(At::Open);
        if copy {
            self.0.acts.come_to(At::OpenCopy);
        }
        if self.0.acts.unwanted {
            return None;
        }
        Some(Acting { trace: self.0, state })
    }

    fn duplicate(&mut self) -> Option<Self> {
        self.0.acts.come_to(At::Duplicate);
        if self.0.acts.unwanted {
            return None;
        }
        self.0.log.note(Did::Copied, self.0.id);
        Some(Self(Trace { copy: true, log: self.0.log.clone(), ..self.0 }))
    }

    fn tried(&mut self) -> Option<&mut u32> {
        KEPT.then_some(&mut self.0.tried)
    }

    fn settle(self) {
        self.0.log.note(Did::Settled, self.0.id);
        self.0.acts.come_to(At::Settle);
    }

    fn bury(self, _cause: &()) {
        self.0.log.note(Did::Buried, self.0.id);
        self.0.acts.come_to(At::Bury);
    }
}

/// The task of a part.
struct Acting<'a> {
    trace: Trace,
    state: &'a mut Desk,
}

impl Future for Acting<'_> {
    type Output = Result<(), u32>;

    fn poll(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Self::Output> {
        let id = self.trace.id;
        self.trace.acts.come_to(At::Poll);
        if self.trace.acts.pending > 0 {
            self.trace.acts.pending -= 1;
            return Poll::Pending;
        }
        if self.trace.acts.fails {
            return Poll::Ready(Err(id));
        }
        self.state.handled.push(id);
        self.trace.log.note(Did::Handled, id);
        Poll::Ready(Ok(()))
    }
}

impl Task<Desk> for Acting<'_> {
    fn about() -> &'static str {
        "acting"
    }

    fn give_up(self: Pin<&mut Self>, _cause: &()) {
        self.trace.log.note(Did::GivenUp, self.trace.id);
        self.trace.acts.come_to(At::GiveUp);
    }

    fn put_back(self: Pin<&mut Self>, into: Stash<'_, Desk>) {
        let spent = Trace { id: 0, tried: 0, copy: false, acts: Acts::default(), log: Log::default() };
        into.push(Part::<false>(std::mem::replace(&mut self.get_mut().trace, spent)));
    }
}

impl Drop for Acting<'_> {
    fn drop(&mut self) {
        // The state is there for as long as the task is.
        self.state.handled.shrink_to_fit();
    }
}

/// A waker that counts.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Bell {
    fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::clone(self))
    }

    fn rung(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A mailbox with a desk in it, and a bell for its consumer's task.
struct Rig {
    mailbox: Arc<Mailbox<Desk>>,
    bell: Arc<Bell>,
    log: Log,
}

impl Rig {
    /// Parked, so that the next push rings.
    fn new(capacity: usize) -> Self {
        let rig = Self::of(Mailbox::new(capacity, None));
        rig.mailbox.prime(rig.desk());
        rig.run();
        rig
    }

    fn of(mailbox: Mailbox<Desk>) -> Self {
        Self { mailbox: Arc::new(mailbox), bell: Arc::default(), log: Log::default() }
    }

    fn desk(&self) -> Desk {
        Desk { handled: Vec::new(), log: self.log.clone() }
    }

    fn part(&self, id: u32) -> Part<false> {
        self.acting(id, Acts::default())
    }

    fn urgent(&self, id: u32) -> Part<false, true> {
        Part(Trace { id, tried: 0, copy: false, acts: Acts::default(), log: self.log.clone() })
    }

    fn kept(&self, id: u32) -> Part<true> {
        self.acting(id, Acts::default())
    }

    fn acting<const KEPT: bool>(&self, id: u32, acts: Acts) -> Part<KEPT> {
        Part(Trace { id, tried: 0, copy: false, acts, log: self.log.clone() })
    }

    fn push<T: Entry<Desk>>(&self, entry: T) {
        assert!(self.mailbox.push(entry).is_ok(), "there is room");
    }

    /// Pushes parts with these ids.
    fn push_parts(&self, ids: impl IntoIterator<Item = u32>) {
        ids.into_iter().for_each(|id| self.push(self.part(id)));
    }

    fn turn(&self) -> Turn<'_, Desk> {
        self.mailbox.enter(&self.bell.waker()).expect("nobody runs")
    }

    /// Handles what there is, and parks.
    fn run(&self) {
        let mut turn = self.turn();
        loop {
            while {
                if self.mailbox.raised() != 0 {
                    turn.fetch();
                }
                step(&mut turn) != Opened::Empty
            } {}
            match turn.rest() {
                Rest::Parked => return,
                Rest::More(more) => turn = more,
            }
        }
    }

    /// Queued, and in hand.
    fn count(&self) -> (u64, u64) {
        let count = self.mailbox.count();
        (count.queued, count.in_hand)
    }
}

/// Takes and handles the next entry, whose task must end well at its first poll.
fn step(turn: &mut Turn<'_, Desk>) -> Opened<u32> {
    match turn.take_next(&mut Context::from_waker(Waker::noop())) {
        Opened::Ended => Opened::Task,
        Opened::Task => {
            // One that keeps its place, or is too large for it.
            assert_eq!(poll(turn), Poll::Ready(Ok(())));
            turn.done();
            Opened::Task
        }
        opened => opened,
    }
}

fn poll(turn: &mut Turn<'_, Desk>) -> Poll<Result<(), u32>> {
    turn.poll(&mut Context::from_waker(Waker::noop()))
}

fn park(turn: Turn<'_, Desk>) {
    assert!(matches!(turn.rest(), Rest::Parked), "nothing is left");
}

fn suspend(turn: Turn<'_, Desk>) {
    assert!(matches!(turn.suspend(0), Rest::Parked), "no signal is raised");
}

/// Whether it panics.
fn panics(act: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(act)).is_err()
}

fn is_full<T>(pushed: &Result<(), Refused<T>>) -> bool {
    matches!(pushed, Err(Refused::Full(_)))
}

fn is_closed<T>(pushed: &Result<(), Refused<T>>) -> bool {
    matches!(pushed, Err(Refused::Closed(_)))
}

/// A sender that waits for room with an entry of its own.
struct Sender<'a> {
    rig: &'a Rig,
    id: u32,
    ticket: Ticket,
    bell: Arc<Bell>,
}

impl<'a> Sender<'a> {
    /// Offers its entry; there is no room.
    fn waiting(rig: &'a Rig, id: u32) -> Self {
        let mut sender = Self { rig, id, ticket: Ticket::default(), bell: Arc::default() };
        assert!(is_full(&sender.offer()), "there is no room");
        sender
    }

    fn offer(&mut self) -> Result<(), Refused<Part<false>>> {
        let entry = self.rig.part(self.id);
        self.rig.mailbox.push_or_wait(entry, &mut self.ticket, &self.bell.waker())
    }

    fn leave(&mut self) {
        self.rig.mailbox.leave(&mut self.ticket);
    }

    fn is_woken(&self) -> bool {
        self.bell.rung() > 0
    }
}
