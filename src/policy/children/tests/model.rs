//! Groups whose children do as they are told, at any pace and in any order.

use proptest::{
    prelude::{ProptestConfig, prop},
    prop_assert, proptest,
};

use super::super::*;
use Restart::{Permanent, Temporary, Transient};
use Strategy::{OneForAll, RestForOne};

/// What a child that does as it is told can do next.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Body {
    /// At the gate, or told nothing yet.
    AtGate,
    Starting,
    Serving,
    /// With the answer in hand: to the gate next.
    Ending,
    /// To be forgotten next.
    Leaving,
    Over,
}

/// Children that do as they are told, at any pace and in any order; and the rules they are held to.
struct World {
    table: Children<()>,
    bodies: Vec<(Body, bool)>,
    now: Instant,
}

impl World {
    fn act(&mut self, step: Option<Step>) {
        match step {
            Some(Step::End(number)) => {
                let told = self.bodies.iter().filter(|(_, told)| *told).count();
                assert_eq!(told, 0, "one at a time");
                let (body, told) = &mut self.bodies[at(number)];
                assert!(!matches!(body, Body::Ending | Body::Leaving | Body::Over), "{number} is {body:?}");
                *told = true;
            }
            Some(Step::Open(number)) => {
                let from = at(self.table.group.as_ref().expect("a group restarts").from);
                for (other, (body, _)) in self.bodies.iter().enumerate().take(at(number)).skip(from) {
                    assert_ne!(*body, Body::Starting, "{other} has not started before {number}");
                }
            }
            Some(Step::StopSupervisor) => panic!("nobody is significant"),
            None => {}
        }
    }

    /// The child does the `choice`-th of the things it can do.
    fn go(&mut self, number: u64, choice: u8, calm: bool) {
        let (body, told) = self.bodies[at(number)];
        let exit = match choice % 4 {
            _ if told => Exit::Bystander,
            0 => Exit::Stopped,
            1 => Exit::Killed,
            _ => Exit::Failed { charge: choice.is_multiple_of(3) },
        };
        match body {
            Body::AtGate if self.table.gate(number).is_some() => self.bodies[at(number)].0 = Body::Starting,
            Body::AtGate | Body::Over => {}
            Body::Starting | Body::Serving if told || (!calm && choice >= 8) => {
                let answer = self.table.exited(number, exit, self.now, 0.0);
                self.bodies[at(number)].0 = match answer {
                    Answer::Restart { .. } => Body::Starting,
                    Answer::Group { .. } | Answer::Join => Body::Ending,
                    Answer::End => Body::Leaving,
                    Answer::Escalate { .. } => panic!("the limit is high"),
                };
            }
            Body::Starting => {
                self.bodies[at(number)].0 = Body::Serving;
                let step = self.table.started(number, self.now);
                self.act(step);
            }
            Body::Serving => {}
            Body::Ending => {
                self.bodies[at(number)] = (Body::AtGate, false);
                let step = self.table.waits(number, self.now);
                self.act(step);
            }
            Body::Leaving => {
                self.bodies[at(number)] = (Body::Over, false);
                let (_, step) = self.table.gone(number, self.now);
                self.act(step);
            }
        }
    }
}

fn at(number: u64) -> usize {
    usize::try_from(number).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever fails, and whenever: once it is calm, everybody who is to serve comes to serve.
    #[test]
    fn a_group_restart_always_comes_to_its_end(
        one_for_all: bool,
        restarts in prop::collection::vec(0_u8..3, 1..6),
        moves in prop::collection::vec((0_u64..6, 0_u8..32), 0..200),
    ) {
        let strategy = if one_for_all { OneForAll } else { RestForOne };
        let supervision = Supervision { strategy, ..Supervision::default() };
        let table = Children::new(supervision.limit(10_000, Duration::from_secs(1)));
        let mut world = World { table, bodies: Vec::new(), now: Instant::now() };
        for restart in &restarts {
            let restart = [Permanent, Transient, Temporary][usize::from(*restart)];
            world.table.admit((), restart, false);
            world.bodies.push((Body::AtGate, false));
        }
        let all = world.bodies.len() as u64;
        for (number, choice) in moves {
            world.go(number % all, choice, false);
        }
        for _ in 0..6 * all + 6 {
            (0..all).for_each(|number| world.go(number, 0, true));
        }
        for (number, (body, told)) in world.bodies.iter().enumerate() {
            prop_assert!(matches!(body, Body::Serving | Body::Over), "{number} is {body:?}");
            prop_assert!(!told);
        }
        prop_assert!(world.table.group.is_none());
    }
}
