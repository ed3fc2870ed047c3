use postbox::prelude::*;

#[derive(Actor)]
struct Account;

#[derive(Message)]
struct Transfer;

async fn used(tree: &ActorRef<Supervisor>) {
    let _ = tree.spawn(child("account", || Some(Account))).await;
}

fn main() {}
