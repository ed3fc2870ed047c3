use std::rc::Rc;

use postbox::prelude::*;

#[derive(Actor)]
struct Account {
    names: Vec<String>,
}

#[messages]
impl Account {
    #[message]
    async fn clear(&mut self) {
        let kept = Rc::new(());
        std::future::ready(()).await;
        drop(kept);
    }

    #[message]
    fn count(&self) -> usize {
        self.names.len()
    }
}

async fn used(account: &ActorRef<Account>) {
    let _ = account.count().await;
}

fn main() {}
