use postbox::prelude::*;

#[derive(Actor)]
struct Account;

#[derive(Message)]
struct Transfer;

struct Missing;

fn open() -> Result<Account, Missing> {
    Err(Missing)
}

async fn used(tree: &ActorRef<Supervisor>) {
    let _ = tree.spawn(child("account", open)).await;
}

fn main() {}
