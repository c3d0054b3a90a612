//! An inspection for people: what it is in a line, the torrents, what hides something, and what to run next; every part on
//! request.

use std::collections::BTreeSet;

use super::Inspection;
use super::document::{Kind, Metadata, Peer, Swarm};
use crate::anomaly;
use crate::ends::InfoHash;
use crate::evidence::{OpaqueKind, encrypted};
use crate::report::grid::{Table, figure, word};
use crate::report::{
    Detail, Input, Opaque, Page, Running, Screen, Walked, bold, clock, counted, duration, escaped, grouped,
    named_in, nobody, not_listed, passed_over, unread_protocols, visible,
};

impl Inspection {
    /// As plain text, with a newline at the end; no line is wider than the screen but a command whose word is. Commands are
    /// written for a shell.
    pub fn terminal(&self, screen: &Screen) -> String {
        let mut page = Page::new(screen.width);
        let page_of = |detail: Detail| screen.detail >= detail;
        for (at, sentence) in self.in_short().iter().enumerate() {
            page.row(&if at == 0 { bold(sentence) } else { sentence.clone() }, 0, 2);
        }
        if page_of(Detail::All) {
            held(self, &mut page);
            protocols(self, &mut page);
        }
        if page_of(Detail::Page) {
            torrents(self, &mut page);
            if page_of(Detail::All) {
                peers(self, &mut page);
                looks(self, &mut page);
                readable(self, &mut page);
            } else {
                looks(self, &mut page);
                flows(self, &mut page);
            }
        }
        if !self.warnings.is_empty() {
            page.heading("WARNINGS");
            self.warnings.iter().for_each(|warning| page.line(warning));
        }
        next(self, &mut page);
        page.finish(screen.colour)
    }

    /// The content of the captures in a sentence or two.
    pub fn in_short(&self) -> Vec<String> {
        if self.quality.frames == 0 {
            return vec!["No frame could be read, so nothing is shown and nothing is ruled out.".to_owned()];
        }
        let mut out = Vec::new();
        if !self.peers.is_empty() {
            let served = match self.readable.served_bytes {
                0 if self.readable.lost_bytes > 0 => format!(
                    "{} of piece data sent, none of it in the captures",
                    counted(self.readable.lost_bytes, "byte")
                ),
                0 => "no piece data".to_owned(),
                bytes => format!("{} of piece data, none verified yet", counted(bytes, "byte")),
            };
            let spoke = self.peers.iter().filter(|peer| peer.spoke).count() as u64;
            let called = self.peers.len() as u64 - spoke;
            let called = match called {
                0 => String::new(),
                _ => format!(" (and {} without a completed handshake)", grouped(called)),
            };
            out.push(format!(
                "{}, {} in the clear{called}, {served}",
                match self.torrents.len() as u64 {
                    0 => "A torrent that no handshake names".to_owned(),
                    count => counted(count, "torrent"),
                },
                counted(spoke, "peer"),
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
        let claimed: BTreeSet<&InfoHash> = self.opaque.iter().filter_map(|each| each.info_hash.as_ref()).collect();
        out.extend(named_in(&self.opaque).zip(claimed.first()).map(|(named, first)| match claimed.len() as u64 {
            0 | 1 => format!("Not readable: {named}, {first}."),
            many => format!("Not readable: {named}, {first} the first of {}.", counted(many, "torrent")),
        }));
        out.extend(self.unlisted.as_ref().map(not_listed));
        if !self.has_peers() {
            let frames = counted(self.quality.frames, "frame");
            out.push(nobody(&self.walked(), &format!("the {frames} that were read")));
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

    /// Everything that tells what could not be read.
    pub(super) fn walked(&self) -> Walked<'_> {
        let Self { quality, opaque, anomalies, inputs, .. } = self;
        Walked { quality, opaque, anomalies, inputs }
    }

    fn connections(&self, basis: &str) -> u64 {
        self.traffic.iter().filter(|kind| kind.basis == basis).map(|kind| kind.flows).sum()
    }

    fn named(&self, start: &'static str) -> impl Iterator<Item = &'static str> {
        self.traffic.iter().map(|kind| kind.content).filter(move |content| content.starts_with(start))
    }
}

/// How many flows carry BitTorrent, and how many of the others could.
fn flows(inspection: &Inspection, page: &mut Page) {
    let clear = inspection.connections("messages");
    let opaque = encrypted(&inspection.opaque).len() as u64;
    let http: u64 = inspection.traffic.iter().filter(|kind| kind.content == "HTTP").map(|kind| kind.flows).sum();
    let all: u64 = inspection.traffic.iter().map(|kind| kind.flows).sum();
    let mut parts = vec![format!("{} BitTorrent in the clear", grouped(clear))];
    if http > 0 {
        parts.push(format!("{} HTTP (a web seed would look so)", grouped(http)));
    }
    let others = all.saturating_sub(clear + opaque + http);
    if others > 0 {
        parts.push(format!("{} of other kinds", grouped(others)));
    }
    parts.push(format!("{} taken for encrypted", grouped(opaque)));
    page.heading("FLOWS");
    page.line(&format!("{}. Each kind, each peer: -v", parts.join(", ")));
    passed_over(&inspection.passed_over).iter().for_each(|others| page.line(others));
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
        let running = Running::of(&inspection.inputs, &[]);
        page.line(&match (quality.duration_ns, running.stretches().len()) {
            (None, _) => format!("time {} to {}, UTC", clock(*first), clock(*last)),
            (_, 0 | 1) => {
                format!("time {} to {} ({}), UTC", clock(*first), clock(*last), duration(running.length()))
            }
            (_, many) => format!(
                "time {} ({} in {} stretches), UTC",
                running.told(clock),
                duration(running.length()),
                grouped(many as u64)
            ),
        });
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
    kinds(&inspection.traffic, page);
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
    let mut table =
        Table::new(vec![word("info-hash"), figure("peers"), figure("served"), word("description inside")], 1);
    for torrent in inspection.torrents.iter().take(MOST_TORRENTS) {
        table.push(vec![
            torrent.info_hash.to_string(),
            grouped(torrent.peers),
            grouped(torrent.served_bytes),
            match torrent.metadata {
                Metadata::Whole => "yes",
                Metadata::WithoutLayers => "without layers",
                Metadata::Partial => "in part",
                Metadata::None => "no",
            }
            .to_owned(),
        ]);
    }
    if !table.is_empty() {
        table.write(page);
    }
    for torrent in inspection.torrents.iter().take(MOST_TORRENTS).filter(|torrent| torrent.name.is_some()) {
        page.row(&described(torrent), 2, 4);
    }
    more(inspection.torrents.len(), MOST_TORRENTS, "torrent", page);
    for hash in named.iter().take(MOST_TORRENTS) {
        page.row(
            &format!("{hash}  named by trackers, the DHT, local discovery or peers; no handshake names it"),
            2,
            4,
        );
    }
    more(named.len(), MOST_TORRENTS, "info-hash", page);
}

/// A torrent whose description is in the captures.
fn described(torrent: &Swarm) -> String {
    let name = torrent.name.as_deref().map_or_else(String::new, |name| format!("\"{}\"", escaped(name)));
    let size = match (torrent.size, torrent.files) {
        (Some(size), Some(files)) => format!(", {} in {}", counted(size, "byte"), counted(files, "file")),
        _ => String::new(),
    };
    let needed = match torrent.metadata {
        Metadata::WithoutLayers => {
            "; not all piece layers are in the captures: its torrent file is needed to verify"
        }
        _ => "",
    };
    let hash: String = torrent.info_hash.to_string().chars().take(8).collect();
    format!("{hash}...: {name}{size}{needed}")
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
    rows_of(shown, page);
    more(rows.len(), MOST_PEERS, "peer", page);
    let relayed = |opaque: &Opaque| format!("relayed, {}", escaped(&opaque.basis));
    let within_tls = |opaque: &Opaque| escaped(&opaque.basis);
    let taken = |opaque: &Opaque| {
        let [there, back] = [opaque.a_to_b, opaque.b_to_a].map(|bytes| counted(bytes, "byte"));
        format!("taken for MSE, {there} there and {back} back cannot be read")
    };
    let of_kind = |kind| inspection.opaque.iter().filter(|opaque| opaque.kind == kind).collect();
    conversations(of_kind(OpaqueKind::Relay), relayed, "relayed conversation", page);
    conversations(of_kind(OpaqueKind::Tls), within_tls, "TLS conversation", page);
    conversations(encrypted(&inspection.opaque), taken, "encrypted conversation", page);
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

/// The first conversations of one kind that cannot be read, and how many more there are.
fn conversations(all: Vec<&Opaque>, said: impl Fn(&Opaque) -> String, noun: &str, page: &mut Page) {
    for opaque in all.iter().take(MOST_OPAQUE) {
        page.line(&format!("{} <-> {} ({}): {}", opaque.a, opaque.b, opaque.transport.name(), said(opaque)));
    }
    more(all.len(), MOST_OPAQUE, noun, page);
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
        // No form lists more of them than these examples.
        if let Some(hidden @ 1..) = anomaly.count.checked_sub(anomaly.examples.len() as u64) {
            page.line(&format!("and {} more like these", grouped(hidden)));
        }
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
        page.line(match inspection.walked().hidden() {
            0 => "Nothing: `peerproof analyze` would have no peer to report.",
            _ => "Nothing: what could be read holds no peer that `peerproof analyze` would report.",
        });
    }
    for step in &inspection.next {
        page.line(&step.why);
        step.needs.iter().take(MOST_TORRENTS).for_each(|info_hash| page.line(&format!("needs {info_hash}")));
        more(step.needs.len(), MOST_TORRENTS, "info-hash", page);
        page.command(&step.words);
    }
}

/// Says how many of `all` were not shown.
fn more(all: usize, shown: usize, noun: &str, page: &mut Page) {
    if let Some(hidden @ 1..) = all.checked_sub(shown) {
        page.line(&format!("and {}, listed by --format json", counted(hidden as u64, &format!("more {noun}"))));
    }
}

fn kinds(kinds: &[Kind], page: &mut Page) {
    let columns = vec![
        word("transport"),
        word("content"),
        word("shown by"),
        figure("flows"),
        figure("one way"),
        figure("frames"),
        figure("payload bytes"),
    ];
    let mut table = Table::new(columns, 2);
    for kind in kinds {
        table.push(vec![
            kind.transport.to_owned(),
            kind.content.to_owned(),
            if kind.basis == "none" { "-".to_owned() } else { kind.basis.to_owned() },
            grouped(kind.flows),
            grouped(kind.one_way_flows),
            grouped(kind.frames),
            grouped(kind.bytes),
        ]);
    }
    table.without_zeros(&["one way"]);
    if !table.is_empty() {
        table.write(page);
    }
}

fn rows_of(peers: &[&Peer], page: &mut Page) {
    let columns = vec![
        word("peer"),
        word("over"),
        word("encryption"),
        word("torrent"),
        figure("served"),
        figure("received"),
        word("client").from(100),
    ];
    let mut table = Table::new(columns, 1);
    for peer in peers {
        table.push(vec![
            peer.endpoint.to_string(),
            peer.transport.name().to_owned(),
            peer.encryption.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", "),
            peer.info_hash.as_ref().map_or_else(
                || "unknown".to_owned(),
                |hash| format!("{}...", hash.to_string().chars().take(8).collect::<String>()),
            ),
            grouped(peer.served_bytes),
            grouped(peer.received_bytes),
            client(peer),
        ]);
    }
    if !table.is_empty() {
        table.write(page);
    }
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
