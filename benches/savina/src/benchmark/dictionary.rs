//! Concurrent dictionary: `E` workers read and write the entries of one dictionary, `M` requests each, one after the
//! other; `W` percent of them write.
//!
//! Measures request and reply against one mailbox, by messages both ways. Published: `E` = 20, `M` = 10,000,
//! `W` = 10. The dictionary has 524,287 entries before the clock starts. Here keys are drawn from those entries, so
//! that each read finds one, and a value says to which key it belongs.
//! One operation: a request that was answered. Checked: each answer belongs to the key, the dictionary has served
//! `E` × `M` requests and as many writes as the workers have sent, and no entry has come or gone.
//! Full mailboxes: a worker has one request unanswered.

use std::collections::HashMap;

use super::requests::{self, Store};
use crate::{framework::Framework, kit::Random, plan::Sample};

/// `W`
const WRITE_PERCENT: u64 = 10;
/// Entries of the dictionary.
const ENTRIES: u64 = 524_287;

struct Dictionary(HashMap<u64, u64>);

#[derive(Clone, Copy)]
enum Access {
    Read {
        key: u64,
    },
    /// The value is the key, or differs from it by a multiple of `ENTRIES`.
    Write {
        key: u64,
        value: u64,
    },
}

impl Store for Dictionary {
    type Request = Access;

    fn draw(random: &mut Random) -> Access {
        let writes = random.below(100) < WRITE_PERCENT;
        let key = random.below(ENTRIES);
        if writes {
            Access::Write { key, value: key + ENTRIES * random.below(1 << 20) }
        } else {
            Access::Read { key }
        }
    }

    fn writes(request: Access) -> bool {
        matches!(request, Access::Write { .. })
    }

    fn serve(&mut self, request: Access) -> u64 {
        match request {
            Access::Read { key } => *self.0.get(&key).expect("an entry for each key"),
            Access::Write { key, value } => {
                self.0.insert(key, value);
                value
            }
        }
    }

    fn check_reply(request: Access, reply: u64, _wrote: u64) {
        match request {
            Access::Read { key } => assert_eq!(reply % ENTRIES, key, "the value of another key"),
            Access::Write { value, .. } => assert_eq!(reply, value),
        }
    }

    fn check(&self, written: u64) {
        assert_eq!(self.0.len() as u64, ENTRIES);
        let changed = self.0.iter().filter(|(key, value)| key != value).count() as u64;
        assert!(changed <= written, "{changed} entries changed by {written} writes");
    }
}

pub async fn run<F: Framework>(requests: u64) -> Sample {
    let entries = (0..ENTRIES).map(|key| (key, key)).collect();
    requests::run::<F, _>(Dictionary(entries), requests).await
}
