//! The priority lane: it may overtake but cannot starve, and keeps the order of each lane. Contract §1, I4 and
//! §7. Pekko's `PriorityMailbox` cases as behaviours, and `peers.md`'s messages of equal priority that reorder.

#[path = "support/lab.rs"]
mod lab;

use lab::{Flaky, Hold, Lab, Note, Probe, idle, secs};
use postbox::{Overflow, Reason, prelude::*};

/// A note that overtakes others.
#[derive(Debug)]
struct Urgent(u32);

impl Message for Urgent {
    type Reply = u32;
    const PRIORITY: bool = true;
}

impl Handler<Urgent> for Probe {
    async fn handle(&mut self, msg: Urgent, ctx: &mut Context<Self>) -> u32 {
        Handler::handle(self, Note(msg.0), ctx).await
    }
}

/// A probe with something in its handler.
async fn busy(lab: &Lab, capacity: usize, overflow: Overflow) -> ActorRef<Probe> {
    let probe = lab.diary.probe("probe", &[]).unwrap().prepare().capacity(capacity).overflow(overflow);
    let probe = probe.system(&lab.system).spawn().unwrap();
    probe.tell(Hold(0)).await.unwrap();
    lab.diary.entered().await;
    probe
}

#[tokio::test(start_paused = true)]
async fn an_urgent_message_is_taken_before_those_that_wait() {
    let lab = Lab::new("overtakes");
    let probe = busy(&lab, 16, Overflow::Wait).await;
    for note in 1..=3 {
        probe.try_tell(Note(note)).unwrap();
    }
    probe.try_tell(Urgent(10)).unwrap();
    let ledger = probe.ledger();
    assert_eq!((ledger.queued, ledger.accepted), (4, 5), "{ledger}");
    lab.diary.open();
    idle().await;
    assert_eq!(lab.diary.notes(), [0, 10, 1, 2, 3]);
    lab.close().await;
}

/// Also when a batch is under way already.
#[tokio::test(start_paused = true)]
async fn an_urgent_message_overtakes_a_batch_under_way() {
    let lab = Lab::new("batch");
    let probe = lab.probe("probe");
    for note in [Hold(0), Hold(1), Hold(2)] {
        probe.try_tell(note).unwrap();
    }
    lab.diary.entered().await;
    probe.try_tell(Urgent(10)).unwrap();
    lab.diary.open();
    lab.diary.entered().await;
    assert_eq!(lab.diary.notes(), [0, 10]);
    lab.diary.open();
    lab.diary.open();
    idle().await;
    assert_eq!(lab.diary.notes(), [1, 2]);
    lab.close().await;
}

/// It cannot starve the others: after eight in a row one of them is taken.
#[tokio::test(start_paused = true)]
async fn after_eight_urgent_messages_in_a_row_an_ordinary_one_is_taken() {
    let lab = Lab::new("starves nobody");
    let probe = busy(&lab, 64, Overflow::Wait).await;
    for note in [1, 2] {
        probe.try_tell(Note(note)).unwrap();
    }
    for urgent in 101..=120 {
        probe.try_tell(Urgent(urgent)).unwrap();
    }
    lab.diary.open();
    idle().await;
    let mut expected = vec![0];
    expected.extend(101..=108);
    expected.push(1);
    expected.extend(109..=116);
    expected.push(2);
    expected.extend(117..=120);
    assert_eq!(lab.diary.notes(), expected);
    lab.close().await;
}

/// contract I4, for each lane. xtra reorders equal priorities once four are queued.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_lane_keeps_the_order_of_each_sender() {
    const EACH: u32 = 1_000;
    let lab = Lab::new("lanes");
    let probe =
        lab.diary.probe("probe", &[]).unwrap().prepare().capacity(8).system(&lab.system).spawn().unwrap();
    let senders = (0..4).map(|sender| {
        let probe = probe.clone();
        tokio::spawn(async move {
            for note in 0..EACH {
                let number = sender * EACH + note;
                if note % 3 == 0 {
                    probe.tell(Urgent(number)).await.unwrap();
                } else {
                    probe.tell(Note(number)).await.unwrap();
                }
            }
        })
    });
    for sender in senders.collect::<Vec<_>>() {
        sender.await.unwrap();
    }
    probe.stop();
    probe.ended().await;
    let notes = lab.diary.notes();
    assert_eq!(notes.len(), 4 * EACH as usize);
    for sender in 0..4 {
        for urgent in [true, false] {
            let lane = |note: &&u32| **note / EACH == sender && (**note % EACH).is_multiple_of(3) == urgent;
            assert!(notes.iter().filter(lane).is_sorted());
        }
    }
    lab.check();
}

/// contract I10: it counts against the same bound, and waits for room like any other.
#[tokio::test(start_paused = true)]
async fn urgent_messages_share_the_bound() {
    let lab = Lab::new("bound");
    let probe = busy(&lab, 2, Overflow::Wait).await;
    probe.try_tell(Urgent(1)).unwrap();
    probe.try_tell(Note(2)).unwrap();
    assert!(matches!(probe.try_tell(Urgent(3)), Err(TryTellError::Full { capacity: 2, .. })));
    assert!(matches!(probe.try_tell(Note(3)), Err(TryTellError::Full { capacity: 2, .. })));
    let waiting = tokio::spawn({
        let probe = probe.clone();
        async move { probe.ask(Urgent(4)).await.unwrap() }
    });
    idle().await;
    lab.diary.open();
    assert_eq!(waiting.await.unwrap(), 1);
    idle().await;
    assert_eq!(lab.diary.notes(), [0, 1, 2, 4]);
    lab.close().await;
}

/// contract I4: a retried message never lets a later one of the same actor overtake it
#[tokio::test(start_paused = true)]
async fn a_message_under_retry_is_never_overtaken() {
    let lab = Lab::new("retry");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("probe")).await.unwrap();
    probe.tell(Hold(0)).await.unwrap();
    lab.diary.entered().await;
    probe.try_tell(Flaky::<3>::new(1, 2)).unwrap();
    lab.diary.hold(lab::At::Started, "probe");
    lab.diary.open();
    lab.diary.entered().await;
    probe.try_tell(Urgent(2)).unwrap();
    lab.diary.hold_no_more();
    lab.diary.open();
    idle().await;
    assert_eq!(lab.diary.notes(), [0, 1, 2]);
    lab.close().await;
}

/// contract §7: those accepted before the call are handled, in both lanes; the later ones are the next
/// incarnation's, and urgent ones among them do not use up the places of the others.
#[tokio::test(start_paused = true)]
async fn a_stop_handles_what_was_accepted_before_it_in_both_lanes() {
    let lab = Lab::new("stop");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("probe")).await.unwrap();
    probe.tell(Hold(0)).await.unwrap();
    lab.diary.entered().await;
    probe.try_tell(Note(1)).unwrap();
    probe.try_tell(Note(2)).unwrap();
    probe.try_tell(Urgent(10)).unwrap();
    probe.stop();
    let mut asks = Vec::new();
    for urgent in 11..=13 {
        let probe = probe.clone();
        asks.push(tokio::spawn(async move { probe.ask(Urgent(urgent)).await.unwrap() }));
    }
    let last = tokio::spawn({
        let probe = probe.clone();
        async move { probe.ask(Note(3)).await.unwrap() }
    });
    idle().await;
    lab.diary.open();
    assert_eq!(last.await.unwrap(), 2, "accepted after the stop");
    assert_eq!(lab.diary.notes(), [0, 10, 11, 12, 13, 1, 2, 3]);
    lab.close().await;
}

/// contract §7: the same where only urgent ones wait.
#[tokio::test(start_paused = true)]
async fn a_stop_handles_the_urgent_messages_accepted_before_it() {
    let lab = Lab::new("stop urgent");
    let probe = busy(&lab, 16, Overflow::Wait).await;
    for urgent in 1..=3 {
        probe.try_tell(Urgent(urgent)).unwrap();
    }
    probe.stop();
    lab.diary.open();
    probe.ended().await;
    assert_eq!(lab.diary.notes(), [0, 1, 2, 3]);
    lab.close().await;
}

/// contract §7: "when the last is gone it drains and stops", in both lanes.
#[tokio::test(start_paused = true)]
async fn the_end_of_the_last_reference_drains_both_lanes() {
    let lab = Lab::new("released");
    let probe = busy(&lab, 16, Overflow::Wait).await;
    probe.try_tell(Note(1)).unwrap();
    probe.try_tell(Urgent(2)).unwrap();
    let handle = probe.handle();
    drop(probe);
    lab.diary.open();
    assert!(matches!(handle.ended().await, StopReason::Released));
    assert_eq!(lab.diary.notes(), [0, 2, 1]);
    lab.close().await;
}

/// contract §7: dead letters `Stopped`
#[tokio::test(start_paused = true)]
async fn a_stop_now_gives_up_both_lanes() {
    let lab = Lab::new("stop now");
    let probe = busy(&lab, 16, Overflow::Wait).await;
    probe.try_tell(Note(1)).unwrap();
    probe.try_tell(Urgent(2)).unwrap();
    probe.stop_now();
    lab.diary.open();
    probe.ended().await;
    assert_eq!(lab.system.dead_letters().count(Reason::Stopped), 2);
    lab.close().await;
}

/// contract §8: an urgent message is not dropped for an ordinary one.
#[tokio::test(start_paused = true)]
async fn drop_oldest_does_not_evict_urgent_messages() {
    let lab = Lab::new("evict");
    let probe = busy(&lab, 2, Overflow::DropOldest).await;
    probe.try_tell(Urgent(1)).unwrap();
    probe.try_tell(Note(2)).unwrap();
    probe.try_tell(Urgent(3)).unwrap();
    assert_eq!(lab.dead_notes(Reason::Evicted), [2]);
    probe.try_tell(Note(4)).unwrap();
    assert_eq!(lab.dead_notes(Reason::Overflow), [4], "there is nothing that may go for it");
    lab.diary.open();
    idle().await;
    assert_eq!(lab.diary.notes(), [0, 1, 3]);
    lab.close().await;
}

/// The macros declare it.
#[tokio::test(start_paused = true)]
async fn the_macros_declare_the_lane() {
    #[derive(Message)]
    #[message(reply = u32, priority)]
    struct Ping;
    #[derive(Actor)]
    struct Host;
    #[messages]
    impl Host {
        #[message(priority)]
        fn reset(&mut self) -> u32 {
            1
        }
        #[handler]
        fn ping(&mut self, _msg: Ping) -> u32 {
            2
        }
        #[message]
        fn work(&mut self) {}
    }
    const { assert!(Ping::PRIORITY && Reset::PRIORITY && !Work::PRIORITY) };
    let system = System::new("macros");
    let host = Host.prepare().system(&system).spawn().unwrap();
    assert_eq!((host.reset().await.unwrap(), host.ask(Ping).await.unwrap()), (1, 2));
    host.work().await.unwrap();
    assert!(system.shutdown(secs(1)).await.ledger.balances());
}

/// A note that overtakes others, and sends itself again for as long as it is told to.
#[derive(Debug)]
struct Endless;

impl Message for Endless {
    type Reply = ();
    const PRIORITY: bool = true;
}

impl Handler<Endless> for Probe {
    async fn handle(&mut self, _msg: Endless, ctx: &mut Context<Self>) {
        ctx.actor_ref().try_tell(Endless).unwrap();
        self.diary.write("urgent");
        tokio::task::yield_now().await;
    }
}

/// contract §8 and I7: it cannot starve the notice of an end either, which comes after what was accepted before it.
#[tokio::test(start_paused = true)]
async fn an_endless_flow_of_urgent_messages_does_not_hold_a_notice_up() {
    struct Watch(postbox::Handle);
    impl Message for Watch {
        type Reply = ();
    }
    impl Handler<Watch> for Probe {
        async fn handle(&mut self, msg: Watch, ctx: &mut Context<Self>) {
            ctx.watch_with(&msg.0, |_| Note(99));
        }
    }
    let lab = Lab::new("endless-notice");
    let (probe, watched) = (lab.probe("probe"), lab.probe("watched"));
    probe.ask(Watch(watched.handle())).await.unwrap();
    probe.tell(Hold(0)).await.unwrap();
    lab.diary.entered().await;
    probe.try_tell(Endless).unwrap();
    probe.try_tell(Note(1)).unwrap();
    probe.try_tell(Urgent(10)).unwrap();
    watched.stop();
    watched.ended().await;
    probe.try_tell(Note(2)).unwrap();
    lab.diary.open();
    until(|| lab.diary.peek() > 100).await;
    assert_eq!(lab.diary.notes(), [0, 10, 1, 99, 2]);
    probe.kill();
    probe.ended().await;
    lab.close().await;
}

/// contract §7 and §8: nor a `stop` of a child that starts again, whose mailbox does not close.
#[tokio::test(start_paused = true)]
async fn an_endless_flow_of_urgent_messages_does_not_hold_a_stop_up() {
    let lab = Lab::new("endless-stop");
    let tree = lab.tree().await;
    let probe = tree.spawn(lab.diary.child("probe")).await.unwrap();
    probe.tell(Hold(0)).await.unwrap();
    lab.diary.entered().await;
    probe.try_tell(Endless).unwrap();
    probe.try_tell(Note(1)).unwrap();
    probe.stop();
    lab.diary.open();
    until(|| lab.diary.made("probe") == 2).await;
    assert_eq!(lab.diary.notes(), [0, 1]);
    tree.kill();
    tree.ended().await;
    lab.close().await;
}

/// Lets others run until it is so, within reason.
async fn until(so: impl Fn() -> bool) {
    for _ in 0..100_000 {
        if so() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it does not come");
}

/// An actor lets others run now and then, in the middle of a lane too.
#[tokio::test(start_paused = true)]
async fn more_urgent_messages_than_one_poll_takes_keep_their_order() {
    let lab = Lab::new("many");
    let probe = busy(&lab, 1000, Overflow::Wait).await;
    for urgent in 1..=1000 {
        probe.try_tell(Urgent(urgent)).unwrap();
    }
    lab.diary.open();
    idle().await;
    assert_eq!(lab.diary.notes(), (0..=1000).collect::<Vec<_>>());
    lab.close().await;
}
