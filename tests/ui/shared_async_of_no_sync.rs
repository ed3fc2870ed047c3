use std::cell::Cell;

use postbox::prelude::*;

#[derive(Actor)]
struct Account {
    count: Cell<usize>,
}

#[messages]
impl Account {
    #[message]
    async fn count(&self) -> usize {
        self.count.get()
    }
}

fn main() {}
