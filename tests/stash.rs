//! Messages put aside: contract §2, §4, §7 and §8. Among them the behaviours of Pekko's `StashSpec` and
//! `ActorWithStashSpec`, and of `peers.md`'s lost stash.

#[path = "support/lab.rs"]
mod lab;

use std::sync::{Arc, Mutex};

use lab::{idle, millis, secs};
use postbox::{Reason, child, prelude::*};
use tokio::sync::Semaphore;
use tokio_test::{assert_pending, task};

/// Puts jobs aside until it is open, and writes down those that it does.
#[derive(Clone)]
struct Shop {
    open: bool,
    done: Arc<Mutex<Vec<u32>>>,
    tried: Arc<Mutex<Vec<u32>>>,
    gate: Arc<Semaphore>,
}

impl Actor for Shop {}

#[derive(Clone, Debug, Message)]
#[message(reply = u32)]
struct Job(u32);

impl Handler<Job> for Shop {
    async fn handle(&mut self, job: Job, ctx: &mut Context<Self>) -> u32 {
        self.tried.lock().unwrap().push(job.0);
        if !self.open {
            return ctx.stash(job).await;
        }
        self.done.lock().unwrap().push(job.0);
        job.0
    }
}

/// A job with attempts: a copy is in hand while the original keeps its place.
#[derive(Clone, Debug, Message)]
#[message(reply = u32, retry = 3)]
struct Careful(u32);

impl Handler<Careful> for Shop {
    async fn handle(&mut self, job: Careful, ctx: &mut Context<Self>) -> u32 {
        if !self.open {
            return ctx.stash(job).await;
        }
        self.done.lock().unwrap().push(job.0);
        job.0
    }
}

/// Fails once, and is done then.
#[derive(Clone, Debug, Message)]
#[message(retry = 2)]
struct Tripping(u32);

impl Handler<Tripping> for Shop {
    async fn handle(&mut self, job: Tripping, _ctx: &mut Context<Self>) {
        self.tried.lock().unwrap().push(job.0);
        let attempts = self.tried.lock().unwrap().iter().filter(|tried| **tried == job.0).count();
        assert!(attempts > 1, "trips");
        self.done.lock().unwrap().push(job.0);
    }
}

#[messages]
impl Shop {
    #[message]
    fn open(&mut self, ctx: &mut Context<Self>) -> usize {
        self.open = true;
        ctx.unstash_all();
        ctx.stashed()
    }

    #[message]
    fn open_for_one(&mut self, ctx: &mut Context<Self>) {
        self.open = true;
        ctx.unstash_one();
    }

    #[message]
    async fn pause(&mut self) {
        self.gate.acquire().await.unwrap().forget();
    }

    #[message]
    fn crash(&mut self) {
        panic!("out of order");
    }

    #[message]
    fn set_open(&mut self, open: bool) {
        self.open = open;
    }

    #[message]
    async fn wrong(&mut self, ctx: &mut Context<Self>) {
        ctx.stash(Job(0)).await
    }
}

struct Street {
    system: System,
    shop: Shop,
}

impl Street {
    fn new(name: &str) -> Self {
        let shop = Shop {
            open: false,
            done: Arc::default(),
            tried: Arc::default(),
            gate: Arc::new(Semaphore::new(0)),
        };
        Self { system: System::new(name), shop }
    }

    fn spawn(&self, capacity: usize) -> ActorRef<Shop> {
        self.shop.clone().prepare().capacity(capacity).system(&self.system).spawn().unwrap()
    }

    /// As a child, whose incarnations begin closed.
    async fn spawn_child(&self, capacity: usize) -> (ActorRef<Supervisor>, ActorRef<Shop>) {
        let tree = Supervisor::one_for_one().system(&self.system).start().await.unwrap();
        let shop = self.shop.clone();
        let shop = tree.spawn(child("shop", move || shop.clone()).capacity(capacity)).await.unwrap();
        (tree, shop)
    }

    fn done(&self) -> Vec<u32> {
        std::mem::take(&mut *self.shop.done.lock().unwrap())
    }

    /// The jobs that died of a reason, the oldest first.
    fn dead(&self, reason: Reason) -> Vec<u32> {
        let letters = self.system.dead_letters().recent();
        let dead = letters.iter().filter(|letter| letter.reason() == reason);
        dead.filter_map(|letter| letter.take_message::<Job>().map(|job| job.0)).collect()
    }

    async fn close(self) {
        let ledger = self.system.shutdown(secs(60)).await.ledger;
        assert!(ledger.balances() && ledger.settled() == ledger.accepted, "{ledger}");
        assert_eq!(self.system.dead_letters().count(Reason::Leaked), 0);
    }
}

/// contract §2: stashed ► back to the queue. Pekko `ActorWithStashSpec`: "be able to unstash all messages"
#[tokio::test(start_paused = true)]
async fn stashed_messages_come_back_in_their_order_before_what_is_queued() {
    let street = Street::new("order");
    let shop = street.spawn(16);
    for job in 1..=3 {
        shop.tell(Job(job)).await.unwrap();
    }
    idle().await;
    let ledger = shop.ledger();
    assert_eq!((ledger.stashed, ledger.queued, ledger.in_flight), (3, 0, 0), "{ledger}");
    assert!(ledger.balances());
    shop.open().try_tell().unwrap();
    for job in 4..=6 {
        shop.try_tell(Job(job)).unwrap();
    }
    idle().await;
    assert_eq!(street.done(), [1, 2, 3, 4, 5, 6]);
    assert_eq!(shop.ledger().stashed, 0);
    street.close().await;
}

/// The asker goes with its message and is answered in the end.
#[tokio::test(start_paused = true)]
async fn a_stashed_ask_is_answered_when_it_is_handled() {
    let street = Street::new("asked");
    let shop = street.spawn(16);
    let mut ask = task::spawn(shop.ask(Job(1)));
    assert_pending!(ask.poll());
    idle().await;
    assert!(!ask.is_woken());
    assert_eq!(shop.open().await.unwrap(), 1);
    assert_eq!(ask.await.unwrap(), 1);
    street.close().await;
}

/// contract §6: nobody has it in hand, so an asker that gives up is told that no handler will run it.
#[tokio::test(start_paused = true)]
async fn an_asker_that_gives_up_on_a_stashed_message_may_send_it_again() {
    let street = Street::new("timeout");
    let shop = street.spawn(16);
    let error = shop.ask(Job(1)).timeout(millis(10)).await.unwrap_err();
    assert!(matches!(error, AskError::Timeout { started: false, .. }), "{error:?}");
    let error = shop.ask(Job(2)).deadline(millis(10)).await.unwrap_err();
    assert!(matches!(error, AskError::Timeout { started: false, .. }), "{error:?}");
    shop.open().await.unwrap();
    idle().await;
    assert_eq!(street.done(), []);
    assert_eq!((street.dead(Reason::Abandoned), street.dead(Reason::Expired)), (vec![1], vec![2]));
    street.close().await;
}

/// Pekko `StashSpec`: "unstash one"
#[tokio::test(start_paused = true)]
async fn unstash_one_brings_the_first_back() {
    let street = Street::new("one");
    let shop = street.spawn(16);
    for job in 1..=3 {
        shop.tell(Job(job)).await.unwrap();
    }
    idle().await;
    shop.open_for_one().tell().await.unwrap();
    idle().await;
    assert_eq!(street.done(), [1]);
    assert_eq!(shop.ledger().stashed, 2);
    shop.open().await.unwrap();
    idle().await;
    assert_eq!(street.done(), [2, 3]);
    street.close().await;
}

/// contract §8: a stash counts against the bound, so unstash can never overflow
#[tokio::test(start_paused = true)]
async fn a_stash_counts_against_the_bound() {
    let street = Street::new("bound");
    let shop = street.spawn(3);
    shop.tell(Job(1)).await.unwrap();
    shop.tell(Job(2)).await.unwrap();
    idle().await;
    assert_eq!(shop.ledger().stashed, 2);
    shop.try_tell(Job(3)).unwrap();
    assert!(matches!(shop.try_tell(Job(4)), Err(TryTellError::Full { capacity: 3, .. })));
    idle().await;
    assert!(matches!(shop.open().try_tell(), Err(TryTellError::Full { .. })), "it hears nothing any more");
    shop.stop();
    shop.ended().await;
    // Brought back once more, put aside again, and given up.
    assert_eq!(street.dead(Reason::Stopped), [1, 2, 3]);
    street.close().await;
}

/// contract §4: the stash is kept (spliced back to the front, in order): message under retry → stash → queue.
/// Pekko `ActorWithStashSpec`: "unstash all messages on PreRestart"; its typed stash is lost.
#[tokio::test(start_paused = true)]
async fn a_stash_survives_a_restart_and_comes_behind_the_message_under_retry() {
    let street = Street::new("restart");
    let (_tree, shop) = street.spawn_child(16).await;
    shop.tell(Job(1)).await.unwrap();
    shop.tell(Job(2)).await.unwrap();
    idle().await;
    shop.pause().try_tell().unwrap();
    idle().await;
    shop.try_tell(Tripping(3)).unwrap();
    shop.try_tell(Job(4)).unwrap();
    street.shop.tried.lock().unwrap().clear();
    street.shop.gate.add_permits(1);
    idle().await;
    assert_eq!(*street.shop.tried.lock().unwrap(), [3, 3, 1, 2, 4]);
    assert_eq!(shop.ledger().stashed, 3);
    shop.open().await.unwrap();
    idle().await;
    assert_eq!(street.done(), [3, 1, 2, 4]);
    street.close().await;
}

/// The same with a failure by value.
#[tokio::test(start_paused = true)]
async fn a_stash_comes_before_the_queue_after_a_crash() {
    let street = Street::new("crash");
    let (_tree, shop) = street.spawn_child(16).await;
    shop.tell(Job(1)).await.unwrap();
    idle().await;
    shop.crash().try_tell().unwrap();
    shop.set_open(true).try_tell().unwrap();
    shop.try_tell(Job(2)).unwrap();
    idle().await;
    assert_eq!(*street.shop.tried.lock().unwrap(), [1, 1, 2]);
    assert_eq!(street.done(), [2]);
    shop.open().await.unwrap();
    idle().await;
    assert_eq!(street.done(), [1]);
    street.close().await;
}

/// A message with attempts: its original is put aside, and is tried anew.
#[tokio::test(start_paused = true)]
async fn a_message_with_attempts_is_put_aside_whole() {
    let street = Street::new("careful");
    let shop = street.spawn(16);
    let mut ask = task::spawn(shop.ask(Careful(1)));
    assert_pending!(ask.poll());
    shop.tell(Careful(2)).await.unwrap();
    idle().await;
    assert_eq!(shop.ledger().stashed, 2);
    shop.open().await.unwrap();
    assert_eq!(ask.await.unwrap(), 1);
    idle().await;
    assert_eq!(street.done(), [1, 2]);
    street.close().await;
}

/// Fails at every attempt, as soon as the shop is open.
#[derive(Clone, Debug, Message)]
#[message(reply = u32, retry = 3)]
struct Cursed(u32);

impl Handler<Cursed> for Shop {
    async fn handle(&mut self, job: Cursed, ctx: &mut Context<Self>) -> u32 {
        if !self.open {
            return ctx.stash(job).await;
        }
        self.tried.lock().unwrap().push(job.0);
        panic!("cursed");
    }
}

/// contract §3: "up to N attempts in all", and only the first failure is charged: also where each new incarnation puts
/// the message aside until it is ready. Otherwise such a message kills a healthy actor.
#[tokio::test(start_paused = true)]
async fn attempts_from_before_a_message_was_put_aside_count() {
    let street = Street::new("cursed");
    let tree = Supervisor::one_for_one().limit(1, secs(60)).system(&street.system).start().await.unwrap();
    let shop = street.shop.clone();
    let shop = tree.spawn(child("shop", move || shop.clone())).await.unwrap();
    shop.tell(Job(1)).await.unwrap();
    let mut ask = task::spawn(shop.ask(Cursed(2)));
    assert_pending!(ask.poll());
    shop.tell(Job(3)).await.unwrap();
    for attempt in 1..=3 {
        idle().await;
        assert_pending!(ask.poll(), "before attempt {attempt}");
        assert_eq!(shop.ledger().stashed, if attempt == 1 { 3 } else { 2 });
        shop.open().await.unwrap();
    }
    assert!(matches!(ask.await, Err(AskError::Failed(_))));
    idle().await;
    let letters = street.system.dead_letters().recent();
    let letters: Vec<_> = letters.iter().map(|letter| (letter.reason(), letter.attempts())).collect();
    assert_eq!(letters, [(Reason::Quarantined, 3)]);
    let tried = street.shop.tried.lock().unwrap().iter().filter(|job| **job == 2).count();
    assert_eq!(tried, 3);
    shop.open().await.unwrap();
    idle().await;
    assert_eq!(street.done(), [1, 3]);
    street.close().await;
}

/// contract §6: who waits for a message that has been tried and then put aside is not told that it is safe to send it
/// again, whatever ends the wait.
#[tokio::test(start_paused = true)]
async fn an_asker_of_a_message_that_was_tried_and_put_aside_is_not_told_to_send_it_again() {
    for (end, expected) in [
        (None, (Reason::Abandoned, 1)),
        (Some(ActorRef::stop_now as fn(&ActorRef<Shop>)), (Reason::Aborted, 1)),
        (Some(ActorRef::stop), (Reason::Aborted, 1)),
    ] {
        let street = Street::new("tried");
        let tree = Supervisor::one_for_one().system(&street.system).start().await.unwrap();
        let shop = street.shop.clone();
        let shop = child("shop", move || shop.clone()).restart(Restart::Transient);
        let shop = tree.spawn(shop).await.unwrap();
        shop.set_open(true).await.unwrap();
        let mut ask = task::spawn(shop.ask(Cursed(1)).timeout(secs(1)));
        assert_pending!(ask.poll());
        idle().await;
        assert_eq!(shop.ledger().stashed, 1);
        if let Some(end) = end {
            end(&shop);
        }
        let error = ask.await.unwrap_err();
        assert_eq!(error.may_retry(), None, "{error:?}");
        shop.kill();
        shop.stop();
        idle().await;
        let letters = street.system.dead_letters().recent();
        let letters: Vec<_> = letters.iter().map(|letter| (letter.reason(), letter.attempts())).collect();
        assert_eq!(letters, [expected]);
        street.close().await;
    }
}

/// contract §7, stop: queued + stashed: those accepted before the call are handled, then close
#[tokio::test(start_paused = true)]
async fn a_stop_handles_what_is_stashed_before_the_end() {
    let street = Street::new("stop");
    let shop = street.spawn(16);
    shop.tell(Job(1)).await.unwrap();
    shop.tell(Job(2)).await.unwrap();
    idle().await;
    shop.set_open(true).try_tell().unwrap();
    shop.try_tell(Job(3)).unwrap();
    shop.stop();
    shop.ended().await;
    assert_eq!(street.done(), [3, 1, 2]);
    street.close().await;
}

/// Put aside again in the last round, it would wait for ever.
#[tokio::test(start_paused = true)]
async fn what_is_put_aside_again_during_a_stop_is_given_up() {
    let street = Street::new("last round");
    let shop = street.spawn(16);
    let mut ask = task::spawn(shop.ask(Job(1)));
    assert_pending!(ask.poll());
    shop.tell(Job(2)).await.unwrap();
    shop.tell(Careful(3)).await.unwrap();
    idle().await;
    shop.stop();
    shop.ended().await;
    let error = ask.await.unwrap_err();
    assert!(matches!(&error, AskError::Stopped { msg: Job(1), .. }), "{error:?}");
    assert_eq!(street.dead(Reason::Stopped), [2]);
    assert_eq!(street.system.dead_letters().count(Reason::Stopped), 2);
    street.close().await;
}

/// The same when the last reference is gone.
#[tokio::test(start_paused = true)]
async fn the_end_of_the_last_reference_handles_what_is_stashed() {
    let street = Street::new("released");
    let shop = street.spawn(16);
    shop.tell(Job(1)).await.unwrap();
    idle().await;
    shop.set_open(true).tell().await.unwrap();
    let weak = shop.downgrade();
    drop(shop);
    weak.ended().await;
    assert_eq!(street.done(), [1]);
    street.close().await;
}

/// contract §7, stop_now: dead letters `Stopped`, in order, stash first; asks get their message back
#[tokio::test(start_paused = true)]
async fn a_stop_now_gives_up_the_stash_first() {
    let street = Street::new("stop now");
    let shop = street.spawn(16);
    let mut ask = task::spawn(shop.ask(Job(1)));
    assert_pending!(ask.poll());
    shop.tell(Job(2)).await.unwrap();
    idle().await;
    shop.pause().try_tell().unwrap();
    idle().await;
    shop.try_tell(Job(3)).unwrap();
    shop.stop_now();
    street.shop.gate.add_permits(1);
    shop.ended().await;
    let error = ask.await.unwrap_err();
    assert!(matches!(&error, AskError::Stopped { msg: Job(1), .. }), "{error:?}");
    assert_eq!(street.dead(Reason::Stopped), [2, 3]);
    street.close().await;
}

/// contract §7, kill: dead letters `Killed`
#[tokio::test(start_paused = true)]
async fn a_kill_gives_up_the_stash() {
    let street = Street::new("kill");
    let shop = street.spawn(16);
    shop.tell(Job(1)).await.unwrap();
    shop.tell(Job(2)).await.unwrap();
    idle().await;
    shop.kill();
    shop.ended().await;
    assert_eq!(street.dead(Reason::Killed), [1, 2]);
    street.close().await;
}

/// Pekko `ActorWithStashSpec`: "fail when stashing a message that is not the current one"
#[tokio::test(start_paused = true)]
async fn stashing_another_type_than_the_one_in_hand_is_a_failure_that_says_so() {
    let street = Street::new("wrong");
    let shop = street.spawn(16);
    let error = shop.wrong().await.unwrap_err();
    assert!(error.to_string().contains("not the `Wrong` in hand"), "{error}");
    street.close().await;
}

/// There is no message in a hook that could be put aside.
#[tokio::test(start_paused = true)]
async fn stashing_in_a_hook_is_a_failure_that_says_so() {
    struct Hasty;
    impl Actor for Hasty {
        async fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), BoxError> {
            ctx.stash(Job(0)).await
        }
    }
    let street = Street::new("hook");
    let error = Hasty.prepare().system(&street.system).start().await.unwrap_err();
    assert!(error.to_string().contains("stash was called in a hook"), "{error}");
    street.close().await;
}

#[tokio::test(start_paused = true)]
async fn an_actor_knows_how_much_it_has_put_aside() {
    let street = Street::new("count");
    let shop = street.spawn(16);
    for job in 1..=3 {
        shop.try_tell(Job(job)).unwrap();
    }
    assert_eq!(shop.open().await.unwrap(), 3);
    assert_eq!(shop.open().await.unwrap(), 0);
    street.close().await;
}

/// A permanent child starts again: what it has put aside stays with it.
#[tokio::test(start_paused = true)]
async fn a_stop_of_a_permanent_child_keeps_its_stash_for_the_next_incarnation() {
    let street = Street::new("permanent");
    let (_tree, shop) = street.spawn_child(16).await;
    shop.tell(Job(1)).await.unwrap();
    idle().await;
    shop.stop();
    idle().await;
    assert_eq!(shop.ledger().stashed, 1);
    assert_eq!(*street.shop.tried.lock().unwrap(), [1, 1]);
    shop.open().await.unwrap();
    idle().await;
    assert_eq!(street.done(), [1]);
    street.close().await;
}
