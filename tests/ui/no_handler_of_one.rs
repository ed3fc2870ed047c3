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
}

#[derive(Message)]
struct Transfer;

fn used(account: &ActorRef<Account>) {
    let _ = account.ask(Transfer);
}

fn main() {}
