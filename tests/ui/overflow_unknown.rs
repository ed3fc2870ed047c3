use postbox::prelude::*;

#[derive(Actor)]
#[actor(overflow = "drop_last")]
struct Account;

fn main() {
    let _ = Account.spawn();
}
