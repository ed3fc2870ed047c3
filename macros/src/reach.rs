//! How far a visibility reaches.

use syn::Visibility;

/// The farthest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    Public,
    Crate,
    Scope,
    Private,
}

/// Two scopes (`pub(super)` and `pub(in …)`) reach equally far for all that can be seen here.
pub(crate) fn reach(vis: &Visibility) -> Reach {
    match vis {
        Visibility::Public(_) => Reach::Public,
        Visibility::Restricted(vis) if vis.path.is_ident("crate") => Reach::Crate,
        Visibility::Restricted(vis) if vis.path.is_ident("self") => Reach::Private,
        Visibility::Restricted(_) => Reach::Scope,
        Visibility::Inherited => Reach::Private,
    }
}
