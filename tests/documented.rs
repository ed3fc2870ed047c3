//! Holds the documentation of the public API against its rules: each item has an example, its own or its type's if
//! it appears there; each future says what is lost when it is dropped. (`# Errors` and `# Panics` are clippy's.)

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// What is awaited, and what is made from it.
const FUTURES: &[&str] = &["Ask", "AskAll", "Call", "Tell", "TellAll", "TellSink"];

/// A public item, as its source has it.
struct Item {
    /// The type or trait it belongs to, or itself.
    of: String,
    name: String,
    signature: String,
    docs: String,
    place: String,
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// What a file re-exports, but for what is hidden.
fn exported(text: &str) -> BTreeSet<String> {
    let (text, _) = text.split_once("#[doc(hidden)]\npub mod").unwrap_or((text, ""));
    let text = text.replace("#[doc(hidden)]\npub use", "");
    let uses = text.split("pub use ").skip(1).filter_map(|rest| rest.split(';').next());
    uses.flat_map(words).map(str::to_owned).collect()
}

/// The type of an inherent `impl`. That of a supervisor's reference is the supervisor.
fn implemented(line: &str) -> Option<String> {
    let rest = line.strip_prefix("impl").filter(|rest| !rest.contains(" for "))?;
    let depth = |at: usize| rest[..at].matches('<').count() - rest[..at].matches('>').count();
    let start = rest.char_indices().find(|&(at, c)| c.is_uppercase() && depth(at) == 0)?.0;
    let rest = rest[start..].replace("ActorRef<Supervisor>", "Supervisor");
    words(&rest).next().map(str::to_owned)
}

fn items(path: &Path, text: &str, found: &mut Vec<Item>) {
    let (mut of, mut docs, mut in_trait, mut in_attribute) = (None, String::new(), false, false);
    let lines: Vec<&str> = text.lines().collect();
    for (at, &line) in lines.iter().enumerate() {
        let (trimmed, indent) = (line.trim_start(), line.len() - line.trim_start().len());
        if let Some(doc) = trimmed.strip_prefix("///") {
            docs.extend([doc, "\n"]);
            continue;
        }
        if in_attribute || trimmed.starts_with("#[") {
            in_attribute = !trimmed.ends_with(']');
            continue;
        }
        let docs = std::mem::take(&mut docs);
        if line == "}" || line.starts_with("impl") {
            (of, in_trait) = (implemented(line), false);
        }
        let mut parts = words(trimmed).filter(|word| !matches!(*word, "pub" | "async")).peekable();
        let kind = parts.next().unwrap_or_default();
        let kind = if kind == "const" && parts.next_if_eq(&"fn").is_some() { "fn" } else { kind };
        let is_public = trimmed.starts_with("pub ") || in_trait && indent == 4;
        if !is_public || !["struct", "enum", "trait", "fn", "const", "type"].contains(&kind) {
            continue;
        }
        let name = parts.next().expect("an item has a name").to_owned();
        if indent == 0 {
            in_trait = kind == "trait";
            of = Some(name.clone());
        }
        let end = lines[at..].iter().position(|line| line.ends_with(['{', ';', '}'])).unwrap_or(0);
        let (signature, place) = (lines[at..=at + end].concat(), format!("{}:{}", path.display(), at + 1));
        found.extend(of.clone().map(|of| Item { of, name, signature, docs, place }));
    }
}

fn sources(below: &Path, found: &mut Vec<Item>) {
    for entry in fs::read_dir(below).expect("a folder of the repository") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.ends_with("queue") && !path.ends_with("tests") {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            items(&path, &fs::read_to_string(&path).expect("a source file"), found);
        }
    }
}

#[test]
fn every_public_item_has_an_example_and_every_future_says_what_a_drop_loses() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let read = |file: &str| fs::read_to_string(src.join(file)).expect("a source file");
    let exported =
        exported(&read("lib.rs")).union(&exported(&read("testkit.rs"))).cloned().collect::<BTreeSet<_>>();
    let mut all = Vec::new();
    sources(&src, &mut all);
    all.retain(|item| exported.contains(&item.of));
    let example = |docs: &str| docs.split_once("# Examples").map(|(_, example)| example.to_owned());
    let types = all.iter().filter(|item| item.name == item.of);
    let of_types: BTreeMap<_, _> = types.filter_map(|item| Some((&item.of, example(&item.docs)?))).collect();
    assert!(all.len() > 300, "{} public items", all.len());

    let mut wrong = Vec::new();
    for item in &all {
        let appears = |text: &String| words(text).any(|word| word == item.name);
        if example(&item.docs).is_none() && !of_types.get(&item.of).is_some_and(appears) {
            wrong.push(format!("{}: {} has no example", item.place, item.name));
        }
        let answer = item.signature.split_once("-> ").map_or("", |(_, answer)| answer);
        let is_future = item.signature.contains("async fn")
            || answer.starts_with("impl Future")
            || FUTURES.contains(&words(answer).next().unwrap_or_default())
            || FUTURES.contains(&&*item.name);
        if is_future && !item.docs.contains("# Cancel safety") {
            wrong.push(format!("{}: {} does not say what a drop loses", item.place, item.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
