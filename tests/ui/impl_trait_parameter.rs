use postbox::prelude::*;

#[derive(Actor)]
struct Account {
    names: Vec<String>,
}

#[messages]
impl Account {
    #[message]
    fn rename(&mut self, name: impl Into<String>) {
        self.names.push(name.into());
    }

    #[message]
    fn count(&self) -> usize {
        self.names.len()
    }
}

async fn used(account: &ActorRef<Account>) {
    let _ = account.rename("new").await;
}

fn main() {}
