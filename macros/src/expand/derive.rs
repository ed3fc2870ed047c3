//! `#[derive(Actor)]` and `#[derive(Message)]`.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{DeriveInput, Expr, Generics};

use super::header;
use super::message::{is_error, policy};
use crate::errors::Errors;
use crate::options::{ActorOptions, StructOptions};
use crate::{fallback, generics, krate};

/// The `Actor` impl.
pub(crate) fn actor(input: &DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    let options = ActorOptions::of(&input.attrs, &mut errors);
    no_lifetimes(
        &input.generics,
        "an actor outlives whoever starts it, so it cannot borrow: let it own its state (`String`, `Arc<T>`)",
        &mut errors,
    );
    let krate = krate::path(options.krate.as_ref());
    let Target { params, ty, clause, is_generic } = target(&input.ident, &input.generics);
    let (capacity, assertion) = match &options.capacity {
        Some(capacity) => capacity_of(capacity, &ty, is_generic, &krate),
        None => Default::default(),
    };
    let overflow = options
        .overflow
        .map(|variant| quote!(const OVERFLOW: #krate::Overflow = #krate::Overflow::#variant;));
    let hand_off = options.hand_off.map(|()| {
        quote!(
            const HAND_OFF: bool = true;
        )
    });
    let caller_runs = options.caller_runs.map(|()| {
        quote!(
            const CALLER_RUNS: bool = true;
        )
    });
    let kind = options.name.map(|name| {
        quote! {
            fn kind() -> &'static str {
                #name
            }
        }
    });
    let errors = errors.to_tokens();
    quote! {
        #errors
        #[automatically_derived]
        impl #params #krate::Actor for #ty #clause {
            #capacity
            #overflow
            #hand_off
            #caller_runs
            #kind
        }
        #assertion
    }
}

/// The `Message` impl.
pub(crate) fn message(input: &DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    let options = StructOptions::of(&input.attrs, &mut errors);
    no_lifetimes(
        &input.generics,
        "messages own their data: use owned types like `String` or `Arc<str>` for the fields",
        &mut errors,
    );
    let krate = krate::path(options.krate.as_ref());
    let Target { params, ty, clause, .. } = target(&input.ident, &input.generics);
    let reply = options.reply.as_ref().map_or_else(|| quote!(()), quote::ToTokens::to_token_stream);
    let is_error = options.reply.as_ref().and_then(is_error);
    let policy = policy(&options.policy);
    let errors = errors.to_tokens();
    quote! {
        #errors
        #[automatically_derived]
        impl #params #krate::Message for #ty #clause {
            type Reply = #reply;
            #is_error
            #policy
        }
    }
}

fn no_lifetimes(generics: &Generics, text: &str, errors: &mut Errors) {
    for param in generics.lifetimes() {
        errors.at(&param.lifetime, text);
    }
}

/// The parts of `impl<…> Trait for Type<…> where …`.
struct Target {
    params: TokenStream,
    ty: TokenStream,
    clause: TokenStream,
    is_generic: bool,
}

fn target(name: &Ident, generics: &Generics) -> Target {
    let (generics, arguments) = fallback::without_lifetimes(generics);
    let is_generic = !generics.params.is_empty();
    let (params, clause) = header(&generics::send_static(&generics));
    Target { params, ty: quote!(#name #arguments), clause, is_generic }
}

/// The constant, and the proof that it is not zero.
///
/// An associated constant of a generic type is computed only where it is used, so there the proof is a part
/// of it.
fn capacity_of(
    capacity: &Expr,
    ty: &TokenStream,
    is_generic: bool,
    krate: &syn::Path,
) -> (TokenStream, TokenStream) {
    let text = "a mailbox holds at least one message: write 1 or more";
    if is_generic {
        let constant = quote! {
            const CAPACITY: usize = {
                let capacity: usize = #capacity;
                ::core::assert!(capacity > 0, #text);
                capacity
            };
        };
        return (constant, TokenStream::new());
    }
    let proof =
        quote_spanned!(capacity.span()=> ::core::assert!(<#ty as #krate::Actor>::CAPACITY > 0, #text));
    (quote!(const CAPACITY: usize = #capacity;), quote!(const _: () = #proof;))
}
