//! References: what keeps an actor alive, what finds it, what tells of it.

use std::{
    fmt::Debug,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt as _;
use postbox::{
    ActorId, Ask, Call, DeadLetter, DeadLetters, Failure, Identity, Ledger, Reason, ReplyTo, ShutdownReport,
    Status, Subscription, Tell, prelude::*,
};
use tokio::sync::{Notify, oneshot};

const HOUR: Duration = Duration::from_hours(1);

/// Adds up, each after an hour.
#[derive(Default)]
struct Adder {
    sum: u32,
    handled: Arc<AtomicU32>,
}

impl Actor for Adder {
    const CAPACITY: usize = 7;
}

#[derive(Message, Debug)]
#[message(reply = u32)]
struct Add(u32);

/// Tells whether it can be revived: by a reference, or by a message to itself.
#[derive(Message)]
struct Revive(oneshot::Sender<(bool, bool)>);

impl Handler<Add> for Adder {
    async fn handle(&mut self, Add(number): Add, _ctx: &mut Context<Self>) -> u32 {
        tokio::time::sleep(HOUR).await;
        self.handled.fetch_add(1, Ordering::Relaxed);
        self.sum += number;
        self.sum
    }
}

impl Handler<Revive> for Adder {
    async fn handle(&mut self, Revive(told): Revive, ctx: &mut Context<Self>) {
        tokio::time::sleep(HOUR).await;
        let outcome = (ctx.weak_ref().upgrade().is_some(), ctx.actor_ref().try_tell(Add(1)).is_ok());
        told.send(outcome).expect("the test waits for it");
    }
}

/// Another kind of actor for the same message.
struct Other;

impl Actor for Other {}

impl Handler<Add> for Other {
    async fn handle(&mut self, Add(number): Add, _ctx: &mut Context<Self>) -> u32 {
        number * 1000
    }
}

fn adder(system: &System) -> (ActorRef<Adder>, Arc<AtomicU32>) {
    let adder = Adder::default();
    let handled = Arc::clone(&adder.handled);
    (adder.prepare().system(system).spawn().unwrap(), handled)
}

/// Waits until nobody has anything left to do: only then does the paused clock move.
async fn quiet() {
    tokio::time::sleep(Duration::from_nanos(1)).await;
}

async fn close(system: &System) -> Ledger {
    let ledger = system.shutdown(HOUR * 100).await.ledger;
    assert!(ledger.balances() && ledger.accepted == ledger.settled(), "{ledger}");
    assert_eq!(system.dead_letters().count(Reason::Leaked), 0);
    assert!(system.actors().is_empty());
    ledger
}

// Auto traits.

/// Every public handle goes to other threads and is shared between them; so do the futures of requests.
#[test]
fn handles_and_requests_go_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    fn sent<T: Send>() {}
    fn value<T: Send>(_: &T) {}
    shared::<ActorRef<Adder>>();
    shared::<WeakRef<Adder>>();
    shared::<Recipient<Add>>();
    shared::<WeakRecipient<Add>>();
    shared::<Handle>();
    shared::<System>();
    shared::<DeadLetters>();
    shared::<DeadLetter>();
    shared::<Subscription>();
    shared::<ShutdownReport>();
    shared::<Ledger>();
    shared::<Status>();
    shared::<StopReason>();
    shared::<Failure>();
    shared::<Identity>();
    shared::<ActorId>();
    sent::<ReplyTo<u32>>();
    sent::<ReplyTo<std::cell::Cell<u32>>>();
    sent::<Tell<'static, ActorRef<Adder>, Add>>();
    sent::<Ask<'static, ActorRef<Adder>, Add>>();
    sent::<Call<'static, ActorRef<Adder>, Add>>();
    sent::<Tell<'static, Recipient<Add>, Add>>();
    sent::<Ask<'static, Recipient<Add>, Add>>();
    sent::<Context<Adder>>();
    shared::<TellError<Add>>();
    shared::<TryTellError<Add>>();
    shared::<AskError<Add>>();
    let ended = |actor: ActorRef<Adder>| async move { actor.ended().await };
    let start = || Adder::default().prepare().start();
    let shutdown = |system: System| async move { system.shutdown(HOUR).await };
    // Never called: their types are what is looked at.
    let _ = |actor: ActorRef<Adder>| value(&ended(actor));
    let _ = || value(&start());
    let _ = |system: System| value(&shutdown(system));
}

// What keeps an actor alive.

/// contract §7: a free-standing actor lives as long as a strong reference to it; when the last is gone it
/// drains and stops
#[tokio::test(start_paused = true)]
async fn an_actor_without_references_handles_what_it_has_and_ends() {
    let system = System::new("references");
    let (adder, handled) = adder(&system);
    let (weak, handle, clone) = (adder.downgrade(), adder.handle(), adder.clone());
    for number in 0..3 {
        adder.try_tell(Add(number)).unwrap();
    }
    drop(adder);
    quiet().await;
    assert_eq!(handle.status(), Status::Running, "one reference is left");
    assert!(weak.upgrade().is_some());
    drop(clone);
    assert!(weak.upgrade().is_none(), "the last strong reference is gone, so there is no way back");
    assert!(matches!(handle.ended().await, StopReason::Released));
    assert_eq!(handled.load(Ordering::Relaxed), 3);
    assert_eq!(close(&system).await.handled, 3);
}

/// contract §7: weak references, weak recipients and handles keep nothing alive
#[tokio::test(start_paused = true)]
async fn weak_references_keep_nothing_alive() {
    let system = System::new("references");
    let (adder, _) = adder(&system);
    let weak = (adder.downgrade(), adder.recipient::<Add>().downgrade(), adder.handle());
    drop(adder);
    assert!(matches!(weak.2.ended().await, StopReason::Released));
    assert!(matches!(weak.0.ended().await, StopReason::Released));
    assert!(weak.0.upgrade().is_none() && weak.1.upgrade().is_none() && weak.2.typed::<Adder>().is_none());
    close(&system).await;
}

/// contract §7: a recipient is a strong reference
#[tokio::test(start_paused = true)]
async fn a_recipient_keeps_its_actor_alive() {
    let system = System::new("references");
    let (adder, _) = adder(&system);
    let recipient = adder.recipient::<Add>();
    let weak = adder.downgrade();
    drop(adder);
    quiet().await;
    let clone = recipient.clone();
    drop(recipient);
    assert_eq!(clone.ask(Add(2)).await.unwrap(), 2);
    let weak_recipient = clone.downgrade();
    let upgraded = weak_recipient.upgrade().unwrap();
    drop(clone);
    assert_eq!(upgraded.ask(Add(3)).await.unwrap(), 5);
    drop(upgraded);
    assert!(matches!(weak.ended().await, StopReason::Released));
    assert!(weak_recipient.upgrade().is_none());
    close(&system).await;
}

/// contract §7: nothing is accepted once the last reference is gone, so nothing revives the actor
#[tokio::test(start_paused = true)]
async fn a_draining_actor_cannot_be_referenced_again() {
    let system = System::new("references");
    let (adder, _) = adder(&system);
    let (tell, told) = oneshot::channel();
    adder.try_tell(Revive(tell)).unwrap();
    quiet().await;
    let handle = adder.handle();
    drop(adder);
    assert_eq!(told.await, Ok((false, false)));
    assert!(matches!(handle.ended().await, StopReason::Released));
    assert_eq!(close(&system).await.handled, 1);
}

/// contract §7: a reference made by the actor itself keeps it alive as any other
#[tokio::test(start_paused = true)]
async fn an_actor_that_holds_itself_lives_until_it_is_stopped() {
    #[derive(Default)]
    struct Narcissus(Option<ActorRef<Self>>);
    impl Actor for Narcissus {
        async fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), BoxError> {
            self.0 = Some(ctx.actor_ref());
            Ok(())
        }
    }
    let system = System::new("references");
    let narcissus = Narcissus::default().prepare().system(&system).start().await.unwrap();
    let handle = narcissus.handle();
    drop(narcissus);
    tokio::time::sleep(HOUR).await;
    assert_eq!(handle.status(), Status::Running);
    handle.stop();
    assert!(matches!(handle.ended().await, StopReason::Stopped));
    close(&system).await;
}

/// contract §7: a name never keeps an actor alive
#[tokio::test(start_paused = true)]
async fn a_name_keeps_nothing_alive() {
    let system = System::new("references");
    let actor = Other.prepare().system(&system).name("other").spawn().unwrap();
    let handle = actor.handle();
    drop(actor);
    assert!(matches!(handle.ended().await, StopReason::Released));
    assert!(system.lookup::<Other>("other").is_none());
    close(&system).await;
}

/// The state of an actor that has ended is gone, also while references to it are left
#[tokio::test(start_paused = true)]
async fn an_ended_actor_leaves_no_state_behind() {
    let system = System::new("references");
    let (adder, handled) = adder(&system);
    adder.stop();
    adder.ended().await;
    assert_eq!(Arc::strong_count(&handled), 1);
    close(&system).await;
}

// Equality and identity.

/// Two references are equal when they lead to the same actor
#[tokio::test(start_paused = true)]
async fn references_are_equal_when_they_lead_to_the_same_actor() {
    let system = System::new("references");
    let ((one, _), (two, _)) = (adder(&system), adder(&system));
    assert_eq!(one, one.clone());
    assert_eq!(Some(&one), one.downgrade().upgrade().as_ref());
    assert_eq!(one.handle(), one.handle());
    assert_eq!(one.handle().typed(), Some(one.clone()));
    assert_ne!(one, two);
    assert_ne!(one.handle(), two.handle());
    assert_eq!(one.recipient::<Add>().identity(), one.identity());
    assert!(one.identity().id() < two.identity().id(), "ids rise with age");
    close(&system).await;
}

/// Each reference says who it leads to
#[tokio::test(start_paused = true)]
async fn references_print_who_they_lead_to() {
    let system = System::new("references");
    let actor = Other.prepare().system(&system).name("clerk").spawn().unwrap();
    quiet().await;
    let id = actor.identity().id();
    assert_eq!(actor.identity().to_string(), format!("clerk{id}"));
    assert_eq!((actor.identity().kind(), actor.identity().name()), ("Other", Some("clerk")));
    let printed = |thing: &dyn Debug| format!("{thing:?}");
    assert_eq!(printed(&actor), format!("ActorRef(clerk{id})"));
    assert_eq!(printed(&actor.downgrade()), format!("WeakRef(clerk{id})"));
    assert_eq!(printed(&actor.recipient::<Add>()), format!("Recipient(clerk{id})"));
    assert_eq!(printed(&actor.recipient::<Add>().downgrade()), format!("WeakRecipient(clerk{id})"));
    assert_eq!(printed(&actor.handle()), format!("Handle(clerk{id}, Running)"));
    close(&system).await;
}

/// architecture §2: a `Recipient<M>` is any actor that handles `M`
#[tokio::test(start_paused = true)]
async fn recipients_of_different_actors_stand_in_one_list() {
    let system = System::new("references");
    let (adder, _) = adder(&system);
    let recipients = [adder.recipient::<Add>(), Other.prepare().system(&system).spawn().unwrap().recipient()];
    let mut replies = Vec::new();
    for recipient in &recipients {
        replies.push(recipient.ask(Add(4)).await.unwrap());
    }
    assert_eq!(replies, [4, 4000]);
    close(&system).await;
}

/// A handle knows the type of its actor
#[tokio::test(start_paused = true)]
async fn a_handle_is_typed_only_as_what_it_leads_to() {
    let system = System::new("references");
    let (adder, _) = adder(&system);
    let handle = adder.handle();
    assert!(handle.typed::<Other>().is_none());
    assert_eq!(handle.typed::<Adder>().unwrap().ask(Add(1)).await.unwrap(), 1);
    assert_eq!((handle.capacity(), handle.depth()), (7, 0));
    handle.kill();
    handle.ended().await;
    assert!(handle.typed::<Adder>().is_none(), "it has ended");
    close(&system).await;
}

// Names.

/// A name is looked up with its type
#[tokio::test(start_paused = true)]
async fn a_name_leads_to_its_actor_and_only_as_what_it_is() {
    let system = System::new("references");
    let actor = Other.prepare().system(&system).name("other").spawn().unwrap();
    assert_eq!(system.lookup::<Other>("other"), Some(actor.clone()));
    assert!(system.lookup::<Adder>("other").is_none());
    assert!(system.lookup::<Other>("another").is_none());
    assert!(System::new("elsewhere").lookup::<Other>("other").is_none());
    close(&system).await;
}

/// A name is unique in its system, and the one refused leaves nothing behind
#[tokio::test(start_paused = true)]
async fn a_name_is_taken_once() {
    let system = System::new("references");
    let first = Other.prepare().system(&system).name("other").spawn().unwrap();
    let state = Adder::default();
    let handled = Arc::clone(&state.handled);
    let error = state.prepare().system(&system).name("other").spawn().unwrap_err();
    assert!(matches!(&error, SpawnError::NameTaken { name } if &**name == "other"), "{error}");
    assert_eq!(Arc::strong_count(&handled), 1, "the actor that could not start is gone");
    assert_eq!(system.actors(), [first.handle()]);
    assert_eq!(system.lookup::<Other>("other"), Some(first));
    let elsewhere = System::new("elsewhere");
    Other.prepare().system(&elsewhere).name("other").spawn().unwrap();
    close(&elsewhere).await;
    close(&system).await;
}

/// contract I7: told of the end after its name is free and after all its messages have a fate
#[tokio::test(start_paused = true)]
async fn the_name_of_an_ended_actor_is_free_for_the_next() {
    let system = System::new("references");
    let first = Adder::default().prepare().system(&system).name("adder").spawn().unwrap();
    for number in 0..5 {
        first.try_tell(Add(number)).unwrap();
    }
    quiet().await;
    first.kill();
    first.ended().await;
    assert_eq!(first.ledger().dead, 5);
    let second = Adder::default().prepare().system(&system).name("adder").spawn().unwrap();
    assert_ne!(first, second);
    assert_eq!(system.lookup::<Adder>("adder"), Some(second));
    close(&system).await;
}

/// A name is held until the end, not until the stop
#[tokio::test(start_paused = true)]
async fn the_name_of_a_stopping_actor_is_still_taken() {
    let system = System::new("references");
    let first = Adder::default().prepare().system(&system).name("adder").spawn().unwrap();
    first.try_tell(Add(1)).unwrap();
    first.stop();
    quiet().await;
    let error = Adder::default().prepare().system(&system).name("adder").spawn().unwrap_err();
    assert!(matches!(error, SpawnError::NameTaken { .. }));
    close(&system).await;
}

// Telling of an actor.

/// Tells the test where it is, and waits to be let on.
#[derive(Default, Clone)]
struct Stages {
    started: Arc<Notify>,
    stopped: Arc<Notify>,
}

impl Actor for Stages {
    async fn started(&mut self, _ctx: &mut Context<Self>) -> Result<(), BoxError> {
        self.started.notified().await;
        Ok(())
    }

    async fn stopped(&mut self, _ctx: &mut Context<Self>, _reason: &StopReason) {
        self.stopped.notified().await;
    }
}

impl Handler<Add> for Stages {
    async fn handle(&mut self, Add(number): Add, _ctx: &mut Context<Self>) -> u32 {
        assert!(number > 0, "nothing to add");
        number
    }
}

/// An actor starts, runs, stops and has ended
#[tokio::test(start_paused = true)]
async fn the_status_of_a_free_standing_actor_goes_from_starting_to_ended() {
    let (system, stages) = (System::new("stages"), Stages::default());
    let actor = stages.clone().prepare().system(&system).spawn().unwrap();
    assert_eq!(actor.status(), Status::Starting);
    quiet().await;
    assert_eq!(actor.status(), Status::Starting, "its hook is at work");
    actor.try_tell(Add(1)).expect("it accepts from the first moment");
    stages.started.notify_one();
    quiet().await;
    assert_eq!((actor.status(), actor.ledger().handled), (Status::Running, 1));
    actor.stop();
    quiet().await;
    assert_eq!(actor.status(), Status::Stopping);
    assert!(actor.ended().now_or_never().is_none());
    stages.stopped.notify_one();
    assert!(matches!(actor.ended().await, StopReason::Stopped));
    assert_eq!((actor.status(), actor.handle().status()), (Status::Ended, Status::Ended));
    close(&system).await;
}

/// contract §4: while an actor restarts its reference stands and its mailbox takes messages
#[tokio::test(start_paused = true)]
async fn the_status_of_a_failing_child_goes_through_restarting() {
    let (system, stages) = (System::new("stages"), Stages::default());
    let tree = Supervisor::one_for_one().system(&system).start().await.unwrap();
    stages.started.notify_one();
    let made = stages.clone();
    let actor = tree.spawn(child("stages", move || made.clone())).await.unwrap();
    assert_eq!(actor.status(), Status::Running);
    actor.ask(Add(0)).await.unwrap_err();
    quiet().await;
    assert_eq!(actor.status(), Status::Restarting, "in its `stopped` hook");
    actor.try_tell(Add(1)).unwrap();
    stages.stopped.notify_one();
    quiet().await;
    assert_ne!(actor.status(), Status::Running, "in the next one's `started` hook");
    stages.started.notify_one();
    quiet().await;
    assert_eq!((actor.status(), actor.ledger().handled), (Status::Running, 1));
    stages.stopped.notify_one();
    close(&system).await;
    assert_eq!(actor.status(), Status::Ended);
}

/// `started` failing at the first spawn: the caller gets the error and nothing is left behind
#[tokio::test(start_paused = true)]
async fn an_actor_whose_hook_fails_at_the_start_leaves_nothing_behind() {
    struct Stillborn;
    impl Actor for Stillborn {
        async fn started(&mut self, _ctx: &mut Context<Self>) -> Result<(), BoxError> {
            Err("no".into())
        }
    }
    let system = System::new("stages");
    let error = Stillborn.prepare().system(&system).name("born").start().await.unwrap_err();
    assert!(
        matches!(&error, SpawnError::Failed(failure) if failure.to_string().contains("`started`")),
        "{error}"
    );
    assert!(system.actors().is_empty());
    assert!(Other.prepare().system(&system).name("born").spawn().is_ok());
    close(&system).await;
}

/// Outside a runtime there is nothing to run an actor
#[test]
fn an_actor_is_not_spawned_outside_a_runtime() {
    let system = System::new("none");
    let error = Other.prepare().system(&system).name("other").spawn().unwrap_err();
    assert!(matches!(error, SpawnError::NoRuntime), "{error}");
    assert!(system.actors().is_empty());
}

/// A task that no runtime runs is no runtime either
#[test]
fn an_actor_is_not_spawned_in_a_local_set_by_itself() {
    let system = System::new("none");
    let local = tokio::task::LocalSet::new();
    let spawning = system.clone();
    let task = local.spawn_local(async move { Other.prepare().system(&spawning).name("other").spawn() });
    let mut polled = tokio_test::task::spawn(local);
    let _pending = polled.poll();
    let mut task = tokio_test::task::spawn(task);
    let std::task::Poll::Ready(Ok(Err(error))) = task.poll() else { panic!("it has been polled") };
    assert!(matches!(error, SpawnError::NoRuntime), "{error}");
    assert!(system.actors().is_empty() && system.lookup::<Other>("other").is_none());
}

/// contract I3: the ledger, exact at rest, and as a line to print
#[tokio::test(start_paused = true)]
async fn the_ledger_tells_of_every_message() {
    let system = System::new("ledger");
    let (adder, _) = adder(&system);
    assert_eq!(adder.ask(Add(1)).await.unwrap(), 1);
    for number in 0..3 {
        adder.try_tell(Add(number)).unwrap();
    }
    let mut ask = tokio_test::task::spawn(adder.ask(Add(9)));
    assert!(ask.poll().is_pending());
    quiet().await;
    let (ledger, whole) = (adder.ledger(), system.ledger());
    assert_eq!(
        ledger.to_string(),
        "5 accepted = 1 handled + 0 dead + 0 returned + 3 queued + 0 stashed + 1 in flight"
    );
    assert!(ledger.balances() && ledger == whole && adder.handle().ledger() == ledger);
    adder.kill();
    adder.ended().await;
    let ledger = adder.ledger();
    assert_eq!(
        ledger.to_string(),
        "5 accepted = 1 handled + 3 dead + 1 returned + 0 queued + 0 stashed + 0 in flight"
    );
    assert_eq!((ledger.settled(), system.ledger()), (5, ledger), "the gone are counted on");
    drop(ask);
    close(&system).await;
}

/// contract I3, as a sum: one message more or less on either side, and it does not balance.
#[test]
fn a_ledger_balances_when_every_message_is_accounted_for() {
    let mut ledger = Ledger::default();
    (ledger.accepted, ledger.handled, ledger.dead, ledger.returned) = (63, 1, 2, 4);
    (ledger.queued, ledger.stashed, ledger.in_flight) = (8, 16, 32);
    assert!(ledger.balances() && Ledger::default().balances());
    let more: [fn(&mut Ledger); 7] = [
        |ledger| ledger.accepted += 1,
        |ledger| ledger.handled += 1,
        |ledger| ledger.dead += 1,
        |ledger| ledger.returned += 1,
        |ledger| ledger.queued += 1,
        |ledger| ledger.stashed += 1,
        |ledger| ledger.in_flight += 1,
    ];
    for more in more {
        let mut wrong = ledger;
        more(&mut wrong);
        assert!(!wrong.balances(), "{wrong}");
    }
    let mut sum = ledger;
    sum += ledger;
    let text = "126 accepted = 2 handled + 4 dead + 8 returned + 16 queued + 32 stashed + 64 in flight";
    assert_eq!(sum.to_string(), text);
}

/// The ledger of a system is the sum of those of its actors, alive and gone
#[tokio::test(start_paused = true)]
async fn the_ledger_of_a_system_is_the_sum_of_those_of_its_actors() {
    let system = System::new("ledger");
    let mut actors = Vec::new();
    for number in 0..20 {
        let (adder, _) = adder(&system);
        adder.try_tell(Add(number)).unwrap();
        adder.try_tell(Add(number)).unwrap();
        match number % 3 {
            0 => adder.kill(),
            1 => adder.stop(),
            _ => {}
        }
        actors.push(adder);
    }
    tokio::time::sleep(HOUR + HOUR / 2).await;
    let mut sum = Ledger::default();
    for actor in &actors {
        sum += actor.ledger();
    }
    assert_eq!(system.ledger(), sum);
    assert_eq!((sum.accepted, sum.in_flight), (40, 13));
    close(&system).await;
}

/// `ended` may be awaited by many, before and after
#[tokio::test(start_paused = true)]
async fn all_who_wait_for_the_end_are_told() {
    let system = System::new("references");
    let (adder, _) = adder(&system);
    let (weak, handle) = (adder.downgrade(), adder.handle());
    let (one, two, three, ()) =
        tokio::join!(adder.ended(), weak.ended(), handle.ended(), async { adder.handle().stop_now() });
    assert!(
        [one, two, three, adder.ended().await].iter().all(|reason| matches!(reason, StopReason::Stopped))
    );
    close(&system).await;
}

/// `Context` makes the same references as the outside has
#[tokio::test(start_paused = true)]
async fn the_context_leads_to_its_own_actor() {
    struct Inward;
    #[derive(Message)]
    #[message(reply = (ActorRef<Inward>, WeakRef<Inward>, Handle, System))]
    struct Who;
    impl Actor for Inward {}
    impl Handler<Who> for Inward {
        async fn handle(
            &mut self,
            _msg: Who,
            ctx: &mut Context<Self>,
        ) -> (ActorRef<Self>, WeakRef<Self>, Handle, System) {
            assert_eq!(ctx.actor_ref().identity(), ctx.identity());
            assert!(ctx.children().is_empty());
            assert_eq!(System::current().name(), "inward", "the system of the actor this is called in");
            (ctx.actor_ref(), ctx.weak_ref(), ctx.handle(), ctx.system())
        }
    }
    let system = System::new("inward");
    let inward = Inward.prepare().system(&system).spawn().unwrap();
    let (actor, weak, handle, own) = inward.ask(Who).await.unwrap();
    assert_eq!((&actor, weak.upgrade().as_ref(), &handle), (&inward, Some(&inward), &inward.handle()));
    assert_eq!(own.name(), "inward");
    assert_eq!(System::current().name(), "default");
    drop(actor);
    close(&system).await;
}
