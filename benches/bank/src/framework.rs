//! What the five accounts have in common, for drivers that are the same for all: how to open one, tell it and
//! ask it. A framework is driven on one thread, so that what is sent without an await waits until the next one.

mod actix;
mod channels;
mod kameo;
mod postbox;
mod ractor;

pub use self::{actix::Actix, channels::Channels, kameo::Kameo, postbox::Postbox, ractor::Ractor};

/// The amount that no account survives.
pub const POISON: u64 = 13;

/// There was not enough: data, not a failure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Insufficient;

/// Why there is no answer, in the words of the framework.
#[derive(Clone, Debug, PartialEq)]
pub struct NoAnswer(pub String);

/// One account in one framework, and whatever keeps it alive.
pub trait Bank: Sized + 'static {
    const NAME: &'static str;

    /// Runs `work` where actors of this framework can live: on one thread, with the clock paused.
    fn run<T: 'static>(work: impl Future<Output = T> + 'static) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.expect("a runtime").block_on(work)
    }

    fn open(balance: u64) -> impl Future<Output = Self>;

    /// The account of now, for those who have to look it up again after a failure.
    fn look_up(self) -> impl Future<Output = Self> {
        async { self }
    }

    /// Sends it without waiting: whether it was accepted.
    fn tell_deposit(&self, amount: u64) -> bool;

    /// The same, with nobody waiting for the reply.
    fn tell_withdraw(&self, amount: u64) -> bool;

    fn withdraw(&self, amount: u64) -> impl Future<Output = Result<Result<u64, Insufficient>, NoAnswer>>;

    fn balance(&self) -> impl Future<Output = Result<u64, NoAnswer>>;
}

/// Calls `$visit!(name, Type)` for each framework.
#[macro_export]
macro_rules! for_each_framework {
    ($visit:ident) => {
        $visit!(postbox, $crate::framework::Postbox);
        $visit!(kameo, $crate::framework::Kameo);
        $visit!(ractor, $crate::framework::Ractor);
        $visit!(actix, $crate::framework::Actix);
        $visit!(channels, $crate::framework::Channels);
    };
}

fn no_answer(error: impl std::fmt::Display) -> NoAnswer {
    NoAnswer(error.to_string())
}
