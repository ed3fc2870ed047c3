use std::rc::Rc;

use postbox::prelude::*;

#[derive(Actor)]
struct Account {
    names: Rc<Vec<String>>,
}

fn main() {
    let _ = Account { names: Rc::default() }.names.len();
}
