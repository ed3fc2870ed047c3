//! Retry against stop: a message that waits for its next attempt keeps its place, or has one fate.

use super::*;
use crate::{BoxError, DeadLetter, StopReason};

/// Writes down what it takes.
struct Taker(Arc<Mutex<Vec<u32>>>);

impl Actor for Taker {}

/// Fails at its first attempt.
#[derive(Clone)]
struct Flaky(Arc<AtomicUsize>);

impl Message for Flaky {
    type Reply = ();
    const ATTEMPTS: u32 = 2;

    fn duplicate(&self) -> Option<Self> {
        Some(self.clone())
    }
}

impl Handler<Flaky> for Taker {
    async fn handle(&mut self, msg: Flaky, ctx: &mut Context<Self>) {
        self.0.lock().unwrap().push(1);
        if msg.0.fetch_add(1, Ordering::SeqCst) == 0 {
            ctx.fail("the first attempt").await
        }
    }
}

struct Plain;

impl Message for Plain {
    type Reply = ();
}

impl Handler<Plain> for Taker {
    async fn handle(&mut self, _msg: Plain, _ctx: &mut Context<Self>) {
        self.0.lock().unwrap().push(2);
    }
}

/// How it went.
struct Outcome {
    taken: Vec<u32>,
    reason: StopReason,
    handled: u64,
    dead: Vec<DeadLetter>,
}

impl Outcome {
    /// contract §7: all that was accepted is handled, but one message at most that a kill has cut in hand: taken,
    /// as the attempts say, and not begun. One that waits for its next attempt is in nobody's hand.
    fn is_whole(&self, cut: bool) {
        let Self { taken, dead, .. } = self;
        assert!(dead.len() <= usize::from(cut), "{dead:?}");
        for letter in dead {
            let flaky = letter.message_type() == "Flaky";
            let begun = taken.iter().filter(|&&one| (one == 1) == flaky).count();
            assert_eq!((letter.reason(), letter.attempts() as usize), (Reason::Aborted, begun + 1));
        }
        assert!(cut || taken.starts_with(&[1, 1]) && dead.is_empty(), "{taken:?}");
    }
}

/// A child with a message that is to be tried twice and others behind it; somebody ends it meanwhile. What holds
/// in any case: no message without a fate, none with two, and none that overtakes.
fn against(
    restart: Restart,
    behind: u64,
    end: impl Fn(&dyn AnySeat) + Copy + Send + Sync + 'static,
    check: impl Fn(Outcome) + Send + Sync + 'static,
) {
    explore_up_to(3, move || {
        let home = Home::new("loom", false);
        let owner = Runner::free(&home, Taker(Arc::default()));
        let family = Family::of(&owner.any());
        let name: Arc<str> = "child".into();
        let membership = family.admit(&name, restart, Shutdown::default(), false).expect("a place");
        let number = membership.number;
        let taken = Arc::<Mutex<Vec<u32>>>::default();
        let factory: Factory<Taker> = {
            let taken = Arc::clone(&taken);
            Arc::new(move || Box::pin(std::future::ready(Ok::<_, BoxError>(Taker(Arc::clone(&taken))))))
        };
        let identity = Identity::new(Taker::kind, Some(name));
        let common = Common::new(identity, Arc::clone(&home), Some(Box::new(membership)));
        let seat = Arc::new(Seat::new(|| common, 4, Overflow::Wait, Some(factory)));
        family.seat(number, Arc::clone(&seat) as Arc<dyn AnySeat>).expect("the supervisor goes on");
        let mut child = Runner::of(seat);
        child.tell(Flaky(Arc::default()));
        (0..behind).for_each(|_| child.tell(Plain));
        let ending = {
            let seat = child.any();
            thread::spawn(move || end(&*seat))
        };
        let settled = {
            let seat = child.any();
            move || seat.ledger().settled() == 1 + behind
        };
        child.run_until(settled);
        ending.join().unwrap();
        // Whatever has become of it so far, this is its end.
        child.seat.signal(signal::SHUTDOWN);
        if !child.over {
            child.run();
        }
        let ledger = child.seat.ledger();
        assert_eq!(
            (ledger.handled + ledger.dead, ledger.queued + ledger.in_flight),
            (1 + behind, 0),
            "{ledger}"
        );
        assert_eq!(home.dead_letters.count(Reason::Leaked), 0);
        assert_eq!(home.dead_letters.total(), ledger.dead);
        let taken = taken.lock().unwrap().clone();
        assert!(taken.is_sorted() && taken.iter().filter(|&&one| one == 1).count() <= 2, "{taken:?}");
        let reason = child.seat.common().closing().expect("it has ended").clone();
        check(Outcome { taken, reason, handled: ledger.handled, dead: home.dead_letters.recent() });
    });
}

/// contract §7: what was accepted before a `stop` is handled, also what is to be tried again.
#[test]
fn retry_against_stop_for_good() {
    against(Restart::Transient, 1, |seat| seat.stop(), |outcome| outcome.is_whole(false));
}

/// The mark of the stop has been reached when the last message has been taken, but that is not done with.
#[test]
fn retry_of_the_last_message_against_stop_for_good() {
    against(Restart::Transient, 0, |seat| seat.stop(), |outcome| outcome.is_whole(false));
}

/// contract §7: a permanent child starts again, and its mailbox stays.
#[test]
fn retry_against_stop_of_one_that_starts_again() {
    against(Restart::Permanent, 1, |seat| seat.stop(), |outcome| outcome.is_whole(false));
}

#[test]
fn retry_against_stop_now_for_good() {
    against(
        Restart::Transient,
        1,
        |seat| seat.stop_now(),
        |outcome| {
            assert!(outcome.reason.is_normal(), "{}", outcome.reason);
        },
    );
}

#[test]
fn retry_against_stop_now_of_one_that_starts_again() {
    against(Restart::Permanent, 1, |seat| seat.stop_now(), |outcome| outcome.is_whole(false));
}

#[test]
fn retry_against_kill_of_one_that_starts_again() {
    against(Restart::Permanent, 1, |seat| seat.kill(), |outcome| outcome.is_whole(true));
}

/// A failure is the end of a temporary child: its message is not tried again, and it has its fate.
#[test]
fn retry_against_kill_for_good() {
    against(
        Restart::Temporary,
        1,
        |seat| seat.kill(),
        |outcome| {
            assert_eq!((outcome.handled, outcome.dead.len()), (0, 2));
        },
    );
}

/// Its supervisor stops it: it may fail first, and then that is how it ended.
#[test]
fn retry_against_shutdown() {
    against(
        Restart::Permanent,
        1,
        |seat| seat.signal(signal::SHUTDOWN),
        |outcome| {
            let failed = outcome.reason.is_failure() && outcome.taken == [1];
            assert!(failed || matches!(outcome.reason, StopReason::Shutdown), "{}", outcome.reason);
        },
    );
}
