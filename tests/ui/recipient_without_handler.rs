use postbox::prelude::*;

#[derive(Actor)]
struct Account;

#[derive(Message)]
struct Transfer;

fn used(account: &ActorRef<Account>) -> Recipient<Transfer> {
    account.recipient()
}

fn main() {}
