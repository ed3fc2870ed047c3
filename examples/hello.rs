//! The smallest actor: state, a method that is a message, and a caller that awaits it.
//!
//! What to notice: `greet` is an ordinary method. Called on the reference it becomes a message, and awaited
//! it is an ask.
#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use postbox::prelude::*;

#[derive(Actor, Default)]
struct Greeter {
    greeted: u32,
}

#[messages]
impl Greeter {
    /// Greets, and says how many it has greeted.
    #[message]
    fn greet(&mut self, name: String) -> String {
        self.greeted += 1;
        format!("hello {name}, you are number {}", self.greeted)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let greeter = Greeter::default().spawn();
    println!("{}", greeter.greet("Ada".to_owned()).await?);
    println!("{}", greeter.greet("Grace".to_owned()).await?);
    Ok(())
}
