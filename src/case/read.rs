//! A case read back: its report, and the torrents beside it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::content::{COVERAGE, MANIFEST, PIECES, REPORT, TorrentFile};
use super::covered::Covered;
use super::is_ours;
use super::manifest::{Manifest, SCHEMA, digest};
use crate::report::{Document, ReadError, escaped};

/// A case, or a `report.json` alone.
#[derive(Debug)]
pub struct Opened {
    /// The report.
    pub document: Document,
    /// The torrents of the case.
    pub torrents: Vec<TorrentFile>,
    /// Stretches that the captures cover; `None` of a `report.json` alone, and of a case of an older version.
    pub covered: Option<Covered>,
}

/// Why a case cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A directory without a report.
    #[error("{0} holds no report.json, so it is no case")]
    NoCase(PathBuf),
    /// The report is none that this version reads.
    #[error("{path}: {source}")]
    Report {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: ReadError,
    },
    /// The manifest is none that this version reads.
    #[error("{path}: it is no manifest that this version of peerproof reads: {why}")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// The coverage is none that this version reads, or not that of the report.
    #[error("{path}: it is no coverage of this report: {why}")]
    Covered {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// A file is not what the manifest says.
    #[error("{0} is not the file whose SHA-256 its manifest states")]
    Differs(PathBuf),
}

impl Opened {
    /// Reads a case directory, or the `report.json` at `path`. Of a case, report and coverage must be those that the
    /// manifest states.
    ///
    /// # Errors
    /// Any [`OpenError`].
    pub fn read(path: &Path) -> Result<Self, OpenError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| OpenError::Io { path, source }
        };
        let is_case = path.is_dir();
        let file = if is_case { path.join(REPORT) } else { path.to_owned() };
        let text = match fs::read(&file) {
            Err(error) if is_case && error.kind() == io::ErrorKind::NotFound => {
                return Err(OpenError::NoCase(path.to_owned()));
            }
            read => read.map_err(io(&file))?,
        };
        if is_case {
            stated(path, REPORT, &text)?;
        }
        let text = String::from_utf8(text).map_err(|error| OpenError::Io {
            path: file.clone(),
            source: io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()),
        })?;
        let document = Document::read(&text).map_err(|source| OpenError::Report { path: file, source })?;
        let torrents = if is_case { torrents(&path.join("torrents")).map_err(io(path))? } else { Vec::new() };
        let covered = if is_case { covered(path, document.transfers.len())? } else { None };
        Ok(Self { document, torrents, covered })
    }
}

/// The files of the table `pieces` of a case, by name, as they stand; none where it has no such table.
///
/// # Errors
/// [`OpenError::Io`] and [`OpenError::Manifest`], and [`OpenError::Differs`] where they are not what the manifest states.
pub fn pieces_of(case: &Path) -> Result<Vec<(String, Vec<u8>)>, OpenError> {
    let mut files = Vec::new();
    for name in PIECES {
        let path = case.join(name);
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(OpenError::Io { path, source }),
            Ok(bytes) => {
                stated(case, name, &bytes)?;
                files.push((name.to_owned(), bytes));
            }
        }
    }
    Ok(files)
}

/// Reads the coverage of a case, whose report has so many transfers.
fn covered(case: &Path, transfers: usize) -> Result<Option<Covered>, OpenError> {
    let path = case.join(COVERAGE);
    let text = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|source| OpenError::Io { path: path.clone(), source })?,
    };
    stated(case, COVERAGE, &text)?;
    Covered::read(&text, transfers).map(Some).map_err(|why| OpenError::Covered { path, why })
}

/// Compares the file `name` of a case with the manifest beside it. A case of an older version has none.
fn stated(case: &Path, name: &str, bytes: &[u8]) -> Result<(), OpenError> {
    let path = case.join(MANIFEST);
    let text = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        read => read.map_err(|source| OpenError::Io { path: path.clone(), source })?,
    };
    let manifest: Manifest = serde_json::from_slice(&text)
        .map_err(|error| OpenError::Manifest { path: path.clone(), why: error.to_string() })?;
    if manifest.schema != SCHEMA {
        return Err(OpenError::Manifest { path, why: format!("its schema is {}", escaped(&manifest.schema)) });
    }
    let stated = manifest.outputs.iter().find(|entry| entry.name == name).and_then(|entry| entry.sha256.as_deref());
    if stated == Some(digest(bytes).as_str()) { Ok(()) } else { Err(OpenError::Differs(case.join(name))) }
}

fn torrents(directory: &Path) -> io::Result<Vec<TorrentFile>> {
    if !directory.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_ours("torrents", &name) {
            let hash = name.trim_end_matches(".torrent").to_owned();
            found.push((hash, fs::read(entry.path())?));
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{Case, CaseFiles, Pieces};
    use crate::report::fixture;

    #[test]
    fn a_case_reads_back_without_loss_and_a_changed_report_is_refused() {
        let place = tempfile::tempdir().expect("a directory");
        let target = place.path().join("case");
        let document = fixture::document();
        let torrents = vec![("c3".repeat(20), b"x".to_vec())];
        let content = CaseFiles::of(&document, Pieces::None, &torrents, None);
        Case::at(&target, false).and_then(|case| case.write(&content)).expect("written");
        let opened = Opened::read(&target).expect("read");
        assert_eq!((opened.document, opened.torrents), (document, torrents));
        let report = target.join(REPORT);
        let text = fs::read_to_string(&report).expect("read").replace("peerproof/report/1", "peerproof/report/9");
        fs::write(&report, &text).expect("written");
        assert!(matches!(Opened::read(&target), Err(OpenError::Differs(_))));
        let refused = Opened::read(&report).expect_err("another schema").to_string();
        assert!(refused.contains("peerproof/report/9"), "{refused}");
    }
}
