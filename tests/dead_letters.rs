//! Dead letters: each reason that can be reached, counts, the ring, subscriptions, and messages that misbehave.

use std::{
    future::{Future, ready},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt as _;
use postbox::{DEFAULT_DEAD_LETTERS, DeadLetter, Reason, Shutdown, prelude::*};
use tokio_test::{assert_pending, task};

const HOUR: Duration = Duration::from_hours(1);

/// Takes an hour over each parcel.
#[derive(Default)]
struct Porter;

impl Actor for Porter {
    const CAPACITY: usize = 1000;
    /// A `stop_now` lets the message in hand take its hour.
    const SHUTDOWN: Shutdown = Shutdown::Unbounded;
}

#[derive(Message, Debug, PartialEq)]
#[message(reply = u32)]
struct Parcel(u32);

#[derive(Message, Clone, Debug, PartialEq)]
#[message(retry = 2)]
struct Fragile(u32);

#[derive(Message)]
struct Bomb;

impl Handler<Parcel> for Porter {
    async fn handle(&mut self, parcel: Parcel, _ctx: &mut Context<Self>) -> u32 {
        tokio::time::sleep(HOUR).await;
        parcel.0
    }
}

impl Handler<Fragile> for Porter {
    async fn handle(&mut self, _msg: Fragile, ctx: &mut Context<Self>) {
        ctx.fail("it is broken").await
    }
}

impl Handler<Bomb> for Porter {
    async fn handle(&mut self, _msg: Bomb, _ctx: &mut Context<Self>) {
        panic!("it went off")
    }
}

fn porter(system: &System) -> ActorRef<Porter> {
    Porter.prepare().system(system).spawn().unwrap()
}

/// Waits until nobody has anything left to do: only then does the paused clock move.
async fn quiet() {
    tokio::time::sleep(Duration::from_nanos(1)).await;
}

/// Ends everything, checks the books and returns the letters in the ring.
async fn close(system: &System) -> Vec<DeadLetter> {
    let ledger = system.shutdown(HOUR * 100).await.ledger;
    assert!(ledger.balances() && ledger.accepted == ledger.settled(), "{ledger}");
    let letters = system.dead_letters();
    assert_eq!(letters.count(Reason::Leaked), 0);
    assert_eq!(letters.total() - letters.count(Reason::LateReply), ledger.dead, "{ledger}");
    assert_eq!(letters.counts().iter().map(|group| group.count).sum::<u64>(), letters.total());
    letters.recent()
}

/// Reason, attempts, and the parcel inside.
fn told(letter: &DeadLetter) -> (Reason, u32, Option<u32>) {
    let parcel = letter.take_message::<Parcel>().map(|parcel| parcel.0);
    (letter.reason(), letter.attempts(), parcel)
}

// Each reason.

/// contract §7: `stop_now()`: queued: dead letters `Stopped`, in order
#[tokio::test(start_paused = true)]
async fn what_is_queued_at_a_stop_now_is_stopped() {
    let system = System::new("letters");
    let porter = porter(&system);
    for number in 0..4 {
        porter.try_tell(Parcel(number)).unwrap();
    }
    quiet().await;
    porter.stop_now();
    let letters = close(&system).await;
    let stopped = |number| (Reason::Stopped, 0, Some(number));
    assert_eq!(letters.iter().map(told).collect::<Vec<_>>(), [stopped(1), stopped(2), stopped(3)]);
    assert!(
        letters.iter().all(|letter| letter.recipient() == porter.identity() && letter.failure().is_none())
    );
    assert_eq!(system.ledger().handled, 1, "the one in hand");
}

/// contract §7: `kill()`: in flight: cut; queued: dead letters `Killed`
#[tokio::test(start_paused = true)]
async fn what_is_queued_at_a_kill_is_killed_and_what_is_in_hand_aborted() {
    let system = System::new("letters");
    let porter = porter(&system);
    porter.try_tell(Parcel(0)).unwrap();
    porter.try_tell(Parcel(1)).unwrap();
    quiet().await;
    porter.kill();
    let letters = close(&system).await;
    let letters: Vec<_> = letters.iter().map(told).collect();
    assert_eq!(letters, [(Reason::Aborted, 1, None), (Reason::Killed, 0, Some(1))]);
}

/// contract §3: nothing declared: a *tombstone*: type, attempts, panic text and place; behind it: contract §7
#[tokio::test(start_paused = true)]
async fn a_message_whose_handler_panics_leaves_a_tombstone() {
    let system = System::new("letters");
    let porter = porter(&system);
    porter.try_tell(Bomb).unwrap();
    porter.try_tell(Parcel(1)).unwrap();
    let letters = close(&system).await;
    let [bomb, parcel] = &letters[..] else { panic!("{letters:?}") };
    assert_eq!((bomb.reason(), bomb.attempts(), bomb.has_message()), (Reason::Failed, 1, false));
    assert_eq!((bomb.message_type(), bomb.recipient().kind()), ("Bomb", "Porter"));
    let panic = bomb.failure().unwrap().panic().unwrap();
    assert_eq!((panic.text(), panic.place().unwrap().file()), ("it went off", file!()));
    assert_eq!(told(parcel), (Reason::Stopped, 0, Some(1)));
    assert!(parcel.failure().unwrap().panic().is_some(), "it says what the actor stopped of");
}

/// contract §3: *quarantined*: a dead letter that holds the message itself
#[tokio::test(start_paused = true)]
async fn a_message_that_failed_in_all_its_attempts_is_quarantined() {
    let system = System::new("letters");
    let tree = Supervisor::one_for_one().system(&system).start().await.unwrap();
    let porter = tree.spawn(child("porter", Porter::default)).await.unwrap();
    porter.tell(Fragile(7)).await.unwrap();
    assert_eq!(porter.ask(Parcel(1)).await.unwrap(), 1);
    let letters = close(&system).await;
    let [letter] = &letters[..] else { panic!("{letters:?}") };
    assert_eq!((letter.reason(), letter.attempts()), (Reason::Quarantined, 2));
    assert_eq!(letter.recipient().name(), Some("porter"));
    assert!(letter.failure().unwrap().to_string().ends_with("it is broken"));
    assert_eq!(letter.take_message(), Some(Fragile(7)));
}

/// contract §6: caller dropped the future while queued: counted as `Abandoned`
#[tokio::test(start_paused = true)]
async fn a_message_whose_asker_went_away_is_abandoned() {
    let system = System::new("letters");
    let porter = porter(&system);
    porter.try_tell(Parcel(0)).unwrap();
    let mut ask = task::spawn(porter.ask(Parcel(1)));
    assert_pending!(ask.poll());
    drop(ask);
    let letters = close(&system).await;
    assert_eq!(letters.iter().map(told).collect::<Vec<_>>(), [(Reason::Abandoned, 0, Some(1))]);
}

/// contract §6: a late reply is counted, reaches nobody
#[tokio::test(start_paused = true)]
async fn a_reply_that_nobody_waits_for_any_more_is_a_letter_of_its_own() {
    let system = System::new("letters");
    let porter = porter(&system);
    porter.ask(Parcel(0)).timeout(HOUR / 2).await.unwrap_err();
    let letters = close(&system).await;
    assert_eq!(letters.iter().map(told).collect::<Vec<_>>(), [(Reason::LateReply, 1, None)]);
    assert_eq!((system.ledger().handled, system.ledger().dead), (1, 0), "the message itself was handled");
}

/// contract §7: limit exceeded: queued: dead letters `RestartLimit`
#[tokio::test(start_paused = true)]
async fn what_is_queued_when_the_restart_limit_is_exceeded_says_so() {
    let system = System::new("letters");
    let tree = Supervisor::one_for_one().limit(0, HOUR).system(&system).start().await.unwrap();
    let porter = tree.spawn(child("porter", Porter::default)).await.unwrap();
    porter.try_tell(Bomb).unwrap();
    porter.try_tell(Parcel(1)).unwrap();
    assert!(matches!(porter.ended().await, StopReason::RestartLimit(_)));
    let letters = close(&system).await;
    let letters: Vec<_> = letters.iter().map(told).collect();
    assert_eq!(letters, [(Reason::Failed, 1, None), (Reason::RestartLimit, 0, Some(1))]);
}

/// contract §6: an asked message goes back to its asker, and is no dead letter
#[tokio::test(start_paused = true)]
async fn a_message_that_went_back_to_its_asker_is_no_letter() {
    let system = System::new("letters");
    let porter = porter(&system);
    let mut ask = task::spawn(porter.ask(Parcel(1)));
    assert_pending!(ask.poll());
    porter.kill();
    assert!(close(&system).await.is_empty());
    assert_eq!(system.ledger().returned, 1);
}

/// contract §1: `Err`: the message is inside the error: no letter
#[tokio::test(start_paused = true)]
async fn a_message_that_was_refused_is_no_letter() {
    let system = System::new("letters");
    let porter = porter(&system);
    porter.stop();
    assert_eq!(porter.try_tell(Parcel(1)).unwrap_err().into_message(), Parcel(1));
    assert_eq!(porter.tell(Parcel(2)).await.unwrap_err().into_message(), Parcel(2));
    assert_eq!(porter.ask(Parcel(3)).await.unwrap_err().into_message(), Some(Parcel(3)));
    assert!(close(&system).await.is_empty());
    assert_eq!(system.ledger().accepted, 0);
}

// Dropping the runtime.

/// contract §1: dropping the tokio runtime under live actors: every undelivered message still reaches the sink
#[test]
fn a_runtime_that_goes_away_takes_no_message_with_it() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let system = System::new("runtime");
    let porter = runtime.block_on(async {
        let porter = porter(&system);
        for number in 0..3 {
            porter.try_tell(Parcel(number)).unwrap();
        }
        quiet().await;
        porter
    });
    assert_eq!(porter.ledger().in_flight, 1);
    drop(runtime);
    let letters = system.dead_letters().recent();
    let letters: Vec<_> = letters.iter().map(told).collect();
    assert_eq!(
        letters,
        [(Reason::Aborted, 1, None), (Reason::Stopped, 0, Some(1)), (Reason::Stopped, 0, Some(2))]
    );
    let error = porter.try_tell(Parcel(3)).unwrap_err();
    assert!(matches!(error, TryTellError::Stopped { reason: StopReason::RuntimeGone, .. }), "{error}");
    assert!(matches!(porter.ended().now_or_never(), Some(StopReason::RuntimeGone)));
    assert!(system.ledger().balances() && system.ledger().dead == 3, "{}", system.ledger());
}

/// contract §1, as above, for an actor that has never run
#[test]
fn a_runtime_that_goes_away_before_the_actor_ran_takes_no_message_with_it() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let system = System::new("runtime");
    let state = Arc::new(());
    struct Holder(#[expect(dead_code, reason = "its drop is what counts")] Arc<()>);
    impl Actor for Holder {}
    impl Handler<Parcel> for Holder {
        async fn handle(&mut self, parcel: Parcel, _ctx: &mut Context<Self>) -> u32 {
            parcel.0
        }
    }
    let holder = {
        let _inside = runtime.enter();
        Holder(Arc::clone(&state)).prepare().system(&system).name("holder").spawn().unwrap()
    };
    holder.try_tell(Parcel(1)).unwrap();
    let mut ask = task::spawn(holder.ask(Parcel(2)));
    assert_pending!(ask.poll());
    drop(runtime);
    assert!(matches!(holder.ended().now_or_never(), Some(StopReason::RuntimeGone)));
    assert!(ask.is_woken(), "the asker is told");
    drop(ask.poll());
    assert_eq!(told(&system.dead_letters().recent()[0]), (Reason::Stopped, 0, Some(1)));
    assert_eq!((system.ledger().dead, system.ledger().returned), (1, 1));
    assert!(system.lookup::<Holder>("holder").is_none(), "its name is free");
    drop(ask);
    drop(holder);
    assert_eq!(Arc::strong_count(&state), 1, "nothing of it is left");
}

// Counts, ring, subscriptions.

/// contract §9: counters per (actor kind, message type, reason)
#[tokio::test(start_paused = true)]
async fn letters_are_counted_by_kind_type_and_reason() {
    let system = System::new("letters");
    let (one, two) = (porter(&system), porter(&system));
    for porter in [&one, &two] {
        porter.try_tell(Parcel(0)).unwrap();
        porter.try_tell(Parcel(1)).unwrap();
        porter.try_tell(Fragile(2)).unwrap();
    }
    quiet().await;
    one.kill();
    two.stop_now();
    close(&system).await;
    let groups = system.dead_letters().counts();
    assert!(groups.iter().all(|group| group.kind == "Porter"));
    let groups: Vec<_> = groups.iter().map(|group| (group.message_type, group.reason, group.count)).collect();
    assert_eq!(
        groups,
        [
            ("Fragile", Reason::Stopped, 1),
            ("Fragile", Reason::Killed, 1),
            ("Parcel", Reason::Stopped, 1),
            ("Parcel", Reason::Killed, 1),
            ("Parcel", Reason::Aborted, 1),
        ]
    );
    assert_eq!(system.dead_letters().total(), 5);
}

/// Counts itself as it is dropped.
struct Counted(Arc<AtomicU32>);

impl Message for Counted {
    type Reply = ();
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Handler<Counted> for Porter {
    async fn handle(&mut self, _msg: Counted, _ctx: &mut Context<Self>) {}
}

/// contract §9: a bounded ring; overflow of the ring drops payloads, never counts
#[tokio::test(start_paused = true)]
async fn the_ring_overflows_into_the_counts() {
    let (system, dropped) = (System::new("letters"), Arc::new(AtomicU32::new(0)));
    let porter = porter(&system);
    let (ring, more) = (u32::try_from(DEFAULT_DEAD_LETTERS).unwrap(), 44);
    for _ in 0..ring + more {
        porter.try_tell(Counted(Arc::clone(&dropped))).unwrap();
    }
    porter.kill();
    let letters = close(&system).await;
    assert_eq!(letters.len(), DEFAULT_DEAD_LETTERS);
    assert_eq!(system.dead_letters().count(Reason::Killed), u64::from(ring + more));
    assert_eq!(dropped.load(Ordering::Relaxed), more, "the oldest payloads go");
    assert!(letters.iter().all(DeadLetter::has_message));
    drop((letters, porter, system));
    assert_eq!(dropped.load(Ordering::Relaxed), ring + more, "and the others with the system");
}

/// contract §9: subscribers get letters over a bounded channel that never blocks the sender
#[tokio::test(start_paused = true)]
async fn a_slow_subscriber_misses_letters_and_holds_nobody_up() {
    let system = System::new("letters");
    let (mut slow, mut quick) = (system.dead_letters().subscribe(2), system.dead_letters().subscribe(100));
    let porter = porter(&system);
    for number in 0..10 {
        porter.try_tell(Parcel(number)).unwrap();
    }
    porter.kill();
    porter.ended().now_or_never();
    close(&system).await;
    assert_eq!((slow.missed(), quick.missed()), (8, 0));
    for number in 0..2 {
        assert_eq!(slow.next().await.as_ref().map(told), Some((Reason::Killed, 0, Some(number))));
    }
    assert!(slow.next().now_or_never().is_none());
    // The message is one, whoever takes it first.
    assert_eq!(quick.next().await.as_ref().map(told), Some((Reason::Killed, 0, None)));
    quick.next().await.unwrap();
    assert_eq!(quick.next().await.as_ref().map(told), Some((Reason::Killed, 0, Some(2))));
}

/// contract §9: a letter comes to its subscriber while the actor is still ending
#[tokio::test(start_paused = true)]
async fn a_subscriber_hears_of_a_letter_at_once() {
    let system = System::new("letters");
    let mut letters = system.dead_letters().subscribe(4);
    let porter = porter(&system);
    let (letter, ()) = tokio::join!(letters.next(), async {
        porter.tell(Bomb).await.unwrap();
    });
    assert_eq!(letter.unwrap().message_type(), "Bomb");
    close(&system).await;
}

/// contract §9: the channel of a subscriber, without a wait
#[tokio::test(start_paused = true)]
async fn a_subscriber_takes_the_letters_that_are_there_one_by_one() {
    let system = System::new("letters");
    let mut letters = system.dead_letters().subscribe(4);
    let first = porter(&system);
    for parcel in [1, 2] {
        first.try_tell(Parcel(parcel)).unwrap();
    }
    assert!(letters.try_next().is_none(), "they wait for the porter");
    first.kill();
    first.ended().await;
    for parcel in [1, 2] {
        let letter = letters.try_next().expect("it is there");
        assert_eq!(letter.take_message::<Parcel>(), Some(Parcel(parcel)));
    }
    assert!(letters.try_next().is_none());
    close(&system).await;
}

/// contract §9: a letter with its message can be sent again
#[tokio::test(start_paused = true)]
async fn a_message_is_taken_out_once_and_sent_again() {
    let system = System::new("letters");
    let first = porter(&system);
    first.try_tell(Parcel(5)).unwrap();
    first.kill();
    first.ended().await;
    let letter = system.dead_letters().recent().remove(0);
    assert_eq!(letter.take_message::<Fragile>(), None, "not what it is");
    let parcel: Parcel = letter.take_message().unwrap();
    assert!(letter.take_message::<Parcel>().is_none() && !letter.has_message());
    assert_eq!(porter(&system).ask(parcel).await.unwrap(), 5);
    close(&system).await;
    assert_eq!((system.ledger().dead, system.ledger().handled), (1, 1));
}

/// contract §9: one sink per system
#[tokio::test(start_paused = true)]
async fn systems_have_sinks_of_their_own() {
    let (one, two) = (System::new("one"), System::new("two"));
    let porter = porter(&one);
    porter.try_tell(Parcel(1)).unwrap();
    porter.kill();
    close(&one).await;
    close(&two).await;
    assert_eq!((one.dead_letters().total(), two.dead_letters().total()), (1, 0));
}

// Messages that misbehave.

/// Panics as it is dropped.
#[derive(Debug)]
struct Grudge;

impl Drop for Grudge {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("not without a fight");
        }
    }
}

impl Message for Grudge {
    type Reply = ();
}

impl Handler<Grudge> for Porter {
    async fn handle(&mut self, grudge: Grudge, _ctx: &mut Context<Self>) {
        tokio::time::sleep(HOUR).await;
        drop(grudge);
    }
}

/// contract §5: panics in `Drop` of messages are caught; nobody else's outcome changes
#[tokio::test(start_paused = true)]
async fn messages_that_panic_in_the_ring_harm_nobody() {
    let system = System::new("grudges");
    let porter = porter(&system);
    let all = DEFAULT_DEAD_LETTERS * 2;
    for _ in 0..all {
        porter.try_tell(Grudge).unwrap();
    }
    porter.try_tell(Parcel(1)).unwrap();
    porter.kill();
    assert!(matches!(porter.ended().await, StopReason::Killed));
    let letters = close(&system).await;
    assert_eq!(system.dead_letters().count(Reason::Killed), all as u64 + 1);
    assert_eq!(told(letters.last().unwrap()), (Reason::Killed, 0, Some(1)));
}

/// contract §5: a panic in the `Drop` of a message whose handler is cut
#[tokio::test(start_paused = true)]
async fn a_message_that_panics_as_its_handler_is_cut_harms_nobody() {
    let system = System::new("grudges");
    let porter = porter(&system);
    porter.try_tell(Grudge).unwrap();
    porter.try_tell(Parcel(1)).unwrap();
    quiet().await;
    porter.kill();
    assert!(matches!(porter.ended().await, StopReason::Killed));
    let letters = close(&system).await;
    let letters: Vec<_> = letters.iter().map(told).collect();
    assert_eq!(letters, [(Reason::Aborted, 1, None), (Reason::Killed, 0, Some(1))]);
}

/// contract §5: a panic in the `Drop` of a message in its handler is a failure of the handler
#[tokio::test(start_paused = true)]
async fn a_message_that_panics_in_its_handler_fails_it() {
    let system = System::new("grudges");
    let porter = porter(&system);
    let error = porter.ask(Grudge).await.unwrap_err();
    assert!(matches!(&error, AskError::Failed(failure) if failure.panic().is_some()), "{error}");
    let letters = close(&system).await;
    assert_eq!(letters.iter().map(told).collect::<Vec<_>>(), [(Reason::Failed, 1, None)]);
}

/// Answers with something that panics as it is dropped.
#[derive(Message, Clone)]
#[message(reply = Grudge, retry = 3)]
struct Provoke(Arc<AtomicU32>);

#[derive(Message)]
#[message(reply = Grudge)]
struct ProvokeOnce;

impl Handler<Provoke> for Porter {
    async fn handle(&mut self, msg: Provoke, _ctx: &mut Context<Self>) -> Grudge {
        msg.0.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(HOUR).await;
        Grudge
    }
}

impl Handler<ProvokeOnce> for Porter {
    fn handle(&mut self, _msg: ProvokeOnce, _ctx: &mut Context<Self>) -> impl Future<Output = Grudge> + Send {
        ready(Grudge)
    }
}

/// contract I1: a message that was handled has its fate, whatever its reply does as it is dropped
#[tokio::test(start_paused = true)]
async fn a_reply_that_panics_as_it_is_dropped_does_not_give_its_message_a_second_fate() {
    let system = System::new("grudges");
    let porter = porter(&system);
    porter.try_tell(ProvokeOnce).unwrap();
    quiet().await;
    close(&system).await;
    assert_eq!((system.ledger().handled, system.ledger().dead), (1, 0));
    assert_eq!(system.dead_letters().total(), 0);
}

/// contract I1, as above, when the asker has gone
#[tokio::test(start_paused = true)]
async fn a_late_reply_that_panics_as_it_is_dropped_does_not_give_its_message_a_second_fate() {
    let system = System::new("grudges");
    let porter = porter(&system);
    porter.ask(Provoke(Arc::default())).timeout(HOUR / 2).await.unwrap_err();
    close(&system).await;
    assert_eq!((system.ledger().handled, system.ledger().dead), (1, 0));
    assert_eq!(system.dead_letters().count(Reason::LateReply), 1);
}

/// contract I1, I4: such a message is not redelivered: it was handled
#[tokio::test(start_paused = true)]
async fn a_handled_message_is_not_tried_again_because_its_reply_panics_as_it_is_dropped() {
    let (system, times) = (System::new("grudges"), Arc::new(AtomicU32::new(0)));
    let tree = Supervisor::one_for_one().system(&system).start().await.unwrap();
    let porter = tree.spawn(child("porter", Porter::default)).await.unwrap();
    porter.tell(Provoke(Arc::clone(&times))).await.unwrap();
    assert_eq!(porter.ask(Parcel(1)).await.unwrap(), 1, "the next one is handled in any case");
    close(&system).await;
    assert_eq!(times.load(Ordering::Relaxed), 1);
    assert_eq!((system.ledger().handled, system.ledger().dead), (2, 0));
}

/// Sends another one like it as it is dropped.
struct Hydra {
    to: Arc<OnceLock<ActorRef<Porter>>>,
    heads: u32,
    refused: Arc<AtomicU32>,
}

impl Message for Hydra {
    type Reply = ();
}

impl Handler<Hydra> for Porter {
    async fn handle(&mut self, _msg: Hydra, _ctx: &mut Context<Self>) {}
}

impl Drop for Hydra {
    fn drop(&mut self) {
        let Some(heads) = self.heads.checked_sub(1) else { return };
        let Some(to) = self.to.get() else { return };
        let next = Self { to: Arc::clone(&self.to), heads, refused: Arc::clone(&self.refused) };
        if to.try_tell(next).is_err() {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// contract I11: the dead-letter sink can neither block an actor nor recurse into one
#[tokio::test(start_paused = true)]
async fn a_message_that_sends_to_a_dead_actor_as_it_is_dropped_does_not_recurse_into_the_sink() {
    let (system, to, refused) =
        (System::new("hydra"), Arc::new(OnceLock::new()), Arc::new(AtomicU32::new(0)));
    let porter = porter(&system);
    assert!(to.set(porter.clone()).is_ok());
    let hydras = u32::try_from(DEFAULT_DEAD_LETTERS).unwrap() + 20;
    for _ in 0..hydras {
        porter.try_tell(Hydra { to: Arc::clone(&to), heads: 3, refused: Arc::clone(&refused) }).unwrap();
    }
    // The ring overflows while the actor gives its messages up, so they are dropped in its own hands.
    porter.kill();
    assert!(matches!(porter.ended().await, StopReason::Killed));
    assert_eq!(refused.load(Ordering::Relaxed), 20 * 3);
    close(&system).await;
    assert_eq!(system.dead_letters().total(), u64::from(hydras));
}

/// contract I11, to an actor that is alive: each is a message like any other
#[tokio::test(start_paused = true)]
async fn a_message_may_send_to_a_living_actor_as_it_is_dropped() {
    let (system, to, refused) =
        (System::new("hydra"), Arc::new(OnceLock::new()), Arc::new(AtomicU32::new(0)));
    let (dying, living) = (porter(&system), porter(&system));
    assert!(to.set(living.clone()).is_ok());
    let hydras = u32::try_from(DEFAULT_DEAD_LETTERS).unwrap() + 20;
    for _ in 0..hydras {
        dying.try_tell(Hydra { to: Arc::clone(&to), heads: 3, refused: Arc::clone(&refused) }).unwrap();
    }
    dying.kill();
    dying.ended().await;
    quiet().await;
    // Each that fell out of the ring sent one, which sent one as it was handled, and so on.
    assert_eq!((refused.load(Ordering::Relaxed), living.ledger().handled), (0, 20 * 3));
    close(&system).await;
}

/// contract §9, I11: what a subscriber does with a letter is not done in the actor's hands
#[tokio::test(start_paused = true)]
async fn a_subscriber_may_send_each_letter_to_an_actor_of_the_same_system() {
    /// Sends the parcels that others lost.
    struct Rescue(Arc<Mutex<Vec<u32>>>);
    impl Actor for Rescue {}
    impl Handler<Parcel> for Rescue {
        async fn handle(&mut self, parcel: Parcel, _ctx: &mut Context<Self>) -> u32 {
            self.0.lock().unwrap().push(parcel.0);
            parcel.0
        }
    }
    let (system, rescued) = (System::new("rescue"), Arc::default());
    let rescue = Rescue(Arc::clone(&rescued)).prepare().system(&system).spawn().unwrap();
    let mut letters = system.dead_letters().subscribe(16);
    tokio::spawn(async move {
        while let Some(letter) = letters.next().await {
            let Some(parcel) = letter.take_message::<Parcel>() else { continue };
            rescue.tell(parcel).await.unwrap();
        }
    });
    let porter = porter(&system);
    for number in 0..5 {
        porter.try_tell(Parcel(number)).unwrap();
    }
    porter.kill();
    quiet().await;
    assert_eq!(*rescued.lock().unwrap(), [0, 1, 2, 3, 4]);
    close(&system).await;
}
