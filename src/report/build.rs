//! From [`Evidence`] to [`Document`]: its rows as they are, with the inputs and options of the run.

use std::collections::{BTreeMap, BTreeSet};

use crate::anomaly::Kind;
use crate::ends::{Frames, Hex};
use crate::evidence::{self, Evidence, InputFacts, LinkType};
use crate::limits::Limits;
use crate::oddity::{Bound, Occurrence, Oddity};
use crate::options::{ChecksumPolicy, UdpTunnel};
use crate::report::document::*;
use crate::report::facts::{Given, TorrentInput};
use crate::report::notes::notes;
use crate::report::oddity;

impl Document {
    /// The report of `evidence`, from captures and torrents `given`, under these options.
    pub fn new(evidence: &Evidence, given: &Given, checksums: ChecksumPolicy, limits: &Limits) -> Self {
        Self::take(&mut evidence.clone(), given, checksums, limits)
    }

    /// Makes the document with the rows taken out of `evidence`: there may be so many that they are not held twice.
    pub fn take(evidence: &mut Evidence, given: &Given, checksums: ChecksumPolicy, limits: &Limits) -> Self {
        let mut torrent_inputs = given.inputs.clone();
        torrent_inputs.sort();
        let mut document = Self {
            schema: Schema::Report1,
            tool: Tool { name: "peerproof".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
            options: Options {
                checksums,
                tunnels: Vec::new(),
                pseudonyms: false,
                sha1_collision_check: false,
                limits: limit_names(limits),
            },
            inputs: evidence.captures.iter().map(capture).chain(torrent_inputs.iter().map(torrent_input)).collect(),
            passed_over: evidence
                .passed_over
                .iter()
                .map(passed_over)
                .chain(given.passed_over.iter().map(no_torrent))
                .collect(),
            torrents: std::mem::take(&mut evidence.torrents),
            transfers: std::mem::take(&mut evidence.transfers),
            subjects: std::mem::take(&mut evidence.subjects),
            mentions: std::mem::take(&mut evidence.mentions),
            swarms: std::mem::take(&mut evidence.swarms),
            opaque: std::mem::take(&mut evidence.opaque),
            anomalies: evidence.anomalies.iter().map(|(kind, tally)| anomaly(kind, tally)).collect(),
            hosts: Vec::new(),
            lists: Vec::new(),
            quality: evidence.quality.clone(),
            notes: Vec::new(),
            unlisted: evidence.unlisted.clone(),
            summed: evidence.summed.clone(),
            pieces: evidence.pieces.take().map(|pieces| pieces.iter().collect()),
            shown: None,
        };
        document.away(evidence);
        document.name_hosts(std::mem::take(&mut evidence.names));
        document.notes = notes(&document);
        document
    }

    /// Says of what lies in captures that are not at hand why nothing of it was hashed: of them it is not known what is
    /// complete.
    fn away(&mut self, evidence: &Evidence) {
        let examples = evidence.anomalies.iter().flat_map(|(_, tally)| &tally.examples);
        let away: BTreeSet<u16> = examples
            .filter_map(|example| match example.oddity {
                Oddity::Reached(Bound::Captures { input, .. }) => Some(input),
                _ => None,
            })
            .collect();
        let subjects = self.subjects.iter_mut().map(|row| (row.served_frames, &mut row.next_rung));
        let transfers = self.transfers.iter_mut().map(|row| (row.served_frames, &mut row.next_rung));
        for (frames, reason) in subjects.chain(transfers) {
            let (Some(frames), Some(reason)) = (frames, reason) else { continue };
            if away.contains(&frames.file) {
                let said = format!(
                    "no piece with bytes of it could be hashed: the bytes of #{} could not be read",
                    u64::from(frames.file) + 1
                );
                *reason = reason.replace("no piece with bytes of it is complete in the capture", &said);
            }
        }
    }

    /// Adds the `tunnels` that a run was told of to the options of its report.
    pub fn with_tunnels(mut self, tunnels: &[UdpTunnel]) -> Self {
        let mut tunnels = tunnels.to_vec();
        tunnels.sort_unstable();
        self.options.tunnels = tunnels.iter().map(UdpTunnel::to_string).collect();
        self
    }

    /// Says whether pieces were looked at for the marks of a SHA-1 collision attack.
    #[must_use]
    pub fn with_collision_check(mut self, checked: bool) -> Self {
        self.options.sha1_collision_check = checked;
        self
    }
}

fn capture(facts: &InputFacts) -> Input {
    Input::Capture {
        name: facts.name.clone(),
        kind: IsCapture::Yes,
        format: facts.format.clone(),
        bytes: facts.bytes,
        sha256: facts.sha256.map(Hex),
        sha256_stated: facts.stated,
        content_bytes: facts.content.map(|content| content.bytes),
        content_sha256: facts.content.map(|content| Box::new(Hex(content.sha256))),
        frames: facts.frames,
        first_time: facts.first_time,
        last_time: facts.last_time,
        interfaces: facts
            .interfaces
            .iter()
            .map(|interface| Interface {
                link_type: link_type(interface.link_type),
                snaplen: interface.snaplen,
                name: interface.name.clone(),
                filter: interface.filter.clone(),
                ticks_per_second: interface.ticks_per_second,
                offset_seconds: interface.offset_seconds,
                unread_frames: if interface.link_type.is_read() { 0 } else { interface.frames },
            })
            .collect(),
        damage: facts.damage.clone(),
        dropped_by_capture: facts.dropped_by_capture,
        unused_blocks: facts.unused_blocks.clone(),
    }
}

fn torrent_input(input: &TorrentInput) -> Input {
    Input::Torrent { name: input.name.clone(), kind: IsTorrent::Yes, bytes: input.bytes, sha256: Hex(input.sha256) }
}

fn anomaly(kind: Kind, tally: &crate::anomaly::Tally) -> Anomaly {
    let example = |example: &Occurrence| Example {
        frames: example.span.map(Frames::from),
        flow: oddity::parties(example),
        detail: oddity::sentence(&example.oddity),
        bound: example.oddity.bound().map(str::to_owned),
    };
    Anomaly {
        kind,
        count: tally.count,
        examples: tally.examples.iter().map(example).collect(),
        amount: tally.amount,
    }
}

fn passed_over(other: &evidence::PassedOver) -> PassedOver {
    PassedOver { name: other.name.clone(), found: other.found.clone(), given_as: Purpose::Capture }
}

fn no_torrent((name, why): &(String, String)) -> PassedOver {
    PassedOver { name: name.clone(), found: why.clone(), given_as: Purpose::Torrent }
}

fn limit_names(limits: &Limits) -> BTreeMap<String, u64> {
    // Taken apart in full, so that a new limit cannot be forgotten here.
    let Limits {
        flows,
        stream_pending_segments,
        stream_history_segments,
        history_slices,
        late_segments,
        waiting_slices,
        copy_marks,
        acked_hole_wait_ns,
        message_bytes,
        scratch_bytes,
        resync_bytes,
        outstanding_requests,
        requests,
        window_silence_ns,
        mentions,
        transactions,
        opaque,
        rows,
        served_rows,
        advertised_bytes,
        fragments_open,
        fragment_bytes,
        // Where facts and copies wait: they change none of them.
        open_slices: _,
        journal_memory: _,
    } = *limits;
    let named = [
        ("flows", flows as u64),
        ("stream_pending_segments", stream_pending_segments as u64),
        ("stream_history_segments", stream_history_segments as u64),
        ("history_slices", history_slices as u64),
        ("late_segments", late_segments as u64),
        ("waiting_slices", waiting_slices as u64),
        ("copy_marks", copy_marks as u64),
        ("acked_hole_wait_ns", acked_hole_wait_ns.max(0) as u64),
        ("message_bytes", u64::from(message_bytes)),
        ("scratch_bytes", scratch_bytes as u64),
        ("resync_bytes", resync_bytes),
        ("outstanding_requests", outstanding_requests as u64),
        ("requests", requests as u64),
        ("window_silence_ns", window_silence_ns.max(0) as u64),
        ("mentions", mentions as u64),
        ("transactions", transactions as u64),
        ("opaque", opaque as u64),
        ("rows", rows as u64),
        ("served_rows", served_rows as u64),
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
