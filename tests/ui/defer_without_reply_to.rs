use postbox::prelude::*;

#[derive(Actor)]
struct Account {
    names: Vec<String>,
}

#[messages]
impl Account {
    #[message(defer)]
    fn wait(&mut self, name: String) {
        self.names.push(name);
    }

    #[message]
    fn count(&self) -> usize {
        self.names.len()
    }
}

async fn used(account: &ActorRef<Account>) {
    let _ = account.wait(String::new()).await;
}

fn main() {}
