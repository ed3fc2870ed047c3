//! The lives of the children: who starts, who ends, and who else has to.

use super::*;

impl Expected {
    /// Does what is left to do, one thing after the other.
    pub(super) fn settle(&mut self) {
        loop {
            if let Some(exit) = self.ends.take() {
                // One that is let through may or may not come to its start first.
                self.ambiguous |= self.is_any_due();
                self.supervisor_ends(exit);
            } else if let Some(number) = self.due.pop_front() {
                if self.children.get(&number).is_some_and(|child| child.state == State::Due) {
                    self.start_child(number);
                }
            } else {
                return;
            }
        }
    }

    fn is_any_due(&self) -> bool {
        let is_due = |number: &u64| self.children.get(number).is_some_and(|c| c.state == State::Due);
        self.due.iter().any(is_due)
    }

    /// The supervisor starts, with its static children.
    pub(in super::super) fn start(&mut self) {
        let declared: Vec<_> = self.rules.declared().collect();
        for (name, restart, significant) in declared {
            self.admit(Caller::Supervisor, name, restart, significant);
            self.settle();
            if std::mem::take(&mut self.static_failed) {
                self.ends = Some(FAILED);
                return;
            }
        }
    }

    pub(super) fn admit(&mut self, caller: Caller, name: Name, restart: Restart, significant: bool) {
        let number = self.core.admit((), restart, significant);
        let child = Child {
            name,
            restart,
            significant,
            state: State::Due,
            status: Status::Starting,
            known: false,
            incarnation: 0,
            restarts: 0,
            has_begun: false,
            streak: 0,
            first_start: Some(caller),
            queue: VecDeque::new(),
            kept: None,
            stops_after: None,
            stops_now: false,
            closed: false,
        };
        self.children.insert(number, child);
        self.enter(number);
    }

    /// A first start: while a group restarts it waits for its turn.
    pub(super) fn enter(&mut self, number: u64) {
        let turn = |group: &Group| number >= group.from && group.current.is_some_and(|of| number > of);
        let child = self.children.get_mut(&number).expect("a child");
        child.status = Status::Starting;
        if self.group.as_ref().is_some_and(turn) {
            child.state = State::Gate;
        } else {
            self.through(number);
        }
    }

    /// It starts, when those have had their turn that were let through before.
    pub(super) fn through(&mut self, number: u64) {
        self.children.get_mut(&number).expect("a child").state = State::Due;
        self.due.push_back(number);
    }

    fn start_child(&mut self, number: u64) {
        let child = self.children.get_mut(&number).expect("a child");
        let name = child.name;
        // A stop that came between two starts is about neither. One of them may have been called off.
        if child.status == Status::Restarting && child.restart == Restart::Permanent {
            (child.stops_after, child.stops_now) = (None, false);
        }
        let made = self.made.entry(name).or_default();
        *made += 1;
        child.incarnation = *made;
        child.has_begun = true;
        let fault = self.faults.get_mut(&name).and_then(VecDeque::pop_front);
        if fault == Some(Fault::Factory) {
            return self.exit(number, FAILED);
        }
        self.lines.push(format!("{name:?} started {made}"));
        child.state = State::Up(self.now);
        if fault == Some(Fault::Started) {
            return self.start_failed(number);
        }
        (child.known, child.status) = (true, Status::Running);
        let caller = child.first_start.take();
        self.answer(caller, "ok");
        self.step = self.core.started(number, self.now);
        self.turn_is_over(number);
        self.work(number);
    }

    /// Its `started` hook has failed: there is a state, whose `stopped` hook runs.
    fn start_failed(&mut self, number: u64) {
        self.exit_of(number, FAILED, true, false);
    }

    /// If it was this one's turn in a group restart, it is the next one's.
    fn turn_is_over(&mut self, number: u64) {
        match &mut self.group {
            Some(group) if group.current == Some(number) => {
                group.current = None;
                self.open_next();
            }
            _ => assert_eq!(self.step.take(), None, "the core moves on"),
        }
    }

    fn answer(&mut self, caller: Option<Caller>, answer: Answer) {
        match caller {
            Some(Caller::Call(call)) => drop(self.answers.insert(call, answer)),
            Some(Caller::Supervisor) => self.static_failed |= answer != "ok",
            None => {}
        }
    }

    /// The child handles what its mailbox holds.
    pub(super) fn work(&mut self, number: u64) {
        let any_due = self.is_any_due();
        for nth in 0.. {
            let Some(child) = self.children.get_mut(&number) else { return };
            if !matches!(child.state, State::Up(_)) || self.ends.is_some() && child.closed {
                return;
            }
            if child.stops_now || child.stops_after == Some(0) && child.kept.is_none() {
                self.ambiguous |= nth > 0 && any_due;
                return self.exit(number, Exit::Stopped);
            }
            let (note, letter, tried) = match (child.kept.take(), child.queue.pop_front()) {
                (Some(kept), next) => {
                    next.into_iter().for_each(|next| child.queue.push_front(next));
                    kept
                }
                (None, Some((note, letter))) => {
                    child.stops_after = child.stops_after.map(|left| left.saturating_sub(1));
                    (note, letter, 0)
                }
                (None, None) => return,
            };
            self.taken.entry(child.name).or_default().push((note, child.incarnation));
            // It lets others run between two batches of messages, and those that are let through may start.
            let may_be_late = nth > 0 && any_due;
            match letter {
                Letter::Note => {}
                Letter::Stop => {
                    child.closed |= child.restart != Restart::Permanent;
                    child.stops_after = Some(child.queue.len());
                }
                Letter::Panic | Letter::Fail => {
                    self.dead += 1;
                    self.ambiguous |= may_be_late;
                    return self.exit(number, FAILED);
                }
                Letter::Flaky(fails) if tried < fails => {
                    if tried + 1 < 3 {
                        child.kept = Some((note, letter, tried + 1));
                    } else {
                        // Quarantined.
                        self.dead += 1;
                    }
                    self.ambiguous |= may_be_late;
                    // Only the first failure of a message is charged to the limit.
                    return self.exit(number, Exit::Failed { charge: tried == 0 });
                }
                Letter::Flaky(_) => {}
            }
        }
    }

    /// An incarnation ends, or the wait for one.
    pub(super) fn exit(&mut self, number: u64, exit: Exit) {
        let served = matches!(self.children[&number].state, State::Up(_));
        self.exit_of(number, exit, served, served);
    }

    /// `has_state`: there is somebody whose `stopped` hook runs. `served`: its `started` hook was through.
    fn exit_of(&mut self, number: u64, exit: Exit, has_state: bool, served: bool) {
        let told = self.told == Some(number);
        let child = self.children.get_mut(&number).expect("a child");
        let no_start = child.first_start.is_some() && !told;
        if !served && matches!(child.state, State::Up(_)) {
            child.state = State::Due;
        }
        let by_hand = exit == Exit::Shutdown;
        let verdict = if no_start || by_hand {
            Verdict::End
        } else {
            let verdict = self.judge(number, exit, told);
            let core = self.core.exited(number, exit, self.now, 0.0);
            assert_eq!(core, verdict, "the core decides about {exit:?} of {number}");
            verdict
        };
        let child = self.children.get_mut(&number).expect("a child");
        if has_state {
            let word = match exit {
                Exit::Stopped => "stopped",
                Exit::Shutdown | Exit::Bystander => "shutdown",
                Exit::Killed => "killed",
                Exit::Failed { .. } => "failed",
                Exit::Released => "released",
            };
            self.lines.push(format!("{:?} stopped {}: {word}", child.name, child.incarnation));
        }
        // Called off before it was made, it is on its way already.
        let starts_again = u64::from(std::mem::take(&mut child.has_begun));
        let by_itself = !no_start && !by_hand && exit != Exit::Bystander;
        match verdict {
            Verdict::End => self.over(number, exit, by_itself),
            Verdict::Escalate { .. } => {
                self.closed = true;
                self.ends = Some(FAILED);
                self.over(number, exit, by_itself);
            }
            Verdict::Join => {
                self.waits(number);
                self.children.get_mut(&number).expect("a child").restarts += starts_again;
            }
            Verdict::Restart { after, .. } => {
                child.restarts += starts_again;
                child.status = Status::Restarting;
                self.pause(number, after);
            }
            Verdict::Group { after, .. } => {
                child.restarts += starts_again;
                self.waits(number);
                let from = if self.rules.strategy == Strategy::OneForAll { 0 } else { number };
                self.group = Some(Group { from, after, current: None });
                self.stop_others(from, number);
                if !self.closed {
                    self.open_next();
                }
            }
        }
    }

    fn waits(&mut self, number: u64) {
        let child = self.children.get_mut(&number).expect("a child");
        (child.state, child.status) = (State::Gate, Status::Restarting);
        let step = self.core.waits(number, self.now);
        self.step = self.step.take().or(step);
    }

    fn pause(&mut self, number: u64, after: Duration) {
        if after.is_zero() {
            self.through(number);
        } else {
            let child = self.children.get_mut(&number).expect("a child");
            child.state = State::Pause(self.now + after);
            // A stop that is there already lets nobody wait.
            if child.stops_after.is_some() && child.restart != Restart::Permanent {
                self.through(number);
            }
        }
    }

    /// contract §5, the table of restart types, the limit and the backoff.
    fn judge(&mut self, number: u64, exit: Exit, told: bool) -> Verdict {
        let child = self.children.get_mut(&number).expect("a child");
        let starts_again = match child.restart {
            Restart::Permanent => true,
            Restart::Transient => exit != Exit::Stopped,
            Restart::Temporary => false,
        };
        if self.closed || !starts_again {
            return Verdict::End;
        }
        if told || child.state == State::Gate {
            return Verdict::Join;
        }
        let charged = exit != Exit::Failed { charge: false };
        let (now, limit) = (self.now, self.rules.limit);
        self.charges.retain(|&then| now - then < limit.within);
        let used = u32::try_from(self.charges.len()).expect("few") + u32::from(charged);
        if charged && used > limit.max {
            return Verdict::Escalate { used };
        }
        self.charges.extend(charged.then_some(now));
        // Failures in a row: alone each child has its own, with others they have them together.
        let alone = self.rules.strategy == Strategy::OneForOne;
        let (row, well_since) = match child.state {
            State::Up(since) if alone => (&mut child.streak, Some(since)),
            _ if alone => (&mut child.streak, None),
            _ => (&mut self.streak.0, self.streak.1.take()),
        };
        let (shortest, longest) = self.rules.backoff.unwrap_or((0, 0));
        let well = well_since.map_or(Duration::ZERO, |since| now - since);
        if well >= Duration::from_millis(longest) {
            *row = 0;
        }
        // A later attempt of a message waits as long as the one before.
        let doublings = if charged { *row } else { row.saturating_sub(1) };
        let after = Duration::from_millis((shortest << doublings.min(16)).min(longest));
        *row += u32::from(charged);
        if alone { Verdict::Restart { after, used } } else { Verdict::Group { after, used } }
    }

    /// The child has ended for good.
    fn over(&mut self, number: u64, exit: Exit, by_itself: bool) {
        let child = self.children.get_mut(&number).expect("a child");
        self.dead += child.queue.drain(..).count() as u64 + u64::from(child.kept.take().is_some());
        (child.state, child.status) = (State::Ended, Status::Ended);
        let significant = child.significant;
        let caller = child.first_start.take();
        let stays = child.known && child.restart != Restart::Temporary && !self.closed;
        if !stays {
            self.children.remove(&number);
        }
        self.answer(caller, if matches!(exit, Exit::Failed { .. }) { "failed" } else { "gone" });
        self.step = self.core.gone(number, self.now).1;
        if self.closed || self.told == Some(number) {
            return;
        }
        let left = |child: &Child| child.significant && child.state != State::Ended;
        let is_enough = match self.rules.auto_shutdown {
            AutoShutdown::Never => false,
            AutoShutdown::AnySignificant => true,
            AutoShutdown::AllSignificant => !self.children.values().any(left),
        };
        if significant && by_itself && is_enough {
            assert_eq!(self.step.take(), Some(Step::StopSupervisor));
            self.ends = Some(Exit::Stopped);
            // A group goes on all the same: the supervisor may be waiting for one of it.
            self.step = self.core.go_on(self.now);
        }
        self.turn_is_over(number);
    }

    /// contract §5: the others stop in reverse start order, one at a time, each to its end.
    fn stop_others(&mut self, from: u64, failed: u64) {
        let others: Vec<_> = self.children.range(from..).rev().map(|(&number, _)| number).collect();
        for other in others {
            let state = self.children[&other].state;
            if other == failed || matches!(state, State::Gate | State::Ended) {
                continue;
            }
            assert_eq!(self.step.take(), Some(Step::End(other)), "the core ends the next one");
            self.told = Some(other);
            self.exit(other, Exit::Bystander);
            self.told = None;
        }
    }

    /// contract §5: then they start in start order, each after the one before has started.
    fn open_next(&mut self) {
        let Some(Group { from, after, current }) = &mut self.group else { return };
        let next = self.children.range(*from..).find(|(_, child)| child.state == State::Gate);
        match next.map(|(&number, _)| number) {
            Some(number) => {
                assert_eq!(self.step.take(), Some(Step::Open(number)), "the core opens for the next one");
                *current = Some(number);
                let after = std::mem::take(after);
                assert_eq!(self.core.gate(number), Some(after));
                self.pause(number, after);
            }
            None => {
                assert_eq!(self.step.take(), None, "the core is done with the group");
                self.group = None;
                self.streak.1 = Some(self.now);
            }
        }
    }

    /// contract §5: its children stop in reverse order; then the root decides about it.
    fn supervisor_ends(&mut self, exit: Exit) {
        if self.supervisor == Status::Ended {
            return;
        }
        let again = match self.rules.restart {
            Restart::Permanent => true,
            Restart::Transient => exit != Exit::Stopped,
            Restart::Temporary => false,
        };
        let escalates = again && self.restarts == self.rules.restarts;
        let again = again && !escalates;
        (self.closed, self.group, self.told) = (true, None, None);
        self.core.close();
        let how = if exit == Exit::Killed && !again { Exit::Killed } else { Exit::Shutdown };
        while let Some((&number, child)) = self.children.last_key_value() {
            if child.state == State::Ended {
                self.children.remove(&number);
                self.core.remove(number).expect("it is known");
                continue;
            }
            if matches!(child.state, State::Up(_)) {
                let word = if how == Exit::Killed { "killed" } else { "shutdown" };
                self.lines.push(format!("{:?} stopped {}: {word}", child.name, child.incarnation));
            }
            self.over(number, how, false);
        }
        self.due.clear();
        self.static_failed = false;
        if again {
            self.restarts += 1;
            self.core.reopen();
            (self.closed, self.streak) = (false, (0, None));
            self.charges.clear();
            self.start();
        } else {
            self.supervisor = Status::Ended;
            if escalates {
                self.root = Status::Ended;
            }
        }
    }
}
