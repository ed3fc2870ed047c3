//! Messages own their data: finds what is borrowed in a type, names its owned form, and mends it for the
//! fallback.

use quote::ToTokens as _;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{
    BoundLifetimes, GenericParam, Ident, Lifetime, ParenthesizedGenericArguments, PathSegment, PredicateType,
    TraitBound, Type, TypeFnPtr, TypeImplTrait, TypePath, TypePtr, TypeReference,
};

use crate::errors::{Errors, shown};

/// Where a type stands, which decides the words.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Parameter,
    Reply,
}

/// Notes everything in `ty` that a message or a reply cannot hold.
///
/// `declared` are lifetimes of the method itself: they are an error where they are declared, and to complain
/// about every use too would make one mistake many.
pub(crate) fn check(ty: &Type, place: Place, declared: &[Ident], errors: &mut Errors) {
    Borrows { place, declared, bound: Vec::new(), errors }.visit_type(ty);
}

/// Makes everything borrowed in `ty` `'static`, so that the types made of it exist and only the real mistake
/// is reported.
pub(crate) fn mend(ty: &mut Type) {
    Mend { bound: Vec::new() }.visit_type_mut(ty);
}

/// The same for the bounds of a generic parameter.
pub(crate) fn mend_generics(generics: &mut syn::Generics) {
    Mend { bound: Vec::new() }.visit_generics_mut(generics);
}

/// Whether no mending makes a field or a reply of `ty`: it has no name, or may not leave its thread.
pub(crate) fn is_hopeless(ty: &Type) -> bool {
    struct Find(bool);
    impl<'ast> Visit<'ast> for Find {
        fn visit_type_impl_trait(&mut self, _: &'ast TypeImplTrait) {
            self.0 = true;
        }

        fn visit_type_ptr(&mut self, _: &'ast TypePtr) {
            self.0 = true;
        }

        fn visit_path_segment(&mut self, segment: &'ast PathSegment) {
            self.0 |= is_rc(segment);
            visit::visit_path_segment(self, segment);
        }
    }
    let mut find = Find(false);
    find.visit_type(ty);
    find.0
}

/// `Rc<T>`, by its look; a type of that name without an argument is somebody's own.
fn is_rc(segment: &PathSegment) -> bool {
    segment.ident == "Rc" && !segment.arguments.is_empty()
}

struct Borrows<'a> {
    place: Place,
    declared: &'a [Ident],
    /// Lifetimes of an enclosing `for<'a>`, which borrow nothing from outside.
    bound: Vec<Ident>,
    errors: &'a mut Errors,
}

impl Borrows<'_> {
    fn is_free(&self, lifetime: &Lifetime) -> bool {
        lifetime.ident == "static"
            || self.bound.contains(&lifetime.ident)
            || self.declared.contains(&lifetime.ident)
    }

    fn reference(&self, reference: &TypeReference) -> String {
        let owned = owned_form(&reference.elem);
        match (self.place, reference.mutability) {
            (Place::Parameter, None) => format!("messages own their data: use {owned}"),
            (Place::Parameter, Some(_)) => format!(
                "messages own their data, so a handler cannot change the sender's: take `{}` and return \
                 what becomes of it (the context of the actor is written `&mut Context<Self>`)",
                shown(&reference.elem)
            ),
            (Place::Reply, _) => format!("a reply leaves the actor, so it owns its data: return {owned}"),
        }
    }
}

/// What to write in place of `&inner`, with the ways out that keep it cheap.
fn owned_form(inner: &Type) -> String {
    match inner {
        Type::Path(path) if path.path.is_ident("str") => "`String` or `Arc<str>`".to_owned(),
        Type::Path(path) if path.path.is_ident("Path") => "`PathBuf` or `Arc<Path>`".to_owned(),
        Type::Slice(slice) => {
            let elem = shown(&slice.elem);
            format!("`Vec<{elem}>` or `Arc<[{elem}]>`")
        }
        Type::TraitObject(object) => {
            let object = shown(object);
            format!("`Box<{object} + Send>`")
        }
        other => {
            let other = shown(other);
            format!("`{other}` or `Arc<{other}>`")
        }
    }
}

impl<'ast> Visit<'ast> for Borrows<'_> {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        if reference.lifetime.as_ref().is_some_and(|lifetime| self.is_free(lifetime)) {
            visit::visit_type(self, &reference.elem);
        } else {
            // What lies behind the reference is not looked at: `&Vec<&str>` is one thing to mend first.
            let text = self.reference(reference);
            self.errors.at(reference, text);
        }
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        if !self.is_free(lifetime) {
            let whose = match self.place {
                Place::Parameter => "messages own their data",
                Place::Reply => "a reply leaves the actor, so it owns its data",
            };
            self.errors.at(
                lifetime,
                format!("{whose}: use `'static` here, or an owned type like `String` or `Arc<str>`"),
            );
        }
    }

    fn visit_type_impl_trait(&mut self, ty: &'ast TypeImplTrait) {
        let bounds = shown(&ty.bounds);
        let text = match (self.place, self.place == Place::Parameter && bounds.starts_with("Into<")) {
            (Place::Parameter, false) => {
                format!(
                    "a field needs a type with a name: declare `<T: {bounds}>` on the method, and use \
                     `T` here"
                )
            }
            (Place::Parameter, true) => {
                let into = bounds.trim_start_matches("Into<").trim_end_matches('>');
                format!(
                    "a field needs a type with a name: use `{into}`, with `#[msg(into)]` before the parameter"
                )
            }
            (Place::Reply, _) if is_future(ty) => {
                "write `async fn` with the type of the result instead".to_owned()
            }
            (Place::Reply, _) => {
                format!(
                    "a reply needs a type with a name: return a concrete type or `Box<dyn {bounds} + Send>`"
                )
            }
        };
        self.errors.at(ty, text);
    }

    fn visit_type_ptr(&mut self, ptr: &'ast TypePtr) {
        let elem = shown(&ptr.elem);
        self.errors.at(ptr, format!("a pointer stays on its thread: use `Box<{elem}>` or `Arc<{elem}>`"));
    }

    fn visit_type_path(&mut self, path: &'ast TypePath) {
        if path.path.segments.last().is_some_and(is_rc) {
            let shared = shown(path);
            let what = if self.place == Place::Parameter { "a message" } else { "a reply" };
            self.errors.at(
                path,
                format!("{what} goes to another thread, and `{shared}` cannot: use `Arc` in its place"),
            );
        }
        visit::visit_type_path(self, path);
    }

    // `fn(&str)` and `Fn(&str)` borrow only while they are called.
    fn visit_type_fn_ptr(&mut self, _: &'ast TypeFnPtr) {}

    fn visit_parenthesized_generic_arguments(&mut self, _: &'ast ParenthesizedGenericArguments) {}

    fn visit_trait_bound(&mut self, bound: &'ast TraitBound) {
        let outside = self.bound.len();
        self.bound.extend(lifetimes(bound.lifetimes.as_ref()));
        visit::visit_path(self, &bound.path);
        self.bound.truncate(outside);
    }
}

fn is_future(ty: &TypeImplTrait) -> bool {
    ty.bounds.to_token_stream().into_iter().any(|token| token.to_string() == "Future")
}

fn lifetimes(bound: Option<&BoundLifetimes>) -> impl Iterator<Item = Ident> {
    bound.into_iter().flat_map(|bound| &bound.lifetimes).filter_map(|param| match param {
        GenericParam::Lifetime(param) => Some(param.lifetime.ident.clone()),
        _ => None,
    })
}

struct Mend {
    bound: Vec<Ident>,
}

impl Mend {
    fn is_bound(&self, lifetime: &Lifetime) -> bool {
        self.bound.contains(&lifetime.ident)
    }
}

impl VisitMut for Mend {
    fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
        if !reference.lifetime.as_ref().is_some_and(|lifetime| self.is_bound(lifetime)) {
            let span = reference.and_token.span;
            reference.lifetime = Some(Lifetime::new("'static", span));
        }
        self.visit_type_mut(&mut reference.elem);
    }

    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if !self.is_bound(lifetime) {
            *lifetime = Lifetime::new("'static", lifetime.span());
        }
    }

    fn visit_type_fn_ptr_mut(&mut self, _: &mut TypeFnPtr) {}

    fn visit_parenthesized_generic_arguments_mut(&mut self, _: &mut ParenthesizedGenericArguments) {}

    fn visit_trait_bound_mut(&mut self, bound: &mut TraitBound) {
        let outside = self.bound.len();
        self.bound.extend(lifetimes(bound.lifetimes.as_ref()));
        visit_mut::visit_path_mut(self, &mut bound.path);
        self.bound.truncate(outside);
    }

    fn visit_predicate_type_mut(&mut self, predicate: &mut PredicateType) {
        let outside = self.bound.len();
        self.bound.extend(lifetimes(predicate.lifetimes.as_ref()));
        self.visit_type_mut(&mut predicate.bounded_ty);
        for bound in &mut predicate.bounds {
            self.visit_type_param_bound_mut(bound);
        }
        self.bound.truncate(outside);
    }
}
