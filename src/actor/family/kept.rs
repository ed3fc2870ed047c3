//! What a family keeps of a child.

use std::sync::Arc;

use crate::{
    Shutdown,
    actor::{history::History, seat::AnySeat},
};

/// What is kept of a child beside what the decisions need. Its name is in its seat.
pub(super) struct Kept {
    /// `None` while its seat is being built.
    pub(super) seat: Option<Arc<dyn AnySeat>>,
    /// Its factory has begun on an incarnation whose end is still to come.
    pub(super) made: bool,
    /// Boxed, once it differs from that of most.
    rare: Option<Box<Rare>>,
}

/// What is known of few children: for the others it is as in the default.
#[derive(Default)]
pub(super) struct Rare {
    shutdown: Shutdown,
    pub(super) history: Option<History>,
    /// Its code does not come back. It keeps its name, so that nobody takes its place beside it.
    pub(super) detached: bool,
    /// And the incarnation of the supervisor that it was a child of has ended: the next one does not know it.
    pub(super) orphaned: bool,
}

impl Kept {
    /// Of a child whose seat is being built.
    pub(super) fn new(shutdown: Shutdown) -> Self {
        let rare = || Box::new(Rare { shutdown, ..Rare::default() });
        Self { seat: None, made: false, rare: (shutdown != Shutdown::default()).then(rare) }
    }

    pub(super) fn shutdown(&self) -> Shutdown {
        self.rare.as_ref().map_or_else(Shutdown::default, |rare| rare.shutdown)
    }

    pub(super) fn history(&self) -> Option<&History> {
        self.rare.as_ref()?.history.as_ref()
    }

    pub(super) fn is_detached(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.detached)
    }

    pub(super) fn is_orphaned(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.orphaned)
    }

    pub(super) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }
}
