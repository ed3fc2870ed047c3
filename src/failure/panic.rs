//! Panics out of user code: where they happened, what they said, and how they are caught.
//!
//! The payload of a caught panic has its text but not its place. Only the panic hook is told the place, so
//! the hook writes it down for the thread that panics, and [`caught`] picks it up:
//!
//! ```text
//! catch ─► watch (arms the thread) ─► user code ─► panic ─► hook: place noted, previous hook called
//!       ◄─────────────── unwinding, the thread is as before ◄──┘
//!       ─► caught (payload + noted place) ─► Panic
//! ```
//!
//! Design note: a hook that prints nothing for watched threads was refused. The process's hook is the
//! application's, and a supervised panic is still a bug that its log should show.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::{Arc, Once, OnceLock};

/// Describes a panic of user code: its text, its place and, if asked for, its backtrace.
///
/// # Examples
///
/// ```
/// use postbox::{Panic, prelude::*};
///
/// #[derive(Actor)]
/// struct Divider;
///
/// #[messages]
/// impl Divider {
///     /// Divides.
///     #[message]
///     fn divide(&self, by: u32) -> u32 { 100 / by }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let divider = Divider.spawn();
/// divider.divide(0).tell().await?;
/// let StopReason::Failed(failure) = divider.ended().await else { panic!("it has failed") };
/// let panic: &Panic = failure.panic().ok_or("it has panicked")?;
/// assert_eq!(panic.text(), "attempt to divide by zero");
/// assert!(panic.place().is_some());
/// if let Some(backtrace) = panic.backtrace() { eprintln!("{backtrace}"); }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Panic {
    text: String,
    place: Option<Place>,
    backtrace: Option<Arc<Trace>>,
}

/// A backtrace whose text is made when somebody reads it: to find the names costs more than many restarts.
#[derive(Debug)]
struct Trace {
    raw: Backtrace,
    text: OnceLock<String>,
}

/// Locates a panic in the source; it prints as `src/bank.rs:88:13`.
///
/// # Examples
///
/// ```
/// use postbox::{Panic, Place, prelude::*};
///
/// #[derive(Actor)]
/// struct Divider;
///
/// #[messages]
/// impl Divider {
///     /// Divides.
///     #[message]
///     fn divide(&self, by: u32) -> u32 { 100 / by }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let divider = Divider.spawn();
/// divider.divide(0).tell().await?;
/// let StopReason::Failed(failure) = divider.ended().await else { panic!("it has failed") };
/// let place: &Place = failure.panic().and_then(Panic::place).ok_or("it has panicked somewhere")?;
/// assert_eq!(place.to_string(), format!("{}:{}:{}", place.file(), place.line(), place.column()));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    file: String,
    line: u32,
    column: u32,
}

struct Noted {
    place: Option<Place>,
    backtrace: Option<Arc<Trace>>,
}

/// What the hook does on this thread.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Watch {
    /// Nothing: the panic is none of ours.
    Off,
    /// It notes the place of the next panic.
    On,
    /// It has noted one, and goes on to note later ones over it.
    Noted,
}

thread_local! {
    // Apart from `NOTED`, because it is touched at every poll of an actor: a byte with neither a lazy
    // initialisation nor a destructor.
    static WATCH: Cell<Watch> = const { Cell::new(Watch::Off) };
    static NOTED: RefCell<Option<Noted>> = const { RefCell::new(None) };
}

impl Panic {
    #[cfg(test)]
    pub(crate) fn at(file: &str, line: u32, column: u32, text: &str) -> Self {
        let place = Some(Place { file: file.to_owned(), line, column });
        Self { text: text.to_owned(), place, backtrace: None }
    }

    /// Returns what the panic said.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns where it happened.
    ///
    /// It is `None` when the program replaced the panic hook after the first actor was spawned, or when the
    /// panic was raised without the hook (`std::panic::resume_unwind`).
    #[must_use]
    pub fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// Returns the backtrace, if `RUST_BACKTRACE` asks for one.
    #[must_use]
    pub fn backtrace(&self) -> Option<&str> {
        let trace = self.backtrace.as_ref()?;
        Some(trace.text.get_or_init(|| trace.raw.to_string()))
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "panicked at {place}: {}", self.text),
            None => write!(f, "panicked: {}", self.text),
        }
    }
}

impl Place {
    /// Returns the source file, as the compiler was given it.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Returns the line, counted from one.
    #[must_use]
    pub fn line(&self) -> u32 {
        self.line
    }

    /// Returns the column, counted from one.
    #[must_use]
    pub fn column(&self) -> u32 {
        self.column
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Puts our hook before the process's panic hook, once; later calls do nothing.
pub(crate) fn install_hook() {
    static INSTALLED: Once = Once::new();
    // `take_hook` panics on a thread that is panicking, which would abort the process. An actor spawned out
    // of a `Drop` during unwinding leaves the installation to the next one.
    if std::thread::panicking() {
        return;
    }
    INSTALLED.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            note(info);
            previous(info);
        }));
    });
}

/// Runs `f` with the panics of this thread noted for [`caught`].
pub(crate) fn watch<R>(f: impl FnOnce() -> R) -> R {
    /// Puts the state back, also when `f` unwinds: a watched call can lie inside another one.
    struct Rearm(Watch);
    impl Drop for Rearm {
        #[inline]
        fn drop(&mut self) {
            if WATCH.replace(self.0) == Watch::Noted {
                forget_noted();
            }
        }
    }
    let _rearm = Rearm(WATCH.replace(Watch::On));
    f()
}

/// User code caught that panic itself, unless it is on its way. Its place must not stick to a later one that has none.
#[cold]
#[inline(never)]
fn forget_noted() {
    if !std::thread::panicking() {
        take_noted();
    }
}

/// Makes a [`Panic`] of what `catch_unwind` returned, with the place that was noted under [`watch`].
pub(crate) fn caught(payload: Box<dyn Any + Send>) -> Panic {
    let noted = take_noted();
    let text = if let Some(text) = payload.downcast_ref::<&'static str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a value that is not text".to_owned()
    };
    discard(payload);
    let (place, backtrace) = noted.map_or((None, None), |noted| (noted.place, noted.backtrace));
    Panic { text, place, backtrace }
}

/// Runs `f` and turns its panic into a value.
///
/// The caller answers for what `f` leaves behind: nothing that `f` may have torn is used after an `Err`.
pub(crate) fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Panic> {
    panic::catch_unwind(AssertUnwindSafe(|| watch(f))).map_err(caught)
}

/// Drops the payload of a panic, which is user data and may panic in turn.
fn discard(payload: Box<dyn Any + Send>) {
    if let Err(second) = panic::catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        // Whoever panics when dropped twice would go on for ever. One small leak ends it.
        std::mem::forget(second);
    }
}

/// Writes down the place of a panic, if this thread is watched. It must not panic: it runs in the hook.
fn note(info: &PanicHookInfo<'_>) {
    if WATCH.get() == Watch::Off {
        return;
    }
    WATCH.set(Watch::Noted);
    let place = info.location().map(|location| Place {
        file: location.file().to_owned(),
        line: location.line(),
        column: location.column(),
    });
    let raw = Backtrace::capture();
    let captured = raw.status() == BacktraceStatus::Captured;
    let backtrace = captured.then(|| Arc::new(Trace { raw, text: OnceLock::new() }));
    let noted = Noted { place, backtrace };
    // An error means the thread is in its destructors. The panic then goes without its place.
    let _ = NOTED.try_with(|slot| slot.replace(Some(noted)));
}

fn take_noted() -> Option<Noted> {
    NOTED.try_with(RefCell::take).ok().flatten()
}
