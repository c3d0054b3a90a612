//! Where the payload of capture sets is read: in their captures, once these are found and are what they were, and in what
//! parts carry of them.

use std::cell::{Cell, OnceCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::capture::{CaptureSet, OpenOptions, Spill};
use crate::facts::{Input, Place, SPILL};
use crate::part::Carried;

/// The payload of one set.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) carried: Carried,
    pub(super) way: Way,
    /// Set if bytes or frames were asked for that are nowhere.
    pub(super) missed: Cell<bool>,
}

/// How the captures of a set are at hand.
#[derive(Debug)]
pub(super) enum Way {
    /// They were read in this run, and so were the bytes that were derived from them.
    Read(Box<(CaptureSet, Spill)>),
    /// They were found, and are opened when something is asked of them: `None` where they are not what they were.
    Found(Found, OnceCell<Option<CaptureSet>>),
    /// Not all of them were found.
    Missing,
}

/// Files that may be the captures of a set, by their size.
#[derive(Clone, Debug)]
pub(super) struct Found {
    inputs: Vec<(Vec<PathBuf>, [u8; 32])>,
    spool_dir: Option<PathBuf>,
}

impl Source {
    pub(super) fn new(carried: Carried, way: Way) -> Self {
        Self { carried, way, missed: Cell::new(false) }
    }

    /// The captures; `None` where they are not at hand.
    pub(super) fn captures(&self) -> Option<&CaptureSet> {
        match &self.way {
            Way::Read(read) => Some(&read.0),
            Way::Found(found, opened) => opened.get_or_init(|| found.open()).as_ref(),
            Way::Missing => None,
        }
    }

    /// Those that are open already.
    pub(super) fn open_captures(&self) -> Option<&CaptureSet> {
        match &self.way {
            Way::Read(read) => Some(&read.0),
            Way::Found(_, opened) => opened.get()?.as_ref(),
            Way::Missing => None,
        }
    }

    /// Returns true if a file that was found turned out to be another one.
    pub(super) fn has_failed(&self) -> bool {
        matches!(&self.way, Way::Found(_, opened) if matches!(opened.get(), Some(None)))
    }

    /// Returns true if bytes at `place` are somewhere, as far as is known without a look at the captures.
    pub(super) fn holds(&self, place: Place, len: u32) -> bool {
        let has_captures = match (&self.way, place.store) {
            (Way::Read(_), _) => true,
            (Way::Found(..), store) => store != SPILL,
            (Way::Missing, _) => false,
        };
        has_captures || self.carried.bytes_at(place, len).is_some()
    }

    /// Bytes of the set.
    pub(super) fn bytes_at(&self, place: Place, len: u32) -> Option<&[u8]> {
        let carried = self.carried.bytes_at(place, len);
        let found = carried.or_else(|| match (&self.way, place.store) {
            (Way::Read(read), SPILL) => read.1.bytes_at(place.offset, len),
            (_, SPILL) => None,
            (_, store) => self.captures()?.bytes_at(store, place.offset, len),
        });
        if found.is_none() {
            self.missed.set(true);
        }
        found
    }
}

impl Found {
    /// Opens them, where each is what it was.
    pub(super) fn open(&self) -> Option<CaptureSet> {
        let (mut paths, mut used) = (Vec::new(), BTreeSet::new());
        for (candidates, digest) in &self.inputs {
            let is_it = |path: &&PathBuf| !used.contains(*path) && sha256(path).is_ok_and(|found| found == *digest);
            let path = candidates.iter().find(is_it)?;
            used.insert(path.clone());
            paths.push(path.clone());
        }
        let options = OpenOptions { spool_dir: self.spool_dir.clone(), strict: false };
        CaptureSet::open(&paths, &options).ok().filter(|set| set.len() == self.inputs.len())
    }
}

/// Files in and below some directories, by their size.
#[derive(Debug, Default)]
pub(super) struct Files {
    by_size: BTreeMap<u64, Vec<PathBuf>>,
}

impl Files {
    /// Lists the files in and below `places`. What cannot be listed holds nothing.
    pub(super) fn below(places: &[PathBuf]) -> Self {
        let mut files = Self::default();
        let mut pending = places.to_vec();
        let mut seen = BTreeSet::new();
        while let Some(directory) = pending.pop() {
            if !directory.canonicalize().is_ok_and(|real| seen.insert(real)) {
                continue;
            }
            for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
                let path = entry.path();
                match fs::metadata(&path) {
                    Ok(found) if found.is_dir() => pending.push(path),
                    Ok(found) if found.is_file() => files.by_size.entry(found.len()).or_default().push(path),
                    _ => {}
                }
            }
        }
        files.by_size.values_mut().for_each(|paths| paths.sort());
        files
    }

    /// Files that may be these inputs, each set of candidates not empty; else those inputs of which there is none.
    pub(super) fn find(&self, inputs: &[Input], spool_dir: Option<&Path>) -> Result<Found, Vec<u16>> {
        let mut missing = Vec::new();
        let mut found = Vec::with_capacity(inputs.len());
        for (number, input) in (0..).zip(inputs) {
            let mut candidates = self.by_size.get(&input.bytes).cloned().unwrap_or_default();
            candidates.sort_by_key(|path| path.file_name().is_none_or(|name| name.to_string_lossy() != input.name));
            match input.sha256.filter(|_| !candidates.is_empty()) {
                Some(digest) => found.push((candidates, digest)),
                None => missing.push(number),
            }
        }
        let spool_dir = spool_dir.map(Path::to_path_buf);
        if missing.is_empty() { Ok(Found { inputs: found, spool_dir }) } else { Err(missing) }
    }
}

fn sha256(path: &Path) -> io::Result<[u8; 32]> {
    let (mut file, mut hasher) = (File::open(path)?, Sha256::new());
    let mut buffer = vec![0; BUFFER];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finalize().into()),
            read => hasher.update(buffer.get(..read).unwrap_or_default()),
        }
    }
}

// Rationale: large enough to make system calls rare.
const BUFFER: usize = 1 << 20;
