//! A report read back: the peers that meet the standard of proof: `cargo run --example read_back -- report.json`.

use std::error::Error;
use std::path::{Path, PathBuf};

use peerproof::{Document, Endpoint};

fn main() -> Result<(), Box<dyn Error>> {
    let Some(report) = std::env::args_os().nth(1).map(PathBuf::from) else { return Err("which report?".into()) };
    for (peer, pieces) in actionable(&report)? {
        println!("{peer}: {pieces} pieces that it sent whole, and that match");
    }
    Ok(())
}

/// The peers that meet the standard of proof, with the pieces that each alone sent.
pub fn actionable(report: &Path) -> Result<Vec<(Endpoint, u64)>, Box<dyn Error>> {
    let document = Document::read(&std::fs::read_to_string(report)?)?;
    let peers = document.subjects.iter().filter(|subject| subject.actionable);
    Ok(peers.map(|subject| (subject.endpoint, subject.pieces_sole)).collect())
}
