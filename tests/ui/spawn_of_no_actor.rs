use postbox::prelude::*;

struct Account;

fn used() {
    let _ = Account.spawn();
}

fn main() {}
