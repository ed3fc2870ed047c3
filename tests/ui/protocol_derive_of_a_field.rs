use postbox::prelude::*;

struct Name(String);

#[derive(Actor)]
struct Account {
    names: Vec<String>,
}

#[messages(protocol(name = AccountMsg, derive(Debug)))]
impl Account {
    #[message]
    fn rename(&mut self, name: Name) {
        self.names.push(name.0);
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
