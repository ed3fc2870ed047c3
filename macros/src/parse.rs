//! First step: what is written. Finds the marked methods of a block and takes our attributes off.
//!
//! Nothing is judged here that needs more than one attribute; that is `check`'s.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens as _;
use syn::visit_mut::VisitMut as _;
use syn::{
    Attribute, FnArg, Generics, ImplItem, ImplItemFn, Item, ItemImpl, Path, Signature, Type, Visibility,
    parse_quote,
};

use crate::errors::{Errors, shown};
use crate::generics::ReplaceSelf;
use crate::options::{Api, BlockOptions, HandlerOptions, MethodOptions, ProtocolOptions, Way};
use crate::{krate, suggest};

/// One `#[messages] impl …`.
pub(crate) struct Block {
    pub(crate) krate: Path,
    pub(crate) prefix: Option<Ident>,
    pub(crate) api: Api,
    pub(crate) protocol: Option<ProtocolOptions>,
    /// The user's block as it goes out again: our attributes are off, all else is untouched.
    pub(crate) item: ItemImpl,
    /// The generics of the block, with the actor's type in place of `Self`.
    pub(crate) generics: Generics,
    pub(crate) methods: Vec<Method>,
}

/// One marked method.
pub(crate) struct Method {
    pub(crate) role: Role,
    /// Without the marker.
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    /// With the attributes of the parameters, which the method in [`Block::item`] has lost.
    pub(crate) sig: Signature,
    /// An option was wrong, so the method is known only in part.
    pub(crate) misread: bool,
}

/// What the marker says.
pub(crate) enum Role {
    /// `#[message]`: make a message out of the method.
    Message(MethodOptions),
    /// `#[handler]`: the method takes a message that exists.
    Handler(HandlerOptions),
}

impl Role {
    pub(crate) fn way(&self) -> &Way {
        match self {
            Self::Message(options) => &options.way,
            Self::Handler(options) => &options.way,
        }
    }
}

/// Reads the item under `#[messages]`. `Err` is what to emit instead when it is no `impl` block of a type.
pub(crate) fn block(args: TokenStream, item: TokenStream, errors: &mut Errors) -> Result<Block, TokenStream> {
    let options = BlockOptions::of(args, errors);
    let mut item = match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Impl(item)) => item,
        Ok(other) => {
            errors.at(
                name_of(&other),
                "`#[messages]` goes on the methods of an actor: put it on `impl Account { … }`",
            );
            return Err(item);
        }
        Err(error) => {
            errors.push(error);
            return Err(item);
        }
    };
    if let Some((path, _)) = &item.trait_ {
        let actor = shown(&item.self_ty);
        errors.at(
            path,
            format!(
                "`#[messages]` goes on the actor's own methods, not on a trait's: put it on `impl \
                {actor} {{ … }}`"
            ),
        );
        let mut unmarked = Errors::default();
        marked(&mut item, &[], &mut unmarked);
        return Err(item.into_token_stream());
    }
    let derives = options.protocol.as_ref().map_or(&[][..], |protocol| &protocol.kind.derives);
    let methods = marked(&mut item, derives, errors);
    let mut generics = item.generics.clone();
    ReplaceSelf(&item.self_ty).visit_generics_mut(&mut generics);
    Ok(Block {
        generics,
        krate: krate::path(options.krate.as_ref()),
        prefix: options.prefix,
        api: options.api.unwrap_or(Api::Default),
        protocol: options.protocol,
        item,
        methods,
    })
}

/// The token that stands for a whole item in an error.
fn name_of(item: &Item) -> TokenStream {
    match item {
        Item::Fn(item) => item.sig.ident.to_token_stream(),
        Item::Struct(item) => item.ident.to_token_stream(),
        Item::Enum(item) => item.ident.to_token_stream(),
        Item::Trait(item) => item.ident.to_token_stream(),
        Item::Mod(item) => item.ident.to_token_stream(),
        other => other.to_token_stream(),
    }
}

/// Takes the markers off `item` and gives the methods that had one. `derives` are added to their messages.
fn marked(item: &mut ItemImpl, derives: &[Path], errors: &mut Errors) -> Vec<Method> {
    item.items
        .iter_mut()
        .filter_map(|item| match item {
            ImplItem::Fn(method) => method_of(method, derives, errors),
            ImplItem::Const(item) => refuse(&mut item.attrs, errors),
            ImplItem::Type(item) => refuse(&mut item.attrs, errors),
            ImplItem::Macro(item) => refuse(&mut item.attrs, errors),
            _ => None,
        })
        .collect()
}

fn refuse(attrs: &mut Vec<Attribute>, errors: &mut Errors) -> Option<Method> {
    for attr in attrs.extract_if(.., |attr| Marker::of(attr).is_some()) {
        errors.at(&attr, format!("`{}` goes on a method", shown(&attr)));
    }
    None
}

fn method_of(method: &mut ImplItemFn, derives: &[Path], errors: &mut Errors) -> Option<Method> {
    let before = errors.len();
    let mut role = None;
    for attr in method.attrs.extract_if(.., |attr| Marker::of(attr).is_some()) {
        let written = Marker::of(&attr)?;
        if let Some(known) = written.meant() {
            errors.at(attr.path(), format!("unknown attribute `{}`: {known}", attr.path().to_token_stream()));
        }
        match (&mut role, written) {
            (slot @ None, Marker::Handler) => {
                let mut options = HandlerOptions::default();
                options.read(&attr, errors);
                *slot = Some(Role::Handler(options));
            }
            (slot @ None, _) => {
                let mut options = MethodOptions::default();
                options.read(&attr, errors);
                *slot = Some(Role::Message(options));
            }
            (Some(Role::Message(options)), Marker::Message) => options.read(&attr, errors),
            (Some(Role::Handler(options)), Marker::Handler) => options.read(&attr, errors),
            (Some(_), _) => errors.at(
                &attr,
                "a method is either a message of its own (`#[message]`) or the handler of one that exists \
                 (`#[handler]`): keep one",
            ),
        }
    }
    let mut role = role?;
    if let Role::Message(options) = &mut role {
        options.finish(derives, errors);
    }
    let sig = method.sig.clone();
    if let Role::Message(_) = role {
        strip_parameters(&mut method.sig);
    }
    let misread = errors.len() > before;
    let attrs = method.attrs.clone();
    // clippy advises `&str` and no `self` where a message has to own its data and a handler needs its actor.
    method.attrs.push(parse_quote!(#[allow(clippy::needless_pass_by_value, clippy::unused_self)]));
    Some(Method { role, attrs, vis: method.vis.clone(), sig, misread })
}

/// What an attribute on a method of a block means to us.
#[derive(Clone, Copy)]
enum Marker {
    Message,
    Handler,
    /// Not one of ours, but nearly.
    Near(&'static str),
}

impl Marker {
    fn of(attr: &Attribute) -> Option<Self> {
        let word = attr.path().get_ident()?.to_string();
        match word.as_str() {
            "message" => Some(Self::Message),
            "handler" => Some(Self::Handler),
            "messages" => {
                Some(Self::Near("`#[messages]` goes on the `impl` block, and `#[message]` on its methods"))
            }
            "handle" => Some(Self::Near("did you mean `handler`?")),
            other => match suggest::nearest(other, &["message", "handler"])? {
                "message" => Some(Self::Near("did you mean `message`?")),
                _ => Some(Self::Near("did you mean `handler`?")),
            },
        }
    }

    fn meant(self) -> Option<&'static str> {
        match self {
            Self::Near(text) => Some(text),
            Self::Message | Self::Handler => None,
        }
    }
}

/// Leaves on the method's parameters only what Rust allows there; the rest has gone to the fields of the
/// message.
fn strip_parameters(sig: &mut Signature) {
    for input in &mut sig.inputs {
        if let FnArg::Typed(input) = input {
            input.attrs.retain(|attr| is_cfg(attr) || is_lint(attr));
        }
    }
}

pub(crate) fn is_cfg(attr: &Attribute) -> bool {
    attr.path().is_ident("cfg")
}

pub(crate) fn is_doc(attr: &Attribute) -> bool {
    attr.path().is_ident("doc")
}

/// `#[allow(…)]` and its kin.
pub(crate) fn is_lint(attr: &Attribute) -> bool {
    ["allow", "expect", "warn", "deny", "forbid"].iter().any(|level| attr.path().is_ident(level))
}

/// The name of the type that the block is of: `Account` in `impl bank::Account<T>`.
pub(crate) fn actor_name(self_ty: &Type) -> Option<&Ident> {
    match self_ty {
        Type::Path(path) => path.path.segments.last().map(|last| &last.ident),
        Type::Group(group) => actor_name(&group.elem),
        Type::Paren(paren) => actor_name(&paren.elem),
        _ => None,
    }
}
