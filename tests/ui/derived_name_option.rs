use postbox::prelude::*;

#[derive(Message)]
#[message(name = Empty)]
struct Clear;

fn main() {
    let _ = Clear;
}
