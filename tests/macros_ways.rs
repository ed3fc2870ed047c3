//! The ways of running a method: `call`, `vis`, `defer`, `on_err = fail`, `blocking`.

#![deny(warnings, missing_docs, clippy::pedantic)]
#![forbid(unsafe_code)]
#![expect(unreachable_pub, reason = "the tests look like a user's crate, not like ours")]

/// Names that the macro would not choose.
mod names {
    /// The actor's module.
    mod inner {
        use postbox::prelude::*;

        /// Has methods that a reference has as well.
        #[derive(Actor, Default)]
        pub struct Shop {
            open: bool,
        }

        #[messages]
        impl Shop {
            /// A reference has a `stop` of its own.
            #[message(call = close_shop, name = CloseShop)]
            pub fn stop(&mut self) -> bool {
                std::mem::take(&mut self.open)
            }

            /// Called by all, and sent as a value by this crate alone.
            #[message(vis = pub(crate))]
            pub fn open(&mut self, at: u8) -> u8 {
                self.open = true;
                at
            }

            #[message(vis = pub(in crate::names), call = r#try)]
            fn peek<const N: usize>(&self) -> [bool; N] {
                [self.open; N]
            }
        }

        #[tokio::test]
        async fn a_call_method_may_have_another_name() {
            let shop = Shop::default().spawn();
            assert_eq!(shop.open(9).await.unwrap(), 9);
            assert_eq!(shop.r#try::<2>().await.unwrap(), [true; 2]);
            assert!(shop.close_shop().await.unwrap());
            shop.stop();
            assert!(shop.ended().await.is_normal());
        }
    }

    use inner::{CloseShop, Open, Peek, Shop};
    use postbox::prelude::*;

    #[tokio::test]
    async fn a_struct_is_seen_as_far_as_its_option_says() {
        let shop = Shop::default().spawn();
        assert_eq!(shop.ask(Open { at: 9 }).await.unwrap(), 9);
        assert_eq!(shop.ask(Peek::<1> {}).await.unwrap(), [true]);
        assert!(shop.ask(CloseShop).await.unwrap());
    }
}

/// `defer`: the answer is given later, or elsewhere.
mod defer {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use postbox::prelude::*;
    use tokio::sync::oneshot;

    /// Keeps those who ask waiting.
    #[derive(Actor, Default)]
    pub struct Door {
        waiting: Vec<ReplyTo<&'static str>>,
    }

    /// Handled, and answered later.
    #[derive(Message)]
    #[message(reply = Result<usize, String>)]
    pub struct Count;

    /// How a deferred method goes wrong.
    #[derive(Clone, Copy, Debug)]
    pub enum How {
        /// Drops the means to answer.
        Drops,
        /// Panics with them in hand.
        Panics,
        /// Panics with them in hand, and catches that.
        Catches,
        /// Fails on purpose.
        Fails,
    }

    #[messages]
    impl Door {
        /// Waits until the door opens.
        #[message(defer)]
        pub fn wait(&mut self, reply: ReplyTo<&'static str>) {
            self.waiting.push(reply);
        }

        /// Opens the door for all who wait.
        #[message]
        pub fn open(&mut self) -> usize {
            let waiting = std::mem::take(&mut self.waiting);
            waiting.into_iter().filter_map(|reply| reply.send("come in").ok()).count()
        }

        /// Not async, with the context.
        #[message(defer)]
        pub fn close(&mut self, reply: ReplyTo<&'static str>, ctx: &mut Context<Self>) {
            ctx.stop();
            let _ = reply.send("closed");
        }

        /// Async, with a field and the context, which may stand anywhere.
        #[message(defer)]
        pub async fn greet(
            &mut self,
            #[msg(into)] name: String,
            to: ReplyTo<Result<String, String>>,
            ctx: &mut Context<Self>,
        ) {
            let me = ctx.identity().to_string();
            tokio::task::yield_now().await;
            tokio::spawn(async move { to.send(Ok(format!("{me} greets {name}"))) });
        }

        #[handler(defer)]
        fn on_count(&mut self, _: Count, reply: postbox::ReplyTo<Result<usize, String>>) {
            let _ = reply.send(Ok(self.waiting.len()));
        }

        /// Goes wrong.
        #[message(defer)]
        pub async fn end(&mut self, how: How, reply: ReplyTo<u8>, ctx: &mut Context<Self>) {
            let mine = reply;
            tokio::task::yield_now().await;
            match how {
                How::Drops => drop(mine),
                How::Panics => panic!("over {}", mine.is_awaited()),
                How::Catches => {
                    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
                        let _mine = mine;
                        panic!("caught")
                    }));
                    assert!(caught.is_err());
                }
                How::Fails => ctx.fail("broken").await,
            }
        }

        /// Hangs with the means to answer in hand.
        #[message(defer)]
        pub async fn hang(&mut self, begun: oneshot::Sender<()>, reply: ReplyTo<u8>) {
            let _ = begun.send(());
            std::future::pending::<()>().await;
            let _ = reply.send(1);
        }

        /// Panics with the others' means to answer in hand.
        #[message]
        pub fn trip(&mut self) {
            let waiting = std::mem::take(&mut self.waiting);
            panic!("{} were waiting", waiting.len());
        }

        /// The same, with its own.
        #[message(defer)]
        pub fn trip_too(&mut self, reply: ReplyTo<u8>) {
            let _waiting = std::mem::take(&mut self.waiting);
            drop(reply);
            panic!("they were waiting");
        }

        /// The same, by `reply_later`.
        #[message]
        pub async fn trip_later(&mut self, ctx: &mut Context<Self>) -> u8 {
            let waiting = std::mem::take(&mut self.waiting);
            ctx.reply_later(move |_: ReplyTo<u8>| panic!("{} were waiting", waiting.len())).await
        }

        /// The first attempts fail, with the means to answer in hand.
        #[message(defer, derive(Clone), retry = 3)]
        pub async fn third_time(
            &mut self,
            tries: Arc<AtomicU32>,
            reply: ReplyTo<u32>,
            ctx: &mut Context<Self>,
        ) {
            match tries.fetch_add(1, Ordering::Relaxed) {
                0 => panic!("the first, {}", reply.is_awaited()),
                1 => {
                    let _held = reply;
                    ctx.fail::<()>("the second").await;
                }
                tries => {
                    let _ = reply.send(tries);
                }
            }
        }
    }

    #[tokio::test]
    async fn an_answer_is_given_later() {
        let door = Door::default().spawn();
        let (first, second, opened) = tokio::join!(door.wait().send(), door.wait().send(), async {
            assert_eq!(door.ask(Count).await.unwrap(), Ok(2), "they wait, and the door takes messages");
            door.open().await
        });
        assert_eq!((first.unwrap(), second.unwrap(), opened.unwrap()), ("come in", "come in", 2));
    }

    #[tokio::test]
    async fn an_answer_is_given_by_a_task() {
        let door = Door::default().prepare().name("door").spawn().unwrap();
        let said = door.greet("Ada").await.unwrap().unwrap();
        assert!(said.starts_with("door#") && said.ends_with(" greets Ada"), "{said}");
    }

    #[tokio::test]
    async fn a_told_message_takes_any_answer() {
        let door = Door::default().spawn();
        door.wait().tell().await.unwrap();
        assert_eq!(door.open().await.unwrap(), 1);
        assert_eq!(door.ledger().handled, 2);
    }

    #[tokio::test]
    async fn whoever_drops_the_means_to_answer_says_that_there_is_no_reply() {
        let door = Door::default().spawn();
        for how in [How::Drops, How::Catches] {
            let error = door.end(how).await.unwrap_err();
            assert!(matches!(error, AskError::NoReply { .. }), "{how:?}: {error}");
        }
        assert_eq!(door.open().await.unwrap(), 0, "the door still stands");
    }

    #[tokio::test]
    async fn a_deferred_method_that_is_not_async_has_the_context_as_well() {
        let door = Door::default().spawn();
        assert_eq!(door.close().await.unwrap(), "closed");
        assert!(matches!(door.ended().await, StopReason::Stopped));
    }

    #[tokio::test]
    async fn a_deferred_method_that_fails_is_told_as_a_failure() {
        for (how, why) in [(How::Panics, "over true"), (How::Fails, "broken")] {
            let error = Door::default().spawn().end(how).await.unwrap_err();
            assert!(matches!(error, AskError::Failed(_)), "{how:?}: {error}");
            assert!(error.to_string().contains(why), "{how:?}: {error}");
        }
    }

    #[tokio::test]
    async fn a_deferred_method_that_is_killed_is_told_so() {
        let door = Door::default().spawn();
        let (begun, begins) = oneshot::channel();
        let (reply, ()) = tokio::join!(door.hang(begun).send(), async {
            begins.await.unwrap();
            door.kill();
        });
        let error = reply.unwrap_err();
        assert!(matches!(error, AskError::Aborted { .. }), "{error}");
    }

    #[tokio::test]
    async fn the_means_of_others_speak_when_a_handler_falls_with_them() {
        for (trip, has_dropped_its_own) in [(0, false), (1, true), (2, false)] {
            let door = Door::default().spawn();
            let (waited, told) = tokio::join!(door.wait().send(), async {
                match trip {
                    0 => door.trip().await.unwrap_err().to_string(),
                    1 => door.trip_too().await.unwrap_err().to_string(),
                    _ => door.trip_later().await.unwrap_err().to_string(),
                }
            });
            let waited = waited.unwrap_err();
            assert!(matches!(waited, AskError::NoReply { .. }), "{trip}: {waited}");
            assert_eq!(told.contains("dropped the reply"), has_dropped_its_own, "{trip}: {told}");
        }
    }

    #[tokio::test]
    async fn an_asker_waits_through_the_attempts_of_a_deferred_message() {
        let tree = Supervisor::one_for_one().start().await.unwrap();
        let door = tree.spawn(child("door", Door::default)).await.unwrap();
        let tries = Arc::new(AtomicU32::new(0));
        assert_eq!(door.third_time(tries).await.unwrap(), 2);
    }
}

/// `on_err = fail`: an `Err` is no reply.
mod on_err {
    use std::{error::Error, io};

    use postbox::prelude::*;

    /// Reads blocks.
    #[derive(Actor)]
    pub struct Disk;

    /// Handled by a method that may fail.
    #[derive(Message)]
    #[message(reply = u64)]
    pub struct Size;

    #[messages]
    impl Disk {
        /// An alias with one argument.
        #[message(on_err = fail)]
        pub fn read(&self, block: u8) -> io::Result<Vec<u8>> {
            if block > 7 { Err(io::Error::other("the head has crashed")) } else { Ok(vec![block]) }
        }

        /// Async, with the context.
        #[message(on_err = fail)]
        pub async fn write(&mut self, block: u8, ctx: &mut Context<Self>) -> Result<(), String> {
            tokio::task::yield_now().await;
            if block > 7 { Err(format!("{} has no block {block}", ctx.identity().kind())) } else { Ok(()) }
        }

        #[handler(on_err = fail)]
        fn on_size(&self, _: Size) -> Result<u64, BoxError> {
            "8".parse().map_err(Into::into)
        }

        /// The reply is a `Result` of its own.
        #[message(on_err = fail)]
        pub fn parse(&self, #[msg(into)] text: String) -> Result<Result<u8, String>, BoxError> {
            if text.is_empty() {
                return Err("nothing was read".into());
            }
            Ok(text.parse().map_err(|_| text))
        }
    }

    #[tokio::test]
    async fn an_ok_is_the_reply() {
        let disk = Disk.spawn();
        let read: Vec<u8> = disk.read(3).await.unwrap();
        assert_eq!(read, [3]);
        let () = disk.write(3).await.unwrap();
        assert_eq!(disk.ask(Size).await.unwrap(), 8);
        assert_eq!(disk.parse("9").await.unwrap(), Ok(9));
        assert_eq!(disk.parse("x").await.unwrap(), Err("x".to_owned()));
    }

    #[tokio::test]
    async fn an_err_fails_the_actor_with_its_cause() {
        let disk = Disk.spawn();
        let error = disk.read(9).await.unwrap_err();
        let AskError::Failed(failure) = &error else { panic!("{error}") };
        let source = failure.source().and_then(|source| source.downcast_ref::<io::Error>());
        assert_eq!(source.map(ToString::to_string).as_deref(), Some("the head has crashed"));
        assert!(disk.ended().await.is_failure(), "nobody restarts it");

        let error = Disk.spawn().write(9).await.unwrap_err();
        assert!(error.to_string().contains("failed while handling it: Disk has no block 9"), "{error}");
    }

    #[tokio::test]
    async fn an_err_that_nobody_waits_for_fails_the_actor_too() {
        let system = System::new("on_err");
        let disk = Disk.prepare().system(&system).spawn().unwrap();
        disk.read(9).tell().await.unwrap();
        assert!(disk.ended().await.is_failure());
        assert_eq!(system.unheard_errors(), 0, "it was a failure, and no reply");
    }
}

/// `blocking`: the work holds its thread, and nobody else's.
mod blocking {
    use std::{sync::mpsc, time::Duration};

    use postbox::prelude::*;

    /// Only ever waited out by a method that holds up the one it waits for.
    const A_LONG_TIME: Duration = Duration::from_secs(20);

    /// Works hard.
    #[derive(Actor, Default)]
    pub struct Miner {
        mined: u32,
    }

    /// Has others work meanwhile.
    #[derive(Actor)]
    pub struct Clerk;

    #[messages]
    impl Miner {
        /// Holds its thread until a task beside it has run.
        #[message(blocking)]
        pub fn mine(&mut self, after: mpsc::Receiver<u32>) -> u32 {
            self.mined += after.recv_timeout(A_LONG_TIME).unwrap_or(0);
            self.mined
        }

        /// With all the other ways.
        #[message(blocking, on_err = fail)]
        pub fn dig(&mut self, depth: u32, ctx: &mut Context<Self>) -> Result<u32, String> {
            let _ = ctx;
            self.mined.checked_sub(depth).ok_or_else(|| format!("{depth} is too deep"))
        }

        /// And answered elsewhere.
        #[message(blocking, defer)]
        pub fn send_up(&mut self, depth: u32, reply: ReplyTo<u32>) {
            let _ = reply.send(self.mined - depth);
        }
    }

    #[messages]
    impl Clerk {
        /// The task that is woken here is the next of this worker, which only another thread can run meanwhile.
        #[message]
        pub async fn send_down(&mut self, miner: ActorRef<Miner>) -> u32 {
            let (word, after) = mpsc::channel();
            let mining = tokio::spawn(async move { miner.mine(after).await });
            let telling = tokio::spawn(async move { word.send(3) });
            assert!(telling.await.is_ok_and(|sent| sent.is_ok()));
            mining.await.unwrap().unwrap()
        }
    }

    /// With one worker, a handler that holds it holds everything else up.
    #[test]
    fn others_go_on_while_a_method_holds_its_thread() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        runtime.block_on(async {
            let miner = Miner::default().spawn();
            let (word, after) = mpsc::channel();
            let (coal, sent) = tokio::join!(miner.mine(after).send(), async move {
                tokio::spawn(async move { word.send(2) }).await
            });
            assert!(sent.is_ok_and(|sent| sent.is_ok()));
            assert_eq!(coal.unwrap(), 2);
            assert_eq!(Clerk.spawn().send_down(miner).await.unwrap(), 5);
        });
    }

    #[tokio::test]
    async fn where_there_is_one_thread_the_method_runs_in_its_place() {
        let miner = Miner::default().spawn();
        let (word, after) = mpsc::channel();
        word.send(7).unwrap();
        assert_eq!(miner.mine(after).await.unwrap(), 7);
        assert_eq!(miner.dig(3).await.unwrap(), 4);
        assert_eq!(miner.send_up(1).await.unwrap(), 6);
        let error = miner.dig(9).await.unwrap_err();
        assert!(error.to_string().contains("9 is too deep"), "{error}");
    }
}
