//! Bank transaction: a teller tells `N` times a random one of `A` accounts to pay a random amount to another one.
//! The account that pays asks the other one to take the money, waits for the answer, and only then tells the teller.
//!
//! Measures a question inside a handler, while others wait. Published: `A` = 1000, `N` = 50,000; who pays is one of
//! the first 80 percent, and who is paid has a greater number, so that no circle of questions can arise. The paper
//! leaves open how an account waits; here it awaits an `ask`.
//! One operation: a transaction. Checked: no money has come or gone, and each transaction is in two accounts.
//! Full mailboxes: the teller sends all before it takes the first answer. So every mailbox has room for all
//! messages there are.

use std::{marker::PhantomData, time::Instant};

use tokio::sync::mpsc;

use crate::{
    framework::{Cx, Framework, Role, asked_nothing},
    kit::{Random, Report},
    plan::Sample,
};

/// `A`
const ACCOUNTS: usize = 1000;
/// Enough for all that one could pay.
const BALANCE: u64 = 1 << 40;

struct Teller<F: Framework> {
    random: Random,
    of: u64,
    done: u64,
    accounts: Vec<F::Ref<Account<F>>>,
    report: Report<()>,
}

enum Order {
    Start,
    /// A transaction is complete.
    Done,
}

impl<F: Framework> Role<F> for Teller<F> {
    type Msg = Order;

    async fn on(&mut self, msg: Order, cx: &mut impl Cx<F, Self>) {
        match msg {
            Order::Start => {
                for _ in 0..self.of {
                    let from = self.random.index(ACCOUNTS / 10 * 8);
                    let to = from + 1 + self.random.index(ACCOUNTS - from - 1);
                    let amount = 1 + self.random.below(1000);
                    let pay = Transfer::Pay { amount, to: self.accounts[to].clone(), teller: cx.me() };
                    F::tell(&self.accounts[from], pay).await;
                }
            }
            Order::Done => {
                self.done += 1;
                if self.done == self.of {
                    for account in self.accounts.drain(..) {
                        F::tell(&account, Transfer::Close).await;
                    }
                    self.report.send(());
                    cx.stop();
                }
            }
        }
    }

    asked_nothing!();
}

struct Account<F: Framework> {
    balance: u64,
    transactions: u64,
    closed: mpsc::UnboundedSender<(u64, u64)>,
    framework: PhantomData<fn() -> F>,
}

enum Transfer<F: Framework> {
    Pay { amount: u64, to: F::Ref<Account<F>>, teller: F::Ref<Teller<F>> },
    Close,
}

/// The question: it answers with what it has taken.
struct Take(u64);

impl<F: Framework> Role<F> for Account<F> {
    type Msg = Transfer<F>;
    type Question = Take;

    async fn on(&mut self, msg: Transfer<F>, cx: &mut impl Cx<F, Self>) {
        match msg {
            Transfer::Pay { amount, to, teller } => {
                self.balance -= amount;
                let taken = F::ask(&to, Take(amount)).await;
                assert_eq!(taken, amount);
                self.transactions += 1;
                F::tell(&teller, Order::Done).await;
            }
            Transfer::Close => {
                assert!(self.closed.send((self.balance, self.transactions)).is_ok(), "the driver waits");
                cx.stop();
            }
        }
    }

    fn answer(&mut self, Take(amount): Take) -> u64 {
        self.balance += amount;
        self.transactions += 1;
        amount
    }
}

pub async fn run<F: Framework>(transactions: u64) -> Sample {
    let all = usize::try_from(2 * transactions).expect("a number of messages") + 2;
    let (closed, mut closings) = mpsc::unbounded_channel();
    let mut accounts = Vec::new();
    for _ in 0..ACCOUNTS {
        let account = Account::<F> {
            balance: BALANCE,
            transactions: 0,
            closed: closed.clone(),
            framework: PhantomData,
        };
        accounts.push(F::spawn(account, all).await);
    }
    drop(closed);
    let (report, result) = Report::new();
    let teller =
        Teller::<F> { random: Random::new(transactions), of: transactions, done: 0, accounts, report };
    let teller = F::spawn(teller, all).await;
    let start = Instant::now();
    F::tell(&teller, Order::Start).await;
    result.await.expect("all transactions are complete");
    let sample = Sample::since(start, transactions);
    let (mut balance, mut seen) = (0, 0);
    for _ in 0..ACCOUNTS {
        let closing = closings.recv().await.expect("all accounts close");
        balance += closing.0;
        seen += closing.1;
    }
    assert_eq!(balance, ACCOUNTS as u64 * BALANCE, "money has come or gone");
    assert_eq!(seen, 2 * transactions);
    sample
}
