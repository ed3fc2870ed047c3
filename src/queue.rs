//! The queue layer: the mailbox, the place a handler's future is polled in, and the reply slot.
//!
//! This folder knows nothing of actors. It moves entries of many types through one buffer without a box,
//! grants the right to run to one holder at a time, and hands one value from one task to another. All
//! `unsafe` code of the crate lives here.
//!
//! | file | what it is |
//! |---|---|
//! | `buffer` | entries of different types, one behind the other in one block of memory |
//! | `stage` | the consumer's state, and the future that borrows it, polled in place |
//! | `stage/errand` | an entry that its sender takes through itself |
//! | `mailbox` | the producers' side: the bound, the run state, close |
//! | `many` | several entries under one lock |
//! | `aside` | beside the queue: urgent entries, entries put aside, what a full mailbox drops |
//! | `turn` | the consumer's side: the right to run |
//! | `hold` | the right to run, held by a thread for later |
//! | `line` | a sender in the line, and the room it is given |
//! | `lock` | the lock of a mailbox |
//! | `built` | a large value, made where it is to stay |
//! | `once` | what is set once and never waited for |
//! | `tray` | a box that is put down by one and taken up by another |
//! | `waiters` | senders that wait for room, first come first served |
//! | `reserve` | room that is taken before there is an entry |
//! | `reach` | what others can reach of the entry in hand |
//! | `reply` | one value from one task to another, once |
//! | `spare` | the memory of reply slots, kept for the next |
#![allow(unsafe_code, reason = "the only layer that may; each block is argued where it stands")]

mod aside;
mod buffer;
mod built;
mod hold;
mod line;
mod lock;
mod mailbox;
mod many;
mod once;
mod reach;
mod reply;
mod reserve;
mod spare;
mod stage;
mod sync;
mod tray;
mod turn;
mod waiters;

#[cfg(test)]
mod tests;

pub(crate) use aside::{Drops, Forced, Mark, Stash};
pub(crate) use built::arc;
pub(crate) use mailbox::{Count, Mailbox, Pushed, Refused, STANDING};
pub(crate) use once::{Once, OnceBox};
pub(crate) use reach::{Lent, Reached};
pub(crate) use reply::{Answering, Asking, Cut, Phase, slot};
pub(crate) use stage::{Carried, Entry, Errand, Opened, Stage, Task};
/// For a lock of another layer that is to be explored with those of this one.
pub(crate) use sync::{Mutex, MutexGuard};
pub(crate) use tray::Tray;
pub(crate) use turn::{Rest, Turn};
pub(crate) use waiters::Ticket;
