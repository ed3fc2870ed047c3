//! The test kit: what it sees, what it brings about, and what it fails a test for.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use postbox::{
    Backoff, Reason, Status,
    prelude::*,
    testkit::{Event, TestSystem, assert_tree, expect_match, explore, run},
};
use tokio::{sync::oneshot, time::Instant};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// The text of the panic that a test ends with.
fn failure_of(test: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(test)).expect_err("the test should have failed");
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).expect("a text")
}

#[derive(Actor, Default)]
struct Account {
    balance: u64,
}

#[messages]
impl Account {
    /// Adds money and returns the new balance.
    #[message(derive(Debug))]
    fn deposit(&mut self, amount: u64) -> u64 {
        self.balance += amount;
        self.balance
    }

    /// Waits for a word from outside, and adds money.
    #[message]
    async fn deposit_when(&mut self, amount: u64, word: oneshot::Receiver<()>) {
        let _ = word.await;
        self.balance += amount;
    }

    /// Adds money tomorrow.
    #[message]
    async fn deposit_in(&mut self, amount: u64, after: Duration) {
        tokio::time::sleep(after).await;
        self.balance += amount;
    }

    /// Breaks.
    #[message]
    fn audit(&mut self) {
        panic!("the books are cooked");
    }

    /// Tells itself so many times more.
    #[message]
    async fn spin(&mut self, times: u64, ctx: &mut Context<Self>) {
        self.balance += 1;
        // Lets others run, by tokio's means.
        tokio::task::yield_now().await;
        if times > 0 {
            ctx.actor_ref().try_tell(Spin { times: times - 1 }).unwrap();
        }
    }
}

// Strict at the end.

#[test]
fn unexpected_failure_fails_the_test() {
    let text = failure_of(|| {
        run(|sys: TestSystem| async move {
            let account = sys.spawn(Account::default());
            assert!(account.audit().await.is_err());
        });
    });
    assert!(text.contains("the books are cooked") && text.contains("while handling Audit"), "{text}");
    assert!(text.contains("allow_failure::<Account>()"), "{text}");
    assert!(text.contains("1 × a dead letter: Audit to Account#"), "{text}");
}

#[postbox::test]
async fn failure_of_an_allowed_type_passes_with_its_tombstone(sys: TestSystem) {
    sys.allow_failure::<Account>();
    let account = sys.spawn(Account::default());
    assert!(account.audit().await.is_err());
    assert_eq!(sys.system().dead_letters().count(Reason::Failed), 1);
}

#[test]
fn allowed_failure_does_not_cover_what_waited_behind_it() {
    let text = failure_of(|| {
        run(|sys: TestSystem| async move {
            sys.allow_failure::<Account>();
            let account = sys.spawn(Account::default());
            account.try_tell(Audit).unwrap();
            account.try_tell(Deposit { amount: 1 }).unwrap();
        });
    });
    assert!(text.contains("Deposit to Account#") && text.contains("stopped"), "{text}");
    assert!(!text.contains("Audit"), "{text}");
}

#[postbox::test]
async fn dead_letters_of_an_allowed_type_pass(sys: TestSystem) {
    sys.allow_dead_letters::<Deposit>();
    let account = sys.spawn(Account::default());
    account.try_tell(Deposit { amount: 1 }).unwrap();
    account.stop_now();
    account.ended().await;
}

#[postbox::test]
async fn dead_letters_of_an_allowed_reason_pass(sys: TestSystem) {
    sys.allow_reason(Reason::Killed);
    let account = sys.spawn(Account::default());
    account.try_tell(Deposit { amount: 1 }).unwrap();
    account.kill();
    account.ended().await;
    assert_eq!(sys.system().dead_letters().count(Reason::Killed), 1);
}

#[test]
fn actor_still_busy_fails_the_test() {
    let (word, heard) = oneshot::channel();
    let text = failure_of(|| {
        run(|sys: TestSystem| async move {
            let account = sys.spawn(Account::default());
            account.try_tell(DepositWhen { amount: 1, word: heard }).unwrap();
            account.try_tell(Deposit { amount: 1 }).unwrap();
            sys.settle().await;
        });
    });
    drop(word);
    assert!(text.contains("is still busy: it has a message in hand"), "{text}");
    assert!(text.contains("is still busy: 1 of its messages wait"), "{text}");
}

/// It changes nothing for anybody, and is logged alone.
#[test]
fn failure_in_a_stopped_hook_fails_the_test() {
    struct Sloppy;

    impl Actor for Sloppy {
        async fn stopped(&mut self, _ctx: &mut Context<Self>, _reason: &StopReason) {
            panic!("left the light on");
        }
    }

    let text = failure_of(|| {
        run(|sys: TestSystem| async move {
            drop(sys.spawn(Sloppy));
        });
    });
    assert!(text.contains("in its `stopped` hook") && text.contains("left the light on"), "{text}");
}

#[postbox::test]
async fn lenient_system_passes_over_all_of_it(sys: TestSystem) {
    sys.lenient();
    let account = sys.spawn(Account::default());
    account.try_tell(Audit).unwrap();
    account.try_tell(Deposit { amount: 1 }).unwrap();
}

#[tokio::test(start_paused = true)]
async fn system_of_its_own_looks_when_it_is_dropped() {
    let sys = TestSystem::new();
    let account = sys.spawn(Account::default());
    assert!(account.audit().await.is_err());
    let text = failure_of(|| drop(sys));
    assert!(text.contains("the books are cooked"), "{text}");
}

#[test]
fn test_that_panics_is_not_made_to_panic_twice() {
    let text = failure_of(|| {
        run(|sys: TestSystem| async move {
            let account = sys.spawn(Account::default());
            assert!(account.audit().await.is_err());
            assert!(sys.system().name().is_empty(), "its own reason");
        });
    });
    assert_eq!(text, "its own reason");
}

#[test]
fn test_that_returns_an_error_is_not_looked_at() {
    let outcome: Result<(), String> = run(|sys: TestSystem| async move {
        let account = sys.spawn(Account::default());
        account.audit().await.map_err(|_| "audited".to_owned())
    });
    assert_eq!(outcome, Err("audited".to_owned()));
}

// The attribute.

#[postbox::test]
async fn test_without_a_parameter_spawns_into_a_system_of_its_own() {
    let account = Account::default().prepare().name("only").spawn().unwrap();
    assert_eq!(System::current().name(), "test");
    assert!(System::current().lookup::<Account>("only").is_some());
    assert_eq!(account.deposit(1).await.unwrap(), 1);
}

#[postbox::test]
#[should_panic(expected = "the books are cooked")]
async fn test_without_a_parameter_is_looked_at_as_well() {
    let _told = Account::default().spawn().audit().await;
}

#[postbox::test]
async fn names_of_another_test_are_free() {
    Account::default().prepare().name("only").spawn().unwrap();
}

#[postbox::test]
async fn test_may_return_a_result(sys: TestSystem) -> Result<(), Box<dyn std::error::Error>> {
    assert_eq!(sys.spawn(Account::default()).deposit(2).await?, 2);
    Ok(())
}

#[test]
fn what_is_spawned_after_a_test_is_the_default_systems_again() {
    run(|sys: TestSystem| async move { assert_eq!(System::current().name(), sys.system().name()) });
    assert_eq!(System::current().name(), "default");
}

// Settling.

#[postbox::test]
async fn settled_system_has_handled_a_chain_of_messages(sys: TestSystem) {
    let account = sys.spawn(Account::default());
    account.try_tell(Spin { times: 999 }).unwrap();
    sys.settle().await;
    assert_eq!(account.ledger().handled, 1000);
}

#[postbox::test]
async fn settling_does_not_move_the_clock(sys: TestSystem) {
    sys.lenient();
    let start = Instant::now();
    let account = sys.spawn(Account::default());
    account.try_tell(DepositIn { amount: 1, after: Duration::from_millis(1) }).unwrap();
    for _ in 0..100 {
        sys.settle().await;
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(account.ledger().in_flight, 1);
}

/// The handler is woken by its own waker: its mailbox looks as it did before.
#[postbox::test]
async fn handler_that_has_been_woken_is_not_at_rest(sys: TestSystem) {
    let account = sys.spawn(Account::default());
    let (word, heard) = oneshot::channel();
    account.try_tell(DepositWhen { amount: 1, word: heard }).unwrap();
    sys.settle().await;
    assert_eq!(account.ledger().in_flight, 1, "waits within its handler");
    word.send(()).unwrap();
    sys.settle().await;
    assert_eq!(account.ledger().handled, 1);
}

/// As above, of more handlers than the runtime polls before it looks at its driver.
#[postbox::test]
async fn handlers_that_wake_each_other_are_not_at_rest(sys: TestSystem) {
    #[derive(Actor)]
    struct Link(Option<oneshot::Sender<()>>);

    #[messages]
    impl Link {
        #[message]
        async fn pass(&mut self, word: oneshot::Receiver<()>) {
            let _ = word.await;
            let _last = self.0.take().map(|next| next.send(()));
        }
    }

    let (first, mut heard) = oneshot::channel();
    let mut links = Vec::new();
    for _ in 0..500 {
        let (next, hears_next) = oneshot::channel();
        let link = sys.spawn(Link(Some(next)));
        link.try_tell(Pass { word: std::mem::replace(&mut heard, hears_next) }).unwrap();
        links.push(link);
    }
    sys.settle().await;
    first.send(()).unwrap();
    sys.settle().await;
    assert_eq!(links[499].ledger().handled, 1);
}

#[postbox::test]
async fn tasks_that_are_no_actors_do_not_hide_one_that_is_to_run(sys: TestSystem) {
    let account = sys.spawn(Account::default());
    let (word, heard) = oneshot::channel();
    account.try_tell(DepositWhen { amount: 1, word: heard }).unwrap();
    sys.settle().await;
    for _ in 0..1000 {
        drop(tokio::spawn(std::future::ready(())));
    }
    // Queued behind all of them.
    word.send(()).unwrap();
    sys.settle().await;
    assert_eq!(account.ledger().handled, 1);
}

#[postbox::test]
async fn many_actors_more_than_one_round_of_the_runtime_settle(sys: TestSystem) {
    let accounts: Vec<_> = (0..500).map(|_| sys.spawn(Account::default())).collect();
    for account in &accounts {
        account.try_tell(Spin { times: 3 }).unwrap();
    }
    sys.settle().await;
    assert!(accounts.iter().all(|account| account.ledger().handled == 4));
}

#[postbox::test]
async fn restart_without_backoff_is_over_when_settled(sys: TestSystem) {
    sys.allow_failure::<Account>();
    let tree = sys.supervisor().start().await.unwrap();
    let account = tree.spawn(child("account", Account::default)).await.unwrap();
    account.try_tell(Audit).unwrap();
    account.try_tell(Deposit { amount: 1 }).unwrap();
    sys.settle().await;
    assert_eq!((account.status(), account.ledger().handled), (Status::Running, 1));
}

#[test]
fn system_that_never_rests_sets_the_watchdog_off() {
    let text = failure_of(|| {
        run(|sys: TestSystem| async move {
            sys.watchdog(Duration::from_millis(50));
            let account = sys.spawn(Account::default());
            account.try_tell(Spin { times: u64::MAX }).unwrap();
            sys.settle().await;
        });
    });
    assert!(text.contains("waited to settle for 50ms of real time, in vain"), "{text}");
    assert!(text.contains("Account#"), "{text}");
}

#[test]
fn actor_that_never_rests_once_the_clock_has_moved_sets_the_watchdog_off() {
    let text = failure_of(|| {
        run(|sys: TestSystem| async move {
            sys.watchdog(Duration::from_millis(50));
            let account = sys.spawn(Account::default());
            account.try_tell(DepositIn { amount: 1, after: secs(1) }).unwrap();
            account.try_tell(Spin { times: u64::MAX }).unwrap();
            sys.advance(secs(2)).await;
        });
    });
    assert!(text.contains("waited for the clock to move on for 50ms of real time"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "the test kit needs a current-thread runtime")]
async fn settling_is_refused_where_it_cannot_be_exact() {
    TestSystem::new().settle().await;
}

#[postbox::test]
async fn clock_advances_from_timer_to_timer(sys: TestSystem) {
    /// Notes when each of a chain of timers fires; each is set when the one before it has fired.
    #[derive(Actor)]
    struct Chain(Arc<Mutex<Vec<Duration>>>, Instant);

    #[messages]
    impl Chain {
        #[message]
        async fn link(&mut self, left: u32, ctx: &mut Context<Self>) {
            tokio::time::sleep(secs(1)).await;
            self.0.lock().unwrap().push(self.1.elapsed());
            if left > 0 {
                ctx.actor_ref().try_tell(Link { left: left - 1 }).unwrap();
            }
        }
    }

    let fired = Arc::default();
    let start = Instant::now();
    let chain = sys.spawn(Chain(Arc::clone(&fired), start));
    chain.try_tell(Link { left: 4 }).unwrap();
    sys.advance(secs(3)).await;
    assert_eq!(*fired.lock().unwrap(), [secs(1), secs(2), secs(3)], "the third is due at this very moment");
    assert_eq!(start.elapsed(), secs(3));
    sys.advance(secs(2)).await;
    assert_eq!(fired.lock().unwrap().len(), 5);
}

// Probes.

#[derive(Message, Debug, PartialEq)]
#[message(reply = u32)]
enum Order {
    Buy(u32),
    Sell(u32),
}

#[postbox::test]
async fn probe_gives_messages_in_order(sys: TestSystem) {
    let mut probe = sys.probe::<Order>();
    let to = probe.recipient();
    to.try_tell(Order::Buy(1)).unwrap();
    to.try_tell(Order::Sell(2)).unwrap();
    assert_eq!(probe.expect().await.message, Order::Buy(1));
    assert_eq!(expect_match!(probe, Order::Sell(n) => n), 2);
    probe.expect_none().await;
}

#[postbox::test]
async fn probe_answers_when_the_test_replies(sys: TestSystem) {
    let mut probe = sys.probe::<Order>();
    let to = probe.recipient();
    let asking = tokio::spawn(async move { to.ask(Order::Buy(1)).await });
    let asked = probe.expect().await;
    assert!(asked.is_asked());
    sys.settle().await;
    assert!(!asking.is_finished(), "it waits for the reply");
    assert_eq!(asked.reply(7), Order::Buy(1));
    assert_eq!(asking.await.unwrap().unwrap(), 7);
}

#[postbox::test]
async fn ask_of_a_probe_that_is_passed_over_has_no_reply(sys: TestSystem) {
    let mut probe = sys.probe::<Order>();
    let to = probe.recipient();
    let asking = tokio::spawn(async move { to.ask(Order::Buy(1)).await });
    expect_match!(probe, Order::Buy(_));
    assert!(matches!(asking.await.unwrap(), Err(AskError::NoReply { .. })));
}

#[postbox::test]
async fn held_probe_fills_to_its_capacity_and_no_further(sys: TestSystem) {
    let mut probe = sys.probe_of::<Order>(3);
    let to = probe.recipient();
    probe.hold().await;
    for n in 0..3 {
        to.try_tell(Order::Buy(n)).unwrap();
    }
    sys.settle().await;
    probe.wait_full().await;
    assert!(matches!(to.try_tell(Order::Buy(3)), Err(TryTellError::Full { .. })));
    probe.expect_none().await;

    let waiting = tokio::spawn(async move { to.tell(Order::Sell(0)).await });
    sys.settle().await;
    assert!(!waiting.is_finished(), "it waits for room");
    probe.release();
    for n in 0..3 {
        assert_eq!(probe.expect().await.message, Order::Buy(n));
    }
    expect_match!(probe, Order::Sell(0));
    waiting.await.unwrap().unwrap();
}

#[test]
fn probe_in_vain_sets_the_watchdog_off_and_shows_the_actors() {
    let text = failure_of(|| {
        run(|sys: TestSystem| async move {
            sys.lenient();
            sys.watchdog(Duration::from_millis(20));
            let account = sys.spawn(Account::default());
            account.try_tell(DepositIn { amount: 1, after: secs(1) }).unwrap();
            account.try_tell(Deposit { amount: 1 }).unwrap();
            sys.probe::<Order>().expect().await;
        });
    });
    assert!(text.contains("waited for a Order for 20ms of real time"), "{text}");
    assert!(text.contains(" running, 1/64 waiting, 1 in flight"), "{text}");
    assert!(!text.contains("Probe"), "{text}");
}

#[test]
fn unexpected_message_fails_the_test_that_expects_none() {
    let text = failure_of(|| {
        run(|sys: TestSystem| async move {
            let mut probe = sys.probe::<Order>();
            probe.recipient().try_tell(Order::Buy(1)).unwrap();
            probe.expect_none().await;
        });
    });
    assert_eq!(text, "expected no Order, and there are 1");
}

#[test]
fn message_that_does_not_match_is_shown() {
    let text = failure_of(|| {
        run(|sys: TestSystem| async move {
            let mut probe = sys.probe::<Order>();
            probe.recipient().try_tell(Order::Buy(1)).unwrap();
            expect_match!(probe, Order::Sell(_));
        });
    });
    assert_eq!(text, "expected Order::Sell(_), and it was Buy(1)");
}

/// From another thread, which no counter of the kit sees.
#[postbox::test]
async fn probe_hears_from_another_thread(sys: TestSystem) {
    let mut probe = sys.probe::<Order>();
    let to = probe.recipient();
    let thread = std::thread::spawn(move || to.try_tell(Order::Buy(1)).unwrap());
    expect_match!(probe, Order::Buy(1));
    thread.join().unwrap();
}

// Events.

#[postbox::test]
async fn life_of_an_actor_is_told_in_order(sys: TestSystem) {
    sys.allow_failure::<Account>();
    let tree = sys.supervisor().start().await.unwrap();
    let account = tree.spawn(child("account", Account::default).restart(Restart::Transient)).await.unwrap();
    account.try_tell(Audit).unwrap();
    sys.settle().await;
    account.stop();
    sys.settle().await;
    let mut events = sys.events();
    let mut told = Vec::new();
    while let Some(event) = events.next() {
        if event.actor() == account.identity() {
            told.push(match event {
                Event::Started { .. } => "started".to_owned(),
                Event::DeadLetter { message_type, reason, .. } => format!("{message_type} {reason}"),
                Event::Failed { failure } => format!("failed {}", failure.step()),
                Event::Restarted { .. } => "restarted".to_owned(),
                Event::Ended { reason, .. } => reason.to_string(),
                other => panic!("{other:?}"),
            });
        }
    }
    let expected =
        ["started", "Audit failed", "failed while handling Audit", "restarted", "was asked to stop"];
    assert_eq!(told, expected);
}

#[postbox::test]
async fn cursor_waits_for_what_is_to_come(sys: TestSystem) {
    sys.allow_failure::<Account>();
    let tree = sys.supervisor().start().await.unwrap();
    let account = tree.spawn(child("account", Account::default)).await.unwrap();
    let mut events = sys.events();
    account.try_tell(Audit).unwrap();
    let failure = events.expect_failure(&account).await;
    assert!(failure.panic().is_some());
    events.expect_restart(&account).await;
    account.try_tell(Audit).unwrap();
    events.expect_restart(&account.handle()).await;
    tree.stop();
    assert!(matches!(events.expect_ended(account.identity()).await, StopReason::Shutdown));
}

#[test]
fn restart_that_waits_for_the_clock_is_not_told_before() {
    let text = failure_of(|| {
        run(|sys: TestSystem| async move {
            sys.lenient();
            sys.watchdog(Duration::from_millis(20));
            let backoff = postbox::Backoff::exponential(secs(1), secs(1));
            let tree = sys.supervisor().backoff(backoff).start().await.unwrap();
            let account = tree.spawn(child("account", Account::default)).await.unwrap();
            account.try_tell(Audit).unwrap();
            let mut events = sys.events();
            events.expect_failure(&account).await;
            events.expect_restart(&account).await;
        });
    });
    assert!(text.contains("to restart for 20ms of real time, in vain"), "{text}");
    assert!(text.contains("(Account) restarting"), "{text}");
}

// Faults.

async fn supervised(sys: &TestSystem) -> (ActorRef<Supervisor>, ActorRef<Account>) {
    let tree = sys.supervisor().start().await.unwrap();
    let account = tree.spawn(child("account", Account::default)).await.unwrap();
    (tree, account)
}

#[postbox::test]
async fn panic_on_order_takes_the_way_of_any_panic(sys: TestSystem) {
    let (_tree, account) = supervised(&sys).await;
    let mut events = sys.events();
    sys.faults().panic_next::<Deposit>();
    account.try_tell(DepositIn { amount: 1, after: Duration::ZERO }).unwrap();
    let error = account.deposit(1).await.unwrap_err();
    assert!(error.to_string().contains("the test ordered a panic at Deposit"), "{error}");
    assert!(matches!(error, AskError::Failed { .. }));
    events.expect_restart(&account).await;
    assert_eq!(sys.system().dead_letters().count(Reason::Failed), 1);
    assert_eq!(account.deposit(1).await.unwrap(), 1, "one order is for one message");
}

#[postbox::test]
async fn error_on_order_is_the_failure(sys: TestSystem) {
    let (_tree, account) = supervised(&sys).await;
    sys.faults().error_next::<Deposit>("no ink");
    let error = account.deposit(1).await.unwrap_err();
    assert!(error.to_string().contains("no ink"), "{error}");
    assert_eq!(account.deposit(1).await.unwrap(), 1);
}

#[postbox::test]
async fn message_that_may_be_retried_survives_a_fault(sys: TestSystem) {
    #[derive(Clone, Message)]
    #[message(reply = u64, retry = 2)]
    struct Twice(u64);

    #[derive(Actor)]
    struct Echo;

    #[messages]
    impl Echo {
        #[handler]
        fn on_twice(&mut self, msg: Twice) -> u64 {
            msg.0
        }
    }

    let tree = sys.supervisor().start().await.unwrap();
    let echo = tree.spawn(child("echo", || Echo)).await.unwrap();
    sys.faults().panic_next::<Twice>();
    assert_eq!(echo.ask(Twice(3)).await.unwrap(), 3);
    sys.events().expect_restart(&echo).await;
    sys.faults().panic_next::<Twice>();
    sys.faults().panic_next::<Twice>();
    assert!(echo.ask(Twice(4)).await.is_err());
    assert_eq!(sys.system().dead_letters().count(Reason::Quarantined), 1, "and it is expected");
}

#[postbox::test]
async fn delay_on_order_keeps_the_message_in_its_place(sys: TestSystem) {
    let account = sys.spawn(Account::default());
    sys.faults().delay_next::<Deposit>(secs(10));
    account.try_tell(Deposit { amount: 1 }).unwrap();
    account.try_tell(DepositIn { amount: 1, after: Duration::ZERO }).unwrap();
    sys.advance(secs(9)).await;
    let ledger = account.ledger();
    assert_eq!((ledger.queued, ledger.handled), (2, 0));
    sys.advance(secs(1)).await;
    assert_eq!(account.ledger().handled, 2);
}

#[postbox::test]
async fn delayed_actor_can_be_stopped(sys: TestSystem) {
    sys.allow_reason(Reason::Stopped);
    let account = sys.spawn(Account::default());
    sys.faults().delay_next::<Deposit>(secs(10));
    account.try_tell(Deposit { amount: 1 }).unwrap();
    sys.settle().await;
    account.stop_now();
    assert!(account.ended().await.is_normal());
    assert_eq!(sys.system().dead_letters().count(Reason::Stopped), 1);
}

#[postbox::test]
async fn kill_on_order_cuts_the_handler_at_its_first_await(sys: TestSystem) {
    let (_tree, account) = supervised(&sys).await;
    sys.faults().kill_during::<DepositIn>();
    let asked = account.deposit_in(1, secs(1)).await;
    assert!(matches!(asked, Err(AskError::Aborted { .. })), "{asked:?}");
    sys.events().expect_restart(&account).await;
    assert_eq!(account.deposit(1).await.unwrap(), 1);
}

#[postbox::test]
async fn kill_on_order_waits_for_a_handler_that_awaits(sys: TestSystem) {
    let (_tree, account) = supervised(&sys).await;
    sys.faults().kill_during::<Deposit>();
    assert_eq!(account.deposit(1).await.unwrap(), 1, "it never awaits");
    assert_eq!(account.deposit(1).await.unwrap(), 2);
    sys.settle().await;
    assert_eq!(account.status(), Status::Running);
}

#[postbox::test]
async fn start_fails_as_often_as_ordered(sys: TestSystem) {
    sys.faults().fail_start::<Account>(2);
    let first = Account::default().prepare().start().await;
    assert!(matches!(first, Err(SpawnError::Failed(_))), "{first:?}");
    assert!(Account::default().prepare().start().await.is_err());
    assert!(Account::default().prepare().start().await.is_ok());
}

#[postbox::test]
async fn restart_whose_start_fails_is_tried_again(sys: TestSystem) {
    let (_tree, account) = supervised(&sys).await;
    sys.faults().fail_start::<Account>(1);
    sys.faults().panic_next::<Deposit>();
    account.try_tell(Deposit { amount: 1 }).unwrap();
    let mut events = sys.events();
    events.expect_failure(&account).await;
    let second = events.expect_failure(&account).await;
    assert!(second.to_string().contains("the test ordered this start to fail"), "{second}");
    events.expect_restart(&account).await;
}

#[test]
fn order_covers_only_its_own_failure() {
    let text = failure_of(|| {
        run(|sys: TestSystem| async move {
            let (_tree, account) = supervised(&sys).await;
            sys.faults().panic_next::<Deposit>();
            let _ordered = account.deposit(1).await;
            let _not_ordered = account.audit().await;
        });
    });
    assert!(text.contains("the books are cooked") && !text.contains("Deposit"), "{text}");
}

#[postbox::test]
async fn order_reaches_an_actor_that_is_spawned_after_it(sys: TestSystem) {
    sys.faults().panic_next::<Deposit>();
    assert!(sys.spawn(Account::default()).deposit(1).await.is_err());
    assert!(sys.spawn(Account::default()).deposit(1).await.is_ok());
}

/// The standing order is no call: else every actor of an armed system would be awake for ever.
#[postbox::test]
async fn armed_system_rests_and_its_backoff_takes_its_time(sys: TestSystem) {
    let backoff = postbox::Backoff::exponential(secs(10), secs(10));
    let tree = sys.supervisor().backoff(backoff).start().await.unwrap();
    let account = tree.spawn(child("account", Account::default)).await.unwrap();
    sys.faults().panic_next::<Deposit>();
    account.try_tell(Deposit { amount: 1 }).unwrap();
    // The jitter takes up to half of it off.
    sys.advance(secs(4)).await;
    assert_eq!(account.status(), Status::Restarting);
    sys.advance(secs(7)).await;
    assert_eq!(account.status(), Status::Running);
}

/// Which of so many deposits fail.
fn hits(seed: u64) -> Vec<bool> {
    let hits = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&hits);
    run(|sys: TestSystem| async move {
        let tree = sys.supervisor().limit(1000, secs(1)).start().await.unwrap();
        let account = tree.spawn(child("account", Account::default)).await.unwrap();
        sys.faults().random_in::<Account>(seed, 0.3);
        for _ in 0..50 {
            let hit = account.deposit(1).await.is_err();
            noted.lock().unwrap().push(hit);
        }
        sys.faults().random(seed, 0.0);
        account.deposit(1).await.unwrap();
    });
    let hits = hits.lock().unwrap();
    hits.clone()
}

#[test]
fn same_seed_gives_the_same_faults() {
    let first = hits(7);
    let count = first.iter().filter(|hit| **hit).count();
    assert!((5..=30).contains(&count), "{count} of 50");
    assert_eq!(first, hits(7));
    assert_ne!(first, hits(8));
}

// Orders of turns.

/// Two actors that note whose message came first.
#[derive(Actor)]
struct Racer(u32, Arc<Mutex<Vec<u32>>>);

#[messages]
impl Racer {
    #[message]
    fn go(&mut self) {
        self.1.lock().unwrap().push(self.0);
    }
}

fn order_of(seed: u64) -> Vec<u32> {
    let order = Arc::new(Mutex::new(Vec::new()));
    explore([seed], |sys: TestSystem| {
        let order = Arc::clone(&order);
        async move {
            let racers: Vec<_> = (0..4).map(|n| sys.spawn(Racer(n, Arc::clone(&order)))).collect();
            for racer in racers.iter().cycle().take(12) {
                racer.try_tell(Go).unwrap();
            }
            sys.settle().await;
        }
    });
    order.lock().unwrap().clone()
}

#[test]
fn same_seed_gives_the_same_order() {
    for seed in 0..20 {
        assert_eq!(order_of(seed), order_of(seed), "{seed}");
    }
}

#[test]
fn seeds_give_different_orders() {
    let mut orders: Vec<_> = (0..20).map(order_of).collect();
    assert!(orders.iter().all(|order| order.len() == 12));
    orders.sort();
    orders.dedup();
    assert!(orders.len() > 15, "{} orders of 20 seeds", orders.len());
}

/// A test that leans on an order nobody has promised.
#[test]
fn race_is_found_and_its_seed_replays_it() {
    async fn test(sys: TestSystem) {
        let order = Arc::default();
        for n in 0..2 {
            sys.spawn(Racer(n, Arc::clone(&order))).try_tell(Go).unwrap();
        }
        sys.settle().await;
        assert_eq!(*order.lock().unwrap(), [0, 1], "the second came first");
    }

    run(test);
    let text = failure_of(|| explore(0..50, test));
    let seed = text.strip_prefix("under seed ").and_then(|rest| rest.split(',').next()).expect("the seed");
    assert!(text.contains("the second came first"), "{text}");
    let seed = seed.parse().unwrap();
    for _ in 0..3 {
        assert_eq!(failure_of(|| explore([seed], test)), text);
    }
}

// The tree.

#[postbox::test]
async fn tree_shows_children_below_their_supervisors(sys: TestSystem) {
    let root = sys.supervisor().name("root").start().await.unwrap();
    let pool = root.spawn(child("pool", || Supervisor::one_for_one().build())).await.unwrap();
    let one = pool.spawn(child("one", Account::default)).await.unwrap();
    let _two = root.spawn(child("two", Account::default)).await.unwrap();
    let _alone = sys.spawn(Account::default());
    let _unseen = sys.probe::<Order>();
    assert_tree!(
        sys,
        "
        root: Supervisor
          pool: Supervisor
            one: Account
          two: Account
        Account
        "
    );
    drop(one);
    pool.stop();
    sys.settle().await;
}

/// What a system that is not looked at pays: no one is asked before its messages.
#[test]
fn other_systems_are_not_looked_at() {
    let asked = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&asked);
    run(|sys: TestSystem| async move {
        sys.faults().panic_next::<Deposit>();
        let other = System::new("other");
        let account = Account::default().prepare().system(&other).spawn().unwrap();
        assert_eq!(account.deposit(1).await.unwrap(), 1);
        seen.store(true, Ordering::SeqCst);
    });
    assert!(asked.load(Ordering::SeqCst));
}

/// The pauses of three restarts with a jitter, in milliseconds.
async fn pauses(sys: TestSystem) -> Vec<u128> {
    sys.allow_failure::<Account>();
    let backoff = Backoff::exponential(secs(1_000), secs(1_000)).jitter(1.0);
    let tree = sys.supervisor().backoff(backoff).start().await.unwrap();
    let account = tree.spawn(child("account", Account::default)).await.unwrap();
    let mut pauses = Vec::new();
    for _ in 0..3 {
        account.audit().await.unwrap_err();
        let begun = Instant::now();
        account.deposit(1).await.unwrap();
        pauses.push(begun.elapsed().as_millis());
    }
    pauses
}

/// The jitter of a backoff follows from the seed; without one it is the same in every run.
#[test]
fn jitter_of_a_backoff_follows_from_the_seed() {
    let seen = Mutex::new(Vec::new());
    let look = async |sys: TestSystem| {
        let pauses = pauses(sys).await;
        seen.lock().unwrap().push(pauses);
    };
    explore([1, 2, 1], look);
    run(&look);
    run(&look);
    let seen = seen.into_inner().unwrap();
    assert_eq!((&seen[0], &seen[3]), (&seen[2], &seen[4]), "{seen:?}");
    assert!(seen[0] != seen[1] && seen[0] != seen[3] && seen[1] != seen[3], "{seen:?}");
    assert!(seen.iter().flatten().all(|&pause| pause > 0 && pause < 1_000_000), "{seen:?}");
}

/// An actor whose code does not come to an await, and the gate that holds it.
#[derive(Actor)]
struct Stuck {
    entered: Arc<AtomicBool>,
    gate: std::sync::mpsc::Receiver<()>,
}

#[messages]
impl Stuck {
    /// Blocks its thread.
    #[message]
    async fn block(&mut self) {
        self.entered.store(true, Ordering::SeqCst);
        let _gone = self.gate.recv();
    }
}

/// A system with an actor that was killed and cannot be, and what happened to it.
async fn detached(sys: &TestSystem) -> Vec<Event> {
    let (key, gate) = std::sync::mpsc::channel();
    let entered = Arc::new(AtomicBool::new(false));
    let stuck = sys.spawn(Stuck { entered: entered.clone(), gate });
    stuck.try_tell(Block).unwrap();
    while !entered.load(Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
    stuck.kill();
    let told = || {
        let mut events = sys.events();
        let all = std::iter::from_fn(|| events.next());
        all.filter(|event| event.actor() == stuck.identity()).collect::<Vec<_>>()
    };
    // Not for its status, which changes first.
    while !told().iter().any(|event| matches!(event, Event::Detached { .. })) {
        tokio::task::yield_now().await;
    }
    assert_eq!(stuck.status(), Status::Detached);
    drop(key);
    stuck.ended().await;
    told()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn event_tells_of_an_actor_that_was_detached() {
    let sys = TestSystem::new();
    sys.allow_failure::<Stuck>();
    let events = detached(&sys).await;
    let [Event::Started { .. }, Event::Detached { actor }, Event::Ended { .. }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(actor.kind(), "Stuck");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn detached_actor_fails_the_test() {
    let sys = TestSystem::new();
    detached(&sys).await;
    let text = failure_of(|| drop(sys));
    assert!(text.contains("was detached, its code does not come to an await"), "{text}");
    assert!(text.contains("`allow_failure::<Stuck>()`"), "{text}");
}

#[postbox::test]
async fn mock_answers_in_the_order_of_the_script_and_without_a_state(sys: TestSystem) {
    let mock = sys.mock::<Account>();
    let account = mock.actor_ref();
    mock.expect(|msg: Deposit| msg.amount + 1).expect(|_: Deposit| 7);
    assert_eq!(account.deposit(1).await.unwrap(), 2);
    assert_eq!(account.deposit(1).await.unwrap(), 7);
    mock.expect_done().await;
    let mut seen = 0;
    mock.always(move |msg: Deposit| {
        seen += msg.amount;
        seen
    });
    mock.expect(|_: Deposit| 1_000);
    account.deposit(5).tell().await.unwrap();
    account.deposit(5).tell().await.unwrap();
    assert_eq!(account.deposit(5).await.unwrap(), 10, "the first was expected");
    let ledger = account.ledger();
    assert_eq!((ledger.accepted, ledger.handled), (5, 5), "{ledger}");
    assert_eq!(sys.tree(), "");
}

#[test]
fn message_that_a_mock_does_not_expect_fails_the_test() {
    let text = failure_of(|| {
        run(|sys: TestSystem| async move {
            let mock = sys.mock::<Account>();
            mock.expect(|_: Deposit| 0);
            mock.actor_ref().deposit(1).await.unwrap();
            let error = mock.actor_ref().deposit(2).await.unwrap_err();
            assert!(matches!(error, AskError::Discarded { reason: Reason::Unhandled, .. }), "{error}");
        });
    });
    assert!(text.contains("1 × a dead letter: Deposit to Account#"), "{text}");
    assert!(text.contains("unhandled"), "{text}");
}

#[test]
fn message_that_a_mock_waits_for_in_vain_fails_the_test() {
    let script = |mock: &postbox::testkit::Mock<Account>| {
        mock.expect(|_: Deposit| 0).expect(|_: Deposit| 0).expect(|_: Audit| ()).always(|_: DepositIn| ());
    };
    let text = failure_of(|| run(|sys: TestSystem| async move { script(&sys.mock()) }));
    assert!(
        text.contains("the mock Account#") && text.contains("still expects 1 × Audit, 2 × Deposit"),
        "{text}"
    );
    let text = failure_of(|| {
        run(|sys: TestSystem| async move {
            let mock = sys.mock();
            script(&mock);
            mock.expect_done().await;
        });
    });
    assert!(text.starts_with("the mock Account#"), "{text}");
}

#[test]
fn panic_in_the_answer_of_a_mock_fails_the_test() {
    let text = failure_of(|| {
        run(|sys: TestSystem| async move {
            let mock = sys.mock::<Account>();
            mock.expect(|msg: Deposit| {
                assert_eq!(msg.amount, 2, "two are due");
                0
            });
            let error = mock.actor_ref().deposit(1).await.unwrap_err();
            assert!(matches!(error, AskError::NoReply { .. }), "{error}");
        });
    });
    assert!(text.contains("Deposit") && text.contains("two are due"), "{text}");
}

#[postbox::test]
async fn mock_ends_as_any_actor_does(sys: TestSystem) {
    sys.allow_dead_letters::<Deposit>();
    let mock = sys.mock::<Account>();
    mock.always(|_: Deposit| 0);
    let account = mock.actor_ref();
    account.deposit(1).tell().await.unwrap();
    account.stop();
    assert!(matches!(account.ended().await, StopReason::Stopped));
    assert!(matches!(account.deposit(1).await, Err(AskError::Stopped { .. })));
    assert_eq!(account.ledger().handled, 1);
    let other = sys.mock::<Account>();
    let handle = other.actor_ref().handle();
    drop(other);
    assert!(matches!(handle.ended().await, StopReason::Released));
}

/// A message past its deadline is no part of what it expects.
#[postbox::test]
async fn mock_passes_over_what_has_lapsed(sys: TestSystem) {
    sys.allow_dead_letters::<Deposit>();
    let mock = sys.mock::<Account>();
    let account = mock.actor_ref();
    account.deposit(1).tell().deadline(Duration::from_millis(5)).await.unwrap();
    tokio::time::advance(secs(1)).await;
    mock.expect(|msg: Deposit| msg.amount);
    assert_eq!(account.deposit(2).await.unwrap(), 2);
    assert_eq!(sys.system().dead_letters().count(Reason::Expired), 1);
}

/// Whoever looks on looks at turns of an actor's own task: its askers do not run it past them.
#[test]
fn actor_that_its_askers_would_run_is_run_by_its_task_under_a_test() {
    #[derive(Actor, Default)]
    #[actor(caller_runs)]
    struct Lent;

    #[messages]
    impl Lent {
        #[message(derive(Debug))]
        fn number(&self) -> u32 {
            7
        }
    }

    run(|t: TestSystem| async move {
        let lent = t.spawn(Lent);
        assert_eq!(lent.number().await.unwrap(), 7);
        tokio::time::sleep(secs(1)).await;
        let mut ask = tokio_test::task::spawn(lent.number().send());
        assert!(ask.poll().is_pending(), "it is idle, and goes the ordinary way");
        assert_eq!(ask.await.unwrap(), 7);
        t.allow_failure::<Lent>();
        t.allow_dead_letters::<Number>();
        t.faults().panic_next::<Number>();
        assert!(matches!(lent.number().await, Err(AskError::Failed(_))), "a fault strikes it");
    });
}
