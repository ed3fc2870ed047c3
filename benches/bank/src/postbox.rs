//! The account in postbox.

// page: begin
use postbox::prelude::*;

pub const POISON: u64 = 13;

#[derive(Debug, PartialEq)]
pub struct Insufficient;

#[derive(Actor)]
#[actor(capacity = 64)]
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
pub async fn open(balance: u64) -> Result<(ActorRef<Supervisor>, ActorRef<Account>), SpawnError> {
    let branch = Supervisor::one_for_one().start().await?;
    let account = branch.spawn(child("account", move || Account { balance })).await?;
    Ok((branch, account))
}

pub async fn first_day() -> Result<u64, BoxError> {
    let (_branch, account) = open(100).await?;
    account.deposit(50).tell().await?;
    assert_eq!(account.withdraw(500).await?, Err(Insufficient));
    assert_eq!(account.withdraw(30).await?, Ok(120));
    Ok(account.balance().await?)
}
// page: end
