//! Torrents as arguments, once for every command that verifies.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use peerproof::inspect::TorrentBeside;
use peerproof::{CaptureSet, Error, OpenOptions, Torrent, Torrents};

use super::refusal::{Refusal, library};

/// Torrents, by options: they may stand anywhere between the captures.
#[derive(Debug, Args)]
pub struct GivenTorrents {
    /// A torrent file (v1, v2 or hybrid), a magnet link or a bare info-hash; of a directory, every torrent in and below
    /// it. For several torrents it is given several times, before or behind the captures.
    /// Without a torrent, only what the captures themselves describe (metadata that peers sent one another) can be
    /// verified
    #[arg(short = 't', long = "torrent", value_name = "FILE")]
    torrents: Vec<PathBuf>,

    /// Take every torrent that lies beside the captures, in the same directories, as well
    #[arg(long)]
    torrents_here: bool,
}

impl GivenTorrents {
    /// Reads them. Of a directory, what is no torrent is passed over, but in a `strict` run.
    ///
    /// # Errors
    /// Those of [`Torrents::open`], with what to try instead.
    pub fn open(&self, captures: &[PathBuf], strict: bool) -> anyhow::Result<Torrents> {
        let mut torrents = Torrents::open(&self.torrents).map_err(|error| explained(error, &self.torrents))?;
        if self.torrents_here {
            let found = beside(captures)?;
            if found.is_empty() {
                let instead = "-t FILE".to_owned();
                let what = "--torrents-here: no .torrent file lies beside the captures".to_owned();
                return Err(Refusal { what, instead }.into());
            }
            torrents.read_most(&found).map_err(|error| explained(error, &found))?;
        }
        checked(torrents, strict)
    }
}

/// Reads torrents for a command that takes them by position.
///
/// # Errors
/// As [`GivenTorrents::open`].
pub fn open(paths: &[PathBuf], strict: bool) -> anyhow::Result<Torrents> {
    checked(Torrents::open(paths).map_err(|error| explained(error, paths))?, strict)
}

fn checked(torrents: Torrents, strict: bool) -> anyhow::Result<Torrents> {
    match torrents.passed_over() {
        [first, ..] if strict => anyhow::bail!("{}: {}", first.name, first.why),
        _ => Ok(torrents),
    }
}

/// The torrent files beside captures: of a directory, in and below it; of a file, in its directory. Sorted.
///
/// # Errors
/// [`Error::Io`] for a directory that cannot be read.
pub fn beside(captures: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let mut found = BTreeSet::new();
    for capture in captures {
        if capture.is_dir() {
            list(capture, true, &mut found)?;
        } else if let Some(directory) = capture.parent().filter(|_| capture.as_os_str() != "-") {
            // A pattern may name directories.
            let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
            if directory.is_dir() {
                list(directory, false, &mut found)?;
            }
        }
    }
    Ok(found.into_iter().collect())
}

/// The torrents that lie beside captures; what cannot be read is none.
pub fn readable_beside(captures: &[PathBuf]) -> Vec<TorrentBeside> {
    let files = beside(captures).unwrap_or_default();
    let read = files.into_iter().filter_map(|file| {
        // A path of other bytes than text cannot be typed.
        let path = file.to_str()?.to_owned();
        let size = file.metadata().ok()?.len();
        let bytes = (size <= MOST_BYTES).then(|| std::fs::read(&file).ok())??;
        let torrent = Torrent::parse(&path, &bytes).ok()?;
        Some(TorrentBeside { path, wire_hashes: torrent.wire_hashes().collect() })
    });
    read.take(MOST_BESIDE).collect()
}

// Rationale: larger than any torrent that clients exchange, small enough to be read for an offer.
const MOST_BYTES: u64 = 16 << 20;
// Rationale: as many as a client's own directory of torrents holds; reading them takes a second.
const MOST_BESIDE: usize = 10_000;

fn list(directory: &Path, below: bool, found: &mut BTreeSet<PathBuf>) -> Result<(), Error> {
    let failed = |source| Error::Io { name: directory.display().to_string(), action: "read the directory", source };
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        // Links to directories are not followed: they may lead in circles.
        let path = entry.path();
        let path = path.strip_prefix("./").map_or_else(|_| path.clone(), Path::to_path_buf);
        if below && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            list(&path, below, found)?;
        } else if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("torrent")) && path.is_file() {
            found.insert(path);
        }
    }
    Ok(())
}

/// Says what to try instead, where the paths show it.
fn explained(error: Error, paths: &[PathBuf]) -> anyhow::Error {
    let in_its_place = || "-t INFO-HASH in its place".to_owned();
    let refusal = match &error {
        Error::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            Refusal { what: library(&error), instead: "peerproof torrent .".to_owned() }
        }
        Error::Malformed { name, .. } if paths.iter().any(|path| path == Path::new(name)) => {
            let capture = CaptureSet::open(&[PathBuf::from(name)], &OpenOptions::default()).is_ok();
            if capture {
                let instead = format!("peerproof analyze {name} -t FILE");
                Refusal { what: format!("{name} is a capture, not a torrent"), instead }
            } else {
                Refusal { what: library(&error), instead: in_its_place() }
            }
        }
        _ => return error.into(),
    };
    refusal.into()
}
