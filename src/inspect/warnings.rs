//! Reasons why bytes could be hidden, in sentences.

use super::Inspection;
use crate::anomaly::Kind;
use crate::evidence::Flag;
use crate::report::{Anomaly, Input, caveats, counted, escaped, gaps, grouped};

/// The warnings, the most far-reaching first.
pub(super) fn of(inspection: &Inspection) -> Vec<String> {
    let mut out = Vec::new();
    inspection.inputs.iter().for_each(|input| capture(input, &mut out));
    one_way(inspection, &mut out);
    let readable = &inspection.readable;
    if readable.snaplen_frames > 0 {
        out.push(format!(
            "The snap length cut {}, by {}: what was cut off can be counted and never verified.",
            counted(readable.snaplen_frames, "frame"),
            counted(readable.snaplen_bytes, "byte")
        ));
    }
    let quality = &inspection.quality;
    if quality.gaps > 0 {
        out.push(gaps(quality.gaps, quality.gap_bytes, quality.gap_packets));
    }
    if readable.lost_bytes > 0 {
        out.push(format!(
            "{} of piece data {} not in the captures.",
            counted(readable.lost_bytes, "byte"),
            if readable.lost_bytes == 1 { "was sent and is" } else { "were sent and are" }
        ));
    }
    let late = inspection.peers.iter().filter(|peer| peer.flags.contains(&Flag::HandshakeNotCaptured)).count();
    if late > 0 {
        out.push(format!(
            "{} spoke on connections whose handshake is not in the captures.",
            counted(late as u64, "peer")
        ));
    }
    out.extend(caveats(&quality.clock, |file| {
        inspection.inputs.get(usize::from(file)).map(|input| escaped(input.name())).unwrap_or_default()
    }));
    out.extend(inspection.anomalies.iter().filter_map(odd));
    out
}

fn capture(input: &Input, out: &mut Vec<String>) {
    let Input::Capture { name, frames, interfaces, damage, dropped_by_capture, .. } = input else { return };
    let name = escaped(name);
    if let Some(damage) = damage {
        out.push(format!("{name} is damaged: {}.", escaped(damage)));
    }
    if *frames == 0 {
        out.push(format!("{name} holds no frame that can be read."));
    }
    if let Some(count @ 1..) = dropped_by_capture {
        out.push(format!("{name}: the capturing program dropped {}.", counted(*count, "packet")));
    }
    let short = interfaces.iter().map(|interface| interface.snaplen).filter(|snaplen| FULL_FRAME.contains(snaplen));
    if let Some(snaplen) = short.min() {
        out.push(format!(
            "{name} was made to keep no more than {} of each frame, less than a full frame.",
            counted(u64::from(snaplen), "byte")
        ));
    }
}

fn one_way(inspection: &Inspection, out: &mut Vec<String>) {
    let peer = inspection.traffic.iter().filter(|kind| matches!(kind.basis, "messages" | "classification"));
    let (some, all) = peer.fold((0, 0), |(some, all), kind| (some + kind.one_way_flows, all + kind.flows));
    if some > 0 {
        out.push(format!(
            "One direction only: of {} of {} the captures hold what one end sent, and nothing of the other.",
            grouped(some),
            counted(all, "peer connection")
        ));
    }
    let tcp = inspection.traffic.iter().filter(|kind| kind.transport == "TCP");
    let (some, all) = tcp.fold((0, 0), |(some, all), kind| (some + kind.one_way_flows, all + kind.flows));
    if some > all / 2 {
        out.push(format!(
            "Most TCP connections ({} of {}) are in the captures in one direction only: they may have been made on \
             one path of an asymmetric route, or with a filter.",
            grouped(some),
            grouped(all)
        ));
    }
}

/// A sentence for the kinds that are not said elsewhere and may hide something.
fn odd(anomaly: &Anomaly) -> Option<String> {
    let said = [
        (Kind::UnknownLinkType, "frame", "of a link type that this tool does not read"),
        (Kind::BadHeader, "frame", "with headers that are cut off or contradict their lengths"),
        (Kind::DamagedFrame, "frame", "damaged: marked so, or with a wrong checksum among right ones"),
        (Kind::IncompleteFragments, "IP datagram", "of which fragments are missing"),
        (
            Kind::FragmentConflict,
            "fragment",
            "in conflict with the rest of the datagram: other content at the same place, or a wrong checksum of the whole",
        ),
        (Kind::BadChecksum, "packet", "with a wrong checksum"),
        (Kind::DuplicateFrame, "frame", "in the captures more than once"),
        (Kind::OverlapConflict, "stretch", "sent twice with different bytes"),
        (Kind::BadTimestamp, "frame", "without a usable time"),
        (
            Kind::Proxied,
            "connection",
            "carrying BitTorrent through a proxy or behind something else, which is not read",
        ),
        (Kind::WrongMetadata, "piece", "of metadata, not what the info-hash promises"),
        (Kind::LimitReached, "event", "beyond a bound of this tool"),
        (
            Kind::InfoHashMismatch,
            "connection",
            "whose two handshakes name different info-hashes: two torrents, or the two of one hybrid torrent (BEP 52)",
        ),
    ];
    let (kind, noun, words) = said.into_iter().find(|(kind, ..)| *kind == anomaly.kind)?;
    let telling = matches!(kind, Kind::LimitReached | Kind::UnknownLinkType | Kind::Proxied);
    let first = anomaly.examples.first().filter(|_| telling);
    let first = first.map_or_else(String::new, |example| format!("; the first: {}", escaped(&example.detail)));
    let what = match noun {
        "stretch" if anomaly.count != 1 => format!("{} stretches", grouped(anomaly.count)),
        _ => counted(anomaly.count, noun),
    };
    Some(format!("{}: {what} {words}{first}.", kind.name()))
}

// Rationale: an Ethernet frame has 1,514 bytes, with tags and a trailer some more; 0 stands for no limit.
const FULL_FRAME: std::ops::Range<u32> = 1..1_600;
