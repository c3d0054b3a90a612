//! Bytes of our own that wait on disk: written once, at the end, and read from the mapping.

use std::path::{Path, PathBuf};

use super::mapped::{Appender, Mapping};
use crate::Error;

/// An unlinked temporary file that grows at its end, and is mapped.
#[derive(Debug)]
pub struct Spool {
    dir: PathBuf,
    mapping: Mapping,
    appender: Appender,
}

impl Spool {
    /// An empty one in `spool_dir`, or in the system's directory for temporary files.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be made.
    pub fn new(spool_dir: Option<&Path>) -> Result<Self, Error> {
        let dir = spool_dir.map_or_else(std::env::temp_dir, Path::to_path_buf);
        let made = Mapping::growing(&dir);
        let (mapping, appender) = made.map_err(|source| Error::Io {
            name: dir.display().to_string(),
            action: "make a temporary file in",
            source,
        })?;
        Ok(Self { dir, mapping, appender })
    }

    /// Adds bytes at the end.
    ///
    /// # Errors
    /// [`Error::Io`] when there is no room for them.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.appender.append(bytes).map_err(|source| Error::Io {
            name: self.dir.display().to_string(),
            action: "write a temporary file in",
            source,
        })
    }

    /// Gives the memory of what stands before `rest`, the end of these bytes that is still to be read, back to the system, but
    /// for the last pages; it is read from the file when it is touched again. `from` is where the last call left off; gives where
    /// this one did.
    pub fn release_before(&self, from: usize, rest: &[u8]) -> usize {
        let read = rest.as_ptr().addr().checked_sub(self.bytes().as_ptr().addr());
        let to = read.filter(|read| *read <= self.bytes().len()).unwrap_or(from);
        if to < from.saturating_add(READ) {
            return from;
        }
        self.mapping.release(from, to);
        to
    }

    /// All that was written.
    pub fn bytes(&self) -> &[u8] {
        self.mapping.bytes()
    }
}

// Rationale: a system call for some ten thousand records.
const READ: usize = 2 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_appended_reads_back_behind_what_was_there() {
        let mut spool = Spool::new(None).expect("room");
        assert!(spool.bytes().is_empty());
        (0..1_000_u32).for_each(|n| spool.append(&n.to_le_bytes().repeat(50)).expect("room"));
        let expected: Vec<u8> = (0..1_000_u32).flat_map(|n| n.to_le_bytes().repeat(50)).collect();
        assert!(spool.bytes() == expected);
    }

    #[test]
    fn what_was_released_reads_back() {
        let mut spool = Spool::new(None).expect("room");
        let bytes: Vec<u8> = (0..3 * READ).map(|n| (n / 7) as u8).collect();
        spool.append(&bytes).expect("room");
        let written = spool.bytes();
        assert_eq!(spool.release_before(0, &written[READ - 1..]), 0, "little");
        assert_eq!(spool.release_before(0, &written[READ + 5..]), READ + 5);
        assert_eq!(spool.release_before(READ + 5, &bytes), READ + 5, "something else");
        assert_eq!(spool.release_before(READ + 5, &written[written.len()..]), 3 * READ);
        assert!(written == bytes);
    }
}
