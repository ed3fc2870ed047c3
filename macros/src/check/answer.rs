//! How a method gives its reply, and of which type that is.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{GenericArgument, PathArguments, ReturnType, Signature, Type, parse_quote};

use super::Answers;
use crate::errors::Errors;
use crate::options::Way;
use crate::owned::{self, Place};

/// What is known of a method's reply.
pub(super) struct Answer {
    pub(super) answers: Answers,
    pub(super) reply: Type,
    /// Where a wrong reply is reported.
    pub(super) at: TokenStream,
}

/// `asked` is the `R` of the method's `ReplyTo<R>`, if it is deferred and has one.
pub(super) fn read(
    sig: &Signature,
    way: &Way,
    asked: Option<Type>,
    declared: &[Ident],
    errors: &mut Errors,
) -> Answer {
    if let (Some(blocking), Some(_)) = (&way.blocking, &sig.asyncness) {
        errors.at(
            blocking,
            "`blocking` is for work that never awaits, and this method may: drop `async`, or leave `blocking` out",
        );
    }
    if let (Some(_), Some(on_err)) = (&way.defer, &way.on_err) {
        errors.at(
            on_err,
            "a deferred method returns no `Err`: send it, `reply.send(Err(…))`, or fail with \
             `ctx.fail(error).await`",
        );
    }
    match (&way.defer, &way.on_err) {
        (Some(word), _) => deferred(sig, word, asked, declared, errors),
        (None, Some(word)) => or_fails(sig, word, declared, errors),
        (None, None) => Answer {
            answers: Answers::ByReturning,
            reply: reply(returned(&sig.output), declared, errors),
            at: at(sig),
        },
    }
}

/// The return type as it stands in the source, or the method's name.
fn at(sig: &Signature) -> TokenStream {
    match &sig.output {
        ReturnType::Default => sig.ident.to_token_stream(),
        ReturnType::Type(_, ty) => ty.to_token_stream(),
    }
}

fn returned(output: &ReturnType) -> Option<&Type> {
    match output {
        ReturnType::Default => None,
        ReturnType::Type(_, ty) => Some(ty),
    }
}

fn deferred(
    sig: &Signature,
    word: &Ident,
    asked: Option<Type>,
    declared: &[Ident],
    errors: &mut Errors,
) -> Answer {
    let is_unit = |ty: &&Type| matches!(ty, Type::Tuple(tuple) if tuple.elems.is_empty());
    if let Some(ty) = returned(&sig.output).filter(|ty| !is_unit(ty)) {
        errors.at(ty, "a deferred method answers by its `ReplyTo`: let it return nothing");
    }
    if asked.is_none() {
        errors.at(
            word,
            "`defer` hands the method the means to answer: take `reply: ReplyTo<R>`, where `R` is the reply",
        );
    }
    let at = asked.as_ref().map_or_else(|| sig.ident.to_token_stream(), |ty| ty.to_token_stream());
    Answer { answers: Answers::Later, reply: reply(asked.as_ref(), declared, errors), at }
}

fn or_fails(sig: &Signature, word: &Ident, declared: &[Ident], errors: &mut Errors) -> Answer {
    let output = returned(&sig.output);
    let arguments = output.and_then(result);
    let ok = arguments.as_ref().and_then(|types| types.first().copied());
    if ok.is_none() {
        let text = "`on_err = fail` is for a method that may return an `Err`: let it return a `Result<T, E>`, under that name";
        match output {
            Some(ty) => errors.at(ty, text),
            None => errors.at(word, text),
        }
    }
    let error = arguments.as_ref().and_then(|types| types.get(1).copied()).or(output);
    let answers = Answers::OrFails { at: error.map_or_else(|| word.span(), Spanned::span) };
    // The reply is only a part of the return type.
    let at = ok.map_or_else(|| at(sig), ToTokens::to_token_stream);
    Answer { answers, reply: reply(ok, declared, errors), at }
}

/// The types in `Result<…>`, under whatever path.
fn result(ty: &Type) -> Option<Vec<&Type>> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Result")?;
    let PathArguments::AngleBracketed(list) = &last.arguments else { return None };
    let types = list.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    Some(types.collect())
}

/// The reply type, or `()` in place of one that no reply can have.
fn reply(ty: Option<&Type>, declared: &[Ident], errors: &mut Errors) -> Type {
    let Some(ty) = ty else { return parse_quote!(()) };
    if let Type::Never(never) = ty {
        errors
            .at(never, "a handler that never returns blocks its actor for good: return a value, or nothing");
        return parse_quote!(());
    }
    owned::check(ty, Place::Reply, declared, errors);
    if owned::is_hopeless(ty) { parse_quote!(()) } else { ty.clone() }
}
