//! Running a test: once, or under many orders of turns.

use std::{
    any::Any,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
};

use super::{Kit, TestSystem};
use crate::actor::rig::Ambient;

/// Runs an async test in a runtime of its own, with the clock paused and a [`TestSystem`], and takes the
/// strict look when it is through and all has settled. [`#[postbox::test]`](macro@crate::test) calls it.
///
/// Until it returns, what is spawned on this thread with no word about a system belongs to the test's.
///
/// # Panics
///
/// When the test panics, and when the look at the end finds something. Not for the latter when the test
/// returned an error, which says more.
///
/// # Examples
///
/// ```
/// use postbox::{prelude::*, testkit::{TestSystem, run}};
///
/// #[derive(Actor)]
/// struct Idle;
///
/// run(|sys: TestSystem| async move {
///     let idle = Idle.spawn();
///     assert_eq!(idle.identity(), sys.system().actors()[0].identity());
/// });
/// ```
pub fn run<F, T>(test: F) -> T::Output
where
    F: FnOnce(TestSystem) -> T,
    T: Future<Output: Outcome>,
{
    run_seeded(None, test)
}

fn run_seeded<F, T>(seed: Option<u64>, test: F) -> T::Output
where
    F: FnOnce(TestSystem) -> T,
    T: Future<Output: Outcome>,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime of one thread needs nothing that could be missing");
    let kit = Kit::new(seed);
    let _ambient = Ambient::enter(&kit.system.home);
    runtime.block_on(async {
        let outcome = test(TestSystem::of(&kit)).await;
        if !outcome.is_error() {
            kit.settle().await;
            kit.look();
        }
        outcome
    })
}

/// Runs a test once for each seed, the actors taking their turns in an order that the seed decides: before a
/// turn, and before each message, an actor may have to let the others go first.
///
/// Use it for what must hold in every order. A test that fails is run no further, and the panic names the
/// seed, which replays the same order: `explore([17], …)`. That holds for what the actors of the system do.
/// The branches of a `select!`, the order in a `HashMap` and other threads are not in the seed's hand.
///
/// # Panics
///
/// When the test fails under one of the seeds; the text names it.
///
/// # Examples
///
/// ```
/// use postbox::{prelude::*, testkit::{TestSystem, explore}};
///
/// #[derive(Actor, Default)]
/// struct Sum(u64);
///
/// #[messages]
/// impl Sum {
///     /// Adds.
///     #[message]
///     fn add(&mut self, n: u64) -> u64 { self.0 += n; self.0 }
/// }
///
/// explore(0..20, |sys: TestSystem| async move {
///     let sum = sys.spawn(Sum::default());
///     for n in 1..=3 { sum.add(n).tell().await.unwrap(); }
///     assert_eq!(sum.add(4).await.unwrap(), 10);
/// });
/// ```
pub fn explore<F, T>(seeds: impl IntoIterator<Item = u64>, test: F)
where
    F: Fn(TestSystem) -> T,
    T: Future<Output = ()>,
{
    for seed in seeds {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run_seeded(Some(seed), &test))) {
            panic!("under seed {seed}, which `explore([{seed}], …)` replays: {}", text_of(&*panic));
        }
    }
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a text")
}

/// Says whether a test has failed, as what it may return: nothing, a `Result` or an [`ExitCode`].
///
/// # Examples
///
/// ```
/// use postbox::testkit::{Outcome, TestSystem, run};
/// use std::process::ExitCode;
///
/// assert!(!().is_error() && !Ok::<(), String>(()).is_error());
/// assert!(Err::<(), _>("broken").is_error() && ExitCode::FAILURE.is_error());
///
/// // A test that returns an error is not looked at, and hands the error on.
/// assert_eq!(run(|_: TestSystem| async { Err::<(), _>("broken") }), Err("broken"));
/// ```
#[diagnostic::on_unimplemented(
    message = "a test cannot return `{Self}`",
    label = "neither nothing, nor a `Result`, nor an `ExitCode`",
    note = "return `Result<(), Box<dyn std::error::Error>>` to use `?`"
)]
pub trait Outcome {
    /// Returns whether the test has failed.
    fn is_error(&self) -> bool;
}

impl Outcome for () {
    fn is_error(&self) -> bool {
        false
    }
}

impl<T: Outcome, E: fmt::Debug> Outcome for Result<T, E> {
    fn is_error(&self) -> bool {
        self.as_ref().map_or(true, Outcome::is_error)
    }
}

impl Outcome for ExitCode {
    fn is_error(&self) -> bool {
        *self != Self::SUCCESS
    }
}

/// Numbers that follow from a seed: `SplitMix64`, of Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators" (2014).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to 1.
    pub(super) fn unit(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit an f64 exactly")]
        {
            (self.next() >> 11) as f64 / (1_u64 << 53) as f64
        }
    }

    /// True as often as `rate` says.
    pub(super) fn chance(&mut self, rate: f64) -> bool {
        self.unit() < rate
    }
}
