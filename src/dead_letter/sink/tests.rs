use std::sync::atomic::AtomicBool;

use tracing_subscriber::fmt::MakeWriter;

use super::*;
use crate::id::Identity;

impl DeadLetters {
    pub(in crate::dead_letter) fn subscribers(&self) -> usize {
        self.state().subscribers.len()
    }
}

#[test]
fn a_group_is_logged_at_once_and_then_every_ten_seconds_with_a_count() {
    let start = Instant::now();
    let at = |millis| start + Duration::from_millis(millis);
    let mut tally = Tally::default();
    // (time in ms, count of the log line)
    for (millis, line) in [
        (0, Some(1)),
        (0, None),
        (1, None),
        (9_999, None),
        (10_000, Some(4)),
        (19_999, None),
        (20_001, Some(2)),
        (100_000, Some(1)),
    ] {
        assert_eq!(tally.add(at(millis)), line, "at {millis} ms");
    }
    assert_eq!(tally.count, 8);
}

#[test]
fn a_clock_read_out_of_order_logs_nothing() {
    let now = Instant::now();
    assert!(log_is_due(None, now));
    assert!(!log_is_due(Some(now + LOG_EVERY * 2), now));
    assert!(log_is_due(Some(now), now + LOG_EVERY));
}

fn letter(reason: Reason) -> DeadLetter {
    DeadLetter::new(Identity::numbered(|| "account", None, 42), "Withdraw", None, reason, 1, None)
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[test]
fn a_burst_makes_two_lines_the_second_at_shutdown() {
    let lines = Lines::default();
    let subscriber =
        tracing_subscriber::fmt().with_writer(lines.clone()).without_time().with_ansi(false).finish();
    tracing::subscriber::with_default(subscriber, || {
        let sink = DeadLetters::new(4);
        for _ in 0..100 {
            sink.record(letter(Reason::Stopped));
        }
        sink.log_rest();
        sink.log_rest();
    });
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert_eq!(
        text,
        " WARN postbox: dead letter recipient=account#42 kind=\"account\" message_type=\"Withdraw\" \
         reason=stopped count=1 attempts=1\n \
         WARN postbox: dead letters kind=\"account\" message_type=\"Withdraw\" reason=stopped count=99\n"
    );
}

#[test]
fn a_log_subscriber_that_records_or_panics_does_no_harm() {
    struct Bad(Arc<DeadLetters>, AtomicBool);
    impl std::io::Write for &Bad {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            self.0.record(letter(Reason::Killed));
            self.1.store(true, Ordering::Relaxed);
            panic!("a bad log")
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let sink = Arc::new(DeadLetters::new(4));
    let bad: &'static Bad = Box::leak(Box::new(Bad(Arc::clone(&sink), AtomicBool::new(false))));
    let subscriber = tracing_subscriber::fmt().with_writer(move || bad).finish();
    tracing::subscriber::with_default(subscriber, || {
        sink.record(letter(Reason::Stopped));
        sink.record(letter(Reason::Stopped));
    });
    assert!(bad.1.load(Ordering::Relaxed));
    assert_eq!(sink.count(Reason::Stopped), 2);
    assert!(sink.count(Reason::Killed) >= 1);
}
