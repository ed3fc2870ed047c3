#[postbox::test]
struct DepositsAddUp;

fn main() {}
