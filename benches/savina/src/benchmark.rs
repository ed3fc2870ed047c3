//! The thirteen benchmarks, each the same code for every framework. The protocols are those of the paper; where one
//! could be read in two ways, or was changed, its file says so.

pub mod bank;
pub mod barber;
pub mod big;
pub mod buffer;
pub mod chameneos;
pub mod counting;
pub mod create;
pub mod dictionary;
pub mod list;
pub mod philosophers;
pub mod requests;
pub mod ring;
pub mod smokers;
pub mod throughput;
