//! Memory does not grow with the input.

use super::*;

/// How often the sample is read.
const TIMES: u64 = 150;

/// The most memory the program may need at any time, in kB: half of the input.
const MOST: u64 = 30_000;

/// Returns the most memory the process has had in RAM so far, in kB.
fn peak(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

#[test]
fn memory_stays_flat_however_long_the_input_is() {
    let text = std::fs::read(sample()).unwrap();
    let lines = text.split_inclusive(|&byte| byte == b'\n').count() as u64;
    assert!(TIMES * text.len() as u64 / 1000 > MOST, "the input would fit into the memory");

    let mut child = weblog().arg("--json").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for _ in 0..TIMES {
        stdin.write_all(&text).unwrap();
    }
    // All but what fits into a pipe has been read by now, and the program waits for the rest.
    let peak = peak(child.id());
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!(ledger(&output)[0], TIMES * lines);
    assert!(peak < MOST, "{peak} kB");
}
