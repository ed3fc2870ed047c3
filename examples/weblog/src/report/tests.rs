//! The two forms of a report, and the ledger's sums.

use std::io;
use std::path::PathBuf;

use super::*;
use crate::input::{Line, Source};
use crate::line::{self, Malformed};

fn line(input: usize, number: u64, text: &str) -> Line {
    Line { input, number, bytes: text.as_bytes().into(), length: text.len() as u64 }
}

fn count(totals: &mut Totals, text: &str) {
    let entry = line::parse(text.as_bytes()).unwrap();
    totals.statuses.add(&entry.status, entry.bytes);
    totals.hours.add(&entry.hour, entry.bytes);
    totals.paths.add(entry.path, entry.bytes);
    totals.clients.add(entry.client, entry.bytes);
}

fn outcome(name: &str, lines: u64, error: Option<io::Error>) -> Outcome {
    Outcome { source: Source::File(PathBuf::from(name)), lines, error }
}

/// Two lines counted, three quarantined, and an input that is not there.
fn report(read: u64, settled: u64) -> Report {
    let mut totals = Totals::default();
    count(&mut totals, r#"::1 - - [22/Nov/2026:15:40:15 +0000] "GET /a HTTP/1.1" 200 612"#);
    count(&mut totals, r#"::1 - - [22/Nov/2026:16:40:15 +0000] "GET /b HTTP/1.1" 404 -"#);
    let mut quarantine = Quarantine::default();
    quarantine.add(Why::Malformed(Malformed::NoClient), line(0, 7, "later\u{1b}[31m"));
    quarantine.add(Why::Malformed(Malformed::NoClient), line(0, 3, "earlier"));
    quarantine.add(Why::Panicked, line(1, 1, "other"));
    let ledger = Ledger::new(read, &totals, quarantine, settled);
    let inputs = vec![
        outcome("a.log", 4, None),
        outcome("b.log", 1, None),
        outcome("c.log", 0, Some(io::ErrorKind::NotFound.into())),
    ];
    Report { inputs, totals, ledger, top: 1 }
}

fn table(report: &Report) -> String {
    let mut out = Vec::new();
    report.write_table(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn json(report: &Report) -> serde_json::Value {
    let mut out = Vec::new();
    report.write_json(&mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

#[test]
fn table_lists_totals_and_ledger() {
    let expected = "\
\x20    lines            bytes  status
         1              612  200
         1                0  404

     lines            bytes  hour
         1              612  2026-11-22 15h +0000
         1                0  2026-11-22 16h +0000

     lines            bytes  path (the first 1 of 2)
         1              612  /a

     lines            bytes  client
         2              612  ::1

     lines  ledger
         5  read
         2  counted
         3  quarantined
             2  no client address; the first is line 3 of a.log:
                earlier
             1  the parser panicked; the first is line 1 of b.log:
                other

5 read = 2 counted + 3 quarantined
";
    assert_eq!(table(&report(5, 3)), expected);
}

#[test]
fn json_holds_the_same() {
    let json = json(&report(5, 3));
    assert_eq!(json["ledger"]["read"], 5);
    assert_eq!(json["ledger"]["counted"], 2);
    assert_eq!(json["ledger"]["quarantined"], 3);
    assert_eq!(json["ledger"]["balances"], true);
    assert_eq!(json["ledger"]["reasons"][0]["reason"], "no client address");
    assert_eq!(json["ledger"]["reasons"][0]["lines"], 2);
    assert_eq!(json["ledger"]["reasons"][0]["first"]["line"], 3);
    assert_eq!(
        json["totals"]["status"]["rows"][1],
        serde_json::json!({"key": "404", "lines": 1, "bytes": 0})
    );
    assert_eq!(json["totals"]["path"]["distinct"], 2);
    assert_eq!(json["totals"]["path"]["rows"].as_array().unwrap().len(), 1);
    assert_eq!(json["inputs"][1], serde_json::json!({"name": "b.log", "lines": 1, "error": null}));
    assert!(json["inputs"][2]["error"].is_string());
}

#[test]
fn lost_line_shows_as_an_imbalance() {
    let report = report(6, 3);
    assert_eq!(report.ledger.faults(), ["6 lines were read, 2 counted and 3 quarantined"]);
    assert!(table(&report).contains("THE LEDGER DOES NOT BALANCE: 6 lines were read"));
    assert!(!table(&report).contains(" = "));
    assert_eq!(json(&report)["ledger"]["balances"], false);
}

#[test]
fn letter_that_was_not_seen_shows_as_an_imbalance() {
    assert_eq!(report(5, 4).ledger.faults(), ["4 lines were quarantined and 3 of them were seen"]);
}

#[test]
fn aggregators_that_disagree_show_as_an_imbalance() {
    let mut totals = Totals::default();
    count(&mut totals, r#"::1 - - [22/Nov/2026:15:40:15 +0000] "GET /a HTTP/1.1" 200 612"#);
    totals.paths.add(&b"/twice"[..], 0);
    let ledger = Ledger::new(1, &totals, Quarantine::default(), 0);
    assert_eq!(ledger.faults(), ["1 lines are counted by status and 2 by path"]);
}

#[test]
fn long_path_is_cut_in_the_table_and_whole_in_json() {
    let path = format!("/{}", "ü".repeat(200));
    let mut totals = Totals::default();
    count(&mut totals, &format!(r#"::1 - - [22/Nov/2026:15:40:15 +0000] "GET {path} HTTP/1.1" 200 612"#));
    let ledger = Ledger::new(1, &totals, Quarantine::default(), 0);
    let report = Report { inputs: vec![], totals, ledger, top: 10 };
    assert!(table(&report).contains(&format!("  /{}…\n", "ü".repeat(79))));
    assert_eq!(json(&report)["totals"]["path"]["rows"][0]["key"], path);
}
