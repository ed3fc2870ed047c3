use super::*;

#[test]
fn the_defaults_are_those_of_the_contract() {
    assert_eq!(Restart::default(), Restart::Permanent);
    assert_eq!(Shutdown::default(), Shutdown::Within(Duration::from_secs(5)));
    assert_eq!(Strategy::default(), Strategy::OneForOne);
    assert_eq!(DEFAULT_LIMIT, Limit::new(5, Duration::from_secs(10)));
    assert_eq!(super::super::DEFAULT_CAPACITY, 64);
    let supervision = Supervision::default();
    assert_eq!((supervision.limit, supervision.backoff), (DEFAULT_LIMIT, Backoff::none()));
    assert_eq!((supervision.auto_shutdown, supervision.stop_together), (AutoShutdown::Never, false));
}

#[test]
fn each_builder_step_changes_only_its_own_part() {
    let backoff = Backoff::exponential(Duration::from_millis(1), Duration::from_secs(1));
    let supervision = Supervision::one_for_one().limit(3, Duration::from_secs(60)).backoff(backoff);
    assert_eq!(
        supervision,
        Supervision { limit: Limit::new(3, Duration::from_secs(60)), backoff, ..Supervision::one_for_one() }
    );
    for (made, strategy) in [
        (Supervision::one_for_one(), Strategy::OneForOne),
        (Supervision::one_for_all(), Strategy::OneForAll),
        (Supervision::rest_for_one(), Strategy::RestForOne),
    ] {
        assert_eq!(made, Supervision { strategy, ..Supervision::default() });
    }
    let significant = Supervision::default().auto_shutdown(AutoShutdown::AnySignificant);
    assert_eq!(significant.auto_shutdown, AutoShutdown::AnySignificant);
    assert!(Supervision::default().stop_together().stop_together);
}
