//! Packets to pcap and pcapng files (draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng), little-endian, with times in nanoseconds.

use std::io::{self, Write};

use crate::ends::Timestamp;

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Any number of interfaces, comments.
    PcapNg,
    /// One link type, no comments.
    Pcap,
}

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// A `LINKTYPE_` value.
    pub link_type: u16,
    /// Its snap length; 0 for no limit.
    pub snaplen: u32,
    /// Its name; may be empty.
    pub name: String,
    /// A word about it; may be empty.
    pub description: String,
    /// Bytes of frame check sequence at the end of each frame.
    pub fcs_len: u8,
}

/// A packet.
#[derive(Clone, Copy, Debug)]
pub struct Record<'p> {
    /// Index into the interfaces.
    pub interface: u32,
    /// When it was captured.
    pub time: Timestamp,
    /// Captured bytes of the frame.
    pub bytes: &'p [u8],
    /// Bytes that it had on the wire.
    pub wire_len: u32,
    /// Set if its capture says that the frame was damaged on the wire.
    pub damaged: bool,
    /// Comment to stand beside the frame; may be empty.
    pub comment: &'p str,
}

/// A file that is being written.
#[derive(Debug)]
pub struct Writer<W> {
    to: W,
    format: Format,
    written: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a file of packets of `interfaces`, with a comment on the whole where the format has any.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] for interfaces that the format cannot hold together, and those of writing.
    pub fn new(to: W, format: Format, interfaces: &[Interface], comment: &str) -> io::Result<Self> {
        let mut writer = Self { to, format, written: 0 };
        match format {
            Format::Pcap => {
                let first = interfaces.first().ok_or(io::ErrorKind::Unsupported)?;
                if interfaces
                    .iter()
                    .any(|other| other.link_type != first.link_type || other.fcs_len != first.fcs_len)
                {
                    return Err(io::ErrorKind::Unsupported.into());
                }
                let snaplen =
                    interfaces.iter().map(|one| if one.snaplen == 0 { SNAPLEN } else { one.snaplen }).max();
                // The bits of a frame check sequence: its length in 16-bit words, and that it is stated.
                let fcs = if first.fcs_len == 0 { 0 } else { 0x0400_0000 | u32::from(first.fcs_len / 2) << 28 };
                let mut head = Vec::new();
                head.extend(NANOSECONDS.to_le_bytes());
                head.extend([2, 0, 4, 0]);
                head.extend([0; 8]);
                head.extend(snaplen.unwrap_or(SNAPLEN).to_le_bytes());
                head.extend((u32::from(first.link_type) | fcs).to_le_bytes());
                writer.write(&head)?;
            }
            Format::PcapNg => {
                let mut section = Vec::new();
                section.extend(0x1a2b_3c4d_u32.to_le_bytes());
                section.extend([1, 0, 0, 0]);
                section.extend([0xff; 8]);
                let mut options = Options::default();
                options.add(COMMENT, comment.as_bytes());
                section.extend(options.end());
                writer.block(SECTION, &section)?;
                for interface in interfaces {
                    let mut body = Vec::new();
                    body.extend(interface.link_type.to_le_bytes());
                    body.extend([0, 0]);
                    body.extend(interface.snaplen.to_le_bytes());
                    let mut options = Options::default();
                    options.add(IF_NAME, interface.name.as_bytes());
                    options.add(IF_DESCRIPTION, interface.description.as_bytes());
                    options.add(IF_TSRESOL, &[9]);
                    options.add(
                        IF_FCSLEN,
                        if interface.fcs_len > 0 { std::slice::from_ref(&interface.fcs_len) } else { &[] },
                    );
                    body.extend(options.end());
                    writer.block(INTERFACE, &body)?;
                }
            }
        }
        Ok(writer)
    }

    /// Adds a packet.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] for a time that the format cannot hold, and those of writing.
    pub fn add(&mut self, record: &Record<'_>) -> io::Result<()> {
        let unsupported = || io::Error::from(io::ErrorKind::Unsupported);
        let time = u64::try_from(record.time.0).map_err(|_| unsupported())?;
        let captured = u32::try_from(record.bytes.len()).map_err(|_| unsupported())?;
        let mut head = Vec::with_capacity(HEAD);
        match self.format {
            Format::Pcap => {
                head.extend(u32::try_from(time / SECOND).map_err(|_| unsupported())?.to_le_bytes());
                head.extend(((time % SECOND) as u32).to_le_bytes());
                head.extend(captured.to_le_bytes());
                head.extend(record.wire_len.to_le_bytes());
                self.write(&head)?;
                self.write(record.bytes)
            }
            Format::PcapNg => {
                let mut options = Options::default();
                options.add(COMMENT, record.comment.as_bytes());
                options.add(EPB_FLAGS, if record.damaged { &WRONG_FCS } else { &[] });
                let options = options.end();
                let padding = record.bytes.len().next_multiple_of(4) - record.bytes.len();
                let total = u32::try_from(HEAD + record.bytes.len() + padding + options.len() + 4);
                let total = total.map_err(|_| unsupported())?.to_le_bytes();
                head.extend(PACKET.to_le_bytes());
                head.extend(total);
                head.extend(record.interface.to_le_bytes());
                head.extend(((time >> 32) as u32).to_le_bytes());
                head.extend((time as u32).to_le_bytes());
                head.extend(captured.to_le_bytes());
                head.extend(record.wire_len.to_le_bytes());
                self.write(&head)?;
                self.write(record.bytes)?;
                self.write(&[0; 3][..padding.min(3)])?;
                self.write(&options)?;
                self.write(&total)
            }
        }
    }

    /// Ends the file; gives how many bytes it has.
    ///
    /// # Errors
    /// Those of writing.
    pub fn end(mut self) -> io::Result<u64> {
        self.to.flush()?;
        Ok(self.written)
    }

    fn block(&mut self, kind: u32, body: &[u8]) -> io::Result<()> {
        let total = u32::try_from(body.len() + 12).map_err(|_| io::Error::from(io::ErrorKind::Unsupported))?;
        self.write(&[&kind.to_le_bytes(), &total.to_le_bytes(), body, &total.to_le_bytes()].concat())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len() as u64;
        self.to.write_all(bytes)
    }
}

/// Options of a block.
#[derive(Debug, Default)]
struct Options(Vec<u8>);

impl Options {
    /// Adds one, unless it is empty.
    fn add(&mut self, code: u16, value: &[u8]) {
        let value = value.get(..usize::from(u16::MAX)).unwrap_or(value);
        if !value.is_empty() {
            self.0.extend(code.to_le_bytes());
            self.0.extend((value.len() as u16).to_le_bytes());
            self.0.extend(value);
            self.0.resize(self.0.len().next_multiple_of(4), 0);
        }
    }

    fn end(mut self) -> Vec<u8> {
        if !self.0.is_empty() {
            self.0.extend([0; 4]);
        }
        self.0
    }
}

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 6;
const COMMENT: u16 = 1;
const IF_NAME: u16 = 2;
const IF_DESCRIPTION: u16 = 3;
const IF_TSRESOL: u16 = 9;
const IF_FCSLEN: u16 = 13;
const EPB_FLAGS: u16 = 2;
/// Bit 24: the frame check sequence was wrong.
const WRONG_FCS: [u8; 4] = [0, 0, 0, 1];
/// Bytes of a packet block before the packet.
const HEAD: usize = 28;
/// Magic number of pcap with nanoseconds.
const NANOSECONDS: u32 = 0xa1b2_3c4d;
const SECOND: u64 = 1_000_000_000;
// Rationale: what tcpdump writes for no limit.
const SNAPLEN: u32 = 262_144;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::CaptureSet;

    #[test]
    fn both_formats_read_back_into_equal_packets() {
        for format in [Format::PcapNg, Format::Pcap] {
            let interface = |name: &str| Interface {
                link_type: 1,
                snaplen: 96,
                name: name.to_owned(),
                description: "of a.pcap".to_owned(),
                fcs_len: 4,
            };
            let (mut file, packets) = (Vec::new(), [vec![1_u8; 61], vec![2; 64], vec![3; 96]]);
            let mut writer =
                Writer::new(&mut file, format, &[interface("a"), interface("b")], "whole").expect("begun");
            for (number, bytes) in (0_u32..).zip(&packets) {
                let time = Timestamp(1_700_000_000_123_456_789 + i64::from(number));
                let (wire_len, comment) = (bytes.len() as u32 + number, if number == 1 { "" } else { "piece 17" });
                let record = Record { interface: number % 2, time, bytes, wire_len, damaged: number == 2, comment };
                writer.add(&record).expect("added");
            }
            let written = writer.end().expect("written");
            assert_eq!(written, file.len() as u64);
            let set = CaptureSet::from_bytes(vec![("a".to_owned(), file)]).expect("it opens");
            let mut frames = set.frames();
            for (number, bytes) in (0_u32..).zip(&packets) {
                let frame = frames.next(&mut Vec::new()).expect("sound").expect("a frame");
                assert_eq!((frame.bytes, frame.wire_len), (bytes.as_slice(), bytes.len() as u32 + number));
                assert_eq!((frame.link.0, frame.fcs_len), (1, 4));
                assert_eq!(frame.at.time.0, 1_700_000_000_123_456_789 + i64::from(number));
                if format == Format::PcapNg {
                    assert_eq!((frame.interface, frame.damaged), (number % 2, number == 2));
                }
            }
            assert!(frames.next(&mut Vec::new()).expect("sound").is_none());
        }
    }

    #[test]
    fn what_a_format_cannot_hold_is_refused() {
        let of = |link_type| Interface {
            link_type,
            snaplen: 0,
            name: String::new(),
            description: String::new(),
            fcs_len: 0,
        };
        assert!(Writer::new(Vec::new(), Format::Pcap, &[of(1), of(101)], "").is_err());
        let mut writer = Writer::new(Vec::new(), Format::Pcap, &[of(1)], "").expect("begun");
        let before =
            Record { interface: 0, time: Timestamp(-1), bytes: b"", wire_len: 0, damaged: false, comment: "" };
        assert!(writer.add(&before).is_err());
    }
}
