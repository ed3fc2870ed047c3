#[postbox::test(flavor = "multi_thread")]
async fn deposits_add_up() {}

fn main() {}
