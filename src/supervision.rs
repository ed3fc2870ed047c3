//! The ready-made supervisor.

mod supervisor;

pub use supervisor::{Supervisor, SupervisorBuilder};
