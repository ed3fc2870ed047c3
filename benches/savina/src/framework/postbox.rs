//! This crate. `HAND_OFF`: with actors that run in the poll of the one that told them.

use std::any::type_name;

use ::postbox::{Actor, ActorRef, Context, Handler, Message, Reason, System};

use super::{Cx, Framework, Role};
use crate::plan::{Rt, Sample};

pub struct Postbox<const HAND_OFF: bool = false>;

pub struct Host<R, const HAND_OFF: bool>(R);

struct Tell<M>(M);
struct Ask<Q>(Q);

impl<M: Send + 'static> Message for Tell<M> {
    type Reply = ();
}

impl<Q: Send + 'static> Message for Ask<Q> {
    type Reply = u64;
}

impl<R: Role<Postbox<H>>, const H: bool> Actor for Host<R, H> {
    const HAND_OFF: bool = H;
}

impl<R: Role<Postbox<H>>, const H: bool> Handler<Tell<R::Msg>> for Host<R, H> {
    fn handle(
        &mut self,
        Tell(msg): Tell<R::Msg>,
        ctx: &mut Context<Self>,
    ) -> impl Future<Output = ()> + Send {
        self.0.on(msg, ctx)
    }
}

impl<R: Role<Postbox<H>>, const H: bool> Handler<Ask<R::Question>> for Host<R, H> {
    async fn handle(&mut self, Ask(question): Ask<R::Question>, _ctx: &mut Context<Self>) -> u64 {
        self.0.answer(question)
    }
}

impl<R: Role<Postbox<H>>, const H: bool> Cx<Postbox<H>, R> for Context<Host<R, H>> {
    fn me(&self) -> ActorRef<Host<R, H>> {
        self.actor_ref()
    }

    fn stop(&mut self) {
        Context::stop(self);
    }
}

impl<const H: bool> Framework for Postbox<H> {
    const NAME: &'static str = if H { "postbox+hand_off" } else { "postbox" };

    type Ref<R: Role<Self>> = ActorRef<Host<R, H>>;

    async fn spawn<R: Role<Self>>(role: R, capacity: usize) -> Self::Ref<R> {
        Host(role).prepare().capacity(capacity).spawn().expect("a runtime, and room for one message")
    }

    async fn tell<R: Role<Self>>(to: &Self::Ref<R>, msg: R::Msg) {
        assert!(to.tell(Tell(msg)).await.is_ok(), "{} was told something after its end", type_name::<R>());
    }

    async fn ask<R: Role<Self>>(to: &Self::Ref<R>, question: R::Question) -> u64 {
        to.ask(Ask(question)).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Also holds the ledger against the promise.
    fn run(rt: Rt, driver: impl Future<Output = Sample> + Send + 'static) -> Sample {
        let sample = rt.run(driver);
        let system = System::current();
        let ledger = system.ledger();
        assert!(ledger.balances(), "{ledger}");
        assert_eq!(system.dead_letters().count(Reason::Leaked), 0, "{ledger}");
        assert_eq!(ledger.dead, 0, "no benchmark leaves a message without a handler: {ledger}");
        sample
    }
}
