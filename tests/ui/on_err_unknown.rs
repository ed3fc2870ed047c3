use postbox::prelude::*;

#[derive(Actor)]
struct Account {
    names: Vec<String>,
}

#[messages]
impl Account {
    #[message(on_err = panic)]
    fn first(&self) -> Result<String, BoxError> {
        self.names.first().cloned().ok_or("none".into())
    }

    #[message]
    fn count(&self) -> usize {
        self.names.len()
    }
}

async fn used(account: &ActorRef<Account>) {
    let _ = account.first().await;
}

fn main() {}
