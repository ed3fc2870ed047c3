//! The deadline of a message: at the door, in the queue, between two attempts. Contract §2 and §6.

#[path = "support/lab.rs"]
mod lab;

use std::time::Duration;

use lab::{Hold, Lab, Note, Probe, idle, millis, secs, took};
use postbox::{Backoff, Reason, prelude::*};
use tokio_test::{assert_pending, task};

/// A probe with something in its handler.
async fn busy(lab: &Lab) -> ActorRef<Probe> {
    let probe = lab.probe("probe");
    probe.tell(Hold(0)).await.unwrap();
    lab.diary.entered().await;
    probe
}

/// contract §2: queued ► expired ► dead letter (reason)
#[tokio::test(start_paused = true)]
async fn a_told_message_whose_deadline_passes_in_the_queue_is_a_dead_letter_and_is_not_handled() {
    let lab = Lab::new("queued");
    let probe = busy(&lab).await;
    probe.tell(Note(1)).deadline(millis(10)).await.unwrap();
    probe.tell(Note(2)).deadline(secs(10)).await.unwrap();
    probe.try_tell(Note(3)).unwrap();
    tokio::time::sleep(millis(10)).await;
    assert_eq!(probe.ledger().queued, 3, "it has its fate when it is taken");
    lab.diary.open();
    idle().await;
    assert_eq!(lab.diary.notes(), [0, 2, 3]);
    let letters = lab.letters(Reason::Expired);
    assert_eq!(letters.iter().map(|letter| letter.attempts()).collect::<Vec<_>>(), [0]);
    assert_eq!(lab.dead_notes(Reason::Expired), [1], "the letter holds the message");
    lab.close().await;
}

/// contract §6: deadline while queued → `Timeout { started: false }`; the handler will not run it
#[tokio::test(start_paused = true)]
async fn an_asker_is_told_when_the_deadline_passes_not_when_the_message_is_taken() {
    let lab = Lab::new("told at once");
    let probe = busy(&lab).await;
    let ask = async {
        let error = probe.ask(Note(1)).deadline(millis(10)).await.unwrap_err();
        assert_eq!(error.may_retry(), Some(true));
        assert!(
            matches!(error, AskError::Timeout { started: false, msg: None, after, .. } if after == millis(10)),
            "{error:?}"
        );
    };
    assert_eq!(took(ask).await, millis(10));
    lab.diary.open();
    idle().await;
    assert_eq!(lab.diary.notes(), [0]);
    assert_eq!(lab.dead_notes(Reason::Expired), [1]);
    lab.close().await;
}

/// The actor comes to the message before the asker's own timer does: the asker is told all the same.
#[tokio::test(start_paused = true)]
async fn an_asker_is_told_by_the_actor_that_finds_the_message_expired() {
    let lab = Lab::new("told by the actor");
    let probe = busy(&lab).await;
    let mut ask = task::spawn(probe.ask(Note(1)).deadline(millis(10)));
    assert_pending!(ask.poll());
    tokio::time::advance(millis(20)).await;
    lab.diary.open();
    idle().await;
    assert!(ask.is_woken());
    let error = ask.await.unwrap_err();
    assert!(matches!(error, AskError::Timeout { started: false, .. }), "{error:?}");
    lab.close().await;
}

/// A handler that has begun in time is not hurried.
#[tokio::test(start_paused = true)]
async fn a_deadline_that_passes_in_the_handler_changes_nothing() {
    let lab = Lab::new("in flight");
    let probe = lab.probe("probe");
    let diary = lab.diary.clone();
    let open = async {
        tokio::time::sleep(secs(5)).await;
        diary.open();
    };
    let (reply, ()) = tokio::join!(probe.ask(Hold(1)).deadline(millis(10)), open);
    assert_eq!(reply.unwrap(), 1);
    lab.close().await;
}

/// contract §6: deadline while in flight → `Timeout { started: true }`: that of the asker, not of the message
#[tokio::test(start_paused = true)]
async fn the_timeout_counts_on_when_the_deadline_has_been_met() {
    let lab = Lab::new("both");
    let probe = lab.probe("probe");
    let ask = async {
        let error = probe.ask(Hold(1)).deadline(millis(10)).timeout(secs(1)).await.unwrap_err();
        assert!(
            matches!(error, AskError::Timeout { started: true, after, .. } if after == secs(1)),
            "{error:?}"
        );
    };
    assert_eq!(took(ask).await, secs(1));
    lab.diary.open();
    lab.close().await;
}

/// contract §2: refused (message inside the error)
#[tokio::test(start_paused = true)]
async fn a_message_past_its_deadline_is_not_accepted_and_comes_back() {
    let lab = Lab::new("at the door");
    let probe = lab.probe("probe");
    let (tell, ask) = (probe.tell(Note(1)).deadline(millis(10)), probe.ask(Note(2)).deadline(millis(10)));
    let try_tell = probe.tell(Note(3)).deadline(millis(10));
    tokio::time::advance(millis(10)).await;
    let error = tell.await.unwrap_err();
    assert!(matches!(&error, TellError::Timeout { msg: Note(1), .. }), "{error:?}");
    let error = ask.await.unwrap_err();
    assert!(matches!(&error, AskError::Timeout { started: false, msg: Some(Note(2)), .. }), "{error:?}");
    let error = try_tell.now().unwrap_err();
    assert!(matches!(&error, TryTellError::Timeout { msg: Note(3), .. }), "{error:?}");
    assert!(error.to_string().contains("deadline"), "{error}");
    assert_eq!(probe.ledger().accepted, 0);
    lab.close().await;
}

/// contract §8: waits its turn; the deadline ends the wait, with the message
#[tokio::test(start_paused = true)]
async fn a_deadline_ends_the_wait_for_room_with_the_message() {
    let lab = Lab::new("no room");
    let probe = lab.diary.probe("probe", &[]).unwrap();
    let probe = probe.prepare().capacity(1).system(&lab.system).spawn().unwrap();
    probe.tell(Hold(0)).await.unwrap();
    lab.diary.entered().await;
    probe.tell(Note(1)).await.unwrap();
    let waiting = async {
        let (tell, ask) =
            tokio::join!(async { probe.tell(Note(2)).deadline(millis(10)).timeout(secs(9)).await }, async {
                probe.ask(Note(3)).timeout(secs(9)).deadline(millis(10)).await
            });
        assert!(matches!(tell, Err(TellError::Timeout { msg: Note(2), .. })), "{tell:?}");
        assert!(matches!(ask, Err(AskError::Timeout { msg: Some(Note(3)), .. })), "{ask:?}");
    };
    assert_eq!(took(waiting).await, millis(10));
    lab.diary.open();
    idle().await;
    assert_eq!(lab.diary.notes(), [0, 1]);
    lab.close().await;
}

/// contract §6: Timeouts of zero are refused. `Duration::MAX` never panics.
#[tokio::test(start_paused = true)]
async fn a_deadline_of_zero_is_refused_and_one_of_max_never_comes() {
    let lab = Lab::new("zero and max");
    let probe = lab.probe("probe");
    let error = probe.tell(Note(1)).deadline(Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, TellError::Timeout { after: Duration::ZERO, .. }), "{error:?}");
    let error = probe.ask(Note(1)).deadline(Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, AskError::Timeout { started: false, msg: Some(_), .. }), "{error:?}");
    let error = probe.tell(Note(1)).deadline(Duration::ZERO).now().unwrap_err();
    assert!(matches!(error, TryTellError::Timeout { .. }), "{error:?}");
    assert_eq!(probe.ledger().accepted, 0);
    probe.tell(Note(2)).deadline(Duration::MAX).await.unwrap();
    assert_eq!(probe.ask(Note(3)).deadline(Duration::MAX).timeout(Duration::MAX).await.unwrap(), 1);
    assert_eq!(lab.diary.notes(), [2, 3]);
    lab.close().await;
}

/// The same where only the message is known.
#[tokio::test(start_paused = true)]
async fn a_recipient_takes_messages_with_a_deadline() {
    let lab = Lab::new("recipient");
    let probe = busy(&lab).await;
    let recipient = probe.recipient::<Note>();
    recipient.tell(Note(1)).deadline(millis(10)).await.unwrap();
    recipient.tell(Note(2)).deadline(secs(10)).await.unwrap();
    assert_eq!(probe.ledger().queued, 2);
    tokio::time::sleep(millis(10)).await;
    lab.diary.open();
    idle().await;
    assert_eq!((lab.diary.notes(), lab.dead_notes(Reason::Expired)), (vec![0, 2], vec![1]));
    drop(recipient);
    lab.close().await;
}

/// Is not waited for.
struct Hopeless;

impl Message for Hopeless {
    type Reply = ();
    const TIMEOUT: Option<Duration> = Some(Duration::ZERO);
}

impl Handler<Hopeless> for Probe {
    async fn handle(&mut self, _msg: Hopeless, _ctx: &mut Context<Self>) {}
}

/// contract §6: Timeouts of zero are refused, those that a message declares as well.
#[tokio::test(start_paused = true)]
async fn a_declared_timeout_of_zero_is_refused() {
    let lab = Lab::new("hopeless");
    let probe = lab.probe("probe");
    let error = probe.ask(Hopeless).await.unwrap_err();
    assert!(matches!(error, AskError::Timeout { started: false, msg: Some(Hopeless), .. }), "{error:?}");
    assert_eq!(probe.ledger().accepted, 0);
    lab.close().await;
}

/// Waits at the gate and fails; it may be tried three times.
#[derive(Clone)]
struct Doomed;

impl Message for Doomed {
    type Reply = ();
    const ATTEMPTS: u32 = 3;

    fn duplicate(&self) -> Option<Self> {
        Some(self.clone())
    }
}

impl Handler<Doomed> for Probe {
    async fn handle(&mut self, _msg: Doomed, _ctx: &mut Context<Self>) {
        self.diary.wait().await;
        panic!("doomed");
    }
}

/// A probe that is restarted after a minute, and what becomes of `Doomed` there when its first attempt fails
/// after 5 ms.
async fn doomed(lab: &Lab, deadline: Duration) -> AskError<Doomed> {
    let tree = lab.supervisor().backoff(Backoff::exponential(secs(60), secs(60))).start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("probe")).await.unwrap();
    let fail = async {
        lab.diary.entered().await;
        tokio::time::sleep(millis(5)).await;
        lab.diary.open();
    };
    let (outcome, ()) = tokio::join!(probe.ask(Doomed).deadline(deadline), fail);
    outcome.unwrap_err()
}

/// contract §2, checked when parked for a retry: it does not wait out a backoff for an attempt that cannot come.
#[tokio::test(start_paused = true)]
async fn a_message_that_is_past_its_deadline_as_its_handler_fails_is_not_tried_again() {
    let lab = Lab::new("parked");
    let ask = async {
        let error = doomed(&lab, millis(5)).await;
        assert!(matches!(error, AskError::Timeout { started: true, .. }), "{error:?}");
    };
    assert_eq!(took(ask).await, millis(5));
    let letters = lab.letters(Reason::Expired);
    assert_eq!(letters.iter().map(|letter| letter.attempts()).collect::<Vec<_>>(), [1]);
    assert!(letters[0].take_message::<Doomed>().is_some());
    lab.close().await;
}

/// The same with nobody who asks.
#[tokio::test(start_paused = true)]
async fn a_told_message_that_is_past_its_deadline_as_its_handler_fails_is_not_tried_again() {
    let lab = Lab::new("told and parked");
    let tree = lab.supervisor().backoff(Backoff::exponential(secs(60), secs(60))).start().await.unwrap();
    let probe = tree.spawn(lab.diary.child("probe")).await.unwrap();
    probe.tell(Doomed).deadline(millis(5)).await.unwrap();
    lab.diary.entered().await;
    tokio::time::sleep(millis(5)).await;
    lab.diary.open();
    idle().await;
    let letters = lab.letters(Reason::Expired);
    assert_eq!(letters.iter().map(|letter| letter.attempts()).collect::<Vec<_>>(), [1], "in the backoff");
    assert_eq!((probe.ledger().in_flight, lab.diary.made("probe")), (0, 1));
    lab.close().await;
}

/// contract §2, checked at take, and §6: started, since a handler had it once.
#[tokio::test(start_paused = true)]
async fn a_message_whose_deadline_passes_between_two_attempts_is_not_tried_again() {
    let lab = Lab::new("between attempts");
    let ask = async {
        let error = doomed(&lab, secs(30)).await;
        assert!(matches!(error, AskError::Timeout { started: true, .. }), "{error:?}");
        assert_eq!(error.may_retry(), None);
    };
    assert_eq!(took(ask).await, secs(60) + millis(5));
    assert_eq!(lab.letters(Reason::Expired).len(), 1);
    assert_eq!(lab.diary.made("probe"), 2);
    lab.close().await;
}

/// Fails, and is put aside when it comes again.
#[derive(Clone)]
struct Later;

impl Message for Later {
    type Reply = ();
    const ATTEMPTS: u32 = 3;

    fn duplicate(&self) -> Option<Self> {
        Some(self.clone())
    }
}

impl Handler<Later> for Probe {
    async fn handle(&mut self, msg: Later, ctx: &mut Context<Self>) {
        assert!(self.number > 1, "the first attempt");
        ctx.stash(msg).await
    }
}

/// contract §9: a letter holds the attempts: those at which a handler failed, and not those at which it put the message
/// aside.
#[tokio::test(start_paused = true)]
async fn a_letter_counts_no_attempt_at_which_its_message_was_put_aside() {
    let lab = Lab::new("aside");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("probe")).await.unwrap();
    probe.tell(Later).deadline(secs(1)).await.unwrap();
    probe.tell(Later).await.unwrap();
    idle().await;
    assert_eq!(probe.ledger().stashed, 2);
    tokio::time::sleep(secs(2)).await;
    // The next incarnation takes them up again.
    probe.kill();
    idle().await;
    tree.stop_child("probe").await.unwrap();
    let letters = lab.system.dead_letters().recent();
    let letters: Vec<_> = letters.iter().map(|letter| (letter.reason(), letter.attempts())).collect();
    assert_eq!(letters, [(Reason::Expired, 1), (Reason::Stopped, 0)]);
    lab.close().await;
}

/// The builder that the macros make takes it as well.
#[tokio::test(start_paused = true)]
async fn a_call_has_a_deadline() {
    #[derive(Actor)]
    struct Clock;
    #[messages]
    impl Clock {
        #[message]
        fn tick(&mut self, at: u32) -> u32 {
            at
        }
    }
    let system = System::new("calls");
    let clock = Clock.prepare().system(&system).spawn().unwrap();
    assert_eq!(clock.tick(1).deadline(secs(1)).await.unwrap(), 1);
    let error = clock.tick(0).timeout(Duration::ZERO).await.unwrap_err();
    assert!(matches!(&error, AskError::Timeout { msg: Some(Tick { at: 0 }), .. }), "{error:?}");
    clock.tick(2).deadline(secs(1)).tell().await.unwrap();
    let late = clock.tick(3).deadline(millis(1)).timeout(secs(1));
    tokio::time::advance(millis(1)).await;
    let error = late.try_tell().unwrap_err();
    assert!(matches!(&error, TryTellError::Timeout { msg: Tick { at: 3 }, .. }), "{error:?}");
    assert_eq!(system.shutdown(secs(1)).await.ledger.handled, 2);
}

/// From sync code, by the same clock: the message is in the queue, and no handler comes to it.
#[test]
fn a_blocking_ask_ends_with_the_deadline() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let lab = runtime.block_on(async { Lab::new("blocking") });
    let probe = runtime.block_on(async { busy(&lab).await });
    // Nobody drives the runtime now, and so no handler runs.
    let error = probe.ask(Note(1)).deadline(millis(5)).blocking().unwrap_err();
    assert!(matches!(error, AskError::Timeout { started: false, msg: None, .. }), "{error:?}");
    lab.diary.open();
    runtime.block_on(lab.close());
}
