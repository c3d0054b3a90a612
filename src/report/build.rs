//! From [`Evidence`] to [`Document`]: names for values, indices for references, nothing computed anew.

use std::collections::{BTreeMap, BTreeSet};

use crate::anomaly::Kind;
use crate::capture::{InputFacts, LinkType, PassedOver as OtherFile};
use crate::evidence::{self, Evidence, Flag, Grade, PortBasis};
use crate::hearsay::{self, Named};
use crate::limits::Limits;
use crate::packet::{ChecksumPolicy, Endpoint, UdpTunnel, is_read};
use crate::provenance::{Sightings, Span};
use crate::report::document::*;
use crate::report::facts::{Given, TorrentFacts, TorrentInput};
use crate::report::notes::notes;
use crate::report::text::{hex, rfc3339};

impl Document {
    /// The report of `evidence`, from captures and torrents `given`, under these options.
    pub fn new(evidence: &Evidence, given: &Given, checksums: ChecksumPolicy, limits: &Limits) -> Self {
        let by_hash: BTreeMap<evidence::InfoHash, &TorrentFacts> =
            given.torrents.iter().map(|facts| (facts.info_hash(), facts)).collect();
        let facts = |hash: Option<&evidence::InfoHash>| hash.and_then(|hash| by_hash.get(hash).copied());
        let mut torrent_inputs = given.inputs.clone();
        torrent_inputs.sort();
        let mut document = Self {
            schema: Schema::Report1,
            tool: Tool { name: "peerproof".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
            options: Options { checksums, tunnels: Vec::new(), limits: limit_names(limits) },
            passed_over: evidence
                .passed_over
                .iter()
                .map(passed_over)
                .chain(given.passed_over.iter().map(no_torrent))
                .collect(),
            inputs: evidence.captures.iter().map(capture).chain(torrent_inputs.iter().map(torrent_input)).collect(),
            torrents: evidence.torrents.iter().map(|each| torrent(each, facts(Some(&each.info_hash)))).collect(),
            transfers: evidence
                .transfers
                .iter()
                .map(|each| transfer(each, facts(each.info_hash.as_ref())))
                .collect(),
            subjects: evidence.subjects.iter().map(|each| subject(each, facts(each.info_hash.as_ref()))).collect(),
            mentions: evidence
                .mentions
                .iter()
                .map(|(named, hash, found)| mention(named, hash.as_ref(), found))
                .collect(),
            opaque: evidence.opaque.iter().map(opaque).collect(),
            anomalies: evidence.anomalies.iter().map(|(kind, tally)| anomaly(kind, tally)).collect(),
            quality: quality(&evidence.quality),
            notes: Vec::new(),
            unlisted: evidence.unlisted.as_ref().map(unlisted),
        };
        document.notes = notes(&document);
        document
    }

    /// The same report, of a run that was told of `tunnels`.
    pub fn with_tunnels(mut self, tunnels: &[UdpTunnel]) -> Self {
        let mut tunnels = tunnels.to_vec();
        tunnels.sort_unstable();
        self.options.tunnels = tunnels.iter().map(UdpTunnel::to_string).collect();
        self
    }
}

fn unlisted(found: &evidence::Unlisted) -> Unlisted {
    let torrents = found.torrents.iter().map(|(hash, connections)| UnlistedTorrent {
        info_hash: hash.as_ref().map(ToString::to_string),
        connections: *connections,
    });
    Unlisted {
        connections: found.connections,
        endpoints: found.endpoints,
        more_endpoints: found.more_endpoints,
        bytes: found.bytes,
        first_time: rfc3339(found.span.first.time),
        last_time: rfc3339(found.span.last.time),
        frames: frames(found.span),
        torrents: torrents.collect(),
        other_torrents: found.other_torrents,
    }
}

fn capture(facts: &InputFacts) -> Input {
    Input::Capture {
        name: facts.name.clone(),
        kind: IsCapture::Yes,
        format: facts.format.clone(),
        bytes: facts.bytes,
        sha256: facts.sha256.map(|hash| hex(&hash)),
        frames: facts.frames,
        first_time: facts.first_time.map(rfc3339),
        last_time: facts.last_time.map(rfc3339),
        interfaces: facts
            .interfaces
            .iter()
            .map(|interface| Interface {
                link_type: link_type(interface.link_type),
                snaplen: interface.snaplen,
                name: interface.name.clone(),
                filter: interface.filter.clone(),
                unread_frames: if is_read(interface.link_type) { 0 } else { interface.frames },
            })
            .collect(),
        damage: facts.damage.clone(),
        dropped_by_capture: facts.dropped_by_capture,
        unused_blocks: facts.unused_blocks.clone(),
    }
}

fn torrent_input(input: &TorrentInput) -> Input {
    Input::Torrent {
        name: input.name.clone(),
        kind: IsTorrent::Yes,
        bytes: input.bytes,
        sha256: hex(&input.sha256),
    }
}

fn torrent(sums: &evidence::TorrentEvidence, facts: Option<&TorrentFacts>) -> Torrent {
    let known = facts.filter(|facts| facts.has_metadata);
    let files = facts.map(|facts| facts.files.as_slice()).unwrap_or_default();
    Torrent {
        info_hash: sums.info_hash.to_string(),
        info_hash_v1: match facts {
            Some(facts) => facts.info_hash_v1.map(|hash| hex(&hash)),
            // A handshake names 20 bytes, and does not say whether they are a v1 hash or a truncated v2 one.
            None => None,
        },
        info_hash_v2: facts.and_then(|facts| facts.info_hash_v2).map(|hash| hex(&hash)),
        name: facts.map(|facts| facts.name.clone()),
        size: known.map(|facts| facts.size),
        piece_length: known.map(|facts| facts.piece_length),
        pieces: known.map(|facts| facts.pieces),
        files: files.iter().map(|file| File { path: file.path.clone(), size: file.size, pad: file.pad }).collect(),
        source: facts.map(|facts| facts.source),
        served_bytes: sums.bytes.served,
        unique_bytes: sums.unique,
        pieces_verified: sums.pieces_verified,
        private: known.map(|facts| facts.private),
        classes: TorrentClasses {
            lost_bytes: sums.bytes.lost,
            repeated_bytes: sums.bytes.repeated,
            verified_bytes: sums.bytes.verified,
            sole_bytes: sums.bytes.sole,
            refuted_bytes: sums.bytes.refuted,
            disputed_bytes: sums.bytes.disputed,
            unproven_bytes: sums.bytes.unproven,
            pad_bytes: sums.bytes.pad,
        },
    }
}

fn transfer(transfer: &evidence::Transfer, facts: Option<&TorrentFacts>) -> Transfer {
    let path = |index: usize| path(facts, index);
    Transfer {
        uploader: transfer.uploader.to_string(),
        downloader: transfer.downloader.to_string(),
        transport: transfer.carrier,
        info_hash: transfer.info_hash.as_ref().map(ToString::to_string),
        connections: transfer.connections,
        initiator: transfer.initiator,
        encryption: transfer.encryption,
        uploader_peer_ids: peer_ids(&transfer.uploader_peer_ids),
        uploader_clients: transfer.uploader_clients.iter().cloned().collect(),
        grade: transfer.grade,
        actionable: actionable(transfer.grade, transfer.standard),
        flags: transfer.flags.iter().copied().collect(),
        piece_messages: transfer.piece_messages,
        partial_messages: transfer.partial_messages,
        bytes: Figures::from(&transfer.bytes),
        pieces_verified: transfer.pieces_verified,
        pieces_sole: transfer.pieces_sole,
        pieces_refuted: transfer.pieces_refuted,
        pieces_advertised: transfer.pieces_advertised,
        first_time: rfc3339(transfer.span.first.time),
        last_time: rfc3339(transfer.span.last.time),
        files: transfer
            .files
            .iter()
            .map(|&(index, verified_bytes)| FileBytes { path: path(index), verified_bytes })
            .collect(),
        rungs: transfer.rungs.iter().map(|each| rung(each, facts)).collect(),
        next_rung: transfer.next_rung.clone(),
        standard: transfer.standard.map(standard),
        frames: frames(transfer.span),
        served_frames: transfer.served_span.map(frames),
        paths: transfer.paths.iter().cloned().collect(),
        cancelled_messages: transfer.cancelled_messages,
        unsolicited_messages: transfer.unsolicited_messages,
        extension_messages: transfer.extension_messages.clone(),
        metadata: transfer.metadata.as_ref().map(|part| Metadata {
            pieces: part.pieces.clone(),
            of: part.of,
            frames: frames(part.span),
        }),
        seen_in: seen_in(&transfer.seen),
        same_connection_as: transfer.same_connection_as.iter().map(edge).collect(),
    }
}

fn subject(subject: &evidence::Subject, facts: Option<&TorrentFacts>) -> Subject {
    let bytes = &subject.bytes;
    Subject {
        endpoint: subject.endpoint.to_string(),
        transport: subject.carrier,
        info_hash: subject.info_hash.as_ref().map(ToString::to_string),
        port_basis: subject.port_basis,
        sent_from: match subject.port_basis {
            PortBasis::Declared => subject.sent_from.iter().copied().collect(),
            PortBasis::Observed => Vec::new(),
        },
        listen_port: subject.listen_port,
        peer_ids: peer_ids(&subject.peer_ids),
        clients: subject.clients.iter().cloned().collect(),
        grade: subject.grade,
        actionable: actionable(subject.grade, subject.standard),
        flags: subject.flags.iter().copied().collect(),
        served_bytes: bytes.served,
        verified_bytes: bytes.verified,
        sole_bytes: bytes.sole,
        refuted_bytes: bytes.refuted,
        disputed_bytes: bytes.disputed,
        unproven_bytes: bytes.unproven,
        repeated_bytes: bytes.repeated,
        lost_bytes: bytes.lost,
        received_bytes: subject.received,
        first_time: rfc3339(subject.span.first.time),
        last_time: rfc3339(subject.span.last.time),
        rungs: subject.rungs.iter().map(|each| rung(each, facts)).collect(),
        next_rung: subject.next_rung.clone(),
        pad_bytes: bytes.pad,
        acknowledged_bytes: bytes.acknowledged,
        solicited_bytes: bytes.solicited,
        pieces_verified: subject.pieces_verified,
        pieces_sole: subject.pieces_sole,
        pieces_refuted: subject.pieces_refuted,
        pieces_advertised: subject.pieces_advertised,
        standard: subject.standard.map(standard),
        frames: frames(subject.span),
        served_frames: subject.served_span.map(frames),
        seen_in: seen_in(&subject.seen),
    }
}

fn opaque(opaque: &evidence::Opaque) -> Opaque {
    Opaque {
        a: opaque.a.to_string(),
        b: opaque.b.to_string(),
        transport: opaque.carrier,
        kind: opaque.kind,
        bytes_a_to_b: opaque.a_to_b,
        bytes_b_to_a: opaque.b_to_a,
        frames: frames(opaque.span),
        basis: opaque.basis.clone(),
    }
}

fn anomaly(kind: Kind, tally: &crate::anomaly::Tally) -> Anomaly {
    let example = |example: &crate::anomaly::Example| Example {
        frames: example.span.map(frames),
        flow: example.flow.clone(),
        detail: example.detail.clone(),
    };
    Anomaly {
        kind,
        count: tally.count,
        examples: tally.examples.iter().map(example).collect(),
        amount: tally.amount,
    }
}

fn quality(quality: &evidence::Quality) -> Quality {
    Quality {
        frames: quality.frames,
        not_ip: quality.not_ip,
        tcp_flows: quality.tcp_flows,
        utp_flows: quality.utp_flows,
        gaps: quality.gaps,
        gap_bytes: quality.gap_bytes,
        bad_checksums: quality.bad_checksums,
        clock_steps: quality.clock_steps,
        udp_flows: quality.udp_flows,
        first_time: quality.span.map(|(first, _)| rfc3339(first.time)),
        last_time: quality.span.map(|(_, last)| rfc3339(last.time)),
        // Over a step the times say nothing of how long it took (T46).
        duration_ns: quality
            .span
            .filter(|_| quality.clock_steps == 0)
            .map(|(first, last)| last.time.0.abs_diff(first.time.0)),
        seen_at_two_taps: Some(quality.seen_at_two_taps).filter(|count| *count > 0),
    }
}

/// The standard of proof: a unit served alone and verified, advertised before and requested before.
fn actionable(grade: Grade, standard: Option<evidence::Standard>) -> bool {
    matches!(grade, Grade::G8 | Grade::G9) && standard.is_some()
}

fn mention(named: &Named, info_hash: Option<&evidence::InfoHash>, found: &hearsay::Mention) -> Mention {
    Mention {
        subject: named.subject.to_string(),
        info_hash: info_hash.map(ToString::to_string),
        by: named.by.to_string(),
        via: named.via,
        grade: named.standing,
        flags: mention_flags(named),
        count: found.count,
        first_time: rfc3339(found.span.first.time),
        last_time: rfc3339(found.span.last.time),
        frames: frames(found.first),
    }
}

/// What speaks against a mention, and whether its address is a private one (T45); sorted.
fn mention_flags(named: &Named) -> Vec<Flag> {
    let doubts = named.doubts;
    let flags = [
        (Flag::BadChecksum, doubts.bad_checksum),
        (Flag::OneSided, doubts.one_sided),
        (Flag::PrivateAddress, evidence::is_private(named.subject.ip)),
        (Flag::ReturnPathUnconfirmed, doubts.return_path_unconfirmed),
    ];
    flags.into_iter().filter_map(|(flag, set)| set.then_some(flag)).collect()
}

fn standard(standard: evidence::Standard) -> Standard {
    Standard {
        piece: standard.piece,
        leaf: standard.leaf,
        advertised: frames(standard.advertised),
        requested: frames(standard.requested),
        served: frames(standard.served),
    }
}

fn rung(rung: &evidence::Rung, facts: Option<&TorrentFacts>) -> Rung {
    Rung {
        grade: rung.grade,
        time: rfc3339(rung.span.first.time),
        frames: frames(rung.span),
        file: rung.file.map(|index| path(facts, index)),
    }
}

/// The path of a file by its number.
fn path(facts: Option<&TorrentFacts>, index: usize) -> String {
    let file = facts.and_then(|facts| facts.files.get(index));
    file.map_or_else(|| format!("file {index}"), |file| file.path.clone())
}

fn frames(span: Span) -> Frames {
    let (first, last) = (span.first.frame, span.last.frame);
    Frames {
        file: first.file(),
        first: first.number(),
        last: last.number(),
        last_file: (last.file() != first.file()).then_some(last.file()),
    }
}

/// The frames in each input, where there are several.
fn seen_in(seen: &Sightings) -> Vec<Frames> {
    let each = seen.iter().filter(|_| seen.iter().len() > 1);
    each.map(|(first, last)| Frames {
        file: first.file(),
        first: first.number(),
        last: last.number(),
        last_file: None,
    })
    .collect()
}

fn edge((uploader, downloader): &(Endpoint, Endpoint)) -> Edge {
    Edge { uploader: uploader.to_string(), downloader: downloader.to_string() }
}

fn passed_over(other: &OtherFile) -> PassedOver {
    PassedOver { name: other.name.clone(), found: other.found.clone(), given_as: Purpose::Capture }
}

fn no_torrent((name, why): &(String, String)) -> PassedOver {
    PassedOver { name: name.clone(), found: why.clone(), given_as: Purpose::Torrent }
}

fn peer_ids(ids: &BTreeSet<[u8; 20]>) -> Vec<String> {
    ids.iter().map(|id| hex(id)).collect()
}

fn limit_names(limits: &Limits) -> BTreeMap<String, u64> {
    // Taken apart in full, so that a new limit cannot be forgotten here.
    let Limits {
        flows,
        stream_pending_segments,
        stream_history_segments,
        history_slices,
        waiting_slices,
        copy_marks,
        acked_hole_wait_ns,
        message_bytes,
        scratch_bytes,
        resync_bytes,
        outstanding_requests,
        open_slices,
        reference_slices,
        window_silence_ns,
        mentions,
        transactions,
        opaque,
        rows,
        undecided,
        advertised_bytes,
        fragments_open,
        fragment_bytes,
    } = *limits;
    let named = [
        ("flows", flows as u64),
        ("stream_pending_segments", stream_pending_segments as u64),
        ("stream_history_segments", stream_history_segments as u64),
        ("history_slices", history_slices as u64),
        ("waiting_slices", waiting_slices as u64),
        ("copy_marks", copy_marks as u64),
        ("acked_hole_wait_ns", acked_hole_wait_ns.max(0) as u64),
        ("message_bytes", u64::from(message_bytes)),
        ("scratch_bytes", scratch_bytes as u64),
        ("resync_bytes", resync_bytes),
        ("outstanding_requests", outstanding_requests as u64),
        ("open_slices", open_slices as u64),
        ("reference_slices", reference_slices as u64),
        ("window_silence_ns", window_silence_ns.max(0) as u64),
        ("mentions", mentions as u64),
        ("transactions", transactions as u64),
        ("opaque", opaque as u64),
        ("rows", rows as u64),
        ("undecided", undecided as u64),
        ("advertised_bytes", advertised_bytes as u64),
        ("fragments_open", fragments_open as u64),
        ("fragment_bytes", fragment_bytes as u64),
    ];
    named.into_iter().map(|(name, bound)| (name.to_owned(), bound)).collect()
}

/// The pcap registry's name without `LINKTYPE_`, or the number of a link type that is not listed here.
fn link_type(link: LinkType) -> String {
    let name = match link.0 {
        0 => "NULL",
        1 => "ETHERNET",
        6 => "IEEE802_5",
        9 => "PPP",
        50 => "PPP_HDLC",
        51 => "PPP_ETHER",
        101 => "RAW",
        104 => "C_HDLC",
        105 => "IEEE802_11",
        108 => "LOOP",
        113 => "LINUX_SLL",
        119 => "IEEE802_11_PRISM",
        127 => "IEEE802_11_RADIOTAP",
        147 => "USER0",
        192 => "PPI",
        228 => "IPV4",
        229 => "IPV6",
        239 => "NFLOG",
        253 => "NETLINK",
        276 => "LINUX_SLL2",
        number => return number.to_string(),
    };
    name.to_owned()
}
