use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};

use super::{panic::caught, *};
use crate::policy::DEFAULT_LIMIT;

fn account() -> Identity {
    Identity::numbered(|| "account", None, 42)
}

/// An error with a source.
#[derive(Debug)]
struct Outer(Inner);

#[derive(Debug)]
struct Inner;

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot open the store")
    }
}

impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("permission denied")
    }
}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

impl Error for Inner {}

#[test]
fn a_failure_is_one_pointer_that_threads_may_share() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Failure>();
    assert_eq!(size_of::<Option<Failure>>(), size_of::<usize>());
}

#[test]
fn each_step_continues_the_sentence() {
    let savings = Identity::numbered(|| "account", Some("savings"), 7);
    for (step, text) in [
        (Step::Factory, "account#42 failed in its factory: permission denied"),
        (Step::Started, "account#42 failed in its `started` hook: permission denied"),
        (Step::Message("bank::Withdraw"), "account#42 failed while handling Withdraw: permission denied"),
        (Step::Message("Withdraw"), "account#42 failed while handling Withdraw: permission denied"),
        (Step::Terminated, "account#42 failed in its `terminated` hook: permission denied"),
        (Step::Stopped, "account#42 failed in its `stopped` hook: permission denied"),
        (Step::Drop, "account#42 failed while its state was dropped: permission denied"),
        (Step::Child(savings), "account#42 failed while supervising savings#7: permission denied"),
    ] {
        assert_eq!(Failure::error(account(), step, Inner.into()).to_string(), text);
    }
}

#[test]
fn a_panic_is_told_with_its_place() {
    let panic = Panic::at("src/bank.rs", 88, 13, "attempt to subtract with overflow");
    let failure = Failure::panicked(account(), Step::Message("bank::Withdraw"), panic);
    let text = "account#42 failed while handling Withdraw: it panicked at src/bank.rs:88:13: attempt to subtract with overflow";
    assert_eq!(failure.to_string(), text);
    assert_eq!(failure.chain().to_string(), text);
    assert!(failure.source().is_none());
    let place = failure.panic().unwrap().place().unwrap();
    assert_eq!((place.file(), place.line(), place.column()), ("src/bank.rs", 88, 13));
}

#[test]
fn the_chain_tells_the_sources_that_the_plain_text_leaves_out() {
    let failure = Failure::error(account(), Step::Started, Outer(Inner).into());
    assert_eq!(failure.to_string(), "account#42 failed in its `started` hook: cannot open the store");
    assert_eq!(
        failure.chain().to_string(),
        "account#42 failed in its `started` hook: cannot open the store: permission denied"
    );
    assert!(failure.source().unwrap().is::<Outer>());
    assert!(failure.panic().is_none());
}

#[test]
fn the_failure_of_a_supervisor_leads_to_that_of_its_child() {
    let child = Failure::error(account(), Step::Started, Outer(Inner).into());
    let supervisor = Identity::numbered(|| "supervisor", None, 1);
    let failure = Failure::restart_limit(supervisor, account(), StopReason::Failed(child), 6, DEFAULT_LIMIT);
    assert_eq!(
        failure.chain().to_string(),
        "supervisor#1 failed while supervising account#42: restart 6 is one too many for the limit of 5 in 10s; \
         at last the child failed in its `started` hook: cannot open the store: permission denied"
    );
    let source = failure.source().unwrap().downcast_ref::<Failure>().unwrap();
    assert_eq!(source.identity(), &account());
    assert!(source.source().unwrap().is::<Outer>());
}

#[test]
fn the_failure_by_a_link_leads_to_that_of_the_other() {
    let other = Failure::error(account(), Step::Started, Outer(Inner).into());
    let own = Identity::numbered(|| "session", None, 1);
    let failure = Failure::linked(own.clone(), account(), StopReason::Failed(other));
    assert_eq!(
        failure.chain().to_string(),
        "session#1 failed by its link with account#42: that actor failed in its `started` hook: \
         cannot open the store: permission denied"
    );
    assert_eq!(failure.source().unwrap().downcast_ref::<Failure>().unwrap().identity(), &account());
    let failure = Failure::linked(own, account(), StopReason::Killed);
    assert_eq!(failure.to_string(), "session#1 failed by its link with account#42: that actor was killed");
    assert!(failure.source().is_none() && failure.panic().is_none());
}

#[test]
fn a_limit_exceeded_by_kills_has_no_source() {
    let failure = Failure::restart_limit(account(), account(), StopReason::Killed, 6, DEFAULT_LIMIT);
    assert!(failure.source().is_none());
    assert!(failure.chain().to_string().ends_with("at last the child was killed"));
}

#[test]
fn a_caught_panic_has_its_text_and_its_place() {
    install_hook();
    let line = line!() + 1;
    let panic = catch(|| panic!("number {}", 7)).unwrap_err();
    assert_eq!(panic.text(), "number 7");
    let place = panic.place().unwrap();
    assert_eq!((place.file(), place.line()), (file!(), line));

    assert_eq!(catch(|| panic!("literal")).unwrap_err().text(), "literal");
    let panic = catch(|| panic_any(7_u32)).unwrap_err();
    assert_eq!(panic.text(), "a value that is not text");
    assert!(panic.to_string().ends_with(": a value that is not text"), "{panic}");
}

#[test]
fn no_panic_no_trace() {
    install_hook();
    assert_eq!(catch(|| 7).unwrap(), 7);
}

#[test]
fn a_panic_that_user_code_caught_lends_its_place_to_no_other() {
    install_hook();
    catch(|| {
        let _ = catch_unwind(|| panic!("caught by the user"));
    })
    .unwrap();
    // `resume_unwind` does not call the hook, so nothing is known of its place.
    let panic = catch(|| resume_unwind(Box::new("raised again"))).unwrap_err();
    assert_eq!((panic.text(), panic.place()), ("raised again", None));
}

#[test]
fn a_panic_raised_again_in_the_same_call_keeps_its_place() {
    install_hook();
    let line = line!() + 2;
    let panic = catch(|| {
        let payload = catch_unwind(|| panic!("first")).unwrap_err();
        resume_unwind(payload)
    });
    assert_eq!(panic.unwrap_err().place().unwrap().line(), line);
}

#[test]
fn a_panic_outside_a_watched_call_is_not_noted() {
    install_hook();
    let _ = catch_unwind(|| panic!("nobody watches"));
    assert_eq!(caught(Box::new("other")).place(), None);
}

#[test]
fn a_watched_call_inside_another_leaves_the_outer_one_watched() {
    install_hook();
    let line = line!() + 3;
    let panic = catch(|| {
        assert_eq!(catch(|| panic!("inner")).unwrap_err().text(), "inner");
        panic!("outer")
    });
    let panic = panic.unwrap_err();
    assert_eq!((panic.text(), panic.place().unwrap().line()), ("outer", line));
}

/// Runs the test of this name again, alone in a process of its own with `env` set.
///
/// The panic hook and the backtrace setting belong to the process: changed in this one, they would reach the
/// tests that run beside.
fn alone(test: &str, env: &[(&str, &str)]) {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args([&format!("failure::tests::{test}"), "--exact", "--test-threads=1"])
        .env_remove("RUST_LIB_BACKTRACE")
        .env("POSTBOX_TEST_ALONE", "1")
        .envs(env.iter().copied())
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && stdout.contains("1 passed"), "{stdout}");
}

fn is_alone() -> bool {
    std::env::var_os("POSTBOX_TEST_ALONE").is_some()
}

#[test]
fn the_hook_that_was_there_before_is_called_for_every_panic() {
    use std::sync::atomic::{AtomicU32, Ordering};
    static SEEN: AtomicU32 = AtomicU32::new(0);

    if !is_alone() {
        return alone("the_hook_that_was_there_before_is_called_for_every_panic", &[]);
    }
    std::panic::set_hook(Box::new(|_| {
        SEEN.fetch_add(1, Ordering::Relaxed);
    }));
    install_hook();
    install_hook();
    let panic = catch(|| panic!("watched")).unwrap_err();
    assert!(panic.place().is_some());
    assert_eq!(SEEN.load(Ordering::Relaxed), 1, "watched");
    let _ = catch_unwind(|| panic!("not watched"));
    assert_eq!(SEEN.load(Ordering::Relaxed), 2, "not watched");
}

#[test]
fn a_hook_that_was_replaced_costs_the_place_and_no_more() {
    if !is_alone() {
        return alone("a_hook_that_was_replaced_costs_the_place_and_no_more", &[]);
    }
    install_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let panic = catch(|| panic!("no hook")).unwrap_err();
    assert_eq!((panic.text(), panic.place()), ("no hook", None));
    assert_eq!(panic.to_string(), "panicked: no hook");
}

#[test]
fn a_backtrace_is_kept_when_the_environment_asks_for_it() {
    if !is_alone() {
        for asked in ["0", "1"] {
            alone("a_backtrace_is_kept_when_the_environment_asks_for_it", &[("RUST_BACKTRACE", asked)]);
        }
        return;
    }
    install_hook();
    let panic = catch(|| panic!("traced")).unwrap_err();
    let asked = std::env::var("RUST_BACKTRACE").unwrap() == "1";
    assert_eq!(panic.backtrace().is_some(), asked);
}

#[test]
fn a_payload_that_panics_as_it_is_dropped_does_no_harm() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic_any(Bomb);
        }
    }
    install_hook();
    let panic = catch(|| panic_any(Bomb)).unwrap_err();
    assert_eq!(panic.text(), "a value that is not text");
}

#[test]
fn a_panic_is_caught_in_a_drop_while_the_thread_unwinds() {
    struct Inner(Option<Panic>);
    struct Outer<'a>(&'a mut Inner);
    impl Drop for Outer<'_> {
        fn drop(&mut self) {
            install_hook();
            self.0.0 = Some(catch(|| panic!("inner")).unwrap_err());
        }
    }
    install_hook();
    let mut inner = Inner(None);
    let outer = catch_unwind(AssertUnwindSafe(|| {
        let _outer = Outer(&mut inner);
        panic!("outer");
    }));
    assert!(outer.is_err());
    let panic = inner.0.unwrap();
    assert_eq!(panic.text(), "inner");
    assert!(panic.place().is_some());
}
