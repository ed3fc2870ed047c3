//! The actor of the stress: everywhere in the trees, and does what the dice say.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use postbox::{ActorId, BoxError, Child, prelude::*};
use tokio::{task, time};

use crate::{
    by_hand,
    oracle::{SeatBook, Taken, Told, World, count},
    parcel::{Errand, Gone, Parcel, Ping, Post, Sender},
    plan::Rng,
    send::{call_back, step},
};

/// How every panic of the plan begins.
pub(crate) const ON_PURPOSE: &str = "on purpose";

pub(crate) struct Node {
    pub(crate) world: Arc<World>,
    pub(crate) seat: Arc<SeatBook>,
    pub(crate) incarnation: u32,
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
    let (restart, shutdown) = (plan.restart, plan.shutdown);
    let (capacity, overflow, significant) = (plan.capacity, plan.overflow, plan.significant);
    let world = Arc::clone(world);
    let makes = AtomicU64::new(world.plan.seed ^ seat.number.wrapping_mul(0x0123_4567_89AB_CDEF));
    let name = plan_name(&world, seat.place);
    let slot = Mutex::new(seat);
    child(name, move || make(&world, &slot, makes.fetch_add(1, Ordering::SeqCst)))
        .restart(restart)
        .shutdown(shutdown)
        .capacity(capacity)
        .overflow(overflow)
        .significant(significant)
}

fn plan_name(world: &World, place: usize) -> Arc<str> {
    world.plan.nodes[place].name.as_str().into()
}

/// Starts the free-standing actor that belongs at a place.
pub(crate) async fn start_free(world: &Arc<World>, system: &System, place: usize) {
    let seat = world.seat(place, None);
    let seed = world.plan.seed ^ seat.number;
    let (seat, incarnation) = world.begins(&Mutex::new(seat));
    let plan = &world.plan.nodes[place];
    let spawn = Node::new(world, seat, incarnation, Rng::new(seed)).prepare().system(system);
    let spawn = spawn.name(plan_name(world, place)).capacity(plan.capacity).overflow(plan.overflow);
    match spawn.start().await {
        Ok(node) => *world.owner(place) = Some(node),
        // It failed as it started, or was stopped or killed meanwhile.
        Err(SpawnError::Failed(_) | SpawnError::Ended { .. }) => {}
        Err(error) => world.wrong(error.to_string()),
    }
}

fn make(world: &Arc<World>, slot: &Mutex<Arc<SeatBook>>, seed: u64) -> Result<Node, BoxError> {
    let (seat, incarnation) = world.begins(slot);
    let mut rng = Rng::new(seed);
    let dice = rng.below(1_000);
    if !world.is_calm() && dice < 15 {
        world.ends(&seat, true);
        count(&world.totals.failed_starts);
        assert!(dice < 8, "{ON_PURPOSE}: a factory");
        return Err("a factory that fails".into());
    }
    Ok(Node::new(world, seat, incarnation, rng))
}

impl Node {
    fn new(world: &Arc<World>, seat: Arc<SeatBook>, incarnation: u32, rng: Rng) -> Self {
        world.lives(&seat);
        let sender = Sender::new(world, None);
        Self { world: Arc::clone(world), seat, incarnation, sender, rng, later_attempt: false }
    }
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

    async fn stopped(&mut self, ctx: &mut Context<Self>, reason: &StopReason) {
        self.world.stops(&self.seat, ctx.identity().id(), reason, self.later_attempt);
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

impl<const TRIES: u32, const URGENT: bool> Handler<Post<TRIES, URGENT>> for Node {
    async fn handle(&mut self, msg: Post<TRIES, URGENT>, ctx: &mut Context<Self>) -> u64 {
        let taken = self.world.taken(&self.seat, &msg.0.entry);
        match msg.0.errand {
            Errand::Unstash { all } => {
                self.unstash(all, ctx);
                self.world.handled(&msg.0.entry);
                msg.0.entry.number
            }
            Errand::Work { seed, .. } => {
                let mut rng = Rng::new(seed.wrapping_add(u64::from(taken.run)));
                if self.puts_aside(&msg.0, &mut rng, ctx) {
                    if rng.permille(300) {
                        task::yield_now().await;
                    }
                    self.world.puts_aside(&self.seat, &msg.0.entry);
                    call_back(&self.world, ctx.weak_ref(), &self.seat, &mut rng);
                    return ctx.stash(msg).await;
                }
                self.work(msg.0, rng, TRIES, taken, ctx).await
            }
        }
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

    /// Whether this is not the time for the message. It must leave room for the one that calls it back.
    fn puts_aside(&self, parcel: &Parcel, rng: &mut Rng, ctx: &Context<Self>) -> bool {
        let capacity = self.world.plan.nodes[self.seat.place].capacity;
        rng.permille(120)
            && !self.world.is_calm()
            && parcel.entry.asides() < 3
            && ctx.stashed() + 2 <= capacity
    }

    fn unstash(&self, all: bool, ctx: &mut Context<Self>) {
        self.world.unstashes(&self.seat, if all { usize::MAX } else { 1 });
        if all { ctx.unstash_all() } else { ctx.unstash_one() }
    }

    /// What every handler does.
    async fn work(
        &mut self,
        parcel: Parcel,
        mut rng: Rng,
        tries: u32,
        taken: Taken,
        ctx: &mut Context<Self>,
    ) -> u64 {
        let world = Arc::clone(&self.world);
        let Taken { attempt, .. } = taken;
        let Errand::Work { hops, .. } = parcel.errand else { return parcel.entry.number };
        for _ in 0..rng.below(4) {
            if world.is_calm() {
                break;
            }
            match rng.below(1_000) {
                0..70 => {
                    self.later_attempt = attempt > 1;
                    if attempt < tries {
                        world.is_due(&self.seat, &parcel.entry);
                    }
                    assert!(rng.permille(300), "{ON_PURPOSE}: a handler");
                    return ctx.fail("a handler that fails").await;
                }
                70..170 => time::sleep(rng.millis(10)).await,
                170..250 => task::yield_now().await,
                250..550 if hops > 0 => {
                    step(&world, &mut self.sender, &mut rng, hops - 1).await;
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
                    if rng.permille(500) {
                        self.seat.is_told(Told::Stop);
                        ctx.stop();
                    } else {
                        self.seat.is_told(Told::StopNow);
                        ctx.stop_now();
                    }
                }
                730..760 => self.unstash(rng.permille(500), ctx),
                760..780 => by_hand::by_parent(self, ctx, &mut rng).await,
                _ => {}
            }
        }
        world.handled(&parcel.entry);
        parcel.entry.number
    }

    /// Watches somebody or is linked to somebody, or is so no more.
    fn tie(&self, rng: &mut Rng, ctx: &mut Context<Self>) {
        let own = ctx.identity().id();
        let Some((target, book)) = self.world.at(rng.place(self.world.plan.nodes.len())) else { return };
        if target.identity().id() == own {
            return;
        }
        let target = target.handle();
        match rng.below(24) {
            0 | 1 => {
                if let Some(target) = self.world.unwatches(&self.seat) {
                    ctx.unwatch(&target);
                }
            }
            2..4 => {
                self.world.links(&self.seat, own, &target);
                ctx.link(&target);
            }
            4 => {
                if let Some(target) = self.world.any_link(own, rng.place(100)) {
                    self.world.unlinks(&self.seat, own, &target);
                    ctx.unlink(&target);
                }
            }
            5..9 => {
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
