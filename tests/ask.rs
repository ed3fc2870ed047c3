//! Asks: what the caller is told in each case, and answers that are given later.

use std::{
    future::{Future, ready},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use postbox::{Cause, Failure, FlatError, Reason, Shutdown, Step, prelude::*};
use tokio::{sync::oneshot, time::Instant};
use tokio_test::{assert_pending, assert_ready, assert_ready_err, assert_ready_ok, task};

/// Does what each order says, and counts how many it has begun.
struct Clerk {
    begun: Arc<AtomicU32>,
    kept: Vec<ReplyTo<u32>>,
}

impl Actor for Clerk {
    const CAPACITY: usize = 2;
    /// A `stop_now` lets the message in hand take its hour.
    const SHUTDOWN: Shutdown = Shutdown::Unbounded;
}

#[derive(Message, Debug, Clone, PartialEq)]
#[message(reply = u32)]
enum Order {
    Reply(u32),
    /// Reply after an hour.
    Slow(u32),
    Panic,
    Fail,
    /// Ask oneself.
    AskMe,
}

/// Far beyond every deadline of these tests.
const HOUR: Duration = Duration::from_hours(1);

const PANIC_LINE: u32 = line!() + 3;

fn spill() -> ! {
    panic!("the ink is spilled")
}

impl Handler<Order> for Clerk {
    async fn handle(&mut self, order: Order, ctx: &mut Context<Self>) -> u32 {
        self.begun.fetch_add(1, Ordering::Relaxed);
        match order {
            Order::Reply(number) => number,
            Order::Slow(number) => {
                tokio::time::sleep(HOUR).await;
                number
            }
            Order::Panic => spill(),
            Order::Fail => ctx.fail("out of paper").await,
            Order::AskMe => match ctx.actor_ref().ask(Order::Reply(1)).await {
                Err(AskError::WouldDeadlock { msg: Order::Reply(1), .. }) => 77,
                other => panic!("{other:?}"),
            },
        }
    }
}

struct Office {
    system: System,
    clerk: ActorRef<Clerk>,
    begun: Arc<AtomicU32>,
}

impl Office {
    fn open() -> Self {
        let (system, begun) = (System::new("office"), Arc::default());
        let clerk = Clerk { begun: Arc::clone(&begun), kept: Vec::new() };
        let clerk = clerk.prepare().system(&system).spawn().unwrap();
        Self { system, clerk, begun }
    }

    /// With a slow order in the clerk's hand.
    async fn busy() -> Self {
        let office = Self::open();
        office.clerk.tell(Order::Slow(0)).await.unwrap();
        quiet().await;
        assert_eq!(office.begun(), 1);
        office
    }

    fn begun(&self) -> u32 {
        self.begun.load(Ordering::Relaxed)
    }

    fn letters(&self, reason: Reason) -> u64 {
        self.system.dead_letters().count(reason)
    }

    /// Ends everything, checks the books and returns how many orders were handled, dead and returned.
    async fn close(self) -> (u64, u64, u64) {
        drop(self.clerk);
        close(&self.system).await
    }
}

async fn close(system: &System) -> (u64, u64, u64) {
    let ledger = system.shutdown(HOUR * 100).await.ledger;
    assert!(ledger.balances() && ledger.accepted == ledger.settled(), "{ledger}");
    let letters = system.dead_letters();
    assert_eq!(letters.count(Reason::Leaked), 0);
    // A late reply is the letter of a message that was handled.
    assert_eq!(letters.total() - letters.count(Reason::LateReply), ledger.dead, "{ledger}");
    (ledger.handled, ledger.dead, ledger.returned)
}

/// Waits until nobody has anything left to do: only then does the paused clock move.
async fn quiet() {
    tokio::time::sleep(Duration::from_nanos(1)).await;
}

fn is_spill(failure: &Failure) -> bool {
    let panic = failure.panic().expect("it panicked");
    let place = panic.place().expect("the hook saw it");
    panic.text() == "the ink is spilled" && place.file() == file!() && place.line() == PANIC_LINE
}

// The table of contract §6, row by row.

/// contract §6: `ask` resolves with the reply
#[tokio::test(start_paused = true)]
async fn an_ask_gets_its_reply() {
    let office = Office::open();
    assert_eq!(office.clerk.ask(Order::Reply(5)).await.unwrap(), 5);
    assert_eq!(office.clerk.try_ask(Order::Reply(6)).await.unwrap(), 6);
    assert_eq!(office.close().await, (2, 0, 0));
}

/// contract §6: mailbox full (`try_ask`) | `Full(msg)` | yes
#[tokio::test(start_paused = true)]
async fn an_ask_that_does_not_wait_gets_its_message_back_from_a_full_mailbox() {
    let office = Office::busy().await;
    office.clerk.try_tell(Order::Reply(1)).unwrap();
    office.clerk.try_tell(Order::Reply(2)).unwrap();
    let error = office.clerk.try_ask(Order::Reply(3)).await.unwrap_err();
    assert!(matches!(&error, AskError::Full { capacity: 2, to, .. } if to == office.clerk.identity()));
    assert_eq!(error.may_retry(), Some(true));
    assert_eq!(error.into_message(), Some(Order::Reply(3)));
    assert_eq!(office.close().await, (3, 0, 0));
}

/// contract §6: actor closed | `Stopped { msg, reason }` | yes
#[tokio::test(start_paused = true)]
async fn an_ask_gets_its_message_back_from_an_actor_that_has_ended() {
    let office = Office::open();
    office.clerk.kill();
    office.clerk.ended().await;
    let error = office.clerk.ask(Order::Reply(3)).await.unwrap_err();
    assert!(matches!(error, AskError::Stopped { reason: StopReason::Killed, .. }), "{error}");
    assert_eq!(error.may_retry(), Some(true));
    assert_eq!(error.into_message(), Some(Order::Reply(3)));
    assert_eq!(office.close().await, (0, 0, 0));
}

/// contract §6: deadline while queued | `Timeout { started: false }`; the handler will not run it | yes
#[tokio::test(start_paused = true)]
async fn an_ask_that_times_out_in_the_queue_is_never_handled() {
    let office = Office::busy().await;
    let error = office.clerk.ask(Order::Reply(3)).timeout(Duration::from_secs(9)).await.unwrap_err();
    let AskError::Timeout { started: false, msg: None, after, .. } = &error else { panic!("{error}") };
    assert_eq!((*after, error.may_retry()), (Duration::from_secs(9), Some(true)));
    tokio::time::sleep(HOUR).await;
    assert_eq!(office.begun(), 1, "the handler does not run it");
    assert_eq!(office.letters(Reason::Abandoned), 1);
    let letter = &office.system.dead_letters().recent()[0];
    assert_eq!((letter.attempts(), letter.take_message()), (0, Some(Order::Reply(3))));
    assert_eq!(office.close().await, (1, 1, 0));
}

/// contract §6, §8: deadline while it waits for room: never accepted, and the message is inside
#[tokio::test(start_paused = true)]
async fn an_ask_that_times_out_in_the_line_gets_its_message_back() {
    let office = Office::busy().await;
    office.clerk.try_tell(Order::Reply(1)).unwrap();
    office.clerk.try_tell(Order::Reply(2)).unwrap();
    let error = office.clerk.ask(Order::Reply(3)).timeout(Duration::from_secs(9)).await.unwrap_err();
    assert!(matches!(error, AskError::Timeout { started: false, msg: Some(Order::Reply(3)), .. }), "{error}");
    assert_eq!(office.clerk.ledger().accepted, 3);
    assert_eq!(office.close().await, (3, 0, 0));
}

/// contract §6: deadline while in flight | `Timeout { started: true }`; a late reply is counted, reaches
/// nobody | unknown
#[tokio::test(start_paused = true)]
async fn an_ask_that_times_out_in_the_handler_leaves_a_late_reply() {
    let office = Office::open();
    let error = office.clerk.ask(Order::Slow(3)).timeout(Duration::from_secs(9)).await.unwrap_err();
    assert!(matches!(error, AskError::Timeout { started: true, msg: None, .. }), "{error}");
    assert_eq!(error.may_retry(), None);
    assert_eq!(office.letters(Reason::LateReply), 0, "not yet");
    assert_eq!(office.clerk.ask(Order::Reply(4)).await.unwrap(), 4, "the handler goes on to its end");
    assert_eq!(office.letters(Reason::LateReply), 1);
    let letter = &office.system.dead_letters().recent()[0];
    assert!(!letter.has_message() && letter.message_type() == "Order");
    assert_eq!(office.close().await, (2, 0, 0));
}

/// contract §6: the same for an ask that another task has come to wait for meanwhile
#[tokio::test(start_paused = true)]
async fn an_ask_that_changes_hands_in_flight_still_tells_that_it_was_started() {
    let office = Office::open();
    let mut ask = task::spawn(office.clerk.ask(Order::Slow(3)).timeout(Duration::from_secs(9)));
    assert_pending!(ask.poll());
    quiet().await;
    assert_eq!(office.begun(), 1);
    let error = ask.into_inner().await.unwrap_err();
    assert!(matches!(error, AskError::Timeout { started: true, msg: None, .. }), "{error}");
    assert_eq!(office.close().await, (1, 0, 0));
}

/// contract §6: the handler failed | `Failed(failure)` at once, with panic text and place | unknown
#[tokio::test(start_paused = true)]
async fn an_ask_in_flight_fails_at_once_with_the_text_and_the_place_of_the_panic() {
    let office = Office::open();
    let asked = Instant::now();
    let error = office.clerk.ask(Order::Panic).timeout(HOUR).await.unwrap_err();
    assert_eq!(asked.elapsed(), Duration::ZERO, "not left to its timeout");
    let AskError::Failed(failure) = &error else { panic!("{error}") };
    assert!(is_spill(failure), "{failure}");
    assert_eq!(failure.step(), &Step::Message("Order"));
    assert_eq!(failure.identity(), office.clerk.identity());
    assert_eq!((error.may_retry(), error.to_string().contains("tests/ask.rs")), (None, true), "{error}");
    let reason = office.clerk.ended().await;
    assert!(is_spill(reason.failure().unwrap()));
    assert_eq!(office.letters(Reason::Failed), 1);
    assert_eq!(office.close().await, (0, 1, 0));
}

/// contract §3: a handler fails on purpose with `ctx.fail(error)`
#[tokio::test(start_paused = true)]
async fn an_ask_whose_handler_fails_on_purpose_gets_the_error_at_once() {
    let office = Office::open();
    let error = office.clerk.ask(Order::Fail).timeout(HOUR).await.unwrap_err();
    let AskError::Failed(failure) = &error else { panic!("{error}") };
    assert!(matches!(failure.cause(), Cause::Error(error) if error.to_string() == "out of paper"));
    assert_eq!(failure.step(), &Step::Message("Order"));
    assert!(office.clerk.ended().await.is_failure());
    assert_eq!(office.close().await, (0, 1, 0));
}

/// contract §6: stopped while queued | `Stopped { msg, reason }` | yes
#[tokio::test(start_paused = true)]
async fn an_ask_in_the_queue_gets_its_message_back_at_a_stop_now() {
    let office = Office::busy().await;
    let mut ask = task::spawn(office.clerk.ask(Order::Reply(3)));
    assert_pending!(ask.poll());
    office.clerk.stop_now();
    office.clerk.ended().await;
    let error = assert_ready_err!(ask.poll());
    assert!(matches!(error, AskError::Stopped { msg: Order::Reply(3), reason: StopReason::Stopped, .. }));
    assert_eq!(error.may_retry(), Some(true));
    drop(ask);
    assert_eq!(office.close().await, (1, 0, 1));
}

/// contract §6: killed while queued | `Stopped { msg, reason }` | yes
#[tokio::test(start_paused = true)]
async fn an_ask_in_the_queue_gets_its_message_back_at_a_kill() {
    let office = Office::busy().await;
    let mut ask = task::spawn(office.clerk.ask(Order::Reply(3)));
    assert_pending!(ask.poll());
    office.clerk.kill();
    office.clerk.ended().await;
    let error = assert_ready_err!(ask.poll());
    assert!(matches!(error, AskError::Stopped { msg: Order::Reply(3), reason: StopReason::Killed, .. }));
    assert_eq!(office.letters(Reason::Aborted), 1, "the one in hand");
    drop(ask);
    assert_eq!(office.close().await, (0, 1, 1));
}

/// contract §6, I6: behind a message that fails for good the ask gets its message back at once
#[tokio::test(start_paused = true)]
async fn an_ask_behind_a_failure_gets_its_message_back_at_once() {
    let office = Office::open();
    let asked = Instant::now();
    let (first, second) = tokio::join!(office.clerk.ask(Order::Panic), office.clerk.ask(Order::Reply(3)));
    assert_eq!(asked.elapsed(), Duration::ZERO);
    assert!(matches!(first, Err(AskError::Failed(_))));
    let Err(AskError::Stopped { msg: Order::Reply(3), reason, .. }) = second else { panic!("{second:?}") };
    assert!(is_spill(reason.failure().unwrap()));
    assert_eq!(office.close().await, (0, 1, 1));
}

/// contract §6: killed while in flight | `Aborted` | unknown
#[tokio::test(start_paused = true)]
async fn an_ask_in_flight_is_told_of_a_kill() {
    let office = Office::open();
    let mut ask = task::spawn(office.clerk.ask(Order::Slow(3)));
    assert_pending!(ask.poll());
    quiet().await;
    let killed = Instant::now();
    office.clerk.kill();
    office.clerk.ended().await;
    assert_eq!(killed.elapsed(), Duration::ZERO);
    let error = assert_ready_err!(ask.poll());
    assert!(matches!(error, AskError::Aborted { reason: StopReason::Killed, .. }), "{error}");
    assert_eq!(error.may_retry(), None);
    drop(ask);
    assert_eq!(office.close().await, (0, 1, 0));
}

/// contract §7: stop = drain: asks that were accepted before the call are answered
#[tokio::test(start_paused = true)]
async fn an_ask_accepted_before_a_stop_is_answered() {
    let office = Office::busy().await;
    let mut ask = task::spawn(office.clerk.ask(Order::Reply(3)));
    assert_pending!(ask.poll());
    office.clerk.stop();
    assert!(office.clerk.ended().await.is_normal());
    assert_eq!(assert_ready_ok!(ask.poll()), 3);
    drop(ask);
    assert_eq!(office.close().await, (2, 0, 0));
}

/// contract §6: asking oneself | `WouldDeadlock` at once
#[tokio::test(start_paused = true)]
async fn asking_oneself_fails_at_once_though_there_is_room() {
    let office = Office::open();
    assert_eq!(office.clerk.ask(Order::AskMe).await.unwrap(), 77);
    assert_eq!(office.close().await, (1, 0, 0));
}

/// contract §6: caller dropped the future while queued | the message is skipped at take, counted as
/// `Abandoned`
#[tokio::test(start_paused = true)]
async fn an_ask_dropped_in_the_queue_is_skipped_and_counted() {
    let office = Office::busy().await;
    let mut ask = task::spawn(office.clerk.ask(Order::Reply(3)));
    assert_pending!(ask.poll());
    drop(ask);
    assert_eq!(office.letters(Reason::Abandoned), 0, "not before its turn");
    assert_eq!(office.clerk.handle().depth(), 1, "and it counts against the bound until then");
    tokio::time::sleep(HOUR).await;
    assert_eq!((office.begun(), office.letters(Reason::Abandoned)), (1, 1));
    assert_eq!(office.close().await, (1, 1, 0));
}

/// contract §6: a caller that goes away while its message is in flight changes nothing for the handler
#[tokio::test(start_paused = true)]
async fn an_ask_dropped_in_flight_is_handled_to_its_end() {
    let office = Office::open();
    let mut ask = task::spawn(office.clerk.ask(Order::Slow(3)));
    assert_pending!(ask.poll());
    quiet().await;
    drop(ask);
    tokio::time::sleep(HOUR).await;
    assert_eq!((office.letters(Reason::LateReply), office.letters(Reason::Abandoned)), (1, 0));
    assert_eq!(office.close().await, (1, 0, 0));
}

/// contract §8: cancel-safe: an ask dropped in the line was not sent
#[tokio::test(start_paused = true)]
async fn an_ask_dropped_in_the_line_was_never_sent() {
    let office = Office::busy().await;
    office.clerk.try_tell(Order::Reply(1)).unwrap();
    office.clerk.try_tell(Order::Reply(2)).unwrap();
    let mut ask = task::spawn(office.clerk.ask(Order::Reply(3)));
    assert_pending!(ask.poll());
    drop(ask);
    assert_eq!(office.close().await, (3, 0, 0));
}

/// contract §6: caller dropped while queued, and then the actor ends: the message is the sink's
#[tokio::test(start_paused = true)]
async fn an_abandoned_ask_in_the_queue_of_an_actor_that_ends_is_a_dead_letter() {
    let office = Office::busy().await;
    let mut ask = task::spawn(office.clerk.ask(Order::Reply(3)));
    assert_pending!(ask.poll());
    drop(ask);
    office.clerk.kill();
    office.clerk.ended().await;
    assert_eq!((office.letters(Reason::Abandoned), office.letters(Reason::Aborted)), (1, 1));
    assert_eq!(office.close().await, (0, 2, 0));
}

/// contract §6: timeouts of zero are refused
#[tokio::test(start_paused = true)]
async fn a_timeout_of_zero_is_refused_with_the_message() {
    let office = Office::open();
    let error = office.clerk.ask(Order::Reply(3)).timeout(Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, AskError::Timeout { started: false, msg: Some(Order::Reply(3)), .. }), "{error}");
    assert_eq!(office.close().await, (0, 0, 0));
}

/// contract §6: `Duration::MAX` never panics
#[tokio::test(start_paused = true)]
async fn the_longest_timeout_lets_the_handler_take_its_time() {
    let office = Office::open();
    assert_eq!(office.clerk.ask(Order::Slow(3)).timeout(Duration::MAX).await.unwrap(), 3);
    assert_eq!(office.close().await, (1, 0, 0));
}

/// contract §6: the deadline counts from the first poll, and ends an ask whether it waits for room or a reply
#[tokio::test(start_paused = true)]
async fn the_time_in_the_line_counts_against_the_deadline() {
    let office = Office::busy().await;
    office.clerk.try_tell(Order::Slow(1)).unwrap();
    office.clerk.try_tell(Order::Slow(2)).unwrap();
    let asked = Instant::now();
    // There is room after one hour, and a reply after three.
    let error = office.clerk.ask(Order::Reply(3)).timeout(HOUR * 2).await.unwrap_err();
    assert!(matches!(error, AskError::Timeout { started: false, msg: None, .. }), "{error}");
    assert_eq!(asked.elapsed().as_secs(), 2 * 3600);
    assert_eq!(office.close().await, (3, 1, 0));
}

/// contract §6: a deadline that has passed does not hide a reply that is there
#[tokio::test(start_paused = true)]
async fn a_reply_that_is_there_wins_over_the_deadline() {
    let office = Office::open();
    let mut ask = task::spawn(office.clerk.ask(Order::Slow(3)).timeout(HOUR * 2));
    assert_pending!(ask.poll());
    tokio::time::sleep(HOUR * 3).await;
    assert_eq!(assert_ready_ok!(ask.poll()), 3);
    drop(ask);
    assert_eq!(office.close().await, (1, 0, 0));
}

/// Has a deadline of its own.
#[derive(Message)]
#[message(reply = u32, timeout = "5s")]
struct Patient(Duration);

impl Handler<Patient> for Clerk {
    async fn handle(&mut self, Patient(takes): Patient, _ctx: &mut Context<Self>) -> u32 {
        tokio::time::sleep(takes).await;
        1
    }
}

/// contract §6: the deadline that the message type declares
#[tokio::test(start_paused = true)]
async fn a_message_type_sets_the_deadline_of_an_ask_that_sets_none() {
    let office = Office::open();
    let error = office.clerk.ask(Patient(HOUR)).await.unwrap_err();
    assert!(
        matches!(error, AskError::Timeout { started: true, after, .. } if after.as_secs() == 5),
        "{error}"
    );
    let own = office.clerk.ask(Patient(HOUR)).timeout(HOUR * 3);
    assert_eq!(own.await.unwrap(), 1, "the ask's own deadline comes before the type's");
    office.clerk.tell(Patient(HOUR)).await.expect("a tell has none");
    assert_eq!(office.close().await, (3, 0, 0));
}

/// Answers with a result.
#[derive(Message)]
#[message(reply = Result<u32, String>)]
struct Check(bool);

impl Handler<Check> for Clerk {
    async fn handle(&mut self, Check(ok): Check, _ctx: &mut Context<Self>) -> Result<u32, String> {
        ok.then_some(1).ok_or_else(|| "no".to_owned())
    }
}

/// contract §3: a reply of `Err(..)` is data, not a failure
#[tokio::test(start_paused = true)]
async fn a_reply_of_err_is_data() {
    let office = Office::open();
    assert_eq!(office.clerk.ask(Check(false)).await.unwrap(), Err("no".to_owned()));
    office.clerk.tell(Check(false)).await.unwrap();
    assert_eq!(office.clerk.ask(Check(true)).await.unwrap(), Ok(1));
    assert_eq!(office.close().await, (3, 0, 0));
}

/// contract §6: as an `ActorRef`, so a `Recipient`
#[tokio::test(start_paused = true)]
async fn a_recipient_asks_as_a_reference_does() {
    let office = Office::open();
    let clerk = office.clerk.recipient();
    assert_eq!(clerk.ask(Order::Reply(1)).await.unwrap(), 1);
    assert_eq!(clerk.try_ask(Order::Reply(2)).await.unwrap(), 2);
    let error = clerk.ask(Order::Slow(3)).timeout(Duration::from_secs(1)).await.unwrap_err();
    assert!(matches!(error, AskError::Timeout { started: true, .. }));
    let error = clerk.ask(Order::Panic).await.unwrap_err();
    assert!(matches!(error, AskError::Failed(_)));
    drop(clerk);
    assert_eq!(office.close().await, (3, 1, 0));
}

/// contract I6: an ask is woken by its answer in the task that polls it now, not in the one that did first
#[tokio::test(start_paused = true)]
async fn an_ask_that_moves_to_another_task_is_answered_there() {
    let office = Office::open();
    let clerk = office.clerk.clone();
    let mut first = task::spawn(());
    let mut ask = Box::pin(async move { clerk.ask(Order::Slow(3)).await });
    assert!(first.enter(|cx, _| ask.as_mut().poll(cx)).is_pending());
    let second = tokio::spawn(ask);
    assert_eq!(second.await.unwrap().unwrap(), 3);
    assert!(!first.is_woken());
    assert_eq!(office.close().await, (1, 0, 0));
}

// Failures before and in the handler's future, with and without retry.

/// Fails in its first attempts.
#[derive(Clone)]
struct Brittle {
    attempts: Arc<AtomicU32>,
    bad: u32,
}

impl Brittle {
    fn new(bad: u32) -> Self {
        Self { attempts: Arc::default(), bad }
    }

    fn attempt(self) -> u32 {
        let attempt = self.attempts.fetch_add(1, Ordering::Relaxed) + 1;
        if attempt <= self.bad {
            spill();
        }
        attempt
    }
}

/// Declares nothing.
#[derive(Message)]
#[message(reply = u32)]
struct Once(Brittle);

/// Declares three attempts.
#[derive(Message, Clone)]
#[message(reply = u32, retry = 3)]
struct Thrice(Brittle);

/// Handles each message in a future.
#[derive(Default)]
struct Later;

/// Handles each message before it returns its future.
#[derive(Default)]
struct AtOnce;

impl Actor for Later {}
impl Actor for AtOnce {}

impl Handler<Once> for Later {
    async fn handle(&mut self, msg: Once, _ctx: &mut Context<Self>) -> u32 {
        tokio::task::yield_now().await;
        msg.0.attempt()
    }
}

impl Handler<Thrice> for Later {
    async fn handle(&mut self, msg: Thrice, _ctx: &mut Context<Self>) -> u32 {
        tokio::task::yield_now().await;
        msg.0.attempt()
    }
}

impl Handler<Once> for AtOnce {
    fn handle(&mut self, msg: Once, _ctx: &mut Context<Self>) -> impl Future<Output = u32> + Send {
        ready(msg.0.attempt())
    }
}

impl Handler<Thrice> for AtOnce {
    fn handle(&mut self, msg: Thrice, _ctx: &mut Context<Self>) -> impl Future<Output = u32> + Send {
        ready(msg.0.attempt())
    }
}

trait Brittles: Actor + Default + Handler<Once> + Handler<Thrice> {}
impl Brittles for Later {}
impl Brittles for AtOnce {}

/// A supervisor in a system of its own, and a child of it.
async fn supervised<A: Actor + Default>() -> (System, ActorRef<Supervisor>, ActorRef<A>) {
    let system = System::new("supervised");
    let tree = Supervisor::one_for_one().system(&system).start().await.unwrap();
    let actor = tree.spawn(child("child", A::default)).await.unwrap();
    (system, tree, actor)
}

/// What is known after the failure for good of a message.
#[derive(Debug, PartialEq)]
struct Outcome {
    reason: Reason,
    attempts: u32,
    has_message: bool,
    ledger: (u64, u64, u64),
}

async fn outcome(system: &System) -> Outcome {
    let letters = system.dead_letters().recent();
    let [letter] = &letters[..] else { panic!("{letters:?}") };
    let failure = letter.failure().unwrap();
    assert!(is_spill(failure), "{failure}");
    assert!(matches!(failure.step(), Step::Message("Once" | "Thrice")), "{failure}");
    let (reason, attempts, has_message) = (letter.reason(), letter.attempts(), letter.has_message());
    Outcome { reason, attempts, has_message, ledger: close(system).await }
}

async fn asked_without_retry<A: Brittles>() -> Outcome {
    let (system, _tree, actor) = supervised::<A>().await;
    let error = actor.ask(Once(Brittle::new(1))).timeout(HOUR).await.unwrap_err();
    assert!(matches!(&error, AskError::Failed(failure) if is_spill(failure)), "{error}");
    assert_eq!(actor.ask(Once(Brittle::new(0))).await.unwrap(), 1, "the actor goes on");
    outcome(&system).await
}

async fn told_without_retry<A: Brittles>() -> Outcome {
    let (system, _tree, actor) = supervised::<A>().await;
    actor.tell(Once(Brittle::new(1))).await.unwrap();
    assert_eq!(actor.ask(Once(Brittle::new(0))).await.unwrap(), 1, "the actor goes on");
    outcome(&system).await
}

async fn asked_with_retry<A: Brittles>() -> Outcome {
    let (system, _tree, actor) = supervised::<A>().await;
    let reply = actor.ask(Thrice(Brittle::new(2))).timeout(HOUR).await.unwrap();
    assert_eq!(reply, 3, "the asker keeps waiting");
    let error = actor.ask(Thrice(Brittle::new(3))).timeout(HOUR).await.unwrap_err();
    assert!(matches!(&error, AskError::Failed(failure) if is_spill(failure)), "{error}");
    assert_eq!(actor.ask(Once(Brittle::new(0))).await.unwrap(), 1, "the actor goes on");
    outcome(&system).await
}

async fn told_with_retry<A: Brittles>() -> Outcome {
    let (system, _tree, actor) = supervised::<A>().await;
    actor.tell(Thrice(Brittle::new(2))).await.unwrap();
    actor.tell(Thrice(Brittle::new(3))).await.unwrap();
    assert_eq!(actor.ask(Once(Brittle::new(0))).await.unwrap(), 1, "the actor goes on");
    outcome(&system).await
}

async fn asked_with_retry_but_never_restarted<A: Brittles>() -> Outcome {
    let system = System::new("alone");
    let actor = A::default().prepare().system(&system).spawn().unwrap();
    let error = actor.ask(Thrice(Brittle::new(1))).timeout(HOUR).await.unwrap_err();
    assert!(matches!(&error, AskError::Failed(failure) if is_spill(failure)), "{error}");
    assert!(actor.ended().await.is_failure());
    outcome(&system).await
}

const TOMBSTONE: Outcome =
    Outcome { reason: Reason::Failed, attempts: 1, has_message: false, ledger: (1, 1, 0) };
const QUARANTINE: Outcome =
    Outcome { reason: Reason::Quarantined, attempts: 3, has_message: true, ledger: (2, 1, 0) };

/// contract §3: nothing declared: a tombstone; an asker gets `AskError::Failed` at once
#[tokio::test(start_paused = true)]
async fn an_asked_message_without_retry_leaves_a_tombstone() {
    assert_eq!(asked_without_retry::<Later>().await, TOMBSTONE);
}

/// contract §3, as above, for a `fn handle` that panics before it returns its future
#[tokio::test(start_paused = true)]
async fn an_asked_message_whose_handler_panics_before_its_future_leaves_a_tombstone() {
    assert_eq!(asked_without_retry::<AtOnce>().await, TOMBSTONE);
}

/// contract §3: nothing declared: a tombstone
#[tokio::test(start_paused = true)]
async fn a_told_message_without_retry_leaves_a_tombstone() {
    assert_eq!(told_without_retry::<Later>().await, TOMBSTONE);
}

/// contract §3, as above, for a `fn handle` that panics before it returns its future
#[tokio::test(start_paused = true)]
async fn a_told_message_whose_handler_panics_before_its_future_leaves_a_tombstone() {
    assert_eq!(told_without_retry::<AtOnce>().await, TOMBSTONE);
}

/// contract §3: `retry = N`: redelivered first, the asker keeps waiting; then quarantined
#[tokio::test(start_paused = true)]
async fn an_asked_message_with_retry_is_answered_or_quarantined() {
    assert_eq!(asked_with_retry::<Later>().await, QUARANTINE);
}

/// contract §3, as above, for a `fn handle` that panics before it returns its future
#[tokio::test(start_paused = true)]
async fn an_asked_message_with_retry_whose_handler_panics_before_its_future_is_answered_or_quarantined() {
    assert_eq!(asked_with_retry::<AtOnce>().await, QUARANTINE);
}

/// contract §3: `retry = N`: then quarantined: a dead letter that holds the message itself
#[tokio::test(start_paused = true)]
async fn a_told_message_with_retry_is_handled_or_quarantined() {
    assert_eq!(told_with_retry::<Later>().await, Outcome { ledger: (2, 1, 0), ..QUARANTINE });
}

/// contract §3, as above, for a `fn handle` that panics before it returns its future
#[tokio::test(start_paused = true)]
async fn a_told_message_with_retry_whose_handler_panics_before_its_future_is_handled_or_quarantined() {
    assert_eq!(told_with_retry::<AtOnce>().await, Outcome { ledger: (2, 1, 0), ..QUARANTINE });
}

/// contract I6: where no restart follows, the asker of a message with retry is told at once
#[tokio::test(start_paused = true)]
async fn an_asked_message_with_retry_fails_at_once_where_nobody_restarts_the_actor() {
    let expected = Outcome { attempts: 1, ledger: (0, 1, 0), ..QUARANTINE };
    assert_eq!(asked_with_retry_but_never_restarted::<Later>().await, expected);
    assert_eq!(asked_with_retry_but_never_restarted::<AtOnce>().await, expected);
}

/// Its clone does what the test wants.
struct Hooked {
    on_clone: Arc<Mutex<dyn FnMut() + Send>>,
}

impl Message for Hooked {
    type Reply = u32;
    const ATTEMPTS: u32 = 3;
    fn duplicate(&self) -> Option<Self> {
        (self.on_clone.lock().unwrap())();
        Some(Self { on_clone: Arc::clone(&self.on_clone) })
    }
}

impl Handler<Hooked> for Later {
    async fn handle(&mut self, _msg: Hooked, _ctx: &mut Context<Self>) -> u32 {
        1
    }
}

type Asking = dyn Future<Output = ()> + Send;

/// contract I1: at most one fate, also when the asker goes away while the message is being copied
#[tokio::test(start_paused = true)]
async fn an_asker_that_goes_away_while_its_message_is_copied_changes_nothing() {
    let (system, _tree, actor) = supervised::<Later>().await;
    let asker: Arc<Mutex<Option<Pin<Box<Asking>>>>> = Arc::default();
    let asked = Arc::clone(&asker);
    let on_clone = Arc::new(Mutex::new(move || drop(asked.lock().unwrap().take())));
    let mut ask = Box::pin({
        let actor = actor.clone();
        async move { drop(actor.ask(Hooked { on_clone }).await) }
    });
    assert!(task::spawn(()).enter(|cx, _| ask.as_mut().poll(cx)).is_pending());
    *asker.lock().unwrap() = Some(ask);
    quiet().await;
    assert!(asker.lock().unwrap().is_none(), "it was dropped in the middle");
    // It had been taken, so it is handled, and its reply is late.
    assert_eq!(system.dead_letters().count(Reason::LateReply), 1);
    assert_eq!(close(&system).await, (1, 0, 0));
}

/// contract §3, §5: a panic in the message's `Clone` is a failure of the attempt
#[tokio::test(start_paused = true)]
async fn a_message_that_panics_as_it_is_copied_is_quarantined() {
    let (system, _tree, actor) = supervised::<Later>().await;
    let on_clone = Arc::new(Mutex::new(|| spill()));
    // A poisoned lock would panic with another text.
    let on_clone: Arc<Mutex<dyn FnMut() + Send>> = on_clone;
    let error = actor.ask(Hooked { on_clone }).await.unwrap_err();
    assert!(matches!(&error, AskError::Failed(failure) if failure.panic().is_some()), "{error}");
    assert_eq!(actor.ask(Once(Brittle::new(0))).await.unwrap(), 1, "the actor goes on");
    assert_eq!(system.dead_letters().count(Reason::Quarantined), 1);
    assert_eq!(close(&system).await, (1, 1, 0));
}

/// Declares attempts, but has no copies to make: handled once, by value.
struct Uncopied;

impl Message for Uncopied {
    type Reply = u32;
    const ATTEMPTS: u32 = 3;
}

impl Handler<Uncopied> for AtOnce {
    fn handle(&mut self, _msg: Uncopied, _ctx: &mut Context<Self>) -> impl Future<Output = u32> + Send {
        spill();
        #[expect(unreachable_code, reason = "the type of the future")]
        ready(1)
    }
}

/// contract §3, I1: the failure of one message is not laid to the next one's door
#[tokio::test(start_paused = true)]
async fn a_message_with_retry_that_cannot_be_copied_leaves_a_tombstone_and_the_next_is_whole() {
    let (system, _tree, actor) = supervised::<AtOnce>().await;
    let (first, next) = tokio::join!(actor.ask(Uncopied), actor.ask(Thrice(Brittle::new(2))));
    assert!(matches!(&first, Err(AskError::Failed(failure)) if is_spill(failure)), "{first:?}");
    assert_eq!(next.unwrap(), 3);
    assert!(actor.ask(Uncopied).await.is_err(), "also with nothing behind it");
    assert_eq!(system.dead_letters().count(Reason::Failed), 2);
    assert_eq!(close(&system).await, (1, 2, 0));
}

// `ctx.fail` and `ctx.reply_later` as futures.

#[derive(Message)]
#[message(reply = u32)]
enum Odd {
    /// `ctx.fail` beside a branch that is ready.
    FailLoses,
    /// `ctx.fail` beside a branch that never is.
    FailWins,
    /// `ctx.fail` that is made and dropped.
    FailDropped,
    /// `ctx.reply_later` beside a branch that is ready at once.
    LaterLoses,
    /// `ctx.reply_later` beside a branch that is ready when it is looked at again.
    LaterLosesLate,
    /// As before, and then the handler panics.
    LaterLosesThenPanics,
    /// `ctx.reply_later` beside a branch that is ready after the reply has been kept.
    LaterKeptThenGone,
    Keep,
    /// `ctx.reply_later` whose keeper panics.
    KeeperPanics,
    /// Answers all that were kept, counting from this.
    Answer(u32),
    /// Drops all that were kept.
    Forget,
    /// Panics with all that were kept in hand.
    Spill,
    WrongType,
    /// Hands the reply to a task, which answers after an hour.
    Spawn(u32),
}

impl Handler<Odd> for Clerk {
    async fn handle(&mut self, odd: Odd, ctx: &mut Context<Self>) -> u32 {
        match odd {
            Odd::FailLoses => tokio::select! {
                biased;
                number = ctx.fail("lost") => number,
                () = ready(()) => 11,
            },
            Odd::FailWins => tokio::select! {
                biased;
                () = std::future::pending() => 12,
                number = ctx.fail("won") => number,
            },
            Odd::FailDropped => {
                drop(ctx.fail::<u32>("dropped"));
                tokio::task::yield_now().await;
                13
            }
            Odd::LaterLoses => tokio::select! {
                biased;
                number = ctx.reply_later(|reply| self.kept.push(reply)) => number,
                () = ready(()) => 14,
            },
            Odd::LaterLosesLate => tokio::select! {
                biased;
                () = tokio::task::yield_now() => 15,
                number = ctx.reply_later(|reply| self.kept.push(reply)) => number,
            },
            Odd::LaterLosesThenPanics => tokio::select! {
                biased;
                () = tokio::task::yield_now() => spill(),
                number = ctx.reply_later(|reply| self.kept.push(reply)) => number,
            },
            Odd::LaterKeptThenGone => {
                let kept = AtomicU32::new(0);
                let after = std::future::poll_fn(|_| match kept.load(Ordering::Relaxed) {
                    0 => std::task::Poll::Pending,
                    _ => std::task::Poll::Ready(()),
                });
                tokio::select! {
                    biased;
                    number = ctx.reply_later(|reply| {
                        self.kept.push(reply);
                        kept.store(1, Ordering::Relaxed);
                    }) => number,
                    () = after => 16,
                }
            }
            Odd::Keep => ctx.reply_later(|reply| self.kept.push(reply)).await,
            Odd::KeeperPanics => {
                ctx.reply_later(|reply: ReplyTo<u32>| {
                    let _dropped_by_the_panic = reply;
                    spill()
                })
                .await
            }
            Odd::Answer(from) => {
                let kept = self.kept.drain(..).zip(from..);
                u32::try_from(kept.filter_map(|(reply, number)| reply.send(number).ok()).count()).unwrap()
            }
            Odd::Forget => {
                self.kept.clear();
                0
            }
            Odd::Spill => {
                let _dropped_by_the_panic = std::mem::take(&mut self.kept);
                spill()
            }
            Odd::WrongType => ctx.reply_later(|reply: ReplyTo<String>| drop(reply)).await,
            Odd::Spawn(number) => {
                let keep = |reply: ReplyTo<u32>| {
                    tokio::spawn(async move {
                        tokio::time::sleep(HOUR).await;
                        reply.send(number).unwrap();
                    });
                };
                ctx.reply_later(keep).await
            }
        }
    }
}

/// `Context::fail`: beside another branch that is ready, it does nothing
#[tokio::test(start_paused = true)]
async fn a_fail_that_loses_a_select_does_nothing() {
    let office = Office::open();
    assert_eq!(office.clerk.ask(Odd::FailLoses).await.unwrap(), 11);
    assert_eq!(office.clerk.ask(Odd::FailDropped).await.unwrap(), 13);
    assert_eq!(office.close().await, (2, 0, 0));
}

/// `Context::fail`: beside a branch that is not ready, it fails
#[tokio::test(start_paused = true)]
async fn a_fail_that_wins_a_select_fails() {
    let office = Office::open();
    let error = office.clerk.ask(Odd::FailWins).await.unwrap_err();
    assert!(error.to_string().contains("won"), "{error}");
    assert_eq!(office.close().await, (0, 1, 0));
}

/// `Context::reply_later`: dropped before `keep` was called, it does nothing
#[tokio::test(start_paused = true)]
async fn a_reply_later_that_loses_a_select_does_nothing() {
    let office = Office::open();
    assert_eq!(office.clerk.ask(Odd::LaterLoses).await.unwrap(), 14);
    assert_eq!(office.clerk.ask(Odd::LaterLosesLate).await.unwrap(), 15);
    office.clerk.tell(Odd::LaterLosesLate).await.unwrap();
    assert_eq!(office.close().await, (3, 0, 0));
}

/// contract §6: the handler failed: `Failed` at once, whatever it had begun before
#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_after_a_reply_later_that_lost_is_a_failure() {
    let office = Office::open();
    let error = office.clerk.ask(Odd::LaterLosesThenPanics).await.unwrap_err();
    assert!(matches!(&error, AskError::Failed(failure) if is_spill(failure)), "{error}");
    assert_eq!(office.close().await, (0, 1, 0));
}

/// contract I6: resolved exactly once, by whoever is first: here the handler, which goes on after it has given
/// its reply away
#[tokio::test(start_paused = true)]
async fn a_handler_that_answers_although_its_reply_was_kept_answers_alone() {
    let office = Office::open();
    assert_eq!(office.clerk.ask(Odd::LaterKeptThenGone).await.unwrap(), 16);
    assert_eq!(office.clerk.ask(Odd::Answer(5)).await.unwrap(), 0, "the other answer comes back");
    assert_eq!(office.clerk.ask(Odd::LaterKeptThenGone).await.unwrap(), 16);
    office.clerk.ask(Odd::Forget).await.unwrap();
    assert_eq!(office.close().await, (4, 0, 0));
}

/// `Context::reply_later` works beside other futures that are polled only when woken
#[tokio::test(start_paused = true)]
async fn a_reply_later_among_futures_that_are_polled_only_when_woken_keeps_the_reply() {
    use futures_util::{StreamExt as _, stream::FuturesUnordered};
    struct Keeper(Option<ReplyTo<u32>>);
    impl Actor for Keeper {}
    impl Handler<Odd> for Keeper {
        async fn handle(&mut self, _odd: Odd, ctx: &mut Context<Self>) -> u32 {
            if let Some(reply) = self.0.take() {
                reply.send(31).unwrap();
                return 30;
            }
            let later = ctx.reply_later(|reply| self.0 = Some(reply));
            let mut one = FuturesUnordered::from_iter([later]);
            one.next().await.unwrap()
        }
    }
    let system = System::new("woken");
    let keeper = Keeper(None).prepare().system(&system).spawn().unwrap();
    let (first, second) = tokio::join!(keeper.ask(Odd::Keep), keeper.ask(Odd::Keep));
    assert_eq!((first.unwrap(), second.unwrap()), (31, 30));
    drop(keeper);
    assert_eq!(close(&system).await, (2, 0, 0));
}

/// architecture §2, `reply_later`: the answer comes when it comes, and the actor goes on meanwhile
#[tokio::test(start_paused = true)]
async fn an_answer_may_be_given_while_a_later_message_is_handled() {
    let office = Office::open();
    let mut first = task::spawn(office.clerk.ask(Odd::Keep));
    assert_pending!(first.poll());
    quiet().await;
    assert_eq!(office.clerk.ledger().handled, 1, "handled, as far as the actor is concerned");
    let mut second = task::spawn(office.clerk.ask(Odd::Keep));
    assert_pending!(second.poll());
    // Two messages in a row behind those that were put off.
    assert_eq!(office.clerk.ask(Order::Reply(1)).await.unwrap(), 1);
    assert_eq!(office.clerk.ask(Order::Reply(2)).await.unwrap(), 2);
    assert_pending!(first.poll());
    assert_eq!(office.clerk.ask(Odd::Answer(40)).await.unwrap(), 2);
    assert_eq!((assert_ready_ok!(first.poll()), assert_ready_ok!(second.poll())), (40, 41));
    drop((first, second));
    assert_eq!(office.close().await, (5, 0, 0));
}

/// `ReplyTo`: it can be sent to another task
#[tokio::test(start_paused = true)]
async fn an_answer_may_come_from_a_spawned_task() {
    let office = Office::open();
    let (later, at_once) = tokio::join!(office.clerk.ask(Odd::Spawn(9)), office.clerk.ask(Order::Reply(1)));
    assert_eq!((later.unwrap(), at_once.unwrap()), (9, 1));
    assert_eq!(office.close().await, (2, 0, 0));
}

/// contract §6: the handler dropped the reply | `NoReply` at once | no
#[tokio::test(start_paused = true)]
async fn an_asker_is_told_at_once_that_its_reply_was_dropped() {
    let office = Office::open();
    let mut ask = task::spawn(office.clerk.ask(Odd::Keep).timeout(HOUR));
    assert_pending!(ask.poll());
    office.clerk.ask(Odd::Forget).await.unwrap();
    assert!(ask.is_woken());
    let error = assert_ready_err!(ask.poll());
    assert!(matches!(&error, AskError::NoReply { to } if to == office.clerk.identity()), "{error}");
    assert_eq!(error.may_retry(), Some(false));
    drop(ask);
    assert_eq!(office.close().await, (2, 0, 0));
}

/// contract §6: the same when it was dropped by the panic of another message's handler, whose own asker is told of
/// the failure
#[tokio::test(start_paused = true)]
async fn an_asker_whose_kept_reply_falls_with_another_handler_is_told_at_once() {
    let office = Office::open();
    let mut kept = task::spawn(office.clerk.ask(Odd::Keep));
    assert_pending!(kept.poll());
    let error = office.clerk.ask(Odd::Spill).await.unwrap_err();
    assert!(matches!(&error, AskError::Failed(failure) if is_spill(failure)), "{error}");
    assert!(matches!(assert_ready_err!(kept.poll()), AskError::NoReply { .. }));
    drop(kept);
    assert_eq!(office.close().await, (1, 1, 0));
}

/// contract §6: the same when the actor ends with the reply in its state
#[tokio::test(start_paused = true)]
async fn an_asker_whose_reply_dies_with_the_actor_is_told_at_once() {
    let office = Office::open();
    let mut ask = task::spawn(office.clerk.ask(Odd::Keep).timeout(HOUR));
    assert_pending!(ask.poll());
    quiet().await;
    office.clerk.kill();
    office.clerk.ended().await;
    assert!(matches!(assert_ready!(ask.poll()), Err(AskError::NoReply { .. })));
    drop(ask);
    assert_eq!(office.close().await, (1, 0, 0));
}

/// `reply_later` of the wrong type is a failure of the handler
#[tokio::test(start_paused = true)]
async fn a_reply_later_of_the_wrong_type_is_a_failure() {
    let office = Office::open();
    let error = office.clerk.ask(Odd::WrongType).await.unwrap_err();
    let AskError::Failed(failure) = &error else { panic!("{error}") };
    assert!(failure.panic().unwrap().text().contains("not the reply type"), "{failure}");
    assert_eq!(failure.step(), &Step::Message("Odd"));
    assert_eq!(office.close().await, (0, 1, 0));
}

/// contract §6: the handler failed: `Failed` with the panic, also where the panic takes the reply with it
#[tokio::test(start_paused = true)]
async fn a_reply_later_whose_keeper_panics_is_a_failure() {
    let office = Office::open();
    let error = office.clerk.ask(Odd::KeeperPanics).await.unwrap_err();
    let AskError::Failed(failure) = &error else { panic!("{error}") };
    assert_eq!(failure.panic().unwrap().text(), "the ink is spilled");
    assert_eq!(office.close().await, (0, 1, 0));
}

/// The same for a message that was told
#[tokio::test(start_paused = true)]
async fn a_reply_later_of_the_wrong_type_is_a_failure_also_when_nobody_asks() {
    let office = Office::open();
    office.clerk.tell(Odd::WrongType).await.unwrap();
    assert!(office.clerk.ended().await.is_failure());
    assert_eq!(office.close().await, (0, 1, 0));
}

/// `ReplyTo`: a message that was told has no asker, and takes any reply
#[tokio::test(start_paused = true)]
async fn a_told_message_may_be_put_off_as_well() {
    let office = Office::open();
    office.clerk.tell(Odd::Keep).await.unwrap();
    office.clerk.tell(Odd::Keep).await.unwrap();
    assert_eq!(office.clerk.ask(Odd::Answer(1)).await.unwrap(), 2, "both answers are taken");
    assert_eq!(office.close().await, (3, 0, 0));
}

/// `ReplyTo::send`: the reply comes back when the asker does not wait any more
#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_too_late_comes_back() {
    struct Keeper(Option<oneshot::Sender<ReplyTo<u32>>>);
    impl Actor for Keeper {}
    impl Handler<Odd> for Keeper {
        async fn handle(&mut self, _odd: Odd, ctx: &mut Context<Self>) -> u32 {
            let to = self.0.take().unwrap();
            ctx.reply_later(|reply| drop(to.send(reply))).await
        }
    }
    let system = System::new("late");
    let (kept, reply) = oneshot::channel();
    let keeper = Keeper(Some(kept)).prepare().system(&system).spawn().unwrap();
    let mut ask = task::spawn(keeper.ask(Odd::Keep).timeout(Duration::from_secs(1)));
    assert_pending!(ask.poll());
    let reply = reply.await.unwrap();
    assert!(reply.is_awaited());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(matches!(assert_ready!(ask.poll()), Err(AskError::Timeout { started: true, .. })));
    assert!(!reply.is_awaited());
    assert_eq!(reply.send(8), Err(8));
    drop(ask);
    drop(keeper);
    assert_eq!(close(&system).await, (1, 0, 0));
}

/// contract §3: a message with retry may be put off, and is handled then
#[tokio::test(start_paused = true)]
async fn a_message_with_retry_may_be_put_off() {
    #[derive(Default)]
    struct Keeper(Option<ReplyTo<u32>>);
    impl Actor for Keeper {}
    impl Handler<Thrice> for Keeper {
        async fn handle(&mut self, msg: Thrice, ctx: &mut Context<Self>) -> u32 {
            msg.0.attempt();
            ctx.reply_later(|reply| self.0 = Some(reply)).await
        }
    }
    impl Handler<Odd> for Keeper {
        async fn handle(&mut self, _odd: Odd, _ctx: &mut Context<Self>) -> u32 {
            self.0.take().unwrap().send(21).unwrap();
            0
        }
    }
    let (system, _tree, keeper) = supervised::<Keeper>().await;
    let mut ask = task::spawn(keeper.ask(Thrice(Brittle::new(1))));
    assert_pending!(ask.poll());
    quiet().await;
    assert_eq!(keeper.ledger().handled, 1);
    keeper.ask(Odd::Keep).await.unwrap();
    assert_eq!(assert_ready_ok!(ask.poll()), 21);
    drop(ask);
    drop(keeper);
    assert_eq!(close(&system).await, (2, 0, 0));
}

/// In a hook nothing is asked: `reply_later` there is a failure of the hook
#[tokio::test(start_paused = true)]
async fn a_reply_later_in_a_hook_is_a_failure_of_the_hook() {
    struct Confused;
    impl Actor for Confused {
        async fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), BoxError> {
            ctx.reply_later(|reply: ReplyTo<u32>| drop(reply)).await
        }
    }
    let system = System::new("hook");
    let error = Confused.prepare().system(&system).start().await.unwrap_err();
    assert!(error.to_string().contains("reply_later"), "{error}");
    assert_eq!(close(&system).await, (0, 0, 0));
}

/// An answer that is a `Result` and the ask's own, as one: with `?` for all that can go wrong.
#[tokio::test(start_paused = true)]
async fn a_reply_that_is_a_result_flattens_into_one_error() {
    #[derive(Message)]
    #[message(reply = Result<u32, std::num::ParseIntError>)]
    struct Parse(&'static str);

    impl Handler<Parse> for Clerk {
        async fn handle(
            &mut self,
            Parse(text): Parse,
            ctx: &mut Context<Self>,
        ) -> Result<u32, std::num::ParseIntError> {
            if text.is_empty() {
                return ctx.fail(std::io::Error::other("nothing to read")).await;
            }
            text.parse()
        }
    }

    let office = Office::open();
    let all_well = async {
        let number = office.clerk.ask(Parse("7")).await.flat()?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(number)
    };
    assert_eq!(all_well.await.unwrap(), 7);
    let error = office.clerk.ask(Parse("x")).await.flat().unwrap_err();
    assert!(matches!(error, FlatError::Reply(_)), "{error:?}");
    assert_eq!(error.to_string(), "invalid digit found in string");
    let error = office.clerk.ask(Parse("")).await.flat().unwrap_err();
    assert!(error.to_string().starts_with("ask Parse to Clerk#"), "{error}");
    let source = std::error::Error::source(&error).expect("the failure");
    assert!(source.to_string().ends_with("nothing to read"), "{source}");
    assert!(matches!(error, FlatError::Ask(AskError::Failed(_))), "{error:?}");
    office.close().await;
}
