//! What a file is, by its content; and for what is no capture, what it looks like.

use super::pcap::{self, PcapReader};
use super::pcapng::{self, PcapngReader};
use super::track::Track;
use super::{Frame, Interface};
use crate::Error;
use crate::anomaly::Anomalies;

/// A reader of either format.
#[derive(Debug)]
pub(super) enum Reader {
    Pcap(PcapReader),
    Pcapng(Box<PcapngReader>),
}

impl Reader {
    /// Reads the file header and leaves `track` behind it.
    pub(super) fn new(track: &mut Track<'_>) -> Result<Self, Error> {
        if pcapng::is_pcapng(track.bytes) {
            PcapngReader::new(track).map(|reader| Self::Pcapng(Box::new(reader)))
        } else if pcap::is_pcap(track.bytes) {
            PcapReader::new(track).map(Self::Pcap)
        } else {
            Err(track.malformed(0, looks_like(track.bytes), EXPECTED))
        }
    }

    #[inline]
    pub(super) fn next<'cap>(
        &mut self,
        track: &mut Track<'cap>,
        anomalies: &mut Anomalies,
    ) -> Result<Option<Frame<'cap>>, Error> {
        match self {
            Self::Pcap(reader) => reader.next(track, anomalies),
            Self::Pcapng(reader) => reader.next(track, anomalies),
        }
    }

    /// The name of the format in the report.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Pcap(_) => "pcap",
            Self::Pcapng(_) => "pcapng",
        }
    }

    pub(super) fn interfaces(&self) -> Vec<Interface> {
        match self {
            Self::Pcap(reader) => vec![reader.interface()],
            Self::Pcapng(reader) => reader.listed.clone(),
        }
    }

    pub(super) fn dropped(&self) -> Option<u64> {
        match self {
            Self::Pcap(_) => None,
            Self::Pcapng(reader) => reader.dropped(),
        }
    }
}

/// What the content that begins with `head` is instead of a capture; `None` for a capture. [`HEAD`] bytes are enough.
pub(super) fn other_than_capture(head: &[u8]) -> Option<String> {
    (!pcapng::is_pcapng(head) && !pcap::is_pcap(head)).then(|| looks_like(head))
}

/// What a file that is no capture looks like, in words for the user.
fn looks_like(bytes: &[u8]) -> String {
    let known = SIGNATURES.iter().find(|(magic, _)| bytes.starts_with(magic));
    let printable = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    let head = bytes.get(..HEAD).unwrap_or(bytes);
    let behind = (1..bytes.len().min(MAX_PREFIX)).find(|at| {
        let rest = bytes.get(*at..).unwrap_or_default();
        pcap::is_pcap(rest) || pcapng::is_pcapng(rest)
    });
    match (bytes, known, behind) {
        ([], ..) => "an empty file".to_owned(),
        ([b'd', b'0'..=b'9', ..], ..) => "a torrent (a bencoded dictionary)".to_owned(),
        (_, Some((_, name)), _) => (*name).to_owned(),
        (_, _, Some(at)) => format!("{at} bytes of something else before what may be a capture"),
        _ if head.iter().all(printable) => "text".to_owned(),
        _ => format!("the bytes {}", hex(bytes.get(..8).unwrap_or(bytes))),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

/// Bytes from which is told what a file is.
pub(super) const HEAD: usize = 256;
const EXPECTED: &str = "a capture file (pcap or pcapng, plain or compressed with gzip, zstd, lz4, xz or bzip2)";
const SIGNATURES: [(&[u8], &str); 14] = [
    (b"\x0A\x0D\x0A", "a pcapng file damaged by a conversion of line ends"),
    (b"\x0D\x0A\x0D", "a pcapng file damaged by a conversion of line ends"),
    (b"snoop\0\0\0", "a snoop capture"),
    (b"GMBU", "a Network Monitor capture"),
    (b"RTSS", "a Network Monitor capture"),
    (b"\x1C\x00\x01\xAB", "an Ixia capture"),
    (b"\xAC\x01\x00\x1C", "an Ixia capture"),
    (b"\xAB\x01\x00\x1C", "an Ixia capture"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"7z\xBC\xAF\x27\x1C", "a 7-Zip archive"),
    (b"\x1F\x9D", "a file compressed with compress"),
    (b"\x7FELF", "a program"),
    (b"<", "HTML or XML"),
    (b"{", "JSON"),
];
// Rationale: headers that tools put before a capture are short.
const MAX_PREFIX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_capture_is_named() {
        for (bytes, name) in [
            (&b""[..], "an empty file"),
            (b"d8:announce3:abc", "a torrent (a bencoded dictionary)"),
            (b"hello\nworld", "text"),
            (b"PK\x03\x04\0\0", "a ZIP archive"),
            (b"\0\0\0\0\0\xD4\xC3\xB2\xA1", "5 bytes of something else before what may be a capture"),
            (b"\0\x01\x02", "the bytes 00 01 02"),
        ] {
            assert_eq!(looks_like(bytes), name);
        }
    }
}
