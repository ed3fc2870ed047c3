//! The documentation of what the macro makes, from that of the method.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta};

use crate::parse::is_doc;

/// The docs among `attrs`, or `otherwise`, so that `missing_docs` has nothing to say.
///
/// The copy ends where the examples begin: a doc test that runs once for the method need not run again for
/// the struct and the trait. `Self` is another type there, so links through it are turned to `actor`.
pub(super) fn copied(attrs: &[Attribute], actor: &str, otherwise: &str) -> TokenStream {
    let mut copy = TokenStream::new();
    let mut has_text = false;
    for attr in attrs.iter().filter(|attr| is_doc(attr)) {
        let Some(line) = line(attr) else {
            // `#[doc(hidden)]`, `#[doc(alias = …)]`, `#[doc = include_str!(…)]`.
            has_text |= matches!(attr.meta, Meta::NameValue(_));
            copy.extend(quote!(#attr));
            continue;
        };
        let text = line.value();
        if begins_examples(&text) {
            break;
        }
        has_text |= !text.trim().is_empty();
        let text = LitStr::new(&text.replace("Self::", &format!("{actor}::")), line.span());
        copy.extend(quote!(#[doc = #text]));
    }
    if !has_text {
        copy.extend(quote!(#[doc = #otherwise]));
    }
    copy
}

fn line(attr: &Attribute) -> Option<LitStr> {
    match &attr.meta {
        Meta::NameValue(pair) => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.clone()),
            _ => None,
        },
        _ => None,
    }
}

fn begins_examples(text: &str) -> bool {
    let text = text.trim_start();
    text.starts_with("```")
        || text.starts_with("~~~")
        || text.trim_start_matches('#').trim_start().starts_with("Example") && text.starts_with('#')
}
