use postbox::prelude::*;

#[derive(Actor)]
struct Account {
    names: Vec<String>,
}

#[messages]
impl Account {
    #[message]
    fn first(&self) -> Option<&str> {
        self.names.first().map(String::as_str)
    }

    #[message]
    fn count(&self) -> usize {
        self.names.len()
    }
}

async fn used(account: &ActorRef<Account>) {
    let _: Result<Option<&str>, _> = account.first().await;
}

fn main() {}
