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
