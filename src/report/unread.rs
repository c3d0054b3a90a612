//! Traffic that could be of any torrent, as it could not be read: counted by kind, and named. No absence is stated over it.

use std::collections::BTreeMap;

use super::text::{counted, escaped, grouped};
use super::{Anomaly, Document, Input, Opaque};
use crate::anomaly::Kind;
use crate::ends::HashBeginning;
use crate::evidence::{OpaqueKind, Quality, Torrent, UnreadProtocol, encrypted};

/// A kind of traffic that may be of any torrent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unread {
    /// How many connections or frames, and what they are or were.
    pub(crate) what: String,
    /// How it can be read, where there is a way.
    remedy: Option<&'static str>,
}

/// Everything of a walk that tells what could not be read, whatever torrent is asked for.
pub(crate) struct Walked<'a> {
    pub(crate) quality: &'a Quality,
    pub(crate) opaque: &'a [Opaque],
    pub(crate) anomalies: &'a [Anomaly],
    pub(crate) inputs: &'a [Input],
}

impl<'a> Walked<'a> {
    pub(crate) fn of(document: &'a Document) -> Self {
        let Document { quality, opaque, anomalies, inputs, .. } = document;
        Self { quality, opaque, anomalies, inputs }
    }

    /// Flows in which nothing was recognised, and that could be BitTorrent all the same.
    pub(crate) fn hidden(&self) -> u64 {
        let Quality { unrecognised, unrecognised_cut, unrecognised_gaps, unrecognised_unseen, .. } = self.quality;
        unrecognised + unrecognised_cut + unrecognised_gaps + unrecognised_unseen + self.torn()
    }

    /// Datagrams of which fragments are missing.
    fn torn(&self) -> u64 {
        self.count(Kind::IncompleteFragments)
    }

    fn count(&self, kind: Kind) -> u64 {
        self.anomalies.iter().filter(|anomaly| anomaly.kind == kind).map(|found| found.count).sum()
    }

    /// Each kind of it; `nameless` connections are the peer wire, and no whole handshake of theirs was read.
    pub(crate) fn unread(&self, nameless: u64) -> Vec<Unread> {
        let encrypted = encrypted(self.opaque).len() as u64;
        let of_kind = |kind| self.opaque.iter().filter(|each| each.kind == kind).count() as u64;
        let unconfirmed = self.count(Kind::UnconfirmedBlock) + self.count(Kind::UnconfirmedMessage);
        let quality = self.quality;
        // Those with such messages are among them.
        let begun = quality.unrecognised.saturating_sub(unconfirmed);
        let rest = unconfirmed.saturating_sub(quality.unrecognised);
        let table = [
            (
                encrypted,
                "encrypted",
                Some("--mse-secrets opens encrypted ones, with the secrets of a client that took part"),
            ),
            (
                nameless,
                "without a whole handshake: begun before the captures, or cut by the snap length",
                Some("captures from the beginning on, with whole frames, would show theirs"),
            ),
            (of_kind(OpaqueKind::Relay), "through a proxy", None),
            (of_kind(OpaqueKind::Unrecognised), "whose bytes look random, which may be anything", None),
            (of_kind(OpaqueKind::WebRtc), "of WebRTC, which could carry WebTorrent", None),
            (unconfirmed, "of a few messages that look like BitTorrent's (unconfirmed)", None),
            (begun, "begun before the captures, in which nothing was recognised", None),
            (
                quality.unrecognised_gaps.saturating_sub(rest),
                "of whose beginning a part is missing, in which nothing was recognised",
                None,
            ),
            (
                quality.unrecognised_unseen,
                "of whose payload nothing was captured, though its numbers show that some passed",
                None,
            ),
            (
                quality.unrecognised_cut,
                "cut by the snap length, in which nothing was recognised",
                Some("captures of whole frames would show more"),
            ),
        ];
        let found = table.into_iter().filter(|(count, ..)| *count > 0);
        let connections = found.map(|(count, what, remedy)| Unread {
            what: format!("{} {what}", counted(count, "connection")),
            remedy,
        });
        let captures = self.inputs.iter().filter_map(|input| match input {
            Input::Capture { damage, interfaces, .. } => {
                let frames = interfaces.iter().map(|interface| interface.unread_frames).sum::<u64>();
                Some((damage.is_some(), frames))
            }
            Input::Torrent { .. } => None,
        });
        let (damaged, passed_over) = captures
            .fold((0, 0), |(damaged, frames), (is_damaged, more)| (damaged + u64::from(is_damaged), frames + more));
        let unseen = [
            (self.torn(), format!("{} of which IP fragments are missing", counted(self.torn(), "datagram"))),
            (damaged, format!("what {} would have held", counted(damaged, "damaged capture"))),
            (passed_over, format!("{} of link types that are not read", counted(passed_over, "frame"))),
        ];
        let unseen =
            unseen.into_iter().filter(|(count, _)| *count > 0).map(|(_, what)| Unread { what, remedy: None });
        connections.chain(unseen).chain(carriers(&quality.unread)).collect()
    }
}

/// Everything that keeps the absence of a torrent from being shown.
pub(super) fn of_torrent(document: &Document, torrent: &Torrent) -> Vec<Unread> {
    let hashes = [Some(torrent.info_hash.to_string()), torrent.info_hash_v2.map(|hash| hash.to_string())];
    let may_be_it = |begins: &HashBeginning| {
        let begins = begins.to_string();
        hashes.iter().flatten().any(|hash| hash.starts_with(&begins))
    };
    // Both directions of a connection are transfers.
    let nameless: BTreeMap<_, u64> = document
        .transfers
        .iter()
        .filter(|transfer| transfer.info_hash.is_none())
        .filter(|transfer| transfer.info_hash_begins.as_ref().is_none_or(may_be_it))
        .map(|row| {
            let (one, other) = (&row.uploader, &row.downloader);
            ((one.min(other), one.max(other), row.transport), u64::from(row.connections))
        })
        .collect();
    let unshown = document.unlisted.iter().flat_map(|unlisted| &unlisted.torrents);
    let unshown: u64 =
        unshown.filter(|torrent| torrent.info_hash.is_none()).map(|torrent| torrent.connections).sum();
    Walked::of(document).unread(nameless.values().sum::<u64>() + unshown)
}

/// That connections claim the torrent in TLS, where there are any: who they are is no secret, and what passed is.
pub(super) fn behind_tls(document: &Document, torrent: &Torrent) -> Option<String> {
    let mut hashes: Vec<Vec<u8>> = vec![torrent.info_hash.0.clone()];
    hashes.extend(torrent.info_hash_v1.map(|hash| hash.0.to_vec()));
    let v2 = torrent.info_hash_v2.map(|hash| hash.0.to_vec());
    hashes.extend(v2.iter().map(|hash| hash.iter().copied().take(20).collect()));
    hashes.extend(v2);
    let is_it = |each: &&Opaque| each.info_hash.as_ref().is_some_and(|hash| hashes.contains(&hash.0));
    let rows: Vec<&Opaque> = document.opaque.iter().filter(is_it).collect();
    let bytes = rows.iter().map(|row| row.a_to_b.saturating_add(row.b_to_a)).fold(0, u64::saturating_add);
    let (name, its) = match rows.as_slice() {
        [] => return None,
        [_] => ("names", "its"),
        _ => ("name", "their"),
    };
    let torrent = torrent.name.as_deref().map_or_else(
        || torrent.info_hash.to_string(),
        |name| format!("\"{}\", {}", escaped(name), torrent.info_hash),
    );
    Some(format!(
        "{} {name} the info-hash of the torrent {torrent}, in TLS ({}): {its} content is not readable, and nothing is said of it.",
        counted(rows.len() as u64, "connection"),
        counted(bytes, "byte")
    ))
}

/// `1 conversation (5 bytes) whose TLS names the info-hash of a torrent`, where there is one.
pub(crate) fn named_by_tls(document: &Document) -> Option<String> {
    named_in(&document.opaque)
}

/// The same, of these rows.
pub(crate) fn named_in(opaque: &[Opaque]) -> Option<String> {
    let rows = opaque.iter().filter(|each| each.kind == OpaqueKind::Tls);
    let (count, bytes) = rows.fold((0_u64, 0_u64), |(count, bytes), row| {
        (count + 1, bytes.saturating_add(row.a_to_b).saturating_add(row.b_to_a))
    });
    (count > 0).then(|| {
        format!(
            "{} ({}) whose TLS names the info-hash of a torrent",
            counted(count, "conversation"),
            counted(bytes, "byte")
        )
    })
}

/// Protocols in which anything may be.
fn carriers(protocols: &[UnreadProtocol]) -> impl Iterator<Item = Unread> {
    let carriers = protocols.iter().filter(|protocol| protocol.may_carry);
    let (shown, rest): (Vec<_>, Vec<_>) = carriers.enumerate().partition(|(at, _)| *at < MOST_NAMES);
    let frames = shown.into_iter().map(|(_, protocol)| Unread {
        what: format!("{} of {}", counted(protocol.frames, "frame"), protocol.protocol),
        remedy: None,
    });
    let more: u64 = rest.iter().map(|(_, protocol)| protocol.frames).sum();
    let more = (more > 0).then(|| Unread {
        what: format!("{} of {}", counted(more, "frame"), counted(rest.len() as u64, "other protocol")),
        remedy: None,
    });
    frames.chain(more).collect::<Vec<_>>().into_iter()
}

/// The sentence on what `could` be of what nothing shows.
pub(crate) fn could_be(unread: &[Unread], could: &str) -> String {
    let kinds: Vec<&str> = unread.iter().map(|kind| kind.what.as_str()).collect();
    let mut remedies: Vec<&str> = unread.iter().filter_map(|kind| kind.remedy).collect();
    remedies.dedup();
    let remedies = if remedies.is_empty() { String::new() } else { format!("; {}", remedies.join("; ")) };
    format!("{could} {}{remedies}.", kinds.join(", "))
}

/// That no connection is shown to be BitTorrent, as far as every one could be read; else which could be.
pub(crate) fn nobody(walked: &Walked<'_>, frames: &str) -> String {
    let unread = walked.unread(0);
    match unconfirmed(walked.anomalies) {
        Some(found) => format!("No connection in {frames} is shown to be BitTorrent, but {found}"),
        None if walked.hidden() == 0 => format!("There is no BitTorrent peer connection in {frames}."),
        None => format!(
            "No connection in {frames} is shown to be BitTorrent. {}",
            could_be(&unread, "Not all could be read, and it could be")
        ),
    }
}

/// The sentence on messages that look like BitTorrent's, where there are any and nothing confirms that they are.
pub(crate) fn unconfirmed(anomalies: &[Anomaly]) -> Option<String> {
    let found = |kind: Kind| anomalies.iter().find(|anomaly| anomaly.kind == kind);
    let blocks = found(Kind::UnconfirmedBlock).map_or(0, |found| found.count);
    let others = found(Kind::UnconfirmedMessage).map_or(0, |found| found.amount);
    let looks = |count: u64, what: &str| {
        (count > 0).then(|| match count {
            1 => format!("1 message looks like {what}"),
            _ => format!("{} messages look like {what}", grouped(count)),
        })
    };
    let looks = [looks(blocks, "its piece messages"), looks(others, "its requests or extension messages")];
    let looks: Vec<String> = looks.into_iter().flatten().collect();
    (!looks.is_empty()).then(|| {
        format!("{} (unconfirmed), without a handshake or an exchange that confirms it.", looks.join(" and "))
    })
}

// Rationale: enough to find them in the list of protocols.
const MOST_NAMES: usize = 4;
