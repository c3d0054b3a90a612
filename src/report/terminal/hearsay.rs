//! Hearsay, apart from everything else: who named whom and who announced itself, and that it counts for nothing above.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::{Page, frames_text};
use crate::ends::InfoHash;
use crate::evidence::{Standing, Via};
use crate::report::text::{counted, escaped, grouped};
use crate::report::{Document, Mention};

/// Writes the section, where anybody was named.
pub(super) fn write(document: &Document, page: &mut Page) {
    if document.mentions.is_empty() {
        return;
    }
    page.heading("NAMED BY OTHERS");
    page.line(
        "Trackers, the DHT, other peers and announces named these addresses. That is hearsay: it shows no byte of \
         content and no connection between peers, it may be forged, and it changes no figure and no grade above.",
    );
    page.line(&sums(&document.mentions.iter().collect::<Vec<_>>()));
    let groups = groups(document);
    let share = (MOST_MENTIONS / groups.len().max(1)).max(LEAST_MENTIONS);
    for (info_hash, mentions) in groups.iter().take(MOST_TORRENTS) {
        page.line(&match groups.len() {
            1 => format!("All of them for {}:", torrent(document, *info_hash)),
            _ => format!("For {}: {}", torrent(document, *info_hash), sums(mentions)),
        });
        for mention in mentions.iter().take(share) {
            page.line(&format!("  {}", sentence(document, mention)));
        }
        if let Some(more @ 1..) = mentions.len().checked_sub(share) {
            page.line(&format!(
                "  and {} more: `--format csv --table mentions` and report.json list all",
                counted(more as u64, "mention")
            ));
        }
    }
    if let Some(more @ 1..) = groups.len().checked_sub(MOST_TORRENTS) {
        page.line(&format!(
            "and for {}: `--format csv --table mentions` and report.json list all",
            counted(more as u64, "more torrent")
        ));
    }
}

/// The mentions by torrent: what was given first, then what was not, and last those whose torrent was not captured. In
/// each, what reaches further comes first, and else the order of the report.
fn groups(document: &Document) -> Vec<(Option<&InfoHash>, Vec<&Mention>)> {
    let mut groups: BTreeMap<Option<&InfoHash>, Vec<&Mention>> = BTreeMap::new();
    for mention in &document.mentions {
        groups.entry(mention.info_hash.as_ref()).or_default().push(mention);
    }
    let given: BTreeSet<&InfoHash> = document
        .torrents
        .iter()
        .filter(|torrent| torrent.source.is_some())
        .map(|torrent| &torrent.info_hash)
        .collect();
    let mut groups: Vec<_> = groups.into_iter().collect();
    // Stable sorts.
    groups.sort_by_key(|(hash, _)| (hash.is_none(), hash.is_none_or(|hash| !given.contains(hash))));
    groups.iter_mut().for_each(|(_, mentions)| mentions.sort_by_key(|mention| Reverse(mention.grade)));
    groups
}

/// A torrent with its info-hash, which a name alone would not tell.
fn torrent(document: &Document, info_hash: Option<&InfoHash>) -> String {
    let Some(hash) = info_hash else { return "a torrent that the captures do not tell".to_owned() };
    let known = document.torrents.iter().find(|torrent| torrent.info_hash == *hash);
    match known.and_then(|torrent| torrent.name.as_deref()) {
        Some(name) => format!("\"{}\", info-hash {hash}", escaped(name)),
        None => format!("info-hash {hash}, a torrent that was not given"),
    }
}

/// How many addresses stand on each rung.
fn sums(mentions: &[&Mention]) -> String {
    let of = |wanted: &dyn Fn(&Mention) -> bool| {
        let named = mentions.iter().filter(|mention| wanted(mention));
        named.map(|mention| mention.subject).collect::<BTreeSet<_>>().len() as u64
    };
    let confirmed = |mention: &Mention, http| {
        mention.grade == Standing::Confirmed && (mention.via == Via::HttpAnnounce) == http
    };
    let mut parts = Vec::new();
    for (count, what) in [
        (of(&|mention| confirmed(mention, true)), "announced over an established connection (G1b)"),
        (
            of(&|mention| confirmed(mention, false)),
            "announced with a secret that only a reply to it could give (G1b)",
        ),
        (of(&|mention| mention.grade == Standing::Announced), "announced, and the source may be forged (G1a)"),
        (of(&|mention| mention.grade == Standing::Named), "listed (G0)"),
    ] {
        if count > 0 {
            let address = if count == 1 { "address" } else { "addresses" };
            parts.push(format!("{} {address} {what}", grouped(count)));
        }
    }
    parts.join("; ")
}

fn sentence(document: &Document, mention: &Mention) -> String {
    let often = match mention.count {
        1 => "once".to_owned(),
        count => format!("{} times, first", grouped(count)),
    };
    let by = if mention.grade == Standing::Named { format!("by {}", mention.by) } else { "by itself".to_owned() };
    let flags: Vec<_> = mention.flags.iter().map(|flag| flag.name()).collect();
    let flags = if flags.is_empty() { String::new() } else { format!(" [{}]", flags.join(", ")) };
    format!(
        "{} ({}) {by}, {}, {often} in {}{flags}",
        mention.subject,
        mention.grade,
        mention.via,
        frames_text(document, mention.frames)
    )
}

// Rationale: one tracker answer names 50 addresses; they are leads to look at, not findings to read.
const MOST_MENTIONS: usize = 20;
// Rationale: of several torrents each has to be seen with somebody, and all of them on a screen or two.
const LEAST_MENTIONS: usize = 3;
const MOST_TORRENTS: usize = 12;

#[cfg(test)]
mod tests {
    use crate::ends::{InfoHash, Timestamp};
    use crate::evidence::Flag;
    use crate::evidence::{Standing, Via};
    use crate::report::{Mention, fixture, terminal};

    fn mention(subject: String, grade: Standing) -> Mention {
        Mention {
            subject: subject.parse().expect("an endpoint"),
            info_hash: None,
            by: "10.77.3.1:6969".parse().expect("an endpoint"),
            via: Via::UdpTracker,
            grade,
            flags: if grade == Standing::Announced {
                [Flag::ReturnPathUnconfirmed].into()
            } else {
                Default::default()
            },
            count: 1,
            first_time: Timestamp(0),
            last_time: Timestamp(0),
            frames: fixture::document().subjects[0].frames,
        }
    }

    #[test]
    fn what_reaches_further_comes_first_and_a_hundred_thousand_stay_readable() {
        let mut document = fixture::document();
        document.mentions = (0..100_000)
            .map(|n| mention(format!("10.{}.{}.{}:1", n >> 16, n >> 8 & 255, n & 255), Standing::Named))
            .collect();
        document.mentions.push(mention("10.9.9.1:2".into(), Standing::Announced));
        document.mentions.push(mention("10.9.9.2:2".into(), Standing::Confirmed));
        let text = terminal(&document, 120);
        let section = text.split("NAMED BY OTHERS").nth(1).expect("a section");
        let flat = section.split_whitespace().collect::<Vec<_>>().join(" ");
        let (confirmed, announced) =
            (flat.find("10.9.9.2:2 (G1b) by itself"), flat.find("10.9.9.1:2 (G1a) by itself"));
        assert!(confirmed.is_some() && confirmed < announced && announced < flat.find("10.0.0.0:1 (G0)"), "{flat}");
        assert!(
            flat.contains("[return-path-unconfirmed]") && flat.contains("100,000 addresses listed (G0)"),
            "{flat}"
        );
        assert!(flat.contains("and 99,982 mentions more"), "{flat}");
        assert!(section.lines().take_while(|line| !line.contains("and 99,982")).count() < 40);
    }

    #[test]
    fn each_mention_stands_under_its_torrent() {
        let mut document = fixture::document();
        let of = |hash: Option<InfoHash>, last| Mention {
            info_hash: hash,
            ..mention(format!("10.0.0.{last}:1"), Standing::Named)
        };
        let (given, other) = (document.torrents[0].info_hash.clone(), InfoHash(vec![0xaa; 20]));
        document.mentions = vec![of(None, 1), of(Some(other.clone()), 2), of(Some(given.clone()), 3)];
        let text = terminal(&document, 120);
        let section = text.split("NAMED BY OTHERS").nth(1).expect("a section");
        let flat = section.split_whitespace().collect::<Vec<_>>().join(" ");
        let places = [
            format!("info-hash {given}: 1 address listed (G0) 10.0.0.3:1"),
            format!("For info-hash {other}, a torrent that was not given: 1 address listed (G0) 10.0.0.2:1"),
            "For a torrent that the captures do not tell: 1 address listed (G0) 10.0.0.1:1".to_owned(),
        ]
        .map(|part| flat.find(&part).unwrap_or_else(|| panic!("{part}\n{flat}")));
        assert!(places.is_sorted(), "{flat}");
    }

    #[test]
    fn an_announce_over_http_is_not_said_to_hold_a_secret() {
        let mut document = fixture::document();
        document.mentions =
            vec![Mention { via: Via::HttpAnnounce, ..mention("10.0.0.1:1".into(), Standing::Confirmed) }];
        let text = terminal(&document, 120);
        assert!(text.contains("1 address announced over an established connection (G1b)"), "{text}");
        assert!(!text.contains("secret"), "{text}");
        document.mentions[0].via = Via::UdpAnnounce;
        assert!(
            terminal(&document, 120).contains("announced with a secret that only a reply to it could give (G1b)")
        );
    }
}
