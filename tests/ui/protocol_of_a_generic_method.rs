use postbox::prelude::*;

#[derive(Actor)]
struct Account {
    names: Vec<String>,
}

#[messages(protocol = AccountMsg)]
impl Account {
    #[message]
    fn rename<T: Into<String>>(&mut self, name: T) {
        self.names.push(name.into());
    }

    #[message]
    fn count(&self) -> usize {
        self.names.len()
    }
}

async fn used(account: &ActorRef<Account>) {
    let _ = AccountMsg::Count(Count).ask_to(account).await;
}

fn main() {}
