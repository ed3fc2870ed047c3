//! An actor as a `tower` service, with the feature `tower`: room that is held between `poll_ready` and `call`, layers
//! in front of it, and no loss. Contract §1, §6, §7 and §8.

#[path = "support/lab.rs"]
mod lab;

use std::{
    future::poll_fn,
    sync::atomic::{AtomicU32, Ordering},
    task::Poll,
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use lab::{Hold, Lab, Note, Poison, Probe, idle, millis, secs};
use postbox::{AskService, Flat, FlatError, Overflow, OwnedAsk, Reason, prelude::*};
use tokio::task::JoinSet;
use tokio_test::{assert_pending, assert_ready, assert_ready_ok, task};
use tower::{BoxError, Service, ServiceBuilder, ServiceExt, buffer::Buffer, timeout::error::Elapsed};

/// A probe with something in its handler.
async fn busy(lab: &Lab, capacity: usize, overflow: Overflow) -> ActorRef<Probe> {
    let probe = lab.diary.probe("probe", &[]).unwrap().prepare().capacity(capacity).overflow(overflow);
    let probe = probe.system(&lab.system).spawn().unwrap();
    probe.tell(Hold(0)).await.unwrap();
    lab.diary.entered().await;
    probe
}

/// A service that a test polls step by step.
type Spawned = task::Spawn<AskService<Note>>;

fn spawned(probe: &ActorRef<Probe>) -> Spawned {
    task::spawn(probe.service())
}

fn ready(service: &mut Spawned) -> Poll<Result<(), AskError<Note>>> {
    service.enter(|cx, service| service.get_mut().poll_ready(cx))
}

fn call(service: &mut Spawned, note: u32) -> task::Spawn<OwnedAsk<Note>> {
    task::spawn(service.enter(|_, service| service.get_mut().call(Note(note))))
}

#[test]
fn it_is_what_layers_ask_for() {
    fn is<T: Send + Sync + Clone + Unpin + 'static>() {}
    fn is_future<T: Send + Unpin + 'static>() {}
    is::<AskService<Note>>();
    is_future::<OwnedAsk<Note>>();
}

#[tokio::test(start_paused = true)]
async fn a_call_is_an_ask() {
    let lab = Lab::new("ask");
    let probe = lab.probe("probe");
    assert_eq!(probe.service().oneshot(Note(1)).await.unwrap(), 1);
    let mut service = probe.recipient::<Note>().service();
    assert_eq!(service.ready().await.unwrap().call(Note(2)).await.unwrap(), 1);
    assert_eq!(lab.diary.notes(), [1, 2]);
    let error = probe.service().oneshot(Poison(3)).await.unwrap_err();
    assert!(matches!(&error, AskError::Failed(failure) if failure.cause().to_string().contains("poison 3")));
    lab.close().await;
}

/// contract §8 and I10: the bound holds, and senders get room in their order
#[tokio::test(start_paused = true)]
async fn a_full_mailbox_is_not_ready_and_the_service_stands_in_the_line() {
    let lab = Lab::new("line");
    let probe = busy(&lab, 1, Overflow::Wait).await;
    probe.try_tell(Note(1)).unwrap();
    let mut before = task::spawn(probe.tell(Note(2)));
    assert_pending!(before.poll());
    let mut service = spawned(&probe);
    assert_pending!(ready(&mut service));
    let mut after = task::spawn(probe.tell(Note(4)));
    assert_pending!(after.poll());
    lab.diary.open();
    idle().await;
    assert!(before.is_woken() && !service.is_woken() && !after.is_woken());
    assert_ready_ok!(before.poll());
    idle().await;
    assert!(service.is_woken() && !after.is_woken());
    assert_ready_ok!(ready(&mut service));
    idle().await;
    assert!(!after.is_woken(), "the room is held");
    let answer = call(&mut service, 3);
    idle().await;
    assert_ready_ok!(after.poll());
    assert_eq!(answer.await.unwrap(), 1);
    idle().await;
    assert_eq!(lab.diary.notes(), [0, 1, 2, 3, 4]);
    drop((before, after, service));
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn room_that_is_held_is_nobody_elses_until_the_service_is_dropped() {
    let lab = Lab::new("held");
    let probe = busy(&lab, 1, Overflow::Wait).await;
    let mut service = spawned(&probe);
    assert_ready_ok!(ready(&mut service));
    assert_ready_ok!(ready(&mut service));
    assert!(matches!(probe.try_tell(Note(1)), Err(TryTellError::Full { .. })));
    assert_eq!(probe.ledger().queued, 0);
    let mut next = task::spawn(probe.tell(Note(1)));
    assert_pending!(next.poll());
    drop(service);
    assert!(next.is_woken());
    assert_ready_ok!(next.poll());
    // Dropped in the line, it makes way as well.
    let mut service = spawned(&probe);
    assert_pending!(ready(&mut service));
    let mut last = task::spawn(probe.tell(Note(2)));
    assert_pending!(last.poll());
    drop(service);
    lab.diary.open();
    idle().await;
    assert!(last.is_woken());
    assert_ready_ok!(last.poll());
    idle().await;
    assert_eq!(lab.diary.notes(), [0, 1, 2]);
    drop((next, last));
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_clone_takes_neither_the_room_along_nor_the_place_in_the_line() {
    let lab = Lab::new("clone");
    let probe = busy(&lab, 1, Overflow::Wait).await;
    let mut service = spawned(&probe);
    assert_ready_ok!(ready(&mut service));
    let mut other = task::spawn(service.clone());
    assert_pending!(ready(&mut other));
    let mut third = task::spawn(other.clone());
    assert_pending!(ready(&mut third));
    drop(other);
    assert!(!third.is_woken(), "the room is still that of the first");
    let answer = call(&mut service, 1);
    assert_eq!(probe.ledger().queued, 1);
    assert_pending!(ready(&mut third));
    lab.diary.open();
    idle().await;
    assert!(third.is_woken());
    assert_eq!(answer.await.unwrap(), 1);
    assert_ready_ok!(ready(&mut third));
    drop((service, third));
    lab.close().await;
}

/// contract I4, and what tower says of `poll_ready`: it is for one call
#[tokio::test(start_paused = true)]
async fn calls_are_accepted_in_their_order_before_their_futures_are_polled() {
    let lab = Lab::new("order");
    let probe = busy(&lab, 8, Overflow::Wait).await;
    let mut service = spawned(&probe);
    let mut answers = Vec::new();
    for note in 1..=8 {
        assert_ready_ok!(ready(&mut service));
        answers.push(call(&mut service, note));
    }
    assert_eq!(probe.ledger().queued, 8);
    assert_pending!(ready(&mut service));
    for answer in answers.iter_mut().rev() {
        assert_pending!(answer.poll());
    }
    lab.diary.open();
    idle().await;
    for mut answer in answers {
        assert!(answer.is_woken());
        assert_eq!(assert_ready_ok!(answer.poll()), 1);
    }
    assert_eq!(lab.diary.notes(), (0..=8).collect::<Vec<_>>());
    drop(service);
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_without_room_waits_for_it_in_its_future() {
    let lab = Lab::new("without");
    let probe = busy(&lab, 1, Overflow::Wait).await;
    let mut service = spawned(&probe);
    let first = call(&mut service, 1);
    assert_eq!(probe.ledger().queued, 1, "there was room");
    let mut second = call(&mut service, 2);
    let mut third = call(&mut service, 3);
    assert_pending!(second.poll());
    assert_pending!(third.poll());
    assert_eq!(probe.ledger().accepted, 2, "neither has been sent");
    // Given up in the line, it was never sent.
    drop(second);
    lab.diary.open();
    idle().await;
    assert!(third.is_woken());
    assert_pending!(third.poll());
    assert_eq!(first.await.unwrap(), 1);
    assert_eq!(third.await.unwrap(), 1);
    assert_eq!(lab.diary.notes(), [0, 1, 3]);
    assert_eq!(lab.letters(Reason::Abandoned).len(), 0);
    drop(service);
    lab.close().await;
}

/// The waker of `poll_ready` is that of the service, and not of the call that takes its place over.
#[tokio::test(start_paused = true)]
async fn a_call_takes_over_a_place_that_has_no_room_yet() {
    let lab = Lab::new("takes over");
    let probe = busy(&lab, 1, Overflow::Wait).await;
    probe.try_tell(Note(1)).unwrap();
    for polled_before in [true, false] {
        let mut service = spawned(&probe);
        assert_pending!(ready(&mut service));
        let mut answer = call(&mut service, 2);
        drop(service);
        if polled_before {
            assert_pending!(answer.poll());
            drop(answer);
            continue;
        }
        lab.diary.open();
        idle().await;
        assert_eq!(answer.await.unwrap(), 1);
    }
    assert_eq!(lab.diary.notes(), [0, 1, 2]);
    lab.close().await;
}

/// contract §6: caller dropped the future while queued: the message is skipped at take, counted as `Abandoned`
#[tokio::test(start_paused = true)]
async fn a_cancelled_call_is_not_handled_unless_it_has_begun() {
    let lab = Lab::new("cancelled");
    let probe = busy(&lab, 3, Overflow::Wait).await;
    let mut service = spawned(&probe);
    let unpolled = call(&mut service, 1);
    let mut polled = call(&mut service, 2);
    assert_pending!(polled.poll());
    drop((unpolled, polled));
    lab.diary.open();
    idle().await;
    assert_eq!(lab.diary.notes(), [0]);
    assert_eq!(lab.letters(Reason::Abandoned).len(), 2);

    let mut hold = task::spawn(probe.service().oneshot(Hold(3)));
    assert_pending!(hold.poll());
    lab.diary.entered().await;
    drop(hold);
    lab.diary.open();
    idle().await;
    assert_eq!(lab.diary.notes(), [3], "a handler that has begun goes on");
    drop(service);
    lab.close().await;
}

/// contract I5: nothing is accepted after close; what was not is in the error
#[tokio::test(start_paused = true)]
async fn a_stopped_actor_is_ready_and_the_call_hands_the_message_back() {
    let lab = Lab::new("stopped");
    let probe = busy(&lab, 2, Overflow::Wait).await;
    let mut holds = spawned(&probe);
    assert_ready_ok!(ready(&mut holds));
    let queued = call(&mut spawned(&probe), 1);
    let mut waits = spawned(&probe);
    assert_pending!(ready(&mut waits));
    probe.stop_now();
    assert!(waits.is_woken());
    for (mut service, note) in [(holds, 2), (waits, 3), (spawned(&probe), 4)] {
        assert_ready_ok!(ready(&mut service));
        let error = assert_ready!(call(&mut service, note).poll()).unwrap_err();
        assert!(matches!(&error, AskError::Stopped { msg, .. } if msg.0 == note), "{error:?}");
        assert_eq!(error.may_retry(), Some(true));
    }
    lab.diary.open();
    probe.ended().await;
    let error = queued.await.unwrap_err();
    assert!(matches!(error, AskError::Stopped { msg: Note(1), .. }), "{error:?}");
    assert_eq!(lab.diary.notes(), [0]);
    lab.close().await;
}

/// contract §4: the bound and its back-pressure survive a restart, and so do pending asks
#[tokio::test(start_paused = true)]
async fn a_restart_keeps_the_room_that_is_held_and_answers_the_calls() {
    let lab = Lab::new("restart");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("probe").capacity(3)).await.unwrap();
    probe.tell(Hold(0)).await.unwrap();
    lab.diary.entered().await;
    let mut service = spawned(&probe);
    assert_ready_ok!(ready(&mut service));
    probe.tell(Poison(1)).await.unwrap();
    let queued = call(&mut spawned(&probe), 2);
    lab.diary.open();
    assert_eq!(queued.await.unwrap(), 2, "the second incarnation answers");
    for note in 3..5 {
        probe.handle().kill();
        idle().await;
        assert_ready_ok!(ready(&mut service));
        assert_eq!(call(&mut service, note).await.unwrap(), note, "of the incarnation of that number");
    }
    drop(service);
    lab.close().await;
}

/// A free-standing actor lives as long as a strong reference to it.
#[tokio::test(start_paused = true)]
async fn the_future_of_a_call_keeps_the_actor_alive_and_nothing_does_after_it() {
    let lab = Lab::new("alive");
    let probe = lab.probe("probe");
    let handle = probe.handle();
    let mut service = probe.service();
    drop(probe);
    let answer = service.ready().await.unwrap().call(Hold(7));
    drop(service);
    lab.diary.entered().await;
    idle().await;
    let mut end = task::spawn(handle.ended());
    assert_pending!(end.poll());
    lab.diary.open();
    assert_eq!(answer.await.unwrap(), 1);
    assert!(end.await.is_normal());
    lab.close().await;
}

/// contract §8: what it drops is a dead letter, and nobody waits
#[tokio::test(start_paused = true)]
async fn a_mailbox_that_drops_is_always_ready_and_its_askers_are_told() {
    let lab = Lab::new("drops");
    let probe = busy(&lab, 1, Overflow::DropOldest).await;
    let mut service = spawned(&probe);
    assert_ready_ok!(ready(&mut service));
    let first = call(&mut service, 1);
    assert_ready_ok!(ready(&mut service));
    let second = call(&mut service, 2);
    let error = first.await.unwrap_err();
    assert!(matches!(error, AskError::Discarded { reason: Reason::Evicted, .. }), "{error:?}");
    lab.diary.open();
    assert_eq!(second.await.unwrap(), 1);
    drop(service);
    lab.close().await;
}

/// A message with a timeout of its own.
struct Timed<const MILLIS: u64>(u32);

impl<const MILLIS: u64> Message for Timed<MILLIS> {
    type Reply = ();
    const TIMEOUT: Option<Duration> = Some(Duration::from_millis(MILLIS));
}

impl<const MILLIS: u64> Handler<Timed<MILLIS>> for Probe {
    async fn handle(&mut self, msg: Timed<MILLIS>, _ctx: &mut Context<Self>) {
        self.diary.write(format!("timed {}", msg.0));
    }
}

/// contract §6: deadline while queued: the handler will not run it; timeouts of zero are refused
#[tokio::test(start_paused = true)]
async fn the_timeout_of_a_message_holds_in_a_call() {
    let lab = Lab::new("timeout");
    let probe = busy(&lab, 1, Overflow::Wait).await;
    let error = probe.service().oneshot(Timed::<0>(1)).await.unwrap_err();
    assert!(matches!(error, AskError::Timeout { started: false, msg: Some(Timed(1)), .. }), "{error:?}");
    assert_eq!(probe.ledger().queued, 0);
    let error = probe.service().oneshot(Timed::<50>(2)).await.unwrap_err();
    assert!(matches!(error, AskError::Timeout { started: false, msg: None, .. }), "{error:?}");
    // Without room it was not sent, and its place in the line is given up.
    let error = probe.service().call(Timed::<50>(3)).await.unwrap_err();
    assert!(matches!(error, AskError::Timeout { started: false, msg: Some(Timed(3)), .. }), "{error:?}");
    lab.diary.open();
    idle().await;
    lab.diary.take();
    probe.service().oneshot(Timed::<50>(4)).await.unwrap();
    assert_eq!(lab.diary.take(), ["timed 4"]);
    lab.close().await;
}

/// Calls the probe it is given, or itself, in its handler.
struct CallFrom(Option<AskService<Note>>, u32);

impl Message for CallFrom {
    type Reply = Result<u32, AskError<Note>>;
}

impl Handler<CallFrom> for Probe {
    async fn handle(&mut self, msg: CallFrom, ctx: &mut Context<Self>) -> Result<u32, AskError<Note>> {
        let mut service = msg.0.unwrap_or_else(|| ctx.actor_ref().service());
        poll_fn(|cx| service.poll_ready(cx)).await?;
        service.call(Note(msg.1)).await
    }
}

/// contract §6: asking oneself: `WouldDeadlock` at once
#[tokio::test(start_paused = true)]
async fn an_actor_that_calls_itself_is_refused_with_room_and_without() {
    let lab = Lab::new("oneself");
    let probe = lab.probe("first");
    let error = probe.ask(CallFrom(None, 1)).await.unwrap().unwrap_err();
    assert!(matches!(error, AskError::WouldDeadlock { msg: Note(1), .. }), "{error:?}");
    let probe = busy(&lab, 2, Overflow::Wait).await;
    let mut asks = task::spawn(probe.ask(CallFrom(None, 2)));
    assert_pending!(asks.poll());
    let mut fills = spawned(&probe);
    assert_ready_ok!(ready(&mut fills));
    let mut also = spawned(&probe);
    assert_pending!(ready(&mut also));
    lab.diary.open();
    let error = asks.await.unwrap().unwrap_err();
    assert!(matches!(error, AskError::WouldDeadlock { msg: Note(2), .. }), "{error:?}");
    // With room that the service had before it came into the handler: that is given back.
    drop(fills);
    assert_ready_ok!(ready(&mut also));
    let error = probe.ask(CallFrom(Some(also.into_inner()), 3)).await.unwrap().unwrap_err();
    assert!(matches!(error, AskError::WouldDeadlock { msg: Note(3), .. }), "{error:?}");
    probe.try_tell(Note(4)).unwrap();
    probe.try_tell(Note(5)).unwrap();
    lab.close().await;
}

/// Calls the other one of two in its handler, which does the same.
struct Back(Option<AskService<Back>>);

impl Message for Back {
    type Reply = Result<(), String>;
}

impl Handler<Back> for Probe {
    async fn handle(&mut self, msg: Back, ctx: &mut Context<Self>) -> Result<(), String> {
        let own = ctx.actor_ref().service();
        let Some(mut other) = msg.0 else { return Ok(()) };
        let to_own = Back(Some(own));
        poll_fn(|cx| other.poll_ready(cx)).await.map_err(|error| error.to_string())?;
        match other.call(to_own).await {
            Ok(said) => said,
            Err(error) => Err(error.to_string()),
        }
    }
}

/// contract §6: (checked on request) a cycle of asks
#[tokio::test(start_paused = true)]
async fn calls_that_close_a_circle_are_refused_where_that_is_looked_for() {
    let lab = Lab::new("none");
    let system = System::builder("circle").detect_deadlocks(true).build();
    let [a, b] = ["a", "b"].map(|name| {
        lab.diary.probe(name, &[]).unwrap().prepare().name(name).system(&system).spawn().unwrap()
    });
    let said = a.ask(Back(Some(b.service()))).await.unwrap().unwrap_err();
    let way = format!("({} → {} → {})", b.identity(), a.identity(), b.identity());
    assert!(said.contains(&way), "{said}");
    // The edges are gone with the calls.
    assert_eq!(a.ask(Back(None)).await.unwrap(), Ok(()));
    let said = b.ask(Back(Some(a.service()))).await.unwrap().unwrap_err();
    let way = format!("({} → {} → {})", a.identity(), b.identity(), a.identity());
    assert!(said.contains(&way), "{said}");
    system.shutdown(secs(1)).await;
    lab.close().await;
}

/// A caller that is always ready lets others run.
#[tokio::test(start_paused = true)]
async fn a_service_that_is_always_ready_gives_way() {
    let lab = Lab::new("gives way");
    let mut service = busy(&lab, 1, Overflow::DropNewest).await.service::<Note>();
    let polls = tokio::spawn(poll_fn(move |cx| {
        let mut polls = 0;
        while service.poll_ready(cx).is_ready() {
            polls += 1;
            assert!(polls < 100_000, "it never gives way");
        }
        Poll::Ready(polls)
    }));
    assert!((1..=128).contains(&polls.await.unwrap()));
    lab.diary.open();
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_timeout_layer_gives_the_call_up() {
    let lab = Lab::new("layer");
    let probe = busy(&lab, 4, Overflow::Wait).await;
    let mut service = ServiceBuilder::new().timeout(millis(50)).service(probe.service());
    let error: BoxError = service.ready().await.unwrap().call(Note(1)).await.unwrap_err();
    assert!(error.is::<Elapsed>(), "{error}");
    lab.diary.open();
    assert_eq!(service.ready().await.unwrap().call(Note(2)).await.unwrap(), 1);
    assert_eq!(lab.diary.notes(), [0, 2]);
    assert_eq!(lab.letters(Reason::Abandoned).len(), 1);
    probe.stop();
    let error = service.ready().await.unwrap().call(Note(3)).await.unwrap_err();
    let error = *error.downcast::<AskError<Note>>().unwrap();
    assert_eq!(error.into_message().map(|note| note.0), Some(3));
    lab.close().await;
}

/// A message whose reply is a `Result`.
struct Check(bool);

impl Message for Check {
    type Reply = Result<u32, &'static str>;
}

impl Handler<Check> for Probe {
    async fn handle(&mut self, msg: Check, _ctx: &mut Context<Self>) -> Result<u32, &'static str> {
        if msg.0 { Ok(self.number) } else { Err("no") }
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_of_err_is_data_until_it_is_made_an_error() {
    let lab = Lab::new("flat");
    let probe = lab.probe("probe");
    assert_eq!(probe.service().oneshot(Check(false)).await.unwrap(), Err("no"));
    let mut flat = probe.service().map_result(Flat::flat);
    assert_eq!(flat.ready().await.unwrap().call(Check(true)).await.unwrap(), 1);
    let error = flat.ready().await.unwrap().call(Check(false)).await.unwrap_err();
    assert!(matches!(error, FlatError::Reply("no")), "{error:?}");
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_concurrency_limit_lets_so_many_calls_into_the_mailbox() {
    let lab = Lab::new("limit");
    let probe = busy(&lab, 16, Overflow::Wait).await;
    let service = ServiceBuilder::new().concurrency_limit(3).service(probe.service());
    let mut calls: FuturesUnordered<_> = (1..=10).map(|note| service.clone().oneshot(Note(note))).collect();
    let mut first = task::spawn(calls.next());
    assert_pending!(first.poll());
    assert_eq!(probe.ledger().queued, 3);
    drop(first);
    lab.diary.open();
    let mut answers = 0;
    while let Some(answer) = calls.next().await {
        assert_eq!(answer.unwrap(), 1);
        answers += 1;
    }
    assert_eq!(answers, 10);
    let mut notes = lab.diary.notes();
    notes.sort_unstable();
    assert_eq!(notes, (0..=10).collect::<Vec<_>>());
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_buffer_waits_for_room_keeps_the_order_and_outlives_the_actor() {
    let lab = Lab::new("buffer");
    let probe = busy(&lab, 1, Overflow::Wait).await;
    let buffer = Buffer::new(probe.service(), 8);
    let mut calls = Vec::new();
    for note in 1..=6 {
        let mut buffer = buffer.clone();
        calls.push(buffer.ready().await.unwrap().call(Note(note)));
    }
    idle().await;
    assert_eq!(probe.ledger().queued, 1, "the others wait in the buffer");
    // One that is given up there is never sent.
    drop(calls.remove(3));
    lab.diary.open();
    for call in calls {
        assert_eq!(call.await.unwrap(), 1);
    }
    assert_eq!(lab.diary.notes(), [0, 1, 2, 3, 5, 6]);
    probe.stop();
    probe.ended().await;
    for note in [7, 8] {
        let error = buffer.clone().oneshot(Note(note)).await.unwrap_err();
        let error = error.downcast::<AskError<Note>>().unwrap();
        assert_eq!(error.into_message().map(|note| note.0), Some(note));
    }
    drop(buffer);
    lab.close().await;
}

/// What the docs warn of: a buffer holds the room it was granted for a request that was given up.
#[tokio::test(start_paused = true)]
async fn a_buffer_whose_caller_gives_up_keeps_the_room_until_its_next_request() {
    let lab = Lab::new("buffer holds");
    let probe = busy(&lab, 1, Overflow::Wait).await;
    probe.try_tell(Note(1)).unwrap();
    let mut buffer = Buffer::new(probe.service(), 8);
    let given_up = buffer.ready().await.unwrap().call(Note(2));
    idle().await;
    drop(given_up);
    lab.diary.open();
    idle().await;
    assert!(matches!(probe.try_tell(Note(3)), Err(TryTellError::Full { .. })));
    assert_eq!(buffer.ready().await.unwrap().call(Note(4)).await.unwrap(), 1);
    probe.try_tell(Note(5)).unwrap();
    drop(buffer);
    idle().await;
    assert_eq!(lab.diary.notes(), [0, 1, 4, 5]);
    lab.close().await;
}

/// contract I2, I4 and I10, with services, layers and plain sends at once
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_callers_share_one_bound_and_lose_nothing() {
    const EACH: u32 = 200;
    for capacity in [1, 3, 64] {
        let lab = Lab::new("sixteen");
        let probe = lab.diary.probe("probe", &[]).unwrap().prepare().capacity(capacity);
        let probe = probe.system(&lab.system).spawn().unwrap();
        let buffer = Buffer::new(probe.service(), 4);
        let given_up = std::sync::Arc::new(AtomicU32::new(0));
        let mut callers = JoinSet::new();
        for caller in 0..16 {
            let (probe, buffer, given_up) = (probe.clone(), buffer.clone(), given_up.clone());
            let notes = (0..EACH).map(move |note| caller * EACH + note);
            callers.spawn(async move {
                match caller % 4 {
                    0 => {
                        let mut service = probe.service();
                        for note in notes {
                            service.ready().await.unwrap().call(Note(note)).await.unwrap();
                        }
                    }
                    1 => {
                        for note in notes {
                            buffer.clone().oneshot(Note(note)).await.unwrap();
                        }
                    }
                    2 => {
                        // Gives every second one up, wherever it is then.
                        for note in notes {
                            let mut service = probe.service();
                            let call = service.ready().await.unwrap().call(Note(note));
                            if note % 2 == 0 {
                                drop(call);
                                given_up.fetch_add(1, Ordering::Relaxed);
                            } else {
                                call.await.unwrap();
                            }
                        }
                    }
                    _ => {
                        for note in notes {
                            probe.tell(Note(note)).await.unwrap();
                        }
                    }
                }
            });
        }
        callers.join_all().await;
        drop(buffer);
        probe.stop();
        probe.ended().await;
        let notes = lab.diary.notes();
        let abandoned = lab.system.dead_letters().count(Reason::Abandoned);
        assert!(abandoned <= u64::from(given_up.load(Ordering::Relaxed)));
        assert_eq!(notes.len() as u64 + abandoned, u64::from(16 * EACH));
        for caller in 0..16 {
            let of: Vec<_> = notes.iter().copied().filter(|note| note / EACH == caller).collect();
            assert!(of.is_sorted(), "{caller}: {of:?}");
        }
        lab.close().await;
    }
}
