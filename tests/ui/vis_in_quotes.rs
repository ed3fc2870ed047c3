use postbox::prelude::*;

#[derive(Actor)]
struct Account {
    names: Vec<String>,
}

#[messages]
impl Account {
    #[message(vis = "pub(crate)")]
    fn first(&self) -> Option<String> {
        self.names.first().cloned()
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
