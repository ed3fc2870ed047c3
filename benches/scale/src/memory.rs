//! What the process takes of memory: as its allocator is asked, and as the kernel sees it.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    fs,
    sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed},
    time::Duration,
};

/// The system's allocator. Off, it costs one load that is never contended; times are only measured then.
pub struct Counting;

static ON: AtomicBool = AtomicBool::new(false);
static BYTES: AtomicI64 = AtomicI64::new(0);

#[inline]
fn count(bytes: usize, sign: i64) {
    if ON.load(Relaxed) {
        BYTES.fetch_add(sign * i64::try_from(bytes).unwrap_or(i64::MAX), Relaxed);
    }
}

// SAFETY: every call is passed on to `System` unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        // SAFETY: passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        // SAFETY: passed on.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        // SAFETY: passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(layout.size(), -1);
        count(size, 1);
        // SAFETY: passed on.
        unsafe { System.realloc(at, layout, size) }
    }
}

/// Begins to count what is on the heap.
pub fn count_heap() {
    ON.store(true, Relaxed);
}

/// The bytes allocated since and not freed.
pub fn heap() -> i64 {
    BYTES.load(Relaxed)
}

/// Waits until all but `left` bytes have been given back: the last of many tasks may still be on its way out.
pub async fn until_given_back(left: i64) {
    let given_back = async {
        while heap() > left {
            tokio::task::yield_now().await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(10), given_back).await;
    assert!(in_time.is_ok(), "{} bytes are kept, and not {left}", heap());
}

/// The most memory that the process has had resident so far, in bytes.
pub fn peak_resident() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kibibytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024.0)
}
