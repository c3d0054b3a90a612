//! TLS of SSL torrents (libtorrent): peers of one speak TLS, and the Client Hello names the info-hash, in hex, as the server
//! name (RFC 6066 section 3). Nothing else of it can be read.

use crate::ends::{Direction, InfoHash};
use crate::limits::TLS_HELLO_BYTES;
use crate::stream::StreamItem;

/// The watch on the first bytes of a connection.
#[derive(Debug, Default)]
pub(super) enum TlsWatch {
    /// Nothing of it came.
    #[default]
    Fresh,
    /// The beginning of a Client Hello of this side, not whole.
    Begun(Direction, Vec<u8>),
    /// A Client Hello with an info-hash as the server name.
    Named(Box<InfoHash>),
    /// Something else.
    Over,
}

impl TlsWatch {
    /// Looks at the next item of a side; `begins`: offset 0 is its first byte.
    pub(super) fn look(&mut self, direction: Direction, item: &StreamItem<'_>, begins: bool) {
        let StreamItem::Data { offset, bytes, .. } = *item else { return };
        match self {
            Self::Fresh if offset == 0 && begins && is_hello(bytes) => {
                *self = match server_name(bytes) {
                    None if bytes.len() < TLS_HELLO_BYTES => Self::Begun(direction, bytes.to_vec()),
                    found => Self::of(found),
                };
            }
            Self::Fresh => *self = Self::Over,
            Self::Begun(side, known) if *side == direction && known.len() as u64 == offset => {
                known.extend_from_slice(bytes.get(..TLS_HELLO_BYTES.min(bytes.len())).unwrap_or_default());
                let found = server_name(known);
                if found.is_some() || known.len() >= TLS_HELLO_BYTES {
                    *self = Self::of(found);
                }
            }
            Self::Begun(side, _) if *side != direction => {}
            Self::Begun(..) => *self = Self::Over,
            Self::Named(_) | Self::Over => {}
        }
    }

    fn of(name: Option<Option<&[u8]>>) -> Self {
        let hash = name.flatten().and_then(info_hash);
        hash.map_or(Self::Over, |hash| Self::Named(Box::new(hash)))
    }

    /// Returns true while more of it may tell.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Begun(..))
    }

    /// Returns true if the packets of the connection are of interest: to its end, where it names a torrent.
    pub(super) fn is_of_interest(&self) -> bool {
        matches!(self, Self::Begun(..) | Self::Named(_))
    }

    /// The info-hash that it names.
    pub(super) fn info_hash(&self) -> Option<&InfoHash> {
        if let Self::Named(hash) = self { Some(hash) } else { None }
    }
}

/// A record with a Client Hello (RFC 8446 section 4.1.2), or its beginning.
fn is_hello(bytes: &[u8]) -> bool {
    matches!(bytes, [0x16, 0x03, 0x00..=0x04, _, _, 0x01, ..])
}

/// A hash as a host name writes it: v1, v2 or v2 cut to 20 bytes.
fn info_hash(name: &[u8]) -> Option<InfoHash> {
    std::str::from_utf8(name).ok()?.to_ascii_lowercase().parse().ok()
}

/// The server name in a Client Hello, if it has one; `None` where more bytes are needed.
fn server_name(hello: &[u8]) -> Option<Option<&[u8]>> {
    // Record header, type and length of the message, version, random.
    let rest = hello.get(5 + 4 + 2 + 32..)?;
    let (_, rest) = vector(rest, 1)?;
    let (_, rest) = vector(rest, 2)?;
    let (_, rest) = vector(rest, 1)?;
    let Some(len) = number(rest, 2) else { return ends(hello).then_some(None) };
    let mut left = rest.get(2..)?;
    let whole = left.len() >= len;
    left = left.get(..len).unwrap_or(left);
    while let Some(kind) = number(left, 2) {
        let (content, behind) = vector(left.get(2..)?, 2)?;
        if kind == 0 {
            let (names, _) = vector(content, 2)?;
            let [0, name @ ..] = names else { return Some(None) };
            return Some(vector(name, 2).map(|(name, _)| name));
        }
        left = behind;
    }
    whole.then_some(None)
}

/// Returns true if the message ends where its record says.
fn ends(hello: &[u8]) -> bool {
    number(hello.get(3..).unwrap_or_default(), 2).is_some_and(|len| hello.len() >= 5 + len)
}

/// A vector whose length takes `size` bytes, and what follows it.
fn vector(bytes: &[u8], size: usize) -> Option<(&[u8], &[u8])> {
    let len = number(bytes, size)?;
    bytes.get(size..)?.split_at_checked(len)
}

/// A number of `size` bytes.
fn number(bytes: &[u8], size: usize) -> Option<usize> {
    Some(bytes.get(..size)?.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ends::{At, FrameId, Timestamp};

    /// A Client Hello with an extension of another kind before the server name.
    fn hello(name: Option<&str>) -> Vec<u8> {
        let extension = |kind: u16, content: &[u8]| {
            [&kind.to_be_bytes()[..], &(content.len() as u16).to_be_bytes(), content].concat()
        };
        let mut extensions = extension(43, &[2, 3, 4]);
        if let Some(name) = name {
            let one = [&[0][..], &(name.len() as u16).to_be_bytes(), name.as_bytes()].concat();
            extensions.extend(extension(0, &[&(one.len() as u16).to_be_bytes()[..], &one].concat()));
        }
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([1, 9, 0, 2, 0x13, 1, 1, 0]);
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
        let message = [&[1, 0][..], &(body.len() as u16).to_be_bytes(), &body].concat();
        [&[0x16, 3, 1][..], &(message.len() as u16).to_be_bytes(), &message].concat()
    }

    fn watched(bytes: &[u8], cut: usize) -> Option<String> {
        let (mut watch, at) = (TlsWatch::default(), At { time: Timestamp(0), frame: FrameId::new(0, 1) });
        let (first, second) = bytes.split_at(cut);
        for (offset, bytes) in [(0, first), (cut as u64, second)] {
            let item = StreamItem::Data { offset, bytes, at, doubtful: false };
            watch.look(Direction::LowToHigh, &item, true);
        }
        watch.info_hash().map(ToString::to_string)
    }

    #[test]
    fn an_info_hash_as_server_name_is_read_however_the_hello_is_cut_into_segments() {
        let hash = "ab".repeat(20);
        let named = hello(Some(&hash.to_uppercase()));
        for cut in 6..named.len() {
            assert_eq!(watched(&named, cut), Some(hash.clone()), "{cut}");
        }
        assert_eq!(watched(&hello(Some(&"cd".repeat(32))), 40), Some("cd".repeat(32)));
    }

    #[test]
    fn another_server_name_or_none_is_no_torrent() {
        for (name, cut) in [(Some("tracker.example.org"), 40), (None, 40), (Some("abab"), 60)] {
            assert_eq!(watched(&hello(name), cut), None, "{name:?}");
        }
        assert_eq!(watched(&[0x16; 80], 20), None);
        let named = hello(Some(&"ab".repeat(20)));
        assert_eq!(watched(&named[..named.len() - 9], 40), None, "the end of the name is missing");
    }
}
