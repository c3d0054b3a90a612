//! `report.html`: the report as one page that stands alone. It loads nothing, contacts nobody, and is readable without
//! a script.
//!
//! ```text
//! Document --Cast (who, in which order)--> answer, peers, whom, torrent, hearsay, quality, method --> page
//! ```
//!
//! Every figure is the report's. Strangers' words go through [`html`] alone; plots are drawn in [`svg`], [`arcs`] and
//! [`times`] from integers, so that equal reports give equal bytes.

mod answer;
mod arcs;
mod blocks;
mod cast;
mod figures;
mod hearsay;
mod html;
mod limits;
mod matrix;
mod method;
mod peer;
mod peers;
mod quality;
mod svg;
#[cfg(test)]
mod tests;
mod times;
mod torrent;
mod whom;
mod words;

use askama::Template;

use crate::report::hosts;
use crate::report::model::{self, Document, Input};
use crate::report::text::{counted, duration, grouped};
use answer::Answer;
use cast::Cast;
use figures::{dated, plural};
use html::{Html, LONG, SHORT};
use limits::Unread;

/// Why a page could not be made; no document as built gives cause for it.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// A template.
    #[error("the page: {0}")]
    Template(#[from] askama::Error),
    /// The report as JSON.
    #[error("the page: {0}")]
    Report(#[from] serde_json::Error),
}

/// The text of `report.html`.
///
/// # Errors
/// Whatever a template reports.
pub fn page(document: &crate::report::Document) -> Result<String, PageError> {
    render(&Document::of(document)?, &hosts::operators(document))
}

fn render(document: &Document, operators: &[hosts::Operator]) -> Result<String, PageError> {
    let cast = Cast::of(document);
    let unread = Unread::of(document);
    let page = Page {
        script_hash: SCRIPT_HASH,
        version: &document.tool.version,
        title: title(document),
        style: STYLE,
        footer: footer(document),
        kind: kind(document),
        heading: heading(document),
        lead: lead(document),
        chosen: chosen(document),
        torrent_head: plural(document.torrents.len() as u64, "The torrent", "The torrents"),
        answer: Answer::of(&cast, &unread).render()?,
        peers: peers::Peers::of(&cast).render()?,
        whom: whom::Whom::of(&cast, operators).render()?,
        torrents: torrent::Torrents::of(&cast).render()?,
        hearsay: hearsay::Hearsay::of(&cast).render()?,
        quality: quality::Quality::of(document).render()?,
        method: method::Method::of(document).render()?,
        script: SCRIPT,
    };
    Ok(page.render()?)
}

#[derive(Template)]
#[template(path = "page.html", config = "src/report/page/askama.toml")]
struct Page<'p> {
    script_hash: &'p str,
    version: &'p str,
    title: String,
    style: &'p str,
    footer: Html,
    kind: String,
    heading: Html,
    lead: String,
    chosen: String,
    torrent_head: &'p str,
    answer: String,
    peers: String,
    whom: String,
    torrents: String,
    hearsay: String,
    quality: String,
    method: String,
    script: &'p str,
}

/// Notes above everything: that only a part is shown, that names are pseudonyms.
fn chosen(document: &Document) -> String {
    let mut sentences: Vec<String> = Vec::new();
    sentences.extend(document.options.pseudonyms.then(|| crate::report::terminal::PSEUDONYMS.to_owned()));
    sentences.extend(
        document.shown.as_ref().map(|shown| {
            shown.sentence(document.subjects.len(), document.transfers.len(), document.mentions.len())
        }),
    );
    sentences.join(" ")
}

fn captures(document: &Document) -> u64 {
    document.inputs.iter().filter(|input| matches!(input, Input::Capture { .. })).count() as u64
}

fn kind(document: &Document) -> String {
    format!(
        "peerproof {} report on BitTorrent traffic in {}",
        document.tool.version,
        counted(captures(document), "packet capture")
    )
}

/// The name of the torrent, where the report has one.
fn subject_name(document: &Document) -> Option<&str> {
    match document.torrents.as_slice() {
        [torrent] => torrent.name.as_deref(),
        _ => None,
    }
}

fn title(document: &Document) -> String {
    match (subject_name(document), document.torrents.len()) {
        (Some(name), _) => format!("peerproof: {}", html::plain(name, SHORT)),
        (None, 0) => "peerproof: no torrent".to_owned(),
        (None, count) => format!("peerproof: {}", counted(count as u64, "torrent")),
    }
}

fn heading(document: &Document) -> Html {
    let count = document.subjects.len() as u64;
    let mut html = Html::text("What the captures show about ");
    if count == 0 {
        match subject_name(document) {
            Some(name) => drop(html.add(&html::quoted(name, LONG))),
            None => drop(html.push("BitTorrent")),
        }
        return html;
    }
    html.push(&counted(count, "peer"));
    if !document.instead.is_empty() {
        let given: Vec<_> = document.torrents.iter().filter(|torrent| answer::is_given(torrent)).collect();
        match given.as_slice() {
            [model::Torrent { name: Some(name), .. }] => html.push(", none of ").add(&html::quoted(name, LONG)),
            _ => html.push(", none of a torrent that was given"),
        };
        return html;
    }
    match (subject_name(document), document.torrents.len()) {
        (Some(name), _) => drop(html.push(" of ").add(&html::quoted(name, LONG))),
        (None, 0) => {}
        (None, count) => drop(html.push(&format!(" of {}", counted(count as u64, "torrent")))),
    }
    html
}

fn lead(document: &Document) -> String {
    let scope = "A peer is an address and port while the captures ran: never a person. Frame numbers are Wireshark’s, so \
                 every figure can be looked at.";
    let clock = "(UTC, by the clock of the capturing machine)";
    match (&document.quality.first_time, &document.quality.last_time) {
        (Some(_), Some(_)) if document.running.stretches().len() > 1 && document.quality.duration_ns.is_some() => {
            format!(
                "Captured for {} in {} stretches: {} {clock}; nothing was captured between them. {scope}",
                duration(document.running.length()),
                grouped(document.running.stretches().len() as u64),
                document.running.told(|at| dated(&at.to_string()))
            )
        }
        (Some(first), Some(last)) => {
            let to = if first.get(..10) == last.get(..10) {
                last.get(11..23).unwrap_or(last).to_owned()
            } else {
                dated(last)
            };
            format!("{} to {to} {clock}. {scope}", dated(first).replacen(' ', ", ", 1))
        }
        _ => format!("No frame has a time. {scope}"),
    }
}

/// The line at the foot of each printed page: by which capture it can be told apart.
fn footer(document: &Document) -> Html {
    let hash = document.inputs.iter().find_map(|input| match input {
        Input::Capture { sha256, .. } => sha256.as_deref(),
        Input::Torrent { .. } => None,
    });
    let digits: String = hash.unwrap_or_default().chars().filter(char::is_ascii_hexdigit).take(16).collect();
    let of = match (digits.is_empty(), captures(document)) {
        (true, _) => String::new(),
        (_, 1) => format!(" on capture {digits}…"),
        (_, count) => format!(" on capture {digits}… and {} more", grouped(count - 1)),
    };
    Html::ours(format!(
        "@media print{{@page{{@bottom-left{{content:\"peerproof report{of}\";font:7.5pt system-ui,sans-serif;color:#444}}}}}}"
    ))
}

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
/// Of [`SCRIPT`]: a test computes it. A browser runs no other script.
const SCRIPT_HASH: &str = "sha256-oeusQTvhqtG+HmB2t/qK2/IGZfQF6W3fdnj6r2/iHpY=";
