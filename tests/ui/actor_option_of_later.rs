use postbox::prelude::*;

#[derive(Actor)]
#[actor(overflow = drop)]
struct Account;

fn main() {
    let _ = Account.spawn();
}
