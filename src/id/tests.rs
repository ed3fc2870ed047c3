use std::collections::HashSet;

use super::*;

#[test]
fn ids_are_never_handed_out_twice() {
    let threads: Vec<_> = (0..4)
        .map(|_| std::thread::spawn(|| (0..1000).map(|_| ActorId::next()).collect::<Vec<_>>()))
        .collect();
    let mut all = HashSet::new();
    for thread in threads {
        let ids = thread.join().unwrap();
        assert!(ids.is_sorted(), "each thread sees rising ids");
        all.extend(ids);
    }
    assert_eq!(all.len(), 4000);
}

#[test]
fn an_id_is_as_small_as_its_option() {
    assert_eq!(size_of::<Option<ActorId>>(), size_of::<u64>());
}

#[test]
fn identity_prints_its_kind_or_its_name() {
    assert_eq!(Identity::numbered(|| "account", None, 42).to_string(), "account#42");
    assert_eq!(Identity::numbered(|| "account", Some("savings"), 42).to_string(), "savings#42");
    assert_eq!(Identity::numbered(|| "account", None, 42).id().to_string(), "#42");
}

#[test]
fn identities_are_equal_when_their_ids_are() {
    let one = Identity::new(|| "account", None);
    let other = Identity::new(|| "account", None);
    assert_ne!(one, other);
    assert_eq!(one, Identity::numbered(|| "ledger", Some("x"), one.id().get()));
    assert_eq!(HashSet::from([one.clone(), one, other]).len(), 2);
}

#[tokio::test]
async fn a_type_name_loses_its_path_where_it_is_one_path() {
    struct InAsync;
    let nested = {
        struct Inner;
        short_type_name::<Inner>()
    };
    for (short, expected) in [
        (short_type_name::<Identity>(), "Identity"),
        (short_type_name::<InAsync>(), "InAsync"),
        (nested, "Inner"),
        (short_type_name::<u32>(), "u32"),
        (short_type_name::<str>(), "str"),
        (short_type_name::<String>(), "String"),
    ] {
        assert_eq!(short, expected);
    }
}

#[test]
fn a_name_of_several_paths_stays_whole() {
    for full in [
        "alloc::vec::Vec<bank::Account>",
        "(bank::Account, bank::Ledger)",
        "&bank::Account",
        "[bank::Account; 3]",
        "dyn bank::Store",
        "bank::main::{{closure}}",
        "<bank::Account as bank::Store>::open::Local",
    ] {
        assert_eq!(without_path(full), full);
    }
}
