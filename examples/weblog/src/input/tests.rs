//! Lines of every kind, and inputs that break.

use super::*;

/// Reads all that `reader` gives: each line's bytes and length, then the error it ended with.
fn read(reader: impl Read) -> (Vec<(Vec<u8>, u64)>, Option<io::ErrorKind>) {
    let mut lines = Lines::new(reader);
    let (mut all, mut buffer) = (Vec::new(), Vec::new());
    loop {
        match lines.next(&mut buffer) {
            Ok(Some(length)) => all.push((buffer.clone(), length)),
            Ok(None) => return (all, None),
            Err(error) => return (all, Some(error.kind())),
        }
    }
}

fn whole(lines: &[&[u8]]) -> Vec<(Vec<u8>, u64)> {
    lines.iter().map(|line| (line.to_vec(), line.len() as u64)).collect()
}

/// Gives its bytes one at a time, then an error.
struct Breaking(&'static [u8]);

impl Read for Breaking {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (first, rest) = self.0.split_first().ok_or(io::ErrorKind::ConnectionReset)?;
        buffer[0] = *first;
        self.0 = rest;
        Ok(1)
    }
}

#[test]
fn empty_input_has_no_line() {
    assert_eq!(read(&b""[..]), (vec![], None));
}

#[test]
fn lines_lose_their_ends_of_both_kinds() {
    assert_eq!(read(&b"a\nb\r\n\n\r\nc\rd\n"[..]).0, whole(&[b"a", b"b", b"", b"", b"c\rd"]));
}

#[test]
fn last_line_needs_no_line_feed() {
    assert_eq!(read(&b"a\nb"[..]).0, whole(&[b"a", b"b"]));
}

#[test]
fn line_of_the_longest_length_is_whole_whatever_ends_it() {
    let line = vec![b'x'; MAX_LINE];
    assert_eq!(read(&line[..]).0, whole(&[&line]));
    for end in [&b"\n"[..], b"\r\n"] {
        let text = [&line, end, b"next"].concat();
        assert_eq!(read(&text[..]).0, whole(&[&line, b"next"]));
    }
}

#[test]
fn longer_lines_are_cut_and_tell_their_length() {
    for length in [MAX_LINE + 1, MAX_LINE + 2, MAX_LINE + 3, 3 * MAX_LINE, 10_000_000] {
        let text = [&vec![b'x'; length][..], b"\nnext\n"].concat();
        let lines = read(&text[..]).0;
        assert_eq!(lines[0], (vec![b'x'; MAX_LINE], length as u64));
        assert_eq!(lines[1..], whole(&[b"next"]));
        assert_eq!(read(&text[..length]).0, lines[..1]);
    }
}

#[test]
fn bytes_of_every_value_are_kept() {
    let all: Vec<u8> = (0..=u8::MAX).filter(|&byte| byte != b'\n').collect();
    assert_eq!(read(&all[..]).0, whole(&[&all]));
}

#[test]
fn part_of_a_line_is_passed_on_before_the_error_that_broke_it() {
    assert_eq!(read(Breaking(b"a\nbc")), (whole(&[b"a", b"bc"]), Some(io::ErrorKind::ConnectionReset)));
    assert_eq!(read(Breaking(b"a\n")), (whole(&[b"a"]), Some(io::ErrorKind::ConnectionReset)));
}

#[test]
fn unreadable_inputs_are_noted_and_stepped_over() {
    let this = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let sources = [this.join("no such file"), this.clone(), this.join("src/input/tests.rs")];
    let mut inputs = Inputs::new(sources.map(Source::File));

    let first = inputs.next().unwrap();
    assert_eq!((first.input, first.number, first.is_cut()), (2, 1, false));
    let mut lines = 1;
    while let Some(line) = inputs.next() {
        lines += 1;
        assert_eq!(line.number, lines);
    }

    let outcomes = inputs.into_outcomes();
    let kinds: Vec<_> = outcomes.iter().map(|one| one.error.as_ref().map(io::Error::kind)).collect();
    assert_eq!(kinds, [Some(io::ErrorKind::NotFound), Some(io::ErrorKind::IsADirectory), None]);
    assert_eq!(outcomes[2].lines, lines);
}
