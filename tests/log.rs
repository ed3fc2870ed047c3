//! What an operator reads: one line for each failure, with who, what, where, why, and what follows.

#[path = "support/log.rs"]
mod log;

use std::time::Duration;

use log::Log;
use postbox::prelude::*;

#[derive(Actor, Default)]
struct Divider;

#[messages]
impl Divider {
    /// Divides.
    #[message]
    fn divide(&mut self, by: u32) -> u32 {
        100 / by
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
