//! The inputs of a run, in an order that does not depend on how they were given.

use std::cmp::Ordering;
use std::path::PathBuf;

use super::format::Reader;
use super::merge::Frames;
use super::source::{Input, STDIN};
use super::track::Track;
use crate::Error;
use crate::anomaly::Anomalies;
use crate::provenance::Timestamp;

/// How captures are opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// Where temporary files for compressed and piped inputs go; `None` for the system's temporary directory.
    pub spool_dir: Option<PathBuf>,
    /// Whether a damaged record ends the run with an error, instead of being passed over and reported.
    pub strict: bool,
}

/// Captures, opened and mapped. Frames borrow from it.
///
/// # Invariants
/// - Ordered by time of the first frame, size, content, name: the order of the arguments never matters.
/// - Its index in that order is the `file` of a [`FrameId`](crate::provenance::FrameId).
#[derive(Debug)]
pub struct CaptureSet {
    inputs: Vec<Input>,
    strict: bool,
}

impl CaptureSet {
    /// Opens the captures at `paths`; `-` is standard input. What is compressed or cannot be mapped is spooled now.
    ///
    /// # Errors
    /// - [`Error::Usage`] for no path, the same file twice, or more than 65,536.
    /// - [`Error::Io`] when an input cannot be opened or read, or there is no room to spool it.
    /// - [`Error::Malformed`] when an input is empty, is no capture, or breaks off inside its file header.
    pub fn open(paths: &[PathBuf], options: &OpenOptions) -> Result<Self, Error> {
        let mut seen = std::collections::BTreeSet::new();
        for path in paths {
            let identity =
                if path.as_os_str() == STDIN { path.clone() } else { path.canonicalize().unwrap_or(path.clone()) };
            if !seen.insert(identity) {
                return Err(Error::Usage(format!("{}: the same capture is given twice", path.display())));
            }
        }
        let inputs = paths.iter().map(|path| Input::open(path, options)).collect::<Result<_, _>>()?;
        Self::new(inputs, options.strict)
    }

    /// The same from memory, each input with its name: for tests and fuzzing.
    ///
    /// # Errors
    /// As [`CaptureSet::open`].
    pub fn from_bytes(inputs: Vec<(String, Vec<u8>)>) -> Result<Self, Error> {
        let options = OpenOptions::default();
        let inputs = inputs.into_iter().map(|(name, bytes)| Input::from_bytes(name, bytes, &options));
        Self::new(inputs.collect::<Result<_, _>>()?, options.strict)
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
        for input in inputs {
            keyed.push((first_time(&input, strict)?, input));
        }
        keyed.sort_by(|(a_time, a), (b_time, b)| order((*a_time, a), (*b_time, b)));
        Ok(Self { inputs: keyed.into_iter().map(|(_, input)| input).collect(), strict })
    }

    /// Bytes to read, over all inputs, after decompression.
    pub fn total_bytes(&self) -> u64 {
        self.inputs.iter().map(|input| input.content.bytes().len() as u64).sum()
    }

    /// All frames, in time order over the inputs and in file order within each.
    pub fn frames(&self) -> Frames<'_> {
        Frames::new(&self.inputs, self.strict)
    }

    /// SHA-256 of each input as given, in the order of the inputs. May run on another thread than the frames.
    ///
    /// # Errors
    /// [`Error::Io`] when an input cannot be read.
    pub fn digests(&self) -> Result<Vec<[u8; 32]>, Error> {
        self.inputs.iter().map(Input::digest).collect()
    }
}

/// Checks the file header and gives the time of the first frame; `None` for a capture without frames.
fn first_time(input: &Input, strict: bool) -> Result<Option<Timestamp>, Error> {
    let mut track = Track::new(input.content.bytes(), 0, &input.given, strict);
    let mut reader = Reader::new(&mut track)?;
    // What is odd on the way to the first frame is told when the frames are read.
    let frame = reader.next(&mut track, &mut Anomalies::default())?;
    Ok(frame.map(|frame| frame.at.time))
}

fn order((a_time, a): (Option<Timestamp>, &Input), (b_time, b): (Option<Timestamp>, &Input)) -> Ordering {
    // `None` last: a capture without frames has no time.
    let by_time = (a_time.is_none(), a_time).cmp(&(b_time.is_none(), b_time));
    by_time
        .then_with(|| a.size.cmp(&b.size))
        .then_with(|| a.content.bytes().cmp(b.content.bytes()))
        .then_with(|| a.layers.cmp(&b.layers))
        .then_with(|| a.name.cmp(&b.name))
        .then_with(|| a.given.cmp(&b.given))
}

// Rationale: the index has 16 bits in a frame id.
const MAX_INPUTS: usize = 1 << 16;
