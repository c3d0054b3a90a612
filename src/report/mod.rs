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

pub use crate::ends::Frames;
pub use crate::evidence::{
    Edge, File, FileBytes, Mention, Metadata, Opaque, Quality, Rung, Standard, Subject, Torrent, Transfer,
    Unlisted, UnlistedTorrent,
};
pub use case::{Case, CaseError};
pub use document::{Anomaly, Document, Example, Input, Interface, Options, PassedOver, Purpose, Schema, Tool};
pub use facts::{Given, TorrentInput};
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
pub use text::{counted, duration, escaped, grouped, hex, visible, wrapped};
