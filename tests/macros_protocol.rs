//! `#[messages(protocol = …)]`: the messages of an actor as one enum.

#![deny(warnings, missing_docs, clippy::pedantic)]
#![forbid(unsafe_code)]
#![expect(unreachable_pub, reason = "the tests look like a user's crate, not like ours")]

/// The short form.
mod plain {
    use postbox::prelude::*;

    /// Counts.
    #[derive(Actor, Default)]
    pub struct Counter {
        count: u32,
    }

    #[messages(protocol = CounterMsg)]
    impl Counter {
        /// Adds.
        #[message]
        pub fn add(&mut self, amount: u32) -> u32 {
            self.count += amount;
            self.count
        }

        /// A message that is seen less far than the protocol.
        #[message]
        fn reset(&mut self) {
            self.count = 0;
        }
    }

    #[tokio::test]
    async fn a_message_goes_in_and_out_of_the_enum() {
        let msg = CounterMsg::from(Add { amount: 2 });
        let add = Add::try_from(msg).unwrap_or(Add { amount: 0 });
        assert_eq!(add.amount, 2);

        let counter = Counter::default().spawn();
        let CounterMsgReply::Add(count) = CounterMsg::Add(add).ask_to(&counter).await.unwrap();
        assert_eq!(count, 2);
        counter.reset().await.unwrap();
    }
}

/// The long form.
mod full {
    use std::time::Duration;

    use postbox::{Reason, StopReason, System, prelude::*};
    use serde::{Deserialize, Serialize};

    /// Came with another crate.
    #[derive(Message, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[message(reply = Result<u64, String>)]
    pub struct Transfer {
        /// How much.
        pub amount: u64,
    }

    /// An account.
    #[derive(Actor, Default)]
    #[actor(capacity = 2)]
    pub struct Account {
        balance: u64,
    }

    #[messages(
        prefix = Account,
        protocol(
            name = Order,
            vis = pub(crate),
            derive(Serialize, Deserialize, Clone, Debug, PartialEq),
            attr(serde(tag = "order", rename_all = "snake_case")),
            reply(name = Receipt, derive(Serialize, Debug, PartialEq), attr(serde(untagged))),
        )
    )]
    impl Account {
        /// Adds money.
        #[message(derive(PartialEq, Eq), priority)]
        pub fn deposit(&mut self, #[serde(rename = "sum")] amount: u64) -> u64 {
            self.balance += amount;
            self.balance
        }

        /// Tried twice, which needs the `Clone` of the protocol.
        #[message(name = Withdraw, retry = 2, timeout = "10ms")]
        pub(crate) async fn take(&mut self, amount: u64) -> Result<u64, String> {
            tokio::time::sleep(Duration::from_millis(amount)).await;
            self.balance = self.balance.checked_sub(amount).ok_or("too little")?;
            Ok(self.balance)
        }

        #[handler]
        fn on_transfer(&mut self, msg: Transfer) -> Result<u64, String> {
            self.balance = self.balance.checked_add(msg.amount).ok_or("too much")?;
            Ok(self.balance)
        }

        /// No wire carries this.
        #[message(protocol = false)]
        pub fn keep(&mut self, with: ActorRef<Account>) {
            drop(with);
        }

        #[message]
        fn reset(&mut self) {
            self.balance = 0;
        }

        #[cfg(not(test))]
        #[message]
        pub fn gone(&mut self, what: NoSuchType) {}
    }

    fn orders() -> [Order; 3] {
        [
            Order::AccountDeposit(AccountDeposit { amount: 5 }),
            Order::Withdraw(Withdraw { amount: 2 }),
            Order::Transfer(Transfer { amount: 4 }),
        ]
    }

    #[test]
    fn every_order_goes_over_a_wire_and_comes_back() {
        let wire = serde_json::to_string(&orders()).unwrap();
        assert_eq!(
            wire,
            r#"[{"order":"account_deposit","sum":5},{"order":"withdraw","amount":2},{"order":"transfer","amount":4}]"#
        );
        assert_eq!(serde_json::from_str::<Vec<Order>>(&wire).unwrap(), orders());
        assert!(serde_json::from_str::<Order>(r#"{"order":"reset"}"#).is_err(), "it is seen less far");
        assert!(serde_json::from_str::<Order>(r#"{"order":"keep"}"#).is_err(), "it is left out");
    }

    #[test]
    fn the_wrong_message_comes_back_as_it_was() {
        for order in orders() {
            let [is_deposit, is_withdraw, is_transfer] = [
                AccountDeposit::try_from(order.clone()).map_err(|back| assert_eq!(back, order)).is_ok(),
                Withdraw::try_from(order.clone()).map_err(|back| assert_eq!(back, order)).is_ok(),
                Transfer::try_from(order.clone()).map_err(|back| assert_eq!(back, order)).is_ok(),
            ];
            // A new order does not compile without a look at this test.
            let expected = match order {
                Order::AccountDeposit(_) => [true, false, false],
                Order::Withdraw(_) => [false, true, false],
                Order::Transfer(_) => [false, false, true],
            };
            assert_eq!([is_deposit, is_withdraw, is_transfer], expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn orders_are_asked_and_answered() {
        let account = Account::default().spawn();
        let mut answers = Vec::new();
        for order in orders() {
            answers.push(order.ask_to(&account).await.unwrap());
        }
        assert_eq!(answers, [Receipt::AccountDeposit(5), Receipt::Withdraw(Ok(3)), Receipt::Transfer(Ok(7))]);
        assert_eq!(serde_json::to_string(&answers).unwrap(), r#"[5,{"Ok":3},{"Ok":7}]"#);
        account.reset().await.unwrap();
        let owned: Order = Withdraw { amount: 2 }.into();
        assert_eq!(owned.ask_to(&account).await.unwrap(), Receipt::Withdraw(Err("too little".to_owned())));
    }

    /// Its own time limit, its own priority, its own name.
    #[tokio::test(start_paused = true)]
    async fn an_order_is_sent_as_the_message_that_it_holds() {
        let system = System::new("orders");
        let account = Account { balance: 100 }.prepare().system(&system).spawn().unwrap();
        let slow = Order::from(Withdraw { amount: 50 });
        let error = slow.ask_to(&account).await.unwrap_err();
        assert!(matches!(error, AskError::Timeout { started: true, .. }), "{error}");

        // Behind the slow one: the deposit overtakes the transfer.
        Order::Transfer(Transfer { amount: 1 }).tell_to(&account).await.unwrap();
        Order::AccountDeposit(AccountDeposit { amount: 1 }).try_tell_to(&account).unwrap();
        let full = Order::Transfer(Transfer { amount: 9 }).try_tell_to(&account).unwrap_err();
        assert!(matches!(full, TryTellError::Full { .. }), "{full}");
        assert_eq!(full.into_message(), Order::Transfer(Transfer { amount: 9 }), "it comes back as the enum");
        account.stop_now();
        let reason = account.ended().await;
        assert!(matches!(reason, StopReason::Stopped), "{reason}");
        let letters = system.dead_letters().recent();
        let told: Vec<_> = letters.iter().map(|letter| (letter.message_type(), letter.reason())).collect();
        let expected = [
            ("Withdraw", Reason::LateReply),
            ("AccountDeposit", Reason::Stopped),
            ("Transfer", Reason::Stopped),
        ];
        assert_eq!(told, expected);

        let error = Order::from(Transfer { amount: 3 }).tell_to(&account).await.unwrap_err();
        assert_eq!(error.into_message(), Order::Transfer(Transfer { amount: 3 }));
        let error = Order::from(Transfer { amount: 3 }).ask_to(&account).await.unwrap_err();
        assert_eq!(error.into_message(), Some(Order::Transfer(Transfer { amount: 3 })));
    }
}

/// Of a generic actor: the enum has the parameters that its messages have.
mod generic {
    use std::{collections::HashMap, hash::Hash};

    use postbox::prelude::*;

    /// A cache.
    #[derive(Actor)]
    pub struct Cache<K, V, const N: usize> {
        entries: HashMap<K, V>,
    }

    #[messages(protocol(name = CacheMsg, vis = pub(self), derive(Clone), reply(name = CacheReply, derive(Debug, PartialEq))))]
    impl<K, V, const N: usize> Cache<K, V, N>
    where
        K: Eq + Hash + Clone + Send + 'static,
        V: Clone + Send + 'static,
    {
        #[message]
        fn put(&mut self, key: K, value: V) -> bool {
            self.entries.len() < N && self.entries.insert(key, value).is_none()
        }

        /// `V` is in the reply alone.
        #[message]
        fn get(&self, key: K) -> Option<V> {
            self.entries.get(&key).cloned()
        }

        #[message]
        fn size(&self) -> usize {
            self.entries.len()
        }

        /// One for each `I`.
        #[message(protocol = false)]
        fn put_all<I: Into<V>>(&mut self, entries: Vec<(K, I)>) {
            self.entries.extend(entries.into_iter().map(|(key, value)| (key, value.into())));
        }
    }

    #[tokio::test]
    async fn a_protocol_may_be_generic() {
        let cache = Cache::<u8, String, 2> { entries: HashMap::new() }.spawn();
        let put: CacheMsg<u8, String> = Put { key: 1, value: "one".to_owned() }.into();
        assert_eq!(put.clone().ask_to(&cache).await.unwrap(), CacheReply::Put(true));
        let get: CacheMsg<u8, String> = Get::new(1).into();
        assert_eq!(get.ask_to(&cache).await.unwrap(), CacheReply::Get(Some("one".to_owned())));
        assert_eq!(CacheMsg::from(Size).ask_to(&cache).await.unwrap(), CacheReply::Size(1));
        cache.put_all(vec![(2, "two")]).await.unwrap();
        assert_eq!(put.ask_to(&cache).await.unwrap(), CacheReply::Put(false));
    }
}

/// No name in scope is relied on.
mod hostile {
    #![no_implicit_prelude]
    #![allow(dead_code)]

    mod core {}
    mod std {}
    mod postbox {}
    struct Option;
    struct Result;
    trait From {}
    trait TryFrom {}
    trait Into {}

    #[derive(::postbox::Actor)]
    struct Plain;

    #[::postbox::messages(protocol(name = Protocol, derive(::core::clone::Clone)))]
    impl Plain {
        #[message]
        fn one(&self, msg: u8, to: u8) -> u8 {
            msg + to
        }
    }

    #[::postbox::messages(protocol = Nothing, api = NoApi)]
    impl Plain {}
}
