//! Digests of pieces of some sets, worked out where their parts are, for whoever judges all of them. They decide
//! nothing: they spare hashing.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Error;
use crate::facts::{Copy, SetId};
use crate::input::read_whole;
use crate::limits::PART_DIGESTS_BYTES;
use crate::output::{NewFile, probe};

/// Digests of copies in a union of sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hashed {
    /// Name of the file, for an error that refuses it.
    pub name: String,
    /// The sets, in the order in which they are judged: of others the copies have other names.
    pub(crate) sets: Vec<SetId>,
    /// Digests of the copies that were hashed.
    pub(crate) copies: Vec<Copy>,
}

/// As it is written, behind the name of the form and the SHA-256 of it.
#[derive(Serialize, Deserialize)]
struct Written {
    sets: Vec<[u8; 32]>,
    copies: Vec<Copy>,
}

/// Returns true if the file at `path` holds digests.
pub fn is_hashed(path: &Path) -> bool {
    let mut start = [0; MAGIC.len()];
    path.is_file() && File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == *MAGIC
}

impl Hashed {
    /// How many byte strings were hashed.
    pub fn copies(&self) -> usize {
        self.copies.len()
    }

    /// Checks that it may be written to `target`.
    ///
    /// # Errors
    /// [`Error::Usage`] where something is there; [`Error::Io`] where nothing can be written.
    pub fn check_place(target: &Path) -> Result<(), Error> {
        let shown = target.display().to_string();
        if target.symlink_metadata().is_ok() {
            return Err(Error::Usage(format!("{shown} exists, nothing was done")));
        }
        probe(target).map_err(|source| Error::Io { name: shown, action: "write beside it", source })
    }

    /// Writes it to `target`, where nothing may be: whole or not at all.
    ///
    /// # Errors
    /// [`Error::Io`] when the system refuses.
    pub fn write(&self, target: &Path) -> Result<(), Error> {
        let failed = |source| Error::Io { name: target.display().to_string(), action: "write the digests", source };
        let written = Written { sets: self.sets.iter().map(|set| set.0).collect(), copies: self.copies.clone() };
        let body = postcard::to_stdvec(&written).map_err(|error| failed(io::Error::other(error)))?;
        let mut content = MAGIC.to_vec();
        content.write_all(&Sha256::digest(&body)).map_err(failed)?;
        content.extend(body);
        NewFile::beside(target, &content).and_then(NewFile::put).map_err(failed)
    }

    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`Error::Malformed`] where it is not what was written; [`Error::Io`] when it cannot be read.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let content = read_whole(path, PART_DIGESTS_BYTES, "a file of digests")?;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let read = || {
            let (sum, body) = content.strip_prefix(MAGIC)?.split_first_chunk::<32>()?;
            let sum_is_right = Sha256::digest(body)[..] == sum[..];
            postcard::from_bytes::<Written>(body).ok().filter(|_| sum_is_right)
        };
        let Written { sets, copies } = read().ok_or_else(|| Error::Malformed {
            name: path.display().to_string(),
            offset: 0,
            found: "something else".to_owned(),
            expected: "digests as this version of peerproof writes them".to_owned(),
        })?;
        Ok(Self { name, sets: sets.into_iter().map(SetId).collect(), copies })
    }
}

/// Name and version.
const MAGIC: &[u8; 20] = b"peerproof digests 1\n";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{ContentName, CopyRange, Digests};

    #[test]
    fn what_was_written_reads_back_and_nothing_else_does() {
        let copy = |piece| Copy {
            piece,
            content: ContentName([piece as u8; 16]),
            same_as: None,
            range: CopyRange { start: 0, end: 9 },
            in_leaves: 0,
            digests: Digests { sha1: Some([7; 20]), ..Digests::default() },
        };
        let directory = tempfile::tempdir().expect("room");
        let path = directory.path().join("units");
        let hashed = Hashed {
            name: "units".to_owned(),
            sets: vec![SetId([1; 32]), SetId([2; 32])],
            copies: vec![copy(1), copy(2)],
        };
        assert!(!is_hashed(&path) && Hashed::check_place(&path).is_ok());
        hashed.write(&path).expect("room");
        assert!(is_hashed(&path) && Hashed::check_place(&path).is_err());
        assert_eq!(Hashed::open(&path).expect("it reads back"), hashed);
        let bytes = std::fs::read(&path).expect("it is there");
        for torn in [&bytes[..bytes.len() - 1], &[&bytes[..60], &[0][..], &bytes[61..]].concat()] {
            std::fs::write(&path, torn).expect("room");
            assert!(is_hashed(&path) && Hashed::open(&path).is_err());
        }
    }
}
