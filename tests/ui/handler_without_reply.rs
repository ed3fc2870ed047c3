use postbox::prelude::*;

#[derive(Actor)]
struct Account {
    names: Vec<String>,
}

#[derive(Message)]
#[message(reply = Result<usize, String>)]
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

async fn used(account: &ActorRef<Account>) {
    let _ = account.ask(Clear).await;
}

fn main() {}
