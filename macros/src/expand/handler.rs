//! The `Handler` impl: from the message to the user's method.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};

use super::{allows, cfgs, header, message_type};
use crate::check::{Arg, Field, Message, Plan, Work, all, condition, conditions};
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
    let body = body(plan);
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
    let takes_message = plan.args.iter().any(|arg| !matches!(arg, Arg::Context));
    let takes_context = plan.args.iter().any(|arg| matches!(arg, Arg::Context));
    (named("msg", takes_message), named("ctx", takes_context))
}

fn body(plan: &Plan) -> TokenStream {
    if plan.broken {
        return fallback::handle();
    }
    let Work::Message(message) = &plan.work else { return call(plan, &|_| true) };
    let fields: Vec<TokenStream> =
        message.fields.iter().map(|Field { cfgs, name, .. }| quote!(#(#cfgs)* #name)).collect();
    let taken = (!fields.is_empty()).then(|| {
        let name = &message.name;
        let msg = Ident::new("msg", Span::mixed_site());
        quote!(let #name { #(#fields,)* .. } = #msg;)
    });
    let calls = conditional_calls(plan, message);
    quote!(#taken #calls)
}

/// The call, once for each combination of the `#[cfg]`s on parameters: Rust has no conditional arguments.
fn conditional_calls(plan: &Plan, message: &Message) -> TokenStream {
    let conditions = conditions(&message.fields);
    if conditions.is_empty() {
        return call(plan, &|_| true);
    }
    let mut calls = TokenStream::new();
    for combination in 0..1_usize << conditions.len() {
        let holds = |at: usize| combination & (1 << at) != 0;
        let parts = conditions
            .iter()
            .enumerate()
            .map(|(at, condition)| if holds(at) { condition.clone() } else { quote!(not(#condition)) });
        let cfg = all(&parts.collect::<Vec<_>>());
        let call = call(plan, &|field| match condition(field) {
            None => true,
            Some(own) => {
                conditions.iter().position(|known| known.to_string() == own.to_string()).is_none_or(holds)
            }
        });
        calls.extend(quote!(#[cfg(#cfg)] { #call }));
    }
    calls
}

/// The call of the user's method, as a future.
///
/// An async method's own future is handed on, not wrapped: a wrapper would hold the message a second time.
fn call(plan: &Plan, is_there: &dyn Fn(&Field) -> bool) -> TokenStream {
    let args = plan.args.iter().filter_map(|arg| match (arg, &plan.work) {
        (Arg::Context, _) => Some(Ident::new("ctx", Span::mixed_site())),
        (Arg::Message, _) => Some(Ident::new("msg", Span::mixed_site())),
        (Arg::Field(at), Work::Message(message)) => {
            let field = &message.fields[*at];
            is_there(field).then(|| field.name.clone())
        }
        (Arg::Field(_), Work::Handler(_)) => None,
    });
    let method = &plan.method;
    let generics = turbofish(&plan.generics);
    let call = quote!(Self::#method #generics (self, #(#args),*));
    if plan.is_async { call } else { quote!(::core::future::ready(#call)) }
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
