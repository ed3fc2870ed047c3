//! `#[message(…)]` and `#[handler(…)]` on a method.

use proc_macro2::Ident;
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprPath, Lit, LitStr, Path, Result, Token, Visibility};

use super::{Policy, after_eq, each, once, protocol, unknown};
use crate::errors::Errors;

/// `#[message(name = X, vis = pub(crate), call = x, retry = N, timeout = "250ms", priority, derive(Clone), …)]`.
#[derive(Default)]
pub(crate) struct MethodOptions {
    pub(crate) name: Option<Ident>,
    pub(crate) vis: Option<Visibility>,
    /// The name of the call method.
    pub(crate) call: Option<Ident>,
    pub(crate) derives: Vec<Path>,
    pub(crate) policy: Policy,
    pub(crate) way: Way,
}

/// `#[handler(defer, blocking, on_err = fail)]`.
#[derive(Default)]
pub(crate) struct HandlerOptions {
    pub(crate) way: Way,
}

/// How the method is run and what becomes of its result. The words are kept, because what they ask of the
/// method is reported there.
#[derive(Default)]
pub(crate) struct Way {
    /// It answers by a `ReplyTo`.
    pub(crate) defer: Option<Ident>,
    /// It may hold its thread.
    pub(crate) blocking: Option<Ident>,
    /// Its `Err` is a failure.
    pub(crate) on_err: Option<Ident>,
    /// Its message is not in the protocol of the block.
    pub(crate) out_of_protocol: Option<Ident>,
}

impl Way {
    /// Takes the option if it is one of these.
    fn take(&mut self, name: &Ident, input: ParseStream<'_>) -> Option<Result<()>> {
        if name == "defer" {
            Some(once(&mut self.defer, name, name.clone()))
        } else if name == "blocking" {
            Some(once(&mut self.blocking, name, name.clone()))
        } else if name == "on_err" {
            Some(on_err(name, input).and_then(|()| once(&mut self.on_err, name, name.clone())))
        } else if name == "protocol" {
            let out = protocol::out(name, input);
            Some(out.and_then(|()| once(&mut self.out_of_protocol, name, name.clone())))
        } else {
            None
        }
    }
}

impl MethodOptions {
    const KNOWN: [&str; 11] = [
        "name", "vis", "call", "derive", "retry", "timeout", "priority", "defer", "blocking", "on_err",
        "protocol",
    ];

    pub(crate) fn read(&mut self, attr: &Attribute, errors: &mut Errors) {
        each(attr, "message", errors, |name, input| match name.unraw().to_string().as_str() {
            "name" => once(&mut self.name, name, after_eq(name, input)?),
            "vis" => once(&mut self.vis, name, vis(name, input)?),
            "call" => once(&mut self.call, name, after_eq(name, input)?),
            "derive" => {
                self.derives.extend(derives(name, input)?);
                Ok(())
            }
            "reply" => Err(syn::Error::new_spanned(
                name,
                "the reply of a method is its return type: leave `reply` out",
            )),
            other => (self.policy.take(name, input))
                .or_else(|| self.way.take(name, input))
                .unwrap_or_else(|| Err(unknown(name, other, &Self::KNOWN))),
        });
    }

    /// Known only when all attributes of the method are read: `derive` may come last. `others` are the derives that
    /// the block adds.
    pub(crate) fn finish(&mut self, others: &[Path], errors: &mut Errors) {
        let clones = |path: &Path| path.segments.last().is_some_and(|last| last.ident == "Clone");
        let others = others.iter().filter(|_| self.way.out_of_protocol.is_none());
        if self.derives.iter().chain(others).any(clones) {
            return;
        }
        if let Some(retry) = self.policy.retry.take() {
            errors.at(retry.word, "retry keeps a copy of the message: add `derive(Clone)`");
        }
    }
}

impl HandlerOptions {
    const KNOWN: [&str; 4] = ["defer", "blocking", "on_err", "protocol"];

    pub(crate) fn read(&mut self, attr: &Attribute, errors: &mut Errors) {
        each(attr, "handler", errors, |name, input| match name.unraw().to_string().as_str() {
            "retry" | "timeout" | "priority" | "reply" => Err(syn::Error::new_spanned(
                name,
                format!(
                    "`{name}` belongs to the message, for all who handle it: write it where its type is, \
                     `#[message({name} …)]`"
                ),
            )),
            "name" | "vis" | "call" | "derive" => Err(syn::Error::new_spanned(
                name,
                format!("a `#[handler]` makes neither a struct nor a call method: leave `{name}` out"),
            )),
            other => self.way.take(name, input).unwrap_or_else(|| Err(unknown(name, other, &Self::KNOWN))),
        });
    }
}

fn on_err(name: &Ident, input: ParseStream<'_>) -> Result<()> {
    let value: Expr = after_eq(name, input)?;
    match &value {
        Expr::Path(ExprPath { path, .. }) if path.is_ident("fail") => Ok(()),
        _ => Err(syn::Error::new_spanned(
            value,
            "an `Err` is the reply, or it fails the actor: `on_err = fail`, or leave it out",
        )),
    }
}

/// `= pub(crate)`; not in quotes, for it is no text either where else it stands.
pub(super) fn vis(name: &Ident, input: ParseStream<'_>) -> Result<Visibility> {
    if input.peek(Token![=]) && input.peek2(Lit) {
        input.parse::<Token![=]>()?;
        let text: Lit = input.parse()?;
        let said = match &text {
            Lit::Str(text) => shown(text),
            _ => None,
        };
        let said = said.unwrap_or_else(|| "pub(crate)".to_owned());
        return Err(syn::Error::new_spanned(text, format!("write it without quotes: `vis = {said}`")));
    }
    match after_eq(name, input)? {
        Visibility::Inherited => Err(syn::Error::new_spanned(
            name,
            "a visibility is `pub`, `pub(crate)`, `pub(super)`, `pub(in …)` or `pub(self)`: \
             `vis = pub(crate)`",
        )),
        vis => Ok(vis),
    }
}

fn shown(text: &LitStr) -> Option<String> {
    syn::parse_str::<Visibility>(&text.value()).ok().map(|_| text.value())
}

pub(super) fn derives(name: &Ident, input: ParseStream<'_>) -> Result<Punctuated<Path, Token![,]>> {
    if !input.peek(syn::token::Paren) {
        return Err(syn::Error::new_spanned(name, "derives stand in parentheses: `derive(Clone, Debug)`"));
    }
    let list;
    syn::parenthesized!(list in input);
    let paths = Punctuated::parse_terminated_with(&list, Path::parse_mod_style)?;
    for path in &paths {
        if path.segments.last().is_some_and(|last| last.ident == "Message") {
            return Err(syn::Error::new_spanned(
                path,
                "`#[message]` already implements `Message`: leave it out",
            ));
        }
    }
    Ok(paths)
}
