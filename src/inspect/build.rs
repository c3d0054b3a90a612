//! From the evidence of a walk without proofs to an [`Inspection`].

use std::collections::{BTreeMap, BTreeSet};

use super::document::{Inspection, Kind, Metadata, Peer, Readable, Swarm};
use super::{Survey, next, warnings};
use crate::anomaly;
use crate::ends::InfoHash;
use crate::evidence::{Encryption, Mention, OpaqueKind, Standing, Subject, Transfer};
use crate::options::Options;
use crate::report;
use crate::report::{Document, Given, Input};
use crate::spine::{CarriedProtocol, FlowKind, Flows};
use crate::torrent::Torrent;

/// Puts together what was found.
pub(super) fn inspection(mut found: Survey, options: &Options<'_>) -> Inspection {
    let given = Given::of(&found.torrents);
    let readable = readable(&found);
    let hearsay = only_hearsay(&found);
    let named = std::mem::take(&mut found.evidence.mentions);
    let report = Document::take(&mut found.evidence, &given, options.checksums, &options.limits);
    let report = report.with_tunnels(options.tunnels);
    let found = &found;
    let traffic: Vec<Kind> = found.traffic.kinds.iter().map(|(kind, sums)| row(*kind, sums)).collect();
    let in_rows: u64 = traffic.iter().map(|kind| kind.frames).sum();
    let (only_named, only_announced) = hearsay;
    let (not_ip, other_ip) = (found.traffic.not_ip, found.traffic.other_ip);
    let mut inspection = Inspection {
        schema: "peerproof/inspect/1",
        tool: report.tool,
        tunnels: report.options.tunnels,
        quality: report.quality,
        not_ip_frames: not_ip,
        other_ip_frames: other_ip,
        unused_frames: found.evidence.quality.frames.saturating_sub(in_rows + not_ip + other_ip),
        torrents: swarms(&report.torrents, &report.subjects, found),
        peers: peers(&report.subjects, &report.transfers),
        only_named,
        only_announced,
        only_named_torrents: only_named_torrents(&named, &report.torrents),
        readable,
        // Without torrents none can be missing.
        anomalies: report
            .anomalies
            .into_iter()
            .filter(|anomaly| anomaly.kind != anomaly::Kind::TorrentNotGiven)
            .collect(),
        inputs: report.inputs,
        passed_over: report.passed_over,
        opaque: report.opaque,
        traffic,
        warnings: Vec::new(),
        next: Vec::new(),
        unlisted: report.unlisted,
        summed: report.summed,
    };
    inspection.warnings = warnings::of(&inspection);
    let names: Vec<String> = inspection.inputs.iter().map(|input: &Input| input.name().to_owned()).collect();
    inspection.next = next::steps(&inspection, &names, &[]);
    inspection
}

fn row((transport, content): (FlowKind, CarriedProtocol), sums: &Flows) -> Kind {
    let (name, basis) = match content {
        CarriedProtocol::PeerClear => ("BitTorrent in clear", "messages"),
        CarriedProtocol::PeerMsePlaintext => ("BitTorrent, MSE that selected plaintext", "messages"),
        CarriedProtocol::PeerMseRc4 => ("BitTorrent, MSE decrypted", "messages"),
        CarriedProtocol::MseOpaque => ("BitTorrent encrypted with MSE", "classification"),
        CarriedProtocol::SslTorrent => ("BitTorrent behind TLS (an SSL torrent)", "server name"),
        CarriedProtocol::Proxied => ("BitTorrent through a proxy", "first bytes"),
        CarriedProtocol::Dht => ("BitTorrent DHT", "first bytes"),
        CarriedProtocol::Tracker => ("BitTorrent tracker", "first bytes"),
        CarriedProtocol::Lsd => ("BitTorrent local discovery", "first bytes"),
        CarriedProtocol::Http => ("HTTP", "first bytes"),
        CarriedProtocol::Tls => ("TLS", "first bytes"),
        CarriedProtocol::Dns => ("DNS", "port"),
        CarriedProtocol::Quic => ("QUIC", "first bytes"),
        CarriedProtocol::WebRtc => ("WebRTC, which could carry WebTorrent, encrypted", "first bytes"),
        CarriedProtocol::Tunnel(name) => (name, "port, first bytes"),
        CarriedProtocol::Other => ("not recognised", "none"),
    };
    Kind {
        transport: transport.name(),
        content: name,
        basis,
        flows: sums.flows,
        one_way_flows: sums.one_way,
        frames: sums.frames,
        bytes: sums.bytes,
        captured_bytes: sums.captured,
    }
}

/// The torrents that the captures name. Each input of a row is looked up: there may be as many torrents as handshakes.
fn swarms(torrents: &[report::Torrent], subjects: &[Subject], found: &Survey) -> Vec<Swarm> {
    let known: BTreeMap<InfoHash, &Torrent> =
        found.torrents.iter().map(|known| (known.info_hash(), known)).collect();
    let unfinished: BTreeSet<&[u8]> = found.metadata.unfinished.iter().map(|open| open.as_slice()).collect();
    let mut peers: BTreeMap<&InfoHash, u64> = BTreeMap::new();
    for hash in subjects.iter().filter_map(|subject| subject.info_hash.as_ref()) {
        *peers.entry(hash).or_default() += 1;
    }
    let row = |torrent: &report::Torrent| {
        let hash = &torrent.info_hash;
        let known = known.get(hash);
        Swarm {
            info_hash: hash.clone(),
            info_hash_v1: torrent.info_hash_v1,
            info_hash_v2: torrent.info_hash_v2,
            name: torrent.name.clone(),
            size: torrent.size,
            pieces: torrent.pieces,
            files: known.map(|known| known.files().iter().filter(|file| !file.pad).count() as u64),
            metadata: match known {
                Some(known) if known.verifiable() => Metadata::Whole,
                Some(_) => Metadata::WithoutLayers,
                None if unfinished.contains(hash.0.as_slice()) => Metadata::Partial,
                None => Metadata::None,
            },
            peers: peers.get(hash).copied().unwrap_or(0),
            served_bytes: torrent.bytes.served,
            lost_bytes: torrent.bytes.lost,
        }
    };
    torrents.iter().map(row).collect()
}

/// The rows of the report without what only a proof can tell.
fn peers(subjects: &[Subject], transfers: &[Transfer]) -> Vec<Peer> {
    // By port and by peer_id: behind one address there may be any number of transfers.
    let mut by_port: BTreeMap<_, BTreeSet<Encryption>> = BTreeMap::new();
    let mut by_id: BTreeMap<_, BTreeSet<Encryption>> = BTreeMap::new();
    for transfer in transfers {
        let swarm = (transfer.transport, &transfer.info_hash);
        by_port.entry((transfer.uploader, swarm)).or_default().insert(transfer.encryption);
        for id in &transfer.uploader_peer_ids {
            by_id.entry((transfer.uploader.ip, id, swarm)).or_default().insert(transfer.encryption);
        }
    }
    let encryption = |subject: &Subject| {
        let swarm = (subject.transport, &subject.info_hash);
        let own = by_port.get(&(subject.endpoint, swarm)).into_iter();
        let ids = subject.peer_ids.iter();
        own.chain(ids.filter_map(|id| by_id.get(&(subject.endpoint.ip, id, swarm)))).flatten().copied().collect()
    };
    let row = |subject: &Subject| Peer {
        endpoint: subject.endpoint,
        transport: subject.transport,
        info_hash: subject.info_hash.clone(),
        clients: subject.clients.clone(),
        encryption: encryption(subject),
        served_bytes: subject.bytes.served,
        lost_bytes: subject.bytes.lost,
        received_bytes: subject.received_bytes,
        pieces_advertised: subject.pieces_advertised,
        flags: subject.flags.clone(),
        first_time: subject.first_time,
        last_time: subject.last_time,
        spoke: subject.spoke(),
    };
    subjects.iter().map(row).collect()
}

/// Addresses that others named, and those that announced themselves; of both those that no peer connection shows.
fn only_hearsay(found: &Survey) -> (u64, u64) {
    let spoke: BTreeSet<_> = found.evidence.subjects.iter().map(|subject| subject.endpoint).collect();
    let subjects = |own: bool| {
        let mentions = found.evidence.mentions.iter();
        let mentions = mentions.filter(move |mention| (mention.grade != Standing::Named) == own);
        mentions.map(|mention| mention.subject).filter(|subject| !spoke.contains(subject)).collect::<BTreeSet<_>>()
    };
    let announced = subjects(true);
    (subjects(false).difference(&announced).count() as u64, announced.len() as u64)
}

/// Info-hashes that no handshake names.
fn only_named_torrents(mentions: &[Mention], torrents: &[report::Torrent]) -> BTreeSet<InfoHash> {
    let spoken: BTreeSet<_> = torrents.iter().map(|torrent| &torrent.info_hash).collect();
    let named = mentions.iter().filter_map(|mention| mention.info_hash.as_ref());
    named.filter(|hash| !spoken.contains(hash)).cloned().collect()
}

fn readable(found: &Survey) -> Readable {
    let clear = |content: CarriedProtocol| {
        matches!(
            content,
            CarriedProtocol::PeerClear | CarriedProtocol::PeerMsePlaintext | CarriedProtocol::PeerMseRc4
        )
    };
    let kinds = found.traffic.kinds.iter();
    let cut = found.evidence.anomalies.tally(anomaly::Kind::Snaplen);
    let is_read = |kind: OpaqueKind| matches!(kind, OpaqueKind::Relay | OpaqueKind::Tls);
    let encrypted = found.evidence.opaque.iter().filter(|each| !is_read(each.kind));
    let sum = |figure: fn(&Transfer) -> u64| found.evidence.transfers.iter().map(figure).sum::<u64>();
    let summed = found.evidence.summed.as_ref();
    Readable {
        clear_bytes: kinds.filter(|((_, content), _)| clear(*content)).map(|(_, sums)| sums.captured).sum(),
        served_bytes: sum(|transfer| transfer.bytes.served) + summed.map_or(0, |summed| summed.served_bytes),
        lost_bytes: sum(|transfer| transfer.bytes.lost) + summed.map_or(0, |summed| summed.lost_bytes),
        opaque_bytes: encrypted.map(|each| each.a_to_b + each.b_to_a).sum(),
        snaplen_frames: cut.map_or(0, |tally| tally.count),
        snaplen_bytes: cut.map_or(0, |tally| tally.amount),
    }
}
