//! Display filters for Wireshark that select the cited frames: made of numbers and addresses only.

use std::net::SocketAddr;

use crate::ends::Frames;
use crate::ends::Transport;
use crate::report::model::Transfer;

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

/// The filter of `frames`, within one direction of `transfer` where it tells more than one frame.
///
/// `None` where they begin and end in different captures. Wireshark rebuilds no uTP, and its address fields match any layer of a tunnel: both get the frames alone.
pub(super) fn display_filter(frames: Frames, transfer: Option<&Transfer>, messages: Messages) -> Option<String> {
    if frames.last_file.is_some() {
        return None;
    }
    if frames.first == frames.last {
        return Some(format!("frame.number == {}", frames.first));
    }
    let mut filter = format!("frame.number >= {} && frame.number <= {}", frames.first, frames.last);
    let Some(transfer) = transfer.filter(|transfer| transfer.paths.is_empty()) else { return Some(filter) };
    let ends = match messages {
        Messages::Requests(_) => (&transfer.downloader, &transfer.uploader),
        _ => (&transfer.uploader, &transfer.downloader),
    };
    let (Ok(from), Ok(to)) = (ends.0.parse::<SocketAddr>(), ends.1.parse::<SocketAddr>()) else {
        return Some(filter);
    };
    let ip = if from.is_ipv4() { "ip" } else { "ipv6" };
    let transport = if transfer.transport == Transport::Utp { "udp" } else { "tcp" };
    filter.push_str(&format!(
        " && {ip}.src == {} && {transport}.srcport == {} && {ip}.dst == {} && {transport}.dstport == {}",
        from.ip(),
        from.port(),
        to.ip(),
        to.port()
    ));
    // Wireshark's dissector takes no longer message for a piece.
    let longest = (transfer.piece_messages + transfer.partial_messages).saturating_mul(WIRESHARK_BLOCK);
    if transfer.transport == Transport::Tcp && transfer.bytes.served_bytes <= longest {
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
