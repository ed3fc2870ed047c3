//! What a task with tokio's channels does: at a failure, and in the calls that the page for those who come from
//! it names.

use std::time::Duration;

use bank::{
    channels::{AccountHandle, Command, Insufficient, POISON, open},
    framework::{Channels, NoAnswer},
    pending::{Asked, Told, asked, settle, told},
};
use tokio::{
    sync::{
        mpsc::{self, error::TrySendError},
        oneshot,
    },
    time::{sleep, timeout},
};

fn closed() -> NoAnswer {
    NoAnswer("channel closed".to_owned())
}

// At a failure.

#[test]
fn what_waits_behind_a_poison_is_lost_and_the_account_with_it() {
    for poisons in [1, 2] {
        assert_eq!(told::<Channels>(poisons), Told(None));
        let others = Some(closed());
        assert_eq!(asked::<Channels>(poisons), Asked { poison: Err(closed()), answered: 0, others });
    }
}

#[tokio::test]
async fn only_the_task_knows_of_the_panic_and_only_a_send_that_comes_later_has_its_message_back() {
    let (account, task) = open(0);
    assert_eq!(account.withdraw(POISON).await.unwrap_err().to_string(), "channel closed");
    assert!(task.await.unwrap_err().is_panic());
    let refused = account.deposit(1).await.unwrap_err();
    assert!(matches!(refused.0, Command::Deposit(1)));
}

// Calls.

#[tokio::test]
async fn a_full_channel_hands_the_message_back() {
    let (account, _task) = open(0);
    for _ in 0..64 {
        account.0.try_send(Command::Deposit(1)).unwrap();
    }
    let refused = account.0.try_send(Command::Deposit(9));
    assert!(matches!(refused, Err(TrySendError::Full(Command::Deposit(9)))));
    assert_eq!(account.balance().await.unwrap(), 64);
}

#[tokio::test]
async fn the_task_ends_with_its_last_handle_when_it_has_handled_what_waits() {
    let (account, task) = open(5);
    let (reply, answer) = oneshot::channel();
    account.0.try_send(Command::Withdraw(2, reply)).unwrap();
    drop(account);
    task.await.unwrap();
    assert_eq!(answer.await.unwrap(), Ok(3));
}

#[tokio::test]
async fn an_aborted_task_drops_what_waits() {
    let (account, task) = open(5);
    account.balance().await.unwrap();
    let (reply, answer) = oneshot::channel();
    account.0.try_send(Command::Withdraw(2, reply)).unwrap();
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert!(answer.await.is_err());
}

#[tokio::test(start_paused = true)]
async fn an_ask_that_times_out_is_handled_all_the_same() {
    let (sender, mut inbox) = mpsc::channel(64);
    let account = AccountHandle(sender);
    assert!(timeout(Duration::from_secs(1), account.withdraw(5)).await.is_err());
    let Some(Command::Withdraw(5, reply)) = inbox.recv().await else { panic!("it is still in the channel") };
    assert_eq!(reply.send(Err(Insufficient)), Err(Err(Insufficient)));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_asks_itself_waits_for_ever() {
    let (sender, mut inbox) = mpsc::channel(64);
    let account = AccountHandle(sender);
    let myself = account.clone();
    let task = tokio::spawn(async move {
        while inbox.recv().await.is_some() {
            let _ = myself.balance().await;
        }
    });
    account.deposit(1).await.unwrap();
    assert!(timeout(Duration::from_secs(3600), task).await.is_err(), "an hour later");
}

#[tokio::test(start_paused = true)]
async fn two_tasks_that_fill_each_others_channels_wait_for_ever() {
    let (left, of_left) = mpsc::channel::<u64>(1);
    let (right, of_right) = mpsc::channel::<u64>(1);
    let pump = async |mut inbox: mpsc::Receiver<u64>, other: mpsc::Sender<u64>| {
        while let Some(n) = inbox.recv().await {
            for _ in 0..3 {
                other.send(n).await.unwrap();
            }
        }
    };
    left.send(1).await.unwrap();
    right.send(1).await.unwrap();
    let both = async { tokio::join!(pump(of_left, right), pump(of_right, left)) };
    assert!(timeout(Duration::from_secs(3600), both).await.is_err(), "an hour later");
}

// What postbox has not.

#[tokio::test(start_paused = true)]
async fn a_task_may_wait_for_several_things_at_once() {
    let (sender, mut inbox) = mpsc::channel(64);
    let task = tokio::spawn(async move {
        let mut balance = 0;
        let mut interval = tokio::time::interval_at(
            tokio::time::Instant::now() + Duration::from_secs(1),
            Duration::from_secs(1),
        );
        loop {
            tokio::select! {
                command = inbox.recv() => match command {
                    Some(Command::Deposit(amount)) => balance += amount,
                    Some(Command::Balance(reply)) => drop(reply.send(balance)),
                    _ => break balance,
                },
                _ = interval.tick() => balance += 1,
            }
        }
    });
    let account = AccountHandle(sender);
    account.deposit(10).await.unwrap();
    sleep(Duration::from_millis(2500)).await;
    settle().await;
    assert_eq!(account.balance().await.unwrap(), 12);
    drop(account);
    assert_eq!(task.await.unwrap(), 12);
}
