//! What postbox does where the peers' tests show what the peers do.

use std::time::Duration;

use bank::{
    framework::{NoAnswer, Postbox},
    pending::{Asked, Told, asked, told},
    postbox::{Account, AccountApi as _, POISON, open},
};
use postbox::{Flat, Reason, Status, prelude::*};

#[test]
fn what_waits_behind_a_failure_is_handled() {
    for poisons in [1, 2, 5] {
        assert_eq!(told::<Postbox>(poisons), Told { handled: 5, open: true });
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
async fn a_refusal_that_nobody_asked_for_is_counted_and_nothing_else() {
    let system = System::new("refusal");
    let account = Account { balance: 7 }.prepare().system(&system).spawn().unwrap();
    account.deposit(1).try_tell().unwrap();
    account.withdraw(500).try_tell().unwrap();
    assert_eq!(account.balance().await.unwrap(), 8);
    assert_eq!(system.unheard_errors(), 1);
}

#[tokio::test]
async fn a_reference_from_before_a_restart_asks_stops_and_kills() {
    let (_branch, account) = open(0).await.unwrap();
    assert!(account.withdraw(POISON).await.is_err());
    account.deposit(5).await.unwrap();
    account.kill();
    assert_eq!(account.balance().await.unwrap(), 0, "the next incarnation");
}

#[tokio::test]
async fn a_full_mailbox_hands_the_message_back() {
    let (_branch, account) = open(0).await.unwrap();
    for _ in 0..64 {
        account.deposit(1).try_tell().unwrap();
    }
    let refused = account.deposit(9).try_tell().unwrap_err();
    assert_eq!(refused.into_message().amount, 9);
    assert_eq!(account.balance().await.unwrap(), 64);
}

#[tokio::test]
async fn a_name_stays_through_a_restart() {
    let system = System::new("names");
    let branch = Supervisor::one_for_one().system(&system).start().await.unwrap();
    let account = branch.spawn(child("account", || Account { balance: 3 })).await.unwrap();
    assert!(account.withdraw(POISON).await.is_err());
    let found =
        branch.children().into_iter().find(|child| child.identity().name() == Some("account")).unwrap();
    assert_eq!(found.typed::<Account>().unwrap().balance().await.unwrap(), 3);
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
}

#[tokio::test(start_paused = true)]
async fn an_ask_may_have_a_timeout_and_one_error_for_both() {
    let (_branch, account) = open(1).await.unwrap();
    let left: Result<u64, _> = account.withdraw(1).timeout(Duration::from_secs(1)).await.flat();
    assert_eq!(left.unwrap(), 0);
}
