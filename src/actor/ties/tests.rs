use crate::{Actor, ActorRef, Context, Handle, Handler, Message, System};

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
