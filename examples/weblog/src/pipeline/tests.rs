//! The pipeline with a parser that has a bug, and with more bad lines than any restart limit allows.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::input::Source;
use crate::report::{Quarantine, Why};
use crate::tally::Count;

fn line(path: &str) -> String {
    format!(r#"::1 - - [22/Nov/2026:15:40:15 +0000] "GET {path} HTTP/1.1" 200 612"#)
}

/// A file that is there as long as this value is.
struct Log(PathBuf);

impl Log {
    /// Writes these lines into a file of this name, which must be the test's own.
    fn new(name: &str, lines: impl IntoIterator<Item = String>) -> Self {
        let path = std::env::temp_dir().join(format!("weblog-{}-{name}", std::process::id()));
        let text: String = lines.into_iter().map(|line| line + "\n").collect();
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn inputs(&self) -> Inputs {
        Inputs::new([Source::File(self.0.clone())])
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).unwrap();
    }
}

fn quarantined(quarantine: &Quarantine) -> Vec<(Why, u64, u64)> {
    quarantine.groups().into_iter().map(|(why, group)| (why, group.lines, group.first.number)).collect()
}

fn is_about(line: &[u8], what: &str) -> bool {
    line.windows(what.len()).any(|part| part == what.as_bytes())
}

#[tokio::test]
async fn line_at_which_the_parser_panics_is_tried_twice_and_quarantined_alone() {
    static TRIES: AtomicU32 = AtomicU32::new(0);
    fn buggy(line: &[u8]) -> Result<Entry<'_>, Malformed> {
        if is_about(line, "/poison") {
            TRIES.fetch_add(1, Ordering::SeqCst);
            panic!("index out of bounds, as a real bug would say");
        }
        line::parse(line)
    }
    let system = System::new("weblog");
    let log = Log::new("panic", ["/a", "/poison", "/b", "/c"].map(line));
    let (totals, ledger) = run(&system, &mut log.inputs(), 1, buggy, |_| ()).await.unwrap();

    assert_eq!(TRIES.load(Ordering::SeqCst), 2);
    assert_eq!(quarantined(&ledger.quarantine), [(Why::Panicked, 1, 2)]);
    assert_eq!((ledger.read, ledger.counted, ledger.faults()), (4, 3, &[][..]));
    assert_eq!(totals.paths.total(), Count { lines: 3, bytes: 3 * 612 });
    assert_eq!(system.dead_letters().count(Reason::Leaked), 0);
}

#[tokio::test]
async fn line_at_which_the_parser_panics_once_is_counted_after_all() {
    static TRIES: AtomicU32 = AtomicU32::new(0);
    fn shaky(line: &[u8]) -> Result<Entry<'_>, Malformed> {
        if is_about(line, "/poison") && TRIES.fetch_add(1, Ordering::SeqCst) == 0 {
            panic!("only this once");
        }
        line::parse(line)
    }
    let log = Log::new("once", ["/a", "/poison", "/b"].map(line));
    let (_, ledger) = run(&System::new("weblog"), &mut log.inputs(), 1, shaky, |_| ()).await.unwrap();
    assert_eq!((ledger.read, ledger.counted, ledger.faults()), (3, 3, &[][..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_lines_without_end_are_all_quarantined_by_reason() {
    let lines = (0..9000).map(|n| match n % 3 {
        0 => line("/good"),
        1 => String::new(),
        _ => "garbage".to_owned(),
    });
    let log = Log::new("bad", lines);
    let system = System::new("weblog");
    let (_, ledger) = run(&system, &mut log.inputs(), 3, line::parse, |_| ()).await.unwrap();
    assert_eq!((ledger.read, ledger.counted, ledger.faults()), (9000, 3000, &[][..]));
    let expected =
        [(Why::Malformed(Malformed::Empty), 3000, 2), (Why::Malformed(Malformed::NoClient), 3000, 3)];
    assert_eq!(quarantined(&ledger.quarantine), expected);
    assert_eq!(system.dead_letters().count(Reason::Leaked), 0);
}
