//! Children managed by hand: what OTP's calls answer, and what must be true after them.

use std::sync::{Arc, atomic::AtomicU64};

use postbox::{Child, ChildError, Handle, Restart, SpawnError, Status, prelude::*};

use crate::{
    node::{Node, node},
    oracle::{SeatBook, Told, World, count},
    plan::Rng,
};

/// A supervisor, as the one who manages its children sees it.
trait Parent {
    /// Whether nobody else does.
    const ALONE: bool;

    fn known(&self) -> Vec<Handle>;
    fn stop(&mut self, name: &str) -> impl Future<Output = Result<(), ChildError>> + Send;
    fn restart(&mut self, name: &str) -> impl Future<Output = Result<Handle, ChildError>> + Send;
    fn delete(&mut self, name: &str) -> Result<(), ChildError>;
    fn start<F>(&mut self, child: Child<F>) -> impl Future<Output = Result<(), SpawnError>> + Send
    where
        F: Fn() -> Result<Node, BoxError> + Send + Sync + 'static;
}

impl Parent for Context<Node> {
    const ALONE: bool = true;

    fn known(&self) -> Vec<Handle> {
        self.children()
    }

    fn stop(&mut self, name: &str) -> impl Future<Output = Result<(), ChildError>> + Send {
        self.stop_child(name)
    }

    fn restart(&mut self, name: &str) -> impl Future<Output = Result<Handle, ChildError>> + Send {
        self.restart_child(name)
    }

    fn delete(&mut self, name: &str) -> Result<(), ChildError> {
        self.delete_child(name)
    }

    async fn start<F>(&mut self, child: Child<F>) -> Result<(), SpawnError>
    where
        F: Fn() -> Result<Node, BoxError> + Send + Sync + 'static,
    {
        self.spawn_child(child).await.map(drop)
    }
}

impl Parent for ActorRef<Supervisor> {
    const ALONE: bool = false;

    fn known(&self) -> Vec<Handle> {
        self.children()
    }

    fn stop(&mut self, name: &str) -> impl Future<Output = Result<(), ChildError>> + Send {
        self.stop_child(name)
    }

    fn restart(&mut self, name: &str) -> impl Future<Output = Result<Handle, ChildError>> + Send {
        self.restart_child(name)
    }

    fn delete(&mut self, name: &str) -> Result<(), ChildError> {
        self.delete_child(name)
    }

    async fn start<F>(&mut self, child: Child<F>) -> Result<(), SpawnError>
    where
        F: Fn() -> Result<Node, BoxError> + Send + Sync + 'static,
    {
        self.spawn(child).await.map(drop)
    }
}

/// A node does something about one of its children.
pub(crate) async fn by_parent(node: &Node, ctx: &mut Context<Node>, rng: &mut Rng) {
    let world = &node.world;
    let children = &world.plan.nodes[node.seat.place].children;
    if children.is_empty() {
        return;
    }
    let place = children[rng.place(children.len())];
    manage(world, ctx, Some((Arc::clone(&node.seat), node.incarnation)), place, rng).await;
}

/// Somebody outside does something about one of the trees.
pub(crate) async fn from_outside(world: &Arc<World>, top: &ActorRef<Supervisor>, rng: &mut Rng) {
    let roots = world.plan.nodes.iter().filter(|node| node.parent.is_none() && !node.free).count();
    manage(world, &mut top.clone(), None, rng.place(roots), rng).await;
}

/// Stops a child, and has it start again in the one way or the other. Or tries to without having stopped it.
async fn manage<P: Parent>(
    world: &Arc<World>,
    parent: &mut P,
    as_parent: Option<(Arc<SeatBook>, u32)>,
    place: usize,
    rng: &mut Rng,
) {
    let name = &world.plan.nodes[place].name;
    let old = parent.known().into_iter().find(|of| of.identity().name() == Some(name));
    let stops = rng.permille(850);
    if stops {
        if let Some(book) = old.as_ref().and_then(|old| world.book(old.identity().id())) {
            book.is_told(Told::ByHand);
        }
        let stopped = parent.stop(name).await;
        let case = Case { world, place, old: &old, alone: P::ALONE };
        if !case.holds(&stopped, &world.totals.stopped_by_hand, "stop") {
            return;
        }
    }
    let case = Case { world, place, old: &old, alone: P::ALONE && stops };
    match rng.below(40) {
        0..20 => {
            let restarted = parent.restart(name).await;
            if let (Ok(new), Some(old)) = (&restarted, &old)
                && new == old
            {
                world.wrong(format!("{new:?} was restarted by hand, and is the old one"));
            }
            case.holds(&restarted, &world.totals.restarted_by_hand, "restart");
        }
        20..39 => {
            let deleted = parent.delete(name);
            if case.holds(&deleted, &world.totals.deleted, "delete") {
                let started = parent.start(node(world, world.seat(place, as_parent))).await;
                if P::ALONE && matches!(started, Err(SpawnError::DuplicateChild { .. })) {
                    world.wrong(format!("{name} was deleted, and is there"));
                }
            }
        }
        _ => {}
    }
}

/// One child, of whom something is asked.
struct Case<'a> {
    world: &'a World,
    place: usize,
    /// Who sat there before.
    old: &'a Option<Handle>,
    /// Whether nobody else can have changed what the answer depends on.
    alone: bool,
}

impl Case<'_> {
    /// Whether it was done. If so, there is nothing left of the old one; if not, the answer says why.
    fn holds<T>(&self, answer: &Result<T, ChildError>, done: &AtomicU64, what: &str) -> bool {
        let name = &self.world.plan.nodes[self.place].name;
        // One that is temporary is forgotten when it ends, or has ended before it had started.
        let has_served =
            |old: &Handle| self.world.book(old.identity().id()).is_some_and(|book| book.has_served());
        let known = self.old.as_ref().is_some_and(has_served)
            && self.world.plan.nodes[self.place].restart != Restart::Temporary;
        let fits = match answer {
            Ok(_) => {
                count(done);
                self.old.as_ref().is_none_or(|old| {
                    let ledger = old.ledger();
                    old.status() == Status::Ended && ledger.accepted == ledger.settled()
                })
            }
            Err(ChildError::NotFound { .. }) => !known || !self.alone,
            Err(ChildError::Running { .. } | ChildError::Restarting { .. }) => what != "stop" && !self.alone,
            Err(ChildError::Spawn(_)) => what == "restart",
            Err(_) => true,
        };
        if !fits {
            let answer = answer.as_ref().map(drop);
            self.world.wrong(format!("{what} of {name}, which was {:?}: {answer:?}", self.old));
        }
        answer.is_ok()
    }
}
