use std::rc::Rc;

use postbox::prelude::*;

#[derive(Actor)]
struct Account {
    names: Vec<String>,
}

#[messages]
impl Account {
    #[message]
    fn rename(&mut self, times: u8, name: Rc<String>) {
        self.names.extend((0..times).map(|_| name.to_string()));
    }

    #[message]
    fn count(&self) -> usize {
        self.names.len()
    }
}

fn main() {}
