use postbox::prelude::*;

#[derive(Actor)]
#[actor(capacity = 0)]
struct Account;

fn main() {
    let _ = Account.spawn();
}
