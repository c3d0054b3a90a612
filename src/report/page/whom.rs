//! Section 3: who sent to whom. What was said is left and what was seen is right; a rumour never looks like a transfer.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;

use super::arcs::{Edge, Picture, Saying, Sent};
use super::cast::{Cast, label};
use super::figures::plural;
use super::html::{self, Html};
use super::matrix::Matrix;
use super::words;
use crate::report::hosts::Operator;
use crate::report::model::Transfer;
use crate::report::text::{counted, grouped};

/// The section.
#[derive(Template)]
#[template(path = "whom.html", config = "src/report/page/askama.toml")]
pub(super) struct Whom {
    picture: Option<Picture>,
    no_picture: String,
    matrix: Option<Matrix>,
    operators: Vec<Sum>,
    operators_left: String,
    rows: Vec<Row>,
    /// The sentence where there is none.
    none: &'static str,
    sums: [String; 5],
    total: String,
    note: String,
    left: String,
    quiet: String,
    meanings: Vec<words::Word>,
}

struct Row {
    from: Html,
    to: Html,
    /// Of which torrent, where there are several.
    torrent: Html,
    grade: String,
    cells: [String; 5],
    frames: String,
}

/// Sums over one operator.
struct Sum {
    name: String,
    cells: [String; 5],
}

impl Whom {
    pub(super) fn of(cast: &Cast<'_>, operators: &[Operator]) -> Self {
        let mut served: Vec<&Transfer> =
            cast.document.transfers.iter().filter(|transfer| transfer.bytes.served_bytes > 0).collect();
        let quiet = cast.document.transfers.len() - served.len();
        served.sort_by_key(|transfer| {
            std::cmp::Reverse((transfer.bytes.verified_bytes, transfer.bytes.served_bytes))
        });
        let sums = figures(served.iter().copied());
        let left = served.len().saturating_sub(MOST_ROWS);
        let left = match left {
            0 => String::new(),
            more => format!(
                "{} more, with {} served and {} verified: report.json has a row for each.",
                counted(more as u64, "transfer"),
                counted(served.iter().skip(MOST_ROWS).map(|t| t.bytes.served_bytes).sum(), "byte"),
                counted(served.iter().skip(MOST_ROWS).map(|t| t.bytes.verified_bytes).sum(), "byte")
            ),
        };
        let (picture, no_picture, nodes) = picture(cast);
        // Rumours have no place in it: only what was served is summed.
        let operators: Vec<&Operator> = operators.iter().filter(|sum| sum.served_bytes > 0).collect();
        Self {
            picture,
            no_picture,
            matrix: if (MOST_NODES + 1..=MOST_IN_MATRIX).contains(&nodes) { Matrix::of(cast) } else { None },
            operators_left: match operators.len().saturating_sub(MOST_ROWS) {
                0 => String::new(),
                more => format!("{}: report.json has all.", counted(more as u64, "more operator")),
            },
            operators: operators.into_iter().take(MOST_ROWS).map(sum).collect(),
            rows: served.iter().take(MOST_ROWS).map(|transfer| row(cast, transfer)).collect(),
            none: cast.absence(
                "No transfer is in the part that is shown.",
                "No piece data passed in what could be read.",
            ),
            sums,
            total: match served.len() {
                1 => "The transfer".to_owned(),
                2 => "Both transfers".to_owned(),
                many => format!("All {} transfers", grouped(many as u64)),
            },
            note: if cast.numbering.several() {
                "From one peer to another, by verified bytes. Frames: #2 is the second capture.".to_owned()
            } else {
                "From one peer to another, by verified bytes.".to_owned()
            },
            left,
            quiet: match quiet as u64 {
                0 => String::new(),
                quiet => format!(
                    "{} {} no piece data: report.json has {}.",
                    counted(quiet, "further direction"),
                    "carried",
                    plural(quiet, "it", "them")
                ),
            },
            meanings: words::meanings(&["served", "verified", "refuted", "acknowledged", "asked for", "frame"]),
        }
    }
}

fn sum(sum: &Operator) -> Sum {
    let number = sum.asn.map(|asn| format!("AS{asn}"));
    let named = |text: &str| (!text.is_empty()).then(|| html::plain(text, html::SHORT));
    let name: Vec<String> = number.into_iter().chain(named(&sum.operator)).chain(named(&sum.country)).collect();
    let figures = [sum.uploaders, sum.standard_met, sum.served_bytes, sum.verified_bytes, sum.refuted_bytes];
    Sum {
        name: if name.is_empty() { "No operator named".to_owned() } else { name.join(" ") },
        cells: figures.map(grouped),
    }
}

fn figures<'t>(transfers: impl Iterator<Item = &'t Transfer> + Clone) -> [String; 5] {
    let sum = |of: fn(&Transfer) -> u64| grouped(transfers.clone().map(of).sum());
    [
        sum(|t| t.bytes.served_bytes),
        sum(|t| t.bytes.verified_bytes),
        sum(|t| t.bytes.refuted_bytes),
        sum(|t| t.bytes.solicited_bytes),
        sum(|t| t.bytes.acknowledged_bytes),
    ]
}

fn row(cast: &Cast<'_>, transfer: &Transfer) -> Row {
    let end = |subject: Option<u64>, endpoint: &str| match cast.place(subject).and_then(|at| cast.peers.get(at)) {
        Some(peer) => html::link(&peer.id, endpoint),
        None => Html::ours(format!("<span class=\"ep\">{}</span>", html::endpoint(endpoint))),
    };
    Row {
        from: end(transfer.uploader_subject, &transfer.uploader),
        to: end(transfer.downloader_subject, &transfer.downloader),
        torrent: if cast.mixed { cast.torrent_named(transfer.info_hash.as_deref()) } else { Html::default() },
        grade: label(transfer.grade, transfer.bytes.refuted_bytes),
        cells: figures(std::iter::once(transfer)),
        frames: transfer.served_frames.map_or_else(String::new, |frames| cast.numbering.cell(frames)),
    }
}

/// The picture, or why there is none; and how many addresses there are.
fn picture(cast: &Cast<'_>) -> (Option<Picture>, String, usize) {
    let mut nodes = Nodes::of(cast);
    let mut edges: BTreeMap<(usize, usize), Sent> = BTreeMap::new();
    for transfer in &cast.document.transfers {
        let from = nodes.place(cast, transfer.uploader_subject, &transfer.uploader);
        let to = nodes.place(cast, transfer.downloader_subject, &transfer.downloader);
        let edge = edges.entry((from, to)).or_default();
        edge.served += transfer.bytes.served_bytes;
        edge.verified += transfer.bytes.verified_bytes;
        edge.sole += transfer.bytes.sole_bytes;
        edge.refuted += transfer.bytes.refuted_bytes;
    }
    let mut opaque: BTreeSet<(usize, usize)> = BTreeSet::new();
    for each in &cast.document.opaque {
        let (a, b) = (nodes.place(cast, None, &each.a), nodes.place(cast, None, &each.b));
        nodes.say(a, "could not be read");
        nodes.say(b, "could not be read");
        opaque.insert((a, b));
    }
    let mut said: BTreeSet<(usize, usize)> = BTreeSet::new();
    for mention in &cast.document.mentions {
        let to = nodes.place(cast, None, &mention.subject);
        if mention.by == mention.subject {
            nodes.say(to, "announced itself");
            continue;
        }
        let from = nodes.place(cast, None, &mention.by);
        nodes.say(to, "only named");
        nodes.say(from, "only said things");
        if from != to {
            said.insert((from, to));
        }
    }
    let count = nodes.names.len();
    if count < 2 {
        return (None, String::new(), count);
    }
    if count > MOST_NODES {
        return (
            None,
            format!(
                "{} addresses are too many for a picture that can be read: the table holds the largest transfers.",
                grouped(count as u64)
            ),
            count,
        );
    }
    let sent = edges
        .iter()
        .filter(|((from, to), sent)| {
            // A contact is one line, whichever way.
            sent.served > 0
                || (from < to && edges.get(&(*to, *from)).is_none_or(|back| back.served == 0))
                || (from > to && !edges.contains_key(&(*to, *from)))
        })
        .filter(|((from, to), _)| from != to)
        .map(|((from, to), sent)| Edge { from: *from, to: *to, sent: *sent })
        .collect();
    let opaque = opaque.into_iter().filter(|(a, b)| a != b).collect();
    (Some(Picture::draw(nodes.named(), sent, opaque, said.into_iter().collect())), String::new(), count)
}

/// Who stands in the picture, top to bottom: the peers as in the table, then whoever has no row.
struct Nodes {
    names: Vec<(String, String, bool)>,
    others: BTreeMap<String, usize>,
    said: BTreeMap<usize, BTreeSet<&'static str>>,
}

impl Nodes {
    fn of(cast: &Cast<'_>) -> Self {
        let names = cast.peers.iter().map(|peer| {
            let met = if peer.subject.actionable { ", standard met" } else { "" };
            (peer.subject.endpoint.clone(), format!("{}{met}", peer.label()), false)
        });
        Self { names: names.collect(), others: BTreeMap::new(), said: BTreeMap::new() }
    }

    fn place(&mut self, cast: &Cast<'_>, subject: Option<u64>, endpoint: &str) -> usize {
        if let Some(at) = cast.place(subject).or_else(|| cast.place_of(endpoint)) {
            return at;
        }
        if let Some(at) = self.others.get(endpoint) {
            return *at;
        }
        let at = self.names.len();
        self.names.push((endpoint.to_owned(), String::new(), true));
        self.others.insert(endpoint.to_owned(), at);
        at
    }

    /// Notes of whoever has no row why it is there.
    fn say(&mut self, at: usize, why: &'static str) {
        self.said.entry(at).or_default().insert(why);
    }

    fn named(self) -> Vec<Saying> {
        let said = self.said;
        let names = self.names.into_iter().enumerate();
        names
            .map(|(at, (endpoint, grade, far))| {
                let why = said.get(&at).map(|why| why.iter().copied().collect::<Vec<_>>().join(", "));
                let note = if far { why.unwrap_or_else(|| "no row of its own".to_owned()) } else { grade };
                Saying { endpoint: html::endpoint(&endpoint), note, far }
            })
            .collect()
    }
}

// Rationale: more arcs than these nodes have cannot be told apart.
const MOST_NODES: usize = 40;
// Rationale: a table of as many columns is read with a finger on it; beyond that only sums say something.
const MOST_IN_MATRIX: usize = 120;
const MOST_ROWS: usize = 50;
