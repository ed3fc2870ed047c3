// What `#[postbox::test]` writes; the test itself is compiled by `cargo test` alone.
async fn deposits_add_up(_sys: postbox::System) {}

fn main() {
    postbox::testkit::run(deposits_add_up);
}
