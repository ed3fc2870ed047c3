use postbox::prelude::*;

struct Account;

#[messages]
impl Account {
    #[message]
    fn count(&self) -> usize {
        1
    }
}

fn main() {}
