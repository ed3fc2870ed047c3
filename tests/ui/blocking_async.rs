use postbox::prelude::*;

#[derive(Actor)]
struct Account {
    names: Vec<String>,
}

#[messages]
impl Account {
    #[message(blocking)]
    async fn sort(&mut self) {
        self.names.sort();
    }

    #[message]
    fn count(&self) -> usize {
        self.names.len()
    }
}

async fn used(account: &ActorRef<Account>) {
    let _ = account.sort().await;
}

fn main() {}
