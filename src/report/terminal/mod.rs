//! The report for people, at the width that they have: the answer first and again last, no figure without what to type to
//! see behind it.
//!
//! ```text
//! Document + Screen --View (who, in which order)--> title, answer, peers, files, words, whom, reasons, hearsay,
//!                                                   unread, inputs, next --> Page --> text
//! ```

mod answer;
mod edges;
mod files;
pub(crate) mod grid;
mod hearsay;
mod hosts;
mod names;
mod next;
mod one;
mod page;
mod peers;
mod quality;
mod reasons;
mod screen;
mod unread;
mod words;

pub(crate) use answer::read_whole;
pub(crate) use hearsay::size as swarm_size;
pub(crate) use names::clock;
pub use names::passed_over;
pub(crate) use page::{Page, bold};
pub(crate) use reasons::missing_together;
pub use screen::{Detail, Screen, Sort};

use crate::report::Document;
use names::View;

/// The report as plain text, with a newline at the end; no line is wider than the screen.
pub fn terminal(document: &Document, screen: &Screen) -> String {
    let view = View::of(document, screen);
    let mut page = Page::new(screen.width);
    if document.options.pseudonyms {
        page.row(PSEUDONYMS, 0, 2);
    }
    if document.shown.as_ref().is_some_and(|shown| shown.peer.is_some()) {
        one::write(&view, &mut page);
        return page.finish(screen.colour);
    }
    title(&view, &mut page);
    if view.unread.hides {
        unread::write(&view, &mut page);
    }
    answer::write(&view, &mut page);
    if screen.detail != Detail::Answer {
        peers::write(&view, &mut page);
        files::write(&view, &mut page);
        edges::write(&view, &mut page);
        reasons::write(&view, &mut page);
        hosts::write(&view, &mut page);
        hearsay::write(&view, &mut page);
        if !view.unread.hides {
            unread::write(&view, &mut page);
        }
        if screen.detail == Detail::All {
            quality::write(&view, &mut page);
        }
        next::inputs(&view, &mut page);
        next::write(&view, &mut page);
    }
    page.blank();
    answer::last_line(&view, &mut page);
    page.finish(screen.colour)
}

/// The sentence of every view whose names are pseudonyms.
pub(crate) const PSEUDONYMS: &str = "Addresses, peer_ids and clients here are pseudonyms: only the holder of the key can tell \
                                     which stand for which.";

fn title(view: &View<'_>, page: &mut Page) {
    page.row(&format!("{}{}", view.torrents_named(), view.captures_named()), 0, 2);
    if view.running.stretches().len() > 1 && view.document.quality.duration_ns.is_some() {
        page.line(&format!(
            "The captures ran {} UTC: nothing was captured between them.",
            view.running.told(|at| view.clock.seconds(at))
        ));
    }
    if let Some(shown) = &view.document.shown {
        let document = view.document;
        page.line(&shown.sentence(document.subjects.len(), document.transfers.len(), document.mentions.len()));
    }
}

#[cfg(test)]
mod tests;
