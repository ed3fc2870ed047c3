//! Sleeping barber: a factory starts `N` customers, one actor each, and sends them to a waiting room with `W` seats;
//! who finds it full goes back to the factory, which sends it again. The room wakes the barber, who serves one after
//! the other.
//!
//! Measures actors that are started under way, and a protocol of five roles. Published: `N` = 5000, `W` = 1000, and
//! a factory and a barber that are busy with up to 1009 random numbers for each customer.
//! One operation: a haircut, from the start of the customer to its end. Checked: each customer has had one, the
//! barber never served somebody while it slept, and never more than `W` wait.
//! Two things are not as published. The factory makes one customer after the other in one handler there; here it
//! tells itself to go on after each, or on one thread nobody would be served before all customers were there. And the
//! barber tells the room that it is free before it tells the customer that it is done: else the room could be ended
//! first.
//! Full mailboxes: the factory and the room tell themselves something. So both mailboxes have room for all messages
//! there can be: one for each customer, and a few more.

use std::{collections::VecDeque, marker::PhantomData, time::Instant};

use crate::{
    framework::{Cx, Framework, Role, asked_nothing},
    kit::{CAPACITY, Random, Report, busy},
    plan::Sample,
};

/// `W`
const SEATS: usize = 1000;
/// The most random numbers that a customer, or a haircut, takes, but for ten.
const BUSY: u64 = 1000;

struct Room<F: Framework> {
    waiting: VecDeque<F::Ref<Customer<F>>>,
    asleep: bool,
    barber: F::Ref<Barber<F>>,
}

enum Wait<F: Framework> {
    Enter(F::Ref<Customer<F>>),
    /// The barber is free.
    Next,
    End,
}

impl<F: Framework> Role<F> for Room<F> {
    type Msg = Wait<F>;

    async fn on(&mut self, msg: Wait<F>, cx: &mut impl Cx<F, Self>) {
        match msg {
            Wait::Enter(customer) if self.waiting.len() == SEATS => {
                F::tell(&customer, Visit::Full).await;
            }
            Wait::Enter(customer) => {
                if self.asleep {
                    self.asleep = false;
                    F::tell(&cx.me(), Wait::Next).await;
                } else {
                    F::tell(&customer, Visit::Wait).await;
                }
                self.waiting.push_back(customer);
            }
            Wait::Next => match self.waiting.pop_front() {
                Some(customer) => F::tell(&self.barber, Cut::Enter(customer, cx.me())).await,
                None => {
                    self.asleep = true;
                    F::tell(&self.barber, Cut::Sleep).await;
                }
            },
            Wait::End => {
                assert!(self.waiting.is_empty(), "somebody still waits");
                F::tell(&self.barber, Cut::End).await;
                cx.stop();
            }
        }
    }

    asked_nothing!();
}

struct Barber<F: Framework> {
    random: Random,
    cuts: u64,
    report: Report<u64>,
    room: PhantomData<fn() -> F>,
}

enum Cut<F: Framework> {
    Enter(F::Ref<Customer<F>>, F::Ref<Room<F>>),
    Sleep,
    End,
}

impl<F: Framework> Role<F> for Barber<F> {
    type Msg = Cut<F>;

    async fn on(&mut self, msg: Cut<F>, cx: &mut impl Cx<F, Self>) {
        match msg {
            Cut::Enter(customer, room) => {
                F::tell(&customer, Visit::Start).await;
                busy(self.random.below(BUSY) + 10);
                self.cuts += 1;
                F::tell(&room, Wait::Next).await;
                F::tell(&customer, Visit::Done).await;
            }
            Cut::Sleep => {}
            Cut::End => {
                self.report.send(self.cuts);
                cx.stop();
            }
        }
    }

    asked_nothing!();
}

struct Factory<F: Framework> {
    random: Random,
    of: u64,
    /// Whoever is referred to by nobody ends, in two of the frameworks.
    customers: Vec<F::Ref<Customer<F>>>,
    served: u64,
    room: F::Ref<Room<F>>,
    report: Report<u64>,
}

enum Make<F: Framework> {
    /// The next customer.
    Customer,
    Returned(F::Ref<Customer<F>>),
    Done,
}

impl<F: Framework> Role<F> for Factory<F> {
    type Msg = Make<F>;

    async fn on(&mut self, msg: Make<F>, cx: &mut impl Cx<F, Self>) {
        match msg {
            Make::Customer => {
                let customer = Customer::<F> { factory: cx.me(), stage: Stage::Outside };
                let customer = F::spawn(customer, CAPACITY).await;
                self.customers.push(customer.clone());
                F::tell(&self.room, Wait::Enter(customer)).await;
                busy(self.random.below(BUSY) + 10);
                if (self.customers.len() as u64) < self.of {
                    F::tell(&cx.me(), Make::Customer).await;
                }
            }
            Make::Returned(customer) => F::tell(&self.room, Wait::Enter(customer)).await,
            Make::Done => {
                self.served += 1;
                if self.served == self.of {
                    F::tell(&self.room, Wait::End).await;
                    self.report.send(self.served);
                    self.customers.clear();
                    cx.stop();
                }
            }
        }
    }

    asked_nothing!();
}

struct Customer<F: Framework> {
    factory: F::Ref<Factory<F>>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Outside,
    Served,
}

enum Visit {
    Full,
    Wait,
    Start,
    Done,
}

impl<F: Framework> Role<F> for Customer<F> {
    type Msg = Visit;

    async fn on(&mut self, msg: Visit, cx: &mut impl Cx<F, Self>) {
        match msg {
            Visit::Full => F::tell(&self.factory, Make::Returned(cx.me())).await,
            Visit::Wait => assert_eq!(self.stage, Stage::Outside),
            Visit::Start => {
                assert_eq!(self.stage, Stage::Outside, "served twice");
                self.stage = Stage::Served;
            }
            Visit::Done => {
                assert_eq!(self.stage, Stage::Served, "done before it was served");
                F::tell(&self.factory, Make::Done).await;
                cx.stop();
            }
        }
    }

    asked_nothing!();
}

pub async fn run<F: Framework>(haircuts: u64) -> Sample {
    let all = usize::try_from(haircuts).expect("a number of actors") + CAPACITY;
    let (report, cuts) = Report::new();
    let barber = Barber::<F> { random: Random::new(1), cuts: 0, report, room: PhantomData };
    let barber = F::spawn(barber, CAPACITY).await;
    let room = F::spawn(Room::<F> { waiting: VecDeque::new(), asleep: true, barber }, all).await;
    let (report, served) = Report::new();
    let factory =
        Factory::<F> { random: Random::new(2), of: haircuts, customers: Vec::new(), served: 0, room, report };
    let factory = F::spawn(factory, all).await;
    let start = Instant::now();
    F::tell(&factory, Make::Customer).await;
    let served = served.await.expect("all are served");
    let sample = Sample::since(start, haircuts);
    assert_eq!(served, haircuts);
    assert_eq!(cuts.await.expect("the barber ends"), haircuts);
    sample
}
