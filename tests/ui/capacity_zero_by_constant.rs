use postbox::prelude::*;

const ROOM: usize = 1;

#[derive(Actor)]
#[actor(capacity = ROOM - 1)]
struct Account;

fn main() {}
