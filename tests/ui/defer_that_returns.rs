use postbox::prelude::*;

#[derive(Actor)]
struct Account {
    names: Vec<String>,
}

#[messages]
impl Account {
    #[message(defer)]
    fn wait(&mut self, reply: ReplyTo<usize>) -> usize {
        let _ = reply.send(0);
        self.names.len()
    }

    #[message]
    fn count(&self) -> usize {
        self.names.len()
    }
}

async fn used(account: &ActorRef<Account>) {
    let _: Result<usize, _> = account.wait().await;
}

fn main() {}
