//! What postbox does where the peers' tests show what the peers do.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bank::{
    framework::{NoAnswer, Postbox},
    pending::{Asked, Told, asked, told},
    postbox::{Account, AccountApi as _, Balance, Deposit, Insufficient, POISON, Withdraw, open},
};
use postbox::{
    AutoShutdown, Backoff, Flat, Reason, Status,
    prelude::*,
    testkit::{TestSystem, run},
};

// At a failure.

#[test]
fn what_waits_behind_a_failure_is_handled() {
    for poisons in [1, 2, 5] {
        assert_eq!(told::<Postbox>(poisons), Told(Some(5)));
        let poison = Err(NoAnswer("Failed, with the panic: a poisonous amount".to_owned()));
        assert_eq!(asked::<Postbox>(poisons), Asked { poison, answered: 5, others: None });
    }
}

#[tokio::test]
async fn one_poison_right_after_the_spawn_loses_nothing() {
    let (_branch, account) = open(0).await.unwrap();
    account.withdraw(POISON).try_tell().unwrap();
    account.deposit(5).try_tell().unwrap();
    assert_eq!(account.balance().await.unwrap(), 5);
}

#[tokio::test]
async fn the_asker_is_told_of_the_panic_and_its_place() {
    let (_branch, account) = open(0).await.unwrap();
    let Err(AskError::Failed(failure)) = account.withdraw(POISON).await else { panic!("it failed") };
    assert!(failure.to_string().contains("src/postbox.rs"), "{failure}");
}

#[tokio::test]
async fn a_refusal_that_nobody_asked_for_is_counted_and_nothing_else() {
    let system = System::new("refusal");
    let account = Account { balance: 7 }.prepare().system(&system).spawn().unwrap();
    account.deposit(1).try_tell().unwrap();
    account.withdraw(500).try_tell().unwrap();
    assert_eq!(account.balance().await.unwrap(), 8);
    assert_eq!(system.unheard_errors(), 1);
}

#[tokio::test]
async fn a_reference_from_before_a_restart_asks_and_kills() {
    let (_branch, account) = open(0).await.unwrap();
    assert!(account.withdraw(POISON).await.is_err());
    account.deposit(5).await.unwrap();
    account.kill();
    assert_eq!(account.balance().await.unwrap(), 0, "the next incarnation");
}

#[tokio::test]
async fn a_failing_message_is_a_dead_letter_that_says_why() {
    let system = System::new("letters");
    let account = Account { balance: 7 }.prepare().system(&system).spawn().unwrap();
    assert!(account.withdraw(POISON).await.is_err());
    account.ended().await;
    let letters = system.dead_letters().recent();
    assert_eq!(letters[0].reason(), Reason::Failed);
    assert!(letters[0].failure().is_some());
}

/// Fails for as long as it is told to.
#[derive(Actor)]
struct Flaky {
    failures: Arc<Mutex<u32>>,
}

#[messages]
impl Flaky {
    /// Counts down to the call that goes well.
    #[message(derive(Clone), retry = 3)]
    fn call(&mut self) -> &'static str {
        let mut left = self.failures.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if *left > 0 {
            *left -= 1;
            panic!("not yet");
        }
        "done"
    }

    /// Refuses, and means that it is broken.
    #[message(on_err = fail)]
    fn refuse(&mut self) -> Result<(), &'static str> {
        Err("broken")
    }
}

#[tokio::test]
async fn an_err_is_a_failure_if_the_method_says_so() {
    let flaky = Flaky { failures: Arc::default() }.spawn();
    assert!(matches!(flaky.refuse().await, Err(AskError::Failed(_))));
    assert!(flaky.ended().await.is_failure());
}

#[tokio::test]
async fn a_message_that_says_so_is_delivered_again_and_then_kept_in_a_dead_letter() {
    let system = System::new("retries");
    let failures = Arc::new(Mutex::new(2));
    let branch = Supervisor::one_for_one().system(&system).start().await.unwrap();
    let make = {
        let failures = Arc::clone(&failures);
        move || Flaky { failures: Arc::clone(&failures) }
    };
    let flaky = branch.spawn(child("flaky", make)).await.unwrap();
    assert_eq!(flaky.call().await.unwrap(), "done", "at the third attempt");
    *failures.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = 3;
    assert!(flaky.call().await.is_err());
    let letters = system.dead_letters().recent();
    assert_eq!((letters[0].reason(), letters[0].has_message()), (Reason::Quarantined, true));
    assert_eq!(flaky.call().await.unwrap(), "done");
}

#[tokio::test]
async fn an_actor_without_a_supervisor_ends_with_its_first_failure_and_gives_back_what_waits() {
    let account = Account { balance: 7 }.spawn();
    let waits = account.balance();
    let (poison, behind) = tokio::join!(account.withdraw(POISON).send(), waits.send());
    assert!(matches!(poison, Err(AskError::Failed(_))));
    assert!(matches!(behind, Err(AskError::Stopped { msg: Balance, .. })));
}

#[tokio::test]
async fn past_its_limit_the_supervisor_fails_with_its_children() {
    let branch = Supervisor::one_for_one().limit(1, Duration::from_secs(10)).start().await.unwrap();
    let account = branch.spawn(child("account", || Account { balance: 0 })).await.unwrap();
    for _ in 0..2 {
        assert!(account.withdraw(POISON).await.is_err());
    }
    assert!(matches!(branch.ended().await, StopReason::RestartLimit(_)));
    assert!(matches!(account.balance().await, Err(AskError::Stopped { .. })));
}

#[tokio::test]
async fn one_for_all_restarts_without_a_child_that_has_ended() {
    let branch = Supervisor::one_for_all()
        .backoff(Backoff::none())
        .auto_shutdown(AutoShutdown::Never)
        .start()
        .await
        .unwrap();
    let account = branch.spawn(child("account", || Account { balance: 0 })).await.unwrap();
    let brief = child("brief", || Account { balance: 0 }).restart(Restart::Transient);
    let brief = branch.spawn(brief).await.unwrap();
    brief.stop();
    brief.ended().await;
    assert!(account.withdraw(POISON).await.is_err());
    assert_eq!(account.balance().await.unwrap(), 0);
}

#[tokio::test]
async fn a_permanent_child_is_stopped_for_good_by_its_supervisor() {
    let (branch, account) = open(3).await.unwrap();
    account.stop();
    assert_eq!(account.balance().await.unwrap(), 3, "the next incarnation");
    branch.stop_child("account").await.unwrap();
    assert!(matches!(account.ended().await, StopReason::Shutdown));
}

// Calls.

#[tokio::test]
async fn a_full_mailbox_hands_the_message_back() {
    let (_branch, account) = open(0).await.unwrap();
    for _ in 0..64 {
        account.deposit(1).try_tell().unwrap();
    }
    let refused = account.deposit(9).try_tell();
    assert!(matches!(refused, Err(TryTellError::Full { msg: Deposit { amount: 9 }, .. })));
    assert_eq!(account.balance().await.unwrap(), 64);
}

#[tokio::test(start_paused = true)]
async fn an_ask_may_have_a_timeout_and_one_error_for_both() {
    let (_branch, account) = open(1).await.unwrap();
    let left = account.withdraw(1).timeout(Duration::from_secs(1)).await.flat();
    assert_eq!(left.unwrap(), 0);
    assert_eq!(account.ask(Withdraw { amount: 1 }).await.unwrap(), Err(Insufficient));
}

/// Sleeps with its state in hand.
#[derive(Actor, Default)]
struct Sleeper {
    log: Vec<String>,
}

#[messages]
impl Sleeper {
    /// Notes when it begins and when it ends.
    #[message]
    async fn sleep(&mut self, secs: u64) {
        self.log.push(format!("{secs} begins"));
        tokio::time::sleep(Duration::from_secs(secs)).await;
        self.log.push(format!("{secs} ends"));
    }

    /// Returns the notes.
    #[message]
    fn log(&self) -> Vec<String> {
        self.log.clone()
    }

    /// Asks itself.
    #[message]
    async fn ask_itself(&self, ctx: &mut Context<Self>) -> bool {
        matches!(ctx.actor_ref().log().await, Err(AskError::WouldDeadlock { .. }))
    }

    /// Answers from elsewhere.
    #[message(defer)]
    fn later(&mut self, reply: ReplyTo<u64>) {
        tokio::spawn(async move { reply.send(1) });
    }

    /// Gives up.
    #[message]
    async fn give_up(&mut self, ctx: &mut Context<Self>) {
        ctx.fail("out of order").await
    }
}

#[tokio::test(start_paused = true)]
async fn while_a_handler_awaits_the_next_message_waits() {
    let sleeper = Sleeper::default().spawn();
    sleeper.sleep(2).tell().await.unwrap();
    sleeper.sleep(1).await.unwrap();
    assert_eq!(sleeper.log().await.unwrap(), ["2 begins", "2 ends", "1 begins", "1 ends"]);
}

#[tokio::test(start_paused = true)]
async fn an_ask_that_times_out_while_it_waits_is_never_handled() {
    let sleeper = Sleeper::default().spawn();
    sleeper.sleep(60).tell().await.unwrap();
    let late = sleeper.sleep(1).timeout(Duration::from_secs(1)).await;
    assert!(matches!(late, Err(AskError::Timeout { started: false, .. })));
    assert_eq!(sleeper.log().await.unwrap(), ["60 begins", "60 ends"]);
}

#[tokio::test]
async fn who_asks_itself_is_told() {
    assert!(Sleeper::default().spawn().ask_itself().await.unwrap());
}

/// Tells the other three times what it is told.
#[derive(Actor, Default)]
#[actor(capacity = 1)]
struct Pump {
    other: Option<Recipient<Pass>>,
}

#[messages]
impl Pump {
    /// Says who the other is.
    #[message]
    fn meet(&mut self, other: Recipient<Pass>) {
        self.other = Some(other);
    }

    /// Passes it on.
    #[message]
    async fn pass(&mut self, number: u64) {
        for _ in 0..3 {
            let told = self.other.as_ref().expect("they have met").tell(Pass { number }).await;
            assert!(told.is_ok(), "the other is alive");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_actors_that_fill_each_others_mailboxes_wait_for_ever() {
    let (left, right) = (Pump::default().spawn(), Pump::default().spawn());
    left.meet(right.recipient()).await.unwrap();
    right.meet(left.recipient()).await.unwrap();
    let both = async { tokio::join!(left.pass(1).send(), right.pass(1).send()) };
    assert!(tokio::time::timeout(Duration::from_secs(3600), both).await.is_err(), "an hour later");
    left.kill();
    right.kill();
}

#[tokio::test]
async fn an_answer_may_come_later_and_a_failure_on_purpose() {
    let sleeper = Sleeper::default().spawn();
    assert_eq!(sleeper.later().await.unwrap(), 1);
    assert!(matches!(sleeper.give_up().await, Err(AskError::Failed(_))));
}

/// A message with a handler that is written by hand.
#[derive(Message)]
#[message(reply = u64)]
struct Peek;

/// Watches, and answers a message by hand.
#[derive(Default)]
struct Clerk {
    ended: Arc<Mutex<Vec<String>>>,
}

impl Actor for Clerk {
    async fn started(&mut self, _ctx: &mut Context<Self>) -> Result<(), BoxError> {
        self.ended.lock().unwrap().push("started".to_owned());
        Ok(())
    }

    async fn stopped(&mut self, _ctx: &mut Context<Self>, reason: &StopReason) {
        self.ended.lock().unwrap().push(format!("it {reason}"));
    }

    async fn terminated(&mut self, _ctx: &mut Context<Self>, of: Terminated) {
        self.ended.lock().unwrap().push(format!("the other {}", of.reason));
    }
}

impl Handler<Peek> for Clerk {
    async fn handle(&mut self, _: Peek, _ctx: &mut Context<Self>) -> u64 {
        42
    }
}

#[messages]
impl Clerk {
    /// Watches an account.
    #[message]
    fn watch(&mut self, account: Handle, ctx: &mut Context<Self>) {
        ctx.watch(&account);
    }
}

#[tokio::test]
async fn hooks_a_watch_and_a_handler_by_hand() {
    let ended = Arc::default();
    let clerk = Clerk { ended: Arc::clone(&ended) }.spawn();
    assert_eq!(clerk.ask(Peek).await.unwrap(), 42);
    let account = Account { balance: 0 }.spawn();
    clerk.watch(account.handle()).await.unwrap();
    account.kill();
    account.ended().await;
    clerk.stop();
    clerk.ended().await;
    assert_eq!(*ended.lock().unwrap(), ["started", "the other was killed", "it was asked to stop"]);
}

#[tokio::test]
async fn a_name_is_one_of_the_system_and_that_of_a_child_stays_through_a_restart() {
    let system = System::new("names");
    let account = Account { balance: 3 }.prepare().name("account").system(&system).spawn().unwrap();
    assert_eq!(system.lookup::<Account>("account").unwrap().balance().await.unwrap(), 3);
    drop(account);

    let (branch, account) = open(3).await.unwrap();
    assert!(account.withdraw(POISON).await.is_err());
    let found = branch.children().into_iter().find(|child| child.identity().name() == Some("account"));
    assert_eq!(found.unwrap().typed::<Account>().unwrap().balance().await.unwrap(), 3);
}

#[tokio::test]
async fn one_message_type_of_any_actor_is_a_recipient() {
    let account = Account { balance: 3 }.spawn();
    let any: Recipient<Withdraw> = account.recipient();
    assert_eq!(any.ask(Withdraw { amount: 1 }).await.unwrap(), Ok(2));
}

#[tokio::test]
async fn stop_drains_and_stop_now_makes_dead_letters() {
    let system = System::new("stops");
    let account = Account { balance: 0 }.prepare().system(&system).spawn().unwrap();
    account.deposit(1).try_tell().unwrap();
    account.stop();
    assert!(account.deposit(1).tell().await.is_err(), "closed at the call");
    account.ended().await;
    assert_eq!(account.ledger().handled, 1);

    let account = Account { balance: 0 }.prepare().system(&system).spawn().unwrap();
    account.deposit(1).try_tell().unwrap();
    account.stop_now();
    account.ended().await;
    assert_eq!(system.dead_letters().recent()[0].reason(), Reason::Stopped);
    assert_eq!(account.status(), Status::Ended);

    let _account = Account { balance: 0 }.prepare().system(&system).spawn().unwrap();
    assert!(system.shutdown(Duration::from_secs(5)).await.is_clean());
}

#[tokio::test]
async fn an_account_ends_with_its_last_reference_when_it_has_handled_what_waits() {
    let account = Account { balance: 5 }.spawn();
    let (handle, weak) = (account.handle(), account.downgrade());
    account.deposit(1).try_tell().unwrap();
    drop(account);
    assert!(matches!(handle.ended().await, StopReason::Released));
    assert_eq!(handle.ledger().handled, 1);
    assert!(weak.upgrade().is_none());
}

#[tokio::test]
async fn a_supervised_account_lives_on_without_references() {
    let (branch, account) = open(3).await.unwrap();
    account.deposit(1).await.unwrap();
    drop(account);
    let found = branch.children()[0].typed::<Account>().unwrap();
    assert_eq!(found.balance().await.unwrap(), 4, "the same incarnation");
    drop(branch);
    assert!(matches!(found.ended().await, StopReason::Shutdown));
}

#[test]
fn a_handler_is_a_method_and_can_be_called() {
    let mut account = Account { balance: 1 };
    assert_eq!(account.withdraw(2), Err(Insufficient));
}

#[test]
fn the_test_kit_has_strict_systems_mocks_and_faults_on_order() {
    run(|sys: TestSystem| async move {
        let mock = sys.mock::<Account>();
        mock.expect(|asked: Withdraw| Ok(asked.amount + 7));
        assert_eq!(mock.actor_ref().withdraw(1).await.unwrap(), Ok(8));

        let branch = sys.supervisor().start().await.unwrap();
        let account = branch.spawn(child("account", || Account { balance: 3 })).await.unwrap();
        sys.faults().panic_next::<Deposit>();
        account.try_tell(Deposit { amount: 1 }).unwrap();
        sys.events().expect_restart(&account).await;
        assert_eq!(account.balance().await.unwrap(), 3);
    });
}
