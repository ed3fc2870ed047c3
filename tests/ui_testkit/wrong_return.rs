// What `#[postbox::test]` writes; the test itself is compiled by `cargo test` alone.
async fn deposits_add_up() -> u32 {
    3
}

fn main() {
    postbox::testkit::run(|_system| deposits_add_up());
}
