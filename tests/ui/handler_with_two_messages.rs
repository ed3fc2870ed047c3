use postbox::prelude::*;

#[derive(Actor)]
struct Account {
    names: Vec<String>,
}

#[derive(Message)]
#[message(reply = Result<usize, String>)]
struct Clear;

#[messages]
impl Account {
    #[handler]
    fn on_clear(&mut self, _msg: Clear, keep: usize) -> Result<usize, String> {
        Ok(keep)
    }

    #[message]
    fn count(&self) -> usize {
        self.names.len()
    }
}

async fn used(account: &ActorRef<Account>) {
    let _ = account.ask(Clear).await;
}

fn main() {}
