use postbox::prelude::*;

#[derive(Actor)]
struct Account {
    names: Vec<String>,
}

#[messages]
impl Account {
    #[message]
    fn rename(&mut self, name: &str) {
        self.names.push(name.to_owned());
    }

    #[message]
    fn count(&self) -> usize {
        self.names.len()
    }
}

async fn used(account: &ActorRef<Account>) {
    let _ = account.rename("new").await;
    let _ = account.count().await;
}

fn main() {}
