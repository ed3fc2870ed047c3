use proptest::prelude::*;

use super::*;

const SEC: Duration = Duration::from_secs(1);

#[test]
fn the_window_slides_and_its_far_boundary_is_outside() {
    let start = Instant::now();
    let limit = Limit::new(2, 10 * SEC);
    let mut window = Window::default();
    let nano = Duration::from_nanos(1);
    // (time, answer), in order, on one window
    for (at, expected) in [
        (Duration::ZERO, Charge::Within { used: 1 }),
        (4 * SEC, Charge::Within { used: 2 }),
        (5 * SEC, Charge::Exceeded { used: 3 }),
        (10 * SEC - nano, Charge::Exceeded { used: 3 }), // the first is not 10 s old yet
        (10 * SEC, Charge::Within { used: 2 }),          // now it is, and the refused ones left no trace
        (14 * SEC - nano, Charge::Exceeded { used: 3 }),
        (14 * SEC, Charge::Within { used: 2 }),
        (3600 * SEC, Charge::Within { used: 1 }),
    ] {
        assert_eq!(window.charge(&limit, start + at), expected, "at {at:?}");
    }
}

#[test]
fn extreme_limits_do_not_panic() {
    let now = Instant::now();
    let day = Duration::from_secs(86_400);
    for (limit, expected) in [
        (Limit::new(0, 10 * SEC), Charge::Exceeded { used: 1 }),
        (Limit::new(0, Duration::ZERO), Charge::Exceeded { used: 1 }),
        (Limit::new(1, Duration::ZERO), Charge::Within { used: 1 }),
        (Limit::new(1, Duration::MAX), Charge::Exceeded { used: 2 }),
        (Limit::new(u32::MAX, Duration::MAX), Charge::Within { used: 2 }),
    ] {
        let mut window = Window::default();
        window.charge(&limit, now);
        assert_eq!(window.charge(&limit, now + day), expected, "{limit}");
    }
}

#[test]
fn a_clock_read_out_of_order_is_counted_as_recent() {
    let now = Instant::now() + 10 * SEC;
    let limit = Limit::new(1, SEC);
    let mut window = Window::default();
    assert_eq!(window.charge(&limit, now), Charge::Within { used: 1 });
    assert_eq!(window.charge(&limit, now - 5 * SEC), Charge::Exceeded { used: 2 });
}

proptest! {
    /// I9: charged restarts in any window ≤ the limit. And no charge is refused without need.
    #[test]
    fn no_stretch_of_time_holds_more_charges_than_the_limit(
        max in 0_u32..6,
        within in 0_u64..50,
        steps in prop::collection::vec(0_u64..20, 0..200),
    ) {
        let limit = Limit::new(max, Duration::from_millis(within));
        let mut now = Instant::now();
        let mut window = Window::default();
        let mut allowed: Vec<Instant> = Vec::new();
        for step in steps {
            now += Duration::from_millis(step);
            // The model: all history, counted anew each time.
            let count = |at: Instant| allowed.iter().filter(|&&then| at - then < limit.within).count();
            let before = u32::try_from(count(now)).unwrap();
            match window.charge(&limit, now) {
                Charge::Within { used } => {
                    prop_assert!(used <= max);
                    prop_assert_eq!(used, before + 1);
                    allowed.push(now);
                }
                Charge::Exceeded { used } => {
                    prop_assert_eq!(before, max, "refused although there was room");
                    prop_assert_eq!(used, max + 1);
                }
            }
            prop_assert!(window.charges.len() <= max as usize, "memory is bounded by the limit");
        }
        for &start in &allowed {
            let in_stretch = allowed.iter().filter(|&&at| at >= start && at - start < limit.within).count();
            prop_assert!(in_stretch <= max as usize);
        }
    }
}
