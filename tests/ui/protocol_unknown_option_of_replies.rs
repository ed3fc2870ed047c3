use postbox::prelude::*;

#[derive(Actor)]
struct Account {
    names: Vec<String>,
}

#[messages(protocol(name = AccountMsg, reply(vis = pub)))]
impl Account {
    #[message]
    fn rename(&mut self, name: String) {
        self.names.push(name);
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
