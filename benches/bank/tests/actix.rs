//! What actix 0.13 does: at a failure, and in the calls that the page for those who come from it names.

use std::{cell::Cell, rc::Rc, time::Duration};

use actix::{
    actors::mocker::Mocker,
    dev::SendError,
    fut::{ActorFutureExt as _, wrap_future},
    prelude::*,
};
use bank::{
    actix::{Account, Balance, Deposit, Insufficient, POISON, Withdraw, open},
    framework::{Actix, Bank as _, NoAnswer},
    pending::{Asked, Told, asked, settle, told},
};

fn closed() -> NoAnswer {
    NoAnswer("Mailbox has closed".to_owned())
}

// At a failure.

#[test]
fn what_waits_behind_a_poison_is_lost_and_the_account_with_it() {
    for poisons in [1, 2] {
        assert_eq!(told::<Actix>(poisons), Told(None));
        let others = Some(closed());
        assert_eq!(asked::<Actix>(poisons), Asked { poison: Err(closed()), answered: 0, others });
    }
}

#[test]
fn no_supervisor_restarts_after_a_panic() {
    Actix::run(async {
        let account = open(0);
        assert!(matches!(account.send(Withdraw(POISON)).await, Err(MailboxError::Closed)));
        assert!(!account.connected());
        assert!(matches!(account.try_send(Deposit(1)), Err(SendError::Closed(Deposit(1)))));
    });
}

/// Stops when it is told to, and counts what it has been told since it started.
struct Stopper {
    restarts: u32,
    sum: u64,
}

#[derive(Message)]
#[rtype(result = "(u32, u64)")]
struct Add(u64);

#[derive(Message)]
#[rtype(result = "()")]
struct Stop;

impl Actor for Stopper {
    type Context = Context<Self>;
}

impl Supervised for Stopper {
    fn restarting(&mut self, _ctx: &mut Context<Self>) {
        self.restarts += 1;
    }
}

impl Handler<Add> for Stopper {
    type Result = MessageResult<Add>;

    fn handle(&mut self, Add(number): Add, _ctx: &mut Context<Self>) -> Self::Result {
        self.sum += number;
        MessageResult((self.restarts, self.sum))
    }
}

impl Handler<Stop> for Stopper {
    type Result = ();

    fn handle(&mut self, _: Stop, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}

#[test]
fn a_supervised_actor_that_stops_goes_on_as_the_same_value() {
    Actix::run(async {
        let stopper = Supervisor::start(|_| Stopper { restarts: 0, sum: 0 });
        assert_eq!(stopper.send(Add(1)).await.unwrap(), (0, 1));
        stopper.do_send(Stop);
        stopper.do_send(Add(2));
        assert_eq!(stopper.send(Add(4)).await.unwrap(), (1, 7), "neither state nor messages are gone");
    });
}

#[test]
fn without_a_supervisor_what_waits_behind_a_stop_is_lost() {
    Actix::run(async {
        let stopper = Stopper { restarts: 0, sum: 0 }.start();
        stopper.do_send(Stop);
        let behind = stopper.send(Add(2));
        assert!(matches!(behind.await, Err(MailboxError::Closed)));
    });
}

// Calls.

#[test]
fn a_bound_holds_for_try_send_and_not_for_do_send() {
    Actix::run(async {
        let account = open(0);
        account.send(Balance).await.unwrap();
        let mut accepted = 0;
        while account.try_send(Deposit(1)).is_ok() {
            accepted += 1;
        }
        assert_eq!(accepted, 64);
        assert!(matches!(account.try_send(Deposit(9)), Err(SendError::Full(Deposit(9)))));
        assert!(account.clone().try_send(Deposit(1)).is_ok(), "another address, another one");
        for _ in 0..10_000 {
            account.do_send(Deposit(1));
        }
        let fresh = account.clone();
        assert_eq!(fresh.send(Balance).await.unwrap(), 10_065);
    });
}

#[test]
fn an_ask_may_have_a_timeout() {
    Actix::run(async {
        let sleeper = Sleeper { log: Vec::new() }.start();
        let late = sleeper.send(Sleep(60)).timeout(Duration::from_secs(1)).await;
        assert!(matches!(late, Err(MailboxError::Timeout)));
    });
}

/// Its handler awaits, with the actor in hand before and after.
struct Sleeper {
    log: Vec<String>,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Sleep(u64);

#[derive(Message)]
#[rtype(result = "Vec<String>")]
struct Log;

impl Actor for Sleeper {
    type Context = Context<Self>;
}

impl Handler<Sleep> for Sleeper {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, Sleep(secs): Sleep, _ctx: &mut Context<Self>) -> Self::Result {
        self.log.push(format!("{secs} begins"));
        let sleep = tokio::time::sleep(Duration::from_secs(secs));
        Box::pin(wrap_future::<_, Self>(sleep).map(move |(), sleeper, _ctx| {
            sleeper.log.push(format!("{secs} ends"));
        }))
    }
}

impl Handler<Log> for Sleeper {
    type Result = Vec<String>;

    fn handle(&mut self, _: Log, _ctx: &mut Context<Self>) -> Vec<String> {
        self.log.clone()
    }
}

#[test]
fn while_a_handler_awaits_the_next_message_is_handled() {
    Actix::run(async {
        let sleeper = Sleeper { log: Vec::new() }.start();
        sleeper.do_send(Sleep(2));
        sleeper.send(Sleep(1)).await.unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(sleeper.send(Log).await.unwrap(), ["2 begins", "1 begins", "1 ends", "2 ends"]);
    });
}

/// Asks itself, and returns the answer.
#[derive(Message)]
#[rtype(result = "usize")]
struct AskItself;

impl Handler<AskItself> for Sleeper {
    type Result = ResponseFuture<usize>;

    fn handle(&mut self, _: AskItself, ctx: &mut Context<Self>) -> Self::Result {
        let answer = ctx.address().send(Log);
        Box::pin(async move { answer.await.expect("it is handled meanwhile").len() })
    }
}

#[test]
fn an_actor_may_ask_itself() {
    Actix::run(async {
        let sleeper = Sleeper { log: Vec::new() }.start();
        assert_eq!(sleeper.send(AskItself).await.unwrap(), 0);
    });
}

#[test]
fn an_account_ends_with_its_last_address() {
    Actix::run(async {
        let account = Account { balance: 3 }.start();
        let weak = account.downgrade();
        assert!(weak.upgrade().is_some());
        drop(account);
        settle().await;
        assert!(weak.upgrade().is_none());
    });
}

#[test]
fn one_message_type_of_any_actor_is_a_recipient() {
    Actix::run(async {
        let any: Recipient<Withdraw> = open(3).recipient();
        assert_eq!(any.send(Withdraw(1)).await.unwrap(), Ok(2));
    });
}

#[derive(Default)]
struct Clerk;

impl Actor for Clerk {
    type Context = Context<Self>;
}

impl Supervised for Clerk {}

impl SystemService for Clerk {}

impl Handler<Balance> for Clerk {
    type Result = u64;

    fn handle(&mut self, _: Balance, _ctx: &mut Context<Self>) -> u64 {
        42
    }
}

#[test]
fn a_service_is_found_by_its_type_and_started_by_who_looks_first() {
    Actix::run(async {
        assert_eq!(Clerk::from_registry().send(Balance).await.unwrap(), 42);
    });
}

#[test]
fn a_mock_answers_in_the_place_of_an_actor() {
    Actix::run(async {
        let mock =
            Mocker::<Account>::mock(Box::new(|_message, _ctx| Box::new(Some(Ok::<u64, Insufficient>(7)))));
        assert_eq!(mock.start().send(Withdraw(1)).await.unwrap(), Ok(7));
    });
}

// What postbox has not.

/// Deposits by the clock and from a stream.
struct Saver(u64);

impl Actor for Saver {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.run_interval(Duration::from_secs(1), |saver, _ctx| saver.0 += 1);
        ctx.run_later(Duration::from_secs(2), |saver, _ctx| saver.0 += 10);
        ctx.add_stream(futures_util::stream::iter([100, 200]));
    }
}

impl StreamHandler<u64> for Saver {
    fn handle(&mut self, amount: u64, _ctx: &mut Context<Self>) {
        self.0 += amount;
    }

    fn finished(&mut self, _ctx: &mut Context<Self>) {}
}

impl Handler<Balance> for Saver {
    type Result = u64;

    fn handle(&mut self, _: Balance, _ctx: &mut Context<Self>) -> u64 {
        self.0
    }
}

#[test]
fn an_actor_may_have_timers_and_streams_of_its_own() {
    Actix::run(async {
        let saver = Saver(0).start();
        tokio::time::sleep(Duration::from_millis(3500)).await;
        assert_eq!(saver.send(Balance).await.unwrap(), 313);
    });
}

/// Its state stays on its thread.
struct Local(Rc<Cell<u64>>);

impl Actor for Local {
    type Context = Context<Self>;
}

impl Handler<Deposit> for Local {
    type Result = ();

    fn handle(&mut self, Deposit(amount): Deposit, _ctx: &mut Context<Self>) {
        self.0.set(self.0.get() + amount);
    }
}

#[test]
fn the_state_of_an_actor_need_not_be_send() {
    Actix::run(async {
        let sum = Rc::new(Cell::new(0));
        Local(Rc::clone(&sum)).start().send(Deposit(5)).await.unwrap();
        assert_eq!(sum.get(), 5);
    });
}

struct Blocking;

impl Actor for Blocking {
    type Context = SyncContext<Self>;
}

impl Handler<Balance> for Blocking {
    type Result = u64;

    fn handle(&mut self, _: Balance, _ctx: &mut SyncContext<Self>) -> u64 {
        42
    }
}

#[test]
fn actors_may_share_a_mailbox_on_threads_of_their_own() {
    Actix::run(async {
        let pool = SyncArbiter::start(2, || Blocking);
        assert_eq!(pool.send(Balance).await.unwrap(), 42);
    });
}
