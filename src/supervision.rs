//! The ready-made supervisor.

mod children;
mod supervisor;

pub use supervisor::{Supervisor, SupervisorBuilder};
