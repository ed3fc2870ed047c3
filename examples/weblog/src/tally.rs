//! Counts by one property of the lines.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;

/// Sums up what was counted under one key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// How many lines.
    pub(crate) lines: u64,
    /// The bytes that were sent for them.
    pub(crate) bytes: u64,
}

/// Counts lines and bytes by key. It grows with the number of different keys, not with that of lines.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tally<K: Eq + Hash> {
    counts: HashMap<K, Count>,
}

/// Prints bytes of a log so that they can do nothing to a terminal: what is not printable UTF-8 is written
/// as `\xHH`, as nginx writes it.
#[derive(Debug)]
pub(crate) struct Printable<'a>(pub(crate) &'a [u8]);

impl Count {
    fn add(&mut self, other: Self) {
        self.lines += other.lines;
        // Saturating: sizes come from the log, and a forged one is not to stop the run.
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

impl<K: Eq + Hash> Default for Tally<K> {
    fn default() -> Self {
        Self { counts: HashMap::new() }
    }
}

impl<K: Eq + Hash> Tally<K> {
    /// Counts one line. The key is copied only where it is new.
    pub(crate) fn add<Q>(&mut self, key: &Q, bytes: u64)
    where
        K: Borrow<Q>,
        Q: ToOwned<Owned = K> + Eq + Hash + ?Sized,
    {
        let line = Count { lines: 1, bytes };
        match self.counts.get_mut(key) {
            Some(count) => count.add(line),
            None => {
                self.counts.insert(key.to_owned(), line);
            }
        }
    }

    /// Returns how many different keys there are.
    pub(crate) fn len(&self) -> usize {
        self.counts.len()
    }

    /// Returns the sum over all keys.
    pub(crate) fn total(&self) -> Count {
        let mut total = Count::default();
        self.counts.values().for_each(|&count| total.add(count));
        total
    }
}

impl<K: Eq + Hash + Ord> Tally<K> {
    /// Returns all counts in the order of their keys.
    pub(crate) fn by_key(&self) -> Vec<(&K, Count)> {
        let mut all: Vec<_> = self.counts.iter().map(|(key, &count)| (key, count)).collect();
        all.sort_unstable_by_key(|&(key, _)| key);
        all
    }

    /// Returns the `most` counts with the most lines, the largest first; of equals the smaller key first.
    pub(crate) fn top(&self, most: usize) -> Vec<(&K, Count)> {
        let mut all = self.by_key();
        // Stable, so that equals stay in the order of their keys.
        all.sort_by_key(|&(_, count)| std::cmp::Reverse(count.lines));
        all.truncate(most);
        all
    }
}

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let escape = |bytes: &[u8], f: &mut fmt::Formatter<'_>| {
            bytes.iter().try_for_each(|byte| write!(f, "\\x{byte:02X}"))
        };
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                if character.is_control() {
                    escape(character.encode_utf8(&mut [0; 4]).as_bytes(), f)?;
                } else {
                    fmt::Write::write_char(f, character)?;
                }
            }
            escape(chunk.invalid(), f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_counted_apart_and_summed_up() {
        let mut tally = Tally::<Vec<u8>>::default();
        for (key, bytes) in [("b", 1), ("a", 10), ("b", 100), ("c", 1000), ("c", 0)] {
            tally.add(key.as_bytes(), bytes);
        }
        assert_eq!(tally.len(), 3);
        assert_eq!(tally.total(), Count { lines: 5, bytes: 1111 });
        let shown = |rows: Vec<(&Vec<u8>, Count)>| -> Vec<_> {
            rows.iter()
                .map(|(key, count)| format!("{} {} {}", Printable(key), count.lines, count.bytes))
                .collect()
        };
        assert_eq!(shown(tally.by_key()), ["a 1 10", "b 2 101", "c 2 1000"]);
        assert_eq!(shown(tally.top(2)), ["b 2 101", "c 2 1000"]);
    }

    #[test]
    fn forged_sizes_do_not_overflow_the_sum() {
        let mut tally = Tally::<u16>::default();
        tally.add(&200, u64::MAX);
        tally.add(&200, u64::MAX);
        tally.add(&404, u64::MAX);
        assert_eq!(tally.total(), Count { lines: 3, bytes: u64::MAX });
    }

    #[test]
    fn unprintable_bytes_are_escaped_and_the_rest_is_left() {
        let bytes = b"/caf\xC3\xA9/\xE9\x1B[31m\x00\xC2\x85 \\x41";
        assert_eq!(Printable(bytes).to_string(), "/café/\\xE9\\x1B[31m\\x00\\xC2\\x85 \\x41");
    }
}
