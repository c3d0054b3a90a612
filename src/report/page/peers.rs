//! Section 2: the table of peers, and a section for each of the first.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;

use super::cast::{Cast, Peer, shared_addresses};
use super::figures::plural;
use super::html::{self, Html};
use super::peer::Section;
use super::{svg, words};
use crate::report::model::Figures;
use crate::report::text::{counted, grouped};

/// The section.
#[derive(Template)]
#[template(path = "peers.html", config = "src/report/page/askama.toml")]
pub(super) struct Peers {
    empty: bool,
    /// The sentence where there is none.
    none: &'static str,
    table: Table,
    groups: Vec<Group>,
    lines: Vec<Line>,
    lines_left: String,
    sections: Vec<Section>,
}

struct Table {
    note: String,
    columns: Vec<(&'static str, String)>,
    rows: Vec<Row>,
    sums: Vec<String>,
    total: String,
    met: String,
    legend: Html,
    shared: Html,
    meanings: Vec<words::Word>,
}

struct Row {
    find: String,
    link: Html,
    transport: &'static str,
    grade: String,
    rank: usize,
    met: bool,
    bar: Html,
    served: u64,
    cells: Vec<Cell>,
    when: String,
}

struct Cell {
    text: String,
    zero: bool,
    wide: bool,
}

struct Group {
    grade: String,
    short: &'static str,
    met: bool,
    peers: String,
    served: String,
    verified: String,
    refuted: String,
}

struct Line {
    find: String,
    id: String,
    endpoint: Html,
    text: String,
}

/// A column of the table.
struct Figure {
    name: &'static str,
    of: fn(&Figures) -> u64,
}

const FIGURES: [Figure; 9] = [
    Figure { name: "served", of: |of| of.served_bytes },
    Figure { name: "verified", of: |of| of.verified_bytes },
    Figure { name: "sole", of: |of| of.sole_bytes },
    Figure { name: "refuted", of: |of| of.refuted_bytes },
    Figure { name: "disputed", of: |of| of.disputed_bytes },
    Figure { name: "unproven", of: |of| of.unproven_bytes },
    Figure { name: "repeated", of: |of| of.repeated_bytes },
    Figure { name: "pad", of: |of| of.pad_bytes },
    Figure { name: "lost", of: |of| of.lost_bytes },
];

impl Peers {
    pub(super) fn of(cast: &Cast<'_>) -> Self {
        let (shown, left) = cast.peers.split_at(cast.peers.len().min(MOST_ROWS));
        let lines = left.iter().take(MOST_LINES).map(|peer| line(cast, peer)).collect();
        Self {
            empty: cast.peers.is_empty(),
            none: cast.absence(
                "No peer is in the part that is shown.",
                "There is no peer in these captures: no connection that could be read shows BitTorrent.",
            ),
            table: table(cast, shown),
            groups: groups(left),
            lines,
            lines_left: match left.len().saturating_sub(MOST_LINES) {
                0 => String::new(),
                more => format!("{} more: report.json has a row for each.", counted(more as u64, "peer")),
            },
            sections: shown.iter().enumerate().map(|(at, peer)| Section::of(cast, peer, at < MOST_OPEN)).collect(),
        }
    }
}

fn table(cast: &Cast<'_>, shown: &[Peer<'_>]) -> Table {
    let all: Figures = sum(&cast.peers);
    let kept: Vec<&Figure> = FIGURES
        .iter()
        .filter(|figure| matches!(figure.name, "served" | "verified") || (figure.of)(&all) > 0)
        .collect();
    let left: Vec<&str> = FIGURES
        .iter()
        .map(|figure| figure.name)
        .filter(|name| kept.iter().all(|kept| kept.name != *name))
        .collect();
    let most = cast.peers.iter().map(|peer| peer.figures.served_bytes).max().unwrap_or(0);
    let met = cast.peers.iter().filter(|peer| peer.subject.actionable).count() as u64;
    let rows = shown.iter().map(|peer| Row {
        find: find(peer),
        link: cast.link(peer),
        transport: peer.subject.transport.name(),
        grade: peer.label(),
        rank: rank(peer),
        met: peer.subject.actionable,
        bar: if peer.figures.served_bytes > 0 {
            svg::bar(&peer.figures, most, 200, 14, None)
        } else {
            Html::default()
        },
        served: peer.figures.served_bytes,
        cells: kept
            .iter()
            .map(|figure| {
                let value = (figure.of)(&peer.figures);
                Cell { text: grouped(value), zero: value == 0, wide: figure.name != "verified" }
            })
            .collect(),
        when: format!(
            "{}–{}",
            cast.clock.seconds(&peer.subject.first_time),
            cast.clock.seconds(&peer.subject.last_time)
        ),
    });
    let mut note = String::new();
    if cast.peers.len() > shown.len() {
        note.push_str(&format!(
            "The first {} of {} peers, by standard, grade and verified bytes; the other {} follow in groups. ",
            shown.len(),
            grouped(cast.peers.len() as u64),
            grouped((cast.peers.len() - shown.len()) as u64)
        ));
    }
    note.push_str("Bytes.");
    if most > 0 {
        note.push_str(&format!(" Bars have one scale: the longest is {}.", counted(most, "byte")));
    }
    let (sent, unique) =
        (all.verified_bytes, cast.document.torrents.iter().map(|torrent| torrent.unique_bytes).sum());
    if sent > unique && unique > 0 {
        note.push_str(&format!(
            " Bytes that passed more than once are in sums each time: {} different ones are verified.",
            grouped(unique)
        ));
    }
    if !left.is_empty() {
        note.push_str(&format!(" Columns that are 0 for every peer are left out: {}.", left.join(", ")));
    }
    let mut terms = vec!["peer"];
    terms.extend(kept.iter().map(|figure| figure.name));
    terms.push("standard met");
    if cast.peers.iter().any(|peer| !peer.observed().is_empty()) {
        terms.push("port declared");
    }
    Table {
        note,
        columns: kept.iter().map(|figure| (figure.name, words::anchor(figure.name))).collect(),
        rows: rows.collect(),
        sums: kept.iter().map(|figure| grouped((figure.of)(&all))).collect(),
        total: match cast.peers.len() {
            1 => "The peer".to_owned(),
            2 => "Both peers".to_owned(),
            count => format!("All {} peers", grouped(count as u64)),
        },
        met: format!("{} met", grouped(met)),
        legend: svg::legend(&all),
        shared: shared(cast),
        meanings: words::meanings(&terms),
    }
}

/// Several rows of one address, and why no sum is given.
fn shared(cast: &Cast<'_>) -> Html {
    let addresses = shared_addresses(cast);
    let mut html = Html::default();
    if addresses.is_empty() {
        return html;
    }
    let shown: Vec<Html> = addresses.iter().take(MOST_ADDRESSES).map(|address| Html::text(address)).collect();
    let more = addresses.len().saturating_sub(MOST_ADDRESSES) as u64;
    html.add(&html::listed(&shown));
    if more > 0 {
        html.push(&format!(" and {}", counted(more, "more address")));
    }
    html.push(&format!(
        " {} several rows: of several ports, transports, times or torrents{}.",
        plural(addresses.len() as u64, "has", "have"),
        if several_clients(cast) { ", perhaps of several clients, which a sum per address would mix" } else { "" }
    ));
    html
}

/// Returns true if rows of one address have peer_ids that differ or, where one has none, names of clients that do.
fn several_clients(cast: &Cast<'_>) -> bool {
    let mut ids: BTreeMap<&str, BTreeSet<&[String]>> = BTreeMap::new();
    let mut clients = ids.clone();
    for subject in cast.peers.iter().map(|peer| peer.subject) {
        let address = subject.endpoint.rsplit_once(':').map_or("", |(address, _)| address);
        ids.entry(address).or_default().extend(Some(&*subject.peer_ids).filter(|ids| !ids.is_empty()));
        clients.entry(address).or_default().extend(Some(&*subject.clients).filter(|names| !names.is_empty()));
    }
    ids.values().chain(clients.values()).any(|several| several.len() > 1)
}

fn groups(left: &[Peer<'_>]) -> Vec<Group> {
    let mut groups: BTreeMap<_, Vec<&Peer<'_>>> = BTreeMap::new();
    for peer in left {
        let key = (std::cmp::Reverse(peer.subject.actionable), std::cmp::Reverse(rank(peer)), peer.label());
        groups.entry(key).or_default().push(peer);
    }
    let groups = groups.into_iter();
    groups
        .map(|((met, _, grade), peers)| {
            let sum = |of: fn(&Figures) -> u64| grouped(peers.iter().map(|peer| of(&peer.figures)).sum());
            Group {
                grade,
                short: peers.first().map_or("", |peer| words::of(peer.subject.grade).short),
                met: met.0,
                peers: grouped(peers.len() as u64),
                served: sum(|of| of.served_bytes),
                verified: sum(|of| of.verified_bytes),
                refuted: sum(|of| of.refuted_bytes),
            }
        })
        .collect()
}

fn line(cast: &Cast<'_>, peer: &Peer<'_>) -> Line {
    let figures = &peer.figures;
    let mut text = format!(
        "{}, standard {}; served {}, verified {}",
        peer.label(),
        if peer.subject.actionable { "met" } else { "not met" },
        grouped(figures.served_bytes),
        grouped(figures.verified_bytes)
    );
    if figures.refuted_bytes > 0 {
        text.push_str(&format!(", refuted {}", grouped(figures.refuted_bytes)));
    }
    if cast.mixed {
        let hash = peer.subject.info_hash.as_deref();
        let name =
            cast.torrent(hash).and_then(|torrent| torrent.name.as_deref()).or(hash).unwrap_or("an unknown torrent");
        text.push_str(&format!("; of {}", html::plain(name, html::SHORT)));
    }
    text.push_str(&format!(
        "; {}–{}; {}",
        cast.clock.seconds(&peer.subject.first_time),
        cast.clock.seconds(&peer.subject.last_time),
        cast.numbering.frames(peer.subject.frames)
    ));
    Line { find: find(peer), id: peer.id.clone(), endpoint: html::endpoint(&peer.subject.endpoint), text }
}

/// The text that the finder looks through: the endpoint and the ports that it sent from.
pub(super) fn find(peer: &Peer<'_>) -> String {
    let mut find = peer.subject.endpoint.clone();
    peer.observed().iter().for_each(|endpoint| {
        find.push(' ');
        find.push_str(endpoint);
    });
    find
}

fn rank(peer: &Peer<'_>) -> usize {
    words::LADDER.iter().position(|step| step.name == peer.subject.grade.name()).unwrap_or(0)
}

fn sum(peers: &[Peer<'_>]) -> Figures {
    let mut all = Figures::default();
    peers.iter().for_each(|peer| all.add(&peer.figures));
    all
}

// Rationale: what a person looks through; sections of more would hide one another.
const MOST_ROWS: usize = 50;
const MOST_OPEN: usize = 12;
// Rationale: a line each is half a megabyte, and whoever is looked for is found with Ctrl+F.
const MOST_LINES: usize = 5_000;
const MOST_ADDRESSES: usize = 5;
