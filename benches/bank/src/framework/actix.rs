use actix::Addr;

use super::{Bank, Insufficient, NoAnswer, no_answer};
use crate::actix::{Account, Balance, Deposit, Withdraw, open};

pub struct Actix {
    account: Addr<Account>,
}

impl Bank for Actix {
    const NAME: &'static str = "actix";

    fn run<T: 'static>(work: impl Future<Output = T> + 'static) -> T {
        let system = actix::System::with_tokio_rt(|| {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
            runtime.expect("a runtime")
        });
        system.block_on(work)
    }

    async fn open(balance: u64) -> Self {
        Self { account: open(balance) }
    }

    fn tell_deposit(&self, amount: u64) -> bool {
        self.account.try_send(Deposit(amount)).is_ok()
    }

    fn tell_withdraw(&self, amount: u64) -> bool {
        self.account.try_send(Withdraw(amount)).is_ok()
    }

    async fn withdraw(&self, amount: u64) -> Result<Result<u64, Insufficient>, NoAnswer> {
        let answer = self.account.send(Withdraw(amount)).await.map_err(no_answer)?;
        Ok(answer.map_err(|_| Insufficient))
    }

    async fn balance(&self) -> Result<u64, NoAnswer> {
        self.account.send(Balance).await.map_err(no_answer)
    }
}
