//! An inspection for people: what it is in short, then each part, and last what to run next.

use super::Inspection;
use super::document::{Kind, Metadata, Peer, Swarm};
use crate::anomaly;
use crate::evidence::{OpaqueKind, encrypted};
use crate::report::grid::{self, Column, ColumnKind, Dated};
use crate::report::{
    Input, Opaque, Page, clock, counted, duration, escaped, grouped, not_listed, passed_over, unconfirmed,
    unread_protocols, visible,
};

impl Inspection {
    /// As plain text of at most `width` columns where words allow it, with a newline at the end. Commands are
    /// written for a shell.
    ///
    /// `width` below 40 is taken as 40.
    pub fn terminal(&self, width: usize) -> String {
        let mut page = Page { text: String::new(), width: width.max(40) };
        in_short(self, &mut page);
        held(self, &mut page);
        protocols(self, &mut page);
        torrents(self, &mut page);
        peers(self, &mut page);
        looks(self, &mut page);
        readable(self, &mut page);
        if !self.warnings.is_empty() {
            page.heading("WARNINGS");
            self.warnings.iter().for_each(|warning| page.line(warning));
        }
        next(self, &mut page);
        page.text
    }

    /// What the captures hold, in a sentence or two.
    pub fn in_short(&self) -> Vec<String> {
        if self.quality.frames == 0 {
            return vec!["No frame could be read, so nothing is shown and nothing is ruled out.".to_owned()];
        }
        let mut out = Vec::new();
        if !self.peers.is_empty() {
            let served = match self.readable.served_bytes {
                0 if self.readable.lost_bytes > 0 => format!(
                    "{} of piece data were sent, and none of it is in the captures.",
                    counted(self.readable.lost_bytes, "byte")
                ),
                0 => "No piece data was served.".to_owned(),
                bytes => format!("{} of piece data served, nothing verified yet.", counted(bytes, "byte")),
            };
            let spoke = self.peers.iter().filter(|peer| peer.spoke).count() as u64;
            let called = self.peers.len() as u64 - spoke;
            let called = match called {
                0 => String::new(),
                _ => format!(" (and {} without a completed handshake)", grouped(called)),
            };
            out.push(format!(
                "BitTorrent in clear: {}{called} for {} on {}. {served}",
                counted(spoke, "peer"),
                match self.torrents.len() as u64 {
                    0 => "a torrent that no handshake names".to_owned(),
                    1 => "1 info-hash".to_owned(),
                    count => format!("{} info-hashes", grouped(count)),
                },
                counted(self.connections("messages"), "connection")
            ));
        }
        let encrypted = encrypted(&self.opaque).len() as u64;
        if encrypted > 0 {
            out.push(format!(
                "Taken for encrypted BitTorrent (MSE), not readable without secrets: {} with {}.",
                counted(encrypted, "conversation"),
                counted(self.readable.opaque_bytes, "byte")
            ));
        }
        out.extend(self.unlisted.as_ref().map(not_listed));
        if !self.has_peers() {
            let frames = counted(self.quality.frames, "frame");
            out.push(match unconfirmed(&self.anomalies) {
                Some(found) => {
                    format!("No connection in the {frames} that were read is shown to be BitTorrent, but {found}")
                }
                None => format!("There is no BitTorrent peer connection in the {frames} that were read."),
            });
            let around: Vec<&str> = self.named("BitTorrent").collect();
            if !around.is_empty() {
                out.push(format!(
                    "There is other traffic that looks like BitTorrent's: {}. It names addresses, and shows no transfer.",
                    around.join(", ")
                ));
            }
        }
        out
    }

    fn connections(&self, basis: &str) -> u64 {
        self.traffic.iter().filter(|kind| kind.basis == basis).map(|kind| kind.flows).sum()
    }

    fn named(&self, start: &'static str) -> impl Iterator<Item = &'static str> {
        self.traffic.iter().map(|kind| kind.content).filter(move |content| content.starts_with(start))
    }
}

fn in_short(inspection: &Inspection, page: &mut Page) {
    page.heading("IN SHORT");
    inspection.in_short().iter().for_each(|sentence| page.line(sentence));
    let warnings = inspection.warnings.len() as u64;
    if warnings > 0 {
        page.line(&format!("{}, see below.", counted(warnings, "warning")));
    }
}

fn held(inspection: &Inspection, page: &mut Page) {
    page.heading("CAPTURES");
    for input in inspection.inputs.iter().take(MOST_INPUTS) {
        let Input::Capture { name, format, bytes, frames, first_time, last_time, interfaces, .. } = input else {
            continue;
        };
        let time = match (first_time, last_time) {
            (Some(first), Some(last)) => format!(", {} to {}", clock(*first), clock(*last)),
            _ => String::new(),
        };
        page.line(&format!(
            "{}: {}, {}, {}{time}",
            escaped(name),
            escaped(format),
            counted(*bytes, "byte"),
            counted(*frames, "frame")
        ));
        for (index, interface) in interfaces.iter().enumerate().take(MOST_INTERFACES) {
            let mut line = format!("  interface {index}: {}", interface.link_type);
            if let Some(name) = &interface.name {
                line.push_str(&format!(", {}", escaped(name)));
            }
            match interface.snaplen {
                0 => line.push_str(", frames kept whole"),
                snaplen => line.push_str(&format!(", up to {} of each frame", counted(u64::from(snaplen), "byte"))),
            }
            if let Some(filter) = &interface.filter {
                line.push_str(&format!(", filter \"{}\"", escaped(filter)));
            }
            page.line(&line);
        }
        more(interfaces.len(), MOST_INTERFACES, "interface", page);
        drops(input, page);
    }
    more(inspection.inputs.len(), MOST_INPUTS, "capture", page);
    passed_over(&inspection.passed_over).iter().for_each(|others| page.line(others));
    let quality = &inspection.quality;
    if let (Some(first), Some(last)) = (&quality.first_time, &quality.last_time) {
        let length = quality.duration_ns.map(|length| format!(" ({})", duration(length))).unwrap_or_default();
        page.line(&format!("time {} to {}{length}, UTC", clock(*first), clock(*last)));
    }
}

fn drops(input: &Input, page: &mut Page) {
    let Input::Capture { dropped_by_capture, .. } = input else { return };
    page.line(&match dropped_by_capture {
        Some(0) => "  the capturing program says that it dropped nothing".to_owned(),
        Some(count) => format!("  the capturing program dropped {}", counted(*count, "packet")),
        None => "  it does not say whether packets were dropped".to_owned(),
    });
}

fn protocols(inspection: &Inspection, page: &mut Page) {
    if inspection.quality.frames == 0 {
        return;
    }
    page.heading("PROTOCOLS");
    let rows: Vec<&Kind> = inspection.traffic.iter().collect();
    if !rows.is_empty() {
        grid::write(&rows, &KINDS, Dated::SameDay, "kind", "inputs", page);
    }
    if inspection.named("HTTP").next().is_some() {
        page.line("HTTP may be anything; a web seed's answers are told from it only with the torrent.");
    }
    for (frames, what) in [
        (inspection.not_ip_frames, "without an IP header that this tool reads"),
        (inspection.other_ip_frames, "with IP that is neither TCP nor UDP (ICMP and others)"),
        (inspection.unused_frames, "in none of these: fragments of other frames, or damaged headers"),
    ] {
        if frames > 0 {
            page.line(&format!("{} {what}", counted(frames, "frame")));
        }
    }
    if !inspection.quality.unread.is_empty() {
        page.line(&format!("not read: {}", unread_protocols(&inspection.quality.unread)));
    }
    if inspection.traffic.iter().any(|kind| kind.basis == "none" && kind.transport != "UDP" && kind.bytes > 0) {
        page.line(
            "MSE is recognised only where the beginning of a connection was captured; what is not recognised may hold it.",
        );
    }
}

fn torrents(inspection: &Inspection, page: &mut Page) {
    let named = &inspection.only_named_torrents;
    if inspection.torrents.is_empty() && named.is_empty() {
        return;
    }
    page.heading("TORRENTS");
    for torrent in inspection.torrents.iter().take(MOST_TORRENTS) {
        page.line(&format!(
            "{}  {}, {} served",
            torrent.info_hash,
            counted(torrent.peers, "peer"),
            counted(torrent.served_bytes, "byte")
        ));
        page.line(&format!("  {}", description(torrent)));
    }
    more(inspection.torrents.len(), MOST_TORRENTS, "torrent", page);
    for hash in named.iter().take(MOST_TORRENTS) {
        page.line(&format!("{hash}  named by trackers, the DHT, local discovery or peers; no handshake names it"));
    }
    more(named.len(), MOST_TORRENTS, "info-hash", page);
}

fn description(torrent: &Swarm) -> String {
    let name = torrent.name.as_deref().map_or_else(String::new, |name| format!("\"{}\", ", escaped(name)));
    let size = match (torrent.size, torrent.files) {
        (Some(size), Some(files)) => format!("{} in {}, ", counted(size, "byte"), counted(files, "file")),
        _ => String::new(),
    };
    let metadata = match torrent.metadata {
        Metadata::Whole => "its metadata is in the captures",
        Metadata::WithoutLayers => {
            "its metadata is in the captures, but not all piece layers: its torrent file is needed to verify"
        }
        Metadata::Partial => "only parts of its metadata are in the captures",
        Metadata::None => "its metadata is not in the captures: its torrent file is needed to verify",
    };
    format!("{name}{size}{metadata}")
}

fn peers(inspection: &Inspection, page: &mut Page) {
    if inspection.has_peers() {
        page.heading("PEERS");
    } else if inspection.only_named + inspection.only_announced > 0 {
        page.heading("NAMED BY OTHERS");
    }
    let mut rows: Vec<&Peer> = inspection.peers.iter().collect();
    // A stable sort, so that equal rows stay sorted by endpoint.
    rows.sort_by_key(|peer| std::cmp::Reverse((peer.served_bytes, peer.received_bytes)));
    let shown = rows.get(..MOST_PEERS).unwrap_or(&rows);
    if !shown.is_empty() {
        grid::write(shown, &PEERS, Dated::SameDay, "peer", "subjects", page);
    }
    more(rows.len(), MOST_PEERS, "peer", page);
    let relayed = |opaque: &&Opaque| opaque.kind == OpaqueKind::Relay;
    for opaque in inspection.opaque.iter().filter(relayed).take(MOST_OPAQUE) {
        page.line(&format!(
            "{} <-> {} ({}): relayed, {}",
            opaque.a,
            opaque.b,
            opaque.transport.name(),
            escaped(&opaque.basis)
        ));
    }
    let encrypted = encrypted(&inspection.opaque);
    for opaque in encrypted.iter().take(MOST_OPAQUE) {
        page.line(&format!(
            "{} <-> {} ({}): taken for MSE, {} there and {} back cannot be read",
            opaque.a,
            opaque.b,
            opaque.transport.name(),
            counted(opaque.a_to_b, "byte"),
            counted(opaque.b_to_a, "byte")
        ));
    }
    more(encrypted.len(), MOST_OPAQUE, "encrypted conversation", page);
    let silent = if inspection.unlisted.is_some() { "in no row" } else { "never seen to speak" };
    for (count, what) in [
        (
            inspection.only_announced,
            "only shown by announces of their own (to trackers, the DHT or neighbours)".to_owned(),
        ),
        (inspection.only_named, format!("named by others and {silent} (hearsay)")),
    ] {
        if count > 0 {
            let addresses = if count == 1 { "address" } else { "addresses" };
            page.line(&format!("{} {addresses} {what}", grouped(count)));
        }
    }
}

/// Where messages are that look like BitTorrent's, and that nothing confirms to be.
fn looks(inspection: &Inspection, page: &mut Page) {
    let kinds = [anomaly::Kind::UnconfirmedBlock, anomaly::Kind::UnconfirmedMessage];
    let found: Vec<_> = inspection.anomalies.iter().filter(|anomaly| kinds.contains(&anomaly.kind)).collect();
    if found.is_empty() {
        return;
    }
    page.heading("UNCONFIRMED");
    for anomaly in found {
        for example in &anomaly.examples {
            let frame =
                example.frames.as_ref().map_or_else(String::new, |frames| format!("frame {}, ", frames.first));
            page.line(&format!("{frame}{}: {}", example.flow, example.detail));
        }
        more(anomaly.count as usize, anomaly.examples.len(), "like these", page);
    }
}

fn readable(inspection: &Inspection, page: &mut Page) {
    if !inspection.has_peers() {
        return;
    }
    page.heading("READABLE");
    let readable = &inspection.readable;
    page.line(&format!(
        "in clear {} of peer connections, of them {} of piece data",
        counted(readable.clear_bytes, "byte"),
        counted(readable.served_bytes, "byte")
    ));
    page.line(&format!(
        "opaque {}, piece data sent but not captured {}, cut off by the snap length {}",
        counted(readable.opaque_bytes, "byte"),
        counted(readable.lost_bytes, "byte"),
        counted(readable.snaplen_bytes, "byte")
    ));
}

fn next(inspection: &Inspection, page: &mut Page) {
    page.heading("NEXT");
    if inspection.next.is_empty() {
        page.line("Nothing: `peerproof analyze` would have no peer to report.");
    }
    for step in &inspection.next {
        page.line(&step.why);
        step.needs.iter().take(MOST_TORRENTS).for_each(|info_hash| page.line(&format!("  needs {info_hash}")));
        more(step.needs.len(), MOST_TORRENTS, "info-hash", page);
        command(&step.words, page);
    }
}

/// A command on lines of its own, to be copied: a shell reads on behind a backslash.
fn command(words: &[String], page: &mut Page) {
    page.text.push_str("\n   ");
    let mut column = 3;
    for word in words {
        let length = word.chars().count();
        if column > 4 && column + 1 + length + 2 > page.width {
            page.text.push_str(" \\\n     ");
            column = 5;
        }
        page.text.push(' ');
        page.text.push_str(word);
        column += 1 + length;
    }
    page.text.push_str("\n\n");
}

/// Says how many of `all` were not shown.
fn more(all: usize, shown: usize, noun: &str, page: &mut Page) {
    if let Some(hidden @ 1..) = all.checked_sub(shown) {
        page.line(&format!("and {}, listed by --format json", counted(hidden as u64, &format!("more {noun}"))));
    }
}

const KINDS: [Column<Kind>; 7] = [
    word("transport", |kind, _| kind.transport.to_owned()),
    word("content", |kind, _| kind.content.to_owned()),
    word("shown by", |kind, _| if kind.basis == "none" { "-".to_owned() } else { kind.basis.to_owned() }),
    figure("flows", |kind, _| grouped(kind.flows)),
    Column { needed: |kind| kind.one_way_flows > 0, ..figure("one way", |kind, _| grouped(kind.one_way_flows)) },
    figure("frames", |kind, _| grouped(kind.frames)),
    figure("payload bytes", |kind, _| grouped(kind.bytes)),
];

const PEERS: [Column<Peer>; 7] = [
    word("peer", |peer, _| peer.endpoint.to_string()),
    word("over", |peer, _| peer.transport.name().to_owned()),
    word("client", |peer, _| client(peer)),
    word("encryption", |peer, _| peer.encryption.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ")),
    word("torrent", |peer, _| grid::short(peer.info_hash.as_ref())),
    figure("served", |peer, _| grouped(peer.served_bytes)),
    figure("received", |peer, _| grouped(peer.received_bytes)),
];

const fn word<T>(name: &'static str, value: fn(&T, Dated) -> String) -> Column<T> {
    Column { name, kind: ColumnKind::Word, value, needed: |_| true }
}

const fn figure<T>(name: &'static str, value: fn(&T, Dated) -> String) -> Column<T> {
    Column { name, kind: ColumnKind::Figure, value, needed: |_| true }
}

fn client(peer: &Peer) -> String {
    let names: Vec<&str> = peer.clients.iter().map(String::as_str).collect();
    let client = visible(&names.join(", "));
    if client.is_empty() {
        "-".to_owned()
    } else if client.chars().count() > CLIENT_WIDTH {
        client.chars().take(CLIENT_WIDTH).chain("...".chars()).collect()
    } else {
        client
    }
}

// Rationale: room for every usual name and version; the full text is in the JSON.
const CLIENT_WIDTH: usize = 28;
// Rationale: an overview is a screen or two; the JSON lists everything.
const MOST_PEERS: usize = 40;
const MOST_TORRENTS: usize = 20;
const MOST_INPUTS: usize = 20;
const MOST_INTERFACES: usize = 8;
const MOST_OPAQUE: usize = 10;
