use postbox::prelude::*;

struct Parser<'a> {
    text: &'a str,
}

#[messages]
impl<'a> Parser<'a> {
    #[message]
    fn rest(&self) -> usize {
        self.text.len()
    }
}

fn main() {
    Parser { text: "" }.rest();
}
