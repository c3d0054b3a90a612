//! Reads packet captures and proves which BitTorrent pieces each peer really served.
//!
//! One serial spine walks the captures in order; proofs are pure and run on all cores; evidence is sorted.
//!
//! ```text
//! file --capture--> Frame --packet--> Packet --flow/stream--> Data | Gap --wire--> Message | Block
//!      --session--> Served, Advertised, Requested, ... --ledger--> UnitJob --prove--> Proof
//!      --evidence--> Evidence --report--> table, JSON, CSV, Parquet
//!      \________________ serial, in capture order ________________/ \_ parallel, pure _/ \_ sorted _/
//! ```
//!
//! Read the modules in that order: [`capture`], [`packet`], [`stream`], [`wire`], [`torrent`], [`evidence`].

#![deny(unsafe_code, missing_docs, rustdoc::broken_intra_doc_links)]

mod analyze;
pub mod anomaly;
pub mod bencode;
pub mod capture;
mod error;
pub mod evidence;
pub mod flow;
pub mod hearsay;
pub mod ledger;
mod limits;
pub mod metadata;
pub mod mse;
pub mod packet;
pub mod prove;
pub mod provenance;
pub mod report;
pub mod session;
mod spine;
pub mod stream;
pub mod torrent;
pub mod webseed;
pub mod wire;

pub use analyze::{Options, analyze, metadata as find_metadata};
pub use error::Error;
pub use limits::Limits;
