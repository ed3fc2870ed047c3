//! One bank account, written for postbox, kameo, ractor, actix and tokio's channels, and what becomes of its
//! messages when it fails.

pub mod actix;
pub mod channels;
pub mod kameo;
pub mod postbox;
pub mod ractor;

pub mod framework;
pub mod lines;
pub mod pending;
