//! What ractor 0.16 does: at a failure, and in the calls that the page for those who come from it names.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bank::{
    framework::{Bank as _, NoAnswer, Ractor},
    pending::{Asked, Told, asked, settle, told},
    ractor::{Account, AccountMessage, BranchMessage, Insufficient, POISON, open},
};
use ractor::{
    Actor, ActorProcessingErr, ActorRef, MessagingErr, RactorErr, RpcReplyPort, SpawnErr, SupervisionEvent,
    call, call_t, cast, concurrency::oneshot, pg,
};

fn closed() -> NoAnswer {
    NoAnswer("Messaging failed because channel is closed".to_owned())
}

async fn account(balance: u64) -> ActorRef<AccountMessage> {
    let (account, _task) = Actor::spawn(None, Account, balance).await.unwrap();
    account
}

// At a failure.

#[test]
fn what_waits_behind_a_poison_is_lost() {
    for poisons in [1, 2] {
        assert_eq!(told::<Ractor>(poisons), Told(Some(0)));
        let others = Some(closed());
        assert_eq!(asked::<Ractor>(poisons), Asked { poison: Err(closed()), answered: 0, others });
    }
}

#[tokio::test(start_paused = true)]
async fn a_reference_from_before_a_failure_is_dead_and_hands_the_message_back() {
    let (branch, old) = open(7).await.unwrap();
    assert!(call!(old, AccountMessage::Withdraw, POISON).is_err());
    settle().await;
    let refused = cast!(old, AccountMessage::Deposit(1));
    assert!(matches!(refused, Err(RactorErr::Messaging(MessagingErr::SendErr(AccountMessage::Deposit(1))))));
    let account = call!(branch, BranchMessage::Account).unwrap();
    assert_ne!(account.get_id(), old.get_id());
    assert_eq!(call!(account, AccountMessage::Balance).unwrap(), 7);
    branch.stop(None);
}

/// Notes how its children fail, and does nothing about it.
struct Witness(Arc<Mutex<Vec<String>>>);

impl Actor for Witness {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _myself: ActorRef<()>,
        event: SupervisionEvent,
        _state: &mut (),
    ) -> Result<(), ActorProcessingErr> {
        if let SupervisionEvent::ActorFailed(_, error) = event {
            self.0.lock().unwrap().push(error.to_string());
        }
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn the_supervisor_is_told_of_the_panic_and_the_asker_is_not() {
    let notes = Arc::default();
    let (witness, _) = Actor::spawn(None, Witness(Arc::clone(&notes)), ()).await.unwrap();
    let (account, _) = Actor::spawn_linked(None, Account, 0, witness.get_cell()).await.unwrap();
    let error = call!(account, AccountMessage::Withdraw, POISON).unwrap_err();
    assert!(matches!(error, RactorErr::Messaging(MessagingErr::ChannelClosed)), "{error}");
    settle().await;
    assert_eq!(*notes.lock().unwrap(), ["a poisonous amount"]);
    witness.stop(None);
}

/// A supervisor that says nothing about its children.
struct Silent;

impl Actor for Silent {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn unless_it_is_written_a_supervisor_stops_when_a_child_ends_even_in_good_order() {
    for fails in [true, false] {
        let (silent, task) = Actor::spawn(None, Silent, ()).await.unwrap();
        let (account, _) = Actor::spawn_linked(None, Account, 0, silent.get_cell()).await.unwrap();
        let (sibling, _) = Actor::spawn_linked(None, Account, 0, silent.get_cell()).await.unwrap();
        if fails {
            assert!(call!(account, AccountMessage::Withdraw, POISON).is_err());
        } else {
            account.stop(None);
        }
        task.await.unwrap();
        settle().await;
        assert!(call!(sibling, AccountMessage::Balance).is_err());
    }
}

/// Answers with `?`, as one is used to.
struct Hasty;

impl Actor for Hasty {
    type Msg = RpcReplyPort<u64>;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Self::Msg>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        _myself: ActorRef<Self::Msg>,
        reply: Self::Msg,
        _state: &mut (),
    ) -> Result<(), ActorProcessingErr> {
        Ok(reply.send(1)?)
    }
}

#[tokio::test(start_paused = true)]
async fn an_actor_that_answers_with_a_question_mark_dies_of_an_asker_that_gave_up() {
    let (hasty, task) = Actor::spawn(None, Hasty, ()).await.unwrap();
    let (reply, asker) = oneshot();
    drop(asker);
    hasty.cast(reply.into()).unwrap();
    task.await.unwrap();
    assert!(hasty.call(|reply| reply, None).await.is_err());
}

// Calls.

#[tokio::test(start_paused = true)]
async fn a_mailbox_has_no_bound() {
    let account = account(0).await;
    for _ in 0..100_000 {
        account.cast(AccountMessage::Deposit(1)).unwrap();
    }
    assert_eq!(call!(account, AccountMessage::Balance).unwrap(), 100_000);
    account.stop(None);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_data_also_if_nobody_waits_for_it() {
    let account = account(7).await;
    let (reply, _nobody) = oneshot();
    account.cast(AccountMessage::Withdraw(500, reply.into())).unwrap();
    assert_eq!(call!(account, AccountMessage::Withdraw, 500).unwrap(), Err(Insufficient));
    account.stop(None);
}

#[tokio::test(start_paused = true)]
async fn an_ask_may_have_a_timeout() {
    struct Mute;

    impl Actor for Mute {
        type Msg = RpcReplyPort<u64>;
        type State = Vec<RpcReplyPort<u64>>;
        type Arguments = ();

        async fn pre_start(&self, _: ActorRef<Self::Msg>, (): ()) -> Result<Self::State, ActorProcessingErr> {
            Ok(Vec::new())
        }

        async fn handle(
            &self,
            _myself: ActorRef<Self::Msg>,
            reply: Self::Msg,
            kept: &mut Self::State,
        ) -> Result<(), ActorProcessingErr> {
            kept.push(reply);
            Ok(())
        }
    }

    let (mute, _) = Actor::spawn(None, Mute, ()).await.unwrap();
    assert!(matches!(call_t!(mute, |reply| reply, 1000), Err(RactorErr::Timeout)));
    mute.stop(None);
}

#[tokio::test(start_paused = true)]
async fn stop_overtakes_what_waits_and_drain_does_not() {
    let account = account(0).await;
    let (reply, answer) = oneshot();
    account.cast(AccountMessage::Deposit(1)).unwrap();
    account.cast(AccountMessage::Balance(reply.into())).unwrap();
    account.stop_and_wait(None, None).await.unwrap();
    assert!(answer.await.is_err());

    let account = self::account(0).await;
    let (reply, answer) = oneshot();
    account.cast(AccountMessage::Deposit(1)).unwrap();
    account.cast(AccountMessage::Balance(reply.into())).unwrap();
    account.drain_and_wait(None).await.unwrap();
    assert_eq!(answer.await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_kill_cuts_and_an_end_is_waited_for() {
    let account = account(0).await;
    account.kill();
    account.wait(None).await.unwrap();
    assert!(cast!(account, AccountMessage::Deposit(1)).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_name_is_one_of_the_process_and_looked_up_by_message_type() {
    let (account, _) = Actor::spawn(Some("account".to_owned()), Account, 3).await.unwrap();
    let taken = Actor::spawn(Some("account".to_owned()), Account, 3).await;
    assert!(matches!(taken, Err(SpawnErr::ActorAlreadyRegistered(_))));
    let found = ActorRef::<AccountMessage>::where_is("account").unwrap();
    assert_eq!(call!(found, AccountMessage::Balance).unwrap(), 3);
    account.stop(None);
}

#[tokio::test(start_paused = true)]
async fn an_account_that_nobody_refers_to_lives_on() {
    let (account, task) = Actor::spawn(Some("forgotten".to_owned()), Account, 3).await.unwrap();
    drop(account);
    assert!(tokio::time::timeout(Duration::from_secs(3600), task).await.is_err(), "an hour later");
    ActorRef::<AccountMessage>::where_is("forgotten").unwrap().stop(None);
}

#[test]
fn the_driver_finds_the_account_of_now() {
    Ractor::run(async {
        let bank = Ractor::open(4).await;
        assert!(bank.withdraw(POISON).await.is_err());
        assert!(bank.balance().await.is_err());
        settle().await;
        assert_eq!(bank.look_up().await.balance().await, Ok(4));
    });
}

// What postbox has not.

#[tokio::test(start_paused = true)]
async fn a_message_may_be_sent_at_intervals() {
    let account = account(0).await;
    let interval = account.send_interval(Duration::from_secs(1), || AccountMessage::Deposit(1));
    tokio::time::sleep(Duration::from_millis(3500)).await;
    assert_eq!(call!(account, AccountMessage::Balance).unwrap(), 3);
    interval.abort();
    account.stop(None);
}

#[tokio::test(start_paused = true)]
async fn actors_may_form_groups() {
    let account = account(0).await;
    pg::join("accounts".to_owned(), vec![account.get_cell()]);
    assert_eq!(pg::get_members(&"accounts".to_owned()).len(), 1);
    account.stop_and_wait(None, None).await.unwrap();
    assert_eq!(pg::get_members(&"accounts".to_owned()).len(), 0);
}
