//! One line of an access log in combined or common format, read without copying.
//!
//! ```text
//! client ident user [22/Nov/2026:15:40:15 +0000] "GET /path?query HTTP/1.1" 200 612 "referer" "user agent"
//! ```
//!
//! The common format ends after the size. Anything behind the user agent is ignored, so that the formats
//! that add fields to the combined one are read as well. Lines are bytes: a server escapes what it does not
//! like (nginx as `\xHH`, Apache also as `\"`), but not every server does, and nothing here needs UTF-8.

use std::fmt;

pub(crate) use self::hour::Hour;

mod hour;
#[cfg(test)]
mod tests;

/// Holds what the report needs of one line, borrowed from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    /// The first word: the client's address or name.
    pub(crate) client: &'a [u8],
    /// The hour in which the request was logged, on the server's clock.
    pub(crate) hour: Hour,
    /// The request's method.
    pub(crate) method: &'a [u8],
    /// The request's target without its query, escapes left as they are.
    pub(crate) path: &'a [u8],
    /// The status of the response. It may be 0 or 9, which nginx writes as `000` and `009`.
    pub(crate) status: u16,
    /// The size of the response's body in bytes; `-` counts as 0.
    pub(crate) bytes: u64,
}

/// Tells why a line cannot be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Malformed {
    /// The line has no bytes.
    Empty,
    /// The line is longer than [`MAX_LINE`](crate::input::MAX_LINE).
    TooLong,
    /// The line does not begin with a word and a space.
    NoClient,
    /// No `[day/Mon/year:hour:minute:second zone]` stands before a quote.
    NoTime,
    /// The request's closing quote is missing.
    OpenRequest,
    /// The client sent no request before the connection ended.
    EmptyRequest,
    /// The request is not `METHOD TARGET HTTP/VERSION`: the client spoke something else.
    NotHttp,
    /// No status of three digits follows the request.
    NoStatus,
    /// No size follows the status.
    NoSize,
    /// The referer or the user agent is missing or not closed, while something follows the size.
    OpenQuote,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "empty line",
            Self::TooLong => "longer than 64 KiB",
            Self::NoClient => "no client address",
            Self::NoTime => "no valid time in brackets",
            Self::OpenRequest => "request cut off",
            Self::EmptyRequest => "empty request",
            Self::NotHttp => "request is not HTTP",
            Self::NoStatus => "no status of three digits",
            Self::NoSize => "no size in bytes",
            Self::OpenQuote => "referer or user agent cut off",
        })
    }
}

impl std::error::Error for Malformed {}

/// Reads one line, given without its line feed.
pub(crate) fn parse(line: &[u8]) -> Result<Entry<'_>, Malformed> {
    if line.is_empty() {
        return Err(Malformed::Empty);
    }
    let (client, rest) =
        until_space(line).filter(|(client, _)| !client.is_empty()).ok_or(Malformed::NoClient)?;
    let (hour, rest) = find_time(rest).ok_or(Malformed::NoTime)?;
    let (request, rest) = quoted(rest).ok_or(Malformed::OpenRequest)?;
    let (status, rest) = status(rest).ok_or(Malformed::NoStatus)?;
    let (bytes, rest) = size(rest).ok_or(Malformed::NoSize)?;
    if !rest.is_empty() {
        referer_and_agent(rest).ok_or(Malformed::OpenQuote)?;
    }
    // Last, so that a line cut off behind its request is told from a client that spoke something else.
    let (method, path) = method_and_path(request)?;
    Ok(Entry { client, hour, method, path, status, bytes })
}

fn until_space(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|&byte| byte == b' ')?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

/// Finds the time, and returns what follows it from the request's quote on.
///
/// It cannot be found by counting words: nginx writes the user's name as the client sent it, spaces and
/// brackets included. But it does escape quotes there, so the first time that stands before a quote is the
/// server's own, and no name can forge it.
fn find_time(rest: &[u8]) -> Option<(Hour, &[u8])> {
    const BEFORE: &[u8] = b" [";
    const AFTER: &[u8] = b"] ";
    let mut from = 0;
    loop {
        let open = from + rest.get(from..)?.windows(BEFORE.len()).position(|two| two == BEFORE)?;
        let (time, after) = rest[open + BEFORE.len()..].split_at_checked(Hour::TIME_LEN)?;
        if let Some(hour) = Hour::parse(time)
            && let Some(request) = after.strip_prefix(AFTER)
            && request.first() == Some(&b'"')
        {
            return Some((hour, request));
        }
        from = open + 1;
    }
}

/// Splits off a quoted string, and returns its inside with the escapes left as they are.
fn quoted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = bytes.strip_prefix(b"\"")?;
    let mut at = 0;
    loop {
        match inside.get(at)? {
            b'"' => return Some((&inside[..at], &inside[at + 1..])),
            // Whatever is escaped is not the end. In `\xHH` the digits need no look: none is a quote.
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn status(rest: &[u8]) -> Option<(u16, &[u8])> {
    let (digits, rest) = rest.strip_prefix(b" ")?.split_at_checked(3)?;
    let status = number(digits)?;
    // A fourth digit makes it something else; the end of the line is for the size to miss.
    (rest.is_empty() || rest[0] == b' ').then_some((u16::try_from(status).ok()?, rest))
}

fn size(rest: &[u8]) -> Option<(u64, &[u8])> {
    let rest = rest.strip_prefix(b" ")?;
    let end = rest.iter().position(|&byte| byte == b' ').unwrap_or(rest.len());
    let (digits, rest) = rest.split_at(end);
    let size = if digits == b"-" { 0 } else { number(digits)? };
    Some((size, rest))
}

fn referer_and_agent(rest: &[u8]) -> Option<()> {
    let (_referer, rest) = quoted(rest.strip_prefix(b" ")?)?;
    let (_agent, rest) = quoted(rest.strip_prefix(b" ")?)?;
    (rest.is_empty() || rest[0] == b' ').then_some(())
}

fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |sum, &digit| {
        let digit = digit.checked_sub(b'0').filter(|&digit| digit <= 9)?;
        sum.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// Splits a request line into its method and the path of its target.
///
/// Servers accept several spaces between the words. Of two words it is a request of HTTP/0.9, which has no
/// method but GET; so `USER anonymous` is none.
fn method_and_path(request: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    if request.is_empty() || request == b"-" {
        return Err(Malformed::EmptyRequest);
    }
    let mut words = request.split(|&byte| byte == b' ').filter(|word| !word.is_empty());
    let (method, target) = match (words.next(), words.next(), words.next(), words.next()) {
        (Some(method), Some(target), Some(version), None) if is_token(method) && is_version(version) => {
            (method, target)
        }
        (Some(method @ b"GET"), Some(target), None, None) => (method, target),
        _ => return Err(Malformed::NotHttp),
    };
    let path = target.split(|&byte| byte == b'?').next().unwrap_or(target);
    Ok((method, path))
}

/// Returns whether the word is a token of RFC 9110 §5.6.2, as a method must be.
fn is_token(word: &[u8]) -> bool {
    word.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

fn is_version(word: &[u8]) -> bool {
    word.strip_prefix(b"HTTP/").and_then(<[u8]>::first).is_some_and(u8::is_ascii_digit)
}
