use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use super::*;

fn letter_to(kind: fn() -> &'static str, message_type: &'static str, reason: Reason) -> DeadLetter {
    DeadLetter::new(Identity::new(kind, None), message_type, None, reason, 0, None)
}

fn letter_with<M: Send + 'static>(message: M) -> DeadLetter {
    let to = Identity::numbered(|| "account", None, 42);
    DeadLetter::new(to, "Withdraw", Some(Box::new(message)), Reason::Stopped, 0, None)
}

/// Calls a function as it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn reasons_are_numbered_as_they_are_listed() {
    for (number, reason) in Reason::ALL.into_iter().enumerate() {
        assert_eq!(reason as usize, number, "{reason}");
    }
}

#[test]
fn each_reason_has_a_text_of_its_own() {
    let texts: Vec<String> = Reason::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts.join(", "),
        "stopped, killed, aborted, failed, quarantined, expired, abandoned, evicted, overflow, restart limit, \
         unhandled, no routee, late reply, leaked"
    );
}

#[test]
fn a_letter_tells_what_it_was_made_of() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<DeadLetter>();
    let before = SystemTime::now();
    let to = Identity::numbered(|| "account", None, 42);
    let letter = DeadLetter::new(to.clone(), "Withdraw", None, Reason::Quarantined, 3, None);
    assert!(letter.time() >= before);
    assert_eq!((letter.recipient(), letter.message_type()), (&to, "Withdraw"));
    assert_eq!((letter.reason(), letter.attempts()), (Reason::Quarantined, 3));
    assert!(letter.failure().is_none() && !letter.has_message());
    let debug = format!("{letter:?}");
    assert!(debug.contains("recipient: account#42") && debug.contains("reason: Quarantined"), "{debug}");
}

#[test]
fn the_message_is_taken_once_and_only_as_what_it_is() {
    let letter = letter_with(7_u32);
    let clone = letter.clone();
    assert_eq!(letter.take_message::<u64>(), None);
    assert!(letter.has_message(), "the wrong type leaves it");
    assert_eq!(clone.take_message::<u32>(), Some(7));
    assert_eq!(letter.take_message::<u32>(), None);
    assert!(!letter.has_message());
}

#[test]
fn a_message_that_panics_as_it_is_dropped_harms_nobody() {
    drop(letter_with(OnDrop(|| panic!("a bad Drop"))));
}

mod sink_tests {
    use super::*;

    #[test]
    fn every_letter_is_counted_in_its_group() {
        let (bank, account): (fn() -> _, fn() -> _) = (|| "bank", || "account");
        let sink = DeadLetters::new(2);
        for (kind, message, reason, times) in [
            (bank, "Deposit", Reason::Stopped, 3),
            (account, "Deposit", Reason::Killed, 2),
            (account, "Deposit", Reason::Stopped, 1),
            (account, "Audit", Reason::Stopped, 4),
        ] {
            for _ in 0..times {
                sink.record(letter_to(kind, message, reason));
            }
        }
        assert_eq!(sink.total(), 10);
        assert_eq!(sink.count(Reason::Stopped), 8);
        assert_eq!(sink.count(Reason::Killed), 2);
        assert_eq!(sink.count(Reason::Leaked), 0);
        let counts: Vec<_> =
            sink.counts().into_iter().map(|g| (g.kind, g.message_type, g.reason, g.count)).collect();
        assert_eq!(
            counts,
            [
                ("account", "Audit", Reason::Stopped, 4),
                ("account", "Deposit", Reason::Stopped, 1),
                ("account", "Deposit", Reason::Killed, 2),
                ("bank", "Deposit", Reason::Stopped, 3),
            ]
        );
    }

    #[test]
    fn the_ring_keeps_the_last_letters_and_drops_the_payload_of_the_others() {
        let sink = DeadLetters::new(2);
        let payload = Arc::new(());
        for _ in 0..5 {
            sink.record(letter_with(Arc::clone(&payload)));
        }
        assert_eq!(Arc::strong_count(&payload), 1 + 2);
        assert_eq!(sink.total(), 5);
        for number in [1_u32, 2, 3] {
            sink.record(letter_with(number));
        }
        let recent: Vec<_> = sink.recent().iter().filter_map(DeadLetter::take_message::<u32>).collect();
        assert_eq!(recent, [2, 3], "oldest first");
        assert_eq!(Arc::strong_count(&payload), 1);
    }

    #[test]
    fn a_sink_without_a_ring_counts_all_the_same() {
        let sink = DeadLetters::new(0);
        let payload = Arc::new(());
        sink.record(letter_with(Arc::clone(&payload)));
        assert!(sink.recent().is_empty());
        assert_eq!((sink.total(), Arc::strong_count(&payload)), (1, 1));
    }

    /// I11: the sink can neither block an actor nor recurse into one.
    #[test]
    fn a_payload_that_records_as_it_is_dropped_neither_deadlocks_nor_recurses() {
        const CHAIN: usize = 100_000; // far more than a stack could hold
        static DEPTH: AtomicUsize = AtomicUsize::new(0);
        static DROPPED: AtomicUsize = AtomicUsize::new(0);

        fn link(sink: &Weak<DeadLetters>, left: usize) -> DeadLetter {
            let sink = Weak::clone(sink);
            letter_with(OnDrop(move || {
                assert_eq!(DEPTH.fetch_add(1, Ordering::Relaxed), 0, "a burial inside a burial");
                DROPPED.fetch_add(1, Ordering::Relaxed);
                if let Some(strong) = sink.upgrade()
                    && left > 0
                {
                    strong.record(link(&sink, left - 1));
                }
                DEPTH.fetch_sub(1, Ordering::Relaxed);
            }))
        }

        let sink = Arc::new(DeadLetters::new(0));
        sink.record(link(&Arc::downgrade(&sink), CHAIN));
        assert_eq!(sink.total(), CHAIN as u64 + 1);
        assert_eq!(DROPPED.load(Ordering::Relaxed), CHAIN + 1);
    }

    #[test]
    fn an_evicted_payload_that_panics_harms_neither_the_sender_nor_the_sink() {
        let sink = DeadLetters::new(1);
        for _ in 0..3 {
            sink.record(letter_with(OnDrop(|| panic!("a bad Drop"))));
        }
        sink.record(letter_with(7_u32));
        assert_eq!(sink.total(), 4);
        assert_eq!(sink.recent()[0].take_message::<u32>(), Some(7));
    }

    #[test]
    fn no_count_is_lost_between_threads() {
        let sink = DeadLetters::new(8);
        std::thread::scope(|scope| {
            for reason in [Reason::Stopped, Reason::Killed, Reason::Stopped] {
                let sink = &sink;
                scope.spawn(move || {
                    (0..1000).for_each(|_| sink.record(letter_to(|| "account", "Deposit", reason)))
                });
            }
        });
        assert_eq!(sink.total(), 3000);
        assert_eq!(sink.count(Reason::Stopped), 2000);
        assert_eq!(sink.counts().iter().map(|group| group.count).sum::<u64>(), 3000);
        assert_eq!(sink.recent().len(), 8);
    }
}

mod subscription {
    use super::*;

    #[tokio::test]
    async fn a_subscriber_gets_the_letters_from_then_on_and_an_end() {
        let sink = DeadLetters::new(8);
        sink.record(letter_with(1_u32));
        let mut subscription = sink.subscribe(8);
        sink.record(letter_with(2_u32));
        sink.record(letter_with(3_u32));
        drop(sink);
        for number in [2, 3] {
            assert_eq!(subscription.next().await.unwrap().take_message::<u32>(), Some(number));
        }
        assert!(subscription.next().await.is_none());
        assert_eq!(subscription.missed(), 0);
    }

    #[tokio::test]
    async fn a_slow_subscriber_misses_letters_and_sees_how_many() {
        let sink = DeadLetters::new(0);
        let mut slow = sink.subscribe(2);
        let mut quick = sink.subscribe(16);
        for number in 0_u32..5 {
            sink.record(letter_with(number));
        }
        assert_eq!((slow.missed(), quick.missed()), (3, 0));
        assert_eq!(slow.next().await.unwrap().take_message::<u32>(), Some(0));
        sink.record(letter_with(5_u32));
        assert_eq!(slow.missed(), 3, "there is room again");
        for _ in 0..6 {
            assert!(quick.next().await.is_some());
        }
    }

    #[tokio::test]
    async fn a_subscriber_that_left_is_forgotten() {
        let sink = DeadLetters::new(0);
        let gone = sink.subscribe(1);
        let mut stays = sink.subscribe(4);
        drop(gone);
        sink.record(letter_with(1_u32));
        sink.record(letter_with(2_u32));
        assert_eq!(sink.subscribers(), 1);
        assert!(stays.next().await.is_some() && stays.next().await.is_some());
    }

    #[tokio::test]
    async fn a_letter_waits_for_the_next_call_when_a_wait_is_dropped() {
        let sink = DeadLetters::new(0);
        let mut subscription = sink.subscribe(1);
        drop(subscription.next());
        sink.record(letter_with(1_u32));
        drop(subscription.next());
        assert!(subscription.next().await.is_some());
    }

    #[test]
    fn a_waker_that_panics_harms_neither_the_sender_nor_the_sink() {
        use std::future::Future;
        use std::task::{Context, Wake, Waker};

        struct Bad;
        impl Wake for Bad {
            fn wake(self: Arc<Self>) {
                panic!("a bad waker");
            }
        }

        let sink = DeadLetters::new(4);
        let mut subscription = sink.subscribe(4);
        let waker = Waker::from(Arc::new(Bad));
        {
            let mut next = std::pin::pin!(subscription.next());
            assert!(next.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            sink.record(letter_with(1_u32));
        }
        sink.record(letter_with(2_u32));
        assert_eq!((sink.total(), subscription.missed()), (2, 0));
    }
}
