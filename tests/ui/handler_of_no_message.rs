use postbox::prelude::*;

#[derive(Actor)]
struct Account {
    names: Vec<String>,
}

struct Clear;

#[messages]
impl Account {
    #[handler]
    fn on_clear(&mut self, _: Clear) {
        self.names.clear();
    }

    #[message]
    fn count(&self) -> usize {
        self.names.len()
    }
}

fn main() {}
