//! Display filters for Wireshark that select the cited frames: made of numbers and addresses only.

use crate::ends::{Endpoint, Frames, Transport};
use crate::report::{Transfer, model};

/// The messages that a filter selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Messages {
    /// Whatever frames are named.
    Any,
    /// `request` messages for a piece, from the receiver to the sender.
    Requests(u32),
    /// `piece` messages of a piece.
    Pieces(u32),
    /// `piece` messages of any piece.
    AnyPieces,
}

/// The way of a transfer, as far as a filter can name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    from: Endpoint,
    to: Endpoint,
    transport: Transport,
    /// Set if Wireshark's fields tell these packets: in a tunnel they match any layer.
    is_plain: bool,
    /// Set if Wireshark's dissector takes the messages for pieces.
    is_dissected: bool,
}

impl Way {
    /// The way of a transfer.
    pub(super) fn of(transfer: &Transfer) -> Self {
        let messages = transfer.piece_messages.saturating_add(transfer.partial_messages);
        Self {
            from: transfer.uploader,
            to: transfer.downloader,
            transport: transfer.transport,
            is_plain: transfer.paths.is_empty(),
            is_dissected: is_dissected(transfer.transport, messages, transfer.bytes.served),
        }
    }

    /// The filter of all its piece messages; `None` where Wireshark's fields do not tell them.
    pub(super) fn piece_messages(&self) -> Option<String> {
        let ip = if self.from.ip.is_ipv4() { "ip" } else { "ipv6" };
        (self.is_plain && self.is_dissected).then(|| {
            format!("{ip}.src == {} && tcp.srcport == {} && bittorrent.msg.type == 7", self.from.ip, self.from.port)
        })
    }

    /// Reads the filter of a transfer off a row of report.json; `None` where its ends are no addresses.
    pub(super) fn read(transfer: &model::Transfer) -> Option<Self> {
        let messages = transfer.piece_messages.saturating_add(transfer.partial_messages);
        Some(Self {
            from: transfer.uploader.parse().ok()?,
            to: transfer.downloader.parse().ok()?,
            transport: transfer.transport,
            is_plain: transfer.paths.is_empty(),
            is_dissected: is_dissected(transfer.transport, messages, transfer.bytes.served_bytes),
        })
    }
}

/// Wireshark rebuilds no uTP, and takes no longer message for a piece.
fn is_dissected(transport: Transport, messages: u64, served: u64) -> bool {
    transport == Transport::Tcp && served <= messages.saturating_mul(WIRESHARK_BLOCK)
}

/// The filter of `frames`, within one direction of a transfer where it tells more than one frame.
///
/// `None` where they begin and end in different captures.
pub(super) fn display_filter(frames: Frames, way: Option<&Way>, messages: Messages) -> Option<String> {
    if frames.last_file.is_some() {
        return None;
    }
    if frames.first == frames.last {
        return Some(format!("frame.number == {}", frames.first));
    }
    let mut filter = format!("frame.number >= {} && frame.number <= {}", frames.first, frames.last);
    let Some(way) = way.filter(|way| way.is_plain) else { return Some(filter) };
    let (from, to) = match messages {
        Messages::Requests(_) => (way.to, way.from),
        _ => (way.from, way.to),
    };
    let ip = if from.ip.is_ipv4() { "ip" } else { "ipv6" };
    let transport = if matches!(way.transport, Transport::Utp | Transport::Udp) { "udp" } else { "tcp" };
    filter.push_str(&format!(
        " && {ip}.src == {} && {transport}.srcport == {} && {ip}.dst == {} && {transport}.dstport == {}",
        from.ip, from.port, to.ip, to.port
    ));
    if way.is_dissected {
        match messages {
            Messages::Any => {}
            Messages::Requests(piece) => {
                filter.push_str(&format!(" && bittorrent.msg.type == 6 && bittorrent.piece.index == {piece}"));
            }
            Messages::Pieces(piece) => {
                filter.push_str(&format!(" && bittorrent.msg.type == 7 && bittorrent.piece.index == {piece}"));
            }
            Messages::AnyPieces => filter.push_str(" && bittorrent.msg.type == 7"),
        }
    }
    debug_assert!(filter.len() <= MOST_FILTER);
    Some(filter)
}

// Rationale: 0x4009 bytes of message, less its type, piece index and begin.
const WIRESHARK_BLOCK: u64 = 16_384;
// Rationale: what Wireshark's filter field takes without trouble; the longest of these is some 400.
const MOST_FILTER: usize = 1_000;
