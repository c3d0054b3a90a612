use sha2::{Digest, Sha256};

use super::*;
use crate::report::{fixture, model};

fn full() -> Document {
    Document::of(&fixture::document()).expect("JSON")
}

fn empty() -> Document {
    Document::of(&fixture::empty_document()).expect("JSON")
}

/// A document whose every name is an attack.
fn hostile() -> Document {
    let attack = "\x1b\u{202e}</style></title><img src=http://evil.example/ onerror=\"alert(1)\">\n&'";
    let mut document = full();
    for torrent in &mut document.torrents {
        torrent.name = Some(format!("{attack}{}", "x".repeat(300)));
        torrent.files.iter_mut().for_each(|file| attack.clone_into(&mut file.path));
    }
    for subject in &mut document.subjects {
        subject.clients = vec![attack.to_owned()];
        subject.next_rung = Some(format!("G9 not reached: of its best file, {attack}, 1 of 2 bytes are verified"));
    }
    for input in &mut document.inputs {
        match input {
            Input::Capture { name, damage, .. } => {
                attack.clone_into(name);
                *damage = Some(attack.to_owned());
            }
            Input::Torrent { name, .. } => attack.clone_into(name),
        }
    }
    document.anomalies.iter_mut().flat_map(|anomaly| &mut anomaly.examples).for_each(|example| {
        attack.clone_into(&mut example.detail);
    });
    document.notes.push(attack.to_owned());
    document
}

#[test]
fn nothing_that_a_stranger_wrote_is_markup_and_all_of_it_is_seen() {
    let page = render(&hostile(), &[]).expect("a page");
    assert!(!page.contains("<img") && !page.contains("evil.example/ onerror=\""), "markup of a stranger");
    assert!(
        page.contains("<span class=\"esc\">U+202E</span>") && page.contains("<span class=\"esc\">U+000A</span>")
    );
    assert!(page.contains("[U+202E]") && !page.contains('\u{202e}') && !page.contains('\x1b'));
    let head = page.split("</head>").next().unwrap_or_default();
    assert_eq!(head.matches("</style>").count(), 1);
}

#[test]
fn every_link_leads_to_a_place_of_the_page_and_nothing_leaves_it() {
    for document in [full(), empty(), hostile()] {
        let page = render(&document, &[]).expect("a page");
        for href in page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            let id = href.strip_prefix('#').unwrap_or_else(|| panic!("{href} leaves the page"));
            assert_eq!(page.matches(&format!(" id=\"{id}\"")).count(), 1, "{id}");
        }
        for outward in ["src=", "url(http", "@import", "<link", "<iframe", "<form"] {
            assert!(!page.contains(outward) || page.contains("&lt;img src="), "{outward}");
        }
    }
}

#[test]
fn no_two_elements_share_an_id() {
    let page = render(&full(), &[]).expect("a page");
    let mut seen = std::collections::BTreeSet::new();
    for id in page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(seen.insert(id), "{id} twice");
    }
}

#[test]
fn a_browser_runs_this_script_and_no_other() {
    let digest = Sha256::digest(SCRIPT.as_bytes());
    assert_eq!(SCRIPT_HASH, format!("sha256-{}", base64(&digest)));
    assert!(render(&full(), &[]).expect("a page").contains(&format!("<script>{SCRIPT}</script>")));
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for part in bytes.chunks(3) {
        let word = part.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - part.len()));
        for at in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * at) & 63) as usize];
            out.push(if at > part.len() { '=' } else { char::from(letter) });
        }
    }
    out
}

/// The tokens of a block of the style, as colours.
fn tokens(block: &str) -> std::collections::BTreeMap<String, [u8; 3]> {
    let mut found = std::collections::BTreeMap::new();
    for token in block.split("--").skip(1) {
        let Some((name, value)) = token.split_once(':') else { continue };
        let digits: String = value.trim_start_matches('#').chars().take_while(char::is_ascii_hexdigit).collect();
        let wide: String = if digits.len() == 3 { digits.chars().flat_map(|c| [c, c]).collect() } else { digits };
        if let Ok(number) = u32::from_str_radix(&wide, 16)
            && wide.len() == 6
        {
            let [_, red, green, blue] = number.to_be_bytes();
            found.insert(name.to_owned(), [red, green, blue]);
        }
    }
    found
}

/// The contrast of two colours (WCAG 2.2).
fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let luminance = |colour: [u8; 3]| {
        let [red, green, blue] = colour.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn text_and_graphics_have_the_contrast_that_wcag_asks_for() {
    let blocks: Vec<&str> = STYLE.split(":root{").skip(1).filter_map(|rest| rest.split('}').next()).collect();
    assert_eq!(blocks.len(), 3, "light, dark, print");
    for block in blocks {
        let tokens = tokens(block);
        let against = |name: &str, ground: &str| contrast(tokens[name], tokens[ground]);
        for name in ["ink", "mute", "link"] {
            assert!(against(name, "bg") >= 4.5 && against(name, "wash") >= 4.5, "{name}: {}", against(name, "bg"));
        }
        for name in ["sole", "part", "ref", "dis", "unp", "rep", "pad"] {
            assert!(against(name, "bg") >= 3.0, "{name}: {}", against(name, "bg"));
        }
    }
}

#[test]
fn what_a_table_shows_and_what_it_leaves_out_are_all() {
    let mut document = full();
    let one = document.subjects[0].clone();
    for port in 0..120 {
        let endpoint = format!("192.0.2.1:{}", 20_000 + port);
        document.subjects.push(model::Subject { endpoint, ..one.clone() });
    }
    let served: u64 = document.subjects.iter().map(|subject| subject.served_bytes).sum();
    let page = render(&document, &[]).expect("a page");
    assert!(page.contains("The first 50 of 123 peers") && page.contains("the other 73 follow"), "the cut is told");
    assert!(page.contains(&format!("<td class=\"r q2\">{}</td>", grouped(served))), "sums are over all");
    let (rows, lines) = (page.matches("<tr data-row data-ep=").count(), page.matches("<li id=\"p-").count());
    assert_eq!(rows + lines, 123);
}

#[test]
fn where_not_all_was_read_a_zero_is_no_zero() {
    let mut document = empty();
    document.opaque.push(model::Opaque {
        a: "192.0.2.1:1".into(),
        b: "192.0.2.2:2".into(),
        transport: crate::ends::Transport::Tcp,
        kind: crate::evidence::OpaqueKind::MseRc4,
        bytes_a_to_b: 1,
        bytes_b_to_a: 2,
        frames: crate::ends::Frames { file: 0, first: 1, last: 2, last_file: None },
        basis: String::new(),
        info_hash: None,
    });
    let page = render(&document, &[]).expect("a page");
    assert!(page.contains("No connection can be read: nothing can be said either way."));
    let (limit, answer) = (page.find("class=\"limit\""), page.find("<ol class=\"ans\">"));
    assert!(limit < answer, "what could not be read stands above the answer");
}

#[test]
fn of_more_peers_than_a_picture_shows_a_table_says_who_sent_to_whom_and_a_rumour_is_not_in_it() {
    let mut document = full();
    let pattern = document.transfers.iter().find(|transfer| transfer.bytes.served_bytes > 0).cloned().expect("one");
    for number in 1..=30 {
        let mut transfer = pattern.clone();
        transfer.uploader = format!("198.51.100.{number}:1");
        transfer.downloader = format!("198.51.100.{}:1", number + 30);
        (transfer.uploader_subject, transfer.downloader_subject) = (None, None);
        document.transfers.push(transfer);
    }
    let page = render(&document, &[]).expect("a page");
    let table = page.split("Rows send, columns receive").nth(1).and_then(|rest| rest.split("</table>").next());
    let table = table.expect("a table");
    assert!(table.contains("198.51.100.30") && table.contains("198.51.100.60"));
    for mention in document.mentions.iter().filter(|mention| mention.grade.name() == "G0") {
        let sends =
            document.transfers.iter().any(|row| [&row.uploader, &row.downloader].contains(&&mention.subject));
        assert!(sends || !table.contains(&mention.subject), "{}", mention.subject);
    }
    document.transfers.extend((61..=100).map(|number| {
        let mut transfer = pattern.clone();
        transfer.uploader = format!("198.51.100.{number}:1");
        transfer.downloader = format!("203.0.113.{number}:1");
        (transfer.uploader_subject, transfer.downloader_subject) = (None, None);
        transfer
    }));
    assert!(!render(&document, &[]).expect("a page").contains("Rows send, columns receive"), "a table for nobody");
}

/// Rows that are not in the part that is shown may be in the whole: nothing is said not to be in the captures.
#[test]
fn a_page_of_a_part_denies_nothing_of_the_whole() {
    let denials = [
        "on what these captures hold",
        "There is no peer",
        "No piece data passed",
        "Nobody named",
        "with a row sent",
    ];
    for (peer, from) in
        [(Some("192.0.2.250"), None), (Some("10.77.3.11"), None), (None, Some("2098-01-01T00:00:00Z"))]
    {
        let choice = crate::report::Choice {
            peer: peer.map(|peer| peer.parse().expect("an address")),
            from: from.map(|from| from.parse().expect("a time")),
            to: None,
        };
        let page = super::page(&fixture::document().only(&choice)).expect("a page");
        let found: Vec<_> = denials.iter().filter(|denial| page.contains(**denial)).collect();
        assert!(found.is_empty(), "{choice:?}: {found:?}");
        assert!(page.contains("in the part that is shown"), "{choice:?}");
    }
}
