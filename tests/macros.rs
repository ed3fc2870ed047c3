//! The macros, seen from the user's side: what a method becomes, and that the generated code is clean under
//! strict lints.

#![deny(warnings, missing_docs, clippy::pedantic)]
#![forbid(unsafe_code)]
#![expect(
    missing_debug_implementations,
    unreachable_pub,
    reason = "the tests look like a user's crate, not like ours"
)]

use std::time::Duration;

use postbox::prelude::*;

/// An account, as on the front page.
#[derive(Actor, Default)]
#[actor(capacity = 8, name = "account")]
pub struct Account {
    balance: u64,
    notes: Vec<String>,
}

/// A message that the macros did not make.
#[derive(Message, Clone, Debug)]
#[message(reply = Result<u64, String>, retry = 3, timeout = "250ms")]
pub struct Transfer {
    /// How much.
    pub amount: u64,
}

/// A message without options.
#[derive(Message)]
pub struct Ping;

#[messages]
impl Account {
    /// Adds money and returns the new balance.
    #[message]
    pub fn deposit(&mut self, amount: u64) -> u64 {
        self.balance += amount;
        self.balance
    }

    /// Takes money if there is enough.
    ///
    /// # Errors
    ///
    /// Says so if there is not.
    #[message(derive(Clone, Debug, PartialEq), retry = 2, timeout = "2s")]
    pub async fn withdraw(&mut self, amount: u64) -> Result<u64, String> {
        tokio::task::yield_now().await;
        self.balance = self.balance.checked_sub(amount).ok_or("too little")?;
        Ok(self.balance)
    }

    /// What is there.
    #[message]
    #[must_use]
    pub fn balance(&self) -> u64 {
        self.balance
    }

    /// The context may stand anywhere, under any name.
    #[message]
    pub fn note(
        &mut self,
        /// What to remember.
        #[msg(into)]
        text: String,
        me: &mut Context<Self>,
        mut times: usize,
    ) -> usize {
        let _ = me;
        while times > 0 {
            self.notes.push(text.clone());
            times -= 1;
        }
        self.notes.len()
    }

    /// Names that are keywords, and names that the generated code uses too.
    #[message(name = Rename)]
    pub fn r#type(&mut self, r#struct: &'static str, msg: u8, ctx: u8) -> String {
        format!("{struct} {msg} {ctx}")
    }

    #[handler]
    async fn on_transfer(&mut self, msg: Transfer, _ctx: &mut Context<Self>) -> Result<u64, String> {
        self.withdraw(msg.amount).await
    }

    #[handler]
    fn on_ping(&mut self, Ping: Ping) {
        self.balance += 1;
    }

    #[message]
    fn reset(&mut self) {
        *self = Self::merge(std::mem::take(self), Self::default());
    }

    #[message]
    pub(crate) fn take(&mut self, other: Self, sizes: [u8; Self::SIZES]) -> usize {
        self.balance += other.balance;
        sizes.len()
    }

    const SIZES: usize = 3;

    fn merge(self, other: Self) -> Self {
        Self { balance: self.balance.min(other.balance), notes: other.notes }
    }
}

#[tokio::test]
async fn a_method_is_called_by_message() {
    let account = Account::default().spawn();
    assert_eq!(account.deposit(5).await.unwrap(), 5);
    assert_eq!(account.withdraw(2).await.unwrap(), Ok(3));
    assert_eq!(account.balance().await.unwrap(), 3);
    assert_eq!(account.note("hello", 2).await.unwrap(), 2);
    assert_eq!(account.r#type("a", 1, 2).await.unwrap(), "a 1 2");
}

#[tokio::test]
async fn a_call_can_be_ended_in_other_ways_than_an_ask() {
    let account = Account::default().spawn();
    account.deposit(1).tell().await.unwrap();
    account.deposit(2).try_tell().unwrap();
    assert_eq!(account.deposit(4).timeout(Duration::from_secs(5)).await.unwrap(), 7);
    assert_eq!(account.balance().try_ask().await.unwrap(), 7);
}

#[tokio::test]
async fn a_message_is_a_value_too() {
    let account = Account::default().spawn();
    assert_eq!(account.ask(Deposit { amount: 5 }).await.unwrap(), 5);
    assert_eq!(account.ask(Balance).await.unwrap(), 5);
    assert_eq!(account.ask(Note { text: "x".to_owned(), times: 1 }).await.unwrap(), 1);
    assert_eq!(account.ask(Rename { r#struct: "a", msg: 1, ctx: 2 }).await.unwrap(), "a 1 2");
    assert_eq!(account.ask(Transfer { amount: 2 }).await.unwrap(), Ok(3));
    account.ask(Ping).await.unwrap();
    assert_eq!(account.ask(Balance).await.unwrap(), 4);
    account.ask(Reset).await.unwrap();
    assert_eq!(account.balance().await.unwrap(), 0);
}

#[tokio::test]
async fn self_in_a_parameter_is_the_actor() {
    let account = Account::default().spawn();
    let other = Account { balance: 7, notes: Vec::new() };
    assert_eq!(account.take(other, [0; 3]).await.unwrap(), 3);
    assert_eq!(account.balance().await.unwrap(), 7);
}

#[test]
fn options_become_constants() {
    assert_eq!(Account::CAPACITY, 8);
    assert_eq!(Account::kind(), "account");
    assert_eq!((Transfer::ATTEMPTS, Transfer::TIMEOUT), (3, Some(Duration::from_millis(250))));
    assert_eq!((Withdraw::ATTEMPTS, Withdraw::TIMEOUT), (2, Some(Duration::from_secs(2))));
    assert_eq!((Deposit::ATTEMPTS, Deposit::TIMEOUT), (1, None));
    assert_eq!(Withdraw { amount: 1 }.duplicate(), Some(Withdraw { amount: 1 }));
    assert!(Deposit { amount: 1 }.duplicate().is_none());
    assert_eq!(Transfer { amount: 4 }.duplicate().map(|copy| copy.amount), Some(4));
}

/// Generics in every position.
mod generic {
    use std::collections::HashMap;
    use std::fmt::Display;
    use std::hash::Hash;
    use std::str::FromStr;

    use postbox::prelude::*;

    const ROOM: usize = 4;

    /// A cache.
    #[derive(Actor)]
    #[actor(capacity = ROOM * 2)]
    pub struct Cache<K, V = String> {
        entries: HashMap<K, V>,
    }

    #[messages]
    impl<K, V> Cache<K, V>
    where
        K: Eq + Hash + Send + 'static,
        V: Clone + Send + 'static,
    {
        /// Neither a bare `K` nor a bare `V`.
        #[message]
        pub fn put_all(&mut self, entries: Vec<(K, V)>) -> usize {
            self.entries.extend(entries);
            self.entries.len()
        }

        /// `V` is in the reply only.
        #[message]
        pub fn get(&self, key: K) -> Option<V> {
            self.entries.get(&key).cloned()
        }

        /// `V` comes in by the bound of `I`.
        #[message]
        pub async fn put<I: Into<V>>(&mut self, key: K, value: I) -> Option<V> {
            tokio::task::yield_now().await;
            self.entries.insert(key, value.into())
        }

        /// No generics at all.
        #[message]
        pub fn size(&self) -> usize {
            self.entries.len()
        }

        /// A parameter of the method that is in the reply only.
        #[message]
        pub fn size_as<N>(&self) -> Option<N>
        where
            N: FromStr,
        {
            self.entries.len().to_string().parse().ok()
        }

        /// Every parameter, with bounds between them, and a callback.
        #[message]
        pub fn keys<const N: usize, T>(
            &self,
            show: Box<dyn for<'a> Fn(&'a K) -> T + Send>,
        ) -> [Option<String>; N]
        where
            T: Display,
        {
            let mut keys = self.entries.keys().map(|key| show(key).to_string());
            std::array::from_fn(|_| keys.next())
        }
    }

    /// A handled message that is generic.
    #[derive(Message)]
    #[message(reply = usize)]
    pub struct Count<T>(pub Vec<T>);

    /// Handles it.
    #[derive(Actor)]
    pub struct Counter;

    #[messages]
    impl Counter {
        #[handler]
        fn count<T>(&mut self, Count(items): Count<T>) -> usize {
            items.len()
        }
    }

    #[tokio::test]
    async fn generics_work_in_any_position() {
        let cache = Cache::<&'static str, String> { entries: HashMap::new() }.spawn();
        assert_eq!(cache.put_all(vec![("a", "1".to_owned())]).await.unwrap(), 1);
        assert_eq!(cache.get("a").await.unwrap().as_deref(), Some("1"));
        assert_eq!(cache.put("b", 'x').await.unwrap(), None);
        assert_eq!(cache.get("b").await.unwrap().as_deref(), Some("x"));
        assert_eq!(cache.size().await.unwrap(), 2);
        assert_eq!(cache.ask(Size).await.unwrap(), 2);
        assert_eq!(cache.size_as::<u8>().await.unwrap(), Some(2));
        assert_eq!(cache.ask(SizeAs::<u16>::new()).await.unwrap(), Some(2));
        assert_eq!(cache.ask(Get::<_, String>::new("a")).await.unwrap().as_deref(), Some("1"));
        let mut keys = cache.keys::<2, _>(Box::new(|key| key.len())).await.unwrap();
        keys.sort();
        assert_eq!(keys, [Some("1".to_owned()), Some("1".to_owned())]);
        assert_eq!(<Cache<u8> as Actor>::CAPACITY, 8);
    }

    #[tokio::test]
    async fn a_generic_message_is_handled() {
        assert_eq!(Counter.spawn().ask(Count(vec![1, 2])).await.unwrap(), 2);
    }
}

/// Each visibility has its own trait, and nothing is seen farther than its method.
mod visibility {
    /// The actor's module.
    mod inner {
        use postbox::prelude::*;

        /// Sees to it.
        #[derive(Actor, Default)]
        pub struct Door {
            knocks: u32,
        }

        #[messages]
        impl Door {
            /// For all.
            #[message]
            pub fn knock(&mut self) -> u32 {
                self.knocks += 1;
                self.knocks
            }

            #[message]
            pub(super) fn open(&mut self) -> u32 {
                self.knocks = 0;
                self.knocks
            }

            #[message]
            fn lock(&mut self) -> u32 {
                self.knocks
            }
        }

        #[tokio::test]
        async fn a_private_method_is_called_from_its_module() {
            assert_eq!(Door::default().spawn().lock().await.unwrap(), 0);
        }
    }

    use inner::{DoorApi as _, DoorScopeApi as _};
    use postbox::prelude::*;

    #[tokio::test]
    async fn a_method_is_called_from_where_it_is_seen() {
        let door = inner::Door::default().spawn();
        assert_eq!(door.knock().await.unwrap(), 1);
        assert_eq!(door.open().await.unwrap(), 0);
    }
}

/// Blocks with options.
mod options {
    use postbox::prelude::*;

    #[derive(Actor, Default)]
    struct Stock {
        items: u32,
    }

    #[messages(prefix = Stock, api = StockDesk)]
    impl Stock {
        #[message]
        fn add(&mut self, items: u32) -> u32 {
            self.items += items;
            self.items
        }
    }

    #[messages(api = false)]
    impl Stock {
        #[message(name = Clear)]
        fn clear(&mut self) {
            self.items = 0;
        }

        #[message]
        #[deprecated = "count on your fingers"]
        #[allow(clippy::too_many_arguments)]
        fn many(&mut self, a1: u8, a2: u8, a3: u8, a4: u8, a5: u8, a6: u8, a7: u8, a8: u8) -> u8 {
            a1 + a2 + a3 + a4 + a5 + a6 + a7 + a8
        }
    }

    #[tokio::test]
    async fn names_are_chosen() {
        let stock = Stock::default().spawn();
        assert_eq!(stock.add(1).await.unwrap(), 1);
        assert_eq!(stock.ask(StockAdd { items: 1 }).await.unwrap(), 2);
        stock.ask(Clear).await.unwrap();
        let many = Many { a1: 1, a2: 1, a3: 1, a4: 1, a5: 1, a6: 1, a7: 1, a8: 1 };
        assert_eq!(stock.ask(many).await.unwrap(), 8);
    }
}

/// `#[cfg]` on methods and on parameters.
mod conditional {
    use postbox::prelude::*;

    #[derive(Actor)]
    struct Meter;

    #[messages]
    impl Meter {
        /// Never there.
        #[cfg(not(test))]
        #[message]
        fn read(&self, unit: NoSuchType) -> u8 {
            0
        }

        #[cfg(test)]
        #[message]
        fn read(
            &self,
            #[cfg(not(test))] unit: NoSuchType,
            #[cfg(test)] scale: u8,
            #[cfg(not(test))] other: NoSuchType,
        ) -> u8 {
            #[cfg(test)]
            {
                scale
            }
        }

        #[message]
        async fn read_later(&self, #[cfg(test)] scale: u8, #[cfg(not(test))] scale: u16) -> u8 {
            tokio::task::yield_now().await;
            scale
        }

        #[cfg(not(test))]
        #[handler]
        fn on(&self, msg: NoSuchType) {}
    }

    #[tokio::test]
    async fn only_what_is_configured_is_there() {
        let meter = Meter.spawn();
        assert_eq!(meter.read(3).await.unwrap(), 3);
        assert_eq!(meter.ask(Read { scale: 4 }).await.unwrap(), 4);
        assert_eq!(meter.read_later(5).await.unwrap(), 5);
    }
}

/// No name in scope is relied on, and every name that the code could trip over is taken.
mod hostile {
    #![no_implicit_prelude]
    #![allow(dead_code)]

    mod core {}
    mod std {}
    mod postbox {}
    struct Option;
    struct Result;
    struct String;
    struct Message;
    struct Handler;
    struct ActorRef;
    struct Future;
    struct Send;
    trait Into {}

    #[derive(::postbox::Actor)]
    #[actor(capacity = 2, name = "plain")]
    struct Plain<T>(T);

    #[derive(::postbox::Message, ::core::clone::Clone)]
    #[message(reply = u8, retry = 2, timeout = "1m")]
    struct Told;

    #[::postbox::messages]
    impl<T: ::core::marker::Sync + ::core::marker::Send + 'static> Plain<T> {
        #[message(derive(::core::clone::Clone), retry = 2, timeout = "10us")]
        fn one(&self, #[msg(into)] amount: u64) -> u64 {
            amount
        }

        #[message]
        async fn two(&self, ctx: &mut ::postbox::Context<Self>) -> ::core::option::Option<T> {
            let _ = ctx;
            ::core::future::ready(::core::option::Option::None).await
        }

        #[handler]
        fn told(&mut self, _: Told) -> u8 {
            1
        }
    }
}

/// Under another name, by `crate = …`.
mod renamed {
    mod kept {
        pub(super) use ::postbox as actors;
    }

    #[derive(kept::actors::Actor)]
    #[actor(crate = kept::actors)]
    struct Plain;

    #[derive(kept::actors::Message)]
    #[message(crate = kept::actors)]
    struct Told;

    #[kept::actors::messages(crate = kept::actors)]
    impl Plain {
        #[message]
        fn one(&self) {}

        #[handler]
        fn told(&mut self, _: Told) {}
    }

    #[tokio::test]
    async fn the_crate_option_is_used_throughout() {
        use postbox::prelude::*;
        let plain = Plain.spawn();
        plain.one().await.unwrap();
        plain.ask(Told).await.unwrap();
    }
}

#[tokio::test]
async fn a_block_inside_a_function_works() {
    #[derive(Actor)]
    struct Local;

    #[messages]
    impl Local {
        #[message]
        fn hi(&self) -> &'static str {
            "hi"
        }
    }
    assert_eq!(Local.spawn().hi().await.unwrap(), "hi");
}

/// contract §3: a reply of `Err` is data; told, so that nobody waits for it, it is counted.
#[tokio::test]
async fn an_error_that_nobody_waits_for_is_counted() -> Result<(), BoxError> {
    let system = System::new("unheard");
    let account = Account::default().prepare().system(&system).spawn()?;
    account.withdraw(5).tell().await?;
    assert!(account.withdraw(5).await?.is_err(), "this one is heard");
    account.deposit(5).tell().await?;
    account.withdraw(5).tell().await?;
    assert_eq!(account.deposit(0).await?, 0);
    assert_eq!(system.unheard_errors(), 1);
    assert_eq!(system.dead_letters().total(), 0, "the messages were handled");
    Ok(())
}
