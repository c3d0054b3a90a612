//! A message: a stretch of slices that concatenate to it.

/// Bytes to hash, where they lie.
///
/// # Invariants
/// - The slices hold at least `skip + len` bytes, and the first one at least `skip`.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    pub(crate) runs: &'a [&'a [u8]],
    /// Bytes of the first slice that are before the message.
    pub(crate) skip: usize,
    pub(crate) len: u64,
}

impl<'a> Message<'a> {
    /// All bytes of the slices, one slice after the other.
    pub fn new(runs: &'a [&'a [u8]]) -> Self {
        Self { runs, skip: 0, len: runs.iter().map(|run| run.len() as u64).sum() }
    }

    /// The first `content` bytes of the slices, cut into messages of `size` bytes; the last one may be shorter. Where the
    /// slices hold fewer, those; no message for no bytes.
    ///
    /// # Panics
    /// When `size` is 0.
    pub fn cut(runs: &'a [&'a [u8]], content: u64, size: u64) -> impl Iterator<Item = Self> {
        assert!(size > 0, "a message of no bytes would be cut forever");
        let mut left = content.min(Self::new(runs).len);
        let (mut runs, mut skip) = (runs, 0);
        std::iter::from_fn(move || {
            let len = size.min(left);
            let message = (len > 0).then_some(Self { runs, skip, len });
            left -= len;
            let mut step = len;
            while let Some((run, rest)) = runs.split_first() {
                let here = (run.len() - skip) as u64;
                if step < here {
                    skip += step as usize;
                    break;
                }
                step -= here;
                (runs, skip) = (rest, 0);
            }
            message
        })
    }

    /// How many bytes it has.
    pub fn bytes(&self) -> u64 {
        self.len
    }
}
