//! The account in kameo 0.22.

// page: begin
use std::error::Error;

use kameo::prelude::*;

pub const POISON: u64 = 13;

#[derive(Debug, PartialEq)]
pub struct Insufficient;

#[derive(Actor)]
pub struct Branch;

#[derive(Actor, Clone)]
pub struct Account {
    pub balance: u64,
}

#[messages]
impl Account {
    /// Adds money.
    #[message]
    pub fn deposit(&mut self, amount: u64) {
        self.balance += amount;
    }

    /// Takes money if there is enough, and returns what is left.
    #[message]
    pub fn withdraw(&mut self, amount: u64) -> Result<u64, Insufficient> {
        assert!(amount != POISON, "a poisonous amount");
        self.balance = self.balance.checked_sub(amount).ok_or(Insufficient)?;
        Ok(self.balance)
    }

    /// Returns the balance.
    #[message]
    pub fn balance(&self) -> u64 {
        self.balance
    }
}

/// Opens an account under a branch, which restarts it.
pub async fn open(balance: u64) -> (ActorRef<Branch>, ActorRef<Account>) {
    let branch = Branch::spawn(Branch);
    let account =
        Account::supervise(&branch, Account { balance }).spawn_with_mailbox(mailbox::bounded(64)).await;
    (branch, account)
}

pub async fn first_day() -> Result<u64, Box<dyn Error>> {
    let (_branch, account) = open(100).await;
    account.tell(Deposit { amount: 50 }).await?;
    let refused = account.ask(Withdraw { amount: 500 }).await;
    assert!(matches!(refused, Err(SendError::HandlerError(Insufficient))));
    assert!(matches!(account.ask(Withdraw { amount: 30 }).await, Ok(120)));
    Ok(account.ask(Balance).await?)
}
// page: end
