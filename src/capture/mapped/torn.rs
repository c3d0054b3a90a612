//! Mapped files that are cut off under their reader.
//!
//! Touching a page behind the new end of such a file, or one that the disk cannot give, ends a process with `SIGBUS`.
//! Here a handler puts empty pages in the place of those that are gone and notes that it did: the reader goes on over
//! zeros to where it asks ([`Watch::is_torn`]), and its run ends with an error instead.
//!
//! # SAFETY contract
//!
//! - A node of the list is never freed, and none is taken out of the list, so a handler walks it at any moment.
//! - A node's range is that of a live mapping of whole pages, or empty: [`Watch`] empties it before its mapping goes.
//! - The handler calls nothing but atomics, `mmap`, `sigaction` and the handler before it.

use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

/// A mapping that is watched.
#[derive(Debug)]
pub(super) struct Watch(&'static Node);

#[derive(Debug)]
struct Node {
    /// First byte; 0 for a node that is free.
    start: AtomicUsize,
    /// Behind the last byte.
    end: AtomicUsize,
    torn: AtomicBool,
    next: AtomicPtr<Node>,
}

static NODES: AtomicPtr<Node> = AtomicPtr::new(ptr::null_mut());
static BEFORE: OnceLock<libc::sigaction> = OnceLock::new();

impl Watch {
    /// Watches the mapping of `bytes`.
    pub(super) fn over(bytes: &[u8]) -> Self {
        let start = bytes.as_ptr() as usize;
        let node = nodes().find(|node| {
            // Taken by a value that is no address, so that nobody else takes it.
            node.start.compare_exchange(0, usize::MAX, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        });
        let node = node.unwrap_or_else(|| {
            let node: &'static mut Node = Box::leak(Box::new(Node {
                start: AtomicUsize::new(usize::MAX),
                end: AtomicUsize::new(0),
                torn: AtomicBool::new(false),
                next: AtomicPtr::new(ptr::null_mut()),
            }));
            let mut first = NODES.load(Ordering::Acquire);
            loop {
                *node.next.get_mut() = first;
                match NODES.compare_exchange(first, node, Ordering::AcqRel, Ordering::Acquire) {
                    Ok(_) => break node,
                    Err(other) => first = other,
                }
            }
        });
        node.torn.store(false, Ordering::Relaxed);
        node.end.store(start.saturating_add(bytes.len()), Ordering::Release);
        node.start.store(start, Ordering::Release);
        Self(node)
    }

    /// Returns true if a page of the mapping was gone when it was read.
    pub(super) fn is_torn(&self) -> bool {
        self.0.torn.load(Ordering::Acquire)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.end.store(0, Ordering::Release);
        self.0.start.store(0, Ordering::Release);
    }
}

fn nodes() -> impl Iterator<Item = &'static Node> {
    // SAFETY: pointers in the list are null or lead to leaked nodes.
    let at = |node: &AtomicPtr<Node>| unsafe { node.load(Ordering::Acquire).as_ref() };
    std::iter::successors(at(&NODES), move |node| at(&node.next))
}

/// Has the process outlive a mapped file that is cut off; see the module. Once for the process; what cannot be set up is
/// as it was.
pub(in super::super) fn catch() {
    BEFORE.get_or_init(|| {
        // SAFETY: all zero is a valid `sigaction`, that of no handler and no flags; both pointers are to live values.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_fault as *const () as usize;
            // On the stack that Rust keeps for handlers, as a thread may have no room left on its own.
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            let mut before: libc::sigaction = std::mem::zeroed();
            libc::sigaction(libc::SIGBUS, &action, &mut before);
            before
        }
    });
}

extern "C" fn on_fault(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the system hands a handler with SA_SIGINFO a valid `siginfo_t`.
    let at = unsafe { (*info).si_addr() } as usize;
    for node in nodes() {
        let (start, end) = (node.start.load(Ordering::Acquire), node.end.load(Ordering::Acquire));
        if (start..end).contains(&at) && replace(at, end) {
            node.torn.store(true, Ordering::Release);
            return;
        }
    }
    before(signal, info, context);
}

/// Puts pages of zeros from that of `at` to `end`.
fn replace(at: usize, end: usize) -> bool {
    // Rationale: the smallest page of any system; a mapping begins and ends with a whole page of whatever size.
    let page = usize::try_from(page_size()).unwrap_or(4_096).max(4_096);
    let from = at - at % page;
    // SAFETY: the range is inside a live mapping of ours (see the contract), whose pages nobody can read as they are; new
    // ones take their place at once, and are private and readable as the old ones were.
    let got = unsafe {
        libc::mmap(
            from as *mut libc::c_void,
            end - from,
            libc::PROT_READ,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED,
            -1,
            0,
        )
    };
    got != libc::MAP_FAILED
}

fn page_size() -> libc::c_long {
    // SAFETY: a question without effect.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) }
}

/// A fault of somebody else's: what would have happened without this module.
fn before(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let handler = BEFORE.get().map_or(libc::SIG_DFL, |before| before.sa_sigaction);
    let with_info = BEFORE.get().is_some_and(|before| before.sa_flags & libc::SA_SIGINFO != 0);
    // SAFETY: the handler is one that was installed for this signal, with the flags that say how it is called. Without
    // one, the default comes back, and the fault is met again by it.
    unsafe {
        if handler != libc::SIG_DFL && handler != libc::SIG_IGN && with_info {
            let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
                std::mem::transmute(handler);
            handler(signal, info, context);
        } else {
            let mut default: libc::sigaction = std::mem::zeroed();
            default.sa_sigaction = libc::SIG_DFL;
            libc::sigaction(signal, &default, ptr::null_mut());
        }
    }
}

#[cfg(all(test, not(miri)))]
mod tests {
    use std::fs::File;

    use super::super::Mapping;
    use super::*;

    #[test]
    fn a_file_that_is_cut_off_reads_as_zeros_behind_its_new_end_and_says_so() {
        catch();
        let place = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(place.path(), [7; 300_000]).expect("written");
        let whole = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(whole.path(), [8; 300_000]).expect("written");
        let [map, other] =
            [&place, &whole].map(|file| Mapping::new(&File::open(file.path()).expect("opened")).expect("mapped"));
        let shrink = File::options().write(true).open(place.path()).expect("opened");
        shrink.set_len(100_000).expect("cut");
        assert!(!map.is_torn());
        let sum = |bytes: &[u8]| bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>();
        // From two threads at once, both of which meet what is gone.
        std::thread::scope(|scope| {
            let sums = [0, 1].map(|_| scope.spawn(|| sum(map.bytes())));
            sums.into_iter().for_each(|thread| assert_eq!(thread.join().expect("no signal"), 700_000));
        });
        assert!(map.is_torn() && !other.is_torn());
        assert_eq!(sum(other.bytes()), 2_400_000);
        drop(map);
        // The place of the first one is taken again.
        let again = Mapping::new(&File::open(whole.path()).expect("opened")).expect("mapped");
        assert!(!again.is_torn() && sum(again.bytes()) == 2_400_000);
    }
}
