//! The actors of a system, drawn.

use super::Kit;
use crate::{ActorSnapshot, Snapshot};

/// Names and kinds, for a comparison: no numbers, for they differ from run to run.
pub(super) fn outline(kit: &Kit) -> String {
    let snapshot = without_probes(kit);
    let mut text = String::new();
    let mut next: Vec<(usize, &ActorSnapshot)> = snapshot.actors.iter().rev().map(|root| (0, root)).collect();
    while let Some((depth, actor)) = next.pop() {
        text.extend(std::iter::repeat_n("  ", depth));
        if let Some(name) = actor.identity.name() {
            text.push_str(name);
            text.push_str(": ");
        }
        text.push_str(actor.identity.kind());
        text.push('\n');
        next.extend(actor.children.iter().rev().map(|child| (depth + 1, child)));
    }
    text
}

/// What is tested, for whoever wonders why nothing happens.
pub(super) fn without_probes(kit: &Kit) -> Snapshot {
    let mut snapshot = kit.system.snapshot();
    let pages = kit.record.pages();
    snapshot.actors.retain(|root| !pages.probes.contains(&root.identity.id()));
    snapshot
}

/// Compares what is alive with a drawing: see [`TestSystem::tree`](crate::testkit::TestSystem::tree).
///
/// A line is `name: Kind`, or `Kind` for an actor without a name; children stand two spaces further in, in
/// start order. The drawing may be indented as a whole.
///
/// # Examples
///
/// ```
/// use postbox::{prelude::*, testkit::{TestSystem, assert_tree, run}};
///
/// #[derive(Actor, Default)]
/// struct Cache;
///
/// run(|sys: TestSystem| async move {
///     let root = sys.supervisor().name("root").child(child("cache", Cache::default)).start().await.unwrap();
///     assert_tree!(sys, "
///         root: Supervisor
///           cache: Cache
///     ");
/// });
/// ```
#[macro_export]
#[doc(hidden)]
macro_rules! __assert_tree {
    ($system:expr, $drawing:expr $(,)?) => {
        ::std::assert_eq!(
            $system.tree(),
            $crate::testkit::dedented($drawing),
            "the actors alive, and those expected"
        )
    };
}

/// Takes the common indent and the empty lines off a drawing, for [`assert_tree!`](crate::testkit::assert_tree).
#[doc(hidden)]
#[must_use]
pub fn dedented(drawing: &str) -> String {
    let lines = || drawing.lines().filter(|line| !line.trim().is_empty());
    let indent = lines().map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    lines().map(|line| format!("{}\n", line[indent..].trim_end())).collect()
}
