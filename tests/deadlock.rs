//! Asks and tells that would wait for ever: contract §6 and §8.

#[path = "support/lab.rs"]
mod lab;

use std::time::Duration;

use lab::{idle, secs};
use postbox::{Reason, prelude::*};

/// Asks the one it knows, which may be itself.
#[derive(Default)]
struct Node {
    next: Option<Recipient<Relay>>,
    other: Option<Recipient<Relay>>,
}

impl Actor for Node {}

/// Goes on to the next node for so many steps.
#[derive(Debug)]
struct Relay(u32);

impl Message for Relay {
    type Reply = Result<u32, String>;
}

impl Handler<Relay> for Node {
    async fn handle(&mut self, Relay(left): Relay, _ctx: &mut Context<Self>) -> Result<u32, String> {
        let (Some(next), 1..) = (&self.next, left) else { return Ok(left) };
        match next.ask(Relay(left - 1)).await {
            Ok(reply) => reply,
            Err(error) => Err(format!("{:?} {error}", error.may_retry())),
        }
    }
}

#[derive(Debug, Message)]
#[message(reply = Vec<String>)]
struct Forms;

/// Each form of a send to itself, with the mailbox full of one message.
impl Handler<Forms> for Node {
    async fn handle(&mut self, _msg: Forms, ctx: &mut Context<Self>) -> Vec<String> {
        let own = ctx.actor_ref();
        let by_message: Recipient<Relay> = own.recipient();
        own.try_tell(Relay(0)).unwrap();
        let mut said = Vec::new();
        said.push(format!("{:?}", own.tell(Relay(0)).await.unwrap_err()));
        said.push(format!("{:?}", by_message.tell(Relay(0)).await.unwrap_err()));
        said.push(format!("{:?}", own.tell(Relay(0)).timeout(secs(1)).await.unwrap_err()));
        said.push(format!("{:?}", own.tell(Relay(0)).deadline(secs(1)).await.unwrap_err()));
        said.push(format!("{:?}", own.ask(Relay(0)).await.unwrap_err()));
        said.push(format!("{:?}", by_message.ask(Relay(0)).await.unwrap_err()));
        said.push(format!("{:?}", own.ask(Relay(0)).timeout(secs(1)).await.unwrap_err()));
        said.push(format!("{:?}", own.ask(Relay(0)).deadline(secs(1)).await.unwrap_err()));
        said.push(format!("{:?}", own.try_ask(Relay(0)).await.unwrap_err()));
        said.push(format!("{:?}", by_message.try_ask(Relay(0)).await.unwrap_err()));
        said
    }
}

#[derive(Debug, Message)]
#[message(reply = bool)]
struct TryTells;

impl Handler<TryTells> for Node {
    async fn handle(&mut self, _msg: TryTells, ctx: &mut Context<Self>) -> bool {
        let own = ctx.actor_ref();
        own.try_tell(Relay(0)).unwrap();
        let by_message: Recipient<Relay> = own.recipient();
        matches!(own.try_tell(Relay(0)), Err(TryTellError::Full { .. }))
            && matches!(by_message.try_tell(Relay(0)), Err(TryTellError::Full { .. }))
    }
}

#[derive(Debug, Message)]
struct Blocks(bool);

impl Handler<Blocks> for Node {
    async fn handle(&mut self, Blocks(ask): Blocks, ctx: &mut Context<Self>) {
        let own = ctx.actor_ref();
        if ask {
            let _ = own.ask(Relay(0)).blocking();
        } else {
            let _ = own.tell(Relay(0)).blocking();
        }
    }
}

/// Knows these from now on.
#[derive(Message)]
struct Knows(Recipient<Relay>, Option<Recipient<Relay>>);

impl Handler<Knows> for Node {
    async fn handle(&mut self, Knows(next, other): Knows, _ctx: &mut Context<Self>) {
        (self.next, self.other) = (Some(next), other);
    }
}

/// Asks both at the same time.
#[derive(Message)]
#[message(reply = (bool, bool))]
struct Both;

impl Handler<Both> for Node {
    async fn handle(&mut self, _msg: Both, _ctx: &mut Context<Self>) -> (bool, bool) {
        let (Some(next), Some(other)) = (&self.next, &self.other) else { return (false, false) };
        let (one, two) = tokio::join!(next.ask(Relay(9)), other.ask(Relay(9)));
        (one.unwrap().is_ok(), two.unwrap().is_ok())
    }
}

/// Nodes that each know the next, the last one the first; without names.
async fn ring(system: &System, names: &[&'static str]) -> Vec<ActorRef<Node>> {
    let node = |name: &&'static str| Node::default().prepare().name(*name).system(system).spawn().unwrap();
    let nodes: Vec<_> = names.iter().map(node).collect();
    for (at, node) in nodes.iter().enumerate() {
        node.tell(Knows(nodes[(at + 1) % nodes.len()].recipient(), None)).await.unwrap();
    }
    idle().await;
    nodes
}

async fn close(system: System) {
    let ledger = system.shutdown(secs(60)).await.ledger;
    assert!(ledger.balances() && ledger.settled() == ledger.accepted, "{ledger}");
    assert_eq!(system.dead_letters().count(Reason::Leaked), 0);
}

/// contract §8: it returns `WouldDeadlock(msg)`; §6: asking oneself → `WouldDeadlock` at once
#[tokio::test(start_paused = true)]
async fn each_form_of_a_send_to_itself_that_would_wait_for_ever_says_so() {
    let system = System::new("itself");
    let node = Node::default().prepare().capacity(1).system(&system).spawn().unwrap();
    let said = node.ask(Forms).await.unwrap();
    assert_eq!(said.len(), 10);
    assert!(said.iter().all(|said| said.starts_with("WouldDeadlock")), "{said:#?}");
    idle().await;
    assert!(node.ask(TryTells).await.unwrap());
    idle().await;
    for ask in [true, false] {
        let blocks = Node::default().prepare().system(&system).spawn().unwrap();
        let error = blocks.ask(Blocks(ask)).await.unwrap_err();
        assert!(error.to_string().contains("must not block"), "{error}");
    }
    drop(node);
    close(system).await;
}

/// contract §6: (checked on request) a cycle of asks → `WouldDeadlock` at once
#[tokio::test(start_paused = true)]
async fn an_ask_that_closes_a_circle_is_refused_with_the_way_around() {
    for names in [&["a", "b"][..], &["a", "b", "c", "d"]] {
        let system = System::builder("circle").detect_deadlocks(true).build();
        let nodes = ring(&system, names).await;
        let error = nodes[0].ask(Relay(9)).await.unwrap().unwrap_err();
        let way: Vec<_> = nodes.iter().rev().map(|node| node.identity().to_string()).collect();
        let way = format!("{} → {}", nodes.last().unwrap().identity(), {
            let mut way: Vec<_> = way.into_iter().rev().collect();
            way.truncate(nodes.len());
            way.join(" → ")
        });
        assert!(error.contains(&way), "{error} does not say {way}");
        assert!(error.starts_with("Some(false)"), "{error}");
        nodes.iter().for_each(ActorRef::stop);
        close(system).await;
    }
}

/// A chain is no circle, and neither is a diamond, however often it is asked.
#[tokio::test(start_paused = true)]
async fn asks_that_close_no_circle_are_answered() {
    let system = System::builder("chain").detect_deadlocks(true).build();
    let nodes = ring(&system, &["a", "b", "c"]).await;
    for _ in 0..3 {
        // It ends at the last one.
        assert_eq!(nodes[0].ask(Relay(2)).await.unwrap().unwrap(), 0);
        assert_eq!(nodes[1].ask(Relay(2)).await.unwrap().unwrap(), 0);
    }
    let end = Node::default().prepare().system(&system).spawn().unwrap();
    let top = Node::default().prepare().system(&system).spawn().unwrap();
    let (left, right) = (&nodes[0], &nodes[1]);
    left.tell(Knows(end.recipient(), None)).await.unwrap();
    right.tell(Knows(end.recipient(), None)).await.unwrap();
    top.tell(Knows(left.recipient(), Some(right.recipient()))).await.unwrap();
    assert_eq!(top.ask(Both).await.unwrap(), (true, true));
    nodes.iter().for_each(ActorRef::stop);
    close(system).await;
}

/// The edge is gone with the ask, also when that is dropped or times out.
#[tokio::test(start_paused = true)]
async fn an_ask_that_was_given_up_is_no_part_of_a_circle() {
    /// Asks the holder, gives up, and goes on for long.
    #[derive(Message)]
    struct Impatient(Recipient<Relay>);

    impl Handler<Impatient> for Node {
        async fn handle(&mut self, msg: Impatient, ctx: &mut Context<Self>) {
            assert!(msg.0.ask(Relay(1)).timeout(secs(1)).await.is_err());
            // From here on the other may ask this one.
            tokio::time::sleep(Duration::from_secs(5)).await;
            let _ = ctx;
        }
    }
    /// Waits, and asks then.
    #[derive(Message)]
    #[message(reply = bool)]
    struct Later(Recipient<Relay>);

    impl Handler<Later> for Node {
        async fn handle(&mut self, msg: Later, _ctx: &mut Context<Self>) -> bool {
            tokio::time::sleep(Duration::from_secs(3)).await;
            msg.0.ask(Relay(0)).await.is_ok()
        }
    }
    let system = System::builder("given up").detect_deadlocks(true).build();
    let one = Node::default().prepare().system(&system).spawn().unwrap();
    let two = Node::default().prepare().system(&system).spawn().unwrap();
    one.tell(Impatient(two.recipient())).await.unwrap();
    assert!(two.ask(Later(one.recipient())).await.unwrap());
    close(system).await;
}

/// contract §6: on request. Without it the asks wait, as long as their timeouts allow.
#[tokio::test(start_paused = true)]
async fn circles_are_not_looked_for_unless_that_is_asked_for() {
    let system = System::new("off");
    let nodes = ring(&system, &["a", "b"]).await;
    let error = nodes[0].ask(Relay(9)).timeout(secs(1)).await.unwrap_err();
    assert!(matches!(error, AskError::Timeout { started: true, .. }), "{error:?}");
    nodes.iter().for_each(ActorRef::kill);
    close(system).await;
}
