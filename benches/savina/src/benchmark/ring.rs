//! Thread ring: `N` actors in a ring pass one token on, `R` times; then a word to end goes once around.
//!
//! Measures one message at a time from actor to actor. Published: `N` = 100, `R` = 100,000.
//! One operation: a receipt of the token. Checked: the receipts that the actors have counted are `R`.
//! Full mailboxes: there is one message in the whole ring.

use std::time::Instant;

use crate::{
    framework::{Cx, Framework, Role, asked_nothing},
    kit::{CAPACITY, Report},
    plan::Sample,
};

/// `N`
const ACTORS: u64 = 100;

struct Station<F: Framework> {
    next: Option<F::Ref<Self>>,
    seen: u64,
    report: Option<Report<u64>>,
}

enum Pass<F: Framework> {
    Next(F::Ref<Station<F>>),
    /// So many receipts are to come after this one.
    Token(u64),
    /// So many stations are to end after this one; those before have seen so many tokens.
    End {
        left: u64,
        seen: u64,
    },
}

impl<F: Framework> Role<F> for Station<F> {
    type Msg = Pass<F>;

    async fn on(&mut self, msg: Pass<F>, cx: &mut impl Cx<F, Self>) {
        let next = match msg {
            Pass::Next(next) => {
                self.next = Some(next);
                return;
            }
            Pass::Token(0) => {
                self.seen += 1;
                Pass::End { left: ACTORS, seen: 0 }
            }
            Pass::Token(left) => {
                self.seen += 1;
                Pass::Token(left - 1)
            }
            Pass::End { left, seen } => {
                let seen = seen + self.seen;
                cx.stop();
                if left == 1 {
                    self.report.as_mut().expect("all have one").send(seen);
                    return;
                }
                Pass::End { left: left - 1, seen }
            }
        };
        F::tell(self.next.as_ref().expect("a ring"), next).await;
    }

    asked_nothing!();
}

pub async fn run<F: Framework>(receipts: u64) -> Sample {
    let mut ring = Vec::new();
    let mut results = Vec::new();
    for _ in 0..ACTORS {
        let (report, result) = Report::new();
        let station = Station::<F> { next: None, seen: 0, report: Some(report) };
        ring.push(F::spawn(station, CAPACITY).await);
        results.push(result);
    }
    for (at, from) in ring.iter().enumerate() {
        F::tell(from, Pass::Next(ring[(at + 1) % ring.len()].clone())).await;
    }
    // The token starts at the first, and the word to end at the one after whoever has it last; so the last to end
    // is the one that had the token last.
    let last = usize::try_from((receipts - 1) % ACTORS).expect("a place in the ring");
    let start = Instant::now();
    F::tell(&ring[0], Pass::Token(receipts - 1)).await;
    let seen = results.swap_remove(last).await.expect("the end of the game");
    let sample = Sample::since(start, receipts);
    assert_eq!(seen, receipts);
    sample
}
