//! What stands in the parentheses: `#[actor(…)]`, `#[message(…)]`, `#[messages(…)]`, `#[msg(…)]`.
//!
//! A list is read to its end whatever is wrong in it: each bad option is one error on its own token, and
//! counts as not written.

mod block;
mod duration;
mod method;
mod protocol;

use proc_macro2::Ident;
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Attribute, Expr, ExprLit, Lit, LitInt, LitStr, Meta, Path, Result, Token, Type};

pub(crate) use self::block::{Api, BlockOptions};
pub(crate) use self::duration::Timeout;
pub(crate) use self::method::{HandlerOptions, MethodOptions, Way};
pub(crate) use self::protocol::{EnumOptions, ProtocolOptions};
use crate::errors::Errors;
use crate::suggest;

/// `#[actor(capacity = 64, overflow = "drop_oldest", hand_off, caller_runs, name = "…", crate = path)]`.
#[derive(Default)]
pub(crate) struct ActorOptions {
    pub(crate) capacity: Option<Expr>,
    /// The variant of `Overflow`.
    pub(crate) overflow: Option<Ident>,
    pub(crate) hand_off: Option<()>,
    pub(crate) caller_runs: Option<()>,
    pub(crate) name: Option<LitStr>,
    pub(crate) krate: Option<Path>,
}

impl ActorOptions {
    const KNOWN: [&str; 6] = ["capacity", "overflow", "hand_off", "caller_runs", "name", "crate"];

    pub(crate) fn of(attrs: &[Attribute], errors: &mut Errors) -> Self {
        let mut options = Self::default();
        for list in lists(attrs, "actor") {
            each(list, "actor", errors, |name, input| match name.unraw().to_string().as_str() {
                "capacity" => once(&mut options.capacity, name, capacity(input)?),
                "overflow" => once(&mut options.overflow, name, overflow(name, input)?),
                "hand_off" => once(&mut options.hand_off, name, ()),
                "caller_runs" => once(&mut options.caller_runs, name, ()),
                "name" => once(&mut options.name, name, kind(input)?),
                "crate" => once(&mut options.krate, name, after_eq(name, input)?),
                other => Err(unknown(name, other, &Self::KNOWN)),
            });
        }
        options
    }
}

/// How one kind of message is treated when asked for; the same in `#[derive(Message)]` and on a method.
#[derive(Default)]
pub(crate) struct Policy {
    pub(crate) retry: Option<Retry>,
    pub(crate) timeout: Option<Timeout>,
    pub(crate) priority: Option<()>,
}

/// `retry = 3`: the word is kept, because the bound that it asks for is reported there.
pub(crate) struct Retry {
    pub(crate) word: Ident,
    pub(crate) attempts: LitInt,
}

impl Policy {
    /// Takes `name = …` if it is an option of a policy.
    fn take(&mut self, name: &Ident, input: ParseStream<'_>) -> Option<Result<()>> {
        if name == "retry" {
            let read = attempts(name, input);
            Some(
                read.and_then(|attempts| once(&mut self.retry, name, Retry { word: name.clone(), attempts })),
            )
        } else if name == "timeout" {
            Some(duration::timeout(input).and_then(|timeout| once(&mut self.timeout, name, timeout)))
        } else if name == "priority" {
            Some(once(&mut self.priority, name, ()))
        } else {
            None
        }
    }
}

/// `#[message(reply = T, retry = N, timeout = "250ms", priority, crate = path)]` on a struct.
#[derive(Default)]
pub(crate) struct StructOptions {
    pub(crate) reply: Option<Type>,
    pub(crate) policy: Policy,
    pub(crate) krate: Option<Path>,
}

impl StructOptions {
    const KNOWN: [&str; 5] = ["reply", "retry", "timeout", "priority", "crate"];

    pub(crate) fn of(attrs: &[Attribute], errors: &mut Errors) -> Self {
        let mut options = Self::default();
        for list in lists(attrs, "message") {
            each(list, "message", errors, |name, input| match name.unraw().to_string().as_str() {
                "reply" => once(&mut options.reply, name, after_eq(name, input)?),
                "crate" => once(&mut options.krate, name, after_eq(name, input)?),
                "name" | "derive" => Err(syn::Error::new_spanned(
                    name,
                    format!(
                        "`{name}` is for methods in a `#[messages]` block: this struct has its own name \
                         and derives"
                    ),
                )),
                other => options
                    .policy
                    .take(name, input)
                    .unwrap_or_else(|| Err(unknown(name, other, &Self::KNOWN))),
            });
        }
        options
    }
}

/// `#[msg(into)]` on a parameter. Says whether `into` is written.
pub(crate) fn into(attr: &Attribute, errors: &mut Errors) -> bool {
    let mut into = None;
    each(attr, "msg", errors, |name, _| match name.unraw().to_string().as_str() {
        "into" => once(&mut into, name, ()),
        other => Err(unknown(name, other, &["into"])),
    });
    into.is_some()
}

fn lists<'a>(attrs: &'a [Attribute], name: &'static str) -> impl Iterator<Item = &'a Attribute> {
    attrs.iter().filter(move |attr| attr.path().is_ident(name))
}

/// Reads `#[word]` (nothing to read) or `#[word(option, …)]`.
fn each(
    attr: &Attribute,
    word: &str,
    errors: &mut Errors,
    take: impl FnMut(&Ident, ParseStream<'_>) -> Result<()>,
) {
    let list = match &attr.meta {
        Meta::Path(_) => return,
        Meta::List(list) => list,
        Meta::NameValue(pair) => {
            errors.at(pair, format!("options stand in parentheses: `#[{word}(…)]`"));
            return;
        }
    };
    let read = |input: ParseStream<'_>| {
        each_option(input, errors, take);
        Ok(())
    };
    if let Err(error) = read.parse2(list.tokens.clone()) {
        errors.push(error);
    }
}

fn each_option(
    input: ParseStream<'_>,
    errors: &mut Errors,
    mut take: impl FnMut(&Ident, ParseStream<'_>) -> Result<()>,
) {
    while !input.is_empty() {
        let taken = match Ident::parse_any(input) {
            Ok(name) => take(&name, input),
            Err(_) => Err(input.error("an option begins with its name")),
        };
        let clean = taken.is_ok();
        if let Err(error) = taken {
            errors.push(error);
        }
        if clean && !input.is_empty() && !input.peek(Token![,]) {
            errors.push(input.error("expected `,` before the next option"));
        }
        // Goes on behind the next comma, so that one bad option does not hide the others.
        while !input.is_empty() && !input.peek(Token![,]) {
            if input.parse::<proc_macro2::TokenTree>().is_err() {
                return;
            }
        }
        if input.parse::<Option<Token![,]>>().is_err() {
            return;
        }
    }
}

fn once<T>(slot: &mut Option<T>, name: &Ident, value: T) -> Result<()> {
    if slot.is_some() {
        return Err(syn::Error::new_spanned(name, format!("`{name}` is written twice: keep one")));
    }
    *slot = Some(value);
    Ok(())
}

fn unknown(name: &Ident, written: &str, known: &[&str]) -> syn::Error {
    syn::Error::new_spanned(name, suggest::unknown("option", written, known))
}

/// Reads `= value`. When the value does not parse, the error names the option.
fn after_eq<T: syn::parse::Parse>(name: &Ident, input: ParseStream<'_>) -> Result<T> {
    if !input.peek(Token![=]) {
        return Err(syn::Error::new_spanned(name, format!("`{name}` needs a value: `{name} = …`")));
    }
    input.parse::<Token![=]>()?;
    input.parse()
}

fn capacity(input: ParseStream<'_>) -> Result<Expr> {
    if !input.peek(Token![=]) {
        return Err(input.error("the capacity is a number of messages: `capacity = 64`"));
    }
    input.parse::<Token![=]>()?;
    let capacity: Expr = input.parse()?;
    match &capacity {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) if number.base10_digits() == "0" => {
            Err(syn::Error::new_spanned(number, "a mailbox holds at least one message: write 1 or more"))
        }
        Expr::Lit(ExprLit { lit, .. }) if !matches!(lit, Lit::Int(_)) => {
            Err(syn::Error::new_spanned(lit, "the capacity is a number of messages: `capacity = 64`"))
        }
        _ => Ok(capacity),
    }
}

fn overflow(name: &Ident, input: ParseStream<'_>) -> Result<Ident> {
    const KNOWN: &str = "`\"wait\"`, `\"drop_newest\"` or `\"drop_oldest\"`";
    let value: Expr = after_eq(name, input)?;
    let variant = match &value {
        Expr::Lit(ExprLit { lit: Lit::Str(word), .. }) => match word.value().as_str() {
            "wait" => Some("Wait"),
            "drop_newest" => Some("DropNewest"),
            "drop_oldest" => Some("DropOldest"),
            _ => None,
        },
        _ => None,
    };
    match variant {
        Some(variant) => Ok(Ident::new(variant, name.span())),
        None => Err(syn::Error::new_spanned(value, format!("what a full mailbox does is {KNOWN}"))),
    }
}

fn kind(input: ParseStream<'_>) -> Result<LitStr> {
    if !input.peek(Token![=]) {
        return Err(input.error("the name of the kind of actor is a string: `name = \"account\"`"));
    }
    input.parse::<Token![=]>()?;
    let value: Expr = input.parse()?;
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(name), .. }) if !name.value().is_empty() => Ok(name),
        other => Err(syn::Error::new_spanned(
            other,
            "the name of the kind of actor is a string: `name = \"account\"`",
        )),
    }
}

fn attempts(name: &Ident, input: ParseStream<'_>) -> Result<LitInt> {
    let value: Expr = after_eq(name, input)?;
    match value {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => match number.base10_parse::<u32>() {
            Ok(0) => Err(syn::Error::new_spanned(
                number,
                "`retry` counts every attempt, the first one too: write 2 or more, or leave it out",
            )),
            Ok(_) => Ok(number),
            Err(_) => Err(syn::Error::new_spanned(number, "the number of attempts is a `u32`")),
        },
        other => Err(syn::Error::new_spanned(
            other,
            "`retry` is how often a message is tried, a number: `retry = 3`",
        )),
    }
}
