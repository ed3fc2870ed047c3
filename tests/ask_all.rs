//! Many asks with a window, `ask_all`: what the contract promises for an ask by itself holds for each of them.
//! Contract §1 (I4, I6), §3, §6 and §8.

use std::{
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};

use postbox::{Reason, prelude::*};
use tokio::sync::Semaphore;
use tokio_test::{assert_pending, assert_ready, task};

/// Doubles numbers, once it is let. 13 is poison.
#[derive(Actor, Clone)]
struct Double {
    gate: Arc<Semaphore>,
    taken: Arc<Mutex<Vec<u32>>>,
}

#[derive(Debug, Message, PartialEq)]
#[message(reply = u32)]
struct Number(u32);

/// One that nobody waits for longer than that.
#[derive(Debug, Message, PartialEq)]
#[message(reply = u32, timeout = "1s")]
struct Soon(u32);

impl Handler<Number> for Double {
    async fn handle(&mut self, Number(number): Number, _ctx: &mut Context<Self>) -> u32 {
        self.taken.lock().unwrap().push(number);
        self.gate.acquire().await.unwrap().forget();
        assert_ne!(number, 13, "poison");
        2 * number
    }
}

impl Handler<Soon> for Double {
    async fn handle(&mut self, Soon(number): Soon, ctx: &mut Context<Self>) -> u32 {
        self.handle(Number(number), ctx).await
    }
}

impl Double {
    fn new(permits: usize) -> Self {
        Self { gate: Arc::new(Semaphore::new(permits)), taken: Arc::default() }
    }

    fn taken(&self) -> Vec<u32> {
        self.taken.lock().unwrap().clone()
    }
}

/// Open for as many as a test may send.
const OPEN: usize = 1_000_000;

fn spawn(double: &Double, capacity: usize, system: &System) -> ActorRef<Double> {
    double.clone().prepare().capacity(capacity).system(system).spawn().unwrap()
}

async fn idle() {
    tokio::time::sleep(Duration::from_nanos(1)).await;
}

async fn all(mut replies: postbox::AskAll<'_, ActorRef<Double>, impl Iterator<Item = Number>>) -> Vec<u32> {
    let mut got = Vec::new();
    while let Some(reply) = replies.next().await {
        got.push(reply.unwrap());
    }
    assert!(replies.next().await.is_none(), "it stays at its end");
    got
}

#[tokio::test(start_paused = true)]
async fn the_replies_come_in_the_order_of_the_messages_whatever_window_and_capacity() {
    let system = System::new("order");
    for capacity in [1, 2, 64] {
        for window in [1, 2, 7, 200] {
            let double = Double::new(OPEN);
            let actor = spawn(&double, capacity, &system);
            assert_eq!(all(actor.ask_all([]).window(window)).await, []);
            let doubled: Vec<_> = (0..500).filter(|n| *n != 13).collect();
            let replies = all(actor.ask_all(doubled.clone().into_iter().map(Number)).window(window)).await;
            assert_eq!(replies, doubled.iter().map(|n| 2 * n).collect::<Vec<_>>());
            // contract I4: per sender, first takes are in accept order
            assert_eq!(double.taken(), doubled, "capacity {capacity}, window {window}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn never_more_than_the_window_is_under_way() {
    let (system, double) = (System::new("window"), Double::new(0));
    let actor = spawn(&double, 64, &system);
    let mut sent = 0;
    let msgs = (100..).inspect(|_| sent += 1).map(Number);
    let mut replies = task::spawn(actor.ask_all(msgs).window(3));
    assert_pending!(replies.enter(|cx, mut all| std::pin::pin!(all.next()).poll(cx)));
    idle().await;
    assert_eq!((actor.ledger().accepted, double.taken()), (3, vec![100]));
    double.gate.add_permits(2);
    idle().await;
    assert!(replies.is_woken());
    // The reply that is handed out makes room for one more, which goes with the next call.
    let first = assert_ready!(replies.enter(|cx, mut all| std::pin::pin!(all.next()).poll(cx)));
    assert_eq!((first.map(Result::unwrap), actor.ledger().accepted), (Some(200), 3));
    let second = assert_ready!(replies.enter(|cx, mut all| std::pin::pin!(all.next()).poll(cx)));
    assert_eq!((second.map(Result::unwrap), actor.ledger().accepted), (Some(202), 4));
    drop(replies);
    assert_eq!(sent, 4, "none is taken from the iterator before there is room in the window");
}

/// contract §8: a sender that waits has its place in the line, and the next message waits for the one before.
#[tokio::test(start_paused = true)]
async fn in_a_full_mailbox_the_next_ask_waits_for_the_one_before() {
    let (system, double) = (System::new("full"), Double::new(0));
    let actor = spawn(&double, 1, &system);
    let mut replies = task::spawn(actor.ask_all((0..4).map(Number)).window(4));
    let mut poll = || replies.enter(|cx, mut all| std::pin::pin!(all.next()).poll(cx));
    assert_pending!(poll());
    idle().await;
    assert_pending!(poll());
    idle().await;
    assert_eq!(actor.ledger().accepted, 2, "one in hand, one queued, one in the line, one in the iterator");
    double.gate.add_permits(OPEN);
    for expected in [0, 2, 4, 6] {
        let mut reply = poll();
        while reply.is_pending() {
            idle().await;
            reply = poll();
        }
        assert_eq!(assert_ready!(reply).map(Result::unwrap), Some(expected));
    }
    assert_eq!(double.taken(), [0, 1, 2, 3]);
}

/// contract §6: the handler failed → `Failed` at once; the others go on with the next incarnation.
#[tokio::test(start_paused = true)]
async fn one_that_fails_does_not_end_the_others() {
    let (system, double) = (System::new("fails"), Double::new(OPEN));
    let tree = Supervisor::one_for_one().system(&system).start().await.unwrap();
    let factory = double.clone();
    let actor = tree.spawn(child("double", move || factory.clone())).await.unwrap();
    let mut replies = actor.ask_all([12, 13, 14].map(Number)).window(3);
    assert_eq!(replies.next().await.map(Result::unwrap), Some(24));
    assert!(matches!(replies.next().await, Some(Err(AskError::Failed(_)))));
    assert_eq!(replies.next().await.map(Result::unwrap), Some(28));
    assert!(replies.next().await.is_none());
}

/// contract §6: stopped while queued → the message comes back; so does each that is sent later.
#[tokio::test(start_paused = true)]
async fn of_a_stopped_actor_every_message_comes_back() {
    let (system, double) = (System::new("stopped"), Double::new(0));
    let actor = spawn(&double, 64, &system);
    let mut replies = actor.ask_all((0..5).map(Number)).window(3);
    {
        let mut first = task::spawn(replies.next());
        assert_pending!(first.poll());
    }
    idle().await;
    actor.stop_now();
    double.gate.add_permits(OPEN);
    assert_eq!(replies.next().await.map(Result::unwrap), Some(0), "what is in hand is finished");
    for expected in 1..5 {
        match replies.next().await {
            Some(Err(AskError::Stopped { msg: Number(number), .. })) => assert_eq!(number, expected),
            other => panic!("{other:?}"),
        }
    }
    assert!(replies.next().await.is_none());
}

/// contract §6: a deadline while queued: the handler will not run it, also of one that is not the first in line.
#[tokio::test(start_paused = true)]
async fn one_behind_the_first_whose_time_is_over_is_not_handled() {
    async fn ask<M: Message<Reply = u32>>(
        patience: Option<Duration>,
        expiry: Option<Duration>,
        number: fn(u32) -> M,
    ) -> Double
    where
        Double: Handler<M>,
    {
        let (system, double) = (System::new("time"), Double::new(0));
        let actor = spawn(&double, 64, &system);
        let mut asks = actor.ask_all((0..3).map(number)).window(3);
        asks = if let Some(after) = patience { asks.timeout(after) } else { asks };
        asks = if let Some(after) = expiry { asks.deadline(after) } else { asks };
        let mut outcomes = Vec::new();
        let collected = async {
            while let Some(outcome) = asks.next().await {
                outcomes.push(outcome.map_err(|error| matches!(error, AskError::Timeout { .. })));
            }
        };
        tokio::join!(collected, async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            double.gate.add_permits(OPEN);
        });
        let first = if expiry.is_some() { Ok(0) } else { Err(true) };
        assert_eq!(outcomes, [first, Err(true), Err(true)]);
        idle().await;
        assert_eq!(actor.ledger().queued, 0);
        double
    }
    let second = Some(Duration::from_secs(1));
    assert_eq!(ask(second, None, Number).await.taken(), [0]);
    assert_eq!(ask(None, second, Number).await.taken(), [0]);
    assert_eq!(ask(None, None, Soon).await.taken(), [0]);
}

/// contract §6: the caller dropped the future while queued → skipped, `Abandoned`. What was not sent is the iterator's.
#[tokio::test(start_paused = true)]
async fn dropped_it_abandons_what_is_under_way_and_leaves_the_rest_where_it_is() {
    let (system, double) = (System::new("dropped"), Double::new(0));
    let actor = spawn(&double, 64, &system);
    let mut msgs = (0..10).map(Number);
    {
        let mut replies = actor.ask_all(msgs.by_ref()).window(4);
        let mut first = task::spawn(replies.next());
        assert_pending!(first.poll());
        idle().await;
    }
    assert_eq!(msgs.next(), Some(Number(4)));
    double.gate.add_permits(OPEN);
    idle().await;
    assert_eq!(double.taken(), [0]);
    assert_eq!(system.dead_letters().count(Reason::Abandoned), 3);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_next_loses_nothing() {
    let (system, double) = (System::new("next"), Double::new(0));
    let actor = spawn(&double, 2, &system);
    let mut replies = actor.ask_all((0..6).map(Number)).window(4);
    for _ in 0..3 {
        let mut next = task::spawn(replies.next());
        assert_pending!(next.poll());
        drop(next);
        idle().await;
    }
    double.gate.add_permits(OPEN);
    assert_eq!(all(replies).await, [0, 2, 4, 6, 8, 10]);
    assert_eq!(double.taken(), [0, 1, 2, 3, 4, 5]);
}

/// contract §6: asking oneself → `WouldDeadlock` at once.
#[tokio::test(start_paused = true)]
async fn an_actor_that_asks_itself_is_told_for_each_message() {
    #[derive(Actor)]
    struct Selfish;

    #[derive(Message)]
    #[message(reply = usize)]
    struct AskYourself;

    #[derive(Message)]
    struct Nothing;

    impl Handler<Nothing> for Selfish {
        async fn handle(&mut self, _msg: Nothing, _ctx: &mut Context<Self>) {
            pending().await
        }
    }

    impl Handler<AskYourself> for Selfish {
        async fn handle(&mut self, _msg: AskYourself, ctx: &mut Context<Self>) -> usize {
            let myself = ctx.actor_ref();
            let mut replies = myself.ask_all([Nothing, Nothing]);
            let mut refused = 0;
            while let Some(reply) = replies.next().await {
                assert!(matches!(reply, Err(AskError::WouldDeadlock { .. })), "{reply:?}");
                refused += 1;
            }
            refused
        }
    }

    let selfish = Selfish.prepare().system(&System::new("self")).spawn().unwrap();
    assert_eq!(selfish.ask(AskYourself).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn recipients_ask_as_well() {
    let (system, double) = (System::new("recipient"), Double::new(OPEN));
    let recipient: Recipient<Number> = spawn(&double, 8, &system).recipient();
    let mut replies = recipient.ask_all((1..4).map(Number)).window(2);
    let mut sum = 0;
    while let Some(reply) = replies.next().await {
        sum += reply.unwrap();
    }
    assert_eq!(sum, 12);
}

/// With other workers at the same mailbox, and a budget of tokio's that is used up again and again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_order_holds_beside_other_askers() {
    let (system, double) = (System::new("beside"), Double::new(OPEN));
    let actor = spawn(&double, 16, &system);
    let askers: Vec<_> = (0..4)
        .map(|asker| {
            let actor = actor.clone();
            tokio::spawn(async move {
                let own = (1..=2000).map(|n| asker * 10_000 + n + 20);
                let mut replies = actor.ask_all(own.clone().map(Number)).window(32);
                for expected in own {
                    assert_eq!(replies.next().await.map(Result::unwrap), Some(2 * expected));
                }
            })
        })
        .collect();
    for asker in askers {
        asker.await.unwrap();
    }
    let taken = double.taken();
    for asker in 0..4 {
        let of_one = taken.iter().filter(|n| **n / 10_000 == asker);
        assert!(of_one.is_sorted(), "asker {asker}");
    }
    assert_eq!(taken.len(), 8000);
}

#[test]
#[should_panic(expected = "a window of zero asks would send nothing")]
fn a_window_of_zero_is_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _entered = runtime.enter();
    let actor = spawn(&Double::new(0), 1, &System::new("zero"));
    let _asks = actor.ask_all([Number(1)]).window(0);
}
