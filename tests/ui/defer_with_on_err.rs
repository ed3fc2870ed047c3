use postbox::prelude::*;

#[derive(Actor)]
struct Account {
    names: Vec<String>,
}

#[messages]
impl Account {
    #[message(defer, on_err = fail)]
    fn wait(&mut self, reply: ReplyTo<usize>) {
        let _ = reply.send(self.names.len());
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
