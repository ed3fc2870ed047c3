//! What becomes of the messages that wait behind a failure.

use std::fmt;

use futures_util::future::join_all;

use crate::framework::{Bank, NoAnswer, POISON};

/// Five deposits: each sum tells which of them were handled.
pub const DEPOSITS: [u64; 5] = [1, 2, 4, 8, 16];

/// How many of five deposits that waited behind poison the account shows afterwards. `None`: there is no account
/// that answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Told(pub Option<usize>);

/// What became of five withdrawals that waited behind poison, and of the poison's own asker.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// What the one who asked for the first poison was told.
    pub poison: Result<(), NoAnswer>,
    /// Those of the five that were answered by an account.
    pub answered: usize,
    /// What the first of the others was told.
    pub others: Option<NoAnswer>,
}

/// Tells an account, which has nothing else to do, `poisons` poisonous withdrawals and five deposits.
pub fn told<B: Bank>(poisons: usize) -> Told {
    B::run(async move {
        let bank = B::open(0).await;
        bank.balance().await.expect("it has started");
        for _ in 0..poisons {
            assert!(bank.tell_withdraw(POISON), "there is room");
        }
        for amount in DEPOSITS {
            assert!(bank.tell_deposit(amount), "there is room");
        }
        settle().await;
        let balance = bank.look_up().await.balance().await;
        Told(balance.ok().map(|sum| sum.count_ones() as usize))
    })
}

/// The same with asks, all of which wait at the same time: five withdrawals of 1 from an account with 5.
pub fn asked<B: Bank>(poisons: usize) -> Asked {
    B::run(async move {
        let bank = B::open(5).await;
        bank.balance().await.expect("it has started");
        let amounts = std::iter::repeat_n(POISON, poisons).chain([1; 5]);
        let answers = join_all(amounts.map(|amount| bank.withdraw(amount))).await;
        let (poisoned, others) = answers.split_at(poisons);
        Asked {
            poison: poisoned[0].clone().map(drop),
            answered: others.iter().filter(|answer| matches!(answer, Ok(Ok(_)))).count(),
            others: others.iter().find_map(|answer| answer.clone().err()),
        }
    })
}

/// Returns when nobody has anything left to do: the clock is paused, and moves only then.
pub async fn settle() {
    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(shown) => write!(f, "{shown} of 5"),
            None => f.write_str("no account answers"),
        }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of 5", self.answered)?;
        match &self.others {
            Some(NoAnswer(why)) => write!(f, ", the others: {why}"),
            None => Ok(()),
        }
    }
}
