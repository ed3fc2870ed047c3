//! Each part of a line, and each way in which it can be malformed.

use super::*;

const LINE: &[u8] =
    br#"127.0.0.5 - bob [22/Nov/2026:15:40:15 +0000] "GET /a/b?c=d HTTP/1.1" 200 612 "http://h/" "curl/8""#;

/// Returns `LINE` with one part replaced, and insists that the part is there.
fn with(part: &str, by: &str) -> Vec<u8> {
    let line = std::str::from_utf8(LINE).unwrap();
    assert!(line.contains(part), "{part} is not in the line");
    line.replacen(part, by, 1).into_bytes()
}

fn hour() -> Hour {
    Hour::parse(b"22/Nov/2026:15:40:15 +0000").unwrap()
}

#[test]
fn combined_line_gives_all_its_parts() {
    let entry = parse(LINE).unwrap();
    let expected =
        Entry { client: b"127.0.0.5", hour: hour(), method: b"GET", path: b"/a/b", status: 200, bytes: 612 };
    assert_eq!(entry, expected);
}

#[test]
fn common_line_ends_after_the_size() {
    let line = with(r#" "http://h/" "curl/8""#, "");
    assert_eq!(parse(&line), parse(LINE));
}

#[test]
fn fields_behind_the_user_agent_are_ignored() {
    let line = with(r#""curl/8""#, r#""curl/8" "10.0.0.1, 10.0.0.2" 0.003"#);
    assert_eq!(parse(&line), parse(LINE));
}

#[test]
fn client_may_be_ipv6_or_a_name() {
    assert_eq!(parse(&with("127.0.0.5", "::1")).unwrap().client, b"::1");
    assert_eq!(parse(&with("127.0.0.5", "host.example")).unwrap().client, b"host.example");
}

#[test]
fn user_with_spaces_and_brackets_is_stepped_over() {
    let forged = r"eve [x] [22/Nov/1999:00:00:00 +0000] \x22GET /forged HTTP/1.1\x22 200 1";
    for user in ["guest user", "eve [x", "", forged] {
        assert_eq!(parse(&with("bob", user)), parse(LINE), "{user}");
    }
}

#[test]
fn escaped_quote_does_not_end_a_string() {
    let nginx = parse(&with("/a/b", r"/\x22q\x22\x5C")).map(|entry| entry.path.to_vec());
    assert_eq!(nginx.unwrap(), br"/\x22q\x22\x5C");
    let apache = with("curl/8", r#"say \"hello\" \\"#);
    assert_eq!(parse(&apache), parse(LINE));
}

#[test]
fn bytes_that_are_not_utf8_are_kept() {
    let mut line = with("/a/b", "/caf@");
    let at = line.iter().position(|&byte| byte == b'@').unwrap();
    line[at] = 0xE9;
    assert_eq!(parse(&line).unwrap().path, b"/caf\xE9");
}

#[test]
fn dash_for_a_size_is_zero() {
    assert_eq!(parse(&with(" 612 ", " - ")).unwrap().bytes, 0);
}

#[test]
fn status_may_have_leading_zeros() {
    assert_eq!(parse(&with(" 200 ", " 009 ")).unwrap().status, 9);
}

#[test]
fn target_loses_its_query_only() {
    for (target, path) in
        [("/", "/"), ("*", "*"), ("http://h/x?y?z", "http://h/x"), ("?q", ""), ("a:443", "a:443")]
    {
        assert_eq!(parse(&with("/a/b?c=d", target)).unwrap().path, path.as_bytes(), "{target}");
    }
}

#[test]
fn several_spaces_in_a_request_are_accepted_as_servers_do() {
    assert_eq!(parse(&with("GET /a/b?c=d HTTP/1.1", "GET   /a/b  HTTP/1.1 ")).unwrap().path, b"/a/b");
}

#[test]
fn request_of_http_0_9_has_two_words_and_is_a_get() {
    assert_eq!(parse(&with("GET /a/b?c=d HTTP/1.1", "GET /a/b")).unwrap().path, b"/a/b");
    assert_eq!(parse(&with("GET /a/b?c=d HTTP/1.1", "USER anonymous")), Err(Malformed::NotHttp));
}

#[test]
fn malformed_lines_say_why() {
    let cases: &[(Vec<u8>, Malformed)] = &[
        (b"".to_vec(), Malformed::Empty),
        (b" ".to_vec(), Malformed::NoClient),
        (b"garbage".to_vec(), Malformed::NoClient),
        (b"\x7fELF\x02\x01\x01\x00\x00 \x00\xff\xfe".to_vec(), Malformed::NoTime),
        (with("22/Nov", "32/Nov"), Malformed::NoTime),
        (with("22/Nov", "00/Nov"), Malformed::NoTime),
        (with("22/Nov", "22/Nuv"), Malformed::NoTime),
        (with(":15:40", ":24:40"), Malformed::NoTime),
        (with(":40:15", ":60:15"), Malformed::NoTime),
        (with(":40:15", ":40:61"), Malformed::NoTime),
        (with("+0000", "*0000"), Malformed::NoTime),
        (with("2026:", "2026 "), Malformed::NoTime),
        (with("] \"", "]\""), Malformed::NoTime),
        (with(r#"HTTP/1.1" 200 612 "http://h/" "curl/8""#, ""), Malformed::OpenRequest),
        (with(r#"HTTP/1.1" 200 612 "http://h/" "curl/8""#, r"HTTP/1.1\"), Malformed::OpenRequest),
        (with("GET /a/b?c=d HTTP/1.1", ""), Malformed::EmptyRequest),
        (with("GET /a/b?c=d HTTP/1.1", "-"), Malformed::EmptyRequest),
        (with("GET /a/b?c=d HTTP/1.1", r"\x16\x03\x01"), Malformed::NotHttp),
        (with("GET /a/b?c=d HTTP/1.1", "OPTIONS * RTSP/1.0"), Malformed::NotHttp),
        (with("GET /a/b?c=d HTTP/1.1", "GET /a b HTTP/1.1"), Malformed::NotHttp),
        (with("GET /a", r"\x16 /a"), Malformed::NotHttp),
        (with("HTTP/1.1", "HTTP/"), Malformed::NotHttp),
        (with(" 200 ", " 20 "), Malformed::NoStatus),
        (with(" 200 ", " 2000 "), Malformed::NoStatus),
        (with(" 200 ", " two "), Malformed::NoStatus),
        (with(r#" 612 "http://h/" "curl/8""#, ""), Malformed::NoSize),
        (with(" 612 ", " x "), Malformed::NoSize),
        (with(" 612 ", " 99999999999999999999 "), Malformed::NoSize),
        (with(r#" "curl/8""#, ""), Malformed::OpenQuote),
        (with(r#"curl/8""#, "curl/8"), Malformed::OpenQuote),
        (with(r#"curl/8""#, r#"curl/8"x"#), Malformed::OpenQuote),
    ];
    for (line, why) in cases {
        assert_eq!(parse(line), Err(*why), "{}", line.escape_ascii());
    }
}

#[test]
fn every_prefix_of_a_line_is_read_or_refused_without_a_panic() {
    for end in 0..LINE.len() {
        let _ = parse(&LINE[..end]);
    }
}

#[test]
fn every_byte_at_every_place_is_read_or_refused_without_a_panic() {
    for at in 0..LINE.len() {
        for byte in 0..=u8::MAX {
            let mut line = LINE.to_vec();
            line[at] = byte;
            let _ = parse(&line);
        }
    }
}

#[test]
fn hour_is_printed_with_its_zone() {
    assert_eq!(hour().to_string(), "2026-11-22 15h +0000");
    assert_eq!(Hour::parse(b"01/Jan/2026:00:00:00 -0330").unwrap().to_string(), "2026-01-01 00h -0330");
}

#[test]
fn hours_are_in_the_order_of_time() {
    let times: [&[u8]; 4] = [
        b"31/Dec/2025:23:59:59 +0000",
        b"01/Jan/2026:00:00:00 +0000",
        b"01/Feb/2026:01:00:00 +0000",
        b"01/Feb/2026:02:00:00 +0000",
    ];
    assert!(times.map(|time| Hour::parse(time).unwrap()).is_sorted());
}
