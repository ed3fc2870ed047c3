//! The random plan of a run: everything in it follows from the seed.

use std::time::Duration;

use postbox::{AutoShutdown, Backoff, Limit, Overflow, Restart, Shutdown, Supervision};

/// `SplitMix64`, of Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
#[derive(Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// A number below `end`.
    pub(crate) const fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A place in a list of this length.
    pub(crate) fn place(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).expect("below a length")
    }

    /// True in so many of a thousand cases.
    pub(crate) const fn permille(&mut self, share: u64) -> bool {
        self.below(1_000) < share
    }

    /// From nothing up to this, in milliseconds.
    pub(crate) const fn millis(&mut self, most: u64) -> Duration {
        Duration::from_millis(self.below(most + 1))
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.place(from.len())]
    }
}

pub(crate) const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

/// On how many threads a run goes, and so by which clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Threads {
    /// The clock is paused, and the seed replays.
    One,
    Several,
}

/// What the random run is made of.
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) threads: Threads,
    pub(crate) nodes: Vec<NodePlan>,
    /// Senders from outside, and how many steps each takes.
    pub(crate) drivers: usize,
    pub(crate) steps: usize,
}

/// A place in the trees. Who sits in it changes when its supervisor starts anew.
pub(crate) struct NodePlan {
    pub(crate) name: String,
    /// Whether it belongs to its references and not to a supervisor.
    pub(crate) free: bool,
    /// `None`: below the topmost supervisor, or free.
    pub(crate) parent: Option<usize>,
    pub(crate) children: Vec<usize>,
    pub(crate) restart: Restart,
    pub(crate) shutdown: Shutdown,
    pub(crate) capacity: usize,
    pub(crate) overflow: Overflow,
    pub(crate) significant: bool,
    pub(crate) supervision: Supervision,
    pub(crate) limit: Limit,
    /// When it stops because significant children have ended.
    pub(crate) auto_shutdown: AutoShutdown,
    /// Whether its children restart together.
    pub(crate) grouped: bool,
    /// Whether it fails in its own start when a child does.
    pub(crate) needs_children: bool,
}

/// How many actors the trees of a large run have.
pub(crate) const LARGE: usize = 500;

impl Plan {
    pub(crate) fn new(seed: u64, threads: Threads) -> Self {
        let mut rng = Rng::new(seed);
        let large = seed.is_multiple_of(11);
        let count = if large { LARGE } else { 10 + rng.place(51) };
        let depth = 2 + rng.place(3);
        let roots = 1 + count / 40;
        let free = roots..roots + 1 + count / 25;
        let mut nodes: Vec<NodePlan> = Vec::with_capacity(count);
        let mut depths = Vec::with_capacity(count);
        for number in 0..count {
            let parent = (number >= free.end).then(|| {
                loop {
                    let parent = rng.place(number);
                    if depths[parent] < depth {
                        break parent;
                    }
                }
            });
            depths.push(parent.map_or(1, |parent| depths[parent] + 1));
            let mut node = NodePlan::new(number, parent, threads, &mut rng);
            if let Some(parent) = parent {
                let parent = &mut nodes[parent];
                parent.children.push(number);
                // It is refused anywhere else.
                let may_be =
                    parent.auto_shutdown != AutoShutdown::Never && node.restart != Restart::Permanent;
                node.significant = may_be && rng.permille(600);
            }
            node.free = free.contains(&number);
            nodes.push(node);
        }
        let (drivers, steps) = if large { (32, 600) } else { (8, 300) };
        Self { seed, threads, nodes, drivers, steps }
    }

    pub(crate) fn is_exact(&self) -> bool {
        self.threads == Threads::One
    }
}

impl NodePlan {
    fn new(number: usize, parent: Option<usize>, threads: Threads, rng: &mut Rng) -> Self {
        let restart = match rng.below(10) {
            _ if parent.is_none() => Restart::Permanent,
            0..7 => Restart::Permanent,
            7 | 8 => Restart::Transient,
            _ => Restart::Temporary,
        };
        let shutdown = match rng.below(10) {
            0 => Shutdown::Kill,
            1 | 2 => Shutdown::Unbounded,
            3..7 => Shutdown::Within(Duration::from_millis(1 + rng.below(10))),
            _ => Shutdown::default(),
        };
        let limit = match threads {
            Threads::One => {
                let within = rng.pick(&[5, 50, 500, 3_600_000]);
                Limit::new(u32::try_from(rng.below(8)).expect("below 8"), Duration::from_millis(within))
            }
            // By a clock that runs, what falls out of the window is known only roughly: so nothing does.
            Threads::Several => Limit::new(rng.pick(&[0, 3, 10, 30]), Duration::from_secs(3_600)),
        };
        // Without jitter: that one is random in another way, and would not replay.
        let backoff = match rng.below(4) {
            0 => {
                let min = 1 + rng.below(4);
                Backoff::exponential(Duration::from_millis(min), Duration::from_millis(min * 8))
            }
            _ => Backoff::none(),
        };
        let (supervision, grouped) = match rng.below(4) {
            0 => (Supervision::one_for_all(), true),
            1 => (Supervision::rest_for_one(), true),
            _ => (Supervision::one_for_one(), false),
        };
        let supervision = if rng.permille(200) { supervision.stop_together() } else { supervision };
        let auto_shutdown = match rng.below(8) {
            0 => AutoShutdown::AnySignificant,
            1 => AutoShutdown::AllSignificant,
            _ => AutoShutdown::Never,
        };
        let overflow = match rng.below(8) {
            0 => Overflow::DropNewest,
            1 => Overflow::DropOldest,
            _ => Overflow::Wait,
        };
        let supervision = supervision.auto_shutdown(auto_shutdown).limit(limit.max, limit.within);
        Self {
            name: format!("node-{number}"),
            free: false,
            parent,
            children: Vec::new(),
            restart,
            shutdown,
            capacity: 4 + rng.place(13),
            overflow,
            significant: false,
            supervision: supervision.backoff(backoff),
            limit,
            auto_shutdown,
            grouped,
            needs_children: rng.permille(300),
        }
    }
}
