//! The mailbox: its exact bound, the line of those that wait for room, order, and payloads of all shapes.

use std::{
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use postbox::{Reason, prelude::*};
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_test::{assert_pending, assert_ready, assert_ready_ok, task};

/// Writes each item down, then holds on to it until the test lets it go.
struct Gated {
    gate: Arc<Semaphore>,
    log: Arc<Mutex<Vec<u32>>>,
}

impl Actor for Gated {}

#[derive(Message)]
#[message(reply = u32)]
struct Item(u32);

impl Handler<Item> for Gated {
    async fn handle(&mut self, item: Item, _ctx: &mut Context<Self>) -> u32 {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).push(item.0);
        self.gate.acquire().await.expect("the gate is never closed").forget();
        item.0
    }
}

/// An actor behind a gate, with what the test needs of it.
struct Bench {
    system: System,
    actor: ActorRef<Gated>,
    gate: Arc<Semaphore>,
    log: Arc<Mutex<Vec<u32>>>,
}

impl Bench {
    fn new(capacity: usize) -> Self {
        let (system, gate, log) = (System::new("test"), Arc::new(Semaphore::new(0)), Arc::default());
        let gated = Gated { gate: Arc::clone(&gate), log: Arc::clone(&log) };
        let actor = gated.prepare().system(&system).capacity(capacity).spawn().unwrap();
        Self { system, actor, gate, log }
    }

    /// With item 0 in the handler and the mailbox full of the next ones.
    async fn full(capacity: usize) -> Self {
        let bench = Self::new(capacity);
        for item in 0..=u32::try_from(capacity).unwrap() {
            bench.actor.tell(Item(item)).await.unwrap();
            quiet().await;
        }
        bench
    }

    /// Lets the handler finish this many items.
    async fn pass(&self, items: usize) {
        self.gate.add_permits(items);
        quiet().await;
    }

    fn log(&self) -> Vec<u32> {
        self.log.lock().unwrap().clone()
    }

    /// Opens the gate for good, ends everything, and checks the books.
    async fn end(self) -> Vec<u32> {
        self.gate.add_permits(Semaphore::MAX_PERMITS / 2);
        drop(self.actor);
        at_rest(&self.system).await;
        Arc::into_inner(self.log).unwrap().into_inner().unwrap()
    }
}

/// Waits until nobody has anything left to do: only then does the paused clock move.
async fn quiet() {
    tokio::time::sleep(Duration::from_nanos(1)).await;
}

/// Contract I2, I3: after the end every message has its fate.
async fn at_rest(system: &System) {
    let report = system.shutdown(Duration::from_secs(60)).await;
    let ledger = report.ledger;
    assert!(ledger.balances() && ledger.accepted == ledger.settled(), "{ledger}");
    assert_eq!(system.dead_letters().count(Reason::Leaked), 0);
}

fn upto(end: u32) -> Vec<u32> {
    (0..end).collect()
}

// The bound.

/// contract I10: unsettled messages ≤ capacity (+1 in flight)
#[tokio::test(start_paused = true)]
async fn a_mailbox_holds_its_capacity_and_one_in_the_handler() {
    for capacity in [1, 2, 7, 64] {
        let bench = Bench::new(capacity);
        bench.actor.tell(Item(0)).await.unwrap();
        quiet().await;
        let accepted = (1..1000).take_while(|&item| bench.actor.try_tell(Item(item)).is_ok()).count();
        assert_eq!(accepted, capacity);
        let ledger = bench.actor.ledger();
        assert_eq!((ledger.queued, ledger.in_flight), (capacity as u64, 1), "{ledger}");
        assert_eq!(bench.actor.handle().depth(), capacity);
        bench.end().await;
    }
}

/// contract I10, at the smallest bound: also before the actor has taken anything.
#[tokio::test(start_paused = true)]
async fn the_bound_holds_before_the_actor_runs_for_the_first_time() {
    let bench = Bench::new(1);
    bench.actor.try_tell(Item(0)).unwrap();
    assert!(matches!(bench.actor.try_tell(Item(1)), Err(TryTellError::Full { capacity: 1, .. })));
    assert_eq!(bench.end().await, [0]);
}

/// contract §8: capacity is mandatory
#[tokio::test(start_paused = true)]
async fn a_capacity_of_zero_is_refused() {
    let gated = Gated { gate: Arc::new(Semaphore::new(0)), log: Arc::default() };
    let error = gated.prepare().capacity(0).spawn().unwrap_err();
    assert!(matches!(error, SpawnError::ZeroCapacity { .. }), "{error}");
}

/// An actor that looks at its own mailbox from inside.
struct Watchful {
    most_queued: Arc<AtomicUsize>,
    most_unsettled: Arc<AtomicU64>,
    seen: Arc<Mutex<Vec<(usize, u32)>>>,
}

impl Actor for Watchful {}

impl Watchful {
    fn look(&self, ctx: &Context<Self>) {
        let handle = ctx.handle();
        let ledger = handle.ledger();
        self.most_queued.fetch_max(handle.depth(), Ordering::Relaxed);
        // The figures are read one after the other; those settled first, so that the difference is no less
        // than the truth, and this actor, which settles, is here.
        self.most_unsettled.fetch_max(ledger.queued + ledger.in_flight, Ordering::Relaxed);
    }
}

#[derive(Message)]
struct From(usize, u32);

impl Handler<From> for Watchful {
    async fn handle(&mut self, From(sender, number): From, ctx: &mut Context<Self>) {
        self.look(ctx);
        self.seen.lock().unwrap().push((sender, number));
        // Lets senders at the mailbox while this message is in hand.
        tokio::task::yield_now().await;
        self.look(ctx);
    }
}

/// contract I10, I4 and I2: unsettled messages ≤ capacity (+1 in flight); per sender in accept order
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn capacity_one_is_exactly_one_with_sixteen_senders() {
    const EACH: u32 = 500;
    let system = System::new("sixteen");
    let (most_queued, most_unsettled, seen) = (Arc::default(), Arc::default(), Arc::default());
    let watchful = Watchful {
        most_queued: Arc::clone(&most_queued),
        most_unsettled: Arc::clone(&most_unsettled),
        seen: Arc::clone(&seen),
    };
    let actor = watchful.prepare().capacity(1).system(&system).spawn().unwrap();
    let mut senders = JoinSet::new();
    for sender in 0..16 {
        let (actor, most_queued) = (actor.clone(), Arc::clone(&most_queued));
        senders.spawn(async move {
            for number in 0..EACH {
                // Those with odd numbers try first, and must not get past the others.
                let msg = match sender % 2 {
                    0 => From(sender, number),
                    _ => match actor.try_tell(From(sender, number)) {
                        Ok(()) => continue,
                        Err(error) => error.into_message(),
                    },
                };
                actor.tell(msg).await.unwrap();
                most_queued.fetch_max(actor.handle().depth(), Ordering::Relaxed);
            }
        });
    }
    senders.join_all().await;
    drop(actor);
    at_rest(&system).await;

    assert_eq!(most_queued.load(Ordering::Relaxed), 1, "queued");
    assert_eq!(most_unsettled.load(Ordering::Relaxed), 2, "queued and in flight");
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 16 * EACH as usize);
    for sender in 0..16 {
        let numbers: Vec<u32> = seen.iter().filter(|(from, _)| *from == sender).map(|(_, n)| *n).collect();
        assert_eq!(numbers, upto(EACH), "sender {sender}");
    }
    assert_eq!(system.ledger().handled, u64::from(16 * EACH));
    assert_eq!(system.dead_letters().total(), 0);
}

// The line.

/// contract §8: `tell(..).await` waits its turn (fair, first come first served)
#[tokio::test(start_paused = true)]
async fn sixteen_waiting_senders_get_room_in_the_order_in_which_they_came() {
    let bench = Bench::full(1).await;
    let mut senders = JoinSet::new();
    for sender in 0..16 {
        let actor = bench.actor.clone();
        // Each asks again as soon as it has been served, so the line has the same order in every round.
        senders.spawn(async move {
            for round in 0..10 {
                actor.tell(Item(2 + round * 16 + sender)).await.unwrap();
            }
        });
    }
    quiet().await;
    bench.gate.add_permits(1000);
    senders.join_all().await;
    assert_eq!(bench.end().await, upto(2 + 160));
}

/// contract §8: `tell(..).await` waits its turn (cancel-safe)
#[tokio::test(start_paused = true)]
async fn a_waiting_tell_that_is_dropped_loses_only_its_own_message() {
    let bench = Bench::full(1).await;
    let [mut third, mut fourth, mut fifth] = [2, 3, 4].map(|item| task::spawn(bench.actor.tell(Item(item))));
    assert_pending!(third.poll());
    assert_pending!(fourth.poll());
    assert_pending!(fifth.poll());
    drop(fourth);
    bench.pass(1).await;
    assert!(third.is_woken() && !fifth.is_woken());
    assert_ready_ok!(third.poll());
    bench.pass(1).await;
    assert!(fifth.is_woken());
    assert_ready_ok!(fifth.poll());
    let actor = bench.actor.clone();
    drop((third, fifth));
    assert_eq!(bench.end().await, [0, 1, 2, 4]);
    assert_eq!(actor.ledger().accepted, 4);
}

/// contract §8: room granted to a sender that went away goes to the next in line
#[tokio::test(start_paused = true)]
async fn a_tell_dropped_after_it_was_granted_room_hands_the_room_on() {
    let bench = Bench::full(1).await;
    let mut third = task::spawn(bench.actor.tell(Item(2)));
    let mut fourth = task::spawn(bench.actor.tell(Item(3)));
    assert_pending!(third.poll());
    assert_pending!(fourth.poll());
    bench.pass(1).await;
    assert!(third.is_woken() && !fourth.is_woken());
    drop(third);
    assert!(fourth.is_woken(), "the room must not be lost with the one it was granted to");
    assert_ready_ok!(fourth.poll());
    drop(fourth);
    assert_eq!(bench.end().await, [0, 1, 3]);
}

/// contract §8: the same of those who know the actor by its message alone
#[tokio::test(start_paused = true)]
async fn a_tell_to_a_recipient_dropped_after_it_was_granted_room_hands_the_room_on() {
    let bench = Bench::full(1).await;
    let recipient = bench.actor.recipient::<Item>();
    let mut third = task::spawn(recipient.tell(Item(2)));
    let mut fourth = task::spawn(recipient.ask(Item(3)));
    assert_pending!(third.poll());
    assert_pending!(fourth.poll());
    bench.pass(1).await;
    drop(third);
    assert!(fourth.is_woken());
    drop(fourth);
    bench.actor.try_tell(Item(4)).expect("the room is anybody's again");
    drop(recipient);
    assert_eq!(bench.end().await, [0, 1, 4]);
}

/// contract §8: the last of those that wait goes away, and the room is anybody's
#[tokio::test(start_paused = true)]
async fn room_granted_to_the_last_in_line_is_free_again_when_it_goes() {
    let bench = Bench::full(1).await;
    let mut third = task::spawn(bench.actor.tell(Item(2)));
    assert_pending!(third.poll());
    bench.pass(1).await;
    assert!(bench.actor.try_tell(Item(9)).is_err());
    drop(third);
    bench.actor.try_tell(Item(3)).unwrap();
    assert_eq!(bench.end().await, [0, 1, 3]);
}

/// contract §8: first come first served, and `try_tell` refuses
#[tokio::test(start_paused = true)]
async fn try_tell_never_gets_past_those_who_wait() {
    let bench = Bench::full(1).await;
    let mut third = task::spawn(bench.actor.tell(Item(2)));
    assert_pending!(third.poll());
    bench.pass(1).await;
    // There is room now, and it is the third's, who has not come to take it yet.
    assert_eq!(bench.actor.handle().depth(), 0);
    assert!(matches!(bench.actor.try_tell(Item(3)), Err(TryTellError::Full { msg: Item(3), .. })));
    assert!(matches!(bench.actor.try_ask(Item(4)).await, Err(AskError::Full { msg: Item(4), .. })));
    assert_ready_ok!(third.poll());
    drop(third);
    assert_eq!(bench.end().await, [0, 1, 2]);
}

/// contract §8: nor does the handler itself, which has just made the room
#[tokio::test(start_paused = true)]
async fn a_handler_that_tries_to_tell_itself_does_not_get_past_those_who_wait() {
    struct Pushy(Arc<Mutex<Vec<(u32, bool)>>>);
    impl Actor for Pushy {
        const CAPACITY: usize = 1;
    }
    impl Handler<Item> for Pushy {
        async fn handle(&mut self, item: Item, ctx: &mut Context<Self>) -> u32 {
            let told = item.0 < 10 && ctx.actor_ref().try_tell(Item(item.0 + 10)).is_ok();
            self.0.lock().unwrap().push((item.0, told));
            0
        }
    }
    let (system, log) = (System::new("test"), Arc::default());
    let pushy = Pushy(Arc::clone(&log)).prepare().system(&system).spawn().unwrap();
    let mut tells = [1, 2, 3].map(|item| task::spawn(pushy.tell(Item(item))));
    assert_ready_ok!(tells[0].poll());
    assert_pending!(tells[1].poll());
    assert_pending!(tells[2].poll());
    // The first sees two in the line, the second one, and the third is alone.
    for tell in &mut tells[1..] {
        quiet().await;
        assert_ready_ok!(tell.poll());
    }
    quiet().await;
    assert_eq!(*log.lock().unwrap(), [(1, false), (2, false), (3, true), (13, false)]);
    drop(tells);
    at_rest(&system).await;
}

/// contract §8: a later `tell` joins the line behind those who wait, though there is room
#[tokio::test(start_paused = true)]
async fn a_later_tell_stands_behind_one_that_has_room_but_has_not_used_it() {
    let bench = Bench::full(1).await;
    let mut third = task::spawn(bench.actor.tell(Item(2)));
    assert_pending!(third.poll());
    bench.pass(1).await;
    let mut fourth = task::spawn(bench.actor.tell(Item(3)));
    assert_pending!(fourth.poll());
    assert_ready_ok!(third.poll());
    assert_pending!(fourth.poll());
    bench.pass(1).await;
    assert_ready_ok!(fourth.poll());
    drop((third, fourth));
    assert_eq!(bench.end().await, [0, 1, 2, 3]);
}

/// contract §8: tells and asks wait in one line
#[tokio::test(start_paused = true)]
async fn an_ask_waits_in_the_same_line_as_a_tell() {
    let bench = Bench::full(1).await;
    let mut ask = task::spawn(bench.actor.ask(Item(2)));
    let mut tell = task::spawn(bench.actor.tell(Item(3)));
    assert_pending!(ask.poll());
    assert_pending!(tell.poll());
    bench.pass(1).await;
    assert!(ask.is_woken() && !tell.is_woken());
    assert_pending!(ask.poll());
    bench.pass(2).await;
    assert_eq!(assert_ready_ok!(ask.poll()), 2);
    assert_ready_ok!(tell.poll());
    drop((ask, tell));
    assert_eq!(bench.end().await, [0, 1, 2, 3]);
}

/// contract §1: if a send returned `Err`, the message is inside the error
#[tokio::test(start_paused = true)]
async fn a_full_mailbox_hands_the_message_back() {
    let bench = Bench::full(2).await;
    let error = bench.actor.try_tell(Item(7)).unwrap_err();
    assert!(matches!(error, TryTellError::Full { msg: Item(7), capacity: 2, .. }), "{error}");
    assert_eq!(error.recipient(), bench.actor.identity());
    assert_eq!(error.into_message().0, 7);
    bench.end().await;
}

/// contract I5: nothing is accepted after close; each who waits for room gets its message back
#[tokio::test(start_paused = true)]
async fn a_stop_sends_those_who_wait_away_with_their_messages() {
    let bench = Bench::full(1).await;
    let mut third = task::spawn(bench.actor.tell(Item(2)));
    let mut fourth = task::spawn(bench.actor.ask(Item(3)));
    assert_pending!(third.poll());
    assert_pending!(fourth.poll());
    bench.actor.stop();
    assert!(third.is_woken() && fourth.is_woken());
    let error = assert_ready!(third.poll()).unwrap_err();
    assert!(matches!(error, TellError::Stopped { msg: Item(2), reason: StopReason::Stopped, .. }), "{error}");
    let error = assert_ready!(fourth.poll()).unwrap_err();
    assert!(matches!(error, AskError::Stopped { msg: Item(3), reason: StopReason::Stopped, .. }), "{error}");
    drop((third, fourth));
    assert_eq!(bench.end().await, [0, 1], "what was accepted before is handled");
}

/// contract I5: a sender with room granted but not used is refused like all others
#[tokio::test(start_paused = true)]
async fn a_stop_takes_back_room_that_was_granted() {
    let bench = Bench::full(1).await;
    let mut third = task::spawn(bench.actor.tell(Item(2)));
    assert_pending!(third.poll());
    bench.pass(1).await;
    assert!(third.is_woken());
    bench.actor.stop();
    assert!(matches!(assert_ready!(third.poll()), Err(TellError::Stopped { msg: Item(2), .. })));
    drop(third);
    assert_eq!(bench.end().await, [0, 1]);
}

// Deadlines.

/// contract §8: `.timeout(d)` gives up with the message
#[tokio::test(start_paused = true)]
async fn a_tell_that_times_out_gives_the_message_back() {
    let bench = Bench::full(1).await;
    let before = tokio::time::Instant::now();
    let error = bench.actor.tell(Item(2)).timeout(Duration::from_secs(3)).await.unwrap_err();
    assert_eq!(before.elapsed().as_secs(), 3);
    let TellError::Timeout { msg, to, after } = error else { panic!("{error}") };
    assert_eq!((msg.0, &to, after), (2, bench.actor.identity(), Duration::from_secs(3)));
    bench.pass(1).await;
    bench.actor.try_tell(Item(3)).expect("it left the line as it gave up");
    assert_eq!(bench.end().await, [0, 1, 3]);
}

/// contract §8: the place of one that gives up goes to the next
#[tokio::test(start_paused = true)]
async fn a_tell_that_times_out_moves_the_line_up() {
    let bench = Bench::full(1).await;
    let (third, fourth) =
        tokio::join!(async { bench.actor.tell(Item(2)).timeout(Duration::from_secs(1)).await }, async {
            tokio::join!(bench.actor.tell(Item(3)), async {
                tokio::time::sleep(Duration::from_secs(2)).await;
                bench.gate.add_permits(1);
            })
            .0
        },);
    assert!(matches!(third, Err(TellError::Timeout { msg: Item(2), .. })));
    fourth.unwrap();
    assert_eq!(bench.end().await, [0, 1, 3]);
}

/// contract §6: timeouts of zero are refused
#[tokio::test(start_paused = true)]
async fn a_timeout_of_zero_is_refused_with_the_message_though_there_is_room() {
    let bench = Bench::new(4);
    let error = bench.actor.tell(Item(5)).timeout(Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, TellError::Timeout { msg: Item(5), after: Duration::ZERO, .. }), "{error}");
    assert_eq!(bench.actor.ledger().accepted, 0);
    assert_eq!(bench.end().await, []);
}

/// contract §6: `Duration::MAX` never panics
#[tokio::test(start_paused = true)]
async fn the_longest_timeout_is_none() {
    let bench = Bench::full(1).await;
    let mut third = task::spawn(bench.actor.tell(Item(2)).timeout(Duration::MAX));
    assert_pending!(third.poll());
    tokio::time::sleep(Duration::from_hours(24 * 365 * 20)).await;
    assert_pending!(third.poll());
    bench.pass(1).await;
    assert_ready_ok!(third.poll());
    bench.actor.tell(Item(3)).timeout(Duration::from_secs(1)).await.unwrap_err();
    drop(third);
    assert_eq!(bench.end().await, [0, 1, 2]);
}

// Telling oneself.

/// Tells itself as often as it is told to.
struct Echoing {
    done: Arc<Mutex<Vec<Result<(), &'static str>>>>,
}

impl Actor for Echoing {
    const CAPACITY: usize = 2;
}

#[derive(Message)]
struct Times(u32);

impl Handler<Times> for Echoing {
    async fn handle(&mut self, Times(times): Times, ctx: &mut Context<Self>) {
        for _ in 0..times {
            let told = match ctx.actor_ref().tell(Times(0)).await {
                Ok(()) => Ok(()),
                Err(TellError::WouldDeadlock { msg: Times(0), .. }) => Err("would deadlock"),
                Err(_) => Err("another error"),
            };
            self.done.lock().unwrap().push(told);
        }
    }
}

/// contract §8: a tell to oneself with the mailbox full would wait for ever: it returns `WouldDeadlock(msg)`
#[tokio::test(start_paused = true)]
async fn telling_oneself_works_while_there_is_room_and_fails_at_once_when_there_is_none() {
    let (system, done) = (System::new("test"), Arc::default());
    let actor = Echoing { done: Arc::clone(&done) }.prepare().system(&system).spawn().unwrap();
    actor.tell(Times(3)).await.unwrap();
    quiet().await;
    assert_eq!(*done.lock().unwrap(), [Ok(()), Ok(()), Err("would deadlock")]);
    at_rest(&system).await;
    assert_eq!(system.ledger().handled, 3);
}

/// contract §8: only oneself: a task that the handler spawned may wait for room
#[tokio::test(start_paused = true)]
async fn a_task_spawned_by_the_handler_may_wait_for_room() {
    struct Spawning;
    impl Actor for Spawning {
        const CAPACITY: usize = 1;
    }
    impl Handler<Times> for Spawning {
        async fn handle(&mut self, Times(times): Times, ctx: &mut Context<Self>) {
            let me = ctx.weak_ref();
            tokio::spawn(async move {
                for _ in 0..times {
                    let Some(me) = me.upgrade() else { return };
                    me.tell(Times(0)).await.unwrap();
                }
            });
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
    let system = System::new("test");
    let actor = Spawning.prepare().system(&system).spawn().unwrap();
    actor.tell(Times(5)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(actor.ledger().handled, 6);
    at_rest(&system).await;
}

// Order.

/// contract I4: per sender, first takes are in accept order
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn per_sender_order_holds_with_four_senders_on_two_workers() {
    const EACH: u32 = 5000;
    let (system, seen) = (System::new("order"), Arc::default());
    let watchful =
        Watchful { most_queued: Arc::default(), most_unsettled: Arc::default(), seen: Arc::clone(&seen) };
    let actor = watchful.prepare().capacity(8).system(&system).spawn().unwrap();
    let mut senders = JoinSet::new();
    for sender in 0..4 {
        let actor = actor.clone();
        senders.spawn(async move {
            for number in 0..EACH {
                // By all the ways there are.
                match number % 4 {
                    0 => actor.tell(From(sender, number)).await.unwrap(),
                    1 => actor.recipient::<From>().tell(From(sender, number)).await.unwrap(),
                    2 => actor.ask(From(sender, number)).await.unwrap(),
                    _ => {
                        let Err(refused) = actor.try_tell(From(sender, number)) else { continue };
                        actor.tell(refused.into_message()).await.unwrap();
                    }
                }
            }
        });
    }
    senders.join_all().await;
    drop(actor);
    at_rest(&system).await;
    let seen = seen.lock().unwrap();
    for sender in 0..4 {
        let numbers: Vec<u32> = seen.iter().filter(|(from, _)| *from == sender).map(|(_, n)| *n).collect();
        assert_eq!(numbers, upto(EACH), "sender {sender}");
    }
}

/// contract I4, for one sender that does not wait for anything
#[tokio::test(start_paused = true)]
async fn what_is_told_and_asked_without_waiting_is_handled_in_that_order() {
    let bench = Bench::new(8);
    bench.gate.add_permits(8);
    bench.actor.try_tell(Item(0)).unwrap();
    let mut ask = task::spawn(bench.actor.ask(Item(1)));
    assert_pending!(ask.poll());
    bench.actor.recipient().try_tell(Item(2)).unwrap();
    let mut last = task::spawn(bench.actor.try_ask(Item(3)));
    assert_pending!(last.poll());
    quiet().await;
    assert_eq!(assert_ready_ok!(last.poll()), 3);
    assert_eq!(assert_ready_ok!(ask.poll()), 1);
    assert_eq!(bench.log(), upto(4));
    drop((ask, last));
    bench.end().await;
}

/// contract §2: *accepted*: `Ok` if and only if the message is in the mailbox: nothing is sent by a request
/// that is not polled
#[tokio::test(start_paused = true)]
async fn nothing_is_sent_before_a_request_is_polled() {
    let bench = Bench::new(4);
    #[expect(clippy::let_underscore_future, reason = "that is the point")]
    let _ = bench.actor.tell(Item(0));
    drop(bench.actor.ask(Item(1)));
    quiet().await;
    assert_eq!(bench.actor.ledger().accepted, 0);
    bench.end().await;
}

// Payloads.

/// Takes messages of all shapes, and says whether they came whole.
struct Shapes {
    seen: Arc<Mutex<Vec<&'static str>>>,
}

impl Actor for Shapes {}

#[derive(Message, Clone)]
#[message(reply = (), retry = 2)]
struct Nothing;

/// A page of bytes, too large to lie in the mailbox itself.
#[derive(Message)]
#[message(reply = Page)]
struct Page([u8; 4096]);

/// Aligned more strictly than the mailbox is.
#[derive(Message, Clone)]
#[message(reply = Aligned, retry = 2)]
#[repr(align(64))]
struct Aligned([u8; 100]);

#[derive(Message)]
#[message(reply = String)]
struct Text(String);

impl Shapes {
    fn note(&self, what: &'static str) {
        self.seen.lock().unwrap().push(what);
    }
}

fn is_aligned(aligned: &Aligned) -> bool {
    std::ptr::from_ref(aligned).addr().is_multiple_of(64)
}

impl Handler<Nothing> for Shapes {
    async fn handle(&mut self, Nothing: Nothing, _ctx: &mut Context<Self>) {
        self.note("nothing");
    }
}

impl Handler<Page> for Shapes {
    async fn handle(&mut self, page: Page, _ctx: &mut Context<Self>) -> Page {
        tokio::task::yield_now().await;
        assert!(page.0.iter().enumerate().all(|(at, &byte)| usize::from(byte) == at % 251));
        self.note("page");
        page
    }
}

impl Handler<Aligned> for Shapes {
    async fn handle(&mut self, aligned: Aligned, _ctx: &mut Context<Self>) -> Aligned {
        assert!(is_aligned(&aligned));
        tokio::task::yield_now().await;
        assert!(is_aligned(&aligned) && aligned.0 == [7; 100]);
        self.note("aligned");
        aligned
    }
}

impl Handler<Text> for Shapes {
    async fn handle(&mut self, text: Text, _ctx: &mut Context<Self>) -> String {
        self.note("text");
        text.0
    }
}

fn page() -> Page {
    let mut bytes = [0; 4096];
    bytes.iter_mut().zip((0..251).cycle()).for_each(|(byte, value)| *byte = value);
    Page(bytes)
}

/// contract I4, I2: messages of all sizes and alignments keep their order and their bytes
#[tokio::test(start_paused = true)]
async fn large_aligned_and_empty_messages_come_whole_and_in_order() {
    let (system, seen) = (System::new("shapes"), Arc::default());
    let actor = Shapes { seen: Arc::clone(&seen) }.prepare().system(&system).spawn().unwrap();
    let mut expected = Vec::new();
    for round in 0..5 {
        for shape in 0..5 {
            // Another order in each round, so that each stands behind each.
            match (round + shape * (1 + round % 2)) % 4 {
                0 => actor.try_tell(Nothing).unwrap(),
                1 => actor.try_tell(page()).unwrap(),
                2 => actor.try_tell(Aligned([7; 100])).unwrap(),
                _ => actor.try_tell(Text("text".to_owned())).unwrap(),
            }
            expected.push(["nothing", "page", "aligned", "text"][(round + shape * (1 + round % 2)) % 4]);
        }
    }
    quiet().await;
    assert_eq!(*seen.lock().unwrap(), expected);
    assert_eq!(actor.ask(page()).await.unwrap().0, page().0);
    assert_eq!(actor.ask(Aligned([7; 100])).await.unwrap().0, [7; 100]);
    assert_eq!(actor.ask(Text("four".to_owned())).await.unwrap(), "four");
    actor.ask(Nothing).await.unwrap();
    at_rest(&system).await;
    assert_eq!(system.ledger().handled, 29);
    assert_eq!(system.dead_letters().total(), 0);
}

/// contract §9: large and aligned messages that nobody handles come whole into their letters
#[tokio::test(start_paused = true)]
async fn large_and_aligned_messages_become_whole_letters() {
    let (system, seen) = (System::new("shapes"), Arc::default());
    let actor = Shapes { seen }.prepare().system(&system).spawn().unwrap();
    actor.try_tell(page()).unwrap();
    actor.try_tell(Aligned([9; 100])).unwrap();
    actor.try_tell(Nothing).unwrap();
    actor.kill();
    at_rest(&system).await;
    let letters = system.dead_letters().recent();
    assert_eq!(letters.len(), 3);
    assert_eq!(letters[0].take_message::<Page>().unwrap().0, page().0);
    assert_eq!(letters[1].take_message::<Aligned>().unwrap().0, [9; 100]);
    assert!(letters[2].take_message::<Nothing>().is_some());
}

/// Handlers whose futures differ in size by far.
struct Sizes;

impl Actor for Sizes {}

#[derive(Message)]
#[message(reply = u64)]
struct Sum(u64);

#[derive(Message)]
#[message(reply = u64)]
struct HugeSum(u64);

impl Handler<Sum> for Sizes {
    async fn handle(&mut self, Sum(of): Sum, _ctx: &mut Context<Self>) -> u64 {
        sum_over_an_await::<16>(of).await
    }
}

impl Handler<HugeSum> for Sizes {
    async fn handle(&mut self, HugeSum(of): HugeSum, _ctx: &mut Context<Self>) -> u64 {
        sum_over_an_await::<4096>(of).await
    }
}

/// Keeps `N` words in its future while it waits.
async fn sum_over_an_await<const N: usize>(of: u64) -> u64 {
    let words = [of; N];
    tokio::time::sleep(Duration::from_millis(1)).await;
    words.iter().sum::<u64>() / N as u64
}

/// contract §2: a handler's future may be of any size, also by turns
#[tokio::test(start_paused = true)]
async fn huge_handlers_and_small_ones_run_by_turns() {
    assert!(size_of_val(&sum_over_an_await::<4096>(0)) > 32 * 1024);
    let system = System::new("sizes");
    let actor = Sizes.prepare().system(&system).spawn().unwrap();
    for of in 0..10 {
        let (small, huge) = tokio::join!(actor.ask(Sum(of)), actor.ask(HugeSum(of)));
        assert_eq!((small.unwrap(), huge.unwrap()), (of, of));
    }
    at_rest(&system).await;
}

/// contract §7: `kill` cuts a huge handler as any other
#[tokio::test(start_paused = true)]
async fn a_huge_handler_is_cut_at_its_await() {
    let system = System::new("sizes");
    let actor = Sizes.prepare().system(&system).spawn().unwrap();
    let mut ask = task::spawn(actor.ask(HugeSum(1)));
    assert_pending!(ask.poll());
    tokio::task::yield_now().await;
    assert_eq!(actor.ledger().in_flight, 1);
    actor.kill();
    actor.ended().await;
    assert!(matches!(assert_ready!(ask.poll()), Err(AskError::Aborted { .. })));
    at_rest(&system).await;
}

// Letting others run.

/// Sends each ball on to another, for ever.
struct Player {
    partner: Option<WeakRecipient<Ball>>,
    stop: Arc<AtomicBool>,
}

impl Actor for Player {}

#[derive(Message)]
struct Ball;

#[derive(Message)]
struct Meet(WeakRecipient<Ball>);

impl Handler<Meet> for Player {
    fn handle(&mut self, Meet(partner): Meet, _ctx: &mut Context<Self>) -> impl Future<Output = ()> + Send {
        self.partner = Some(partner);
        std::future::ready(())
    }
}

impl Handler<Ball> for Player {
    fn handle(&mut self, Ball: Ball, _ctx: &mut Context<Self>) -> impl Future<Output = ()> + Send {
        if !self.stop.load(Ordering::Relaxed)
            && let Some(partner) = self.partner.as_ref().and_then(WeakRecipient::upgrade)
        {
            partner.try_tell(Ball).unwrap();
        }
        std::future::ready(())
    }
}

/// Whether a timer of this runtime, which has one thread, goes off while balls fly.
async fn a_timer_goes_off(stop: &AtomicBool) {
    let timer = tokio::spawn(tokio::time::sleep(Duration::from_millis(10)));
    tokio::task::yield_now().await;
    tokio::time::advance(Duration::from_millis(11)).await;
    timer.await.unwrap();
    stop.store(true, Ordering::Relaxed);
}

/// performance §5: an actor handles a budget of messages in one poll, then lets others run
#[tokio::test(start_paused = true)]
async fn an_actor_that_tells_itself_for_ever_does_not_starve_a_timer() {
    let (system, stop) = (System::new("balls"), Arc::new(AtomicBool::new(false)));
    let player = Player { partner: None, stop: Arc::clone(&stop) }.prepare().system(&system).spawn().unwrap();
    player.tell(Meet(player.recipient().downgrade())).await.unwrap();
    player.tell(Ball).await.unwrap();
    a_timer_goes_off(&stop).await;
    at_rest(&system).await;
}

/// performance §5: so do two of them
#[tokio::test(start_paused = true)]
async fn two_actors_that_tell_each_other_for_ever_do_not_starve_a_timer() {
    let (system, stop) = (System::new("balls"), Arc::new(AtomicBool::new(false)));
    let player =
        || Player { partner: None, stop: Arc::clone(&stop) }.prepare().system(&system).spawn().unwrap();
    let (one, two) = (player(), player());
    one.tell(Meet(two.recipient().downgrade())).await.unwrap();
    two.tell(Meet(one.recipient().downgrade())).await.unwrap();
    for _ in 0..10 {
        one.tell(Ball).await.unwrap();
    }
    a_timer_goes_off(&stop).await;
    at_rest(&system).await;
}

/// performance §5: a sender that never has to wait takes part in tokio's budget
#[tokio::test(start_paused = true)]
async fn a_sender_that_never_has_to_wait_does_not_starve_a_timer() {
    let (system, stop) = (System::new("balls"), Arc::new(AtomicBool::new(false)));
    let player = Player { partner: None, stop: Arc::default() };
    let player = player.prepare().system(&system).capacity(usize::MAX).spawn().unwrap();
    let sender = tokio::spawn({
        let (player, stop) = (player.clone(), Arc::clone(&stop));
        async move {
            while !stop.load(Ordering::Relaxed) {
                player.tell(Ball).await.unwrap();
            }
        }
    });
    a_timer_goes_off(&stop).await;
    sender.await.unwrap();
    at_rest(&system).await;
}

/// performance §5: and so does one whose asks are answered at once
#[tokio::test(start_paused = true)]
async fn an_asker_that_is_answered_at_once_does_not_starve_a_timer() {
    let (system, stop) = (System::new("balls"), Arc::new(AtomicBool::new(false)));
    let player = Player { partner: None, stop: Arc::default() }.prepare().system(&system).spawn().unwrap();
    let asker = tokio::spawn({
        let (player, stop) = (player.clone(), Arc::clone(&stop));
        async move {
            while !stop.load(Ordering::Relaxed) {
                player.ask(Ball).await.unwrap();
            }
        }
    });
    a_timer_goes_off(&stop).await;
    asker.await.unwrap();
    at_rest(&system).await;
}
