//! Watch against end: one notice, whoever is quicker.

use super::*;

/// Counts its notices.
struct Watcher(Arc<AtomicUsize>);

impl Actor for Watcher {
    async fn terminated(&mut self, _ctx: &mut Context<Self>, _of: Terminated) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

struct Observe(Handle);

impl Message for Observe {
    type Reply = ();
}

impl Handler<Observe> for Watcher {
    async fn handle(&mut self, msg: Observe, ctx: &mut Context<Self>) {
        ctx.watch(&msg.0);
    }
}

struct Forget(Handle);

impl Message for Forget {
    type Reply = ();
}

impl Handler<Forget> for Watcher {
    async fn handle(&mut self, msg: Forget, ctx: &mut Context<Self>) {
        ctx.unwatch(&msg.0);
    }
}

struct Watched;

impl Actor for Watched {}

/// A watcher, what it has counted, and one that has been killed and is about to find that out.
fn two() -> (Runner<Watcher>, Arc<AtomicUsize>, Runner<Watched>) {
    let (home, count) = (Home::new("loom", false), Arc::<AtomicUsize>::default());
    let watcher = Runner::free(&home, Watcher(Arc::clone(&count)));
    let watched = Runner::free(&home, Watched);
    watched.seat.kill();
    (watcher, count, watched)
}

/// Ends the watcher, and returns how many notices it has had in all.
fn close(mut watcher: Runner<Watcher>, count: &AtomicUsize) -> usize {
    // What it has been told is delivered before an end in good order.
    watcher.seat.stop();
    watcher.run();
    assert_eq!(watcher.seat.common().home.dead_letters.count(Reason::Leaked), 0);
    count.load(Ordering::SeqCst)
}

/// contract I7: "one termination notice per watch".
#[test]
fn watch_against_end() {
    explore_up_to(3, || {
        let (mut watcher, count, mut watched) = two();
        watcher.tell(Observe(Handle::new(watched.any())));
        let ending = thread::spawn(move || watched.run());
        watcher.run_until(|| count.load(Ordering::SeqCst) == 1);
        ending.join().unwrap();
        assert_eq!(close(watcher, &count), 1);
    });
}

/// The same for one that somebody else watches: its list of watchers is there already.
#[test]
fn watch_against_the_end_of_one_that_is_watched() {
    explore_up_to(3, || {
        let (mut watcher, count, mut watched) = two();
        let other = Runner::free(&watcher.seat.common().home, Watched);
        ties::watch(&other.any(), &watched.any(), ties::How::Hook);
        watcher.tell(Observe(Handle::new(watched.any())));
        let ending = thread::spawn(move || watched.run());
        watcher.run_until(|| count.load(Ordering::SeqCst) == 1);
        ending.join().unwrap();
        let other_ties = other.seat.common().ties().expect("it watches");
        assert!(
            other_ties
                .next(crate::queue::Mark { ordinary: u64::MAX, urgent: u64::MAX }, &*other.seat)
                .is_some()
        );
        assert_eq!(close(watcher, &count), 1);
    });
}

/// A watch that is made again while the first one's notice is on its way has one of its own.
#[test]
fn watch_taken_back_and_made_again_against_end() {
    explore_up_to(2, || {
        let (mut watcher, count, mut watched) = two();
        let handle = Handle::new(watched.any());
        watcher.tell(Observe(handle.clone()));
        watcher.tell(Forget(handle.clone()));
        watcher.tell(Observe(handle));
        let ending = thread::spawn(move || watched.run());
        watcher.run_until(|| count.load(Ordering::SeqCst) == 1);
        ending.join().unwrap();
        assert_eq!(close(watcher, &count), 1);
    });
}

/// `unwatch` takes a notice back that has not been delivered.
#[test]
fn unwatch_against_end() {
    explore_up_to(3, || {
        let (mut watcher, count, mut watched) = two();
        let handle = Handle::new(watched.any());
        watcher.tell(Observe(handle.clone()));
        watcher.tell(Forget(handle));
        let ending = thread::spawn(move || watched.run());
        watcher.run_until(|| true);
        ending.join().unwrap();
        // Both messages were there before any notice, which waits for its turn behind them.
        assert_eq!(close(watcher, &count), 0);
    });
}

/// The signal of a notice that comes while the one before is taken is not taken down with it.
#[test]
fn notice_against_the_take_of_the_one_before() {
    explore_up_to(2, || {
        let (mut watcher, count, mut first) = two();
        let mut second = Runner::free(&watcher.seat.common().home, Watched);
        second.seat.kill();
        ties::watch(&watcher.any(), &first.any(), ties::How::Hook);
        ties::watch(&watcher.any(), &second.any(), ties::How::Hook);
        first.run();
        let ending = thread::spawn(move || second.run());
        watcher.run_until(|| count.load(Ordering::SeqCst) == 2);
        ending.join().unwrap();
        assert_eq!(close(watcher, &count), 2);
    });
}

/// The watcher ends as well: its own end and the other's meet, and nothing is left behind.
#[test]
fn end_of_the_watcher_against_end_of_the_watched() {
    explore_up_to(3, || {
        let (mut watcher, count, mut watched) = two();
        ties::watch(&watcher.any(), &watched.any(), ties::How::Hook);
        let seat = Arc::downgrade(&watched.any());
        watcher.seat.kill();
        let ending = thread::spawn(move || watched.run());
        watcher.run();
        ending.join().unwrap();
        assert!(count.load(Ordering::SeqCst) <= 1 && watcher.over);
        assert!(seat.upgrade().is_none(), "a watch keeps nobody");
    });
}
