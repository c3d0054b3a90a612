//! Entries of a directory that a user named.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Error;

/// Every entry in and below `top` that is no directory, sorted by path; hidden ones, and links to nothing, too. A link to
/// a directory above is not followed twice.
///
/// # Errors
/// [`Error::Io`] when a directory cannot be read.
pub(crate) fn entries_below(top: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    let mut pending = vec![top.to_owned()];
    let mut seen = BTreeSet::new();
    while let Some(directory) = pending.pop() {
        let failed =
            |source| Error::Io { name: directory.display().to_string(), action: "read the directory", source };
        if !seen.insert(directory.canonicalize().map_err(failed)?) {
            continue;
        }
        for entry in fs::read_dir(&directory).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.is_dir() { pending.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    Ok(found)
}
