//! Why a report, or a torrent's part of it, is empty, and on what it rests: in plain sentences, in the report itself and
//! beside it.

use std::collections::{BTreeMap, BTreeSet};

use super::text::{counted, escaped, grouped};
use super::unread::{self, Walked};
use super::{Document, Input, Unlisted};
use crate::anomaly::Kind;
use crate::evidence::{UnreadProtocol, encrypted};

/// Why subjects, or all of them, are not in `document`, which given torrents nobody spoke of, what was passed over, and
/// which addresses a datagram alone vouches for; empty where there is nothing to explain.
pub fn notes(document: &Document) -> Vec<String> {
    let mut notes = Vec::new();
    match &document.unlisted {
        Some(unlisted) => notes.push(not_listed(unlisted)),
        None if document.subjects.is_empty() => notes.push(nothing(document)),
        None => {}
    }
    let unlisted = document.unlisted.iter().flat_map(|unlisted| &unlisted.torrents);
    let spoken: BTreeSet<_> = document
        .transfers
        .iter()
        .filter_map(|transfer| transfer.info_hash.as_ref())
        .chain(unlisted.filter_map(|torrent| torrent.info_hash.as_ref()))
        .collect();
    let others: Vec<_> = document
        .torrents
        .iter()
        .filter(|torrent| torrent.source.is_none())
        .map(|torrent| &torrent.info_hash)
        .collect();
    // Where nothing was read, that is said already, and no torrent is more absent than another.
    let read = document.quality.frames > document.quality.not_ip || document.subjects.len() + others.len() > 0;
    for torrent in document.torrents.iter().filter(|torrent| torrent.source.is_some() && read) {
        if spoken.contains(&torrent.info_hash) {
            continue;
        }
        if let Some(note) = unread::behind_tls(document, torrent) {
            notes.push(note);
            continue;
        }
        let unread = unread::of_torrent(document, torrent);
        let name = torrent.name.as_deref().map_or_else(String::new, |name| format!("\"{}\", ", escaped(name)));
        let torrent = format!("{name}{}", torrent.info_hash);
        let mut note = if unread.is_empty() {
            format!("No peer of the torrent {torrent}, is in the captures")
        } else {
            format!("No connection in the captures shows the info-hash of the torrent {torrent}")
        };
        if let [first, ..] = others[..] {
            note.push_str(&format!("; they name {first}"));
            if others.len() > 1 {
                note.push_str(&format!(" and {}", counted(others.len() as u64 - 1, "other torrent")));
            }
            note.push_str(", which was not given");
        }
        note.push('.');
        if !unread.is_empty() {
            note.push_str(&format!(" {}", unread::could_be(&unread, "Of it could be")));
        }
        notes.push(note);
    }
    document.inputs.iter().for_each(|input| passed_over(input, &mut notes));
    notes.extend(over_udp(document));
    notes
}

/// A digest of an input that is not ours, its interfaces whose link types are not read, and secrets that are not used.
fn passed_over(input: &Input, notes: &mut Vec<String>) {
    let Input::Capture { name, interfaces, unused_blocks, sha256_stated, .. } = input else { return };
    if *sha256_stated {
        notes.push(format!(
            "The SHA-256 of {} was taken over from a list (--sha256-from) and not computed.",
            escaped(name)
        ));
    }
    let mut unread: BTreeMap<&str, (Vec<String>, u64)> = BTreeMap::new();
    for interface in interfaces.iter().filter(|interface| interface.unread_frames > 0) {
        let (names, frames) = unread.entry(&interface.link_type).or_default();
        names.extend(interface.name.as_deref().map(escaped).filter(|_| names.len() < MOST_NAMES));
        *frames += interface.unread_frames;
    }
    for (link, (names, frames)) in unread {
        let of = if names.is_empty() { String::new() } else { format!(" (interface {})", names.join(", ")) };
        notes.push(format!(
            "{} of {}{of} were passed over: their link type, {link}, is not read by this tool.",
            counted(frames, "frame"),
            escaped(name)
        ));
    }
    for (kind, count) in unused_blocks.iter().filter(|(kind, _)| kind.starts_with("decryption secrets")) {
        notes.push(format!(
            "{} holds {} with {kind}, which are not used: secrets of MSE are given with --mse-secrets.",
            escaped(name),
            counted(*count, "block")
        ));
    }
}

/// Whose packets were seen inside tunnels over UDP: whoever sends the datagrams writes the addresses inside.
fn over_udp(document: &Document) -> Vec<String> {
    let inside = |path: &String| path.contains(" over UDP ");
    let (mut only, mut partly) = (Vec::new(), Vec::new());
    for transfer in document.transfers.iter().filter(|transfer| transfer.paths.iter().any(inside)) {
        let rows = if transfer.paths.iter().all(inside) { &mut only } else { &mut partly };
        rows.push(format!("{} -> {}", transfer.uploader, transfer.downloader));
    }
    let named = |rows: &[String]| {
        let first = rows.first().map(String::as_str).unwrap_or_default();
        format!("{} (the first: {first})", counted(rows.len() as u64, "transfer"))
    };
    let mut notes = Vec::new();
    if !only.is_empty() {
        notes.push(format!(
            "Inside tunnels over UDP only: {}. Anyone who can send a datagram can put any inner addresses into it, so \
             these addresses are as good as the word of the outer sender, whom `paths` names.",
            named(&only)
        ));
    }
    if !partly.is_empty() {
        notes.push(format!(
            "Both inside a tunnel over UDP and outside of one: {}. Anyone who can send a datagram can put packets with \
             these addresses into a tunnel; what contradicts other packets is listed as overlap-conflict.",
            named(&partly)
        ));
    }
    notes
}

/// Who is in no row, although they spoke BitTorrent.
pub(crate) fn not_listed(unlisted: &Unlisted) -> String {
    format!(
        "Not listed one by one: {} of {}{} with a handshake but no piece data ({} in them). There are more peers than \
         the tables hold; --max-rows raises the limit.",
        counted(unlisted.connections, "connection"),
        if unlisted.more_endpoints { "more than " } else { "" },
        counted(unlisted.endpoints, "endpoint"),
        counted(unlisted.bytes, "byte")
    )
}

/// Every protocol that is not read with its frames, in one line.
pub(crate) fn unread_protocols(protocols: &[UnreadProtocol]) -> String {
    let each = |unread: &UnreadProtocol| format!("{} {}", grouped(unread.frames), unread.protocol);
    protocols.iter().map(each).collect::<Vec<_>>().join(", ")
}

/// Why nobody is in the report at all.
fn nothing(document: &Document) -> String {
    let quality = &document.quality;
    if quality.frames == 0 {
        "No frame could be read, so nothing is shown and nothing is ruled out.".to_owned()
    } else if quality.not_ip == quality.frames {
        format!(
            "None of the {} has an IP header that this tool reads, so no BitTorrent could be found: {}.",
            counted(quality.frames, "frame"),
            unread_protocols(&quality.unread)
        )
    } else if !encrypted(&document.opaque).is_empty() {
        format!(
            "The captures hold {} taken for encrypted BitTorrent and no BitTorrent in the clear: \
             nothing can be said of their content.",
            counted(encrypted(&document.opaque).len() as u64, "conversation")
        )
    } else if let Some(named) = unread::named_by_tls(document) {
        format!("The captures hold {named}, and no BitTorrent in the clear: nothing can be said of their content.")
    } else if document.anomalies.iter().any(|anomaly| anomaly.kind == Kind::Proxied) {
        "All BitTorrent in the captures goes through a proxy or comes behind something else. It is not read: the proxy's \
         address is not that of the peers."
            .to_owned()
    } else {
        let (tcp, udp) = (grouped(quality.tcp_flows), grouped(quality.udp_flows));
        let frames = counted(quality.frames, "frame");
        unread::nobody(
            &Walked::of(document),
            &format!("the {frames} that were read ({tcp} TCP and {udp} UDP flows)"),
        )
    }
}

// Rationale: enough to find them in the list of interfaces.
const MOST_NAMES: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Transfer, fixture};

    #[test]
    fn an_empty_report_explains_itself_and_a_full_one_has_nothing_to_explain() {
        assert!(notes(&fixture::empty_document())[0].contains("no BitTorrent"));
        assert_eq!(notes(&fixture::document()), Vec::<String>::new());
    }

    #[test]
    fn secrets_in_a_capture_are_said_not_to_be_used() {
        let mut document = fixture::document();
        if let Input::Capture { unused_blocks, .. } = &mut document.inputs[0] {
            unused_blocks.insert("decryption secrets (TLS)".to_owned(), 2);
            unused_blocks.insert("name resolution".to_owned(), 1);
        }
        assert_eq!(notes(&document).len(), 1);
        assert!(notes(&document)[0].contains("2 blocks with decryption secrets (TLS), which are not used"));
    }

    #[test]
    fn connections_without_a_row_are_said_first_and_their_torrents_are_in_the_captures() {
        let mut document = fixture::document();
        document.unlisted = Some(fixture::unlisted(&document));
        let before =
            "Not listed one by one: 980,000 connections of 980,001 endpoints with a handshake but no piece data";
        for full in [true, false] {
            let text = crate::report::terminal(&document, &crate::report::Screen::new(120));
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(notes(&document)[0].starts_with(before) && words.contains(before), "{full}: {words}");
            assert!(!words.contains("There is no BitTorrent"), "{words}");
            document.subjects.clear();
            document.transfers.clear();
        }
    }

    #[test]
    fn a_torrent_is_not_said_to_be_absent_while_connections_could_be_of_it() {
        let mut document = fixture::document();
        document.torrents[0].info_hash = crate::ends::InfoHash(vec![0xaa; 20]);
        let row = document.transfers[0].clone();
        document.transfers.clear();
        let said = |document: &Document| notes(document).into_iter().find(|note| note.contains(&"aa".repeat(20)));
        assert!(said(&document).is_some_and(|note| note.starts_with("No peer of the torrent")));
        for (encrypted, nameless, wanted) in [
            (true, false, "Of it could be 1 connection encrypted; --mse-secrets opens"),
            (false, true, "Of it could be 1 connection without a whole handshake"),
        ] {
            let mut document = document.clone();
            if encrypted {
                document.opaque.push(fixture::opaque());
            }
            if nameless {
                let back = (row.downloader, row.uploader);
                let row = Transfer { info_hash: None, connections: 1, ..row.clone() };
                let other = Transfer { uploader: back.0, downloader: back.1, ..row.clone() };
                document.transfers.extend([row, other]);
            }
            let note = said(&document).unwrap_or_default();
            assert!(note.starts_with("No connection in the captures shows the info-hash"), "{note}");
            assert!(note.contains(wanted), "{note}");
        }
    }

    #[test]
    fn a_torrent_is_not_said_to_be_absent_while_frames_that_are_not_read_may_carry_it() {
        let mut document = fixture::document();
        document.torrents[0].info_hash = crate::ends::InfoHash(vec![0xaa; 20]);
        document.transfers.clear();
        let said = |document: &Document| notes(document).into_iter().find(|note| note.contains(&"aa".repeat(20)));
        let of =
            |protocol: &str, may_carry| UnreadProtocol { protocol: protocol.to_owned(), frames: 130, may_carry };
        document.quality.unread = vec![of("EtherType 0x0806 (ARP)", false)];
        assert!(said(&document).is_some_and(|note| note.starts_with("No peer of the torrent")));
        document.quality.unread.push(of("IP protocol 50 (ESP, encrypted)", true));
        let note = said(&document).unwrap_or_default();
        assert!(note.starts_with("No connection in the captures shows the info-hash"), "{note}");
        assert!(note.ends_with("Of it could be 130 frames of IP protocol 50 (ESP, encrypted)."), "{note}");
        document.quality.unread.extend((0..5).map(|number| of(&format!("EtherType {number}"), true)));
        document.quality.unrecognised = 2;
        let note = said(&document).unwrap_or_default();
        assert!(note.contains(
            "2 connections begun before the captures, in which nothing was recognised, 130 frames of IP"
        ));
        assert!(note.ends_with("260 frames of 2 other protocols."), "{note}");
    }

    #[test]
    fn a_torrent_that_nobody_spoke_of_is_named_with_what_was_spoken_of() {
        let mut document = fixture::document();
        let mut other = document.torrents[0].clone();
        other.info_hash = crate::ends::InfoHash(vec![0xaa; 20]);
        document.torrents.push(other.clone());
        let name = format!("{}, is in the captures.", other.info_hash);
        assert!(notes(&document)[0].ends_with(&name), "{:?}", notes(&document));
        other.info_hash = crate::ends::InfoHash(vec![0xbb; 20]);
        other.source = None;
        document.torrents.push(other);
        assert!(notes(&document)[0].contains(&format!("they name {}, which was not given", "bb".repeat(20))));
    }
}
