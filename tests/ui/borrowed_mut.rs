use postbox::prelude::*;

#[derive(Actor)]
struct Account {
    names: Vec<String>,
}

#[messages]
impl Account {
    #[message]
    fn rename(&mut self, names: &mut Vec<String>) {
        self.names.append(names);
    }

    #[message]
    fn count(&self) -> usize {
        self.names.len()
    }
}

fn main() {}
