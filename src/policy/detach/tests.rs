use super::{Silence, is_detached};

/// What follows after each grace: whether its task came by in it, whether a thread is at work on it.
fn verdicts(graces: &[(bool, bool)]) -> Vec<bool> {
    let mut silence = Silence::default();
    graces.iter().map(|&(answered, at_work)| is_detached(&mut silence, answered, at_work)).collect()
}

#[test]
fn an_actor_that_holds_a_thread_in_silence_is_given_up_after_one_grace() {
    assert_eq!(verdicts(&[(false, true)]), [true]);
}

#[test]
fn an_actor_that_comes_by_is_waited_for_however_long_it_takes() {
    assert_eq!(verdicts(&[(true, true), (true, false), (true, true)]), [false; 3]);
}

#[test]
fn an_actor_that_waits_for_a_thread_is_given_up_after_four_graces() {
    assert_eq!(verdicts(&[(false, false); 4]), [false, false, false, true]);
}

#[test]
fn a_sign_of_life_starts_the_count_anew() {
    let graces = [(false, false), (false, false), (false, false), (true, false), (false, false)];
    assert_eq!(verdicts(&graces), [false; 5]);
}
