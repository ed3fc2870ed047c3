//! The enum of a block's messages, and that of their replies.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{Attribute, Generics};

use super::{cfgs, docs, header, message_type};
use crate::check::{Plan, Protocol, Variant};
use crate::errors::shown;
use crate::generics::send_static;
use crate::options::EnumOptions;
use crate::parse::Block;

pub(super) fn tokens(block: &Block, plans: &[Plan], protocol: &Protocol) -> TokenStream {
    let enums = enums(block, plans, protocol);
    let conversions = protocol.variants.iter().map(|variant| conversions(block, plans, protocol, variant));
    let sends = sends(block, plans, protocol);
    quote! {
        #enums
        #(#conversions)*
        #sends
    }
}

fn enums(block: &Block, plans: &[Plan], protocol: &Protocol) -> TokenStream {
    let actor = shown(&block.item.self_ty);
    let variants = protocol.variants.iter().map(|Variant { plan, name }| {
        let plan = &plans[*plan];
        let (method, ty) = (&plan.method, message_type(plan));
        let docs = docs::copied(&plan.attrs, &actor, &format!("The message of `{actor}::{method}`."));
        let cfgs = cfgs(block, plan);
        quote!(#docs #(#cfgs)* #name(#ty))
    });
    let replies = protocol.variants.iter().map(|Variant { plan, name }| {
        let plan = &plans[*plan];
        let (method, ty) = (&plan.method, &plan.reply);
        let docs = format!("The reply of `{actor}::{method}`.");
        let cfgs = cfgs(block, plan);
        quote!(#[doc = #docs] #(#cfgs)* #name(#ty))
    });
    let docs = format!("The messages of `{actor}` as one type: for logs, wires and tests that try them all.");
    let messages =
        one(block, protocol, &protocol.name, &protocol.messages, &protocol.generics, &docs, variants);
    let docs = format!("The reply to a message of [`{}`].", protocol.name);
    let replies =
        one(block, protocol, &protocol.reply, &protocol.replies, &protocol.of_replies, &docs, replies);
    quote!(#messages #replies)
}

fn one(
    block: &Block,
    protocol: &Protocol,
    name: &Ident,
    options: &EnumOptions,
    generics: &Generics,
    docs: &str,
    variants: impl Iterator<Item = TokenStream>,
) -> TokenStream {
    let (vis, EnumOptions { derives, attrs, .. }) = (&protocol.vis, options);
    let block_cfgs = block_cfgs(block);
    let derives = (!derives.is_empty()).then(|| quote!(#[derive(#(#derives),*)]));
    let params = &generics.params;
    let params = (!params.is_empty()).then(|| quote!(<#params>));
    let clause = &generics.where_clause;
    quote! {
        #[doc = #docs]
        #(#block_cfgs)*
        #[allow(dead_code, private_interfaces, private_bounds)]
        #derives
        #(#[#attrs])*
        #vis enum #name #params #clause {
            #(#variants),*
        }
    }
}

/// In by `From`, out by `TryFrom`.
fn conversions(block: &Block, plans: &[Plan], protocol: &Protocol, variant: &Variant) -> TokenStream {
    let plan = &plans[variant.plan];
    let (name, variant, ty) = (&protocol.name, &variant.name, message_type(plan));
    let cfgs: Vec<&Attribute> = cfgs(block, plan).collect();
    let (params, clause) = header(&bare(&protocol.generics));
    let (_, arguments, _) = protocol.generics.split_for_impl();
    quote! {
        #(#cfgs)*
        #[automatically_derived]
        impl #params ::core::convert::From<#ty> for #name #arguments #clause {
            fn from(msg: #ty) -> Self {
                Self::#variant(msg)
            }
        }

        #(#cfgs)*
        #[automatically_derived]
        impl #params ::core::convert::TryFrom<#name #arguments> for #ty #clause {
            type Error = #name #arguments;

            #[allow(unreachable_patterns)]
            fn try_from(msg: #name #arguments) -> ::core::result::Result<Self, #name #arguments> {
                match msg {
                    #name::#variant(msg) => ::core::result::Result::Ok(msg),
                    other => ::core::result::Result::Err(other),
                }
            }
        }
    }
}

/// Each message is sent as what it is, and not as the enum: with its own priority, attempts and time limits, and
/// under its own name in logs and dead letters.
fn sends(block: &Block, plans: &[Plan], protocol: &Protocol) -> TokenStream {
    let (krate, self_ty) = (&block.krate, &block.item.self_ty);
    let Protocol { name, vis, reply, .. } = protocol;
    let block_cfgs = block_cfgs(block);
    let (params, clause) = header(&send_static(&protocol.generics));
    let (_, arguments, _) = protocol.generics.split_for_impl();
    let (_, of_reply, _) = protocol.of_replies.split_for_impl();
    let (rest, rest_clause) = header(&send_static(&protocol.rest));
    let arms = |send: &dyn Fn(&Ident) -> TokenStream| -> TokenStream {
        let arms = protocol.variants.iter().map(|Variant { plan, name }| {
            let cfgs = cfgs(block, &plans[*plan]);
            let sent = send(name);
            quote!(#(#cfgs)* Self::#name(msg) => #sent.map_err(|error| error.map_message(Self::#name)),)
        });
        arms.collect()
    };
    let told = arms(&|_| quote!(to.tell(msg).await));
    let tried = arms(&|_| quote!(to.try_tell(msg)));
    let asked = arms(&|variant| quote!(to.ask(msg).await.map(#reply::#variant)));
    let docs = [
        "Sends the message as the one that it holds, and does not ask for its reply; waits for room.",
        "Sends the message as the one that it holds, and does not wait for room.",
        "Sends the message as the one that it holds, and asks for its reply.",
    ];
    let [told_docs, tried_docs, asked_docs] = docs;
    quote! {
        #(#block_cfgs)*
        #[allow(dead_code, private_interfaces, private_bounds, unused_variables, clippy::unused_async)]
        impl #params #name #arguments #clause {
            #[doc = #told_docs]
            ///
            /// # Errors
            ///
            /// As `ActorRef::tell`, with the message inside.
            #vis async fn tell_to #rest (
                self,
                to: &#krate::ActorRef<#self_ty>,
            ) -> ::core::result::Result<(), #krate::TellError<Self>> #rest_clause {
                match self { #told }
            }

            #[doc = #tried_docs]
            ///
            /// # Errors
            ///
            /// As `ActorRef::try_tell`, with the message inside.
            #vis fn try_tell_to #rest (
                self,
                to: &#krate::ActorRef<#self_ty>,
            ) -> ::core::result::Result<(), #krate::TryTellError<Self>> #rest_clause {
                match self { #tried }
            }

            #[doc = #asked_docs]
            ///
            /// # Errors
            ///
            /// As `ActorRef::ask`, with the message inside where it still exists.
            #vis async fn ask_to #rest (
                self,
                to: &#krate::ActorRef<#self_ty>,
            ) -> ::core::result::Result<#reply #of_reply, #krate::AskError<Self>> #rest_clause {
                match self { #asked }
            }
        }
    }
}

fn block_cfgs(block: &Block) -> Vec<&Attribute> {
    block.item.attrs.iter().filter(|attr| crate::parse::is_cfg(attr)).collect()
}

/// Without the defaults of parameters, which stand only where a type is declared.
fn bare(generics: &Generics) -> Generics {
    let mut bare = generics.clone();
    bare.type_params_mut().for_each(|param| param.default = None);
    bare
}
