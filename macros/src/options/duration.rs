//! `timeout = "250ms"`: a duration read at compile time.

#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::ParseStream;
use syn::{Expr, ExprLit, Lit, Result, Token};

const UNITS: &str = "`us`, `ms`, `s` or `m`";

/// A duration, in the unit in which it was written.
pub(crate) enum Timeout {
    Micros(u64),
    Millis(u64),
    Secs(u64),
}

impl Timeout {
    /// The `const` expression of the duration.
    pub(crate) fn to_tokens(&self) -> TokenStream {
        match self {
            Self::Micros(count) => quote!(::core::time::Duration::from_micros(#count)),
            Self::Millis(count) => quote!(::core::time::Duration::from_millis(#count)),
            Self::Secs(count) => quote!(::core::time::Duration::from_secs(#count)),
        }
    }
}

/// Reads `= "250ms"`.
pub(super) fn timeout(input: ParseStream<'_>) -> Result<Timeout> {
    if !input.peek(Token![=]) {
        return Err(input.error("a timeout needs a duration: `timeout = \"250ms\"`"));
    }
    input.parse::<Token![=]>()?;
    let value: Expr = input.parse()?;
    let said = match &value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => parsed(&text.value()),
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => Err(unitless(number.base10_digits())),
        Expr::Lit(ExprLit { lit: Lit::Float(number), .. }) => Err(fraction(number.base10_digits())),
        _ => Err("a timeout is a duration in quotes: `timeout = \"250ms\"`".to_owned()),
    };
    said.map_err(|text| syn::Error::new_spanned(value, text))
}

fn parsed(text: &str) -> std::result::Result<Timeout, String> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (count, unit) = text.split_at(end);
    if count.is_empty() {
        return Err(format!("a duration is a number and a unit ({UNITS}): \"250ms\""));
    }
    if unit.starts_with('.') {
        return Err(fraction(count));
    }
    let too_long = || "that duration is longer than the program can count: write a shorter one".to_owned();
    let count = count.parse::<u64>().map_err(|_| too_long())?;
    let timeout = match unit.trim() {
        "us" | "µs" => Timeout::Micros(count),
        "ms" => Timeout::Millis(count),
        "s" => Timeout::Secs(count),
        "m" => Timeout::Secs(count.checked_mul(60).ok_or_else(too_long)?),
        "" => return Err(unitless(&count.to_string())),
        other => return Err(format!("unknown unit `{other}`: a duration is in {UNITS}, like \"250ms\"")),
    };
    if count == 0 {
        return Err("a timeout of zero fails every request: write a longer one, or leave it out".to_owned());
    }
    Ok(timeout)
}

fn unitless(count: &str) -> String {
    format!("a duration needs a unit: \"{count}ms\" (units are {UNITS})")
}

fn fraction(count: &str) -> String {
    format!("a duration is a whole number: take a smaller unit than in \"{count}.…\" ({UNITS})")
}
