use std::sync::Arc;

use super::*;
use crate::{Actor, ActorRef, Context, Handle, Handler, Message, StopReason, System};

struct Observe(Handle);
impl Message for Observe {
    type Reply = ();
}

struct Any;
impl Actor for Any {}
impl Handler<Observe> for Any {
    async fn handle(&mut self, msg: Observe, ctx: &mut Context<Self>) {
        ctx.watch(&msg.0);
    }
}

fn any(system: &System) -> ActorRef<Any> {
    Any.prepare().system(system).spawn().unwrap()
}

fn sizes(of: &Handle) -> (usize, usize) {
    let ties = of.seat().common().ties().expect("it is watched or watches");
    ties.state().held.as_ref().map_or((0, 0), |held| (held.watchers.len(), held.watches.len()))
}

/// Else a long-lived actor would hold the memory of every watcher it ever had.
#[tokio::test(start_paused = true)]
async fn watchers_that_end_and_watches_that_are_told_leave_nothing_behind() {
    let system = System::new("ties");
    let (w, t) = (any(&system), any(&system));
    for _ in 0..10 {
        let short = any(&system);
        short.ask(Observe(t.handle())).await.unwrap();
        w.ask(Observe(short.handle())).await.unwrap();
        assert_eq!((sizes(&w.handle()), sizes(&t.handle())), ((0, 1), (1, 0)));
        let handle = short.handle();
        drop(short);
        handle.ended().await;
        tokio::task::yield_now().await;
        assert_eq!((sizes(&w.handle()), sizes(&t.handle())), ((0, 0), (0, 0)));
    }
}

/// The end of an actor without ties must be seen by the first who ties itself to it, and costs nothing.
#[tokio::test(start_paused = true)]
async fn an_actor_that_ended_without_ties_gets_none() {
    let system = System::new("no ties");
    let t = any(&system);
    t.stop();
    t.ended().await;
    let handle = t.handle();
    assert!(handle.seat().common().ties_or_init().is_none());
}

/// The race of two ends: each has taken its links away, and then comes to break the other's.
#[tokio::test(start_paused = true)]
async fn a_link_that_is_gone_cannot_be_broken() {
    let system = System::new("links");
    let (a, b) = (any(&system).handle(), any(&system).handle());
    let (ties, id) = (Ties::default(), b.identity().id());
    for _ in 0..2 {
        assert!(ties.add_link(id, Arc::downgrade(b.seat())));
        let _taken = ties.take_links();
        assert!(!ties.break_link(b.identity(), &StopReason::Killed));
        assert!(ties.next_broken(&**a.seat()).is_none());
    }
    assert!(ties.add_link(id, Arc::downgrade(b.seat())));
    assert!(!ties.break_link(b.identity(), &StopReason::Stopped) && !ties.take_link(id));
}

/// The race of a watch with an end: both sides may write the notice, and one of them does.
#[tokio::test(start_paused = true)]
async fn a_notice_is_written_once_for_each_watch_and_never_without_one() {
    let system = System::new("notes");
    let (w, t) = (any(&system).handle(), any(&system).handle());
    t.kill();
    t.ended().await;
    let (ties, id) = (Ties::default(), t.identity().id());
    let of = || Terminated::of(t.seat().common()).expect("it has ended");
    assert!(!ties.note(of(), &**w.seat()), "there is no watch");
    for _ in 0..2 {
        assert!(ties.add_watch(id, Arc::downgrade(t.seat()), How::Hook).is_ok());
        assert!(ties.note(of(), &**w.seat()));
        assert!(!ties.note(of(), &**w.seat()), "there is a notice");
        let (_watch, notice) = ties.take_watch(id).expect("it is watched");
        assert!(notice.is_some());
        assert!(!ties.note(of(), &**w.seat()), "the watch has been taken back");
        assert!(ties.next(Mark { ordinary: u64::MAX, urgent: u64::MAX }, &**w.seat()).is_none());
    }
}
