use postbox::prelude::*;

mod other {
    #[derive(postbox::Message)]
    pub struct Clear;
}

#[derive(Actor)]
struct Account {
    names: Vec<String>,
}

#[messages(protocol = AccountMsg)]
impl Account {
    #[message]
    fn clear(&mut self) {
        self.names.clear();
    }

    #[handler]
    fn on_clear(&mut self, _: other::Clear) {
        self.names.clear();
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
