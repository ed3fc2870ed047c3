//! How long each account is.

/// Name and source of each account.
pub const SOURCES: [(&str, &str); 5] = [
    ("postbox", include_str!("postbox.rs")),
    ("kameo", include_str!("kameo.rs")),
    ("ractor", include_str!("ractor.rs")),
    ("actix", include_str!("actix.rs")),
    ("channels", include_str!("channels.rs")),
];

/// Lines that are neither blank nor comment.
pub fn count(source: &str) -> usize {
    source.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}
