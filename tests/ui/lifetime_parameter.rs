use postbox::prelude::*;

#[derive(Actor)]
struct Account {
    names: Vec<String>,
}

#[messages]
impl Account {
    #[message]
    fn rename<'a>(&mut self, name: &'a str, other: Option<&'a str>) {
        self.names.extend([name, other.unwrap_or_default()].map(str::to_owned));
    }

    #[message]
    fn count(&self) -> usize {
        self.names.len()
    }
}

async fn used(account: &ActorRef<Account>) {
    let _ = account.rename("new", None).await;
}

fn main() {}
