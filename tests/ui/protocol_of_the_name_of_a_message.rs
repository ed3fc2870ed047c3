use postbox::prelude::*;

#[derive(Actor)]
struct Account {
    names: Vec<String>,
}

#[messages(protocol = Rename)]
impl Account {
    #[message]
    fn rename(&mut self, name: String) {
        self.names.push(name);
    }

    #[message]
    fn count(&self) -> usize {
        self.names.len()
    }
}

fn main() {}
