//! Every race that a comment of this layer argues about, in every interleaving loom can think of.
//!
//! `RUSTFLAGS="--cfg postbox_loom" cargo test --lib --release queue::tests::loom`
//!
//! Loom runs its threads one at a time and takes a thread that waits for a gong nobody strikes for a
//! deadlock: a wake-up that is lost fails the test. Access to a cell of the layer that is not ordered after
//! the access before it fails the test too.

mod aside;
mod errand;
mod hand_off;
mod line;
mod once;
mod push;
mod reach;
mod reply;
mod run_state;

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use ::loom::{
    model::Builder,
    sync::{Notify, atomic::AtomicU32 as Flag},
    thread,
};

use super::super::{Carried, Entry, Errand, Mailbox, Opened, Refused, Rest, Stage, Task, Ticket, Turn};

/// Runs the test in every interleaving, unless `LOOM_MAX_PREEMPTIONS` says otherwise.
fn explore(test: impl Fn() + Send + Sync + 'static) {
    Builder::new().check(test);
}

/// Runs the test in every interleaving with at most so many preemptions, or the fewer that
/// `LOOM_MAX_PREEMPTIONS` says: with three threads and many steps there are too many without a bound.
fn explore_up_to(preemptions: usize, test: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound =
        Some(builder.preemption_bound.map_or(preemptions, |said| said.min(preemptions)));
    builder.check(test);
}

/// A waker that a thread can wait for.
struct Gong(Notify);

impl Gong {
    fn new() -> Arc<Self> {
        Arc::new(Self(Notify::new()))
    }

    fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::clone(self))
    }

    fn wait(&self) {
        self.0.wait();
    }
}

impl Wake for Gong {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.notify();
    }
}

/// The state: the entries that were handled, in order.
#[derive(Default)]
struct Shelf(Vec<u32>);

impl Stage for Shelf {
    type Cause = AtomicU32;
    type Exit = ();
    type About = ();
    type Lapse = ();
}

/// An entry that is handled at once. Given up, it is counted.
struct Item(u32);

/// An entry whose task waits until the flag is not zero.
struct Awaits(Arc<Flag>);

/// An entry that is handled at once, and tallied.
struct Tallied(Arc<Flag>);

impl Entry<Shelf> for Item {
    const KEEP: bool = false;

    fn about() {}

    fn open<'a>(self, _copy: bool, state: &'a mut Shelf) -> Option<impl Task<Shelf> + 'a> {
        Some(Shelving { item: self.0, until: None, tally: None, state })
    }

    fn duplicate(&mut self) -> Option<Self> {
        None
    }

    fn settle(self) {}

    fn bury(self, buried: &AtomicU32) {
        buried.fetch_add(1, Ordering::SeqCst);
    }
}

impl Entry<Shelf> for Awaits {
    const KEEP: bool = false;

    fn about() {}

    fn open<'a>(self, _copy: bool, state: &'a mut Shelf) -> Option<impl Task<Shelf> + 'a> {
        Some(Shelving { item: 0, until: Some(self.0), tally: None, state })
    }

    fn duplicate(&mut self) -> Option<Self> {
        None
    }

    fn settle(self) {}

    fn bury(self, _buried: &AtomicU32) {}
}

impl Entry<Shelf> for Tallied {
    const KEEP: bool = false;

    fn about() {}

    fn open<'a>(self, _copy: bool, state: &'a mut Shelf) -> Option<impl Task<Shelf> + 'a> {
        Some(Shelving { item: 0, until: None, tally: Some(self.0), state })
    }

    fn duplicate(&mut self) -> Option<Self> {
        None
    }

    fn settle(self) {}

    fn bury(self, _buried: &AtomicU32) {}
}

struct Shelving<'a> {
    item: u32,
    until: Option<Arc<Flag>>,
    tally: Option<Arc<Flag>>,
    state: &'a mut Shelf,
}

impl Future for Shelving<'_> {
    type Output = Result<(), ()>;

    fn poll(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.until.as_ref().is_some_and(|flag| flag.load(Ordering::Acquire) == 0) {
            return Poll::Pending;
        }
        if let Some(tally) = &self.tally {
            tally.fetch_add(1, Ordering::Relaxed);
        }
        let item = self.item;
        self.state.0.push(item);
        Poll::Ready(Ok(()))
    }
}

impl Task<Shelf> for Shelving<'_> {
    fn about() {}

    fn give_up(self: Pin<&mut Self>, _cause: &AtomicU32) {}
}

/// A mailbox with a shelf in it, about to be polled for the first time.
fn mailbox(capacity: usize) -> Arc<Mailbox<Shelf>> {
    let mailbox = Arc::new(Mailbox::new(capacity, None));
    mailbox.prime(Shelf::default());
    mailbox
}

/// The consumer's task: one poll after the other, until it has handled so many.
struct Consumer {
    mailbox: Arc<Mailbox<Shelf>>,
    gong: Arc<Gong>,
    handled: usize,
}

impl Consumer {
    fn of(mailbox: &Arc<Mailbox<Shelf>>) -> Self {
        Self { mailbox: Arc::clone(mailbox), gong: Gong::new(), handled: 0 }
    }

    /// Parks an empty mailbox, so that the next push has to wake.
    fn park(&mut self) {
        let turn = self.mailbox.enter(&self.gong.waker()).expect("nobody runs");
        assert!(matches!(turn.rest(), Rest::Parked), "nothing is there");
    }

    /// Takes what is there.
    fn work(turn: &mut Turn<'_, Shelf>) -> (usize, Poll<()>) {
        let mut handled = 0;
        while turn.is_busy() || turn.open_next() == Opened::Task {
            match turn.poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(outcome) => outcome.expect("no task fails"),
                Poll::Pending => return (handled, Poll::Pending),
            }
            turn.done();
            handled += 1;
        }
        (handled, Poll::Ready(()))
    }

    /// Returns whether the next poll has to wait for a wake-up.
    fn poll(&mut self) -> bool {
        let Some(mut turn) = self.mailbox.enter(&self.gong.waker()) else { return true };
        let (handled, outcome) = Self::work(&mut turn);
        self.handled += handled;
        let rest = if outcome.is_ready() { turn.rest() } else { turn.suspend(0) };
        match rest {
            Rest::Parked => true,
            Rest::More(more) => {
                // Dropped: it is woken again.
                drop(more);
                true
            }
        }
    }

    fn run(&mut self, until: usize) {
        while self.poll() && self.handled < until {
            self.gong.wait();
        }
        assert_eq!(self.handled, until);
    }

    /// The items that were handled, once nobody else runs.
    fn shelf(&self) -> Vec<u32> {
        let mut turn = self.mailbox.enter(&self.gong.waker()).expect("nobody runs");
        turn.replace(None).expect("the state").0.clone()
    }
}

/// Offers the item until it is accepted, or the mailbox is closed: then false.
fn send(mailbox: &Mailbox<Shelf>, item: u32) -> bool {
    let (mut ticket, gong) = (Ticket::default(), Gong::new());
    loop {
        match mailbox.push_or_wait(Item(item), &mut ticket, &gong.waker()) {
            Ok(()) => return true,
            Err(Refused::Closed(_)) => {
                mailbox.leave(&mut ticket);
                return false;
            }
            Err(Refused::Overflow(_)) => panic!("it drops nothing"),
            Err(Refused::Full(_)) => gong.wait(),
        }
    }
}
