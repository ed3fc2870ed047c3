//! The plan: every point at which code of the user runs, what goes wrong there, around what, and for whom.

use std::fmt;

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

/// What is around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Situation {
    Idle,
    OneQueued,
    /// With senders who wait for room.
    Full,
    /// The message in hand may be tried again, and comes through then.
    Retry,
    /// The same, and it was asked.
    RetryAsked,
    /// Its second attempt goes wrong, too.
    RetryUsedUp,
    /// The same, and it was asked.
    RetryUsedUpAsked,
    AskInFlight,
    AskQueued,
    Watched,
    HasChild,
    /// It goes wrong a second time at once, with messages behind.
    TwiceInARow,
}

impl Situation {
    pub(crate) const ALL: [Self; 12] = [
        Self::Idle,
        Self::OneQueued,
        Self::Full,
        Self::Retry,
        Self::RetryAsked,
        Self::RetryUsedUp,
        Self::RetryUsedUpAsked,
        Self::AskInFlight,
        Self::AskQueued,
        Self::Watched,
        Self::HasChild,
        Self::TwiceInARow,
    ];

    /// Whether the message in hand declares two attempts.
    pub(crate) const fn retries(self) -> bool {
        matches!(self, Self::Retry | Self::RetryAsked | Self::RetryUsedUp | Self::RetryUsedUpAsked)
    }

    pub(crate) const fn is_asked(self) -> bool {
        matches!(self, Self::RetryAsked | Self::RetryUsedUpAsked | Self::AskInFlight)
    }

    /// Whether the second attempt is to fail, too.
    pub(crate) const fn is_used_up(self) -> bool {
        matches!(self, Self::RetryUsedUp | Self::RetryUsedUpAsked)
    }

    const fn is_twice(self) -> bool {
        matches!(self, Self::RetryUsedUp | Self::RetryUsedUpAsked | Self::TwiceInARow)
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
    pub(crate) situation: Situation,
    pub(crate) of: Type,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}/{:?}/{:?}/{:?}", self.point, self.kind, self.situation, self.of)
    }
}

impl Case {
    /// How often the point goes wrong.
    pub(crate) const fn times(self) -> u32 {
        if self.situation.is_twice() && !matches!(self.point.part(), Part::Notice) { 2 } else { 1 }
    }

    /// The numbers of the messages at which, or after which, it goes wrong.
    pub(crate) const fn triggers(self) -> &'static [u32] {
        match (self.point.part(), self.situation) {
            (Part::Notice, _) => &[],
            (Part::Message | Part::End, Situation::TwiceInARow) => &[1, 2],
            _ => &[1],
        }
    }

    /// The numbers of those sent after them, in order.
    pub(crate) const fn notes(self) -> &'static [u32] {
        match self.situation {
            Situation::OneQueued | Situation::AskQueued => &[10],
            Situation::Full | Situation::TwiceInARow => &[10, 11, 12, 13],
            Situation::Retry | Situation::RetryUsedUp => &[10, 11],
            _ => &[],
        }
    }

    /// Whether senders of the last notes have to wait.
    pub(crate) fn capacity(self) -> usize {
        if self.situation == Situation::Full { 2 } else { 64 }
    }

    /// How many of the messages fit in before the first is taken; the others wait.
    pub(crate) fn waiting(self) -> &'static [u32] {
        let fit = self.capacity().saturating_sub(self.triggers().len());
        self.notes().get(fit..).unwrap_or_default()
    }

    /// Whether there is such a thing.
    pub(crate) fn makes_sense(self) -> bool {
        let Self { point, kind, situation, of } = self;
        let part = point.part();
        let point_has_the_kind = match kind {
            Kind::Error => point.is_async() || matches!(point, Point::Duplicate | Point::IsError),
            Kind::Delay | Kind::AskerTimedOut => point.is_async(),
            // At once after it the actor goes on, and how far it is when its supervisor comes is nobody's promise.
            Kind::SupervisorStop => !point.is_last() && of != Type::Free,
            Kind::Release => of == Type::Free,
            _ => true,
        };
        let someone_asks = match part {
            Part::Message => situation.is_asked() || situation == Situation::AskQueued,
            // The one in flight has been told by then, unless it waits for a further attempt.
            Part::End | Part::Begin => {
                matches!(situation, Situation::RetryAsked | Situation::AskQueued)
            }
            Part::Notice => situation == Situation::AskQueued,
        };
        let point_is_reached = match point {
            Point::Duplicate => situation.retries(),
            // What was asked for is looked at and dropped by the asker.
            Point::IsError | Point::ReplyDrop => !situation.is_asked(),
            // A notice is no message; it is delivered once.
            Point::Terminated => {
                !situation.retries() && !situation.is_asked() && situation != Situation::TwiceInARow
            }
            Point::Factory | Point::Supervision | Point::StartedFirst | Point::StartedAfter => {
                matches!(of, Type::Permanent | Type::Transient)
            }
            _ => true,
        };
        // What does not fail is not tried again, and used up at once.
        let attempts_differ = !matches!(situation, Situation::RetryUsedUp | Situation::RetryUsedUpAsked)
            || part != Part::Message
            || matches!(kind, Kind::Panic | Kind::Error);
        // An actor that is to end does not come to a second time.
        let second_differs = situation != Situation::TwiceInARow || !kind.is_of_asker();
        point_has_the_kind
            && (someone_asks || !kind.is_of_asker())
            && point_is_reached
            && attempts_differ
            && second_differs
    }

    /// All there are.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Point::ALL
            .into_iter()
            .flat_map(|point| {
                Kind::ALL.into_iter().flat_map(move |kind| {
                    Situation::ALL.into_iter().flat_map(move |situation| {
                        Type::ALL.into_iter().map(move |of| Self { point, kind, situation, of })
                    })
                })
            })
            .filter(|case| case.makes_sense())
    }
}
