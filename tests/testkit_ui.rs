//! What the compiler says to a test that cannot be one.

#[test]
fn each_mistake_is_told_what_to_write() {
    trybuild::TestCases::new().compile_fail("tests/ui_testkit/*.rs");
}
