use postbox::testkit::TestSystem;

#[postbox::test]
fn deposits_add_up(_sys: TestSystem) {}

fn main() {}
