use postbox::prelude::*;

struct Missing;

#[derive(Actor)]
struct Account {
    names: Vec<String>,
}

#[messages]
impl Account {
    #[message(on_err = fail)]
    fn first(&self) -> Result<String, Missing> {
        self.names.first().cloned().ok_or(Missing)
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
