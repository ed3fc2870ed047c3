//! The guide: pages on one subject each, whose examples run as tests.

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
