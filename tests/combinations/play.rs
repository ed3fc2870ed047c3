//! Plays a case on the running system, and writes down what can be seen.

use std::{
    sync::{Arc, Weak, atomic::Ordering},
    time::Duration,
};

use postbox::{Reason, Status, prelude::*};
use tokio::{
    task::yield_now,
    time::{Instant, sleep, timeout},
};

use crate::{
    case::{ASKED, Behind, Case, Kind, Part, Type},
    model::{Answer, Story, TOMBSTONE},
    request::{Pending, Request},
    siblings::{Group, Siblings},
    subject::{DELAY, Note, PROBE, Script, Subject, Trigger, Victim, Watcher, word},
};

/// More than a case can take.
const LONG: Duration = Duration::from_secs(4);

fn answer<R, M>(result: Result<R, AskError<M>>) -> Answer {
    match result {
        Ok(_) => Answer::Reply,
        Err(AskError::Failed(_)) => Answer::Failed,
        Err(AskError::Aborted { .. }) => Answer::Aborted,
        Err(AskError::Stopped { .. }) => Answer::HandedBack,
        Err(AskError::Timeout { started, .. }) => Answer::TimedOut { started },
        Err(error) => Answer::Other(error.to_string()),
    }
}

type Asked = Arc<Pending<Answer>>;
type Waiting = Arc<Pending<Result<(), u32>>>;

/// What is under way around a subject.
#[derive(Default)]
struct Load {
    in_flight: Option<Asked>,
    queued: Option<Asked>,
    waiting: Vec<(u32, Waiting)>,
}

fn weak<T: Send + 'static>(request: &Arc<Pending<T>>) -> Weak<dyn Request> {
    Arc::downgrade(&(Arc::clone(request) as Arc<dyn Request>))
}

fn ask<M: Message>(subject: ActorRef<Subject>, case: Case, msg: M) -> Asked
where
    Subject: Handler<M>,
{
    Pending::begin(async move {
        let asked = subject.ask(msg);
        answer(match case.kind {
            // What is put aside is asked for before the hook is reached.
            Kind::AskerTimedOut if case.point.part() == Part::Notice && !case.stash().is_empty() => {
                asked.timeout(DELAY + DELAY / 2).await
            }
            Kind::AskerTimedOut => asked.timeout(DELAY / 2).await,
            _ => asked.await,
        })
    })
}

fn send_trigger<const N: u32>(
    subject: &ActorRef<Subject>,
    script: &Arc<Script>,
    number: u32,
) -> Option<Asked> {
    let trigger = Trigger::<N>::new(number, script);
    if script.case.situation.asked {
        let asked = ask(subject.clone(), script.case, trigger);
        *script.in_flight.lock().unwrap() = weak(&asked);
        return Some(asked);
    }
    subject.try_tell(trigger).expect("there is room");
    None
}

impl Load {
    /// Sends what the subject is to put aside, and returns when it has done so.
    async fn put_aside(subject: &ActorRef<Subject>, script: &Arc<Script>) -> Self {
        let mut load = Self::default();
        for &number in script.case.stash() {
            match number {
                ASKED => load.ask_behind(subject, script),
                _ => subject.try_tell(Note(number)).map_err(drop).expect("there is room"),
            }
        }
        while subject.ledger().stashed < script.case.stash().len() as u64 {
            yield_now().await;
        }
        load
    }

    fn ask_behind(&mut self, subject: &ActorRef<Subject>, script: &Arc<Script>) {
        let asked = ask(subject.clone(), script.case, Note(ASKED));
        *script.queued.lock().unwrap() = weak(&asked);
        self.queued = Some(asked);
    }

    /// Sends everything else before the subject comes to the first of it.
    fn send(&mut self, subject: &ActorRef<Subject>, script: &Arc<Script>) {
        let case = script.case;
        let load = self;
        for &number in case.triggers() {
            let asked = if case.situation.retries() {
                send_trigger::<2>(subject, script, number)
            } else {
                send_trigger::<1>(subject, script, number)
            };
            load.in_flight = load.in_flight.take().or(asked);
        }
        for &number in case.notes() {
            if case.waiting().contains(&number) {
                let subject = subject.clone();
                let tell =
                    async move { subject.tell(Note(number)).await.map_err(|error| error.into_message().0) };
                load.waiting.push((number, Pending::begin(tell)));
            } else {
                subject.try_tell(Note(number)).map_err(drop).expect("there is room");
            }
        }
        if case.situation.behind == Behind::Ask {
            load.ask_behind(subject, script);
        }
    }
}

/// The number of a message that a letter holds.
fn number_of(letter: &postbox::DeadLetter) -> u32 {
    if let Some(note) = letter.take_message::<Note>() {
        return note.0;
    }
    if let Some(trigger) = letter.take_message::<Trigger<1>>() {
        return trigger.number;
    }
    letter.take_message::<Trigger<2>>().map_or(TOMBSTONE, |trigger| trigger.number)
}

/// Returns what was seen, and what no case may show.
pub(crate) async fn play(case: Case, group: Group, limit: u32, restarts: u32) -> (Story, Vec<String>) {
    let mut wrong = Vec::new();
    let system = System::new("combinations");
    let script = Script::new(case);
    let builder = group.builder().system(&system).limit(limit, Duration::from_secs(3_600));
    let tree = builder.start().await.expect("it starts");
    let mut siblings = Siblings::new(group, &script, &tree).await;
    *script.supervisor.lock().unwrap() = Some(tree.handle());
    let victim = Victim.prepare().system(&system).spawn().expect("it starts");
    if case.point.part() == Part::Notice {
        *script.victim.lock().unwrap() = Some(victim.handle());
    }
    let restart = match case.of {
        Type::Permanent => Some(Restart::Permanent),
        Type::Transient => Some(Restart::Transient),
        Type::Temporary => Some(Restart::Temporary),
        Type::Free => None,
    };
    let subject = match restart {
        Some(restart) => {
            let of = Arc::clone(&script);
            let factory = move || Subject::make(Arc::clone(&of));
            let child = child("subject", factory).restart(restart).capacity(case.capacity());
            tree.spawn(child).await.expect("it starts")
        }
        None => {
            let spawn = Subject::new(&script).prepare().system(&system).capacity(case.capacity());
            spawn.start().await.expect("it starts")
        }
    };
    siblings.add_younger(&tree).await;
    let handle = subject.handle();
    *script.handle.lock().unwrap() = Some(handle.clone());
    let mut watcher = None;
    if case.situation.company {
        let actor = Watcher { script: Arc::clone(&script), of: handle.clone() };
        watcher = Some(actor.prepare().system(&system).start().await.expect("it starts"));
    }
    let mut load = Load::put_aside(&subject, &script).await;
    script.armed.store(true, Ordering::SeqCst);
    if case.point.part() == Part::Notice {
        victim.stop();
        // It is at the gate in its hook then.
        sleep(DELAY).await;
    }
    let start = Instant::now();
    load.send(&subject, &script);
    siblings.keep_busy();
    *script.last.lock().unwrap() = Some(subject);
    let ended = Pending::begin({
        let handle = handle.clone();
        async move { handle.ended().await }
    });
    script.gate.add_permits(100);
    sleep(LONG).await;

    let mut story = Story { hits: script.hits.load(Ordering::SeqCst), ..Story::default() };
    // No more time than the point itself took: nobody was left to a timer.
    let prompt = start + DELAY * story.hits + Duration::from_millis(5 * u64::from(story.hits));
    let mut late = Vec::new();
    let mut check_time = |what: &str, at: Instant| {
        if at > prompt {
            late.push(format!("{what} came only after {:?}", at - start));
        }
    };
    let answer_of = |asked: &Option<Asked>, check: &mut dyn FnMut(&str, Instant)| {
        let (result, at) = asked.as_ref()?.take()?;
        check("the answer", at);
        Some(result)
    };
    if let Some((reason, at)) = ended.take() {
        check_time("the end", at);
        story.end = Some(word(&reason));
    }
    // With the probe comes back what is put aside, and is handled before the next one.
    let stays_aside = !case.stash().is_empty() && story.end.is_none();
    let serving = script.last.lock().unwrap().clone();
    let mut probed = 0;
    match &serving {
        _ if story.end.is_some() => {}
        Some(subject) => {
            for _ in 0..1 + u64::from(stays_aside) {
                match timeout(DELAY, subject.ask(Note(PROBE))).await {
                    Ok(Ok(())) => probed += 1,
                    Ok(Err(error)) => wrong.push(format!("it does not serve: {error}")),
                    Err(_) => wrong.push("it does not answer".to_owned()),
                }
            }
        }
        None => wrong.push("nobody holds it, but it has not ended".to_owned()),
    }
    story.in_flight = answer_of(&load.in_flight, &mut check_time);
    story.queued = answer_of(&load.queued, &mut |what, at| {
        if !stays_aside {
            check_time(what, at);
        }
    });
    let mut refused = Vec::new();
    let mut told = Vec::new();
    for (number, waiting) in &load.waiting {
        match waiting.take() {
            Some((Ok(()), at)) => {
                check_time("room", at);
                told.push(*number);
            }
            Some((Err(back), at)) => {
                check_time("the refusal", at);
                refused.push(back);
            }
            None => wrong.push(format!("the sender of {number} waits still")),
        }
    }
    wrong.append(&mut late);
    let late = script.late.lock().unwrap().clone();
    for &(number, accepted) in &late {
        if accepted {
            told.push(number)
        } else {
            refused.push(number)
        }
        // contract §7: `stop` closes the mailbox at the call.
        if accepted && case.kind == Kind::Stop && case.of != Type::Permanent {
            wrong.push(format!("{number} was accepted after the stop"));
        }
        if !accepted && case.of == Type::Permanent && story.end.is_none() {
            wrong.push(format!("{number} was refused by one who serves"));
        }
    }
    for open in [&load.in_flight, &load.queued].into_iter().flatten() {
        if open.is_open() {
            wrong.push("an asker waits still".to_owned());
        }
    }
    story.runs = script.runs.lock().unwrap().clone();
    let letters = system.dead_letters().recent();
    story.late_replies = system.dead_letters().count(Reason::LateReply);
    story.letters = letters
        .iter()
        .filter(|letter| letter.recipient().id() == handle.identity().id())
        .filter(|letter| letter.reason() != Reason::LateReply)
        .map(|letter| (number_of(letter), letter.reason()))
        .collect();
    let ledger = handle.ledger();
    if !ledger.balances() || ledger.queued + ledger.stashed + ledger.in_flight > 0 {
        wrong.push(format!("at rest: {ledger}"));
    }
    if ledger.dead != story.letters.len() as u64 {
        wrong.push(format!("{} letters, but {ledger}", story.letters.len()));
    }
    let sent = case.triggers().len() + case.notes().len() + late.len();
    let sent = sent
        + case.stash().iter().filter(|number| **number != ASKED).count()
        + usize::from(load.queued.is_some());
    if ledger.accepted != sent as u64 - refused.len() as u64 + probed {
        wrong.push(format!("{sent} sent, {} refused: {ledger}", refused.len()));
    }
    story.handled = ledger.handled - probed;
    story.returned = ledger.returned;
    if story.end.is_some() {
        // Those who waited for room: each has one fate, in order, and which one is chance.
        let is_waiting = |number: &u32| case.may_be_refused(*number);
        let ran: Vec<u32> = story.runs.iter().copied().filter(is_waiting).collect();
        let mut fates = ran.clone();
        fates.extend(story.letters.iter().map(|(number, _)| *number).filter(is_waiting));
        if fates != told {
            wrong.push(format!("of those accepted late, {told:?}, these met a fate: {fates:?}"));
        }
        fates.extend(refused);
        fates.sort_unstable();
        let all: Vec<u32> = case.waiting().iter().copied().chain(late.iter().map(|late| late.0)).collect();
        if fates != all {
            wrong.push(format!("of those who waited or came late these met a fate: {fates:?}"));
        }
        story.handled -= ran.len() as u64;
        story.runs.retain(|number| !is_waiting(number));
        story.letters.retain(|(number, _)| !is_waiting(number));
    }
    story.stopped = script.stopped.lock().unwrap().clone();
    story.made = script.made.load(Ordering::SeqCst);
    story.notices = script.notices.load(Ordering::SeqCst);
    story.children = script.children.load(Ordering::SeqCst);

    // Contract §5: one restart too many is the supervisor's own failure, and nothing else is.
    let stopped = case.kind == Kind::SupervisorStop;
    let of_limit = matches!(timeout(Duration::ZERO, tree.ended()).await, Ok(StopReason::RestartLimit(_)));
    if of_limit != (story.end == Some("restart limit"))
        || (!stopped && !of_limit && tree.status() != Status::Running)
    {
        wrong.push(format!("its supervisor is {:?}", tree.status()));
    }

    if tree.status() == Status::Running {
        let at_gate = case.kind == Kind::Kill && case.point.part() == Part::End;
        wrong.extend(siblings.check(restarts, at_gate).await);
    }
    script.armed.store(false, Ordering::SeqCst);
    drop((serving, watcher));
    let report = system.shutdown(Duration::from_secs(60)).await;
    script.last.lock().unwrap().take();
    if !report.detached.is_empty() || !report.killed.is_empty() || !system.actors().is_empty() {
        wrong.push(format!("{report:?}"));
    }
    let ledger = report.ledger;
    if !ledger.balances() || ledger.queued + ledger.stashed + ledger.in_flight > 0 {
        wrong.push(format!("at the end: {ledger}"));
    }
    if system.dead_letters().count(Reason::Leaked) > 0 {
        wrong.push(format!("leaked: {:?}", system.dead_letters().counts()));
    }
    wrong.extend(siblings.wrong());
    for (what, count) in [
        ("two incarnations at once", &script.overlaps),
        ("a notice before the end", &script.early),
        ("states left", &script.alive),
        ("children left", &script.children),
    ] {
        if count.load(Ordering::SeqCst) > 0 {
            wrong.push(what.to_owned());
        }
    }
    (story, wrong)
}
