use tokio::sync::oneshot;

use super::{Bank, Insufficient, NoAnswer, no_answer};
use crate::channels::{AccountHandle, Command, open};

pub struct Channels {
    account: AccountHandle,
}

impl Bank for Channels {
    const NAME: &'static str = "channels";

    async fn open(balance: u64) -> Self {
        let (account, _task) = open(balance);
        Self { account }
    }

    fn tell_deposit(&self, amount: u64) -> bool {
        self.account.0.try_send(Command::Deposit(amount)).is_ok()
    }

    fn tell_withdraw(&self, amount: u64) -> bool {
        let (reply, _nobody) = oneshot::channel();
        self.account.0.try_send(Command::Withdraw(amount, reply)).is_ok()
    }

    async fn withdraw(&self, amount: u64) -> Result<Result<u64, Insufficient>, NoAnswer> {
        Ok(self.account.withdraw(amount).await.map_err(no_answer)?.map_err(|_| Insufficient))
    }

    async fn balance(&self) -> Result<u64, NoAnswer> {
        self.account.balance().await.map_err(no_answer)
    }
}
