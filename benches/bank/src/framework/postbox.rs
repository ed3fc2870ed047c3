use postbox::{AskError, prelude::*};

use super::{Bank, Insufficient, NoAnswer, no_answer};
use crate::postbox::{Account, AccountApi as _, open};

pub struct Postbox {
    _branch: ActorRef<Supervisor>,
    account: ActorRef<Account>,
}

impl Bank for Postbox {
    const NAME: &'static str = "postbox";

    async fn open(balance: u64) -> Self {
        let (branch, account) = open(balance).await.expect("an account");
        Self { _branch: branch, account }
    }

    fn tell_deposit(&self, amount: u64) -> bool {
        self.account.deposit(amount).try_tell().is_ok()
    }

    fn tell_withdraw(&self, amount: u64) -> bool {
        self.account.withdraw(amount).try_tell().is_ok()
    }

    async fn withdraw(&self, amount: u64) -> Result<Result<u64, Insufficient>, NoAnswer> {
        Ok(self.account.withdraw(amount).await.map_err(variant)?.map_err(|_| Insufficient))
    }

    async fn balance(&self) -> Result<u64, NoAnswer> {
        self.account.balance().await.map_err(no_answer)
    }
}

/// The kind of the error, and the panic, where it tells of one; the rest of its text differs from run to run.
fn variant<M>(error: AskError<M>) -> NoAnswer {
    match error {
        AskError::Failed(failure) => match failure.cause() {
            postbox::Cause::Panic(panic) => NoAnswer(format!("Failed, with the panic: {}", panic.text())),
            cause => NoAnswer(format!("Failed: {cause}")),
        },
        other => no_answer(other),
    }
}
