//! What the compiler says to a mistake: one mistake a file, one error each, and the code around it compiles.

use std::{fs, path::Path};

#[test]
fn each_mistake_is_told_what_to_write() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}

#[test]
fn one_mistake_is_one_error() {
    let others = [
        // The one file with more than one mistake: all are told at once.
        ("all_at_once", 5),
        // rustc checks the header of the impl and the reply of its method apart, and both need the message.
        ("handler_of_no_message", 2),
        // It checks the bound of a method at the argument, and again at the await.
        ("no_handler_awaited", 2),
        // And that of an async method in the type of its future as well.
        ("child_option", 3),
        ("child_value", 3),
        ("child_wrong_error", 3),
        // And that of `Context` and `ActorRef` at each place where they stand.
        ("messages_of_no_actor", 4),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let mut seen = 0;
    for entry in fs::read_dir(folder).expect("the folder of the cases is checked in") {
        let path = entry.expect("it can be listed").path();
        if path.extension().is_none_or(|extension| extension != "stderr") {
            continue;
        }
        let name = path.file_stem().expect("every case has a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("trybuild writes UTF-8");
        let errors = text.lines().filter(|line| line.starts_with("error")).count();
        let expected = others.iter().find(|(other, _)| *other == name).map_or(1, |(_, errors)| *errors);
        assert_eq!(errors, expected, "{name}");
        seen += 1;
    }
    assert!(seen >= 90, "only {seen} cases");
}
