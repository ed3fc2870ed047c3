//! The actor of the stress: everywhere in the trees, and does what the dice say.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use postbox::{ActorId, BoxError, Cause, Child, Message, prelude::*};
use tokio::{task, time};

use crate::{
    oracle::{Entry, Outcome, SeatBook, World, count, lock},
    plan::Rng,
};

/// How every panic of the plan begins.
pub(crate) const ON_PURPOSE: &str = "on purpose";

/// A message, whatever its type.
pub(crate) struct Parcel {
    pub(crate) entry: Arc<Entry>,
    world: Arc<World>,
    /// Who sent it: a number for each incarnation, and the actor.
    sender: (u64, Option<ActorId>),
    sequence: u64,
    /// What its handler does follows from it.
    seed: u64,
    /// How often what it sets off may go on.
    hops: u8,
}

impl Clone for Parcel {
    fn clone(&self) -> Self {
        self.world.parcels.fetch_add(1, Ordering::SeqCst);
        let Self { entry, world, sender, sequence, seed, hops } = self;
        let (entry, world) = (Arc::clone(entry), Arc::clone(world));
        Self { entry, world, sender: *sender, sequence: *sequence, seed: *seed, hops: *hops }
    }
}

impl Drop for Parcel {
    fn drop(&mut self) {
        self.world.parcels.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Declares nothing.
pub(crate) struct Job(pub(crate) Parcel);

impl Message for Job {
    type Reply = u64;
}

/// May be tried three times.
pub(crate) struct Errand(pub(crate) Parcel);

impl Message for Errand {
    type Reply = u64;
    const ATTEMPTS: u32 = 3;

    fn duplicate(&self) -> Option<Self> {
        Some(Self(self.0.clone()))
    }
}

trait Work: Message<Reply = u64> {
    fn of(parcel: Parcel) -> Self;
}

impl Work for Job {
    fn of(parcel: Parcel) -> Self {
        Self(parcel)
    }
}

impl Work for Errand {
    fn of(parcel: Parcel) -> Self {
        Self(parcel)
    }
}

/// What is asked at the end: whoever lives, answers.
pub(crate) struct Ping;

impl Message for Ping {
    type Reply = ();
}

/// A notice, as a message.
struct Gone(ActorId);

impl Message for Gone {
    type Reply = ();
}

/// Who sends, and how much so far.
pub(crate) struct Sender {
    key: u64,
    own: Option<ActorId>,
    next: u64,
}

impl Sender {
    pub(crate) fn new(world: &World, own: Option<ActorId>) -> Self {
        Self { key: world.number(), own, next: 0 }
    }

    fn is_outside(&self) -> bool {
        self.own.is_none()
    }

    fn parcel(&mut self, world: &Arc<World>, seed: u64, hops: u8) -> Parcel {
        self.next += 1;
        world.parcels.fetch_add(1, Ordering::SeqCst);
        Parcel {
            entry: world.entry(self.is_outside()),
            world: Arc::clone(world),
            sender: (self.key, self.own),
            sequence: self.next,
            seed,
            hops,
        }
    }
}

pub(crate) struct Node {
    world: Arc<World>,
    seat: Arc<SeatBook>,
    incarnation: u32,
    sender: Sender,
    rng: Rng,
    /// Whether the failure under way was charged before.
    later_attempt: bool,
}

/// Describes the child that belongs at a place.
pub(crate) fn node(
    world: &Arc<World>,
    seat: Arc<SeatBook>,
) -> Child<impl Fn() -> Result<Node, BoxError> + Send + Sync + use<>> {
    let plan = &world.plan.nodes[seat.place];
    let (restart, shutdown, capacity) = (plan.restart, plan.shutdown, plan.capacity);
    let world = Arc::clone(world);
    let makes = AtomicU64::new(world.plan.seed ^ seat.number.wrapping_mul(0x0123_4567_89AB_CDEF));
    child(plan.name.as_str(), move || make(&world, &seat, makes.fetch_add(1, Ordering::SeqCst)))
        .restart(restart)
        .shutdown(shutdown)
        .capacity(capacity)
}

fn make(world: &Arc<World>, seat: &Arc<SeatBook>, seed: u64) -> Result<Node, BoxError> {
    let incarnation = world.begins(seat);
    let mut rng = Rng::new(seed);
    let dice = rng.below(1_000);
    if !world.is_calm() && dice < 15 {
        world.ends(seat, true);
        count(&world.totals.failed_starts);
        assert!(dice < 8, "{ON_PURPOSE}: a factory");
        return Err("a factory that fails".into());
    }
    world.lives(seat);
    let (world, seat) = (Arc::clone(world), Arc::clone(seat));
    let sender = Sender::new(&world, None);
    Ok(Node { world, seat, incarnation, sender, rng, later_attempt: false })
}

impl Drop for Node {
    fn drop(&mut self) {
        self.world.is_gone(&self.seat);
        if !self.world.is_calm() && !std::thread::panicking() && self.rng.permille(10) {
            panic!("{ON_PURPOSE}: a drop");
        }
    }
}

impl Actor for Node {
    fn supervision(&self) -> Supervision {
        self.world.plan.nodes[self.seat.place].supervision.clone()
    }

    async fn started(&mut self, ctx: &mut Context<Self>) -> Result<(), BoxError> {
        let world = Arc::clone(&self.world);
        self.sender.own = Some(ctx.identity().id());
        world.sits(&self.seat, ctx.weak_ref());
        if self.rng.permille(100) {
            time::sleep(self.rng.millis(3)).await;
        }
        let plan = &world.plan.nodes[self.seat.place];
        for &place in &plan.children {
            let seat = world.seat(place, Some((Arc::clone(&self.seat), self.incarnation)));
            if let Err(error) = ctx.spawn_child(node(&world, seat)).await
                && plan.needs_children
                && !world.is_calm()
            {
                count(&world.totals.failed_starts);
                return Err(error.into());
            }
        }
        let dice = self.rng.below(1_000);
        if !world.is_calm() && dice < 15 {
            count(&world.totals.failed_starts);
            assert!(dice < 5, "{ON_PURPOSE}: a start");
            if dice < 10 {
                return Err("a start that fails".into());
            }
            return ctx.fail("a start that fails on purpose").await;
        }
        world.has_started(&self.seat);
        Ok(())
    }

    async fn stopped(&mut self, _ctx: &mut Context<Self>, reason: &StopReason) {
        let charged = match reason {
            StopReason::Failed(_) => !self.later_attempt,
            StopReason::RestartLimit(failure) => {
                count(&self.world.totals.escalations);
                if let Cause::RestartLimit { charged, limit, .. } = failure.cause()
                    && *charged != limit.max + 1
                {
                    self.world.wrong(format!("{failure}"));
                }
                true
            }
            StopReason::Killed | StopReason::Stopped => true,
            _ => false,
        };
        self.world.ends(&self.seat, charged);
        if self.world.is_calm() {
            return;
        }
        match self.rng.below(100) {
            0..3 => panic!("{ON_PURPOSE}: the end"),
            3..15 => time::sleep(self.rng.millis(4)).await,
            15..20 => task::yield_now().await,
            _ => {}
        }
    }

    async fn terminated(&mut self, ctx: &mut Context<Self>, of: postbox::Terminated) {
        self.told_of(of.identity.id(), ctx).await;
    }
}

impl Handler<Gone> for Node {
    async fn handle(&mut self, msg: Gone, ctx: &mut Context<Self>) {
        self.told_of(msg.0, ctx).await;
    }
}

impl Handler<Ping> for Node {
    async fn handle(&mut self, _msg: Ping, _ctx: &mut Context<Self>) {
        count(&self.world.pings);
    }
}

impl Handler<Job> for Node {
    async fn handle(&mut self, msg: Job, ctx: &mut Context<Self>) -> u64 {
        self.work(msg.0, 1, ctx).await
    }
}

impl Handler<Errand> for Node {
    async fn handle(&mut self, msg: Errand, ctx: &mut Context<Self>) -> u64 {
        self.work(msg.0, Errand::ATTEMPTS, ctx).await
    }
}

impl Node {
    async fn told_of(&mut self, who: ActorId, ctx: &mut Context<Self>) {
        self.later_attempt = false;
        self.world.noticed(&self.seat, who);
        if self.world.is_calm() {
            return;
        }
        match self.rng.below(100) {
            0..3 => panic!("{ON_PURPOSE}: a notice"),
            3..5 => ctx.fail("a notice that is too much").await,
            5..10 => task::yield_now().await,
            _ => {}
        }
    }

    /// What every handler does.
    async fn work(&mut self, parcel: Parcel, attempts: u32, ctx: &mut Context<Self>) -> u64 {
        let world = Arc::clone(&self.world);
        let attempt = world.taken(&self.seat, &parcel.entry, parcel.sender, parcel.sequence);
        let mut rng = Rng::new(parcel.seed.wrapping_add(u64::from(attempt)));
        for _ in 0..rng.below(4) {
            if world.is_calm() {
                break;
            }
            match rng.below(1_000) {
                0..70 => {
                    self.later_attempt = attempt > 1;
                    if attempt < attempts {
                        lock(&self.seat.pages).due = Some(Arc::clone(&parcel.entry));
                    }
                    assert!(rng.permille(300), "{ON_PURPOSE}: a handler");
                    return ctx.fail("a handler that fails").await;
                }
                70..170 => time::sleep(rng.millis(10)).await,
                170..250 => task::yield_now().await,
                250..550 if parcel.hops > 0 => {
                    step(&world, &mut self.sender, &mut rng, parcel.hops - 1).await;
                }
                550..680 => self.tie(&mut rng, ctx),
                680..720 => {
                    let (entry, number) = (Arc::clone(&parcel.entry), parcel.entry.number);
                    let (after, answers) = (rng.millis(5), rng.permille(700));
                    return ctx
                        .reply_later(move |reply: ReplyTo<u64>| {
                            world.handled(&entry);
                            // Ends with its timer.
                            drop(task::spawn(async move {
                                time::sleep(after).await;
                                let _late = answers.then(|| reply.send(number));
                            }));
                        })
                        .await;
                }
                720..730 => {
                    count(&world.totals.stops);
                    if rng.permille(500) { ctx.stop() } else { ctx.stop_now() }
                }
                _ => {}
            }
        }
        world.handled(&parcel.entry);
        parcel.entry.number
    }

    /// Watches somebody, or does so no more.
    fn tie(&self, rng: &mut Rng, ctx: &mut Context<Self>) {
        let Some((target, book)) = self.world.at(rng.place(self.world.plan.nodes.len())) else { return };
        if book.number == self.seat.number {
            return;
        }
        let target = target.handle();
        match rng.below(10) {
            0 => {
                if let Some(target) = self.world.unwatches(&self.seat) {
                    ctx.unwatch(&target);
                }
            }
            1..4 => {
                self.world.watches(&self.seat, &target, &book);
                ctx.watch_with(&target, |of| Gone(of.identity.id()));
            }
            _ => {
                self.world.watches(&self.seat, &target, &book);
                ctx.watch(&target);
            }
        }
    }
}

/// Sends something to somebody, or ends somebody.
pub(crate) async fn step(world: &Arc<World>, sender: &mut Sender, rng: &mut Rng, hops: u8) {
    let Some((to, _)) = world.at(rng.place(world.plan.nodes.len())) else {
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
            to.handle().stop();
        }
        24..36 => {
            count(&totals.stops);
            to.handle().stop_now();
        }
        36..80 => time::sleep(rng.millis(4)).await,
        80..120 => task::yield_now().await,
        dice => {
            let Some(to) = to.upgrade() else { return };
            if dice % 3 == 0 {
                send::<Errand>(world, sender, &to, rng, hops).await;
            } else {
                send::<Job>(world, sender, &to, rng, hops).await;
            }
        }
    }
}

async fn send<M: Work>(world: &Arc<World>, sender: &mut Sender, to: &ActorRef<Node>, rng: &mut Rng, hops: u8)
where
    Node: Handler<M>,
{
    let parcel = sender.parcel(world, rng.next(), hops);
    let entry = Arc::clone(&parcel.entry);
    let msg = M::of(parcel);
    let outcome = match rng.below(100) {
        0..30 => match to.tell(msg).timeout(rng.millis(20)).await {
            Ok(()) => Outcome::Told,
            Err(_) => Outcome::Refused,
        },
        30..55 => match to.try_tell(msg) {
            Ok(()) => Outcome::Told,
            Err(_) => Outcome::Refused,
        },
        55..75 => {
            count(&world.totals.asks);
            outcome(world, &entry, to.ask(msg).timeout(rng.millis(30)).await)
        }
        75..80 => {
            count(&world.totals.asks);
            outcome(world, &entry, to.try_ask(msg).timeout(rng.millis(30)).await)
        }
        // Without a deadline: it is resolved all the same. Only from outside, where no circle can wait.
        80..90 if sender.is_outside() => {
            count(&world.totals.asks);
            outcome(world, &entry, to.ask(msg).await)
        }
        _ => {
            count(&world.totals.asks);
            match time::timeout(rng.millis(10), to.ask(msg)).await {
                Ok(answer) => outcome(world, &entry, answer),
                Err(_) => Outcome::Dropped,
            }
        }
    };
    world.resolved(&entry, outcome);
}

fn outcome<M>(world: &World, entry: &Entry, answer: Result<u64, AskError<M>>) -> Outcome {
    match answer {
        Ok(number) => {
            if number != entry.number {
                world.wrong(format!("message {} was answered {number}", entry.number));
            }
            Outcome::Answered
        }
        Err(AskError::Full { .. } | AskError::WouldDeadlock { .. }) => Outcome::Refused,
        Err(AskError::Stopped { .. }) => Outcome::Returned,
        Err(AskError::Timeout { started: false, .. }) => Outcome::NeverStarted,
        Err(AskError::Timeout { started: true, .. }) => Outcome::Late,
        Err(AskError::Failed(_)) => Outcome::Failed,
        Err(AskError::NoReply { .. }) => Outcome::NoReply,
        Err(AskError::Aborted { .. }) => Outcome::Aborted,
        Err(error) => {
            world.wrong(format!("message {}: {error}", entry.number));
            Outcome::Dropped
        }
    }
}
