use postbox::prelude::*;

#[derive(Message)]
struct Clear;

#[derive(Actor)]
struct Account {
    names: Vec<String>,
}

#[messages]
impl Account {
    #[handler(deferred)]
    fn on_clear(&mut self, _: Clear) {
        self.names.clear();
    }

    #[message]
    fn count(&self) -> usize {
        self.names.len()
    }
}

async fn used(account: &ActorRef<Account>) {
    let _ = account.ask(Clear).await;
}

fn main() {}
