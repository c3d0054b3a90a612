//! Section 4: the torrents, what was seen of each, the map of its bytes, its files.

use std::fmt::Write;

use askama::Template;

use super::cast::Cast;
use super::figures::{plural, share};
use super::html::{self, Html, LONG, SHORT};
use super::svg::tenths;
use crate::evidence::PieceState;
use crate::report::model::Torrent;
use crate::report::text::{counted, grouped};

/// The section.
#[derive(Template)]
#[template(path = "torrent.html", config = "src/report/page/askama.toml")]
pub(super) struct Torrents {
    head: &'static str,
    torrents: Vec<Part>,
    left: String,
}

struct Part {
    name: Html,
    hashes: Vec<(&'static str, Html)>,
    facts: String,
    seen: String,
    missing: String,
    map: Option<Map>,
    files: Vec<File>,
    files_left: String,
}

struct Map {
    note: String,
    rows: Vec<MapRow>,
    brackets: Vec<Bracket>,
    last: String,
    left: String,
}

struct MapRow {
    total: bool,
    name: Html,
    svg: Html,
    count: Html,
}

struct Bracket {
    wide: String,
    name: Html,
}

struct File {
    path: Html,
    pad: bool,
    size: String,
    verified: String,
    share: String,
    senders: String,
}

impl Torrents {
    pub(super) fn of(cast: &Cast<'_>) -> Self {
        let all = &cast.document.torrents;
        Self {
            head: plural(all.len() as u64, "The torrent", "The torrents"),
            torrents: all.iter().take(MOST_TORRENTS).map(|torrent| part(cast, torrent)).collect(),
            left: match all.len().saturating_sub(MOST_TORRENTS) {
                0 => String::new(),
                more => format!(
                    "{}, with {} served: report.json has a row for each.",
                    counted(more as u64, "more torrent"),
                    counted(all.iter().skip(MOST_TORRENTS).map(|torrent| torrent.served_bytes).sum(), "byte")
                ),
            },
        }
    }
}

fn part(cast: &Cast<'_>, torrent: &Torrent) -> Part {
    let mut hashes = Vec::new();
    match (&torrent.info_hash_v1, &torrent.info_hash_v2) {
        (None, None) => hashes.push(("Info-hash", Html::text(&torrent.info_hash))),
        (v1, v2) => {
            hashes.extend(v1.iter().map(|hash| ("Info-hash (v1)", Html::text(hash))));
            hashes.extend(v2.iter().map(|hash| ("Info-hash (v2)", html::hash(hash))));
        }
    }
    let files: Vec<_> = torrent.files.iter().collect();
    Part {
        name: match &torrent.name {
            Some(name) => html::quoted(name, LONG),
            None => Html::text("A torrent that was not given"),
        },
        hashes,
        facts: facts(torrent),
        seen: seen(torrent),
        missing: missing(torrent),
        map: map(cast, torrent),
        files: files.iter().take(MOST_FILES).map(|each| file(cast, torrent, each)).collect(),
        files_left: match files.len().saturating_sub(MOST_FILES) {
            0 => String::new(),
            more => {
                let left = || files.iter().skip(MOST_FILES);
                format!(
                    "{} of {}, {} of them verified: report.json lists all.",
                    counted(more as u64, "more file"),
                    counted(left().map(|file| file.size).sum(), "byte"),
                    grouped(left().filter_map(|file| file.verified_bytes).sum())
                )
            }
        },
    }
}

fn facts(torrent: &Torrent) -> String {
    let mut out = String::new();
    if let (Some(size), Some(pieces), Some(length)) = (torrent.size, torrent.pieces, torrent.piece_length) {
        let _ = write!(
            out,
            "{} in {} of {}, {}. ",
            counted(size, "byte"),
            counted(pieces, "piece"),
            counted(length, "byte"),
            counted(torrent.files.iter().filter(|file| !file.pad).count() as u64, "file")
        );
    }
    out.push_str(match torrent.source.map(|source| source.name()) {
        Some("file") => "The description comes from a torrent file that was given.",
        Some("capture") => {
            "The description was rebuilt from what peers sent one another, and hashes to the info-hash."
        }
        Some("magnet") => {
            "Only a magnet link was given, and the captures do not hold the description: nothing could be verified."
        }
        _ => "No description of it was given: a handshake named it, and nothing of it could be verified.",
    });
    out
}

fn seen(torrent: &Torrent) -> String {
    let Some(size) = torrent.size else {
        return format!("{} of pieces passed.", counted(torrent.served_bytes, "byte"));
    };
    let content: u64 = if torrent.files.is_empty() {
        size
    } else {
        torrent.files.iter().filter(|file| !file.pad).map(|file| file.size).sum()
    };
    format!(
        "{} of its {} bytes ({}) were seen and verified at least once, from anyone; {} of {} pieces whole.",
        grouped(torrent.unique_bytes),
        grouped(content),
        share(torrent.unique_bytes, content),
        grouped(torrent.pieces_verified),
        grouped(torrent.pieces.unwrap_or(0))
    )
}

/// The pieces that nobody's bytes make whole, in exact words.
fn missing(torrent: &Torrent) -> String {
    let runs: Vec<_> = torrent.units.iter().filter(|run| run.state != PieceState::Verified).collect();
    if runs.is_empty() || torrent.pieces_verified == 0 {
        return String::new();
    }
    let shown: Vec<String> = runs
        .iter()
        .take(MOST_RANGES)
        .map(|run| {
            if run.first == run.last {
                grouped(run.first.into())
            } else {
                format!("{}–{}", grouped(run.first.into()), grouped(run.last.into()))
            }
        })
        .collect();
    let more = runs.len() as u64 - shown.len() as u64 + torrent.units_left_out;
    let tail = if more > 0 { format!(" and {}", counted(more, "more range")) } else { String::new() };
    format!("Not verified whole: pieces {}{tail}.", shown.join(", "))
}

fn map(cast: &Cast<'_>, torrent: &Torrent) -> Option<Map> {
    let map = torrent.map.as_ref()?;
    let size = map.bytes;
    let columns = map.anyone.len() as u64;
    if columns == 0 || size == 0 || torrent.unique_bytes == 0 {
        return None;
    }
    let width = |at: u64| {
        let edge = |at: u64| u128::from(at) * u128::from(size) / u128::from(columns);
        u64::try_from(edge(at + 1) - edge(at)).unwrap_or(0)
    };
    let mut rows = vec![MapRow {
        total: true,
        name: Html::text("verified, from anyone"),
        svg: strip(&map.anyone, &[], 34, "v1", width),
        count: Html::text(&format!(
            "{} of {} pieces",
            grouped(torrent.pieces_verified),
            grouped(torrent.pieces.unwrap_or(0))
        )),
    }];
    for row in &map.by {
        let Some(peer) = cast.place(Some(row.subject)).and_then(|at| cast.peers.get(at)) else { continue };
        let style = if peer.figures.sole_bytes == peer.figures.verified_bytes { "v1" } else { "v2" };
        let mut count = Html::text(&format!("{} verified", grouped(peer.subject.pieces_verified)));
        if peer.subject.pieces_refuted > 0 {
            count.add(&Html::ours(format!("<br>{} with refuted", grouped(peer.subject.pieces_refuted))));
        }
        let length = torrent.piece_length.unwrap_or(1).max(1);
        let refuted: Vec<(u64, u64)> = peer
            .subject
            .refuted_pieces
            .iter()
            .map(|run| {
                let start = u64::from(run.first).saturating_mul(length);
                (start, (u64::from(run.last) + 1).saturating_mul(length).min(size))
            })
            .collect();
        rows.push(MapRow {
            total: false,
            name: html::link(&peer.id, &peer.subject.endpoint),
            svg: strip(&row.verified, &hatched(&refuted, columns, size), 22, style, width),
            count,
        });
    }
    let refuted = rows.iter().any(|row| row.svg.as_str().contains("class=\"v3\""));
    let shown = rows.len() as u64 - 1;
    let senders = cast
        .peers
        .iter()
        .filter(|peer| {
            peer.figures.verified_bytes > 0 && peer.subject.info_hash.as_deref() == Some(torrent.info_hash.as_str())
        })
        .count() as u64;
    Some(Map {
        note: format!(
            "From its first byte to its last, in {} of about {}. The filled height is the share of the column that was \
             verified; pale: not seen.{} The last column counts pieces.",
            counted(columns, "column"),
            counted(size / columns, "byte"),
            if refuted { " Hatched from the top: pieces in which blocks differ, the whole piece." } else { "" }
        ),
        rows,
        brackets: brackets(torrent, size),
        last: grouped(size - 1),
        left: match senders.saturating_sub(shown) {
            0 => String::new(),
            more => format!(
                "The {} with the most verified bytes; {} more sent some.",
                counted(shown, "peer"),
                counted(more, "peer")
            ),
        },
    })
}

/// The columns that a range of bytes touches.
fn hatched(ranges: &[(u64, u64)], columns: u64, size: u64) -> Vec<u64> {
    let column =
        |byte: u64| u64::try_from(u128::from(byte) * u128::from(columns) / u128::from(size.max(1))).unwrap_or(0);
    let touched = ranges.iter().filter(|(start, end)| start < end);
    let mut found: Vec<u64> = touched.flat_map(|(start, end)| column(*start)..=column(end - 1)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// A row of the map: one path for the unseen, one for the verified, one for the refuted.
fn strip(verified: &[u64], refuted: &[u64], height: u64, style: &str, width: impl Fn(u64) -> u64) -> Html {
    let columns = verified.len() as u64;
    // Hundredths of 640.
    let x = |at: u64| 64_000 * at / columns.max(1);
    let (mut ground, mut filled, mut hatch) = (String::new(), String::new(), String::new());
    for (at, bytes) in (0..).zip(verified) {
        let (left, wide) = (x(at), (x(at + 1) - x(at)).saturating_sub(GAP_HUNDREDTHS));
        let (left, wide) = (hundredths(left), hundredths(wide));
        let full = height * 10;
        let high = match (*bytes, width(at)) {
            (0, _) | (_, 0) => 0,
            (bytes, all) => u64::try_from(u128::from(bytes) * u128::from(full) / u128::from(all))
                .unwrap_or(full)
                .clamp(LEAST, full),
        };
        if high < full {
            let _ = write!(ground, "M{left} 0h{wide}v{}h-{wide}z", tenths(full - high));
        }
        if high > 0 {
            let _ = write!(filled, "M{left} {}h{wide}v{}h-{wide}z", tenths(full - high), tenths(high));
        }
    }
    for at in refuted {
        let (left, wide) = (hundredths(x(*at)), hundredths((x(at + 1) - x(*at)).saturating_sub(GAP_HUNDREDTHS)));
        let _ = write!(hatch, "M{left} 0h{wide}v{}h-{wide}z", height / 2);
    }
    let path = |class: &str, d: &str| {
        if d.is_empty() { String::new() } else { format!("<path class=\"{class}\" d=\"{d}\"/>") }
    };
    Html::ours(format!(
        "<svg aria-hidden=\"true\" viewBox=\"0 0 640 {height}\" preserveAspectRatio=\"none\">{}{}{}</svg>",
        path("unseen", &ground),
        path(style, &filled),
        path("v3", &hatch)
    ))
}

fn hundredths(value: u64) -> String {
    format!("{}.{:02}", value / 100, value % 100)
}

/// The files above the map, where there are several.
fn brackets(torrent: &Torrent, size: u64) -> Vec<Bracket> {
    if torrent.files.len() < 2 || torrent.files.len() > MOST_BRACKETS {
        return Vec::new();
    }
    let per_mille = |bytes: u64| u64::try_from(u128::from(bytes) * 1_000 / u128::from(size.max(1))).unwrap_or(0);
    torrent
        .files
        .iter()
        .filter(|file| file.size > 0)
        .map(|file| Bracket {
            wide: tenths(per_mille(file.size)),
            name: if !file.pad && per_mille(file.size) > NAMED {
                html::name(&file.path, SHORT)
            } else {
                Html::default()
            },
        })
        .collect()
}

fn file(cast: &Cast<'_>, torrent: &Torrent, file: &crate::report::model::File) -> File {
    let senders = cast.peers.iter().filter(|peer| {
        peer.subject.info_hash.as_deref() == Some(torrent.info_hash.as_str())
            && peer.subject.files.iter().any(|sent| sent.path == file.path && sent.verified_bytes > 0)
    });
    let known = file.verified_bytes.filter(|_| !file.pad);
    File {
        path: html::name(&file.path, LONG),
        pad: file.pad,
        size: grouped(file.size),
        verified: known.map_or_else(|| "–".to_owned(), grouped),
        share: match known {
            Some(verified) if file.size > 0 => share(verified, file.size),
            _ => "–".to_owned(),
        },
        senders: if file.pad { "–".to_owned() } else { grouped(senders.count() as u64) },
    }
}

// Rationale: a page is about one torrent or a few; all are in the tables.
const MOST_TORRENTS: usize = 10;
const MOST_FILES: usize = 50;
const MOST_RANGES: usize = 8;
const MOST_BRACKETS: usize = 40;
// Rationale: per mille of the width that a name needs.
const NAMED: u64 = 90;
// Rationale: tenths of a pixel: 1.5 can be seen. Hundredths: a hair between two columns.
const LEAST: u64 = 15;
const GAP_HUNDREDTHS: u64 = 90;
