//! The report to read: its words, and that every line of it fits.

use super::*;
use crate::ends::{Endpoint, Hex, InfoHash, Timestamp, Transport};
use crate::evidence::{Grade, PortBasis, Standing, Via};
use crate::report::text::columns;
use crate::report::{Choice, Mention, fixture};
use crate::torrent::Source;

fn page(document: &Document, change: impl Fn(&mut Screen)) -> String {
    let mut screen = Screen::new(100);
    change(&mut screen);
    terminal(document, &screen)
}

fn flat(document: &Document) -> String {
    page(document, |_| ()).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn end(text: &str) -> Endpoint {
    text.parse().expect("an endpoint")
}

#[test]
fn the_answer_comes_first_and_last_and_accuses_nobody_of_disputed_bytes() {
    let text = flat(&fixture::document());
    for part in [
        "looked for in capture.pcapng, ",
        "1 Standard of proof met: it said that it had a piece,",
        "10.77.3.10:6881 G8 53 pieces; piece 3: said 12; asked 200; sent within 212-267",
        "1 Sent bytes in a failed piece of several senders: 16,384 bytes. Nobody is accused of them (disputed).",
        "1 Sent blocks that differ from the torrent. That does not show intent",
        "10.77.3.10:6881 GX 65,536 of 3,538,944 bytes",
        "1 Sent no piece data in these captures. 10.77.3.11:33009",
        "1,460 bytes missing",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    let page = page(&fixture::document(), |_| ());
    assert_eq!(page.lines().last(), Some("1 of 3 peers met the standard of proof; 1 sent blocks that differ."));
    let answer = page.lines().position(|line| line.starts_with("ANSWER"));
    assert!(answer.is_some_and(|at| at < 4), "{page}");
}

#[test]
fn the_classes_that_are_shown_add_up_to_what_was_served() {
    let text = page(&fixture::document(), |screen| screen.width = 160);
    let head = text.lines().find(|line| line.starts_with("  peer ")).expect("a head");
    for name in ["served", "verified", "refuted", "disputed", "unproven", "client"] {
        assert!(head.contains(name), "{head}");
    }
    assert!(!head.contains("pad") && text.contains("0 for all: repeated, lost, pad."), "{text}");
    assert!(text.contains("  3 peers") && text.contains("3,571,712"), "{text}");
}

#[test]
fn peers_of_one_address_stand_together_and_are_never_summed() {
    let text = page(&fixture::document(), |_| ());
    let rows: Vec<&str> =
        text.lines().filter(|line| line.get(2..).is_some_and(|row| row.starts_with("10.77.3."))).collect();
    assert!(rows[0].starts_with("  10.77.3.10:6881") && rows[1].starts_with("+ 10.77.3.10:6882"), "{text}");
    assert!(text.contains("+ is at the address above it: an address has no sum."), "{text}");
    let text = page(&fixture::document(), |screen| screen.sort = Some(Sort::Last));
    assert!(!text.contains("\n+ ") && text.contains("Sorted by last"), "{text}");
}

#[test]
fn rows_beyond_the_table_are_summed_by_grade_and_standard() {
    let mut document = fixture::document();
    let silent = document.subjects.iter().find(|subject| subject.bytes.served == 0).cloned().expect("one");
    for n in 0..60_u8 {
        let endpoint = end(&format!("192.0.2.{n}:6881"));
        document.subjects.push(crate::report::Subject { endpoint, ..silent.clone() });
    }
    let text = page(&document, |_| ());
    assert!(
        text.contains("  43 more ")
            && text.contains(&format!("All 63 rows: --top 0, or {}.", words::table_of("subjects"))),
        "{text}"
    );
    assert!(text.contains("and 58 more, in PEERS"), "{text}");
    let all = page(&document, |screen| screen.top = Some(0));
    assert!(all.matches("192.0.2.").count() > 60 && !all.contains("--top 0"), "{all}");
    assert!(page(&document, |screen| screen.top = Some(1)).contains("61 more"));
    assert!(!page(&document, |screen| screen.detail = Detail::All).contains("rows: --top 0"));
}

#[test]
fn no_line_is_wider_than_any_page() {
    let mut document = fixture::document();
    document.subjects[0].bytes.served = u64::MAX;
    document.subjects[0].clients = ["x".repeat(90), "世界".repeat(30), "198.51.100.66:6881 G9".into()].into();
    document.subjects[0].endpoint = end("[2001:db8:1111:2222:3333:4444:5555:6666]:65535");
    document.transfers[0].uploader = document.subjects[0].endpoint;
    document.torrents[0].name = Some("a b ".repeat(100));
    document.opaque.push(fixture::opaque());
    document.torrents[0].info_hash_v2 = Some(Hex([0xab; 32]));
    for width in 60..=200 {
        for detail in Detail::ALL {
            for choice in
                [Choice::default(), Choice { peer: Some("10.77.3.10".parse().expect("one")), ..Choice::default() }]
            {
                let document = document.clone().only(&choice);
                let text = page(&document, |screen| (screen.width, screen.detail) = (width, *detail));
                let wide = text.lines().find(|line| columns(line) > width);
                assert_eq!(wide, None, "{width} {detail}:\n{text}");
                assert!(text.lines().all(|line| !line.ends_with(' ')), "{text}");
            }
        }
    }
}

#[test]
fn no_word_accuses_and_nothing_acts_on_a_terminal() {
    for document in [fixture::document(), fixture::empty_document()] {
        let text = page(&document, |screen| screen.detail = Detail::All);
        for word in ["downloader", "uploader", "sharer", "infring", "pirate", "guilty"] {
            assert!(!text.to_lowercase().contains(word), "{word}");
        }
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    }
}

#[test]
fn colour_is_spent_on_bytes_and_changes_no_letter() {
    let plain = page(&fixture::document(), |_| ());
    let colour = page(&fixture::document(), |screen| screen.colour = true);
    let without: String = ["1", "2", "35", "36", "0"]
        .iter()
        .fold(colour.clone(), |text, code| text.replace(&format!("\x1b[{code}m"), ""));
    assert_eq!(without, plain);
    for code in ["31", "32", "33"] {
        assert!(!colour.contains(&format!("\x1b[{code}m")), "no red, no green, no yellow");
    }
}

#[test]
fn a_client_cannot_pose_as_a_row_and_a_name_cannot_end_its_quotes() {
    let mut document = fixture::document();
    document.subjects[0].clients = ["198.51.100.66:6881  G9\" x".into()].into();
    let text = page(&document, |screen| screen.detail = Detail::All);
    assert!(text.contains("Client \"198.51.100.66:6881  G9\\\" x\""), "{text}");
    assert!(text.lines().all(|line| !line.trim_start().starts_with("198.51.100.66")), "{text}");
    assert_eq!(names::named_cell("\u{301}a\u{e000}"), "\"\\u{301}a\\u{e000}\"");
    assert!(names::named(&"n".repeat(300)).ends_with("... (300 characters; whole in report.json)"));
}

#[test]
fn where_something_could_not_be_read_a_zero_is_no_claim() {
    let mut document = fixture::document();
    document.subjects.retain(|subject| !subject.actionable);
    document.opaque.push(fixture::opaque());
    let text = page(&document, |_| ());
    let (unread, answer) = (text.find("UNREAD, AND").expect("told"), text.find("ANSWER").expect("there"));
    assert!(unread < answer, "{text}");
    assert!(
        flat(&document)
            .contains("? Standard of proof: cannot be told. No peer is shown to have met it. Not everything"),
        "{text}"
    );
    assert!(text.trim_end().ends_with("Not everything could be read."), "{text}");
    let mut document = fixture::empty_document();
    document.opaque.push(fixture::opaque());
    let text = page(&document, |_| ());
    assert!(text.contains("  ?  No connection can be read, so nothing can be said either way."), "{text}");
    assert!(!text.contains("Nobody sent piece data"), "{text}");
    assert!(
        text.contains("1 conversation taken for encrypted BitTorrent could not be read (1,020 bytes)."),
        "{text}"
    );
    assert!(text.contains("--mse-secrets FILE"), "{text}");
}

#[test]
fn an_empty_report_says_why_it_is_empty() {
    let text = flat(&fixture::empty_document());
    assert!(text.contains("0 No connection in these captures is shown to be BitTorrent."), "{text}");
    assert!(text.contains("There is no BitTorrent peer connection in the"), "{text}");
    assert!(text.ends_with("No peer, on what these captures hold."), "{text}");
}

#[test]
fn quiet_is_the_answer_and_verbose_is_everything() {
    let quiet = page(&fixture::document(), |screen| screen.detail = Detail::Answer);
    assert!(!quiet.contains("PEERS") && !quiet.contains("WORDS") && quiet.contains("ANSWER"), "{quiet}");
    assert!(quiet.trim_end().ends_with("1 sent blocks that differ."), "{quiet}");
    let all = page(&fixture::document(), |screen| screen.detail = Detail::All);
    for part in ["QUALITY OF THE CAPTURES", "9,673,285 bytes", "gap: a stretch of a stream"] {
        assert!(all.contains(part), "{part}:\n{all}");
    }
    let text = page(&fixture::document(), |screen| *screen = Screen::report_txt());
    assert!(text.lines().map(columns).max() <= Some(80));
}

#[test]
fn local_times_stand_beside_utc_and_never_instead_of_it() {
    let zone = jiff::tz::TimeZone::get("Asia/Kolkata").expect("bundled");
    let text = page(&fixture::document(), |screen| (screen.zone, screen.width) = (Some(zone.clone()), 160));
    assert!(text.contains(" UTC (") && text.contains(" +05:30)") && text.contains("first, local"), "{text}");
}

#[test]
fn a_declared_port_is_said_to_be_one() {
    let mut document = fixture::document();
    let subject = &mut document.subjects[0];
    (subject.port_basis, subject.sent_from) = (PortBasis::Declared, [55_555].into());
    assert!(flat(&document).contains("Port declared: 10.77.3.10:6881 (sent from :55555)"), "{}", flat(&document));
    document.subjects[0].sent_from = [2, 3, 4, 5, 6_881].into();
    assert!(flat(&document).contains("(also sent from :2, :3, :4 and 1 more)"), "{}", flat(&document));
}

#[test]
fn what_was_captured_in_part_was_not_read_without_a_gap() {
    let mut document = fixture::document();
    document.anomalies.clear();
    document.quality.gaps = 0;
    document.transfers.iter_mut().for_each(|transfer| transfer.bytes.lost = 0);
    assert!(flat(&document).contains("was read without a gap."), "{}", flat(&document));
    for (flag, words) in [
        (crate::evidence::Flag::OneSided, "only one direction"),
        (crate::evidence::Flag::HandshakeNotCaptured, "had begun before the captures"),
        (crate::evidence::Flag::Resynchronised, "framing was lost"),
    ] {
        document.transfers[0].flags = [flag].into();
        let text = flat(&document);
        assert!(!text.contains("was read without a gap.") && text.contains(words), "{text}");
    }
}

#[test]
fn a_leaf_is_not_called_a_piece() {
    let mut document = fixture::document();
    document.subjects[0].standard.as_mut().expect("it is met").leaf = Some(2);
    let text = flat(&document);
    assert!(text.contains("was asked for a leaf of it (16 KiB), sent that alone, and the leaf matches"), "{text}");
    assert!(text.contains("leaf 2 of piece 3: said 12"), "{text}");
}

#[test]
fn nothing_is_verified_of_what_is_not_known_whole() {
    let mut document = fixture::document();
    let torrent = &mut document.torrents[0];
    (torrent.source, torrent.size, torrent.pieces) = (Some(Source::Magnet), None, None);
    assert!(flat(&document).contains("without the description (the info dictionary)"), "{}", flat(&document));
    document.torrents[0].source = None;
    assert!(flat(&document).contains("which was not given: give the torrent file with -t."), "{}", flat(&document));
}

#[test]
fn one_connection_on_both_sides_of_a_translation_is_said_where_peers_are_counted() {
    let mut document = fixture::document();
    assert!(!flat(&document).contains("translation"));
    let edge = crate::report::Edge { uploader: end("192.0.2.1:1"), downloader: end("192.0.2.2:2") };
    document.transfers[0].same_connection_as.insert(edge);
    let text = flat(&document);
    assert!(text.contains("1 connection was seen on both sides of an address translation"), "{text}");
    assert!(text.contains("do not add their figures up"), "{text}");
}

#[test]
fn of_several_captures_each_frame_is_said_with_its_number() {
    let mut document = fixture::document();
    let mut second = document.inputs[0].clone();
    if let crate::report::Input::Capture { name, .. } = &mut second {
        *name = "second.pcap".into();
    }
    document.inputs.insert(1, second);
    document.transfers[1].served_frames.as_mut().expect("it served").last_file = Some(1);
    let text = page(&document, |_| ());
    assert!(text.contains("#1 212-7990") && text.contains("#1 212 to #2 7990"), "{text}");
    assert!(text.contains("in #1, capture.pcapng\n") && text.contains("#1 to #3 and SHA-256"), "{text}");
}

#[test]
fn hearsay_stands_apart_and_names_who_has_no_row_first() {
    let mut document = fixture::document();
    let frames = document.subjects[0].frames;
    let own = document.torrents[0].info_hash.clone();
    let mention = |subject: &str, grade, via| Mention {
        subject: end(subject),
        info_hash: Some(own.clone()),
        by: end("10.77.3.1:6969"),
        via,
        grade,
        flags: Default::default(),
        count: 3,
        first_time: Timestamp(0),
        last_time: Timestamp(0),
        frames,
    };
    document.mentions = (0..200_u8)
        .map(|n| mention(&format!("203.0.113.{n}:1"), Standing::Named, Via::HttpTracker))
        .chain([
            mention("10.77.3.10:6881", Standing::Named, Via::HttpTracker),
            mention("203.0.113.250:2", Standing::Confirmed, Via::HttpAnnounce),
        ])
        .collect();
    let text = flat(&document);
    let mentions = format!(
        "202 addresses, 201 without a row above. All 202 mentions: {} 203.0.113.250:2 G1b by itself",
        words::table_of("mentions")
    );
    for part in [
        "201 Only named by others or by their own announces.",
        "1 address announced itself (G1b), which shows no content: 203.0.113.250:2",
        mentions.as_str(),
        "and 196 more addresses without a row",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[test]
fn who_is_named_for_another_torrent_is_not_counted_for_this_one() {
    let mut document = fixture::document();
    let own = document.torrents[0].info_hash.clone();
    let v2 = Hex([0xab; 32]);
    document.torrents[0].info_hash_v2 = Some(v2);
    let mention = |subject: &str, info_hash: Option<Vec<u8>>| Mention {
        subject: end(subject),
        info_hash: info_hash.map(InfoHash),
        by: end(subject),
        via: Via::HttpAnnounce,
        grade: Standing::Confirmed,
        flags: Default::default(),
        count: 1,
        first_time: Timestamp(0),
        last_time: Timestamp(0),
        frames: document.subjects[0].frames,
    };
    document.mentions = vec![
        mention("203.0.113.1:1", Some(own.0.clone())),
        mention("203.0.113.2:1", Some(v2.0.to_vec())),
        mention("203.0.113.3:1", Some(v2.0[..20].to_vec())),
        mention("203.0.113.4:1", Some(vec![1; 20])),
        mention("203.0.113.5:1", None),
    ];
    let text = flat(&document);
    for part in [
        "3 Only named by others or by their own announces.",
        "3 addresses announced themselves (G1b), which shows no content: 203.0.113.1:1, 203.0.113.2:1 and 203.0.113.3:1",
        "Not counted: 2 more addresses of other torrents or of an unknown one, see NAMED BY OTHERS.",
        "for torrent 0101010101010101010101010101010101010101",
        "for a torrent that the captures do not tell",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    assert_eq!(text.matches("for torrent").count(), 1, "{text}");
}

#[test]
fn one_address_is_shown_rung_by_rung_with_what_was_not_seen_of_it() {
    let choice = Choice { peer: Some("10.77.3.10:6881".parse().expect("one")), ..Choice::default() };
    let document = fixture::document().only(&choice);
    let text = page(&document, |_| ());
    for part in [
        "10.77.3.10:6881, TCP, torrent \"",
        "LADDER\n",
        "BYTES  served 3,538,944 = verified 3,473,408 + refuted 65,536\n",
        "NOT SEEN of 10.77.3.10:6881, in ",
        "piece data to anyone but 10.77.3.11:33009",
        "IN WIRESHARK  its piece messages; the first proof",
        "  frame.number in {12,200,212..267}\n",
        "the figures are those of the whole run",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    assert!(text.ends_with("10.77.3.10:6881: G8, standard met; it also sent blocks that differ.\n"), "{text}");
}

#[test]
fn a_web_server_is_not_held_against_the_standard() {
    let mut document = fixture::document();
    let subject = &mut document.subjects[0];
    (subject.transport, subject.actionable, subject.standard, subject.grade) =
        (Transport::Http, false, None, Grade::G8);
    assert!(flat(&document).contains("It is a web server, which advertises nothing"), "{}", flat(&document));
}

#[test]
fn captured_time_is_that_of_the_captures_and_not_of_the_pause_between() {
    let mut document = fixture::document();
    let later = |time: Option<Timestamp>| time.map(|time| Timestamp(time.0 + 600_000_000_000));
    let mut second = document.inputs[0].clone();
    if let crate::report::Input::Capture { first_time, last_time, .. } = &mut second {
        (*first_time, *last_time) = (later(*first_time), later(*last_time));
    }
    document.inputs.insert(1, second);
    document.quality.last_time = later(document.quality.last_time);
    document.quality.duration_ns = document.quality.duration_ns.map(|length| length + 600_000_000_000);
    let text = flat(&document);
    let one = fixture::document().quality.duration_ns.expect("a length");
    let both = crate::report::duration(2 * one);
    assert!(text.contains(&format!("looked for in 2 captures, {both} in 2 stretches from ")), "{text}");
    assert!(text.contains("nothing was captured between them.") && !text.contains("10 min"), "{text}");
    let choice = Choice { peer: Some("10.77.3.10:6881".parse().expect("one")), ..Choice::default() };
    assert!(flat(&document.clone().only(&choice)).contains(&format!("in {both} in 2 stretches, both directions")));
    let page = crate::report::page(&document).expect("a page");
    assert!(page.contains(&format!("Captured for {both} in 2 stretches")), "the page says it too");
    assert!(page.contains(&format!("The captures show {both} in 2 stretches")) && !page.contains("10 min"));
}

#[test]
fn rows_of_several_torrents_name_theirs_in_every_section() {
    let mut document = fixture::document();
    let mut other = document.torrents[0].clone();
    other.info_hash = crate::ends::InfoHash(vec![0xaa; 20]);
    let mut subject = document.subjects[1].clone();
    subject.info_hash = Some(other.info_hash.clone());
    document.torrents.push(other.clone());
    document.subjects.push(subject);
    // Two of one name are told by their hashes.
    let text = flat(&document);
    for section in ["ANSWER", "WHO SENT TO WHOM", "WHY NOT HIGHER"] {
        assert!(text.split(section).nth(1).is_some_and(|text| text.contains("(c3c3c3c3...)")), "{section}: {text}");
    }
    assert!(text.contains("(aaaaaaaa...)"), "{text}");
    let page = crate::report::page(&document).expect("a page");
    assert!(page.contains("(aaaaaaaa…)"), "the page says it too");
    document.torrents[1].name = Some("other.bin".to_owned());
    assert!(flat(&document).contains("of \"other.bin\""));
    assert!(!flat(&fixture::document()).contains("c3c3c3c3...") && !flat(&fixture::document()).contains("Of \""));
}

#[test]
fn the_page_says_of_the_wrong_torrent_what_the_text_says() {
    let mut document = fixture::document();
    let mut given = document.torrents[0].clone();
    document.torrents[0].source = None;
    given.info_hash = crate::ends::InfoHash(vec![0xbb; 20]);
    (given.name, given.source) = (Some("asked.bin".to_owned()), Some(Source::File));
    document.torrents.push(given);
    let said = "No connection that could be read shows the info-hash of";
    assert!(flat(&document).contains(&format!("{said} \"asked.bin\". The captures name torrent ")));
    let page = crate::report::page(&document).expect("a page");
    assert!(page.contains(said) && page.contains("The captures name the torrent ") && page.contains(", none of "));
    assert!(!crate::report::page(&fixture::document()).expect("a page").contains(said));
}

#[test]
fn what_passed_more_than_once_is_said_to_be_in_sums_each_time() {
    let mut document = fixture::document();
    document.torrents[0].unique = 1_000;
    let said = "Bytes that passed more than once are in sums each time: 1,000 different ones";
    assert!(flat(&document).contains(said), "{}", flat(&document));
    assert!(crate::report::page(&document).expect("a page").contains(said));
}

#[test]
fn a_machine_that_speaks_to_itself_stands_for_no_public_address() {
    let mut document = fixture::document();
    document.subjects[0].endpoint = end("127.0.0.1:6881");
    document.subjects[0].flags.insert(crate::evidence::Flag::PrivateAddress);
    assert!(flat(&document).contains("both ends are on the machine of the capture"), "{}", flat(&document));
    document.options.pseudonyms = true;
    assert!(!flat(&document).contains("loopback"), "a pseudonym tells nothing of that");
}

#[test]
fn a_list_of_no_names_is_empty() {
    let names = |count: usize| (0..count).map(|at| format!("n{at}")).collect::<Vec<_>>();
    assert_eq!(names::listed(names(0), 1), "");
    assert_eq!(names::listed(names(1), 1), "n0");
    assert_eq!(names::listed(names(3), 1), "n0 and 2 more");
    assert_eq!(names::listed(names(3), 3), "n0, n1 and n2");
}

#[test]
fn gaps_of_unknown_length_are_not_said_to_miss_no_byte() {
    let mut document = fixture::document();
    (document.quality.gaps, document.quality.gap_bytes) = (4, 0);
    let text = flat(&document);
    assert!(
        text.contains(
            "4 gaps in connections that carry BitTorrent; how much is missing there is not known in bytes."
        ),
        "{text}"
    );
    assert!(!text.contains(" 0 bytes missing"), "{text}");
    document.quality.gap_packets = 423;
    let text = flat(&document);
    assert!(
        text.contains("4 gaps in connections that carry BitTorrent; 423 uTP packets are missing by their"),
        "{text}"
    );
}

#[test]
fn rows_of_one_address_are_called_several_clients_only_where_their_peer_ids_differ() {
    let mut document = fixture::document();
    let (one, other) = (document.subjects[0].clone(), &mut document.subjects[1]);
    other.endpoint.ip = one.endpoint.ip;
    other.peer_ids = [Hex([1; 20])].into();
    document.subjects[0].peer_ids = [Hex([1; 20])].into();
    let text = page(&document, |_| ());
    assert!(text.contains("+ is at the address above it: an address has no sum."), "{text}");
    document.subjects[1].peer_ids = [Hex([2; 20])].into();
    let text = page(&document, |_| ());
    assert!(text.contains("+ is at the address above it, and may be another client"), "{text}");
}

#[test]
fn a_screen_of_a_part_denies_nothing_of_the_whole() {
    for (peer, from) in [(Some("10.77.3.11"), None), (None, Some("2098-01-01T00:00:00Z"))] {
        let choice = Choice {
            peer: peer.map(|peer| peer.parse().expect("an address")),
            from: from.map(|from| from.parse().expect("a time")),
            to: None,
        };
        let text = page(&fixture::document().only(&choice), |screen| screen.detail = Detail::All);
        for denial in ["on what these captures hold", "Nobody sent", "Nobody has a row", "Nobody.\n"] {
            assert!(!text.contains(denial), "{choice:?}: {denial}\n{text}");
        }
    }
}
