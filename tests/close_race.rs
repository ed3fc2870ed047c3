//! The race of senders against the end of an actor: every `Ok` has one fate, every `Err` its message.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt as _;
use postbox::{DeadLetter, Ledger, Reason, prelude::*};
use tokio::{sync::Barrier, task::JoinSet};

const SENDERS: usize = 16;
const EACH: usize = 6;

/// What is known of each message of a round, one entry a message. Each is raised where it happens.
#[derive(Default)]
struct Entry {
    /// Times its handler came to its end.
    handled: AtomicU8,
    /// Times it was found in a dead letter.
    buried: AtomicU8,
    /// Times its sender got it back.
    refused: AtomicU8,
    /// Times its asker was told that its handler was cut.
    aborted: AtomicU8,
    /// Times it was dropped.
    dropped: AtomicU8,
}

struct Table {
    entries: Vec<Entry>,
    accepted: AtomicU64,
}

impl Table {
    fn new() -> Arc<Self> {
        let entries = (0..SENDERS * EACH).map(|_| Entry::default()).collect();
        Arc::new(Self { entries, accepted: AtomicU64::new(0) })
    }
}

fn raise(count: &AtomicU8) {
    count.fetch_add(1, Ordering::Relaxed);
}

/// A message that knows its entry.
struct Numbered {
    number: usize,
    table: Arc<Table>,
}

impl Numbered {
    fn entry(&self) -> &Entry {
        &self.table.entries[self.number]
    }
}

impl Message for Numbered {
    type Reply = usize;
}

impl Drop for Numbered {
    fn drop(&mut self) {
        raise(&self.entry().dropped);
    }
}

/// Handles a message with an await in the middle, where a kill can cut it.
struct Slow;

impl Actor for Slow {
    const CAPACITY: usize = 4;
}

impl Handler<Numbered> for Slow {
    async fn handle(&mut self, msg: Numbered, _ctx: &mut Context<Self>) -> usize {
        if msg.number.is_multiple_of(3) {
            tokio::task::yield_now().await;
        }
        raise(&msg.entry().handled);
        msg.number
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Stop,
    StopNow,
    Kill,
    LastReference,
}

/// Sends until it is refused. `sender` chooses the way.
async fn send(sender: usize, to: ActorRef<Slow>, table: Arc<Table>) {
    for at in 0..EACH {
        let number = sender * EACH + at;
        let msg = Numbered { number, table: Arc::clone(&table) };
        let refused = match sender % 4 {
            0 => match to.try_tell(msg) {
                Ok(()) => None,
                Err(TryTellError::Full { msg, .. }) => {
                    // Full is no end.
                    assert_eq!(msg.number, number);
                    raise(&msg.entry().refused);
                    tokio::task::yield_now().await;
                    continue;
                }
                Err(error) => Some(error.into_message()),
            },
            1 | 2 => to.tell(msg).await.err().map(TellError::into_message),
            _ => match ask(&to, msg).await {
                Asked::Through => None,
                Asked::Refused(msg) => Some(msg),
                Asked::Ended => return,
            },
        };
        match refused {
            None => {
                table.accepted.fetch_add(u64::from(sender % 4 != 3), Ordering::Relaxed);
            }
            Some(msg) => {
                assert_eq!(msg.number, number, "the message in the error");
                raise(&msg.entry().refused);
                return;
            }
        }
    }
}

enum Asked {
    Through,
    Refused(Numbered),
    /// After the message had been accepted.
    Ended,
}

async fn ask(to: &ActorRef<Slow>, msg: Numbered) -> Asked {
    let (number, table) = (msg.number, Arc::clone(&msg.table));
    // Offered at once, so that it is known whether it was accepted.
    let outcome = to.try_ask(msg).await;
    match outcome {
        Ok(reply) => {
            assert_eq!(reply, number);
            table.accepted.fetch_add(1, Ordering::Relaxed);
            Asked::Through
        }
        Err(AskError::Full { msg, .. }) => {
            raise(&msg.entry().refused);
            tokio::task::yield_now().await;
            Asked::Through
        }
        Err(AskError::Stopped { msg, .. }) => {
            assert_eq!(msg.number, number);
            Asked::Refused(msg)
        }
        Err(AskError::Aborted { .. }) => {
            raise(&table.entries[number].aborted);
            table.accepted.fetch_add(1, Ordering::Relaxed);
            Asked::Ended
        }
        Err(error) => panic!("{error}"),
    }
}

/// One actor, sixteen senders, one end, all let loose at the same time.
async fn round(number: usize, end: End) -> Ledger {
    let system = System::new("race");
    let mut letters = system.dead_letters().subscribe(SENDERS * EACH);
    let table = Table::new();
    let actor = Slow.prepare().system(&system).spawn().unwrap();
    let handle = actor.handle();
    let start = Arc::new(Barrier::new(SENDERS + 1));
    let mut senders = JoinSet::new();
    for sender in 0..SENDERS {
        let (actor, table, start) = (actor.clone(), Arc::clone(&table), Arc::clone(&start));
        senders.spawn(async move {
            start.wait().await;
            send(sender, actor, table).await;
        });
    }
    start.wait().await;
    // Another moment in each round.
    for _ in 0..number % 7 {
        tokio::task::yield_now().await;
    }
    match end {
        End::Stop => actor.stop(),
        End::StopNow => handle.stop_now(),
        End::Kill => actor.kill(),
        End::LastReference => {}
    }
    drop(actor);
    if end == End::LastReference {
        // The senders have the last references.
        senders.join_all().await;
        assert!(handle.ended().await.is_normal());
    } else {
        handle.ended().await;
        // I5: once the closer has returned nothing accepted is without a fate, whatever the senders do.
        let ledger = handle.ledger();
        assert!(ledger.balances() && ledger.accepted == ledger.settled(), "{end:?} {number}: {ledger}");
        senders.join_all().await;
        assert_eq!(handle.ledger(), ledger, "nothing is accepted, and nothing happens, after the end");
    }

    let mut tombstones = 0;
    while let Some(Some(letter)) = letters.next().now_or_never() {
        tombstones += u64::from(bury(&letter, end));
    }
    assert_eq!(letters.missed(), 0);
    check(&table, handle.ledger(), tombstones, &format!("{end:?} {number}"));
    assert_eq!(system.ledger(), handle.ledger());
    assert_eq!(system.dead_letters().count(Reason::Leaked), 0);
    system.ledger()
}

/// Notes the fate in the table. True: the letter is without a message.
fn bury(letter: &DeadLetter, end: End) -> bool {
    let Some(msg) = letter.take_message::<Numbered>() else {
        assert_eq!((letter.reason(), letter.attempts()), (Reason::Aborted, 1));
        return true;
    };
    let expected = if end == End::Kill { Reason::Killed } else { Reason::Stopped };
    assert_eq!((letter.reason(), letter.attempts()), (expected, 0));
    raise(&msg.entry().buried);
    false
}

/// Every message has exactly one fate, and the ledger counts the same.
fn check(table: &Table, ledger: Ledger, tombstones: u64, what: &str) {
    let (mut handled, mut buried, mut cut) = (0, 0, 0);
    for (number, entry) in table.entries.iter().enumerate() {
        let read = |count: &AtomicU8| u64::from(count.load(Ordering::Relaxed));
        let (sent, fates) =
            (read(&entry.dropped), read(&entry.handled) + read(&entry.buried) + read(&entry.refused));
        assert!(fates <= sent && sent <= 1, "{what}: message {number} has {fates} fates and {sent} drops");
        handled += read(&entry.handled);
        buried += read(&entry.buried);
        // A handler that is cut drops its message, and cannot say more.
        cut += sent - fates;
        assert!(read(&entry.aborted) <= sent - fates, "{what}: message {number} was not cut");
    }
    assert!(tombstones <= 1, "{what}: one message is in hand at a time");
    assert_eq!(cut, tombstones, "{what}: messages without a fate");
    assert_eq!((ledger.handled, ledger.dead), (handled, buried + tombstones), "{what}: {ledger}");
    // An ask that was taken back after it had been accepted looks to its caller like one that was refused.
    let known = table.accepted.load(Ordering::Relaxed);
    assert_eq!(ledger.accepted, known + ledger.returned, "{what}: {ledger}");
}

async fn rounds(count: usize, end: impl Fn(usize) -> End) -> Ledger {
    let mut sum = Ledger::default();
    let all = async {
        for number in 0..count {
            sum += round(number, end(number)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), all).await.expect("a round hangs, or all are slow");
    sum
}

/// contract I1, I2, I3, I5: close races with send in no interleaving
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn close_against_sixteen_senders() {
    let sum = rounds(10_000, |number| [End::Stop, End::StopNow, End::Kill][number % 3]).await;
    // The race was one: messages met every fate there is.
    assert!(sum.handled > 0 && sum.dead > 0 && sum.returned > 0, "{sum}");
}

/// contract §7: when the last reference is gone the actor drains and stops
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_last_reference_against_the_last_message() {
    let sum = rounds(500, |_| End::LastReference).await;
    assert_eq!((sum.accepted, sum.dead, sum.returned), (sum.handled, 0, 0), "{sum}");
}
