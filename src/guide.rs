//! The guide: pages on one subject each, whose examples run as tests.

#[cfg(feature = "macros")]
#[doc = include_str!("guide/cookbook.md")]
pub mod cookbook {}

#[cfg(feature = "macros")]
#[doc = include_str!("guide/expansion.md")]
pub mod expansion {}

#[cfg(feature = "testkit")]
#[doc = include_str!("guide/testing.md")]
pub mod testing {}
