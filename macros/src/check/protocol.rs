//! The protocol of a block: which messages are in the enum, and under which names.

use std::collections::BTreeSet;

use proc_macro2::Ident;
use quote::{format_ident, quote};
use syn::{Generics, Type, Visibility};

use super::{Plan, Work};
use crate::errors::Errors;
use crate::generics;
use crate::options::{EnumOptions, ProtocolOptions};
use crate::parse::{Block, is_cfg};
use crate::reach::reach;

/// The enum of a block's messages, and that of their replies.
pub(crate) struct Protocol {
    pub(crate) name: Ident,
    pub(crate) vis: Visibility,
    pub(crate) messages: EnumOptions,
    pub(crate) reply: Ident,
    pub(crate) replies: EnumOptions,
    pub(crate) variants: Vec<Variant>,
    /// The parameters of the enum of messages.
    pub(crate) generics: Generics,
    /// The parameters of the enum of replies.
    pub(crate) of_replies: Generics,
    /// The parameters of the actor that no message mentions.
    pub(crate) rest: Generics,
}

/// A message in the protocol.
pub(crate) struct Variant {
    /// The index of its plan.
    pub(crate) plan: usize,
    pub(crate) name: Ident,
}

/// Says which plans are in, and what is wrong with them. Messages in it get its derives.
pub(super) fn of(block: &mut Block, plans: &mut [Plan], errors: &mut Errors) -> Option<Protocol> {
    let Some(ProtocolOptions { name, vis, kind, reply }) = block.protocol.take() else {
        for word in plans.iter().filter_map(|plan| plan.out_of_protocol.as_ref()) {
            errors.at(word, "the block has no protocol to be left out of: drop this");
        }
        return None;
    };
    let name = free(name, plans, errors);
    let vis = vis.unwrap_or_else(|| farthest(plans));
    let mut variants = Vec::new();
    for (at, plan) in plans.iter_mut().enumerate() {
        if plan.out_of_protocol.is_some() || !is_seen(plan, &vis) {
            continue;
        }
        if let Some(variant) = variant(plan, &name, errors) {
            variants.push(Variant { plan: at, name: variant });
        }
        if let Work::Message(message) = &mut plan.work {
            let known: BTreeSet<String> = message.derives.iter().filter_map(trait_name).collect();
            let new =
                kind.derives.iter().filter(|path| trait_name(path).is_none_or(|name| !known.contains(&name)));
            message.derives.extend(new.cloned());
        }
    }
    twins(plans, &mut variants, &name, errors);
    let all =
        variants.iter().fold(generics::merged(&block.generics, &Generics::default()), |all, variant| {
            generics::merged(&all, &generics::merged(&Generics::default(), &plans[variant.plan].generics))
        });
    let wanted = mentioned(&all, plans, &variants);
    let replied = variants.iter().flat_map(|at| generics::mentions(&all, &plans[at.plan].reply)).collect();
    Some(Protocol {
        reply: reply.name.clone().unwrap_or_else(|| format_ident!("{name}Reply")),
        name,
        vis,
        messages: kind,
        replies: reply,
        variants,
        generics: generics::restricted(&all, &wanted),
        of_replies: generics::restricted(&all, &replied),
        rest: generics::without(&all, &wanted),
    })
}

/// The visibility of the messages that are seen farthest.
fn farthest(plans: &[Plan]) -> Visibility {
    let visible = plans.iter().filter_map(|plan| match &plan.work {
        Work::Message(message) => Some(&message.vis),
        Work::Handler(_) => None,
    });
    visible.min_by_key(|vis| reach(vis)).cloned().unwrap_or(Visibility::Inherited)
}

/// Whoever can name the protocol may send what is in it. A message that exists can be sent by all who name it.
fn is_seen(plan: &Plan, vis: &Visibility) -> bool {
    match &plan.work {
        Work::Message(message) => !message.is_twin && reach(&message.vis) <= reach(vis),
        Work::Handler(_) => true,
    }
}

fn variant(plan: &Plan, protocol: &Ident, errors: &mut Errors) -> Option<Ident> {
    if let Some(param) = plan.generics.params.iter().find_map(generics::name) {
        let method = &plan.method;
        let marker = if matches!(plan.work, Work::Message(_)) { "message" } else { "handler" };
        errors.at(
            param,
            format!(
                "`{method}` makes a message for each `{param}`, and `{protocol}` has one variant for a method: \
                 leave it out, `#[{marker}(protocol = false)]`"
            ),
        );
        return None;
    }
    match &plan.work {
        Work::Message(message) => Some(message.name.clone()),
        Work::Handler(ty) => match &**ty {
            Type::Path(path) => path.path.segments.last().map(|last| last.ident.clone()),
            _ => None,
        },
    }
}

/// The name, unless a message has it. The fallback must not define what the error warns of.
fn free(name: Ident, plans: &[Plan], errors: &mut Errors) -> Ident {
    let named = |plan: &&Plan| matches!(&plan.work, Work::Message(message) if message.name == name);
    let Some(plan) = plans.iter().find(named) else { return name };
    let method = &plan.method;
    errors.at(&name, format!("`{method}` makes a message of that name: choose another for the protocol"));
    format_ident!("{name}Protocol")
}

/// Two variants of one name.
fn twins(plans: &[Plan], variants: &mut Vec<Variant>, protocol: &Ident, errors: &mut Errors) {
    let mut seen: Vec<(Ident, Ident)> = Vec::new();
    variants.retain(|variant| {
        let plan = &plans[variant.plan];
        let method = &plan.method;
        if plan.attrs.iter().any(is_cfg) {
            return true;
        }
        let Some((_, first)) = seen.iter().find(|(name, _)| *name == variant.name) else {
            seen.push((variant.name.clone(), method.clone()));
            return true;
        };
        errors.at(
            quote!(#first #method),
            format!(
                "the messages of `{first}` and `{method}` would both be `{protocol}::{}`: leave one out, \
                 `protocol = false`",
                variant.name
            ),
        );
        false
    });
}

fn mentioned(all: &Generics, plans: &[Plan], variants: &[Variant]) -> BTreeSet<Ident> {
    let of = |variant: &Variant| match &plans[variant.plan].work {
        Work::Message(message) => {
            message.needed.generics.params.iter().filter_map(generics::name).cloned().collect()
        }
        Work::Handler(ty) => generics::mentions(all, ty),
    };
    variants.iter().flat_map(of).collect()
}

fn trait_name(path: &syn::Path) -> Option<String> {
    path.segments.last().map(|last| last.ident.to_string())
}
