//! The parameters of a method: which is the context, which are fields, and what a field cannot be.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::spanned::Spanned as _;
use syn::{Attribute, FnArg, GenericArgument, Meta, Pat, PatType, PathArguments, Signature, Type};

use super::{Arg, Field};
use crate::errors::Errors;
use crate::options;
use crate::owned::{self, Place};
use crate::parse::{Role, is_cfg, is_lint};

/// The call of the method is written once for each combination of conditions, and each condition doubles
/// them.
const MAX_CONDITIONS: usize = 4;

/// The parameters behind `self`.
#[derive(Default)]
pub(super) struct Parameters {
    pub(super) fields: Vec<Field>,
    /// The type of the message that a `#[handler]` takes.
    pub(super) message: Option<Type>,
    /// What a deferred method answers: the `R` of its `ReplyTo<R>`.
    pub(super) reply: Option<Type>,
    pub(super) args: Vec<Arg>,
}

impl Parameters {
    /// Makes types that exist of types that do not, for the fallback.
    pub(super) fn mend(&mut self) {
        let fields = self.fields.iter_mut().map(|field| &mut field.ty);
        fields.chain(&mut self.message).for_each(owned::mend);
    }
}

pub(super) fn read(sig: &Signature, role: &Role, declared: &[Ident], errors: &mut Errors) -> Parameters {
    let mut read = Parameters::default();
    let mut has_context = false;
    let typed = sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(input) => Some(input),
        FnArg::Receiver(_) => None,
    });
    for (at, input) in typed.enumerate() {
        match context(&input.ty) {
            Some(Lent::ByReference) => {
                if std::mem::replace(&mut has_context, true) {
                    errors.at(&input.ty, "there is one context: take it once");
                } else if let Some(cfg) = input.attrs.iter().find(|attr| is_cfg(attr)) {
                    errors.at(cfg, "the context is always there: put the `#[cfg]` on the code that uses it");
                }
                read.args.push(Arg::Context);
            }
            Some(Lent::ByValue) => {
                errors.at(
                    &input.ty,
                    "the context belongs to the actor and is only lent: write `&mut Context<Self>`",
                );
                read.args.push(Arg::Context);
            }
            None if role.way().defer.is_some() && answered(&input.ty).is_some() => {
                if read.reply.is_some() {
                    errors.at(&input.ty, "a message has one asker: take one `ReplyTo`");
                } else if let Some(cfg) = input.attrs.iter().find(|attr| is_cfg(attr)) {
                    errors.at(cfg, "the asker is always answered: put the `#[cfg]` on the code that does it");
                }
                read.reply = read.reply.or_else(|| answered(&input.ty).cloned());
                read.args.push(Arg::Reply);
            }
            None => match role {
                Role::Message(_) => {
                    read.args.push(Arg::Field(read.fields.len()));
                    read.fields.push(field(at, input, declared, errors));
                }
                Role::Handler(_) => message(input, declared, &mut read, errors),
            },
        }
    }
    let conditions = conditions(&read.fields);
    if conditions.len() > MAX_CONDITIONS {
        errors.at(
            &sig.ident,
            format!(
                "the parameters depend on {} different `#[cfg]`s, more than {MAX_CONDITIONS}: put \
                them into a struct",
                conditions.len()
            ),
        );
    }
    if matches!(role, Role::Handler(_)) && read.message.is_none() {
        errors.at(&sig.ident, "a `#[handler]` takes the message that it handles, by value: `msg: Transfer`");
    }
    read
}

/// How a parameter takes the context, if it is one.
enum Lent {
    ByReference,
    ByValue,
}

/// The context is known by its type: `Context<Self>` under any path, with exactly one type argument
/// (so that `std::task::Context<'_>` is not taken for it).
fn context(ty: &Type) -> Option<Lent> {
    match ty {
        Type::Reference(reference) => is_context(&reference.elem).then_some(Lent::ByReference),
        other => is_context(other).then_some(Lent::ByValue),
    }
}

fn is_context(ty: &Type) -> bool {
    argument_of(ty, "Context").is_some()
}

/// The `R` of `ReplyTo<R>`.
fn answered(ty: &Type) -> Option<&Type> {
    argument_of(ty, "ReplyTo")
}

/// The only type argument of a type of this name.
fn argument_of<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == name)?;
    let PathArguments::AngleBracketed(list) = &last.arguments else { return None };
    match list.args.first() {
        Some(GenericArgument::Type(ty)) if list.args.len() == 1 => Some(ty),
        _ => None,
    }
}

fn field(at: usize, input: &PatType, declared: &[Ident], errors: &mut Errors) -> Field {
    owned::check(&input.ty, Place::Parameter, declared, errors);
    let name = match &*input.pat {
        Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => Some(pat.ident.clone()),
        _ => None,
    };
    let name = name.unwrap_or_else(|| {
        let text = match &*input.pat {
            Pat::Wild(_) => "a parameter names a field of the message: write a name, like `_unused`",
            _ => {
                "a parameter names a field of the message: write a name, and take the value apart in the body"
            }
        };
        errors.at(&input.pat, text);
        format_ident!("field{at}", span = input.pat.span())
    });
    let mut into = false;
    let mut attrs: Vec<Attribute> = Vec::new();
    let mut cfgs: Vec<Attribute> = Vec::new();
    for attr in &input.attrs {
        if attr.path().is_ident("msg") {
            into |= options::into(attr, errors);
        } else if is_cfg(attr) {
            cfgs.push(attr.clone());
        } else if !is_lint(attr) {
            attrs.push(attr.clone());
        }
    }
    let stored = !owned::is_hopeless(&input.ty);
    Field { attrs, cfgs, name, ty: (*input.ty).clone(), into, stored }
}

/// The different conditions on the fields.
pub(crate) fn conditions(fields: &[Field]) -> Vec<TokenStream> {
    let mut conditions: Vec<TokenStream> = Vec::new();
    for condition in fields.iter().filter_map(condition) {
        if !conditions.iter().any(|known| known.to_string() == condition.to_string()) {
            conditions.push(condition);
        }
    }
    conditions
}

/// What stands in the `#[cfg(…)]`s of a field.
pub(crate) fn condition(field: &Field) -> Option<TokenStream> {
    let inside = |attr: &Attribute| match &attr.meta {
        Meta::List(list) => Some(list.tokens.clone()),
        _ => None,
    };
    let conditions: Vec<TokenStream> = field.cfgs.iter().filter_map(inside).collect();
    (!conditions.is_empty()).then(|| all(&conditions))
}

/// All of the conditions, without an `all(…)` around a single one, which clippy would call superfluous.
pub(crate) fn all(conditions: &[TokenStream]) -> TokenStream {
    match conditions {
        [only] => only.clone(),
        _ => quote!(all(#(#conditions),*)),
    }
}

/// The parameters of a `#[handler]`: the first is the message, and there is no second.
fn message(input: &PatType, declared: &[Ident], read: &mut Parameters, errors: &mut Errors) {
    if read.message.is_some() {
        errors.at(
            input,
            "a `#[handler]` takes one message: put this into it, or make the method a `#[message]` of \
             its own",
        );
        return;
    }
    match &*input.ty {
        Type::Reference(reference) if reference.lifetime.is_none() => {
            let owned = crate::errors::shown(&reference.elem);
            errors.at(reference, format!("a handler is given the message itself: take `{owned}` by value"));
            read.message = Some((*reference.elem).clone());
        }
        ty => {
            owned::check(ty, Place::Parameter, declared, errors);
            read.message = Some(ty.clone());
        }
    }
    read.args.push(Arg::Message);
}
