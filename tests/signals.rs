//! A program that ends on the word of its operator (feature `signal`).
//!
//! Without the test harness: each test starts this very program once more, as the one that gets the signals.
#![expect(clippy::print_stdout, reason = "the program talks to the test that started it")]

#[cfg(unix)]
#[path = "support/lab.rs"]
mod lab;

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("idle") => program(false),
        Some("stuck") => program(true),
        _ => {
            for (name, test) in [
                (
                    "sigterm_shuts_the_system_down_and_the_program_reports_it",
                    sigterm_shuts_the_system_down_and_the_program_reports_it as fn(),
                ),
                (
                    "sigint_shuts_the_system_down_and_the_program_reports_it",
                    sigint_shuts_the_system_down_and_the_program_reports_it,
                ),
                (
                    "a_second_signal_kills_what_has_not_stopped_yet",
                    a_second_signal_kills_what_has_not_stopped_yet,
                ),
            ] {
                test();
                println!("test {name} ... ok");
            }
        }
    }
}

#[cfg(unix)]
fn sigterm_shuts_the_system_down_and_the_program_reports_it() {
    let mut program = Program::start("idle");
    program.wait_for("listening");
    program.signal("TERM");
    assert_eq!(program.rest(), ["2 stopped, 0 killed, 0 detached; clean: true, handled 1"]);
}

#[cfg(unix)]
fn sigint_shuts_the_system_down_and_the_program_reports_it() {
    let mut program = Program::start("idle");
    program.wait_for("listening");
    program.signal("INT");
    assert_eq!(program.rest(), ["2 stopped, 0 killed, 0 detached; clean: true, handled 1"]);
}

#[cfg(unix)]
fn a_second_signal_kills_what_has_not_stopped_yet() {
    let mut program = Program::start("stuck");
    program.wait_for("listening");
    program.signal("TERM");
    program.wait_for("stopping");
    program.signal("INT");
    assert_eq!(program.rest(), ["0 stopped, 1 killed, 0 detached; clean: false, handled 1"]);
}

/// What gets the signals: an actor that waits for ever in its handler, if `stuck`, and another above it.
#[cfg(unix)]
fn program(stuck: bool) {
    use lab::{Hold, Lab, Note, secs};
    use postbox::prelude::*;
    use tokio_test::{assert_pending, task};

    /// Says that the shutdown has come to it: it is the youngest, and the first to stop.
    struct Herald;
    impl Actor for Herald {
        async fn stopped(&mut self, _ctx: &mut Context<Self>, _reason: &StopReason) {
            println!("stopping");
        }
    }

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let lab = Lab::new("program");
        let first = lab.probe("a");
        first.ask(Note(1)).await.unwrap();
        if stuck {
            first.try_tell(Hold(0)).unwrap();
            lab.diary.entered().await;
        }
        let herald = if stuck { Some(Herald.prepare().system(&lab.system).spawn().unwrap()) } else { None };
        let second = if stuck { None } else { Some(lab.probe("b")) };
        // An hour: no test waits for it.
        let mut shutdown = task::spawn(lab.system.shutdown_on_signal(secs(3600)));
        assert_pending!(shutdown.poll());
        println!("listening");
        let report = shutdown.await.unwrap();
        let [stopped, killed, detached] = [&report.stopped, &report.killed, &report.detached].map(Vec::len);
        let (clean, handled) = (report.is_clean(), report.ledger.handled);
        println!(
            "{stopped} stopped, {killed} killed, {detached} detached; clean: {clean}, handled {handled}"
        );
        drop((first, second, herald));
    });
}

/// This program once more.
#[cfg(unix)]
struct Program {
    process: std::process::Child,
    lines: std::io::Lines<std::io::BufReader<std::process::ChildStdout>>,
}

#[cfg(unix)]
impl Program {
    fn start(how: &str) -> Self {
        use std::{io::BufRead, process};
        let own = std::env::current_exe().unwrap();
        let mut process =
            process::Command::new(own).arg(how).stdout(process::Stdio::piped()).spawn().unwrap();
        let lines = std::io::BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines }
    }

    fn wait_for(&mut self, word: &str) {
        assert_eq!(self.lines.next().unwrap().unwrap(), word);
    }

    fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        assert!(std::process::Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// What it says before it ends, well.
    fn rest(mut self) -> Vec<String> {
        let lines = self.lines.by_ref().collect::<Result<_, _>>().unwrap();
        assert!(self.process.wait().unwrap().success());
        lines
    }
}
