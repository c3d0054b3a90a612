//! Evidence made by hand, for the tests of the report.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use crate::anomaly::{Anomalies, Example, Kind};
use crate::capture::{InputFacts, Interface, LinkType};
use crate::evidence::*;
use crate::limits::Limits;
use crate::packet::{ChecksumPolicy, Endpoint};
use crate::provenance::{At, FrameId, Sightings, Span, Timestamp};
use crate::report::{self, Document, FileFacts, Given, TorrentFacts, TorrentInput};
use crate::torrent::Source;

/// The report of [`evidence`].
pub fn document() -> Document {
    Document::new(&evidence(), &given(), ChecksumPolicy::Ignore, &Limits::default())
}

/// The report of a run over one capture with nothing of BitTorrent in it.
pub fn empty_document() -> Document {
    Document::new(&empty(), &Given::default(), ChecksumPolicy::Ignore, &Limits::default())
}

/// One torrent of 64 pieces, whose name tries to clear the screen.
pub fn given() -> Given {
    Given {
        torrents: vec![TorrentFacts {
            info_hash_v1: Some([0xc3; 20]),
            name: "swarm\x1b[2J.txt".into(),
            size: 4_194_304,
            piece_length: 65_536,
            pieces: 64,
            source: Source::File,
            has_metadata: true,
            files: vec![FileFacts { path: "swarm\x1b[2J.txt".into(), size: 4_194_304, pad: false }],
            info_hash_v2: None,
            private: false,
        }],
        inputs: vec![TorrentInput { name: "swarm.torrent".into(), sha256: [7; 32], bytes: 1_459 }],
        passed_over: Vec::new(),
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
        advertised: span(12, 12),
        requested: span(200, 200),
        served: span(212, 267),
    };
    let one = transfer(a, b, Grade::G8, good, Some(standard));
    let two = transfer(c, b, Grade::G6, disputed, None);
    let mut sum = good;
    sum.add(&disputed);
    let mut anomalies = Anomalies::default();
    anomalies.note(Kind::Gap, 1_460, || Example {
        span: Some(span(77, 77)),
        flow: format!("{a} -> {b}"),
        detail: "1460 bytes are missing".into(),
    });
    Evidence {
        coverage: crate::evidence::Coverage::default(),
        torrents: vec![TorrentEvidence {
            info_hash: InfoHash(vec![0xc3; 20]),
            torrent: None,
            bytes: sum,
            unique: 3_473_408,
            pieces_verified: 53,
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
            span: Some((at(1), at(8_254))),
            ..Quality::default()
        },
        ..empty()
    }
}

fn empty() -> Evidence {
    Evidence {
        coverage: crate::evidence::Coverage::default(),
        captures: vec![InputFacts {
            name: "capture.pcapng".into(),
            format: "pcapng".into(),
            bytes: 9_673_285,
            sha256: Some([1; 32]),
            frames: 8_254,
            first_time: Some(at(1).time),
            last_time: Some(at(8_254).time),
            interfaces: vec![Interface {
                link_type: LinkType(1),
                snaplen: 262_144,
                name: None,
                filter: None,
                frames: 8_254,
            }],
            damage: None,
            dropped_by_capture: Some(0),
            unused_blocks: Default::default(),
        }],
        passed_over: Vec::new(),
        torrents: Vec::new(),
        transfers: Vec::new(),
        subjects: Vec::new(),
        known: crate::torrent::Torrents::default(),
        mentions: Vec::new(),
        opaque: Vec::new(),
        unlisted: None,
        anomalies: Anomalies::default(),
        quality: Quality {
            frames: 8_254,
            tcp_flows: 9,
            udp_flows: 2,
            span: Some((at(1), at(8_254))),
            ..Quality::default()
        },
    }
}

fn transfer(from: Endpoint, to: Endpoint, grade: Grade, bytes: Bytes, standard: Option<Standard>) -> Transfer {
    Transfer {
        sessions: Vec::new(),
        times: crate::evidence::Times::default(),
        verified_pieces: Vec::new(),
        declared_port: None,
        uploader: from,
        downloader: to,
        carrier: Carrier::Tcp,
        info_hash: Some(InfoHash(vec![0xc3; 20])),
        connections: 1,
        initiator: Some(Initiator::Downloader),
        encryption: Encryption::None,
        uploader_peer_ids: BTreeSet::from([*b"-LT2080-abcdefghijkl"]),
        uploader_clients: BTreeSet::from(["libtorrent/2.0.8.0\x07".to_owned()]),
        grade,
        standard,
        flags: BTreeSet::from([Flag::PrivateAddress, Flag::GapInRange]),
        piece_messages: bytes.served / 16_384,
        partial_messages: 0,
        bytes,
        pieces_verified: bytes.verified / 65_536,
        pieces_sole: bytes.sole / 65_536,
        pieces_refuted: bytes.refuted / 65_536,
        pieces_advertised: 64,
        span: span(9, 8_000),
        served_span: (bytes.served > 0).then(|| span(212, 7_990)),
        files: if bytes.verified > 0 { vec![(0, bytes.verified)] } else { Vec::new() },
        rungs: vec![Rung { grade: Grade::G3, span: span(9, 9), file: None }],
        next_rung: (grade < Grade::G8).then(|| "no unit that it sent verified".to_owned()),
        paths: BTreeSet::new(),
        cancelled_messages: 0,
        unsolicited_messages: 0,
        extension_messages: std::collections::BTreeMap::new(),
        metadata: None,
        seen: Sightings::default(),
        same_connection_as: BTreeSet::new(),
    }
}

fn subject(transfer: &Transfer, received: u64) -> Subject {
    Subject {
        endpoint: transfer.uploader,
        carrier: transfer.carrier,
        info_hash: transfer.info_hash.clone(),
        port_basis: PortBasis::Observed,
        sent_from: BTreeSet::from([transfer.uploader.port]),
        listen_port: Some(transfer.uploader.port),
        peer_ids: transfer.uploader_peer_ids.clone(),
        clients: transfer.uploader_clients.clone(),
        grade: transfer.grade,
        standard: transfer.standard,
        flags: transfer.flags.clone(),
        bytes: transfer.bytes,
        received,
        pieces_verified: transfer.pieces_verified,
        pieces_sole: transfer.pieces_sole,
        pieces_refuted: transfer.pieces_refuted,
        pieces_advertised: transfer.pieces_advertised,
        span: transfer.span,
        served_span: transfer.served_span,
        seen: transfer.seen.clone(),
        rungs: transfer.rungs.clone(),
        next_rung: transfer.next_rung.clone(),
    }
}

/// Connections without a row, of the first torrent.
pub(crate) fn unlisted(document: &Document) -> report::Unlisted {
    report::Unlisted {
        connections: 980_000,
        endpoints: 980_001,
        more_endpoints: false,
        bytes: 133_280_000,
        first_time: document.subjects[0].first_time.clone(),
        last_time: document.subjects[0].last_time.clone(),
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
