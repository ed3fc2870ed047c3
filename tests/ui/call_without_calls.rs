use postbox::prelude::*;

#[derive(Actor)]
struct Account {
    names: Vec<String>,
}

#[messages(api = false)]
impl Account {
    #[message(call = number)]
    fn count(&self) -> usize {
        self.names.len()
    }
}

async fn used(account: &ActorRef<Account>) {
    let _ = account.ask(Count).await;
}

fn main() {}
