//! A stretch of a packet: what was captured of it, and how long it was on the wire.

/// The captured prefix of `wire` bytes.
///
/// # Invariants
/// - `bytes.len() <= wire`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cut<'a> {
    /// The captured bytes, from the first on.
    pub bytes: &'a [u8],
    /// Length on the wire in bytes.
    pub wire: usize,
}

impl<'a> Cut<'a> {
    /// `bytes` of which `wire` were sent; a capture that claims to hold more than was sent is cut.
    #[inline]
    pub fn new(bytes: &'a [u8], wire: usize) -> Self {
        Self { bytes: bytes.get(..wire).unwrap_or(bytes), wire }
    }

    /// Drops the first `n` bytes; `None` if fewer were sent.
    #[inline]
    pub fn skip(self, n: usize) -> Option<Self> {
        let wire = self.wire.checked_sub(n)?;
        Some(Self { bytes: self.bytes.get(n..).unwrap_or(&[]), wire })
    }

    /// The first `n` bytes: what follows them is padding or a trailer.
    #[inline]
    pub fn trim(self, n: usize) -> Self {
        Self::new(self.bytes, self.wire.min(n))
    }

    /// The captured bytes from `offset`, if `N` of them are there.
    #[inline]
    pub fn array<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        self.bytes.get(offset..)?.first_chunk::<N>().copied()
    }

    /// The byte at `offset`, if captured.
    #[inline]
    pub fn u8(&self, offset: usize) -> Option<u8> {
        self.bytes.get(offset).copied()
    }

    /// The big-endian number at `offset`, if captured.
    #[inline]
    pub fn u16(&self, offset: usize) -> Option<u16> {
        self.array(offset).map(u16::from_be_bytes)
    }

    /// The big-endian number at `offset`, if captured.
    #[inline]
    pub fn u32(&self, offset: usize) -> Option<u32> {
        self.array(offset).map(u32::from_be_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipping_past_the_capture_keeps_the_length_on_the_wire() {
        let rest = Cut::new(&[1, 2, 3], 10).skip(5).expect("10 bytes were sent");
        assert_eq!((rest.bytes, rest.wire), (&[][..], 5));
        assert!(rest.skip(6).is_none());
    }
}
