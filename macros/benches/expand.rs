//! What one `#[messages]` block costs the compiler: the expansion alone, of tokens to tokens, in a process of its own.
//!
//! ```sh
//! cargo bench -p postbox-macros
//! ```
//!
//! Fails when the quickest of the runs takes longer than [`MOST`]: the quickest, because it is the one that a busy
//! machine disturbs least. Inside the compiler each token is one of the compiler's own, which costs more; what a block
//! costs there, with all that is compiled of it, is measured by `.ci/build-cost`.

#![expect(clippy::print_stdout, reason = "a program that prints a table")]

/// The macros as they are. A crate of macros exports nothing else, so they are compiled once more.
#[expect(dead_code, unused_imports, reason = "the derives are not measured")]
#[path = "../src"]
mod macros {
    pub(crate) mod check;
    pub(crate) mod errors;
    pub(crate) mod expand;
    pub(crate) mod fallback;
    pub(crate) mod generics;
    pub(crate) mod krate;
    pub(crate) mod messages;
    pub(crate) mod options;
    pub(crate) mod owned;
    pub(crate) mod parse;
    pub(crate) mod reach;
    pub(crate) mod suggest;
}

use std::{
    fmt::Write as _,
    process::ExitCode,
    time::{Duration, Instant},
};

use proc_macro2::TokenStream;

use crate::macros::{
    check, errors, expand, fallback, generics, krate, messages, options, owned, parse, reach, suggest,
};

/// How many messages the block has.
const MESSAGES: usize = 30;

const RUNS: usize = 100;

/// How long it may take.
const MOST: Duration = Duration::from_millis(5);

/// A block as people write them: docs, two parameters, a reply, one in three async, one in five with an option.
fn block(messages: usize) -> String {
    let mut block = "impl Account {\n".to_owned();
    for n in 0..messages {
        let option = if n % 5 == 0 { "(derive(Clone, Debug))" } else { "" };
        let kind = if n % 3 == 0 { "async fn" } else { "fn" };
        writeln!(
            block,
            "    /// Does what number {n} does.
    #[message{option}]
    pub {kind} number_{n}(&mut self, amount: u64, to: Vec<String>) -> Result<u64, String> {{
        self.balance += amount + {n};
        if to.is_empty() {{ Err(\"nobody\".to_owned()) }} else {{ Ok(self.balance) }}
    }}"
        )
        .expect("a string takes all");
    }
    block + "}"
}

fn main() -> ExitCode {
    let tokens: TokenStream = block(MESSAGES).parse().expect("the block is Rust");
    let mut took: Vec<Duration> = Vec::with_capacity(RUNS);
    let mut made = 0;
    for _ in 0..RUNS {
        let tokens = tokens.clone();
        let begun = Instant::now();
        let expansion = messages::expand(TokenStream::new(), tokens);
        took.push(begun.elapsed());
        made = expansion.into_iter().count();
    }
    took.sort_unstable();
    let (least, median, most) = (took[0], took[RUNS / 2], took[RUNS - 1]);
    println!("#[messages] with {MESSAGES} messages: {made} tokens at the top of what it makes, {RUNS} runs");
    println!("least {least:.2?}, median {median:.2?}, most {most:.2?}; it may take {MOST:?}");
    // A block in which something was wrong would be expanded to an error, and sooner.
    let is_whole = made > MESSAGES * 10;
    if is_whole && least <= MOST { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
