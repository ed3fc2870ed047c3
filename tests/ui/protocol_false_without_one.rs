use postbox::prelude::*;

#[derive(Actor)]
struct Account {
    names: Vec<String>,
}

#[messages]
impl Account {
    #[message(protocol = false)]
    fn rename(&mut self, name: String) {
        self.names.push(name);
    }

    #[message]
    fn count(&self) -> usize {
        self.names.len()
    }
}

fn main() {}
