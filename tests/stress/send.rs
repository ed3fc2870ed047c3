//! Who sends what to whom, and what senders are told.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use postbox::{ActorRef, Reason, TellError, TryTellError, WeakRef, prelude::*};
use tokio::{
    task,
    time::{self, Instant},
};

use crate::{
    node::Node,
    oracle::{Entry, Outcome, SeatBook, Told, World, count},
    parcel::{Errand, Post, Sender, TRIES},
    plan::Rng,
};

/// Sends something to somebody, or ends somebody.
pub(crate) async fn step(world: &Arc<World>, sender: &mut Sender, rng: &mut Rng, hops: u8) {
    let Some((to, book)) = world.at(rng.place(world.plan.nodes.len())) else {
        return task::yield_now().await;
    };
    let totals = &world.totals;
    match rng.below(1_000) {
        0..12 => {
            count(&totals.kills);
            to.handle().kill();
        }
        12..24 => {
            count(&totals.stops);
            book.is_told(Told::Stop);
            to.handle().stop();
        }
        24..36 => {
            count(&totals.stops);
            book.is_told(Told::StopNow);
            to.handle().stop_now();
        }
        36..80 => time::sleep(rng.millis(4)).await,
        80..120 => task::yield_now().await,
        // More urgent ones in a row than may be taken before the others.
        120..126 if sender.is_outside() => {
            let Some(to) = to.upgrade() else { return };
            for _ in 0..16 {
                let errand = Errand::Work { seed: rng.next(), hops: 0 };
                let Post(parcel) = sender.post::<1, true>(world, &book, errand, None);
                let entry = Arc::clone(&parcel.entry);
                let told = to.tell(Post::<1, true>(parcel)).timeout(Duration::from_millis(5)).await;
                world.resolved(&entry, told_with(told));
            }
        }
        dice => {
            let Some(to) = to.upgrade() else { return };
            let errand = Errand::Work { seed: rng.next(), hops };
            let at = At { world, to: &to, book: &book };
            match dice % 9 {
                0..4 => send::<1, false>(at, sender, errand, rng).await,
                4..7 => send::<TRIES, false>(at, sender, errand, rng).await,
                7 => send::<1, true>(at, sender, errand, rng).await,
                _ => send::<TRIES, true>(at, sender, errand, rng).await,
            }
        }
    }
}

/// Where a message goes.
#[derive(Clone, Copy)]
struct At<'a> {
    world: &'a Arc<World>,
    to: &'a ActorRef<Node>,
    book: &'a Arc<SeatBook>,
}

async fn send<const TRIES: u32, const URGENT: bool>(
    At { world, to, book }: At<'_>,
    sender: &mut Sender,
    errand: Errand,
    rng: &mut Rng,
) {
    // Never of zero: such a one is refused, which is nothing to find out here.
    let life = rng.permille(300).then(|| Duration::from_millis(1 + rng.below(12)));
    let post = sender.post::<TRIES, URGENT>(world, book, errand, life.map(|life| Instant::now() + life));
    let entry = Arc::clone(&post.0.entry);
    let (patience, way) = (rng.millis(30), rng.below(100));
    let outcome = if way < 55 {
        let tell = to.tell(post);
        let tell = if let Some(life) = life { tell.deadline(life) } else { tell };
        match way {
            0..30 => told_with(tell.timeout(patience).await),
            _ => match tell.now() {
                Ok(()) => Outcome::Told,
                Err(TryTellError::Full { .. }) => Outcome::Full,
                Err(_) => Outcome::Refused,
            },
        }
    } else {
        count(&world.totals.asks);
        let ask = to.ask(post);
        let ask = if let Some(life) = life { ask.deadline(life) } else { ask };
        match way {
            55..75 => answered_with(world, &entry, ask.timeout(patience).await),
            75..80 => answered_with(world, &entry, ask.now().timeout(patience).await),
            // Without a deadline: it is resolved all the same. Only from outside, where no circle can wait.
            80..90 if sender.is_outside() => answered_with(world, &entry, ask.await),
            _ => match time::timeout(patience / 3, ask).await {
                Ok(answer) => answered_with(world, &entry, answer),
                Err(_) => Outcome::Dropped,
            },
        }
    };
    world.resolved(&entry, outcome);
}

fn told_with<M>(told: Result<(), TellError<M>>) -> Outcome {
    match told {
        Ok(()) => Outcome::Told,
        Err(_) => Outcome::Refused,
    }
}

fn answered_with<M>(world: &World, entry: &Entry, answer: Result<u64, AskError<M>>) -> Outcome {
    match answer {
        Ok(number) => {
            if number != entry.number {
                world.wrong(format!("message {} was answered {number}", entry.number));
            }
            Outcome::Answered
        }
        Err(AskError::Full { .. }) => Outcome::Full,
        Err(AskError::WouldDeadlock { .. }) => Outcome::Refused,
        Err(AskError::Stopped { .. }) => Outcome::Returned,
        Err(AskError::Timeout { started: false, .. }) => Outcome::NeverStarted,
        Err(AskError::Timeout { started: true, .. }) => Outcome::Late,
        Err(AskError::Failed(_)) => Outcome::Failed,
        Err(AskError::NoReply { .. }) => Outcome::NoReply,
        Err(AskError::Aborted { .. }) => Outcome::Aborted,
        Err(AskError::Discarded { reason: Reason::Evicted, .. }) => Outcome::Evicted,
        Err(AskError::Discarded { reason: Reason::Overflow, .. }) => Outcome::Overflowed,
        Err(error) => {
            world.wrong(format!("message {}: {error}", entry.number));
            Outcome::Dropped
        }
    }
}

/// Has what is put aside called back in a while, by a message that comes through whatever happens.
pub(crate) fn call_back(world: &Arc<World>, to: WeakRef<Node>, book: &Arc<SeatBook>, rng: &mut Rng) {
    let (world, book) = (Arc::clone(world), Arc::clone(book));
    // Never at once: nothing else might happen meanwhile.
    let (after, all) = (Duration::from_millis(1 + rng.below(6)), rng.permille(600));
    world.under_way.fetch_add(1, Ordering::SeqCst);
    // Ends when it is answered, or the actor has ended.
    drop(task::spawn(async move {
        let mut sender = Sender::new(&world, None);
        loop {
            time::sleep(after).await;
            let Some(to) = to.upgrade() else { break };
            let post = sender.post::<1, false>(&world, &book, Errand::Unstash { all }, None);
            let entry = Arc::clone(&post.0.entry);
            let outcome = answered_with(&world, &entry, to.ask(post).await);
            world.resolved(&entry, outcome);
            if matches!(outcome, Outcome::Answered | Outcome::Returned) {
                break;
            }
        }
        world.under_way.fetch_sub(1, Ordering::SeqCst);
    }));
}
