//! The guide: pages on one subject each, whose examples run as tests.
//!
//! - [`first_actor`]: from nothing to an actor that is told, asked, fails, and is started again.
//! - [`messages`]: what can be sent, how its reply is declared, and the ways to send it.
//! - [`supervision`]: who is started again, how often, how soon, and what they still have then.
//! - [`mailboxes`]: how much can wait, what a full mailbox does, and where messages go that nobody handles.
//! - [`errors`]: what is a failure and what is an answer, what each error says, and the log.
//! - [`lifecycle`]: how an actor begins, who keeps it alive, and the ways in which it ends.
//! - [`performance`]: what costs what, and how to measure it.
//! - [`anti_patterns`]: programs that go wrong, what happens, and what to write in their place.
//! - [`cookbook`]: short programs for common tasks.
//! - [`expansion`]: all that `#[messages]` writes for one block.
//! - [`migrate_actix`], [`migrate_channels`], [`migrate_kameo`], [`migrate_ractor`]: for those who come from there.
//! - `testing`, with the feature `testkit`: tests of actors, without a sleep.

#[cfg(feature = "macros")]
#[doc = include_str!("guide/first_actor.md")]
pub mod first_actor {}

#[cfg(feature = "macros")]
#[doc = include_str!("guide/messages.md")]
pub mod messages {}

#[cfg(feature = "macros")]
#[doc = include_str!("guide/supervision.md")]
pub mod supervision {}

#[cfg(feature = "macros")]
#[doc = include_str!("guide/mailboxes.md")]
pub mod mailboxes {}

#[cfg(feature = "macros")]
#[doc = include_str!("guide/errors.md")]
pub mod errors {}

#[cfg(feature = "macros")]
#[doc = include_str!("guide/lifecycle.md")]
pub mod lifecycle {}

#[cfg(feature = "macros")]
#[doc = include_str!("guide/performance.md")]
pub mod performance {}

#[cfg(feature = "macros")]
#[doc = include_str!("guide/anti_patterns.md")]
pub mod anti_patterns {}

#[cfg(feature = "macros")]
#[doc = include_str!("guide/cookbook.md")]
pub mod cookbook {}

#[cfg(feature = "macros")]
#[doc = include_str!("guide/expansion.md")]
pub mod expansion {}

#[cfg(feature = "macros")]
#[doc = include_str!("guide/migrate_actix.md")]
pub mod migrate_actix {}

#[cfg(feature = "macros")]
#[doc = include_str!("guide/migrate_channels.md")]
pub mod migrate_channels {}

#[cfg(feature = "macros")]
#[doc = include_str!("guide/migrate_kameo.md")]
pub mod migrate_kameo {}

#[cfg(feature = "macros")]
#[doc = include_str!("guide/migrate_ractor.md")]
pub mod migrate_ractor {}

#[cfg(feature = "testkit")]
#[doc = include_str!("guide/testing.md")]
pub mod testing {}
