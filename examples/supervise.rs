//! An actor that fails is restarted behind the same reference, and the messages that wait are still handled.
//!
//! What to notice: `1/0` panics. Its sender is told why and where; the two after it were in the mailbox all
//! the while and are handled by the next incarnation.
#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::time::Duration;

use postbox::prelude::*;

#[derive(Actor, Default)]
struct Divider {
    handled: u32,
}

#[messages]
impl Divider {
    /// Divides, and says how many this incarnation has handled.
    #[message]
    fn divide(&mut self, by: u32) -> (u32, u32) {
        self.handled += 1;
        (100 / by, self.handled)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tree = Supervisor::one_for_one().limit(5, Duration::from_secs(10)).start().await?;
    let divider = tree.spawn(child("divider", Divider::default)).await?;

    let asks = [1, 2, 0, 4, 5].map(|by| divider.divide(by).send());
    for (by, ask) in [1, 2, 0, 4, 5].into_iter().zip(futures_util::future::join_all(asks).await) {
        match ask {
            Ok((quotient, handled)) => {
                println!("100 / {by} = {quotient:3}  (number {handled} of its incarnation)")
            }
            Err(error) => println!("100 / {by}: {error}"),
        }
    }

    // At rest the ledger is exact: every message it accepted has its fate.
    tree.stop();
    tree.ended().await;
    let ledger = divider.ledger();
    println!("{ledger}");
    assert!(ledger.balances());
    for letter in System::current().dead_letters().recent() {
        println!("dead letter: {} for {}: {}", letter.message_type(), letter.recipient(), letter.reason());
    }
    Ok(())
}
