use postbox::prelude::*;

struct Account;

#[messages]
impl Actor for Account {}

fn used() {
    let _ = Account.spawn();
}

fn main() {}
