//! The call methods: `account.deposit(1)`, by a trait that is implemented for `ActorRef<Account>`.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens as _, format_ident, quote};
use syn::ext::IdentExt as _;
use syn::{Attribute, Visibility};

use super::{allows, cfgs, docs, header, message, message_type};
use crate::check::{Field, Message, Plan, Work};
use crate::errors::shown;
use crate::fallback;
use crate::generics::send_static;
use crate::options::Api;
use crate::parse::{Block, actor_name, is_cfg};
use crate::reach::{Reach, reach};

/// One trait for each visibility among the methods, because the methods of a trait have none of their own:
/// with a single trait a private method could be called from everywhere.
pub(super) fn traits(block: &Block, plans: &[Plan]) -> TokenStream {
    let (Some(actor), false) = (actor_name(&block.item.self_ty), matches!(block.api, Api::Off)) else {
        return TokenStream::new();
    };
    let mut groups: Vec<Group<'_>> = Vec::new();
    for plan in plans {
        let Work::Message(message) = &plan.work else { continue };
        let Some(call) = &message.call else { continue };
        let vis = plan.vis.to_token_stream().to_string();
        match groups.iter_mut().find(|group| group.vis.to_token_stream().to_string() == vis) {
            Some(group) => group.calls.push((plan, message, call)),
            None => groups.push(Group { vis: &plan.vis, calls: vec![(plan, message, call)] }),
        }
    }
    groups.sort_by_key(|group| reach(group.vis));
    let mut names: Vec<Ident> = Vec::new();
    let mut traits = TokenStream::new();
    for group in &groups {
        let name = name(block, actor, group.vis, &names);
        traits.extend(tokens(block, group, &name));
        names.push(name);
    }
    traits
}

/// The call methods of one visibility.
struct Group<'a> {
    vis: &'a Visibility,
    calls: Vec<(&'a Plan, &'a Message, &'a Ident)>,
}

/// `AccountApi` for the methods that are seen farthest, `AccountPrivateApi` and so on for those behind.
fn name(block: &Block, actor: &Ident, vis: &Visibility, taken: &[Ident]) -> Ident {
    let part = match reach(vis) {
        _ if taken.is_empty() => "",
        Reach::Public => "Public",
        Reach::Crate => "Crate",
        Reach::Scope => "Scope",
        Reach::Private => "Private",
    };
    let name = match &block.api {
        Api::Named(name) => format_ident!("{name}{part}"),
        Api::Default | Api::Off => format_ident!("{}{part}Api", actor.unraw(), span = actor.span()),
    };
    // Two scopes (`pub(super)` and `pub(in …)`) reach equally far for all that can be seen here.
    let same = taken.iter().filter(|other| other.to_string().starts_with(&name.to_string())).count();
    if same > 0 && !part.is_empty() { format_ident!("{name}{}", same + 1) } else { name }
}

fn tokens(block: &Block, group: &Group<'_>, name: &Ident) -> TokenStream {
    let (krate, self_ty, vis) = (&block.krate, &block.item.self_ty, group.vis);
    let block_cfgs: Vec<&Attribute> = block.item.attrs.iter().filter(|attr| is_cfg(attr)).collect();
    let generics = send_static(&block.generics);
    let (params, clause) = header(&generics);
    let (_, arguments, _) = generics.split_for_impl();
    let docs = format!("The messages of `{}` as methods of its reference.", shown(self_ty));
    let declared = group.calls.iter().map(|(plan, made, call)| declaration(block, plan, made, call));
    let defined = group.calls.iter().map(|(plan, made, call)| definition(block, plan, made, call));
    quote! {
        #[doc = #docs]
        #(#block_cfgs)*
        #[allow(dead_code, private_interfaces, private_bounds)]
        #vis trait #name #params #clause {
            #(#declared)*
        }

        #(#block_cfgs)*
        #[automatically_derived]
        impl #params #name #arguments for #krate::ActorRef<#self_ty> #clause {
            #(#defined)*
        }
    }
}

fn declaration(block: &Block, plan: &Plan, made: &Message, call: &Ident) -> TokenStream {
    let (actor, method) = (shown(&block.item.self_ty), &plan.method);
    let docs = docs::copied(&plan.attrs, &actor, &format!("Sends the message of `{actor}::{method}`."));
    let deprecated = plan.attrs.iter().filter(|attr| attr.path().is_ident("deprecated"));
    let cfgs = cfgs(block, plan);
    let allows = allows(block, plan);
    let head = head(block, plan, made, call);
    quote! {
        #docs
        #(#cfgs)*
        #(#deprecated)*
        #(#allows)*
        #head;
    }
}

fn definition(block: &Block, plan: &Plan, made: &Message, call: &Ident) -> TokenStream {
    let krate = &block.krate;
    let cfgs = cfgs(block, plan);
    let head = head(block, plan, made, call);
    let body = if plan.broken {
        fallback::call()
    } else {
        let message = message::literal(made);
        quote!(#krate::__private::call(self, #message))
    };
    quote! {
        #(#cfgs)*
        #head {
            #body
        }
    }
}

/// `fn deposit(&self, amount: u64) -> Call<'_, ActorRef<Account>, Deposit>`.
fn head(block: &Block, plan: &Plan, made: &Message, call: &Ident) -> TokenStream {
    let (krate, self_ty) = (&block.krate, &block.item.self_ty);
    let generics = send_static(&plan.generics);
    let (params, clause) = header(&generics);
    let message = message_type(plan);
    let inputs = made.fields.iter().map(|Field { cfgs, name, ty, into, .. }| {
        if *into {
            quote!(#(#cfgs)* #name: impl ::core::convert::Into<#ty>)
        } else {
            quote!(#(#cfgs)* #name: #ty)
        }
    });
    quote! {
        fn #call #params (&self, #(#inputs),*) -> #krate::Call<'_, #krate::ActorRef<#self_ty>, #message> #clause
    }
}
