//! What the macros write in a crate that calls postbox `actors`, has no prelude, and denies every warning. That it
//! compiles is the test; that it runs is told in `tests/run.rs`.

#![no_implicit_prelude]
#![deny(warnings, missing_docs, clippy::pedantic)]
#![forbid(unsafe_code)]

use ::actors::{ActorRef, Context, ReplyTo, messages};
use ::std::{
    clone::Clone,
    convert::From,
    default::Default,
    fmt::Debug,
    marker::Send,
    option::Option::{self, None, Some},
    result::Result::{self, Err, Ok},
    string::String,
    vec::Vec,
};

/// A message that several actors handle.
#[derive(::actors::Message, Clone, Debug)]
#[message(reply = Result<usize, String>, retry = 2, timeout = "1m", priority)]
pub struct Ping {
    /// How often.
    pub times: usize,
}

/// Keeps things, with every option of the macros.
#[derive(::actors::Actor, Default, Debug)]
#[actor(capacity = 4, overflow = "drop_oldest", hand_off, name = "shelf")]
pub struct Shelf<T, const N: usize> {
    kept: Vec<T>,
    waiting: Vec<ReplyTo<usize>>,
}

#[messages(
    prefix = Shelf,
    api = ShelfCalls,
    protocol(name = ShelfMsg, vis = pub, derive(Clone, Debug), reply(name = ShelfReply, derive(Clone, Debug)))
)]
impl<T, const N: usize> Shelf<T, N>
where
    T: Clone + Debug + Send + 'static,
{
    /// Puts a thing on it, if there is room.
    ///
    /// # Errors
    ///
    /// The thing, if there is none.
    #[message(name = Put, call = put_on, retry = 2, timeout = "1s", priority)]
    pub fn put(&mut self, #[msg(into)] thing: T, ctx: &mut Context<Self>) -> Result<usize, T> {
        let _ = ctx;
        if self.kept.len() == N {
            return Err(thing);
        }
        self.kept.push(thing);
        Ok(self.kept.len())
    }

    /// Takes the last thing off it.
    #[message]
    pub async fn take(&mut self) -> Option<T> {
        ::std::future::ready(()).await;
        self.kept.pop()
    }

    /// Waits until it is cleared, and says how much was on it.
    #[message(defer)]
    pub fn cleared(&mut self, reply: ReplyTo<usize>) {
        self.waiting.push(reply);
    }

    /// Clears it.
    ///
    /// # Errors
    ///
    /// An empty shelf that is to be cleared has been robbed.
    #[message(blocking, on_err = fail)]
    pub fn clear(&mut self) -> Result<(), String> {
        let count = self.kept.len();
        self.kept.clear();
        for reply in self.waiting.drain(..) {
            let _ = reply.send(count);
        }
        if count == 0 { Err(String::from("it has been robbed")) } else { Ok(()) }
    }

    /// Puts the things of another one on it.
    #[message(protocol = false)]
    pub async fn take_over<const M: usize>(&mut self, other: ActorRef<Shelf<T, M>>) -> usize {
        loop {
            match other.take().await {
                Ok(Some(thing)) => self.kept.push(thing),
                Ok(None) | Err(_) => return self.kept.len(),
            }
        }
    }

    #[handler(on_err = fail)]
    fn on_ping(&mut self, Ping { times }: Ping) -> Result<Result<usize, String>, String> {
        if times == 0 { Err(String::from("never")) } else { Ok(Ok(times)) }
    }
}
