//! A case directory: the report in every form, its tables, the torrents and a manifest, complete or not there at all.
//!
//! Whoever finds the case finds all of it: `output` says how. It stands alone: the report is read back
//! from it ([`Opened`]), and every view is made again without the captures.

mod content;
mod covered;
mod manifest;
mod read;
mod remade;
mod rows;

use std::fs::{self, File};
use std::io::{self, BufWriter, IntoInnerError};
use std::path::{Path, PathBuf};

use crate::output::{NewDirectory, parent, probe};
use crate::report::escaped;
pub use content::{CaseFiles, Pieces, TorrentFile};
pub use covered::Covered;
pub use read::{OpenError, Opened, pieces_of};
pub use remade::{Remade, RemakeError, remade};
pub use rows::pieces_in;

/// A place for a case, checked before the work begins.
#[derive(Debug)]
pub struct Case {
    target: PathBuf,
    replace: bool,
}

/// Why a case could not be written. The place is then as it was before.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// There is a case already, or another run was faster.
    #[error("{0} exists already; --force replaces a case")]
    Exists(PathBuf),
    /// No other directory can take the place of this one.
    #[error("{path} cannot become a case: {why}")]
    Fixed {
        /// The place.
        path: PathBuf,
        /// Why it stays, as a clause.
        why: &'static str,
    },
    /// The path is not a case, or holds more than one: it is never removed.
    #[error("{path} is not a case of this tool ({found}), so it is not replaced")]
    Foreign {
        /// The place.
        path: PathBuf,
        /// The content that is there instead, as a clause.
        found: String,
    },
    /// The operating system refused.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// The failed action, as a verb phrase.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file of the case could not be made.
    #[error("cannot write {name}: {source}")]
    Content {
        /// Its name.
        name: String,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Case {
    /// Checks that a case may be written at `target`: nothing or an empty directory is there, or, with `replace`, a
    /// case that this tool wrote; and that the disk takes files beside it.
    ///
    /// # Errors
    /// [`CaseError::Exists`], [`CaseError::Foreign`], [`CaseError::Fixed`], or [`CaseError::Io`] when the place cannot
    /// be looked at or written to.
    pub fn at(target: &Path, replace: bool) -> Result<Self, CaseError> {
        let io = |action, source| CaseError::Io { action, path: target.to_owned(), source };
        let foreign = |found: &str| CaseError::Foreign { path: target.to_owned(), found: found.to_owned() };
        match fs::symlink_metadata(target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io("look at", error)),
            Ok(found) if !found.is_dir() => return Err(foreign("it is no directory")),
            Ok(found) => {
                if let Some(why) = fixed(target, &found).map_err(|error| io("look at", error))? {
                    return Err(CaseError::Fixed { path: target.to_owned(), why });
                }
                if !only_ours(target, target)?.is_empty() && !replace {
                    return Err(CaseError::Exists(target.to_owned()));
                }
            }
        }
        if !parent(target).is_dir() {
            let source = io::Error::from(io::ErrorKind::NotADirectory);
            return Err(CaseError::Io { action: "write into", path: parent(target).to_owned(), source });
        }
        probe(target).map_err(|error| io("write beside", error))?;
        Ok(Self { target: target.to_owned(), replace })
    }

    /// Writes the case and returns the names of its files. An old case is removed only after the new one is in place.
    ///
    /// # Errors
    /// Any [`CaseError`]; then nothing has changed, but where an old case could not be removed entirely.
    pub fn write(&self, content: &CaseFiles<'_>) -> Result<Vec<String>, CaseError> {
        let target = &self.target;
        let io = |action, path: &Path, source| CaseError::Io { action, path: path.to_owned(), source };
        let new = NewDirectory::beside(target).map_err(|error| io("write beside", target, error))?;
        let names = write_files(content, &new)?;
        if self.replace && target.is_dir() {
            // What stands there now, which need not be what stood there before the work.
            new.replace(|old| only_ours(old, target).map(drop), |old| remove(old, target))?;
        } else {
            new.put().map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => CaseError::Exists(target.clone()),
                _ => io("create", target, error),
            })?;
        }
        Ok(names)
    }
}

impl From<io::Error> for CaseError {
    fn from(source: io::Error) -> Self {
        Self::Io { action: "put in place", path: PathBuf::from("the case"), source }
    }
}

/// Why a directory cannot be exchanged for another one.
fn fixed(target: &Path, found: &fs::Metadata) -> io::Result<Option<&'static str>> {
    let whole = target.canonicalize()?;
    if std::env::current_dir().and_then(|here| here.canonicalize()).is_ok_and(|here| here.starts_with(&whole)) {
        return Ok(Some("the shell stands in it"));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if whole.parent().map(fs::metadata).transpose()?.is_none_or(|above| above.dev() != found.dev()) {
            return Ok(Some("a file system is mounted there"));
        }
    }
    let _ = found;
    Ok(None)
}

/// The files of a case that stand in `directory`, which is called `target`.
///
/// # Errors
/// [`CaseError::Foreign`] when anything else is in it.
fn only_ours(directory: &Path, target: &Path) -> Result<Vec<PathBuf>, CaseError> {
    let mut files = Vec::new();
    list(directory, "", target, &mut files)?;
    Ok(files)
}

/// Lists the files below the directory `inside` of a case, `""` for the case itself.
fn list(directory: &Path, inside: &str, target: &Path, files: &mut Vec<PathBuf>) -> Result<(), CaseError> {
    let io = |source| CaseError::Io { action: "list", path: target.to_owned(), source };
    for entry in fs::read_dir(directory.join(inside)).map_err(io)? {
        let entry = entry.map_err(io)?;
        let name = entry.file_name();
        let kind = entry.file_type().map_err(io)?;
        let ours = name.to_str();
        if inside.is_empty() && kind.is_dir() && ours.is_some_and(|name| DIRECTORIES.contains(&name)) {
            list(directory, ours.unwrap_or_default(), target, files)?;
            continue;
        }
        if !kind.is_file() || !ours.is_some_and(|name| is_ours(inside, name)) {
            let kind = if kind.is_file() { "" } else { ", no file," };
            let found = format!("{}{kind} is in it", escaped(&name.to_string_lossy()));
            return Err(CaseError::Foreign { path: target.to_owned(), found });
        }
        files.push(entry.path());
    }
    Ok(())
}

/// Removes the files of a case and its directories, and nothing else.
fn remove(directory: &Path, target: &Path) -> Result<(), CaseError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| CaseError::Io { action: "remove the old case", path, source }
    };
    for file in only_ours(directory, target)? {
        fs::remove_file(&file).map_err(io(&file))?;
    }
    for inside in DIRECTORIES.iter().map(|name| directory.join(name)).filter(|inside| inside.is_dir()) {
        fs::remove_dir(&inside).map_err(io(&inside))?;
    }
    fs::remove_dir(directory).map_err(io(directory))
}

/// Writes the files, and gives their names.
fn write_files(content: &CaseFiles<'_>, new: &NewDirectory) -> Result<Vec<String>, CaseError> {
    let directory = new.path();
    let io = |action, path: &Path| {
        let path = path.to_owned();
        move |source| CaseError::Io { action, path, source }
    };
    let mut names = Vec::new();
    content.write(|name, make| {
        let path = directory.join(name);
        let mut file = BufWriter::new(new.create(Path::new(name)).map_err(io("write", &path))?);
        make(&mut file)?;
        let written = file.into_inner().map_err(IntoInnerError::into_error).and_then(|file| file.sync_all());
        written.map_err(io("write", &path))?;
        names.push(name.to_owned());
        Ok(())
    })?;
    for name in DIRECTORIES.iter().map(|name| directory.join(name)).filter(|path| path.is_dir()) {
        File::open(&name).and_then(|opened| opened.sync_all()).map_err(io("write", &name))?;
    }
    names.sort();
    Ok(names)
}

/// Returns true if this tool writes a file of that name into a case, or wrote it there in an older version.
fn is_ours(inside: &str, name: &str) -> bool {
    let table = |name: &str| {
        let stem = name.strip_suffix(".csv").or_else(|| name.strip_suffix(".parquet"));
        stem.is_some_and(|stem| content::TABLES.contains(&stem))
    };
    match inside {
        "" => content::NAMES.contains(&name) || table(name),
        "tables" => table(name),
        "torrents" => name.strip_suffix(".torrent").is_some_and(|hash| {
            matches!(hash.len(), 40 | 64) && hash.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
        }),
        _ => false,
    }
}

const DIRECTORIES: [&str; 2] = ["tables", "torrents"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    const REPORT: &str = "report.json";

    fn content(document: crate::report::Document) -> CaseFiles<'static> {
        let torrents = vec![("c3".repeat(20), b"d4:infod4:name1:aee".to_vec())];
        CaseFiles::of(Box::leak(Box::new(document)), Pieces::Rows(Box::leak(Box::default())), torrents.leak(), None)
    }

    #[test]
    fn a_case_is_whole_and_leaves_nothing_beside_it() {
        let place = tempfile::tempdir().expect("a directory");
        let target = place.path().join("case");
        let names =
            Case::at(&target, false).and_then(|case| case.write(&content(fixture::document()))).expect("written");
        for name in ["report.json", "report.txt", "report.html", "manifest.json"] {
            assert!(names.contains(&name.to_owned()), "{names:?}");
        }
        assert_eq!(only_ours(&target, &target).expect("ours alone").len(), names.len());
        assert!(names.iter().all(|name| target.join(name).is_file()));
        assert_eq!(fs::read_dir(place.path()).expect("listed").count(), 1);
    }

    #[test]
    fn a_case_is_replaced_only_by_force_and_then_entirely() {
        let place = tempfile::tempdir().expect("a directory");
        let target = place.path().join("case");
        Case::at(&target, false).and_then(|case| case.write(&content(fixture::document()))).expect("written");
        let before = fs::read(target.join(REPORT)).expect("read");
        assert!(matches!(Case::at(&target, false), Err(CaseError::Exists(_))));
        assert_eq!(fs::read(target.join(REPORT)).expect("read"), before);
        Case::at(&target, true).and_then(|case| case.write(&content(fixture::empty_document()))).expect("replaced");
        assert_ne!(fs::read(target.join(REPORT)).expect("read"), before);
        assert_eq!(fs::read_dir(place.path()).expect("listed").count(), 1);
    }

    #[test]
    fn force_never_removes_what_this_tool_did_not_write() {
        let place = tempfile::tempdir().expect("a directory");
        fs::write(place.path().join("thesis.tex"), "years of work").expect("written");
        assert!(matches!(Case::at(place.path(), true), Err(CaseError::Foreign { .. })));
        // Nor a directory, or a link, that has the name of a file of ours.
        let target = place.path().join("case");
        fs::create_dir_all(target.join(REPORT)).expect("made");
        assert!(matches!(Case::at(&target, true), Err(CaseError::Foreign { .. })));
        fs::write(target.join(REPORT).join("thesis.tex"), "years of work").expect("written");
        let case = Case { target: target.clone(), replace: true };
        assert!(matches!(case.write(&content(fixture::document())), Err(CaseError::Foreign { .. })));
        assert!(target.join(REPORT).join("thesis.tex").is_file());
        assert_eq!(fs::read_dir(place.path()).expect("listed").count(), 2);
    }

    #[test]
    fn of_two_runs_with_one_place_the_second_says_that_it_is_taken() {
        let place = tempfile::tempdir().expect("a directory");
        let target = place.path().join("case");
        let cases = [0, 1].map(|_| Case::at(&target, false).expect("free"));
        let written = cases.map(|case| case.write(&content(fixture::document())));
        assert!(matches!(written, [Ok(_), Err(CaseError::Exists(_))]), "{written:?}");
        assert_eq!(fs::read_dir(place.path()).expect("listed").count(), 1);
    }
}
