use postbox::prelude::*;

#[derive(Actor)]
struct Account {
    names: Vec<String>,
}

#[derive(Message)]
struct Clear;

#[messages]
impl Account {
    #[handler]
    fn on_clear(&mut self, _: Clear) {
        self.names.clear();
    }

    #[handler]
    fn on_clear_too(&mut self, _: Clear) {}

    #[message]
    fn count(&self) -> usize {
        self.names.len()
    }
}

fn main() {}
