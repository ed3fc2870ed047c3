use postbox::prelude::*;

#[derive(Message)]
struct Parse<'a> {
    text: &'a str,
}

fn main() {
    let _ = Parse { text: "" }.text;
}
