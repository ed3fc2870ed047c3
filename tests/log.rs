//! What an operator reads: one line for each failure, with who, what, where, why, and what follows.

#[path = "support/log.rs"]
mod log;

use std::time::Duration;

use log::Log;
use postbox::prelude::*;

#[derive(Actor, Default)]
struct Divider;

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("boom");
    }
}

#[messages]
impl Divider {
    /// Divides.
    #[message]
    fn divide(&mut self, by: u32) -> u32 {
        100 / by
    }

    /// Halves what is even.
    #[message]
    fn halve(&mut self, what: u32) -> Result<u32, &'static str> {
        if what.is_multiple_of(2) { Ok(what / 2) } else { Err("one half") }
    }

    /// Answers with what does not like to be dropped.
    #[message]
    fn explode(&mut self) -> Bomb {
        Bomb
    }

    /// Gives up.
    #[message]
    async fn give_up(&mut self, ctx: &mut Context<Self>) {
        ctx.fail("the disk is full").await
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_one_line_with_its_place_and_the_decision() {
    let (log, _guard) = Log::begin();
    let system = System::new("log");
    let backoff = postbox::Backoff::exponential(Duration::from_secs(2), Duration::from_secs(60)).jitter(0.0);
    let tree = Supervisor::one_for_one().system(&system).backoff(backoff).start().await.expect("it starts");
    let divider = tree.spawn(child("divider", Divider::default)).await.expect("it starts");
    divider.divide(0).await.expect_err("it panics");
    assert_eq!(divider.divide(1).await.expect("it is back"), 100);

    let failures: Vec<_> = log.lines("WARN").into_iter().filter(|line| line.contains("restart")).collect();
    let [line] = &failures[..] else { panic!("{failures:#?}") };
    assert!(line.contains(&format!("{} failed while handling Divide", divider.identity())), "{line}");
    assert!(line.contains("it panicked at tests/log.rs:"), "{line}");
    assert!(line.contains("attempt to divide by zero; restart 1/5 in 2s"), "{line}");
}

#[tokio::test(start_paused = true)]
async fn a_start_and_an_end_are_logged_at_debug_and_an_exceeded_limit_as_an_error() {
    let (log, _guard) = Log::begin();
    let system = System::new("log");
    let tree = Supervisor::one_for_one()
        .system(&system)
        .limit(0, Duration::from_secs(1))
        .start()
        .await
        .expect("it starts");
    let divider = tree.spawn(child("divider", Divider::default)).await.expect("it starts");
    divider.give_up().await.expect_err("it fails");
    assert!(matches!(tree.ended().await, StopReason::RestartLimit(_)));

    let debug = log.lines("DEBUG");
    assert!(debug.iter().any(|line| line.contains("started") && line.contains("divider")), "{debug:#?}");
    assert!(debug.iter().any(|line| line.contains("ended") && line.contains("divider")), "{debug:#?}");
    let warned = log.lines("WARN");
    let own = format!("{} failed while handling GiveUp: the disk is full", divider.identity());
    assert_eq!(warned.iter().filter(|line| line.contains(&own)).count(), 1, "{warned:#?}");
    let errors = log.lines("ERROR");
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert!(errors[0].contains(&tree.identity().to_string()), "{errors:#?}");
}

#[tokio::test(start_paused = true)]
async fn the_first_dead_letter_of_a_group_is_logged_at_once() {
    let (log, _guard) = Log::begin();
    let system = System::new("log");
    let divider = Divider.prepare().system(&system).spawn().expect("it starts");
    for by in 1..=5 {
        divider.divide(by).try_tell().expect("there is room");
    }
    divider.kill();
    divider.ended().await;
    let letters: Vec<_> = log.lines("WARN").into_iter().filter(|line| line.contains("Divide")).collect();
    assert_eq!(letters.len(), 1, "five letters, one group: {letters:#?}");
}

/// The one failure of a child of each strategy, as it is logged.
async fn line_of_a_failure(tree: postbox::SupervisorBuilder) -> String {
    let (log, _guard) = Log::begin();
    let tree = tree.system(&System::new("log")).start().await.expect("it starts");
    let divider = tree.spawn(child("divider", Divider::default)).await.expect("it starts");
    divider.divide(0).await.expect_err("it panics");
    assert_eq!(divider.divide(1).await.expect("it is back"), 100);
    let failures: Vec<_> = log.lines("WARN").into_iter().filter(|line| line.contains("restart")).collect();
    let [line] = &failures[..] else { panic!("{failures:#?}") };
    line.clone()
}

#[tokio::test(start_paused = true)]
async fn the_line_of_a_failure_says_who_restarts_and_when() {
    let backoff = postbox::Backoff::exponential(Duration::from_secs(2), Duration::from_secs(60));
    for (tree, end) in [
        (Supervisor::one_for_one(), "; restart 1/5 at once"),
        (Supervisor::one_for_one().backoff(backoff), "; restart 1/5 in 2s"),
        (Supervisor::one_for_all(), "; restart 1/5 of its group at once"),
        (Supervisor::rest_for_one().backoff(backoff), "; restart 1/5 of its group in 2s"),
    ] {
        let line = line_of_a_failure(tree).await;
        assert!(line.ends_with(end), "{line}");
    }
}

/// No failure, and so no warning.
#[tokio::test(start_paused = true)]
async fn a_restart_after_a_stop_is_logged_at_debug() {
    let (log, _guard) = Log::begin();
    let tree = Supervisor::one_for_one().system(&System::new("log")).start().await.expect("it starts");
    let divider = tree.spawn(child("divider", Divider::default)).await.expect("it starts");
    divider.stop_now();
    assert_eq!(divider.divide(1).await.expect("it is back"), 100);
    let debug: Vec<_> = log.lines("DEBUG").into_iter().filter(|line| line.contains("restart 1/5")).collect();
    let [line] = &debug[..] else { panic!("{debug:#?}") };
    assert!(line.contains(&divider.identity().to_string()), "{line}");
    assert_eq!(log.lines("WARN"), [""; 0]);
}

/// contract §3: a reply of `Err` that nobody asked for "is counted and logged at WARN".
#[tokio::test(start_paused = true)]
async fn an_error_that_nobody_asked_for_is_logged() {
    let (log, _guard) = Log::begin();
    let divider = Divider.prepare().system(&System::new("log")).spawn().expect("it starts");
    for _ in 0..4 {
        divider.halve(1).try_tell().expect("there is room");
    }
    assert_eq!(divider.halve(1).await.expect("an answer"), Err("one half"), "an asker has it");
    let warned = log.lines("WARN");
    assert_eq!(warned.len(), 3, "the first, and each time they have doubled: {warned:#?}");
    let text = format!("{} answered Halve with an error", divider.identity());
    assert!(warned.iter().all(|line| line.contains(&text)), "{warned:#?}");
    assert!(warned[2].ends_with("4 such errors in this system so far"), "{warned:#?}");
}

/// contract §5: a panic in a `Drop` is caught; it does not vanish.
#[tokio::test(start_paused = true)]
async fn a_panic_in_the_drop_of_a_reply_is_logged() {
    let (log, _guard) = Log::begin();
    let divider = Divider.prepare().system(&System::new("log")).spawn().expect("it starts");
    divider.explode().try_tell().expect("there is room");
    assert_eq!(divider.divide(1).await.expect("it lives"), 100);
    let warned = log.lines("WARN");
    let [line] = &warned[..] else { panic!("{warned:#?}") };
    assert!(line.contains("panicked: boom") && line.contains(&divider.identity().to_string()), "{line}");
}
