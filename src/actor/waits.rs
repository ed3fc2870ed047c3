//! Who awaits whom: the asks that handlers of one system have under way, to find those that close a circle.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::home::Home;
use crate::{ActorId, Identity};

/// The asks under way, by the actor whose handler awaits them. Kept only by a system that was told to.
#[derive(Default)]
pub(crate) struct Waits(Mutex<HashMap<ActorId, Vec<Identity>>>);

/// One ask under way. Dropped with the request, however that ends.
pub(crate) struct Waiting {
    home: Arc<Home>,
    asker: ActorId,
    asked: ActorId,
}

impl Waits {
    /// Notes that a handler of `asker` is about to await an answer of `asked`, unless that, directly or through
    /// others, awaits one of `asker`: then the way back to it, from `asker` to `asker`.
    ///
    /// The look and the note are one step: of the asks that close a circle together, the last one is refused.
    pub(crate) fn begin(
        home: &Arc<Home>,
        asker: ActorId,
        asked: &Identity,
    ) -> Result<Option<Waiting>, Box<[Identity]>> {
        let Some(waits) = &home.waits else { return Ok(None) };
        let mut edges = waits.lock();
        if let Some(path) = path(&edges, asker, asked) {
            return Err(path);
        }
        edges.entry(asker).or_default().push(asked.clone());
        Ok(Some(Waiting { home: Arc::clone(home), asker, asked: asked.id() }))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ActorId, Vec<Identity>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The way from `asked` to `asker` along the asks under way, with `asker` before it.
fn path(
    edges: &HashMap<ActorId, Vec<Identity>>,
    asker: ActorId,
    asked: &Identity,
) -> Option<Box<[Identity]>> {
    // There is no circle among the edges, for each of them was looked at before it was noted. But many ways may
    // lead to one actor, which is looked at once.
    let mut came_from: HashMap<ActorId, &Identity> = HashMap::new();
    let mut open = vec![asked];
    while let Some(at) = open.pop() {
        for next in edges.get(&at.id()).into_iter().flatten() {
            if came_from.contains_key(&next.id()) {
                continue;
            }
            came_from.insert(next.id(), at);
            if next.id() == asker {
                let back = std::iter::successors(Some(next), |step| {
                    came_from.get(&step.id()).copied().filter(|_| step.id() != asked.id())
                });
                let mut path: Vec<_> = back.cloned().chain([next.clone()]).collect();
                path.reverse();
                return Some(path.into());
            }
            open.push(next);
        }
    }
    None
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let Some(waits) = &self.home.waits else { return };
        let mut edges = waits.lock();
        let Some(asked) = edges.get_mut(&self.asker) else { return };
        if let Some(at) = asked.iter().position(|asked| asked.id() == self.asked) {
            asked.swap_remove(at);
        }
        if asked.is_empty() {
            edges.remove(&self.asker);
        }
    }
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting").field("asker", &self.asker).field("asked", &self.asked).finish()
    }
}
