//! What is known of each child, in the order of their numbers.

use std::ops::Range;

/// Dead rows that are not worth being closed up.
const FEW: usize = 16;

/// Rows by number, each new one of a higher number than those before.
///
/// One block, in place of a tree's half-filled nodes: that is half the memory for a child. A row that is taken out
/// leaves a gap, and the gaps are closed up when they are more than the rows, so that a removal costs the same
/// among many as among few.
#[derive(Debug)]
pub(super) struct Rows<V> {
    /// The numbers rise, those of gaps too; the last one is no gap.
    rows: Vec<(u64, Option<V>)>,
    gaps: usize,
}

impl<V> Rows<V> {
    pub(super) const fn new() -> Self {
        Self { rows: Vec::new(), gaps: 0 }
    }

    /// Adds a row; the number is higher than any before.
    pub(super) fn push(&mut self, number: u64, value: V) {
        debug_assert!(self.rows.last().is_none_or(|(last, _)| *last < number), "numbers rise");
        let len = self.rows.len();
        if len == self.rows.capacity() {
            // A quarter more, and not as much again: the rows are the larger part of what a supervisor has.
            self.rows.reserve_exact((len / 4).max(4));
        }
        self.rows.push((number, Some(value)));
    }

    /// Where the first row is that has this number or a higher one.
    fn place(&self, number: u64) -> usize {
        // No row can be further on than this: there it is, until the first gap has been closed up.
        let first = self.rows.first().map_or(0, |(first, _)| *first);
        let at_most =
            usize::try_from(number.saturating_sub(first)).unwrap_or(usize::MAX).min(self.rows.len());
        match self.rows.get(at_most) {
            Some((found, _)) if *found == number => at_most,
            _ => self.rows[..at_most].partition_point(|(other, _)| *other < number),
        }
    }

    pub(super) fn get(&self, number: u64) -> Option<&V> {
        let (found, value) = self.rows.get(self.place(number))?;
        value.as_ref().filter(|_| *found == number)
    }

    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut V> {
        let place = self.place(number);
        let (found, value) = self.rows.get_mut(place)?;
        value.as_mut().filter(|_| *found == number)
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<V> {
        let place = self.place(number);
        let (_, value) = self.rows.get_mut(place).filter(|(found, _)| *found == number)?;
        let removed = value.take()?;
        self.gaps += 1;
        // Whoever looks from the end, as a supervisor that stops does, finds a row at once.
        while self.rows.pop_if(|(_, value)| value.is_none()).is_some() {
            self.gaps -= 1;
        }
        if self.gaps > FEW && self.gaps > self.rows.len() / 2 {
            self.rows.retain(|(_, value)| value.is_some());
            self.gaps = 0;
        }
        if self.rows.capacity() > 2 * FEW && self.rows.len() < self.rows.capacity() / 4 {
            self.rows.shrink_to(self.rows.capacity() / 2);
        }
        Some(removed)
    }

    fn within(&self, places: Range<usize>) -> impl DoubleEndedIterator<Item = (u64, &V)> {
        self.rows[places].iter().filter_map(|(number, value)| Some((*number, value.as_ref()?)))
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, &V)> {
        self.within(0..self.rows.len())
    }

    /// Those of this number and higher ones.
    pub(super) fn since(&self, number: u64) -> impl DoubleEndedIterator<Item = (u64, &V)> {
        self.within(self.place(number)..self.rows.len())
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.rows.iter_mut().filter_map(|(_, value)| value.as_mut())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Command {
        Push {
            skipped: u64,
        },
        /// The row at this part of them all, in 1/256.
        Remove(u8),
        RemoveOldest,
        RemoveYoungest,
        RemoveNone(u64),
    }

    fn command() -> impl Strategy<Value = Command> {
        prop_oneof![
            5 => (0..3_u64).prop_map(|skipped| Command::Push { skipped }),
            2 => any::<u8>().prop_map(Command::Remove),
            1 => Just(Command::RemoveOldest),
            1 => Just(Command::RemoveYoungest),
            1 => (0..400_u64).prop_map(Command::RemoveNone),
        ]
    }

    proptest! {
        #[test]
        fn rows_are_a_map(commands in proptest::collection::vec(command(), 1..400)) {
            let (mut rows, mut map, mut next) = (Rows::new(), BTreeMap::new(), 0);
            for command in commands {
                let at = |part: u8| map.keys().nth(map.len() * usize::from(part) / 256).copied();
                let number = match command {
                    Command::Push { skipped } => {
                        next += skipped;
                        rows.push(next, !next);
                        map.insert(next, !next);
                        next += 1;
                        None
                    }
                    Command::Remove(part) => at(part),
                    Command::RemoveOldest => at(0),
                    Command::RemoveYoungest => at(255),
                    Command::RemoveNone(number) => Some(number),
                };
                if let Some(number) = number {
                    prop_assert_eq!(rows.remove(number), map.remove(&number));
                }
                prop_assert!(rows.iter().eq(map.iter().map(|(&number, value)| (number, value))));
                let last = rows.rows.last();
                prop_assert!(last.is_none_or(|(_, value)| value.is_some()), "the end is no gap");
                prop_assert!(rows.rows.len() <= 2 * map.len() + 2 * FEW, "gaps are closed up");
                prop_assert!(rows.rows.capacity() <= 8 * map.len() + 8 * FEW, "memory is given back");
            }
            for number in 0..next + 2 {
                prop_assert_eq!(rows.get(number), map.get(&number));
                prop_assert_eq!(rows.get_mut(number), map.get_mut(&number));
                prop_assert!(rows.since(number).map(|(number, _)| number).eq(map.range(number..).map(|(&n, _)| n)));
            }
        }
    }
}
