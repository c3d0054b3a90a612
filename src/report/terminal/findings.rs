//! Findings in plain sentences: only what the packets show, of addresses and ports, never of people.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::{Page, endpoints, frames_text, name, torrent_name};
use crate::ends::{Endpoint, InfoHash, Transport};
use crate::evidence::{Flag, Grade, OpaqueKind, encrypted};
use crate::report::text::{counted, escaped, grouped, quoted, share, visible};
use crate::report::{Document, Edge, Subject, SubjectFile};

/// Writes the findings, where there is a peer or an unreadable conversation to speak of.
pub(super) fn write(document: &Document, page: &mut Page) {
    let foreign = document.torrents.iter().any(|torrent| torrent.source.is_none());
    if document.subjects.is_empty() && document.opaque.is_empty() && !foreign {
        return;
    }
    page.heading("FINDINGS");
    let several = document.torrents.len() > 1;
    let (sent, silent): (Vec<_>, Vec<_>) = document.subjects.iter().partition(|subject| subject.bytes.served > 0);
    for subject in sent.iter().take(MOST_SENTENCES) {
        served(document, subject, several, page);
    }
    for subject in silent.iter().take(MOST_SENTENCES) {
        not_served(document, subject, several, page);
    }
    let unsaid = sent.len().saturating_sub(MOST_SENTENCES) + silent.len().saturating_sub(MOST_SENTENCES);
    if unsaid > 0 {
        page.line(&format!("Of {} more, only the tables and report.json speak.", counted(unsaid as u64, "peer")));
    }
    flags(document, page);
    disputed(document, page);
    opaque(document, page);
    translated(document, page);
    warnings(document, page);
    why_not_higher(document, page);
}

fn served(document: &Document, subject: &Subject, several: bool, page: &mut Page) {
    let who = who(document, subject, several);
    let all =
        subject.bytes.verified > 0 && subject.bytes.verified == subject.bytes.served && subject.bytes.lost == 0;
    let v2 = document
        .torrents
        .iter()
        .any(|torrent| Some(&torrent.info_hash) == subject.info_hash.as_ref() && torrent.info_hash_v2.is_some());
    let receivers = receivers(document, subject);
    let mut sentence = match subject.grade {
        Grade::G9 | Grade::G8 if subject.pieces_sole > 0 => format!(
            "{who} served {}{} alone{} ({}{}){}",
            counted(subject.pieces_sole, "whole piece"),
            // The bytes may be more than those of the pieces.
            if v2 && subject.pieces_verified > subject.pieces_sole { " and leaves of others" } else { "" },
            match receivers {
                2.. => format!(" to {}", counted(receivers, "receiver")),
                _ => String::new(),
            },
            counted(subject.bytes.sole, "byte"),
            // What went to each of them is counted for each.
            if receivers > 1 { " in all" } else { "" },
            if all && subject.bytes.sole == subject.bytes.verified {
                ", every byte verified"
            } else {
                ", which verified"
            }
        ),
        Grade::G9 | Grade::G8 => {
            format!(
                "{who} served {} in verified {} that came from it alone",
                counted(subject.bytes.sole, "byte"),
                if v2 { "leaves (of 16 KiB), no whole piece," } else { "units" }
            )
        }
        _ if subject.bytes.verified > 0 => {
            format!(
                "{who} served {} that verified together with other peers' bytes",
                counted(subject.bytes.verified, "byte")
            )
        }
        grade if grade < Grade::G3 => format!(
            "packets with the address of {who} hold {} of what looks like piece data, none of it verified",
            counted(subject.bytes.served, "byte")
        ),
        _ => {
            format!("{who} sent {} labelled as pieces, none of it verified", counted(subject.bytes.served, "byte"))
        }
    };
    if matches!(subject.grade, Grade::G8 | Grade::G9) && subject.bytes.verified > subject.bytes.sole {
        let shared = subject.bytes.verified - subject.bytes.sole;
        sentence.push_str(&format!(", and {} in units shared with other peers", counted(shared, "verified byte")));
    }
    let (whole, parts) = files(subject);
    if !whole.is_empty() {
        sentence.push_str(&format!(
            ", among them all bytes of {}",
            named(&whole, |file| format!("{} ({})", quoted(&file.path, LONGEST_NAME), counted(file.size, "byte")))
        ));
    }
    match &subject.standard {
        Some(standard) => sentence.push_str(&format!(
            "; first proof: {} advertised in {}, requested in {}, served in {}.",
            match standard.leaf {
                None => format!("piece {}", standard.piece),
                Some(leaf) => format!("leaf {leaf} (16 KiB) of piece {}, the piece", standard.piece),
            },
            frames_text(document, standard.advertised),
            frames_text(document, standard.requested),
            frames_text(document, standard.served)
        )),
        None => {
            if let Some(frames) = subject.served_frames {
                sentence.push_str(&format!("; {}", frames_text(document, frames)));
            }
            sentence.push('.');
            if subject.transport == Transport::Http {
                sentence
                    .push_str(" It is a web server, which advertises nothing: the standard of proof is for peers.");
            } else if matches!(subject.grade, Grade::G8 | Grade::G9) {
                sentence.push_str(
                    " The captures do not show for any such piece that it was advertised and requested before, \
                     so the standard of proof is not met.",
                );
            }
        }
    }
    page.line(&sentence);
    if !parts.is_empty() {
        page.line(&format!(
            "{} sent parts of {}.",
            name(subject),
            named(&parts, |file| format!(
                "{} ({}, {} of {})",
                quoted(&file.path, LONGEST_NAME),
                share(file.verified_bytes, file.size),
                grouped(file.verified_bytes),
                counted(file.size, "byte")
            ))
        ));
    }
    if subject.bytes.unproven > 0 && subject.bytes.verified > 0 {
        page.line(&format!(
            "{} that {} sent lie in units that the captures never complete: unproven.",
            counted(subject.bytes.unproven, "byte"),
            name(subject)
        ));
    }
    if subject.bytes.refuted > 0 {
        page.line(&format!(
            "{} that {} sent differ from the torrent ({} touched). That shows no intent: a disk error or a damaged \
             capture does the same.",
            counted(subject.bytes.refuted, "byte"),
            name(subject),
            counted(subject.pieces_refuted, "piece")
        ));
    }
    if subject.bytes.lost > 0 {
        page.line(&format!(
            "{} more were sent by {} but are not in the captures.",
            counted(subject.bytes.lost, "payload byte"),
            name(subject)
        ));
    }
}

/// The files that a subject sent whole, the largest first, and those that it sent a part of, the most bytes first.
fn files(subject: &Subject) -> (Vec<&SubjectFile>, Vec<&SubjectFile>) {
    let sent = subject.files.iter().filter(|file| file.verified_bytes > 0);
    let (mut whole, mut parts): (Vec<_>, Vec<_>) = sent.partition(|file| file.complete);
    whole.sort_by_key(|file| (Reverse(file.size), &file.path));
    parts.sort_by_key(|file| (Reverse(file.verified_bytes), &file.path));
    (whole, parts)
}

/// `the file a`, `3 files: a, b, c`, `900 files: a, b, c and 897 smaller ones, see files in report.json`.
fn named(files: &[&SubjectFile], one: impl Fn(&SubjectFile) -> String) -> String {
    let shown = if files.len() > MOST_FILES { FEW_FILES } else { files.len() };
    let names: Vec<String> = files.iter().take(shown).map(|file| one(file)).collect();
    match (files.len() as u64, files.len() - shown) {
        (1, _) => format!("the file {}", names.join("")),
        (all, 0) => format!("{}: {}", counted(all, "file"), names.join(", ")),
        (all, more) => format!(
            "{}: {} and {} more, see `files` in report.json",
            counted(all, "file"),
            names.join(", "),
            grouped(more as u64)
        ),
    }
}

/// To how many endpoints the subject sent whole units that verified.
fn receivers(document: &Document, subject: &Subject) -> u64 {
    let own = document.transfers.iter().filter(|transfer| {
        transfer.bytes.sole > 0
            && transfer.transport == subject.transport
            && transfer.info_hash == subject.info_hash
            && (subject.first_time..=subject.last_time).contains(&transfer.first_time)
            && (transfer.uploader == subject.endpoint
                || transfer.uploader.ip == subject.endpoint.ip
                    && !transfer.uploader_peer_ids.is_disjoint(&subject.peer_ids))
    });
    own.map(|transfer| transfer.downloader).collect::<BTreeSet<_>>().len() as u64
}

fn not_served(document: &Document, subject: &Subject, several: bool, page: &mut Page) {
    let did = match subject.grade {
        Grade::None => "no completed handshake of it is in them",
        Grade::G2 => "it opened or answered a connection, and no completed handshake of it is in them",
        Grade::G3 => "it was in the swarm",
        Grade::G3m => "it was in the swarm and sent the torrent's description",
        Grade::G4 => "it claimed to have pieces",
        Grade::G5 => "it claimed to have pieces and agreed to send",
        _ => "it was seen",
    };
    let received = match subject.received_bytes {
        0 => String::new(),
        bytes => format!(" {} were sent to it.", counted(bytes, "byte")),
    };
    let sent = match subject.bytes.lost {
        0 => "sent no piece data in these captures".to_owned(),
        bytes => format!(
            "sent piece data of which these captures hold nothing ({}, as the framing shows)",
            counted(bytes, "byte")
        ),
    };
    let described = subject.grade != Grade::G3m && subject.rungs.iter().any(|rung| rung.grade == Grade::G3m);
    let metadata = if described { " It sent the torrent's description (G3m), which is no content." } else { "" };
    page.line(&format!(
        "{} {sent}; {did} ({}).{metadata}{received}",
        who(document, subject, several),
        subject.grade.name()
    ));
}

/// The flags, each set of them with the subjects that have it; private addresses have a sentence of their own.
fn flags(document: &Document, page: &mut Page) {
    let mut sets: BTreeMap<Vec<Flag>, Vec<&Subject>> = BTreeMap::new();
    for subject in &document.subjects {
        let set: Vec<_> = subject.flags.iter().copied().filter(|flag| *flag != Flag::PrivateAddress).collect();
        if !set.is_empty() {
            sets.entry(set).or_default().push(subject);
        }
    }
    for (set, subjects) in sets {
        let words: Vec<_> = set.iter().map(|flag| format!("{} ({flag})", flag_words(*flag))).collect();
        page.line(&format!("Of {} mind: {}.", endpoints(&subjects), words.join("; ")));
    }
}

fn disputed(document: &Document, page: &mut Page) {
    let bytes: u64 = document.torrents.iter().map(|torrent| torrent.bytes.disputed).sum();
    let bytes = bytes.max(document.subjects.iter().map(|subject| subject.bytes.disputed).sum());
    if bytes > 0 {
        page.line(&format!(
            "{} lie in pieces that several peers sent together and that failed their hash. Nothing in the captures \
             tells whose bytes were bad: nobody is accused.",
            counted(bytes, "byte")
        ));
    }
}

fn opaque(document: &Document, page: &mut Page) {
    let encrypted = encrypted(&document.opaque);
    let relayed = document.opaque.iter().filter(|each| each.kind == OpaqueKind::Relay);
    for each in relayed.take(MOST_SENTENCES) {
        page.line(&format!(
            "Relayed between {} and {} ({}), nobody's of these captures: {} there, {} back, {}; {}",
            each.a,
            each.b,
            each.transport.name(),
            counted(each.a_to_b, "byte"),
            counted(each.b_to_a, "byte"),
            frames_text(document, each.frames),
            escaped(&each.basis)
        ));
    }
    let random: Vec<_> = document.opaque.iter().filter(|each| each.kind == OpaqueKind::Unrecognised).collect();
    if let [first, ..] = random[..] {
        page.line(&format!(
            "Not recognised, and may be anything: {} whose bytes look random from the first one on, on ports of other \
             services; the first is {} and {}.",
            counted(random.len() as u64, "conversation"),
            first.a,
            first.b
        ));
    }
    if encrypted.is_empty() {
        return;
    }
    let bytes = encrypted.iter().map(|each| each.a_to_b.saturating_add(each.b_to_a));
    page.line(&format!(
        "Taken for encrypted BitTorrent, and not readable: {} with {} of payload.",
        counted(encrypted.len() as u64, "conversation"),
        counted(bytes.fold(0, u64::saturating_add), "byte")
    ));
    for each in encrypted.iter().take(MOST_SENTENCES) {
        page.line(&format!(
            "  {} and {} ({}, {}): {} there, {} back, {}; {}",
            each.a,
            each.b,
            each.transport.name(),
            each.kind,
            counted(each.a_to_b, "byte"),
            counted(each.b_to_a, "byte"),
            frames_text(document, each.frames),
            escaped(&each.basis)
        ));
    }
    if let Some(more @ 1..) = encrypted.len().checked_sub(MOST_SENTENCES) {
        page.line(&format!("  and {} more, see `opaque` in report.json", counted(more as u64, "conversation")));
    }
}

/// Connections that stand in the report twice: the pairs of addresses, each with the pair that it is too.
pub(super) fn same_connections(document: &Document) -> BTreeSet<(String, String)> {
    let mut pairs = BTreeSet::new();
    for transfer in &document.transfers {
        let ends = |edge: &Edge| {
            let (one, other) = (edge.uploader.to_string(), edge.downloader.to_string());
            if one <= other { format!("{one} and {other}") } else { format!("{other} and {one}") }
        };
        let own = ends(&Edge { uploader: transfer.uploader, downloader: transfer.downloader });
        for edge in &transfer.same_connection_as {
            let other = ends(edge);
            pairs.insert(if own <= other { (own.clone(), other) } else { (other, own.clone()) });
        }
    }
    pairs
}

fn translated(document: &Document, page: &mut Page) {
    let pairs = same_connections(document);
    for (one, other) in pairs.iter().take(MOST_SENTENCES) {
        page.line(&format!(
            "What passed between {one}, and between {other}, is one connection seen on both sides of an address \
             translation: do not add their figures up. Sums over a torrent hold both."
        ));
    }
    if let Some(more @ 1..) = pairs.len().checked_sub(MOST_SENTENCES) {
        page.line(&format!(
            "And so it is with {} more, see `same_connection_as` in report.json.",
            counted(more as u64, "connection")
        ));
    }
}

fn warnings(document: &Document, page: &mut Page) {
    let foreign: Vec<_> = document.torrents.iter().filter(|torrent| torrent.source.is_none()).collect();
    if !foreign.is_empty() {
        page.line(&format!(
            "The captures name {}:",
            match foreign.len() {
                1 => "a torrent that was not given".to_owned(),
                count => format!("{} torrents that were not given", grouped(count as u64)),
            }
        ));
        let more = foreign.len().saturating_sub(MOST_SENTENCES);
        for torrent in foreign.into_iter().take(MOST_SENTENCES) {
            page.line(&format!("  {}, {} served", torrent.info_hash, counted(torrent.bytes.served, "byte")));
        }
        if more > 0 {
            page.line(&format!("  and {} more, see `torrents` in report.json", grouped(more as u64)));
        }
    }
    let mut ports: BTreeMap<(IpAddr, Option<&InfoHash>), BTreeSet<Endpoint>> = BTreeMap::new();
    for subject in &document.subjects {
        let key = (subject.endpoint.ip, subject.info_hash.as_ref());
        ports.entry(key).or_default().insert(subject.endpoint);
    }
    for ((ip, hash), ports) in ports.into_iter().filter(|(_, ports)| ports.len() > 1) {
        let count = ports.len();
        let address = match ip {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        page.line(&format!(
            "Mind that {address} stands for {count} peers of {}: a sum over the address would mix them.",
            torrent_name(document, hash)
        ));
    }
    let private = document.subjects.iter().filter(|subject| subject.flags.contains(&Flag::PrivateAddress)).count();
    if private > 0 {
        page.line(&format!(
            "{} at private addresses: the captures do not show which public address, if any, stood for them.",
            match private {
                1 => "1 peer is".to_owned(),
                count => format!("{} peers are", grouped(count as u64)),
            }
        ));
    }
}

/// Why each subject below a whole unit is not higher, together for those of one grade and reason.
fn why_not_higher(document: &Document, page: &mut Page) {
    let mut reasons: BTreeMap<(Reverse<Grade>, &str), Vec<&Subject>> = BTreeMap::new();
    for subject in &document.subjects {
        if let (false, Some(reason)) =
            (matches!(subject.grade, Grade::G8 | Grade::G9), subject.next_rung.as_deref())
        {
            reasons.entry((Reverse(subject.grade), reason)).or_default().push(subject);
        }
    }
    if reasons.is_empty() {
        return;
    }
    page.heading("WHY NOT HIGHER");
    let unsaid = reasons.len().saturating_sub(MOST_SENTENCES);
    for ((Reverse(grade), reason), subjects) in reasons.into_iter().take(MOST_SENTENCES) {
        page.line(&format!(
            "{} {} {} ({}): {}",
            endpoints(&subjects),
            if subjects.windows(2).all(|pair| matches!(pair, [a, b] if name(a) == name(b))) { "is" } else { "are" },
            grade.name(),
            grade.meaning(),
            visible(reason)
        ));
    }
    if unsaid > 0 {
        page.line(&format!("and {} more, see next_rung in report.json", counted(unsaid as u64, "reason")));
    }
}

fn who(document: &Document, subject: &Subject, several: bool) -> String {
    if several {
        format!("{} ({})", name(subject), torrent_name(document, subject.info_hash.as_ref()))
    } else {
        name(subject)
    }
}

/// What a flag means, as a clause.
fn flag_words(flag: Flag) -> &'static str {
    match flag {
        Flag::OneSided => "only one direction of a connection, or one of its two handshakes, is in the captures",
        Flag::ReturnPathUnconfirmed => {
            "nothing shows that what the other end sent reached it, so its packets may be forged"
        }
        Flag::Unsolicited => "it sent a piece that nobody asked for in these captures",
        Flag::GapInRange => "bytes within what it sent are not in the captures",
        Flag::OverlapConflict => "a stretch was sent twice with different bytes",
        Flag::BadChecksum => "packets within what it sent have a wrong checksum",
        Flag::TruncatedSnaplen => "the snap length cut what it sent",
        Flag::DuplicateFrames => "frames are in the captures more than once, and count once",
        Flag::DeclaredPort => {
            "its connections have different peer_ids and only declare the same listen port, as several clients behind one \
             address may: it may be several"
        }
        Flag::DecryptedWithSecret => "readable only with the secret that was given",
        Flag::Resynchronised => "framing was lost and found again",
        Flag::HandshakeNotCaptured => "its handshake of a connection is not in the captures",
        Flag::InfoHashMismatch => "the two handshakes of a connection name different torrents",
        Flag::PadOrTrivial => "some of what it sent is padding or of one byte value, which anybody could send",
        Flag::Boomerang => "the receiver itself had sent it the same piece before",
        Flag::ClockStep => "the clock of the capture stepped meanwhile",
        Flag::PrivateAddress => "its address is a private one",
    }
}

// Rationale: the path of a file, in characters, leaves room for the rest of the sentence.
const LONGEST_NAME: usize = 60;
// Rationale: up to so many are named one by one; of more, only the largest.
const MOST_FILES: usize = 12;
const FEW_FILES: usize = 8;
// Rationale: nobody reads more sentences of one kind on a screen; the tables and report.json hold everything.
const MOST_SENTENCES: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    fn findings(document: &Document) -> String {
        let mut page = Page { text: String::new(), width: 120 };
        write(document, &mut page);
        page.text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_byte_verified_holds_of_every_byte() {
        let mut document = fixture::document();
        let subject = &mut document.subjects[0];
        (subject.bytes.served, subject.bytes.refuted) = (subject.bytes.verified, 0);
        assert!(findings(&document).contains("(3,473,408 bytes), every byte verified"), "{}", findings(&document));
        for change in [|s: &mut Subject| s.bytes.lost = 1, |s: &mut Subject| s.bytes.served += 1] {
            let mut other = document.clone();
            change(&mut other.subjects[0]);
            assert!(findings(&other).contains("(3,473,408 bytes), which verified"), "{}", findings(&other));
        }
    }

    #[test]
    fn every_complete_file_is_named_the_largest_first_and_the_others_with_their_share() {
        let mut document = fixture::document();
        let file = |path: &str, size, verified_bytes| SubjectFile {
            path: path.to_owned(),
            size,
            verified_bytes,
            complete: size == verified_bytes,
        };
        let subject = &mut document.subjects[0];
        subject.files =
            vec![file("b", 9, 9), file("a", 100, 100), file("d", 40_000, 37_232), file("c", 120_000, 120_000)];
        let text = findings(&document);
        let whole = "among them all bytes of 3 files: c (120,000 bytes), a (100 bytes), b (9 bytes)";
        assert!(text.contains(whole), "{text}");
        assert!(text.contains("sent parts of the file d (93 %, 37,232 of 40,000 bytes)."), "{text}");
        document.subjects[0].files =
            (0..500).map(|at| file(&format!("f{at:03}"), 1_000 + at, 1_000 + at)).collect();
        let text = findings(&document);
        assert!(text.contains("all bytes of 500 files: f499 (1,499 bytes), f498"), "{text}");
        assert!(text.contains("f492 (1,492 bytes) and 492 more, see `files` in report.json"), "{text}");
    }

    #[test]
    fn what_went_to_two_receivers_is_said_to_have() {
        let mut document = fixture::document();
        assert!(findings(&document).contains("served 53 whole pieces alone (3,473,408 bytes)"));
        let mut second = document.transfers[0].clone();
        second.downloader = "10.77.3.12:40000".parse().expect("an endpoint");
        document.transfers.push(second);
        assert!(
            findings(&document).contains("served 53 whole pieces alone to 2 receivers (3,473,408 bytes in all)")
        );
    }

    #[test]
    fn the_first_proof_of_a_leaf_names_the_leaf() {
        let mut document = fixture::document();
        document.subjects[0].standard.as_mut().expect("it is met").leaf = Some(2);
        let text = findings(&document);
        assert!(
            text.contains("leaf 2 (16 KiB) of piece 3, the piece advertised in frame 12, requested in"),
            "{text}"
        );
    }
}
