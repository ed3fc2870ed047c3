//! ractor 0.16, without its feature `message_span_propogation`: mailboxes without a bound, one enum of messages
//! per actor, a state beside the actor.

use std::{any::type_name, marker::PhantomData};

use ::ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, RpcReplyPort, call};

use super::{Cx, Framework, Role};

pub struct Ractor;

/// The state is the role.
pub struct Host<R>(PhantomData<fn() -> R>);

/// Where nothing is asked there is no second variant, since there is no question to put into it.
pub enum Letter<R: Role<Ractor>> {
    Tell(R::Msg),
    Ask(R::Question, RpcReplyPort<u64>),
}

impl<R: Role<Ractor>> Actor for Host<R> {
    type Msg = Letter<R>;
    type State = R;
    type Arguments = R;

    async fn pre_start(&self, _this: ActorRef<Letter<R>>, role: R) -> Result<R, ActorProcessingErr> {
        Ok(role)
    }

    async fn handle(
        &self,
        mut this: ActorRef<Letter<R>>,
        letter: Letter<R>,
        role: &mut R,
    ) -> Result<(), ActorProcessingErr> {
        match letter {
            Letter::Tell(msg) => role.on(msg, &mut this).await,
            Letter::Ask(question, reply) => reply.send(role.answer(question))?,
        }
        Ok(())
    }
}

impl<R: Role<Ractor>> Cx<Ractor, R> for ActorRef<Letter<R>> {
    fn me(&self) -> ActorRef<Letter<R>> {
        self.clone()
    }

    fn stop(&mut self) {
        ActorCell::stop(self, None);
    }
}

impl Framework for Ractor {
    const NAME: &'static str = "ractor";

    type Ref<R: Role<Self>> = ActorRef<Letter<R>>;

    async fn spawn<R: Role<Self>>(role: R, _unbounded: usize) -> Self::Ref<R> {
        let (actor, _task) = Host::<R>::spawn(None, Host(PhantomData), role).await.expect("an actor");
        actor
    }

    async fn tell<R: Role<Self>>(to: &Self::Ref<R>, msg: R::Msg) {
        assert!(to.cast(Letter::Tell(msg)).is_ok(), "{} was told something after its end", type_name::<R>());
    }

    async fn ask<R: Role<Self>>(to: &Self::Ref<R>, question: R::Question) -> u64 {
        call!(to, Letter::Ask, question).expect("a reply")
    }
}
