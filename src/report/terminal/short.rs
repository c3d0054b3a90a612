//! The answer first: what the captures prove in a few sentences, the strongest first, and what they do not.

use std::collections::BTreeSet;

use super::findings::same_connections;
use super::{Page, endpoints};
use crate::anomaly::Kind;
use crate::evidence::{Grade, Standing, encrypted};
use crate::report::notes::notes;
use crate::report::text::{counted, grouped};
use crate::report::{Document, Input, Subject};

/// Writes the section.
pub(super) fn write(document: &Document, page: &mut Page) {
    page.heading("IN SHORT");
    if document.subjects.is_empty() {
        nothing(document, page);
    } else {
        subjects(document, page);
        if document.unlisted.is_some() {
            notes(document).first().into_iter().for_each(|note| page.line(note));
        }
    }
    twice(document, page);
    hearsay(document, page);
    doubts(document, page);
    if !document.subjects.is_empty() {
        page.line(
            "A peer here is an address and port, for one torrent and while the captures ran: never a person.",
        );
    }
}

fn subjects(document: &Document, page: &mut Page) {
    let of = |wanted: fn(&Subject) -> bool| -> Vec<&Subject> {
        document.subjects.iter().filter(|subject| wanted(subject)).collect()
    };
    let (proven, verified, sent) = (of(proven), of(verified), of(unverified));
    let (missing, silent, apart, loose) = (of(missing), of(silent), of(apart), of(loose));
    if missing.is_empty() && loose.is_empty() && silent.len() + apart.len() == document.subjects.len() {
        page.line(&match silent.len() as u64 {
            0 => "No peer sent piece data in these captures, and none is shown to be in a swarm.".to_owned(),
            1 => "No peer sent piece data in these captures. They show 1 peer that spoke BitTorrent (G3 or higher), \
                  and no content from it."
                .to_owned(),
            count => format!(
                "No peer sent piece data in these captures. They show {} that spoke BitTorrent (G3 or higher), and no \
                 content from any of them.",
                counted(count, "peer")
            ),
        });
        not_in_the_swarm(&apart, page);
        return;
    }
    if proven.is_empty() && verified.is_empty() && sent.is_empty() && loose.is_empty() {
        page.line("These captures hold no byte of piece data, but they show that some was sent.");
    }
    let (leaves, pieces): (Vec<&Subject>, Vec<&Subject>) = proven
        .into_iter()
        .partition(|subject| subject.standard.as_ref().is_some_and(|standard| standard.leaf.is_some()));
    if !pieces.is_empty() {
        page.line(&format!(
            "Standard of proof met (said that it had a piece, was asked for it, then sent it alone, and the piece \
             matches its hash) by {}: {}.",
            count(&pieces),
            endpoints(&pieces)
        ));
    }
    if !leaves.is_empty() {
        page.line(&format!(
            "Standard of proof met for a 16 KiB leaf of a piece (said that it had the piece, was asked for the leaf, \
             then sent it alone, and the leaf matches its hash) by {}: {}.",
            count(&leaves),
            endpoints(&leaves)
        ));
    }
    if !verified.is_empty() {
        page.line(&format!(
            "{} sent bytes that verified, without everything that the standard of proof asks for: {}.",
            count(&verified),
            graded(&verified)
        ));
    }
    if !sent.is_empty() {
        page.line(&format!(
            "{} sent bytes labelled as pieces, of which these captures verify none: {}.",
            count(&sent),
            graded(&sent)
        ));
    }
    let refuted = of(|subject| subject.bytes.refuted > 0);
    if !refuted.is_empty() {
        page.line(&format!(
            "{} sent bytes that differ from the torrent (GX), which shows no intent: {}.",
            count(&refuted),
            endpoints(&refuted)
        ));
    }
    if !missing.is_empty() {
        let bytes = missing.iter().map(|subject| subject.bytes.lost).fold(0, u64::saturating_add);
        page.line(&format!(
            "{} sent piece data of which the captures hold nothing ({} by the framing): {}.",
            count(&missing),
            counted(bytes, "byte"),
            graded(&missing)
        ));
    }
    if !silent.is_empty() {
        page.line(&format!("{} sent no piece data: {}.", count(&silent), graded(&silent)));
    }
    if !loose.is_empty() {
        page.line(&format!(
            "Packets with the address of {} hold what looks like piece data, which these captures do not verify: {}.",
            count(&loose),
            graded(&loose)
        ));
    }
    not_in_the_swarm(&apart, page);
}

fn not_in_the_swarm(apart: &[&Subject], page: &mut Page) {
    if !apart.is_empty() {
        page.line(&format!(
            "{} not shown to be in the swarm, for want of a completed handshake in these captures: {}.",
            match apart.len() as u64 {
                1 => "1 peer is".to_owned(),
                count => format!("{} peers are", grouped(count)),
            },
            graded(apart)
        ));
    }
}

fn proven(subject: &Subject) -> bool {
    subject.actionable
}

fn verified(subject: &Subject) -> bool {
    !subject.actionable && subject.bytes.verified > 0
}

fn unverified(subject: &Subject) -> bool {
    subject.bytes.served > 0 && !subject.actionable && subject.bytes.verified == 0 && subject.grade >= Grade::G3
}

/// Its packets hold what looks like piece data, but nothing shows that it is in the swarm.
fn loose(subject: &Subject) -> bool {
    subject.bytes.served > 0 && !verified(subject) && subject.grade < Grade::G3
}

/// It sent piece data, and nothing of it was captured.
fn missing(subject: &Subject) -> bool {
    subject.bytes.served == 0 && subject.bytes.lost > 0
}

fn silent(subject: &Subject) -> bool {
    subject.bytes.served == 0 && subject.bytes.lost == 0 && subject.spoke()
}

/// It is in the report only because another end spoke to it, or because nobody answered it.
fn apart(subject: &Subject) -> bool {
    !subject.spoke()
}

/// Why there is no peer to speak of.
fn nothing(document: &Document, page: &mut Page) {
    // The first note says why the report is empty; the others are of torrents.
    if let Some(note) = notes(document).first() {
        page.line(note);
    }
    if document.quality.frames > 0 && encrypted(&document.opaque).is_empty() {
        page.line(
            "What is encrypted, or in a tunnel that this tool does not read, may not be recognised: this does not \
             show that there was none.",
        );
    }
}

/// Who is counted under two addresses.
fn twice(document: &Document, page: &mut Page) {
    let pairs = same_connections(document).len() as u64;
    if pairs > 0 {
        page.line(&format!(
            "{} seen on both sides of an address translation: one host stands there under two addresses, and is counted \
             as two peers. See the findings before adding anything up.",
            match pairs {
                1 => "1 connection was".to_owned(),
                pairs => format!("{} connections were", grouped(pairs)),
            }
        ));
    }
}

/// How many addresses are in the report only because somebody named them, or because they announced themselves.
fn hearsay(document: &Document, page: &mut Page) {
    let seen: BTreeSet<_> = document.subjects.iter().map(|subject| subject.endpoint).collect();
    let subjects = |own: bool| {
        let mentions = document.mentions.iter().filter(move |mention| (mention.grade != Standing::Named) == own);
        mentions.map(|mention| mention.subject).collect::<BTreeSet<_>>()
    };
    let announced = subjects(true);
    let named =
        subjects(false).into_iter().filter(|subject| !announced.contains(subject) && !seen.contains(subject));
    let only_announced = announced.difference(&seen).count() as u64;
    let only_named = named.count() as u64;
    let addresses = |count| match count {
        1 => "1 address is".to_owned(),
        count => format!("{} addresses are", grouped(count)),
    };
    if only_announced > 0 {
        page.line(&format!(
            "{} only shown by announces of {} own, to trackers, the DHT or neighbours: they show no content.",
            addresses(only_announced),
            if only_announced == 1 { "its" } else { "their" }
        ));
    }
    if only_named > 0 {
        page.line(&format!(
            "{} only named by others{}, which is hearsay and shows nothing that {} did.",
            addresses(only_named),
            if document.unlisted.is_some() { " or among those not listed" } else { "" },
            if only_named == 1 { "it" } else { "they" }
        ));
    }
}

/// What could hide bytes or keep them from being verified, each with where to read on.
fn doubts(document: &Document, page: &mut Page) {
    let unlisted = document.unlisted.iter().flat_map(|unlisted| &unlisted.torrents);
    let seen: BTreeSet<_> = document
        .subjects
        .iter()
        .filter_map(|subject| subject.info_hash.as_ref())
        .chain(unlisted.filter_map(|torrent| torrent.info_hash.as_ref()))
        .collect();
    let (foreign, given): (Vec<_>, Vec<_>) = document.torrents.iter().partition(|torrent| torrent.source.is_none());
    if !document.subjects.is_empty()
        && !given.is_empty()
        && !given.iter().any(|torrent| seen.contains(&torrent.info_hash))
    {
        page.line("None of the torrents that were given is in these captures.");
    }
    if let Some(first) = foreign.first() {
        page.line(&format!(
            "Nothing can be verified of {}: give the torrent file with -t.",
            match foreign.len() {
                1 => format!("torrent {}, which was not given", first.info_hash),
                count => format!("{} torrents that were not given (listed below)", grouped(count as u64)),
            }
        ));
    }
    let bare: Vec<_> = given.iter().filter(|torrent| torrent.size.is_none()).collect();
    if let Some(first) = bare.first() {
        page.line(&format!(
            "Nothing can be verified of {} by magnet link, without the description (the info dictionary), which is not \
             in the captures either: give the torrent file with -t.",
            match bare.len() {
                1 => format!("torrent {}, which was given", first.info_hash),
                count => format!("{} torrents, which were given", grouped(count as u64)),
            }
        ));
    }
    let encrypted = encrypted(&document.opaque).len();
    if encrypted > 0 && !document.subjects.is_empty() {
        page.line(&format!(
            "{} taken for encrypted BitTorrent: whatever was sent there is in none of the figures.",
            match encrypted {
                1 => "1 conversation is".to_owned(),
                count => format!("{} conversations are", grouped(count as u64)),
            }
        ));
    }
    if let Some(proxied) = document.anomalies.iter().find(|anomaly| anomaly.kind == Kind::Proxied) {
        page.line(&format!(
            "{} BitTorrent through a proxy or behind something else, which is not read: whatever was sent there is in none \
             of the figures; see the quality of the capture, at the end.",
            match proxied.count {
                1 => "1 connection carries".to_owned(),
                count => format!("{} connections carry", grouped(count)),
            }
        ));
    }
    let damaged = document.inputs.iter().any(|input| matches!(input, Input::Capture { damage: Some(_), .. }));
    let limited = document.anomalies.iter().any(|anomaly| anomaly.kind == Kind::LimitReached);
    let quality = &document.quality;
    let lost = document.subjects.iter().map(|subject| subject.bytes.lost).fold(0, u64::saturating_add);
    let cut = document.anomalies.iter().find(|anomaly| anomaly.kind == Kind::Snaplen);
    let mut holes = Vec::new();
    if lost > 0 {
        holes.push(format!("{} that peers sent as pieces are missing", counted(lost, "byte")));
    }
    if quality.gaps > 0 {
        holes.push(format!("the connections that carry BitTorrent have {}", counted(quality.gaps, "gap")));
    }
    if let Some(cut) = cut {
        holes.push(format!("the snap length cut {}", counted(cut.count, "frame")));
    }
    if !holes.is_empty() {
        page.line(&format!(
            "Not everything that was sent is in the captures: {}. The figures are lower bounds.",
            holes.join(", and ")
        ));
    }
    let causes: Vec<_> = [(damaged, "a capture is damaged"), (limited, "a bound of this tool was reached")]
        .into_iter()
        .filter_map(|(is, cause)| is.then_some(cause))
        .collect();
    if !causes.is_empty() {
        page.line(&format!(
            "Not everything was read: {}. More may have been sent than the figures say; see the quality of the \
             capture, at the end.",
            causes.join(", and ")
        ));
    }
}

/// `1 peer`, `12 peers`.
fn count(subjects: &[&Subject]) -> String {
    counted(subjects.len() as u64, "peer")
}

/// Endpoints under their grades, the highest first.
fn graded(subjects: &[&Subject]) -> String {
    let mut grades: Vec<Grade> = subjects.iter().map(|subject| subject.grade).collect();
    grades.sort_unstable_by(|a, b| b.cmp(a));
    grades.dedup();
    let groups = grades.into_iter().map(|grade| {
        let these: Vec<_> = subjects.iter().copied().filter(|subject| subject.grade == grade).collect();
        format!("{} ({}, {})", endpoints(&these), grade.name(), grade.meaning())
    });
    groups.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    fn short(document: &Document) -> String {
        let mut page = Page { text: String::new(), width: 120 };
        write(document, &mut page);
        page.text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_standard_of_proof_comes_first_and_every_peer_is_counted_once() {
        let text = short(&fixture::document());
        assert!(text.starts_with("IN SHORT Standard of proof met"), "{text}");
        for part in [
            "by 1 peer: 10.77.3.10:6881.",
            "1 peer sent bytes labelled as pieces, of which these captures verify none: 10.77.3.10:6882 (G6",
            "1 peer sent bytes that differ from the torrent (GX)",
            "1 peer sent no piece data: 10.77.3.11:33009 (G3, in the swarm)",
        ] {
            assert!(text.contains(part), "{part:?} is not in: {text}");
        }
    }

    #[test]
    fn captures_without_any_served_byte_say_so_first() {
        let mut document = fixture::document();
        document.subjects.retain(|subject| subject.bytes.served == 0);
        let text = short(&document);
        assert!(text.starts_with("IN SHORT No peer sent piece data in these captures."), "{text}");
    }

    #[test]
    fn a_leaf_is_not_called_a_piece() {
        let mut document = fixture::document();
        document.subjects[0].standard.as_mut().expect("it is met").leaf = Some(2);
        let text = short(&document);
        assert!(text.starts_with("IN SHORT Standard of proof met for a 16 KiB leaf of a piece"), "{text}");
        assert!(!text.contains("the piece matches its hash"), "{text}");
    }

    #[test]
    fn who_was_only_called_is_not_said_to_speak() {
        let mut document = fixture::document();
        document.subjects.retain(|subject| subject.bytes.served == 0);
        let mut called = document.subjects[0].clone();
        called.endpoint = "192.0.2.9:6881".parse().expect("an endpoint");
        (called.grade, called.pieces_advertised) = (Grade::None, 0);
        document.subjects.push(called);
        let text = short(&document);
        assert!(text.contains("They show 1 peer that spoke BitTorrent"), "{text}");
        assert!(
            text.contains("1 peer is not shown to be in the swarm") && text.contains("192.0.2.9:6881 (none"),
            "{text}"
        );
        document.subjects.remove(0);
        let text = short(&document);
        assert!(text.contains("none is shown to be in a swarm") && !text.contains("spoke BitTorrent"), "{text}");
    }

    #[test]
    fn piece_data_that_was_not_captured_is_not_piece_data_that_was_not_sent() {
        let mut document = fixture::document();
        document.subjects.retain(|subject| subject.bytes.served == 0);
        document.subjects[0].bytes.lost = 16_384;
        let text = short(&document);
        assert!(!text.contains("No peer sent") && !text.contains("no content"), "{text}");
        assert!(text.contains("1 peer sent piece data of which the captures hold nothing (16,384 bytes"), "{text}");
        assert!(text.contains("16,384 bytes that peers sent as pieces are missing"), "{text}");
        assert!(text.contains("have 1 gap"), "{text}");
    }

    #[test]
    fn a_magnet_link_without_its_description_verifies_nothing() {
        let mut document = fixture::document();
        (document.torrents[0].source, document.torrents[0].size) = (Some(crate::torrent::Source::Magnet), None);
        assert!(short(&document).contains("Nothing can be verified of torrent c3c3"), "{}", short(&document));
    }

    #[test]
    fn one_connection_on_both_sides_of_a_translation_is_said_where_peers_are_counted() {
        let mut document = fixture::document();
        assert!(!short(&document).contains("translation"));
        let edge = crate::report::Edge {
            uploader: "192.0.2.1:1".parse().expect("an endpoint"),
            downloader: "192.0.2.2:2".parse().expect("an endpoint"),
        };
        document.transfers[0].same_connection_as.insert(edge);
        assert!(short(&document).contains("1 connection was seen on both sides of an address translation"));
    }

    #[test]
    fn a_torrent_that_was_not_given_is_asked_for() {
        let mut document = fixture::document();
        document.torrents[0].source = None;
        assert!(short(&document).contains("which was not given: give the torrent file with -t"));
    }

    #[test]
    fn an_address_that_is_only_named_is_counted_apart() {
        let mut document = fixture::document();
        let frames = document.subjects[0].frames;
        for (subject, grade) in [
            ("203.0.113.9:6881", Standing::Named),
            ("10.77.3.10:6881", Standing::Named),
            ("203.0.113.8:1", Standing::Named),
            ("203.0.113.8:1", Standing::Announced),
        ] {
            document.mentions.push(crate::report::Mention {
                subject: subject.parse().expect("an endpoint"),
                info_hash: None,
                by: "10.77.3.1:6969".parse().expect("an endpoint"),
                via: crate::hearsay::Via::HttpTracker,
                grade,
                flags: Default::default(),
                count: 3,
                first_time: crate::ends::Timestamp(0),
                last_time: crate::ends::Timestamp(0),
                frames,
            });
        }
        assert!(short(&document).contains("1 address is only named by others"));
        assert!(short(&document).contains("1 address is only shown by announces of its own"));
    }

    #[test]
    fn of_many_peers_only_some_are_named() {
        let mut document = fixture::document();
        let silent = document.subjects.iter().find(|subject| subject.bytes.served == 0).cloned();
        document.subjects.extend(std::iter::repeat_n(silent, 20).flatten().zip(1_u16..).map(
            |(mut subject, port)| {
                subject.endpoint = format!("192.0.2.1:{port}").parse().expect("an endpoint");
                subject
            },
        ));
        assert!(short(&document).contains("and 13 more (G3"));
    }
}
