//! Requests from code that is not async: from plain threads, from blocking tasks, and not from handlers.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use postbox::{Reason, prelude::*};
use tokio::{
    runtime::Runtime,
    sync::{Notify, Semaphore},
};

/// Holds on to each item until the test lets it go.
struct Gated {
    taken: Arc<Notify>,
    gate: Arc<Semaphore>,
}

impl Actor for Gated {
    const CAPACITY: usize = 1;
}

#[derive(Message, Debug, Clone, PartialEq)]
#[message(reply = u32)]
struct Item(u32);

impl Handler<Item> for Gated {
    async fn handle(&mut self, item: Item, _ctx: &mut Context<Self>) -> u32 {
        self.taken.notify_one();
        self.gate.acquire().await.expect("the gate is never closed").forget();
        assert_ne!(item, Item(13), "unlucky");
        item.0
    }
}

struct Bench {
    runtime: Runtime,
    system: System,
    actor: ActorRef<Gated>,
    taken: Arc<Notify>,
    gate: Arc<Semaphore>,
}

impl Bench {
    /// The runtime is beside the test, which runs on a plain thread outside of it.
    fn new() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
        let (taken, gate, system) = (Arc::default(), Arc::new(Semaphore::new(0)), System::new("blocking"));
        let actor = {
            let _inside = runtime.enter();
            Gated { taken: Arc::clone(&taken), gate: Arc::clone(&gate) }
                .prepare()
                .system(&system)
                .spawn()
                .unwrap()
        };
        Self { runtime, system, actor, taken, gate }
    }

    /// With item 0 in the handler.
    fn busy() -> Self {
        let bench = Self::new();
        bench.actor.try_tell(Item(0)).unwrap();
        bench.runtime.block_on(bench.taken.notified());
        bench
    }

    /// With item 0 in the handler and item 1 in the mailbox.
    fn full() -> Self {
        let bench = Self::busy();
        bench.actor.try_tell(Item(1)).unwrap();
        bench
    }

    fn open(&self) {
        self.gate.add_permits(1000);
    }

    /// Opens the gate, ends everything and checks the books: handled, dead and returned.
    fn end(self) -> (u64, u64, u64) {
        self.open();
        let ledger = self.runtime.block_on(self.system.shutdown(Duration::from_secs(60))).ledger;
        assert!(ledger.balances() && ledger.accepted == ledger.settled(), "{ledger}");
        assert_eq!(self.system.dead_letters().count(Reason::Leaked), 0);
        (ledger.handled, ledger.dead, ledger.returned)
    }
}

/// A moment that is certain to pass: the test waits for its end, not through it.
const MOMENT: Duration = Duration::from_millis(1);

/// contract §6, outside of any runtime
#[test]
fn a_plain_thread_asks_and_tells() {
    let bench = Bench::new();
    bench.open();
    assert_eq!(bench.actor.ask(Item(5)).blocking().unwrap(), 5);
    bench.actor.tell(Item(6)).blocking().unwrap();
    assert_eq!(bench.actor.recipient().ask(Item(7)).blocking().unwrap(), 7);
    assert_eq!(bench.end(), (3, 0, 0));
}

/// contract §8: `tell` waits its turn, blocked or not
#[test]
fn a_blocked_tell_goes_on_when_there_is_room() {
    let bench = Bench::full();
    let waiting = thread::spawn({
        let actor = bench.actor.clone();
        move || actor.tell(Item(2)).blocking()
    });
    // It stands in the line once nobody else gets past it: the room that is about to be free is its own.
    bench.gate.add_permits(1);
    waiting.join().unwrap().unwrap();
    assert_eq!(bench.actor.ledger().accepted, 3);
    assert_eq!(bench.end(), (3, 0, 0));
}

/// contract I6: a blocked ask is woken by its answer
#[test]
fn a_blocked_ask_goes_on_when_it_is_answered() {
    let bench = Bench::new();
    let waiting = thread::spawn({
        let actor = bench.actor.clone();
        move || actor.ask(Item(2)).timeout(Duration::MAX).blocking()
    });
    bench.runtime.block_on(bench.taken.notified());
    bench.open();
    assert_eq!(waiting.join().unwrap().unwrap(), 2);
    assert_eq!(bench.end(), (1, 0, 0));
}

/// contract §8: `.timeout(d)` gives up with the message
#[test]
fn a_blocked_tell_that_times_out_gives_the_message_back_and_its_place_up() {
    let bench = Bench::full();
    let begun = Instant::now();
    let error = bench.actor.tell(Item(2)).timeout(MOMENT).blocking().unwrap_err();
    assert!(begun.elapsed() >= MOMENT);
    assert!(matches!(error, TellError::Timeout { msg: Item(2), after: MOMENT, .. }), "{error}");
    bench.gate.add_permits(1);
    bench.runtime.block_on(bench.taken.notified());
    bench.actor.try_tell(Item(3)).expect("nobody stands in the line");
    assert_eq!(bench.end(), (3, 0, 0));
}

/// contract §6: deadline in the line, in the queue and in the handler
#[test]
fn a_blocked_ask_that_times_out_says_how_far_it_came() {
    let bench = Bench::full();
    let error = bench.actor.ask(Item(2)).timeout(MOMENT).blocking().unwrap_err();
    assert!(matches!(error, AskError::Timeout { started: false, msg: Some(Item(2)), .. }), "{error}");
    bench.end();

    let bench = Bench::busy();
    let error = bench.actor.ask(Item(2)).timeout(MOMENT).blocking().unwrap_err();
    assert!(matches!(error, AskError::Timeout { started: false, msg: None, .. }), "{error}");
    assert_eq!(bench.end(), (1, 1, 0));

    let bench = Bench::new();
    // A machine may need any time until the message is offered, or the handler begins: longer deadlines until one is
    // long enough.
    let begun = (0..)
        .map(|doubled| bench.actor.ask(Item(2)).timeout(MOMENT * (1 << doubled)).blocking())
        .find(|outcome| match outcome {
            Err(AskError::Timeout { started, .. }) => *started,
            other => panic!("{other:?}"),
        });
    assert!(begun.is_some());
    let system = bench.system.clone();
    assert_eq!(bench.end().0, 1);
    assert_eq!(system.dead_letters().count(Reason::LateReply), 1);
}

/// contract §6: timeouts of zero are refused
#[test]
fn a_timeout_of_zero_is_refused_with_the_message() {
    let bench = Bench::new();
    let error = bench.actor.tell(Item(2)).timeout(Duration::ZERO).blocking().unwrap_err();
    assert!(matches!(error, TellError::Timeout { msg: Item(2), .. }), "{error}");
    let error = bench.actor.ask(Item(2)).timeout(Duration::ZERO).blocking().unwrap_err();
    assert!(matches!(error, AskError::Timeout { started: false, msg: Some(Item(2)), .. }), "{error}");
    assert_eq!(bench.end(), (0, 0, 0));
}

/// contract §6: `Duration::MAX` never panics
#[test]
fn the_longest_timeout_is_none() {
    let bench = Bench::new();
    bench.open();
    bench.actor.tell(Item(2)).timeout(Duration::MAX).blocking().unwrap();
    assert_eq!(bench.actor.ask(Item(3)).timeout(Duration::MAX).blocking().unwrap(), 3);
    assert_eq!(bench.end(), (2, 0, 0));
}

/// contract I5: a blocked sender is woken by the close, with its message
#[test]
fn a_stop_wakes_a_blocked_tell_with_its_message() {
    let bench = Bench::full();
    let waiting = thread::spawn({
        let actor = bench.actor.clone();
        move || actor.tell(Item(2)).blocking()
    });
    bench.actor.stop();
    let error = waiting.join().unwrap().unwrap_err();
    assert!(matches!(error, TellError::Stopped { msg: Item(2), reason: StopReason::Stopped, .. }), "{error}");
    assert_eq!(bench.end(), (2, 0, 0));
}

/// contract §6: stopped while queued: `Stopped { msg, reason }`; failed: `Failed(failure)`
#[test]
fn a_blocked_ask_is_told_why_there_is_no_reply() {
    let bench = Bench::new();
    let asking = |item| {
        let actor = bench.actor.clone();
        thread::spawn(move || actor.ask(Item(item)).blocking())
    };
    let first = asking(13);
    bench.runtime.block_on(bench.taken.notified());
    let second = asking(2);
    while bench.actor.handle().depth() == 0 {
        thread::yield_now();
    }
    bench.open();
    let (first, second) = (first.join().unwrap().unwrap_err(), second.join().unwrap().unwrap_err());
    assert!(
        matches!(&first, AskError::Failed(failure) if failure.panic().unwrap().text().contains("unlucky"))
    );
    assert!(
        matches!(&second, AskError::Stopped { msg: Item(2), reason: StopReason::Failed(_), .. }),
        "{second}"
    );
    assert_eq!(bench.end(), (0, 1, 1));
}

/// In a runtime: from the threads that are there to be blocked
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_blocking_task_asks_and_tells() {
    let (system, gate) = (System::new("blocking"), Arc::new(Semaphore::new(1000)));
    let actor = Gated { taken: Arc::default(), gate }.prepare().system(&system).spawn().unwrap();
    let inside = actor.clone();
    let replies = tokio::task::spawn_blocking(move || {
        (100..200).for_each(|number| inside.tell(Item(number)).blocking().unwrap());
        inside.ask(Item(200)).timeout(Duration::MAX).blocking()
    });
    assert_eq!(replies.await.unwrap().unwrap(), 200);
    assert_eq!(system.shutdown(Duration::from_secs(60)).await.ledger.handled, 101);
    assert!(system.ledger().balances());
}

/// Blocks on another actor, in its handler or in a blocking task that it starts.
struct Blocker {
    other: ActorRef<Gated>,
}

impl Actor for Blocker {}

#[derive(Message)]
#[message(reply = u32)]
enum Block {
    TellInHandler,
    AskInHandler,
    AskInTask,
}

impl Handler<Block> for Blocker {
    async fn handle(&mut self, block: Block, _ctx: &mut Context<Self>) -> u32 {
        match block {
            Block::TellInHandler => {
                drop(self.other.tell(Item(1)).blocking());
                0
            }
            Block::AskInHandler => self.other.ask(Item(1)).blocking().unwrap(),
            Block::AskInTask => {
                let other = self.other.clone();
                tokio::task::spawn_blocking(move || other.ask(Item(1)).blocking()).await.unwrap().unwrap()
            }
        }
    }
}

/// `blocking` panics in a handler, which it would block; that is a failure of the handler, and sends nothing
#[tokio::test]
async fn a_handler_must_not_block() {
    let (system, gate) = (System::new("blocking"), Arc::new(Semaphore::new(1000)));
    let other = Gated { taken: Arc::default(), gate }.prepare().system(&system).spawn().unwrap();
    for block in [Block::TellInHandler, Block::AskInHandler] {
        let blocker = Blocker { other: other.clone() }.prepare().system(&system).spawn().unwrap();
        let error = blocker.ask(block).await.unwrap_err();
        let AskError::Failed(failure) = &error else { panic!("{error}") };
        assert!(failure.panic().unwrap().text().contains("must not block"), "{failure}");
    }
    assert_eq!(other.ledger().accepted, 0);
    let blocker = Blocker { other: other.clone() }.prepare().system(&system).spawn().unwrap();
    assert_eq!(blocker.ask(Block::AskInTask).await.unwrap(), 1, "a blocking task of a handler may");
    let ledger = system.shutdown(Duration::from_secs(60)).await.ledger;
    assert_eq!((ledger.handled, ledger.dead), (2, 2), "{ledger}");
    assert!(ledger.balances());
    assert_eq!(system.dead_letters().count(Reason::Leaked), 0);
}

/// The same from the method of a call
#[test]
fn a_call_blocks_as_well() {
    #[derive(Actor)]
    struct Doubler;
    #[messages]
    impl Doubler {
        /// Doubles a number.
        #[message]
        fn double(&self, number: u32) -> u32 {
            number * 2
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let doubler = {
        let _inside = runtime.enter();
        Doubler.spawn()
    };
    assert_eq!(doubler.double(21).blocking().unwrap(), 42);
    doubler.double(1).tell().blocking().unwrap();
}
