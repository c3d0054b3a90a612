//! Where bytes of an input lie in it, and back.

use super::CaptureSet;

/// The offset in `whole` of `part`, a slice of it; `None` where it is none.
pub(super) fn offset_in(whole: &[u8], part: &[u8]) -> Option<u64> {
    let offset = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
    (offset.checked_add(part.len())? <= whole.len()).then_some(offset as u64)
}

impl CaptureSet {
    /// Where `bytes` lie in the input with index `file`: an offset in its decompressed content; `None` where they are no
    /// slice of it.
    pub fn offset_of(&self, file: u16, bytes: &[u8]) -> Option<u64> {
        offset_in(self.content(file)?, bytes)
    }

    /// `len` bytes from `offset` on in the content of the input with index `file`, where it holds them.
    pub fn bytes_at(&self, file: u16, offset: u64, len: u32) -> Option<&[u8]> {
        let offset = usize::try_from(offset).ok()?;
        self.content(file)?.get(offset..offset.checked_add(len as usize)?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::LE;
    use super::*;

    #[test]
    fn a_slice_is_found_again_where_it_lies() {
        let capture = [LE.pcap(0xA1B2_C3D4, 1), LE.record(1, 0, 4, b"abcd")].concat();
        let set = CaptureSet::from_bytes(vec![("a.pcap".to_owned(), capture)]).expect("a capture");
        let whole = set.bytes_at(0, 0, 24).expect("a file header");
        assert_eq!(set.offset_of(0, &whole[7..9]), Some(7));
        assert_eq!(set.bytes_at(0, 7, 2), Some(&whole[7..9]));
        assert_eq!(set.offset_of(0, &[1, 2]), None, "bytes of nobody");
        assert_eq!((set.offset_of(1, whole), set.bytes_at(1, 0, 1)), (None, None), "no such input");
        assert_eq!(set.bytes_at(0, u64::MAX, 1), None);
    }
}
