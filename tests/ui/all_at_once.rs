use postbox::prelude::*;

#[derive(Actor)]
struct Account {
    names: Vec<String>,
}

#[messages]
impl Account {
    #[message(time_out = "1s", retry = 2)]
    fn rename(&mut self, old: &str, new: &str) {
        self.names.retain(|name| name != old);
        self.names.push(new.to_owned());
    }

    #[message]
    fn count(self) -> usize {
        self.names.len()
    }
}

async fn used(account: &ActorRef<Account>) {
    let _ = account.rename("old", "new").await;
    let _: Result<usize, _> = account.count().await;
}

fn main() {}
