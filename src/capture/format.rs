//! The format of a file, told by its content; and a name for content that is no capture.

use std::collections::BTreeMap;

use super::pcap::{self, PcapReader};
use super::pcapng::{self, PcapngReader};
use super::track::Track;
use super::{Frame, Interface};
use crate::Error;
use crate::oddity::Sink;

/// A reader of either format.
#[derive(Clone, Debug)]
pub(super) enum Reader {
    Pcap(PcapReader),
    Pcapng(Box<PcapngReader>),
}

impl Reader {
    /// Reads the file header and leaves `track` behind it.
    pub(super) fn new(track: &mut Track<'_>) -> Result<Self, Error> {
        match Self::of_header(track) {
            // No capture, however much of it is still to come: somebody's endless stream is refused now.
            Err(error) if track.begun() && other_than_capture(track.bytes).is_some() => Err(error),
            // Not the beginning of a capture, as far as it is there.
            Err(_) if track.complete()? => Self::of_header(track),
            result => result,
        }
    }

    fn of_header(track: &mut Track<'_>) -> Result<Self, Error> {
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
        out: &mut dyn Sink,
    ) -> Result<Option<Frame<'cap>>, Error> {
        match self {
            Self::Pcap(reader) => reader.next(track, out),
            Self::Pcapng(reader) => reader.next(track, out),
        }
    }

    /// The name of the format in the report.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Pcap(_) => "pcap",
            Self::Pcapng(_) => "pcapng",
        }
    }

    /// The interfaces of a file of which `frames` were read.
    pub(super) fn interfaces(&self, frames: u64) -> Vec<Interface> {
        match self {
            Self::Pcap(reader) => vec![reader.interface(frames)],
            Self::Pcapng(reader) => reader.listed.clone(),
        }
    }

    pub(super) fn unused_blocks(&self) -> BTreeMap<String, u64> {
        match self {
            Self::Pcap(_) => BTreeMap::new(),
            Self::Pcapng(reader) => reader.unused_blocks(),
        }
    }

    /// The names that the file has for addresses.
    pub(super) fn names(&self) -> Vec<(std::net::IpAddr, String)> {
        match self {
            Self::Pcap(_) => Vec::new(),
            Self::Pcapng(reader) => reader.names(),
        }
    }

    pub(super) fn dropped(&self) -> Option<u64> {
        match self {
            Self::Pcap(_) => None,
            Self::Pcapng(reader) => reader.dropped(),
        }
    }
}

/// Names the format of content that begins with `head` and is no capture; `None` for a capture. [`HEAD`] bytes are
/// enough.
pub(super) fn other_than_capture(head: &[u8]) -> Option<String> {
    (!pcapng::is_pcapng(head) && !pcap::is_pcap(head)).then(|| looks_like(head))
}

/// Names, in words for the user, the format that content which is no capture looks like.
fn looks_like(bytes: &[u8]) -> String {
    let found = |known: &[(&[u8], &'static str)]| {
        known.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, name)| *name)
    };
    let foreign = found(&FOREIGN).or_else(|| is_erf(bytes).then_some("what may be an Endace (ERF) capture"));
    if let Some(name) = foreign {
        return format!("{name} (editcap -F pcapng OLD NEW, of Wireshark, converts it)");
    }
    let known = found(&OTHERS);
    let printable = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    let head = bytes.get(..HEAD).unwrap_or(bytes);
    let behind = (1..bytes.len().min(MAX_PREFIX)).find(|at| {
        let rest = bytes.get(*at..).unwrap_or_default();
        pcap::is_pcap(rest) || pcapng::is_pcapng(rest)
    });
    match (bytes, known, behind) {
        ([], ..) => "an empty file".to_owned(),
        ([b'd', b'0'..=b'9', ..], ..) => "a torrent (a bencoded dictionary)".to_owned(),
        _ if bytes.get(257..262) == Some(b"ustar") => "a tar archive".to_owned(),
        (_, Some(name), _) => name.to_owned(),
        (_, _, Some(at)) if bytes.iter().take(at).all(printable) => {
            let text = String::from_utf8_lossy(bytes.get(..at).unwrap_or_default());
            let line: String = text.trim().lines().next().unwrap_or_default().chars().take(MAX_SHOWN).collect();
            format!("{at} bytes of text ({line:?}) before what may be a capture")
        }
        (_, _, Some(at)) => format!("{at} bytes of something else before what may be a capture"),
        _ if head.iter().all(printable) => "text".to_owned(),
        _ => format!("the bytes {}", hex(bytes.get(..8).unwrap_or(bytes))),
    }
}

/// ERF has no magic number: three records in a row, with a known type, lengths that agree and times that ascend.
fn is_erf(bytes: &[u8]) -> bool {
    let (mut rest, mut before) = (bytes, 0);
    for _ in 0..ERF_RECORDS {
        let Some((header, _)) = rest.split_first_chunk::<16>() else { return false };
        let [time @ .., kind, _, high, low, _, _, wire_high, wire_low] = *header;
        let (time, length) = (u64::from_le_bytes(time), usize::from(u16::from_be_bytes([high, low])));
        let wire = usize::from(u16::from_be_bytes([wire_high, wire_low]));
        let known = (1..=ERF_TYPES).contains(&(kind & 0x7F)) && length > header.len() && wire > 0;
        let Some(next) = rest.get(length..).filter(|_| known && time >= before && time >> 32 > ERF_SINCE) else {
            return false;
        };
        (rest, before) = (next, time);
    }
    true
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

/// Bytes from which is told what a file is.
pub(super) const HEAD: usize = 256;
const EXPECTED: &str = "a capture file (pcap or pcapng, plain or compressed with gzip, zstd, lz4, xz or bzip2)";
/// Captures of other programs, which Wireshark's converter reads: magic numbers as in its library.
const FOREIGN: [(&[u8], &str); 20] = [
    (b"snoop\0\0\0", "a snoop capture"),
    (b"GMBU", "a Microsoft Network Monitor 2 capture"),
    (b"RTSS", "a Microsoft Network Monitor 1 capture"),
    (b"iptrace 1.0", "an AIX iptrace capture"),
    (b"iptrace 2.0", "an AIX iptrace capture"),
    (b"\x1C\x00\x01\xAB", "an Ixia capture"),
    (b"\xAC\x01\x00\x1C", "an Ixia capture"),
    (b"\xAB\x01\x00\x1C", "an Ixia capture"),
    (b"TRSNIFF data    \x1A", "a Sniffer capture"),
    (b"XCP\0", "a NetXray capture"),
    (b"ObserverPktBuffe", "an Observer capture"),
    (b"\x7Fpkt", "an OmniPeek capture"),
    (b"\x7Fver", "an OmniPeek capture"),
    (b"\x05VNF", "a Visual Networks capture"),
    (b"\xAA\xAA\xAA\xAA", "a 5Views capture"),
    (b"\x54\x52\x00\x64\x00", "an nettl trace"),
    (b"btsnoop\0", "a Bluetooth snoop log"),
    (b"\x00\x00\x02\x00\x12\x05\x00\x10", "a K12 capture"),
    (b"nstrace", "a NetScaler trace"),
    (b"NetS", "a NetScaler trace"),
];
const OTHERS: [(&[u8], &str); 10] = [
    (b"\x0A\x0D\x0A", "a pcapng file damaged by a conversion of line ends"),
    (b"\x0D\x0A\x0D", "a pcapng file damaged by a conversion of line ends"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"7z\xBC\xAF\x27\x1C", "a 7-Zip archive"),
    (b"Rar!\x1A\x07", "a RAR archive"),
    (b"\x1F\x9D", "a file compressed with compress"),
    (b"\x7FELF", "a program"),
    (b"MZ", "a program"),
    (b"<", "HTML or XML"),
    (b"{", "JSON"),
];
// Rationale: a line of a terminal, with the words around it.
const MAX_SHOWN: usize = 60;
// Rationale: enough that text and noise do not pass for them; a capture of fewer frames is rare.
const ERF_RECORDS: usize = 3;
const ERF_TYPES: u8 = 48;
// Rationale: 1990, before the format was.
const ERF_SINCE: u64 = 631_152_000;
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
            (
                b"listening on eth0\n\xD4\xC3\xB2\xA1",
                "18 bytes of text (\"listening on eth0\") before what may be a capture",
            ),
            (b"\0\x01\x02", "the bytes 00 01 02"),
        ] {
            assert_eq!(looks_like(bytes), name);
        }
    }

    #[test]
    fn what_is_no_capture_is_refused_before_its_end() {
        use super::super::{CaptureSet, OpenOptions, source::Input};

        let endless = |byte| Input::endless(byte, &OpenOptions::default()).expect("a thread");
        for (byte, found) in [(b'y', "text"), (0, "the bytes 00")] {
            let error = CaptureSet::of(endless(byte)).expect_err("no capture").to_string();
            assert!(error.contains(found), "{error}");
        }
    }

    #[test]
    fn captures_of_other_formats_are_named_with_what_converts_them() {
        let erf: Vec<u8> = (0..3_u64)
            .flat_map(|n| {
                let time = ((1_600_000_000 + n) << 32).to_le_bytes();
                [&time[..], &[2, 4, 0, 80, 0, 0, 0, 60], &[0; 64]].concat()
            })
            .collect();
        for (bytes, name) in [
            (&b"snoop\0\0\0\0\0\0\x02\0\0\0\x04"[..], "a snoop capture"),
            (b"GMBU\0\x02", "a Microsoft Network Monitor 2 capture"),
            (b"iptrace 2.0\0", "an AIX iptrace capture"),
            (&erf, "what may be an Endace (ERF) capture"),
        ] {
            let said = looks_like(bytes);
            assert!(said.starts_with(name) && said.contains("editcap -F pcapng"), "{said}");
        }
        assert!(!is_erf(&erf[..erf.len() - 1]) && !is_erf(&[1; 300]) && !is_erf(&[0; 300]));
    }
}
