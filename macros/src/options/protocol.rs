//! `#[messages(protocol = AccountMsg)]`, and its long form.

use proc_macro2::{Ident, TokenStream};
use syn::parse::ParseStream;
use syn::{Expr, ExprLit, Lit, Path, Result, Token, Visibility};

use super::method::{derives, vis};
use super::{after_eq, each_option, once, unknown};
use crate::errors::Errors;

/// `protocol(name = AccountMsg, vis = pub(crate), derive(Debug), attr(serde(…)), reply(name = …, …))`.
pub(crate) struct ProtocolOptions {
    pub(crate) name: Ident,
    pub(crate) vis: Option<Visibility>,
    pub(crate) kind: EnumOptions,
    pub(crate) reply: EnumOptions,
}

/// What can be said of an enum that is made.
#[derive(Default)]
pub(crate) struct EnumOptions {
    pub(crate) name: Option<Ident>,
    pub(crate) derives: Vec<Path>,
    /// What stands in `#[…]` before it.
    pub(crate) attrs: Vec<TokenStream>,
}

impl EnumOptions {
    const KNOWN: [&str; 3] = ["name", "derive", "attr"];

    /// Takes the option if it is one of these.
    fn take(&mut self, name: &Ident, input: ParseStream<'_>) -> Option<Result<()>> {
        if name == "name" {
            Some(after_eq(name, input).and_then(|value| once(&mut self.name, name, value)))
        } else if name == "derive" {
            Some(derives(name, input).map(|paths| self.derives.extend(paths)))
        } else if name == "attr" {
            Some(attr(name, input).map(|tokens| self.attrs.push(tokens)))
        } else {
            None
        }
    }
}

impl ProtocolOptions {
    const KNOWN: [&str; 5] = ["name", "vis", "derive", "attr", "reply"];

    /// Reads what stands behind `word`.
    pub(super) fn read(word: &Ident, input: ParseStream<'_>, errors: &mut Errors) -> Result<Self> {
        if !input.peek(syn::token::Paren) {
            if !input.peek(Token![=]) {
                return Err(nameless(word));
            }
            let (kind, reply) = Default::default();
            return Ok(Self { name: after_eq(word, input)?, vis: None, kind, reply });
        }
        let list;
        syn::parenthesized!(list in input);
        let (mut seen_vis, mut kind, mut reply) = (None, EnumOptions::default(), None);
        let mut of_reply = Errors::default();
        each_option(&list, errors, |name, input| {
            if name == "vis" {
                once(&mut seen_vis, name, vis(name, input)?)
            } else if name == "reply" {
                once(&mut reply, name, replies(name, input, &mut of_reply)?)
            } else {
                let known = || Err(unknown(name, &name.to_string(), &Self::KNOWN));
                kind.take(name, input).unwrap_or_else(known)
            }
        });
        errors.extend(of_reply);
        match kind.name.take() {
            Some(name) => Ok(Self { name, vis: seen_vis, kind, reply: reply.unwrap_or_default() }),
            None => Err(nameless(word)),
        }
    }
}

fn nameless(word: &Ident) -> syn::Error {
    syn::Error::new_spanned(
        word,
        "a protocol is an enum that needs a name: `protocol = AccountMsg`, or `protocol(name = AccountMsg, …)`",
    )
}

fn replies(word: &Ident, input: ParseStream<'_>, errors: &mut Errors) -> Result<EnumOptions> {
    if !input.peek(syn::token::Paren) {
        return Err(syn::Error::new_spanned(
            word,
            "what is said of the replies stands in parentheses: `reply(name = AccountReply, derive(Debug))`",
        ));
    }
    let list;
    syn::parenthesized!(list in input);
    let mut options = EnumOptions::default();
    each_option(&list, errors, |name, input| {
        let known = || Err(unknown(name, &name.to_string(), &EnumOptions::KNOWN));
        options.take(name, input).unwrap_or_else(known)
    });
    Ok(options)
}

fn attr(word: &Ident, input: ParseStream<'_>) -> Result<TokenStream> {
    if !input.peek(syn::token::Paren) {
        return Err(syn::Error::new_spanned(
            word,
            "an attribute for the enum stands in parentheses: `attr(serde(tag = \"type\"))`",
        ));
    }
    let list;
    syn::parenthesized!(list in input);
    list.parse()
}

/// `protocol = false` on a method: its message stays out.
pub(super) fn out(name: &Ident, input: ParseStream<'_>) -> Result<()> {
    let value: Expr = after_eq(name, input)?;
    match &value {
        Expr::Lit(ExprLit { lit: Lit::Bool(on), .. }) if !on.value => Ok(()),
        _ => Err(syn::Error::new_spanned(
            value,
            "a method is in the protocol of its block unless it says `protocol = false`",
        )),
    }
}
