//! Failures at every step of a message's and of an incarnation's life that code of the user can reach: each point
//! × what goes wrong there × what is around it × restart type. All that make sense run, none sampled.
//!
//! What is to come of a case is worked out in `model`, from the contract. A case is named
//! `point/kind/situation/type`; [`ONLY`] plays one alone.

#[path = "combinations/case.rs"]
mod case;
#[path = "combinations/first.rs"]
mod first;
#[path = "combinations/model.rs"]
mod model;
#[path = "combinations/play.rs"]
mod play;
#[path = "combinations/request.rs"]
mod request;
#[path = "combinations/siblings.rs"]
mod siblings;
#[path = "combinations/subject.rs"]
mod subject;

use std::{fmt::Write as _, time::Duration};

use case::{Case, Kind, Part, Type};
use siblings::Group;
use tokio::time::timeout;

/// The environment variable that names the case to play.
const ONLY: &str = "POSTBOX_COMBINATION";

/// Keeps the planned panics out of the output, of which there are thousands.
fn hush() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if info.payload_as_str() != Some(subject::PLANNED) {
            hook(info);
        }
    }));
}

/// Plays all cases of a part of life, and compares each with the model.
async fn play_all(part: Part) {
    hush();
    let only = std::env::var(ONLY).ok();
    let mut failed = 0;
    let mut text = String::new();
    let mut played = 0;
    for case in Case::all(part) {
        if only.as_ref().is_some_and(|only| *only != case.to_string()) {
            continue;
        }
        let freely = model::expected(case, None);
        // Contract I9: as many restarts as are charged and not one more; and what becomes of all with one less.
        // (Company sees the same end of either.)
        let one_less = freely.charges.checked_sub(1).filter(|_| !case.situation.company);
        // With siblings it goes the way of a group, to the same end. Which of the two ways alternates.
        // (A supervisor that stops comes to the younger one first, and how far the other is by then is nobody's
        // promise, unless it waits.)
        let stops_while_it_runs = case.kind == Kind::SupervisorStop && !case.point.is_async();
        let alone = case.situation.company || case.of == Type::Free || stops_while_it_runs;
        let in_group = Some(freely.charges).filter(|_| !alone);
        let group = if (case.situation.behind as u8).is_multiple_of(2) { Group::All } else { Group::Rest };
        let plays = [(Group::Alone, Some(freely.charges)), (Group::Alone, one_less), (group, in_group)];
        for (group, limit) in plays {
            let Some(limit) = limit else { continue };
            played += 1;
            let mut expected = model::expected(case, Some(limit));
            let restarts = std::mem::take(&mut expected.restarts);
            expected.charges = 0;
            let play = timeout(Duration::from_secs(86_400), play::play(case, group, limit, restarts)).await;
            let (story, wrong) = play.unwrap_or_else(|_| panic!("{case} does not come to an end"));
            if story != expected || !wrong.is_empty() {
                failed += 1;
                let _ = writeln!(
                    text,
                    "{case} under {group:?}, {limit} restarts allowed: {wrong:?}\n  expected {expected:?}\n  played   {story:?}"
                );
            }
        }
    }
    assert_eq!(failed, 0, "of {played} cases:\n{text}");
}

/// contract §2, §3, §6, §7: in the handling of a message.
#[tokio::test(start_paused = true)]
async fn a_message_keeps_its_one_fate_whatever_goes_wrong_in_its_handling() {
    play_all(Part::Message).await;
}

/// contract §5, I7: in the handling of a notice.
#[tokio::test(start_paused = true)]
async fn messages_keep_their_fates_whatever_goes_wrong_in_the_terminated_hook() {
    play_all(Part::Notice).await;
}

/// contract §4, §5: at the end of an incarnation that has failed.
#[tokio::test(start_paused = true)]
async fn messages_keep_their_fates_whatever_goes_wrong_as_an_incarnation_ends() {
    play_all(Part::End).await;
}

/// contract §4, §5: at the beginning of the next one.
#[tokio::test(start_paused = true)]
async fn messages_keep_their_fates_whatever_goes_wrong_as_an_incarnation_begins() {
    play_all(Part::Begin).await;
}

/// contract §4: "`started` failing (error or panic): at the first spawn the caller gets the error and nothing is
/// left behind (no name, no child)"; and whatever else ends a first start.
#[tokio::test(start_paused = true)]
async fn nothing_is_left_behind_whatever_goes_wrong_in_a_first_start() {
    hush();
    let mut text = String::new();
    for case in first::Case::all() {
        for wrong in first::play(case).await {
            let _ = writeln!(text, "{case:?}: {wrong}");
        }
    }
    assert!(text.is_empty(), "{text}");
}
