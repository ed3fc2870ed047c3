//! Waiting without a sleep: until nobody has anything left to do.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError, Sender},
    },
    task::{Context as TaskContext, Waker},
    thread,
    time::{Duration, Instant},
};

use tokio::runtime::{Handle, RuntimeFlavor};

use super::{Kit, record::lock, tree};
use crate::Status;

/// How many rounds without a turn it takes to say that all is at rest: one more than the actors need, for a
/// task that is none, and wakes one.
const QUIET: u32 = 2;

impl Kit {
    /// Waits until all is at rest.
    pub(super) async fn settle(&self) {
        let begun = Instant::now();
        let mut quiet = 0;
        while quiet < QUIET {
            quiet = if self.quiet_round().await { quiet + 1 } else { 0 };
            self.bark(begun, "to settle");
        }
    }

    /// Moves the clock on. Tokio moves a paused clock when nobody can run, to the timer that is due next.
    pub(super) async fn advance(&self, duration: Duration) {
        self.settle().await;
        let mut passing = pin!(tokio::time::sleep(duration));
        let mut seen = tokio::time::Instant::now();
        let bell = Bell::every(self.limit());
        poll_fn(|cx| {
            if bell.has_rung(cx) {
                let now = tokio::time::Instant::now();
                assert!(now > seen, "{}", self.in_vain("for the clock to move on"));
                seen = now;
            }
            passing.as_mut().poll(cx)
        })
        .await;
        self.settle().await;
    }

    /// Waits until `look` finds something. The clock does not move meanwhile; who wants it to moves it.
    pub(super) async fn wait_for<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(found) = look() {
                return found;
            }
            if self.quiet_round().await {
                // Nothing of ours can bring it about any more. Another thread may, and wants the core.
                std::thread::yield_now();
            }
            self.bark(begun, what);
        }
    }

    fn bark(&self, begun: Instant, what: &str) {
        if begun.elapsed() > self.limit() {
            panic!("{}", self.in_vain(what));
        }
    }

    fn in_vain(&self, what: &str) -> String {
        let (limit, states) = (self.limit(), tree::without_probes(self));
        format!("waited {what} for {limit:?} of real time, in vain; the clock was not moved\n{states}")
    }

    /// Lets everybody run who can, once. True: no actor did, and none has a message it could take.
    async fn quiet_round(&self) -> bool {
        let turns = self.record.turns();
        // Whoever has yielded is queued again by the time this returns, and so is whoever a timer was due for:
        // tokio looks at both when its queue is empty, and every so often.
        tokio::task::yield_now().await;
        let runtime = Handle::current();
        assert_eq!(
            runtime.runtime_flavor(),
            RuntimeFlavor::CurrentThread,
            "the test kit needs a current-thread runtime"
        );
        // The queue of this runtime is first in, first out. So everybody who was queued before has run when
        // this task has.
        let _ran = runtime.spawn(std::future::ready(())).await;
        turns == self.record.turns() && self.is_still()
    }

    /// Whether no mailbox holds a message that its actor could take. Turns come first: this finds what other
    /// threads are about to set off.
    fn is_still(&self) -> bool {
        let pages = self.record.pages();
        self.system.home.alive().iter().all(|seat| {
            let ledger = seat.ledger();
            let takes = seat.common().status() == Status::Running && ledger.in_flight == 0;
            !takes || ledger.queued == 0 || pages.orders.holds(seat.common().identity.id())
        })
    }
}

/// Wakes a task again and again by the real clock, also while actors keep its runtime busy.
struct Bell {
    face: Arc<Face>,
    /// Dropped, it ends the thread.
    _stop: Sender<()>,
}

#[derive(Default)]
struct Face {
    rung: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Bell {
    fn every(period: Duration) -> Self {
        let face = Arc::<Face>::default();
        let (stop, stopped) = mpsc::channel::<()>();
        let own = Arc::clone(&face);
        // Not waited for: it ends by itself as soon as the bell is dropped.
        drop(thread::spawn(move || {
            while stopped.recv_timeout(period) == Err(RecvTimeoutError::Timeout) {
                own.rung.store(true, Ordering::SeqCst);
                let waker = lock(&own.waker).take();
                waker.into_iter().for_each(Waker::wake);
            }
        }));
        Self { face, _stop: stop }
    }

    fn has_rung(&self, cx: &TaskContext<'_>) -> bool {
        let old = lock(&self.face.waker).replace(cx.waker().clone());
        drop(old);
        // After the waker is there, so that a ring between the two is not missed.
        self.face.rung.swap(false, Ordering::SeqCst)
    }
}
