use postbox::prelude::*;

#[derive(Actor)]
struct Parser<'a> {
    text: &'a str,
}

fn main() {
    let parser = Parser { text: "" };
    let _ = parser.text;
    let _ = parser.spawn();
}
