//! Evidence made by hand, for the tests of the report.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use crate::anomaly::Anomalies;
use crate::ends::{At, Endpoint, FrameId, Frames, Hex, InfoHash, Span, Timestamp, Transport};
use crate::evidence::*;
use crate::limits::Limits;
use crate::oddity::{GapKind, Lost, Oddity, Sink};
use crate::options::ChecksumPolicy;
use crate::report::{self, Document, Given, TorrentInput};
use crate::torrent::Source;

/// The report of [`evidence`].
pub fn document() -> Document {
    Document::new(&evidence(), &given(), ChecksumPolicy::Ignore, &Limits::default())
}

/// The report of a run over one capture with nothing of BitTorrent in it.
pub fn empty_document() -> Document {
    Document::new(&empty(), &Given::default(), ChecksumPolicy::Ignore, &Limits::default())
}

/// The file of a torrent of 64 pieces, whose name tries to clear the screen.
pub fn given() -> Given {
    Given {
        inputs: vec![TorrentInput { name: "swarm.torrent".into(), sha256: [7; 32], bytes: 1_459 }],
        ..Given::default()
    }
}

/// An address with one whole and one refuted unit, one with disputed bytes, and one that only received.
pub fn evidence() -> Evidence {
    let (a, b, c) = (endpoint(10, 6_881), endpoint(11, 33_009), endpoint(10, 6_882));
    let good = Bytes {
        served: 3_538_944,
        verified: 3_473_408,
        sole: 3_473_408,
        refuted: 65_536,
        acknowledged: 3_538_944,
        solicited: 3_538_944,
        ..Bytes::default()
    };
    let disputed = Bytes { served: 32_768, disputed: 16_384, unproven: 16_384, ..Bytes::default() };
    let standard = Standard {
        piece: 3,
        leaf: None,
        advertised: frames(12, 12),
        requested: frames(200, 200),
        served: frames(212, 267),
        sha1: None,
        sha256: None,
    };
    let one = transfer(a, b, Grade::G8, good, Some(standard));
    let two = transfer(c, b, Grade::G6, disputed, None);
    let mut sum = good;
    sum.add(&disputed);
    let mut anomalies = Anomalies::default();
    let gap = Oddity::Gap { offset: 9_000, lost: Lost::Bytes(1_460), cause: GapKind::Unseen };
    anomalies.odd(gap.within(span(77, 77)).towards(a, b));
    Evidence {
        courses: Vec::new(),
        coverage: crate::evidence::Coverage::default(),
        torrents: vec![Torrent {
            units: Vec::new(),
            units_left_out: 0,
            map: None,
            info_hash: InfoHash(vec![0xc3; 20]),
            info_hash_v1: Some(Hex([0xc3; 20])),
            info_hash_v2: None,
            name: Some("swarm\x1b[2J.txt".into()),
            size: Some(4_194_304),
            piece_length: Some(65_536),
            pieces: Some(64),
            files: vec![File {
                path: "swarm\x1b[2J.txt".into(),
                size: 4_194_304,
                pad: false,
                verified_bytes: Some(3_473_408),
            }],
            source: Some(Source::File),
            unique: 3_473_408,
            pieces_verified: 53,
            private: Some(false),
            bytes: sum,
        }],
        subjects: vec![
            subject(&one, 0),
            subject(&two, 0),
            subject(&transfer(b, a, Grade::G3, Bytes::default(), None), 3_571_712),
        ],
        transfers: vec![one, two],
        anomalies,
        quality: Quality {
            frames: 8_254,
            not_ip: 12,
            tcp_flows: 9,
            gaps: 1,
            gap_bytes: 1_460,
            first_time: Some(at(1).time),
            last_time: Some(at(8_254).time),
            duration_ns: Some(8_253_000_000),
            ..Quality::default()
        },
        ..empty()
    }
}

fn empty() -> Evidence {
    Evidence {
        courses: Vec::new(),
        coverage: crate::evidence::Coverage::default(),
        captures: vec![InputFacts {
            name: "capture.pcapng".into(),
            format: "pcapng".into(),
            bytes: 9_673_285,
            sha256: Some([1; 32]),
            stated: false,
            content: None,
            frames: 8_254,
            first_time: Some(at(1).time),
            last_time: Some(at(8_254).time),
            interfaces: vec![Interface {
                link_type: LinkType(1),
                snaplen: 262_144,
                name: None,
                filter: None,
                frames: 8_254,
                ticks_per_second: 1_000_000_000,
                offset_seconds: 0,
            }],
            damage: None,
            dropped_by_capture: Some(0),
            unused_blocks: Default::default(),
            names: Vec::new(),
        }],
        passed_over: Vec::new(),
        torrents: Vec::new(),
        transfers: Vec::new(),
        subjects: Vec::new(),
        known: crate::torrent::Torrents::default(),
        mentions: Vec::new(),
        names: Vec::new(),
        swarms: Vec::new(),
        opaque: Vec::new(),
        unlisted: None,
        summed: None,
        pieces: None,
        anomalies: Anomalies::default(),
        quality: Quality {
            frames: 8_254,
            tcp_flows: 9,
            udp_flows: 2,
            first_time: Some(at(1).time),
            last_time: Some(at(8_254).time),
            duration_ns: Some(8_253_000_000),
            ..Quality::default()
        },
    }
}

fn transfer(from: Endpoint, to: Endpoint, grade: Grade, bytes: Bytes, standard: Option<Standard>) -> Transfer {
    Transfer {
        uploader_subject: None,
        downloader_subject: None,
        uploader: from,
        downloader: to,
        transport: Transport::Tcp,
        info_hash: Some(InfoHash(vec![0xc3; 20])),
        info_hash_begins: None,
        connections: 1,
        initiator: Some(Initiator::Downloader),
        encryption: Encryption::None,
        uploader_peer_ids: BTreeSet::from([Hex(*b"-LT2080-abcdefghijkl")]),
        uploader_clients: BTreeSet::from(["libtorrent/2.0.8.0\x07".to_owned()]),
        grade,
        actionable: standard.is_some(),
        standard,
        flags: BTreeSet::from([Flag::PrivateAddress, Flag::GapInRange]),
        piece_messages: bytes.served / 16_384,
        partial_messages: 0,
        bytes,
        pieces_verified: bytes.verified / 65_536,
        pieces_sole: bytes.sole / 65_536,
        pieces_refuted: bytes.refuted / 65_536,
        pieces_advertised: 64,
        first_time: at(9).time,
        last_time: at(8_000).time,
        frames: frames(9, 8_000),
        served_frames: (bytes.served > 0).then(|| frames(212, 7_990)),
        files: match bytes.verified {
            0 => Vec::new(),
            verified_bytes => vec![FileBytes { path: "swarm\x1b[2J.txt".into(), verified_bytes }],
        },
        rungs: vec![Rung { grade: Grade::G3, time: at(9).time, frames: frames(9, 9), file: None }],
        next_rung: (grade < Grade::G8).then(|| "no unit that it sent verified".to_owned()),
        paths: BTreeSet::new(),
        cancelled_messages: 0,
        unsolicited_messages: 0,
        extension_messages: std::collections::BTreeMap::new(),
        metadata: None,
        seen_in: Vec::new(),
        same_connection_as: BTreeSet::new(),
    }
}

fn subject(transfer: &Transfer, received: u64) -> Subject {
    Subject {
        files: Vec::new(),
        refuted_pieces: Vec::new(),
        timeline: None,
        endpoint: transfer.uploader,
        transport: transfer.transport,
        info_hash: transfer.info_hash.clone(),
        port_basis: PortBasis::Observed,
        sent_from: BTreeSet::new(),
        listen_port: Some(transfer.uploader.port),
        peer_ids: transfer.uploader_peer_ids.clone(),
        clients: transfer.uploader_clients.clone(),
        grade: transfer.grade,
        actionable: transfer.actionable,
        standard: transfer.standard,
        flags: transfer.flags.clone(),
        bytes: transfer.bytes,
        received_bytes: received,
        pieces_verified: transfer.pieces_verified,
        pieces_sole: transfer.pieces_sole,
        pieces_refuted: transfer.pieces_refuted,
        pieces_advertised: transfer.pieces_advertised,
        first_time: transfer.first_time,
        last_time: transfer.last_time,
        frames: transfer.frames,
        served_frames: transfer.served_frames,
        seen_in: transfer.seen_in.clone(),
        rungs: transfer.rungs.clone(),
        next_rung: transfer.next_rung.clone(),
    }
}

/// A conversation taken for encrypted BitTorrent.
pub(crate) fn opaque() -> report::Opaque {
    report::Opaque {
        first_time: crate::ends::Timestamp(0),
        last_time: crate::ends::Timestamp(0),
        a: "10.77.5.10:6881".parse().expect("an endpoint"),
        b: "10.77.5.11:40110".parse().expect("an endpoint"),
        transport: Transport::Tcp,
        kind: crate::evidence::OpaqueKind::MseRc4,
        a_to_b: 1_000,
        b_to_a: 20,
        frames: report::Frames { file: 0, first: 1, last: 900, last_file: None },
        basis: "a Diffie-Hellman exchange of 96 bytes each".into(),
        info_hash: None,
    }
}

/// Connections without a row, of the first torrent.
pub(crate) fn unlisted(document: &Document) -> report::Unlisted {
    report::Unlisted {
        connections: 980_000,
        endpoints: 980_001,
        more_endpoints: false,
        bytes: 133_280_000,
        first_time: document.subjects[0].first_time,
        last_time: document.subjects[0].last_time,
        frames: document.subjects[0].frames,
        torrents: vec![report::UnlistedTorrent {
            info_hash: document.torrents.first().map(|torrent| torrent.info_hash.clone()),
            connections: 980_000,
        }],
        other_torrents: 0,
    }
}

fn endpoint(host: u8, port: u16) -> Endpoint {
    Endpoint { ip: IpAddr::V4(Ipv4Addr::new(10, 77, 3, host)), port }
}

fn at(number: u64) -> At {
    At { time: Timestamp(1_700_000_000_000_000_000 + number as i64 * 1_000_000), frame: FrameId::new(0, number) }
}

fn span(first: u64, last: u64) -> Span {
    Span { first: at(first), last: at(last) }
}

fn frames(first: u64, last: u64) -> Frames {
    span(first, last).into()
}
