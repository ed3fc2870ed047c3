//! The `Handler` impl: from the message to the user's method.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::Path;

use super::{allows, cfgs, header, message_type};
use crate::check::{Answers, Arg, Field, Message, Plan, Work, all, condition, conditions};
use crate::fallback;
use crate::generics::{merged, send_static, turbofish};
use crate::parse::Block;

pub(super) fn tokens(block: &Block, plan: &Plan) -> TokenStream {
    if matches!(&plan.work, Work::Message(message) if message.is_twin) {
        return TokenStream::new();
    }
    let (krate, self_ty) = (&block.krate, &block.item.self_ty);
    let cfgs = cfgs(block, plan);
    let allows = allows(block, plan);
    // Whoever sends the message is warned, by the call method; the handler only does what it is told.
    let deprecated = plan
        .attrs
        .iter()
        .any(|attr| attr.path().is_ident("deprecated"))
        .then(|| quote!(#[allow(deprecated)]));
    let generics = send_static(&merged(&block.generics, &plan.generics));
    let (params, clause) = header(&generics);
    let message = message_type(plan);
    let implemented = match &plan.work {
        Work::Message(_) => quote!(#krate::Handler<#message>),
        // "It is not a message" is about the type in the parameter, so it is reported there.
        Work::Handler(ty) => over(ty, quote!(#krate::Handler<#message>)),
    };
    let reply = &plan.reply;
    let future = quote!(impl ::core::future::Future<Output = #reply> + ::core::marker::Send);
    // "The future is not `Send`" and "it gives another type" are about the method. A message of its own has
    // no other reply than the method, so only a `#[handler]` can have the wrong one.
    let future = match &plan.work {
        Work::Message(_) => over(&plan.method, future),
        Work::Handler(_) => over(&plan.reply_at, future),
    };
    let (msg, ctx) = locals(plan);
    let body = body(krate, plan);
    quote! {
        #(#cfgs)*
        #[automatically_derived]
        #deprecated
        #(#allows)*
        impl #params #implemented for #self_ty #clause {
            fn handle(&mut self, #msg: #message, #ctx: &mut #krate::Context<Self>) -> #future {
                #body
            }
        }
    }
}

/// `msg` and `ctx`, or `_` where the method does not need them.
///
/// They are hygienic: a field called `ctx` is another variable.
fn locals(plan: &Plan) -> (TokenStream, TokenStream) {
    let named = |name: &str, is_used: bool| match is_used && !plan.broken {
        true => Ident::new(name, Span::mixed_site()).into_token_stream(),
        false => quote!(_),
    };
    let takes_message = plan.args.iter().any(|arg| matches!(arg, Arg::Field(_) | Arg::Message));
    let takes_context = !matches!(plan.answers, Answers::ByReturning)
        || plan.args.iter().any(|arg| matches!(arg, Arg::Context));
    (named("msg", takes_message), named("ctx", takes_context))
}

fn body(krate: &Path, plan: &Plan) -> TokenStream {
    if plan.broken {
        return fallback::handle();
    }
    let Work::Message(message) = &plan.work else { return call(krate, plan, &|_| true) };
    let fields: Vec<TokenStream> =
        message.fields.iter().map(|Field { cfgs, name, .. }| quote!(#(#cfgs)* #name)).collect();
    let taken = (!fields.is_empty()).then(|| {
        let name = &message.name;
        let msg = Ident::new("msg", Span::mixed_site());
        quote!(let #name { #(#fields,)* .. } = #msg;)
    });
    let calls = conditional_calls(krate, plan, message);
    quote!(#taken #calls)
}

/// The call, once for each combination of the `#[cfg]`s on parameters: Rust has no conditional arguments.
fn conditional_calls(krate: &Path, plan: &Plan, message: &Message) -> TokenStream {
    let conditions = conditions(&message.fields);
    if conditions.is_empty() {
        return call(krate, plan, &|_| true);
    }
    let mut calls = TokenStream::new();
    for combination in 0..1_usize << conditions.len() {
        let holds = |at: usize| combination & (1 << at) != 0;
        let parts = conditions
            .iter()
            .enumerate()
            .map(|(at, condition)| if holds(at) { condition.clone() } else { quote!(not(#condition)) });
        let cfg = all(&parts.collect::<Vec<_>>());
        let call = call(krate, plan, &|field| match condition(field) {
            None => true,
            Some(own) => {
                conditions.iter().position(|known| known.to_string() == own.to_string()).is_none_or(holds)
            }
        });
        calls.extend(quote!(#[cfg(#cfg)] { #call }));
    }
    calls
}

/// The call of the user's method, as a future of the reply.
///
/// An async method's own future is handed on, not wrapped: a wrapper would hold the message a second time.
fn call(krate: &Path, plan: &Plan, is_there: &dyn Fn(&Field) -> bool) -> TokenStream {
    let call = bare_call(plan, is_there);
    let call = match &plan.blocking {
        Some(word) => in_place(krate, word, &call),
        None => call,
    };
    let ctx = local("ctx");
    match plan.answers {
        Answers::ByReturning if plan.is_async => call,
        Answers::ByReturning => quote!(::core::future::ready(#call)),
        Answers::OrFails { at } => {
            let call = if plan.is_async { quote!(#call.await) } else { call };
            let reply = local("reply");
            let error = Ident::new("error", Span::mixed_site());
            let blamed = Ident::new("error", Span::mixed_site().located_at(at));
            quote! {
                async move {
                    match #call {
                        ::core::result::Result::Ok(#reply) => #reply,
                        ::core::result::Result::Err(#error) => {
                            #ctx.fail(#krate::__private::cause(#blamed)).await
                        }
                    }
                }
            }
        }
        Answers::Later => {
            let (reply, answer) = (local("reply"), local("answer"));
            // The context is still needed when the method is through.
            let lent = plan.args.iter().any(|arg| matches!(arg, Arg::Context));
            let lent = lent.then(|| quote!(let #ctx = &mut *#ctx;));
            let call = if plan.is_async { call } else { quote!({ #lent async move { #call } }) };
            quote! {
                async move {
                    let (#reply, #answer) = #krate::__private::reply_to(#ctx).await;
                    #answer.holding(#call).await;
                    #krate::__private::answered_later(#ctx).await
                }
            }
        }
    }
}

/// A variable that is hygienic: a field of the same name is another one.
fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

fn bare_call(plan: &Plan, is_there: &dyn Fn(&Field) -> bool) -> TokenStream {
    let args = plan.args.iter().filter_map(|arg| match (arg, &plan.work) {
        (Arg::Context, _) => Some(local("ctx")),
        (Arg::Reply, _) => Some(local("reply")),
        (Arg::Message, _) => Some(local("msg")),
        (Arg::Field(at), Work::Message(message)) => {
            let field = &message.fields[*at];
            is_there(field).then(|| field.name.clone())
        }
        (Arg::Field(_), Work::Handler(_)) => None,
    });
    let method = &plan.method;
    let generics = turbofish(&plan.generics);
    quote!(Self::#method #generics (self, #(#args),*))
}

/// A call that may hold its thread: the other tasks of the worker go elsewhere first, where there is an elsewhere.
///
/// tokio has `block_in_place` only with its feature `rt-multi-thread`, which is the application's to choose. So
/// it is named here, in the application's code: without the feature the error is on the word `blocking`.
fn in_place(krate: &Path, word: &Ident, call: &TokenStream) -> TokenStream {
    let block_in_place = Ident::new("block_in_place", word.span());
    quote! {
        if #krate::__private::has_other_workers() {
            #krate::__private::task::#block_in_place(|| #call)
        } else {
            #call
        }
    }
}

/// `tokens` with the spans of `place`, so that what rustc says about them is shown there.
///
/// The last token gets the last span: rustc underlines from the first token to the last.
fn over(place: impl ToTokens, tokens: TokenStream) -> TokenStream {
    let mut spans = place.into_token_stream().into_iter().map(|token| token.span());
    let first = spans.next().unwrap_or_else(Span::call_site);
    let last = spans.last().unwrap_or(first);
    let mut tokens: Vec<TokenTree> = tokens.into_iter().collect();
    // Located there, and still known as generated: no lint may take them for the user's own.
    let at = |place: Span| Span::call_site().located_at(place);
    tokens.iter_mut().for_each(|token| token.set_span(at(first)));
    if let Some(token) = tokens.last_mut() {
        token.set_span(at(last));
    }
    tokens.into_iter().collect()
}
