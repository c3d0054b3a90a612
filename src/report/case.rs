//! A case directory: the report and every table, complete or not there at all.
//!
//! The files are written into a hidden sibling directory, flushed to disk, and the directory is renamed into place.
//! Whoever finds the case finds all of it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::report::document::Document;
use crate::report::text::escaped;

/// A place for a case, checked before the work begins.
#[derive(Debug)]
pub struct Case {
    target: PathBuf,
    parent: PathBuf,
    replace: bool,
}

/// Why a case could not be written. The place is then as it was before.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// There is a case already.
    #[error("{0} exists already; --force replaces a case")]
    Exists(PathBuf),
    /// What is there is not a case, or holds more than one: it is never removed.
    #[error("{path} is not a case of this tool ({found}), so it is not replaced")]
    Foreign {
        /// The place.
        path: PathBuf,
        /// What there is instead, as a clause.
        found: String,
    },
    /// The operating system refused.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
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
    /// case that this tool wrote.
    ///
    /// # Errors
    /// [`CaseError::Exists`], [`CaseError::Foreign`], or [`CaseError::Io`] when the place cannot be looked at.
    pub fn at(target: &Path, replace: bool) -> Result<Self, CaseError> {
        let io = |action, source| CaseError::Io { action, path: target.to_owned(), source };
        match fs::symlink_metadata(target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io("look at", error)),
            Ok(found) if !found.is_dir() => {
                return Err(CaseError::Foreign { path: target.to_owned(), found: "it is no directory".into() });
            }
            Ok(_) => {
                let mut entries = 0_usize;
                for entry in fs::read_dir(target).map_err(|error| io("list", error))? {
                    let name = entry.map_err(|error| io("list", error))?.file_name();
                    entries += 1;
                    if !name.to_str().is_some_and(is_ours) {
                        let found = format!("{} is in it", escaped(&name.to_string_lossy()));
                        return Err(CaseError::Foreign { path: target.to_owned(), found });
                    }
                }
                if entries > 0 && !replace {
                    return Err(CaseError::Exists(target.to_owned()));
                }
            }
        }
        let parent = match target.parent() {
            Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
            Some(parent) => parent.to_owned(),
            None => {
                return Err(CaseError::Foreign {
                    path: target.to_owned(),
                    found: "it is the root directory".into(),
                });
            }
        };
        if !parent.is_dir() {
            return Err(io("find the parent directory of", io::Error::from(io::ErrorKind::NotFound)));
        }
        Ok(Self { target: target.to_owned(), parent, replace })
    }

    /// Writes the case and returns the names of its files. An old case is removed only after the new one is in place.
    ///
    /// # Errors
    /// Any [`CaseError`]; then nothing has changed.
    pub fn write(&self, document: &Document) -> Result<Vec<String>, CaseError> {
        let io = |action, path: &Path, source| CaseError::Io { action, path: path.to_owned(), source };
        // Checked again: much can happen during a long run.
        Self::at(&self.target, self.replace)?;
        let staging = self.sibling("partial")?;
        let names = write_files(document, staging.path())?;
        File::open(staging.path())
            .and_then(|directory| directory.sync_all())
            .map_err(|error| io("flush", staging.path(), error))?;
        let staged = staging.keep();
        let old = if self.target.exists() {
            let old = self.sibling("old")?.keep();
            if let Err(error) = fs::rename(&self.target, &old) {
                let _ = fs::remove_dir_all(&staged);
                let _ = fs::remove_dir(&old);
                return Err(io("move away", &self.target, error));
            }
            Some(old)
        } else {
            None
        };
        if let Err(error) = fs::rename(&staged, &self.target) {
            if let Some(old) = &old {
                let _ = fs::rename(old, &self.target);
            }
            let _ = fs::remove_dir_all(&staged);
            return Err(io("create", &self.target, error));
        }
        let flushed = File::open(&self.parent).and_then(|directory| directory.sync_all());
        flushed.map_err(|error| io("flush", &self.parent, error))?;
        if let Some(old) = old {
            fs::remove_dir_all(&old).map_err(|error| io("remove the old case", &old, error))?;
        }
        Ok(names)
    }

    fn sibling(&self, purpose: &str) -> Result<tempfile::TempDir, CaseError> {
        let name = self.target.file_name().unwrap_or_default().to_string_lossy();
        let mut builder = tempfile::Builder::new();
        let prefix = format!(".{name}.{purpose}-");
        builder.prefix(&prefix);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // As any new directory: the umask decides.
            builder.permissions(fs::Permissions::from_mode(0o777));
        }
        builder.tempdir_in(&self.parent).map_err(|source| CaseError::Io {
            action: "write beside",
            path: self.target.clone(),
            source,
        })
    }
}

fn write_files(document: &Document, directory: &Path) -> Result<Vec<String>, CaseError> {
    let mut names = Vec::new();
    let mut put = |name: String, content: &[u8]| {
        let path = directory.join(&name);
        let written = File::create_new(&path).and_then(|mut file| {
            file.write_all(content)?;
            file.sync_all()
        });
        names.push(name);
        written.map_err(|source| CaseError::Io { action: "write", path, source })
    };
    let json =
        document.json().map_err(|source| CaseError::Content { name: REPORT.into(), source: Box::new(source) })?;
    put(REPORT.to_owned(), json.as_bytes())?;
    #[cfg(feature = "table")]
    for table in crate::report::tables(document) {
        let mut csv = Vec::new();
        let mut parquet = Vec::new();
        crate::report::write_csv(&table, &mut csv)
            .and_then(|()| crate::report::write_parquet(&table, &mut parquet))
            .map_err(|source| CaseError::Content { name: table.name.into(), source: Box::new(source) })?;
        put(format!("{}.csv", table.name), &csv)?;
        put(format!("{}.parquet", table.name), &parquet)?;
    }
    Ok(names)
}

/// Whether this tool writes a file of that name into a case.
fn is_ours(name: &str) -> bool {
    let stem = name.strip_suffix(".csv").or_else(|| name.strip_suffix(".parquet"));
    name == REPORT || stem.is_some_and(|stem| TABLES.contains(&stem))
}

const REPORT: &str = "report.json";
const TABLES: [&str; 7] = ["transfers", "subjects", "torrents", "inputs", "anomalies", "opaque", "mentions"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{fixture, tables};

    #[test]
    fn a_case_is_whole_and_leaves_nothing_beside_it() {
        let place = tempfile::tempdir().expect("a directory");
        let target = place.path().join("case");
        let names = Case::at(&target, false).and_then(|case| case.write(&fixture::document())).expect("written");
        assert!(names.contains(&"report.json".to_owned()));
        assert!(names.iter().all(|name| is_ours(name) && target.join(name).is_file()));
        assert_eq!(fs::read_dir(place.path()).expect("listed").count(), 1);
    }

    #[test]
    fn a_case_is_replaced_only_by_force_and_then_entirely() {
        let place = tempfile::tempdir().expect("a directory");
        let target = place.path().join("case");
        Case::at(&target, false).and_then(|case| case.write(&fixture::document())).expect("written");
        let before = fs::read(target.join(REPORT)).expect("read");
        assert!(matches!(Case::at(&target, false), Err(CaseError::Exists(_))));
        assert_eq!(fs::read(target.join(REPORT)).expect("read"), before);
        Case::at(&target, true).and_then(|case| case.write(&fixture::empty_document())).expect("replaced");
        assert_ne!(fs::read(target.join(REPORT)).expect("read"), before);
        assert_eq!(fs::read_dir(place.path()).expect("listed").count(), 1);
    }

    #[test]
    fn force_never_removes_what_this_tool_did_not_write() {
        let place = tempfile::tempdir().expect("a directory");
        fs::write(place.path().join("thesis.tex"), "years of work").expect("written");
        assert!(matches!(Case::at(place.path(), true), Err(CaseError::Foreign { .. })));
    }

    #[test]
    fn every_table_is_known_by_name() {
        let names: Vec<_> = tables(&fixture::document()).iter().map(|table| table.name).collect();
        assert_eq!(names, TABLES);
    }
}
