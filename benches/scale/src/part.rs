//! The parts of the proof, each a file, and what a cell of one is.

mod alive;
mod failures;
mod mailbox;
mod producers;
mod shutdown;

use std::pin::Pin;

use tokio::runtime::Builder;

use crate::memory;

/// One part: what is measured for each of several sizes.
pub struct Part {
    pub name: &'static str,
    /// What the sizes are sizes of, for the table.
    pub of: &'static str,
    pub sizes: &'static [u64],
    run: fn(Cell) -> Running,
}

type Running = Pin<Box<dyn Future<Output = Found> + Send>>;

macro_rules! part {
    ($name:ident, $of:literal, $sizes:expr) => {
        Part { name: stringify!($name), of: $of, sizes: &$sizes, run: |cell| Box::pin($name::run(cell)) }
    };
}

pub const PARTS: &[Part] = &[
    part!(alive, "actors alive", [1_000, 10_000, 100_000, 1_000_000]),
    part!(failures, "children", [1_000, 10_000, 100_000]),
    part!(producers, "producers", [1, 4, 16, 64]),
    part!(mailbox, "capacity, filled", [1_000, 32_000, 1_000_000]),
    part!(shutdown, "children", [1_000, 10_000, 100_000]),
];

/// One size of one part, measured in a process of its own.
#[derive(Clone, Copy)]
pub struct Cell {
    pub size: u64,
    /// Fewer operations.
    pub quick: bool,
    /// The bytes on the heap are wanted, and not the times.
    pub heap: bool,
}

impl Cell {
    /// The size as a number of things in memory.
    pub fn count(self) -> usize {
        usize::try_from(self.size).expect("as many as fit into memory")
    }

    /// How often something that is done `size` times is repeated, to come to `operations` in all. When bytes are
    /// wanted, once will do.
    pub fn repeats(self, operations: u64) -> u64 {
        if self.heap { 1 } else { operations.div_ceil(self.size) }
    }
}

/// What a cell has found.
#[derive(Default)]
pub struct Found(pub Vec<(&'static str, Unit, f64)>);

impl Found {
    pub fn time(&mut self, cell: Cell, measure: &'static str, nanos: f64) {
        if !cell.heap {
            self.0.push((measure, Unit::Nanos, nanos));
        }
    }

    pub fn heap(&mut self, cell: Cell, measure: &'static str, bytes: f64) {
        if cell.heap {
            self.0.push((measure, Unit::Bytes, bytes));
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Nanos,
    Millis,
    Bytes,
    Megabytes,
}

impl Unit {
    pub const ALL: [Self; 4] = [Self::Nanos, Self::Millis, Self::Bytes, Self::Megabytes];

    /// Whether it is what one of many costs, and so should not grow.
    pub const fn is_per_one(self) -> bool {
        matches!(self, Self::Nanos | Self::Bytes)
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Nanos => "ns",
            Self::Millis => "ms",
            Self::Bytes => "B",
            Self::Megabytes => "MB",
        }
    }
}

/// The runtime of a cell.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Rt {
    MultiThread,
    CurrentThread,
}

impl Rt {
    pub const fn name(self) -> &'static str {
        match self {
            Self::MultiThread => "mt",
            Self::CurrentThread => "ct",
        }
    }

    pub fn parse(name: &str) -> Result<Self, String> {
        match name {
            "mt" => Ok(Self::MultiThread),
            "ct" => Ok(Self::CurrentThread),
            _ => Err(format!("--rt is mt or ct, not {name}")),
        }
    }
}

/// Measures a cell, in this process.
pub fn measure(part: &Part, cell: Cell, rt: Rt) -> Found {
    let mut builder = match rt {
        Rt::MultiThread => Builder::new_multi_thread(),
        Rt::CurrentThread => Builder::new_current_thread(),
    };
    // For current-thread the number of workers has no meaning.
    let runtime = builder.worker_threads(2).enable_time().build().expect("a runtime");
    let mut found =
        runtime.block_on(async { tokio::spawn((part.run)(cell)).await }).expect("a cell ends well");
    drop(runtime);
    if let Some(peak) = memory::peak_resident().filter(|_| !cell.heap) {
        found.0.push(("peak resident", Unit::Megabytes, peak / 1e6));
        assert!(peak < 1e9, "the process had {peak} bytes resident");
    }
    found
}
