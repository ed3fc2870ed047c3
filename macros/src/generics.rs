//! Which generic parameters a message needs, and where `Send + 'static` goes.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{
    Expr, ExprPath, GenericParam, Generics, Macro, Path, QSelf, Token, Type, TypeParam, TypeParamBound,
    TypePath, WherePredicate, parse_quote,
};

/// The generics of a message struct.
#[derive(Default)]
pub(crate) struct Needed {
    pub(crate) generics: Generics,
    /// Type parameters that no field mentions: only the reply or a bound does.
    pub(crate) phantom: Vec<Ident>,
}

/// The parameters of `all` that `fields` and `reply` mention, and those which their bounds mention in turn.
pub(crate) fn needed(all: &Generics, fields: &[&Type], reply: &Type) -> Needed {
    let stored = mentioned(all, |find| fields.iter().for_each(|ty| find.visit_type(ty)));
    let mut wanted = stored.clone();
    wanted.extend(mentioned(all, |find| find.visit_type(reply)));
    // A parameter pulls in what its bounds mention, and so on until nothing is new.
    loop {
        let before = wanted.len();
        for param in &all.params {
            if name(param).is_some_and(|name| wanted.contains(name)) {
                wanted.extend(mentioned(all, |find| find.visit_generic_param(param)));
            }
        }
        for predicate in predicates(all) {
            let its = mentioned(all, |find| find.visit_where_predicate(predicate));
            if !its.is_disjoint(&wanted) {
                wanted.extend(its);
            }
        }
        if wanted.len() == before {
            break;
        }
    }
    let generics = restricted(all, &wanted);
    // An unused `const` parameter is no error in Rust, so only types need a phantom.
    let phantom = generics
        .type_params()
        .map(|param| &param.ident)
        .filter(|ident| !stored.contains(ident))
        .cloned()
        .collect();
    Needed { generics, phantom }
}

/// Only the parameters in `wanted`, with the predicates that are about them alone.
pub(crate) fn restricted(all: &Generics, wanted: &BTreeSet<Ident>) -> Generics {
    let params = all.params.iter().filter(|param| name(param).is_some_and(|name| wanted.contains(name)));
    let predicates = predicates(all).filter(|predicate| {
        let its = mentioned(all, |find| find.visit_where_predicate(predicate));
        !its.is_empty() && its.is_subset(wanted)
    });
    of_parts(params, predicates)
}

/// The parameters that are not in `others`, with the predicates that mention one of them.
pub(crate) fn without(all: &Generics, others: &BTreeSet<Ident>) -> Generics {
    let params = all.params.iter().filter(|param| name(param).is_some_and(|name| !others.contains(name)));
    let predicates = predicates(all)
        .filter(|predicate| !mentioned(all, |find| find.visit_where_predicate(predicate)).is_subset(others));
    of_parts(params, predicates)
}

/// Which of `generics` the type mentions.
pub(crate) fn mentions(generics: &Generics, ty: &Type) -> BTreeSet<Ident> {
    mentioned(generics, |find| find.visit_type(ty))
}

fn mentioned(generics: &Generics, look: impl FnOnce(&mut Mentions<'_>)) -> BTreeSet<Ident> {
    let mut mentions = Mentions { generics, found: BTreeSet::new() };
    look(&mut mentions);
    mentions.found
}

/// The name of a type or `const` parameter; lifetimes are refused before.
pub(crate) fn name(param: &GenericParam) -> Option<&Ident> {
    match param {
        GenericParam::Type(param) => Some(&param.ident),
        GenericParam::Const(param) => Some(&param.ident),
        GenericParam::Lifetime(_) => None,
    }
}

fn predicates(generics: &Generics) -> impl Iterator<Item = &WherePredicate> {
    generics.where_clause.iter().flat_map(|clause| &clause.predicates)
}

/// The parameters of the block, then those of the method; lifetimes left out.
pub(crate) fn merged(block: &Generics, method: &Generics) -> Generics {
    let params = block.params.iter().chain(&method.params).filter(|param| name(param).is_some());
    of_parts(params, predicates(block).chain(predicates(method)))
}

fn of_parts<'a>(
    params: impl Iterator<Item = &'a GenericParam>,
    predicates: impl Iterator<Item = &'a WherePredicate>,
) -> Generics {
    let mut generics = Generics { params: params.cloned().collect(), ..Generics::default() };
    let predicates: Punctuated<WherePredicate, Token![,]> = predicates.cloned().collect();
    if !predicates.is_empty() {
        generics.make_where_clause().predicates = predicates;
    }
    generics
}

/// Adds `Send + 'static` to every type parameter.
///
/// The bounds join those the user wrote for the parameter, inline or in the `where` clause: clippy's
/// `type_repetition_in_bounds` and `multiple_bound_locations` complain about a parameter that is bound at two
/// places.
pub(crate) fn send_static(generics: &Generics) -> Generics {
    let mut all = generics.clone();
    let Generics { params, where_clause, .. } = &mut all;
    for param in params.iter_mut() {
        let GenericParam::Type(param) = param else { continue };
        param.default = None;
        let elsewhere =
            where_clause.iter_mut().flat_map(|clause| &mut clause.predicates).find_map(|predicate| {
                match predicate {
                    WherePredicate::Type(predicate)
                        if param.bounds.is_empty() && is_just(&predicate.bounded_ty, param) =>
                    {
                        Some(&mut predicate.bounds)
                    }
                    _ => None,
                }
            });
        add(elsewhere.unwrap_or(&mut param.bounds));
    }
    all
}

fn add(bounds: &mut Punctuated<TypeParamBound, Token![+]>) {
    let has_send = bounds.iter().any(|bound| match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last().is_some_and(|last| last.ident == "Send"),
        _ => false,
    });
    if !has_send {
        bounds.push(parse_quote!(::core::marker::Send));
    }
    let has_static =
        bounds.iter().any(|bound| matches!(bound, TypeParamBound::Lifetime(l) if l.ident == "static"));
    if !has_static {
        bounds.push(parse_quote!('static));
    }
}

fn is_just(ty: &Type, param: &TypeParam) -> bool {
    matches!(ty, Type::Path(TypePath { qself: None, path, .. }) if path.is_ident(&param.ident))
}

/// Collects the parameters of `generics` that it is led past.
struct Mentions<'a> {
    generics: &'a Generics,
    found: BTreeSet<Ident>,
}

impl Mentions<'_> {
    fn saw(&mut self, ident: &Ident) {
        if self.generics.params.iter().any(|param| name(param) == Some(ident)) {
            self.found.insert(ident.clone());
        }
    }
}

impl<'ast> Visit<'ast> for Mentions<'_> {
    fn visit_path(&mut self, path: &'ast Path) {
        if path.leading_colon.is_none() {
            path.segments.first().into_iter().for_each(|first| self.saw(&first.ident));
        }
        visit::visit_path(self, path);
    }

    // A macro in a type may expand to any of its tokens.
    fn visit_macro(&mut self, mac: &'ast Macro) {
        let mut rest: Vec<TokenTree> = mac.tokens.clone().into_iter().collect();
        while let Some(token) = rest.pop() {
            match token {
                TokenTree::Ident(ident) => self.saw(&ident),
                TokenTree::Group(group) => rest.extend(group.stream()),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }
}

/// Writes the actor's type where `Self` stands: in a message struct and in the trait of the call methods
/// `Self` is another type.
pub(crate) struct ReplaceSelf<'a>(pub(crate) &'a Type);

impl ReplaceSelf<'_> {
    /// `Self::Item` becomes `<Account>::Item`.
    fn qualified(&self, qself: &mut Option<QSelf>, path: &mut Path) {
        if qself.is_some()
            || path.leading_colon.is_some()
            || path.segments.len() < 2
            || path.segments[0].ident != "Self"
        {
            return;
        }
        let ty = self.0;
        let rest = path.segments.iter().skip(1);
        let whole: TypePath = parse_quote!(<#ty>::#(#rest)::*);
        *qself = whole.qself;
        *path = whole.path;
    }
}

impl VisitMut for ReplaceSelf<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if let Type::Path(path) = ty {
            if path.qself.is_none() && path.path.is_ident("Self") {
                *ty = self.0.clone();
                return;
            }
            self.qualified(&mut path.qself, &mut path.path);
        }
        visit_mut::visit_type_mut(self, ty);
    }

    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        if let Expr::Path(ExprPath { qself, path, .. }) = expr {
            self.qualified(qself, path);
        }
        visit_mut::visit_expr_mut(self, expr);
    }
}

/// The parameters as arguments: `::<T, N>`, or nothing.
pub(crate) fn turbofish(generics: &Generics) -> TokenStream {
    let names: Vec<_> = generics.params.iter().filter_map(name).map(ToTokens::to_token_stream).collect();
    if names.is_empty() { TokenStream::new() } else { quote!(::<#(#names),*>) }
}

/// Whether two types are written alike.
pub(crate) fn same(one: &Type, other: &Type) -> bool {
    one.to_token_stream().to_string() == other.to_token_stream().to_string()
}
