use postbox::prelude::*;

use std::cell::Cell;

struct Local(std::marker::PhantomData<*const Cell<u8>>);

#[derive(Message)]
struct Rename {
    local: Local,
}

fn main() {
    let _ = Rename { local: Local(std::marker::PhantomData) }.local.0;
}
