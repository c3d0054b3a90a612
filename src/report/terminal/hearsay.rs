//! Hearsay, apart from everything else: who named whom, and that it counts for nothing above.

use super::{Page, frames_text};
use crate::report::document::Document;
use crate::report::text::{counted, grouped};

/// Writes the section, where anybody was named.
pub(super) fn write(document: &Document, page: &mut Page) {
    if document.mentions.is_empty() {
        return;
    }
    page.heading("NAMED BY OTHERS");
    page.line(
        "Trackers, other peers and announces named these addresses. That is hearsay: it shows no byte and no \
         connection, it may be forged, and it changes no figure and no grade above.",
    );
    for mention in document.mentions.iter().take(MOST_MENTIONS) {
        let often = match mention.count {
            1 => "once".to_owned(),
            count => format!("{} times, first", grouped(count)),
        };
        page.line(&format!(
            "{} ({}) by {}, {}, {often} in {}",
            mention.subject,
            mention.grade,
            mention.by,
            mention.via,
            frames_text(document, mention.frames)
        ));
    }
    if let Some(more @ 1..) = document.mentions.len().checked_sub(MOST_MENTIONS) {
        page.line(&format!(
            "and {} more: `--format csv --table mentions` and report.json list all",
            counted(more as u64, "mention")
        ));
    }
}

// Rationale: one tracker answer names 50 addresses; they are leads to look at, not findings to read.
const MOST_MENTIONS: usize = 20;
