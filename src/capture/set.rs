//! The inputs of a run, in an order that does not depend on how they were given.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::format::Reader;
use super::gather::gather;
use super::merge::Frames;
use super::source::Input;
use super::sums::Sums;
use super::track::Track;
use super::{Digests, PassedOver};
use crate::Error;
use crate::ends::Timestamp;

/// How captures are opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// Where temporary files for compressed and piped inputs go; `None` for the system's temporary directory.
    pub spool_dir: Option<PathBuf>,
    /// True if a damaged record ends the run with an error, instead of being passed over and reported.
    pub strict: bool,
}

/// Captures, opened and mapped. Frames borrow from it.
///
/// # Invariants
/// - Ordered by time of the first frame, size of the content (the larger one first), content, name: the order of the
///   arguments never matters.
/// - Its index in that order is the `file` of a [`FrameId`](crate::ends::FrameId).
#[derive(Debug)]
pub struct CaptureSet {
    inputs: Vec<Input>,
    /// Nanoseconds by input that bring its times to those of the inputs before it, once that was learnt.
    clocks: Vec<OnceLock<i64>>,
    passed_over: Vec<PassedOver>,
    interfaces: usize,
    strict: bool,
}

impl CaptureSet {
    /// Opens the captures at `paths`. What is compressed or cannot be mapped is spooled: a single input while it is
    /// read, several inputs now.
    ///
    /// A path is a file; `-` for standard input; a directory for every capture in and below it, told by content; or,
    /// where nothing exists by that name, a pattern as in a shell. The same file reached twice is read once.
    ///
    /// # Errors
    /// - [`Error::Usage`] for no path, a directory without a capture, a pattern that fits nothing, or more than 65,535
    ///   inputs.
    /// - [`Error::Io`] when an input cannot be opened or read, or there is no room to spool it.
    /// - [`Error::Malformed`] when an input that was named is empty or no capture, or one breaks off inside its file
    ///   header; in a strict run also for a file in a directory of which nothing can be decompressed.
    pub fn open(paths: &[PathBuf], options: &OpenOptions) -> Result<Self, Error> {
        let gathered = gather(paths)?;
        if let Some(broken) = gathered.passed_over.iter().find(|other| options.strict && other.broken) {
            let (name, found) = (broken.name.clone(), broken.found.clone());
            let expected = "a whole compressed stream".to_owned();
            return Err(Error::Malformed { name, offset: 0, found, expected });
        }
        let inputs = opened(
            gathered.captures.len(),
            gathered.captures.iter().map(|path| Input::open(path, options)),
            options,
        )?;
        Ok(Self { passed_over: gathered.passed_over, ..Self::new(inputs, options.strict)? })
    }

    /// Opens captures that are in memory, each input with its name: for tests and fuzzing.
    ///
    /// # Errors
    /// As [`CaptureSet::open`].
    pub fn from_bytes(inputs: Vec<(String, Vec<u8>)>) -> Result<Self, Error> {
        let options = OpenOptions::default();
        let count = inputs.len();
        let inputs = inputs.into_iter().map(|(name, bytes)| Input::from_bytes(name, bytes, &options));
        Self::new(opened(count, inputs, &options)?, options.strict)
    }

    #[cfg(test)]
    pub(super) fn of(input: Input) -> Result<Self, Error> {
        Self::new(vec![input], false)
    }

    fn new(inputs: Vec<Input>, strict: bool) -> Result<Self, Error> {
        if inputs.is_empty() {
            return Err(Error::Usage("no capture is given".to_owned()));
        }
        if inputs.len() > MAX_INPUTS {
            return Err(Error::Usage(format!(
                "{} captures are given, at most {MAX_INPUTS} are read",
                inputs.len()
            )));
        }
        let mut keyed = Vec::with_capacity(inputs.len());
        let mut interfaces = 0;
        for input in inputs {
            let (time, named) = begin(&input, strict).map_err(|error| input.cause(error))?;
            interfaces += named;
            keyed.push((time, input));
        }
        keyed.sort_by(|(a_time, a), (b_time, b)| order((*a_time, a), (*b_time, b)));
        let inputs: Vec<Input> = keyed.into_iter().map(|(_, input)| input).collect();
        let clocks = inputs.iter().map(|_| OnceLock::new()).collect();
        Ok(Self { inputs, clocks, passed_over: Vec::new(), interfaces, strict })
    }

    /// The files in directories that are no captures, sorted by name.
    pub fn passed_over(&self) -> &[PassedOver] {
        &self.passed_over
    }

    /// How many inputs there are.
    pub fn len(&self) -> usize {
        self.inputs.len()
    }

    /// How many interfaces all inputs together name before their first frames; at least 1 for a file of classic pcap.
    pub fn interfaces(&self) -> usize {
        self.interfaces
    }

    /// The name of an input without its directories, by the `file` of a frame; empty for none of them.
    pub fn name(&self, file: u16) -> &str {
        self.inputs.get(usize::from(file)).map_or("", |input| &input.name)
    }

    /// The content of an input, as far as it is there.
    pub(super) fn content(&self, file: u16) -> Option<&[u8]> {
        Some(self.inputs.get(usize::from(file))?.content.bytes())
    }

    /// Never: a set has at least one input.
    pub fn is_empty(&self) -> bool {
        self.inputs.is_empty()
    }

    /// Bytes to read, over all inputs, after decompression; `None` while that still goes on.
    pub fn total_bytes(&self) -> Option<u64> {
        self.inputs.iter().map(|input| input.is_whole().then(|| input.content.bytes().len() as u64)).sum()
    }

    /// All frames, in time order over the inputs, by their clocks as far as these are known by now, and in file order within each.
    pub fn frames(&self) -> Frames<'_> {
        Frames::new(&self.inputs, &self.clocks, &self.passed_over, self.strict)
    }

    /// Gives the memory of all inputs back to the system. Slices stay valid: touched again, they are read again.
    pub(crate) fn release(&self) {
        self.inputs.iter().for_each(|input| input.content.release(0, input.content.bytes().len()));
    }

    /// Bytes that may be touched anywhere before it is worth to give memory back, in a run with windows of `window` bytes.
    pub(crate) fn room(&self, window: u64) -> u64 {
        let all: u64 = self.inputs.iter().map(|input| input.content.bytes().len() as u64).sum();
        (window / TOUCHED_PART).max(all / RELEASES)
    }

    /// Takes over the digests that `sums` states, instead of computing them. An input that can be read only once is hashed
    /// on the way all the same.
    ///
    /// # Errors
    /// [`Error::Usage`] where it states none for any input, or several for one.
    pub fn state(&mut self, sums: &Sums) -> Result<(), Error> {
        for input in self.inputs.iter_mut().filter(|input| !input.is_read_once()) {
            input.stated = sums.digest(&input.given, &input.name)?;
        }
        if self.inputs.iter().all(|input| input.stated.is_none()) {
            return Err(Error::Usage(format!("{} states a digest of none of the captures", sums.name())));
        }
        Ok(())
    }

    /// Takes over the digest of the input that was given as `path`.
    pub fn state_of(&mut self, path: &Path, sha256: [u8; 32]) {
        let given = path.display().to_string();
        self.inputs.iter_mut().filter(|input| input.given == given).for_each(|input| input.stated = Some(sha256));
    }

    /// The digest of an input that was taken over, by the `file` of a frame.
    pub fn stated(&self, file: u16) -> Option<[u8; 32]> {
        self.inputs.get(usize::from(file))?.stated
    }

    /// Returns true if a digest of the input `file` (as in a frame) has to be computed and no thread is computing
    /// it.
    pub(crate) fn is_to_be_hashed(&self, file: u16) -> bool {
        let input = self.inputs.get(usize::from(file));
        input.is_some_and(|input| input.stated.is_none() && !input.is_read_once())
    }

    /// SHA-256 of an input as given and of its content, by the `file` of a frame. May run on another thread than the frames.
    ///
    /// # Errors
    /// [`Error::Io`] when the input cannot be read; [`Error::Usage`] for none of them.
    pub fn digests(&self, file: u16) -> Result<Digests, Error> {
        let none = || Error::Usage(format!("there is no capture {file}"));
        self.inputs.get(usize::from(file)).ok_or_else(none)?.digests()
    }
}

/// Opens `count` inputs. One alone is read while it is decompressed; several are wanted as a whole, one after the other,
/// as their order depends on what is in them.
fn opened(
    count: usize,
    inputs: impl Iterator<Item = Result<Input, Error>>,
    options: &OpenOptions,
) -> Result<Vec<Input>, Error> {
    let mut all = Vec::with_capacity(count);
    for input in inputs {
        let input = input?;
        if count > 1 {
            // What is no capture may have no end.
            Reader::new(&mut Track::new(&input, 0, options.strict))?;
            input.outcome()?;
        }
        all.push(input);
    }
    Ok(all)
}

/// Checks the file header and gives the time of the first frame (`None` for a capture without frames), and how many
/// interfaces are named before it.
fn begin(input: &Input, strict: bool) -> Result<(Option<Timestamp>, usize), Error> {
    let mut track = Track::new(input, 0, strict);
    let mut reader = Reader::new(&mut track)?;
    // What is odd on the way to the first frame is told when the frames are read.
    let frame = reader.next(&mut track, &mut Vec::new())?;
    Ok((frame.map(|frame| frame.at.time), reader.interfaces(track.frames).len()))
}

fn order((a_time, a): (Option<Timestamp>, &Input), (b_time, b): (Option<Timestamp>, &Input)) -> Ordering {
    // `None` last: a capture without frames has no time.
    let by_time = (a_time.is_none(), a_time).cmp(&(b_time.is_none(), b_time));
    // Several inputs are whole, without an error: see `opened`.
    let [a_whole, b_whole] = [a, b].map(|input| input.outcome().ok());
    // Of two captures of the same packets, the one that holds more of each comes first.
    by_time
        .then_with(|| b.content.bytes().len().cmp(&a.content.bytes().len()))
        .then_with(|| a.content.bytes().cmp(b.content.bytes()))
        .then_with(|| a_whole.map(|whole| whole.size).cmp(&b_whole.map(|whole| whole.size)))
        .then_with(|| a_whole.map(|whole| &whole.layers).cmp(&b_whole.map(|whole| &whole.layers)))
        .then_with(|| a.name.cmp(&b.name))
        .then_with(|| a.given.cmp(&b.given))
}

// Rationale: a page that is touched brings up to fifteen around it.
const TOUCHED_PART: u64 = 4;
// Rationale: each goes over all of it, which takes about 30 ms for 100 GB.
const RELEASES: u64 = 128;
// Rationale: the index has 16 bits in a frame id; the last one stands for what is in no input.
const MAX_INPUTS: usize = (1 << 16) - 1;

#[cfg(test)]
mod tests {
    use super::super::sample::{LE, read};
    use super::*;

    fn capture(times: &[u32]) -> Vec<u8> {
        let records: Vec<u8> = times.iter().flat_map(|time| LE.record(*time, 0, 4, &time.to_be_bytes())).collect();
        [LE.pcap(0xA1B2_C3D4, 1), records].concat()
    }

    fn named(names: [(&str, &[u8]); 3]) -> Vec<(String, Vec<u8>)> {
        names.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect()
    }

    #[test]
    fn frames_of_several_inputs_come_in_time_order_whatever_the_order_of_the_arguments() {
        let (a, b, c) = (capture(&[10, 30, 20, 50]), capture(&[5, 30, 40]), capture(&[]));
        let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        for order in orders {
            let inputs = [("a", a.as_slice()), ("b", b.as_slice()), ("c", c.as_slice())];
            let set = CaptureSet::from_bytes(named(order.map(|index| inputs[index]))).expect("sound");
            let mut frames = set.frames();
            let mut seen = Vec::new();
            while let Some(frame) = frames.next(&mut Vec::new()).expect("sound") {
                seen.push((frame.at.frame.file(), frame.at.frame.number(), frame.at.time.0 / 1_000_000_000));
            }
            // `b` starts first; equal times go to it; 20 stands behind 30 in `a` and stays there.
            assert_eq!(seen, [(0, 1, 5), (1, 1, 10), (0, 2, 30), (1, 2, 30), (1, 3, 20), (0, 3, 40), (1, 4, 50)]);
            let facts = frames.finish().expect("nothing changed");
            let names: Vec<_> = facts.iter().map(|facts| facts.name.as_str()).collect();
            assert_eq!(names, ["b", "a", "c"]);
            assert_eq!(
                (facts[1].first_time, facts[1].last_time),
                (Some(Timestamp(10_000_000_000)), Some(Timestamp(50_000_000_000)))
            );
        }
    }

    #[test]
    fn inputs_with_equal_times_are_ordered_by_size_then_content_then_name_the_larger_first() {
        let (mut a, b, c) = (capture(&[10, 30]), capture(&[10, 30]), capture(&[10]));
        a[60] ^= 1;
        let mut names = Vec::new();
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]] {
            let inputs = [("z", a.clone()), ("y", b.clone()), ("x", b.clone()), ("w", c.clone())];
            let inputs = order.map(|index| (inputs[index].0.to_owned(), inputs[index].1.clone())).to_vec();
            let set = CaptureSet::from_bytes(inputs).expect("sound");
            names.push(read(&set).expect("sound").1.into_iter().map(|facts| facts.name).collect::<Vec<_>>());
        }
        assert_eq!(names[0].last().map(String::as_str), Some("w"));
        assert!(names.iter().all(|order| *order == names[0]), "{names:?}");
    }

    #[test]
    fn the_same_file_twice_is_read_once() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a.pcap");
        std::fs::write(&path, capture(&[1])).expect("room");
        for again in [path.clone(), dir.path().join(".").join("a.pcap"), dir.path().to_path_buf()] {
            let set = CaptureSet::open(&[path.clone(), again], &OpenOptions::default()).expect("sound");
            assert_eq!(read(&set).expect("sound").0.len(), 1);
        }
        assert!(matches!(CaptureSet::open(&[], &OpenOptions::default()), Err(Error::Usage(_))));
    }

    #[test]
    fn what_is_no_capture_is_an_error_with_the_name_as_given() {
        let dir = tempfile::tempdir().expect("a directory");
        for (content, found) in [(&b""[..], "an empty file"), (b"d4:infod", "a torrent"), (b"plain text", "text")] {
            let path = dir.path().join("capture.pcap");
            std::fs::write(&path, content).expect("room");
            let error = CaptureSet::open(std::slice::from_ref(&path), &OpenOptions::default())
                .expect_err("no capture")
                .to_string();
            assert!(error.contains(found) && error.starts_with(&path.display().to_string()), "{error}");
        }
        let missing = CaptureSet::open(&[dir.path().join("missing")], &OpenOptions::default());
        assert!(matches!(missing, Err(Error::Io { action: "open", .. })));
    }

    #[test]
    fn a_set_can_be_hashed_on_another_thread_while_it_is_read() {
        let set = CaptureSet::from_bytes(vec![("a".to_owned(), capture(&[1, 2]))]).expect("sound");
        std::thread::scope(|scope| {
            let digests = scope.spawn(|| set.digests(0));
            assert_eq!(read(&set).expect("sound").0.len(), 2);
            assert!(digests.join().expect("no panic").is_ok());
        });
    }
}
