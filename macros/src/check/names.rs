//! Names of the message structs.

#[cfg(test)]
mod tests;

use proc_macro2::Ident;
use quote::quote;
use syn::ext::IdentExt as _;

use super::{Plan, Work};
use crate::errors::{Errors, shown};
use crate::generics;
use crate::options::Api;
use crate::parse::{Block, actor_name, is_cfg};

/// Type names that nearly every module relies on: a message struct of that name would break the code around
/// it.
const PRELUDE_TYPES: [&str; 9] = ["Option", "Some", "None", "Result", "Ok", "Err", "Box", "String", "Vec"];

/// Methods that a reference has itself. They win over those of a trait, so a call method of that name would
/// never be called.
const REFERENCE_METHODS: [&str; 19] = [
    "ask",
    "ask_all",
    "clone",
    "downgrade",
    "ended",
    "handle",
    "identity",
    "kill",
    "ledger",
    "recipient",
    "sink",
    "status",
    "stop",
    "stop_now",
    "tell",
    "tell_all",
    "try_ask",
    "try_tell",
    "try_tell_many",
];

/// The name of the call method of `method`: `chosen`, or the method's. It must be the one that is called.
pub(super) fn of_call(block: &Block, chosen: Option<Ident>, method: &Ident, errors: &mut Errors) -> Ident {
    let is_off = matches!(block.api, Api::Off);
    if let Some(chosen) = chosen.as_ref().filter(|_| is_off) {
        errors.at(chosen, "the block makes no call methods, `api = false`: leave `call` out");
    }
    let name = chosen.unwrap_or_else(|| method.clone());
    if !is_off && REFERENCE_METHODS.iter().any(|known| name == known) {
        errors.at(
            &name,
            format!(
                "a reference has its own `{name}`, which would be called instead: choose another name for the call \
                 method, `#[message(call = …)]`"
            ),
        );
    }
    name
}

/// The name of the struct of `method`: `chosen`, or made from the method's.
pub(super) fn of_struct(block: &Block, chosen: Option<Ident>, method: &Ident, errors: &mut Errors) -> Ident {
    if let Some(chosen) = chosen {
        return chosen;
    }
    let Some(plain) = camel(method) else {
        errors.at(
            method,
            format!("no struct name can be made of `{method}`: choose one, `#[message(name = …)]`"),
        );
        return Ident::new("Unnamed", method.span());
    };
    let name = match &block.prefix {
        Some(prefix) => Ident::new(&format!("{}{plain}", prefix.unraw()), method.span()),
        None => plain,
    };
    let hidden = if actor_name(&block.item.self_ty) == Some(&name) {
        Some("it is the actor's own name")
    } else if PRELUDE_TYPES.iter().any(|known| name == known) {
        Some("every module needs the one of that name in the prelude")
    } else {
        None
    };
    if let Some(why) = hidden {
        errors.at(
            method,
            format!(
                "the message would be called `{name}`, but {why}: choose another, `#[message(name = …)]`"
            ),
        );
        // The fallback must not define what the error warns of.
        return Ident::new(&format!("{name}Message"), method.span());
    }
    name
}

/// Two methods that make one struct or one call method, or handle one type. The second handler is dropped; the
/// second message keeps only what it makes alone.
///
/// Methods under `#[cfg]` are left to rustc: only one of them may be there.
pub(super) fn twins(mut plans: Vec<Plan>, errors: &mut Errors) -> Vec<Plan> {
    calls(&mut plans, errors);
    structs(plans, errors)
}

fn is_free(plan: &Plan) -> bool {
    !plan.attrs.iter().any(is_cfg)
}

/// Only a chosen name can be that of another method.
fn calls(plans: &mut [Plan], errors: &mut Errors) {
    let mut seen: Vec<(Ident, Ident)> = Vec::new();
    for plan in plans.iter_mut().filter(|plan| is_free(plan)) {
        let Work::Message(message) = &mut plan.work else { continue };
        let Some(call) = &message.call else { continue };
        match seen.iter().find(|(known, _)| known.unraw() == call.unraw()) {
            None => seen.push((call.clone(), plan.method.clone())),
            Some((_, first)) if first != &plan.method => {
                let method = &plan.method;
                errors.at(
                    quote!(#first #method),
                    format!(
                        "`{first}` and `{method}` both make a call method `{call}`: choose another for one, \
                         `#[message(call = …)]`"
                    ),
                );
                message.call = None;
                plan.broken = true;
            }
            Some(_) => {}
        }
    }
}

fn structs(plans: Vec<Plan>, errors: &mut Errors) -> Vec<Plan> {
    let mut seen: Vec<Plan> = Vec::new();
    for mut plan in plans {
        let twin = seen.iter().find(|first| is_free(first) && is_free(&plan) && are_twins(first, &plan));
        let Some(first) = twin else {
            seen.push(plan);
            continue;
        };
        let (one, other) = (&first.method, &plan.method);
        // From the first name to the second: one error that shows both places.
        let both = quote!(#one #other);
        match &mut plan.work {
            Work::Message(message) => {
                let name = &message.name;
                errors.at(
                    both,
                    format!(
                        "`{one}` and `{other}` both make a message `{name}`: rename one, \
                        `#[message(name = …)]`"
                    ),
                );
                message.is_twin = true;
                plan.broken = true;
                seen.push(plan);
            }
            Work::Handler(ty) => {
                errors.at(both, format!("`{one}` and `{other}` both handle `{}`: keep one", shown(ty)))
            }
        }
    }
    seen
}

fn are_twins(first: &Plan, second: &Plan) -> bool {
    match (&first.work, &second.work) {
        (Work::Message(first), Work::Message(second)) => first.name == second.name,
        (Work::Handler(first), Work::Handler(second)) => generics::same(first, second),
        _ => false,
    }
}

/// `make_deposit` → `MakeDeposit`, `r#type` → `Type`.
///
/// `None` when no identifier comes out: `_1` would be `1`, and `self_` would be `Self`.
/// The span stays that of the method, so go-to-definition on the struct lands there.
fn camel(method: &Ident) -> Option<Ident> {
    let mut name = String::new();
    for word in method.unraw().to_string().split('_') {
        let mut letters = word.chars();
        name.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        name.push_str(letters.as_str());
    }
    let usable = name != "Self" && name.chars().next().is_some_and(|first| !first.is_ascii_digit());
    usable.then(|| Ident::new(&name, method.span()))
}
