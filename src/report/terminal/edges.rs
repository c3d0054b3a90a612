//! Who sent to whom: one row per directed edge, where there is more than one.

use super::grid::{self, Column, ColumnKind, Dated};
use super::{Page, captures};
use crate::ends::Transport;
use crate::evidence::Grade;
use crate::report::text::grouped;
use crate::report::{Document, Frames, Transfer};

/// Writes the section, where anything was sent.
pub(super) fn write(document: &Document, dated: Dated, page: &mut Page) {
    let mut edges: Vec<_> =
        document.transfers.iter().filter(|transfer| transfer.bytes.served > 0 || transfer.bytes.lost > 0).collect();
    if edges.is_empty() {
        return;
    }
    edges.sort_by_key(|edge| std::cmp::Reverse((edge.bytes.verified, edge.bytes.served)));
    page.heading("WHO SENT TO WHOM");
    let files = captures(document);
    let torrents = document.torrents.iter().filter(|torrent| torrent.bytes.served > 0).count();
    let columns: Vec<_> = COLUMNS
        .into_iter()
        .filter(|column| torrents > 1 || column.name != "info-hash")
        .filter(|column| (files > 1) == (column.name == SEVERAL) || !column.name.starts_with("frames"))
        .collect();
    grid::write(&edges, &columns, dated, "transfer", "transfers", page);
    if files > 1 {
        page.line("frames are CAPTURE:FRAMES, with the captures numbered as under READ");
    }
}

const COLUMNS: [Column<Transfer>; 14] = [
    word("from", |t, _| t.uploader.to_string()),
    word("to", |t, _| t.downloader.to_string()),
    Column { needed: |t| t.transport != Transport::Tcp, ..word("over", |t, _| t.transport.name().into()) },
    word("info-hash", |t, _| grid::short(t.info_hash.as_ref())),
    word("grade", |t, _| grade(t)),
    figure("messages", |t, _| messages(t)),
    figure("served", |t, _| grouped(t.bytes.served)),
    figure("verified", |t, _| grouped(t.bytes.verified)),
    Column { needed: |t| t.bytes.refuted > 0, ..figure("refuted", |t, _| grouped(t.bytes.refuted)) },
    Column { needed: |t| t.bytes.lost > 0, ..figure("lost", |t, _| grouped(t.bytes.lost)) },
    figure("acknowledged", |t, _| grouped(t.bytes.acknowledged)),
    figure("asked for", |t, _| grouped(t.bytes.solicited)),
    figure("frames", |t, _| frames(t.served_frames.unwrap_or(t.frames))),
    figure(SEVERAL, |t, _| frames_of(t.served_frames.unwrap_or(t.frames))),
];

const fn word(name: &'static str, value: fn(&Transfer, Dated) -> String) -> Column<Transfer> {
    Column { name, kind: ColumnKind::Word, value, needed: |_| true }
}

const fn figure(name: &'static str, value: fn(&Transfer, Dated) -> String) -> Column<Transfer> {
    Column { name, kind: ColumnKind::Figure, value, needed: |_| true }
}

fn grade(transfer: &Transfer) -> String {
    let refuted = if transfer.bytes.refuted > 0 && transfer.grade != Grade::GX { "+GX" } else { "" };
    format!("{}{refuted}", transfer.grade.name())
}

/// Piece messages; a web server sends none.
fn messages(transfer: &Transfer) -> String {
    match transfer.transport {
        Transport::Http => "-".to_owned(),
        _ => grouped(transfer.piece_messages.saturating_add(transfer.partial_messages)),
    }
}

fn frames(frames: Frames) -> String {
    format!("{}-{}", frames.first, frames.last)
}

/// The same with the captures, of which there are several.
fn frames_of(frames: Frames) -> String {
    let number = |file: u16| u32::from(file) + 1;
    match frames.last_file {
        Some(last) => format!("{}:{} to {}:{}", number(frames.file), frames.first, number(last), frames.last),
        None => format!("{}:{}-{}", number(frames.file), frames.first, frames.last),
    }
}

// Rationale: "frames" alone would look like frames of one capture.
const SEVERAL: &str = "frames in captures";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    fn edges(document: &Document) -> String {
        let mut page = Page { text: String::new(), width: 120 };
        write(document, Dated::SameDay, &mut page);
        page.text
    }

    #[test]
    fn one_edge_too_says_what_was_acknowledged_and_asked_for() {
        let mut document = fixture::document();
        document.transfers.truncate(1);
        let text = edges(&document);
        assert!(text.contains("acknowledged") && text.contains("asked for") && text.contains("212-7990"), "{text}");
        document.transfers.clear();
        assert_eq!(edges(&document), "");
    }

    #[test]
    fn of_several_captures_each_frame_is_said_with_its_capture() {
        let mut document = fixture::document();
        let mut second = document.inputs[0].clone();
        if let crate::report::Input::Capture { name, .. } = &mut second {
            *name = "second.pcap".into();
        }
        document.inputs.insert(1, second);
        let served = document.transfers[1].served_frames.as_mut().expect("it served");
        (served.file, served.last_file) = (0, Some(1));
        let text = edges(&document);
        assert!(text.contains("1:212-7990") && text.contains("1:212 to 2:7990"), "{text}");
        assert!(crate::report::terminal(&document, 120).contains("capture 2, second.pcap: "));
    }
}
