//! Writes captures message by message, with its own bytes, and keeps the truth of what was sent.
//!
//! ```text
//! content (torrents) --wire (messages)--> swarm (connections, packets, ledger) --frame--> capture (pcap, pcapng)
//! ```
//!
//! Nothing here uses the tool's parsers: what both got wrong in the same way would pass unseen.

// Each test binary module uses its own part of the generator.
#![allow(dead_code)]

pub mod capture;
pub mod content;
pub mod frame;
pub mod hearsay;
pub mod log;
pub mod mse;
pub mod run;
pub mod swarm;
pub mod utp;
pub mod wire;

mod checks;
