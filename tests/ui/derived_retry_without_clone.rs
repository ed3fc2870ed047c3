use postbox::prelude::*;

#[derive(Message)]
#[message(retry = 3)]
struct Clear;

fn main() {
    let _ = Clear;
}
