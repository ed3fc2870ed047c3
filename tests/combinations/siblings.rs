//! The group that a subject restarts with: one that is older, and one that is younger.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};

use postbox::{SupervisorBuilder, prelude::*};
use tokio::task::yield_now;

use crate::subject::Script;

/// Who restarts with a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Alone,
    /// Its elder, itself, and the younger one.
    All,
    /// Itself and the younger one.
    Rest,
}

impl Group {
    pub(crate) fn builder(self) -> SupervisorBuilder {
        match self {
            Self::Alone => Supervisor::one_for_one(),
            Self::All => Supervisor::one_for_all(),
            Self::Rest => Supervisor::rest_for_one(),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Age {
    Elder,
    Younger,
}

/// What is seen of the two.
struct Book {
    script: Arc<Script>,
    alive: [AtomicU32; 2],
    made: [AtomicU32; 2],
    done: [Mutex<Vec<u32>>; 2],
    wrong: Mutex<Vec<String>>,
}

impl Book {
    fn check(&self, holds: bool, what: &str) {
        if !holds {
            self.wrong.lock().unwrap().push(what.to_owned());
        }
    }

    fn alive(&self, age: Age) -> u32 {
        self.alive[age as usize].load(Ordering::SeqCst)
    }

    fn subjects(&self) -> u32 {
        self.script.alive.load(Ordering::SeqCst)
    }
}

struct Sibling {
    age: Age,
    book: Arc<Book>,
}

impl Sibling {
    fn new(age: Age, book: &Arc<Book>) -> Self {
        let again = book.made[age as usize].fetch_add(1, Ordering::SeqCst) > 0;
        let alone = book.alive[age as usize].fetch_add(1, Ordering::SeqCst) == 0;
        book.check(alone, "two incarnations of a sibling at once");
        // contract §5: in start order, each after the previous one's `started`.
        match age {
            Age::Elder if again => {
                let first = book.subjects() == 0 && book.alive(Age::Younger) == 0;
                book.check(first, "the elder starts beside one that is to start after it");
            }
            Age::Younger if again => {
                // One that has ended for good is not waited for.
                let last = book.alive(Age::Elder) == 1;
                book.check(last, "the younger starts before its elder");
            }
            _ => {}
        }
        Self { age, book: Arc::clone(book) }
    }
}

impl Actor for Sibling {
    async fn stopped(&mut self, _ctx: &mut Context<Self>, _reason: &StopReason) {
        yield_now().await;
    }
}

impl Drop for Sibling {
    fn drop(&mut self) {
        self.book.alive[self.age as usize].fetch_sub(1, Ordering::SeqCst);
        // contract §5: in reverse start order, one at a time, each to its end.
        match self.age {
            Age::Elder => {
                let last = self.book.subjects() == 0 && self.book.alive(Age::Younger) == 0;
                self.book.check(last, "the elder ends before one that started after it");
            }
            Age::Younger => {
                self.book.check(self.book.alive(Age::Elder) == 1, "the younger ends after its elder");
            }
        }
    }
}

struct Chore(u32);

impl Message for Chore {
    type Reply = ();
}

impl Handler<Chore> for Sibling {
    async fn handle(&mut self, msg: Chore, _ctx: &mut Context<Self>) {
        yield_now().await;
        self.book.done[self.age as usize].lock().unwrap().push(msg.0);
    }
}

const CHORES: [u32; 3] = [1, 2, 3];

/// The siblings of a subject: the elder is there before it, the younger after it.
pub(crate) struct Siblings {
    group: Group,
    book: Arc<Book>,
    all: Vec<ActorRef<Sibling>>,
}

impl Siblings {
    pub(crate) async fn new(group: Group, script: &Arc<Script>, tree: &ActorRef<Supervisor>) -> Self {
        let book = Arc::new(Book {
            script: Arc::clone(script),
            alive: Default::default(),
            made: Default::default(),
            done: Default::default(),
            wrong: Mutex::default(),
        });
        let mut siblings = Self { group, book, all: Vec::new() };
        siblings.add(Age::Elder, tree).await;
        siblings
    }

    pub(crate) async fn add_younger(&mut self, tree: &ActorRef<Supervisor>) {
        self.add(Age::Younger, tree).await;
    }

    async fn add(&mut self, age: Age, tree: &ActorRef<Supervisor>) {
        if self.group != Group::Alone {
            let book = Arc::clone(&self.book);
            let name = if age == Age::Elder { "elder" } else { "younger" };
            let sibling = child(name, move || Sibling::new(age, &book));
            self.all.push(tree.spawn(sibling).await.expect("it starts"));
        }
    }

    /// Gives each of them something to do before the case begins.
    pub(crate) fn keep_busy(&self) {
        for sibling in &self.all {
            for number in CHORES {
                sibling.try_tell(Chore(number)).expect("there is room");
            }
        }
    }

    /// What is wrong with them, when their supervisor serves and has seen `restarts` of the subject's ends.
    pub(crate) async fn check(&self, restarts: u32, at_gate: bool) -> Vec<String> {
        let Self { group, book, all } = self;
        let made = |age: Age| book.made[age as usize].load(Ordering::SeqCst) - 1;
        if *group != Group::Alone {
            for sibling in all {
                book.check(sibling.ask(Chore(4)).await.is_ok(), "a sibling does not serve");
            }
            for done in &book.done {
                book.check(*done.lock().unwrap() == [1, 2, 3, 4], "a sibling has lost something");
            }
            let elder = match group {
                // One that is killed at the gate has had no incarnation that could be charged.
                Group::All if at_gate => (1..=restarts).contains(&made(Age::Elder)) || restarts == 0,
                Group::All => made(Age::Elder) == restarts,
                _ => made(Age::Elder) == 0,
            };
            let younger = if restarts > 0 { made(Age::Younger) > 0 } else { made(Age::Younger) == 0 };
            if !elder || !younger {
                let made = (made(Age::Elder), made(Age::Younger));
                book.check(false, &format!("of {restarts} restarts its siblings have seen {made:?}"));
            }
        }
        std::mem::take(&mut *book.wrong.lock().unwrap())
    }

    /// What is wrong with them when all is over.
    pub(crate) fn wrong(&self) -> Vec<String> {
        let left = self.book.alive(Age::Elder) + self.book.alive(Age::Younger);
        self.book.check(left == 0, "siblings left");
        std::mem::take(&mut *self.book.wrong.lock().unwrap())
    }
}
