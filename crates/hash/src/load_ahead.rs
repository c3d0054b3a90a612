//! A hint to the processor.

/// Asks the processor to load `bytes` bytes of `next`, which are read soon: with many lanes each step reads from as many
/// places, more than it foresees by itself.
#[inline(always)]
pub(crate) fn load_ahead(next: &[u8], bytes: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let next = next.get(AHEAD..).unwrap_or_default();
        for line in next.get(..bytes).unwrap_or(next).chunks(LINE) {
            // SAFETY: a hint without effect on memory; the address is that of a live slice.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (next, bytes);
}

// Rationale: a turn further than the one that is read next.
#[cfg(target_arch = "x86_64")]
const AHEAD: usize = 256;
#[cfg(target_arch = "x86_64")]
const LINE: usize = 64;
