//! The macros of postbox: methods become messages.
//!
//! | macro | goes on | writes |
//! |---|---|---|
//! | [`#[derive(Actor)]`](macro@Actor) | a struct or an enum | its `Actor` impl |
//! | [`#[messages]`](macro@messages) | an `impl` block of an actor | messages, handlers and call methods out of methods |
//! | [`#[derive(Message)]`](macro@Message) | a struct or an enum | its `Message` impl, for messages that several actors handle |
//! | [`#[test]`](macro@test) | an async function | a test with a system of its own |
//!
//! They are re-exported by `postbox`, which is how to use them; this crate has nothing else.
//!
//! What they write is only what a user could write, in absolute paths: it means the same whatever is in
//! scope, and is clean under `#![deny(warnings, missing_docs, clippy::pedantic)]`, `#![no_implicit_prelude]`
//! and `#![forbid(unsafe_code)]`. The paths begin with `::postbox`, or with the name that the crate's
//! manifest gives to postbox (`actors = { package = "postbox", … }`); where postbox comes through another
//! crate, each macro takes `crate = path`.
//!
//! # Mistakes
//!
//! All mistakes of a block are reported at once, each on its own token, with what to write instead. What a
//! method with a mistake would make is made all the same, with bodies that do nothing, so the code that uses
//! it is not in error too.

// The order of the work: `parse` reads what is written, `check` turns it into plans and finds the mistakes,
// `expand` writes the code, with bodies from `fallback` where a plan is broken. The others are what these
// four speak of.
#[cfg(test)]
mod tests;

mod check;
mod errors;
mod expand;
mod fallback;
mod generics;
mod krate;
mod messages;
mod options;
mod owned;
mod parse;
mod reach;
mod suggest;
mod test;

use proc_macro::TokenStream;

/// Implements `Actor`, with the default of every hook.
///
/// Write `impl Actor for …` by hand to fill a hook in; that is as short.
///
/// | option | meaning | default |
/// |---|---|---|
/// | `capacity = 64` | how many messages the mailbox holds: a constant expression, at least 1 | the crate's default |
/// | `overflow = "drop_oldest"` | what a full mailbox does with one more message; also `"drop_newest"`, `"wait"` | `"wait"` |
/// | `hand_off` | the actor may run in the poll of one that sends to it, if that one says so too: for short handlers that never hold their thread | in a task of its own |
/// | `caller_runs` | whoever asks the actor while it has nothing to do runs the handler itself, at once: for short handlers that never hold their thread | in a task of its own |
/// | `name = "account"` | the kind of actor in logs and errors | the name of the type |
/// | `crate = path` | where postbox is | `::postbox` |
///
/// The type parameters of a generic actor get the bounds `Send + 'static`, which every actor needs.
///
/// # Examples
///
/// ```
/// use postbox::prelude::*;
///
/// const ROOM: usize = 16;
///
/// #[derive(Actor)]
/// #[actor(capacity = ROOM * 2, name = "stack")]
/// struct Stack<T> {
///     items: Vec<T>,
/// }
///
/// assert_eq!(Stack::<u8>::CAPACITY, 32);
/// assert_eq!(Stack::<u8>::kind(), "stack");
/// # let _ = Stack::<u8> { items: Vec::new() }.items;
///
/// #[derive(Actor)]
/// #[actor(capacity = 1, overflow = "drop_oldest", hand_off, caller_runs)]
/// struct Gauge(f64);
///
/// assert_eq!(Gauge::OVERFLOW, postbox::Overflow::DropOldest);
/// assert!(Gauge::HAND_OFF && Gauge::CALLER_RUNS);
/// # let _ = Gauge(0.0).0;
/// ```
#[proc_macro_derive(Actor, attributes(actor))]
pub fn derive_actor(input: TokenStream) -> TokenStream {
    match syn::parse(input) {
        Ok(input) => expand::actor(&input).into(),
        Err(error) => error.into_compile_error().into(),
    }
}

/// Implements `Message`, for a type that is written by hand.
///
/// Use it for a message that several actors handle, or that other crates send. Where a message belongs to one
/// method of one actor, [`#[messages]`](macro@messages) makes it.
///
/// | option | meaning | default |
/// |---|---|---|
/// | `reply = T` | what the handler answers | `()` |
/// | `retry = N` | the message is tried `N` times in all when its handler fails; needs `Clone` | once |
/// | `timeout = "250ms"` | how long an ask waits that sets no time of its own; units are `us`, `ms`, `s`, `m` | for ever |
/// | `priority` | it goes into the lane that overtakes the other | the ordinary lane |
/// | `crate = path` | where postbox is | `::postbox` |
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use postbox::prelude::*;
///
/// #[derive(Message, Clone)]
/// #[message(reply = Result<u64, String>, retry = 3, timeout = "250ms", priority)]
/// struct Transfer {
///     amount: u64,
/// }
///
/// #[derive(Actor)]
/// struct Account {
///     balance: u64,
/// }
///
/// #[messages]
/// impl Account {
///     #[handler]
///     fn on_transfer(&mut self, msg: Transfer) -> Result<u64, String> {
///         self.balance = self.balance.checked_sub(msg.amount).ok_or("not enough")?;
///         Ok(self.balance)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// assert_eq!((Transfer::ATTEMPTS, Transfer::PRIORITY), (3, true));
/// assert_eq!(Transfer::TIMEOUT, Some(Duration::from_millis(250)));
///
/// let account = Account { balance: 5 }.spawn();
/// assert_eq!(account.ask(Transfer { amount: 2 }).await?, Ok(3));
/// # Ok(()) }
/// ```
#[proc_macro_derive(Message, attributes(message))]
pub fn derive_message(input: TokenStream) -> TokenStream {
    match syn::parse(input) {
        Ok(input) => expand::message(&input).into(),
        Err(error) => error.into_compile_error().into(),
    }
}

/// Makes messages, handlers and call methods of the methods of an actor.
///
/// # `#[message]`
///
/// A method marked `#[message]`, say `fn deposit(&mut self, amount: u64) -> u64` of `Account`, makes
///
/// - a struct `Deposit { amount: u64 }` beside the actor (a unit struct without parameters). Visibility,
///   documentation and `#[cfg]`s are those of the method; attributes on a parameter (`#[serde(…)]`, docs) go
///   to the field;
/// - its `Message` impl, whose reply is the return type;
/// - the `Handler<Deposit>` impl of `Account`, which calls the method;
/// - a method `deposit` of `ActorRef<Account>`, by a trait `AccountApi`. It returns a request, which is an
///   ask when awaited.
///
/// The method stays what it was and can be called directly, in a test for instance. It may be async, and take
/// `&self` or `&mut self` (an async one with `&self` needs an actor that is `Sync`). A parameter of the type
/// `&mut Context<Self>`, at any place and under any name, is the actor's context and no part of the message.
///
/// | option of `#[message]` | meaning |
/// |---|---|
/// | `name = X` | the name of the struct |
/// | `vis = pub(crate)` | the visibility of the struct and its fields, where it is not to be the method's |
/// | `call = x` | the name of the call method, where it is not to be the method's |
/// | `derive(Clone, Debug)` | derives for the struct |
/// | `retry = N` | tried `N` times in all when it fails; needs `derive(Clone)` |
/// | `timeout = "250ms"` | how long an ask waits that sets no time of its own; units are `us`, `ms`, `s`, `m` |
/// | `priority` | it goes into the lane that overtakes the other |
/// | `defer`, `on_err = fail`, `blocking`, `protocol = false` | see below |
///
/// `#[msg(into)]` before a parameter makes the call method take `impl Into<T>`.
///
/// # `#[handler]`
///
/// A method marked `#[handler]` takes a message type that exists, by value, and makes only the `Handler`
/// impl. Its return type has to be the reply of the message. It takes the options `defer`, `on_err = fail`,
/// `blocking` and `protocol = false`; all others belong to the message.
///
/// # Ways of running a method
///
/// - `defer`: the method answers later, or has somebody else answer. It takes a parameter `reply: ReplyTo<R>`, at
///   any place and under any name, which is no part of the message; `R` is the reply, and the method returns
///   nothing. Whoever drops the `ReplyTo` answers `AskError::NoReply`, but for a method that panics, is cut or
///   fails with it in hand: its asker is told just that, or waits for the next attempt of a message with `retry`.
/// - `on_err = fail`: an `Err` of the method means that the actor is broken. It ends the incarnation as
///   `ctx.fail` does, and an asker gets `AskError::Failed`. The return type is written as a `Result<T, E>` (or an
///   alias of that name), the reply is `T`, and `E` is any error, or a text.
/// - `blocking`: the method is not async, and may hold its thread: for pure computation, or for calls that wait.
///   On tokio's multi-thread runtime the other tasks of the worker go to another thread first
///   (`tokio::task::block_in_place`), and the method runs where it is, with the actor's state, as any other. On a
///   current-thread runtime there is no other thread for them, and it runs in place. Either way the actor takes
///   no other message meanwhile, and a kill cannot cut it: it is reported as detached. It needs tokio's feature
///   `rt-multi-thread`, which is the application's to set. An actor that is to go on with its messages hands the
///   work to `tokio::task::spawn_blocking`, and answers from there, with `defer`.
///
/// ```
/// use postbox::prelude::*;
///
/// #[derive(Actor, Default)]
/// struct Door {
///     waiting: Vec<ReplyTo<u32>>,
///     log: Vec<u8>,
/// }
///
/// #[messages]
/// impl Door {
///     /// Waits until the door opens, and says how many came in.
///     #[message(defer)]
///     fn wait(&mut self, reply: ReplyTo<u32>) {
///         self.waiting.push(reply);
///     }
///
///     /// Opens the door.
///     #[message(on_err = fail)]
///     fn open(&mut self, force: u32) -> Result<(), String> {
///         if force > 9 {
///             return Err("the door has come off its hinges".to_owned());
///         }
///         let came_in = self.waiting.len().try_into().unwrap_or(u32::MAX);
///         for reply in self.waiting.drain(..) {
///             let _ = reply.send(came_in);
///         }
///         Ok(())
///     }
///
///     /// Sums the log up, which takes its time.
///     #[message(blocking)]
///     fn sum(&self) -> u32 {
///         self.log.iter().map(|&byte| u32::from(byte)).sum()
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let door = Door::default().spawn();
/// let (came_in, opened) = tokio::join!(door.wait().send(), door.open(1).send());
/// opened?;
/// assert_eq!(came_in?, 1);
/// assert_eq!(door.sum().await?, 0);
///
/// let error = door.open(10).await.unwrap_err();
/// assert!(error.to_string().contains("come off its hinges"));
/// assert!(door.ended().await.is_failure());
/// # Ok(()) }
/// ```
///
/// # Options of the block
///
/// | option of `#[messages]` | meaning |
/// |---|---|
/// | `prefix = Account` | structs are called `AccountDeposit` |
/// | `api = false` | no call methods |
/// | `api = Name` | the name of their trait, for the second block of an actor |
/// | `protocol = AccountMsg` | an enum of the messages: see below |
/// | `crate = path` | where postbox is |
///
/// ```
/// use postbox::prelude::*;
///
/// #[derive(Actor, Default)]
/// pub struct Account {
///     balance: u64,
/// }
///
/// #[messages(prefix = Account, api = Payments)]
/// impl Account {
///     /// Adds money and returns the new balance.
///     #[message(call = pay_in, vis = pub(crate), priority)]
///     pub fn deposit(&mut self, amount: u64) -> u64 {
///         self.balance += amount;
///         self.balance
///     }
/// }
///
/// #[messages(api = false)]
/// impl Account {
///     /// Returns the balance.
///     #[message(name = HowMuch)]
///     pub fn balance(&self) -> u64 {
///         self.balance
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let account = Account::default().spawn();
/// assert_eq!(Payments::pay_in(&account, 5).await?, 5);
/// assert_eq!(account.ask(AccountDeposit { amount: 1 }).await?, 6);
/// assert_eq!(account.ask(HowMuch).await?, 6);
/// # Ok(()) }
/// ```
///
/// # Protocols
///
/// `#[messages(protocol = AccountMsg)]` makes the messages of the block one type as well: for logs, for wires, and
/// for tests that try them all. Without it there is none, and nothing is paid for it.
///
/// - `enum AccountMsg` has a variant for each message, with the message's name, and for each message type of a
///   `#[handler]`; `enum AccountMsgReply` has one for each reply.
/// - `From<Deposit>` for the enum, and `TryFrom<AccountMsg>` for each message. The error is the enum, as it was.
/// - `msg.tell_to(&account)`, `msg.try_tell_to(&account)` and `msg.ask_to(&account)` send it, as the message that
///   it holds: with the priority, the attempts and the time limit of that one, and under its name in logs and
///   dead letters. What was not sent comes back in the error, as the enum.
///
/// A protocol is as visible as those of the messages that are seen farthest, and has only these: who can name it
/// can send what is in it. The long form says more:
///
/// | option of `protocol(…)` | meaning |
/// |---|---|
/// | `name = AccountMsg` | the name of the enum |
/// | `vis = pub(crate)` | its visibility; all messages that are seen as far are in it |
/// | `derive(Serialize, Debug)` | derives, for the enum and for each message that the block makes |
/// | `attr(serde(tag = "type"))` | an attribute for the enum |
/// | `reply(name = AccountReply, derive(…), attr(…))` | the same for the enum of replies |
///
/// `#[message(protocol = false)]` and `#[handler(protocol = false)]` leave a message out. A method with type
/// parameters of its own has to say so: it has a message for each of them.
///
/// ```
/// use postbox::prelude::*;
///
/// #[derive(Actor, Default)]
/// pub struct Account {
///     balance: u64,
/// }
///
/// #[messages(protocol(name = AccountMsg, derive(Clone, Debug), reply(name = AccountReply, derive(Debug))))]
/// impl Account {
///     /// Adds money and returns the new balance.
///     #[message]
///     pub fn deposit(&mut self, amount: u64) -> u64 {
///         self.balance += amount;
///         self.balance
///     }
///
///     /// Closes the account.
///     #[message]
///     pub fn close(&mut self, ctx: &mut Context<Self>) {
///         ctx.stop();
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let account = Account::default().spawn();
/// for msg in [AccountMsg::from(Deposit { amount: 5 }), Close.into()] {
///     let text = format!("{msg:?}");
///     match msg.ask_to(&account).await? {
///         AccountReply::Deposit(balance) => assert_eq!((text.as_str(), balance), ("Deposit(Deposit { amount: 5 })", 5)),
///         AccountReply::Close(()) => assert_eq!(text, "Close(Close)"),
///     }
/// }
/// assert!(account.ended().await.is_normal());
/// # Ok(()) }
/// ```
///
/// # Visibility
///
/// The methods of a trait are all as visible as the trait. So there is one trait for each visibility among
/// the methods: `AccountApi` for those that are seen farthest, and behind it `AccountCrateApi`,
/// `AccountScopeApi` (`pub(super)`, `pub(in …)`) and `AccountPrivateApi`. They have to be in scope where they
/// are used, as any trait.
///
/// # Generics
///
/// Type and `const` parameters of the block and of the method may stand anywhere in parameters and reply. The
/// struct has those that its fields, its reply or their bounds mention. One that no field mentions is tied to
/// it by a `PhantomData` field; such a struct has a constructor, `Get::new(key)`.
///
/// # Examples
///
/// ```
/// use postbox::prelude::*;
///
/// #[derive(Actor, Default)]
/// pub struct Account {
///     owner: String,
///     balance: u64,
/// }
///
/// #[messages]
/// impl Account {
///     /// Adds money and returns the new balance.
///     #[message]
///     pub fn deposit(&mut self, amount: u64) -> u64 {
///         self.balance += amount;
///         self.balance
///     }
///
///     /// Takes money if there is enough.
///     #[message(derive(Clone, Debug), retry = 3, timeout = "250ms")]
///     pub async fn withdraw(&mut self, amount: u64) -> Result<u64, String> {
///         self.balance = self.balance.checked_sub(amount).ok_or("not enough")?;
///         Ok(self.balance)
///     }
///
///     /// Names the owner.
///     #[message]
///     pub fn rename(&mut self, #[msg(into)] owner: String, _ctx: &mut Context<Self>) {
///         self.owner = owner;
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let account = Account::default().spawn();
/// assert_eq!(account.deposit(5).await?, 5);
/// account.rename("Ada").await?;
/// // The message as a value:
/// assert_eq!(account.ask(Withdraw { amount: 7 }).await?, Err("not enough".to_owned()));
/// # Ok(()) }
/// ```
///
/// Without the macro, `deposit` would be:
///
/// ```
/// use postbox::prelude::*;
///
/// #[derive(Actor, Default)]
/// pub struct Account {
///     balance: u64,
/// }
///
/// /// Adds money and returns the new balance.
/// pub struct Deposit {
///     pub amount: u64,
/// }
///
/// impl Message for Deposit {
///     type Reply = u64;
/// }
///
/// impl Handler<Deposit> for Account {
///     async fn handle(&mut self, msg: Deposit, _ctx: &mut Context<Self>) -> u64 {
///         self.balance += msg.amount;
///         self.balance
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let account = Account::default().spawn();
/// assert_eq!(account.ask(Deposit { amount: 5 }).await?, 5);
/// # Ok(()) }
/// ```
///
/// A generic actor:
///
/// ```
/// use std::collections::HashMap;
///
/// use postbox::prelude::*;
///
/// #[derive(Actor)]
/// struct Cache<V> {
///     entries: HashMap<String, V>,
/// }
///
/// #[messages]
/// impl<V: Clone + Send + 'static> Cache<V> {
///     #[message]
///     fn put(&mut self, #[msg(into)] key: String, value: V) -> Option<V> {
///         self.entries.insert(key, value)
///     }
///
///     #[message]
///     fn get(&self, #[msg(into)] key: String) -> Option<V> {
///         self.entries.get(&key).cloned()
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cache = Cache { entries: HashMap::new() }.spawn();
/// cache.put("a", 1).await?;
/// assert_eq!(cache.get("a").await?, Some(1));
/// assert_eq!(cache.ask(Get::<i32>::new("b".to_owned())).await?, None);
/// # Ok(()) }
/// ```
#[proc_macro_attribute]
pub fn messages(args: TokenStream, item: TokenStream) -> TokenStream {
    messages::expand(args.into(), item.into()).into()
}

/// Makes a test of an async function: `#[postbox::test]`, with the feature `testkit`.
///
/// The function takes a `postbox::testkit::TestSystem`, or nothing, and returns nothing, a `Result` or an
/// `ExitCode`. It runs in a current-thread runtime of its own with the clock paused; what it spawns with no
/// word about a system belongs to the test's. When it is through, the strict look at the system follows, also
/// where it takes no `TestSystem`.
///
/// Attributes such as `#[should_panic]` go below or above it. The option is `crate = path`, where postbox is.
#[proc_macro_attribute]
pub fn test(args: TokenStream, item: TokenStream) -> TokenStream {
    test::tokens(args.into(), item.into()).into()
}
