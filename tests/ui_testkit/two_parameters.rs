use postbox::testkit::TestSystem;

#[postbox::test]
async fn deposits_add_up(_sys: TestSystem, _other: TestSystem) {}

fn main() {}
