//! Evidence in the forms that people and programs read.
//!
//! Everything is a view of one [`Document`], so no two outputs can disagree:
//!
//! ```text
//! Evidence + Given --build--> Document --+--> report.json (schema peerproof/report/1)
//!                                        +--> terminal text
//!                                        +--> tables --> CSV, Parquet
//!                                        +--> case directory: all of them
//! ```

mod build;
mod case;
mod document;
mod facts;
#[cfg(test)]
mod fixture;
#[cfg(feature = "table")]
mod frame;
mod json;
mod notes;
mod schema;
mod table;
mod terminal;
mod text;

pub use case::{Case, CaseError};
pub use document::{
    Anomaly, Document, Edge, Example, Figures, File, FileBytes, Frames, Input, Interface, Mention, Opaque, Options,
    PassedOver, Quality, Rung, Schema, Standard, Subject, Tool, Torrent, TorrentClasses, Transfer, Unlisted,
    UnlistedTorrent,
};
pub use facts::{FileFacts, Given, TorrentFacts, TorrentInput};
#[cfg(feature = "table")]
pub use frame::{TableError, write_csv, write_parquet};
pub use json::ReadError;
pub(crate) use json::stable_json;
pub(crate) use notes::not_listed;
pub use notes::notes;
pub use schema::{SCHEMA, violations};
pub use table::{Column, Table, Values, tables};
pub use terminal::passed_over;
pub use terminal::terminal;
pub(crate) use terminal::{Page, clock, grid};
pub(crate) use text::is_unsafe;
pub(crate) use text::quoted;
pub use text::{counted, duration, escaped, grouped, hex, rfc3339, visible, wrapped};
