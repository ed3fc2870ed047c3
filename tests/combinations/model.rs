//! What the contract says of a case, as a pure function of it.

use std::collections::VecDeque;

use postbox::Reason;

use crate::case::{ASKED, Again, Behind, Case, From, Kind, Part, Point, Type};

/// Stands for the message in a letter that does not hold it.
pub(crate) const TOMBSTONE: u32 = 0;
/// How an actor ends that is restarted once too often.
const RESTART_LIMIT: &str = "restart limit";

/// What an asker was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Reply,
    Failed,
    Aborted,
    HandedBack,
    TimedOut { started: bool },
    Other(String),
}

/// All that can be seen of how a case went. Messages of senders who had to wait for room, or came late, are in it
/// only where the actor serves at the end: whether one got in before the close is chance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Story {
    /// How often the point went wrong.
    pub(crate) hits: u32,
    /// The messages whose handlers began, in order.
    pub(crate) runs: Vec<u32>,
    pub(crate) letters: Vec<(u32, Reason)>,
    pub(crate) late_replies: u64,
    pub(crate) handled: u64,
    pub(crate) returned: u64,
    /// What the asker of the message in hand was told, if one still was there.
    pub(crate) in_flight: Option<Answer>,
    /// The same of the ask behind it.
    pub(crate) queued: Option<Answer>,
    /// How many states were made.
    pub(crate) made: u32,
    /// What the `stopped` hooks were told.
    pub(crate) stopped: Vec<&'static str>,
    /// How many restarts the supervisor was charged.
    pub(crate) charges: u32,
    /// How many incarnations came after the first, or were to.
    pub(crate) restarts: u32,
    /// How it has ended. `None`: it serves.
    pub(crate) end: Option<&'static str>,
    /// How many notices its watcher got.
    pub(crate) notices: u32,
    /// How many children it has.
    pub(crate) children: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Exit {
    Failed { charge: bool },
    Killed,
    Stopped,
    Shutdown,
    Released,
}

impl Exit {
    const fn word(self) -> &'static str {
        match self {
            Self::Failed { .. } => "failed",
            Self::Killed => "killed",
            Self::Stopped => "stopped",
            Self::Shutdown => "shutdown",
            Self::Released => "released",
        }
    }
}

/// contract §5 and §7: after which ends it starts again.
fn starts_again(of: Type, exit: Exit) -> bool {
    match of {
        Type::Permanent => exit != Exit::Shutdown,
        Type::Transient => matches!(exit, Exit::Failed { .. } | Exit::Killed),
        Type::Temporary | Type::Free => false,
    }
}

/// With so many restarts allowed; `None`: as many as it takes.
pub(crate) fn expected(case: Case, limit: Option<u32>) -> Story {
    let mut play = Play {
        case,
        limit,
        queue: [case.triggers(), case.notes()].concat().into(),
        stash: case.stash().to_vec(),
        kept: None,
        raised: None,
        sits: true,
        in_flight_gone: false,
        queued_gone: false,
        story: Story { made: 1, ..Story::default() },
    };
    if case.situation.behind == Behind::Ask {
        play.queue.push_back(ASKED);
    }
    play.live();
    play.story
}

struct Play {
    case: Case,
    limit: Option<u32>,
    queue: VecDeque<u32>,
    /// What is put aside. It is handled when it comes back.
    stash: Vec<u32>,
    /// The message that waits for its second attempt.
    kept: Option<u32>,
    /// A stop that has not had its effect yet.
    raised: Option<Kind>,
    /// Whether there is an incarnation, which is to be ended with its hook and its `Drop`.
    sits: bool,
    in_flight_gone: bool,
    queued_gone: bool,
    story: Story,
}

impl Play {
    fn live(&mut self) {
        let mut exit = self.notice().or_else(|| self.serve());
        while let Some(ended) = exit {
            if !starts_again(self.case.of, ended) {
                return self.end(ended, ended.word());
            }
            let charge = u32::from(ended != Exit::Failed { charge: false });
            if charge > 0 && Some(self.story.charges) == self.limit {
                return self.end(ended, RESTART_LIMIT);
            }
            self.story.charges += charge;
            self.story.restarts += 1;
            self.unstash();
            if std::mem::take(&mut self.sits) {
                self.story.stopped.push(ended.word());
                self.go_wrong_at(|point| point.part() == Part::End, &mut |play, kind| play.raise(kind));
            }
            // It is about the incarnation that ends, unless it is about the actor.
            if self.case.of == Type::Permanent && matches!(self.raised, Some(Kind::Stop | Kind::StopNow)) {
                self.raised = None;
            }
            if self.raised == Some(Kind::Kill) {
                self.raised = None;
            }
            exit = self.begin().or_else(|| self.serve());
        }
        self.story.children = u32::from(self.case.situation.company);
        // It has it back when it is asked whether it serves.
        for number in std::mem::take(&mut self.stash) {
            self.handle_note(number);
        }
    }

    /// contract §4: stash → queue. True: there was something.
    fn unstash(&mut self) -> bool {
        let back = std::mem::take(&mut self.stash);
        back.iter().rev().for_each(|number| self.queue.push_front(*number));
        !back.is_empty()
    }

    /// contract §7, stop: those accepted before the call are handled, what is put aside as well.
    /// Whether what is next was sent after the last stop.
    fn is_behind_the_stop(&self) -> bool {
        let late = (self.story.hits as usize).checked_sub(1).and_then(|hits| self.case.late().get(hits));
        late.is_some() && self.queue.front() == late
    }

    fn is_to_drain(&self) -> bool {
        matches!(self.raised, Some(Kind::Stop | Kind::Release)) && self.case.of != Type::Permanent
    }

    fn go_wrong_at(&mut self, is: impl Fn(Point) -> bool, how: &mut dyn FnMut(&mut Self, Kind)) -> bool {
        let goes_wrong = is(self.case.point) && self.story.hits < self.case.times();
        if goes_wrong {
            let late = self.case.late().get(self.story.hits as usize).copied();
            self.story.hits += 1;
            // contract §7: `stop` closes the mailbox at the call. A permanent child's never closes.
            if self.case.kind != Kind::Stop || self.case.of == Type::Permanent {
                self.queue.extend(late);
            }
            how(self, self.case.kind);
        }
        goes_wrong
    }

    /// What is done to the actor or its askers from outside.
    fn raise(&mut self, kind: Kind) {
        match kind {
            Kind::Panic | Kind::Error | Kind::Delay => {}
            Kind::Kill | Kind::StopNow | Kind::Stop | Kind::SupervisorStop | Kind::Release => {
                self.raised = Some(kind);
            }
            Kind::AskerDropped | Kind::AskerTimedOut => {
                let timed_out =
                    |started| (kind == Kind::AskerTimedOut).then_some(Answer::TimedOut { started });
                if self.case.has_ask() && self.story.queued.is_none() {
                    self.queued_gone = true;
                    self.story.queued = timed_out(false);
                }
                // One who has been told in this same poll does not hear it any more.
                let unheard = matches!(self.case.point, Point::FutureDropCut | Point::FutureDropDone)
                    || self.is_in_the_same_poll();
                if self.case.situation.asked && (unheard || self.story.in_flight.is_none()) {
                    self.in_flight_gone = true;
                    self.story.in_flight = timed_out(true);
                }
            }
        }
    }

    /// Whether the point comes in the same poll as the failure before it: nobody has heard of that yet.
    fn is_in_the_same_poll(&self) -> bool {
        self.case.point == Point::StoppedFirst && self.case.from == From::Within
    }

    fn tell_in_flight(&mut self, answer: Answer) {
        if self.case.situation.asked && !self.in_flight_gone {
            self.story.in_flight = Some(answer);
        }
    }

    /// contract §4: factory, then `started`.
    fn begin(&mut self) -> Option<Exit> {
        let permanent = self.case.of == Type::Permanent;
        let mut failed = false;
        let point = self.case.point;
        self.go_wrong_at(|point| point == Point::Factory, &mut |play, kind| {
            failed = matches!(kind, Kind::Panic | Kind::Error);
            play.raise(kind);
        });
        // Nothing has begun that would have to be finished.
        match self.raised {
            _ if failed => return Some(Exit::Failed { charge: true }),
            Some(Kind::Kill) => {
                self.raised = None;
                return Some(Exit::Killed);
            }
            Some(Kind::SupervisorStop) => return Some(Exit::Shutdown),
            Some(Kind::StopNow) => {
                self.raised = self.raised.filter(|_| !permanent);
                return Some(Exit::Stopped);
            }
            _ => {}
        }
        self.story.made += 1;
        self.sits = true;
        if point == Point::Factory {
            return None;
        }
        self.go_wrong_at(|point| point.part() == Part::Begin, &mut |play, kind| {
            failed = matches!(kind, Kind::Panic | Kind::Error);
            play.raise(kind);
        });
        if failed {
            return Some(Exit::Failed { charge: true });
        }
        // It is cut. Any other stop lets it finish.
        (self.raised == Some(Kind::Kill)).then(|| {
            self.raised = None;
            Exit::Killed
        })
    }

    fn notice(&mut self) -> Option<Exit> {
        let mut exit = None;
        self.go_wrong_at(|point| point == Point::Terminated, &mut |play, kind| match kind {
            Kind::Panic | Kind::Error => exit = Some(Exit::Failed { charge: true }),
            Kind::Kill => exit = Some(Exit::Killed),
            _ => play.raise(kind),
        });
        exit
    }

    /// `None`: it serves on.
    fn serve(&mut self) -> Option<Exit> {
        loop {
            match self.raised {
                Some(Kind::StopNow) => return Some(Exit::Stopped),
                Some(Kind::SupervisorStop) => return Some(Exit::Shutdown),
                _ => {}
            }
            // A stop that is not for good comes before what was sent after it.
            if self.kept.is_none() && self.raised == Some(Kind::Stop) && self.is_behind_the_stop() {
                return Some(Exit::Stopped);
            }
            let (number, attempt) = match (self.kept.take(), self.queue.pop_front()) {
                (Some(kept), next) => {
                    next.into_iter().for_each(|next| self.queue.push_front(next));
                    (kept, 2)
                }
                (None, Some(next)) => (next, 1),
                // Before an end for good it has once more what it has put aside.
                (None, None) if self.is_to_drain() && self.unstash() => continue,
                (None, None) => match self.raised {
                    Some(Kind::Stop) => return Some(Exit::Stopped),
                    Some(Kind::Release) => return Some(Exit::Released),
                    _ => return None,
                },
            };
            let exit = if self.case.triggers().contains(&number) {
                self.handle_trigger(number, attempt)
            } else {
                self.handle_note(number);
                None
            };
            if exit.is_some() {
                return exit;
            }
        }
    }

    fn handle_note(&mut self, number: u32) {
        if number == ASKED {
            if self.queued_gone {
                return self.story.letters.push((ASKED, Reason::Abandoned));
            }
            self.story.queued = Some(Answer::Reply);
        }
        self.story.runs.push(number);
        self.story.handled += 1;
    }

    /// contract §3 and §6.
    fn handle_trigger(&mut self, number: u32, attempt: u32) -> Option<Exit> {
        let Case { point, situation, .. } = self.case;
        if attempt == 2 && self.in_flight_gone {
            // Nobody waits for what was to be handled again.
            self.story.letters.push((number, Reason::Abandoned));
            return None;
        }
        if point.part() != Part::Message {
            self.story.runs.push(number);
            let fails = attempt == 1 || situation.again == Again::UsedUp;
            return if fails { Some(self.fail(number, attempt)) } else { self.handled() };
        }
        let mut kind = None;
        self.go_wrong_at(|point| point.part() == Part::Message, &mut |_, is| kind = Some(is));
        if point != Point::Duplicate || kind != Some(Kind::Panic) {
            self.story.runs.push(number);
        }
        let Some(kind) = kind else { return self.handled() };
        if point == Point::FutureDropCut {
            // A kill is what led to it.
            let exit = self.abort(number);
            if kind != Kind::Kill {
                self.raise(kind);
            }
            return Some(exit);
        }
        match (kind, point) {
            // Its message has been handled. Of a reply and its drop there is nobody who could fail.
            (Kind::Panic, Point::ReplyDrop) => self.handled(),
            (Kind::Panic, Point::FutureDropDone) => {
                let _served = self.handled();
                Some(Exit::Failed { charge: true })
            }
            // It cannot be copied, and is delivered as if it declared nothing; an error told is data.
            (Kind::Error, Point::Duplicate | Point::IsError) => self.handled(),
            (Kind::Panic | Kind::Error, _) => Some(self.fail(number, attempt)),
            (Kind::Kill, _) if point.is_last() => {
                let _served = self.handled();
                Some(Exit::Killed)
            }
            (Kind::Kill, _) => Some(self.abort(number)),
            (_, Point::FutureDropDone) => {
                let served = self.handled();
                self.raise(kind);
                served
            }
            _ => {
                self.raise(kind);
                // What a `ReplyTo` comes too late with is given back to its holder.
                if self.in_flight_gone && point != Point::Keeper {
                    self.story.late_replies += 1;
                }
                self.handled()
            }
        }
    }

    fn handled(&mut self) -> Option<Exit> {
        self.story.handled += 1;
        self.tell_in_flight(Answer::Reply);
        None
    }

    fn abort(&mut self, number: u32) -> Exit {
        let held = if self.case.situation.retries() { number } else { TOMBSTONE };
        self.story.letters.push((held, Reason::Aborted));
        self.tell_in_flight(Answer::Aborted);
        Exit::Killed
    }

    fn fail(&mut self, number: u32, attempt: u32) -> Exit {
        if !self.case.situation.retries() {
            self.story.letters.push((TOMBSTONE, Reason::Failed));
            self.tell_in_flight(Answer::Failed);
        } else if attempt == 1 {
            self.kept = Some(number);
        } else {
            self.story.letters.push((number, Reason::Quarantined));
            self.tell_in_flight(Answer::Failed);
        }
        Exit::Failed { charge: attempt == 1 }
    }

    /// contract §7: the end for good.
    fn end(&mut self, exit: Exit, word: &'static str) {
        if let Some(kept) = self.kept.take() {
            let (reason, answer) = match exit {
                Exit::Failed { .. } => (Reason::Quarantined, Answer::Failed),
                _ => (Reason::Aborted, Answer::Aborted),
            };
            self.story.letters.push((kept, reason));
            self.tell_in_flight(answer);
        }
        let reason = match exit {
            _ if word == RESTART_LIMIT => Reason::RestartLimit,
            Exit::Killed => Reason::Killed,
            _ => Reason::Stopped,
        };
        // The stash first.
        self.unstash();
        for number in std::mem::take(&mut self.queue) {
            if number != ASKED {
                self.story.letters.push((number, reason));
            } else if self.queued_gone {
                self.story.letters.push((number, Reason::Abandoned));
            } else {
                self.story.returned += 1;
                self.story.queued = Some(Answer::HandedBack);
            }
        }
        // Everybody has been told, and nothing that goes wrong now changes anything.
        if self.sits {
            self.story.stopped.push(exit.word());
            self.go_wrong_at(|point| point.part() == Part::End, &mut |play, kind| {
                // Before the hook of one with children comes their end.
                let unheard = play.is_in_the_same_poll() && !play.case.situation.company;
                if kind == Kind::AskerDropped && unheard {
                    (play.story.in_flight, play.story.queued) = (None, None);
                }
            });
        }
        let is_waiting = |number: &u32| self.case.may_be_refused(*number);
        let ran = self.story.runs.len();
        self.story.runs.retain(|number| !is_waiting(number));
        self.story.handled -= (ran - self.story.runs.len()) as u64;
        self.story.letters.retain(|(number, _)| !is_waiting(number));
        self.story.end = Some(word);
        self.story.notices = u32::from(self.case.situation.company);
    }
}
