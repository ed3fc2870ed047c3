//! A fast producer and a slow consumer: the mailbox is bounded, so the producer waits instead of filling
//! memory.
//!
//! What to notice: never more than four messages wait, `try_tell` says `Full` and hands the message back, and
//! nothing is lost.
#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::time::{Duration, Instant};

use postbox::prelude::*;

#[derive(Actor)]
#[actor(capacity = 4)]
struct Slow {
    written: u32,
}

#[messages]
impl Slow {
    /// Writes a line, slowly.
    #[message]
    async fn write(&mut self, _line: u32) {
        tokio::time::sleep(Duration::from_millis(5)).await;
        self.written += 1;
    }

    /// Says how many lines it has written.
    #[message]
    fn written(&self) -> u32 {
        self.written
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let slow = Slow { written: 0 }.spawn();

    let (mut refused, mut deepest) = (0, 0);
    let begun = Instant::now();
    for line in 0..40 {
        if let Err(full) = slow.write(line).try_tell() {
            refused += 1;
            // The message is in the error: send it again, this time waiting for room.
            slow.tell(full.into_message()).await?;
        }
        deepest = deepest.max(slow.handle().depth());
    }
    println!(
        "sent 40 lines in {:?}: {refused} had to wait, at most {deepest} in the mailbox",
        begun.elapsed()
    );
    println!("written: {}", slow.written().await?);
    println!("{}", slow.ledger());
    assert!(deepest <= 4);
    Ok(())
}
