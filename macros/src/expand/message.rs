//! The message struct and its `Message` impl.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};

use super::{allows, cfgs, docs, header};
use crate::check::{Field, Message, Plan};
use crate::errors::shown;
use crate::generics::send_static;
use crate::options::{Policy, Retry};
use crate::parse::Block;

pub(super) fn tokens(block: &Block, plan: &Plan, message: &Message) -> TokenStream {
    if message.is_twin {
        return TokenStream::new();
    }
    let item = definition(block, plan, message);
    let constructor = constructor(block, plan, message);
    let implementation = implementation(block, plan, message);
    quote!(#item #constructor #implementation)
}

fn definition(block: &Block, plan: &Plan, message: &Message) -> TokenStream {
    let Message { name, vis, derives, needed, .. } = message;
    let (actor, method) = (shown(&block.item.self_ty), &plan.method);
    let cfgs = cfgs(block, plan);
    let docs = docs::copied(&plan.attrs, &actor, &format!("The message of `{actor}::{method}`."));
    let derives = (!derives.is_empty()).then(|| quote!(#[derive(#(#derives),*)]));
    let allows = allows(block, plan);
    let params = &needed.generics.params;
    let params = (!params.is_empty()).then(|| quote!(<#params>));
    let clause = &needed.generics.where_clause;

    let mut fields: Vec<TokenStream> = stored(message)
        .map(|Field { attrs, cfgs, name, ty, .. }| {
            let docs = docs::copied(attrs, &actor, &format!("`{name}` of `{actor}::{method}`."));
            let attrs = attrs.iter().filter(|attr| !crate::parse::is_doc(attr));
            quote!(#docs #(#cfgs)* #(#attrs)* #vis #name: #ty)
        })
        .collect();
    if let Some((name, ty)) = phantom(message) {
        let docs = "Holds nothing: it ties the message to type parameters that only its reply mentions.";
        fields.push(quote!(#[doc = #docs] #vis #name: #ty));
    }
    let body = if fields.is_empty() { quote!(#clause ;) } else { quote!(#clause { #(#fields),* }) };
    // A message that nobody sends is no more dead than its method, which the handler calls. That a `pub`
    // method of a private actor is not public is known to rustc for the method, and not for the struct beside
    // it.
    quote! {
        #docs
        #(#cfgs)*
        #[allow(dead_code, private_interfaces, private_bounds)]
        #(#allows)*
        #derives
        #vis struct #name #params #body
    }
}

fn stored(message: &Message) -> impl Iterator<Item = &Field> {
    message.fields.iter().filter(|field| field.stored)
}

/// The name and type of the field that mentions what no other does.
pub(super) fn phantom(message: &Message) -> Option<(Ident, TokenStream)> {
    let unused = &message.needed.phantom;
    if unused.is_empty() {
        return None;
    }
    let taken = message.fields.iter().any(|field| field.name == "phantom");
    let name = if taken { format_ident!("phantom_") } else { format_ident!("phantom") };
    // `fn() -> T`, because the message holds no `T`: it is `Send` whatever `T` is.
    let ty = match &unused[..] {
        [one] => quote!(::core::marker::PhantomData<fn() -> #one>),
        many => quote!(::core::marker::PhantomData<(#(fn() -> #many),*)>),
    };
    Some((name, ty))
}

/// `new`, for a struct whose phantom field nobody wants to write out.
fn constructor(block: &Block, plan: &Plan, message: &Message) -> TokenStream {
    let Some((phantom, _)) = phantom(message) else { return TokenStream::new() };
    let (name, vis) = (&message.name, &message.vis);
    let cfgs = cfgs(block, plan);
    let (params, clause) = header(&message.needed.generics);
    let (_, arguments, _) = message.needed.generics.split_for_impl();
    let inputs = stored(message).map(|Field { cfgs, name, ty, .. }| quote!(#(#cfgs)* #name: #ty));
    let fields = stored(message).map(|Field { cfgs, name, .. }| quote!(#(#cfgs)* #name));
    quote! {
        #(#cfgs)*
        #[allow(dead_code, private_interfaces, clippy::new_without_default)]
        impl #params #name #arguments #clause {
            /// Makes the message; its type parameters say which reply is wanted.
            #[must_use]
            #vis const fn new(#(#inputs),*) -> Self {
                Self { #(#fields,)* #phantom: ::core::marker::PhantomData }
            }
        }
    }
}

fn implementation(block: &Block, plan: &Plan, message: &Message) -> TokenStream {
    let (krate, reply) = (&block.krate, &plan.reply);
    // rustc puts "cannot be sent between threads" on the type of the impl.
    let mut name = message.name.clone();
    name.set_span(message.parameters_at);
    let cfgs = cfgs(block, plan);
    let generics = send_static(&message.needed.generics);
    let (params, clause) = header(&generics);
    let (_, arguments, _) = generics.split_for_impl();
    let policy = policy(&message.policy);
    let is_error = is_error(reply);
    quote! {
        #(#cfgs)*
        #[automatically_derived]
        impl #params #krate::Message for #name #arguments #clause {
            type Reply = #reply;
            #is_error
            #policy
        }
    }
}

/// Tells errors from other replies, if the reply is written as a `Result`, under whatever path. An alias of
/// another name is not seen through: its errors are not counted when nobody waits for them.
pub(super) fn is_error(reply: &syn::Type) -> Option<TokenStream> {
    let syn::Type::Path(path) = reply else { return None };
    let is_result = path.path.segments.last().is_some_and(|last| last.ident == "Result");
    is_result.then(|| {
        quote! {
            fn is_error(reply: &Self::Reply) -> bool {
                reply.is_err()
            }
        }
    })
}

/// The constants and the copy that the options ask for.
pub(super) fn policy(policy: &Policy) -> TokenStream {
    let timeout = policy.timeout.as_ref().map(|timeout| {
        let duration = timeout.to_tokens();
        quote! {
            const TIMEOUT: ::core::option::Option<::core::time::Duration> = ::core::option::Option::Some(#duration);
        }
    });
    let retry = policy.retry.as_ref().map(retried);
    let priority = policy.priority.map(|()| {
        quote!(
            const PRIORITY: bool = true;
        )
    });
    quote!(#timeout #priority #retry)
}

/// The bound is reported on the word `retry`, which is what wants the copy, and by a function whose name says
/// so: a `#[diagnostic]` of our own could say it better, but does not resolve under
/// `#![no_implicit_prelude]`.
fn retried(Retry { word, attempts }: &Retry) -> TokenStream {
    let copy = quote_spanned!(word.span()=> retry_keeps_a_copy_so_add_derive_clone(self));
    quote! {
        const ATTEMPTS: u32 = #attempts;

        fn duplicate(&self) -> ::core::option::Option<Self> {
            fn retry_keeps_a_copy_so_add_derive_clone<M: ::core::clone::Clone>(message: &M) -> M {
                ::core::clone::Clone::clone(message)
            }
            ::core::option::Option::Some(#copy)
        }
    }
}

/// `Deposit { amount, … }`, with `into` where it is asked for.
pub(super) fn literal(message: &Message) -> TokenStream {
    let name = &message.name;
    let fields: Vec<TokenStream> = stored(message)
        .map(|Field { cfgs, name, into, .. }| {
            let value = into.then(|| quote!(: ::core::convert::Into::into(#name)));
            quote!(#(#cfgs)* #name #value)
        })
        .chain(phantom(message).map(|(name, _)| quote!(#name: ::core::marker::PhantomData)))
        .collect();
    if fields.is_empty() { name.to_token_stream() } else { quote!(#name { #(#fields),* }) }
}
