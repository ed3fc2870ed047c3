//! The guide: pages on one subject each, whose examples run as tests.

#[cfg(feature = "testkit")]
#[doc = include_str!("guide/testing.md")]
pub mod testing {}
