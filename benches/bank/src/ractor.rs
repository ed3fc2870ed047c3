//! The account in ractor 0.16.

// page: begin
use std::error::Error;

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent, call, cast};

pub const POISON: u64 = 13;

#[derive(Debug, PartialEq)]
pub struct Insufficient;

pub struct Account;

pub enum AccountMessage {
    /// Adds money.
    Deposit(u64),
    /// Takes money if there is enough, and returns what is left.
    Withdraw(u64, RpcReplyPort<Result<u64, Insufficient>>),
    /// Returns the balance.
    Balance(RpcReplyPort<u64>),
}

impl Actor for Account {
    type Msg = AccountMessage;
    type State = u64;
    type Arguments = u64;

    async fn pre_start(
        &self,
        _myself: ActorRef<AccountMessage>,
        balance: u64,
    ) -> Result<u64, ActorProcessingErr> {
        Ok(balance)
    }

    async fn handle(
        &self,
        _myself: ActorRef<AccountMessage>,
        message: AccountMessage,
        balance: &mut u64,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            AccountMessage::Deposit(amount) => *balance += amount,
            AccountMessage::Withdraw(amount, reply) => {
                let _ = reply.send(withdraw(balance, amount));
            }
            AccountMessage::Balance(reply) => {
                let _ = reply.send(*balance);
            }
        }
        Ok(())
    }
}

fn withdraw(balance: &mut u64, amount: u64) -> Result<u64, Insufficient> {
    assert!(amount != POISON, "a poisonous amount");
    *balance = balance.checked_sub(amount).ok_or(Insufficient)?;
    Ok(*balance)
}

/// Starts another account when the one it has fails.
pub struct Branch;

pub enum BranchMessage {
    /// Returns the account of now.
    Account(RpcReplyPort<ActorRef<AccountMessage>>),
}

pub struct BranchState {
    opening: u64,
    account: ActorRef<AccountMessage>,
}

impl Actor for Branch {
    type Msg = BranchMessage;
    type State = BranchState;
    type Arguments = u64;

    async fn pre_start(
        &self,
        myself: ActorRef<BranchMessage>,
        opening: u64,
    ) -> Result<BranchState, ActorProcessingErr> {
        let (account, _) = Actor::spawn_linked(None, Account, opening, myself.get_cell()).await?;
        Ok(BranchState { opening, account })
    }

    async fn handle(
        &self,
        _myself: ActorRef<BranchMessage>,
        BranchMessage::Account(reply): BranchMessage,
        state: &mut BranchState,
    ) -> Result<(), ActorProcessingErr> {
        let _ = reply.send(state.account.clone());
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<BranchMessage>,
        event: SupervisionEvent,
        state: &mut BranchState,
    ) -> Result<(), ActorProcessingErr> {
        if let SupervisionEvent::ActorFailed(who, _panic) = event
            && who.get_id() == state.account.get_id()
        {
            (state.account, _) = Actor::spawn_linked(None, Account, state.opening, myself.get_cell()).await?;
        }
        Ok(())
    }
}

/// Opens an account under a branch, which starts another one when it fails.
pub async fn open(
    balance: u64,
) -> Result<(ActorRef<BranchMessage>, ActorRef<AccountMessage>), Box<dyn Error>> {
    let (branch, _) = Actor::spawn(None, Branch, balance).await?;
    let account = call!(branch, BranchMessage::Account)?;
    Ok((branch, account))
}

pub async fn first_day() -> Result<u64, Box<dyn Error>> {
    let (branch, account) = open(100).await?;
    cast!(account, AccountMessage::Deposit(50))?;
    assert_eq!(call!(account, AccountMessage::Withdraw, 500)?, Err(Insufficient));
    assert_eq!(call!(account, AccountMessage::Withdraw, 30)?, Ok(120));
    let balance = call!(account, AccountMessage::Balance)?;
    branch.stop(None);
    Ok(balance)
}
// page: end
