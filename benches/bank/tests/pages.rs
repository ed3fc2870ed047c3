//! The pages for those who come from elsewhere, held against the sources that are compiled and run: an account on
//! a page is the file, and whatever a page sets as code occurs in a source, or is the name of a test.

use std::{collections::BTreeSet, path::Path};

use bank::{for_each_framework, framework::Bank, lines, pending};

struct Page {
    name: &'static str,
    text: &'static str,
    account: &'static str,
    tests: &'static str,
    driver: &'static str,
}

macro_rules! page {
    ($peer:literal) => {
        Page {
            name: concat!("migrate_", $peer),
            text: include_str!(concat!("../../../src/guide/migrate_", $peer, ".md")),
            account: include_str!(concat!("../src/", $peer, ".rs")),
            tests: include_str!(concat!($peer, ".rs")),
            driver: include_str!(concat!("../src/framework/", $peer, ".rs")),
        }
    };
}

const PAGES: [Page; 4] = [page!("kameo"), page!("ractor"), page!("actix"), page!("channels")];

/// In the order of their pages.
const PEERS: [&str; 3] = ["kameo", "ractor", "actix"];

const OURS: &str = include_str!("../src/postbox.rs");
const OUR_TESTS: &str = include_str!("postbox.rs");
const README: &str = include_str!("../../../README.md");

/// The lines between the marks.
fn region(source: &str) -> &str {
    let (_, rest) = source.split_once("// page: begin\n").expect("a mark where it begins");
    rest.split_once("// page: end").expect("a mark where it ends").0
}

/// The blocks that a page opens with "```" and `kind`, without what rustdoc hides.
fn blocks(page: &str, kind: &str) -> Vec<String> {
    let fence = format!("```{kind}");
    let mut found = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("```") {
            let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            if line == fence {
                let shown = block.iter().filter(|line| !line.starts_with("# ") && **line != "#");
                found.push(shown.map(|line| format!("{line}\n")).collect());
            }
        }
    }
    found
}

/// What stands between backticks, outside the blocks.
fn code(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(|code| code.replace("\\|", "|")).collect()
}

fn prose(page: &str) -> Vec<&str> {
    let mut in_block = false;
    let outside = |line: &&str| {
        let fence = line.starts_with("```");
        in_block ^= fence;
        !fence && !in_block
    };
    page.lines().filter(outside).collect()
}

/// The rows of the first table: its cells, but for the head.
fn rows(page: &str) -> Vec<Vec<String>> {
    let lines = prose(page).into_iter().skip_while(|line| !line.starts_with('|'));
    let table = lines.take_while(|line| line.starts_with('|')).skip(2);
    let cells = |row: &str| {
        // A bar within code is written "\|".
        let row = row.trim_matches('|').replace("\\|", "\u{1}");
        row.split('|').map(|cell| cell.trim().replace('\u{1}', "\\|")).collect()
    };
    table.map(cells).collect()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A source without comments, with white space between words only, and without the commas that rustfmt sets where
/// it breaks a line.
fn squeezed(source: &str) -> String {
    let code = source.lines().map(str::trim).filter(|line| !line.starts_with("//"));
    let mut text = String::new();
    for piece in code.flat_map(str::split_whitespace) {
        if text.ends_with(is_word) && piece.starts_with(is_word) {
            text.push(' ');
        }
        text.push_str(piece);
    }
    text.replace(",)", ")").replace(",}", "}").replace(",>", ">")
}

/// Whether `wanted` is in `source`, and not as a part of longer words.
fn occurs(wanted: &str, source: &str) -> bool {
    source.match_indices(wanted).any(|(at, _)| {
        let goes_on = |a: Option<char>, b: Option<char>| a.is_some_and(is_word) && b.is_some_and(is_word);
        let (before, after) = (&source[..at], &source[at + wanted.len()..]);
        !goes_on(before.chars().last(), wanted.chars().next())
            && !goes_on(wanted.chars().last(), after.chars().next())
    })
}

fn assert_occurs(code: &str, sources: &[String], place: &str) {
    let wanted = squeezed(code);
    assert!(!wanted.is_empty(), "{place}: empty code");
    assert!(sources.iter().any(|source| occurs(&wanted, source)), "{place}: `{code}` is in no source");
}

fn tests_in(source: &str) -> BTreeSet<&str> {
    let names = source.split("#[test]").chain(source.split("#[tokio::test"));
    let name = |after: &str| -> Option<(usize, usize)> {
        let at = after.find("fn ")? + 3;
        Some((at, at + after[at..].find('(')?))
    };
    names.filter_map(|after| name(after).map(|(from, to)| &after[from..to])).collect()
}

#[test]
fn the_account_of_the_peer_is_the_file() {
    for page in PAGES {
        let shown = blocks(page.text, "text");
        assert_eq!(shown.len(), 1, "{}: one block, the account", page.name);
        assert_eq!(shown[0], region(page.account), "{}", page.name);
    }
}

#[test]
fn the_account_here_is_the_file_and_runs() {
    for page in PAGES {
        let shown = blocks(page.text, "");
        assert_eq!(shown.len(), 1, "{}", page.name);
        assert_eq!(shown[0], region(OURS), "{}", page.name);
        assert!(page.text.contains("# assert_eq!(first_day().await?, 120);"), "{}", page.name);
        assert!(!page.text.contains("ignore") && !page.text.contains("no_run"), "{}", page.name);
    }
}

#[test]
fn every_call_in_the_tables_is_compiled() {
    let ours = [squeezed(OURS), squeezed(OUR_TESTS)];
    for page in PAGES {
        let theirs = [squeezed(page.account), squeezed(page.tests), squeezed(page.driver)];
        let rows = rows(page.text);
        assert!(rows.len() >= 15, "{}: {} rows", page.name, rows.len());
        for row in rows {
            let [subject, there, here] = &row[..] else { panic!("{}: {row:?}", page.name) };
            for code in code(there) {
                assert_occurs(&code, &theirs, &format!("{}, {subject}, there", page.name));
            }
            for code in code(here) {
                assert_occurs(&code, &ours, &format!("{}, {subject}, here", page.name));
            }
        }
    }
}

#[test]
fn every_point_names_a_test_and_every_word_of_code_is_in_a_source() {
    for page in PAGES {
        let mut names = tests_in(page.tests);
        names.extend(tests_in(OUR_TESTS));
        let sources = [page.account, page.tests, page.driver, OURS, OUR_TESTS].map(squeezed);
        let mut points = 0;
        for line in prose(page.text).into_iter().filter(|line| !line.starts_with('|')) {
            let place = format!("{}: {line}", page.name);
            let codes = code(line);
            let tests = codes.iter().filter(|code| names.contains(code.as_str())).count();
            if line.starts_with("- ") {
                points += 1;
                assert!(tests > 0, "{place}: shown by no test");
            }
            for code in codes.iter().filter(|code| !names.contains(code.as_str())) {
                if code.starts_with("benches/") {
                    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
                    assert!(root.join(code).exists(), "{place}: no {code}");
                } else {
                    assert_occurs(code, &sources, &place);
                }
            }
        }
        assert!(points >= 6, "{}: {points} points", page.name);
    }
}

/// The lines of ractor's account that are there to restart it.
fn branch() -> usize {
    let account = include_str!("../src/ractor.rs");
    let (_, rest) = account.split_once("/// Starts another account").expect("where it begins");
    lines::count(rest.split_once("/// Opens an account").expect("where it ends").0) - 1
}

#[test]
fn the_peers_are_those_of_versus_and_the_pages_say_which() {
    let pins = |manifest: &'static str| {
        let pin = move |peer: &str| {
            let line = manifest.lines().find(|line| line.starts_with(&format!("{peer} = "))).expect("a peer");
            let (_, rest) = line.split_once("\"=").expect("a pin");
            rest.split_once('"').expect("its end").0.to_owned()
        };
        PEERS.map(pin)
    };
    let here = pins(include_str!("../Cargo.toml"));
    assert_eq!(here, pins(include_str!("../../versus/Cargo.toml")));
    for ((peer, version), page) in PEERS.iter().zip(here).zip(PAGES) {
        assert!(page.text.contains(&format!("For {peer} {version},")), "{}", page.name);
    }
}

macro_rules! row {
    ($name:ident, $bank:ty) => {{
        let name = <$bank>::NAME;
        let (_, source) = lines::SOURCES.into_iter().find(|(source, _)| *source == name).expect("its source");
        let shown = |told: pending::Told| told.0.map_or("account gone".to_owned(), |shown| shown.to_string());
        let (told, told_two) = (shown(pending::told::<$bank>(1)), shown(pending::told::<$bank>(2)));
        let (asked, asked_two) = (pending::asked::<$bank>(1).answered, pending::asked::<$bank>(2).answered);
        let count = lines::count(source);
        let row = format!("| {name} | {count} | {told} | {told_two} | {asked} | {asked_two} |");
        assert!(README.lines().any(|line| line == row), "no row {row}");
    }};
}

#[test]
fn the_figures_in_the_readme_are_those_of_the_files_and_of_a_run() {
    for_each_framework!(row);
    let said = format!("Of ractor's lines, {} are the branch,", branch());
    assert!(README.contains(&said), "{said}");
    let said = format!("{} of its {} lines are the branch,", branch(), lines::count(lines::SOURCES[2].1));
    assert!(PAGES[1].text.contains(&said), "{said}");
}
