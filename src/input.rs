//! Files that a user names beside the captures, such as torrents: read whole, up to a bound, as a path may lead to a disk or
//! to a device that never ends.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::Error;

/// The bytes of a file that is `what`, such as "a torrent file".
///
/// # Errors
/// [`Error::Io`] where the system refuses, [`Error::Malformed`] where there are more than `most` bytes.
pub fn read_whole(path: &Path, most: u64, what: &str) -> Result<Vec<u8>, Error> {
    let name = path.display().to_string();
    let read = |path| -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match read(path) {
        Err(source) => Err(Error::Io { name, action: "read", source }),
        Ok(bytes) if bytes.len() as u64 > most => Err(Error::Malformed {
            name,
            offset: most,
            found: "more bytes".to_owned(),
            expected: format!("{what} of at most {} MiB", most >> 20),
        }),
        Ok(bytes) => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_one_byte_more_than_the_bound_is_refused_with_its_place() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), [7; 100]).expect("written");
        assert_eq!(read_whole(file.path(), 100, "a test").expect("as long as it may be"), [7; 100]);
        let refused = read_whole(file.path(), 99, "a test");
        assert!(matches!(refused, Err(Error::Malformed { offset: 99, .. })), "{refused:?}");
    }

    #[cfg(unix)]
    #[test]
    fn a_device_without_an_end_is_refused() {
        let refused = read_whole(Path::new("/dev/zero"), 1 << 20, "a test").expect_err("endless");
        assert!(refused.to_string().contains("expected a test of at most 1 MiB"), "{refused}");
        assert!(matches!(read_whole(Path::new("/nonexistent"), 1, "a test"), Err(Error::Io { .. })));
    }
}
