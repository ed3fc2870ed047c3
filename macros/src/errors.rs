//! Every mistake of one macro call, collected, so that the user sees all of them at once.

use std::fmt::Display;

use proc_macro2::TokenStream;
use quote::ToTokens;

/// The mistakes found so far, in the order of the source as far as the checks walk it.
#[derive(Default)]
pub(crate) struct Errors {
    found: Vec<syn::Error>,
}

impl Errors {
    /// Notes a mistake on `tokens`; `text` says what to write instead.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, text: impl Display) {
        self.found.push(syn::Error::new_spanned(tokens, text));
    }

    /// Notes a mistake that a parser has already put on its token.
    pub(crate) fn push(&mut self, error: syn::Error) {
        self.found.push(error);
    }

    /// Notes those that others have found.
    pub(crate) fn extend(&mut self, others: Self) {
        self.found.extend(others.found);
    }

    pub(crate) fn len(&self) -> usize {
        self.found.len()
    }

    /// One `compile_error!` for each mistake.
    pub(crate) fn to_tokens(&self) -> TokenStream {
        self.found.iter().map(syn::Error::to_compile_error).collect()
    }
}

/// Writes tokens the way a person would: `Option<&str>`, where `to_string` gives `Option < & str >`.
pub(crate) fn shown(tokens: impl ToTokens) -> String {
    let mut text = tokens.to_token_stream().to_string();
    for (spaced, tight) in [
        (" :: ", "::"),
        (":: ", "::"),
        (" < ", "<"),
        ("< ", "<"),
        (" >", ">"),
        (" ,", ","),
        ("& ", "&"),
        ("( ", "("),
        (" )", ")"),
        (" ;", ";"),
        ("# [", "#["),
    ] {
        text = text.replace(spaced, tight);
    }
    text
}
