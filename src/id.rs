//! Who an actor is: its number, its kind and its name.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[cfg(test)]
mod tests;

/// Numbers an actor, uniquely within the process.
///
/// The number belongs to the seat: a restarted actor keeps it. Numbers are handed out in rising order and
/// never twice, so they also sort actors by age.
///
/// # Examples
///
/// ```
/// use postbox::{ActorId, prelude::*};
///
/// #[derive(Actor)]
/// struct Account;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let account = Account.prepare().name("savings").spawn()?;
/// let id: ActorId = account.identity().id();
/// assert_eq!(id.to_string(), format!("#{}", id.get()));
/// assert!(Account.spawn().identity().id() > id, "younger");
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActorId(NonZeroU64);

impl ActorId {
    /// Returns the bare number.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0.get()
    }

    /// Takes the next free number.
    pub(crate) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        // Relaxed: only the uniqueness of the number matters, and that is the atomicity of the addition. No
        // other memory is published through it, so it has no partner.
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(NonZeroU64::new(number).expect("2^64 ids last for 584 years at one a nanosecond"))
    }
}

impl fmt::Display for ActorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// Tells which actor is meant: its id, its kind and its name if it has one.
///
/// Errors, dead letters and reports carry it. It is plain data and keeps nothing alive. Two identities are
/// equal when their ids are.
///
/// It prints as `account#42`, or as `savings#42` when the actor is named "savings".
///
/// # Examples
///
/// ```
/// use postbox::prelude::*;
///
/// #[derive(Actor)]
/// struct Account;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let account = Account.prepare().name("savings").spawn()?;
/// let who = account.identity();
/// assert_eq!((who.kind(), who.name()), ("Account", Some("savings")));
/// assert_eq!(who.to_string(), format!("savings{}", who.id()));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Identity {
    id: ActorId,
    /// A function, because to cut the path off a type's name at every spawn would cost more than the spawn's
    /// own bookkeeping; it is asked only when the name is read.
    kind: fn() -> &'static str,
    name: Option<Arc<str>>,
}

impl Identity {
    /// Makes the identity of a new actor, with an id of its own.
    pub(crate) fn new(kind: fn() -> &'static str, name: Option<Arc<str>>) -> Self {
        Self { id: ActorId::next(), kind, name }
    }

    /// Makes the identity of another actor of the same kind and name.
    pub(crate) fn successor(&self) -> Self {
        Self { id: ActorId::next(), kind: self.kind, name: self.name.clone() }
    }

    #[cfg(test)]
    pub(crate) fn numbered(kind: fn() -> &'static str, name: Option<&str>, number: u64) -> Self {
        let id = ActorId(NonZeroU64::new(number).expect("tests count from one"));
        Self { id, kind, name: name.map(Arc::from) }
    }

    /// Returns the id.
    #[must_use]
    pub fn id(&self) -> ActorId {
        self.id
    }

    /// Returns the kind: what sort of actor it is, usually the name of its type.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        (self.kind)()
    }

    /// Returns the name, if the actor was given one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Identity {}

impl Hash for Identity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name().unwrap_or_else(|| self.kind()), self.id)
    }
}

/// Returns the name of `T` without its module path, or the full name where `T` is generic.
pub(crate) fn short_type_name<T: ?Sized>() -> &'static str {
    without_path(std::any::type_name::<T>())
}

/// Which bytes a path is made of. Looked up, because every failure asks for some names.
static OF_PATH: [bool; 256] = {
    let mut of_path = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        // A type declared inside an async fn has `{{closure}}` in its path. What is not ASCII is part of a name.
        let is_one = matches!(byte as u8, b'_' | b':' | b'{' | b'}' | b'#');
        of_path[byte] = is_one || (byte as u8).is_ascii_alphanumeric() || byte >= 128;
        byte += 1;
    }
    of_path
};

/// Cuts the module path off a type's name.
///
/// A name that holds other names (generics, tuples, references) has several paths, and a part of a static
/// string cannot leave out pieces of its middle: such a name stays whole.
pub(crate) fn without_path(full: &'static str) -> &'static str {
    if !full.bytes().all(|byte| OF_PATH[usize::from(byte)]) {
        return full;
    }
    let from = full.bytes().rposition(|byte| byte == b':').map_or(0, |at| at + 1);
    let last = &full[from..];
    if last.starts_with('{') { full } else { last }
}
