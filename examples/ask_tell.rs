//! The ways to send one message: ask, tell, without waiting, with a deadline, as a value, by a recipient.
//!
//! What to notice: every error hands the message back, or says what became of it.
#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::time::Duration;

use postbox::prelude::*;

#[derive(Debug)]
struct Insufficient {
    missing: u64,
}

#[derive(Actor, Default)]
struct Account {
    balance: u64,
}

#[messages]
impl Account {
    /// Adds money and returns the new balance.
    #[message]
    fn deposit(&mut self, amount: u64) -> u64 {
        self.balance += amount;
        self.balance
    }

    /// Takes money if there is enough.
    #[message]
    fn withdraw(&mut self, amount: u64) -> Result<u64, Insufficient> {
        match self.balance.checked_sub(amount) {
            Some(left) => {
                self.balance = left;
                Ok(left)
            }
            None => Err(Insufficient { missing: amount - self.balance }),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let account = Account::default().spawn();

    println!("ask:         balance {}", account.deposit(100).await?);
    account.deposit(1).tell().await?;
    account.deposit(1).try_tell()?;
    println!("after tells: balance {}", account.deposit(0).timeout(Duration::from_secs(1)).await?);

    // A reply of `Err` is data: the actor is well.
    match account.ask(Withdraw { amount: 500 }).await? {
        Ok(left) => println!("withdrawn, {left} left"),
        Err(Insufficient { missing }) => println!("refused:     {missing} missing"),
    }

    // Any actor that handles `Withdraw`, whatever its type.
    let bank: Recipient<Withdraw> = account.recipient();
    println!("recipient:   {:?}", bank.ask(Withdraw { amount: 2 }).await?);

    account.stop();
    account.ended().await;
    let error = account.deposit(7).await.expect_err("it has stopped");
    println!("stopped:     {error}");
    println!("             the message is back: {:?}", error.into_message().map(|deposit| deposit.amount));
    Ok(())
}
