//! The plan: every point at which code of the user runs, what goes wrong there, around what, and for whom.

use std::fmt;

/// The number of the message that is asked: in the queue, or put aside.
pub(crate) const ASKED: u32 = 20;

/// Where in the life of a message or of an incarnation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    /// `Message::duplicate`, for a message that declares attempts.
    Duplicate,
    /// In `handle`, before there is a future.
    HandlerSync,
    /// In the first poll of the handler's future.
    HandlerFirst,
    /// In the handler, after an await.
    HandlerAfter,
    /// In what keeps the `ReplyTo`.
    Keeper,
    /// In the `Drop` of the message, as the handler ends.
    MessageDrop,
    /// In `Message::is_error`.
    IsError,
    /// In the `Drop` of a reply that nobody asked for.
    ReplyDrop,
    /// In the `Drop` of the handler's future, after its reply.
    FutureDropDone,
    /// In the `Drop` of the handler's future when a kill has cut it.
    FutureDropCut,
    /// In the `terminated` hook, at an await.
    Terminated,
    /// In the `stopped` hook of an incarnation that has failed.
    StoppedFirst,
    /// The same, after an await.
    StoppedAfter,
    /// In the `Drop` of the state of an incarnation that has failed.
    StateDrop,
    /// In the factory, at a restart.
    Factory,
    /// In `supervision()`, at a restart.
    Supervision,
    /// In `started`, at a restart.
    StartedFirst,
    /// The same, after an await.
    StartedAfter,
}

/// What the point is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The handling of a message.
    Message,
    /// The handling of a notice.
    Notice,
    /// The end of an incarnation that has failed.
    End,
    /// The beginning of the next one.
    Begin,
}

impl Point {
    pub(crate) const ALL: [Self; 18] = [
        Self::Duplicate,
        Self::HandlerSync,
        Self::HandlerFirst,
        Self::HandlerAfter,
        Self::Keeper,
        Self::MessageDrop,
        Self::IsError,
        Self::ReplyDrop,
        Self::FutureDropDone,
        Self::FutureDropCut,
        Self::Terminated,
        Self::StoppedFirst,
        Self::StoppedAfter,
        Self::StateDrop,
        Self::Factory,
        Self::Supervision,
        Self::StartedFirst,
        Self::StartedAfter,
    ];

    pub(crate) const fn part(self) -> Part {
        match self {
            Self::Terminated => Part::Notice,
            Self::StoppedFirst | Self::StoppedAfter | Self::StateDrop => Part::End,
            Self::Factory | Self::Supervision | Self::StartedFirst | Self::StartedAfter => Part::Begin,
            _ => Part::Message,
        }
    }

    /// Whether the code at it may wait.
    pub(crate) const fn is_async(self) -> bool {
        matches!(
            self,
            Self::HandlerFirst
                | Self::HandlerAfter
                | Self::Terminated
                | Self::StoppedFirst
                | Self::StoppedAfter
                | Self::Factory
                | Self::StartedFirst
                | Self::StartedAfter
        )
    }

    /// Whether the handler comes to no other await after it.
    pub(crate) const fn is_last(self) -> bool {
        matches!(
            self,
            Self::Keeper | Self::MessageDrop | Self::IsError | Self::ReplyDrop | Self::FutureDropDone
        )
    }
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Panic,
    /// `ctx.fail`, an `Err`, or whatever the point has of the kind.
    Error,
    Delay,
    Kill,
    StopNow,
    Stop,
    SupervisorStop,
    /// The last reference goes.
    Release,
    AskerDropped,
    AskerTimedOut,
}

impl Kind {
    pub(crate) const ALL: [Self; 10] = [
        Self::Panic,
        Self::Error,
        Self::Delay,
        Self::Kill,
        Self::StopNow,
        Self::Stop,
        Self::SupervisorStop,
        Self::Release,
        Self::AskerDropped,
        Self::AskerTimedOut,
    ];

    pub(crate) const fn is_of_asker(self) -> bool {
        matches!(self, Self::AskerDropped | Self::AskerTimedOut)
    }
}

/// Where what is done to the actor comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    /// From another task, while the point waits.
    Outside,
    /// From the point itself.
    Within,
}

/// What is declared of the message in hand, and what goes wrong again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// One attempt.
    No,
    /// It may be tried again, and comes through then.
    Retry,
    /// Its second and last attempt goes wrong, too.
    UsedUp,
    /// One attempt; but it goes wrong a second time at once, with the next message.
    Next,
}

/// What waits behind the message in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behind {
    Nothing,
    One,
    /// As many as there is room for, and senders who wait for more.
    Full,
    /// One that is asked, behind another.
    Ask,
    /// One, and the actor has put aside one that was told and one that is asked.
    Stash,
}

/// What is around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Situation {
    pub(crate) again: Again,
    /// Whether somebody waits for the reply to the message in hand.
    pub(crate) asked: bool,
    pub(crate) behind: Behind,
    /// Whether it has a child, and somebody who watches it.
    pub(crate) company: bool,
}

impl Situation {
    fn all() -> impl Iterator<Item = Self> {
        let again = [Again::No, Again::Retry, Again::UsedUp, Again::Next];
        let behind = [Behind::Nothing, Behind::One, Behind::Full, Behind::Ask, Behind::Stash];
        again.into_iter().flat_map(move |again| {
            behind.into_iter().flat_map(move |behind| {
                [(false, false), (false, true), (true, false), (true, true)].map(|(asked, company)| Self {
                    again,
                    asked,
                    behind,
                    company,
                })
            })
        })
    }

    /// Whether the message in hand declares two attempts.
    pub(crate) const fn retries(self) -> bool {
        matches!(self.again, Again::Retry | Again::UsedUp)
    }

    const fn is_twice(self) -> bool {
        matches!(self.again, Again::UsedUp | Again::Next)
    }
}

impl fmt::Display for Situation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = vec![match self.again {
            Again::No => "Once",
            Again::Retry => "Retry",
            Again::UsedUp => "UsedUp",
            Again::Next => "TwiceInARow",
        }];
        parts.extend(self.asked.then_some("Asked"));
        match self.behind {
            Behind::Nothing => {}
            Behind::One => parts.push("OneQueued"),
            Behind::Full => parts.push("Full"),
            Behind::Ask => parts.push("AskQueued"),
            Behind::Stash => parts.push("Stashed"),
        }
        parts.extend(self.company.then_some("WatchedWithChild"));
        f.write_str(&parts.join("+"))
    }
}

/// For whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Permanent,
    Transient,
    Temporary,
    Free,
}

impl Type {
    pub(crate) const ALL: [Self; 4] = [Self::Permanent, Self::Transient, Self::Temporary, Self::Free];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) point: Point,
    pub(crate) kind: Kind,
    pub(crate) from: From,
    pub(crate) situation: Situation,
    pub(crate) of: Type,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { point, kind, from, situation, of } = self;
        let from = if *from == From::Outside { "FromOutside" } else { "" };
        write!(f, "{point:?}/{kind:?}{from}/{situation}/{of:?}")
    }
}

impl Case {
    /// How often the point goes wrong.
    pub(crate) const fn times(self) -> u32 {
        if self.situation.is_twice() { 2 } else { 1 }
    }

    /// The numbers of the messages at which, or after which, it goes wrong.
    pub(crate) const fn triggers(self) -> &'static [u32] {
        match (self.point.part(), self.situation.again) {
            (Part::Notice, _) => &[],
            (Part::Message | Part::End, Again::Next) => &[1, 2],
            _ => &[1],
        }
    }

    /// The numbers of those sent after them, in order.
    pub(crate) const fn notes(self) -> &'static [u32] {
        match self.situation.behind {
            Behind::Nothing => &[],
            Behind::One | Behind::Ask | Behind::Stash => &[10],
            Behind::Full => &[10, 11, 12, 13],
        }
    }

    /// The numbers of those that are put aside, in order.
    pub(crate) const fn stash(self) -> &'static [u32] {
        match self.situation.behind {
            // Whoever asks holds a reference, and by that one it lives.
            Behind::Stash if matches!(self.kind, Kind::Release) => &[5],
            Behind::Stash => &[5, ASKED],
            _ => &[],
        }
    }

    /// Whether somebody asks for something behind, or beside, the message in hand.
    pub(crate) const fn has_ask(self) -> bool {
        match self.situation.behind {
            Behind::Ask => true,
            Behind::Stash => self.stash().len() > 1,
            _ => false,
        }
    }

    /// The numbers of those sent after all others, as it goes wrong for the first time and for the second.
    pub(crate) fn late(self) -> &'static [u32] {
        let is_stop = matches!(self.kind, Kind::Kill | Kind::StopNow | Kind::Stop);
        if is_stop && self.situation.behind != Behind::Full { &[30, 31] } else { &[] }
    }

    pub(crate) fn capacity(self) -> usize {
        if self.situation.behind == Behind::Full { 2 } else { 64 }
    }

    /// Those whose senders have to wait: there is no room for them before the first message is taken.
    pub(crate) fn waiting(self) -> &'static [u32] {
        let fit = self.capacity().saturating_sub(self.triggers().len());
        self.notes().get(fit..).unwrap_or_default()
    }

    /// Whether it is chance if a message is accepted before the actor closes its mailbox.
    pub(crate) fn may_be_refused(self, number: u32) -> bool {
        self.waiting().contains(&number) || self.late().contains(&number)
    }

    /// Whether there is such a thing.
    fn makes_sense(self) -> bool {
        let Self { point, kind, from, situation, of } = self;
        let part = point.part();
        let point_has_the_kind = match kind {
            Kind::Error => point.is_async() || matches!(point, Point::Duplicate | Point::IsError),
            Kind::Delay | Kind::AskerTimedOut => point.is_async(),
            // At once after it the actor goes on, and how far it is when its supervisor comes is nobody's promise.
            Kind::SupervisorStop => !point.is_last() && of != Type::Free,
            Kind::Release => of == Type::Free,
            _ => true,
        };
        let comes_from_there = match kind {
            Kind::Panic | Kind::Error | Kind::Delay => from == From::Within,
            Kind::AskerTimedOut => from == From::Outside,
            _ => from == From::Within || point.is_async(),
        };
        let someone_asks = match part {
            Part::Message => situation.asked,
            // The one in flight has been told by then, unless it waits for a further attempt.
            Part::End | Part::Begin => situation.asked && situation.retries(),
            Part::Notice => false,
        } || self.has_ask();
        let point_is_reached = match point {
            Point::Duplicate => situation.retries(),
            // What was asked for is looked at and dropped by the asker.
            Point::IsError | Point::ReplyDrop => !situation.asked,
            // A notice is no message; it is delivered once.
            Point::Terminated => situation.again == Again::No && !situation.asked,
            Point::Factory | Point::Supervision | Point::StartedFirst | Point::StartedAfter => {
                matches!(of, Type::Permanent | Type::Transient)
            }
            _ => true,
        };
        // What does not fail is not tried again, and uses nothing up.
        let attempts_differ = situation.again != Again::UsedUp
            || part != Part::Message
            || matches!(kind, Kind::Panic | Kind::Error);
        // Of two messages that are asked the second adds nothing.
        let second_differs = situation.again != Again::Next || !(kind.is_of_asker() || situation.asked);
        // Company looks on: it is there with nothing behind and with everything.
        let company_differs =
            !situation.company || matches!(situation.behind, Behind::Nothing | Behind::Full);
        point_has_the_kind
            && company_differs
            && comes_from_there
            && (someone_asks || !kind.is_of_asker())
            && point_is_reached
            && attempts_differ
            && second_differs
    }

    /// All there are of a part of life.
    pub(crate) fn all(part: Part) -> impl Iterator<Item = Self> {
        let points = Point::ALL.into_iter().filter(move |point| point.part() == part);
        let kinds = points.flat_map(|point| Kind::ALL.map(|kind| (point, kind)));
        let sources = kinds.flat_map(|of| [(of, From::Outside), (of, From::Within)]);
        let situations = sources.flat_map(|of| Situation::all().map(move |around| (of, around)));
        let types = situations.flat_map(|of| Type::ALL.map(|restart| (of, restart)));
        let case = |((((point, kind), from), situation), of)| Self { point, kind, from, situation, of };
        types.map(case).filter(|case| case.makes_sense())
    }
}
