//! Inputs that are missing, broken, or no log at all: a clear message, the right exit code, no line lost.

use std::fs::{self, File};
use std::io::Write;

use super::*;

const GOOD: &str = r#"::1 - - [22/Nov/2026:15:40:15 +0000] "GET /a HTTP/1.1" 200 612 "-" "curl/8""#;

/// Makes a file with this content under this name, which must be the test's own.
fn file(name: &str, content: &[u8]) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, content).unwrap();
    path.into_os_string().into_string().unwrap()
}

#[test]
fn missing_file_is_named_and_nothing_is_reported() {
    let output = run(&["/no/such/file"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said(&output).starts_with("weblog: cannot read /no/such/file: No such file"),
        "{}",
        said(&output)
    );
    assert!(output.stdout.is_empty());
}

#[test]
fn directory_is_named_and_nothing_is_reported() {
    let output = run(&["--json", "/"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).starts_with("weblog: cannot read /: Is a directory"), "{}", said(&output));
    assert!(output.stdout.is_empty());
}

#[test]
fn missing_file_beside_a_good_one_is_named_and_the_good_one_reported() {
    let good = file("beside.log", format!("{GOOD}\n").as_bytes());
    let output = run(&["--json", "/no/such/file", &good]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).starts_with("weblog: cannot read /no/such/file: No such file"),
        "{}",
        said(&output)
    );
    assert_eq!(ledger(&output), [1, 1, 0]);
    assert_eq!(json(&output)["inputs"][1]["name"], good);
}

#[test]
fn empty_file_is_a_log_without_lines() {
    let empty = file("empty.log", b"");
    let output = run(&["--json", &empty]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(said(&output), format!("weblog: {empty} is empty\n"));
    assert_eq!(ledger(&output), [0, 0, 0]);
}

#[test]
fn binary_garbage_is_quarantined_line_by_line() {
    // Each byte value many times over, in the order of a linear congruential generator.
    let mut state = 1u32;
    let garbage: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(200_000)
    .collect();
    let lines = garbage.split_inclusive(|&byte| byte == b'\n').count() as u64;

    let output = run(&["--json", &file("garbage.bin", &garbage)]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("not one line is in combined or common format"), "{}", said(&output));
    assert_eq!(ledger(&output), [lines, 0, lines]);
}

#[test]
fn program_of_this_test_is_no_log_but_is_read_to_its_end() {
    let program = env!("CARGO_BIN_EXE_weblog");
    let bytes = fs::read(program).unwrap();
    let lines = bytes.split_inclusive(|&byte| byte == b'\n').count() as u64;
    let output = run(&["--json", program]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(ledger(&output), [lines, 0, lines]);
}

#[test]
fn line_of_ten_megabytes_is_quarantined_and_its_neighbours_are_counted() {
    let long = vec![b'x'; 10_000_000];
    let text = [GOOD.as_bytes(), b"\n", &long, b"\n", GOOD.as_bytes(), b"\n"].concat();
    let output = feed(&["--json"], &text);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(ledger(&output), [3, 2, 1]);
    let reason = &json(&output)["ledger"]["reasons"][0];
    assert_eq!(reason["reason"], "longer than 64 KiB");
    assert_eq!(reason["first"]["line"], 2);
    assert_eq!(reason["first"]["length"], 10_000_000);
    assert_eq!(reason["first"]["text"].as_str().unwrap().len(), 65_536);
}

#[test]
fn last_line_without_a_line_feed_is_a_line() {
    let output = feed(&["--json"], format!("{GOOD}\n{GOOD}").as_bytes());
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(ledger(&output), [2, 2, 0]);
}

#[test]
fn last_line_that_is_cut_off_is_quarantined() {
    let output = feed(&["--json"], format!("{GOOD}\n{}", &GOOD[..GOOD.len() - 3]).as_bytes());
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(ledger(&output), [2, 1, 1]);
    assert_eq!(json(&output)["ledger"]["reasons"][0]["reason"], "referer or user agent cut off");
}

#[test]
fn lines_of_windows_and_empty_lines_are_read() {
    let output = feed(&["--json"], format!("{GOOD}\r\n\r\n{GOOD}\r\n\n").as_bytes());
    assert_eq!(ledger(&output), [4, 2, 2]);
    assert_eq!(json(&output)["ledger"]["reasons"][0]["reason"], "empty line");
}

#[test]
fn bytes_that_are_not_utf8_are_counted_and_shown_escaped() {
    let mut line = GOOD.replace("/a", "/caf@").into_bytes();
    let at = line.iter().position(|&byte| byte == b'@').unwrap();
    line[at] = 0xE9;
    let output = feed(&["--json"], &line);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(ledger(&output), [1, 1, 0]);
    assert_eq!(json(&output)["totals"]["path"]["rows"][0]["key"], r"/caf\xE9");
}

#[test]
fn escape_sequences_of_a_log_do_not_reach_the_terminal() {
    let line = GOOD.replace("/a", "/\u{1b}[31m");
    let output = feed(&[], format!("{line}\n\u{1b}]0;title\u{7}\n").as_bytes());
    assert_eq!(output.status.code(), Some(0));
    assert!(!output.stdout.contains(&0x1b), "{}", output.stdout.escape_ascii());
}

#[test]
fn wrong_usage_is_named() {
    for (args, message) in [
        (&["--nonsense"][..], "weblog: invalid option '--nonsense'; try --help\n"),
        (&["--top"], "weblog: missing argument for option '--top'; try --help\n"),
        (&["--top", "0"], "weblog: --top needs a number from 1 to"),
        (&["--parsers=many"], "weblog: --parsers needs a number from 1 to 1024, not 'many'; try --help\n"),
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2));
        assert!(said(&output).starts_with(message), "{}", said(&output));
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn help_explains_every_option_and_exit_code() {
    let output = run(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let help = String::from_utf8(output.stdout).unwrap();
    for word in ["--json", "--top N", "--parsers N", "--help", "  0 ", "  1 ", "  2 ", "  3 "] {
        assert!(help.contains(word), "{word}");
    }
}

#[test]
fn report_that_nobody_reads_is_no_error() {
    let mut child =
        weblog().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    child.stdin.take().unwrap().write_all(GOOD.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), said(&output)), (Some(0), ""));
}

#[test]
#[cfg(target_os = "linux")]
fn report_that_cannot_be_written_is_an_error() {
    let full = File::create("/dev/full").unwrap();
    let output = weblog().arg(sample()).stdin(Stdio::null()).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).starts_with("weblog: cannot write the report: No space left"), "{}", said(&output));
}
