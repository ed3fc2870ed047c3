//! The three steps of `#[messages]`, one behind the other.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};

use crate::errors::Errors;
use crate::{check, expand, parse};

pub(crate) fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let made = match parse::block(args, item, &mut errors) {
        Ok(mut block) => match check::block(&mut block, &mut errors) {
            Some((plans, protocol)) => expand::block(&block, &plans, protocol.as_ref()),
            None => block.item.into_token_stream(),
        },
        Err(untouched) => untouched,
    };
    let errors = errors.to_tokens();
    quote!(#errors #made)
}
