//! Fixed fields and options in the byte order of the section.

use pcap_parser::nom::error::Error;
use pcap_parser::{parse_option_be, parse_option_le};

/// The byte order of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endian {
    Little,
    Big,
}

impl Endian {
    /// The 16-bit field at `offset` of `bytes`.
    #[inline]
    pub(super) fn u16(self, bytes: &[u8], offset: usize) -> Option<u16> {
        let field = *bytes.get(offset..)?.first_chunk()?;
        Some(if self == Self::Big { u16::from_be_bytes(field) } else { u16::from_le_bytes(field) })
    }

    /// The 32-bit field at `offset` of `bytes`.
    #[inline]
    pub(super) fn u32(self, bytes: &[u8], offset: usize) -> Option<u32> {
        let field = *bytes.get(offset..)?.first_chunk()?;
        Some(if self == Self::Big { u32::from_be_bytes(field) } else { u32::from_le_bytes(field) })
    }

    /// The 64-bit field at `offset` of `bytes`.
    #[inline]
    pub(super) fn u64(self, bytes: &[u8], offset: usize) -> Option<u64> {
        let field = *bytes.get(offset..)?.first_chunk()?;
        Some(if self == Self::Big { u64::from_be_bytes(field) } else { u64::from_le_bytes(field) })
    }
}

/// The options of a block, without their padding, up to `opt_endofopt` or the first that is not whole.
#[derive(Debug)]
pub(super) struct Options<'a> {
    rest: &'a [u8],
    endian: Endian,
}

impl<'a> Options<'a> {
    pub(super) fn new(bytes: &'a [u8], endian: Endian) -> Self {
        Self { rest: bytes, endian }
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let parsed = match self.endian {
            Endian::Little => parse_option_le::<Error<&[u8]>>(self.rest),
            Endian::Big => parse_option_be::<Error<&[u8]>>(self.rest),
        };
        let (after, option) = parsed.ok()?;
        let value = self.rest.get(4..4 + usize::from(option.len))?;
        self.rest = after;
        (option.code.0 != END_OF_OPTIONS).then_some((option.code.0, value))
    }
}

const END_OF_OPTIONS: u16 = 0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_end_where_they_are_no_longer_whole() {
        let bytes = b"\x02\x00\x03\x00abc\0\x09\x00\x01\x00\x06\0\0\0\x02\x00\xFF\x00x";
        let read: Vec<_> = Options::new(bytes, Endian::Little).collect();
        assert_eq!(read, [(2, &b"abc"[..]), (9, &b"\x06"[..])]);
    }

    #[test]
    fn options_are_read_in_the_byte_order_of_the_section() {
        let bytes = b"\x00\x02\x00\x03abc\0\x00\x00\x00\x00\x00\x09\x00\x01\x06\0\0\0";
        let read: Vec<_> = Options::new(bytes, Endian::Big).collect();
        assert_eq!(read, [(2, &b"abc"[..])]);
    }
}
