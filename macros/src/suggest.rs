//! "Did you mean": the nearest known name for a mistyped one.

#[cfg(test)]
mod tests;

/// The word of `known` that `written` was probably meant to be: at most two slips away, and fewer slips than
/// half its letters.
pub(crate) fn nearest<'k>(written: &str, known: &[&'k str]) -> Option<&'k str> {
    known
        .iter()
        .map(|word| (distance(&plain(written), &plain(word)), *word))
        .filter(|(slips, word)| *slips <= 2 && slips * 2 < word.len())
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, word)| word)
}

/// "unknown option …" with the near miss if there is one, else with the whole list.
pub(crate) fn unknown(what: &str, written: &str, known: &[&str]) -> String {
    match nearest(written, known) {
        Some(word) => format!("unknown {what} `{written}`: did you mean `{word}`?"),
        None => format!("unknown {what} `{written}`: {}", there_are(known)),
    }
}

fn there_are(known: &[&str]) -> String {
    match known {
        [] => "there are none here".to_owned(),
        [only] => format!("there is only `{only}`"),
        [first @ .., last] => {
            let first: Vec<_> = first.iter().map(|word| format!("`{word}`")).collect();
            format!("there are {} and `{last}`", first.join(", "))
        }
    }
}

/// Case and underscores are the commonest slips (`time_out`, `timeOut`), so they count for nothing.
fn plain(word: &str) -> Vec<char> {
    word.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect()
}

/// Optimal string alignment distance: inserted, dropped, changed and swapped letters.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let changed = above[j] + usize::from(x != y);
            let mut least = changed.min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}
