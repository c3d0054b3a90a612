//! A file of the user's that is read more than once: mapped, hashed, and asked at the end whether it is still the same.
//!
//! No descriptor is held in between, so a ring of more files than a process may have open is read.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use crate::Error;

/// A file, as it was when it was opened.
#[derive(Debug)]
pub(super) struct Original {
    path: PathBuf,
    given: String,
    stamp: Stamp,
    samples: [u8; 32],
}

/// The metadata of a file, by which a change shows. Whoever writes to it may set the time of modification back, but
/// not the time of the last change of its status.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    size: u64,
    modified: Option<SystemTime>,
    /// Seconds and nanoseconds; 0 where the system has none.
    changed: (i64, i64),
    /// Device and number; 0 where the system has none.
    identity: (u64, u64),
}

impl Original {
    /// Takes note of what `file`, at `path` and called `given`, is now.
    ///
    /// # Errors
    /// Those of reading it.
    pub(super) fn of(file: &File, path: &Path, given: &str) -> io::Result<Self> {
        let stamp = Stamp::of(&file.metadata()?);
        let samples = samples(file, stamp.size)?;
        Ok(Self { path: path.to_owned(), given: given.to_owned(), stamp, samples })
    }

    /// Size in bytes when it was opened.
    pub(super) fn size(&self) -> u64 {
        self.stamp.size
    }

    /// Opens it again.
    ///
    /// # Errors
    /// [`Error::Changed`] when another file has its name, or none; [`Error::Io`] when it cannot be opened.
    pub(super) fn open(&self) -> Result<File, Error> {
        let opened = File::open(&self.path).and_then(|file| Ok((Stamp::of(&file.metadata()?).identity, file)));
        match opened {
            Ok((identity, file)) if identity == self.stamp.identity => Ok(file),
            Ok(_) => Err(self.changed("another file has its name now".to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(self.changed("it is no longer there".to_owned()))
            }
            Err(source) => Err(self.failed(source)),
        }
    }

    /// SHA-256 of its bytes, which are read beside any mapping, so that hashing does not fill this process's memory with
    /// their pages.
    ///
    /// # Errors
    /// As [`Original::unchanged`].
    pub(super) fn digest(&self) -> Result<[u8; 32], Error> {
        let mut file = self.open()?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; CHUNK];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => hasher.update(buffer.get(..n).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
        self.unchanged()?;
        Ok(hasher.finalize().into())
    }

    /// Checks that it still is what it was.
    ///
    /// # Errors
    /// [`Error::Changed`] when its size, its times, its identity or the samples of its bytes are others; [`Error::Io`]
    /// when it cannot be read.
    pub(super) fn unchanged(&self) -> Result<(), Error> {
        let file = self.open()?;
        let now = Stamp::of(&file.metadata().map_err(|source| self.failed(source))?);
        let detail = if now.size != self.stamp.size {
            format!("its size went from {} to {} bytes", self.stamp.size, now.size)
        } else if now.modified != self.stamp.modified {
            "its modification time changed".to_owned()
        } else if now.changed != self.stamp.changed {
            "its status changed: it was written to and its modification time set back, or it got another name or \
             other rights"
                .to_owned()
        } else if samples(&file, now.size).map_err(|source| self.failed(source))? != self.samples {
            "its bytes changed, and its times did not".to_owned()
        } else {
            return Ok(());
        };
        Err(self.changed(detail))
    }

    /// The error of a file that is no longer what it was.
    pub(super) fn changed(&self, detail: String) -> Error {
        Error::Changed { name: self.given.clone(), detail }
    }

    fn failed(&self, source: io::Error) -> Error {
        Error::Io { name: self.given.clone(), action: "read", source }
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        let (changed, identity) = {
            use std::os::unix::fs::MetadataExt;
            ((metadata.ctime(), metadata.ctime_nsec()), (metadata.dev(), metadata.ino()))
        };
        #[cfg(not(unix))]
        let (changed, identity) = ((0, 0), (0, 0));
        Self { size: metadata.len(), modified: metadata.modified().ok(), changed, identity }
    }
}

/// SHA-256 of a few places of a file: its beginning, its end, and what lies evenly between; of a small one all of it.
fn samples(mut file: &File, size: u64) -> io::Result<[u8; 32]> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; SAMPLE];
    let last = size.saturating_sub(SAMPLE as u64);
    for n in 0..SAMPLES {
        let at = u64::try_from(u128::from(last) * u128::from(n) / u128::from(SAMPLES - 1)).unwrap_or(last);
        file.seek(SeekFrom::Start(at))?;
        let mut filled = 0;
        while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
            match file.read(room) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        hasher.update(buffer.get(..filled).unwrap_or_default());
        if last == 0 {
            break;
        }
    }
    Ok(hasher.finalize().into())
}

// Rationale: a writer that keeps all times, as through a mapping, hardly misses all of them; 100,000 files cost seconds.
const SAMPLES: u64 = 16;
const SAMPLE: usize = 4 << 10;
// Rationale: large enough to make system calls rare, small enough to stay in cache.
const CHUNK: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn original(bytes: &[u8]) -> (tempfile::TempDir, PathBuf, Original) {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("a");
        std::fs::write(&path, bytes).expect("written");
        let file = File::open(&path).expect("opened");
        let original = Original::of(&file, &path, "a").expect("read");
        original.unchanged().expect("the same");
        (place, path, original)
    }

    fn detail(original: &Original) -> String {
        match original.unchanged() {
            Err(Error::Changed { detail, .. }) => detail,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn bytes_that_are_rewritten_with_the_time_set_back_are_noticed() {
        let (_place, path, original) = original(&[1; 100_000]);
        let file = File::options().write(true).open(&path).expect("opened");
        let modified = file.metadata().and_then(|metadata| metadata.modified()).expect("a time");
        std::io::Write::write_all(&mut &file, &[2; 100_000]).expect("written");
        file.set_modified(modified).expect("set");
        assert_eq!(file.metadata().and_then(|metadata| metadata.modified()).expect("a time"), modified);
        let detail = detail(&original);
        assert!(detail.contains("its status changed") || detail.contains("its bytes changed"), "{detail}");
    }

    #[test]
    fn samples_are_of_the_beginning_the_end_and_between() {
        let read = |bytes: &[u8]| {
            let (_place, path, original) = original(bytes);
            assert_eq!(
                samples(&File::open(path).expect("opened"), bytes.len() as u64).expect("read"),
                original.samples
            );
            original.samples
        };
        let plain = vec![0; 1_000_000];
        for at in [0, 4_095, 498_000, 999_999] {
            let mut other = plain.clone();
            other[at] = 1;
            // 498,000 lies between the samples at 7/15 and 8/15.
            assert_eq!(read(&other) != read(&plain), at != 498_000, "{at}");
        }
        let mut every = plain.clone();
        every.iter_mut().skip(400_000).take(100_000).for_each(|byte| *byte = 1);
        assert_ne!(read(&every), read(&plain));
        assert_ne!(read(b"ab"), read(b"ac"));
        read(b"");
    }

    #[test]
    fn a_file_that_gives_its_name_to_another_or_goes_is_noticed() {
        let (place, path, original) = original(b"one");
        let other = place.path().join("other");
        std::fs::write(&other, b"one").expect("written");
        std::fs::rename(&other, &path).expect("renamed");
        assert_eq!(detail(&original), "another file has its name now");
        std::fs::remove_file(&path).expect("removed");
        assert_eq!(detail(&original), "it is no longer there");
        assert!(matches!(original.digest(), Err(Error::Changed { .. })));
    }
}
