//! Under which name the user's crate knows postbox.

#[cfg(test)]
mod tests;

use proc_macro2::Span;
use syn::{Ident, Path, PathSegment, Token};

/// The path that generated code starts from: `crate = …` if written, else `::postbox`, or `::renamed` when
/// the manifest renames it.
///
/// The manifest is read for this one question, line by line; a rename that only the workspace's manifest
/// knows (`pb = { workspace = true }`) is not seen, and the `crate` option is for that.
pub(crate) fn path(option: Option<&Path>) -> Path {
    if let Some(path) = option {
        return path.clone();
    }
    let name = renamed().unwrap_or_else(|| "postbox".to_owned());
    let mut path = Path::from(PathSegment::from(Ident::new(&name, Span::call_site())));
    path.leading_colon = Some(<Token![::]>::default());
    path
}

fn renamed() -> Option<String> {
    let folder = std::env::var_os("CARGO_MANIFEST_DIR")?;
    let manifest = std::fs::read_to_string(std::path::Path::new(&folder).join("Cargo.toml")).ok()?;
    // Cargo lets a dependency be called anything that is a crate name after `-` → `_`; whatever else this
    // reads there is not a rename, and must not become an identifier that panics.
    rename_in(&manifest)
        .map(|name| name.replace('-', "_"))
        .filter(|name| syn::parse_str::<Ident>(name).is_ok())
}

/// The key whose `package` is `postbox`, unless some dependency is called `postbox` as it is.
fn rename_in(manifest: &str) -> Option<String> {
    let mut found = None;
    let mut table = Table::Other;
    for line in manifest.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        if let Some(header) = line.strip_prefix('[') {
            table = Table::of(header.split(']').next().unwrap_or_default());
            if matches!(&table, Table::Dependency(name) if name == "postbox") {
                return None;
            }
            continue;
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        let (key, value) = (key.trim(), value.trim());
        match &table {
            Table::Dependencies => {
                let (name, field) = key.split_once('.').unwrap_or((key, ""));
                let name = unquoted(name);
                let package = if field.is_empty() {
                    package_of(value)
                } else {
                    (field == "package").then(|| unquoted(value))
                };
                match package {
                    Some("postbox") => found = Some(name.to_owned()),
                    None if name == "postbox" => return None,
                    _ => {}
                }
            }
            Table::Dependency(name) if key == "package" && unquoted(value) == "postbox" => {
                found = Some(name.clone())
            }
            Table::Dependency(_) | Table::Other => {}
        }
    }
    found
}

/// The kind of table a line of a manifest stands in.
enum Table {
    /// `[dependencies]`, `[dev-dependencies]`, `[target.'…'.dependencies]`.
    Dependencies,
    /// `[dependencies.name]`.
    Dependency(String),
    Other,
}

impl Table {
    fn of(header: &str) -> Self {
        let is_list =
            |table: &str| table.rsplit('.').next().is_some_and(|last| last.ends_with("dependencies"));
        match header.rsplit_once('.') {
            Some((list, name)) if is_list(list) => Table::Dependency(unquoted(name).to_owned()),
            _ if is_list(header) => Table::Dependencies,
            _ => Table::Other,
        }
    }
}

/// The `package` of an inline table: `{ package = "postbox", version = "1" }`.
fn package_of(value: &str) -> Option<&str> {
    let fields = value.strip_prefix('{')?;
    fields.split([',', '}']).find_map(|field| {
        let (key, value) = field.split_once('=')?;
        (key.trim() == "package").then(|| unquoted(value.trim()))
    })
}

fn unquoted(text: &str) -> &str {
    let text = text.trim();
    let Some(quote) = text.chars().next().filter(|first| matches!(first, '"' | '\'')) else { return text };
    text[1..].split(quote).next().unwrap_or_default()
}
