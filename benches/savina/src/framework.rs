//! What a framework must be able to do for the benchmarks, and a module per framework that says how it does it.

pub mod kameo;
pub mod postbox;
pub mod ractor;

use crate::plan::{Rt, Sample};

/// Actors as all thirteen benchmarks use them. The roles in `benchmark/` are the same code for all frameworks; a
/// framework says how to host a role, how to tell it something, and how to ask it. Everything is known when it is
/// compiled: nothing is boxed and nothing is called through a pointer that the framework itself does not box.
pub trait Framework: Sized + 'static {
    /// As it is called in the output.
    const NAME: &'static str;

    /// A reference to an actor that plays `R`.
    type Ref<R: Role<Self>>: Clone + Send + Sync + 'static;

    /// Starts an actor. Its mailbox holds `capacity` messages, if the framework has mailboxes with a bound.
    fn spawn<R: Role<Self>>(role: R, capacity: usize) -> impl Future<Output = Self::Ref<R>> + Send;

    /// Tells it `msg`, and waits for room where the framework can wait.
    fn tell<R: Role<Self>>(to: &Self::Ref<R>, msg: R::Msg) -> impl Future<Output = ()> + Send;

    /// Asks it, and waits for the answer.
    fn ask<R: Role<Self>>(to: &Self::Ref<R>, question: R::Question) -> impl Future<Output = u64> + Send;

    /// Runs one sample in a fresh runtime.
    fn run(rt: Rt, driver: impl Future<Output = Sample> + Send + 'static) -> Sample {
        rt.run(driver)
    }
}

/// What an actor of a benchmark does, whatever the framework.
pub trait Role<F: Framework>: Sized + Send + 'static {
    /// What it can be told.
    type Msg: Send + 'static;
    /// What it can be asked; [`Never`] for most.
    type Question: Send + 'static;

    /// Handles a message.
    fn on(&mut self, msg: Self::Msg, cx: &mut impl Cx<F, Self>) -> impl Future<Output = ()> + Send;

    /// Answers a question.
    fn answer(&mut self, question: Self::Question) -> u64;
}

/// What a role sees of the actor that plays it.
pub trait Cx<F: Framework, R: Role<F>>: Send {
    /// A reference to itself.
    fn me(&self) -> F::Ref<R>;

    /// Ends the actor after this message. No role has messages waiting when it says so.
    fn stop(&mut self);
}

/// The question of a role that is asked nothing.
#[derive(Clone, Copy)]
pub enum Never {}

/// For the `impl Role` of those that are only told.
macro_rules! asked_nothing {
    () => {
        type Question = $crate::framework::Never;

        fn answer(&mut self, question: $crate::framework::Never) -> u64 {
            match question {}
        }
    };
}

pub(crate) use asked_nothing;
