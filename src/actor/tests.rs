//! The races between two actors, each polled by a thread of its own.

mod loom;
