//! Counts allocations, reads memory and time of this process.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use rc4::{KeyInit, Rc4, StreamCipher};
use sha1::Digest;

/// The system's allocator, counted.
pub struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`; `ptr` came from `System`.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        // SAFETY: the caller keeps the contract of `realloc`; `ptr` came from `System`.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

/// Allocations and reallocations of this process so far.
pub fn allocations() -> u64 {
    ALLOCATIONS.load(Relaxed)
}

/// The most memory that `work` had resident, in bytes, read every five milliseconds: anonymous, file-backed.
pub fn memory<T>(work: impl FnOnce() -> T) -> (T, u64, u64) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let (mut anonymous, mut file) = (0, 0);
            while !done.load(Relaxed) {
                let (a, f) = resident();
                (anonymous, file) = (anonymous.max(a), file.max(f));
                std::thread::sleep(Duration::from_millis(5));
            }
            (anonymous, file)
        });
        let result = work();
        let last = resident();
        done.store(true, Relaxed);
        let (anonymous, file) = watch.join().expect("the watch does not panic");
        (result, anonymous.max(last.0), file.max(last.1))
    })
}

/// How long this thread has run on a processor; waiting for one does not count.
pub fn on_processor() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split_whitespace().next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0))
}

fn resident() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    (field("RssAnon:").unwrap_or(0) << 10, field("RssFile:").unwrap_or(0) << 10)
}

/// How long it takes to hash `total` bytes, unit by unit, from memory, on `threads` threads.
pub fn plain<D: Digest>(total: u64, unit: u64, threads: usize) -> Duration {
    let bytes = noise();
    let units = total / unit;
    let start = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..threads as u64 {
            let bytes = &bytes;
            scope.spawn(move || {
                let mut chunks = bytes.chunks_exact(unit as usize).cycle();
                for _ in (thread..units).step_by(threads) {
                    std::hint::black_box(D::digest(chunks.next().expect("an endless cycle")));
                }
            });
        }
    });
    start.elapsed()
}

/// How long it takes to decrypt `total` bytes with RC4 in memory; one direction is one key stream, and so one thread.
pub fn plain_rc4(total: u64) -> Duration {
    rc4(total, |_| {})
}

/// Time of RC4 where the decrypted bytes are kept: in a new file, as memory is bounded.
pub fn kept_rc4(total: u64) -> Duration {
    let mut file = tempfile::tempfile().expect("room for a file");
    rc4(total, |bytes| file.write_all(bytes).expect("room in the file"))
}

fn rc4(total: u64, mut keep: impl FnMut(&[u8])) -> Duration {
    let mut bytes = noise();
    let mut cipher = Rc4::new_from_slice(&[7; 20]).expect("RC4 takes such a key");
    let start = Instant::now();
    let mut left = total as usize;
    while left > 0 {
        // As much at once as stays in a cache.
        for part in bytes.chunks_mut(1 << 20).take(left.div_ceil(1 << 20)) {
            cipher.apply_keystream(part);
            keep(part);
            left = left.saturating_sub(part.len());
        }
    }
    std::hint::black_box(&bytes);
    start.elapsed()
}

/// More of it than a cache holds.
fn noise() -> Vec<u8> {
    let mut bytes = vec![0_u8; 64 << 20];
    super::content::Noise::default().fill(&mut bytes);
    bytes
}
