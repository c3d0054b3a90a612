//! How a report is shown: width, ink, how much of it, in which order and whose time.

use jiff::tz::TimeZone;

use crate::words::words;

/// How a report is shown. None of it changes a figure.
#[derive(Clone, Debug)]
pub struct Screen {
    /// Columns; below 60 is taken as 60.
    pub width: usize,
    /// Set if colours may be used.
    pub colour: bool,
    /// How much is shown.
    pub detail: Detail,
    /// Rows of a table of peers; `None` for as many as suit [`Screen::detail`].
    pub top: Option<usize>,
    /// By what peers are sorted; `None` for address by address, the strongest first.
    pub sort: Option<Sort>,
    /// A zone whose times stand beside UTC.
    pub zone: Option<TimeZone>,
    /// The directory of the case that holds the report, as the command line names it; `None` where there is none.
    pub case: Option<String>,
    /// The words of the command line that makes the report again, each as a shell takes it and an option with its value as
    /// one; `None` where only the report is known.
    pub given: Option<Vec<String>>,
    /// Torrent files that lie beside the captures: each as a shell takes it, with the 20 bytes by which peers call it.
    pub beside: Vec<(String, Vec<[u8; 20]>)>,
}

words! {
    /// How much of a report is shown.
    pub enum Detail {
        /// The answer alone.
        Answer = "answer",
        /// A page.
        Page = "page",
        /// Everything.
        All = "all",
    }
}

words! {
    /// A column by which peers are sorted: names and times upwards, figures downwards.
    pub enum Sort {
        /// By address.
        Peer = "peer",
        /// By grade.
        Grade = "grade",
        /// By served bytes.
        Served = "served",
        /// By verified bytes.
        Verified = "verified",
        /// By bytes in units from one peer alone.
        Sole = "sole",
        /// By refuted bytes.
        Refuted = "refuted",
        /// By disputed bytes.
        Disputed = "disputed",
        /// By unproven bytes.
        Unproven = "unproven",
        /// By repeated bytes.
        Repeated = "repeated",
        /// By bytes that the captures do not hold.
        Lost = "lost",
        /// By the first packet.
        First = "first",
        /// By the last packet.
        Last = "last",
    }
}

impl Screen {
    /// A page of `width` columns, without ink.
    pub fn new(width: usize) -> Self {
        Self {
            width,
            colour: false,
            detail: Detail::Page,
            top: None,
            sort: None,
            zone: None,
            case: None,
            given: None,
            beside: Vec::new(),
        }
    }

    /// Everything, as a case's report.txt has it: 80 columns, without ink.
    pub fn report_txt() -> Self {
        Self { detail: Detail::All, ..Self::new(TEXT_WIDTH) }
    }

    /// Rows of a table for which a page has `page` of them; up to two too many are shown rather than counted.
    pub(super) fn rows(&self, page: usize, all: usize) -> usize {
        let most = match (self.top, self.detail) {
            (Some(0), _) => all,
            (Some(top), _) if page >= PEERS => top,
            (_, Detail::All) => MOST_ROWS,
            _ => page,
        };
        if all <= most.saturating_add(2) { all } else { most }
    }
}

/// Rows of a table of peers on a page.
pub(super) const PEERS: usize = 20;
/// Rows of a table of transfers or files on a page.
pub(super) const OTHERS: usize = 10;
// Rationale: more rows are not read, and drawing them takes longer than reading the capture; the page ends there too.
const MOST_ROWS: usize = 5_000;
// Rationale: a page of mail or print, whatever terminal the run had.
const TEXT_WIDTH: usize = 80;
