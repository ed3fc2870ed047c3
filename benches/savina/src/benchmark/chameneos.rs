//! Chameneos: `N` creatures of three colours come to a mall, which brings two at a time together; both take a new
//! colour and come again, until there have been `M` meetings.
//!
//! Measures contention for one mailbox, and symmetric cooperation. Published: `N` = 100, `M` = 200,000.
//! One operation: a meeting. Checked: all creatures together have been in 2 `M` meetings, and nobody met itself.
//! Full mailboxes: a creature has one message on its way to the mall at a time, and at most two on the way to it,
//! so none ever is full.

use std::time::Instant;

use crate::{
    framework::{Cx, Framework, Role, asked_nothing},
    kit::{CAPACITY, Report},
    plan::Sample,
};

/// `N`
const CREATURES: usize = 100;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Colour {
    Blue,
    Red,
    Yellow,
}

impl Colour {
    const ALL: [Self; 3] = [Self::Blue, Self::Red, Self::Yellow];

    /// Two of one colour keep it, two others become the third.
    fn with(self, other: Self) -> Self {
        if self == other {
            return self;
        }
        let third = |colour: &Self| *colour != self && *colour != other;
        Self::ALL.into_iter().find(third).expect("there are three")
    }
}

/// Who comes to the mall, or meets somebody there.
struct Guest<F: Framework> {
    number: usize,
    colour: Colour,
    creature: F::Ref<Creature<F>>,
}

struct Mall<F: Framework> {
    left: u64,
    waiting: Option<F::Ref<Creature<F>>>,
    faded: usize,
    meetings: u64,
    report: Report<u64>,
}

enum Visit<F: Framework> {
    Meet(Guest<F>),
    /// The creature has faded after so many.
    Meetings(u64),
}

impl<F: Framework> Role<F> for Mall<F> {
    type Msg = Visit<F>;

    async fn on(&mut self, msg: Visit<F>, cx: &mut impl Cx<F, Self>) {
        match msg {
            Visit::Meet(guest) if self.left == 0 => F::tell(&guest.creature, Life::Fade).await,
            Visit::Meet(guest) => match self.waiting.take() {
                None => self.waiting = Some(guest.creature),
                Some(first) => {
                    self.left -= 1;
                    F::tell(&first, Life::Meet(guest)).await;
                }
            },
            Visit::Meetings(count) => {
                self.meetings += count;
                self.faded += 1;
                if self.faded == CREATURES {
                    self.report.send(self.meetings);
                    cx.stop();
                }
            }
        }
    }

    asked_nothing!();
}

struct Creature<F: Framework> {
    number: usize,
    colour: Colour,
    meetings: u64,
    mall: F::Ref<Mall<F>>,
}

enum Life<F: Framework> {
    Start,
    /// The second of a meeting, to the first.
    Meet(Guest<F>),
    /// The first to the second: its new colour.
    Change(Colour),
    Fade,
}

impl<F: Framework> Creature<F> {
    fn guest(&self, cx: &impl Cx<F, Self>) -> Guest<F> {
        Guest { number: self.number, colour: self.colour, creature: cx.me() }
    }
}

impl<F: Framework> Role<F> for Creature<F> {
    type Msg = Life<F>;

    async fn on(&mut self, msg: Life<F>, cx: &mut impl Cx<F, Self>) {
        match msg {
            Life::Start => {}
            Life::Meet(other) => {
                assert_ne!(other.number, self.number, "nobody meets itself");
                self.colour = self.colour.with(other.colour);
                self.meetings += 1;
                F::tell(&other.creature, Life::Change(self.colour)).await;
            }
            Life::Change(colour) => {
                self.colour = colour;
                self.meetings += 1;
            }
            Life::Fade => {
                F::tell(&self.mall, Visit::Meetings(self.meetings)).await;
                cx.stop();
                return;
            }
        }
        F::tell(&self.mall, Visit::Meet(self.guest(cx))).await;
    }

    asked_nothing!();
}

pub async fn run<F: Framework>(meetings: u64) -> Sample {
    let (report, result) = Report::new();
    let mall = Mall::<F> { left: meetings, waiting: None, faded: 0, meetings: 0, report };
    let mall = F::spawn(mall, CAPACITY).await;
    let mut creatures = Vec::new();
    for (number, &colour) in Colour::ALL.iter().cycle().take(CREATURES).enumerate() {
        let creature = Creature::<F> { number, colour, meetings: 0, mall: mall.clone() };
        creatures.push(F::spawn(creature, CAPACITY).await);
    }
    let start = Instant::now();
    for creature in &creatures {
        F::tell(creature, Life::Start).await;
    }
    let counted = result.await.expect("all fade");
    let sample = Sample::since(start, meetings);
    assert_eq!(counted, 2 * meetings);
    sample
}
