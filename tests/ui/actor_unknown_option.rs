use postbox::prelude::*;

#[derive(Actor)]
#[actor(capasity = 64)]
struct Account;

fn main() {
    let _ = Account.spawn();
}
