use super::nearest;

#[test]
fn a_slip_of_two_letters_is_understood() {
    assert_eq!(nearest("messge", &["message", "handler"]), Some("message"));
    assert_eq!(nearest("mesasge", &["message", "handler"]), Some("message"));
    assert_eq!(nearest("time_out", &["retry", "timeout"]), Some("timeout"));
}

#[test]
fn another_word_is_left_alone() {
    assert_eq!(nearest("inline", &["message", "handler"]), None);
    assert_eq!(nearest("cap", &["api"]), None);
}
