#![doc = include_str!("../README.md")]

mod actor;
mod dead_letter;
mod error;
mod failure;
pub mod guide;
mod id;
mod policy;
pub mod prelude;
mod queue;
mod reason;
mod snapshot;
mod supervision;
mod system;
#[cfg(feature = "testkit")]
pub mod testkit;

#[cfg(feature = "stream")]
pub use self::actor::TellSink;
#[cfg(feature = "tower")]
pub use self::actor::{AskService, OwnedAsk};
/// Makes a test of an async function: it runs in a [`TestSystem`](testkit::TestSystem) of its own, with the clock
/// paused.
///
/// # Examples
///
/// ```
/// use postbox::{prelude::*, testkit::TestSystem};
///
/// #[derive(Actor, Default)]
/// struct Account { balance: u64 }
///
/// #[messages]
/// impl Account {
///     /// Returns the balance.
///     #[message]
///     fn balance(&self) -> u64 { self.balance }
/// }
///
/// #[postbox::test]
/// async fn an_account_starts_empty(sys: TestSystem) {
///     let account = sys.spawn(Account::default());
///     assert_eq!(account.balance().await.unwrap(), 0);
/// }
/// # // What the harness would call:
/// # postbox::testkit::run(|sys: TestSystem| async move {
/// #     let account = sys.spawn(Account::default());
/// #     assert_eq!(account.balance().await.unwrap(), 0);
/// # });
/// ```
///
/// # In detail
#[cfg(feature = "testkit")]
pub use postbox_macros::test;
#[cfg(feature = "macros")]
pub use postbox_macros::{Actor, Message, messages};

pub use self::{
    actor::{
        Accept, Actor, ActorRef, Ask, AskAll, Call, Child, ChildCount, Context, Handle, Handler, Ledger,
        Make, Message, Recipient, ReplyTo, Spawn, Status, Tell, TellAll, Terminated, WeakRecipient, WeakRef,
        child, make,
    },
    dead_letter::{DeadLetter, DeadLetters, Group, Reason, Subscription},
    error::{AskError, BatchError, ChildError, Flat, FlatError, Rest, SpawnError, TellError, TryTellError},
    failure::{BoxError, Cause, Failure, Panic, Place, Step},
    id::{ActorId, Identity},
    policy::{
        AutoShutdown, Backoff, DEFAULT_CAPACITY, DEFAULT_DEAD_LETTERS, DEFAULT_LIMIT, DEFAULT_SHUTDOWN,
        KILL_GRACE, Limit, Overflow, Restart, Shutdown, Strategy, Supervision,
    },
    reason::StopReason,
    snapshot::{ActorSnapshot, Snapshot},
    supervision::{Supervisor, SupervisorBuilder},
    system::{ShutdownReport, System, SystemBuilder},
};

/// For the code that the macros write. Not part of the API.
#[doc(hidden)]
pub mod __private {
    pub use tokio::task;

    pub use crate::actor::{
        Answer, Holding, IntoFailure, answered_later, call, cause, has_other_workers, reply_to,
    };
}
