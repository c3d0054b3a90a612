//! Hearsay, apart from everything else: who named whom and who announced itself, and that it counts for nothing above.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::{Page, frames_text};
use crate::report::document::{Document, Mention};
use crate::report::text::{counted, grouped};

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
    page.line(&sums(document));
    let mut shown: Vec<&Mention> = document.mentions.iter().collect();
    // A stable sort: what reaches further comes first, and else the order of the report.
    shown.sort_by_key(|mention| Reverse(mention.grade));
    for mention in shown.iter().take(MOST_MENTIONS) {
        page.line(&sentence(document, mention));
    }
    if let Some(more @ 1..) = document.mentions.len().checked_sub(MOST_MENTIONS) {
        page.line(&format!(
            "and {} more: `--format csv --table mentions` and report.json list all",
            counted(more as u64, "mention")
        ));
    }
}

/// How many addresses stand on each rung.
fn sums(document: &Document) -> String {
    let of = |grades: &[&str]| {
        let named = document.mentions.iter().filter(|mention| grades.contains(&mention.grade));
        named.map(|mention| mention.subject.as_str()).collect::<BTreeSet<_>>().len() as u64
    };
    let mut parts = Vec::new();
    for (count, what) in [
        (of(&["G1b"]), "announced, with a secret that only a reply to it could give (G1b)"),
        (of(&["G1a"]), "announced, and the source may be forged (G1a)"),
        (of(&["G0"]), "listed (G0)"),
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
    let by = if mention.grade == "G0" { format!("by {}", mention.by) } else { "by itself".to_owned() };
    let flags = if mention.flags.is_empty() { String::new() } else { format!(" [{}]", mention.flags.join(", ")) };
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

#[cfg(test)]
mod tests {
    use crate::report::{Mention, fixture, terminal};

    fn mention(subject: String, grade: &'static str) -> Mention {
        Mention {
            subject,
            info_hash: None,
            by: "10.77.3.1:6969".into(),
            via: "udp-tracker",
            grade,
            flags: if grade == "G1a" { vec!["return-path-unconfirmed"] } else { Vec::new() },
            count: 1,
            first_time: String::new(),
            last_time: String::new(),
            frames: fixture::document().subjects[0].frames,
        }
    }

    #[test]
    fn what_reaches_further_comes_first_and_a_hundred_thousand_stay_readable() {
        let mut document = fixture::document();
        document.mentions = (0..100_000).map(|n| mention(format!("10.0.{}.{}:1", n >> 8, n & 255), "G0")).collect();
        document.mentions.push(mention("10.9.9.1:2".into(), "G1a"));
        document.mentions.push(mention("10.9.9.2:2".into(), "G1b"));
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
}
