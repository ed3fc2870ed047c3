use postbox::prelude::*;

#[messages]
fn deposit(amount: u64) -> u64 {
    amount
}

fn main() {
    deposit(1);
}
