//! Sentences by the act that a notice claims: what is shown of it, and what is not there. One row an act, one column a sentence.

use crate::audit::document::{AddressServed, ClaimRow};

/// Sentences of one act.
pub(super) struct Words {
    /// The act as it was seen, as a clause: `this address sent bytes of the torrent`.
    pub(super) shown: &'static str,
    /// The act that a whole connection does not hold, as a clause.
    pub(super) not_in_session: &'static str,
    /// The missing act, and what pieces of others than the torrent were for the act; `None` where pieces are none of it.
    missing: Missing,
    /// Set if pieces to the address, and not from it, are what counts.
    pub(super) receives: bool,
}

/// Words for what is not there of an act.
enum Missing {
    /// Pieces: `from`, or `to` this address.
    Pieces(&'static str),
    /// Something else, as a sentence.
    Other(&'static str),
}

/// The sentences of the act of `claim`.
pub(super) fn of(claim: &ClaimRow) -> Words {
    match claim.claim.act {
        "downloaded" => Words {
            shown: "bytes of the torrent were sent to this address",
            not_in_session: "no piece was sent to it in it",
            missing: Missing::Pieces("to"),
            receives: true,
        },
        "offered" => Words {
            shown: "this address offered pieces of the torrent",
            not_in_session: "it offered no piece in it",
            missing: Missing::Other("No offer of pieces of this torrent by this address is in the capture."),
            receives: false,
        },
        "joined" => Words {
            shown: "this address took part in the swarm of the torrent",
            not_in_session: "nothing in it shows that it took part in the torrent",
            missing: Missing::Other(
                "No connection in the capture shows this address in the swarm of this torrent.",
            ),
            receives: false,
        },
        "named" => Words {
            shown: "this address was named for the torrent",
            not_in_session: "nobody named it in it",
            missing: Missing::Other("Nothing in the capture names this address for this torrent."),
            receives: false,
        },
        _ => Words {
            shown: "this address sent bytes of the torrent",
            not_in_session: "it sent no piece in it",
            missing: Missing::Pieces("from"),
            receives: false,
        },
    }
}

/// That nothing of the act is there, and of which torrent where pieces of others are.
pub(super) fn none(claim: &ClaimRow) -> String {
    let words = of(claim);
    let mut text = match words.missing {
        Missing::Other(sentence) => sentence.to_owned(),
        Missing::Pieces(way) => match moved(claim, words.receives) {
            (0, 0, 0) => format!("No piece {way} this address is in the capture."),
            (0, 0, _) => format!(
                "No piece of this torrent {way} this address is in the capture; it holds pieces of another torrent {way} it."
            ),
            (0, ..) => format!(
                "No piece of this torrent {way} this address is known to be in the capture; it holds pieces {way} it of \
                 which nobody can tell the torrent."
            ),
            _ => format!(
                "Of the pieces of this torrent {way} this address that the capture holds, none is of the time and port in \
                 the notice."
            ),
        },
    };
    if claim.reasons.iter().any(|reason| reason.id == "torrent-not-given") {
        text.push_str(" The torrent file of this torrent was not given.");
    }
    text
}

/// Bytes of pieces from the address, or to it, at every time and port: of the torrent, of unknown ones, of others.
fn moved(claim: &ClaimRow, receives: bool) -> (u64, u64, u64) {
    let found = claim.evidence.as_ref();
    let sums = found.and_then(|found| if receives { found.address_received } else { found.address_served });
    let AddressServed { this_torrent_bytes, other_torrents_bytes, unknown_torrent_bytes } =
        sums.unwrap_or_default();
    (this_torrent_bytes, unknown_torrent_bytes, other_torrents_bytes)
}

/// That it sent none, less where it sent pieces all the same.
pub(super) fn sent_none(claim: &ClaimRow) -> &'static str {
    match moved(claim, false) {
        (0, 0, 0) => "In the capture this address sent no piece.",
        (0, 0, _) => "In the capture this address sent no piece of this torrent.",
        (0, ..) => "In the capture this address sent no piece that is known to be of this torrent.",
        _ => "In the capture this address sent no piece of this torrent at the stated time and port.",
    }
}
