//! What the dictionary and the sorted list have in common: workers that send one request after the other to one
//! server, and a master that waits for them.
//!
//! A request carries the reference of its worker, and the reply is a message to it: as published, nothing is asked.

use std::{marker::PhantomData, time::Instant};

use crate::{
    framework::{Cx, Framework, Role, asked_nothing},
    kit::{CAPACITY, Random, Report},
    plan::Sample,
};

/// `E`
pub const WORKERS: u64 = 20;

/// The data that is shared, and what the workers do with it.
pub trait Store: Sized + Send + 'static {
    /// What a worker can want.
    type Request: Copy + Send + 'static;

    /// Draws a request.
    fn draw(random: &mut Random) -> Self::Request;
    /// Whether it changes the data.
    fn writes(request: Self::Request) -> bool;
    /// Serves it.
    fn serve(&mut self, request: Self::Request) -> u64;
    /// Panics unless `reply` is a possible answer to one that has written `wrote` times before.
    fn check_reply(request: Self::Request, reply: u64, wrote: u64);
    /// Panics unless the data is what `written` writes can have made of it.
    fn check(&self, written: u64);
}

pub struct Server<F, S> {
    store: S,
    served: u64,
    written: u64,
    report: Report<Served>,
    framework: PhantomData<fn() -> F>,
}

struct Served {
    all: u64,
    written: u64,
}

pub enum Serve<F: Framework, S: Store> {
    Request(S::Request, F::Ref<Worker<F, S>>),
    End,
}

impl<F: Framework, S: Store> Role<F> for Server<F, S> {
    type Msg = Serve<F, S>;

    async fn on(&mut self, msg: Serve<F, S>, cx: &mut impl Cx<F, Self>) {
        match msg {
            Serve::Request(request, worker) => {
                self.served += 1;
                self.written += u64::from(S::writes(request));
                let reply = self.store.serve(request);
                F::tell(&worker, Work::Reply(reply)).await;
            }
            Serve::End => {
                self.report.send(Served { all: self.served, written: self.written });
                self.store.check(self.written);
                cx.stop();
            }
        }
    }

    asked_nothing!();
}

pub struct Worker<F: Framework, S: Store> {
    random: Random,
    left: u64,
    wrote: u64,
    pending: Option<S::Request>,
    server: F::Ref<Server<F, S>>,
    master: F::Ref<Master<F, S>>,
}

pub enum Work {
    Start,
    Reply(u64),
}

impl<F: Framework, S: Store> Role<F> for Worker<F, S> {
    type Msg = Work;

    async fn on(&mut self, msg: Work, cx: &mut impl Cx<F, Self>) {
        match (msg, self.pending.take()) {
            (Work::Start, None) => {}
            (Work::Reply(reply), Some(request)) => S::check_reply(request, reply, self.wrote),
            _ => panic!("a reply without a request"),
        }
        if self.left == 0 {
            F::tell(&self.master, Through { wrote: self.wrote }).await;
            cx.stop();
            return;
        }
        self.left -= 1;
        let request = S::draw(&mut self.random);
        self.wrote += u64::from(S::writes(request));
        self.pending = Some(request);
        F::tell(&self.server, Serve::Request(request, cx.me())).await;
    }

    asked_nothing!();
}

pub struct Master<F: Framework, S: Store> {
    through: u64,
    wrote: u64,
    server: F::Ref<Server<F, S>>,
    report: Report<u64>,
}

/// A worker is through, and has written so often.
pub struct Through {
    wrote: u64,
}

impl<F: Framework, S: Store> Role<F> for Master<F, S> {
    type Msg = Through;

    async fn on(&mut self, Through { wrote }: Through, cx: &mut impl Cx<F, Self>) {
        self.through += 1;
        self.wrote += wrote;
        if self.through == WORKERS {
            self.report.send(self.wrote);
            F::tell(&self.server, Serve::End).await;
            cx.stop();
        }
    }

    asked_nothing!();
}

/// Runs `WORKERS` workers with `requests` requests each against `store`.
pub async fn run<F: Framework, S: Store>(store: S, requests: u64) -> Sample {
    let (report, served) = Report::new();
    let server = Server { store, served: 0, written: 0, report, framework: PhantomData };
    let server = F::spawn::<Server<F, S>>(server, CAPACITY).await;
    let (report, wrote) = Report::new();
    let master = Master { through: 0, wrote: 0, server: server.clone(), report };
    let master = F::spawn::<Master<F, S>>(master, CAPACITY).await;
    let mut workers = Vec::new();
    for number in 0..WORKERS {
        let worker = Worker {
            random: Random::new(number + requests),
            left: requests,
            wrote: 0,
            pending: None,
            server: server.clone(),
            master: master.clone(),
        };
        workers.push(F::spawn::<Worker<F, S>>(worker, CAPACITY).await);
    }
    let start = Instant::now();
    for worker in &workers {
        F::tell(worker, Work::Start).await;
    }
    let wrote = wrote.await.expect("all workers come through");
    let all = WORKERS * requests;
    let sample = Sample::since(start, all);
    let served = served.await.expect("the server ends");
    assert_eq!(served.all, all);
    assert_eq!(served.written, wrote);
    sample
}
