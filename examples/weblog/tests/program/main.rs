//! The program itself, run as a user runs it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

mod bad_input;
#[cfg(target_os = "linux")]
mod memory;
mod totals;

/// Returns the program, not yet run.
fn weblog() -> Command {
    Command::new(env!("CARGO_BIN_EXE_weblog"))
}

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample/access.log")
}

/// Runs the program with nothing on standard input.
fn run(args: &[&str]) -> Output {
    weblog().args(args).stdin(Stdio::null()).output().unwrap()
}

/// Runs the program with `text` on standard input.
fn feed(args: &[&str], text: &[u8]) -> Output {
    let piped = Stdio::piped;
    let mut child = weblog().args(args).stdin(piped()).stdout(piped()).stderr(piped()).spawn().unwrap();
    // Dropped at once, which closes it. The report is small, so that it waits in its pipe meanwhile.
    child.stdin.take().unwrap().write_all(text).unwrap();
    child.wait_with_output().unwrap()
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

fn said(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// Returns what the ledger says: lines read, counted, quarantined.
fn ledger(output: &Output) -> [u64; 3] {
    let ledger = &json(output)["ledger"];
    assert_eq!(ledger["balances"], true, "{ledger}");
    ["read", "counted", "quarantined"].map(|name| ledger[name].as_u64().unwrap())
}
