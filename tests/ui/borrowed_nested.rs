use postbox::prelude::*;

#[derive(Actor)]
struct Account {
    names: Vec<String>,
}

#[messages]
impl Account {
    #[message]
    fn rename(&mut self, names: Vec<Option<&String>>) {
        self.names.extend(names.into_iter().flatten().cloned());
    }

    #[message]
    fn count(&self) -> usize {
        self.names.len()
    }
}

async fn used(account: &ActorRef<Account>) {
    let _ = account.rename(vec![None]).await;
}

fn main() {}
