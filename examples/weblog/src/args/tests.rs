//! Command lines, right and wrong.

use super::*;

fn run(args: &[&str]) -> Options {
    match parse(args.iter().map(OsString::from)) {
        Ok(Command::Run(options)) => options,
        other => panic!("{other:?}"),
    }
}

fn error(args: &[&str]) -> String {
    parse(args.iter().map(OsString::from)).unwrap_err().to_string()
}

#[test]
fn without_arguments_standard_input_is_read() {
    let expected = Options { json: false, top: 10, parsers: None, sources: vec![Source::Stdin] };
    assert_eq!(run(&[]), expected);
}

#[test]
fn options_and_files_may_come_in_any_order() {
    let options = run(&["a.log", "--top", "3", "-", "--json", "--parsers=2", "--", "--b.log"]);
    assert!(options.json);
    assert_eq!((options.top, options.parsers), (3, Some(2)));
    let sources = [Source::File("a.log".into()), Source::Stdin, Source::File("--b.log".into())];
    assert_eq!(options.sources, sources);
}

#[test]
fn help_wins_over_what_follows_it() {
    assert_eq!(parse(["--help", "--nonsense"].map(OsString::from)).unwrap(), Command::Help);
}

#[test]
fn mistakes_are_named() {
    assert_eq!(error(&["--nonsense"]), "invalid option '--nonsense'");
    assert_eq!(error(&["-x"]), "invalid option '-x'");
    assert_eq!(error(&["--top"]), "missing argument for option '--top'");
    assert_eq!(error(&["--json=yes"]), "unexpected argument for option '--json': \"yes\"");
    assert_eq!(error(&["--parsers", "0"]), "--parsers needs a number from 1 to 1024, not '0'");
    assert_eq!(error(&["--parsers", "many"]), "--parsers needs a number from 1 to 1024, not 'many'");
}
