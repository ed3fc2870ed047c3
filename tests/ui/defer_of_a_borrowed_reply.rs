use postbox::prelude::*;

#[derive(Actor)]
struct Account {
    names: Vec<String>,
}

#[messages]
impl Account {
    #[message(defer)]
    fn wait(&mut self, reply: ReplyTo<&str>) {
        drop(reply);
    }

    #[message]
    fn count(&self) -> usize {
        self.names.len()
    }
}

async fn used(account: &ActorRef<Account>) {
    let _: Result<&'static str, _> = account.wait().await;
}

fn main() {}
