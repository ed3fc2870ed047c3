//! kameo 0.22, without its feature `tracing`: bounded mailboxes, a type per message.

use std::{any::type_name, convert::Infallible};

use ::kameo::{
    Actor,
    actor::{ActorRef, Spawn},
    mailbox,
    message::{Context, Message},
};

use super::{Cx, Framework, Role};

pub struct Kameo;

pub struct Host<R>(R);

struct Tell<M>(M);
struct Ask<Q>(Q);

impl<R: Role<Kameo>> Actor for Host<R> {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(host: Self, _ref: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(host)
    }
}

impl<R: Role<Kameo>> Message<Tell<R::Msg>> for Host<R> {
    type Reply = ();

    fn handle(
        &mut self,
        Tell(msg): Tell<R::Msg>,
        ctx: &mut Context<Self, ()>,
    ) -> impl Future<Output = ()> + Send {
        self.0.on(msg, ctx)
    }
}

impl<R: Role<Kameo>> Message<Ask<R::Question>> for Host<R> {
    type Reply = u64;

    async fn handle(&mut self, Ask(question): Ask<R::Question>, _ctx: &mut Context<Self, u64>) -> u64 {
        self.0.answer(question)
    }
}

impl<R: Role<Kameo>> Cx<Kameo, R> for Context<Host<R>, ()> {
    fn me(&self) -> ActorRef<Host<R>> {
        self.actor_ref().clone()
    }

    fn stop(&mut self) {
        Context::stop(self);
    }
}

impl Framework for Kameo {
    const NAME: &'static str = "kameo";

    type Ref<R: Role<Self>> = ActorRef<Host<R>>;

    async fn spawn<R: Role<Self>>(role: R, capacity: usize) -> Self::Ref<R> {
        Host::spawn_with_mailbox(Host(role), mailbox::bounded(capacity))
    }

    // `send` saves the box that awaiting the request itself takes.
    async fn tell<R: Role<Self>>(to: &Self::Ref<R>, msg: R::Msg) {
        assert!(
            to.tell(Tell(msg)).send().await.is_ok(),
            "{} was told something after its end",
            type_name::<R>()
        );
    }

    async fn ask<R: Role<Self>>(to: &Self::Ref<R>, question: R::Question) -> u64 {
        to.ask(Ask(question)).send().await.expect("a reply")
    }
}
