//! From a path, standard input or a buffer to one mapped [`Input`]; what cannot be mapped is spooled while it is read.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::decompress::{Ahead, Compression, HEAD, Members};
use super::format;
use super::growth::{Growth, Outcome, Worker};
use super::mapped::{Appender, Mapping};
use super::original::Original;
use super::set::OpenOptions;
use super::spool;
use super::{Decompressed, Digests};
use crate::Error;
use crate::limits::COMPRESSION_LAYERS;

/// One input, ready to be read.
#[derive(Debug)]
pub(super) struct Input {
    /// As the user named it.
    pub(super) given: String,
    /// Without its directories.
    pub(super) name: String,
    pub(super) content: Mapping,
    /// How far `content` has come, and what is to be said of it at the end.
    growth: Arc<Growth>,
    /// The user's file, as it was when it was opened.
    original: Option<Original>,
    /// The digest that a list states for it.
    pub(super) stated: Option<[u8; 32]>,
}

impl Input {
    /// Opens the file at `path`, or standard input for `-`.
    pub(super) fn open(path: &Path, options: &OpenOptions) -> Result<Self, Error> {
        let given = path.display().to_string();
        if given == STDIN {
            return Self::spool(io::stdin(), given.clone(), given, options, Hashing::Now);
        }
        let io_error = |action| {
            let name = given.clone();
            move |source| Error::Io { name, action, source }
        };
        let mut file = File::open(path).map_err(io_error("open"))?;
        let metadata = file.metadata().map_err(io_error("open"))?;
        let name = path.file_name().map_or_else(|| given.clone(), |name| name.to_string_lossy().into_owned());
        if metadata.is_dir() {
            let expected = "a capture file".to_owned();
            return Err(Error::Malformed { name: given, offset: 0, found: "a directory".to_owned(), expected });
        }
        if !metadata.is_file() {
            return Self::spool(file, given, name, options, Hashing::Now);
        }
        let original = Original::of(&file, path, &given).map_err(io_error("read"))?;
        file.seek(SeekFrom::Start(0)).map_err(io_error("read"))?;
        let mut head = Vec::new();
        (&mut file).take(HEAD as u64).read_to_end(&mut head).map_err(io_error("read"))?;
        if Compression::detect(&head).is_some() {
            file.seek(SeekFrom::Start(0)).map_err(io_error("read"))?;
            let mut input = Self::spool(file, given, name, options, Hashing::Later)?;
            input.original = Some(original);
            return Ok(input);
        }
        let content = Mapping::new(&file).map_err(io_error("map"))?;
        let growth = Arc::new(Growth::whole(Outcome { size: original.size(), ..Outcome::default() }));
        Ok(Self { given, name, content, growth, original: Some(original), stated: None })
    }

    /// An input from memory.
    pub(super) fn from_bytes(name: String, bytes: Vec<u8>, options: &OpenOptions) -> Result<Self, Error> {
        if Compression::detect(&bytes).is_some() {
            return Self::spool(Cursor::new(bytes), name.clone(), name, options, Hashing::Now);
        }
        let growth = Arc::new(Growth::whole(Outcome { size: bytes.len() as u64, ..Outcome::default() }));
        Ok(Self { given: name.clone(), name, content: Mapping::Owned(bytes), growth, original: None, stated: None })
    }

    #[cfg(test)]
    pub(super) fn endless(byte: u8, options: &OpenOptions) -> Result<Self, Error> {
        Self::spool(io::repeat(byte), STDIN.to_owned(), STDIN.to_owned(), options, Hashing::Now)
    }

    /// Lets a thread read `raw` to its end into an unlinked, mapped temporary file, decompressed.
    fn spool(
        raw: impl Read + Send + 'static,
        given: String,
        name: String,
        options: &OpenOptions,
        hashing: Hashing,
    ) -> Result<Self, Error> {
        let dir = options.spool_dir.clone().unwrap_or_else(std::env::temp_dir);
        let (content, appender) = Mapping::growing(&dir).map_err(|source| Error::Io {
            name: dir.display().to_string(),
            action: "make a temporary file in",
            source,
        })?;
        let (whose, strict) = (given.clone(), options.strict);
        let growth = Growth::start(&given, move |worker| fill(raw, appender, &whose, hashing, strict, worker))?;
        Ok(Self { given, name, content, growth, original: None, stated: None })
    }

    /// Waits for `least` bytes of the content, or all of it; returns what is there, and true if that is all.
    pub(super) fn upto(&self, least: usize) -> (&[u8], bool) {
        let ended = self.growth.wait(|| self.content.bytes().len() >= least);
        (self.content.bytes(), ended)
    }

    /// Returns true once all of the input is there.
    pub(super) fn is_whole(&self) -> bool {
        self.growth.wait(|| true)
    }

    /// Waits until all of it is there.
    ///
    /// # Errors
    /// [`Error::Io`] when it could not be read or there was no room for it; [`Error::Malformed`] when nothing could be
    /// decompressed, or not all of it in a strict run.
    pub(super) fn outcome(&self) -> Result<&Outcome, Error> {
        self.growth.outcome()
    }

    /// Returns true if the input cannot be read a second time as it was given.
    pub(super) fn is_read_once(&self) -> bool {
        self.original.is_none()
    }

    /// SHA-256 of the bytes as given, and of their content where they are compressed; of that as it grows.
    pub(super) fn digests(&self) -> Result<Digests, Error> {
        let file = self.digest()?;
        let (mut hash, mut done) = (Sha256::new(), 0);
        loop {
            let (bytes, ended) = self.upto(done + AT_ONCE);
            if ended && self.outcome()?.layers.is_empty() {
                return Ok(Digests { file, content: None });
            }
            hash.update(bytes.get(done..).unwrap_or_default());
            done = bytes.len();
            if ended {
                let content = Decompressed { bytes: done as u64, sha256: hash.finalize().into() };
                return Ok(Digests { file, content: Some(content) });
            }
        }
    }

    /// SHA-256 of the bytes as given.
    fn digest(&self) -> Result<[u8; 32], Error> {
        if let Some(original) = &self.original {
            return original.digest();
        }
        let known = self.outcome()?.digest;
        Ok(known.unwrap_or_else(|| Sha256::digest(self.content.bytes()).into()))
    }

    /// Checks that the user's file still is what it was when it was opened, and that all of it could be read.
    pub(super) fn unchanged(&self) -> Result<(), Error> {
        let Some(original) = &self.original else { return Ok(()) };
        original.unchanged()?;
        if self.content.is_torn() {
            let detail = "a part of it could not be read: it was cut off for a while, or its disk fails";
            return Err(original.changed(detail.to_owned()));
        }
        Ok(())
    }

    /// The cause of `error`, where it is that the user's file changed.
    pub(super) fn cause(&self, error: Error) -> Error {
        self.unchanged().err().unwrap_or(error)
    }
}

/// Reads `raw` to its end, decompressed, into the file of `appender`; that is written on another thread.
fn fill(
    raw: impl Read,
    mut appender: Appender,
    given: &str,
    hashing: Hashing,
    strict: bool,
    worker: &Worker,
) -> Result<Outcome, Error> {
    let io_error = |action| move |source| Error::Io { name: given.to_owned(), action, source };
    let hasher = (hashing == Hashing::Now).then(Sha256::new);
    let meter = Rc::new(RefCell::new(Meter { raw, hasher, bytes: 0, failed: None }));
    let mut layers = String::new();
    let mut damage = None;
    let mut reader: Ahead<Box<dyn Read + '_>> = Ahead::new(Box::new(SharedMeter(Rc::clone(&meter))));
    // A fault before the first bytes comes again, and is told, when the content is read.
    while let Some(compression) = reader.ahead(HEAD).ok().and_then(Compression::detect) {
        if layers.matches('+').count() >= COMPRESSION_LAYERS {
            break;
        }
        layers = layers + compression.name() + "+";
        reader = Ahead::new(Box::new(Members::new(compression, reader)));
    }
    let copied = spool::copy(&mut reader, |bytes| {
        if !worker.is_wanted() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        appender.append(bytes)?;
        worker.grown();
        Ok(())
    });
    let (written, broken) = copied.map_err(io_error("spool"))?;
    drop(reader);
    if let Some(error) = broken {
        if let Some(source) = meter.borrow_mut().failed.take() {
            return Err(io_error("read")(source));
        }
        let layers = layers.trim_end_matches('+');
        damage = Some(format!("the {layers} stream breaks off after {written} decompressed bytes: {error}"));
    }
    let mut meter = meter.borrow_mut();
    let decoded = meter.bytes;
    io::copy(&mut *meter, &mut io::sink()).map_err(io_error("read"))?;
    if meter.bytes > decoded && damage.is_none() {
        damage = Some(format!("{} bytes after the end of the compressed data", meter.bytes - decoded));
    }
    if let Some(found) = damage.as_ref().filter(|_| strict || written == 0) {
        let expected = "a whole compressed stream".to_owned();
        return Err(Error::Malformed { name: given.to_owned(), offset: written, found: found.clone(), expected });
    }
    let digest = meter.hasher.take().map(|hasher| hasher.finalize().into());
    Ok(Outcome { layers, size: meter.bytes, damage, digest })
}

/// When the bytes as given are hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hashing {
    /// While they are read, as they are read only once.
    Now,
    /// When the hash is asked for.
    Later,
}

/// Names the format of a file at `path` that is no capture, by its first bytes, decompressed where need be; with
/// true if it may be a capture that cannot be decompressed. `None` for a capture.
///
/// # Errors
/// [`Error::Io`] when it cannot be opened or read.
pub(super) fn other_than_capture(path: &Path) -> Result<Option<(String, bool)>, Error> {
    let io_error = |action| move |source| Error::Io { name: path.display().to_string(), action, source };
    let file = File::open(path).map_err(io_error("open"))?;
    let mut reader: Ahead<Box<dyn Read>> = Ahead::new(Box::new(file));
    reader.ahead(HEAD).map_err(io_error("read"))?;
    for _ in 0..COMPRESSION_LAYERS {
        let Some(compression) = reader.ahead(HEAD).ok().and_then(Compression::detect) else { break };
        reader = Ahead::new(Box::new(Members::new(compression, reader)));
    }
    Ok(match reader.ahead(format::HEAD) {
        Ok(head) => format::other_than_capture(head).map(|found| (found, false)),
        Err(error) => Some((format!("compressed data that cannot be read: {error}"), true)),
    })
}

/// Counts and hashes what is read through it.
struct Meter<R> {
    raw: R,
    hasher: Option<Sha256>,
    bytes: u64,
    /// An error of the input itself, told apart from a fault in the compressed data.
    failed: Option<io::Error>,
}

impl<R: Read> Read for Meter<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.raw.read(buffer) {
            Ok(n) => {
                if let Some(hasher) = &mut self.hasher {
                    hasher.update(buffer.get(..n).unwrap_or_default());
                }
                self.bytes += n as u64;
                Ok(n)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let copy = io::Error::new(error.kind(), error.to_string());
                self.failed = Some(error);
                Err(copy)
            }
        }
    }
}

/// A handle on the meter that a decoder may own.
struct SharedMeter<R>(Rc<RefCell<Meter<R>>>);

impl<R: Read> Read for SharedMeter<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.borrow_mut().read(buffer)
    }
}

pub(super) const STDIN: &str = "-";
// Rationale: a share of a millisecond of hashing.
const AT_ONCE: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::PathBuf;

    use super::super::CaptureSet;
    use super::super::sample::{LE, read, read_one};
    use super::*;
    use crate::anomaly::Anomalies;

    fn capture() -> Vec<u8> {
        let records = (1..500_u32)
            .flat_map(|n| LE.record(n, n, 1_000, &n.wrapping_mul(0x9E37_79B9).to_le_bytes().repeat(64)));
        [LE.pcap(0xA1B2_C3D4, 1), records.collect()].concat()
    }

    fn compressed(compression: Compression, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        match compression {
            Compression::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(&mut out, flate2::Compression::default());
                encoder.write_all(bytes).expect("in memory");
                encoder.finish().expect("in memory");
            }
            Compression::Zstd => out = zstd::encode_all(bytes, 1).expect("in memory"),
            Compression::Lz4 => {
                let mut encoder = lz4_flex::frame::FrameEncoder::new(&mut out);
                encoder.write_all(bytes).expect("in memory");
                encoder.finish().expect("in memory");
            }
            Compression::Xz => {
                liblzma::read::XzEncoder::new(bytes, 1).read_to_end(&mut out).map(drop).expect("in memory");
            }
            Compression::Bzip2 => {
                let mut encoder = bzip2::read::BzEncoder::new(bytes, bzip2::Compression::fast());
                encoder.read_to_end(&mut out).expect("in memory");
            }
        }
        out
    }

    const ALL: [Compression; 5] =
        [Compression::Gzip, Compression::Zstd, Compression::Lz4, Compression::Xz, Compression::Bzip2];

    #[test]
    fn a_compressed_capture_gives_the_frames_of_the_plain_one() {
        let plain = capture();
        let (expected, ..) = read_one(&plain).expect("sound");
        for compression in ALL {
            let packed = compressed(compression, &plain);
            let (frames, facts, damages) = read_one(&packed).expect("sound");
            assert_eq!((&frames, damages), (&expected, 0), "{compression:?}");
            assert_eq!(facts.format, format!("{}+pcap", compression.name()));
            assert_eq!(facts.bytes, packed.len() as u64);
            let set = CaptureSet::from_bytes(vec![(String::new(), packed.clone())]).expect("sound");
            let digests = set.digests(0).expect("known");
            assert_eq!(digests.file, <[u8; 32]>::from(Sha256::digest(&packed)));
            let content = Decompressed { bytes: plain.len() as u64, sha256: Sha256::digest(&plain).into() };
            assert_eq!(digests.content, Some(content));
        }
    }

    #[test]
    fn members_one_after_the_other_and_layers_around_another_are_read_through() {
        let plain = capture();
        let (head, tail) = plain.split_at(10_000);
        let (expected, ..) = read_one(&plain).expect("sound");
        for inner in ALL {
            let members = [compressed(inner, head), compressed(inner, tail)].concat();
            let (frames, facts, _) = read_one(&compressed(Compression::Gzip, &members)).expect("sound");
            assert_eq!(frames, expected, "{inner:?}");
            assert_eq!(facts.format, format!("gzip+{}+pcap", inner.name()));
        }
    }

    #[test]
    fn a_compressed_capture_cut_anywhere_is_read_up_to_the_cut_and_said_to_be_damaged() {
        let plain = capture();
        for compression in ALL {
            let packed = compressed(compression, &plain);
            for cut in [packed.len() / 3, packed.len() / 2, packed.len() - 9, packed.len() - 1] {
                match read_one(&packed[..cut]) {
                    Ok((_, facts, _)) => {
                        let damage = facts.damage.expect("told");
                        assert!(damage.contains(compression.name()), "{damage}");
                    }
                    // A stream of one block gives nothing until it is whole.
                    Err(error) => assert!(error.to_string().contains(compression.name()), "{error}"),
                }
            }
        }
        let packed = compressed(Compression::Gzip, &plain);
        assert!(read_one(&packed[..packed.len() - 9]).expect("readable").0.len() > 480);
    }

    #[test]
    fn a_compressed_capture_that_gives_nothing_is_no_empty_file() {
        let plain = capture();
        for compression in ALL {
            let packed = compressed(compression, &plain);
            for cut in [8, 12, 20] {
                let Err(error) = read_one(&packed[..cut]) else { continue };
                let said = error.to_string();
                assert!(
                    said.contains("breaks off after") && !said.contains("empty"),
                    "{compression:?} {cut}: {said}"
                );
            }
        }
    }

    #[test]
    fn an_error_of_a_source_comes_again() {
        struct Breaks(bool);
        impl Read for Breaks {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                if std::mem::replace(&mut self.0, true) {
                    return Ok(0);
                }
                let _ = buffer;
                Err(io::Error::other("broken"))
            }
        }
        for large in [false, true] {
            let mut reader = Ahead::new(Breaks(false));
            for _ in 0..3 {
                let read =
                    if large { reader.read(&mut vec![0; 1 << 20]) } else { reader.ahead(1).map(<[u8]>::len) };
                assert_eq!(read.expect_err("it broke").to_string(), "broken");
            }
        }
    }

    #[test]
    fn bytes_behind_the_compressed_data_are_said() {
        for compression in ALL {
            let packed = [compressed(compression, &capture()), b"garbage behind".to_vec()].concat();
            let (frames, facts, _) = read_one(&packed).expect("readable");
            assert_eq!(frames.len(), 499, "{compression:?}");
            assert!(facts.damage.is_some(), "{compression:?}");
        }
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_is_an_error() {
        for bytes in [capture(), compressed(Compression::Zstd, &capture())] {
            let file = tempfile::NamedTempFile::new().expect("a temporary file");
            std::fs::write(file.path(), &bytes).expect("room");
            let set = CaptureSet::open(&[file.path().to_path_buf()], &OpenOptions::default()).expect("sound");
            assert_eq!(set.digests(0).expect("readable").file, <[u8; 32]>::from(Sha256::digest(&bytes)));
            assert!(read(&set).is_ok());
            let mut grown = std::fs::OpenOptions::new().append(true).open(file.path()).expect("still there");
            grown.write_all(b"more").expect("room");
            assert!(matches!(set.frames().finish(), Err(Error::Changed { .. })));
        }
    }

    #[test]
    fn a_pipe_is_spooled_into_the_directory_asked_for_and_leaves_nothing_there() {
        let dir = tempfile::tempdir().expect("a directory");
        let options = OpenOptions { spool_dir: Some(dir.path().to_path_buf()), strict: false };
        let raw = Cursor::new(capture());
        let input = Input::spool(raw, STDIN.to_owned(), STDIN.to_owned(), &options, Hashing::Now).expect("sound");
        assert_eq!(input.outcome().expect("sound").size, capture().len() as u64);
        assert_eq!(input.content.bytes(), capture());
        assert_eq!(std::fs::read_dir(dir.path()).expect("still there").count(), 0);
        let options = OpenOptions { spool_dir: Some(PathBuf::from("/nonexistent/spool")), strict: false };
        let error = Input::spool(&b""[..], STDIN.to_owned(), STDIN.to_owned(), &options, Hashing::Now)
            .expect_err("no directory");
        assert!(error.to_string().contains("/nonexistent/spool"), "{error}");
    }

    /// Gives a few bytes at a time, and waits now and then.
    struct Slow(Cursor<Vec<u8>>, usize);

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            std::thread::sleep(std::time::Duration::from_micros(50));
            let n = buffer.len().min(self.1);
            self.0.read(&mut buffer[..n])
        }
    }

    #[test]
    fn what_is_read_does_not_depend_on_how_fast_an_input_comes() {
        // Longer than what is waited for, with damage: a record that is none, one of 300 KiB, and a cut end.
        let mut bytes = LE.pcap(0xA1B2_C3D4, 1);
        for n in 0..400_u32 {
            if n == 150 {
                bytes.extend([0xFF; 100]);
            }
            let data = n.to_le_bytes().repeat(if n == 300 { 75_000 } else { 10_000 });
            bytes.extend(LE.record(n, n, data.len() as u32, &data));
        }
        bytes.truncate(bytes.len() - 7);
        let (expected, facts, _) = read_one(&bytes).expect("readable");
        assert_eq!((expected.len(), facts.damage.is_some()), (399, true));
        for step in [7_000, 60_000, 1 << 20] {
            let raw = Slow(Cursor::new(bytes.clone()), step);
            let options = OpenOptions::default();
            let input = Input::spool(raw, "x".to_owned(), "x".to_owned(), &options, Hashing::Now).expect("sound");
            let set = CaptureSet::of(input).expect("a capture");
            let (frames, facts, _) = read(&set).expect("readable");
            assert!(frames == expected, "{step}");
            assert_eq!(facts[0].damage, read_one(&bytes).expect("readable").1.damage);
        }
    }

    #[test]
    fn a_source_that_fails_later_is_an_error_of_reading_and_of_hashing() {
        struct Fails(Cursor<Vec<u8>>);
        impl Read for Fails {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                match self.0.read(buffer)? {
                    0 => Err(io::Error::other("the disk is gone")),
                    n => Ok(n),
                }
            }
        }
        let options = OpenOptions::default();
        let raw = Fails(Cursor::new(capture()));
        let input = Input::spool(raw, "name".to_owned(), "name".to_owned(), &options, Hashing::Now).expect("sound");
        let set = CaptureSet::of(input).expect("it begins as a capture");
        for error in [read(&set).expect_err("told"), set.digests(0).expect_err("told")] {
            assert!(
                error.to_string().contains("name") && error.to_string().contains("the disk is gone"),
                "{error}"
            );
        }
    }

    #[test]
    fn released_bytes_are_still_there() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), capture()).expect("room");
        let set = CaptureSet::open(&[file.path().to_path_buf()], &OpenOptions::default()).expect("sound");
        let mut frames = set.frames();
        let mut kept = Vec::new();
        while let Some(frame) = frames.next(&mut Anomalies::default()).expect("sound") {
            kept.push(frame);
            frames.release(0);
            frames.prefetch(64 << 10);
        }
        for (frame, n) in kept.iter().zip(1_u32..) {
            assert_eq!(frame.bytes, n.wrapping_mul(0x9E37_79B9).to_le_bytes().repeat(64));
        }
    }
}
