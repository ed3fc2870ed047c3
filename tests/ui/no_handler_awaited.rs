use postbox::prelude::*;

#[derive(Actor)]
struct Account {
    balance: u64,
}

#[messages]
impl Account {
    #[message]
    fn balance(&self) -> u64 {
        self.balance
    }

    #[message]
    fn close(&mut self) {
        self.balance = 0;
    }
}

#[derive(Message)]
struct Transfer;

async fn used(account: &ActorRef<Account>) {
    let _ = account.ask(Transfer).await;
}

fn main() {}
