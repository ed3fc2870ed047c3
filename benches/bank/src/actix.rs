//! The account in actix 0.13.

// page: begin
use std::error::Error;

use actix::prelude::*;

pub const POISON: u64 = 13;

#[derive(Debug, PartialEq)]
pub struct Insufficient;

pub struct Account {
    pub balance: u64,
}

impl Actor for Account {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(64);
    }
}

/// Adds money.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Deposit(pub u64);

/// Takes money if there is enough, and returns what is left.
#[derive(Message)]
#[rtype(result = "Result<u64, Insufficient>")]
pub struct Withdraw(pub u64);

/// Returns the balance.
#[derive(Message)]
#[rtype(result = "u64")]
pub struct Balance;

impl Handler<Deposit> for Account {
    type Result = ();

    fn handle(&mut self, Deposit(amount): Deposit, _ctx: &mut Context<Self>) {
        self.balance += amount;
    }
}

impl Handler<Withdraw> for Account {
    type Result = Result<u64, Insufficient>;

    fn handle(&mut self, Withdraw(amount): Withdraw, _ctx: &mut Context<Self>) -> Self::Result {
        assert!(amount != POISON, "a poisonous amount");
        self.balance = self.balance.checked_sub(amount).ok_or(Insufficient)?;
        Ok(self.balance)
    }
}

impl Handler<Balance> for Account {
    type Result = u64;

    fn handle(&mut self, _: Balance, _ctx: &mut Context<Self>) -> u64 {
        self.balance
    }
}

impl Supervised for Account {}

/// Opens an account under a supervisor, which restarts it when it stops, but not when it panics.
pub fn open(balance: u64) -> Addr<Account> {
    Supervisor::start(move |_| Account { balance })
}

pub async fn first_day() -> Result<u64, Box<dyn Error>> {
    let account = open(100);
    account.do_send(Deposit(50));
    assert_eq!(account.send(Withdraw(500)).await?, Err(Insufficient));
    assert_eq!(account.send(Withdraw(30)).await?, Ok(120));
    Ok(account.send(Balance).await?)
}
// page: end
