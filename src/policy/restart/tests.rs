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
}

#[test]
fn each_builder_step_changes_only_its_own_part() {
    let backoff = Backoff::exponential(Duration::from_millis(1), Duration::from_secs(1));
    let supervision = Supervision::one_for_one().limit(3, Duration::from_secs(60)).backoff(backoff);
    assert_eq!(
        supervision,
        Supervision { strategy: Strategy::OneForOne, limit: Limit::new(3, Duration::from_secs(60)), backoff }
    );
}
