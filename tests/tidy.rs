//! Holds the source against the rules of ARCHITECTURE.md: who may import whom, where `unsafe` and `cfg` may
//! stand, how long a file may be.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The layers, lowest first. An import may only point to the same layer or a lower one.
const LAYERS: &[&[&str]] = &[
    &["queue"],
    &["dead_letter", "error", "failure", "id", "policy", "reason"],
    &["actor"],
    &["supervision"],
    &["snapshot", "system", "testkit"],
    &["guide", "lib", "prelude"],
];

/// What the crate root re-exports under another name than its module's.
const EXPORTS: &[(&str, &[&str])] = &[
    (
        "actor",
        &[
            "Accept",
            "Actor",
            "ActorRef",
            "Ask",
            "AskService",
            "Call",
            "Child",
            "ChildCount",
            "Context",
            "Handle",
            "Handler",
            "Ledger",
            "Make",
            "Message",
            "OwnedAsk",
            "Recipient",
            "ReplyTo",
            "Spawn",
            "Status",
            "Tell",
            "TellAll",
            "TellSink",
            "Terminated",
            "WeakRecipient",
            "WeakRef",
            "child",
        ],
    ),
    ("dead_letter", &["DeadLetter", "DeadLetters", "Group", "Reason", "Subscription"]),
    (
        "error",
        &[
            "AskError",
            "BatchError",
            "ChildError",
            "Flat",
            "FlatError",
            "Rest",
            "SpawnError",
            "TellError",
            "TryTellError",
        ],
    ),
    ("failure", &["BoxError", "Cause", "Failure", "Panic", "Place", "Step"]),
    ("id", &["ActorId", "Identity"]),
    (
        "policy",
        &[
            "AutoShutdown",
            "Backoff",
            "KILL_GRACE",
            "Limit",
            "Overflow",
            "Restart",
            "Shutdown",
            "Strategy",
            "Supervision",
        ],
    ),
    ("reason", &["StopReason"]),
    ("snapshot", &["ActorSnapshot", "Snapshot"]),
    ("supervision", &["Supervisor", "SupervisorBuilder"]),
    ("system", &["ShutdownReport", "System", "SystemBuilder"]),
    ("testkit", &["__assert_tree", "__expect_match"]),
];

const MOST_CODE_LINES: usize = 400;

fn sources(below: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(below).expect("a folder of the repository") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.ends_with("target") {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn all(folder: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    sources(&root.join(folder), &mut found);
    assert!(!found.is_empty(), "no sources below {folder}");
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a source file");
        (path.strip_prefix(root).expect("below the root").to_owned(), text)
    };
    found.into_iter().map(read).collect()
}

fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_code = |line: &&str| !line.is_empty() && !line.starts_with("//");
    text.lines().map(str::trim).enumerate().filter(move |(_, line)| is_code(line))
}

fn layer(module: &str) -> Option<usize> {
    let home = EXPORTS.iter().find(|(_, names)| names.contains(&module)).map_or(module, |(home, _)| home);
    LAYERS.iter().position(|modules| modules.contains(&home))
}

/// The modules, or re-exported names, a source names through `crate::`.
fn imports(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let code: String = code(text).map(|(_, line)| format!("{line}\n")).collect();
    for (at, _) in code.match_indices("crate::") {
        let line = code[..at].lines().count();
        let rest = &code[at + "crate::".len()..];
        let group = match rest.strip_prefix('{') {
            None => rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("").to_owned(),
            Some(group) => top_level(group),
        };
        found.extend(
            group.split(',').map(|name| (line, name.trim().to_owned())).filter(|(_, name)| !name.is_empty()),
        );
    }
    found
}

/// The first segments of a `{…}` group.
fn top_level(group: &str) -> String {
    let mut depth = 0;
    let mut kept = String::new();
    let mut in_path = false;
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                in_path = false;
                kept.push(',');
            }
            ':' if depth == 0 => in_path = true,
            _ if depth == 0 && !in_path => kept.push(c),
            _ => {}
        }
    }
    kept
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs")
}

#[test]
fn imports_point_down_the_layers_only() {
    let mut wrong = Vec::new();
    for (path, text) in all("src") {
        let inner = path.strip_prefix("src").expect("below src");
        let first = inner.iter().next().expect("a name").to_string_lossy();
        let module = first.trim_end_matches(".rs");
        let own = layer(module).unwrap_or_else(|| panic!("{} is in no layer", path.display()));
        if module == "lib" || module == "prelude" || is_test(&path) {
            continue;
        }
        for (line, name) in imports(&text) {
            match layer(&name) {
                Some(other) if other <= own => {}
                Some(_) => {
                    wrong.push(format!("{}:{line} imports {name}, which lies above it", path.display()))
                }
                None if name.starts_with("DEFAULT_") || name == "make" => {}
                None => wrong.push(format!("{}:{line} imports {name}, which is in no layer", path.display())),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_queue_layer_knows_nothing_of_the_rest() {
    for (path, text) in all("src/queue").into_iter().filter(|(path, _)| !is_test(path)) {
        assert_eq!(imports(&text), [], "{}", path.display());
    }
}

#[test]
fn unsafe_stands_in_the_queue_layer_alone() {
    for (path, text) in all("src").into_iter().chain(all("macros/src")).chain(all("examples")) {
        if path.starts_with("src/queue") || path.ends_with("src/queue.rs") {
            continue;
        }
        for (line, code) in code(&text) {
            let names_it =
                code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe");
            let says_it = code.contains('"') || code.contains("unsafe fn` ") || path.starts_with("macros");
            assert!(!names_it || says_it, "{}:{}: {code}", path.display(), line + 1);
        }
    }
}

#[test]
fn features_switch_whole_modules() {
    for (path, text) in all("src") {
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        for (at, _) in lines.iter().enumerate().filter(|(_, line)| line.starts_with("#[cfg(feature")) {
            let next = lines[at + 1..].iter().find(|line| !line.starts_with("#[")).expect("what it switches");
            let whole = ["mod ", "pub mod ", "pub use ", "pub(crate) mod ", "use "];
            assert!(
                whole.iter().any(|start| next.starts_with(start)),
                "{}:{}: {next}",
                path.display(),
                at + 1
            );
        }
    }
}

#[test]
fn no_file_is_longer_than_one_idea() {
    for (path, text) in all("src").into_iter().chain(all("macros/src")).chain(all("examples")) {
        let lines = code(&text).count();
        assert!(lines <= MOST_CODE_LINES, "{} has {lines} code lines", path.display());
    }
}

#[test]
fn no_test_is_ignored() {
    for (path, text) in ["src", "tests", "macros/src", "examples"].into_iter().flat_map(all) {
        let mark = concat!("#[", "ignore");
        assert!(!text.contains(mark), "{}", path.display());
    }
}

/// The README promises nothing without a test: each row of its table names one that exists.
#[test]
fn each_guarantee_names_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).expect("the README");
    let is_row = |line: &&str| line.contains("`](tests/") || line.contains("`](src/");
    let rows: Vec<_> = readme.lines().filter(is_row).collect();
    assert!(rows.len() >= 10, "{} guarantees", rows.len());
    for row in rows {
        let (name, rest) = row.split_once("[`").and_then(|(_, rest)| rest.split_once("`](")).expect("a link");
        let (file, _) = rest.split_once(')').expect("the end of the link");
        let tests = fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(tests.contains(&format!("fn {name}(")), "{file} has no test {name}");
    }
}

/// A figure that stands in two places is right in both.
#[test]
fn the_guide_has_the_figures_of_the_front_page() {
    let read = |path: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path);
    let (page, front) = (read("src/guide/performance.md"), read("README.md"));
    let rows: Vec<_> = page
        .lines()
        .skip_while(|line| !line.starts_with("| workload |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect();
    assert!(!rows.is_empty(), "the page has a table of figures");
    let sizes = page.lines().find(|line| line.starts_with("An idle actor costs"));
    let sizes =
        sizes.and_then(|line| line.split_inclusive(". ").next()).expect("and a sentence on memory").trim();
    for figures in rows.into_iter().chain([sizes]) {
        assert!(front.contains(figures), "the front page has not or no longer: {figures}");
    }
}
