//! Third step: the code. Only what a user could write, in absolute paths, so that nothing in scope can change
//! its meaning.

mod api;
mod derive;
mod docs;
mod handler;
mod message;
mod protocol;

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::{Attribute, Generics};

pub(crate) use self::derive::{actor, message};
use crate::check::{Plan, Protocol, Work};
use crate::parse::{Block, is_cfg};

/// The user's block, and behind it everything that its methods make.
pub(crate) fn block(block: &Block, plans: &[Plan], protocol: Option<&Protocol>) -> TokenStream {
    let item = &block.item;
    let made = plans.iter().map(|plan| {
        let message = match &plan.work {
            Work::Message(made) => message::tokens(block, plan, made),
            Work::Handler(_) => TokenStream::new(),
        };
        let handler = handler::tokens(block, plan);
        quote!(#message #handler)
    });
    let api = api::traits(block, plans);
    let protocol = protocol.map(|protocol| protocol::tokens(block, plans, protocol));
    quote! {
        #item
        #(#made)*
        #api
        #protocol
    }
}

/// The type of the message of a plan.
fn message_type(plan: &Plan) -> TokenStream {
    match &plan.work {
        Work::Message(message) => {
            let name = &message.name;
            let (_, arguments, _) = message.needed.generics.split_for_impl();
            quote!(#name #arguments)
        }
        Work::Handler(ty) => ty.to_token_stream(),
    }
}

/// The conditions under which a method exists: its own, and those of the block that stand below
/// `#[messages]`.
fn cfgs<'a>(block: &'a Block, plan: &'a Plan) -> impl Iterator<Item = &'a Attribute> {
    block.item.attrs.iter().chain(&plan.attrs).filter(|attr| is_cfg(attr))
}

/// The lints that the user allows for the method: what is made of it has the same shape.
fn allows<'a>(block: &'a Block, plan: &'a Plan) -> impl Iterator<Item = &'a Attribute> {
    block.item.attrs.iter().chain(&plan.attrs).filter(|attr| attr.path().is_ident("allow"))
}

/// `<T: Send, const N: usize>` and `where …` apart, with the bounds that `impl` and `trait` headers want.
fn header(generics: &Generics) -> (TokenStream, TokenStream) {
    let (params, _, clause) = generics.split_for_impl();
    (params.to_token_stream(), clause.to_token_stream())
}
