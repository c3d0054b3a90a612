//! Every stream of the peer wire as plain TCP, for any tool that reads captures: uTP, tunnels and MSE are taken off, addresses and
//! ports are as they were, gaps stay gaps.

use std::collections::BTreeMap;
use std::io::{self, BufWriter};
use std::net::IpAddr;

use crate::Error;
use crate::analyze::streams;
use crate::capture::CaptureSet;
use crate::ends::{Direction, Endpoint, Transport};
use crate::evidence::Evidence;
use crate::options::Options;
use crate::output::NewFile;
pub use crate::record::Format;
use crate::record::{Interface, Record, Writer};
use crate::session::Encryption;
use crate::spine::{ClearSegment, TakeSegments};
use crate::torrent::Torrents;

/// Counts of what was written, with the evidence beside it.
#[derive(Clone, Debug)]
pub struct Cleared {
    /// Packets.
    pub packets: u64,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// Connections, by what carried and protected them, in words.
    pub connections: BTreeMap<String, u64>,
    /// Those of them that got a port of their own, as another connection is written with their ends.
    pub moved: u64,
    /// Packets whose bytes are in doubt in the captures: marked as damaged in pcapng, left out of pcap, which has no such mark.
    pub in_doubt: u64,
    /// Evidence of the walk, unproven: the bounds that were reached, and the traffic that could not be read.
    pub evidence: Evidence,
}

/// Writes the streams of the peer wire in captures into `file`. Of the torrents only the info-hashes count: with secrets they open
/// MSE connections.
///
/// # Errors
/// As [`analyze`](crate::analyze()), and those of writing.
pub fn clear(
    captures: &CaptureSet,
    keys: &Torrents,
    options: &Options<'_>,
    file: &mut NewFile,
    format: Format,
) -> Result<Cleared, Error> {
    let name = file.path().display().to_string();
    let interface = Interface {
        link_type: RAW_IP,
        snaplen: 0,
        name: "clear".to_owned(),
        description: "streams of the BitTorrent peer wire as TCP, made by peerproof: no packet was on any wire so"
            .to_owned(),
        fcs_len: 0,
    };
    let names: Vec<String> =
        (0..captures.len()).filter_map(|at| Some(captures.name(u16::try_from(at).ok()?).to_owned())).collect();
    let whole = format!(
        "Made by peerproof of: {}. Each comment names the file and frame that carried the bytes.",
        names.join(", ")
    );
    let writer = Writer::new(BufWriter::new(file.file()), format, &[interface], &whole);
    let writer = writer.map_err(|source| Error::Io { name: name.clone(), action: "write", source })?;
    let mut streams_to = Streams {
        writer,
        name,
        names,
        format,
        packets: 0,
        in_doubt: 0,
        connections: BTreeMap::new(),
        ends: Ends::default(),
        buffer: Vec::new(),
    };
    let evidence = streams(captures, keys, options, &mut streams_to)?;
    let Streams { writer, name, packets, in_doubt, connections: of, ends, .. } = streams_to;
    let bytes = writer.end().map_err(|source| Error::Io { name, action: "write", source })?;
    let mut connections: BTreeMap<String, u64> = BTreeMap::new();
    of.into_values().for_each(|kind| *connections.entry(kind).or_default() += 1);
    Ok(Cleared { packets, bytes, connections, moved: ends.count(), in_doubt, evidence })
}

#[derive(Debug)]
struct Streams<W> {
    writer: Writer<W>,
    name: String,
    names: Vec<String>,
    format: Format,
    packets: u64,
    in_doubt: u64,
    connections: BTreeMap<u64, String>,
    ends: Ends,
    buffer: Vec<u8>,
}

/// The ends between which connections are written: no two that may be mixed up have the same ones.
#[derive(Debug, Default)]
struct Ends {
    /// The connection that is written between two ends, the lesser first.
    taken: BTreeMap<[Endpoint; 2], u64>,
    /// By connection: the end in whose place another one is written, where it is so.
    moved: BTreeMap<u64, Option<[Endpoint; 2]>>,
}

impl Ends {
    /// The end in whose place another one is written, and that one; `None` where both are written as they were. UDP carries many
    /// connections of uTP between two ends, TCP one at a time, which begins with a SYN.
    fn of(&mut self, segment: &ClearSegment<'_>) -> Option<[Endpoint; 2]> {
        let known = self.moved.get(&segment.connection).copied();
        known.unwrap_or_else(|| {
            let moved = self.place(segment);
            self.moved.insert(segment.connection, moved);
            moved
        })
    }

    /// How many connections have an end of their own.
    fn count(&self) -> u64 {
        self.moved.values().flatten().count() as u64
    }

    fn place(&mut self, segment: &ClearSegment<'_>) -> Option<[Endpoint; 2]> {
        let ClearSegment { connection, flow, .. } = *segment;
        let ends = [flow.low, flow.high];
        if *self.taken.entry(ends).or_insert(connection) == connection
            || (segment.syn && segment.transport == Transport::Tcp)
        {
            self.taken.insert(ends, connection);
            return None;
        }
        // Whoever opens a connection of TCP does so from a port that is free.
        let opener = flow.source(segment.initiator.unwrap_or(Direction::LowToHigh));
        let other = if opener == flow.low { flow.high } else { flow.low };
        let free = |port: &u16| {
            let new = Endpoint { port: *port, ..opener };
            new != other && !self.taken.contains_key(&[new.min(other), new.max(other)])
        };
        let new = Endpoint { port: (FIRST_FREE..=u16::MAX).chain(1..FIRST_FREE).find(free)?, ..opener };
        self.taken.insert([new.min(other), new.max(other)], connection);
        Some([opener, new])
    }
}

impl<W: io::Write + std::fmt::Debug> TakeSegments for Streams<W> {
    fn take(&mut self, segment: &ClearSegment<'_>) -> Result<(), Error> {
        let kind = kind(segment);
        let file = self.names.get(usize::from(segment.at.frame.file())).map_or("", String::as_str);
        let mut comment = format!("{file}:{} {kind}", segment.at.frame.number());
        self.connections.entry(segment.connection).or_insert(kind);
        let moved = self.ends.of(segment);
        if let Some([was, is]) = moved {
            comment += &format!(", {was} written as port {}: another connection of the same ends", is.port);
        }
        if segment.in_doubt {
            self.in_doubt += 1;
            if self.format == Format::Pcap {
                // It has no mark: what is there would be held against its sender.
                return Ok(());
            }
            comment += ", in doubt";
        }
        packet(segment, moved, &mut self.buffer);
        let record = Record {
            interface: 0,
            time: segment.at.time,
            bytes: &self.buffer,
            wire_len: u32::try_from(self.buffer.len()).unwrap_or(u32::MAX),
            damaged: segment.in_doubt,
            comment: &comment,
        };
        self.packets += 1;
        self.writer.add(&record).map_err(|source| match source.kind() {
            io::ErrorKind::Unsupported => {
                Error::Usage("pcap holds times from 1970 to 2106: write pcapng instead (-o FILE.pcapng)".to_owned())
            }
            _ => Error::Io { name: self.name.clone(), action: "write", source },
        })
    }
}

/// The protocol around a segment, in words.
fn kind(segment: &ClearSegment<'_>) -> String {
    let protected = match segment.encryption {
        Encryption::None => "",
        Encryption::MsePlaintext => ", behind MSE",
        Encryption::MseRc4 => ", decrypted (MSE)",
    };
    let carried = match segment.transport {
        Transport::Utp => "uTP",
        Transport::Tcp => "TCP",
        Transport::Http => "HTTP",
        Transport::Udp => "UDP",
    };
    format!("{carried}{protected}")
}

/// Makes an IP packet of a segment, with another end in the place of one of its own, and with right checksums.
fn packet(segment: &ClearSegment<'_>, moved: Option<[Endpoint; 2]>, out: &mut Vec<u8>) {
    let end = |end: Endpoint| moved.filter(|[was, _]| *was == end).map_or(end, |[_, is]| is);
    let from = end(segment.flow.source(segment.from));
    let to = end(segment.flow.destination(segment.from));
    let flags = (u8::from(segment.ack.is_some()) * ACK)
        | (u8::from(segment.syn) * SYN)
        | (u8::from(!segment.bytes.is_empty()) * PSH);
    let mut tcp = Vec::with_capacity(TCP_HEADER + segment.bytes.len());
    tcp.extend(from.port.to_be_bytes());
    tcp.extend(to.port.to_be_bytes());
    tcp.extend(segment.seq.to_be_bytes());
    tcp.extend(segment.ack.unwrap_or(0).to_be_bytes());
    tcp.extend([(TCP_HEADER as u8 / 4) << 4, flags, 0xff, 0xff, 0, 0, 0, 0]);
    tcp.extend_from_slice(segment.bytes);
    let sum = !folded(pseudo(from, to, tcp.len()) + words(&tcp));
    if let Some(place) = tcp.get_mut(16..18) {
        place.copy_from_slice(&sum.to_be_bytes());
    }
    out.clear();
    match (from.ip, to.ip) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            out.extend([0x45, 0]);
            out.extend((20 + tcp.len() as u16).to_be_bytes());
            // Not to be fragmented; 64 hops; TCP.
            out.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
            out.extend(from.octets());
            out.extend(to.octets());
            let sum = !folded(words(out));
            if let Some(place) = out.get_mut(10..12) {
                place.copy_from_slice(&sum.to_be_bytes());
            }
        }
        (from, to) => {
            out.extend([0x60, 0, 0, 0]);
            out.extend((tcp.len() as u16).to_be_bytes());
            out.extend([6, 64]);
            for ip in [from, to] {
                out.extend(match ip {
                    IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
                    IpAddr::V6(ip) => ip.octets(),
                });
            }
        }
    }
    out.extend(tcp);
}

fn pseudo(from: Endpoint, to: Endpoint, len: usize) -> u64 {
    let of = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => words(&ip.octets()),
        IpAddr::V6(ip) => words(&ip.octets()),
    };
    of(from.ip) + of(to.ip) + 6 + len as u64
}

fn words(bytes: &[u8]) -> u64 {
    let pair = |pair: &[u8]| match *pair {
        [high, low] => u64::from(u16::from_be_bytes([high, low])),
        [high] => u64::from(high) << 8,
        _ => 0,
    };
    bytes.chunks(2).map(pair).sum()
}

fn folded(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// IP without a link layer.
const RAW_IP: u16 = 101;
const TCP_HEADER: usize = 20;
/// The first of the ports that are nobody's (RFC 6335 section 6).
const FIRST_FREE: u16 = 49_152;
const ACK: u8 = 0x10;
const PSH: u8 = 0x08;
const SYN: u8 = 0x02;
