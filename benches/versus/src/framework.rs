//! What a framework must be able to do for the workloads, and a module per framework that says how it does it.

pub mod actix;
pub mod kameo;
pub mod postbox;
pub mod ractor;
pub mod raw;
pub mod tokio_actors;
pub mod xtra;

use std::sync::{Arc, atomic::AtomicU64};

use tokio::{sync::mpsc, task::JoinHandle};

use crate::plan::{Rt, Sample};

/// The actors of the workloads. The drivers in `workload.rs` are the same code for all; only this differs.
///
/// A tell waits for room in the mailbox wherever the framework can wait.
pub trait Framework: 'static {
    /// As it is called in the output.
    const NAME: &'static str;

    /// A reference to an actor that adds up what it is told.
    type Counter: Clone + Send + Sync + 'static;
    /// A reference to an actor that counts the balls it receives and passes each on.
    type Passer: Clone + Send + Sync + 'static;
    /// A reference to an actor that has nothing to do.
    type Idle: Send;

    /// Runs one sample, by default in a fresh runtime of the kind that is asked for.
    fn run(rt: Rt, driver: impl Future<Output = Sample> + Send + 'static) -> Sample {
        rt.run(driver)
    }

    /// Starts a task that is no actor.
    fn task(task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        tokio::spawn(task)
    }

    fn counter() -> impl Future<Output = Self::Counter> + Send;
    /// Tells it to add.
    fn add(counter: &Self::Counter, value: u64) -> impl Future<Output = ()> + Send;
    /// Asks it to add, and to answer with the number itself.
    fn ask(counter: &Self::Counter, value: u64) -> impl Future<Output = u64> + Send;
    /// The sum of everything sent before.
    fn sum(counter: &Self::Counter) -> impl Future<Output = u64> + Send;

    /// `done` is told when a ball has no passes left.
    fn passer(done: mpsc::Sender<()>) -> impl Future<Output = Self::Passer> + Send;
    /// Makes `to` the one it passes to; ends when it knows.
    fn next(passer: &Self::Passer, to: Self::Passer) -> impl Future<Output = ()> + Send;
    /// Tells it of a ball with `left` passes left.
    fn ball(passer: &Self::Passer, left: u64) -> impl Future<Output = ()> + Send;
    /// Makes it forget whom it passes to; the balls it has seen.
    fn end(passer: &Self::Passer) -> impl Future<Output = u64> + Send;

    /// Spawns an actor, asks it one question, and lets go of it; when it is dropped, `ended` goes up by one.
    fn live(value: u64, ended: Arc<AtomicU64>) -> impl Future<Output = u64> + Send;

    /// Spawns an actor that counts itself in `started` when it has started, and keeps nothing of it.
    fn idle(started: Arc<AtomicU64>) -> impl Future<Output = Self::Idle> + Send;
}
