//! One mailbox of such a capacity, filled to its bound while its actor waits at a gate, and then drained.
//!
//! Twice: with messages of 8 bytes, and with messages of 64.

use std::{sync::Arc, time::Duration};

use postbox::{Actor, Context, Handler, Message, System, TryTellError};
use tokio::sync::Notify;

use super::{Cell, Found};
use crate::{
    kit::{Start, bytes, check, nanos, until_empty},
    memory,
};

/// What a mailbox may keep when it is idle again: its two buffers may hold 512 bytes each.
const LEFT: i64 = 1024;

struct Reader {
    /// The number of the message that is next.
    next: u64,
    held: Arc<Notify>,
    gate: Arc<Notify>,
}

impl Actor for Reader {}

/// Holds the actor up until the gate opens.
struct Hold;
/// A message of `8 × WORDS` bytes with a number.
struct Numbered<const WORDS: usize>([u64; WORDS]);
/// Asks for the number that is next, and begins again.
struct Next;

impl Message for Hold {
    type Reply = ();
}

impl<const WORDS: usize> Message for Numbered<WORDS> {
    type Reply = ();
}

impl Message for Next {
    type Reply = u64;
}

impl Handler<Hold> for Reader {
    async fn handle(&mut self, Hold: Hold, _ctx: &mut Context<Self>) {
        self.held.notify_one();
        self.gate.notified().await;
    }
}

impl<const WORDS: usize> Handler<Numbered<WORDS>> for Reader {
    async fn handle(&mut self, Numbered(words): Numbered<WORDS>, _ctx: &mut Context<Self>) {
        assert_eq!(words[0], self.next, "out of order");
        self.next += 1;
    }
}

impl Handler<Next> for Reader {
    async fn handle(&mut self, Next: Next, _ctx: &mut Context<Self>) -> u64 {
        std::mem::take(&mut self.next)
    }
}

pub async fn run(cell: Cell) -> Found {
    let mut found = Found::default();
    part::<1>(cell, &mut found, ["fill, 8 B", "drain, 8 B", "heap of a message of 8 B"]).await;
    part::<8>(cell, &mut found, ["fill, 64 B", "drain, 64 B", "heap of a message of 64 B"]).await;
    found
}

async fn part<const WORDS: usize>(cell: Cell, found: &mut Found, measures: [&'static str; 3]) {
    let times = cell.repeats(if cell.quick { 500_000 } else { 3_000_000 });
    let system = System::new("mailbox");
    let (held, gate) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let reader = Reader { next: 0, held: Arc::clone(&held), gate: Arc::clone(&gate) };
    let reader = reader.prepare().capacity(cell.count()).system(&system).spawn().expect("an actor");
    assert_eq!(reader.ask(Next).await.expect("an answer"), 0);
    let idle = {
        if cell.heap {
            memory::count_heap();
        }
        memory::heap()
    };
    let (mut fill, mut drain) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..times {
        reader.tell(Hold).await.expect("room");
        held.notified().await;
        let start = Start::now();
        for number in 0..cell.size {
            assert!(reader.try_tell(Numbered([number; WORDS])).is_ok(), "room for {}", cell.size);
        }
        fill += start.elapsed();
        let full = memory::heap() - idle;
        let more = reader.try_tell(Numbered([cell.size; WORDS]));
        assert!(matches!(more, Err(TryTellError::Full { .. })), "the bound is exact");
        let start = Start::now();
        gate.notify_one();
        assert_eq!(reader.ask(Next).await.expect("an answer"), cell.size);
        drain += start.elapsed();
        found.heap(cell, measures[2], bytes(full, cell.size));
    }
    // Another message or two, so that a mailbox that gives back late has had its occasion.
    for _ in 0..2 {
        assert_eq!(reader.ask(Next).await.expect("an answer"), 0);
    }
    // Memory is given back while the actor lives.
    memory::until_given_back(idle + LEFT).await;
    found.time(cell, measures[0], nanos(fill, times * cell.size));
    found.time(cell, measures[1], nanos(drain, times * cell.size));
    // The one that is put off at the bound is not accepted.
    check(&system, times * (cell.size + 2) + 3, 0).await;
    drop(reader);
    until_empty(&system).await;
}
