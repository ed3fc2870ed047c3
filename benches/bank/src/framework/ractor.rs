use ractor::{ActorRef, call, concurrency::oneshot};

use super::{Bank, Insufficient, NoAnswer, no_answer};
use crate::ractor::{AccountMessage, BranchMessage, open};

pub struct Ractor {
    branch: ActorRef<BranchMessage>,
    account: ActorRef<AccountMessage>,
}

impl Bank for Ractor {
    const NAME: &'static str = "ractor";

    async fn open(balance: u64) -> Self {
        let (branch, account) = open(balance).await.expect("an account");
        Self { branch, account }
    }

    async fn look_up(mut self) -> Self {
        self.account = call!(self.branch, BranchMessage::Account).expect("the branch answers");
        self
    }

    fn tell_deposit(&self, amount: u64) -> bool {
        self.account.cast(AccountMessage::Deposit(amount)).is_ok()
    }

    fn tell_withdraw(&self, amount: u64) -> bool {
        let (reply, _nobody) = oneshot();
        self.account.cast(AccountMessage::Withdraw(amount, reply.into())).is_ok()
    }

    async fn withdraw(&self, amount: u64) -> Result<Result<u64, Insufficient>, NoAnswer> {
        let answer = call!(self.account, AccountMessage::Withdraw, amount).map_err(no_answer)?;
        Ok(answer.map_err(|_| Insufficient))
    }

    async fn balance(&self) -> Result<u64, NoAnswer> {
        call!(self.account, AccountMessage::Balance).map_err(no_answer)
    }
}

impl Drop for Ractor {
    // An actor without references would live on.
    fn drop(&mut self) {
        self.branch.stop(None);
    }
}
