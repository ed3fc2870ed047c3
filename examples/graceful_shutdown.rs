//! Stops a system without losing what it has accepted: by itself, or with `--wait` on Ctrl-C or SIGTERM.
//!
//! What to notice: the youngest actors stop first, each with what is in its mailbox, so that a pipeline
//! spawned from its end to its beginning runs dry. What cannot stop in time is killed and listed.
#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::time::Duration;

use postbox::prelude::*;

#[derive(Actor, Default)]
struct Store {
    rows: Vec<u64>,
}

#[messages]
impl Store {
    /// Stores a row.
    #[message]
    async fn insert(&mut self, row: u64) {
        tokio::task::yield_now().await;
        self.rows.push(row);
    }
}

struct Squarer {
    store: ActorRef<Store>,
}

impl Actor for Squarer {
    async fn stopped(&mut self, ctx: &mut Context<Self>, reason: &StopReason) {
        println!("{} {reason}", ctx.identity());
    }
}

#[messages]
impl Squarer {
    /// Squares a number and passes it on.
    #[message]
    async fn square(&mut self, number: u64) {
        if let Err(error) = self.store.insert(number * number).tell().await {
            println!("{error}");
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = Store::default().prepare().name("store").spawn()?;
    let squarer = Squarer { store: store.clone() }.prepare().name("squarer").spawn()?;
    for number in 0..50 {
        squarer.square(number).tell().await?;
    }

    // A service waits for its operator; this one is done after its work.
    let (system, within) = (System::current(), Duration::from_secs(5));
    let report = if std::env::args().any(|arg| arg == "--wait") {
        system.shutdown_on_signal(within).await?
    } else {
        system.shutdown(within).await
    };
    let stopped: Vec<_> = report.stopped.iter().map(ToString::to_string).collect();
    println!("stopped {}, in this order; clean: {}", stopped.join(", "), report.is_clean());
    println!("{}", report.ledger);
    assert!(report.ledger.balances() && report.ledger.handled == 100);
    Ok(())
}
