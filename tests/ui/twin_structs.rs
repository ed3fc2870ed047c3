use postbox::prelude::*;

#[derive(Actor)]
struct Account {
    names: Vec<String>,
}

#[messages]
impl Account {
    #[message]
    fn rename_all(&mut self, name: String) {
        self.names.fill(name);
    }

    #[message]
    fn rename__all(&mut self) {
        self.names.clear();
    }

    #[message]
    fn count(&self) -> usize {
        self.names.len()
    }
}

async fn used(account: &ActorRef<Account>) {
    let _ = account.rename_all(String::new()).await;
    let _ = account.rename__all().await;
}

fn main() {}
