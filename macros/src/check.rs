//! Second step: what is meant. Turns each marked method into a [`Plan`], and notes every mistake on its
//! token.
//!
//! A plan is made even of a method with mistakes, with the bad parts mended (`'a` → `'static`) or left out.
//! `fallback` builds its types from that, so that the code around it goes on compiling and one mistake stays
//! one error.

mod answer;
mod names;
mod parameters;
mod protocol;
mod signature;

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use syn::visit_mut::VisitMut as _;
use syn::{Attribute, GenericParam, Generics, Path, Type, Visibility};

use self::answer::Answer;
pub(crate) use self::parameters::{all, condition, conditions};
pub(crate) use self::protocol::{Protocol, Variant};
use crate::errors::Errors;
use crate::generics::{self, Needed, ReplaceSelf};
use crate::options::Policy;
use crate::owned::{self, Place};
use crate::parse::{self, Block, Method, Role};

/// One marked method, understood.
///
/// There is none for a `#[handler]` without a message: it would implement nothing.
pub(crate) struct Plan {
    pub(crate) work: Work,
    pub(crate) method: Ident,
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) is_async: bool,
    /// The method's own parameters, without lifetimes.
    pub(crate) generics: Generics,
    /// What the method is called with, in its order.
    pub(crate) args: Vec<Arg>,
    pub(crate) answers: Answers,
    /// `blocking`: the word, where a runtime that has no other workers is reported.
    pub(crate) blocking: Option<Ident>,
    pub(crate) reply: Type,
    /// The return type as it stands in the source, or the method's name: where a wrong reply is reported.
    pub(crate) reply_at: TokenStream,
    /// `protocol = false`: the word.
    pub(crate) out_of_protocol: Option<Ident>,
    /// Something is wrong with it: the method is not to be called.
    pub(crate) broken: bool,
}

/// How the method gives its reply.
pub(crate) enum Answers {
    /// It returns it.
    ByReturning,
    /// It returns it, or an error that fails the actor; one that cannot is reported here.
    OrFails { at: proc_macro2::Span },
    /// It has a `ReplyTo`.
    Later,
}

/// What comes of a method.
pub(crate) enum Work {
    /// A message of its own.
    Message(Box<Message>),
    /// The handler of a message that exists, of this type.
    Handler(Box<Type>),
}

/// A message struct to be written.
pub(crate) struct Message {
    pub(crate) name: Ident,
    pub(crate) vis: Visibility,
    /// The name of its call method. `None` for one that another method has already.
    pub(crate) call: Option<Ident>,
    pub(crate) fields: Vec<Field>,
    pub(crate) needed: Needed,
    pub(crate) derives: Vec<Path>,
    pub(crate) policy: Policy,
    /// Where a field that is not `Send` is reported.
    pub(crate) parameters_at: proc_macro2::Span,
    /// Another method of the block makes a struct of this name already.
    pub(crate) is_twin: bool,
}

/// A parameter of the method, and so a field of its message.
pub(crate) struct Field {
    /// Documentation, `#[serde(…)]` and the like, without cfgs.
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    /// `#[msg(into)]`.
    pub(crate) into: bool,
    /// False for a mended parameter whose type no field can have.
    pub(crate) stored: bool,
}

/// One argument of the call of the user's method.
pub(crate) enum Arg {
    /// `&mut Context<Self>`.
    Context,
    /// The `ReplyTo` of a deferred method.
    Reply,
    /// The field at this index.
    Field(usize),
    /// The whole message, in a `#[handler]`.
    Message,
}

/// The plans of a block, or `None` if even the actor's type cannot be used.
pub(crate) fn block(block: &mut Block, errors: &mut Errors) -> Option<(Vec<Plan>, Option<Protocol>)> {
    if !actor(block, errors) {
        return None;
    }
    let methods = std::mem::take(&mut block.methods);
    let plans: Vec<Plan> = methods.into_iter().filter_map(|method| plan(block, method, errors)).collect();
    let mut plans = names::twins(plans, errors);
    let protocol = protocol::of(block, &mut plans, errors);
    Some((plans, protocol))
}

/// The type of the block must be one that can be an actor.
fn actor(block: &Block, errors: &mut Errors) -> bool {
    let before = errors.len();
    let self_ty = &block.item.self_ty;
    if parse::actor_name(self_ty).is_none() {
        errors.at(self_ty, "an actor is a struct or an enum: put `#[messages]` on `impl Account { … }`");
        return false;
    }
    for param in block.item.generics.lifetimes() {
        errors.at(
            &param.lifetime,
            "an actor outlives whoever starts it, so it cannot borrow: let it own its state (`String`, \
             `Arc<T>`)",
        );
    }
    if errors.len() == before {
        let mut borrowed = Errors::default();
        owned::check(self_ty, Place::Parameter, &[], &mut borrowed);
        if borrowed.len() > 0 {
            errors.at(
                self_ty,
                "an actor outlives whoever starts it, so it cannot borrow: put `'static` or an owned \
                 type here",
            );
        }
    }
    errors.len() == before
}

fn plan(block: &Block, method: Method, errors: &mut Errors) -> Option<Plan> {
    let before = errors.len();
    let Method { role, attrs, vis, sig, misread } = method;
    let declared: Vec<Ident> = sig.generics.lifetimes().map(|param| param.lifetime.ident.clone()).collect();
    signature::check(&sig, errors);

    let mut own = generics::merged(&Generics::default(), &sig.generics);
    let mut parameters = parameters::read(&sig, &role, &declared, errors);
    let Answer { answers, mut reply, at: reply_at } =
        answer::read(&sig, role.way(), parameters.reply.take(), &declared, errors);

    // From here on the types are used outside the `impl`, where `Self` is something else.
    let mut replace = ReplaceSelf(&block.item.self_ty);
    replace.visit_type_mut(&mut reply);
    replace.visit_generics_mut(&mut own);
    for field in &mut parameters.fields {
        replace.visit_type_mut(&mut field.ty);
    }
    if let Some(ty) = &mut parameters.message {
        replace.visit_type_mut(ty);
    }
    if misread || errors.len() > before {
        owned::mend(&mut reply);
        owned::mend_generics(&mut own);
        parameters.mend();
    }

    let (blocking, out_of_protocol) = (role.way().blocking.clone(), role.way().out_of_protocol.clone());
    let work = match role {
        Role::Handler(_) => {
            let ty = parameters.message.take()?;
            let reached = generics::mentions(&own, &ty);
            drop_unreached(&mut own, &reached, "the message", errors);
            Work::Handler(Box::new(ty))
        }
        Role::Message(options) => {
            let stored: Vec<&Type> = parameters.fields.iter().filter(|f| f.stored).map(|f| &f.ty).collect();
            let all = generics::merged(&block.generics, &own);
            let needed = generics::needed(&all, &stored, &reply);
            let reached: BTreeSet<Ident> =
                needed.generics.params.iter().filter_map(generics::name).cloned().collect();
            drop_unreached(&mut own, &reached, "a parameter or in the reply", errors);
            let call = names::of_call(block, options.call, &sig.ident, errors);
            let name = names::of_struct(block, options.name, &sig.ident, errors);
            Work::Message(Box::new(Message {
                name,
                vis: options.vis.unwrap_or_else(|| vis.clone()),
                call: Some(call),
                fields: parameters.fields,
                needed,
                derives: options.derives,
                policy: options.policy,
                parameters_at: sig.paren_token.span.join(),
                is_twin: false,
            }))
        }
    };
    Some(Plan {
        work,
        method: sig.ident,
        attrs,
        vis,
        is_async: sig.asyncness.is_some(),
        generics: own,
        args: parameters.args,
        answers,
        blocking,
        out_of_protocol,
        reply,
        reply_at,
        broken: misread || errors.len() > before,
    })
}

/// Drops the generic parameters that the message does not carry: whoever sends it could not choose them.
fn drop_unreached(own: &mut Generics, reached: &BTreeSet<Ident>, place: &str, errors: &mut Errors) {
    for param in &own.params {
        let Some(name) = generics::name(param).filter(|name| !reached.contains(name)) else { continue };
        let kind = if matches!(param, GenericParam::Const(_)) { "const" } else { "type" };
        errors.at(
            name,
            format!(
                "the message cannot say which `{name}` is meant: use the {kind} parameter in \
                {place}, or drop it"
            ),
        );
    }
    *own = generics::restricted(own, reached);
}
