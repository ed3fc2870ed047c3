//! The same scenarios against all five accounts.

use bank::{
    for_each_framework,
    framework::{Bank, Insufficient},
    pending::settle,
};

enum Step {
    /// Told.
    Deposit(u64),
    /// Told, for what is there.
    Take(u64),
    /// Asked.
    Withdraw(u64, Result<u64, Insufficient>),
    /// Asked.
    Balance(u64),
}

use Step::{Balance, Deposit, Take, Withdraw};

/// What is done, the balance at the opening, and what comes of it.
const SCENARIOS: [(&str, u64, &[Step]); 5] = [
    ("an account opens with its balance", 7, &[Balance(7)]),
    ("totals add up", 0, &[Deposit(1), Deposit(2), Deposit(3), Balance(6), Withdraw(4, Ok(2)), Balance(2)]),
    (
        "a refusal is data, and changes nothing",
        10,
        &[
            Withdraw(11, Err(Insufficient)),
            Balance(10),
            Withdraw(10, Ok(0)),
            Withdraw(1, Err(Insufficient)),
            Balance(0),
        ],
    ),
    (
        "what is told is handled in its order: each takes what the one before has brought",
        0,
        &[Deposit(5), Take(5), Deposit(6), Take(6), Deposit(7), Take(7), Deposit(8), Take(3), Balance(5)],
    ),
    (
        "what is told comes before what is asked after it",
        0,
        &[Deposit(1), Withdraw(1, Ok(0)), Deposit(2), Withdraw(3, Err(Insufficient)), Withdraw(2, Ok(0))],
    ),
];

fn all_scenarios<B: Bank>() {
    for (what, opening, steps) in SCENARIOS {
        B::run(async move {
            let bank = B::open(opening).await;
            bank.balance().await.expect("it has started");
            for (number, step) in steps.iter().enumerate() {
                let at = format!("{}, {what}, step {number}", B::NAME);
                match *step {
                    Deposit(amount) => assert!(bank.tell_deposit(amount), "{at}"),
                    Take(amount) => assert!(bank.tell_withdraw(amount), "{at}"),
                    Withdraw(amount, expected) => {
                        assert_eq!(bank.withdraw(amount).await, Ok(expected), "{at}")
                    }
                    Balance(expected) => assert_eq!(bank.balance().await, Ok(expected), "{at}"),
                }
            }
            settle().await;
        });
    }
}

macro_rules! scenarios {
    ($name:ident, $bank:ty) => {
        #[test]
        fn $name() {
            all_scenarios::<$bank>();
        }
    };
}

for_each_framework!(scenarios);

macro_rules! first_day {
    ($name:ident, $bank:ty) => {
        <$bank>::run(async {
            let balance = bank::$name::first_day().await.expect("nothing fails on the first day");
            assert_eq!(balance, 120, "{}", <$bank>::NAME);
        });
    };
}

#[test]
fn the_first_day_of_each_ends_with_the_same_balance() {
    for_each_framework!(first_day);
}
