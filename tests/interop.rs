//! Requests among other futures, and our errors among other errors: `select!`, `join!`, `futures`, `anyhow`,
//! `thiserror`. Contract §1 and §6. (A stream in: `tests/sink.rs`. A service: `tests/tower.rs`.)

#[path = "support/lab.rs"]
mod lab;

use std::{
    cell::Cell,
    error::Error,
    pin::{Pin, pin},
    task::Poll,
};

use anyhow::Context as _;
use futures_util::{
    FutureExt, StreamExt, TryFutureExt, TryStreamExt,
    future::{self, Either},
    stream::{self, FuturesOrdered, FuturesUnordered},
};
use lab::{At, Hold, Lab, Note, Poison, Probe, Refuse, idle, millis, secs};
use postbox::{BatchError, Cause, ChildError, Flat, FlatError, Reason, prelude::*};
use tokio::sync::oneshot;
use tokio_test::{assert_pending, assert_ready_ok, task};

/// A probe with something in its handler, and room for so many.
async fn busy(lab: &Lab, capacity: usize) -> ActorRef<Probe> {
    let probe = lab.diary.probe("probe", &[]).unwrap().prepare().capacity(capacity);
    let probe = probe.system(&lab.system).spawn().unwrap();
    probe.tell(Hold(0)).await.unwrap();
    lab.diary.entered().await;
    probe
}

/// contract §6: caller dropped the future while queued: the message is skipped at take, counted as `Abandoned`
#[tokio::test(start_paused = true)]
async fn an_ask_that_loses_a_select_while_it_is_queued_is_never_handled() {
    let lab = Lab::new("select queued");
    let probe = busy(&lab, 4).await;
    tokio::select! {
        answer = probe.ask(Note(1)) => panic!("{answer:?}"),
        () = tokio::time::sleep(millis(5)) => {}
    }
    lab.diary.open();
    idle().await;
    assert_eq!(lab.diary.notes(), [0]);
    assert_eq!(lab.letters(Reason::Abandoned).len(), 1);
    lab.close().await;
}

/// contract §6: a late reply is counted, reaches nobody
#[tokio::test(start_paused = true)]
async fn an_ask_that_loses_a_select_while_it_is_handled_takes_effect() {
    let lab = Lab::new("select in flight");
    let probe = lab.probe("probe");
    tokio::select! {
        answer = probe.ask(Hold(1)) => panic!("{answer:?}"),
        () = lab.diary.entered() => {}
    }
    lab.diary.open();
    idle().await;
    assert_eq!(lab.diary.notes(), [1]);
    assert_eq!(lab.letters(Reason::LateReply).len(), 1);
    assert_eq!(lab.letters(Reason::Abandoned).len(), 0);
    lab.close().await;
}

/// contract §8: `tell(..).await` waits its turn (fair, first come first served, cancel-safe)
#[tokio::test(start_paused = true)]
async fn a_send_that_loses_a_select_in_the_line_was_never_sent_and_makes_way() {
    let lab = Lab::new("select line");
    let probe = busy(&lab, 1).await;
    probe.try_tell(Note(1)).unwrap();
    let accepted = probe.ledger().accepted;
    let mut after = task::spawn(async {
        tokio::select! {
            biased;
            told = probe.tell(Note(2)) => panic!("{told:?}"),
            asked = probe.ask(Note(3)) => panic!("{asked:?}"),
            () = tokio::time::sleep(millis(5)) => {}
        }
    });
    assert_pending!(after.poll());
    let mut next = task::spawn(probe.tell(Note(4)));
    assert_pending!(next.poll());
    after.await;
    assert_eq!(probe.ledger().accepted, accepted);
    lab.diary.open();
    idle().await;
    assert!(next.is_woken(), "it is the first in the line now");
    assert_ready_ok!(next.poll());
    idle().await;
    assert_eq!(lab.diary.notes(), [0, 1, 4]);
    assert_eq!(lab.system.dead_letters().total(), 0);
    drop(next);
    lab.close().await;
}

/// By reference, a request outlives the round of the loop in which it loses.
#[tokio::test(start_paused = true)]
async fn a_request_in_a_loop_of_selects_keeps_its_place() {
    let lab = Lab::new("select loop");
    let probe = busy(&lab, 1).await;
    probe.try_tell(Note(1)).unwrap();
    let mut ask = probe.ask(Note(2));
    let mut ticks = tokio::time::interval(millis(2));
    let mut rounds = 0;
    let answer = loop {
        tokio::select! {
            biased;
            answer = &mut ask => break answer,
            _ = ticks.tick() => {
                rounds += 1;
                if rounds == 3 {
                    // Somebody else comes later, and stays behind.
                    let probe = probe.clone();
                    tokio::spawn(async move { probe.tell(Note(3)).await });
                }
                if rounds == 5 {
                    lab.diary.open();
                }
            }
        }
    };
    assert_eq!(answer.unwrap(), 1);
    assert_eq!(rounds, 5);
    idle().await;
    assert_eq!(lab.diary.notes(), [0, 1, 2, 3]);
    lab.close().await;
}

/// What `#[messages]` writes goes into the macros as it is, and by `send` into what wants a future.
#[derive(Actor, Default)]
struct Account {
    balance: u64,
}

#[messages]
impl Account {
    /// Adds money and returns the new balance.
    #[message]
    fn deposit(&mut self, amount: u64) -> u64 {
        self.balance += amount;
        self.balance
    }

    /// Takes money if there is enough.
    #[message]
    fn withdraw(&mut self, amount: u64) -> Result<u64, std::num::TryFromIntError> {
        let left = i64::try_from(self.balance).expect("little money") - amount.cast_signed();
        self.balance = u64::try_from(left)?;
        Ok(self.balance)
    }
}

#[tokio::test(start_paused = true)]
async fn calls_of_methods_go_into_join_and_select() {
    let (a, b) = (Account::default().spawn(), Account::default().spawn());
    let (one, two) = tokio::join!(a.deposit(1), b.deposit(2));
    assert_eq!((one.unwrap(), two.unwrap()), (1, 2));
    assert_eq!(tokio::try_join!(a.deposit(1).send(), b.deposit(2).send()).unwrap(), (2, 4));
    let (told, balance) = tokio::join!(a.deposit(1).tell(), b.deposit(2).timeout(secs(1)));
    assert_eq!((told.unwrap(), balance.unwrap()), ((), 6));
    let first = tokio::select! {
        biased;
        () = std::future::pending() => 0,
        balance = a.deposit(1) => balance.unwrap(),
    };
    assert_eq!(first, 4);
}

#[tokio::test(start_paused = true)]
async fn both_asks_of_a_join_are_under_way_at_once() {
    let lab = Lab::new("join");
    let (a, b) = (lab.probe("a"), lab.probe("b"));
    let mut both = task::spawn(async { tokio::join!(a.ask(Hold(1)), b.ask(Hold(2))) });
    assert_pending!(both.poll());
    lab.diary.entered().await;
    lab.diary.entered().await;
    lab.diary.open();
    lab.diary.open();
    let (one, two) = both.await;
    assert_eq!((one.unwrap(), two.unwrap()), (1, 1));
    lab.close().await;
}

/// contract §6: what is given up for the error of another is what any ask is that is given up
#[tokio::test(start_paused = true)]
async fn the_first_error_of_a_try_join_gives_the_others_up() {
    let lab = Lab::new("try join");
    let probe = busy(&lab, 4).await;
    let other = lab.probe("other");
    let error = tokio::try_join!(
        probe.ask(Note(1)).map_err(anyhow::Error::from),
        other.ask(Poison(2)).map_err(anyhow::Error::from)
    )
    .unwrap_err();
    assert!(error.is::<AskError<Poison>>(), "{error:#}");
    lab.diary.open();
    idle().await;
    assert_eq!(lab.diary.notes(), [0]);
    assert_eq!(lab.letters(Reason::Abandoned).len(), 1);
    lab.close().await;
}

/// contract I2 and I10: so many asks at once as the mailbox never holds
#[tokio::test(start_paused = true)]
async fn a_set_of_asks_far_beyond_the_capacity_is_answered_to_the_last() {
    let lab = Lab::new("unordered");
    let probe = lab.diary.probe("probe", &[]).unwrap().prepare().capacity(4);
    let probe = probe.system(&lab.system).spawn().unwrap();
    let mut asks: FuturesUnordered<_> = (0..300).map(|note| probe.ask(Note(note))).collect();
    let mut answers = 0;
    while let Some(answer) = asks.next().await {
        assert_eq!(answer.unwrap(), 1);
        answers += 1;
    }
    assert_eq!(answers, 300);
    assert_eq!(lab.diary.notes(), (0..300).collect::<Vec<_>>(), "they stood in the line in their order");
    let ordered: FuturesOrdered<_> =
        (0..300).map(|note| probe.ask(Note(note)).map_ok(move |_| note)).collect();
    assert_eq!(ordered.try_collect::<Vec<_>>().await.unwrap(), (0..300).collect::<Vec<_>>());
    lab.diary.notes();

    // Dropped half way, each has one fate all the same.
    let mut asks: FuturesUnordered<_> = (0..300).map(|note| probe.ask(Note(note))).collect();
    for _ in 0..100 {
        asks.next().await.unwrap().unwrap();
    }
    drop(asks);
    idle().await;
    let handled = lab.diary.notes().len();
    assert!((100..300).contains(&handled), "{handled}");
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn requests_go_through_the_combinators_of_futures() {
    let lab = Lab::new("combinators");
    let (a, b) = (lab.probe("a"), lab.probe("b"));
    let all = future::join_all([&a, &b].map(|probe| probe.ask(Note(1)))).await;
    assert!(all.into_iter().all(|answer| answer.is_ok_and(|number| number == 1)));
    assert_eq!(future::try_join_all((2..5).map(|note| a.ask(Note(note)))).await.unwrap(), [1, 1, 1]);
    future::try_join_all((5..8).map(|note| a.tell(Note(note)))).await.unwrap();

    // The first good one of several; the bad one before it is no more than that.
    let stopped = lab.probe("stopped");
    stopped.stop();
    stopped.ended().await;
    let (answer, rest) = future::select_ok([stopped.ask(Note(8)), b.ask(Note(9))]).await.unwrap();
    assert_eq!((answer, rest.len()), (1, 0));

    // Two of different types, of which the loser goes on.
    let Either::Right((answer, held)) = future::select(a.ask(Hold(10)), b.ask(Note(11))).await else {
        panic!("a probe at the gate answers")
    };
    assert_eq!(answer.unwrap(), 1);
    lab.diary.open();
    assert_eq!(held.await.unwrap(), 1);

    // One answer for two, boxed and not.
    let shared = a.ask(Note(12)).map(|answer| answer.ok()).shared();
    assert_eq!(future::join(shared.clone(), shared).await, (Some(1), Some(1)));
    let boxed: Pin<Box<dyn Future<Output = Result<u32, AskError<Note>>> + Send + '_>> =
        a.ask(Note(13)).boxed();
    assert_eq!(boxed.await.unwrap(), 1);
    let local = b.ask(Note(14)).and_then(|number| b.ask(Note(14 + number))).boxed_local();
    assert_eq!(local.await.unwrap(), 1);

    // So many at a time.
    let asks = stream::iter(16..48).map(|note| b.ask(Note(note)));
    assert_eq!(asks.buffer_unordered(4).try_collect::<Vec<_>>().await.unwrap(), [1; 32]);
    stream::iter(48..64).map(Ok).try_for_each_concurrent(3, |note| b.tell(Note(note))).await.unwrap();
    let mut sum = pin!(stream::iter(0..4).then(|_| a.ask(Note(64))));
    while let Some(answer) = sum.next().await {
        assert_eq!(answer.unwrap(), 1);
    }
    let timeout = tokio::time::timeout(millis(5), a.ask(Hold(65))).await;
    assert!(timeout.is_err());
    lab.diary.open();
    // At once or not at all.
    assert!(a.ask(Hold(66)).now_or_never().is_none());
    idle().await;
    let notes = lab.diary.notes();
    assert_eq!(notes.len(), 2 + 3 + 3 + 1 + 2 + 1 + 1 + 2 + 32 + 16 + 4 + 1, "{notes:?}");
    assert_eq!(lab.letters(Reason::Abandoned).len(), 1);
    lab.close().await;
}

/// A request is polled by whoever has it: a task that gets it half way is the one that is woken.
#[tokio::test(start_paused = true)]
async fn a_request_that_is_moved_to_another_task_wakes_that_one() {
    let lab = Lab::new("moved");
    let probe = busy(&lab, 1).await;
    probe.try_tell(Note(1)).unwrap();
    // In the line first, then in the mailbox.
    let mut ask = Box::pin(async move { probe.ask(Note(2)).await });
    assert!(future::poll_immediate(&mut ask).await.is_none());
    let (tell, told) = oneshot::channel();
    tokio::spawn(async move { tell.send(ask.await.unwrap()) });
    lab.diary.open();
    assert_eq!(told.await.unwrap(), 1);
    lab.close().await;
}

/// All that can be sent is inside the error, and so says what the error is.
#[test]
fn errors_are_send_and_sync_where_the_message_is() {
    fn is<T: Error + Send + Sync + 'static>() {}
    fn is_send<T: Error + Send + 'static>() {}
    is::<TellError<Note>>();
    is::<TryTellError<Note>>();
    is::<AskError<Note>>();
    is::<FlatError<std::io::Error, Note>>();
    is::<BatchError<TellError<Note>, std::vec::IntoIter<Note>>>();
    is::<BatchError<TryTellError<Note>, std::vec::IntoIter<Note>>>();
    is::<SpawnError>();
    is::<ChildError>();
    is::<postbox::Failure>();
    is_send::<TellError<Cell<u32>>>();
    is_send::<TryTellError<Cell<u32>>>();
    is_send::<AskError<Cell<u32>>>();
    is_send::<FlatError<std::io::Error, Cell<u32>>>();
}

/// As an application does it: `?`, and what it was is found again by its type.
#[tokio::test(start_paused = true)]
async fn anyhow_takes_every_error_and_gives_it_back() {
    async fn ask(probe: &ActorRef<Probe>, note: u32) -> anyhow::Result<u32> {
        Ok(probe.ask(Note(note)).await?)
    }
    async fn tell(probe: &ActorRef<Probe>, note: u32) -> anyhow::Result<()> {
        Ok(probe.tell(Note(note)).timeout(millis(5)).await?)
    }
    fn try_tell(probe: &ActorRef<Probe>, note: u32) -> anyhow::Result<()> {
        Ok(probe.try_tell(Note(note))?)
    }
    async fn tell_all(probe: &ActorRef<Probe>, notes: Vec<u32>) -> anyhow::Result<usize> {
        let notes: Vec<_> = notes.into_iter().map(Note).collect();
        Ok(probe.tell_all(notes).timeout(millis(5)).await?)
    }

    let lab = Lab::new("anyhow");
    let probe = busy(&lab, 1).await;
    tell(&probe, 1).await.unwrap();
    let error = tell(&probe, 2).await.unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(TellError::Timeout { msg: Note(2), .. })), "{error:#}");
    assert_eq!(error.downcast::<TellError<Note>>().unwrap().into_message().0, 2);
    let error = try_tell(&probe, 3).unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(TryTellError::Full { msg: Note(3), capacity: 1, .. })));
    let error = tell_all(&probe, vec![4, 5]).await.unwrap_err();
    type Batch = BatchError<TellError<Note>, std::vec::IntoIter<Note>>;
    let rest: Vec<_> = error.downcast::<Batch>().unwrap().into_rest().map(|note| note.0).collect();
    assert_eq!(rest, [4, 5]);
    probe.stop();
    let error = ask(&probe, 6).await.context("note 6").unwrap_err();
    assert_eq!(
        format!("{error:#}"),
        format!(
            "note 6: ask Note to {} failed: the actor was asked to stop; \
             the message was not handled and may be sent elsewhere",
            probe.identity()
        )
    );
    // Also behind a context.
    assert!(matches!(error.downcast_ref(), Some(AskError::Stopped { msg: Note(6), .. })));
    lab.diary.open();

    let none = std::thread::spawn(|| -> anyhow::Result<()> {
        drop(Account::default().prepare().spawn()?);
        Ok(())
    });
    let error = none.join().unwrap().unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(SpawnError::NoRuntime)), "{error:#}");

    let tree = lab.tree().await;
    let call = async { anyhow::Ok(tree.stop_child("nobody").await?) };
    let error = call.await.unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(ChildError::NotFound { .. })), "{error:#}");

    let account = Account::default().prepare().system(&lab.system).spawn().unwrap();
    let call = async { anyhow::Ok(account.withdraw(1).await.flat()?) };
    let error = call.await.unwrap_err();
    type Withdrawn = FlatError<std::num::TryFromIntError, Withdraw>;
    assert!(matches!(error.downcast_ref(), Some(Withdrawn::Reply(_))), "{error:#}");
    assert_eq!(format!("{error:#}"), "out of range integral type conversion attempted");
    drop(account);
    lab.close().await;
}

#[derive(Debug, thiserror::Error)]
#[error("the store is gone")]
struct NoStore(#[source] std::io::Error);

fn no_store() -> BoxError {
    NoStore(std::io::Error::other("disk on fire")).into()
}

/// The chain goes from the ask over the failure to the error the actor failed with, and on: each can be found by its
/// type, by one who does not know what the message was.
#[tokio::test(start_paused = true)]
async fn the_chain_of_sources_leads_to_the_error_an_actor_failed_with() {
    let lab = Lab::new("chain");
    let probe = lab.probe("probe");
    let error = anyhow::Error::from(probe.ask(Refuse(7)).await.unwrap_err());
    let who = probe.identity();
    let texts: Vec<_> = error.chain().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            format!(
                "ask Refuse to {who} failed: the actor failed while handling it: refused 7; \
                 whether the message took effect is unknown"
            ),
            format!("{who} failed while handling Refuse: refused 7"),
            "refused 7".to_owned(),
        ]
    );
    assert_eq!(format!("{error:#}"), texts.join(": "));
    let failure = error.chain().find_map(|source| source.downcast_ref::<postbox::Failure>()).unwrap();
    assert_eq!(failure.identity(), who);

    let tree = lab.tree().await;
    lab.diary.trouble(|at, _, _| if at == At::Started { Err(no_store()) } else { Ok(()) });
    let error = anyhow::Error::from(tree.spawn(lab.diary.child("child")).await.unwrap_err());
    assert!(error.chain().any(|source| source.is::<NoStore>()), "{error:#}");
    assert_eq!(error.root_cause().to_string(), "disk on fire");

    // To whoever comes too late as well.
    let error = anyhow::Error::from(probe.tell(Note(8)).await.unwrap_err());
    let failure = error.chain().find_map(|source| source.downcast_ref::<postbox::Failure>()).unwrap();
    assert!(matches!(failure.cause(), Cause::Error(error) if error.to_string() == "refused 7"));
    lab.close().await;
}

/// An error type as an application writes one.
#[derive(Debug, thiserror::Error)]
enum AppError {
    #[error("no answer")]
    Ask(#[from] AskError<Note>),
    #[error("not sent: {0}")]
    Tell(#[source] TellError<Note>),
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    #[error("the account: {source}")]
    Account { source: FlatError<std::num::TryFromIntError, Withdraw> },
}

#[tokio::test(start_paused = true)]
async fn thiserror_wraps_every_error() {
    async fn ask(probe: &ActorRef<Probe>) -> Result<u32, AppError> {
        Ok(probe.ask(Note(1)).await?)
    }
    async fn spawn(tree: &ActorRef<Supervisor>, lab: &Lab) -> Result<ActorRef<Probe>, AppError> {
        Ok(tree.spawn(lab.diary.child("twice")).await?)
    }

    let lab = Lab::new("thiserror");
    let probe = lab.probe("probe");
    probe.tell(Poison(0)).await.unwrap();
    probe.ended().await;
    let error = ask(&probe).await.unwrap_err();
    assert_eq!(error.to_string(), "no answer");
    let source = error.source().unwrap();
    assert!(source.is::<AskError<Note>>() && source.to_string().contains("poison 0"), "{source}");
    assert!(source.source().unwrap().is::<postbox::Failure>());
    let AppError::Ask(error) = error else { panic!("{error}") };
    assert_eq!(error.into_message().map(|note| note.0), Some(1));

    let error = probe.tell(Note(2)).await.map_err(AppError::Tell).unwrap_err();
    assert!(error.to_string().starts_with("not sent: tell Note to Probe#"), "{error}");
    assert!(error.source().unwrap().is::<TellError<Note>>());

    let tree = lab.tree().await;
    spawn(&tree, &lab).await.unwrap();
    let error = spawn(&tree, &lab).await.unwrap_err();
    assert!(matches!(error, AppError::Spawn(SpawnError::DuplicateChild { .. })), "{error}");
    assert!(error.to_string().contains("a child named `twice`"), "{error}");

    let account = Account { balance: 3 }.prepare().system(&lab.system).spawn().unwrap();
    let source = account.withdraw(4).await.flat().unwrap_err();
    let error = AppError::Account { source };
    assert_eq!(error.to_string(), "the account: out of range integral type conversion attempted");
    drop(account);
    lab.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_box_of_any_error_takes_them_and_gives_them_back() {
    async fn all(probe: &ActorRef<Probe>, which: u32) -> Result<(), Box<dyn Error + Send + Sync>> {
        match which {
            0 => probe.tell(Note(which)).await?,
            1 => probe.try_tell(Note(which))?,
            2 => drop(probe.ask(Note(which)).await?),
            _ => drop(probe.tell_all([Note(which)]).await?),
        }
        Ok(())
    }

    let lab = Lab::new("box");
    let probe = lab.probe("probe");
    probe.stop();
    probe.ended().await;
    let mut errors = Vec::new();
    for which in 0..4 {
        errors.push(all(&probe, which).await.unwrap_err());
    }
    // Over to another thread, as a report would go.
    let errors = std::thread::spawn(move || errors).join().unwrap();
    let [told, tried, asked, batch] = errors.try_into().unwrap();
    assert_eq!(told.downcast::<TellError<Note>>().unwrap().into_message().0, 0);
    assert_eq!(tried.downcast::<TryTellError<Note>>().unwrap().into_message().0, 1);
    assert_eq!(asked.downcast::<AskError<Note>>().unwrap().into_message().map(|note| note.0), Some(2));
    let batch = batch.downcast::<BatchError<TellError<Note>, std::array::IntoIter<Note, 1>>>().unwrap();
    assert_eq!(batch.into_rest().map(|note| note.0).collect::<Vec<_>>(), [3]);
    lab.close().await;
}

/// A future that is polled by hand, without a runtime's help: the wake-ups are those of the actor.
#[tokio::test(start_paused = true)]
async fn a_request_asks_for_a_poll_only_when_there_is_something_to_see() {
    let lab = Lab::new("wakes");
    let probe = busy(&lab, 2).await;
    let mut ask = task::spawn(probe.ask(Note(1)));
    assert_pending!(ask.poll());
    probe.tell(Note(2)).await.unwrap();
    idle().await;
    assert!(!ask.is_woken());
    lab.diary.open();
    idle().await;
    assert!(ask.is_woken());
    assert!(matches!(ask.poll(), Poll::Ready(Ok(1))));
    lab.close().await;
}
