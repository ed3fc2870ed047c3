//! What kameo 0.22 does: at a failure, and in the calls that the page for those who come from it names.

use std::{ops::ControlFlow, time::Duration};

use bank::{
    framework::{Kameo, NoAnswer},
    kameo::{Account, Balance, Branch, Deposit, Insufficient, POISON, Withdraw, open},
    pending::{Asked, Told, asked, settle, told},
};
use kameo::{
    error::{Infallible, RegistryError},
    message::StreamMessage,
    prelude::*,
    supervision::{RestartPolicy, SupervisionStrategy},
};

fn stopped() -> NoAnswer {
    NoAnswer("ActorStopped".to_owned())
}

// At a failure.

#[test]
fn what_waits_behind_one_poison_is_handled() {
    assert_eq!(told::<Kameo>(1), Told(Some(5)));
    assert_eq!(asked::<Kameo>(1), Asked { poison: Err(stopped()), answered: 5, others: None });
}

#[test]
fn what_waits_behind_two_poisons_is_lost() {
    assert_eq!(told::<Kameo>(2), Told(Some(0)));
    assert_eq!(asked::<Kameo>(2), Asked { poison: Err(stopped()), answered: 0, others: Some(stopped()) });
}

#[tokio::test(start_paused = true)]
async fn right_after_the_spawn_one_poison_loses_what_waits_behind_it() {
    let (_branch, account) = open(0).await;
    account.tell(Withdraw { amount: POISON }).try_send().unwrap();
    for _ in 0..5 {
        account.tell(Deposit { amount: 1 }).try_send().unwrap();
    }
    settle().await;
    assert_eq!(account.ask(Balance).await.unwrap(), 0);
}

#[tokio::test]
async fn the_asker_of_a_poison_is_not_told_of_the_panic() {
    let (_branch, account) = open(0).await;
    let error = account.ask(Withdraw { amount: POISON }).await.unwrap_err();
    assert!(matches!(error, SendError::ActorStopped), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_nobody_asked_for_is_a_failure_of_the_account() {
    let (_branch, account) = open(7).await;
    account.ask(Deposit { amount: 1 }).await.unwrap();
    account.tell(Withdraw { amount: 500 }).await.unwrap();
    settle().await;
    assert_eq!(account.ask(Balance).await.unwrap(), 7, "the deposit is forgotten: it has been restarted");
}

#[tokio::test]
async fn a_kill_by_a_reference_from_before_a_restart_does_nothing() {
    let (_branch, account) = open(0).await;
    assert!(account.ask(Withdraw { amount: POISON }).await.is_err());
    account.ask(Deposit { amount: 5 }).await.unwrap();
    account.kill();
    assert_eq!(account.ask(Balance).await.unwrap(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_name_is_gone_after_a_restart() {
    let (_branch, account) = open(0).await;
    account.register("restarted").unwrap();
    assert!(ActorRef::<Account>::lookup("restarted").unwrap().is_some());
    assert!(account.ask(Withdraw { amount: POISON }).await.is_err());
    settle().await;
    assert_eq!(account.ask(Balance).await.unwrap(), 0);
    assert!(ActorRef::<Account>::lookup("restarted").unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn past_its_limit_the_account_ends_and_its_branch_with_it() {
    let branch = Branch::spawn(Branch);
    let account = Account::supervise(&branch, Account { balance: 0 })
        .restart_policy(RestartPolicy::Permanent)
        .restart_limit(1, Duration::from_secs(10))
        .spawn()
        .await;
    for _ in 0..2 {
        assert!(account.ask(Withdraw { amount: POISON }).await.is_err());
        settle().await;
    }
    assert!(matches!(account.ask(Balance).await, Err(SendError::ActorNotRunning(Balance))));
    branch.wait_for_shutdown().await;
    assert!(!branch.is_alive());
}

#[tokio::test(start_paused = true)]
async fn each_child_has_a_limit_of_its_own() {
    let branch = Branch::spawn(Branch);
    for _ in 0..2 {
        let account = Account::supervise(&branch, Account { balance: 0 })
            .restart_limit(1, Duration::from_secs(10))
            .spawn()
            .await;
        assert!(account.ask(Withdraw { amount: POISON }).await.is_err());
        settle().await;
        assert_eq!(account.ask(Balance).await.unwrap(), 0);
    }
    assert!(branch.is_alive());
}

#[tokio::test(start_paused = true)]
async fn a_permanent_account_that_is_stopped_neither_ends_nor_answers() {
    let (_branch, account) = open(0).await;
    account.ask(Balance).await.unwrap();
    account.stop_gracefully().await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(3600), account.wait_for_shutdown()).await;
    assert!(ended.is_err(), "an hour later it has not ended");
    assert!(matches!(account.ask(Balance).await, Err(SendError::ActorNotRunning(Balance))));
}

#[tokio::test(start_paused = true)]
async fn one_for_all_hangs_once_a_transient_child_has_ended() {
    struct Group;

    impl Actor for Group {
        type Args = Self;
        type Error = Infallible;

        fn supervision_strategy() -> SupervisionStrategy {
            SupervisionStrategy::OneForAll
        }

        async fn on_start(group: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
            Ok(group)
        }
    }

    let group = Group::spawn(Group);
    let account = Account::supervise(&group, Account { balance: 0 }).spawn().await;
    let brief = Account::supervise(&group, Account { balance: 0 })
        .restart_policy(RestartPolicy::Transient)
        .spawn()
        .await;
    assert!(account.ask(Withdraw { amount: POISON }).await.is_err());
    settle().await;
    assert_eq!(account.ask(Balance).await.unwrap(), 0, "as long as both live, both restart");

    brief.stop_gracefully().await.unwrap();
    settle().await;
    assert!(account.ask(Withdraw { amount: POISON }).await.is_err());
    let answer = tokio::time::timeout(Duration::from_secs(3600), account.ask(Balance).send()).await;
    assert!(answer.is_err(), "an hour later it has not been restarted");
}

// Calls.

#[tokio::test]
async fn a_full_mailbox_hands_the_message_back() {
    let (_branch, account) = open(0).await;
    account.ask(Balance).await.unwrap();
    for _ in 0..64 {
        account.tell(Deposit { amount: 1 }).try_send().unwrap();
    }
    let refused = account.tell(Deposit { amount: 9 }).try_send();
    assert!(matches!(refused, Err(SendError::MailboxFull(Deposit { amount: 9 }))));
    let refused = account.ask(Deposit { amount: 9 }).try_send().await;
    assert!(matches!(refused, Err(SendError::MailboxFull(_))));
}

#[tokio::test(start_paused = true)]
async fn an_ask_may_have_a_timeout() {
    #[derive(Actor)]
    struct Slow;

    #[messages]
    impl Slow {
        #[message]
        async fn sleep(&self) {
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
    }

    let slow = Slow::spawn(Slow);
    let late = slow.ask(Sleep).reply_timeout(Duration::from_secs(1)).await;
    assert!(matches!(late, Err(SendError::Timeout(None))));
}

#[tokio::test]
async fn a_free_standing_account_drains_when_it_is_told_to_stop() {
    let account = Account::spawn(Account { balance: 0 });
    account.tell(Deposit { amount: 1 }).await.unwrap();
    let balance = account.ask(Balance).enqueue().await.unwrap();
    account.stop_gracefully().await.unwrap();
    assert!(matches!(account.tell(Deposit { amount: 1 }).await, Err(SendError::ActorNotRunning(_))));
    account.wait_for_shutdown().await;
    assert_eq!(balance.await.unwrap(), 1);
}

#[tokio::test]
async fn a_name_is_looked_up_by_type() {
    let account = Account::spawn(Account { balance: 3 });
    account.register("account").unwrap();
    assert!(matches!(account.register("account"), Err(RegistryError::NameAlreadyRegistered)));
    let found = ActorRef::<Account>::lookup("account").unwrap().unwrap();
    assert_eq!(found.ask(Balance).await.unwrap(), 3);
}

#[tokio::test]
async fn one_message_type_of_any_actor_is_a_recipient() {
    let account = Account::spawn(Account { balance: 3 });
    let any = account.clone().reply_recipient::<Withdraw>();
    let left: Result<u64, SendError<Withdraw, Insufficient>> = any.ask(Withdraw { amount: 1 }).await;
    assert!(matches!(left, Ok(2)));
}

#[tokio::test(start_paused = true)]
async fn a_link_tells_of_the_end_of_another() {
    struct Friend(Vec<ActorId>);

    impl Actor for Friend {
        type Args = Self;
        type Error = Infallible;

        async fn on_start(friend: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
            Ok(friend)
        }

        async fn on_link_died(
            &mut self,
            _: WeakActorRef<Self>,
            id: ActorId,
            _: ActorStopReason,
        ) -> Result<ControlFlow<ActorStopReason>, Infallible> {
            self.0.push(id);
            Ok(ControlFlow::Continue(()))
        }
    }

    #[messages]
    impl Friend {
        #[message]
        fn ended(&self) -> Vec<ActorId> {
            self.0.clone()
        }
    }

    let friend = Friend::spawn(Friend(Vec::new()));
    let account = Account::spawn(Account { balance: 0 });
    friend.link(&account).await;
    account.kill();
    settle().await;
    assert_eq!(friend.ask(Ended).await.unwrap(), [account.id()]);
}

#[test]
fn a_handler_is_a_method_and_can_be_called() {
    let mut account = Account { balance: 1 };
    assert_eq!(account.withdraw(2), Err(Insufficient));
}

// What postbox has not.

#[tokio::test]
async fn a_mailbox_may_have_no_bound() {
    let account = Account::spawn_with_mailbox(Account { balance: 0 }, mailbox::unbounded());
    for _ in 0..10_000 {
        account.tell(Deposit { amount: 1 }).try_send().unwrap();
    }
    assert_eq!(account.ask(Balance).await.unwrap(), 10_000);
}

#[tokio::test]
async fn an_actor_may_go_on_with_its_state_after_a_panic() {
    struct Stubborn(u64);

    impl Actor for Stubborn {
        type Args = Self;
        type Error = Infallible;

        async fn on_start(state: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
            Ok(state)
        }

        async fn on_panic(
            &mut self,
            _: WeakActorRef<Self>,
            _: PanicError,
        ) -> Result<ControlFlow<ActorStopReason>, Infallible> {
            Ok(ControlFlow::Continue(()))
        }
    }

    #[messages]
    impl Stubborn {
        #[message]
        fn count(&mut self, fail: bool) -> u64 {
            self.0 += 1;
            assert!(!fail, "an injected failure");
            self.0
        }
    }

    let stubborn = Stubborn::spawn(Stubborn(0));
    assert!(stubborn.ask(Count { fail: true }).await.is_err());
    assert_eq!(stubborn.ask(Count { fail: false }).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_message_may_be_sent_later() {
    let account = Account::spawn(Account { balance: 0 });
    let sent = account.tell(Deposit { amount: 1 }).send_after(Duration::from_secs(60));
    assert_eq!(account.ask(Balance).await.unwrap(), 0);
    sent.await.unwrap().unwrap();
    assert_eq!(account.ask(Balance).await.unwrap(), 1);
}

#[tokio::test]
async fn a_stream_may_be_attached() {
    #[derive(Actor)]
    struct Sum(u64);

    impl Message<StreamMessage<u64, (), ()>> for Sum {
        type Reply = ();

        async fn handle(&mut self, item: StreamMessage<u64, (), ()>, _: &mut Context<Self, ()>) {
            if let StreamMessage::Next(number) = item {
                self.0 += number;
            }
        }
    }

    #[messages]
    impl Sum {
        #[message]
        fn total(&self) -> u64 {
            self.0
        }
    }

    let sum = Sum::spawn(Sum(0));
    let stream = futures_util::stream::iter([17, 19, 24]);
    let _stream = sum.attach_stream(stream, (), ()).await.unwrap().unwrap();
    assert_eq!(sum.ask(Total).await.unwrap(), 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_actor_may_have_a_thread_of_its_own() {
    let account = Account::spawn_in_thread(Account { balance: 3 });
    assert_eq!(account.ask(Balance).await.unwrap(), 3);
}
