//! Prints how long each account is, and what becomes of the messages that wait behind a failure.

use bank::{for_each_framework, framework::Bank, lines, pending};

fn main() {
    // The panics are part of it, and their text is in the table.
    std::panic::set_hook(Box::new(|_| ()));
    println!("| | code lines |\n|---|---:|");
    for (name, source) in lines::SOURCES {
        println!("| {name} | {} |", lines::count(source));
    }
    println!();
    println!("Five messages wait behind one poisonous one, or two; how many are handled:\n");
    println!(
        "| | told, behind one | told, behind two | asked, behind one | asked, behind two | the poison's asker is told |"
    );
    println!("|---|---|---|---|---|---|");
    macro_rules! row {
        ($name:ident, $bank:ty) => {
            let asked = pending::asked::<$bank>(1);
            let why = asked.poison.clone().expect_err("poison has no answer").0;
            println!(
                "| {} | {} | {} | {asked} | {} | {why} |",
                <$bank>::NAME,
                pending::told::<$bank>(1),
                pending::told::<$bank>(2),
                pending::asked::<$bank>(2),
            );
        };
    }
    for_each_framework!(row);
}
