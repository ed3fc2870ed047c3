use kameo::prelude::*;

use super::{Bank, Insufficient, NoAnswer};
use crate::kameo::{self as bank, Account, Balance, Branch, Deposit, Withdraw, open};

pub struct Kameo {
    _branch: ActorRef<Branch>,
    account: ActorRef<Account>,
}

impl Bank for Kameo {
    const NAME: &'static str = "kameo";

    async fn open(balance: u64) -> Self {
        let (branch, account) = open(balance).await;
        Self { _branch: branch, account }
    }

    fn tell_deposit(&self, amount: u64) -> bool {
        self.account.tell(Deposit { amount }).try_send().is_ok()
    }

    fn tell_withdraw(&self, amount: u64) -> bool {
        self.account.tell(Withdraw { amount }).try_send().is_ok()
    }

    async fn withdraw(&self, amount: u64) -> Result<Result<u64, Insufficient>, NoAnswer> {
        match self.account.ask(Withdraw { amount }).await {
            Ok(left) => Ok(Ok(left)),
            Err(SendError::HandlerError(bank::Insufficient)) => Ok(Err(Insufficient)),
            Err(error) => Err(NoAnswer(format!("{error:?}"))),
        }
    }

    async fn balance(&self) -> Result<u64, NoAnswer> {
        self.account.ask(Balance).await.map_err(|error| NoAnswer(format!("{error:?}")))
    }
}
