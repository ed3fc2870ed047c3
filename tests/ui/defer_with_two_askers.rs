use postbox::prelude::*;

#[derive(Actor)]
struct Account {
    names: Vec<String>,
}

#[messages]
impl Account {
    #[message(defer)]
    fn wait(&mut self, first: ReplyTo<usize>, second: ReplyTo<usize>) {
        let _ = (first.send(0), second.send(self.names.len()));
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
