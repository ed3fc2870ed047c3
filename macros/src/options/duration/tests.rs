use super::parsed;

fn written(text: &str) -> Result<String, String> {
    parsed(text).map(|timeout| timeout.to_tokens().to_string().replace(' ', ""))
}

#[test]
fn each_unit_is_read() {
    for (text, call) in [
        ("250ms", "from_millis(250u64)"),
        ("5 s", "from_secs(5u64)"),
        ("2m", "from_secs(120u64)"),
        ("10us", "from_micros(10u64)"),
    ] {
        assert_eq!(written(text), Ok(format!("::core::time::Duration::{call}")));
    }
}

#[test]
fn a_bad_duration_is_explained() {
    for (text, part) in [
        ("250", "needs a unit"),
        ("ms", "a number and a unit"),
        ("5h", "unknown unit `h`"),
        ("1.5s", "whole number"),
        ("0s", "timeout of zero"),
        ("99999999999999999999s", "shorter one"),
        ("18446744073709551615m", "shorter one"),
    ] {
        let text = written(text).expect_err("none of these is a duration");
        assert!(text.contains(part), "{text}");
    }
}
