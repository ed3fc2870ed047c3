//! The page of the guide that shows a whole expansion shows the one that there is.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::ItemImpl;

use crate::messages::expand;

/// The code blocks of a page, without what the reader does not see.
fn blocks(page: &str) -> Vec<String> {
    let is_seen = |line: &&str| !line.starts_with("# ");
    let inside = page.split("```").skip(1).step_by(2);
    inside
        .map(|block| block.lines().filter(is_seen).fold(String::new(), |all, line| all + line + "\n"))
        .collect()
}

/// The tokens one by one, without the commas that rustfmt adds and drops at the ends of lists.
fn plain(tokens: TokenStream) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for token in tokens {
        let closes = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '>');
        if closes {
            drop_comma(&mut all);
        }
        match token {
            TokenTree::Group(group) => {
                let (open, close) = delimiters(&group);
                all.push(open.to_owned());
                all.extend(plain(group.stream()));
                drop_comma(&mut all);
                all.push(close.to_owned());
            }
            other => all.push(other.to_string()),
        }
    }
    all
}

fn drop_comma(tokens: &mut Vec<String>) {
    if tokens.last().is_some_and(|last| last == ",") {
        tokens.pop();
    }
}

fn delimiters(group: &Group) -> (&'static str, &'static str) {
    match group.delimiter() {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    }
}

#[test]
fn the_guide_shows_the_whole_expansion() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../src/guide/expansion.md");
    let page = std::fs::read_to_string(file).expect("the guide is in the crate beside this one");
    let [source, shown] = &blocks(&page)[..] else { panic!("the page has two blocks of code") };
    let mut block: ItemImpl = syn::parse_str(source).expect("the first block is an `impl`");
    assert_eq!(block.attrs.remove(0).to_token_stream().to_string(), "# [messages]");

    let made = plain(expand(TokenStream::new(), block.into_token_stream()));
    let shown = plain(shown.parse().expect("the second block is Rust"));
    let differ = made.iter().zip(&shown).position(|(made, shown)| made != shown);
    let at = differ.unwrap_or_else(|| made.len().min(shown.len()));
    let around = |tokens: &[String]| tokens[at.saturating_sub(8)..tokens.len().min(at + 8)].join(" ");
    assert!(made == shown, "the macro writes\n{}\nand the page shows\n{}", around(&made), around(&shown));
    assert!(made.len() > 400, "only {} tokens", made.len());
}
