//! From a reader to a temporary file, with the writing on a thread of its own: it takes as long as fast decompression.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Hands what `reader` gives to `write`, and gives how many bytes there were and what broke the reader off.
///
/// # Errors
/// Those of `write`.
pub(super) fn copy(
    reader: &mut impl Read,
    write: impl FnMut(&[u8]) -> io::Result<()> + Send,
) -> io::Result<(u64, Option<io::Error>)> {
    std::thread::scope(|scope| {
        let (full, to_write) = sync_channel(CHUNKS);
        let (written, empty) = sync_channel(CHUNKS);
        for _ in 0..CHUNKS {
            // Room for each was made, and the other end is in this function.
            let _ = written.send(vec![0; CHUNK]);
        }
        let writer = scope.spawn(move || write_all(write, &to_write, &written));
        let (bytes, broken) = read(reader, &empty, &full);
        drop(full);
        match writer.join() {
            Ok(result) => result.map(|()| (bytes, broken)),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Fills chunks until the reader ends or breaks off, or the writer is gone.
fn read(
    reader: &mut impl Read,
    empty: &Receiver<Vec<u8>>,
    full: &SyncSender<(Vec<u8>, usize)>,
) -> (u64, Option<io::Error>) {
    let mut bytes = 0;
    while let Ok(mut chunk) = empty.recv() {
        let (filled, end) = fill(reader, &mut chunk);
        bytes += filled as u64;
        if filled > 0 && full.send((chunk, filled)).is_err() {
            break;
        }
        if let Some(broken) = end {
            return (bytes, broken);
        }
    }
    // The writer failed, and its error is the one that counts.
    (bytes, None)
}

/// Fills `chunk` as far as the reader goes. The second value says that it ended, and how.
fn fill(reader: &mut impl Read, chunk: &mut [u8]) -> (usize, Option<Option<io::Error>>) {
    let mut filled = 0;
    while let Some(room) = chunk.get_mut(filled..).filter(|room| !room.is_empty()) {
        match reader.read(room) {
            Ok(0) => return (filled, Some(None)),
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (filled, Some(Some(error))),
        }
    }
    (filled, None)
}

fn write_all(
    mut write: impl FnMut(&[u8]) -> io::Result<()>,
    full: &Receiver<(Vec<u8>, usize)>,
    empty: &SyncSender<Vec<u8>>,
) -> io::Result<()> {
    while let Ok((chunk, filled)) = full.recv() {
        write(chunk.get(..filled).unwrap_or_default())?;
        // Nobody reads any more: this was the last one.
        let _ = empty.send(chunk);
    }
    Ok(())
}

// Rationale: large enough to make system calls and hand-overs rare, small enough to stay in cache.
const CHUNK: usize = 1 << 20;
// Rationale: one is filled, one is written, and two even out what neither does evenly.
const CHUNKS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its bytes a few at a time.
    struct Drops<'a>(&'a [u8], usize);

    impl Read for Drops<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let n = self.1.min(self.0.len()).min(buffer.len());
            let (now, later) = self.0.split_at(n);
            buffer[..n].copy_from_slice(now);
            self.0 = later;
            Ok(n)
        }
    }

    /// Gives four bytes, then an error.
    struct Breaks(bool);

    impl Read for Breaks {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                return Err(io::Error::other("broken"));
            }
            (&b"good"[..]).read(buffer)
        }
    }

    fn copied(bytes: &[u8], step: usize) -> (u64, Vec<u8>) {
        let mut content = Vec::new();
        let (count, broken) = copy(&mut Drops(bytes, step), |part| {
            content.extend_from_slice(part);
            Ok(())
        })
        .expect("room");
        assert!(broken.is_none());
        (count, content)
    }

    #[test]
    fn every_byte_arrives_in_its_order_whatever_the_reader_gives_at_once() {
        let bytes: Vec<u8> = (0..9_000_001_u32).map(|n| (n ^ n >> 11) as u8).collect();
        for step in [CHUNK, 4_099, CHUNK + 1] {
            assert!(copied(&bytes, step) == (bytes.len() as u64, bytes.clone()), "{step} bytes at once");
        }
        assert_eq!(copied(&[], 1), (0, Vec::new()));
    }

    #[test]
    fn what_came_before_an_error_is_kept() {
        let mut kept = Vec::new();
        let (count, broken) = copy(&mut Breaks(false), |part| {
            kept.extend_from_slice(part);
            Ok(())
        })
        .expect("room");
        assert_eq!((count, kept.as_slice()), (4, &b"good"[..]));
        assert_eq!(broken.expect("it broke").to_string(), "broken");
    }

    #[test]
    fn a_file_that_takes_nothing_is_an_error_and_no_deadlock() {
        let bytes = vec![1; 20 << 20];
        assert!(copy(&mut bytes.as_slice(), |_| Err(io::ErrorKind::StorageFull.into())).is_err());
    }
}
