//! What the machine has found, as it shrank it.

use super::*;

fn permanent(strategy: Strategy) -> Rules {
    Rules {
        strategy,
        limit: Limit::new(1, Duration::from_millis(500)),
        backoff: Some((100, 100)),
        auto_shutdown: AutoShutdown::Never,
        restart: Restart::Permanent,
        restarts: 0,
        statics: vec![(Restart::Permanent, false); 2],
    }
}

/// It was counted as one more restart of the child, which was on its way to its only one.
#[test]
fn a_kill_of_a_child_that_waits_for_its_turn_is_no_restart() {
    let [a, b, ..] = NAMES;
    play(&permanent(Strategy::OneForAll), &[Command::Tell(a, Letter::Panic), Command::Kill(b)]);
}

/// It took one of them, let others run, and was told to end before the other.
#[test]
fn what_has_come_while_a_child_waited_for_its_turn_is_taken_in_one_go() {
    let [a, b, c, ..] = NAMES;
    let rules = Rules {
        limit: Limit::new(100, Duration::from_millis(500)),
        backoff: Some((10, 40)),
        ..permanent(Strategy::OneForAll)
    };
    play(
        &rules,
        &[
            Command::Tell(a, Letter::Flaky(2)),
            Command::Spawn(c, Restart::Permanent, false),
            Command::Tell(c, Letter::Panic),
            Command::Tell(b, Letter::Note),
            Command::Advance(8),
            Command::Tell(b, Letter::Note),
            Command::Advance(8),
        ],
    );
}
