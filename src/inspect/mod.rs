//! Overview of captures without any torrent: formats, protocols, info-hashes, peers, traffic that is readable, and
//! commands to run next. Nothing is hashed but metadata, and no payload is kept.
//!
//! The walk is that of [`analyze`](crate::analyze()): the same sessions make the same rows, so what is said here of a
//! peer (its clients, its transports, the bytes it served) is said there too. Only what needs a proof is missing.

mod build;
mod document;
mod next;
mod terminal;
mod warnings;

use crate::Error;
use crate::analyze::{tell_left_out, torrents_of, walk};
use crate::anomaly::ByFrame;
use crate::capture::{CaptureSet, Spill};
use crate::evidence::{self, Evidence};
use crate::judge;
use crate::metadata::Harvest;
use crate::options::Options;
use crate::spine::{Spine, Traffic};
use crate::torrent::Torrents;
pub use document::{Inspection, Kind, Metadata, NextCommand, Peer, Readable, Swarm, TorrentBeside};

/// Reads captures and says what they hold.
///
/// They are read once. Where they hold the metadata of torrents (BEP 9), these have their names, and their two info-hashes are
/// one; only where that is a key of MSE, or may be a webseed's, they are read once more with it. `options.threads` and `options.digest` play no part: nothing is proven, and the
/// inputs are not hashed.
///
/// # Example
/// ```
/// use peerproof::{CaptureSet, OpenOptions, Options, inspect};
///
/// let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/three-peers/");
/// let captures = CaptureSet::open(&[format!("{folder}capture.pcap").into()], &OpenOptions::default())?;
/// let inspection = inspect(&captures, &Options::default())?;
/// assert!(inspection.has_peers());
/// # Ok::<(), peerproof::Error>(())
/// ```
///
/// # Errors
/// As [`analyze`](crate::analyze()).
pub fn inspect(captures: &CaptureSet, options: &Options<'_>) -> Result<Inspection, Error> {
    let mut torrents = Torrents::default();
    let found = loop {
        if let Some(found) = survey(captures, &mut torrents, options)? {
            break found;
        }
    };
    Ok(build::inspection(found, options))
}

/// The schema `peerproof/inspect/1` (JSON Schema 2020-12): every field of the JSON of an [`Inspection`] with its meaning.
///
/// # Errors
/// Whatever `serde_json` reports; the schema holds nothing that it refuses.
pub fn schema() -> Result<String, serde_json::Error> {
    crate::report::schema_of::<Inspection>()
}

/// Findings of one walk over the captures.
struct Survey {
    evidence: Evidence,
    traffic: Traffic,
    metadata: Harvest,
    /// The torrents, with the hashes of their trees that are in the captures.
    torrents: Torrents,
}

/// One walk with these torrents; `None` where it found others, with which the captures have to be read once more.
fn survey(captures: &CaptureSet, torrents: &mut Torrents, options: &Options<'_>) -> Result<Option<Survey>, Error> {
    let spill = Spill::new(options.spool_dir);
    let (spine, frames) = walk(captures, &spill, options, || Spine::new(options, torrents, captures, &spill))?;
    let inputs = frames.finish()?;
    let (facts, mut findings, traffic) = spine.finish()?;
    let (found, left_out) = torrents_of(&findings.metadata.rebuilt);
    if torrents.is_empty() && !found.is_empty() {
        *torrents = found;
        if findings.torrents_tell || !options.secrets.is_empty() {
            return Ok(None);
        }
    }
    let mut odd = ByFrame::default();
    let judged = judge::count(&facts, torrents, &options.limits, options.spool_dir, &mut odd)?;
    findings.anomalies.join(odd.into_inner());
    let metadata = findings.metadata.clone();
    let silence = options.limits.window_silence_ns;
    let mut evidence = evidence::build(&judged, findings, inputs, torrents, silence)?;
    evidence.passed_over = captures.passed_over().to_vec();
    tell_left_out(left_out, &mut evidence.anomalies);
    Ok(Some(Survey { evidence, traffic, metadata, torrents: judged.torrents.into_owned() }))
}
