//! Evidence in the forms that people and programs read.
//!
//! Everything is a view of one [`Document`], so no two outputs can disagree:
//!
//! ```text
//! Evidence + Given --build--> Document --+--> report.json (schema peerproof/report/1)
//!                                        +--> terminal text
//!                                        +--> tables --> CSV, Parquet
//!                                        +--> report.html, timeline, graph
//!
//! All of them together are a case: [`case`](crate::case).
//! ```

mod blocks;
mod build;
mod case_uco;
mod choice;
mod clocks;
mod document;
mod facts;
mod filters;
#[cfg(test)]
pub(crate) mod fixture;
#[cfg(feature = "table")]
mod frame;
mod graph;
mod hosts;
mod instead;
mod json;
mod lines;
mod model;
mod notes;
pub mod oddity;
mod page;
mod running;
mod schema;
mod table;
mod terminal;
mod text;
mod timeline;
mod unread;
mod vocabulary;

pub use crate::ends::Frames;
pub use crate::evidence::{
    Edge, File, FileBytes, HostName, InputRun, Map, MapRow, Mention, Metadata, Opaque, Piece, PieceRange, Quality,
    Rung, Standard, Subject, SubjectFile, Summed, Swarm, Timeline, Torrent, Transfer, Units, Unlisted,
    UnlistedTorrent,
};
pub use case_uco::case_uco;
pub use choice::{Choice, ChoiceError, Moment, Shown, Whom};
pub(crate) use clocks::caveats;
pub use document::{Anomaly, Document, Example, Input, Interface, Options, PassedOver, Purpose, Schema, Tool};
pub use facts::{Given, TorrentInput};
#[cfg(feature = "table")]
pub use frame::{ParquetParts, TableError, write_parquet};
pub use graph::{dot, graphml};
pub(crate) use hosts::sentences as host_sentences;
pub use json::ReadError;
pub(crate) use json::stable_json;
pub use lines::{write_csv, write_csv_parts};
pub use notes::notes;
pub(crate) use notes::{not_listed, unread_protocols};
pub use page::{PageError, page};
pub(crate) use running::Running;
pub use schema::schema;
pub(crate) use schema::schema_of;
pub use table::{Column, TABLES, Table, TableKind, Values, pieces_parts, tables};
pub use terminal::{Detail, Screen, Sort, passed_over, terminal};
pub(crate) use terminal::{Page, bold, clock, grid, missing_together, read_whole};
pub(crate) use text::{columns, gaps, is_unsafe, quoted};
pub use text::{counted, cut, damaged, duration, escaped, grouped, hex, shell_word, visible, wrapped};
pub use timeline::timeline;
pub(crate) use unread::{Walked, named_in, nobody, unconfirmed};
pub(crate) use vocabulary::explained;
pub use vocabulary::{GROUPS, Group, Word, meaning, vocabulary};
