use super::*;
use Restart::{Permanent, Temporary, Transient};

const SEC: Duration = Duration::from_secs(1);
const CHARGED: Exit = Exit::Failed { charge: true };
const UNCHARGED: Exit = Exit::Failed { charge: false };

#[test]
fn the_restart_type_decides_which_ends_are_for_good() {
    // (exit, Permanent, Transient, Temporary)
    for (exit, permanent, transient, temporary) in [
        (Exit::Stopped, true, false, false),
        (Exit::Shutdown, false, false, false),
        (Exit::Released, true, false, false),
        (Exit::Bystander, true, true, false),
        (Exit::Killed, true, true, false),
        (CHARGED, true, true, false),
        (UNCHARGED, true, true, false),
    ] {
        assert_eq!(may_restart(exit, Permanent), permanent, "{exit:?}");
        assert_eq!(may_restart(exit, Transient), transient, "{exit:?}");
        assert_eq!(may_restart(exit, Temporary), temporary, "{exit:?}");
    }
}

#[test]
fn the_verdict_follows_from_exit_type_and_history() {
    let limit = Limit::new(3, 10 * SEC);
    let backoff = Backoff::exponential(SEC, 60 * SEC);
    let restart = |after, used| Verdict::Restart { after, used };
    // (exit, restart type, charges before, consecutive before, verdict, charges after)
    for (exit, kind, before, consecutive, verdict, after) in [
        // The first charged restart pauses for the shortest time, later ones double.
        (CHARGED, Permanent, 0, 0, restart(SEC, 1), 1),
        (CHARGED, Permanent, 1, 1, restart(2 * SEC, 2), 2),
        (CHARGED, Transient, 2, 2, restart(4 * SEC, 3), 3),
        // One more than the limit escalates, and is not recorded.
        (CHARGED, Permanent, 3, 3, Verdict::Escalate { used: 4 }, 3),
        (CHARGED, Transient, 3, 3, Verdict::Escalate { used: 4 }, 3),
        // A temporary child never harms its supervisor.
        (CHARGED, Temporary, 3, 3, Verdict::End, 3),
        (CHARGED, Temporary, 0, 0, Verdict::End, 0),
        (Exit::Killed, Temporary, 3, 3, Verdict::End, 3),
        // Stops and kills of a permanent child are charged like any restart.
        (Exit::Stopped, Permanent, 0, 0, restart(SEC, 1), 1),
        (Exit::Stopped, Permanent, 3, 0, Verdict::Escalate { used: 4 }, 3),
        (Exit::Killed, Permanent, 2, 0, restart(SEC, 3), 3),
        (Exit::Killed, Permanent, 3, 0, Verdict::Escalate { used: 4 }, 3),
        (Exit::Killed, Transient, 3, 0, Verdict::Escalate { used: 4 }, 3),
        (Exit::Killed, Transient, 0, 0, restart(SEC, 1), 1),
        (Exit::Released, Permanent, 0, 0, restart(SEC, 1), 1),
        // An end for good is not charged, also with the limit used up.
        (Exit::Stopped, Transient, 3, 3, Verdict::End, 3),
        (Exit::Released, Transient, 0, 0, Verdict::End, 0),
        (Exit::Shutdown, Permanent, 3, 3, Verdict::End, 3),
        (Exit::Shutdown, Transient, 0, 0, Verdict::End, 0),
        (Exit::Shutdown, Temporary, 0, 0, Verdict::End, 0),
        // A later attempt of the same message is neither charged nor does it lengthen the pause.
        (UNCHARGED, Permanent, 1, 1, restart(SEC, 1), 1),
        (UNCHARGED, Transient, 2, 2, restart(2 * SEC, 2), 2),
        (UNCHARGED, Permanent, 3, 3, restart(4 * SEC, 3), 3),
        (UNCHARGED, Permanent, 0, 0, restart(SEC, 0), 0),
        (UNCHARGED, Temporary, 1, 1, Verdict::End, 1),
    ] {
        let now = Instant::now();
        let mut window = Window::default();
        for _ in 0..before {
            window.charge(&limit, now);
        }
        let row = format!("{exit:?} {kind:?} {before} {consecutive}");
        let got = on_child_exit(exit, kind, &limit, &mut window, &backoff, consecutive, now, 0.0);
        assert_eq!(got, verdict, "{row}");
        assert_eq!(window.used(&limit, now), after, "{row}");
    }
}

#[test]
fn a_poison_message_with_many_attempts_is_charged_once() {
    let limit = Limit::new(1, 10 * SEC);
    let mut window = Window::default();
    let now = Instant::now();
    let mut decide =
        |exit| on_child_exit(exit, Permanent, &limit, &mut window, &Backoff::none(), 0, now, 0.0);
    assert_eq!(decide(CHARGED), Verdict::Restart { after: Duration::ZERO, used: 1 });
    for _ in 0..100 {
        assert_eq!(decide(UNCHARGED), Verdict::Restart { after: Duration::ZERO, used: 1 });
    }
    assert_eq!(decide(CHARGED), Verdict::Escalate { used: 2 });
}

#[test]
fn a_message_is_retried_up_to_its_attempts() {
    // (attempts so far, attempts in all, fate)
    for (attempts, max, fate) in [
        (1, 0, Fate::Tombstone),
        (1, 1, Fate::Tombstone),
        (2, 1, Fate::Tombstone),
        (1, 2, Fate::Retry),
        (2, 2, Fate::Quarantine),
        (1, 3, Fate::Retry),
        (2, 3, Fate::Retry),
        (3, 3, Fate::Quarantine),
        (4, 3, Fate::Quarantine),
        (u32::MAX, u32::MAX, Fate::Quarantine),
    ] {
        assert_eq!(after_failed_message(attempts, max), fate, "{attempts} of {max}");
    }
}
