//! `#[postbox::test]`: an async function becomes a test with a system of its own.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::{FnArg, ItemFn, Path, Token, parse::Parser as _};

use crate::{errors::Errors, krate};

/// Writes the test. With a mistake the function stays as it is, for the compiler to read on.
pub(crate) fn tokens(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let option = option(args, &mut errors);
    let function = match syn::parse2::<ItemFn>(item.clone()) {
        Ok(function) => function,
        Err(_) => {
            errors.at(&item, "`#[postbox::test]` goes on an async function");
            let errors = errors.to_tokens();
            return quote!(#errors #item);
        }
    };
    check(&function, &mut errors);
    if errors.len() > 0 {
        let errors = errors.to_tokens();
        let ItemFn { attrs, vis, sig, block, .. } = &function;
        return quote!(#errors #[allow(dead_code)] #(#attrs)* #vis #sig #block);
    }
    let krate = krate::path(option.as_ref());
    let ItemFn { attrs, vis, sig, block, .. } = &function;
    let (name, output, inputs) = (&sig.ident, &sig.output, &sig.inputs);
    let call = if inputs.is_empty() { quote!(|_system| #name()) } else { name.to_token_stream() };
    quote! {
        #[::core::prelude::v1::test]
        #(#attrs)*
        #vis fn #name() #output {
            async fn #name(#inputs) #output #block
            #krate::testkit::run(#call)
        }
    }
}

/// `crate = path`, the only option.
fn option(args: TokenStream, errors: &mut Errors) -> Option<Path> {
    if args.is_empty() {
        return None;
    }
    let parser = |input: syn::parse::ParseStream<'_>| {
        input.parse::<Token![crate]>()?;
        input.parse::<Token![=]>()?;
        input.call(Path::parse_mod_style)
    };
    match parser.parse2(args.clone()) {
        Ok(path) => Some(path),
        Err(_) => {
            errors.at(args, "unknown option: `#[postbox::test]` takes only `crate = path`");
            None
        }
    }
}

fn check(function: &ItemFn, errors: &mut Errors) {
    let sig = &function.sig;
    if sig.asyncness.is_none() {
        errors.at(sig.fn_token, "a test of `#[postbox::test]` is async: write `async fn`");
    }
    if !sig.generics.params.is_empty() {
        errors.at(&sig.generics, "a test has no generic parameters: nobody could choose them");
    }
    for extra in sig.inputs.iter().skip(1) {
        errors.at(extra, "a test takes one parameter at most: `sys: TestSystem`");
    }
    if let Some(FnArg::Receiver(receiver)) = sig.inputs.first() {
        errors.at(receiver, "a test is a free function: write `sys: TestSystem`");
    }
}
