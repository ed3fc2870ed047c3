use proptest::prelude::*;

use super::*;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn the_pause_doubles_up_to_the_longest() {
    let ordinary = Backoff::exponential(ms(10), ms(1000));
    let endless = Backoff::exponential(Duration::from_nanos(1), Duration::MAX);
    for (backoff, attempt, expected) in [
        (Backoff::none(), 0, Duration::ZERO),
        (Backoff::none(), 127, Duration::ZERO),
        (Backoff::none(), 128, Duration::ZERO),
        (Backoff::none(), u32::MAX, Duration::ZERO),
        (Backoff::none().jitter(1.0), 3, Duration::ZERO),
        (ordinary, 0, ms(10)),
        (ordinary, 1, ms(20)),
        (ordinary, 6, ms(640)),
        (ordinary, 7, ms(1000)),
        (ordinary, u32::MAX, ms(1000)),
        (Backoff::exponential(ms(10), ms(10)), 5, ms(10)),
        (Backoff::exponential(Duration::ZERO, ms(10)), u32::MAX, Duration::ZERO),
        (endless, 40, Duration::from_nanos(1 << 40)),
        (endless, 126, Duration::MAX),
        (endless, 127, Duration::MAX),
        (endless, 128, Duration::MAX),
        // Here a shift alone would push every one out at the top.
        (Backoff::exponential(ms(3), Duration::MAX), 127, Duration::MAX),
        (Backoff::exponential(Duration::MAX, Duration::MAX), 0, Duration::MAX),
        (Backoff::exponential(Duration::MAX, Duration::MAX), u32::MAX, Duration::MAX),
    ] {
        assert_eq!(backoff.delay(attempt, 0.5), expected, "{backoff:?}, attempt {attempt}");
    }
}

#[test]
fn jitter_only_shortens() {
    let backoff = Backoff::exponential(ms(100), ms(1000)).jitter(0.5);
    for (random, expected) in [
        (0.0, ms(100)),
        (0.5, ms(75)),
        (1.0, ms(50)),
        (7.0, ms(50)),
        (-7.0, ms(100)),
        (f64::INFINITY, ms(50)),
        (f64::NAN, ms(100)),
    ] {
        assert_eq!(backoff.delay(0, random), expected, "{random}");
    }
    assert_eq!(backoff.jitter(1.0).delay(0, 1.0), Duration::ZERO);
}

#[test]
fn a_child_that_lived_long_enough_starts_from_the_shortest_pause() {
    let backoff = Backoff::exponential(ms(10), ms(1000)).reset_after(ms(500));
    assert_eq!(backoff.streak(4, ms(499)), 4);
    assert_eq!(backoff.streak(4, ms(500)), 0);
    assert_eq!(Backoff::exponential(ms(10), ms(1000)).streak(4, ms(999)), 4);
    assert_eq!(backoff.reset_after(Duration::MAX).streak(4, ms(1_000_000)), 4);
}

#[test]
#[should_panic(expected = "shortest pause is longer")]
fn a_shortest_pause_above_the_longest_is_refused() {
    let _ = Backoff::exponential(ms(2), ms(1));
}

#[test]
fn a_jitter_that_is_no_share_is_refused() {
    for share in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert!(std::panic::catch_unwind(|| Backoff::none().jitter(share)).is_err(), "{share}");
    }
}

proptest! {
    #[test]
    fn a_pause_never_panics_and_never_exceeds_the_longest(
        one in any::<Duration>(), other in any::<Duration>(), attempt in any::<u32>(),
        jitter in 0.0..=1.0_f64, random in any::<f64>(),
    ) {
        let (min, max) = if one <= other { (one, other) } else { (other, one) };
        let backoff = Backoff::exponential(min, max).jitter(jitter);
        let delay = backoff.delay(attempt, random);
        prop_assert!(delay <= max);
        let plain = Backoff::exponential(min, max);
        prop_assert!(plain.delay(attempt, random) >= min);
        prop_assert!(plain.delay(attempt.saturating_add(1), random) >= plain.delay(attempt, random));
    }
}
