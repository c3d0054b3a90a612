//! Section 5: what others said about addresses. A row for each address, not for each mention.

use std::collections::BTreeMap;

use askama::Template;

use super::cast::Cast;
use super::figures::times;
use super::html::{self, Html};
use super::words;
use crate::report::model::{Mention, Swarm};
use crate::report::text::{counted, grouped};

/// The section.
#[derive(Template)]
#[template(path = "hearsay.html", config = "src/report/page/askama.toml")]
pub(super) struct Hearsay {
    groups: Vec<Group>,
    /// The sentence where there is none.
    none: &'static str,
    swarms: Vec<SwarmRow>,
    more_swarms: String,
}

/// Counts that a tracker or node gave of a whole swarm.
struct SwarmRow {
    torrent: Html,
    by: Html,
    via: &'static str,
    said: String,
    count: String,
    frame: String,
}

struct Group {
    caption: &'static str,
    note: &'static str,
    count: String,
    open: bool,
    rows: Vec<Row>,
    left: String,
}

struct Row {
    find: String,
    address: Html,
    said: Vec<String>,
    by: Vec<(Html, String)>,
    frame: String,
    doubts: Vec<String>,
}

impl Hearsay {
    pub(super) fn of(cast: &Cast<'_>) -> Self {
        let mut by_address: BTreeMap<&str, Vec<&Mention>> = BTreeMap::new();
        for mention in &cast.document.mentions {
            by_address.entry(&mention.subject).or_default().push(mention);
        }
        let (mut only, mut also, mut elsewhere) = (Vec::new(), Vec::new(), Vec::new());
        for (address, mentions) in by_address {
            match cast.place_of(address) {
                Some(place) => also.push((place, address, mentions)),
                None if cast.is_elsewhere(address) => elsewhere.push((0, address, mentions)),
                None => only.push((0, address, mentions)),
            }
        }
        only.sort_by_key(|(_, address, _)| (address.parse::<std::net::SocketAddr>().ok(), *address));
        also.sort_by_key(|(place, address, _)| (*place, *address));
        elsewhere.sort_by_key(|(_, address, _)| (address.parse::<std::net::SocketAddr>().ok(), *address));
        let groups = [
            group(cast, &only, "Addresses with nothing but hearsay", true),
            group(cast, &elsewhere, "Addresses whose direct evidence is not in the part that is shown", true),
            group(cast, &also, "Addresses that also have direct evidence above", also.len() <= FOLDED),
        ];
        let swarms = &cast.document.swarms;
        Self {
            groups: groups.into_iter().filter(|group| !group.rows.is_empty()).collect(),
            none: cast.nobody_named(),
            swarms: swarms.iter().take(MOST_ROWS).map(|swarm| swarm_row(cast, swarm)).collect(),
            more_swarms: match swarms.len().saturating_sub(MOST_ROWS) {
                0 => String::new(),
                more => format!("{}: report.json has all.", counted(more as u64, "more saying")),
            },
        }
    }
}

fn swarm_row(cast: &Cast<'_>, swarm: &Swarm) -> SwarmRow {
    SwarmRow {
        torrent: Html::text(swarm.info_hash.as_deref().unwrap_or("not told")),
        by: Html::ours(format!("<span class=\"ep\">{}</span>", html::endpoint(&swarm.by))),
        via: swarm.via.name(),
        said: crate::report::terminal::swarm_size(swarm.via, swarm.seeders, swarm.leechers, swarm.downloads),
        count: times(swarm.count),
        frame: cast.numbering.frames(swarm.frames),
    }
}

fn group(cast: &Cast<'_>, found: &[(usize, &str, Vec<&Mention>)], caption: &'static str, open: bool) -> Group {
    Group {
        caption,
        note: "“Itself” is the address announcing itself; a name with a port is whoever listed it.",
        count: grouped(found.len() as u64),
        open,
        rows: found.iter().take(MOST_ROWS).map(|(_, address, mentions)| row(cast, address, mentions)).collect(),
        left: match found.len().saturating_sub(MOST_ROWS) {
            0 => String::new(),
            more => format!(
                "{}, mentioned {}: report.json has all.",
                match more {
                    1 => "1 more address".to_owned(),
                    more => format!("{} more addresses", grouped(more as u64)),
                },
                times(found.iter().skip(MOST_ROWS).flat_map(|(.., each)| each).map(|mention| mention.count).sum())
            ),
        },
    }
}

fn row(cast: &Cast<'_>, address: &str, mentions: &[&Mention]) -> Row {
    let mut said: Vec<String> = Vec::new();
    let mut by: BTreeMap<(bool, &str, &str), u64> = BTreeMap::new();
    let mut doubts: Vec<String> = Vec::new();
    for mention in mentions {
        let step = words::LADDER.iter().find(|step| step.name == mention.grade.name());
        let of = match &mention.info_hash {
            _ if cast.of_report(mention) => String::new(),
            Some(hash) => format!(", for torrent {hash}"),
            None => ", for a torrent that the captures do not tell".to_owned(),
        };
        let text = step.map_or_else(String::new, |step| format!("{} ({}){of}", step.clause, step.name));
        if !said.contains(&text) {
            said.push(text);
        }
        *by.entry((mention.by != mention.subject, &mention.by, mention.via.name())).or_default() += mention.count;
        for flag in mention.flags.iter().filter(|flag| flag.name() != "private-address") {
            let text = format!("{} ({})", words::flag(flag.name()), flag.name());
            if !doubts.contains(&text) {
                doubts.push(text);
            }
        }
    }
    let more = by.len().saturating_sub(MOST_SOURCES) as u64;
    let mut sources: Vec<(Html, String)> = by
        .iter()
        .take(MOST_SOURCES)
        .map(|((other, by, via), count)| {
            let mut html = Html::default();
            if *other {
                html.add(&Html::ours(format!("<span class=\"ep\">{}</span>", html::endpoint(by))));
            } else {
                html.push("itself");
            }
            html.push(&format!(", {via}"));
            (html, times(*count))
        })
        .collect();
    if more > 0 {
        sources.push((Html::text(&counted(more, "more source")), String::new()));
    }
    let first = mentions.iter().min_by_key(|mention| (mention.frames.file, mention.frames.first));
    Row {
        find: address.to_owned(),
        address: match cast.place_of(address).and_then(|at| cast.peers.get(at)) {
            Some(peer) => html::link(&peer.id, address),
            None => Html::ours(format!("<span class=\"ep\">{}</span>", html::endpoint(address))),
        },
        said,
        by: sources,
        frame: first.map_or_else(String::new, |mention| cast.numbering.frames(mention.frames)),
        doubts,
    }
}

// Rationale: hearsay is not what the page is about; all of it is in the tables.
const MOST_ROWS: usize = 50;
const MOST_SOURCES: usize = 6;
const FOLDED: usize = 6;
