//! The account with tokio's channels alone: a task, an `mpsc`, and a `oneshot` for each reply.

// page: begin
use std::error::Error;

use tokio::{
    sync::{
        mpsc::{self, error::SendError},
        oneshot,
    },
    task::JoinHandle,
};

pub const POISON: u64 = 13;

#[derive(Debug, PartialEq)]
pub struct Insufficient;

pub enum Command {
    /// Adds money.
    Deposit(u64),
    /// Takes money if there is enough, and returns what is left.
    Withdraw(u64, oneshot::Sender<Result<u64, Insufficient>>),
    /// Returns the balance.
    Balance(oneshot::Sender<u64>),
}

struct Account {
    balance: u64,
    inbox: mpsc::Receiver<Command>,
}

impl Account {
    async fn run(mut self) {
        while let Some(command) = self.inbox.recv().await {
            match command {
                Command::Deposit(amount) => self.balance += amount,
                Command::Withdraw(amount, reply) => {
                    let _ = reply.send(self.withdraw(amount));
                }
                Command::Balance(reply) => {
                    let _ = reply.send(self.balance);
                }
            }
        }
    }

    fn withdraw(&mut self, amount: u64) -> Result<u64, Insufficient> {
        assert!(amount != POISON, "a poisonous amount");
        self.balance = self.balance.checked_sub(amount).ok_or(Insufficient)?;
        Ok(self.balance)
    }
}

#[derive(Clone)]
pub struct AccountHandle(pub mpsc::Sender<Command>);

impl AccountHandle {
    pub async fn deposit(&self, amount: u64) -> Result<(), SendError<Command>> {
        self.0.send(Command::Deposit(amount)).await
    }

    pub async fn withdraw(&self, amount: u64) -> Result<Result<u64, Insufficient>, Box<dyn Error>> {
        let (reply, answer) = oneshot::channel();
        self.0.send(Command::Withdraw(amount, reply)).await?;
        Ok(answer.await?)
    }

    pub async fn balance(&self) -> Result<u64, Box<dyn Error>> {
        let (reply, answer) = oneshot::channel();
        self.0.send(Command::Balance(reply)).await?;
        Ok(answer.await?)
    }
}

/// Opens an account. Nobody restarts it: whoever has the task's handle may look how it ended.
pub fn open(balance: u64) -> (AccountHandle, JoinHandle<()>) {
    let (sender, inbox) = mpsc::channel(64);
    let task = tokio::spawn(Account { balance, inbox }.run());
    (AccountHandle(sender), task)
}

pub async fn first_day() -> Result<u64, Box<dyn Error>> {
    let (account, _task) = open(100);
    account.deposit(50).await?;
    assert_eq!(account.withdraw(500).await?, Err(Insufficient));
    assert_eq!(account.withdraw(30).await?, Ok(120));
    account.balance().await
}
// page: end
