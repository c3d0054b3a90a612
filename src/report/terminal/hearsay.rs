//! Hearsay, apart from everything else: who named whom and who announced itself, and that it counts for nothing above.

use std::cmp::Reverse;

use super::answer::only_named;
use super::names::{View, goes_by};
use super::page::{Page, faint};
use super::screen::Detail;
use super::words::table_of;
use crate::evidence::{Standing, Swarm, Via};
use crate::report::Mention;
use crate::report::text::{counted, grouped};

/// Writes the section.
pub(super) fn write(view: &View<'_>, page: &mut Page) {
    page.heading("NAMED BY OTHERS  (hearsay: it may be forged, and changes no figure above)");
    if view.document.mentions.is_empty() {
        page.line(if view.document.shown.is_some() {
            "No mention is in the part that is shown."
        } else {
            "Nobody."
        });
    } else {
        mentions(view, page);
    }
    swarms(view, page);
}

fn mentions(view: &View<'_>, page: &mut Page) {
    let mentions = &view.document.mentions;
    let without = only_named(view.document);
    let all: std::collections::BTreeSet<_> = mentions.iter().map(|mention| mention.subject).collect();
    let addresses = |count: usize| match count {
        1 => "1 address".to_owned(),
        count => format!("{} addresses", grouped(count as u64)),
    };
    let command = table_of("mentions");
    page.line(&match without.len() {
        0 if view.document.shown.is_some() => {
            format!("{}. All {}: {command}", addresses(all.len()), counted(mentions.len() as u64, "mention"))
        }
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

/// Writes the figures that trackers and nodes gave of whole swarms.
fn swarms(view: &View<'_>, page: &mut Page) {
    let swarms = &view.document.swarms;
    if swarms.is_empty() {
        return;
    }
    let most = if view.screen.detail == Detail::All { MOST_ROWS } else { MOST_NAMED };
    let shown = if swarms.len() <= most + 2 { swarms.len() } else { most };
    page.line("Said of whole swarms, which names nobody in them:");
    let is_other =
        |swarm: &&Swarm| !view.document.torrents.iter().any(|row| Some(&row.info_hash) == swarm.info_hash.as_ref());
    let mut rows: Vec<&Swarm> = swarms.iter().collect();
    rows.sort_by_key(is_other);
    for swarm in rows.into_iter().take(shown) {
        let figures = size(swarm.via, swarm.seeders, swarm.leechers, swarm.downloads);
        let often =
            if swarm.count > 1 { format!(" {} times, the first:", grouped(swarm.count)) } else { String::new() };
        let of = match (view.document.torrents.len(), &swarm.info_hash) {
            (1, Some(hash)) if view.document.torrents.first().is_some_and(|row| row.info_hash == *hash) => {
                String::new()
            }
            (_, hash) => format!(", of {}", view.torrent(hash.as_ref())),
        };
        let line = format!("{} ({}),{often} {}: {figures}{of}", swarm.by, swarm.via, view.frames(swarm.frames));
        page.row(&faint(&line), 2, 4);
    }
    if swarms.len() > shown {
        let more = counted((swarms.len() - shown) as u64, "more saying");
        page.line(&format!("and {more}: {}", table_of("swarms")));
    }
}

/// The figures of a swarm as somebody said them, in words.
pub(crate) fn size(via: Via, seeders: Option<u64>, leechers: Option<u64>, downloads: Option<u64>) -> String {
    let peers = |count: u64, what: &str| format!("{} {what}", grouped(count));
    let figures: Vec<String> = [
        seeders.map(|count| peers(count, if count == 1 { "has everything" } else { "have everything" })),
        leechers.map(|count| peers(count, if count == 1 { "does not" } else { "do not" })),
        downloads.map(|count| counted(count, "completed download")),
    ]
    .into_iter()
    .flatten()
    .collect();
    match (figures.is_empty(), via) {
        (true, Via::DhtSample) => "it says that it stores peers".to_owned(),
        (true, _) => "no figure".to_owned(),
        (false, Via::DhtScrape) => format!("about {}, estimated from filters", figures.join(", ")),
        (false, _) => figures.join(", "),
    }
}

/// A mention in a line: who named whom, how and when.
pub(super) fn sentence(view: &View<'_>, mention: &Mention) -> String {
    let often = match mention.count {
        1 => String::new(),
        count => format!(" {} times, the first:", grouped(count)),
    };
    let by = if mention.grade == Standing::Named { format!("by {}", mention.by) } else { "by itself".to_owned() };
    let flags: Vec<_> = mention.flags.iter().map(|flag| flag.name()).collect();
    let flags = if flags.is_empty() { String::new() } else { format!(" [{}]", flags.join(", ")) };
    let torrents = &view.document.torrents;
    let of = match (torrents.as_slice(), &mention.info_hash) {
        ([only], Some(hash)) if goes_by(only, hash) => String::new(),
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
