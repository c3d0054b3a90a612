//! Hearsay, apart from everything else: who named whom and who announced itself, and that it counts for nothing above.

use std::cmp::Reverse;

use super::answer::only_named;
use super::names::View;
use super::page::{Page, faint};
use super::screen::Detail;
use crate::evidence::Standing;
use crate::report::Mention;
use crate::report::text::{counted, grouped};

/// Writes the section.
pub(super) fn write(view: &View<'_>, page: &mut Page) {
    page.heading("NAMED BY OTHERS  (hearsay: it may be forged, and changes no figure above)");
    let mentions = &view.document.mentions;
    if mentions.is_empty() {
        page.line("Nobody.");
        return;
    }
    let without = only_named(view.document);
    let all: std::collections::BTreeSet<_> = mentions.iter().map(|mention| mention.subject).collect();
    let addresses = |count: usize| match count {
        1 => "1 address".to_owned(),
        count => format!("{} addresses", grouped(count as u64)),
    };
    let command = "-f csv --table mentions";
    page.line(&match without.len() {
        0 => format!(
            "{}, {} with a row above. All {}: {command}",
            addresses(all.len()),
            if all.len() == 1 { "it" } else { "each" },
            counted(mentions.len() as u64, "mention")
        ),
        some => format!(
            "{}, {} without a row above. All {}: {command}",
            addresses(all.len()),
            grouped(some as u64),
            counted(mentions.len() as u64, "mention")
        ),
    });
    let mut rows: Vec<&Mention> = if view.screen.detail == Detail::All {
        mentions.iter().collect()
    } else {
        // One for each address without a row: the one that reaches furthest.
        without.values().filter_map(|of| of.iter().copied().min_by_key(|mention| Reverse(mention.grade))).collect()
    };
    rows.sort_by_key(|mention| (!without.contains_key(&mention.subject), Reverse(mention.grade)));
    let most = if view.screen.detail == Detail::All { MOST_ROWS } else { MOST_NAMED };
    let shown = if rows.len() <= most + 2 { rows.len() } else { most };
    for mention in rows.iter().take(shown) {
        page.row(&faint(&sentence(view, mention)), 2, 4);
    }
    if let Some(more @ 1..) = rows.len().checked_sub(shown) {
        let noun = match (view.screen.detail, more) {
            (Detail::All, 1) => "mention",
            (Detail::All, _) => "mentions",
            (_, 1) => "address without a row",
            _ => "addresses without a row",
        };
        page.line(&format!("and {} more {noun}", grouped(more as u64)));
    }
}

/// What somebody said, in a line.
pub(super) fn sentence(view: &View<'_>, mention: &Mention) -> String {
    let often = match mention.count {
        1 => String::new(),
        count => format!(" {} times, the first:", grouped(count)),
    };
    let by = if mention.grade == Standing::Named { format!("by {}", mention.by) } else { "by itself".to_owned() };
    let flags: Vec<_> = mention.flags.iter().map(|flag| flag.name()).collect();
    let flags = if flags.is_empty() { String::new() } else { format!(" [{}]", flags.join(", ")) };
    let of = match (view.document.torrents.len(), &mention.info_hash) {
        (0 | 1, Some(_)) => String::new(),
        (_, None) => ", for a torrent that the captures do not tell".to_owned(),
        (_, hash) => format!(", for {}", view.torrent(hash.as_ref())),
    };
    format!(
        "{}  {}  {by} ({}),{often} {}{of}{flags}",
        mention.subject,
        mention.grade,
        mention.via,
        view.frames(mention.frames)
    )
}

// Rationale: they are leads to look at, not findings to read.
const MOST_NAMED: usize = 5;
const MOST_ROWS: usize = 5_000;
