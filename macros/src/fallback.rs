//! What stands in for a method with a mistake, so that the mistake is the only error.
//!
//! Its struct, its handler and its call method are made as for any other, of types that `check` has mended;
//! only their bodies come from here, since the method itself cannot be called. Nothing of this ever runs: the
//! crate does not compile.

use proc_macro2::TokenStream;
use quote::quote;

/// The body of `Handler::handle`: a future of any output.
pub(crate) fn handle() -> TokenStream {
    quote!(::core::future::pending())
}

/// The body of a call method.
pub(crate) fn call() -> TokenStream {
    quote!(::core::unreachable!())
}

/// The generics for the impl of a type that borrows: each lifetime is taken for `'static`, which is what the
/// traits want.
pub(crate) fn without_lifetimes(generics: &syn::Generics) -> (syn::Generics, TokenStream) {
    let mut kept = generics.clone();
    crate::owned::mend_generics(&mut kept);
    kept.params =
        generics.params.iter().filter(|param| crate::generics::name(param).is_some()).cloned().collect();
    if generics.params.is_empty() {
        return (kept, TokenStream::new());
    }
    let arguments = generics.params.iter().map(|param| match crate::generics::name(param) {
        Some(name) => quote!(#name),
        None => quote!('static),
    });
    let arguments = quote!(<#(#arguments),*>);
    (kept, arguments)
}
