//! `#[messages(…)]` on a block.

use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Expr, ExprLit, Lit, LitBool, Path, Result, Token};

use super::protocol::ProtocolOptions;
use super::{after_eq, each_option, once, unknown};
use crate::errors::Errors;

/// `#[messages(prefix = Account, api = false, protocol = AccountMsg, crate = path)]`.
#[derive(Default)]
pub(crate) struct BlockOptions {
    pub(crate) prefix: Option<Ident>,
    pub(crate) api: Option<Api>,
    pub(crate) protocol: Option<ProtocolOptions>,
    pub(crate) krate: Option<Path>,
}

/// `api = false` makes no call methods, `api = true` is the default, `api = Name` names their trait.
pub(crate) enum Api {
    Off,
    Default,
    Named(Ident),
}

impl BlockOptions {
    const KNOWN: [&str; 4] = ["prefix", "api", "protocol", "crate"];

    pub(crate) fn of(args: TokenStream, errors: &mut Errors) -> Self {
        let mut options = Self::default();
        let mut of_protocol = Errors::default();
        let read = |input: ParseStream<'_>| {
            each_option(input, errors, |name, input| match name.unraw().to_string().as_str() {
                "prefix" => once(&mut options.prefix, name, after_eq(name, input)?),
                "api" => once(&mut options.api, name, api(name, input)?),
                "protocol" => {
                    let protocol = ProtocolOptions::read(name, input, &mut of_protocol)?;
                    once(&mut options.protocol, name, protocol)
                }
                "crate" => once(&mut options.krate, name, after_eq(name, input)?),
                other => Err(unknown(name, other, &Self::KNOWN)),
            });
            Ok(())
        };
        if let Err(error) = read.parse2(args) {
            errors.push(error);
        }
        errors.extend(of_protocol);
        options
    }
}

fn api(name: &Ident, input: ParseStream<'_>) -> Result<Api> {
    if name_follows(input) { after_eq(name, input).map(Api::Named) } else { switch(name, input) }
}

fn name_follows(input: ParseStream<'_>) -> bool {
    input.peek(Token![=]) && input.peek2(syn::Ident) && !input.peek2(LitBool)
}

fn switch(name: &Ident, input: ParseStream<'_>) -> Result<Api> {
    let value: Expr = after_eq(name, input)?;
    match value {
        Expr::Lit(ExprLit { lit: Lit::Bool(on), .. }) => Ok(if on.value { Api::Default } else { Api::Off }),
        other => Err(syn::Error::new_spanned(
            other,
            "write `api = false` for no call methods, or `api = Name` for the name of their trait",
        )),
    }
}
