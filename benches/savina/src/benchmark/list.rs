//! Concurrent sorted linked list: `E` workers add to one sorted list, look into it and ask for its length, `M`
//! requests each, one after the other; `W` percent add, `S` percent ask for the length.
//!
//! Measures request and reply against an actor whose handler takes its time: an access walks the list, which grows
//! to some 16,000 elements. Published: `E` = 20, `M` = 8,000, `W` = 10, `S` = 1.
//! One operation: a request that was answered. Checked: the list is sorted and as long as the workers have added, no
//! length is less than what the one who asks has added, and the server has served `E` × `M` requests.
//! Full mailboxes: a worker has one request unanswered.

use super::requests::{self, Store};
use crate::{framework::Framework, kit::Random, plan::Sample};

/// `W`
const WRITE_PERCENT: u64 = 10;
/// `S`
const LENGTH_PERCENT: u64 = 1;
/// Values are below this.
const LIMIT: u64 = 1 << 31;

/// A singly linked list; the nodes lie in one vector, in the order in which they came, and know the next by its
/// place.
#[derive(Default)]
struct List {
    nodes: Vec<Node>,
    first: Option<usize>,
}

struct Node {
    value: u64,
    next: Option<usize>,
}

impl List {
    /// The last node whose value is below `value`, and the one behind it.
    fn find(&self, value: u64) -> (Option<usize>, Option<usize>) {
        let (mut before, mut at) = (None, self.first);
        while let Some(place) = at.filter(|&place| self.nodes[place].value < value) {
            (before, at) = (at, self.nodes[place].next);
        }
        (before, at)
    }

    fn add(&mut self, value: u64) {
        let (before, next) = self.find(value);
        let place = Some(self.nodes.len());
        self.nodes.push(Node { value, next });
        match before {
            Some(before) => self.nodes[before].next = place,
            None => self.first = place,
        }
    }

    fn contains(&self, value: u64) -> bool {
        self.find(value).1.is_some_and(|place| self.nodes[place].value == value)
    }
}

#[derive(Clone, Copy)]
enum Access {
    Add(u64),
    Contains(u64),
    Length,
}

impl Store for List {
    type Request = Access;

    fn draw(random: &mut Random) -> Access {
        match random.below(100) {
            percent if percent < LENGTH_PERCENT => Access::Length,
            percent if percent < LENGTH_PERCENT + WRITE_PERCENT => Access::Add(random.below(LIMIT)),
            _ => Access::Contains(random.below(LIMIT)),
        }
    }

    fn writes(request: Access) -> bool {
        matches!(request, Access::Add(_))
    }

    fn serve(&mut self, request: Access) -> u64 {
        match request {
            Access::Add(value) => {
                self.add(value);
                value
            }
            Access::Contains(value) => u64::from(self.contains(value)),
            Access::Length => self.nodes.len() as u64,
        }
    }

    fn check_reply(request: Access, reply: u64, wrote: u64) {
        match request {
            Access::Add(value) => assert_eq!(reply, value),
            Access::Contains(_) => assert!(reply <= 1),
            Access::Length => assert!(reply >= wrote, "{reply} elements of {wrote} and others' more"),
        }
    }

    fn check(&self, written: u64) {
        let (mut length, mut last, mut at) = (0, 0, self.first);
        while let Some(place) = at {
            let node = &self.nodes[place];
            assert!(last <= node.value, "the list is not sorted");
            (length, last, at) = (length + 1, node.value, node.next);
        }
        assert_eq!(length, written, "as long as was added");
    }
}

pub async fn run<F: Framework>(requests: u64) -> Sample {
    requests::run::<F, _>(List::default(), requests).await
}
