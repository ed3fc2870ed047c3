//! The scenarios, what each framework does, and the pages that say so.

mod actix;
mod channels;
mod kameo;
mod pages;
mod postbox;
mod ractor;
mod scenario;
